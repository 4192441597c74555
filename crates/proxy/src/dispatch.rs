//! From a message to the transaction, dialog or call that it belongs to.

use routing::Strangers;
use sip_message::{HeaderName, Message, Method, ParseError};
use sip_transaction::{Branch, ClientId, Flow, Received, ServerId, Timeout, TimeoutKind, Transport};

use call_model::{CallEvent, RefusedPacket};

use crate::calls::CallKey;
use crate::core::Shard;
use crate::io::{Edge, Now};
use crate::names::{self, LegNumber};

/// Whom a transaction belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Owner {
    pub(crate) call: CallKey,
    pub(crate) role: Role,
}

/// What a transaction is to its call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    /// The caller's INVITE.
    CallerInvite,
    /// Our INVITE to an agent.
    AgentInvite(LegNumber),
    /// A request within a call, passed to this leg; its response goes to the other.
    Relayed(LegNumber),
    /// A request within a call that the other side has to answer.
    Waiting,
    /// A BYE of ours: the switch does not end while one is unanswered.
    HangUp,
    /// Nobody waits for the outcome: whatever was answered at once.
    Nobody,
}

impl Owner {
    /// A BYE of ours.
    pub(crate) const HANG_UP: Self = Self {
        call: CallKey::NONE,
        role: Role::HangUp,
    };

    /// A transaction that no call waits for.
    pub(crate) const NOBODY: Self = Self {
        call: CallKey::NONE,
        role: Role::Nobody,
    };
}

impl Shard {
    pub(crate) fn on_message(&mut self, now: Now, message: &Message<'_>, flow: &Flow, edge: &mut impl Edge) {
        let home = self.home_of(message);
        if home != self.settings.shard {
            edge.hand_over(home, flow, message.bytes());
            return;
        }
        if let Err(fault) = message.check_mandatory() {
            let status = self.refuse_packet(message, flow, fault, edge);
            edge.event(CallEvent::PacketRefused(RefusedPacket {
                cause: fault.cause(),
                status,
            }));
            return;
        }
        let flow = &self.reply_flow(message, flow);
        match self.transactions.receive(now.at, message, edge) {
            Received::Absorbed | Received::StrayResponse | Received::Malformed => {}
            Received::NewRequest => self.on_request(now, message, flow, edge),
            Received::Cancel { invite, owner } => self.on_cancel(now, message, flow, invite, owner, edge),
            Received::AckFor2xx { .. } => self.on_ack(now, message, edge),
            Received::Response { id, owner } => self.on_response(now, message, id, owner, edge),
        }
    }

    /// The shard that a message belongs to. A message of ours that comes back names it, in its branch or Call-ID; an
    /// initial request belongs to the shard that its Call-ID hashes to.
    fn home_of(&self, message: &Message<'_>) -> u8 {
        let (own, shards) = (self.settings.shard, self.settings.shards);
        if shards == 1 {
            return own;
        }
        let named = if message.is_request() {
            let Ok(call_id) = message.call_id() else {
                return own;
            };
            names::shard_of_call_id(call_id, self.settings.node)
                .or_else(|| Some(names::shard_by_hash(call_id, shards)))
        } else {
            let branch = message.top_via().ok().and_then(|via| via.branch);
            branch.and_then(|branch| Branch::shard_of(branch, self.settings.node))
        };
        named.filter(|shard| *shard < shards).unwrap_or(own)
    }

    /// Where the response to a request goes: over a stream the way it came; as a datagram to the source, at the port
    /// that the top Via names unless it asks for the source port (RFC 3261 §18.2.2, RFC 3581 §4).
    fn reply_flow(&self, message: &Message<'_>, flow: &Flow) -> Flow {
        let mut flow = *flow;
        if message.is_request()
            && flow.transport == Transport::Udp
            && let Ok(via) = message.top_via()
            && via.rport.is_none()
        {
            flow.remote.set_port(via.port.unwrap_or(5060));
        }
        flow
    }

    fn on_request(&mut self, now: Now, request: &Message<'_>, flow: &Flow, edge: &mut impl Edge) {
        let in_dialog = request.to().is_ok_and(|to| to.tag().is_some());
        if !in_dialog && request.method() != Method::Invite && self.is_to_hear_nothing(flow) {
            edge.event(CallEvent::PacketRefused(RefusedPacket {
                cause: "stranger",
                status: None,
            }));
            return;
        }
        match request.method() {
            Method::Ack => self.on_ack(now, request, edge),
            // It matched no INVITE, or it would not have come here.
            Method::Cancel => self.answer_at_once(request, flow, 481, b"", edge),
            _ if in_dialog => self.on_request_in_dialog(now, request, flow, edge),
            Method::Invite => self.on_invite(now, request, flow, edge),
            Method::Options => self.answer_options(request, flow, edge),
            Method::Bye | Method::Prack | Method::Update | Method::Info => {
                self.answer_at_once(request, flow, 481, b"", edge);
            }
            Method::Register
            | Method::Subscribe
            | Method::Notify
            | Method::Refer
            | Method::Message
            | Method::Publish => {
                self.answer_at_once(request, flow, 405, ALLOW, edge);
            }
            Method::Other(_) => self.answer_at_once(request, flow, 501, ALLOW, edge),
        }
    }

    fn on_response(
        &mut self,
        now: Now,
        response: &Message<'_>,
        id: ClientId,
        owner: Owner,
        edge: &mut impl Edge,
    ) {
        let mut awaited = false;
        if owner.role == Role::HangUp && response.status().is_some_and(|status| status >= 200) {
            self.hang_ups = self.hang_ups.saturating_sub(1);
        }
        self.with_call(owner.call, |shard, call| match owner.role {
            Role::AgentInvite(number) => {
                awaited = true;
                shard.on_agent_response(now, call, number, response, edge);
            }
            Role::Relayed(number) => {
                awaited = call.relays.iter().any(|relay| relay.client == id);
                shard.on_relayed_response(now, call, number, id, response, edge);
            }
            Role::CallerInvite | Role::Waiting | Role::HangUp | Role::Nobody => {}
        });
        // An INVITE of ours that nobody waits for any more must not ring for ever. Others cannot be cancelled.
        if !awaited && response.status().is_some_and(|status| status < 200) {
            let _ = self.transactions.cancel(now.at, id, b"", edge);
        }
    }

    pub(crate) fn on_transaction_timeout(
        &mut self,
        now: Now,
        timeout: &Timeout<Owner>,
        edge: &mut impl Edge,
    ) {
        let (owner, id) = (timeout.owner, timeout.id);
        match timeout.kind {
            TimeoutKind::ClientTimeout | TimeoutKind::TransportFailed => {
                self.with_call(owner.call, |shard, call| match owner.role {
                    Role::AgentInvite(number) => shard.on_agent_silent(now, call, number, edge),
                    Role::Relayed(number) => shard.on_relayed_silent(now, call, number, id, edge),
                    Role::CallerInvite | Role::Waiting | Role::HangUp | Role::Nobody => {}
                });
                if owner.role == Role::HangUp {
                    self.hang_ups = self.hang_ups.saturating_sub(1);
                }
            }
            // A failure that was never acknowledged, or a request that the other side never answered: its sender has
            // given up by then, and the call goes on or is over without it. A 100 was sent at once.
            TimeoutKind::ServerGone | TimeoutKind::Unanswered | TimeoutKind::TryingDue => {}
        }
    }

    /// Whether a source is neither trunk nor agent, and strangers get no answer.
    pub(crate) fn is_to_hear_nothing(&self, flow: &Flow) -> bool {
        let directory = &self.snapshot.directory;
        let source = flow.remote.ip();
        directory.strangers == Strangers::Drop
            && directory.trunk_of(source).is_none()
            && directory
                .agents()
                .iter()
                .all(|agent| agent.address.ip() != source)
    }

    /// Answers a request that could not be understood, where it says enough to be answered.
    pub(crate) fn refuse_packet(
        &mut self,
        request: &Message<'_>,
        flow: &Flow,
        fault: ParseError,
        edge: &mut impl Edge,
    ) -> Option<u16> {
        let answerable = request.is_request()
            && request.method() != Method::Ack
            && request.top_via().is_ok()
            && request.header(HeaderName::From).is_some()
            && request.header(HeaderName::To).is_some()
            && request.header(HeaderName::CallId).is_some()
            && request.header(HeaderName::CSeq).is_some();
        if !answerable || self.is_to_hear_nothing(flow) {
            return None;
        }
        let flow = &self.reply_flow(request, flow);
        self.answer_at_once(request, flow, fault.status(), b"", edge);
        Some(fault.status())
    }

    /// Accepts a request as a server transaction of nobody's; absent where the table is full.
    pub(crate) fn accept(
        &mut self,
        now: Now,
        request: &Message<'_>,
        flow: &Flow,
        owner: Owner,
    ) -> Option<ServerId> {
        self.transactions.accept(now.at, request, flow, owner).ok()
    }
}

/// What we understand, as a whole header line.
pub(crate) const ALLOW: &[u8] = b"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE\r\n";
