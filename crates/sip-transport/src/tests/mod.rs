//! Behaviour of the sockets, shown on the loopback.

mod datagrams;
mod streams;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sip_transaction::{Flow, Transport};

use crate::{Arrival, Gate, Listener, OpenGate, Outbox, ShardTransport, TransportLimits};

/// An arrival that outlives its turn.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Seen {
    Message(Flow, Vec<u8>),
    Refused(Flow, &'static str),
    SendFailed(Flow),
    Closed(Flow),
}

impl From<Arrival<'_>> for Seen {
    fn from(arrival: Arrival<'_>) -> Self {
        match arrival {
            Arrival::Message { flow, bytes } => Self::Message(flow, bytes.to_vec()),
            Arrival::Refused { flow, cause } => Self::Refused(flow, cause),
            Arrival::SendFailed { flow } => Self::SendFailed(flow),
            Arrival::ConnectionClosed { flow } => Self::Closed(flow),
        }
    }
}

/// A gate that nobody passes.
struct ShutGate;

impl Gate for ShutGate {
    fn admit(&self, _source: IpAddr) -> bool {
        false
    }
}

fn listener(transport: Transport) -> Listener {
    Listener {
        transport,
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        advertised: None,
    }
}

/// A shard with one datagram listener (0) and one stream listener (1).
fn shard(limits: TransportLimits) -> ShardTransport {
    shard_behind(limits, Arc::new(OpenGate))
}

fn shard_behind(limits: TransportLimits, gate: Arc<dyn Gate>) -> ShardTransport {
    let listeners = [listener(Transport::Udp), listener(Transport::Tcp)];
    ShardTransport::bind(0, &listeners, limits, gate).unwrap()
}

fn address(transport: &ShardTransport, listener: usize) -> SocketAddr {
    transport.local_addrs()[listener].1
}

/// Turns the shard's loop until `done` says that enough was seen.
async fn run_until(transport: &mut ShardTransport, mut done: impl FnMut(&[Seen]) -> bool) -> Vec<Seen> {
    run_with(transport, &mut |_, _| {}, &mut done).await
}

async fn run_with(
    transport: &mut ShardTransport,
    each: &mut dyn FnMut(&Seen, &mut Outbox),
    done: &mut dyn FnMut(&[Seen]) -> bool,
) -> Vec<Seen> {
    let mut seen = Vec::new();
    transport.flush();
    while !done(&seen) {
        let ready = tokio::time::timeout(PATIENCE, transport.ready()).await;
        assert!(ready.is_ok(), "nothing more came after {seen:?}");
        transport.drain(64, &mut |arrival, outbox| {
            let arrival = Seen::from(arrival);
            each(&arrival, outbox);
            seen.push(arrival);
        });
        transport.flush();
    }
    seen
}

/// A request whose body is `n` letters.
fn message(n: usize) -> Vec<u8> {
    let mut message = format!(
        "OPTIONS sip:ringfence@example.com SIP/2.0\r\nCall-ID: {n}@example.org\r\nContent-Length: {n}\r\n\r\n"
    )
    .into_bytes();
    message.resize(message.len() + n, b'x');
    message
}

/// Longer than any test may take, shorter than anyone likes to wait.
const PATIENCE: Duration = Duration::from_secs(20);
