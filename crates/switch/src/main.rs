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

/// Records are made by a shard and given back by the recorder. The system's allocator has the two wait for each other
/// there, and the shard goes first in scheduling; this one does not.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    command::run(command::Arguments::parse())
}
