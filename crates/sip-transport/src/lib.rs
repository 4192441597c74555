//! Sockets that carry SIP, with framing.
//!
//! [`ShardTransport`] owns all sockets of one shard: one thread, one current-thread runtime, no locks. The
//! shards share their ports (SO_REUSEPORT). A shard's loop is
//!
//! 1. [`ShardTransport::ready`]: wait until a socket has something, or a time limit passes;
//! 2. [`ShardTransport::drain`]: hand up at most so many messages, without waiting;
//! 3. [`ShardTransport::flush`]: send what the turn put into the [`Outbox`], by the batch, without waiting.
//!
//! Nothing in here waits for a peer: a full datagram socket drops after a bound (SIP sends again), a stream
//! peer that does not read is closed. Nothing in here knows a rule of SIP beyond where a message ends.

mod connection;
mod datagram;
mod outbox;
mod settings;
mod shard;
mod sockets;
mod stats;
mod streams;
#[cfg(test)]
mod tests;

pub use outbox::Outbox;
pub use settings::{Advertised, Gate, Listener, OpenGate, TransportLimits};
pub use shard::{Arrival, ShardTransport};
pub use stats::TransportStats;
