//! Plays one seed of the simulator's mixed traffic over a bad network, as `crates/sim/tests/world/promises.rs` does, and
//! shows every message as a ladder, then the promises that were broken.

#![allow(clippy::print_stdout, reason = "a program speaks to its terminal")]

use std::process::ExitCode;
use std::time::Duration;

use sim::World;

fn main() -> ExitCode {
    let seed: u64 = std::env::args()
        .nth(1)
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(0);
    let mut world = World::sharded(seed, if seed.is_multiple_of(2) { 1 } else { 4 });
    for place in ["carrier", "alice", "bob", "carol", "dave", "rescue"] {
        let link = world.link(place).loss_percent(5).duplicate_percent(2);
        link.delay(Duration::from_millis(20)..Duration::from_millis(200));
    }
    world.agents_vary();
    world.offer_calls(50);
    world.watch();
    world.run_until_idle();
    println!("{}", world.ladder());
    println!(
        "seed {seed}: {} records, {} calls left",
        world.records().len(),
        world.open_calls()
    );
    for fault in world.faults() {
        println!("broken promise: {fault}");
    }
    if world.faults().is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
