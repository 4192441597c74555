//! The table as the transaction user sees it: messages in, messages out, one clock that the test moves.

mod clients;
mod random;
mod servers;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sip_message::{Index, Limits};
use sip_transaction::{
    Branch, ClientId, Flow, Kind, Outgoing, Received, ResponseSent, ServerId, Settings, Sink, Timeout,
    Timers, Transactions, Transport,
};

const NODE: u32 = 0xa1b2_c3d4;

/// One shard with owner references of `u32`, and what it sent.
struct World {
    start: Instant,
    now: Instant,
    table: Transactions<u32>,
    sent: Wire,
    timeouts: Vec<Timeout<u32>>,
}

#[derive(Default)]
struct Wire(Vec<(Flow, String)>);

impl Sink for Wire {
    fn send(&mut self, flow: &Flow, bytes: &[u8]) {
        self.0.push((*flow, String::from_utf8_lossy(bytes).into_owned()));
    }
}

impl World {
    fn new() -> Self {
        Self::with_room_for(1000)
    }

    #[expect(clippy::disallowed_methods, reason = "tests need one instant to count from")]
    fn with_room_for(transactions_max: usize) -> Self {
        let start = Instant::now();
        let settings = Settings {
            node: NODE,
            shard: 3,
            timers: Timers::default(),
            transactions_max,
            seed: 0x5eed,
        };
        Self {
            start,
            now: start,
            table: Transactions::new(settings, start),
            sent: Wire::default(),
            timeouts: vec![],
        }
    }

    fn receive(&mut self, message: &str) -> Received<u32> {
        let mut index = Index::new(Limits::default());
        let message = index
            .parse(message.as_bytes())
            .expect("test messages are well formed");
        self.table.receive(self.now, &message, &mut self.sent)
    }

    /// Receives a request and accepts it.
    fn accept(&mut self, message: &str, flow: Flow, owner: u32) -> ServerId {
        let received = self.receive(message);
        assert!(
            matches!(received, Received::NewRequest | Received::Cancel { .. }),
            "{received:?}"
        );
        let mut index = Index::new(Limits::default());
        let message = index
            .parse(message.as_bytes())
            .expect("test messages are well formed");
        self.table
            .accept(self.now, &message, &flow, owner)
            .expect("the table has room")
    }

    fn respond(&mut self, id: ServerId, status: u16) -> ResponseSent {
        self.table.respond(
            self.now,
            id,
            status,
            response_text(status).as_bytes(),
            &mut self.sent,
        )
    }

    /// Mints and starts a request; gives its text as well.
    fn start(&mut self, kind: Kind, method: &str, flow: Flow, owner: u32) -> (ClientId, String) {
        let (id, branch) = self.table.mint(0x1009).expect("the table has room");
        let bytes = request(method, branch.as_str(), "");
        let request = Outgoing {
            kind,
            flow,
            bytes: bytes.as_bytes(),
            owner,
        };
        assert!(self.table.start(self.now, id, request, &mut self.sent));
        (id, bytes)
    }

    fn invite(&mut self, flow: Flow, owner: u32) -> (ClientId, String) {
        let started = self.start(Kind::Invite, "INVITE", flow, owner);
        self.sent();
        started
    }

    /// Moves the clock to so many milliseconds after the start, waking the table whenever it asks.
    fn pass_to(&mut self, at_ms: u64) {
        let until = self.start + Duration::from_millis(at_ms);
        while let Some(at) = self.table.next_deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.table.expire(self.now, &mut self.sent, &mut self.timeouts);
        }
        self.now = until;
        self.table.expire(self.now, &mut self.sent, &mut self.timeouts);
    }

    /// Request or status lines of what was sent since the last call.
    fn sent(&mut self) -> Vec<String> {
        let first_line = |(_, text): (Flow, String)| text.lines().next().unwrap_or_default().to_owned();
        self.sent.0.drain(..).map(first_line).collect()
    }

    fn deadline_ms(&self) -> Option<u128> {
        self.table.next_deadline().map(|at| (at - self.start).as_millis())
    }
}

#[test]
fn branch_tells_its_shard_and_loop_hash_to_its_own_node_only() {
    let mut world = World::new();
    let (_, branch) = world.table.mint(0x1009).unwrap();
    assert_eq!(Branch::shard_of(branch.as_bytes(), NODE), Some(3));
    assert_eq!(Branch::loop_hash_of(branch.as_bytes(), NODE), Some(0x1009));
    assert_eq!(Branch::shard_of(branch.as_bytes(), NODE + 1), None);
}

#[test]
fn branches_differ_even_in_the_same_place_of_the_table() {
    let mut world = World::new();
    let (id, first) = world.table.mint(0).unwrap();
    world.table.release(id);
    let (_, second) = world.table.mint(0).unwrap();
    assert_ne!(first, second);
}

#[test]
fn two_seeds_give_two_sequences_of_branches_and_one_seed_the_same() {
    let (mut one, mut same) = (World::new(), World::new());
    assert_eq!(one.table.mint(0).unwrap(), same.table.mint(0).unwrap());
}

fn udp() -> Flow {
    let remote = SocketAddr::from(([192, 0, 2, 20], 5060));
    Flow {
        transport: Transport::Udp,
        shard: 3,
        listener: 0,
        connection: 0,
        remote,
    }
}

fn tcp(connection: u32) -> Flow {
    Flow {
        transport: Transport::Tcp,
        connection,
        ..udp()
    }
}

fn request(method: &str, branch: &str, to_params: &str) -> String {
    format!(
        "{method} sip:+12025550143@192.0.2.20 SIP/2.0\r\n\
        Via: SIP/2.0/UDP Switch.example.com:5060;rport;branch={branch}\r\n\
        Max-Forwards: 70\r\n\
        From: <sip:+12025550101@example.com>;tag=ours\r\n\
        To: <sip:+12025550143@example.com>{to_params}\r\n\
        Call-ID: 1@example.com\r\n\
        CSeq: 7 {method}\r\n\
        Contact: <sip:192.0.2.1>\r\n\
        Content-Length: 0\r\n\r\n"
    )
}

/// The response of a peer to a request of ours.
fn answer(request: &str, status: u16) -> String {
    let (_, headers) = request.split_once("\r\n").expect("a request has lines");
    let headers = headers.replace(
        "To: <sip:+12025550143@example.com>\r\n",
        "To: <sip:x@example.com>;tag=theirs\r\n",
    );
    format!("SIP/2.0 {status} Whatever\r\n{headers}")
}

fn response_text(status: u16) -> String {
    format!("SIP/2.0 {status} Whatever\r\nContent-Length: 0\r\n\r\n")
}
