//! An address of the loopback for each test, and the configuration that goes with it.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};

use tempfile::TempDir;

/// An address with its ports, and a folder: everything that belongs to one test.
pub(crate) struct Place {
    pub(crate) ip: IpAddr,
    folder: TempDir,
}

impl Place {
    /// An address that no other test has: two bytes are this process's, one counts within it.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let process = std::process::id();
        loop {
            let at = NEXT.fetch_add(1, Ordering::Relaxed);
            let ip = IpAddr::V4(Ipv4Addr::new(
                127,
                16 + (process >> 8) as u8 % 224,
                process as u8,
                at,
            ));
            if at != 0 && at != 255 && UdpSocket::bind((ip, SIP)).is_ok() {
                let folder = tempfile::tempdir().unwrap();
                return Self { ip, folder };
            }
        }
    }

    /// Where the switch hears SIP.
    pub(crate) fn sip(&self) -> SocketAddr {
        self.at(SIP)
    }

    pub(crate) fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.ip, port)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the same configuration for a second switch: the same addresses for SIP, other data, no metrics.
    pub(crate) fn write_for_another(&self, config: &Config) -> PathBuf {
        let folder = self.path("another");
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("ringfence.toml");
        let http = format!("address = \"{}\"", self.at(HTTP));
        std::fs::write(&path, config.text(self.ip).replace(&http, "")).unwrap();
        path
    }

    /// Writes the configuration.
    pub(crate) fn write(&self, config: &Config) -> PathBuf {
        let path = self.path("ringfence.toml");
        std::fs::write(&path, config.text(self.ip)).unwrap();
        path
    }
}

/// A configuration: a carrier at the test's address, the business `acme` with its agents, and what a test adds.
///
/// | agent | where |
/// |---|---|
/// | `alice` | UDP, port [`ALICE`] |
/// | `bob` | UDP, port [`BOB`] |
/// | `carol` | TCP, port [`CAROL`] |
#[derive(Clone, Default)]
pub(crate) struct Config {
    /// Lines for `[switch]`.
    pub(crate) switch: &'static str,
    /// Lines for `[media]`.
    pub(crate) media: &'static str,
    /// Lines for the trunk.
    pub(crate) trunk: &'static str,
    /// More tables.
    pub(crate) tables: String,
}

impl Config {
    /// Calls to [`NUMBER`] follow the plan with these lines.
    pub(crate) fn plan(lines: &str) -> Self {
        Self::default().with(&format!(
            "[[plan]]\nname = \"sales\"\ntenant = \"acme\"\n{lines}\n\n[[number]]\ndid = \"{NUMBER}\"\nplan = \"sales\"\n"
        ))
    }

    /// Calls to [`NUMBER`] ring alice.
    pub(crate) fn alice() -> Self {
        Self::plan("agents = [\"alice\"]")
    }

    /// The same with more tables.
    pub(crate) fn with(mut self, tables: &str) -> Self {
        self.tables.push_str(tables);
        self.tables.push('\n');
        self
    }

    fn text(&self, ip: IpAddr) -> String {
        let Self {
            switch,
            media,
            trunk,
            tables,
        } = self;
        let prompts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/prompts");
        let mut text = format!(
            "[switch]\ndata_dir = \"data\"\n{switch}\n\
             [[listen]]\ntransport = \"udp\"\naddress = \"{ip}:{SIP}\"\n\
             [[listen]]\ntransport = \"tcp\"\naddress = \"{ip}:{SIP}\"\n\
             [http]\naddress = \"{ip}:{HTTP}\"\n\
             [media]\nprompts = \"{}\"\nports = \"20000-23999\"\n{media}\n\
             [[trunk]]\nname = \"carrier\"\nsources = [\"{ip}\"]\ncountry = \"1\"\n{trunk}\n\
             [[tenant]]\nname = \"acme\"\n",
            prompts.display()
        );
        for (name, port, transport) in [
            ("alice", ALICE, "udp"),
            ("bob", BOB, "udp"),
            ("carol", CAROL, "tcp"),
        ] {
            let _ = write!(
                text,
                "[[agent]]\nname = \"{name}\"\ntenant = \"acme\"\n\
                 uri = \"sip:{name}@{ip}:{port};transport={transport}\"\n"
            );
        }
        text + tables
    }
}

/// The tracking number.
pub(crate) const NUMBER: &str = "+12025550100";

/// A caller whom nothing is known of.
pub(crate) const CALLER: &str = "+12025550143";

/// The switch's port for SIP.
const SIP: u16 = 5060;

/// The switch's port for metrics.
pub(crate) const HTTP: u16 = 9060;

/// Ports of the agents.
pub(crate) const ALICE: u16 = 5071;
pub(crate) const BOB: u16 = 5072;
pub(crate) const CAROL: u16 = 5073;

/// The carrier's port, where a test has one.
pub(crate) const CARRIER: u16 = 5080;
