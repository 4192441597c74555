//! The half of the table that asks.

use std::time::Instant;

use sip_message::{Message, Method};

use crate::action::{Action, Actions};
use crate::branch::{self, Branch, BranchParts};
use crate::client::{self, Client};
use crate::flow::Flow;
use crate::invite_client::{self, Cancellable, InviteClient};
use crate::table::{ClientId, Received, Sink, TableFull, Timeout, TransactionId, Transactions, set_timer};
use crate::timers::Timers;
use crate::wheel::TimerKey;

/// Which machine a request of ours needs. An ACK for a 2xx needs none: it is sent without a transaction.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Kind {
    /// INVITE.
    Invite,
    /// Everything else. (A CANCEL is sent by [`Transactions::cancel`].)
    NonInvite,
}

/// A request to send.
#[derive(Clone, Copy)]
pub struct Outgoing<'a, U> {
    /// Which machine it needs.
    pub kind: Kind,
    /// Where it goes.
    pub flow: Flow,
    /// The whole request, with the minted branch in its top Via, which stands on a line of its own.
    pub bytes: &'a [u8],
    /// Whose it is.
    pub owner: U,
}

/// What became of [`Transactions::cancel`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CancelSent {
    /// The CANCEL is on its way, now or from an earlier call. A final response still comes, or
    /// [`crate::TimeoutKind::ClientTimeout`] after 64*T1.
    Sent,
    /// No provisional came yet; a CANCEL must wait for one (RFC 3261 §9.1). Call again when it comes.
    NotYet,
    /// The final response came, or the transaction is gone.
    TooLate,
}

/// One place of the table.
pub(crate) enum ClientSlot<U> {
    /// The branch is given out, the request not yet sent.
    Minted { token: u32 },
    /// Sent.
    Started(Started<U>),
}

pub(crate) struct Started<U> {
    pub(crate) flow: Flow,
    pub(crate) owner: U,
    token: u32,
    timer: Option<TimerKey>,
    machine: Machine,
}

enum Machine {
    /// With the CANCEL that was sent for it.
    Invite(InviteClient, Option<ClientId>),
    Other(Client),
    /// A CANCEL: nobody waits for its outcome.
    Cancel(Client),
}

#[derive(Clone, Copy)]
enum Event {
    Response(u16),
    Tick,
    TransportFailed,
}

impl<U: Copy> Transactions<U> {
    /// Sets a place aside and gives out the branch for the request to be written. `loop_hash` comes back
    /// by [`Branch::loop_hash_of`] if the request does (RFC 3261 §16.3 item 4).
    ///
    /// What is minted must be [started](Self::start) or [released](Self::release).
    pub fn mint(&mut self, loop_hash: u32) -> Result<(ClientId, Branch), TableFull> {
        self.has_room(false)?;
        let token = self.secret.draw();
        let key = self.clients.insert(ClientSlot::Minted { token });
        let parts = BranchParts {
            shard: self.settings.shard,
            key,
            token,
            loop_hash,
        };
        Ok((ClientId(key), Branch::new(self.settings.node, parts)))
    }

    /// Sends a request in the transaction minted for it. False, and nothing sent, if that was released or
    /// started before.
    pub fn start(
        &mut self,
        now: Instant,
        id: ClientId,
        request: Outgoing<'_, U>,
        sink: &mut impl Sink,
    ) -> bool {
        let Outgoing {
            kind,
            flow,
            bytes,
            owner,
        } = request;
        let Some(slot) = self.clients.find_mut(id.0) else {
            return false;
        };
        let ClientSlot::Minted { token } = *slot else {
            return false;
        };
        sink.send(&flow, bytes);
        let reliable = flow.transport.reliable();
        let machine = match kind {
            Kind::Invite => Machine::Invite(InviteClient::new(now, reliable, bytes), None),
            Kind::NonInvite => Machine::Other(Client::new(now, reliable, bytes)),
        };
        *slot = ClientSlot::Started(Started {
            flow,
            owner,
            token,
            timer: None,
            machine,
        });
        self.settle_client(now, id);
        true
    }

    /// Gives back a place that was minted and is not needed. One that was started goes its way.
    pub fn release(&mut self, id: ClientId) {
        if let Some(ClientSlot::Minted { .. }) = self.clients.find(id.0) {
            self.clients.remove(id.0);
        }
    }

    /// Cancels an INVITE of ours (RFC 3261 §9.1). `extra_headers` are whole lines, each with its CRLF, such
    /// as a Reason (RFC 3326).
    pub fn cancel(
        &mut self,
        now: Instant,
        id: ClientId,
        extra_headers: &[u8],
        sink: &mut impl Sink,
    ) -> CancelSent {
        let Some(ClientSlot::Started(invite)) = self.clients.find_mut(id.0) else {
            return CancelSent::TooLate;
        };
        let Machine::Invite(machine, _) = &mut invite.machine else {
            return CancelSent::TooLate;
        };
        self.scratch.clear();
        match machine.cancellable() {
            Cancellable::Now(head) => head.write_cancel(extra_headers, &mut self.scratch),
            Cancellable::Already => return CancelSent::Sent,
            Cancellable::NotYet => return CancelSent::NotYet,
            Cancellable::TooLate => return CancelSent::TooLate,
        }
        machine.handle_input(now, &self.settings.timers, invite_client::Input::Cancelled);
        let (flow, owner, token) = (invite.flow, invite.owner, invite.token);
        sink.send(&flow, &self.scratch);
        let machine = Machine::Cancel(Client::new(now, flow.transport.reliable(), &self.scratch));
        let cancel = Started {
            flow,
            owner,
            token,
            timer: None,
            machine,
        };
        let cancel = ClientId(self.clients.insert(ClientSlot::Started(cancel)));
        if let Some(ClientSlot::Started(Started {
            machine: Machine::Invite(_, link),
            ..
        })) = self.clients.find_mut(id.0)
        {
            *link = Some(cancel);
        }
        self.settle_client(now, cancel);
        self.settle_client(now, id);
        CancelSent::Sent
    }

    /// What this transaction sent could not be delivered (RFC 3261 §17.1.4). One that waits for nothing it
    /// sent goes on.
    pub fn transport_failed(&mut self, now: Instant, id: ClientId, out: &mut Vec<Timeout<U>>) {
        self.drive_client(now, id, Event::TransportFailed, &[], &mut Nowhere, out);
    }

    /// A connection broke, or a peer is unreachable: the same for every client transaction on that flow.
    /// Looks at each transaction of the table. Server transactions go on (RFC 6026 §8.8): their answers are
    /// for the transport to deliver some other way.
    pub fn flow_failed(&mut self, now: Instant, broken: &Flow, out: &mut Vec<Timeout<U>>) {
        let hit = |id: &ClientId| {
            let started = self.clients.find(id.0).and_then(ClientSlot::started);
            started.is_some_and(|started| started.flow.shares_fate_with(broken))
        };
        let ids: Vec<ClientId> = self.clients.keys().map(ClientId).filter(hit).collect();
        for id in ids {
            self.transport_failed(now, id, out);
        }
    }

    pub(crate) fn receive_response(
        &mut self,
        now: Instant,
        message: &Message<'_>,
        sink: &mut impl Sink,
    ) -> Received<U> {
        let (Some((asked, id)), Some(status)) = (self.client_of(message), message.status()) else {
            self.stats.stray_responses += 1;
            return Received::StrayResponse;
        };
        let owner = self.owner(asked);
        let mut reports = Vec::new();
        let passed_up = self.drive_client(
            now,
            id,
            Event::Response(status),
            message.bytes(),
            sink,
            &mut reports,
        );
        match owner {
            Some(owner) if passed_up && id == asked => Received::Response { id, owner },
            Some(_) | None => {
                self.stats.responses_absorbed += u64::from(!passed_up);
                Received::Absorbed
            }
        }
    }

    pub(crate) fn wake_client(
        &mut self,
        now: Instant,
        id: ClientId,
        sink: &mut impl Sink,
        out: &mut Vec<Timeout<U>>,
    ) {
        self.drive_client(now, id, Event::Tick, &[], sink, out);
    }

    /// The transaction the branch names, and the one that takes the response: the same, except that a
    /// CANCEL shares the branch of its INVITE (RFC 3261 §17.1.3).
    fn client_of(&self, response: &Message<'_>) -> Option<(ClientId, ClientId)> {
        let parts = branch::parse(response.top_via().ok()?.branch?, self.settings.node)?;
        let started = self.clients.find(parts.key)?.started()?;
        if parts.shard != self.settings.shard || parts.token != started.token {
            return None;
        }
        let id = ClientId(parts.key);
        match (&started.machine, response.method()) {
            (Machine::Invite(..), Method::Invite) => Some((id, id)),
            (Machine::Invite(_, cancel), Method::Cancel) => cancel.map(|cancel| (id, cancel)),
            (Machine::Invite(..) | Machine::Cancel(_), _) => None,
            (Machine::Other(_), Method::Invite | Method::Ack | Method::Cancel) => None,
            (Machine::Other(_), _) => Some((id, id)),
        }
    }

    /// Feeds one event to a machine and does what it asks; tells whether the message is for the user.
    fn drive_client(
        &mut self,
        now: Instant,
        id: ClientId,
        event: Event,
        message: &[u8],
        sink: &mut impl Sink,
        out: &mut Vec<Timeout<U>>,
    ) -> bool {
        let Some(ClientSlot::Started(started)) = self.clients.find_mut(id.0) else {
            return false;
        };
        let Started {
            flow, owner, machine, ..
        } = started;
        let silent = matches!(machine, Machine::Cancel(_));
        let mut passed_up = false;
        for action in machine.handle(now, &self.settings.timers, event) {
            match action {
                Action::Send(bytes) => {
                    self.stats.requests_resent += 1;
                    sink.send(flow, bytes);
                }
                Action::Ack(head) => {
                    self.scratch.clear();
                    head.write_ack(message, &mut self.scratch);
                    sink.send(flow, &self.scratch);
                }
                Action::PassUp => passed_up = true,
                Action::Report(_) if silent => {}
                Action::Report(kind) => out.push(Timeout {
                    id: id.into(),
                    owner: *owner,
                    kind,
                }),
            }
        }
        self.settle_client(now, id);
        passed_up
    }

    /// Forgets a transaction that is over, with its CANCEL; sets the timer of one that is not.
    fn settle_client(&mut self, now: Instant, id: ClientId) {
        let Some(ClientSlot::Started(started)) = self.clients.find_mut(id.0) else {
            return;
        };
        let over = started.machine.is_over(now);
        let deadline = if over {
            None
        } else {
            started.machine.next_deadline(&self.settings.timers)
        };
        set_timer(
            &mut self.wheel,
            &mut started.timer,
            deadline,
            TransactionId::Client(id),
        );
        if !over {
            return;
        }
        if let Some(ClientSlot::Started(Started {
            machine: Machine::Invite(_, Some(cancel)),
            ..
        })) = self.clients.remove(id.0)
            && let Some(ClientSlot::Started(Started {
                timer: Some(timer), ..
            })) = self.clients.remove(cancel.0)
        {
            self.wheel.cancel(timer);
        }
    }
}

impl<U> ClientSlot<U> {
    pub(crate) fn started(&self) -> Option<&Started<U>> {
        match self {
            Self::Started(started) => Some(started),
            Self::Minted { .. } => None,
        }
    }

    pub(crate) fn owner_mut(&mut self) -> Option<&mut U> {
        match self {
            Self::Started(started) => Some(&mut started.owner),
            Self::Minted { .. } => None,
        }
    }
}

impl Machine {
    fn handle(&mut self, now: Instant, timers: &Timers, event: Event) -> Actions<'_> {
        match self {
            Self::Invite(machine, _) => machine.handle_input(now, timers, event.into()),
            Self::Other(machine) | Self::Cancel(machine) => machine.handle_input(now, timers, event.into()),
        }
    }

    fn next_deadline(&self, timers: &Timers) -> Option<(Instant, &'static str)> {
        match self {
            Self::Invite(machine, _) => machine.next_deadline(timers),
            Self::Other(machine) | Self::Cancel(machine) => machine.next_deadline(timers),
        }
    }

    fn is_over(&self, now: Instant) -> bool {
        match self {
            Self::Invite(machine, _) => machine.is_over(now),
            Self::Other(machine) | Self::Cancel(machine) => machine.is_over(now),
        }
    }
}

impl From<Event> for invite_client::Input {
    fn from(event: Event) -> Self {
        match event {
            Event::Response(status) => Self::Response(status),
            Event::Tick => Self::Tick,
            Event::TransportFailed => Self::TransportFailed,
        }
    }
}

impl From<Event> for client::Input {
    fn from(event: Event) -> Self {
        match event {
            Event::Response(status) => Self::Response(status),
            Event::Tick => Self::Tick,
            Event::TransportFailed => Self::TransportFailed,
        }
    }
}

/// For events that send nothing.
struct Nowhere;

impl Sink for Nowhere {
    fn send(&mut self, _flow: &Flow, _bytes: &[u8]) {}
}
