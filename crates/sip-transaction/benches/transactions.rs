//! What a call's transactions cost, without sockets: an INVITE in and out, answered, acknowledged by
//! others, a BYE in and out; and the wheel alone.

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use sip_message::{Index, Limits};
use sip_transaction::{
    ClientId, Flow, Kind, Outgoing, Received, Settings, Sink, Timers, Transactions, Transport, Wheel,
};

struct Nowhere;

impl Sink for Nowhere {
    fn send(&mut self, flow: &Flow, bytes: &[u8]) {
        black_box((flow, bytes));
    }
}

struct Bench {
    table: Transactions<u64>,
    now: Instant,
    index: Index,
    calls: u64,
    text: String,
}

impl Bench {
    /// One call as the table sees it, 1 ms after the one before; at that rate 32,000 calls overlap.
    fn call(&mut self) {
        self.now += Duration::from_millis(1);
        self.calls += 1;
        self.table.expire(self.now, &mut Nowhere, &mut Vec::new());
        self.serve("INVITE", &[(100, TRYING), (180, TRYING), (200, TRYING)]);
        self.ask(Kind::Invite, "INVITE", &[100, 180, 200]);
        self.serve("BYE", &[(200, TRYING)]);
        self.ask(Kind::NonInvite, "BYE", &[200]);
    }

    fn serve(&mut self, method: &str, answers: &[(u16, &[u8])]) {
        write_message(
            &mut self.text,
            format_args!("{method} sip:b@192.0.2.2 SIP/2.0"),
            format_args!("z9hG4bKpeer{}", self.calls),
            method,
        );
        let message = self.index.parse(self.text.as_bytes()).expect("it is well formed");
        assert_eq!(
            self.table.receive(self.now, &message, &mut Nowhere),
            Received::NewRequest
        );
        let id = self
            .table
            .accept(self.now, &message, &flow(), self.calls)
            .expect("the table has room");
        for (status, bytes) in answers {
            self.table.respond(self.now, id, *status, bytes, &mut Nowhere);
        }
    }

    fn ask(&mut self, kind: Kind, method: &str, answers: &[u16]) -> ClientId {
        let (id, branch) = self.table.mint(0).expect("the table has room");
        let branch = branch.as_str();
        let start_line = format_args!("{method} sip:b@192.0.2.2 SIP/2.0");
        write_message(&mut self.text, start_line, format_args!("{branch}"), method);
        let request = Outgoing {
            kind,
            flow: flow(),
            bytes: self.text.as_bytes(),
            owner: self.calls,
        };
        self.table.start(self.now, id, request, &mut Nowhere);
        for status in answers {
            let start_line = format_args!("SIP/2.0 {status} Whatever");
            write_message(&mut self.text, start_line, format_args!("{branch}"), method);
            let message = self.index.parse(self.text.as_bytes()).expect("it is well formed");
            let received = self.table.receive(self.now, &message, &mut Nowhere);
            assert!(matches!(received, Received::Response { .. }));
        }
        id
    }
}

fn transactions(c: &mut Criterion) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a bench needs one instant to count from"
    )]
    let start = Instant::now();
    let settings = Settings {
        node: 1,
        shard: 0,
        timers: Timers::default(),
        transactions_max: 1 << 20,
        seed: 1,
    };
    let table = Transactions::new(settings, start);
    let mut bench = Bench {
        table,
        now: start,
        index: Index::new(Limits::default()),
        calls: 0,
        text: String::new(),
    };
    for _ in 0..40_000 {
        bench.call();
    }
    c.bench_function("four transactions of a call, 32,000 calls within timer L", |b| {
        b.iter(|| bench.call())
    });

    let mut wheel = Wheel::new(start, Wheel::<u64>::DEFAULT_TICK);
    for n in 0..100_000 {
        wheel.schedule(start + Duration::from_millis(n), n);
    }
    c.bench_function("schedule, cancel among 100,000 timers", |b| {
        b.iter(|| {
            let key = wheel.schedule(black_box(start + Duration::from_millis(500)), 1);
            wheel.cancel(black_box(key))
        });
    });
}

fn write_message(
    out: &mut String,
    start_line: std::fmt::Arguments<'_>,
    branch: std::fmt::Arguments<'_>,
    method: &str,
) {
    use std::fmt::Write;
    out.clear();
    let _ = write!(
        out,
        "{start_line}\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;rport;branch={branch}\r\nMax-Forwards: 70\r\n\
        From: <sip:+12025550101@example.com>;tag=a\r\nTo: <sip:+12025550143@example.com>;tag=b\r\n\
        Call-ID: 1@example.com\r\nCSeq: 1 {method}\r\nContact: <sip:192.0.2.1>\r\nContent-Length: 0\r\n\r\n"
    );
}

fn flow() -> Flow {
    let remote = SocketAddr::from(([192, 0, 2, 1], 5060));
    Flow {
        transport: Transport::Udp,
        shard: 0,
        listener: 0,
        connection: 0,
        remote,
    }
}

const TRYING: &[u8] = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060\r\nContent-Length: 0\r\n\r\n";

criterion_group!(benches, transactions);
criterion_main!(benches);
