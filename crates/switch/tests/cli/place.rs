//! Where a command runs: a folder with a configuration, a call log, perhaps a switch.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use call_model::{
    CallId, CallRecord, Called, Caller, CallerSource, Cause, E164, Ending, Facts, LegRecord, Outcome, Side,
    Treatment,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use routing::{Directory, SourceText};
use screening::{Windows, WindowsCapacity};
use serde_json::Value;
use store::{CallFilter, Store};

/// A folder with a configuration, and perhaps a call log.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A switch that runs.
pub(crate) struct Switch(Child);

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        let place = Self { folder };
        place.configure(&CONFIG);
        place
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("ringfence.toml")
    }

    pub(crate) fn configure(&self, text: &str) {
        fs::write(self.config(), text).unwrap();
    }

    pub(crate) fn text(&self) -> String {
        fs::read_to_string(self.config()).unwrap()
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(&self.folder.path().join("data")).unwrap()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("RINGFENCE_CONFIG", self.config())
            .env("TMPDIR", self.folder.path().join("tmp"))
            .env_remove("RINGFENCE_DATA")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Starts a switch on ports of its own.
    pub(crate) fn serve(&self) -> Switch {
        let port = free_port();
        self.configure(&CONFIG.replace(":5060", &format!(":{port}")));
        let log = fs::File::create(self.folder.path().join("serve.log")).unwrap();
        let child = self.command(&["serve"]).stderr(log).spawn().unwrap();
        let mut switch = Switch(child);
        let socket = self.folder.path().join("data/control.sock");
        let until = Instant::now() + Duration::from_secs(20);
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            let log = || fs::read_to_string(self.folder.path().join("serve.log"));
            assert!(switch.0.try_wait().unwrap().is_none(), "{:?}", log());
            assert!(Instant::now() < until, "{:?}", log());
            thread::sleep(Duration::from_millis(20));
        }
        switch
    }

    /// Puts four calls of the last minutes, and the rules that decided them, into the call log.
    pub(crate) fn log_calls(&self) -> Vec<CallId> {
        let calls = self.calls();
        let mut store = self.store();
        store.append(&calls).unwrap();
        let ruleset = self.directory().ruleset().to_string();
        let (name, text) = (self.config(), self.text());
        let files = [(name.to_str().unwrap(), text.as_str())];
        store.save_version(&ruleset, now_ms(), &files).unwrap();
        calls.iter().map(|call| call.id).collect()
    }

    /// Puts a call that was offered so many days ago into the call log.
    pub(crate) fn log_call_of(&self, days: u64) {
        let offered_ms = now_ms() - days * 86_400_000;
        let call = CallRecord {
            id: CallId::new(offered_ms, 0, 9),
            offered_ms,
            ended_ms: offered_ms + 1_000,
            ..self.calls().remove(0)
        };
        self.store().append(&[call]).unwrap();
    }

    /// Waits until the call log holds so many calls.
    pub(crate) fn wait_for_calls(&self, count: usize) {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let calls = self.store().calls(&CallFilter::default()).unwrap().len();
            if calls == count {
                return;
            }
            assert!(Instant::now() < until, "{calls} calls in place of {count}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn directory(&self) -> Directory {
        let files = [SourceText {
            name: self.config().display().to_string(),
            text: self.text(),
        }];
        Directory::load(&files, &[], &mut |_| Ok(Vec::new())).unwrap()
    }

    pub(crate) fn calls(&self) -> Vec<CallRecord> {
        let from = |number: &str| Caller::Number(number.parse_number());
        let talked = |call: CallRecord| CallRecord {
            ringing_ms: Some(call.offered_ms + 100),
            answered_ms: Some(call.offered_ms + 2_100),
            connected_ms: Some(call.offered_ms + 2_100),
            ended_ms: call.offered_ms + 77_100,
            legs: vec![LegRecord {
                destination: "alice".into(),
                invited_ms: call.offered_ms,
                ringing_ms: Some(call.offered_ms + 100),
                answered_ms: Some(call.offered_ms + 2_100),
                ended_ms: None,
                status: 200,
            }],
            ..call
        };
        let unanswered = |call: CallRecord| CallRecord {
            outcome: outcome(Ending::Unanswered, Cause::NoAnswer, 480),
            ..call
        };
        vec![
            talked(self.call(0, from("+12025550143"), "+12025550101", None)),
            self.call(1, from("+12025550187"), "+12025550100", None),
            unanswered(self.call(2, from("+12025550143"), "+12025550100", None)),
            unanswered(self.call(3, Caller::Anonymous, "+12025550100", Some("Solar Roofs"))),
        ]
    }

    /// A call of a few minutes ago, as the rules decide it.
    fn call(&self, number: u32, caller: Caller, called: &str, cnam: Option<&str>) -> CallRecord {
        let at_ms = now_ms() - 600_000 + u64::from(number) * 1_000;
        let facts = Facts {
            at_ms,
            trunk: Some("carrier-a".into()),
            source: [127, 0, 0, 1].into(),
            caller: caller.clone(),
            caller_source: CallerSource::From,
            cnam: cnam.map(Into::into),
            caller_domain: None,
            called: Called::Number(called.parse_number()),
            number_state: None,
            tenant: None,
            emergency: None,
            attestation: None,
            user_agent: None,
            removed: Vec::new(),
        };
        let directory = self.directory();
        let windows = Windows::new(WindowsCapacity::default(), 7);
        let decision = screening::rehearse(facts.clone(), &directory.subject_of(&facts), &windows);
        let outcome = match decision.verdict.treatment {
            Treatment::Reject => outcome(Ending::Refused, Cause::OwnerBlocked, 607),
            Treatment::Allow | Treatment::Tag | Treatment::Challenge | Treatment::Announce => Outcome {
                hung_up_by: Some(Side::Caller),
                ..outcome(Ending::Answered, Cause::Normal, 200)
            },
        };
        CallRecord {
            id: CallId::new(at_ms, 0, number),
            sip_call_id: format!("{number}@carrier.example.com").into(),
            trunk: facts.trunk.clone(),
            source: facts.source,
            caller,
            called: facts.called.clone(),
            tenant: Some("acme".into()),
            plan: Some("sales".into()),
            offered_ms: at_ms,
            ringing_ms: None,
            answered_ms: None,
            connected_ms: None,
            ended_ms: at_ms + 5,
            legs: Vec::new(),
            challenge: None,
            outcome,
            decision: Some(Box::new(decision)),
        }
    }
}

impl Ran {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|fault| panic!("{fault}: {self:?}"))
    }
}

impl Switch {
    pub(crate) fn stop(mut self) {
        kill(Pid::from_raw(self.0.id() as i32), Signal::SIGTERM).unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

trait ParseNumber {
    fn parse_number(&self) -> E164;
}

impl ParseNumber for str {
    fn parse_number(&self) -> E164 {
        E164::parse(self.as_bytes()).unwrap()
    }
}

fn outcome(ending: Ending, cause: Cause, status: u16) -> Outcome {
    Outcome {
        ending,
        status,
        cause,
        fault: cause.fault(),
        hung_up_by: None,
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    since.as_millis() as u64
}

/// A port that is free for UDP and TCP, below those that systems give out by themselves.
fn free_port() -> u16 {
    let begin = 4_000 + (std::process::id() % 3_000) as u16;
    let free = |port: &u16| {
        UdpSocket::bind(("127.0.0.1", *port)).is_ok() && TcpListener::bind(("127.0.0.1", *port)).is_ok()
    };
    (begin..10_000).find(free).unwrap()
}

const PROMPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs/prompts");

static CONFIG: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
    assert!(Path::new(PROMPTS).is_dir());
    format!("[media]\nprompts = \"{PROMPTS}\"\n{SETTINGS}")
});

const SETTINGS: &str = r#"
[switch]
data_dir = "data"

[[listen]]
transport = "udp"
address = "127.0.0.1:5060"

[[trunk]]
name = "carrier-a"
sources = ["127.0.0.1"]
country = "1"

[[tenant]]
name = "acme"

[[agent]]
name = "alice"
tenant = "acme"
uri = "sip:alice@127.0.0.1:5071"

[[plan]]
name = "sales"
tenant = "acme"
agents = ["alice"]

[[number]]
range = "+12025550100-+12025550101"
plan = "sales"

[[block]]
number = "+12025550187"
reason = "asked to stop"

[[block]]
cnam = "*car warranty*"
"#;
