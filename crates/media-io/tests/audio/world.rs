//! The switch's media threads, and the peers that speak with them.

use media::rtp::{HEADER, Header};
use media::{Codec, Library, MediaCommand, MediaEvent, MediaId, Peer, PromptId, Side};
use media_io::{EventSink, MediaHandle, MediaSettings, MediaThreads};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

pub(crate) const ID: MediaId = MediaId(7);
pub(crate) const PORT: u16 = 20_000;

pub(crate) struct World {
    pub(crate) threads: MediaThreads,
    pub(crate) handle: MediaHandle,
    pub(crate) library: Arc<Library>,
    events: Receiver<MediaEvent>,
    address: IpAddr,
}

pub(crate) struct Call {
    pub(crate) caller: UdpSocket,
    pub(crate) agent: UdpSocket,
}

struct Sink(SyncSender<MediaEvent>);

impl EventSink for Sink {
    fn deliver(&self, event: MediaEvent) -> Result<(), MediaEvent> {
        self.0.send(event).map_err(|refused| refused.0)
    }
}

impl World {
    pub(crate) fn new(settings: MediaSettings) -> World {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let [.., high, low] = std::process::id().to_be_bytes();
        let address = IpAddr::V4(Ipv4Addr::new(
            127,
            high | 1,
            low,
            NEXT.fetch_add(1, Ordering::Relaxed),
        ));
        let mut library = Library::new();
        let sweep: Vec<i16> = (0..2400)
            .map(|n| ((f64::from(n) * f64::from(n) * 2e-4).sin() * 9000.0) as i16)
            .collect();
        library.add_samples(PromptId::known("sweep"), &sweep).unwrap();
        let library = Arc::new(library);
        let (sink, events) = sync_channel(1000);
        let threads = MediaThreads::start(settings, Arc::clone(&library), Arc::new(Sink(sink))).unwrap();
        World {
            handle: threads.handle(),
            threads,
            library,
            events,
            address,
        }
    }

    pub(crate) fn local(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.address, port)
    }

    /// A socket of a peer, on a port of its own.
    pub(crate) fn peer(&self) -> UdpSocket {
        let socket = UdpSocket::bind(self.local(0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    pub(crate) fn order(&self, command: MediaCommand) {
        self.handle.send(command).unwrap();
    }

    pub(crate) fn event(&self) -> MediaEvent {
        self.events.recv_timeout(PATIENCE).expect("an event comes")
    }

    pub(crate) fn open(&self, id: MediaId, side: Side, port: u16, peer: Peer) {
        self.order(MediaCommand::OpenSide {
            id,
            side,
            local: self.local(port),
            peer,
        });
        assert_eq!(self.event(), MediaEvent::Opened { id, side });
    }

    /// The caller is told `port`, the agent the next even one.
    pub(crate) fn bridged_call(&self, id: MediaId, port: u16) -> Call {
        let call = Call {
            caller: self.peer(),
            agent: self.peer(),
        };
        self.open(id, Side::A, port, peer_at(&call.caller));
        self.order(MediaCommand::Bridge { id });
        self.open(id, Side::B, port + 2, peer_at(&call.agent));
        call
    }
}

pub(crate) fn peer_at(socket: &UdpSocket) -> Peer {
    let remote = Some(socket.local_addr().unwrap());
    Peer {
        remote,
        codec: Codec::Pcmu,
        telephone_event: Some(101),
        sends: true,
    }
}

pub(crate) fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut bytes = [0; 2048];
    let (len, from) = socket.recv_from(&mut bytes).expect("a packet comes");
    (bytes[..len].to_vec(), from)
}

/// What has come already.
pub(crate) fn receive_now(socket: &UdpSocket) -> Option<Vec<u8>> {
    socket.set_nonblocking(true).unwrap();
    let mut bytes = [0; 2048];
    socket.recv(&mut bytes).ok().map(|len| bytes[..len].to_vec())
}

pub(crate) fn rtp(payload_type: u8, n: u16, payload: &[u8]) -> Vec<u8> {
    let header = Header {
        marker: false,
        payload_type,
        sequence: n,
        timestamp: 160 * u32::from(n),
        ssrc: 0xabcd,
    };
    let mut bytes = vec![0; HEADER + payload.len()];
    header.write(payload, &mut bytes).unwrap();
    bytes
}

/// Goertzel: the power of one frequency.
pub(crate) fn power_at(hertz: f64, samples: &[i16]) -> f64 {
    let coefficient = 2.0 * (std::f64::consts::TAU * hertz / 8000.0).cos();
    let (a, b) = samples.iter().fold((0.0, 0.0), |(last, before), &s| {
        (f64::from(s) + coefficient * last - before, last)
    });
    a * a + b * b - coefficient * a * b
}

/// No test waits this long unless it fails.
const PATIENCE: Duration = Duration::from_secs(10);
