//! The business that the simulated calls are for.

use std::net::SocketAddr;

use routing::{Directory, SourceText};

/// Reads a directory; files that it names do not exist in the virtual world.
///
/// # Errors
/// All faults, one on each line.
pub fn load(text: &str) -> Result<Directory, String> {
    let files = [SourceText {
        name: "world.toml".into(),
        text: text.into(),
    }];
    let mut nothing = |_: &str| Err(std::io::Error::from(std::io::ErrorKind::NotFound));
    Directory::load(&files, &[], &mut nothing).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        lines.join("\n")
    })
}

/// Where the carrier's calls come from.
pub const CARRIER: SocketAddr = address([192, 0, 2, 2]);

/// Where the calls of somebody come from who is no trunk.
pub const STRANGER: SocketAddr = address([192, 0, 2, 66]);

/// Where the switch listens.
pub(crate) const SWITCH: SocketAddr = address([192, 0, 2, 1]);

/// The agents' phones: name, address, whether it is reached over TCP.
pub const AGENTS: [(&str, SocketAddr, bool); 5] = [
    ("alice", address([198, 51, 100, 1]), false),
    ("bob", address([198, 51, 100, 2]), false),
    ("carol", address([198, 51, 100, 3]), false),
    ("dave", address([198, 51, 100, 4]), true),
    ("rescue", address([198, 51, 100, 9]), false),
];

const fn address(ip: [u8; 4]) -> SocketAddr {
    SocketAddr::new(
        std::net::IpAddr::V4(std::net::Ipv4Addr::new(ip[0], ip[1], ip[2], ip[3])),
        5060,
    )
}

/// One carrier, one business, five phones, a plan of each kind, numbers in every state.
///
/// | number | plan |
/// |---|---|
/// | …0100 | alice, then an announcement |
/// | …0101 | alice 5 s, bob 5 s, then an announcement |
/// | …0102 | alice, bob, carol at once, then 480 |
/// | …0103 | alice, audio through the switch |
/// | …0104 | carol 3 s, then the plan of …0100 |
/// | …0105 – …0107 | paused, released, quarantined |
/// | …0108 | dave, over TCP |
/// | …0109 | alice 2 s, then 603 |
///
/// Callers …0187 and names with "warranty" are blocked, …0188 is challenged, …0189 hears an announcement, …0161 is
/// allowed.
pub const DIRECTORY: &str = r#"
[switch]
call_duration_max = "2m"
setup_max = "60s"

[[listen]]
transport = "udp"
address = "192.0.2.1:5060"

[[listen]]
transport = "tcp"
address = "192.0.2.1:5060"

[emergency]
destination = { agent = "rescue" }

[responses]
analytics_url = "https://calls.example.com/blocked"

[[trunk]]
name = "carrier"
sources = ["192.0.2.2"]

[[tenant]]
name = "acme"

[[agent]]
name = "alice"
tenant = "acme"
uri = "sip:alice@198.51.100.1:5060"

[[agent]]
name = "bob"
tenant = "acme"
uri = "sip:bob@198.51.100.2:5060"

[[agent]]
name = "carol"
tenant = "acme"
uri = "sip:carol@198.51.100.3:5060"

[[agent]]
name = "dave"
tenant = "acme"
uri = "sip:dave@198.51.100.4:5060;transport=tcp"

[[agent]]
name = "rescue"
tenant = "acme"
uri = "sip:rescue@198.51.100.9:5060"

[[plan]]
name = "one"
tenant = "acme"
agents = ["alice"]
ring_time = "20s"
overflow = { announce = "nobody-available" }

[[plan]]
name = "hunt"
tenant = "acme"
ring = "hunt"
agents = ["alice", "bob"]
ring_time = "5s"
overflow = { announce = "nobody-available" }

[[plan]]
name = "all"
tenant = "acme"
ring = "all"
agents = ["alice", "bob", "carol"]
ring_time = "10s"

[[plan]]
name = "anchored"
tenant = "acme"
agents = ["alice"]
media = "anchor"

[[plan]]
name = "chain"
tenant = "acme"
agents = ["carol"]
ring_time = "3s"
overflow = { plan = "one" }

[[plan]]
name = "streamed"
tenant = "acme"
agents = ["dave"]

[[plan]]
name = "refusing"
tenant = "acme"
agents = ["alice"]
ring_time = "2s"
overflow = { refuse = 603 }

[[number]]
did = "+12025550100"
plan = "one"

[[number]]
did = "+12025550101"
plan = "hunt"

[[number]]
did = "+12025550102"
plan = "all"

[[number]]
did = "+12025550103"
plan = "anchored"

[[number]]
did = "+12025550104"
plan = "chain"

[[number]]
did = "+12025550105"
plan = "one"
state = "paused"

[[number]]
did = "+12025550106"
tenant = "acme"
state = "released"

[[number]]
did = "+12025550107"
tenant = "acme"
state = "quarantined"

[[number]]
did = "+12025550108"
plan = "streamed"

[[number]]
did = "+12025550109"
plan = "refusing"

[[block]]
number = "+12025550187"
reason = "asked to stop, calls on"

[[block]]
cnam = "*warranty*"

[[block]]
number = "+12025550188"
treatment = "challenge"

[[block]]
number = "+12025550189"
treatment = "announce"

[[allow]]
number = "+12025550161"
"#;
