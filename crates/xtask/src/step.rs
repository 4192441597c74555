//! One program run as a step: its name, its time, its failure.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::tally::Tally;

/// A program to run in the root of the checkout.
pub(crate) struct Step {
    name: &'static str,
    command: Command,
}

impl Step {
    /// A step that runs cargo with these arguments.
    pub(crate) fn cargo(name: &'static str, arguments: &[&str]) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Self::program(name, Path::new(&cargo), arguments)
    }

    /// A step that runs any program with these arguments.
    pub(crate) fn program(name: &'static str, program: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(root()).stdin(Stdio::null());
        // What cargo told us about ourselves is not meant for the cargo we start.
        for (variable, _) in std::env::vars_os() {
            let told_by_cargo = variable.to_str().is_some_and(|variable| {
                variable.starts_with("CARGO_PKG_") || variable.starts_with("CARGO_MANIFEST_")
            });
            if told_by_cargo {
                command.env_remove(variable);
            }
        }
        Self { name, command }
    }

    /// The same step with a variable in its environment.
    pub(crate) fn with(mut self, variable: &str, value: &str) -> Self {
        self.command.env(variable, value);
        self
    }

    /// Runs it, and says how long it took.
    ///
    /// # Errors
    /// When the program cannot be started, or ends with anything but 0.
    pub(crate) fn run(mut self) -> Result<()> {
        let began = self.announce();
        let status = self
            .command
            .status()
            .with_context(|| format!("{} cannot be started", self.name))?;
        if !status.success() {
            bail!("{} failed after {}", self.name, seconds(began.elapsed()));
        }
        println!("    {} took {}", self.name, seconds(began.elapsed()));
        Ok(())
    }

    /// Runs it, shows what it prints, and counts the tests that its closing lines speak of.
    ///
    /// # Errors
    /// When the program cannot be started, or ends with anything but 0.
    pub(crate) fn run_counting(mut self, tally: &mut Tally) -> Result<()> {
        let began = self.announce();
        // Runners write their closing line to either stream: one pipe takes both, so that the order stays.
        let (reader, writer) = std::io::pipe().context("no pipe to read the test runner from")?;
        self.command
            .stdout(writer.try_clone().context("no second end of the pipe")?)
            .stderr(writer);
        let mut running = self
            .command
            .spawn()
            .with_context(|| format!("{} cannot be started", self.name))?;
        // The command still holds the writing ends; without them the reading below ends with the program.
        drop(self.command);
        for line in BufReader::new(reader).split(b'\n') {
            let line = line.with_context(|| format!("{} could not be read to its end", self.name))?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            tally.read(&line);
        }
        let status = running
            .wait()
            .with_context(|| format!("{} has no exit code", self.name))?;
        if !status.success() {
            bail!("{} failed after {}", self.name, seconds(began.elapsed()));
        }
        println!("    {} took {}", self.name, seconds(began.elapsed()));
        Ok(())
    }

    fn announce(&self) -> Instant {
        println!("--- {}", self.name);
        Instant::now()
    }
}

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where a program of this name is, in the folders of `PATH`.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// A duration as a person reads it.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
