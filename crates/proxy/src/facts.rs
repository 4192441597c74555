//! What an INVITE shows, cleaned of what its sender is not trusted for.

use call_model::{Called, Caller, CallerSource, Emergency, Facts, RemovedHeader};
use routing::normalise::{self, Address};
use routing::{Dialling, Directory, Trunk};
use sip_message::{HeaderName, Message, NameAddr, Scheme, Uri};
use sip_transaction::Flow;

use crate::io::Now;

/// Texts of outsiders are kept up to this length.
const TEXT_BYTES_MAX: usize = 64;

/// Reads the facts of a call (steps 2 to 4 of the order in which an INVITE is treated).
pub(crate) fn read(
    now: Now,
    invite: &Message<'_>,
    flow: &Flow,
    directory: &Directory,
    trunk: Option<&Trunk>,
) -> Facts {
    let stranger = Dialling::default();
    let dialling = trunk.map_or(&stranger, |trunk| &trunk.dialling);
    let trusted = trunk.is_some_and(|trunk| trunk.trust_identity);
    let mut removed = Vec::new();
    if !trusted {
        for (header, name) in [
            (HeaderName::PAssertedIdentity, RemovedHeader::PAssertedIdentity),
            (HeaderName::PPreferredIdentity, RemovedHeader::PPreferredIdentity),
            (HeaderName::RemotePartyId, RemovedHeader::RemotePartyId),
        ] {
            if invite.header(header).is_some() {
                removed.push(name);
            }
        }
    }
    let from = invite.from().ok();
    let asserted = if trusted {
        invite.p_asserted_identities().next().and_then(Result::ok)
    } else {
        None
    };
    let (identity, caller_source) = match asserted {
        Some(asserted) => (Some(asserted), CallerSource::PAssertedIdentity),
        None => (from, CallerSource::From),
    };
    if !trusted && from.is_some_and(|from| has_verstat(&from)) {
        removed.push(RemovedHeader::Verstat);
    }
    let uri = identity.and_then(|identity| identity.uri().ok());
    let private = invite
        .privacy()
        .any(|word| word.eq_ignore_ascii_case(b"id") || word.eq_ignore_ascii_case(b"user"));
    let caller = match &uri {
        // A trusted peer may say who calls and that it is withheld: it is the callee who must not see it.
        Some(uri) if !private || trusted => normalise::caller(address(uri), dialling),
        Some(_) | None => Caller::Anonymous,
    };
    let called = called(invite, directory, dialling);
    let emergency = emergency(invite, &called, trunk, &mut removed);
    Facts {
        at_ms: now.unix_ms,
        trunk: trunk.map(|trunk| trunk.name.clone()),
        source: flow.remote.ip(),
        caller,
        caller_source,
        cnam: identity
            .and_then(|identity| identity.display_text().map(|name| text(&name)))
            .or_else(|| from.and_then(|from| from.display_text().map(|name| text(&name))))
            .filter(|name| !name.is_empty()),
        caller_domain: uri.as_ref().and_then(domain),
        called,
        number_state: None,
        tenant: None,
        emergency,
        attestation: None,
        user_agent: invite.value(HeaderName::UserAgent).map(text),
        removed,
    }
}

/// Who is called, by the Request-URI.
pub(crate) fn called(invite: &Message<'_>, directory: &Directory, dialling: &Dialling) -> Called {
    match Uri::parse(invite.request_uri()) {
        Ok(uri) => normalise::called(address(&uri), dialling, &directory.emergency),
        Err(_) => Called::Other(text(invite.request_uri())),
    }
}

/// A URI as the business rooms know it.
pub(crate) fn address<'a>(uri: &Uri<'a>) -> Address<'a> {
    match uri.kind() {
        Scheme::Sip | Scheme::Sips => Address::Sip {
            user: uri.user.unwrap_or_default(),
            host: host_bytes(uri),
        },
        Scheme::Tel => Address::Tel(uri.opaque),
        Scheme::Urn => Address::Urn(uri.opaque),
        Scheme::Other => Address::Other(uri.raw),
    }
}

/// Text of an outsider for records: at most 64 bytes, what is no UTF-8 replaced, control characters dropped.
pub(crate) fn text(bytes: &[u8]) -> Box<str> {
    text_up_to(bytes, TEXT_BYTES_MAX)
}

/// The same with another limit.
pub(crate) fn text_up_to(bytes: &[u8], most: usize) -> Box<str> {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(most)]);
    text.chars()
        .filter(|character| !character.is_control())
        .collect::<String>()
        .trim()
        .into()
}

fn host_bytes<'a>(uri: &Uri<'a>) -> &'a [u8] {
    match uri.host {
        Some(sip_message::Host::Name(name)) => name,
        Some(sip_message::Host::V4(_) | sip_message::Host::V6(_)) | None => b"",
    }
}

fn domain(uri: &Uri<'_>) -> Option<Box<str>> {
    match uri.host? {
        sip_message::Host::Name(name) => Some(text(&name.to_ascii_lowercase())),
        sip_message::Host::V4(address) => Some(address.to_string().into()),
        sip_message::Host::V6(address) => Some(address.to_string().into()),
    }
}

fn has_verstat(identity: &NameAddr<'_>) -> bool {
    contains(identity.uri, b";verstat=")
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len())
        .any(|window| window.eq_ignore_ascii_case(wanted))
}

fn emergency(
    invite: &Message<'_>,
    called: &Called,
    trunk: Option<&Trunk>,
    removed: &mut Vec<RemovedHeader>,
) -> Option<Emergency> {
    let believed = trunk.is_some_and(|trunk| trunk.emergency_marks);
    let call_back = invite
        .value(HeaderName::Priority)
        .is_some_and(|value| value.eq_ignore_ascii_case(b"psap-callback"));
    let priority = invite.header(HeaderName::ResourcePriority).is_some();
    if !believed {
        if call_back {
            removed.push(RemovedHeader::Priority);
        }
        if priority {
            removed.push(RemovedHeader::ResourcePriority);
        }
    }
    match called {
        Called::Emergency(_) => Some(Emergency::Call),
        Called::Number(_) | Called::Other(_) if believed && call_back => Some(Emergency::CallBack),
        Called::Number(_) | Called::Other(_) if believed && priority => Some(Emergency::Priority),
        Called::Number(_) | Called::Other(_) => None,
    }
}
