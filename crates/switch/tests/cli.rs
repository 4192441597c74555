//! The command line from outside: what it prints, and the exit codes that scripts rely on.
#![cfg(test)]

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
use store::Store;

#[test]
fn check_names_every_fault_with_its_place_and_refuses() {
    let place = Place::new();
    place.configure("[[trunk]]\nname = \"a\"\nsources = [\"nowhere\"]\n\n[[plan]]\nnam = \"x\"\n");
    let checked = place.run(&["check"]);
    assert_eq!(checked.code, 1, "{checked:?}");
    for at in [":3:12: ", ":6:1: "] {
        assert!(
            checked.err.contains(&format!("ringfence.toml{at}")),
            "{at}: {checked:?}"
        );
    }
    let json = place.run(&["check", "--json"]).json();
    assert_eq!(json["ok"], false);
    assert!(json["faults"].as_array().unwrap().len() >= 2);
}

#[test]
fn check_of_a_sound_configuration_is_done() {
    let place = Place::new();
    let checked = place.run(&["check"]);
    assert_eq!(checked.code, 0, "{checked:?}");
    assert!(
        checked
            .out
            .contains("no faults; 1 trunk, 1 tenant, 1 plan, 2 tracking numbers")
    );
    assert_eq!(place.run(&["check", "--json"]).json()["ok"], true);
}

#[test]
fn without_a_call_log_the_way_to_one_is_told() {
    let place = Place::new();
    for command in [&["calls"][..], &["explain", "06N3KQ8Z1S00V4XD"]] {
        let ran = place.run(command);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains("there is no call log in"), "{ran:?}");
        assert!(ran.err.contains("ringfence serve"), "{ran:?}");
    }
}

#[test]
fn calls_are_listed_for_people_and_for_scripts() {
    let place = Place::new();
    let ids = place.log_calls();
    let table = place.run(&["calls"]);
    assert_eq!(table.code, 0, "{table:?}");
    let lines: Vec<&str> = table.out.lines().collect();
    assert!(lines[0].starts_with("time (UTC)"), "{table:?}");
    assert_eq!(lines.len(), 5);
    for text in [
        "+12025550143",
        "answered",
        "normal",
        "200",
        "2.0 s",
        "75 s",
        "alice",
    ] {
        assert!(lines[4].contains(text), "{text}: {}", lines[4]);
    }
    let json = place.run(&["calls", "--json", "--oldest-first"]);
    let calls: Vec<CallRecord> = json
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(calls.iter().map(|call| call.id).collect::<Vec<_>>(), ids);
}

#[test]
fn calls_are_filtered_by_everything_that_the_table_shows() {
    let place = Place::new();
    place.log_calls();
    for (filter, expected) in [
        (&["--caller", "+12025550143"][..], 2),
        (&["--caller", "anonymous"], 1),
        (&["--called", "+12025550101"], 1),
        (&["--outcome", "refused"], 1),
        (&["--cause", "owner_blocked"], 1),
        (&["--treatment", "allow"], 3),
        (&["--tenant", "acme"], 4),
        (&["--tenant", "nobody"], 0),
        (&["--trunk", "carrier-a"], 4),
        (&["--since", "1h"], 4),
        (&["--until", "1h"], 0),
        (&["--since", "2020-01-01", "--until", "2020-01-02T00:00:00Z"], 0),
        (&["--limit", "1"], 1),
    ] {
        let ran = place.run(&[&["calls", "--json"], filter].concat());
        assert_eq!(ran.out.lines().count(), expected, "{filter:?}: {ran:?}");
    }
    let none = place.run(&["calls", "--tenant", "nobody"]);
    assert_eq!((none.code, none.out.as_str()), (0, "no such calls\n"));
    for wrong in [
        ["--outcome", "lost"],
        ["--cause", "bad_luck"],
        ["--since", "yore"],
        ["--caller", "12"],
    ] {
        let ran = place.run(&["calls", wrong[0], wrong[1]]);
        assert_eq!(ran.code, 2, "{wrong:?}: {ran:?}");
    }
}

#[test]
fn reader_that_has_seen_enough_is_no_fault() {
    let place = Place::new();
    place.log_calls();
    let mut child = place.command(&["calls"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn call_is_explained_by_the_rules_that_decided() {
    let place = Place::new();
    let ids = place.log_calls();
    // The rules change after the call; those of its time are kept.
    let changed = place.text().replace("asked to stop", "changed since");
    place.configure(&changed);
    let explained = place.run(&["explain", &ids[1].to_string().to_lowercase()]);
    assert_eq!(explained.code, 0, "{explained:?}");
    for text in [
        "Refused: +12025550187 is on the block list: +12025550187 (“asked to stop”).",
        "> block_list.operator",
        "What would have changed the outcome:",
        "without the block entry",
        "What happened: the call was refused with 607 (owner_blocked).",
    ] {
        assert!(explained.out.contains(text), "{text}: {}", explained.out);
    }
    assert!(!explained.out.contains("Note:"), "{}", explained.out);
    let json = place.run(&["explain", &ids[1].to_string(), "--json"]).json();
    assert_eq!(json["rules"]["same"], true);
    assert_eq!(json["explanation"]["treatment"], "reject");
    assert_eq!(json["call"]["outcome"]["status"], 607);
}

#[test]
fn call_whose_rules_are_gone_is_explained_by_the_present_ones_and_says_so() {
    let place = Place::new();
    let mut call = place.calls().remove(0);
    call.decision.as_mut().unwrap().ruleset.0 ^= 1;
    place.store().append(&[call.clone()]).unwrap();
    let explained = place.run(&["explain", &call.id.to_string()]);
    assert_eq!(explained.code, 0, "{explained:?}");
    assert!(
        explained
            .out
            .contains("Note: the rules that decided are no longer kept"),
        "{}",
        explained.out
    );
    assert!(explained.out.contains("alice talked with the caller for 75 s."));
}

#[test]
fn unknown_call_is_refused_and_a_malformed_one_is_a_wrong_command_line() {
    let place = Place::new();
    place.log_calls();
    let unknown = place.run(&["explain", "06N3KQ8Z1S00V4XD"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert!(
        unknown.err.contains("there is no call 06N3KQ8Z1S00V4XD"),
        "{unknown:?}"
    );
    let malformed = place.run(&["explain", "what"]);
    assert_eq!(malformed.code, 2, "{malformed:?}");
    assert!(malformed.err.contains("16 characters"), "{malformed:?}");
    assert_eq!(place.run(&["explain"]).code, 2);
    assert_eq!(place.run(&["explain", "--from", "+12025550143"]).code, 2);
}

#[test]
fn rehearsal_without_a_switch_reads_numbers_as_the_trunk_writes_them() {
    let place = Place::new();
    let national = place.run(&["explain", "--from", "2025550187", "--to", "12025550100"]);
    assert_eq!(national.code, 0, "{national:?}");
    assert!(national.out.starts_with("Refused: +12025550187"), "{national:?}");
    assert!(national.out.contains("no switch runs"), "{national:?}");

    let rehearse = |more: &[&str]| {
        let from_to = ["explain", "--json", "--to", "+12025550100"];
        place.run(&[&from_to, more].concat()).json()["explanation"].clone()
    };
    let stranger = rehearse(&["--from", "+12025550143", "--source", "198.51.100.77"]);
    assert_eq!(stranger["cause"], "unknown_trunk");
    let named = rehearse(&["--from", "anonymous", "--name", "Your Car Warranty"]);
    assert_eq!(named["cause"], "owner_blocked");
    let uri = rehearse(&["--from", "sip:+12025550143@192.0.2.7;user=phone"]);
    assert_eq!(uri["treatment"], "allow");
    let unknown = place.run(&["explain", "--from", "+12025550143", "--to", "1", "--trunk", "b"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert!(
        unknown.err.contains("there is no trunk b; there are: carrier-a"),
        "{unknown:?}"
    );
}

#[test]
fn block_tells_what_it_would_have_stopped_and_unblock_takes_it_off() {
    let place = Place::new();
    place.log_calls();
    let blocked = place.run(&["block", "+12025550143", "--reason", "x", "--expires", "90d"]);
    assert_eq!(blocked.code, 0, "{blocked:?}");
    for text in [
        "blocked: +12025550143, for all calls, until 2",
        "no switch runs: in force as soon as one starts",
        "it would have stopped 2 calls",
        "warning: 1 of them answered and longer than a minute",
        "undo: ringfence unblock +12025550143",
    ] {
        assert!(blocked.out.contains(text), "{text}: {}", blocked.out);
    }
    let rehearsed = place.run(&["explain", "--from", "+12025550143", "--to", "+12025550100"]);
    assert!(rehearsed.out.starts_with("Refused"), "{rehearsed:?}");

    let unblocked = place.run(&["unblock", "+12025550143", "--json"]);
    assert_eq!(unblocked.code, 0, "{unblocked:?}");
    assert_eq!(unblocked.json()["removed"].as_array().unwrap().len(), 1);
    assert_eq!(
        place.run(&["unblock", "+12025550143"]).code,
        1,
        "there is nothing left"
    );
}

#[test]
fn every_selector_blocks_and_its_undo_is_the_one_told() {
    let place = Place::new();
    let ids = place.log_calls();
    let call = ids[0].to_string();
    for (selector, stopped) in [
        (&["--prefix", "+1 (202) 555"][..], 2),
        (&["--name", "*solar*"], 1),
        (&["--name", "*solar*", "--tenant", "acme"], 1),
        (&["--call", &call, "--did", "+12025550101"], 1),
    ] {
        let blocked = place.run(&[&["block", "--json"], selector].concat()).json();
        assert_eq!(
            blocked["would_have_stopped"]["calls"], stopped,
            "{selector:?}: {blocked}"
        );
        let unblocked = place.run(&[&["unblock"], selector].concat());
        assert_eq!(unblocked.code, 0, "{selector:?}: {unblocked:?}");
    }
}

#[test]
fn what_cannot_be_blocked_is_refused_with_the_reason() {
    let place = Place::new();
    let ids = place.log_calls();
    let anonymous = ids[3].to_string();
    for (arguments, code, reason) in [
        (&["block"][..], 2, "required"),
        (
            &["block", "+12025550143", "--prefix", "+1202"],
            2,
            "cannot be used with",
        ),
        (&["block", "2025550143"], 2, "begins with +"),
        (&["block", "--name", "***"], 2, "not *"),
        (
            &["block", "+12025550143", "--expires", "2020-01-01"],
            2,
            "past already",
        ),
        (
            &["block", "+12025550143", "--tenant", "acne"],
            1,
            "there are: acme",
        ),
        (
            &["block", "+12025550143", "--did", "+12025550199"],
            1,
            "no tracking number",
        ),
        (&["block", "--call", "06N3KQ8Z1S00V4XD"], 1, "there is no call"),
        (&["block", "--call", &anonymous], 1, "no number to block"),
    ] {
        let ran = place.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {ran:?}");
        assert!(ran.err.contains(reason), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn entry_of_the_files_is_named_with_its_line_since_no_command_removes_it() {
    let place = Place::new();
    let refused = place.run(&["unblock", "+12025550187"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    let line = place
        .text()
        .lines()
        .position(|line| line.contains("+12025550187"))
        .unwrap()
        + 1;
    let told = format!("ringfence.toml:{line}: [[block]] number = \"+12025550187\"");
    assert!(refused.out.contains(&told), "{refused:?}");
}

#[test]
fn running_switch_has_a_block_in_force_at_once_whatever_the_files_have_become() {
    let place = Place::new();
    let switch = place.serve();
    let from = |number: &str| {
        let ran = place.run(&["explain", "--json", "--from", number, "--to", "+12025550100"]);
        ran.json()
    };
    assert_eq!(from("+12025550143")["by"], "the running switch");
    assert_eq!(from("+12025550143")["explanation"]["treatment"], "allow");
    // Somebody is in the middle of an edit.
    let sound = place.text();
    place.configure(&format!("{sound}\n[[block]]\nnumber = \"+120255"));
    let blocked = place.run(&["block", "+12025550143", "--by", "front desk"]);
    assert_eq!(blocked.code, 0, "{blocked:?}");
    assert!(blocked.out.contains("in force now"), "{blocked:?}");
    assert_eq!(from("+12025550143")["explanation"]["cause"], "owner_blocked");
    assert_eq!(place.run(&["reload"]).code, 1);
    place.configure(&sound);
    assert_eq!(place.run(&["reload"]).code, 0);
    assert_eq!(from("+12025550143")["explanation"]["cause"], "owner_blocked");
    let unblocked = place.run(&["unblock", "+12025550143"]);
    assert_eq!(unblocked.code, 0, "{unblocked:?}");
    assert_eq!(from("+12025550143")["explanation"]["treatment"], "allow");
    let nobody = place.run(&["block", "+12025550143", "--tenant", "acne"]);
    assert_eq!(nobody.code, 1, "{nobody:?}");
    switch.stop();
    let gone = place.run(&["reload"]);
    assert_eq!(gone.code, 1, "{gone:?}");
    assert!(gone.err.contains("no switch runs"), "{gone:?}");
}

#[test]
fn help_teaches_by_example() {
    let place = Place::new();
    let all = place.run(&["--help"]);
    assert_eq!(all.code, 0);
    assert!(
        all.out.contains("First steps:") && all.out.contains("Exit codes:"),
        "{all:?}"
    );
    for command in [
        "serve", "check", "reload", "calls", "explain", "block", "unblock", "demo",
    ] {
        let help = place.run(&[command, "--help"]);
        assert_eq!(help.code, 0, "{command}");
        assert!(help.out.contains("Examples:"), "{command}: {help:?}");
        assert!(all.out.contains(&format!("  {command} ")), "{command}");
    }
    assert_eq!(place.run(&[]).code, 2);
    assert_eq!(place.run(&["dance"]).code, 2);
}

#[test]
fn version_is_told_to_people_and_scripts() {
    let place = Place::new();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(place.run(&["version"]).out, format!("ringfence {version}\n"));
    let json = place.run(&["version", "--json"]).json();
    assert_eq!(
        (&json["name"], &json["version"]),
        (&"ringfence".into(), &version.into())
    );
}

#[test]
fn demo_shows_every_kind_of_call_and_leaves_nothing_behind() {
    let place = Place::new();
    let shown = place.run(&["demo", "--fast"]);
    assert_eq!(shown.code, 0, "{}\n{}", shown.out, shown.err);
    for text in [
        "presses",
        "is refused: 607 Unwanted",
        "challenge_silent",
        "Pressed the right key.",
        "All 4",
        "Where to look next:",
    ] {
        assert!(shown.out.contains(text), "{text}: {}", shown.out);
    }
    let left = fs::read_dir(place.folder.path().join("tmp")).unwrap().count();
    assert_eq!(left, 0);
}

#[test]
fn kept_demo_can_be_asked_afterwards() {
    let place = Place::new();
    let kept = place.folder.path().join("kept");
    let kept_text = kept.to_str().unwrap();
    let shown = place.run(&["demo", "--fast", "--keep", kept_text]);
    assert_eq!(shown.code, 0, "{}\n{}", shown.out, shown.err);
    let config = kept.join("demo.toml");
    let config = config.to_str().unwrap();
    let calls = place.run(&["calls", "--config", config, "--treatment", "challenge", "--json"]);
    let call: CallRecord = serde_json::from_str(calls.out.lines().next().unwrap()).unwrap();
    let explained = place.run(&["explain", &call.id.to_string(), "--config", config]);
    assert!(explained.out.starts_with("Challenged: "), "{explained:?}");
    let again = place.run(&["demo", "--keep", kept_text]);
    assert_eq!(
        again.code, 1,
        "a folder with something in it is left alone: {again:?}"
    );
}

/// A folder with a configuration, and perhaps a call log.
struct Place {
    folder: tempfile::TempDir,
}

/// What a command did.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

/// A switch that runs.
struct Switch(Child);

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        let place = Self { folder };
        place.configure(&CONFIG);
        place
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("ringfence.toml")
    }

    fn configure(&self, text: &str) {
        fs::write(self.config(), text).unwrap();
    }

    fn text(&self) -> String {
        fs::read_to_string(self.config()).unwrap()
    }

    fn store(&self) -> Store {
        Store::open(&self.folder.path().join("data")).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
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

    fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Starts a switch on ports of its own.
    fn serve(&self) -> Switch {
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
    fn log_calls(&self) -> Vec<CallId> {
        let calls = self.calls();
        let mut store = self.store();
        store.append(&calls).unwrap();
        let ruleset = self.directory().ruleset().to_string();
        let (name, text) = (self.config(), self.text());
        let files = [(name.to_str().unwrap(), text.as_str())];
        store.save_version(&ruleset, now_ms(), &files).unwrap();
        calls.iter().map(|call| call.id).collect()
    }

    fn directory(&self) -> Directory {
        let files = [SourceText {
            name: self.config().display().to_string(),
            text: self.text(),
        }];
        Directory::load(&files, &[], &mut |_| Ok(Vec::new())).unwrap()
    }

    fn calls(&self) -> Vec<CallRecord> {
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
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|fault| panic!("{fault}: {self:?}"))
    }
}

impl Switch {
    fn stop(mut self) {
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
