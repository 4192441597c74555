//! The `ringfence` program: wiring, command line, settings.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program speaks to its terminal"
)]

mod block;
mod calls;
mod clock;
mod command;
mod config;
mod control;
mod demo;
mod edge;
mod explain;
mod recorder;
mod reload;
mod serve;
mod shard;
mod when;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    command::run(command::Arguments::parse())
}
