//! What goes into a [`crate::Core`] and what comes out.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use call_model::CallEvent;
use media::{MediaCommand, MediaEvent};
use sip_message::Limits;
use sip_transaction::{Flow, Sink, Timers, Transport};

use crate::snapshot::Snapshot;

/// The time, read once for each input by whoever owns the core.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Monotonic: for timers.
    pub at: Instant,
    /// Unix milliseconds: for records, windows, expiry.
    pub unix_ms: u64,
}

/// What happens to a shard.
pub enum Input<'a> {
    /// A whole SIP message came.
    Message {
        /// Where from.
        flow: Flow,
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// A message could not be delivered.
    SendFailed(Flow),
    /// The media threads have something to say.
    Media(MediaEvent),
    /// The directory was replaced; calls that are up keep the one they began with.
    Snapshot(Snapshot),
    /// No new calls from now on; those that are up go on.
    Drain,
    /// End all calls.
    Stop,
    /// A deadline has come.
    Tick,
}

/// What a shard speaks through. No method may wait: queues are bounded, and who cannot take more says so before
/// ([`Edge::has_room`]).
pub trait Edge: Sink {
    /// Hands an order to the media threads.
    fn media(&mut self, command: MediaCommand);
    /// Tells of a fact. Records of ended calls are among them: they must not be lost.
    fn event(&mut self, event: CallEvent);
    /// Hands a message to the shard that owns its call.
    fn hand_over(&mut self, shard: u8, flow: &Flow, bytes: &[u8]);
    /// Whether the record of one more call would find room; where not, new calls are refused.
    fn has_room(&self) -> bool;
    /// Whether a stream connection is still up; always true for datagrams.
    fn is_open(&self, flow: &Flow) -> bool;
    /// A clock for measuring only: no decision may depend on it. A simulator answers zero.
    fn stopwatch(&self) -> Duration;
}

/// One of our listeners as others see it.
#[derive(Clone, Debug)]
pub struct Listening {
    /// The transport.
    pub transport: Transport,
    /// Host and port for Via and Contact; an IPv6 address in brackets.
    pub advertised: Box<str>,
    /// Whether it is reached over IPv6.
    pub ipv6: bool,
}

/// What cannot change while a shard runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Marks what this node mints: branches, tags, Call-IDs.
    pub node: u32,
    /// Which shard this is.
    pub shard: u8,
    /// How many there are.
    pub shards: u8,
    /// Seeds the generator of tags, branches, Call-IDs, keys of captchas. Must not be foreseeable.
    pub seed: u64,
    /// SIP's timers.
    pub timers: Timers,
    /// The most open transactions.
    pub transactions_max: usize,
    /// What a message may measure.
    pub limits: Limits,
    /// Our listeners, in the order of [`Flow::listener`].
    pub listeners: Vec<Listening>,
    /// The address where audio ports are bound.
    pub media_address: IpAddr,
    /// The address that is offered in SDP.
    pub media_advertised: IpAddr,
    /// Ports for audio, shared out among the shards.
    pub media_ports: RangeInclusive<u16>,
}
