//! The command line.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::config;
use crate::control::{self, Answer, Question};
use crate::reload::{Reloaded, in_words};
use crate::serve;

/// Ringfence routes SIP calls to a business's tracking numbers and screens each call before it rings.
///
/// Every decision can be explained (`ringfence explain CALL`), rehearsed (`ringfence explain --from … --to …`) and
/// undone (`ringfence unblock …`).
#[derive(Parser)]
#[command(name = "ringfence", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the switch until it is told to stop (SIGTERM); SIGHUP applies changed files.
    Serve(Config),
    /// Check a configuration and name every fault with file, line and column.
    Check {
        #[command(flatten)]
        config: Config,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Apply changed files to the running switch, or keep the old ones and say why.
    Reload {
        #[command(flatten)]
        config: Config,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Print the version.
    Version,
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

/// Nothing to complain about.
const OK: u8 = 0;
/// The request itself could not be carried out: a faulty configuration, an unknown call.
const REFUSED: u8 = 1;
/// Something broke: a file, a socket, the store.
const BROKEN: u8 = 3;

/// Does what the command line asks for; the exit code is 0 for done, 1 for refused, 2 for a wrong command line (clap),
/// 3 for broken.
pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let done = match arguments.command {
        Command::Serve(Config { config }) => {
            log_to_stderr();
            serve::serve(&config).map(|()| OK)
        }
        Command::Check {
            config: Config { config },
            json,
        } => Ok(check(&config, json)),
        Command::Reload {
            config: Config { config },
            json,
        } => reload(&config, json),
        Command::Version => {
            println!("ringfence {}", env!("CARGO_PKG_VERSION"));
            Ok(OK)
        }
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(fault) => {
            eprintln!("ringfence: {fault:#}");
            ExitCode::from(BROKEN)
        }
    }
}

fn check(path: &std::path::Path, json: bool) -> u8 {
    match config::load_with_store(path) {
        Ok((loaded, _)) => {
            let directory = loaded.directory;
            if json {
                println!(
                    "{}",
                    serde_json::json!({ "ok": true, "ruleset": directory.ruleset(), "faults": [] })
                );
            } else {
                println!(
                    "{}: no faults; {}, {}, {}, {}; ruleset {}",
                    path.display(),
                    serve::count(directory.trunks().len(), "trunk"),
                    serve::count(directory.tenants().len(), "tenant"),
                    serve::count(directory.plans().len(), "plan"),
                    serve::count(directory.number_count(), "tracking number"),
                    directory.ruleset()
                );
            }
            OK
        }
        Err(refused) => {
            let faults = in_words(refused);
            if json {
                println!("{}", serde_json::json!({ "ok": false, "faults": faults }));
            } else {
                for fault in &faults {
                    eprintln!("{fault}");
                }
                eprintln!("{}", serve::count(faults.len(), "fault"));
            }
            REFUSED
        }
    }
}

fn reload(path: &std::path::Path, json: bool) -> Result<u8> {
    let data_dir = match config::load(path) {
        Ok(loaded) => loaded.directory.switch.data_dir,
        Err(_) => return Ok(check(path, json)),
    };
    let answer = control::ask(&data_dir, &Question::Reload)?;
    let Some(Answer::Reloaded(reloaded)) = answer else {
        anyhow::bail!("no switch runs with the data in {}", data_dir.display());
    };
    if json {
        println!("{}", serde_json::to_string(&reloaded)?);
    }
    Ok(match reloaded {
        Reloaded::Applied { ruleset } => {
            if !json {
                println!("applied; ruleset {ruleset}");
            }
            OK
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
