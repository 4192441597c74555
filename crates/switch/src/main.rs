//! The `ringfence` program: wiring, command line, settings.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program speaks to its terminal"
)]

mod clock;
mod command;
mod config;
mod control;
mod edge;
mod recorder;
mod reload;
mod serve;
mod shard;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    command::run(command::Arguments::parse())
}
