//! Non-INVITE client transaction (RFC 3261 §17.1.2).
//!
//! Trying → Proceeding → Completed → Terminated. Timers E (retransmission), F (no final response), K
//! (copies of the response). It never sends anything on a reliable transport after the first time.

use std::time::Instant;

use crate::action::{Action, Actions, TimeoutKind, one};
use crate::timers::Timers;

/// One request other than INVITE and ACK that we sent.
pub struct Client {
    reliable: bool,
    state: State,
}

enum State {
    /// Sent, nothing heard. Holds the request on an unreliable transport.
    Trying {
        request: Option<Box<[u8]>>,
        since: Instant,
        resent: u8,
    },
    /// A provisional came: the request is still resent, each T2.
    Proceeding {
        request: Option<Box<[u8]>>,
        resend_at: Instant,
        give_up_at: Instant,
    },
    /// The final response came; copies of it are absorbed.
    Completed { until: Instant },
    /// Over.
    Terminated,
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Input {
    /// A response with this status, matched by branch and method.
    Response(u16),
    /// Time has passed.
    Tick,
    /// The transport failed to deliver what was sent.
    TransportFailed,
}

impl Client {
    /// Takes over a request that is sent at `now`. `reliable` is the transport's word.
    #[must_use]
    pub fn new(now: Instant, reliable: bool, request: &[u8]) -> Self {
        let request = if reliable { None } else { Some(request.into()) };
        Self {
            reliable,
            state: State::Trying {
                request,
                since: now,
                resent: 0,
            },
        }
    }

    /// Answers one event.
    pub fn handle_input(&mut self, now: Instant, timers: &Timers, input: Input) -> Actions<'_> {
        match input {
            Input::Response(status) => self.respond(now, timers, status),
            Input::Tick => self.tick(now, timers),
            Input::TransportFailed => match &self.state {
                State::Trying { .. } | State::Proceeding { .. } => self.give_up(TimeoutKind::TransportFailed),
                State::Completed { .. } | State::Terminated => Actions::new(),
            },
        }
    }

    /// When the next [`Input::Tick`] is due, and which timer asks for it.
    #[must_use]
    pub fn next_deadline(&self, timers: &Timers) -> Option<(Instant, &'static str)> {
        let (e, f) = match &self.state {
            State::Trying { since, resent, .. } => {
                (timers.doubling_to_t2(*since, *resent), *since + timers.f())
            }
            State::Proceeding {
                resend_at,
                give_up_at,
                ..
            } => (*resend_at, *give_up_at),
            State::Completed { until } => return Some((*until, "timer K")),
            State::Terminated => return None,
        };
        Some(if self.reliable || f <= e {
            (f, "timer F")
        } else {
            (e, "timer E")
        })
    }

    /// Whether it may be forgotten at `now`: it is over, or waits for copies that can no longer come. A
    /// wait of zero length, as on reliable transports, is over as it begins.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        match &self.state {
            State::Completed { until } => now >= *until,
            State::Terminated => true,
            State::Trying { .. } | State::Proceeding { .. } => false,
        }
    }

    fn respond(&mut self, now: Instant, timers: &Timers, status: u16) -> Actions<'_> {
        match &mut self.state {
            State::Trying {
                request,
                since,
                resent,
            } if status < 200 => {
                // §17.1.2.2: timer E runs on, and is set to T2 from its next firing.
                self.state = State::Proceeding {
                    request: request.take(),
                    resend_at: timers.doubling_to_t2(*since, *resent),
                    give_up_at: *since + timers.f(),
                };
                one(Action::PassUp)
            }
            State::Proceeding { .. } if status < 200 => one(Action::PassUp),
            State::Trying { .. } | State::Proceeding { .. } => {
                self.state = State::Completed {
                    until: now + timers.k(self.reliable),
                };
                one(Action::PassUp)
            }
            State::Completed { .. } | State::Terminated => Actions::new(),
        }
    }

    fn tick(&mut self, now: Instant, timers: &Timers) -> Actions<'_> {
        let give_up_at = match &self.state {
            State::Trying { since, .. } => *since + timers.f(),
            State::Proceeding { give_up_at, .. } => *give_up_at,
            State::Completed { until } => {
                if now >= *until {
                    self.state = State::Terminated;
                }
                return Actions::new();
            }
            State::Terminated => return Actions::new(),
        };
        if now >= give_up_at {
            return self.give_up(TimeoutKind::ClientTimeout);
        }
        // A late tick sends once, however many copies it missed.
        let held = match &mut self.state {
            State::Trying {
                request,
                since,
                resent,
            } => {
                if now < timers.doubling_to_t2(*since, *resent) {
                    return Actions::new();
                }
                while timers.doubling_to_t2(*since, *resent) <= now {
                    *resent += 1;
                }
                request
            }
            State::Proceeding {
                request, resend_at, ..
            } => {
                if now < *resend_at {
                    return Actions::new();
                }
                *resend_at = now + timers.t2.max(timers.t1);
                request
            }
            State::Completed { .. } | State::Terminated => return Actions::new(),
        };
        held.as_deref()
            .map(|bytes| one(Action::Send(bytes)))
            .unwrap_or_default()
    }

    fn give_up(&mut self, kind: TimeoutKind) -> Actions<'_> {
        self.state = State::Terminated;
        one(Action::Report(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ms, t0};
    use proptest::prelude::*;

    const TIMERS: fn() -> Timers = Timers::default;
    const BYE: &[u8] = b"BYE sip:a@example.com SIP/2.0\r\n\r\n";

    #[test]
    fn unanswered_request_is_resent_after_t1_then_twice_as_late_up_to_t2() {
        let (t0, mut tx) = over_udp();
        for due in [
            500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
        ] {
            assert_eq!(tx.next_deadline(&TIMERS()), Some((t0 + ms(due), "timer E")));
            assert_eq!(feed(&mut tx, t0 + ms(due - 1), Input::Tick), []);
            assert_eq!(feed(&mut tx, t0 + ms(due), Input::Tick), [Action::Send(BYE)]);
        }
        assert_eq!(tx.next_deadline(&TIMERS()), Some((t0 + ms(32_000), "timer F")));
        assert_eq!(
            feed(&mut tx, t0 + ms(32_000), Input::Tick),
            [Action::Report(TimeoutKind::ClientTimeout)]
        );
        assert!(tx.is_over(t0 + ms(32_000)));
    }

    #[test]
    fn provisional_lets_the_running_gap_end_and_then_slows_to_t2() {
        let (t0, mut tx) = over_udp();
        assert_eq!(feed(&mut tx, t0 + ms(500), Input::Tick), [Action::Send(BYE)]);
        assert_eq!(
            feed(&mut tx, t0 + ms(600), Input::Response(100)),
            [Action::PassUp]
        );
        for due in [1500, 5500, 9500] {
            assert_eq!(tx.next_deadline(&TIMERS()), Some((t0 + ms(due), "timer E")));
            assert_eq!(feed(&mut tx, t0 + ms(due), Input::Tick), [Action::Send(BYE)]);
        }
        assert_eq!(
            feed(&mut tx, t0 + ms(9_600), Input::Response(100)),
            [Action::PassUp]
        );
        assert_eq!(
            feed(&mut tx, t0 + ms(32_000), Input::Tick),
            [Action::Report(TimeoutKind::ClientTimeout)]
        );
    }

    #[test]
    fn final_is_passed_up_once_and_its_copies_are_absorbed_for_t4() {
        let (t0, mut tx) = over_udp();
        assert_eq!(feed(&mut tx, t0 + ms(20), Input::Response(200)), [Action::PassUp]);
        assert_eq!(tx.next_deadline(&TIMERS()), Some((t0 + ms(5_020), "timer K")));
        assert_eq!(feed(&mut tx, t0 + ms(30), Input::Response(200)), []);
        assert_eq!(feed(&mut tx, t0 + ms(5_020), Input::Tick), []);
        assert!(tx.is_over(t0 + ms(5_020)));
    }

    #[test]
    fn over_tcp_nothing_is_resent_and_the_final_is_the_end() {
        let (t0, mut tx) = over_tcp();
        assert_eq!(tx.next_deadline(&TIMERS()), Some((t0 + ms(32_000), "timer F")));
        assert_eq!(feed(&mut tx, t0 + ms(500), Input::Tick), []);
        assert_eq!(
            feed(&mut tx, t0 + ms(600), Input::Response(100)),
            [Action::PassUp]
        );
        assert_eq!(tx.next_deadline(&TIMERS()), Some((t0 + ms(32_000), "timer F")));
        assert_eq!(
            feed(&mut tx, t0 + ms(700), Input::Response(481)),
            [Action::PassUp]
        );
        assert!(tx.is_over(t0 + ms(700)));
    }

    #[test]
    fn transport_failure_is_reported_while_waiting_and_ignored_after_the_final() {
        let (t0, mut tx) = over_tcp();
        assert_eq!(
            feed(&mut tx, t0, Input::TransportFailed),
            [Action::Report(TimeoutKind::TransportFailed)]
        );
        let (t0, mut tx) = over_udp();
        feed(&mut tx, t0, Input::Response(200));
        assert_eq!(feed(&mut tx, t0, Input::TransportFailed), []);
    }

    proptest! {
        /// The user hears one final or one report, never both, and by the end exactly one.
        #[test]
        fn user_hears_one_outcome(
            reliable: bool,
            ops in prop::collection::vec((0..5_u8, 100..700_u16, 0..9_000_u64), 0..40),
        ) {
            let (t0, timers) = (t0(), TIMERS());
            let mut tx = Client::new(t0, reliable, BYE);
            let (mut now, mut outcomes) = (t0, 0);
            let mut feed = |tx: &mut Client, now, input| {
                let is_final = matches!(input, Input::Response(200..));
                for action in tx.handle_input(now, &timers, input) {
                    outcomes += u32::from(
                        matches!(action, Action::Report(_)) || is_final && action == Action::PassUp,
                    );
                }
                outcomes
            };
            for (op, status, pass) in ops {
                now += ms(pass);
                let input = match op {
                    0..=1 => Input::Response(status),
                    2..=3 => Input::Tick,
                    _ => Input::TransportFailed,
                };
                prop_assert!(feed(&mut tx, now, input) <= 1);
                let deadline = tx.next_deadline(&timers);
                prop_assert!(input != Input::Tick || deadline.is_none_or(|(at, _)| at > now));
            }
            let mut heard = 0;
            for _ in 0..20 {
                if let Some((at, _)) = tx.next_deadline(&timers) {
                    now = now.max(at);
                }
                heard = feed(&mut tx, now, Input::Tick);
            }
            prop_assert_eq!(heard, 1);
            prop_assert!(tx.is_over(now));
        }
    }

    fn over_udp() -> (Instant, Client) {
        let t0 = t0();
        (t0, Client::new(t0, false, BYE))
    }

    fn over_tcp() -> (Instant, Client) {
        let t0 = t0();
        (t0, Client::new(t0, true, BYE))
    }

    fn feed(tx: &mut Client, now: Instant, input: Input) -> Vec<Action<'_>> {
        tx.handle_input(now, &TIMERS(), input).into_vec()
    }
}
