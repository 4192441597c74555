//! What one side may learn of the other: identities and marks that a peer is not trusted for stay here.

use sip_message::{HeaderName, Message, NameAddr};

use crate::call::Call;
use crate::names::{CALLER, LegNumber};

/// Which headers of a message are kept from the other leg (RFC 3325 §5, RFC 3323, RFC 7090). The same for every
/// message of a call, not for its INVITE alone.
#[derive(Clone, Copy)]
pub(crate) struct Withheld {
    identity: bool,
    emergency_marks: bool,
}

impl Withheld {
    /// For a message that came from this leg.
    pub(crate) fn of(call: &Call, from: LegNumber, message: &Message<'_>) -> Self {
        if from != CALLER {
            // Who answers is nobody's business but the tenant's: what agents' phones assert stays inside.
            return Self {
                identity: true,
                emergency_marks: true,
            };
        }
        let trunk = call.decision.facts.trunk.as_ref();
        let trunk = trunk.and_then(|name| call.directory.trunk_named(name.as_str()));
        let hidden = message.privacy().any(|word| !word.eq_ignore_ascii_case(b"none"));
        Self {
            identity: hidden || !trunk.is_some_and(|trunk| trunk.trust_identity),
            emergency_marks: !trunk.is_some_and(|trunk| trunk.emergency_marks),
        }
    }

    /// Whether this header is withheld. Of Priority only `psap-callback` is a mark that must be trusted.
    pub(crate) fn header(self, name: HeaderName, message: &Message<'_>) -> bool {
        let is_identity = matches!(
            name,
            HeaderName::PAssertedIdentity | HeaderName::PPreferredIdentity | HeaderName::RemotePartyId
        );
        let is_call_back = || {
            let value = message.value(HeaderName::Priority);
            value.is_some_and(|value| value.eq_ignore_ascii_case(b"psap-callback"))
        };
        (is_identity && self.identity)
            || (self.emergency_marks && name == HeaderName::ResourcePriority)
            || (self.emergency_marks && name == HeaderName::Priority && is_call_back())
    }
}

/// The user part of the identity that was screened, without its parameters: `verstat` and its like are ours to set.
pub(crate) fn user_of<'a>(identity: &NameAddr<'a>) -> Option<&'a [u8]> {
    let uri = identity.uri().ok()?;
    let user = uri.user?;
    user.split(|byte| *byte == b';')
        .next()
        .filter(|user| !user.is_empty())
}
