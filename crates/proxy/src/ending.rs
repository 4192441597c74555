//! How calls end: CANCEL, BYE, time-outs, the stop of the switch; and the one record.

use call_model::{CallEvent, CallRecord, Cause, ChallengeOutcome, Ending, Outcome, Side};
use media::captcha::Input as CaptchaInput;
use sip_dialog::RequestHead;
use sip_message::{HeaderName, Message, standard_reason};
use sip_transaction::{Flow, Kind, Outgoing, ServerId};

use crate::call::{AttemptState, Call, Leg, Phase, TimerKind};
use crate::core::Shard;
use crate::dispatch::Owner;
use crate::io::{Edge, Now};
use crate::names::{CALLER, LegNumber};

impl Shard {
    /// A CANCEL for an INVITE of a caller's, or for a re-INVITE. It has no effect once the INVITE was answered
    /// (RFC 3261 §9.2).
    pub(crate) fn on_cancel(
        &mut self,
        now: Now,
        cancel: &Message<'_>,
        flow: &Flow,
        invite: ServerId,
        owner: Owner,
        edge: &mut impl Edge,
    ) {
        self.answer_at_once(cancel, flow, 200, b"", edge);
        let mut reason = Vec::new();
        for header in cancel.all(HeaderName::Reason) {
            reason.extend_from_slice(header.line);
        }
        self.with_call(owner.call, |shard, call| {
            if call
                .pending
                .as_ref()
                .is_some_and(|pending| pending.server == invite)
            {
                shard.refuse_caller(now, call, 487, standard_reason(487).as_bytes(), b"", edge);
                shard.cancel_attempts(now, call, &reason, edge);
                shard.end_call(now, call, cancelled(), edge);
            } else if let Some(at) = call.relays.iter().position(|relay| relay.server == invite) {
                let client = call.relays[at].client;
                let _ = shard.transactions.cancel(now.at, client, &reason, edge);
            }
        });
    }

    pub(crate) fn on_bye(
        &mut self,
        now: Now,
        call: &mut Call,
        number: LegNumber,
        bye: &Message<'_>,
        flow: &Flow,
        edge: &mut impl Edge,
    ) {
        match self.accept(now, bye, flow, Owner::NOBODY) {
            Some(server) => self.answer(now, server, bye, flow, 200, b"", edge),
            None => self.answer_at_once(bye, flow, 200, b"", edge),
        }
        let mut reason = Vec::new();
        for header in bye.all(HeaderName::Reason) {
            reason.extend_from_slice(header.line);
        }
        // Whoever hangs up waits for no more answers of ours.
        if let Some(leg) = call.leg(number) {
            leg.resend = None;
        }
        self.cancel_timer(call, TimerKind::Resend(number));
        let by = if number == CALLER {
            Side::Caller
        } else {
            Side::Callee
        };
        let outcome = match &call.phase {
            Phase::Over => return,
            Phase::Connected { agent } if number == CALLER || number == *agent => {
                let other = if number == CALLER { *agent } else { CALLER };
                self.end_open_relays(now, call, edge);
                self.send_bye_to(now, call, other, &reason, edge);
                Outcome {
                    ending: Ending::Answered,
                    status: 200,
                    cause: Cause::Normal,
                    fault: None,
                    hung_up_by: Some(by),
                }
            }
            Phase::Connected { .. } => return,
            Phase::Challenge(_) if number == CALLER => {
                let cause = Cause::ChallengeAbandoned;
                Outcome {
                    ending: Ending::Diverted,
                    status: 200,
                    cause,
                    fault: cause.fault(),
                    hung_up_by: Some(by),
                }
            }
            Phase::Announcing(announcing) if number == CALLER => Outcome {
                hung_up_by: Some(by),
                ..announcing.end
            },
            Phase::Ringing if number == CALLER => {
                self.refuse_caller(now, call, 487, standard_reason(487).as_bytes(), b"", edge);
                self.cancel_attempts(now, call, &reason, edge);
                // One whom we answered for a captcha has seen a 200.
                let status = if call.is_answered() { 200 } else { 487 };
                Outcome {
                    status,
                    ..cancelled()
                }
            }
            Phase::Challenge(_) | Phase::Announcing(_) | Phase::Ringing => return,
        };
        self.end_call(now, call, outcome, edge);
    }

    pub(crate) fn on_timer(&mut self, now: Now, call: &mut Call, kind: TimerKind, edge: &mut impl Edge) {
        match kind {
            TimerKind::Resend(number) => self.on_resend(now, call, number, edge),
            TimerKind::RingTime => self.on_ring_time(now, call, edge),
            TimerKind::Silence => self.on_silence(now, call, edge),
            TimerKind::Captcha => self.feed_captcha(now, call, CaptchaInput::Tick, edge),
            TimerKind::Announcement => self.end_announcement(now, call, edge),
            TimerKind::Setup => {
                call.hunt = None;
                self.on_ring_time(now, call, edge);
            }
            TimerKind::Duration => self.fail_call(now, call, Cause::TooLong, edge),
        }
    }

    /// Ends a call that cannot go on, whatever it was doing: everybody is told.
    pub(crate) fn fail_call(&mut self, now: Now, call: &mut Call, cause: Cause, edge: &mut impl Edge) {
        if matches!(call.phase, Phase::Over) {
            return;
        }
        let status = if cause == Cause::Stopped { 503 } else { 500 };
        let reason = format!("Reason: SIP;cause={status};text=\"{}\"\r\n", cause.as_str());
        self.end_open_relays(now, call, edge);
        self.cancel_attempts(now, call, reason.as_bytes(), edge);
        if let Phase::Connected { agent } = call.phase {
            self.send_bye_to(now, call, agent, reason.as_bytes(), edge);
        }
        let answered = call.is_answered();
        if answered {
            self.send_bye_to(now, call, CALLER, reason.as_bytes(), edge);
        } else {
            self.refuse_caller(now, call, status, standard_reason(status).as_bytes(), b"", edge);
        }
        let talked = call.connected_ms.is_some();
        let outcome = Outcome {
            ending: if talked { Ending::Answered } else { Ending::Failed },
            status: if answered { 200 } else { status },
            cause,
            fault: cause.fault(),
            hung_up_by: Some(Side::Switch),
        };
        self.end_call(now, call, outcome, edge);
    }

    /// Answers requests that the other side will never answer any more, and takes re-INVITEs back from it.
    fn end_open_relays(&mut self, now: Now, call: &mut Call, edge: &mut impl Edge) {
        for relay in std::mem::take(&mut call.relays) {
            let _ = self.transactions.cancel(now.at, relay.client, b"", edge);
            let reason = standard_reason(487).as_bytes();
            self.respond_with_head(now, relay.server, 487, reason, &relay.reply_head, b"", b"", edge);
        }
    }

    /// Writes the record and closes what is open. Transactions that must still end properly keep the call until then.
    pub(crate) fn end_call(&mut self, now: Now, call: &mut Call, outcome: Outcome, edge: &mut impl Edge) {
        if call.recorded {
            return;
        }
        call.recorded = true;
        let phase = std::mem::replace(&mut call.phase, Phase::Over);
        if matches!(phase, Phase::Challenge(_)) {
            call.challenge = Some(ChallengeOutcome::Abandoned);
            edge.event(CallEvent::Challenged(ChallengeOutcome::Abandoned));
        }
        self.close_anchor(now, call, edge);
        call.hold = None;
        for kind in [
            TimerKind::RingTime,
            TimerKind::Silence,
            TimerKind::Captcha,
            TimerKind::Setup,
            TimerKind::Duration,
            TimerKind::Announcement,
        ] {
            self.cancel_timer(call, kind);
        }
        call.hunt = None;
        call.invite = None;
        call.ack_owed = None;
        let directory = std::sync::Arc::clone(&call.directory);
        let record = call.take_record(now, outcome);
        if let Some(decision) = &record.decision {
            self.windows
                .observe_end(&record, &directory.subject_of(&decision.facts));
        }
        edge.event(CallEvent::Ended(Box::new(record)));
    }

    /// Hangs up a leg. The caller's leg waits for the ACK of our 2xx first (RFC 3261 §15).
    pub(crate) fn send_bye_to(
        &mut self,
        now: Now,
        call: &mut Call,
        number: LegNumber,
        reason: &[u8],
        edge: &mut impl Edge,
    ) {
        // The agent's 2xx that nobody acknowledged yet is, before the BYE.
        if let Some(owed) = call.ack_owed.take_if(|owed| owed.to == number) {
            self.acknowledge(now, call, number, owed.cseq, None, edge);
        }
        let Some(leg) = call.leg(number) else { return };
        if leg.resend.is_none() {
            self.send_bye(now, leg, reason, edge);
        }
    }

    pub(crate) fn send_bye(&mut self, now: Now, leg: &mut Leg, reason: &[u8], edge: &mut impl Edge) {
        let Ok((client, branch)) = self.transactions.mint(0) else {
            return;
        };
        let flow = self.next_flow(leg, edge);
        let via = self.via(&flow, branch.as_bytes());
        let head = RequestHead {
            method: b"BYE",
            cseq: leg.dialog.next_cseq(),
            via: &via,
            max_forwards: 70,
        };
        let mut out = std::mem::take(&mut self.scratch);
        let start = out.len();
        leg.dialog
            .write_request(&mut out, &head)
            .lines(reason)
            .empty_body();
        let request = Outgoing {
            kind: Kind::NonInvite,
            flow,
            bytes: &out[start..],
            owner: Owner::HANG_UP,
        };
        self.hang_ups += 1;
        self.transactions.start(now.at, client, request, edge);
        out.truncate(start);
        self.scratch = out;
    }

    pub(crate) fn stop(&mut self, now: Now, edge: &mut impl Edge) {
        self.draining = true;
        for key in self.calls.keys() {
            self.with_call(key, |shard, call| {
                shard.fail_call(now, call, Cause::Stopped, edge)
            });
        }
    }
}

impl Call {
    /// Whether nothing of the call is left: its record is written, no agent can answer any more, no answer of ours
    /// waits for its ACK.
    pub(crate) fn is_finished(&self) -> bool {
        self.recorded
            && self.caller.resend.is_none()
            && self.attempts.iter().all(|attempt| {
                matches!(attempt.state, AttemptState::Done | AttemptState::Answered)
                    && attempt.leg.resend.is_none()
            })
    }

    fn take_record(&mut self, now: Now, outcome: Outcome) -> CallRecord {
        let facts = &self.decision.facts;
        let mut legs = Vec::with_capacity(self.attempts.len());
        for attempt in &mut self.attempts {
            attempt.record.ended_ms.get_or_insert(now.unix_ms);
            legs.push(attempt.record.clone());
        }
        let plan = self
            .plan
            .and_then(|plan| self.directory.plan(plan))
            .map(|plan| plan.name.clone());
        CallRecord {
            id: self.id,
            sip_call_id: self.sip_call_id(),
            trunk: facts.trunk.clone(),
            source: facts.source,
            caller: facts.caller.clone(),
            called: facts.called.clone(),
            tenant: facts.tenant.clone(),
            plan,
            offered_ms: self.offered_ms,
            ringing_ms: self.ringing_ms,
            answered_ms: self.answered_ms,
            connected_ms: self.connected_ms,
            ended_ms: now.unix_ms,
            legs,
            challenge: self.challenge,
            outcome,
            decision: Some(self.decision.clone()),
        }
    }
}

/// The caller gave up before an answer.
fn cancelled() -> Outcome {
    Outcome {
        ending: Ending::Cancelled,
        status: 487,
        cause: Cause::CallerCancelled,
        fault: None,
        hung_up_by: Some(Side::Caller),
    }
}
