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
