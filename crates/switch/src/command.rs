//! The command line.

use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use store::{Store, StoreError};

use crate::config::{self, Refused};
use crate::control::{self, Answer, Question};
use crate::reload::{Reloaded, in_words};
use crate::{block, calls, demo, explain, serve};

/// Ringfence routes SIP calls to a business's tracking numbers and screens each call before it rings.
///
/// Every decision can be explained (`ringfence explain CALL`), rehearsed (`ringfence explain --from … --to …`) and
/// undone (`ringfence unblock …`).
#[derive(Parser)]
#[command(name = "ringfence", version, arg_required_else_help = true, after_help = FIRST_STEPS)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the switch until it is told to stop (SIGTERM); SIGHUP applies changed files.
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Config),
    /// Check a configuration and name every fault with file, line and column.
    #[command(after_help = CHECK_EXAMPLES)]
    Check {
        #[command(flatten)]
        config: Config,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Apply changed files to the running switch, or keep the old ones and say why.
    #[command(after_help = RELOAD_EXAMPLES)]
    Reload {
        #[command(flatten)]
        config: Config,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// List calls from the call log, while the switch runs or not.
    #[command(after_help = calls::EXAMPLES)]
    Calls(calls::Arguments),
    /// Tell why a call was treated as it was, or how one would be treated now.
    #[command(after_help = explain::EXAMPLES)]
    Explain(explain::Arguments),
    /// Put a caller on the block list, in force at once.
    #[command(after_help = block::BLOCK_EXAMPLES)]
    Block(block::BlockArguments),
    /// Take a caller off the block list, in force at once.
    #[command(after_help = block::UNBLOCK_EXAMPLES)]
    Unblock(block::UnblockArguments),
    /// See it work: a switch, a carrier and agents on this machine, with real packets and real audio.
    #[command(after_help = demo::EXAMPLES)]
    Demo(demo::Arguments),
    /// Print the version.
    Version {
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
}

/// Where the configuration is.
#[derive(clap::Args)]
pub(crate) struct Config {
    /// The configuration: a file, or a folder whose *.toml files are taken together.
    #[arg(
        short,
        long,
        value_name = "PATH",
        env = "RINGFENCE_CONFIG",
        default_value = "configs/example.toml"
    )]
    config: PathBuf,
}

/// Where the call log is.
#[derive(clap::Args)]
pub(crate) struct Log {
    #[command(flatten)]
    config: Config,
    /// The folder of the call log, where the configuration cannot tell (data_dir).
    #[arg(long, value_name = "DIR", env = "RINGFENCE_DATA")]
    data: Option<PathBuf>,
}

impl Log {
    /// The configuration.
    pub(crate) fn config(&self) -> &Path {
        &self.config.config
    }

    /// The folder of the call log.
    pub(crate) fn data_dir(&self) -> Result<PathBuf> {
        match &self.data {
            Some(data) => Ok(data.clone()),
            None => config::data_dir(self.config()).map_err(|fault| Refusal::new(format!("{fault:#}"))),
        }
    }

    /// Opens the call log for reading, and says where it is.
    pub(crate) fn open(&self) -> Result<(Store, PathBuf)> {
        let data_dir = self.data_dir()?;
        match Store::open_read_only(&data_dir) {
            Ok(store) => Ok((store, data_dir)),
            Err(StoreError::Absent(_)) => Err(Refusal::new(format!(
                "there is no call log in {} yet: `ringfence serve` makes it; --config or --data lead to another",
                data_dir.display()
            ))),
            Err(fault) => Err(fault.into()),
        }
    }
}

/// Done.
pub(crate) const DONE: u8 = 0;
/// The request itself could not be carried out: a faulty configuration, an unknown call.
pub(crate) const REFUSED: u8 = 1;
/// Something broke: a file, a socket, the store.
const BROKEN: u8 = 3;

/// Why a request cannot be carried out, for the one who asked; ends in exit code 1.
#[derive(Debug)]
pub(crate) struct Refusal(String);

impl Refusal {
    #[expect(clippy::new_ret_no_self, reason = "it is made to be returned as an error")]
    pub(crate) fn new(why: String) -> anyhow::Error {
        Self(why).into()
    }

    /// A configuration that has faults, each with its place.
    pub(crate) fn faulty(refused: Refused) -> anyhow::Error {
        match refused {
            Refused::Faults(_) => Self::new(format!("{:#}", serve::refused(refused))),
            Refused::Unreadable(fault) => Self::new(format!("{fault:#}")),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

const FIRST_STEPS: &str = "\
First steps:
  ringfence demo                                    see it work, on this machine alone
  ringfence check --config configs/example.toml     read a first configuration, and edit it
  ringfence serve --config configs/example.toml     run it
  ringfence calls --since 1h                        what came
  ringfence explain CALL                            and why it was treated so

Exit codes: 0 done; 1 refused: a faulty configuration, an unknown call, nothing to do; 2 a wrong command line;
3 broken: a file, a socket, the store.
RINGFENCE_LOG sets how much serve logs: warn, info, debug; info,ringfence::calls=debug adds a line for each call,
without numbers and names.";

const SERVE_EXAMPLES: &str = "\
Examples:
  ringfence serve --config /etc/ringfence      every *.toml of a folder
  kill -HUP $(pidof ringfence)                 apply changed files; ringfence reload tells what came of it
  curl http://127.0.0.1:9060/metrics           where [http] address says so";

const CHECK_EXAMPLES: &str = "\
Examples:
  ringfence check --config configs/example.toml
  ringfence check --config /etc/ringfence --json || exit 1

All faults are named at once, each as file:line:column: setting: what is wrong.";

const RELOAD_EXAMPLES: &str = "\
Examples:
  ringfence reload --config /etc/ringfence

Calls that are up go on by the rules they began with. Files with a fault change nothing.";

/// Does what the command line asks for; the exit code is 0 for done, 1 for refused, 2 for a wrong command line (clap),
/// 3 for broken.
pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let done = perform(arguments.command, &mut out);
    let flushed = out.flush();
    let done = done.and_then(|code| flushed.map(|()| code).map_err(Into::into));
    match done {
        Ok(code) => ExitCode::from(code),
        Err(fault) if is_closed_pipe(&fault) => ExitCode::from(DONE),
        Err(fault) => {
            eprintln!("ringfence: {fault:#}");
            let refused = fault.downcast_ref::<Refusal>().is_some();
            ExitCode::from(if refused { REFUSED } else { BROKEN })
        }
    }
}

fn perform(command: Command, out: &mut impl Write) -> Result<u8> {
    match command {
        Command::Serve(Config { config }) => {
            log_to_stderr();
            serve::serve(&config).map(|()| DONE)
        }
        Command::Check {
            config: Config { config },
            json,
        } => check(&config, json, out),
        Command::Reload {
            config: Config { config },
            json,
        } => reload(&config, json, out),
        Command::Calls(arguments) => calls::run(arguments, out),
        Command::Explain(arguments) => explain::run(arguments, out),
        Command::Block(arguments) => block::block(arguments, out),
        Command::Unblock(arguments) => block::unblock(arguments, out),
        Command::Demo(arguments) => demo::run(&arguments, out),
        Command::Version { json } => {
            let version = env!("CARGO_PKG_VERSION");
            if json {
                writeln!(
                    out,
                    "{}",
                    serde_json::json!({ "name": "ringfence", "version": version })
                )?;
            } else {
                writeln!(out, "ringfence {version}")?;
            }
            Ok(DONE)
        }
    }
}

/// Whoever read our output has seen enough: `ringfence calls | head`.
fn is_closed_pipe(fault: &anyhow::Error) -> bool {
    fault.chain().any(|cause| {
        let own = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let in_json = cause
            .downcast_ref::<serde_json::Error>()
            .and_then(serde_json::Error::io_error_kind);
        own.or(in_json) == Some(io::ErrorKind::BrokenPipe)
    })
}

fn check(path: &Path, json: bool, out: &mut impl Write) -> Result<u8> {
    match config::load_with_store(path) {
        Ok((loaded, _)) => {
            let directory = loaded.directory;
            if json {
                writeln!(
                    out,
                    "{}",
                    serde_json::json!({ "ok": true, "ruleset": directory.ruleset(), "faults": [] })
                )?;
            } else {
                writeln!(
                    out,
                    "{}: no faults; {}, {}, {}, {}; ruleset {}",
                    path.display(),
                    serve::count(directory.trunks().len(), "trunk"),
                    serve::count(directory.tenants().len(), "tenant"),
                    serve::count(directory.plans().len(), "plan"),
                    serve::count(directory.number_count(), "tracking number"),
                    directory.ruleset()
                )?;
            }
            Ok(DONE)
        }
        Err(refused) => {
            let faults = in_words(refused);
            if json {
                writeln!(out, "{}", serde_json::json!({ "ok": false, "faults": faults }))?;
            } else {
                for fault in &faults {
                    eprintln!("{fault}");
                }
                eprintln!("{}", serve::count(faults.len(), "fault"));
            }
            Ok(REFUSED)
        }
    }
}

fn reload(path: &Path, json: bool, out: &mut impl Write) -> Result<u8> {
    let data_dir = match config::load(path) {
        Ok(loaded) => loaded.directory.switch.data_dir,
        Err(_) => return check(path, json, out),
    };
    let Some(answer) = control::ask(&data_dir, &Question::Reload)? else {
        return Err(Refusal::new(format!(
            "no switch runs with the data in {}",
            data_dir.display()
        )));
    };
    let Answer::Reloaded(reloaded) = answer else {
        anyhow::bail!("the running switch does not know how to reload: is it another release?");
    };
    if json {
        writeln!(out, "{}", serde_json::to_string(&reloaded)?)?;
    }
    Ok(match reloaded {
        Reloaded::Applied { ruleset } => {
            if !json {
                writeln!(out, "applied; ruleset {ruleset}")?;
            }
            DONE
        }
        Reloaded::Refused { faults } => {
            if !json {
                for fault in &faults {
                    eprintln!("{fault}");
                }
                eprintln!("refused; the directory in force is kept");
            }
            REFUSED
        }
    })
}

/// Logs to standard error: text for a terminal, JSON lines for anything else. `RINGFENCE_LOG` sets the level.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("RINGFENCE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        log.init()
    } else {
        log.json().init()
    }
}
