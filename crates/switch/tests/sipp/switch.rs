//! The program under test, run as an operator runs it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use call_model::{CallRecord, Cause, Ending};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::place::{Config, HTTP, Place};

/// A switch that serves. Dropped, it is killed.
pub(crate) struct Switch {
    child: Child,
    config: PathBuf,
    log: PathBuf,
    http: SocketAddr,
}

impl Switch {
    /// Starts a switch and waits until it takes calls.
    pub(crate) fn start(place: &Place, config: &Config) -> Self {
        let config = place.write(config);
        let log = place.path("switch.log");
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let child = Command::new(PROGRAM)
            .arg("serve")
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .unwrap();
        let mut switch = Self {
            child,
            config,
            log,
            http: place.at(HTTP),
        };
        switch.wait_until_ready();
        switch
    }

    fn wait_until_ready(&mut self) {
        within(Duration::from_secs(20), || {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the switch ended with {status}:\n{}", self.read_log());
            }
            get(self.http, "/readyz").filter(|answer| answer.starts_with("HTTP/1.1 200 "))
        })
        .unwrap_or_else(|| panic!("the switch is not ready:\n{}", self.read_log()));
    }

    /// The metrics as served.
    pub(crate) fn metrics(&self) -> String {
        get(self.http, "/metrics").expect("metrics are served")
    }

    /// Waits until the metrics show a line: counts appear a moment after what they count.
    pub(crate) fn shows(&self, line: &str) {
        let shown = within(PATIENCE, || {
            self.metrics().lines().any(|shown| shown == line).then_some(())
        });
        assert!(shown.is_some(), "{line} is not among\n{}", self.metrics());
    }

    /// Waits until a metric, summed over its labels, has come to a value.
    pub(crate) fn counts(&self, metric: &str, least: f64) {
        let counted = within(PATIENCE, || (sum(&self.metrics(), metric) >= least).then_some(()));
        assert!(
            counted.is_some(),
            "{metric} is less than {least}:\n{}",
            self.metrics()
        );
    }

    /// Replaces the configuration's text; the running switch does not know yet.
    pub(crate) fn rewrite(&self, place: &Place, config: &Config) {
        assert_eq!(place.write(config), self.config);
    }

    /// Whether the program has not ended yet.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Runs a command of the program with this switch's configuration.
    pub(crate) fn command(&self, name: &str, arguments: &[&str]) -> Output {
        run(name, arguments, &self.config)
    }

    /// Stops the switch as a supervisor does, and returns what the call log holds, the first call first. It must end
    /// by itself, in time, and without having had to complain of itself.
    pub(crate) fn stop(mut self) -> Vec<CallRecord> {
        self.signal(Signal::SIGTERM);
        let ended = within(Duration::from_secs(15), || self.child.try_wait().unwrap());
        let log = self.read_log();
        let status = ended.unwrap_or_else(|| panic!("the switch does not end:\n{log}"));
        assert!(status.success(), "the switch ended with {status}:\n{log}");
        assert!(
            !log.contains("panicked") && !log.contains("\"level\":\"ERROR\""),
            "{log}"
        );
        let listed = self.command("calls", &["--json", "--oldest-first", "--limit", "10000"]);
        assert!(listed.status.success(), "{listed:?}");
        String::from_utf8_lossy(&listed.stdout)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Stops the switch; the call log must hold exactly these endings. Calls of the same millisecond have no order, so
    /// none is asked for.
    pub(crate) fn stop_with(self, expected: &[(Ending, u16, Cause)]) -> Vec<CallRecord> {
        let records = self.stop();
        let mut found: Vec<_> = records.iter().map(ending).collect();
        let mut expected = expected.to_vec();
        for endings in [&mut found, &mut expected] {
            endings.sort_unstable_by_key(|(ending, status, cause)| (*ending, *status, *cause));
        }
        assert_eq!(found, expected);
        records
    }

    fn read_log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- the switch said\n{}", self.read_log());
        }
    }
}

/// Runs a command of the program with a configuration.
pub(crate) fn run(name: &str, arguments: &[&str], config: &Path) -> Output {
    Command::new(PROGRAM)
        .arg(name)
        .args(arguments)
        .arg("--config")
        .arg(config)
        .output()
        .unwrap()
}

/// How a call ended, in short.
pub(crate) fn ending(record: &CallRecord) -> (Ending, u16, Cause) {
    let outcome = record.outcome;
    (outcome.ending, outcome.status, outcome.cause)
}

/// A call in which caller and agent talked.
pub(crate) const TALKED: (Ending, u16, Cause) = (Ending::Answered, 200, Cause::Normal);

/// Asks again and again until there is an answer, or the time is up.
pub(crate) fn within<T>(most: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let until = Instant::now() + most;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() >= until {
            return None;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// The sum of a metric over all its labels.
pub(crate) fn sum(metrics: &str, metric: &str) -> f64 {
    metrics
        .lines()
        .filter_map(|line| line.strip_prefix(metric))
        .filter(|rest| rest.starts_with(['{', ' ']))
        .filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

fn get(http: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(http).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_ringfence");

/// How long anything may take that should be there at once: far more than it does, for a machine under load.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);
