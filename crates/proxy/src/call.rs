//! One call and its legs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use call_model::{CallId, ChallengeOutcome, DecisionRecord, E164, LegRecord, TenantName};
use media::{Captcha, MediaId, Peer};
use routing::{Directory, Hunt, PlanId};
use screening::{BudgetHold, Challenged, Screened};
use sip_dialog::{Dialog, Resend};
use sip_transaction::{ClientId, Flow, ServerId, TimerKey};
use smallvec::SmallVec;

use crate::calls::CallKey;
use crate::names::LegNumber;

/// A call: the caller's leg, the agents', and where it stands.
pub(crate) struct Call {
    pub(crate) key: CallKey,
    pub(crate) id: CallId,
    pub(crate) offered_at: Instant,
    /// The same on the clock that is for measuring only.
    pub(crate) began: Duration,
    pub(crate) offered_ms: u64,
    pub(crate) ringing_ms: Option<u64>,
    pub(crate) answered_ms: Option<u64>,
    pub(crate) connected_ms: Option<u64>,
    /// The directory that the call began with.
    pub(crate) directory: Arc<Directory>,
    /// Frees the trunk's budget when it is dropped.
    pub(crate) hold: Option<BudgetHold>,
    pub(crate) decision: Box<DecisionRecord>,
    pub(crate) plan: Option<PlanId>,
    pub(crate) caller: Leg,
    /// The caller's INVITE, until its final response.
    pub(crate) pending: Option<Box<PendingInvite>>,
    /// The INVITE as it came, for the agents that are still to be rung.
    pub(crate) invite: Option<Box<[u8]>>,
    /// Whether the caller's INVITE had an offer; where not, the offer is in our 2xx and the answer in the ACK.
    pub(crate) offered_sdp: bool,
    pub(crate) phase: Phase,
    pub(crate) hunt: Option<Box<Hunt>>,
    /// The agents rung, in order. They stay until the call is over: whoever was given up may still answer.
    pub(crate) attempts: SmallVec<[Box<Attempt>; 1]>,
    /// The best failure among the agents rung so far.
    pub(crate) failure: Option<Failure>,
    pub(crate) relays: Vec<Relay>,
    /// The agent's 2xx that waits for the caller's ACK, as the answer is in it.
    pub(crate) ack_owed: Option<AckOwed>,
    /// Whose description the caller has in the early dialog: that of this agent's leg, or ours (0).
    pub(crate) described_by: Option<LegNumber>,
    pub(crate) anchor: Option<Box<Anchor>>,
    pub(crate) challenge: Option<ChallengeOutcome>,
    pub(crate) timers: SmallVec<[SetTimer; 3]>,
    /// The proof that screening let the call through; nothing is forwarded without one.
    pub(crate) screened: Option<Screened>,
    /// Whether the record has been written.
    pub(crate) recorded: bool,
}

/// Where a call stands.
pub(crate) enum Phase {
    /// Agents ring, or are about to.
    Ringing,
    /// The caller is asked for a key.
    Challenge(Box<Challenge>),
    /// Caller and agent talk.
    Connected {
        /// Which attempt.
        agent: LegNumber,
    },
    /// The caller hears an announcement, then it ends.
    Announcing(Box<Announcing>),
    /// The record is written; what remains are transactions that must end properly.
    Over,
}

/// A challenge under way.
pub(crate) struct Challenge {
    pub(crate) captcha: Captcha,
    /// Becomes a [`Screened`] when the caller passes.
    pub(crate) challenged: Challenged,
    /// Tells one playing from the next.
    pub(crate) token: u32,
    /// Whom to remember, and for whom.
    pub(crate) caller: Option<E164>,
    pub(crate) tenant: Option<TenantName>,
}

/// An announcement before the end.
pub(crate) struct Announcing {
    pub(crate) prompt: Arc<str>,
    pub(crate) end: call_model::Outcome,
    /// Whether it has begun to play.
    pub(crate) playing: bool,
}

/// A side of the call as a dialog, with the way to reach it.
pub(crate) struct Leg {
    pub(crate) dialog: Dialog,
    pub(crate) flow: Flow,
    /// A 2xx of ours that waits for its ACK.
    pub(crate) resend: Option<Box<Resend>>,
    /// The CSeq of the INVITE of ours that was last acknowledged, and the body of that ACK: a 2xx that comes again
    /// gets the same ACK.
    pub(crate) acked: Option<(u32, Option<Box<[u8]>>)>,
}

/// What is needed to answer the caller's INVITE.
pub(crate) struct PendingInvite {
    pub(crate) server: ServerId,
    /// Via, From, To with our tag, Call-ID, CSeq: the same in every response with a tag.
    pub(crate) reply_head: Box<[u8]>,
    /// The Record-Route lines of the INVITE, which a response that makes a dialog repeats (RFC 3261 §12.1.1).
    pub(crate) record_route: Box<[u8]>,
    pub(crate) cseq: u32,
}

/// One agent being rung.
pub(crate) struct Attempt {
    pub(crate) number: LegNumber,
    pub(crate) leg: Leg,
    pub(crate) client: ClientId,
    pub(crate) state: AttemptState,
    pub(crate) record: LegRecord,
}

/// Where an attempt stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AttemptState {
    /// Nothing came yet.
    Calling,
    /// A provisional came.
    Proceeding,
    /// Given up: a CANCEL was sent, or will be once a provisional comes.
    GivenUp,
    /// The agent answered.
    Answered,
    /// A final failure came, or nothing more can come.
    Done,
}

/// The failure that the caller is told when no agent answers.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) status: u16,
    pub(crate) reason: Box<[u8]>,
    /// Header lines that go with it, such as Reason.
    pub(crate) lines: Box<[u8]>,
}

/// A request within the call that was passed to the other side and waits for the response.
pub(crate) struct Relay {
    /// The leg that asked.
    pub(crate) from: LegNumber,
    pub(crate) server: ServerId,
    pub(crate) client: ClientId,
    pub(crate) reply_head: Box<[u8]>,
    /// For a re-INVITE: its CSeq towards the other side, and whether it had an offer.
    pub(crate) invite: Option<RelayedInvite>,
}

/// What must be remembered of a re-INVITE that is passed on.
#[derive(Clone, Copy)]
pub(crate) struct RelayedInvite {
    pub(crate) cseq_in: u32,
    pub(crate) cseq_out: u32,
    pub(crate) has_offer: bool,
}

/// An ACK that we owe a leg once the other side's ACK brings the answer.
#[derive(Clone, Copy)]
pub(crate) struct AckOwed {
    pub(crate) to: LegNumber,
    pub(crate) cseq: u32,
}

/// Audio that passes through the switch.
pub(crate) struct Anchor {
    pub(crate) id: MediaId,
    pub(crate) caller: AnchorSide,
    pub(crate) agent: AnchorSide,
    pub(crate) bridged: bool,
}

/// Our end of one side's audio.
pub(crate) struct AnchorSide {
    pub(crate) port: u16,
    /// Version of the description that this side was sent last, and a digest of it.
    pub(crate) version: u64,
    pub(crate) sent: u64,
    pub(crate) peer: Peer,
    /// Whether the media threads were told to bind the port.
    pub(crate) open: bool,
}

/// A timer of a call that is set.
#[derive(Clone, Copy)]
pub(crate) struct SetTimer {
    pub(crate) kind: TimerKind,
    /// Tells it from one of the same kind that was set before, and is due at the same moment.
    pub(crate) stamp: u32,
    pub(crate) key: TimerKey,
}

/// Why a call wants to be woken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TimerKind {
    /// The ring time of the agents that are rung is over.
    RingTime,
    /// The agent gives no sign of life.
    Silence,
    /// A 2xx of ours on a leg is to be sent again.
    Resend(LegNumber),
    /// The captcha's deadline.
    Captcha,
    /// The caller has waited long enough over all agents.
    Setup,
    /// The longest permitted duration.
    Duration,
    /// An announcement that never ends.
    Announcement,
}

impl Call {
    pub(crate) fn attempt(&mut self, number: LegNumber) -> Option<&mut Attempt> {
        self.attempts
            .iter_mut()
            .find(|attempt| attempt.number == number)
            .map(|attempt| &mut **attempt)
    }

    /// A leg by its number.
    pub(crate) fn leg(&mut self, number: LegNumber) -> Option<&mut Leg> {
        if number == crate::names::CALLER {
            return Some(&mut self.caller);
        }
        self.attempt(number).map(|attempt| &mut attempt.leg)
    }

    /// The leg that talks with this one; absent where the two are not connected.
    pub(crate) fn other(&self, number: LegNumber) -> Option<LegNumber> {
        match self.phase {
            Phase::Connected { agent } if number == crate::names::CALLER => Some(agent),
            Phase::Connected { agent } if number == agent => Some(crate::names::CALLER),
            Phase::Connected { .. }
            | Phase::Ringing
            | Phase::Challenge(_)
            | Phase::Announcing(_)
            | Phase::Over => None,
        }
    }

    /// Whether the caller's INVITE has had its final response.
    pub(crate) fn is_answered(&self) -> bool {
        self.answered_ms.is_some()
    }
}
