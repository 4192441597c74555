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
