//! One shard of the real switch, and what it says.

use std::time::{Duration, Instant};

use call_model::CallEvent;
use media::MediaCommand;
use proxy::{Core, Edge, Input, Now};
use sip_transaction::{Flow, Sink};

/// A shard with an edge that writes everything down, in order.
pub(crate) struct Shard {
    pub(crate) core: Core,
    pub(crate) speech: Speech,
}

/// What a shard said in answer to one input.
#[derive(Default)]
pub(crate) struct Speech {
    pub(crate) said: Vec<Said>,
    /// Whether there is no room for another record.
    pub(crate) full: bool,
}

/// One thing said.
pub(crate) enum Said {
    Send(Flow, Vec<u8>),
    Order(MediaCommand),
    Event(CallEvent),
    HandOver(u8, Flow, Vec<u8>),
}

impl Shard {
    pub(crate) fn feed(&mut self, at: Instant, unix_ms: u64, input: Input<'_>) -> Vec<Said> {
        self.core
            .handle_input(Now { at, unix_ms }, input, &mut self.speech);
        std::mem::take(&mut self.speech.said)
    }
}

impl Sink for Speech {
    fn send(&mut self, flow: &Flow, bytes: &[u8]) {
        self.said.push(Said::Send(*flow, bytes.to_vec()));
    }
}

impl Edge for Speech {
    fn media(&mut self, command: MediaCommand) {
        self.said.push(Said::Order(command));
    }

    fn event(&mut self, event: CallEvent) {
        self.said.push(Said::Event(event));
    }

    fn hand_over(&mut self, shard: u8, flow: &Flow, bytes: &[u8]) {
        self.said.push(Said::HandOver(shard, *flow, bytes.to_vec()));
    }

    fn has_room(&self) -> bool {
        !self.full
    }

    fn is_open(&self, _flow: &Flow) -> bool {
        true
    }

    fn stopwatch(&self) -> Duration {
        Duration::ZERO
    }
}
