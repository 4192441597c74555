//! Where a message came from, or goes to.

use std::net::SocketAddr;

/// The transports of RFC 3261 §18, RFC 7118.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Transport {
    /// Datagrams: the only transport on which transactions send twice.
    Udp,
    /// A stream.
    Tcp,
    /// A stream under TLS.
    Tls,
    /// WebSocket (RFC 7118).
    Ws,
    /// WebSocket under TLS (RFC 7118).
    Wss,
}

impl Transport {
    /// Whether the transport itself delivers or reports failure, so that nothing is sent twice.
    #[must_use]
    pub fn reliable(self) -> bool {
        match self {
            Self::Udp => false,
            Self::Tcp | Self::Tls | Self::Ws | Self::Wss => true,
        }
    }

    /// The token in a Via (RFC 3261 §20.42).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }
}

/// One way to reach a peer: the socket or connection on our side, the address on theirs.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Flow {
    /// How bytes travel.
    pub transport: Transport,
    /// Shard that owns the stream connection; for datagrams the shard that speaks.
    pub shard: u8,
    /// Which of our listeners (its number in the settings).
    pub listener: u16,
    /// Number of the stream connection; 0 for datagrams, or for "connect for me".
    pub connection: u32,
    /// The peer.
    pub remote: SocketAddr,
}

impl Flow {
    /// Whether bytes sent on `self` would travel the way `broken` does, so that both fail together.
    ///
    /// A flow that asked for a connection does not know the number it was given, so number 0 stands for
    /// every connection to the same peer.
    #[must_use]
    pub fn shares_fate_with(&self, broken: &Flow) -> bool {
        self.transport == broken.transport
            && self.remote == broken.remote
            && (self.connection == broken.connection || self.connection == 0 || broken.connection == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_datagrams_are_unreliable() {
        assert!(!Transport::Udp.reliable());
        for stream in [Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss] {
            assert!(stream.reliable(), "{}", stream.as_str());
        }
    }

    #[test]
    fn connection_zero_stands_for_any_connection_to_the_peer() {
        let remote = SocketAddr::from(([192, 0, 2, 1], 5060));
        let asked = Flow {
            transport: Transport::Tcp,
            shard: 0,
            listener: 0,
            connection: 0,
            remote,
        };
        let fifth = Flow {
            connection: 5,
            ..asked
        };
        let sixth = Flow {
            connection: 6,
            ..asked
        };
        assert!(asked.shares_fate_with(&fifth));
        assert!(fifth.shares_fate_with(&asked));
        assert!(!fifth.shares_fate_with(&sixth));
        assert!(!asked.shares_fate_with(&Flow {
            transport: Transport::Udp,
            ..asked
        }));
    }
}
