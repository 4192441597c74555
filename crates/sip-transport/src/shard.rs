//! All sockets of one shard behind one door.

use std::future::{pending, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use std::{fmt, io};

use sip_transaction::{Flow, Transport};
use tokio::time::{Instant, sleep_until};

use crate::datagram::{self, DatagramSocket, Slots};
use crate::outbox::{Outbox, Report};
use crate::settings::{Gate, Listener, TransportLimits};
use crate::stats::TransportStats;
use crate::streams::Streams;

/// What the sockets hand up. Its `Debug` shows no byte of a message.
pub enum Arrival<'a> {
    /// A datagram, or one whole message of a stream.
    Message {
        /// Where it came from, and the way back.
        flow: Flow,
        /// The bytes, valid until the call returns.
        bytes: &'a [u8],
    },
    /// Bytes on a stream that cannot be framed; the connection closes.
    Refused {
        /// Where they came from.
        flow: Flow,
        /// A label for metrics, without a byte of the message.
        cause: &'static str,
    },
    /// What was sent on this flow did not arrive: the connection could not be opened or no longer exists, or
    /// the system or the network refused a datagram. Of datagrams this is a hint: anyone can forge it, and it
    /// comes to the shard that would hear the peer's packets, which need not be the one that sent.
    SendFailed {
        /// As given to the outbox, or with connection 0 for datagrams and connections that never stood.
        flow: Flow,
    },
    /// A connection is gone, with whatever was not yet sent on it.
    ConnectionClosed {
        /// The connection.
        flow: Flow,
    },
}

impl fmt::Debug for Arrival<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message { flow, bytes } => write!(f, "Message({flow:?}, {} bytes)", bytes.len()),
            Self::Refused { flow, cause } => write!(f, "Refused({flow:?}, {cause})"),
            Self::SendFailed { flow } => write!(f, "SendFailed({flow:?})"),
            Self::ConnectionClosed { flow } => write!(f, "ConnectionClosed({flow:?})"),
        }
    }
}

/// All sockets of one shard. See the crate's documentation for its loop.
pub struct ShardTransport {
    shard: u8,
    datagrams: Vec<DatagramSocket>,
    streams: Streams,
    slots: Slots,
    outbox: Outbox,
    gate: Arc<dyn Gate>,
    bound: Vec<Bound>,
    /// The datagram socket to be asked first in the next turn.
    first: usize,
}

/// A listener as it came to stand.
struct Bound {
    transport: Transport,
    address: SocketAddr,
    sent_by: String,
    /// Place in `datagrams`, for a datagram listener.
    datagram: Option<usize>,
}

impl ShardTransport {
    /// Binds all listeners for one shard; each shard binds the same ones. Must be called within the shard's
    /// runtime, which needs its I/O and time drivers.
    ///
    /// An error names the listener: the address is in use by another program or not ours, or the transport is
    /// not one that this crate carries.
    pub fn bind(
        shard: u8,
        listeners: &[Listener],
        limits: TransportLimits,
        gate: Arc<dyn Gate>,
    ) -> io::Result<Self> {
        let outbox = Outbox::new(shard, listeners, &limits);
        let mut transport = Self {
            shard,
            datagrams: Vec::new(),
            streams: Streams::new(shard, limits)?,
            slots: Slots::new(),
            outbox,
            gate,
            bound: Vec::with_capacity(listeners.len()),
            first: 0,
        };
        for listener in listeners {
            transport.bind_one(listener).map_err(|error| {
                let (name, address) = (listener.transport.as_str(), listener.address);
                io::Error::new(
                    error.kind(),
                    format!("cannot listen on {name} {address}: {error}"),
                )
            })?;
        }
        Ok(transport)
    }

    fn bind_one(&mut self, listener: &Listener) -> io::Result<()> {
        let number = u16::try_from(self.bound.len()).map_err(|_| io::Error::other("too many listeners"))?;
        let (address, datagram) = match listener.transport {
            Transport::Udp => {
                let socket = DatagramSocket::bind(self.shard, number, listener.address)?;
                self.streams.watch_failures(self.datagrams.len(), socket.fd())?;
                let address = socket.local_addr()?;
                self.datagrams.push(socket);
                (address, Some(self.datagrams.len() - 1))
            }
            Transport::Tcp => (
                self.streams
                    .listen(number, listener.transport, listener.address)?,
                None,
            ),
            Transport::Tls | Transport::Ws | Transport::Wss => {
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    "this transport is not carried",
                ));
            }
        };
        let sent_by = match &listener.advertised {
            Some(public) => format!("{}:{}", public.host, public.port),
            None => address.to_string(),
        };
        self.bound.push(Bound {
            transport: listener.transport,
            address,
            sent_by,
            datagram,
        });
        Ok(())
    }

    /// Resolves when [`Self::drain`] or [`Self::flush`] may have something to do. Nothing is lost if the future
    /// is dropped.
    pub async fn ready(&mut self) {
        if self.streams.has_unread() || !self.outbox.ledger.reports.is_empty() {
            // Other tasks of the shard and the runtime's own drivers get their turn.
            tokio::task::coop::consume_budget().await;
            return;
        }
        let mut due = self.streams.next_deadline();
        if !self.outbox.is_empty() {
            let retry = Instant::now() + RETRY_AFTER;
            due = Some(due.map_or(retry, |at| at.min(retry)));
        }
        let mut timer = pin!(async {
            match due {
                Some(at) => sleep_until(at).await,
                None => pending().await,
            }
        });
        poll_fn(|context| {
            let datagram = self
                .datagrams
                .iter()
                .any(|socket| socket.poll_readable(context).is_ready());
            if datagram || self.streams.poll_ready(context).is_ready() {
                return Poll::Ready(());
            }
            timer.as_mut().poll(context)
        })
        .await;
    }

    /// Hands up at most `max` arrivals without waiting, and lets time limits take effect. Answers go into the
    /// outbox that `each` is given.
    ///
    /// Returns how many were taken, those counted and turned away included: if it is `max`, there may be more.
    pub fn drain(&mut self, max: usize, each: &mut dyn FnMut(Arrival<'_>, &mut Outbox)) -> usize {
        let now = Instant::now();
        let Self {
            streams,
            datagrams,
            outbox,
            gate,
            ..
        } = self;
        streams.turn(now, gate.as_ref(), &mut outbox.ledger, &mut |socket, ledger| {
            if let Some(socket) = datagrams.get_mut(socket) {
                socket.take_failures(ledger);
            }
        });
        // Shares of the turn, so that a flood of one kind leaves room for the others.
        let mut left = max;
        left -= self.hand_up_reports(left.div_ceil(4), each);
        left -= self.streams.read(left.div_ceil(2), now, &mut self.outbox, each);
        left -= self.drain_datagrams(left, each);
        left -= self.hand_up_reports(left, each);
        max - left
    }

    fn drain_datagrams(&mut self, max: usize, each: &mut dyn FnMut(Arrival<'_>, &mut Outbox)) -> usize {
        let mut taken = 0;
        let count = self.datagrams.len();
        for place in 0..count {
            let socket = (self.first + place) % count;
            // The last socket asked may have all that is left, the ones before it their share.
            let mut share = (max - taken).div_ceil(count - place);
            while share > 0 {
                let (packets, more) = self.receive(socket, share, each);
                taken += packets;
                share -= packets;
                if !more || packets == 0 {
                    break;
                }
            }
        }
        self.first = (self.first + 1).checked_rem(count).unwrap_or(0);
        taken
    }

    fn receive(
        &mut self,
        socket: usize,
        max: usize,
        each: &mut dyn FnMut(Arrival<'_>, &mut Outbox),
    ) -> (usize, bool) {
        let Self {
            shard,
            datagrams,
            slots,
            outbox,
            gate,
            ..
        } = self;
        let Some(socket) = datagrams.get_mut(socket) else {
            return (0, false);
        };
        let (shard, listener) = (*shard, socket.listener());
        let received = socket.receive(slots, max, outbox, &mut |remote, bytes, outbox| {
            let stats = &mut outbox.ledger.stats;
            stats.datagrams_in += 1;
            stats.datagram_bytes_in += bytes.len() as u64;
            if !gate.admit(remote.ip()) {
                stats.datagrams_refused_gate += 1;
            } else if datagram::is_keepalive(bytes) {
                stats.datagram_keepalives_in += 1;
            } else {
                let flow = Flow {
                    transport: Transport::Udp,
                    shard,
                    listener,
                    connection: 0,
                    remote,
                };
                each(Arrival::Message { flow, bytes }, outbox);
            }
        });
        (received.packets, received.more)
    }

    fn hand_up_reports(&mut self, max: usize, each: &mut dyn FnMut(Arrival<'_>, &mut Outbox)) -> usize {
        for handed_up in 0..max {
            let Some(report) = self.outbox.ledger.reports.pop_front() else {
                return handed_up;
            };
            let arrival = match report {
                Report::SendFailed(flow) => Arrival::SendFailed { flow },
                Report::ConnectionClosed(flow) => Arrival::ConnectionClosed { flow },
                Report::Refused(flow, cause) => Arrival::Refused { flow, cause },
            };
            each(arrival, &mut self.outbox);
        }
        max
    }

    /// Where messages go out, between turns as within them. They leave at the next [`Self::flush`].
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// Sends what is in the outbox, without waiting. What a full datagram socket does not take stays for the
    /// next flush, in order, up to a bound.
    pub fn flush(&mut self) {
        if self.outbox.is_empty() {
            return;
        }
        let Outbox {
            datagrams: piles,
            streams: pile,
            ledger,
            ..
        } = &mut self.outbox;
        for (bound, pile) in self.bound.iter().zip(piles) {
            if let Some(socket) = bound.datagram.and_then(|socket| self.datagrams.get_mut(socket))
                && !pile.is_empty()
            {
                socket.send(pile, ledger);
            }
        }
        if !pile.is_empty() {
            self.streams.send(Instant::now(), pile, ledger);
        }
    }

    /// Messages for stream connections of other shards, oldest first. Whoever owns `flow.shard` puts them into
    /// its own outbox.
    pub fn take_foreign(&mut self) -> std::vec::Drain<'_, (Flow, Vec<u8>)> {
        self.outbox.foreign.drain(..)
    }

    /// The listeners with the addresses they got, in the order of the settings.
    #[must_use]
    pub fn local_addrs(&self) -> Vec<(Transport, SocketAddr)> {
        self.bound
            .iter()
            .map(|bound| (bound.transport, bound.address))
            .collect()
    }

    /// Host and port that peers are told in Via and Contact for a listener (RFC 3261 §18.1.1).
    #[must_use]
    pub fn sent_by(&self, listener: u16) -> Option<&str> {
        self.bound
            .get(usize::from(listener))
            .map(|bound| bound.sent_by.as_str())
    }

    /// Counts so far.
    #[must_use]
    pub fn stats(&self) -> TransportStats {
        TransportStats {
            stream_bytes_held: self.streams.bytes_held() as u64,
            ..self.outbox.ledger.stats
        }
    }
}

/// When to try again to send what a full datagram socket did not take.
const RETRY_AFTER: Duration = Duration::from_millis(1);
