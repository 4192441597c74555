//! Counting what events tell.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use call_model::{CallEvent, CallRecord, Cause, ChallengeOutcome, Ending, Outcome, Treatment};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};

use crate::catalogue::{self, Described, Kind, Labels};
use crate::edge::{Count, Level, ScreeningMetrics, StoreMetrics};

/// All numbers of the switch. Shared by every shard; counting takes no lock but a histogram's own, for some 10 ns.
pub struct Metrics {
    registry: Registry,
    pub(crate) families: Families,
    calls_offered: Counter,
    /// By ending, then by cause; made when first counted, so that what never happens takes no line.
    calls: [Box<[OnceLock<Counter>]>; Ending::ALL.len()],
    calls_refused_unrecorded: Counter,
    setup_delay: Histogram,
    post_dial_delay: Histogram,
    answer_delay: Histogram,
    talk: Histogram,
    verdicts: [Counter; Treatment::ALL.len()],
    screening_time: Histogram,
    challenges: [Counter; CHALLENGE_OUTCOMES.len()],
    retransmissions_sent: Counter,
    retransmissions_absorbed: Counter,
    pub(crate) screening: ScreeningMetrics,
    pub(crate) store: StoreMetrics,
    pub(crate) directory_applied: Gauge<f64, AtomicU64>,
}

/// The metrics with labels whose handles are made on demand.
#[derive(Clone, Debug)]
pub(crate) struct Families {
    calls: Family<Labels, Counter>,
    pub(crate) active_calls: Family<Labels, Gauge>,
    pub(crate) parse_refusals: Family<Labels, Counter>,
    pub(crate) transactions: Family<Labels, Gauge>,
    pub(crate) transport_packets: Family<Labels, Counter>,
    pub(crate) transport_bytes: Family<Labels, Counter>,
    pub(crate) transport_drops: Family<Labels, Counter>,
    pub(crate) transport_connections: Family<Labels, Gauge>,
    pub(crate) queue_depth: Family<Labels, Gauge>,
    pub(crate) queue_drops: Family<Labels, Counter>,
    pub(crate) reloads: Family<Labels, Counter>,
}

impl Metrics {
    /// All numbers at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let r = &mut registry;
        let build = Info::new(catalogue::BUILD.with([env!("CARGO_PKG_VERSION").into()]));
        r.register(catalogue::BUILD.stem(), catalogue::BUILD.help, build);
        let verdicts: Family<Labels, Counter> = register(r, &catalogue::VERDICTS);
        let challenges: Family<Labels, Counter> = register(r, &catalogue::CHALLENGES);
        let retransmissions: Family<Labels, Counter> = register(r, &catalogue::RETRANSMISSIONS);
        let retransmissions = |direction: &'static str| {
            retransmissions.get_or_create_owned(&catalogue::RETRANSMISSIONS.with([direction.into()]))
        };
        let families = Families::register(r);
        Self {
            calls_offered: register(r, &catalogue::CALLS_OFFERED),
            calls: Ending::ALL.map(|_| Cause::ALL.iter().map(|_| OnceLock::new()).collect()),
            calls_refused_unrecorded: register(r, &catalogue::CALLS_REFUSED_UNRECORDED),
            setup_delay: histogram(r, &catalogue::SETUP_DELAY),
            post_dial_delay: histogram(r, &catalogue::POST_DIAL_DELAY),
            answer_delay: histogram(r, &catalogue::ANSWER_DELAY),
            talk: histogram(r, &catalogue::TALK),
            verdicts: Treatment::ALL.map(|treatment| {
                verdicts.get_or_create_owned(&catalogue::VERDICTS.with([treatment.as_str().into()]))
            }),
            screening_time: histogram(r, &catalogue::SCREENING),
            challenges: CHALLENGE_OUTCOMES.map(|outcome| {
                challenges.get_or_create_owned(&catalogue::CHALLENGES.with([outcome.as_str().into()]))
            }),
            retransmissions_sent: retransmissions("sent"),
            retransmissions_absorbed: retransmissions("absorbed"),
            screening: ScreeningMetrics {
                list_entries: Level(register(r, &catalogue::LIST_ENTRIES)),
                detective_memory: Level(register(r, &catalogue::DETECTIVE_MEMORY)),
                detective_forgotten: Count(register(r, &catalogue::DETECTIVE_FORGOTTEN)),
                detective_contended: Count(register(r, &catalogue::DETECTIVE_CONTENDED)),
            },
            store: StoreMetrics {
                records_written: Count(register(r, &catalogue::RECORDS_WRITTEN)),
                records_pending: Level(register(r, &catalogue::RECORDS_PENDING)),
                write_failures: Count(register(r, &catalogue::RECORD_WRITE_FAILURES)),
            },
            directory_applied: register(r, &catalogue::DIRECTORY_APPLIED),
            families,
            registry,
        }
    }

    /// Counts one event.
    pub fn observe(&self, event: &CallEvent) {
        match event {
            CallEvent::Offered => {
                self.calls_offered.inc();
            }
            CallEvent::Screened { treatment, took } => {
                self.verdicts[*treatment as usize].inc();
                observe(&self.screening_time, *took);
            }
            CallEvent::Ringing { after } => observe(&self.post_dial_delay, *after),
            CallEvent::Forwarded { after } => observe(&self.setup_delay, *after),
            CallEvent::Connected { after } => observe(&self.answer_delay, *after),
            CallEvent::Challenged(outcome) => {
                self.challenges[*outcome as usize].inc();
            }
            // Counted with the challenge that was passed; the store remembers the caller.
            CallEvent::Passed { .. } => {}
            CallEvent::Ended(record) => self.observe_end(record),
            CallEvent::RefusedUnrecorded { .. } => {
                self.calls_refused_unrecorded.inc();
            }
            CallEvent::PacketRefused(packet) => self.parse_refusals(packet.cause).one(),
            CallEvent::RetransmissionsSent(many) => {
                self.retransmissions_sent.inc_by(*many);
            }
            CallEvent::RetransmissionsAbsorbed(many) => {
                self.retransmissions_absorbed.inc_by(*many);
            }
            // Cannot be left out while the enum may grow; the lint on wildcards fails the build when it does.
            _ => {}
        }
    }

    /// All numbers as OpenMetrics text, ended by `# EOF`.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::with_capacity(16 * 1024);
        prometheus_client::encoding::text::encode(&mut text, &self.registry)
            .expect("writing to a String cannot fail");
        text
    }

    fn observe_end(&self, record: &CallRecord) {
        let Outcome { ending, cause, .. } = record.outcome;
        self.calls[ending as usize][cause as usize]
            .get_or_init(|| {
                let labels = catalogue::CALLS.with([ending.as_str().into(), cause.as_str().into()]);
                self.families.calls.get_or_create_owned(&labels)
            })
            .inc();
        if record.connected_ms.is_some() {
            observe(&self.talk, Duration::from_millis(record.talked_ms()));
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Families {
    fn register(r: &mut Registry) -> Self {
        Self {
            calls: register(r, &catalogue::CALLS),
            active_calls: register(r, &catalogue::ACTIVE_CALLS),
            parse_refusals: register(r, &catalogue::PARSE_REFUSALS),
            transactions: register(r, &catalogue::TRANSACTIONS),
            transport_packets: register(r, &catalogue::TRANSPORT_PACKETS),
            transport_bytes: register(r, &catalogue::TRANSPORT_BYTES),
            transport_drops: register(r, &catalogue::TRANSPORT_DROPS),
            transport_connections: register(r, &catalogue::TRANSPORT_CONNECTIONS),
            queue_depth: register(r, &catalogue::QUEUE_DEPTH),
            queue_drops: register(r, &catalogue::QUEUE_DROPS),
            reloads: register(r, &catalogue::RELOADS),
        }
    }
}

/// Makes a metric at zero and enters it under its name in the table.
fn register<M: Metric + Default + Clone>(registry: &mut Registry, described: &Described) -> M {
    enter(registry, described, M::default())
}

fn histogram(registry: &mut Registry, described: &Described) -> Histogram {
    let bounds = match described.kind {
        Kind::Histogram(bounds) => bounds,
        Kind::Counter | Kind::Gauge | Kind::Info => &[],
    };
    enter(registry, described, Histogram::new(bounds.iter().copied()))
}

fn enter<M: Metric + Clone>(registry: &mut Registry, described: &Described, metric: M) -> M {
    if described.in_seconds() {
        registry.register_with_unit(described.stem(), described.help, Unit::Seconds, metric.clone());
    } else {
        registry.register(described.stem(), described.help, metric.clone());
    }
    metric
}

fn observe(histogram: &Histogram, took: Duration) {
    histogram.observe(took.as_secs_f64());
}

/// In the order of the enum, so that its values are indices.
const CHALLENGE_OUTCOMES: [ChallengeOutcome; 4] = [
    ChallengeOutcome::Passed,
    ChallengeOutcome::Failed,
    ChallengeOutcome::Silent,
    ChallengeOutcome::Abandoned,
];
