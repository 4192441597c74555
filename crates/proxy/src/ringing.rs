//! Agents: forks, hunt, overflow, and what they answer.

use std::sync::Arc;

use call_model::{CallEvent, Cause, Emergency, Ending, Outcome};
use media::announcements;
use routing::Step;
use sip_message::{HeaderName, Index, Message, standard_reason};
use sip_transaction::CancelSent;
use smallvec::SmallVec;

use crate::call::{AckOwed, AttemptState, Call, Failure, Phase, TimerKind};
use crate::core::Shard;
use crate::io::{Edge, Now};
use crate::names::LegNumber;

impl Shard {
    /// Takes the next step of the plan. `invite` is the caller's INVITE where it is at hand; it is read again from
    /// what was kept where not.
    pub(crate) fn ring_next(
        &mut self,
        now: Now,
        call: &mut Call,
        invite: Option<&Message<'_>>,
        edge: &mut impl Edge,
    ) {
        let directory = Arc::clone(&call.directory);
        loop {
            let step = call
                .hunt
                .as_mut()
                .map_or(Step::Exhausted, |hunt| hunt.next(&directory));
            match step {
                Step::Ring { agents, ring_time } => {
                    let Some(screened) = call.screened.take() else {
                        return;
                    };
                    let kept = call.invite.take();
                    let mut index = Index::new(self.settings.limits);
                    let parsed = match invite {
                        Some(invite) => Some(*invite),
                        None => kept.as_deref().and_then(|bytes| index.parse(bytes).ok()),
                    };
                    let before = call.attempts.len();
                    if let Some(invite) = parsed {
                        for ring in agents {
                            self.ring_agent(now, call, &screened, ring, &invite, edge);
                        }
                    }
                    let rung = call.attempts.len() > before;
                    call.invite = kept;
                    call.screened = Some(screened);
                    if rung {
                        // What a challenge takes is the caller's time, not ours.
                        if before == 0 && !call.is_answered() {
                            let after = edge.stopwatch().saturating_sub(call.began);
                            edge.event(CallEvent::Forwarded { after });
                        }
                        self.set_timer(call, TimerKind::RingTime, now.at + ring_time);
                        let silence = now.at + directory.timers.agent_silence_max;
                        self.set_timer(call, TimerKind::Silence, silence);
                        return;
                    }
                }
                Step::Announce(name) => {
                    let (_, outcome) = call.failed_outcome();
                    return self.announce(now, call, &name, outcome, edge);
                }
                Step::Refuse(status) => {
                    let default = Failure {
                        status,
                        reason: Box::default(),
                        lines: Box::default(),
                    };
                    return self.give_up(now, call, Some(default), edge);
                }
                Step::Exhausted => return self.give_up(now, call, None, edge),
            }
        }
    }

    /// Nobody is left to ring.
    fn give_up(&mut self, now: Now, call: &mut Call, asked: Option<Failure>, edge: &mut impl Edge) {
        let (failure, mut outcome) = call.failed_outcome();
        if call.is_answered() {
            return self.announce(
                now,
                call,
                &Arc::from(announcements::NOBODY_AVAILABLE.as_str()),
                outcome,
                edge,
            );
        }
        if call.attempts.is_empty() {
            let cause = if call.first_hunt().is_some() {
                Cause::PlanRefused
            } else {
                Cause::NumberUnknown
            };
            outcome = Outcome {
                ending: Ending::Refused,
                status: call.directory.responses.status(cause).unwrap_or(480),
                cause,
                fault: cause.fault(),
                hung_up_by: None,
            };
        }
        let no_way = call.decision.facts.emergency == Some(Emergency::Call) && call.hunt.is_none();
        let told = failure.or(asked).unwrap_or(Failure {
            status: outcome.status,
            reason: Box::default(),
            lines: if no_way {
                NO_EMERGENCY_SERVICE.into()
            } else {
                Box::default()
            },
        });
        outcome.status = told.status;
        let reason = if told.reason.is_empty() {
            standard_reason(told.status).as_bytes()
        } else {
            &told.reason[..]
        };
        self.refuse_caller(now, call, told.status, reason, &told.lines, edge);
        self.end_call(now, call, outcome, edge);
    }

    pub(crate) fn on_agent_response(
        &mut self,
        now: Now,
        call: &mut Call,
        number: LegNumber,
        response: &Message<'_>,
        edge: &mut impl Edge,
    ) {
        let Some(attempt) = call.attempt(number) else {
            return;
        };
        let status = response.status().unwrap_or(0);
        match (attempt.state, status) {
            (AttemptState::Calling | AttemptState::Proceeding, 100..=199) => {
                attempt.state = AttemptState::Proceeding;
                if status > 100 {
                    // An early dialog without Contact is of no use to us yet; the 2xx brings it.
                    let _ = attempt.leg.dialog.establish(response);
                    attempt.record.ringing_ms.get_or_insert(now.unix_ms);
                    self.forward_progress(now, call, number, response, edge);
                }
            }
            (AttemptState::GivenUp, 100..=199) => {
                let reason = call.why_given_up();
                self.cancel_attempt(now, call, number, reason, edge);
            }
            (AttemptState::Calling | AttemptState::Proceeding, 200..=299) => {
                self.on_answer(now, call, number, response, edge);
            }
            (AttemptState::Answered | AttemptState::Done, 200..=299) => {
                self.on_answer_again(now, call, number, response, edge);
            }
            (AttemptState::GivenUp, 200..=299) => {
                attempt.state = AttemptState::Done;
                attempt.record.status = status;
                if attempt.leg.dialog.establish(response).is_ok() {
                    self.acknowledge(now, call, number, 1, None, edge);
                    let reason = call.why_given_up();
                    self.send_bye_to(now, call, number, reason, edge);
                }
            }
            (AttemptState::Calling | AttemptState::Proceeding, 300..) => {
                self.on_failure(now, call, number, response, edge);
            }
            (AttemptState::GivenUp, 300..) => {
                attempt.state = AttemptState::Done;
                attempt.record.status = status;
                attempt.record.ended_ms.get_or_insert(now.unix_ms);
            }
            (AttemptState::Answered | AttemptState::Done, _) | (_, _) => {}
        }
    }

    /// Nothing final came from an agent in the time that a transaction lives, or nothing could be sent to it.
    pub(crate) fn on_agent_silent(
        &mut self,
        now: Now,
        call: &mut Call,
        number: LegNumber,
        edge: &mut impl Edge,
    ) {
        let Some(attempt) = call.attempt(number) else {
            return;
        };
        let rang = matches!(attempt.state, AttemptState::Calling | AttemptState::Proceeding);
        if attempt.state != AttemptState::Answered {
            attempt.state = AttemptState::Done;
            attempt.record.ended_ms.get_or_insert(now.unix_ms);
        }
        if rang {
            call.note_failure(408, Box::default(), Box::default());
            self.ring_next_when_idle(now, call, edge);
        }
    }

    /// No agent of this step gave a sign of life.
    pub(crate) fn on_silence(&mut self, now: Now, call: &mut Call, edge: &mut impl Edge) {
        let silent: Vec<LegNumber> = call.in_state(AttemptState::Calling);
        for number in silent {
            self.cancel_attempt(now, call, number, b"", edge);
            call.note_failure(408, Box::default(), Box::default());
        }
        self.ring_next_when_idle(now, call, edge);
    }

    /// The ring time of this step is over.
    pub(crate) fn on_ring_time(&mut self, now: Now, call: &mut Call, edge: &mut impl Edge) {
        self.cancel_attempts(now, call, NO_ANSWER_REASON, edge);
        call.note_failure(408, Box::default(), Box::default());
        self.ring_next(now, call, None, edge);
    }

    fn ring_next_when_idle(&mut self, now: Now, call: &mut Call, edge: &mut impl Edge) {
        let waits = call.waiting().next().is_some();
        if !waits && matches!(call.phase, Phase::Ringing) {
            self.cancel_timer(call, TimerKind::RingTime);
            self.cancel_timer(call, TimerKind::Silence);
            self.ring_next(now, call, None, edge);
        }
    }

    /// Passes a provisional on to the caller. Of several agents that ring at once only the first ringing is told, and
    /// without a description: there is one early dialog.
    fn forward_progress(
        &mut self,
        now: Now,
        call: &mut Call,
        number: LegNumber,
        response: &Message<'_>,
        edge: &mut impl Edge,
    ) {
        let first = call.ringing_ms.is_none();
        if first {
            call.ringing_ms = Some(now.unix_ms);
            edge.event(CallEvent::Ringing {
                after: now.at.saturating_duration_since(call.offered_at),
            });
        }
        let alone = call.waiting().count() == 1;
        if call.is_answered() || (!alone && !first) {
            return;
        }
        let body = if alone {
            self.pass_body(call, number, response, edge)
        } else {
            Vec::new()
        };
        self.forward_response(now, call, number, response, &body, edge);
    }

    fn on_answer(
        &mut self,
        now: Now,
        call: &mut Call,
        number: LegNumber,
        response: &Message<'_>,
        edge: &mut impl Edge,
    ) {
        let Some(attempt) = call.attempt(number) else {
            return;
        };
        attempt.record.status = response.status().unwrap_or(200);
        if attempt.leg.dialog.establish(response).is_err() {
            // An answer without tag or Contact cannot be acknowledged properly; its sender will give up.
            attempt.state = AttemptState::Done;
            call.note_failure(500, Box::default(), Box::default());
            return self.ring_next_when_idle(now, call, edge);
        }
        attempt.state = AttemptState::Answered;
        attempt.record.answered_ms = Some(now.unix_ms);
        self.cancel_timer(call, TimerKind::RingTime);
        self.cancel_timer(call, TimerKind::Silence);
        self.cancel_timer(call, TimerKind::Setup);
        self.cancel_attempts(now, call, COMPLETED_ELSEWHERE, edge);
        call.phase = Phase::Connected { agent: number };
        call.hunt = None;
        call.invite = None;
        call.connected_ms = Some(now.unix_ms);
        if call.ringing_ms.is_none() {
            edge.event(CallEvent::Ringing {
                after: now.at.saturating_duration_since(call.offered_at),
            });
        }
        edge.event(CallEvent::Connected {
            after: now.at.saturating_duration_since(call.offered_at),
        });
        self.set_timer(
            call,
            TimerKind::Duration,
            now.at + call.directory.switch.call_duration_max,
        );
        let had_offer = call.offered_sdp || call.is_answered();
        let body = self.pass_body(call, number, response, edge);
        if call.is_answered() {
            self.bridge(call, edge);
        } else {
            self.forward_response(now, call, number, response, &body, edge);
        }
        self.watch(call, edge);
        if had_offer {
            self.acknowledge(now, call, number, 1, None, edge);
        } else {
            call.ack_owed = Some(AckOwed { to: number, cseq: 1 });
        }
    }

    /// A 2xx that came before comes again: our ACK was lost. Or a second phone behind a fork answered.
    fn on_answer_again(
        &mut self,
        now: Now,
        call: &mut Call,
        number: LegNumber,
        response: &Message<'_>,
        edge: &mut impl Edge,
    ) {
        let Some(attempt) = call.attempt(number) else {
            return;
        };
        let same =
            response.to().ok().and_then(|to| to.tag()).unwrap_or_default() == attempt.leg.dialog.remote_tag();
        if !same {
            return self.end_forked_answer(now, call, number, response, edge);
        }
        if let Some((cseq, body)) = attempt.leg.acked.take() {
            self.acknowledge(now, call, number, cseq, body, edge);
        }
    }

    /// Acknowledges the answer of a second phone behind a fork, and hangs up (RFC 3261 §13.2.2.4, §15).
    fn end_forked_answer(
        &mut self,
        now: Now,
        call: &mut Call,
        number: LegNumber,
        response: &Message<'_>,
        edge: &mut impl Edge,
    ) {
        let Some(attempt) = call.attempt(number) else {
            return;
        };
        let mut dialog = attempt.leg.dialog.clone();
        if dialog.establish(response).is_err() {
            return;
        }
        let mut leg = crate::call::Leg {
            dialog,
            flow: attempt.leg.flow,
            resend: None,
            acked: None,
        };
        self.send_ack(&leg, 1, None, edge);
        self.send_bye(now, &mut leg, call.why_given_up(), edge);
    }

    fn on_failure(
        &mut self,
        now: Now,
        call: &mut Call,
        number: LegNumber,
        response: &Message<'_>,
        edge: &mut impl Edge,
    ) {
        let status = response.status().unwrap_or(500);
        let mut lines = Vec::new();
        for header in response.headers() {
            if matches!(
                header.name,
                HeaderName::Reason | HeaderName::CallInfo | HeaderName::Warning
            ) {
                lines.extend_from_slice(header.line);
            }
        }
        if let Some(attempt) = call.attempt(number) {
            attempt.state = AttemptState::Done;
            attempt.record.status = status;
            attempt.record.ended_ms = Some(now.unix_ms);
        }
        call.note_failure(status, response.reason_phrase().into(), lines.into());
        self.ring_next_when_idle(now, call, edge);
    }

    /// Gives up every attempt that still waits.
    pub(crate) fn cancel_attempts(&mut self, now: Now, call: &mut Call, reason: &[u8], edge: &mut impl Edge) {
        let waiting: SmallVec<[LegNumber; 4]> = call.waiting().collect();
        for number in waiting {
            self.cancel_attempt(now, call, number, reason, edge);
        }
    }

    /// Gives up an attempt. Where no provisional has come yet the CANCEL must wait for one (RFC 3261 §9.1).
    fn cancel_attempt(
        &mut self,
        now: Now,
        call: &mut Call,
        number: LegNumber,
        reason: &[u8],
        edge: &mut impl Edge,
    ) {
        let Some(attempt) = call.attempt(number) else {
            return;
        };
        attempt.state = AttemptState::GivenUp;
        attempt.record.ended_ms.get_or_insert(now.unix_ms);
        match self.transactions.cancel(now.at, attempt.client, reason, edge) {
            CancelSent::Sent | CancelSent::NotYet | CancelSent::TooLate => {}
        }
    }
}

impl Call {
    /// What an agent who was given up is told when it can be told late: another has the call, or nothing.
    fn why_given_up(&self) -> &'static [u8] {
        if self.connected_ms.is_some() {
            COMPLETED_ELSEWHERE
        } else {
            b""
        }
    }

    /// The attempts that may still lead to an answer.
    fn waiting(&self) -> impl Iterator<Item = LegNumber> {
        self.attempts
            .iter()
            .filter(|attempt| matches!(attempt.state, AttemptState::Calling | AttemptState::Proceeding))
            .map(|attempt| attempt.number)
    }

    fn in_state(&self, state: AttemptState) -> Vec<LegNumber> {
        self.attempts
            .iter()
            .filter(|attempt| attempt.state == state)
            .map(|attempt| attempt.number)
            .collect()
    }

    /// Keeps the failure that tells the caller most.
    fn note_failure(&mut self, status: u16, reason: Box<[u8]>, lines: Box<[u8]>) {
        if self
            .failure
            .as_ref()
            .is_none_or(|best| weight(status) > weight(best.status))
        {
            self.failure = Some(Failure {
                status,
                reason,
                lines,
            });
        }
    }

    /// What the caller is told when no agent answers (busy and intended refusals as they came, all else 480), and
    /// how the call is recorded.
    fn failed_outcome(&self) -> (Option<Failure>, Outcome) {
        let outcome = |status, cause: Cause| Outcome {
            ending: Ending::Unanswered,
            status,
            cause,
            fault: cause.fault(),
            hung_up_by: None,
        };
        match &self.failure {
            Some(failure) => match failure.status {
                486 => (Some(failure.clone()), outcome(486, Cause::Busy)),
                600 => {
                    // Busy everywhere is busy here; the phrase of the one does not fit the other.
                    let told = Failure {
                        status: 486,
                        reason: Box::default(),
                        lines: failure.lines.clone(),
                    };
                    (Some(told), outcome(486, Cause::Busy))
                }
                status @ (415 | 488 | 603 | 606 | 607 | 608) => {
                    (Some(failure.clone()), outcome(status, Cause::AgentRefused))
                }
                408 if !self.anybody_rang() => (None, outcome(480, Cause::AgentUnreachable)),
                408 | 480 | 487 => (None, outcome(480, Cause::NoAnswer)),
                500.. => (None, outcome(480, Cause::AgentUnreachable)),
                _ => (None, outcome(480, Cause::AgentRefused)),
            },
            None => (None, outcome(480, Cause::NoAnswer)),
        }
    }

    fn anybody_rang(&self) -> bool {
        self.attempts
            .iter()
            .any(|attempt| attempt.record.ringing_ms.is_some())
    }
}

/// RFC 3261 §20.43: 399, a text for people.
const NO_EMERGENCY_SERVICE: &[u8] =
    b"Warning: 399 ringfence \"No way to an emergency service from here: route the call another way\"\r\n";

/// How much a failure tells the caller: busy before an intended refusal, that before a fault, that before silence.
fn weight(status: u16) -> u8 {
    match status {
        486 | 600 => 4,
        603 | 606..=608 => 3,
        415 | 488 => 2,
        408 | 480 | 487 => 0,
        _ => 1,
    }
}

/// Why agents who did not answer are cancelled (RFC 3326 §3.1).
const NO_ANSWER_REASON: &[u8] = b"Reason: SIP;cause=480;text=\"No answer in time\"\r\n";

/// Why an agent is cancelled when another has the call (RFC 3326 §3.1): phones do not show it as missed.
pub(crate) const COMPLETED_ELSEWHERE: &[u8] = b"Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n";
