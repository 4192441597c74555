//! An INVITE that begins a call: trunk, budget, facts, screening, and what the verdict asks for.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use call_model::{
    CallEvent, CallId, CallRecord, Called, Cause, DecisionRecord, Emergency, Ending, Facts, Outcome,
    RefusedPacket,
};
use routing::{Directory, Hunt, Strangers, Trunk};
use screening::{Admission, BudgetHold, BudgetRefusal, Screening, TrunkBudget, screen};
use sip_dialog::Dialog;
use sip_message::{HeaderName, Message, standard_reason};
use sip_transaction::{Branch, Flow, ServerId};
use smallvec::SmallVec;

use crate::call::{Call, Leg, PendingInvite, Phase, TimerKind};
use crate::calls::CallKey;
use crate::core::Shard;
use crate::dispatch::{Owner, Role};
use crate::facts;
use crate::io::{Edge, Now};
use crate::names::{self, CALLER};

/// An INVITE on its way to becoming a call.
struct Offer<'m, 'a> {
    invite: &'m Message<'a>,
    flow: Flow,
    id: CallId,
    key: CallKey,
    server: ServerId,
    directory: Arc<Directory>,
    /// When it came, on the clock that is for measuring only.
    began: Duration,
}

/// A refusal before the call came to be.
struct Refusal {
    cause: Cause,
    /// Where the request itself is at fault: the status, and lines that go with it. The policy table decides else.
    status: Option<(u16, Vec<u8>)>,
    /// Seconds.
    retry_after: u64,
}

/// What is known of a call that is refused.
enum Known {
    Facts(Box<Facts>),
    Decision(Box<DecisionRecord>),
}

impl Shard {
    pub(crate) fn on_invite(&mut self, now: Now, invite: &Message<'_>, flow: &Flow, edge: &mut impl Edge) {
        let id = CallId::new(now.unix_ms, self.settings.shard, self.mint.draw() as u32);
        let directory = Arc::clone(&self.snapshot.directory);
        let trunk = directory.trunk_of(flow.remote.ip());
        if trunk.is_none() && directory.strangers == Strangers::Drop {
            edge.event(CallEvent::PacketRefused(RefusedPacket {
                cause: "stranger",
                status: None,
            }));
            return;
        }
        if trunk.is_none() && self.strangers.admit(&STRANGERS_RECORDED, now.at).is_err() {
            self.answer_at_once(invite, flow, 403, b"", edge);
            edge.event(CallEvent::PacketRefused(RefusedPacket {
                cause: "stranger",
                status: Some(403),
            }));
            return;
        }
        let full = self.calls.len() >= directory.switch.calls_at_once_max as usize;
        if (self.draining || full || !edge.has_room()) && !is_emergency(invite, &directory, trunk) {
            self.refuse_unrecorded(invite, flow, id, edge);
            return;
        }
        let key = self.calls.reserve();
        let Some(server) = self.accept(
            now,
            invite,
            flow,
            Owner {
                call: key,
                role: Role::CallerInvite,
            },
        ) else {
            self.calls.release(key);
            self.refuse_unrecorded(invite, flow, id, edge);
            return;
        };
        edge.event(CallEvent::Offered);
        let facts = facts::read(now, invite, flow, &directory, trunk);
        let offer = Offer {
            began: edge.stopwatch(),
            invite,
            flow: *flow,
            id,
            key,
            server,
            directory: Arc::clone(&directory),
        };
        let refusal = match self.within_budget(now, trunk, &facts) {
            // A stranger is refused as one, whatever else is wrong with the request.
            Ok(hold) => match self.protocol_fault(invite).filter(|_| trunk.is_some()) {
                None => return self.screen_call(now, &offer, facts, hold, edge),
                Some(refusal) => refusal,
            },
            Err(refusal) => refusal,
        };
        self.refuse(now, &offer, refusal, Known::Facts(Box::new(facts)), edge);
    }

    /// Emergency calls skip every cap.
    fn within_budget(
        &self,
        now: Now,
        trunk: Option<&Trunk>,
        facts: &Facts,
    ) -> Result<Option<BudgetHold>, Refusal> {
        let Some(trunk) = trunk.filter(|_| facts.emergency.is_none()) else {
            return Ok(None);
        };
        self.snapshot.admit(trunk, now.at).map_err(|refused| {
            let retry_after = match refused {
                BudgetRefusal::Rate { retry_after } => retry_after.as_secs() + 1,
                BudgetRefusal::Concurrency => 1,
            };
            Refusal {
                cause: refused.cause(),
                status: None,
                retry_after,
            }
        })
    }

    /// What is wrong with the request itself, beyond its syntax.
    fn protocol_fault(&self, invite: &Message<'_>) -> Option<Refusal> {
        let refusal = |cause, status, lines| {
            Some(Refusal {
                cause,
                status: Some((status, lines)),
                retry_after: 0,
            })
        };
        if invite.max_forwards() == Ok(Some(0)) {
            return refusal(Cause::TooManyHops, 483, Vec::new());
        }
        if self.has_been_here(invite) {
            return refusal(Cause::Loop, 482, Vec::new());
        }
        let required: Vec<&[u8]> = invite.require().collect();
        if !required.is_empty() {
            let line = [b"Unsupported: ", required.join(&b", "[..]).as_slice(), b"\r\n"].concat();
            return refusal(Cause::Malformed, 420, line);
        }
        if !matches!(invite.contacts().next(), Some(Ok(_))) {
            return refusal(Cause::Malformed, 400, Vec::new());
        }
        None
    }

    /// Whether this very request has passed through us before: a Via of ours with the same Request-URI in its branch
    /// (RFC 3261 §16.3 item 4). With another Request-URI it is a spiral, which is no fault.
    fn has_been_here(&self, invite: &Message<'_>) -> bool {
        let mark = loop_hash(invite.request_uri());
        invite
            .vias()
            .filter_map(Result::ok)
            .filter_map(|via| via.branch)
            .any(|branch| Branch::loop_hash_of(branch, self.settings.node) == Some(mark))
    }

    fn screen_call(
        &mut self,
        now: Now,
        offer: &Offer<'_, '_>,
        facts: Facts,
        hold: Option<BudgetHold>,
        edge: &mut impl Edge,
    ) {
        let began = edge.stopwatch();
        let subject = offer.directory.subject_of(&facts);
        let Screening { record, admission } = screen(facts, &subject, &self.windows);
        let took = edge.stopwatch().saturating_sub(began);
        edge.event(CallEvent::Screened {
            treatment: record.verdict.treatment,
            took,
        });
        let decision = Box::new(record);
        if let Admission::Reject(cause) = admission {
            let refusal = Refusal {
                cause,
                status: None,
                retry_after: 0,
            };
            return self.refuse(now, offer, refusal, Known::Decision(decision), edge);
        }
        let tag = self.mint.tag(offer.key, CALLER);
        let dialog = match Dialog::answering(offer.invite, &tag) {
            Ok(dialog) => dialog,
            Err(_) => {
                let refusal = Refusal {
                    cause: Cause::Malformed,
                    status: Some((400, Vec::new())),
                    retry_after: 0,
                };
                return self.refuse(now, offer, refusal, Known::Decision(decision), edge);
            }
        };
        self.answer(now, offer.server, offer.invite, &offer.flow, 100, b"", edge);
        let reply_head = self.reply_head(offer.invite, Some(&tag), &offer.flow);
        let mut call = offer.make_call(now, dialog, reply_head, decision, hold);
        let setup_max = now.at + offer.directory.switch.setup_max;
        self.set_timer(&mut call, TimerKind::Setup, setup_max);
        match admission {
            Admission::Pass(screened) => match self.anchor_as_planned(now, &mut call) {
                Ok(()) => {
                    call.screened = Some(screened);
                    call.hunt = call.first_hunt();
                    self.ring_next(now, &mut call, Some(offer.invite), edge);
                }
                Err(cause) => self.refuse_unspeakable(now, &mut call, cause, edge),
            },
            Admission::Challenge(challenged) => self.begin_challenge(now, &mut call, challenged, edge),
            Admission::Announce => self.announce_fallback(now, &mut call, Cause::Announced, edge),
            Admission::Reject(_) => {}
        }
        self.settle(call);
    }

    fn refuse(
        &mut self,
        now: Now,
        offer: &Offer<'_, '_>,
        refusal: Refusal,
        known: Known,
        edge: &mut impl Edge,
    ) {
        let (status, reason, lines) = match refusal.status {
            Some((status, lines)) => (status, standard_reason(status), lines),
            None => self.refusal(refusal.cause, offer.id, refusal.retry_after),
        };
        let head = self.reply_head(offer.invite, Some(&self.refusal_tag(offer)), &offer.flow);
        self.respond_with_head(
            now,
            offer.server,
            status,
            reason.as_bytes(),
            &head,
            &lines,
            b"",
            edge,
        );
        let (facts, decision) = match known {
            Known::Facts(facts) => (*facts, None),
            Known::Decision(decision) => (decision.facts.clone(), Some(decision)),
        };
        let record = CallRecord {
            id: offer.id,
            sip_call_id: facts::text_up_to(offer.invite.call_id().unwrap_or_default(), 128),
            trunk: facts.trunk,
            source: facts.source,
            caller: facts.caller,
            called: facts.called,
            tenant: facts.tenant,
            plan: None,
            offered_ms: now.unix_ms,
            ringing_ms: None,
            answered_ms: None,
            connected_ms: None,
            ended_ms: now.unix_ms,
            legs: Vec::new(),
            challenge: None,
            outcome: Outcome {
                ending: Ending::Refused,
                status,
                cause: refusal.cause,
                fault: refusal.cause.fault(),
                hung_up_by: None,
            },
            decision,
        };
        self.calls.release(offer.key);
        edge.event(CallEvent::Ended(Box::new(record)));
    }

    /// Refuses with 503 before there is a call: its record might not find room, or we are at a limit of ours.
    fn refuse_unrecorded(&mut self, invite: &Message<'_>, flow: &Flow, id: CallId, edge: &mut impl Edge) {
        self.answer_at_once(invite, flow, 503, b"Retry-After: 1\r\n", edge);
        edge.event(CallEvent::RefusedUnrecorded { id });
    }

    fn refusal_tag(&self, offer: &Offer<'_, '_>) -> [u8; 16] {
        offer.id.text()
    }
}

impl Offer<'_, '_> {
    fn make_call(
        &self,
        now: Now,
        dialog: Dialog,
        reply_head: Box<[u8]>,
        decision: Box<DecisionRecord>,
        hold: Option<BudgetHold>,
    ) -> Box<Call> {
        let plan = decision
            .facts
            .called
            .number()
            .and_then(|did| self.directory.number(did))
            .and_then(|did| did.plan);
        Box::new(Call {
            key: self.key,
            id: self.id,
            offered_at: now.at,
            began: self.began,
            offered_ms: now.unix_ms,
            ringing_ms: None,
            answered_ms: None,
            connected_ms: None,
            directory: Arc::clone(&self.directory),
            hold,
            decision,
            plan,
            caller: Leg {
                dialog,
                flow: self.flow,
                resend: None,
                acked: None,
            },
            offered_sdp: !self.invite.body().is_empty(),
            pending: Some(Box::new(PendingInvite {
                server: self.server,
                reply_head,
                record_route: lines_of(self.invite, HeaderName::RecordRoute),
                cseq: self.invite.cseq().map_or(0, |cseq| cseq.number),
            })),
            invite: Some(self.invite.bytes().into()),
            phase: Phase::Ringing,
            hunt: None,
            attempts: SmallVec::new(),
            failure: None,
            relays: Vec::new(),
            ack_owed: None,
            described_by: None,
            anchor: None,
            challenge: None,
            timers: SmallVec::new(),
            screened: None,
            recorded: false,
        })
    }
}

/// Whether the call is to an emergency service: no cap of ours refuses it.
fn is_emergency(invite: &Message<'_>, directory: &Directory, trunk: Option<&Trunk>) -> bool {
    trunk.is_some_and(|trunk| {
        matches!(
            facts::called(invite, directory, &trunk.dialling),
            Called::Emergency(_)
        )
    })
}

impl Call {
    /// Where a call goes that screening lets through: an emergency call to the emergency destination, any other to
    /// the plan of its number. Absent where there is nowhere to go.
    pub(crate) fn first_hunt(&self) -> Option<Box<Hunt>> {
        let facts = &self.decision.facts;
        if facts.emergency == Some(Emergency::Call) || matches!(facts.called, Called::Emergency(_)) {
            return self
                .directory
                .emergency
                .destination
                .as_ref()
                .map(|to| Box::new(Hunt::to(to)));
        }
        self.plan.map(|plan| Box::new(Hunt::new(plan)))
    }
}

/// All lines of a header, as they came.
fn lines_of(message: &Message<'_>, name: HeaderName) -> Box<[u8]> {
    let mut lines = Vec::new();
    for header in message.all(name) {
        lines.extend_from_slice(header.line);
    }
    lines.into()
}

/// Of strangers' calls so many per second get a record and a transaction of their own; beyond it they get their 403 and
/// are counted, since strangers must not use up what carriers need.
const STRANGERS_RECORDED: TrunkBudget = TrunkBudget {
    calls_per_second: NonZeroU32::new(10),
    burst: NonZeroU32::new(50),
    calls_at_once: None,
};

/// Marks a Request-URI in the branches of what we send on its behalf.
pub(crate) fn loop_hash(request_uri: &[u8]) -> u32 {
    let hash = names::fnv(request_uri);
    (hash ^ (hash >> 32)) as u32
}
