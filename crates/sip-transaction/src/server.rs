//! Non-INVITE server transaction (RFC 3261 §17.2.2, RFC 4320).
//!
//! Trying → Proceeding → Completed → Terminated. Timer J (copies of the request), 3.5 s for a 100, and
//! 64*T1 for any answer at all. It never sends a 408, a provisional other than 100, or over an unreliable
//! transport a 100 before 3.5 s (RFC 4320 §4); and it never resends by itself.

use std::time::Instant;

use crate::action::{Action, Actions, TimeoutKind, one};
use crate::timers::Timers;

/// One request other than INVITE and ACK that we received.
pub struct Server {
    reliable: bool,
    state: State,
}

enum State {
    /// Nothing sent yet.
    Trying { since: Instant, reminded: bool },
    /// A 100 was sent; it is held on an unreliable transport, for copies of the request.
    Proceeding { last: Option<Box<[u8]>>, since: Instant },
    /// The final response was sent; it is held, for copies of the request.
    Completed {
        reply: Option<Box<[u8]>>,
        until: Instant,
    },
    /// Over.
    Terminated,
}

/// What can happen to it.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Input<'a> {
    /// The request came again.
    RequestAgain,
    /// The user answers with this status and message.
    Respond(u16, &'a [u8]),
    /// Time has passed.
    Tick,
}

impl Server {
    /// A request that came in at `now`. `reliable` is the transport's word.
    #[must_use]
    pub fn new(now: Instant, reliable: bool) -> Self {
        Self {
            reliable,
            state: State::Trying {
                since: now,
                reminded: false,
            },
        }
    }

    /// Answers one event. A response that is not allowed, or comes too late, is not sent: no
    /// [`Action::Send`] comes back.
    pub fn handle_input<'a>(&'a mut self, now: Instant, timers: &Timers, input: Input<'a>) -> Actions<'a> {
        match input {
            Input::RequestAgain => self.request_again(),
            Input::Respond(status, bytes) => self.respond(now, timers, status, bytes),
            Input::Tick => self.tick(now, timers),
        }
    }

    /// When the next [`Input::Tick`] is due, and which timer asks for it.
    #[must_use]
    pub fn next_deadline(&self, timers: &Timers) -> Option<(Instant, &'static str)> {
        let since = match &self.state {
            State::Trying { since, reminded } => {
                let trying_at = *since + timers.non_invite_trying_after();
                if !reminded && trying_at < *since + timers.lifetime() {
                    return Some((trying_at, "100 due"));
                }
                since
            }
            State::Proceeding { since, .. } => since,
            State::Completed { until, .. } => return Some((*until, "timer J")),
            State::Terminated => return None,
        };
        Some((*since + timers.lifetime(), "64*T1 unanswered"))
    }

    /// Whether it may be forgotten at `now`: it is over, or waits for copies that can no longer come. A
    /// wait of zero length, as on reliable transports, is over as it begins.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        match &self.state {
            State::Completed { until, .. } => now >= *until,
            State::Terminated => true,
            State::Trying { .. } | State::Proceeding { .. } => false,
        }
    }

    /// Whether a response with this status may be sent at `now` (RFC 4320 §4).
    #[must_use]
    pub fn allows(&self, now: Instant, timers: &Timers, status: u16) -> bool {
        match status {
            100 => match &self.state {
                State::Trying { since, .. } => {
                    self.reliable || now >= *since + timers.non_invite_trying_after()
                }
                State::Proceeding { .. } | State::Completed { .. } | State::Terminated => true,
            },
            101..200 | 408 => false,
            _ => true,
        }
    }

    fn request_again(&self) -> Actions<'_> {
        match &self.state {
            State::Proceeding {
                last: Some(bytes), ..
            }
            | State::Completed {
                reply: Some(bytes), ..
            } => one(Action::Send(bytes)),
            State::Trying { .. }
            | State::Proceeding { last: None, .. }
            | State::Completed { reply: None, .. }
            | State::Terminated => Actions::new(),
        }
    }

    fn respond<'a>(&'a mut self, now: Instant, timers: &Timers, status: u16, bytes: &'a [u8]) -> Actions<'a> {
        if !self.allows(now, timers, status) {
            return Actions::new();
        }
        match &self.state {
            State::Trying { since, .. } | State::Proceeding { since, .. } => {
                // A reliable transport brings no copy of the request to answer again.
                let kept = if self.reliable { None } else { Some(bytes.into()) };
                self.state = if status < 200 {
                    State::Proceeding {
                        last: kept,
                        since: *since,
                    }
                } else {
                    State::Completed {
                        reply: kept,
                        until: now + timers.j(self.reliable),
                    }
                };
                one(Action::Send(bytes))
            }
            State::Completed { .. } | State::Terminated => Actions::new(),
        }
    }

    fn tick(&mut self, now: Instant, timers: &Timers) -> Actions<'_> {
        match &mut self.state {
            State::Trying { since, .. } | State::Proceeding { since, .. }
                if now >= *since + timers.lifetime() =>
            {
                self.state = State::Terminated;
                one(Action::Report(TimeoutKind::Unanswered))
            }
            State::Trying { since, reminded } => {
                if *reminded || now < *since + timers.non_invite_trying_after() {
                    return Actions::new();
                }
                *reminded = true;
                one(Action::Report(TimeoutKind::TryingDue))
            }
            State::Completed { until, .. } => {
                if now >= *until {
                    self.state = State::Terminated;
                }
                Actions::new()
            }
            State::Proceeding { .. } | State::Terminated => Actions::new(),
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
    const OK: &[u8] = b"SIP/2.0 200 OK";

    #[test]
    fn copy_of_the_request_is_absorbed_until_answered_and_then_answered_again_until_timer_j() {
        let (t0, mut tx) = over_udp();
        assert_eq!(feed(&mut tx, t0, Input::RequestAgain), []);
        assert_eq!(
            feed(&mut tx, t0 + ms(10), Input::Respond(200, OK)),
            [Action::Send(OK)]
        );
        assert_eq!(tx.next_deadline(&TIMERS()), Some((t0 + ms(32_010), "timer J")));
        assert_eq!(
            feed(&mut tx, t0 + ms(500), Input::RequestAgain),
            [Action::Send(OK)]
        );
        assert_eq!(feed(&mut tx, t0 + ms(32_010), Input::Tick), []);
        assert!(tx.is_over(t0 + ms(32_010)));
    }

    #[test]
    fn final_over_tcp_is_the_end() {
        let (t0, mut tx) = over_tcp();
        assert_eq!(feed(&mut tx, t0, Input::Respond(200, OK)), [Action::Send(OK)]);
        assert!(tx.is_over(t0));
    }

    #[test]
    fn second_final_is_not_sent() {
        let (t0, mut tx) = over_udp();
        feed(&mut tx, t0, Input::Respond(200, OK));
        assert_eq!(feed(&mut tx, t0, Input::Respond(500, b"SIP/2.0 500 Error")), []);
        assert_eq!(feed(&mut tx, t0, Input::RequestAgain), [Action::Send(OK)]);
    }

    #[test]
    fn trying_over_udp_is_withheld_until_timer_e_reached_t2_and_then_asked_for() {
        let (t0, mut tx) = over_udp();
        assert_eq!(tx.next_deadline(&TIMERS()), Some((t0 + ms(3_500), "100 due")));
        assert_eq!(feed(&mut tx, t0 + ms(3_499), Input::Respond(100, TRYING)), []);
        assert_eq!(
            feed(&mut tx, t0 + ms(3_500), Input::Tick),
            [Action::Report(TimeoutKind::TryingDue)]
        );
        assert_eq!(
            feed(&mut tx, t0 + ms(3_500), Input::Respond(100, TRYING)),
            [Action::Send(TRYING)]
        );
        assert_eq!(
            feed(&mut tx, t0 + ms(3_600), Input::RequestAgain),
            [Action::Send(TRYING)]
        );
    }

    #[test]
    fn trying_over_tcp_may_be_sent_at_any_time() {
        let (t0, mut tx) = over_tcp();
        assert_eq!(
            feed(&mut tx, t0, Input::Respond(100, TRYING)),
            [Action::Send(TRYING)]
        );
        assert_eq!(
            tx.next_deadline(&TIMERS()),
            Some((t0 + ms(32_000), "64*T1 unanswered"))
        );
    }

    #[test]
    fn other_provisionals_and_408_are_never_sent() {
        let (t0, mut tx) = over_tcp();
        for status in [180, 183, 199, 408] {
            assert_eq!(feed(&mut tx, t0, Input::Respond(status, OK)), [], "{status}");
        }
        assert_eq!(feed(&mut tx, t0, Input::Respond(480, OK)), [Action::Send(OK)]);
    }

    #[test]
    fn request_that_its_user_never_answers_is_dropped_after_64_t1() {
        let (t0, mut tx) = over_udp();
        feed(&mut tx, t0 + ms(3_500), Input::Tick);
        assert_eq!(
            tx.next_deadline(&TIMERS()),
            Some((t0 + ms(32_000), "64*T1 unanswered"))
        );
        assert_eq!(
            feed(&mut tx, t0 + ms(32_000), Input::Tick),
            [Action::Report(TimeoutKind::Unanswered)]
        );
        assert!(tx.is_over(t0 + ms(32_000)));
        assert_eq!(feed(&mut tx, t0 + ms(32_001), Input::Respond(200, OK)), []);
    }

    proptest! {
        /// Whatever happens, the peer sees one final and no forbidden status, and in time it ends.
        #[test]
        fn peer_sees_at_most_one_final(
            reliable: bool,
            ops in prop::collection::vec((0..5_u8, 100..700_u16, 0..9_000_u64), 0..40),
        ) {
            let (t0, timers) = (t0(), TIMERS());
            let mut tx = Server::new(t0, reliable);
            let (mut now, mut finals) = (t0, std::collections::BTreeSet::new());
            for (op, status, pass) in ops {
                now += ms(pass);
                let bytes = status.to_be_bytes();
                let input = match op {
                    0..=1 => Input::Respond(status, &bytes),
                    2 => Input::RequestAgain,
                    _ => Input::Tick,
                };
                let ticked = matches!(input, Input::Tick);
                for action in tx.handle_input(now, &timers, input) {
                    if let Action::Send(sent) = action {
                        let sent = u16::from_be_bytes([sent[0], sent[1]]);
                        prop_assert!(sent == 100 || sent >= 200 && sent != 408);
                        if sent >= 200 {
                            finals.insert(sent);
                        }
                    }
                }
                prop_assert!(finals.len() <= 1);
                prop_assert!(!ticked || tx.next_deadline(&timers).is_none_or(|(at, _)| at > now));
            }
            for _ in 0..5 {
                if let Some((at, _)) = tx.next_deadline(&timers) {
                    now = now.max(at);
                    tx.handle_input(now, &timers, Input::Tick);
                }
            }
            prop_assert!(tx.is_over(now));
        }
    }

    fn over_udp() -> (Instant, Server) {
        let t0 = t0();
        (t0, Server::new(t0, false))
    }

    fn over_tcp() -> (Instant, Server) {
        let t0 = t0();
        (t0, Server::new(t0, true))
    }

    fn feed<'a>(tx: &'a mut Server, now: Instant, input: Input<'a>) -> Vec<Action<'a>> {
        tx.handle_input(now, &TIMERS(), input).into_vec()
    }
}
