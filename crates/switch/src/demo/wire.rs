//! Sockets of the demo's phones: UDP and TCP, with what comes in sorted by Call-ID.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use sip_message::{Frame, Framer, Limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;

use super::message::Heard;

/// The way to the other side.
#[derive(Clone)]
pub(super) enum Way {
    /// From our socket to an address.
    Udp(Arc<UdpSocket>, SocketAddr),
    /// Over a connection, and our end of it.
    Tcp(mpsc::Sender<Vec<u8>>, SocketAddr),
}

impl Way {
    pub(super) async fn send(&self, bytes: Vec<u8>) {
        // What cannot be sent is as good as lost on the way: the sender's timers, or its limit, take care of it.
        match self {
            Self::Udp(socket, to) => {
                let _ = socket.send_to(&bytes, to).await;
            }
            Self::Tcp(connection, _) => {
                let _ = connection.send(bytes).await;
            }
        }
    }

    /// As a Via has it.
    pub(super) fn transport(&self) -> &'static str {
        match self {
            Self::Udp(..) => "UDP",
            Self::Tcp(..) => "TCP",
        }
    }

    /// Our address.
    pub(super) fn local(&self) -> Result<SocketAddr> {
        match self {
            Self::Udp(socket, _) => Ok(socket.local_addr()?),
            Self::Tcp(_, local) => Ok(*local),
        }
    }

    pub(super) fn is_datagrams(&self) -> bool {
        matches!(self, Self::Udp(..))
    }
}

/// A message, and the way back to where it came from.
pub(super) struct Arrived {
    pub(super) heard: Heard,
    pub(super) back: Way,
}

/// Sorts what comes in: messages of calls that somebody follows go there, INVITEs of new ones to whoever takes calls.
#[derive(Clone)]
pub(super) struct Exchange(Arc<Inner>);

struct Inner {
    legs: Mutex<BTreeMap<String, mpsc::Sender<Arrived>>>,
    invites: mpsc::Sender<Invited>,
}

/// A new call, and what comes after its INVITE.
pub(super) type Invited = (Arrived, mpsc::Receiver<Arrived>);

/// Messages that wait for one call; beyond it they are lost, as on any network.
const WAITING_MAX: usize = 64;

/// Bytes of a datagram, or of one read of a stream.
const READ_BYTES: usize = 65_536;

impl Exchange {
    pub(super) fn new() -> (Self, mpsc::Receiver<Invited>) {
        let (invites, taken) = mpsc::channel(WAITING_MAX);
        let inner = Inner {
            legs: Mutex::default(),
            invites,
        };
        (Self(Arc::new(inner)), taken)
    }

    /// Follows a call.
    pub(super) fn follow(&self, call_id: &str) -> mpsc::Receiver<Arrived> {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let mut legs = self.0.legs.lock().unwrap_or_else(PoisonError::into_inner);
        legs.insert(call_id.to_owned(), sender);
        receiver
    }

    fn deliver(&self, bytes: &[u8], back: &Way) {
        let Some(heard) = Heard::of(bytes) else { return };
        let leg = {
            let legs = self.0.legs.lock().unwrap_or_else(PoisonError::into_inner);
            legs.get(&heard.call_id).cloned()
        };
        let is_new = leg.is_none() && heard.status.is_none() && heard.method == "INVITE";
        let arrived = Arrived {
            heard,
            back: back.clone(),
        };
        match leg {
            Some(leg) => drop(leg.try_send(arrived)),
            None if is_new => {
                let follows = self.follow(&arrived.heard.call_id);
                drop(self.0.invites.try_send((arrived, follows)));
            }
            None => {}
        }
    }
}

/// A UDP socket whose messages go to an exchange.
pub(super) async fn listen_udp(at: SocketAddr, exchange: &Exchange) -> Result<Arc<UdpSocket>> {
    let socket = UdpSocket::bind(at)
        .await
        .with_context(|| format!("a phone cannot use {at}"))?;
    let socket = Arc::new(socket);
    let (reader, exchange) = (Arc::clone(&socket), exchange.clone());
    tokio::spawn(async move {
        let mut buffer = vec![0; READ_BYTES];
        while let Ok((bytes, from)) = reader.recv_from(&mut buffer).await {
            exchange.deliver(&buffer[..bytes], &Way::Udp(Arc::clone(&reader), from));
        }
    });
    Ok(socket)
}

/// A TCP port whose connections' messages go to an exchange; says which port.
pub(super) async fn listen_tcp(at: SocketAddr, exchange: &Exchange) -> Result<SocketAddr> {
    let listener = TcpListener::bind(at)
        .await
        .with_context(|| format!("a phone cannot use {at}"))?;
    let local = listener.local_addr()?;
    let exchange = exchange.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = over_stream(stream, &exchange);
        }
    });
    Ok(local)
}

/// A connection to the switch, whose messages go to an exchange.
pub(super) async fn connect_tcp(to: SocketAddr, exchange: &Exchange) -> Result<Way> {
    let stream = TcpStream::connect(to)
        .await
        .with_context(|| format!("no connection to the switch at {to}"))?;
    over_stream(stream, exchange)
}

fn over_stream(stream: TcpStream, exchange: &Exchange) -> Result<Way> {
    let local = stream.local_addr()?;
    let (mut reader, mut writer) = stream.into_split();
    let (sender, mut outgoing) = mpsc::channel::<Vec<u8>>(WAITING_MAX);
    tokio::spawn(async move {
        while let Some(bytes) = outgoing.recv().await {
            if writer.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    let way = Way::Tcp(sender, local);
    let (back, exchange) = (way.clone(), exchange.clone());
    tokio::spawn(async move {
        let (mut framer, limits) = (Framer::default(), Limits::default());
        let mut buffer = Vec::new();
        let mut read = vec![0; READ_BYTES];
        loop {
            match framer.next(&buffer, &limits) {
                Ok(Frame::Message { bytes }) => {
                    exchange.deliver(&buffer[..bytes], &back);
                    buffer.drain(..bytes);
                }
                Ok(Frame::KeepAlive { bytes, .. }) => drop(buffer.drain(..bytes)),
                Ok(Frame::Incomplete) => match reader.read(&mut read).await {
                    Ok(bytes) if bytes > 0 => buffer.extend_from_slice(&read[..bytes]),
                    _ => return,
                },
                Err(_) => return,
            }
        }
    });
    Ok(way)
}
