//! A shard's thread: its sockets, its core, and the loop between them.

use std::time::{Duration, Instant};

use call_model::{CallEvent, RefusedPacket};
use media::MediaEvent;
use metrics::{QueueMetrics, ShardMetrics, TransportMetrics};
use proxy::{Core, Input, Now, Snapshot};
use sip_transaction::{Flow, Sink as _};
use sip_transport::{Arrival, Outbox, ShardTransport, TransportStats};
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use crate::clock;
use crate::edge::{Doors, ShardEdge};

/// What others tell a shard.
pub(crate) enum ShardInput {
    /// A message that another shard received and this one owns.
    Message { flow: Flow, bytes: Box<[u8]> },
    /// A message that another shard wrote and this one's connection carries.
    Send { flow: Flow, bytes: Box<[u8]> },
    /// The media threads.
    Media(MediaEvent),
    /// A new directory.
    Snapshot {
        snapshot: Snapshot,
        /// Dropped once the directory is in force here: whoever waits for that sees the channel close.
        in_force: mpsc::Sender<()>,
    },
    /// End all calls, then the thread once they are over or the time is up.
    Stop { until: Instant },
}

/// Inputs that wait for a shard. Beyond it messages from other shards are dropped (SIP sends again), and media events
/// wait where they are.
pub(crate) const INBOX_MAX: usize = 16_384;

/// Messages taken from the sockets in one turn: answers leave at its end, so a longer one makes everybody wait.
const DRAIN_MAX: usize = 32;

/// How often gauges are set.
const REPORT_EVERY: Duration = Duration::from_millis(250);

/// How soon what found no room is offered again.
const RETRY_AFTER: Duration = Duration::from_millis(5);

/// One shard, ready to run.
pub(crate) struct Shard {
    pub(crate) core: Core,
    pub(crate) doors: Doors,
    pub(crate) transport: ShardTransport,
    pub(crate) inbox: mpsc::Receiver<ShardInput>,
    pub(crate) gauges: Gauges,
}

/// The numbers that a shard shows.
pub(crate) struct Gauges {
    pub(crate) shard: ShardMetrics,
    inbox: QueueMetrics,
    events: QueueMetrics,
    media: QueueMetrics,
    outbox: QueueMetrics,
    udp: TransportMetrics,
    tcp: TransportMetrics,
    next_at: Instant,
}

impl Gauges {
    pub(crate) fn new(shard: ShardMetrics, now: Instant) -> Self {
        Self {
            inbox: shard.queue("inbox"),
            events: shard.queue("events"),
            media: shard.queue("media_orders"),
            outbox: shard.queue("foreign"),
            udp: shard.transport("udp"),
            tcp: shard.transport("tcp"),
            shard,
            next_at: now,
        }
    }
}

impl Shard {
    /// Runs until told to stop.
    pub(crate) async fn run(mut self) {
        let mut stop_at: Option<Instant> = None;
        let mut inputs = Vec::with_capacity(64);
        // One timer for the thread's life, set anew only when the deadline moves: most turns leave it alone.
        let mut wake_set_to = Instant::now();
        let sleep = sleep_until(wake_set_to.into());
        tokio::pin!(sleep);
        loop {
            // However far the next deadline of a call is, what the metrics say stays fresh.
            let report_at = self.gauges.next_at;
            let mut wake_at = self
                .core
                .next_deadline()
                .map_or(report_at, |deadline| deadline.min(report_at));
            if self.doors.must_retry() {
                wake_at = wake_at.min(Instant::now() + RETRY_AFTER);
            }
            if let Some(stop_at) = stop_at {
                wake_at = wake_at.min(stop_at);
            }
            if wake_at != wake_set_to {
                wake_set_to = wake_at;
                sleep.as_mut().reset(wake_at.into());
            }
            tokio::select! {
                () = self.transport.ready() => {}
                received = self.inbox.recv_many(&mut inputs, 64) => {
                    if received == 0 {
                        return;
                    }
                }
                () = &mut sleep => {}
            }
            let now = clock::now();
            self.take_packets(now);
            for input in inputs.drain(..) {
                if let ShardInput::Stop { until } = &input {
                    stop_at = Some(*until);
                }
                self.take_input(now, input);
            }
            if self.core.next_deadline().is_some_and(|at| at <= now.at) {
                self.feed(now, Input::Tick);
            }
            self.transport.flush();
            self.pass_foreign();
            self.doors.retry();
            if now.at >= self.gauges.next_at {
                self.report(now);
            }
            // A BYE that was lost is sent again, so the end waits for their answers.
            let load = self.core.load();
            let over = load.calls == 0 && load.hang_ups == 0;
            if stop_at.is_some_and(|at| over || now.at >= at) {
                self.transport.flush();
                self.report(now);
                return;
            }
        }
    }

    fn take_packets(&mut self, now: Now) {
        let Self {
            core,
            doors,
            transport,
            ..
        } = self;
        transport.drain(DRAIN_MAX, &mut |arrival, outbox| {
            take_arrival(core, doors, now, &arrival, outbox)
        });
    }

    fn take_input(&mut self, now: Now, input: ShardInput) {
        match input {
            ShardInput::Message { flow, bytes } => self.feed(now, Input::Message { flow, bytes: &bytes }),
            ShardInput::Send { flow, bytes } => self.transport.outbox().send(&flow, &bytes),
            ShardInput::Media(event) => self.feed(now, Input::Media(event)),
            ShardInput::Snapshot { snapshot, in_force } => {
                self.feed(now, Input::Snapshot(snapshot));
                drop(in_force);
            }
            ShardInput::Stop { .. } => self.feed(now, Input::Stop),
        }
    }

    fn feed(&mut self, now: Now, input: Input<'_>) {
        let mut edge = ShardEdge {
            doors: &mut self.doors,
            sockets: self.transport.outbox(),
        };
        self.core.handle_input(now, input, &mut edge);
    }

    /// Messages that a connection of another shard carries.
    fn pass_foreign(&mut self) {
        for (flow, bytes) in self.transport.take_foreign() {
            let input = ShardInput::Send {
                flow,
                bytes: bytes.into(),
            };
            let owner = self.doors.others.get(usize::from(flow.shard));
            if owner.is_none_or(|owner| owner.try_send(input).is_err()) {
                self.doors.counts.hand_overs_dropped += 1;
            }
        }
    }

    fn report(&mut self, now: Now) {
        let (load, stats, counts) = (self.core.load(), self.transport.stats(), self.doors.counts);
        let gauges = &mut self.gauges;
        gauges.next_at = now.at + REPORT_EVERY;
        gauges.shard.active_calls.set(load.calls);
        gauges.shard.transactions.set(load.transactions);
        gauges.inbox.depth.set(self.inbox.len());
        gauges.inbox.drops.reach(counts.hand_overs_dropped);
        gauges
            .events
            .depth
            .set(self.doors.events.len() + self.doors.overflow.len());
        gauges.events.drops.reach(counts.events_dropped);
        gauges.media.depth.set(self.doors.media_waiting.len());
        gauges.outbox.drops.reach(stats.foreign_dropped);
        report_transport(&gauges.udp, &gauges.tcp, &stats);
    }
}

fn take_arrival(core: &mut Core, doors: &mut Doors, now: Now, arrival: &Arrival<'_>, outbox: &mut Outbox) {
    let input = match arrival {
        Arrival::Message { flow, bytes } => {
            if flow.connection != 0 && doors.open_connections.insert(flow.connection) {
                doors.connections.insert((flow.shard, flow.connection));
            }
            Input::Message { flow: *flow, bytes }
        }
        Arrival::SendFailed { flow } => Input::SendFailed(*flow),
        Arrival::ConnectionClosed { flow } => {
            doors.open_connections.remove(&flow.connection);
            doors.connections.remove(&(flow.shard, flow.connection));
            Input::SendFailed(*flow)
        }
        Arrival::Refused { cause, .. } => {
            let refused = CallEvent::PacketRefused(RefusedPacket { cause, status: None });
            if doors.events.push(refused).is_err() {
                doors.counts.events_dropped += 1;
            }
            return;
        }
    };
    let mut edge = ShardEdge {
        doors,
        sockets: outbox,
    };
    core.handle_input(now, input, &mut edge);
}

fn report_transport(udp: &TransportMetrics, tcp: &TransportMetrics, stats: &TransportStats) {
    udp.packets_in.reach(stats.datagrams_in);
    udp.packets_out.reach(stats.datagrams_out);
    udp.bytes_in.reach(stats.datagram_bytes_in);
    udp.bytes_out.reach(stats.datagram_bytes_out);
    udp.drops("queue_full").reach(stats.datagrams_dropped_queue_full);
    udp.drops("send_failed").reach(stats.datagrams_failed);
    udp.drops("gate").reach(stats.datagrams_refused_gate);
    tcp.packets_in.reach(stats.stream_messages_in);
    tcp.packets_out.reach(stats.stream_messages_out);
    tcp.bytes_in.reach(stats.stream_bytes_in);
    tcp.bytes_out.reach(stats.stream_bytes_out);
    tcp.connections.set(stats.connections_open as usize);
    tcp.drops("framing").reach(stats.stream_framing_refused);
    tcp.drops("stalled").reach(stats.connections_closed_stalled);
    tcp.drops("slow").reach(stats.connections_closed_slow);
    tcp.drops("too_many")
        .reach(stats.connections_refused_total + stats.connections_refused_source);
}

/// Shares media events out to the shards that the sessions belong to.
pub(crate) struct MediaRouter {
    pub(crate) shards: Vec<mpsc::Sender<ShardInput>>,
}

impl media_io::EventSink for MediaRouter {
    fn deliver(&self, event: MediaEvent) -> Result<(), MediaEvent> {
        let Some(shard) = self.shards.get(usize::from(proxy::shard_of_media(event.id()))) else {
            return Ok(());
        };
        match shard.try_reserve() {
            Ok(place) => {
                place.send(ShardInput::Media(event));
                Ok(())
            }
            Err(_) => Err(event),
        }
    }
}
