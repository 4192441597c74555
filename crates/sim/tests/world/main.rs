//! The switch as a whole, in a virtual world.

mod answers;
mod challenges;
mod ladders;
mod operations;
mod promises;
mod races;
mod refusals;
mod ringing;

use std::time::Duration;

use call_model::{Cause, Ending};
use sim::World;

/// Runs until nothing happens any more; no promise may be broken.
fn settle(world: &mut World) {
    world.run_until_idle();
    assert!(
        world.faults().is_empty(),
        "{:#?}\n{}",
        world.faults(),
        world.ladder()
    );
}

/// How the call of this caller ended: ending, cause, status.
fn end(world: &World, caller: usize) -> (Ending, Cause, u16) {
    let outcome = world.record_of(caller).expect("a call has its record").outcome;
    (outcome.ending, outcome.cause, outcome.status)
}

/// Whom the call of this caller rang, with the status of each.
fn legs(world: &World, caller: usize) -> Vec<(String, u16)> {
    let record = world.record_of(caller).expect("a call has its record");
    let leg = |leg: &call_model::LegRecord| (leg.destination.to_string(), leg.status);
    record.legs.iter().map(leg).collect()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A request from the carrier outside any call that a simulated phone knows of.
fn stray(method: &str, to_tag: &str) -> Vec<u8> {
    format!(
        "{method} sip:+12025550100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-{method};rport\r\n\
         From: <sip:+12025550143@example.com>;tag=1\r\nTo: <sip:+12025550100@192.0.2.1>{to_tag}\r\nCall-ID: stray\r\n\
         CSeq: 1 {method}\r\nMax-Forwards: 70\r\nContact: <sip:192.0.2.2>\r\nContent-Length: 0\r\n\r\n"
    )
    .into_bytes()
}
