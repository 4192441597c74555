//! SIPp as carrier or agent.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::place::{CALLER, NUMBER, Place};
use crate::switch::within;

/// A SIPp about to start.
pub(crate) struct Sipp {
    command: Command,
    name: String,
    local: SocketAddr,
    transport: &'static str,
    listens: bool,
    caller: [String; 2],
    said: PathBuf,
}

/// A SIPp that runs its scenario. Dropped, it is killed.
pub(crate) struct Running {
    child: Child,
    name: String,
    said: PathBuf,
}

impl Sipp {
    /// A carrier's switch that calls: one call, unless [`Sipp::calls`] says otherwise.
    pub(crate) fn carrier(place: &Place, scenario: &str, port: u16) -> Self {
        let mut sipp = Self::new(place, scenario, port);
        sipp.listens = false;
        sipp.command.arg(place.sip().to_string());
        sipp.to(NUMBER).calls(1, 1)
    }

    /// An agent's phone: it takes one call, unless [`Sipp::calls`] says otherwise.
    pub(crate) fn agent(place: &Place, scenario: &str, port: u16) -> Self {
        Self::new(place, scenario, port).calls(1, 1)
    }

    fn new(place: &Place, scenario: &str, port: u16) -> Self {
        let ip = place.ip.to_string();
        let said = place.path(&format!("{scenario}-{port}"));
        let mut command = Command::new("sipp");
        command
            .args(["-sf", &scenario_path(scenario)])
            .args(["-i", &ip, "-mi", &ip, "-ci", &ip])
            .args(["-p", &port.to_string()])
            // Ports that SIPp wants beside: to be steered at, and for audio.
            .args(["-cp", &(port + 3000).to_string()])
            .args(["-mp", &media_port(port).to_string()])
            .args(["-nostdin", "-trace_err", "-trace_msg"])
            .args(["-timeout", "60", "-timeout_error"])
            .arg("-error_file")
            .arg(said.with_extension("errors"))
            .arg("-message_file")
            .arg(said.with_extension("messages"))
            .current_dir(said.parent().unwrap())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self {
            command,
            name: format!("{scenario} at port {port}"),
            local: place.at(port),
            transport: "udp",
            listens: true,
            caller: [CALLER.to_owned(), String::new()],
            said,
        }
    }

    /// Over TCP, one connection for all calls.
    pub(crate) fn tcp(mut self) -> Self {
        self.command.args(["-t", "t1"]);
        self.transport = "tcp";
        self
    }

    /// Sends to another address than the switch's.
    pub(crate) fn through(mut self, hop: SocketAddr) -> Self {
        self.command.args(["-rsa", &hop.to_string()]);
        self
    }

    pub(crate) fn to(mut self, number: &str) -> Self {
        self.command.args(["-s", number]);
        self
    }

    /// Who calls, and under which name.
    pub(crate) fn from(mut self, number: &str, name: &str) -> Self {
        self.caller = [number.to_owned(), name.to_owned()];
        self
    }

    /// A text that the scenario asks for.
    pub(crate) fn key(mut self, key: &str, text: &str) -> Self {
        self.command.args(["-key", key, text]);
        self
    }

    /// A variable that the scenario compares with.
    pub(crate) fn set(mut self, variable: &str, value: &str) -> Self {
        self.command.args(["-set", variable, value]);
        self
    }

    /// How many calls, how many of them in a second.
    pub(crate) fn calls(mut self, many: u32, rate: u32) -> Self {
        self.command
            .args(["-m", &many.to_string(), "-r", &rate.to_string()]);
        self
    }

    /// How long the scenario's pause is.
    pub(crate) fn pause(mut self, pause: Duration) -> Self {
        self.command.args(["-d", &pause.as_millis().to_string()]);
        self
    }

    /// Sends audio back to where it comes from.
    pub(crate) fn echo(mut self) -> Self {
        self.command.arg("-rtp_echo");
        self
    }

    /// Starts; one that waits for calls is waited for until it can take them.
    pub(crate) fn start(mut self) -> Running {
        let [number, name] = std::mem::take(&mut self.caller);
        self = self.key("caller", &number).key("cnam", &name);
        let child = self
            .command
            .spawn()
            .expect("SIPp is installed: it plays carriers and agents");
        let running = Running {
            child,
            name: self.name,
            said: self.said,
        };
        if self.listens {
            let bound = within(Duration::from_secs(20), || {
                is_bound(self.transport, self.local).then_some(())
            });
            assert!(bound.is_some(), "{}", running.told());
        }
        running
    }
}

impl Running {
    /// Waits until the scenario is over; every call must have gone as it says.
    pub(crate) fn succeeds(mut self) {
        let ended = within(Duration::from_secs(70), || self.child.try_wait().unwrap());
        assert!(
            ended.is_some_and(|status| status.success()),
            "{} ended with {ended:?}\n{}",
            self.name,
            self.told()
        );
    }

    /// The messages seen so far.
    pub(crate) fn messages(&self) -> String {
        read(&self.said.with_extension("messages"))
    }

    /// Waits until a text was sent or received.
    pub(crate) fn sees(&self, text: &str) {
        let seen = within(Duration::from_secs(20), || {
            self.messages().contains(text).then_some(())
        });
        assert!(seen.is_some(), "{}: no {text}\n{}", self.name, self.told());
    }

    /// Ends it as a phone ends whose power is cut.
    pub(crate) fn cut(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn told(&self) -> String {
        format!(
            "--- errors\n{}\n--- the last messages\n{}",
            read(&self.said.with_extension("errors")),
            last_of(&self.messages())
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- {}\n{}", self.name, self.told());
        }
    }
}

/// The port for audio beside a port for SIP.
pub(crate) fn media_port(port: u16) -> u16 {
    10_000 + (port - 5000) * 10
}

/// The end of a long text.
fn last_of(text: &str) -> &str {
    let from = (text.len().saturating_sub(6000)..text.len()).find(|at| text.is_char_boundary(*at));
    from.map_or("", |from| &text[from..])
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

fn scenario_path(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/sipp/{name}.xml"));
    path.canonicalize().unwrap().display().to_string()
}

/// Whether a socket is bound there, as the kernel's own table says: asking the phone itself would be a call to it.
fn is_bound(transport: &str, address: SocketAddr) -> bool {
    let table = std::fs::read_to_string(format!("/proc/net/{transport}")).unwrap_or_default();
    let std::net::IpAddr::V4(ip) = address.ip() else {
        return false;
    };
    let wanted = format!("{:08X}:{:04X}", u32::from_le_bytes(ip.octets()), address.port());
    table
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1))
        .any(|local| local == wanted)
}
