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
