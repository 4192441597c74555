//! Handles for what only the edge knows: set by it, cheap to clone, ready to be kept.

use std::sync::atomic::Ordering;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use crate::catalogue;
use crate::observed::{Families, Metrics};

/// A number that only grows.
#[derive(Clone, Debug, Default)]
pub struct Count(pub(crate) Counter);

impl Count {
    /// One more.
    pub fn one(&self) {
        self.0.inc();
    }

    /// `many` more.
    pub fn add(&self, many: u64) {
        self.0.inc_by(many);
    }

    /// For a source that keeps its own running total: raises this count to `total`, never lowers it.
    pub fn reach(&self, total: u64) {
        self.0.inner().fetch_max(total, Ordering::Relaxed);
    }

    /// The count so far.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.0.get()
    }
}

/// A number that goes up and down.
#[derive(Clone, Debug, Default)]
pub struct Level(pub(crate) Gauge);

impl Level {
    /// Sets it.
    pub fn set(&self, level: usize) {
        self.0.set(i64::try_from(level).unwrap_or(i64::MAX));
    }

    /// One more.
    pub fn rise(&self) {
        self.0.inc();
    }

    /// One fewer.
    pub fn fall(&self) {
        self.0.dec();
    }

    /// The level now.
    #[must_use]
    pub fn read(&self) -> i64 {
        self.0.get()
    }
}

/// What one shard shows. Asking twice for the same shard gives handles of the same numbers.
#[derive(Clone, Debug)]
pub struct ShardMetrics {
    shard: u8,
    families: Families,
    /// Calls that are not over.
    pub active_calls: Level,
    /// SIP transactions that are not over.
    pub transactions: Level,
}

impl ShardMetrics {
    /// A queue of this shard. Queue names are fixed in the program, so that there are few of them.
    #[must_use]
    pub fn queue(&self, queue: &'static str) -> QueueMetrics {
        let shard = self.shard.to_string();
        let of = |metric: &catalogue::Described| metric.with([shard.clone().into(), queue.into()]);
        QueueMetrics {
            depth: Level(
                self.families
                    .queue_depth
                    .get_or_create_owned(&of(&catalogue::QUEUE_DEPTH)),
            ),
            drops: Count(
                self.families
                    .queue_drops
                    .get_or_create_owned(&of(&catalogue::QUEUE_DROPS)),
            ),
        }
    }

    /// A transport of this shard: `udp`, `tcp`.
    #[must_use]
    pub fn transport(&self, transport: &'static str) -> TransportMetrics {
        let shard = self.shard.to_string();
        let packets = |direction: &'static str| {
            let labels =
                catalogue::TRANSPORT_PACKETS.with([shard.clone().into(), transport.into(), direction.into()]);
            Count(self.families.transport_packets.get_or_create_owned(&labels))
        };
        let bytes = |direction: &'static str| {
            let labels =
                catalogue::TRANSPORT_BYTES.with([shard.clone().into(), transport.into(), direction.into()]);
            Count(self.families.transport_bytes.get_or_create_owned(&labels))
        };
        let connections = catalogue::TRANSPORT_CONNECTIONS.with([shard.clone().into(), transport.into()]);
        TransportMetrics {
            packets_in: packets("in"),
            packets_out: packets("out"),
            bytes_in: bytes("in"),
            bytes_out: bytes("out"),
            connections: Level(
                self.families
                    .transport_connections
                    .get_or_create_owned(&connections),
            ),
            shard: self.shard,
            transport,
            families: self.families.clone(),
        }
    }
}

/// One queue.
#[derive(Clone, Debug)]
pub struct QueueMetrics {
    /// What waits.
    pub depth: Level,
    /// What was refused since the queue was full.
    pub drops: Count,
}

/// One transport of one shard.
#[derive(Clone, Debug)]
pub struct TransportMetrics {
    /// Messages received.
    pub packets_in: Count,
    /// Messages sent.
    pub packets_out: Count,
    /// Bytes received.
    pub bytes_in: Count,
    /// Bytes sent.
    pub bytes_out: Count,
    /// Connections that are open; stays 0 for UDP.
    pub connections: Level,
    shard: u8,
    transport: &'static str,
    families: Families,
}

impl TransportMetrics {
    /// Messages given up for one cause. Causes are fixed in the program; keep the handle where drops may be many.
    #[must_use]
    pub fn drops(&self, cause: &'static str) -> Count {
        let labels = catalogue::TRANSPORT_DROPS.with([
            self.shard.to_string().into(),
            self.transport.into(),
            cause.into(),
        ]);
        Count(self.families.transport_drops.get_or_create_owned(&labels))
    }
}

/// What screening holds, apart from single calls.
#[derive(Clone, Debug, Default)]
pub struct ScreeningMetrics {
    /// Entries of allow and block lists in force.
    pub list_entries: Level,
    /// Memory of the spam detective's windows, in bytes.
    pub detective_memory: Level,
    /// Counts that the spam detective gave up to make room.
    pub detective_forgotten: Count,
    /// Counts that the spam detective could not read in time.
    pub detective_contended: Count,
}

/// The call log.
#[derive(Clone, Debug, Default)]
pub struct StoreMetrics {
    /// Records written.
    pub records_written: Count,
    /// Records that wait to be written.
    pub records_pending: Level,
    /// Writes that failed and are tried again.
    pub write_failures: Count,
}

/// What became of a reload of the directory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reload {
    /// The new directory is in force.
    Applied,
    /// Nothing had changed.
    Unchanged,
    /// The new directory has faults, or could not be read; the old one is kept.
    Refused,
}

impl Reload {
    /// The label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
        }
    }
}

impl Metrics {
    /// The handles of one shard.
    #[must_use]
    pub fn shard(&self, shard: u8) -> ShardMetrics {
        let families = &self.families;
        let of = |metric: &catalogue::Described| metric.with([shard.to_string().into()]);
        ShardMetrics {
            shard,
            families: families.clone(),
            active_calls: Level(
                families
                    .active_calls
                    .get_or_create_owned(&of(&catalogue::ACTIVE_CALLS)),
            ),
            transactions: Level(
                families
                    .transactions
                    .get_or_create_owned(&of(&catalogue::TRANSACTIONS)),
            ),
        }
    }

    /// The handles of screening.
    #[must_use]
    pub fn screening(&self) -> &ScreeningMetrics {
        &self.screening
    }

    /// The handles of the call log.
    #[must_use]
    pub fn store(&self) -> &StoreMetrics {
        &self.store
    }

    /// Packets refused for one cause: for an edge that refuses them itself. Causes are fixed in the program.
    #[must_use]
    pub fn parse_refusals(&self, cause: &'static str) -> Count {
        let labels = catalogue::PARSE_REFUSALS.with([cause.into()]);
        Count(self.families.parse_refusals.get_or_create_owned(&labels))
    }

    /// A reload of the directory is over; `at_ms` is Unix milliseconds.
    pub fn reloaded(&self, outcome: Reload, at_ms: u64) {
        let labels = catalogue::RELOADS.with([outcome.as_str().into()]);
        self.families.reloads.get_or_create_owned(&labels).inc();
        match outcome {
            Reload::Applied => self.directory_is_in_force_since(at_ms),
            Reload::Unchanged | Reload::Refused => {}
        }
    }

    /// A directory came into force, at the start or by a reload; Unix milliseconds.
    pub fn directory_is_in_force_since(&self, at_ms: u64) {
        self.directory_applied.set(at_ms as f64 / 1000.0);
    }
}
