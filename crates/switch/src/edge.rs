//! What a shard's core speaks through: sockets, media threads, the recorder, the other shards.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use call_model::CallEvent;
use crossbeam_queue::ArrayQueue;
use dashmap::DashSet;
use media::MediaCommand;
use media_io::{MediaHandle, Refused};
use proxy::Edge;
use sip_transaction::{Flow, Sink};
use tokio::sync::mpsc;

use crate::shard::ShardInput;

/// The way from a shard to the recorder: bounded, and polled by the other end, so that nobody is woken for a call.
pub(crate) type EventQueue = Arc<ArrayQueue<CallEvent>>;

/// The stream connections that are up, by shard and number; as many as the transports let in.
pub(crate) type Connections = Arc<DashSet<(u8, u32)>>;

/// Everything that a shard speaks through but its sockets.
pub(crate) struct Doors {
    pub(crate) shard: u8,
    pub(crate) events: EventQueue,
    /// Records that found no room in the queue. New calls are refused while there are any, so there are at most two
    /// for each call that is up.
    pub(crate) overflow: VecDeque<CallEvent>,
    pub(crate) media: MediaHandle,
    /// Orders to the media threads that found no room: a few for each call that is up.
    pub(crate) media_waiting: VecDeque<MediaCommand>,
    pub(crate) others: Vec<mpsc::Sender<ShardInput>>,
    /// Stream connections of this shard that are up.
    pub(crate) open_connections: HashSet<u32>,
    /// Those of all shards: whoever writes a request for another shard's connection must know whether it is up.
    pub(crate) connections: Connections,
    pub(crate) started: Instant,
    pub(crate) counts: DoorCounts,
}

/// What was given up because a queue was full.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DoorCounts {
    pub(crate) events_dropped: u64,
    pub(crate) hand_overs_dropped: u64,
}

/// The doors together with the sockets, for one input of the core.
pub(crate) struct ShardEdge<'a, S> {
    pub(crate) doors: &'a mut Doors,
    pub(crate) sockets: &'a mut S,
}

/// Of the queue to the recorder, the part that new calls leave free for the records of calls that are up: a quarter.
const RESERVED_SHARE: usize = 4;

impl Doors {
    /// Offers again what found no room before.
    pub(crate) fn retry(&mut self) {
        while let Some(event) = self.overflow.pop_front() {
            if let Err(event) = self.events.push(event) {
                self.overflow.push_front(event);
                break;
            }
        }
        while let Some(command) = self.media_waiting.pop_front() {
            if let Err(Refused(command)) = self.media.send(command) {
                self.media_waiting.push_front(command);
                break;
            }
        }
    }

    /// Whether something waits to be offered again.
    pub(crate) fn must_retry(&self) -> bool {
        !self.overflow.is_empty() || !self.media_waiting.is_empty()
    }
}

impl<S: Sink> Sink for ShardEdge<'_, S> {
    fn send(&mut self, flow: &Flow, bytes: &[u8]) {
        self.sockets.send(flow, bytes);
    }
}

impl<S: Sink> Edge for ShardEdge<'_, S> {
    fn media(&mut self, command: MediaCommand) {
        // Orders of one session keep their order, so whatever waits goes first.
        if !self.doors.media_waiting.is_empty() {
            return self.doors.media_waiting.push_back(command);
        }
        if let Err(Refused(command)) = self.doors.media.send(command) {
            self.doors.media_waiting.push_back(command);
        }
    }

    fn event(&mut self, event: CallEvent) {
        let must_arrive = matches!(event, CallEvent::Ended(_) | CallEvent::Passed { .. });
        if must_arrive && !self.doors.overflow.is_empty() {
            return self.doors.overflow.push_back(event);
        }
        if let Err(event) = self.doors.events.push(event) {
            if must_arrive {
                self.doors.overflow.push_back(event);
            } else {
                self.doors.counts.events_dropped += 1;
            }
        }
    }

    fn hand_over(&mut self, shard: u8, flow: &Flow, bytes: &[u8]) {
        let input = ShardInput::Message {
            flow: *flow,
            bytes: bytes.into(),
        };
        let sent = self
            .doors
            .others
            .get(usize::from(shard))
            .is_some_and(|other| other.try_send(input).is_ok());
        if !sent {
            self.doors.counts.hand_overs_dropped += 1;
        }
    }

    fn has_room(&self) -> bool {
        let events = &self.doors.events;
        self.doors.overflow.is_empty()
            && events.len() < events.capacity() - events.capacity() / RESERVED_SHARE
    }

    fn is_open(&self, flow: &Flow) -> bool {
        flow.connection == 0
            || match flow.shard == self.doors.shard {
                true => self.doors.open_connections.contains(&flow.connection),
                false => self.doors.connections.contains(&(flow.shard, flow.connection)),
            }
    }

    fn stopwatch(&self) -> Duration {
        self.doors.started.elapsed()
    }
}
