//! Whole calls through the core without sockets: what carrier and agent send is written between the steps.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use call_model::CallEvent;
use media::MediaCommand;
use proxy::{Core, Edge, Input, Listening, Now, Settings, Snapshot};
use routing::{Directory, SourceText};
use screening::{Windows, WindowsCapacity};
use sip_message::Limits;
use sip_transaction::{Flow, Sink, Timers, Transport};

/// A core, and the calls that go through it in step.
pub(crate) struct Calls {
    core: Core,
    said: Said,
    start: Instant,
    now: Duration,
    /// Calls made so far: each has a number of its own.
    made: u64,
    batch: Vec<Call>,
    /// What is fed to the core in the next step.
    messages: Vec<(Flow, Vec<u8>)>,
    /// Calls answered and ended, with their records.
    pub(crate) records: u64,
}

/// What is known of a call from its messages.
#[derive(Default)]
struct Call {
    number: u64,
    /// The INVITE that the agent got.
    invite: Vec<u8>,
    /// The To value that the caller got.
    to: Vec<u8>,
    /// The BYE that the agent got.
    bye: Vec<u8>,
}

/// What the core says, in memory that is used again.
#[derive(Default)]
struct Said {
    bytes: Vec<u8>,
    ends: Vec<(SocketAddr, usize)>,
    records: u64,
}

/// One step of a call, from the outside.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// INVITE: 100 to the caller, INVITE to the agent.
    Invite,
    /// 100 from the agent.
    Trying,
    /// 180 from the agent, passed on.
    Ringing,
    /// 200 from the agent, passed on, acknowledged.
    Answer,
    /// ACK from the caller.
    Ack,
    /// BYE from the caller: answered, passed on, recorded.
    Bye,
    /// 200 from the agent.
    Gone,
}

impl Step {
    pub(crate) const ALL: [Self; 7] = [
        Self::Invite,
        Self::Trying,
        Self::Ringing,
        Self::Answer,
        Self::Ack,
        Self::Bye,
        Self::Gone,
    ];
}

impl Calls {
    pub(crate) fn new(start: Instant) -> Self {
        let listening = Listening {
            transport: Transport::Udp,
            advertised: "192.0.2.1:5060".into(),
            ipv6: false,
        };
        let settings = Settings {
            node: 1,
            shard: 0,
            shards: 1,
            seed: 1,
            timers: Timers::default(),
            transactions_max: 1_000_000,
            limits: Limits::default(),
            listeners: vec![listening],
            media_address: [192, 0, 2, 1].into(),
            media_advertised: [192, 0, 2, 1].into(),
            media_ports: 20_000..=29_999,
        };
        let snapshot = Snapshot::new(Arc::new(directory()), start);
        let windows = Arc::new(Windows::new(WindowsCapacity::default(), 1));
        Self {
            core: Core::new(settings, snapshot, windows, start),
            said: Said::default(),
            start,
            now: Duration::ZERO,
            made: 0,
            batch: Vec::new(),
            messages: Vec::new(),
            records: 0,
        }
    }

    /// Begins a new batch, once all that is left of the last one is over.
    pub(crate) fn begin(&mut self, calls: usize) {
        self.batch.clear();
        for _ in 0..calls {
            self.made += 1;
            self.batch.push(Call {
                number: self.made,
                ..Call::default()
            });
        }
    }

    /// Writes what carrier or agent send in this step.
    pub(crate) fn prepare(&mut self, step: Step) {
        self.messages.clear();
        for call in &self.batch {
            self.messages.push(call.message(step));
        }
        self.said.bytes.clear();
        self.said.ends.clear();
    }

    /// Feeds it to the core: the part that is measured.
    pub(crate) fn take(&mut self) {
        let now = self.moment();
        for (flow, bytes) in &self.messages {
            let input = Input::Message { flow: *flow, bytes };
            self.core.handle_input(now, input, &mut self.said);
        }
    }

    /// Lets time pass, so that timers run out: measured too, as it is part of what a call costs.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
        let now = self.moment();
        self.core.handle_input(now, Input::Tick, &mut self.said);
    }

    /// Learns from what the core said what the next step needs.
    pub(crate) fn learn(&mut self, step: Step) {
        let mut from = 0;
        let mut next = 0;
        let per_call = self.said.ends.len() / self.batch.len().max(1);
        for (at, (to, end)) in self.said.ends.iter().enumerate() {
            let bytes = &self.said.bytes[from..*end];
            from = *end;
            next += usize::from(at > 0 && at % per_call == 0);
            let call = &mut self.batch[next];
            if *to == AGENT && bytes.starts_with(b"INVITE ") {
                call.invite = bytes.to_vec();
            } else if *to == AGENT && bytes.starts_with(b"BYE ") {
                call.bye = bytes.to_vec();
            } else if *to == CARRIER && step == Step::Answer {
                call.to = line(bytes, b"To: ").to_vec();
            }
        }
        self.records += std::mem::take(&mut self.said.records);
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.core.is_idle()
    }

    fn moment(&self) -> Now {
        Now {
            at: self.start + self.now,
            unix_ms: 1_772_323_200_000 + self.now.as_millis() as u64,
        }
    }
}

impl Call {
    fn message(&self, step: Step) -> (Flow, Vec<u8>) {
        match step {
            Step::Invite => (flow(CARRIER), self.caller_request("INVITE", 1, "", OFFER)),
            Step::Trying => (flow(AGENT), reply(&self.invite, "100 Trying", "")),
            Step::Ringing => (flow(AGENT), reply(&self.invite, "180 Ringing", "")),
            Step::Answer => (flow(AGENT), reply(&self.invite, "200 OK", OFFER)),
            Step::Ack => (flow(CARRIER), self.caller_request("ACK", 1, "a", "")),
            Step::Bye => (flow(CARRIER), self.caller_request("BYE", 2, "b", "")),
            Step::Gone => (flow(AGENT), reply(&self.bye, "200 OK", "")),
        }
    }

    fn caller_request(&self, method: &str, cseq: u32, branch: &str, body: &str) -> Vec<u8> {
        let number = self.number;
        let to = if self.to.is_empty() {
            "<sip:+12025550100@192.0.2.1>".into()
        } else {
            String::from_utf8_lossy(&self.to).into_owned()
        };
        let kind = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        // Callers differ, as they do in traffic: an unassigned country code.
        let caller = 99_900_000_000 + number % 100_000_000;
        format!(
            "{method} sip:+12025550100@192.0.2.1 SIP/2.0\r\n\
             Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-{number}{branch};rport\r\nMax-Forwards: 70\r\n\
             From: \"A Caller\" <sip:+{caller}@carrier.example.com>;tag=c{number}\r\nTo: {to}\r\n\
             Call-ID: {number}-8f2b6e0c@carrier.example.com\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:gateway@192.0.2.2:5060>\r\nUser-Agent: Carrier Gateway 4.2\r\n\
             Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE\r\nSupported: timer, replaces\r\n\
             {kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

impl Sink for Said {
    fn send(&mut self, flow: &Flow, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push((flow.remote, self.bytes.len()));
    }
}

impl Edge for Said {
    fn media(&mut self, _command: MediaCommand) {}

    fn event(&mut self, event: CallEvent) {
        self.records += u64::from(matches!(event, CallEvent::Ended(_)));
    }

    fn hand_over(&mut self, _shard: u8, _flow: &Flow, _bytes: &[u8]) {}

    fn has_room(&self) -> bool {
        true
    }

    fn is_open(&self, _flow: &Flow) -> bool {
        true
    }

    fn stopwatch(&self) -> Duration {
        Duration::ZERO
    }
}

/// The agent's answer to a request of the switch.
fn reply(request: &[u8], status: &str, body: &str) -> Vec<u8> {
    let text = |name: &[u8]| String::from_utf8_lossy(line(request, name)).into_owned();
    let (kind, contact) = if body.is_empty() {
        ("", "")
    } else {
        (
            "Content-Type: application/sdp\r\n",
            "Contact: <sip:alice@198.51.100.1:5060>\r\n",
        )
    };
    let to = text(b"To: ");
    let tag = if to.contains(";tag=") || status.starts_with("100") {
        ""
    } else {
        ";tag=agent"
    };
    format!(
        "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {to}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n{contact}{kind}\
         Server: Desk Phone 1.0\r\nContent-Length: {}\r\n\r\n{body}",
        text(b"Via: "),
        text(b"From: "),
        text(b"Call-ID: "),
        text(b"CSeq: "),
        body.len()
    )
    .into_bytes()
}

/// The value of the first line of this name.
fn line<'m>(message: &'m [u8], name: &[u8]) -> &'m [u8] {
    message
        .split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(name))
        .map(|value| value.strip_suffix(b"\r").unwrap_or(value))
        .unwrap_or_default()
}

fn flow(remote: SocketAddr) -> Flow {
    Flow {
        transport: Transport::Udp,
        shard: 0,
        listener: 0,
        connection: 0,
        remote,
    }
}

fn directory() -> Directory {
    let files = [SourceText {
        name: "world.toml".into(),
        text: DIRECTORY.into(),
    }];
    let mut nothing = |_: &str| Err(std::io::Error::from(std::io::ErrorKind::NotFound));
    Directory::load(&files, &[], &mut nothing).expect("the directory below has no fault")
}

const CARRIER: SocketAddr = address([192, 0, 2, 2]);
const AGENT: SocketAddr = address([198, 51, 100, 1]);

const fn address(ip: [u8; 4]) -> SocketAddr {
    SocketAddr::new(
        std::net::IpAddr::V4(std::net::Ipv4Addr::new(ip[0], ip[1], ip[2], ip[3])),
        5060,
    )
}

const OFFER: &str = "v=0\r\no=gw 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n\
    m=audio 30000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n";

const DIRECTORY: &str = r#"
[[listen]]
transport = "udp"
address = "192.0.2.1:5060"

[[trunk]]
name = "carrier"
sources = ["192.0.2.2"]
calls_per_second = 100000
burst = 100000

[[tenant]]
name = "acme"

[[agent]]
name = "alice"
tenant = "acme"
uri = "sip:alice@198.51.100.1:5060"

[[plan]]
name = "one"
tenant = "acme"
agents = ["alice"]

[[number]]
did = "+12025550100"
plan = "one"

[[block]]
number = "+12025550187"

[[detective.signal]]
signal = "prefix_attempts"
window = "10m"
over = 65000
"#;
