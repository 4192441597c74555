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
