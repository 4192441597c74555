//! One shard: its tables, and the door to them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use call_model::{CallEvent, RefusedPacket};
use media::PortPool;
use screening::{TrunkMeter, Windows};
use sip_message::{Index, Message};
use sip_transaction::{Timeout, Transactions, Wheel};

use crate::call::{Call, SetTimer, TimerKind};
use crate::calls::{CallKey, Calls};
use crate::dispatch::Owner;
use crate::io::{Edge, Input, Now, Settings};
use crate::names::Mint;
use crate::snapshot::Snapshot;

/// One shard of the switch, as a value.
///
/// Feed it an [`Input`] and the time with [`Core::handle_input`]; it speaks through the [`Edge`]. Wake it with
/// [`Input::Tick`] at [`Core::next_deadline`].
pub struct Core {
    index: Index,
    shard: Shard,
}

/// Everything but the table that messages are read into.
pub(crate) struct Shard {
    pub(crate) settings: Settings,
    pub(crate) snapshot: Snapshot,
    pub(crate) windows: Arc<Windows>,
    pub(crate) transactions: Transactions<Owner>,
    pub(crate) calls: Calls,
    pub(crate) wheel: Wheel<CallTimer>,
    pub(crate) ports: PortPool,
    pub(crate) mint: Mint,
    pub(crate) draining: bool,
    /// How many calls of strangers were recorded of late.
    pub(crate) strangers: Arc<TrunkMeter>,
    /// BYEs of ours that are not answered yet.
    pub(crate) hang_ups: usize,
    /// Reused from message to message.
    pub(crate) scratch: Vec<u8>,
    timer_stamp: u32,
    due: Vec<CallTimer>,
    timeouts: Vec<Timeout<Owner>>,
    counted: Counted,
}

/// A call that wants to be woken, and why.
#[derive(Clone, Copy)]
pub(crate) struct CallTimer {
    call: CallKey,
    kind: TimerKind,
    stamp: u32,
}

/// Counters of the transaction table as last reported.
#[derive(Default)]
struct Counted {
    sent: u64,
    absorbed: u64,
}

/// How full a shard is, for gauges.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Load {
    /// Calls that are up or being set up.
    pub calls: usize,
    /// Open transactions, those that only absorb stray copies included.
    pub transactions: usize,
    /// BYEs of ours that are not answered yet.
    pub hang_ups: usize,
    /// Audio ports in use.
    pub ports: usize,
}

impl Core {
    /// A shard without calls.
    #[must_use]
    pub fn new(settings: Settings, snapshot: Snapshot, windows: Arc<Windows>, start: Instant) -> Self {
        let mut mint = Mint::new(settings.seed, settings.node, settings.shard);
        let transactions = Transactions::new(
            sip_transaction::Settings {
                node: settings.node,
                shard: settings.shard,
                timers: settings.timers,
                transactions_max: settings.transactions_max,
                seed: mint.draw(),
            },
            start,
        );
        let ports = PortPool::new(
            settings.media_ports.clone(),
            usize::from(settings.shard),
            usize::from(settings.shards),
        );
        Self {
            index: Index::new(settings.limits),
            shard: Shard {
                settings,
                snapshot,
                windows,
                transactions,
                calls: Calls::default(),
                wheel: Wheel::new(start, WHEEL_TICK),
                ports,
                mint,
                draining: false,
                strangers: TrunkMeter::new(start),
                hang_ups: 0,
                scratch: Vec::with_capacity(2048),
                timer_stamp: 0,
                due: Vec::new(),
                timeouts: Vec::new(),
                counted: Counted::default(),
            },
        }
    }

    /// Takes one input.
    pub fn handle_input(&mut self, now: Now, input: Input<'_>, edge: &mut impl Edge) {
        let Self { index, shard } = self;
        match input {
            Input::Message { flow, bytes } => match index.parse(bytes) {
                Ok(message) => shard.on_message(now, &message, &flow, edge),
                Err(fault) => {
                    let request = index.salvage(bytes).filter(Message::is_request);
                    let status =
                        request.and_then(|request| shard.refuse_packet(&request, &flow, fault, edge));
                    edge.event(CallEvent::PacketRefused(RefusedPacket {
                        cause: fault.cause(),
                        status,
                    }));
                }
            },
            Input::SendFailed(flow) => {
                let mut timeouts = std::mem::take(&mut shard.timeouts);
                shard.transactions.flow_failed(now.at, &flow, &mut timeouts);
                shard.on_timeouts(now, &mut timeouts, edge);
            }
            Input::Media(event) => shard.on_media(now, event, edge),
            Input::Snapshot(snapshot) => shard.snapshot = snapshot,
            Input::Drain => shard.draining = true,
            Input::Stop => shard.stop(now, edge),
            Input::Tick => shard.tick(now, edge),
        }
        shard.report_retransmissions(edge);
    }

    /// When [`Input::Tick`] is due; absent where nothing waits.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let (calls, transactions) = (
            self.shard.wheel.next_deadline(),
            self.shard.transactions.next_deadline(),
        );
        match (calls, transactions) {
            (Some(call), Some(transaction)) => Some(call.min(transaction)),
            (some, None) | (None, some) => some,
        }
    }

    /// How full the shard is.
    #[must_use]
    pub fn load(&self) -> Load {
        Load {
            calls: self.shard.calls.len(),
            transactions: self.shard.transactions.len(),
            hang_ups: self.shard.hang_ups,
            ports: self.shard.ports.in_use(),
        }
    }

    /// Whether nothing is left: no call, no transaction.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.shard.calls.len() == 0 && self.shard.transactions.is_empty()
    }
}

impl Shard {
    fn tick(&mut self, now: Now, edge: &mut impl Edge) {
        let mut timeouts = std::mem::take(&mut self.timeouts);
        self.transactions.expire(now.at, edge, &mut timeouts);
        self.on_timeouts(now, &mut timeouts, edge);
        let mut due = std::mem::take(&mut self.due);
        self.wheel.expire(now.at, &mut due);
        for timer in due.drain(..) {
            self.with_call(timer.call, |shard, call| {
                // One that was cancelled or set anew by another that is due at the same moment is void.
                let same = |set: &SetTimer| set.kind == timer.kind && set.stamp == timer.stamp;
                if let Some(at) = call.timers.iter().position(same) {
                    call.timers.swap_remove(at);
                    shard.on_timer(now, call, timer.kind, edge);
                }
            });
        }
        self.due = due;
    }

    fn on_timeouts(&mut self, now: Now, timeouts: &mut Vec<Timeout<Owner>>, edge: &mut impl Edge) {
        for timeout in timeouts.drain(..) {
            self.on_transaction_timeout(now, &timeout, edge);
        }
        self.timeouts = std::mem::take(timeouts);
    }

    /// Works on a call and puts it back, or frees it where nothing of it is left.
    pub(crate) fn with_call(&mut self, key: CallKey, work: impl FnOnce(&mut Self, &mut Call)) {
        if let Some(mut call) = self.calls.take(key) {
            work(self, &mut call);
            self.settle(call);
        }
    }

    /// Puts a call back, or frees it where nothing of it is left.
    pub(crate) fn settle(&mut self, mut call: Box<Call>) {
        let key = call.key;
        if call.is_finished() {
            for set in call.timers.drain(..) {
                self.wheel.cancel(set.key);
            }
            drop(call);
            self.calls.release(key);
        } else {
            self.calls.put_back(key, call);
        }
    }

    /// Sets a timer of a call anew.
    pub(crate) fn set_timer(&mut self, call: &mut Call, kind: TimerKind, at: Instant) {
        self.cancel_timer(call, kind);
        self.timer_stamp = self.timer_stamp.wrapping_add(1);
        let (call_key, stamp) = (call.key, self.timer_stamp);
        let timer = CallTimer {
            call: call_key,
            kind,
            stamp,
        };
        let key = self.wheel.schedule(at, timer);
        call.timers.push(SetTimer { kind, stamp, key });
    }

    /// Forgets a timer of a call.
    pub(crate) fn cancel_timer(&mut self, call: &mut Call, kind: TimerKind) {
        if let Some(at) = call.timers.iter().position(|set| set.kind == kind) {
            let set = call.timers.swap_remove(at);
            self.wheel.cancel(set.key);
        }
    }

    fn report_retransmissions(&mut self, edge: &mut impl Edge) {
        let stats = self.transactions.stats();
        let sent = stats.requests_resent + stats.responses_resent;
        let absorbed = stats.requests_absorbed + stats.responses_absorbed;
        if sent != self.counted.sent {
            edge.event(CallEvent::RetransmissionsSent(sent - self.counted.sent));
            self.counted.sent = sent;
        }
        if absorbed != self.counted.absorbed {
            edge.event(CallEvent::RetransmissionsAbsorbed(
                absorbed - self.counted.absorbed,
            ));
            self.counted.absorbed = absorbed;
        }
    }
}

/// Timers of calls and transactions are at most this late.
const WHEEL_TICK: Duration = Duration::from_millis(10);
