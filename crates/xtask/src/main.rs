//! `cargo xtask`: what a change must pass, for people as for automation.
//!
//! | read | for |
//! |---|---|
//! | `check.rs` | the steps that a change must pass |
//! | `setup.rs` | what the steps need beyond Rust, installed where it is missing |
//! | `step.rs` | running one program, timed |
//! | `tally.rs` | how many tests passed, read from the runners' closing lines |

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program speaks to its terminal"
)]

mod check;
mod setup;
mod step;
mod tally;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::step::Step;

const HELP: &str = "\
cargo xtask COMMAND

  setup          install what the checks need beyond Rust, where it is missing (Debian packages, cargo-deny)
  check          format, dependencies, lints, documentation, tests: all that a change must pass
  reference      write configs/reference.toml and docs/metrics.md anew from the code
  bench [NAME]   run the benches, or those whose name contains NAME
  sim SEED       play one seed of the simulator and show what happened, as a ladder
  help           this page

A fresh checkout on Debian with Rust: cargo xtask setup && cargo xtask check
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match obey(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("xtask: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

fn obey(words: &[&str]) -> Result<()> {
    match words {
        ["setup"] => setup::install_what_is_missing(),
        ["check"] => check::check(),
        ["reference"] => Step::cargo(
            "reference",
            &["run", "--package", "xtask", "--example", "reference"],
        )
        .run(),
        ["bench", names @ ..] => {
            let mut arguments = vec!["bench", "--workspace", "--bench", "*", "--"];
            arguments.extend_from_slice(names);
            Step::cargo("bench", &arguments).run()
        }
        ["sim", seed] => {
            let seed: u64 = seed.parse()?;
            Step::cargo(
                "sim",
                &[
                    "run",
                    "--package",
                    "xtask",
                    "--example",
                    "sim",
                    "--",
                    &seed.to_string(),
                ],
            )
            .run()
        }
        ["help" | "--help" | "-h"] | [] => {
            print!("{HELP}");
            Ok(())
        }
        _ => bail!("`{}` is not a command\n\n{HELP}", words.join(" ")),
    }
}
