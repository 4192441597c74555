//! What the caller decides: where to listen, how much to bear, whom to turn away.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use sip_message::Limits;
use sip_transaction::Transport;

/// One address on which SIP is taken. Its place in the list is the `listener` of a [`sip_transaction::Flow`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listener {
    /// How bytes travel: datagrams, or streams.
    pub transport: Transport,
    /// Address and port to bind; port 0 lets the system choose.
    pub address: SocketAddr,
    /// What peers are told in Via and Contact, when it is not the bound address (NAT, a public name).
    pub advertised: Option<Advertised>,
}

/// The name and port by which peers reach a listener.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Advertised {
    /// Host name or address; an IPv6 address in brackets, as Via wants it.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// Bounds on what one shard holds for its peers. Whatever exceeds them is refused and counted.
#[derive(Clone, Debug)]
pub struct TransportLimits {
    /// Limits of a message; streams refuse a longer one before it is complete.
    pub message: Limits,
    /// Bytes that wait for one datagram socket that is not writable; more are dropped (SIP sends again).
    pub datagram_queue_bytes_max: usize,
    /// Stream connections of this shard, whoever opened them.
    pub connections_max: usize,
    /// Accepted stream connections per source: an IPv4 address, or an IPv6 /64.
    pub connections_per_source_max: usize,
    /// Bytes that wait for one connection; a peer that lets more pile up is closed.
    pub stream_queue_bytes_max: usize,
    /// Bytes that all connections together hold, unsent or of incomplete messages.
    pub stream_memory_bytes_max: usize,
    /// How long a connection that we open may take.
    pub connect_timeout: Duration,
    /// How long a message may take from its first byte to its last, and a new connection to its first message.
    pub message_timeout: Duration,
    /// How long a connection may be without a byte in either direction.
    pub idle_timeout: Duration,
    /// Messages that wait for [`crate::ShardTransport::take_foreign`].
    pub foreign_max: usize,
    /// Reports (failures, closures, refusals) that wait for [`crate::ShardTransport::drain`].
    pub reports_max: usize,
}

impl Default for TransportLimits {
    fn default() -> Self {
        Self {
            message: Limits::default(),
            datagram_queue_bytes_max: 8 * 1024 * 1024,
            connections_max: 8192,
            connections_per_source_max: 256,
            stream_queue_bytes_max: 256 * 1024,
            stream_memory_bytes_max: 64 * 1024 * 1024,
            connect_timeout: Duration::from_secs(5),
            message_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(600),
            foreign_max: 4096,
            reports_max: 16_384,
        }
    }
}

/// Who may speak to us at all. Asked for every datagram and every new connection, before a byte is parsed.
pub trait Gate: Send + Sync {
    /// Whether to listen to `source`. Called on the hot path: it must neither wait nor allocate.
    fn admit(&self, source: IpAddr) -> bool;
}

/// A gate that lets everybody in.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenGate;

impl Gate for OpenGate {
    fn admit(&self, _source: IpAddr) -> bool {
        true
    }
}
