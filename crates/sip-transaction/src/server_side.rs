//! The half of the table that answers.

use std::time::Instant;

use sip_message::{Message, Method};

use crate::action::{Action, Actions};
use crate::flow::Flow;
use crate::invite_server::{self, InviteServer};
use crate::matching::{Fingerprint, RequestKey};
use crate::server::{self, Server};
use crate::slab::Key;
use crate::table::{
    AcceptError, Received, ServerId, Sink, Timeout, TransactionId, Transactions, set_timer,
    transaction_method,
};
use crate::timers::Timers;
use crate::wheel::TimerKey;

/// What became of [`Transactions::respond`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ResponseSent {
    /// It is on its way.
    Sent,
    /// RFC 4320 §4 forbids it, now or at all; the transaction still waits for another answer.
    Withheld,
    /// A final response was sent before, or the transaction is gone.
    TooLate,
}

/// One place of the table.
pub(crate) struct ServerSlot<U> {
    pub(crate) flow: Flow,
    pub(crate) owner: U,
    fingerprint: Fingerprint,
    timer: Option<TimerKey>,
    machine: Machine,
}

enum Machine {
    Invite(InviteServer),
    Other(Server),
}

#[derive(Clone, Copy)]
enum Event<'a> {
    Again,
    Ack,
    Respond(u16, &'a [u8]),
    Tick,
}

/// What a machine asked for, as far as its caller must know.
#[derive(Clone, Copy, Default)]
struct Done {
    sent: bool,
    passed_up: bool,
}

impl<U: Copy> Transactions<U> {
    /// Makes a server transaction for a request that was [`Received::NewRequest`] or [`Received::Cancel`].
    /// `flow` is where its responses go (RFC 3261 §18.2.2, RFC 3581 §4).
    ///
    /// An INVITE should be answered 100 at once; [`crate::TimeoutKind::TryingDue`] reminds of it.
    pub fn accept(
        &mut self,
        now: Instant,
        request: &Message<'_>,
        flow: &Flow,
        owner: U,
    ) -> Result<ServerId, AcceptError> {
        let method = request.method();
        let key = RequestKey::of(request)
            .filter(|_| method != Method::Ack)
            .ok_or(AcceptError::Malformed)?;
        let fingerprint = self.secret.fingerprint(&key, method);
        if let Some(known) = self.server_of(&fingerprint) {
            return Ok(known);
        }
        let in_dialog = || request.to().is_ok_and(|to| to.tag().is_some());
        self.has_room(method == Method::Invite && !in_dialog())?;
        let reliable = flow.transport.reliable();
        let machine = if method == Method::Invite {
            Machine::Invite(InviteServer::new(now, &self.settings.timers, reliable))
        } else {
            Machine::Other(Server::new(now, reliable))
        };
        let slot = ServerSlot {
            flow: *flow,
            owner,
            fingerprint,
            timer: None,
            machine,
        };
        let key = self.servers.insert(slot);
        let servers = &self.servers;
        let rehash = |index: &u32| servers.at(*index).map_or(0, |slot| slot.fingerprint.sip);
        self.by_fingerprint
            .insert_unique(fingerprint.sip, key.index, rehash);
        self.settle_server(now, ServerId(key));
        Ok(ServerId(key))
    }

    /// Sends a response in a server transaction. `bytes` is the whole message, `status` what it says.
    ///
    /// Once a 2xx to an INVITE was sent, the transaction holds no copy of it: whoever waits for the ACK
    /// sends it again by the same call (RFC 6026 §8.5).
    pub fn respond(
        &mut self,
        now: Instant,
        id: ServerId,
        status: u16,
        bytes: &[u8],
        sink: &mut impl Sink,
    ) -> ResponseSent {
        let Some(slot) = self.servers.find(id.0) else {
            return ResponseSent::TooLate;
        };
        let again = match &slot.machine {
            Machine::Invite(machine) => machine.is_accepted(),
            Machine::Other(machine) => {
                if !machine.allows(now, &self.settings.timers, status) {
                    return ResponseSent::Withheld;
                }
                false
            }
        };
        let done = self.drive_server(now, id, Event::Respond(status, bytes), sink, &mut Vec::new());
        if !done.sent {
            return ResponseSent::TooLate;
        }
        self.stats.responses_resent += u64::from(again);
        ResponseSent::Sent
    }

    pub(crate) fn receive_request(
        &mut self,
        now: Instant,
        message: &Message<'_>,
        sink: &mut impl Sink,
    ) -> Received<U> {
        let Some(key) = RequestKey::of(message) else {
            return Received::Malformed;
        };
        let method = message.method();
        let found = self.server_of(&self.secret.fingerprint(&key, transaction_method(method)));
        let found = found.and_then(|id| Some((id, self.owner(id)?)));
        match (method, found) {
            (Method::Ack, Some((id, owner))) => {
                let done = self.drive_server(now, id, Event::Ack, sink, &mut Vec::new());
                if done.passed_up {
                    return Received::AckFor2xx {
                        invite: Some((id, owner)),
                    };
                }
                Received::Absorbed
            }
            (Method::Ack, None) => Received::AckFor2xx { invite: None },
            (_, Some((id, _))) => {
                self.stats.requests_absorbed += 1;
                let done = self.drive_server(now, id, Event::Again, sink, &mut Vec::new());
                self.stats.responses_resent += u64::from(done.sent);
                Received::Absorbed
            }
            (Method::Cancel, None) => {
                let invite = self.server_of(&self.secret.fingerprint(&key, Method::Invite));
                let invite = invite.and_then(|id| Some((id, self.owner(id)?)));
                invite.map_or(Received::NewRequest, |(invite, owner)| Received::Cancel {
                    invite,
                    owner,
                })
            }
            (_, None) => Received::NewRequest,
        }
    }

    pub(crate) fn wake_server(
        &mut self,
        now: Instant,
        id: ServerId,
        sink: &mut impl Sink,
        out: &mut Vec<Timeout<U>>,
    ) {
        let done = self.drive_server(now, id, Event::Tick, sink, out);
        self.stats.responses_resent += u64::from(done.sent);
    }

    fn server_of(&self, fingerprint: &Fingerprint) -> Option<ServerId> {
        let same = |index: &u32| {
            self.servers
                .at(*index)
                .is_some_and(|slot| slot.fingerprint == *fingerprint)
        };
        let index = *self.by_fingerprint.find(fingerprint.sip, same)?;
        self.servers.key_at(index).map(ServerId)
    }

    /// Feeds one event to a machine and does what it asks.
    fn drive_server(
        &mut self,
        now: Instant,
        id: ServerId,
        event: Event<'_>,
        sink: &mut impl Sink,
        out: &mut Vec<Timeout<U>>,
    ) -> Done {
        let mut done = Done::default();
        let Some(slot) = self.servers.find_mut(id.0) else {
            return done;
        };
        let ServerSlot {
            flow, owner, machine, ..
        } = slot;
        for action in machine.handle(now, &self.settings.timers, event) {
            match action {
                Action::Send(bytes) => {
                    sink.send(flow, bytes);
                    done.sent = true;
                }
                Action::PassUp => done.passed_up = true,
                Action::Report(kind) => out.push(Timeout {
                    id: id.into(),
                    owner: *owner,
                    kind,
                }),
                // Only a client transaction sends an ACK.
                Action::Ack(_) => {}
            }
        }
        self.settle_server(now, id);
        done
    }

    /// Forgets a transaction that is over; sets the timer of one that is not.
    fn settle_server(&mut self, now: Instant, id: ServerId) {
        let Some(slot) = self.servers.find_mut(id.0) else {
            return;
        };
        let over = slot.machine.is_over(now);
        let deadline = if over {
            None
        } else {
            slot.machine.next_deadline(&self.settings.timers)
        };
        set_timer(
            &mut self.wheel,
            &mut slot.timer,
            deadline,
            TransactionId::Server(id),
        );
        if over {
            let hash = slot.fingerprint.sip;
            self.forget_server(id.0, hash);
        }
    }

    fn forget_server(&mut self, key: Key, hash: u64) {
        if let Ok(entry) = self.by_fingerprint.find_entry(hash, |index| *index == key.index) {
            entry.remove();
        }
        self.servers.remove(key);
        let (len, capacity) = (self.by_fingerprint.len(), self.by_fingerprint.capacity());
        if capacity > INDEX_KEPT && len < capacity / 8 {
            let servers = &self.servers;
            let rehash = |index: &u32| servers.at(*index).map_or(0, |slot| slot.fingerprint.sip);
            self.by_fingerprint.shrink_to(len * 2, rehash);
        }
    }
}

impl Machine {
    fn handle<'a>(&'a mut self, now: Instant, timers: &Timers, event: Event<'a>) -> Actions<'a> {
        match self {
            Self::Invite(machine) => machine.handle_input(
                now,
                timers,
                match event {
                    Event::Again => invite_server::Input::InviteAgain,
                    Event::Ack => invite_server::Input::Ack,
                    Event::Respond(status, bytes) => invite_server::Input::Respond(status, bytes),
                    Event::Tick => invite_server::Input::Tick,
                },
            ),
            Self::Other(machine) => match event {
                Event::Again => machine.handle_input(now, timers, server::Input::RequestAgain),
                Event::Respond(status, bytes) => {
                    machine.handle_input(now, timers, server::Input::Respond(status, bytes))
                }
                Event::Tick => machine.handle_input(now, timers, server::Input::Tick),
                // An ACK is matched to INVITEs only.
                Event::Ack => Actions::new(),
            },
        }
    }

    fn next_deadline(&self, timers: &Timers) -> Option<(Instant, &'static str)> {
        match self {
            Self::Invite(machine) => machine.next_deadline(timers),
            Self::Other(machine) => machine.next_deadline(timers),
        }
    }

    fn is_over(&self, now: Instant) -> bool {
        match self {
            Self::Invite(machine) => machine.is_over(now),
            Self::Other(machine) => machine.is_over(now),
        }
    }
}

/// Places of the index that are kept whatever happens.
const INDEX_KEPT: usize = 1024;
