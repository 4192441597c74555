//! INVITE client transaction (RFC 3261 §17.1.1, RFC 6026 §7.2).
//!
//! Calling → Proceeding → Completed or Accepted → Terminated. Timers A (retransmission), B (no response at
//! all), D (copies of a failure), M (further 2xx), and 64*T1 after a CANCEL (§9.1). It never sends an ACK
//! for a 2xx, and while it rings without a CANCEL it has no timer: how long to ring is for its user.

use std::time::Instant;

use crate::action::{Action, Actions, TimeoutKind, one, two};
use crate::head::Head;
use crate::timers::Timers;

/// One INVITE that we sent.
pub struct InviteClient {
    reliable: bool,
    state: State,
}

enum State {
    /// Sent, nothing heard. Holds the whole request on an unreliable transport, its head on a reliable one.
    Calling {
        held: Box<[u8]>,
        since: Instant,
        resent: u8,
    },
    /// A provisional came. `give_up_at` is set once a CANCEL went out.
    Proceeding { head: Head, give_up_at: Option<Instant> },
    /// A 300–699 came; each copy of it is answered with the ACK.
    Completed { head: Head, until: Instant },
    /// A 2xx came; each further one goes to the user.
    Accepted { until: Instant },
    /// Over.
    Terminated,
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Input {
    /// A response with this status, matched by branch and method.
    Response(u16),
    /// A CANCEL for it was sent.
    Cancelled,
    /// Time has passed.
    Tick,
    /// The transport failed to deliver what was sent.
    TransportFailed,
}

impl InviteClient {
    /// Takes over an INVITE that is sent at `now`. `reliable` is the transport's word.
    #[must_use]
    pub fn new(now: Instant, reliable: bool, request: &[u8]) -> Self {
        let held = if reliable {
            Head::of(request).into_bytes()
        } else {
            request.into()
        };
        Self {
            reliable,
            state: State::Calling {
                held,
                since: now,
                resent: 0,
            },
        }
    }

    /// Answers one event.
    pub fn handle_input(&mut self, now: Instant, timers: &Timers, input: Input) -> Actions<'_> {
        match input {
            Input::Response(status) => self.respond(now, timers, status),
            Input::Cancelled => self.cancelled(now, timers),
            Input::Tick => self.tick(now, timers),
            Input::TransportFailed => self.transport_failed(),
        }
    }

    /// When the next [`Input::Tick`] is due, and which timer asks for it.
    #[must_use]
    pub fn next_deadline(&self, timers: &Timers) -> Option<(Instant, &'static str)> {
        match &self.state {
            State::Calling { since, resent, .. } => {
                let (a, b) = (timers.doubling(*since, *resent), *since + timers.b());
                Some(if self.reliable || b <= a {
                    (b, "timer B")
                } else {
                    (a, "timer A")
                })
            }
            State::Proceeding { give_up_at, .. } => give_up_at.map(|at| (at, "64*T1 after CANCEL")),
            State::Completed { until, .. } => Some((*until, "timer D")),
            State::Accepted { until } => Some((*until, "timer M")),
            State::Terminated => None,
        }
    }

    /// Whether it may be forgotten at `now`: it is over, or waits for copies that can no longer come. A
    /// wait of zero length, as on reliable transports, is over as it begins.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        match &self.state {
            State::Completed { until, .. } | State::Accepted { until } => now >= *until,
            State::Terminated => true,
            State::Calling { .. } | State::Proceeding { .. } => false,
        }
    }

    /// Whether a CANCEL may be sent, and if so from which head (RFC 3261 §9.1: only after a provisional,
    /// only before a final).
    #[must_use]
    pub fn cancellable(&self) -> Cancellable<'_> {
        match &self.state {
            State::Calling { .. } => Cancellable::NotYet,
            State::Proceeding {
                head,
                give_up_at: None,
            } => Cancellable::Now(head),
            State::Proceeding {
                give_up_at: Some(_), ..
            } => Cancellable::Already,
            State::Completed { .. } | State::Accepted { .. } | State::Terminated => Cancellable::TooLate,
        }
    }

    fn respond(&mut self, now: Instant, timers: &Timers, status: u16) -> Actions<'_> {
        let was = std::mem::replace(&mut self.state, State::Terminated);
        let open = matches!(was, State::Calling { .. } | State::Proceeding { .. });
        let accepted = || State::Accepted {
            until: now + timers.m(),
        };
        let completed = |head| State::Completed {
            head,
            until: now + timers.d(self.reliable),
        };
        self.state = match was {
            State::Calling { held, .. } => match status {
                ..200 => State::Proceeding {
                    head: Head::of(&held),
                    give_up_at: None,
                },
                200..300 => accepted(),
                300.. => completed(Head::of(&held)),
            },
            State::Proceeding { head, give_up_at } => match status {
                ..200 => State::Proceeding { head, give_up_at },
                200..300 => accepted(),
                300.. => completed(head),
            },
            State::Completed { .. } | State::Accepted { .. } | State::Terminated => was,
        };
        match &self.state {
            State::Proceeding { .. } => one(Action::PassUp),
            State::Completed { head, .. } if open => two(Action::Ack(head), Action::PassUp),
            State::Completed { head, .. } if status >= 300 => one(Action::Ack(head)),
            State::Accepted { .. } if (200..300).contains(&status) => one(Action::PassUp),
            State::Calling { .. } | State::Completed { .. } | State::Accepted { .. } | State::Terminated => {
                Actions::new()
            }
        }
    }

    fn cancelled(&mut self, now: Instant, timers: &Timers) -> Actions<'_> {
        match &mut self.state {
            State::Proceeding { give_up_at, .. } => {
                give_up_at.get_or_insert(now + timers.lifetime());
            }
            State::Calling { .. } | State::Completed { .. } | State::Accepted { .. } | State::Terminated => {}
        }
        Actions::new()
    }

    fn tick(&mut self, now: Instant, timers: &Timers) -> Actions<'_> {
        if self.is_over(now) {
            self.state = State::Terminated;
            return Actions::new();
        }
        let give_up_at = match &self.state {
            State::Calling { since, .. } => Some(*since + timers.b()),
            State::Proceeding { give_up_at, .. } => *give_up_at,
            State::Completed { .. } | State::Accepted { .. } | State::Terminated => None,
        };
        if give_up_at.is_some_and(|at| now >= at) {
            return self.give_up(TimeoutKind::ClientTimeout);
        }
        match &mut self.state {
            State::Calling { held, since, resent } => {
                if self.reliable || now < timers.doubling(*since, *resent) {
                    return Actions::new();
                }
                // A late tick sends once, however many copies it missed.
                while timers.doubling(*since, *resent) <= now {
                    *resent += 1;
                }
                one(Action::Send(held))
            }
            State::Proceeding { .. }
            | State::Completed { .. }
            | State::Accepted { .. }
            | State::Terminated => Actions::new(),
        }
    }

    fn transport_failed(&mut self) -> Actions<'_> {
        match &self.state {
            State::Calling { .. } | State::Completed { .. } => self.give_up(TimeoutKind::TransportFailed),
            // Nothing of ours is on its way; the peer may answer over another connection.
            State::Proceeding { .. } | State::Accepted { .. } | State::Terminated => Actions::new(),
        }
    }

    fn give_up(&mut self, kind: TimeoutKind) -> Actions<'_> {
        self.state = State::Terminated;
        one(Action::Report(kind))
    }
}

/// Whether an INVITE can be cancelled.
#[derive(Debug, Eq, PartialEq)]
pub enum Cancellable<'a> {
    /// No provisional yet.
    NotYet,
    /// Yes, from this head.
    Now(&'a Head),
    /// It is being cancelled.
    Already,
    /// A final response came, or none will.
    TooLate,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ms, t0};
    use proptest::prelude::*;

    const INVITE: &[u8] = b"INVITE sip:a@example.com SIP/2.0\r\nCSeq: 1 INVITE\r\nSubject: x\r\n\r\n";
    const TIMERS: fn() -> Timers = Timers::default;

    #[test]
    fn unanswered_invite_is_resent_after_t1_then_each_time_twice_as_late() {
        let (t0, mut tx) = over_udp();
        for (due, next) in [
            (500, 1500),
            (1500, 3500),
            (3500, 7500),
            (7500, 15_500),
            (15_500, 31_500),
        ] {
            assert_eq!(tx.next_deadline(&TIMERS()), Some((t0 + ms(due), "timer A")));
            assert_eq!(tick(&mut tx, t0 + ms(due - 1)), []);
            assert_eq!(tick(&mut tx, t0 + ms(due)), [Action::Send(INVITE)]);
            assert_eq!(tx.next_deadline(&TIMERS()), Some((t0 + ms(next), "timer A")));
        }
    }

    #[test]
    fn invite_without_any_response_times_out_after_64_t1() {
        let (t0, mut tx) = over_udp();
        assert_eq!(tick(&mut tx, t0 + ms(31_500)), [Action::Send(INVITE)]);
        assert_eq!(tx.next_deadline(&TIMERS()), Some((t0 + ms(32_000), "timer B")));
        assert_eq!(
            tick(&mut tx, t0 + ms(32_000)),
            [Action::Report(TimeoutKind::ClientTimeout)]
        );
        assert!(tx.is_over(t0 + ms(32_000)));
        assert_eq!(tx.next_deadline(&TIMERS()), None);
    }

    #[test]
    fn late_tick_sends_one_copy_and_returns_to_the_schedule() {
        let (t0, mut tx) = over_udp();
        assert_eq!(tick(&mut tx, t0 + ms(4000)), [Action::Send(INVITE)]);
        assert_eq!(tx.next_deadline(&TIMERS()), Some((t0 + ms(7500), "timer A")));
    }

    #[test]
    fn nothing_is_resent_over_tcp_and_timer_b_still_runs() {
        let (t0, mut tx) = over_tcp();
        assert_eq!(tx.next_deadline(&TIMERS()), Some((t0 + ms(32_000), "timer B")));
        assert_eq!(tick(&mut tx, t0 + ms(500)), []);
        assert_eq!(
            tick(&mut tx, t0 + ms(32_000)),
            [Action::Report(TimeoutKind::ClientTimeout)]
        );
    }

    #[test]
    fn provisional_stops_all_timers_and_every_provisional_is_passed_up() {
        let (t0, mut tx) = over_udp();
        for status in [100, 180, 183] {
            assert_eq!(hear(&mut tx, t0 + ms(100), status), [Action::PassUp]);
            assert_eq!(tx.next_deadline(&TIMERS()), None);
        }
        assert_eq!(tick(&mut tx, t0 + ms(180_000)), []);
        assert!(!tx.is_over(t0 + ms(180_000)));
    }

    #[test]
    fn failure_is_acknowledged_and_passed_up_and_its_copies_only_acknowledged() {
        let (t0, mut tx) = over_udp();
        let head = Head::of(INVITE);
        assert_eq!(hear(&mut tx, t0, 180), [Action::PassUp]);
        assert_eq!(
            hear(&mut tx, t0 + ms(10), 486),
            [Action::Ack(&head), Action::PassUp]
        );
        assert_eq!(tx.next_deadline(&TIMERS()), Some((t0 + ms(32_010), "timer D")));
        assert_eq!(hear(&mut tx, t0 + ms(510), 486), [Action::Ack(&head)]);
        assert_eq!(hear(&mut tx, t0 + ms(510), 180), []);
        assert_eq!(
            hear(&mut tx, t0 + ms(510), 200),
            [],
            "a failure is final (RFC 6026 §8.4)"
        );
        assert_eq!(tick(&mut tx, t0 + ms(32_010)), []);
        assert!(tx.is_over(t0 + ms(32_010)));
    }

    #[test]
    fn failure_without_provisional_is_acknowledged_too() {
        let (t0, mut tx) = over_udp();
        assert_eq!(
            hear(&mut tx, t0, 503),
            [Action::Ack(&Head::of(INVITE)), Action::PassUp]
        );
    }

    #[test]
    fn failure_over_tcp_is_acknowledged_and_over_at_once() {
        let (t0, mut tx) = over_tcp();
        assert_eq!(
            hear(&mut tx, t0, 486),
            [Action::Ack(&Head::of(INVITE)), Action::PassUp]
        );
        assert!(tx.is_over(t0));
    }

    #[test]
    fn every_2xx_is_passed_up_until_timer_m_and_nothing_else_is() {
        for (t0, mut tx) in [over_udp(), over_tcp()] {
            for at in [0, 500, 31_000] {
                assert_eq!(hear(&mut tx, t0 + ms(at), 200), [Action::PassUp]);
                assert_eq!(tx.next_deadline(&TIMERS()), Some((t0 + ms(32_000), "timer M")));
            }
            assert_eq!(hear(&mut tx, t0 + ms(31_000), 180), []);
            assert_eq!(hear(&mut tx, t0 + ms(31_000), 486), []);
            assert_eq!(tick(&mut tx, t0 + ms(32_000)), []);
            assert!(tx.is_over(t0 + ms(32_000)));
        }
    }

    #[test]
    fn cancel_waits_for_a_provisional_and_comes_too_late_after_a_final() {
        let (t0, mut tx) = over_udp();
        assert_eq!(tx.cancellable(), Cancellable::NotYet);
        hear(&mut tx, t0, 100);
        assert_eq!(tx.cancellable(), Cancellable::Now(&Head::of(INVITE)));
        tx.handle_input(t0, &TIMERS(), Input::Cancelled);
        assert_eq!(tx.cancellable(), Cancellable::Already);
        hear(&mut tx, t0, 487);
        assert_eq!(tx.cancellable(), Cancellable::TooLate);
    }

    #[test]
    fn cancelled_invite_without_final_response_times_out_64_t1_after_the_cancel() {
        let (t0, mut tx) = over_udp();
        hear(&mut tx, t0, 180);
        tx.handle_input(t0 + ms(9_000), &TIMERS(), Input::Cancelled);
        assert_eq!(
            tx.next_deadline(&TIMERS()),
            Some((t0 + ms(41_000), "64*T1 after CANCEL"))
        );
        assert_eq!(hear(&mut tx, t0 + ms(10_000), 180), [Action::PassUp]);
        assert_eq!(
            tick(&mut tx, t0 + ms(41_000)),
            [Action::Report(TimeoutKind::ClientTimeout)]
        );
        assert!(tx.is_over(t0 + ms(41_000)));
    }

    #[test]
    fn transport_failure_ends_a_calling_invite_and_leaves_a_ringing_one() {
        let (t0, mut tx) = over_tcp();
        assert_eq!(fail(&mut tx, t0), [Action::Report(TimeoutKind::TransportFailed)]);
        assert!(tx.is_over(t0));
        let (t0, mut tx) = over_tcp();
        hear(&mut tx, t0, 180);
        assert_eq!(fail(&mut tx, t0), []);
        assert!(!tx.is_over(t0));
    }

    #[test]
    fn transport_failure_of_the_ack_is_reported() {
        let (t0, mut tx) = over_udp();
        hear(&mut tx, t0, 486);
        assert_eq!(fail(&mut tx, t0), [Action::Report(TimeoutKind::TransportFailed)]);
    }

    proptest! {
        /// One final is passed up unless it is a 2xx, one report ends it, and nothing is passed up after it.
        #[test]
        fn any_course_of_events_ends(
            reliable: bool,
            ops in prop::collection::vec((0..6_u8, 100..700_u16, 0..20_000_u64), 0..60),
        ) {
            let (t0, timers) = (t0(), TIMERS());
            let mut tx = InviteClient::new(t0, reliable, INVITE);
            let (mut now, mut failures, mut reports) = (t0, 0, 0);
            for (op, status, pass) in ops {
                now += ms(pass);
                let input = match op {
                    0..=2 => Input::Response(status),
                    3 => Input::Cancelled,
                    4 => Input::Tick,
                    _ => Input::TransportFailed,
                };
                let over = tx.is_over(now);
                for action in tx.handle_input(now, &timers, input) {
                    match action {
                        Action::PassUp => failures += u32::from(status >= 300),
                        Action::Report(_) => reports += 1,
                        Action::Send(_) => prop_assert!(!reliable && !over),
                        Action::Ack(_) => {}
                    }
                }
                prop_assert!(failures <= 1 && reports <= 1);
                let deadline = tx.next_deadline(&timers);
                prop_assert!(input != Input::Tick || deadline.is_none_or(|(at, _)| at > now));
            }
            now += ms(1);
            tx.handle_input(now, &timers, Input::Response(180));
            tx.handle_input(now, &timers, Input::Cancelled);
            for _ in 0..20 {
                if let Some((at, _)) = tx.next_deadline(&timers) {
                    now = now.max(at);
                    tx.handle_input(now, &timers, Input::Tick);
                }
            }
            prop_assert!(tx.is_over(now));
        }
    }

    fn over_udp() -> (Instant, InviteClient) {
        let t0 = t0();
        (t0, InviteClient::new(t0, false, INVITE))
    }

    fn over_tcp() -> (Instant, InviteClient) {
        let t0 = t0();
        (t0, InviteClient::new(t0, true, INVITE))
    }

    fn hear(tx: &mut InviteClient, now: Instant, status: u16) -> Vec<Action<'_>> {
        tx.handle_input(now, &TIMERS(), Input::Response(status))
            .into_vec()
    }

    fn tick(tx: &mut InviteClient, now: Instant) -> Vec<Action<'_>> {
        tx.handle_input(now, &TIMERS(), Input::Tick).into_vec()
    }

    fn fail(tx: &mut InviteClient, now: Instant) -> Vec<Action<'_>> {
        tx.handle_input(now, &TIMERS(), Input::TransportFailed).into_vec()
    }
}
