//! Messages on their way out, gathered while a turn lasts and sent in batches at its end.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::Range;

use sip_transaction::{Flow, Sink, Transport};

use crate::settings::{Listener, TransportLimits};
use crate::stats::TransportStats;

/// What a turn wants to send. Messages are copied into reused memory; [`crate::ShardTransport::flush`] sends them.
///
/// Order is kept per flow. A message for a stream connection of another shard is set aside for
/// [`crate::ShardTransport::take_foreign`]; a datagram leaves from this shard, whose socket shares the port.
pub struct Outbox {
    shard: u8,
    transports: Vec<Transport>,
    /// One pile per listener; those of stream listeners stay empty.
    pub(crate) datagrams: Vec<Pile<SocketAddr>>,
    pub(crate) streams: Pile<Flow>,
    pub(crate) foreign: Vec<(Flow, Vec<u8>)>,
    pub(crate) ledger: Ledger,
    foreign_max: usize,
}

impl Outbox {
    pub(crate) fn new(shard: u8, listeners: &[Listener], limits: &TransportLimits) -> Self {
        Self {
            shard,
            transports: listeners.iter().map(|listener| listener.transport).collect(),
            datagrams: listeners
                .iter()
                .map(|_| Pile::new(limits.datagram_queue_bytes_max))
                .collect(),
            streams: Pile::new(limits.stream_memory_bytes_max),
            foreign: Vec::new(),
            ledger: Ledger {
                stats: TransportStats::default(),
                reports: VecDeque::new(),
                reports_max: limits.reports_max,
            },
            foreign_max: limits.foreign_max,
        }
    }

    /// Whether nothing waits to be sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.streams.is_empty() && self.datagrams.iter().all(Pile::is_empty)
    }
}

impl Sink for Outbox {
    fn send(&mut self, flow: &Flow, bytes: &[u8]) {
        let listener = usize::from(flow.listener);
        if self.transports.get(listener) != Some(&flow.transport) {
            self.ledger.stats.unroutable += 1;
            self.ledger.report(Report::SendFailed(*flow));
        } else if flow.transport == Transport::Udp {
            if !self.datagrams[listener].push(flow.remote, bytes) {
                self.ledger.stats.datagrams_dropped_queue_full += 1;
            }
        } else if flow.shard != self.shard {
            if self.foreign.len() < self.foreign_max {
                self.foreign.push((*flow, bytes.to_vec()));
            } else {
                self.ledger.stats.foreign_dropped += 1;
            }
        } else if !self.streams.push(*flow, bytes) {
            self.ledger.stats.stream_messages_dropped += 1;
            self.ledger.report(Report::SendFailed(*flow));
        }
    }
}

/// What happened to connections and sends, kept until the caller drains it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Report {
    SendFailed(Flow),
    ConnectionClosed(Flow),
    Refused(Flow, &'static str),
}

/// Counts, with the reports that wait to be handed up.
pub(crate) struct Ledger {
    pub(crate) stats: TransportStats,
    pub(crate) reports: VecDeque<Report>,
    reports_max: usize,
}

impl Ledger {
    pub(crate) fn report(&mut self, report: Report) {
        if self.reports.len() < self.reports_max {
            self.reports.push_back(report);
        } else {
            self.stats.reports_dropped += 1;
        }
    }
}

/// Messages one after the other in one buffer, each with where it goes.
pub(crate) struct Pile<A> {
    bytes: Vec<u8>,
    items: Vec<(A, Range<usize>)>,
    bytes_max: usize,
    quiet_turns: u32,
}

impl<A> Pile<A> {
    fn new(bytes_max: usize) -> Self {
        Self {
            bytes: Vec::new(),
            items: Vec::new(),
            bytes_max,
            quiet_turns: 0,
        }
    }

    /// Adds a message at the end; `false` if there is no room for it.
    fn push(&mut self, to: A, message: &[u8]) -> bool {
        let start = self.bytes.len();
        let room =
            start + message.len() <= self.bytes_max && self.items.len() < self.bytes_max / ITEM_BYTES_MIN;
        if room {
            self.bytes.extend_from_slice(message);
            self.items.push((to, start..self.bytes.len()));
        }
        room
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// The messages from number `first` on, oldest first, with their bytes.
    pub(crate) fn iter_from(&self, first: usize) -> impl Iterator<Item = (&A, &[u8])> {
        self.items
            .iter()
            .skip(first)
            .map(|(to, range)| (to, &self.bytes[range.clone()]))
    }

    /// Forgets the `count` oldest messages. Memory that a burst took is given back once turns stay small.
    pub(crate) fn forget(&mut self, count: usize) {
        if count < self.items.len() {
            self.items.drain(..count);
            let gone = self.items[0].1.start;
            self.bytes.drain(..gone);
            for (_, range) in &mut self.items {
                *range = range.start - gone..range.end - gone;
            }
            return;
        }
        let used = self.bytes.len();
        self.items.clear();
        self.bytes.clear();
        if self.bytes.capacity() <= KEPT_BYTES || used > self.bytes.capacity() / 4 {
            self.quiet_turns = 0;
        } else {
            self.quiet_turns += 1;
            if self.quiet_turns >= QUIET_TURNS {
                self.bytes.shrink_to(KEPT_BYTES);
                self.items.shrink_to(KEPT_BYTES / ITEM_BYTES_MIN);
                self.quiet_turns = 0;
            }
        }
    }
}

/// Even the shortest message takes this much of the bound, so that empty ones are bounded too.
const ITEM_BYTES_MIN: usize = 64;
/// Memory that a pile keeps for the next turn whatever happens.
const KEPT_BYTES: usize = 256 * 1024;
/// Turns that must need less than a quarter of the memory before it is given back.
const QUIET_TURNS: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_left_behind_keep_their_order_and_bytes() {
        let mut pile = Pile::new(1000 * ITEM_BYTES_MIN);
        for (to, message) in [(1, "one"), (2, "two"), (3, "three")] {
            assert!(pile.push(to, message.as_bytes()));
        }
        pile.forget(1);
        assert!(pile.push(4, b"four"));
        let left: Vec<_> = pile.iter_from(0).collect();
        assert_eq!(left, [(&2, &b"two"[..]), (&3, &b"three"[..]), (&4, &b"four"[..])]);
    }

    #[test]
    fn a_full_pile_takes_nothing_more() {
        let mut pile = Pile::new(256);
        assert!(pile.push((), &[b'x'; 200]));
        assert!(!pile.push((), &[b'x'; 57]));
        for _ in 0..3 {
            assert!(pile.push((), b""));
        }
        assert!(!pile.push((), b""), "empty messages are bounded too");
    }

    #[test]
    fn memory_of_a_burst_is_given_back_when_turns_stay_small() {
        let mut pile = Pile::new(64 * 1024 * 1024);
        for _ in 0..1000 {
            pile.push((), &[b'x'; 4096]);
        }
        pile.forget(1000);
        assert!(pile.bytes.capacity() > KEPT_BYTES);
        for _ in 0..QUIET_TURNS {
            pile.push((), b"small");
            pile.forget(1);
        }
        assert!(pile.bytes.capacity() <= KEPT_BYTES);
    }
}
