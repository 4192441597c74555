//! INVITE server transaction (RFC 3261 §17.2.1, RFC 6026 §7.1).
//!
//! Proceeding → Completed → Confirmed, or Accepted → Terminated. Timers G (retransmission of a 300–699),
//! H (no ACK for it), I (copies of the ACK), L (copies of an accepted INVITE), and 200 ms for the first
//! 100. It never resends a 2xx by itself, that is for its user; and it holds no bytes once accepted, nor
//! ever on a reliable transport.

use std::time::Instant;

use crate::action::{Action, Actions, TimeoutKind, one};
use crate::timers::Timers;

/// One INVITE that we received.
pub struct InviteServer {
    reliable: bool,
    state: State,
}

enum State {
    /// Waiting for the user to answer; holds the last provisional sent. `trying_at` is set until then.
    Proceeding {
        last: Option<Box<[u8]>>,
        trying_at: Option<Instant>,
    },
    /// A 300–699 was sent; it is resent until the ACK comes.
    Completed {
        reply: Option<Box<[u8]>>,
        since: Instant,
        resent: u8,
    },
    /// The ACK came; copies of it are absorbed.
    Confirmed { until: Instant },
    /// A 2xx was sent; copies of the INVITE are absorbed.
    Accepted { until: Instant },
    /// Over.
    Terminated,
}

/// What can happen to it.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Input<'a> {
    /// The INVITE came again.
    InviteAgain,
    /// The user answers with this status and message.
    Respond(u16, &'a [u8]),
    /// An ACK came that belongs to it.
    Ack,
    /// Time has passed.
    Tick,
}

impl InviteServer {
    /// An INVITE that came in at `now`. `reliable` is the transport's word.
    #[must_use]
    pub fn new(now: Instant, timers: &Timers, reliable: bool) -> Self {
        let trying_at = Some(now + timers.trying_after);
        Self {
            reliable,
            state: State::Proceeding {
                last: None,
                trying_at,
            },
        }
    }

    /// Answers one event. A response that comes too late, or would be a second final, is not sent: no
    /// [`Action::Send`] comes back.
    pub fn handle_input<'a>(&'a mut self, now: Instant, timers: &Timers, input: Input<'a>) -> Actions<'a> {
        match input {
            Input::InviteAgain => self.invite_again(),
            Input::Respond(status, bytes) => self.respond(now, timers, status, bytes),
            Input::Ack => self.ack(now, timers),
            Input::Tick => self.tick(now, timers),
        }
    }

    /// When the next [`Input::Tick`] is due, and which timer asks for it.
    #[must_use]
    pub fn next_deadline(&self, timers: &Timers) -> Option<(Instant, &'static str)> {
        match &self.state {
            State::Proceeding { trying_at, .. } => trying_at.map(|at| (at, "100 due")),
            State::Completed { since, resent, .. } => {
                let (g, h) = (timers.doubling_to_t2(*since, *resent), *since + timers.h());
                Some(if self.reliable || h <= g {
                    (h, "timer H")
                } else {
                    (g, "timer G")
                })
            }
            State::Confirmed { until } => Some((*until, "timer I")),
            State::Accepted { until } => Some((*until, "timer L")),
            State::Terminated => None,
        }
    }

    /// Whether it may be forgotten at `now`: it is over, or waits for copies that can no longer come. A
    /// wait of zero length, as on reliable transports, is over as it begins.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        match &self.state {
            State::Confirmed { until } | State::Accepted { until } => now >= *until,
            State::Terminated => true,
            State::Proceeding { .. } | State::Completed { .. } => false,
        }
    }

    /// Whether a 2xx was sent, so that a further one is the user's retransmission.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        matches!(self.state, State::Accepted { .. })
    }

    fn invite_again(&self) -> Actions<'_> {
        match &self.state {
            State::Proceeding {
                last: Some(bytes), ..
            }
            | State::Completed {
                reply: Some(bytes), ..
            } => one(Action::Send(bytes)),
            State::Proceeding { last: None, .. }
            | State::Completed { reply: None, .. }
            | State::Confirmed { .. }
            | State::Accepted { .. }
            | State::Terminated => Actions::new(),
        }
    }

    fn respond<'a>(&'a mut self, now: Instant, timers: &Timers, status: u16, bytes: &'a [u8]) -> Actions<'a> {
        match &mut self.state {
            State::Proceeding { .. } => {
                // A reliable transport brings no copy of the INVITE to answer again.
                let kept = || {
                    if self.reliable {
                        None
                    } else {
                        Some(Box::from(bytes))
                    }
                };
                self.state = match status {
                    ..200 => State::Proceeding {
                        last: kept(),
                        trying_at: None,
                    },
                    200..300 => State::Accepted {
                        until: now + timers.l(),
                    },
                    300.. => State::Completed {
                        reply: kept(),
                        since: now,
                        resent: 0,
                    },
                };
                one(Action::Send(bytes))
            }
            State::Accepted { .. } if (200..300).contains(&status) => one(Action::Send(bytes)),
            State::Accepted { .. }
            | State::Completed { .. }
            | State::Confirmed { .. }
            | State::Terminated => Actions::new(),
        }
    }

    fn ack(&mut self, now: Instant, timers: &Timers) -> Actions<'_> {
        match &self.state {
            // The ACK ends the resending; only its copies are waited for.
            State::Completed { .. } => {
                self.state = State::Confirmed {
                    until: now + timers.i(self.reliable),
                };
                Actions::new()
            }
            State::Accepted { .. } => one(Action::PassUp),
            State::Proceeding { .. } | State::Confirmed { .. } | State::Terminated => Actions::new(),
        }
    }

    fn tick(&mut self, now: Instant, timers: &Timers) -> Actions<'_> {
        if self.is_over(now) {
            self.state = State::Terminated;
            return Actions::new();
        }
        if let State::Completed { since, .. } = &self.state
            && now >= *since + timers.h()
        {
            self.state = State::Terminated;
            return one(Action::Report(TimeoutKind::ServerGone));
        }
        match &mut self.state {
            State::Proceeding { trying_at, .. } => match trying_at {
                Some(at) if now >= *at => {
                    *trying_at = None;
                    one(Action::Report(TimeoutKind::TryingDue))
                }
                Some(_) | None => Actions::new(),
            },
            State::Completed { reply, since, resent } => {
                if self.reliable || now < timers.doubling_to_t2(*since, *resent) {
                    return Actions::new();
                }
                // A late tick sends once, however many copies it missed.
                while timers.doubling_to_t2(*since, *resent) <= now {
                    *resent += 1;
                }
                reply
                    .as_deref()
                    .map(|bytes| one(Action::Send(bytes)))
                    .unwrap_or_default()
            }
            State::Confirmed { .. } | State::Accepted { .. } | State::Terminated => Actions::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ms, t0};
    use proptest::prelude::*;

    const TIMERS: fn() -> Timers = Timers::default;
    const TRYING: &[u8] = b"SIP/2.0 100 Trying";
    const RINGING: &[u8] = b"SIP/2.0 180 Ringing";
    const BUSY: &[u8] = b"SIP/2.0 486 Busy Here";
    const OK: &[u8] = b"SIP/2.0 200 OK";

    #[test]
    fn invite_left_without_answer_for_200_ms_asks_for_a_100_once() {
        let (t0, mut tx) = over_udp();
        assert_eq!(tx.next_deadline(&TIMERS()), Some((t0 + ms(200), "100 due")));
        assert_eq!(
            feed(&mut tx, t0 + ms(200), Input::Tick),
            [Action::Report(TimeoutKind::TryingDue)]
        );
        assert_eq!(tx.next_deadline(&TIMERS()), None);
        assert_eq!(feed(&mut tx, t0 + ms(400), Input::Tick), []);
    }

    #[test]
    fn copy_of_the_invite_is_answered_with_the_latest_provisional() {
        let (t0, mut tx) = over_udp();
        assert_eq!(feed(&mut tx, t0, Input::InviteAgain), []);
        for (status, bytes) in [(100, TRYING), (180, RINGING)] {
            assert_eq!(
                feed(&mut tx, t0, Input::Respond(status, bytes)),
                [Action::Send(bytes)]
            );
            assert_eq!(tx.next_deadline(&TIMERS()), None);
            assert_eq!(feed(&mut tx, t0, Input::InviteAgain), [Action::Send(bytes)]);
        }
    }

    #[test]
    fn unacknowledged_rejection_is_resent_after_t1_then_twice_as_late_up_to_t2() {
        let (t0, mut tx) = rejected_over_udp();
        for due in [
            500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
        ] {
            assert_eq!(tx.next_deadline(&TIMERS()), Some((t0 + ms(due), "timer G")));
            assert_eq!(feed(&mut tx, t0 + ms(due - 1), Input::Tick), []);
            assert_eq!(feed(&mut tx, t0 + ms(due), Input::Tick), [Action::Send(BUSY)]);
        }
        assert_eq!(tx.next_deadline(&TIMERS()), Some((t0 + ms(32_000), "timer H")));
    }

    #[test]
    fn rejection_that_is_never_acknowledged_is_reported_after_64_t1() {
        let (t0, mut tx) = rejected_over_udp();
        assert_eq!(
            feed(&mut tx, t0 + ms(32_000), Input::Tick),
            [Action::Report(TimeoutKind::ServerGone)]
        );
        assert!(tx.is_over(t0 + ms(32_000)));
    }

    #[test]
    fn copy_of_a_rejected_invite_is_answered_with_the_rejection() {
        let (t0, mut tx) = rejected_over_udp();
        assert_eq!(
            feed(&mut tx, t0 + ms(100), Input::InviteAgain),
            [Action::Send(BUSY)]
        );
        assert_eq!(tx.next_deadline(&TIMERS()), Some((t0 + ms(500), "timer G")));
    }

    #[test]
    fn late_tick_sends_one_copy_and_returns_to_the_schedule() {
        let (t0, mut tx) = rejected_over_udp();
        assert_eq!(feed(&mut tx, t0 + ms(8000), Input::Tick), [Action::Send(BUSY)]);
        assert_eq!(tx.next_deadline(&TIMERS()), Some((t0 + ms(11_500), "timer G")));
    }

    #[test]
    fn ack_ends_the_resending_and_its_copies_are_absorbed_for_t4() {
        let (t0, mut tx) = rejected_over_udp();
        for at in [700, 800] {
            assert_eq!(feed(&mut tx, t0 + ms(at), Input::Ack), []);
            assert_eq!(tx.next_deadline(&TIMERS()), Some((t0 + ms(5_700), "timer I")));
        }
        assert_eq!(feed(&mut tx, t0 + ms(900), Input::InviteAgain), []);
        assert_eq!(feed(&mut tx, t0 + ms(5_700), Input::Tick), []);
        assert!(tx.is_over(t0 + ms(5_700)));
    }

    #[test]
    fn rejection_over_tcp_is_sent_once_waits_for_the_ack_and_is_over_with_it() {
        let (t0, mut tx) = over_tcp();
        assert_eq!(feed(&mut tx, t0, Input::Respond(486, BUSY)), [Action::Send(BUSY)]);
        assert_eq!(tx.next_deadline(&TIMERS()), Some((t0 + ms(32_000), "timer H")));
        assert_eq!(feed(&mut tx, t0 + ms(500), Input::Tick), []);
        assert_eq!(feed(&mut tx, t0 + ms(600), Input::Ack), []);
        assert!(tx.is_over(t0 + ms(600)));
    }

    #[test]
    fn accepted_invite_absorbs_its_copies_and_passes_acks_and_further_2xx_until_timer_l() {
        for (t0, mut tx) in [over_udp(), over_tcp()] {
            assert_eq!(feed(&mut tx, t0, Input::Respond(200, OK)), [Action::Send(OK)]);
            assert_eq!(tx.next_deadline(&TIMERS()), Some((t0 + ms(32_000), "timer L")));
            assert_eq!(feed(&mut tx, t0 + ms(500), Input::InviteAgain), []);
            assert_eq!(
                feed(&mut tx, t0 + ms(500), Input::Respond(200, OK)),
                [Action::Send(OK)]
            );
            assert_eq!(feed(&mut tx, t0 + ms(600), Input::Ack), [Action::PassUp]);
            assert_eq!(feed(&mut tx, t0 + ms(700), Input::Ack), [Action::PassUp]);
            assert_eq!(feed(&mut tx, t0 + ms(32_000), Input::Tick), []);
            assert!(tx.is_over(t0 + ms(32_000)));
        }
    }

    #[test]
    fn nothing_but_2xx_is_sent_after_a_2xx_and_nothing_at_all_after_a_rejection() {
        let (t0, mut tx) = over_udp();
        feed(&mut tx, t0, Input::Respond(200, OK));
        assert_eq!(feed(&mut tx, t0, Input::Respond(486, BUSY)), []);
        assert_eq!(feed(&mut tx, t0, Input::Respond(180, RINGING)), []);
        let (t0, mut tx) = rejected_over_udp();
        for (status, bytes) in [(180, RINGING), (200, OK), (503, BUSY)] {
            assert_eq!(feed(&mut tx, t0, Input::Respond(status, bytes)), []);
        }
    }

    #[test]
    fn ack_before_any_final_changes_nothing() {
        let (t0, mut tx) = over_udp();
        assert_eq!(feed(&mut tx, t0, Input::Ack), []);
        assert_eq!(feed(&mut tx, t0, Input::Respond(200, OK)), [Action::Send(OK)]);
    }

    proptest! {
        /// Whatever happens, the peer never sees two different finals, and once answered it ends.
        #[test]
        fn peer_never_sees_two_different_finals(
            reliable: bool,
            ops in prop::collection::vec((0..6_u8, 100..700_u16, 0..20_000_u64), 0..60),
        ) {
            let (t0, timers) = (t0(), TIMERS());
            let mut tx = InviteServer::new(t0, &timers, reliable);
            let (mut now, mut finals) = (t0, std::collections::BTreeSet::new());
            for (op, status, pass) in ops {
                now += ms(pass);
                let bytes = status.to_be_bytes();
                let input = match op {
                    0..=1 => Input::Respond(status, &bytes),
                    2 => Input::InviteAgain,
                    3 => Input::Ack,
                    _ => Input::Tick,
                };
                let ticked = matches!(input, Input::Tick);
                for action in tx.handle_input(now, &timers, input) {
                    if let Action::Send(sent) = action
                        && let sent = u16::from_be_bytes([sent[0], sent[1]])
                        && sent >= 200
                    {
                        // Different 2xx are the user's affair: each passes through.
                        finals.insert(if sent < 300 { 200 } else { sent });
                    }
                }
                prop_assert!(finals.len() <= 1);
                prop_assert!(!ticked || tx.next_deadline(&timers).is_none_or(|(at, _)| at > now));
            }
            tx.handle_input(now, &timers, Input::Respond(480, BUSY));
            for _ in 0..20 {
                if let Some((at, _)) = tx.next_deadline(&timers) {
                    now = now.max(at);
                    tx.handle_input(now, &timers, Input::Tick);
                }
            }
            prop_assert!(tx.is_over(now));
        }
    }

    fn over_udp() -> (Instant, InviteServer) {
        let t0 = t0();
        (t0, InviteServer::new(t0, &TIMERS(), false))
    }

    fn over_tcp() -> (Instant, InviteServer) {
        let t0 = t0();
        (t0, InviteServer::new(t0, &TIMERS(), true))
    }

    fn rejected_over_udp() -> (Instant, InviteServer) {
        let (t0, mut tx) = over_udp();
        assert_eq!(feed(&mut tx, t0, Input::Respond(486, BUSY)), [Action::Send(BUSY)]);
        (t0, tx)
    }

    fn feed<'a>(tx: &'a mut InviteServer, now: Instant, input: Input<'a>) -> Vec<Action<'a>> {
        tx.handle_input(now, &TIMERS(), input).into_vec()
    }
}
