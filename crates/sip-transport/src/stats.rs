//! What a shard's sockets have done since they were bound.

/// Counts since the sockets were bound; `connections_open` and `stream_bytes_held` are of this moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TransportStats {
    /// Datagrams received, those turned away included.
    pub datagrams_in: u64,
    /// Bytes of them.
    pub datagram_bytes_in: u64,
    /// Datagrams handed to the system.
    pub datagrams_out: u64,
    /// Bytes of them.
    pub datagram_bytes_out: u64,
    /// Datagrams of nothing but line ends or zeros, sent to keep a NAT binding open.
    pub datagram_keepalives_in: u64,
    /// Datagrams dropped because the socket was full and so was its queue.
    pub datagrams_dropped_queue_full: u64,
    /// Datagrams that the system refused, or of which the network reported that nobody took them.
    pub datagrams_failed: u64,
    /// Datagrams from a source that the gate does not admit.
    pub datagrams_refused_gate: u64,
    /// Stream messages handed up.
    pub stream_messages_in: u64,
    /// Bytes read from streams.
    pub stream_bytes_in: u64,
    /// Stream messages put on a connection.
    pub stream_messages_out: u64,
    /// Stream messages that found no room in the outbox.
    pub stream_messages_dropped: u64,
    /// Bytes written to streams.
    pub stream_bytes_out: u64,
    /// Keep-alive pings answered on streams (RFC 5626 §4.4.1).
    pub stream_pings_in: u64,
    /// Streams whose bytes could not be framed as SIP.
    pub stream_framing_refused: u64,
    /// Connections open now.
    pub connections_open: u64,
    /// Bytes that connections hold now, unsent or of incomplete messages.
    pub stream_bytes_held: u64,
    /// Connections accepted.
    pub connections_accepted: u64,
    /// Connections that we opened.
    pub connections_opened: u64,
    /// Connections that we tried to open in vain.
    pub connections_failed: u64,
    /// Connections turned away by the gate.
    pub connections_refused_gate: u64,
    /// Connections turned away, or not opened, because there were too many.
    pub connections_refused_total: u64,
    /// Connections turned away because their source had too many.
    pub connections_refused_source: u64,
    /// Connections closed because nothing came or went for too long.
    pub connections_closed_idle: u64,
    /// Connections closed because a message took too long to arrive.
    pub connections_closed_slow: u64,
    /// Connections closed because the peer did not read what we sent.
    pub connections_closed_stalled: u64,
    /// Connections closed because all of them together held too much.
    pub connections_closed_memory: u64,
    /// Times that no connection could be accepted for want of system resources.
    pub accept_failures: u64,
    /// Messages that named a listener or connection which does not exist.
    pub unroutable: u64,
    /// Messages for another shard's connection that found the hand-over queue full.
    pub foreign_dropped: u64,
    /// Reports that found the report queue full.
    pub reports_dropped: u64,
}
