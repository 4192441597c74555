//! The INVITE to an agent: the caller's, copied, with what belongs to a leg replaced.

use call_model::{Caller, CallerSource, LegRecord};
use routing::{Agent, RingAgent};
use screening::Screened;
use sip_dialog::Dialog;
use sip_message::{HeaderName, Message, NameAddr, Writer};
use sip_transaction::{Kind, Outgoing};

use crate::admission::loop_hash;
use crate::call::{Attempt, AttemptState, Call, Leg};
use crate::core::Shard;
use crate::dispatch::{Owner, Role};
use crate::facts;
use crate::identity::{Withheld, user_of};
use crate::io::{Edge, Now};
use crate::names::{CALLER, LegNumber, Name};
use crate::respond;

impl Shard {
    /// Rings an agent. The proof of screening is asked for here, where a call leaves us.
    pub(crate) fn ring_agent(
        &mut self,
        now: Now,
        call: &mut Call,
        _screened: &Screened,
        ring: RingAgent,
        invite: &Message<'_>,
        edge: &mut impl Edge,
    ) {
        let directory = std::sync::Arc::clone(&call.directory);
        let Some(agent) = directory
            .agent(ring.agent)
            .filter(|_| call.attempts.len() < ATTEMPTS_MAX)
        else {
            return;
        };
        let number = call.next_leg_number();
        let transport = match agent.transport {
            routing::Transport::Udp => sip_transaction::Transport::Udp,
            routing::Transport::Tcp => sip_transaction::Transport::Tcp,
        };
        let flow = self.flow_to(transport, agent.address, None);
        let tag = self.mint.tag(call.key, number);
        let call_id = self.mint.call_id();
        let local = self.local_party(call, invite, &tag, &flow);
        let remote = [b"<", agent.uri.as_bytes(), b">"].concat();
        let dialog = Dialog::opening(&call_id, &local, &remote, agent.uri.as_bytes());
        let body = self.offer_to_agent(call, invite, edge);
        let Ok((client, branch)) = self.transactions.mint(loop_hash(invite.request_uri())) else {
            return;
        };
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        self.write_invite(
            &mut out,
            call,
            invite,
            agent,
            &dialog,
            &flow,
            branch.as_bytes(),
            body.as_deref(),
        );
        let owner = Owner {
            call: call.key,
            role: Role::AgentInvite(number),
        };
        let request = Outgoing {
            kind: Kind::Invite,
            flow,
            bytes: &out,
            owner,
        };
        self.transactions.start(now.at, client, request, edge);
        self.scratch = out;
        call.attempts.push(Box::new(Attempt {
            number,
            leg: Leg {
                dialog,
                flow,
                resend: None,
                acked: None,
            },
            client,
            state: AttemptState::Calling,
            record: LegRecord {
                destination: agent.name.as_str().into(),
                invited_ms: now.unix_ms,
                ringing_ms: None,
                answered_ms: None,
                ended_ms: None,
                status: 0,
            },
        }));
    }

    #[expect(clippy::too_many_arguments, reason = "an INVITE is made of these")]
    fn write_invite(
        &self,
        out: &mut Vec<u8>,
        call: &Call,
        invite: &Message<'_>,
        agent: &Agent,
        dialog: &Dialog,
        flow: &sip_transaction::Flow,
        branch: &[u8],
        body: Option<&[u8]>,
    ) {
        let hops = invite
            .max_forwards()
            .ok()
            .flatten()
            .unwrap_or(70)
            .saturating_sub(1);
        let withheld = Withheld::of(call, CALLER, invite);
        let skip = |name: HeaderName| {
            belongs_to_leg(name)
                || withheld.header(name, invite)
                || (body.is_some() && name == HeaderName::ContentType)
        };
        let mut writer = Writer::request(out, b"INVITE", agent.uri.as_bytes());
        writer.header(HeaderName::Via, &self.via(flow, branch));
        writer.header_number(HeaderName::MaxForwards, u64::from(hops));
        writer.header(HeaderName::From, dialog.local());
        writer.header(HeaderName::To, dialog.remote());
        writer.header(HeaderName::CallId, dialog.call_id());
        writer.header(HeaderName::CSeq, b"1 INVITE");
        writer.lines(&self.contact_line(flow));
        writer.lines(crate::dispatch::ALLOW);
        // Which number was dialled, as the Request-URI names the agent (RFC 7315 §4.2).
        if let Some(did) = call.decision.facts.called.number() {
            let did = did.in_full().to_string();
            let host = self.listening(flow).advertised.as_bytes();
            writer.raw_header(
                b"P-Called-Party-ID",
                &[b"<sip:", did.as_bytes(), b"@", host, b">"].concat(),
            );
        }
        writer.copy_except(invite, skip);
        match body {
            Some(body) => writer
                .header(HeaderName::ContentType, b"application/sdp")
                .body(body),
            None => writer.body(invite.body()),
        }
    }

    /// Our From towards the agent: the caller as cleaned, at our own host (the carrier's stays hidden).
    fn local_party(
        &self,
        call: &Call,
        invite: &Message<'_>,
        tag: &[u8],
        flow: &sip_transaction::Flow,
    ) -> Vec<u8> {
        let mut party = Vec::with_capacity(96);
        let host = self.listening(flow).advertised.as_bytes();
        let from = invite.from().ok();
        // The agent is shown the identity that was screened, not another one beside it.
        let identity = match call.decision.facts.caller_source {
            CallerSource::PAssertedIdentity => invite.p_asserted_identities().next().and_then(Result::ok),
            CallerSource::From => from,
        };
        let user: Name = match &call.decision.facts.caller {
            Caller::Number(number) => Name::from_slice(number.in_full().to_string().as_bytes()),
            Caller::Named(_) | Caller::Malformed(_) => identity
                .as_ref()
                .and_then(user_of)
                .map(Name::from_slice)
                .unwrap_or_default(),
            Caller::Anonymous => Name::new(),
        };
        let hidden = invite.privacy().any(|word| {
            [&b"id"[..], b"user", b"header"]
                .iter()
                .any(|wanted| word.eq_ignore_ascii_case(wanted))
        });
        if user.is_empty() || hidden {
            party.extend_from_slice(b"\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=");
            party.extend_from_slice(tag);
            return party;
        }
        if let Some(display) = identity
            .as_ref()
            .and_then(display_of)
            .or_else(|| from.as_ref().and_then(display_of))
        {
            party.push(b'"');
            party.extend_from_slice(display);
            party.extend_from_slice(b"\" ");
        }
        party.extend_from_slice(b"<sip:");
        party.extend_from_slice(&user);
        party.push(b'@');
        party.extend_from_slice(host);
        party.extend_from_slice(b">;tag=");
        party.extend_from_slice(tag);
        party
    }

    /// The product line for responses.
    pub(crate) fn server_line(&self) -> Vec<u8> {
        respond::product_line(HeaderName::Server, self.product())
    }
}

impl Call {
    /// Legs are numbered in the order rung.
    fn next_leg_number(&self) -> LegNumber {
        u8::try_from(self.attempts.len() + 1).unwrap_or(u8::MAX)
    }

    /// The text of the caller for records.
    pub(crate) fn sip_call_id(&self) -> Box<str> {
        facts::text_up_to(self.caller.dialog.call_id(), 128)
    }
}

/// The most agents that are rung for one call: their legs are numbered in a byte.
const ATTEMPTS_MAX: usize = 250;

/// Headers that mean something on one leg only: they are written anew, or left out.
pub(crate) fn belongs_to_leg(name: HeaderName) -> bool {
    matches!(
        name,
        HeaderName::Via
            | HeaderName::From
            | HeaderName::To
            | HeaderName::CallId
            | HeaderName::CSeq
            | HeaderName::Contact
            | HeaderName::Route
            | HeaderName::RecordRoute
            | HeaderName::MaxForwards
            | HeaderName::ContentLength
            | HeaderName::Require
            | HeaderName::ProxyRequire
            | HeaderName::Supported
            | HeaderName::Unsupported
            | HeaderName::Allow
            | HeaderName::Authorization
            | HeaderName::ProxyAuthorization
            | HeaderName::WwwAuthenticate
            | HeaderName::ProxyAuthenticate
            | HeaderName::SessionExpires
            | HeaderName::MinSe
            | HeaderName::RSeq
            | HeaderName::RAck
            | HeaderName::Path
            | HeaderName::Timestamp
            | HeaderName::Replaces
    )
}

/// A display name between quotes, as it came; what could end the quotes early is left out.
fn display_of<'a>(from: &NameAddr<'a>) -> Option<&'a [u8]> {
    let display = from.display?;
    let mut escaped = false;
    let safe = display.iter().all(|byte| {
        let was_escaped = escaped;
        escaped = *byte == b'\\' && !was_escaped;
        was_escaped || *byte != b'"'
    });
    (safe && !escaped && !display.is_empty()).then_some(display)
}
