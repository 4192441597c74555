//! The transactions of one shard: which message belongs to which, and when each must wake.

use std::time::Instant;

use hashbrown::HashTable;
use sip_message::{Message, Method};

use crate::action::TimeoutKind;
use crate::client_side::ClientSlot;
use crate::flow::Flow;
use crate::matching::Secret;
use crate::server_side::ServerSlot;
use crate::slab::{Key, Slab};
use crate::timers::Timers;
use crate::wheel::{TimerKey, Wheel};

/// All client and server transactions of one shard. `U` is the reference by which the transaction user
/// knows what a transaction is for.
///
/// Messages go in by [`receive`](Self::receive), [`accept`](Self::accept), [`respond`](Self::respond),
/// [`start`](Self::start) and [`cancel`](Self::cancel); what must be sent goes to the [`Sink`]; time goes
/// in by [`expire`](Self::expire). At rest the table is empty and holds next to no memory.
pub struct Transactions<U> {
    pub(crate) settings: Settings,
    pub(crate) secret: Secret,
    pub(crate) clients: Slab<ClientSlot<U>>,
    pub(crate) servers: Slab<ServerSlot<U>>,
    /// Slots of `servers` by fingerprint.
    pub(crate) by_fingerprint: HashTable<u32>,
    pub(crate) wheel: Wheel<TransactionId>,
    pub(crate) stats: Stats,
    /// Where an ACK or a CANCEL is written.
    pub(crate) scratch: Vec<u8>,
    due: Vec<TransactionId>,
}

/// What a table is built from.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// This node, as it stands in its branches.
    pub node: u32,
    /// This shard, as it stands in its branches.
    pub shard: u8,
    /// The timers.
    pub timers: Timers,
    /// Most transactions held, client and server together. The last eighth is not for initial INVITEs, so
    /// that calls which are up can go on. CANCELs of our own INVITEs come on top, at most one for each.
    pub transactions_max: usize,
    /// What the tokens in branches and the keys of the hash tables come from. Must be unpredictable, and
    /// never the same twice.
    pub seed: u64,
}

/// Takes what is to be sent. It must not block, and may drop.
pub trait Sink {
    /// Sends `bytes` as one message on `flow`.
    fn send(&mut self, flow: &Flow, bytes: &[u8]);
}

/// One client transaction, for as long as it is held.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClientId(pub(crate) Key);

/// One server transaction, for as long as it is held.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ServerId(pub(crate) Key);

/// One transaction of either kind.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TransactionId {
    /// We asked.
    Client(ClientId),
    /// We were asked.
    Server(ServerId),
}

/// What a received message is to the transaction user.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Received<U> {
    /// A request of no transaction: [`Transactions::accept`] it, or answer it without a transaction. A
    /// CANCEL that matches no INVITE is one too.
    NewRequest,
    /// Dealt with: a copy of a request, an ACK to a failure, a response that changes nothing.
    Absorbed,
    /// A CANCEL for this INVITE. The CANCEL is a transaction of its own: [`Transactions::accept`] and answer
    /// it, then answer the INVITE, if that still awaits its final response.
    Cancel {
        /// The INVITE it cancels.
        invite: ServerId,
        /// The owner of that INVITE.
        owner: U,
    },
    /// An ACK that is not for a failure of ours: for a 2xx, or for nothing. The dialog knows.
    AckFor2xx {
        /// The INVITE, where the ACK repeats its branch, as it should not but some do.
        invite: Option<(ServerId, U)>,
    },
    /// A response to a request of ours: a provisional, the first final, or any 2xx to an INVITE.
    Response {
        /// The transaction of the request.
        id: ClientId,
        /// Its owner.
        owner: U,
    },
    /// A response to nothing; to be dropped (RFC 6026 §8.9).
    StrayResponse,
    /// A request without a readable top Via (or, without the magic cookie, From, Call-ID or CSeq): it can be
    /// in no transaction.
    Malformed,
}

/// A transaction speaks up by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timeout<U> {
    /// Which. It is gone, except after [`TimeoutKind::TryingDue`].
    pub id: TransactionId,
    /// Whose.
    pub owner: U,
    /// Why.
    pub kind: TimeoutKind,
}

/// The table holds as many transactions as it may.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TableFull;

/// Why a request could not become a transaction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AcceptError {
    /// The table holds as many as it may: answer 503 without a transaction.
    TableFull,
    /// See [`Received::Malformed`]; or it is an ACK, which never makes a transaction.
    Malformed,
}

/// Counts since the table was made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Stats {
    /// Copies of requests sent (timers A and E).
    pub requests_resent: u64,
    /// Copies of responses sent: timer G, in answer to a copy of the request, and 2xx sent again.
    pub responses_resent: u64,
    /// Copies of requests received.
    pub requests_absorbed: u64,
    /// Responses received that changed nothing, most of them copies.
    pub responses_absorbed: u64,
    /// Responses received that belong to no transaction.
    pub stray_responses: u64,
    /// Transactions refused because the table was full.
    pub refused: u64,
}

impl<U: Copy> Transactions<U> {
    /// An empty table. Times given later are not before `start`.
    #[must_use]
    pub fn new(settings: Settings, start: Instant) -> Self {
        let mut secret = Secret::new(settings.seed);
        Self {
            settings,
            clients: Slab::new(secret.draw()),
            servers: Slab::new(secret.draw()),
            secret,
            by_fingerprint: HashTable::new(),
            wheel: Wheel::new(start, Wheel::<TransactionId>::DEFAULT_TICK),
            stats: Stats::default(),
            scratch: Vec::new(),
            due: Vec::new(),
        }
    }

    /// Sorts a message that came in, and does what its transaction asks for.
    pub fn receive(&mut self, now: Instant, message: &Message<'_>, sink: &mut impl Sink) -> Received<U> {
        if message.is_request() {
            self.receive_request(now, message, sink)
        } else {
            self.receive_response(now, message, sink)
        }
    }

    /// Wakes what is due: copies go to `sink`, and what was waited for in vain is appended to `out`.
    pub fn expire(&mut self, now: Instant, sink: &mut impl Sink, out: &mut Vec<Timeout<U>>) {
        let mut due = std::mem::take(&mut self.due);
        self.wheel.expire(now, &mut due);
        for id in due.drain(..) {
            match id {
                TransactionId::Client(id) => self.wake_client(now, id, sink, out),
                TransactionId::Server(id) => self.wake_server(now, id, sink, out),
            }
        }
        due.shrink_to(DUE_KEPT);
        self.due = due;
    }

    /// When [`expire`](Self::expire) should be called next; `None` if nothing waits.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.wheel.next_deadline()
    }

    /// How many transactions are held, including those minted and not started.
    #[must_use]
    pub fn len(&self) -> usize {
        self.clients.len() + self.servers.len()
    }

    /// Whether none is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty() && self.servers.is_empty()
    }

    /// What was counted.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The timers in use.
    #[must_use]
    pub fn timers(&self) -> &Timers {
        &self.settings.timers
    }

    /// Gives a transaction another owner; false if it is gone.
    pub fn set_owner(&mut self, id: impl Into<TransactionId>, owner: U) -> bool {
        let place = match id.into() {
            TransactionId::Client(id) => self.clients.find_mut(id.0).and_then(ClientSlot::owner_mut),
            TransactionId::Server(id) => self.servers.find_mut(id.0).map(|slot| &mut slot.owner),
        };
        place.map(|place| *place = owner).is_some()
    }

    /// The owner of a transaction, if it is held (and, for one of ours, started).
    #[must_use]
    pub fn owner(&self, id: impl Into<TransactionId>) -> Option<U> {
        match id.into() {
            TransactionId::Client(id) => self.clients.find(id.0)?.started().map(|started| started.owner),
            TransactionId::Server(id) => self.servers.find(id.0).map(|slot| slot.owner),
        }
    }

    /// The way a transaction sends, if it is held (and, for one of ours, started).
    #[must_use]
    pub fn flow(&self, id: impl Into<TransactionId>) -> Option<Flow> {
        match id.into() {
            TransactionId::Client(id) => self.clients.find(id.0)?.started().map(|started| started.flow),
            TransactionId::Server(id) => self.servers.find(id.0).map(|slot| slot.flow),
        }
    }

    /// Whether another transaction fits; `initial` is one that begins a call.
    pub(crate) fn has_room(&mut self, initial: bool) -> Result<(), TableFull> {
        let max = self.settings.transactions_max;
        let max = if initial { max - max / 8 } else { max };
        if self.len() < max {
            return Ok(());
        }
        self.stats.refused += 1;
        Err(TableFull)
    }
}

/// Sets the one timer of a transaction to its next deadline.
pub(crate) fn set_timer(
    wheel: &mut Wheel<TransactionId>,
    timer: &mut Option<TimerKey>,
    deadline: Option<(Instant, &'static str)>,
    id: TransactionId,
) {
    *timer = match (timer.take(), deadline) {
        (Some(key), Some((at, _))) => Some(wheel.reschedule(key, at, id)),
        (None, Some((at, _))) => Some(wheel.schedule(at, id)),
        (Some(key), None) => {
            wheel.cancel(key);
            None
        }
        (None, None) => None,
    };
}

/// The method that names the transaction of a request: an ACK belongs to its INVITE.
pub(crate) fn transaction_method(method: Method<'_>) -> Method<'_> {
    if method == Method::Ack {
        Method::Invite
    } else {
        method
    }
}

impl From<ClientId> for TransactionId {
    fn from(id: ClientId) -> Self {
        Self::Client(id)
    }
}

impl From<ServerId> for TransactionId {
    fn from(id: ServerId) -> Self {
        Self::Server(id)
    }
}

impl From<TableFull> for AcceptError {
    fn from(TableFull: TableFull) -> Self {
        Self::TableFull
    }
}

/// Places for due timers that are kept from one waking to the next.
const DUE_KEPT: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ms, t0};
    use crate::{Kind, Outgoing, Transport};
    use sip_message::{Index, Limits};
    use std::net::SocketAddr;

    struct Nowhere;

    impl Sink for Nowhere {
        fn send(&mut self, _flow: &Flow, _bytes: &[u8]) {}
    }

    #[test]
    fn a_place_of_the_table_is_small() {
        assert!(
            size_of::<ClientSlot<u64>>() <= 136,
            "{}",
            size_of::<ClientSlot<u64>>()
        );
        assert!(
            size_of::<ServerSlot<u64>>() <= 136,
            "{}",
            size_of::<ServerSlot<u64>>()
        );
    }

    #[test]
    fn memory_of_a_peak_is_given_back() {
        let (t0, mut index) = (t0(), Index::new(Limits::default()));
        let settings = Settings {
            node: 1,
            shard: 0,
            timers: Timers::default(),
            transactions_max: 100_000,
            seed: 1,
        };
        let mut table = Transactions::new(settings, t0);
        let remote = SocketAddr::from(([192, 0, 2, 1], 5060));
        let flow = Flow {
            transport: Transport::Udp,
            shard: 0,
            listener: 0,
            connection: 0,
            remote,
        };
        for n in 0..20_000 {
            let bye = format!(
                "BYE sip:192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{n}\r\n\
                From: <sip:a@example.com>;tag=a\r\nTo: <sip:b@example.com>;tag=b\r\n\
                Call-ID: {n}\r\nCSeq: 1 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            );
            let message = index.parse(bye.as_bytes()).unwrap();
            let id = table.accept(t0, &message, &flow, n).unwrap();
            table.respond(t0, id, 200, b"SIP/2.0 200 OK\r\n\r\n", &mut Nowhere);
            let (id, _) = table.mint(0).unwrap();
            let request = Outgoing {
                kind: Kind::NonInvite,
                flow,
                bytes: bye.as_bytes(),
                owner: n,
            };
            assert!(table.start(t0, id, request, &mut Nowhere));
        }
        let mut out = Vec::new();
        table.expire(t0 + ms(32_000), &mut Nowhere, &mut out);
        assert_eq!((out.len(), table.len(), table.next_deadline()), (20_000, 0, None));
        assert_eq!(
            (
                table.clients.capacity(),
                table.servers.capacity(),
                table.wheel.capacity()
            ),
            (0, 0, 0)
        );
        assert!(
            table.by_fingerprint.capacity() <= 2 * 1024,
            "{}",
            table.by_fingerprint.capacity()
        );
        assert!(table.due.capacity() <= DUE_KEPT);
    }
}
