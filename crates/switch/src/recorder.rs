//! The recorder: call events to metrics, records to the call log.
//!
//! A thread of its own that looks at the shards' queues every few milliseconds, so that no shard spends time on
//! waking it. It lowers itself to the ordinary scheduling class: audio and signalling go first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Result;
use call_model::{CallEvent, CallRecord, E164, TenantName, Treatment};
use metrics::Metrics;
use routing::SourceText;
use screening::Windows;
use store::{Entry, KeptEntry, Store};
use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};

use crate::clock;
use crate::edge::EventQueue;

/// How often the queues are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Records in one transaction of the call log.
const BATCH_MAX: usize = 2048;

/// Errands that wait, and the most that are done in one turn.
const ERRANDS_MAX: usize = 64;

/// How often passes that count no more, and calls that are kept no longer, are forgotten.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

/// Calls forgotten in one turn, so that records wait a few milliseconds for it at most. 25 000 a second: more than come.
const FORGET_MAX: u32 = 500;

/// How long a failed write waits before it is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Something that only the recorder does, since it alone writes to the store.
pub(crate) type Errand = Box<dyn FnOnce(&mut Store) + Send>;

/// The recorder's thread.
pub(crate) struct Recorder {
    thread: JoinHandle<()>,
    stop: Arc<AtomicBool>,
    errands: Errands,
}

/// Where errands are left.
#[derive(Clone)]
pub(crate) struct Errands {
    /// At most [`ERRANDS_MAX`] wait; whoever has another waits until there is room, as it would for the answer.
    sender: SyncSender<Errand>,
    /// How long calls are kept, in milliseconds; 0 until that is known, and nothing is forgotten.
    keep_calls_ms: Arc<AtomicU64>,
}

impl Errands {
    /// Has something done on the recorder's store, and waits for the answer.
    fn ask<T: Send + 'static>(&self, work: impl FnOnce(&mut Store) -> T + Send + 'static) -> Result<T> {
        let (answer, wait) = sync_channel(1);
        let errand = move |store: &mut Store| {
            // Whoever asked may be gone; then nobody misses the answer.
            let _ = answer.send(work(store));
        };
        self.sender
            .send(Box::new(errand))
            .map_err(|_| anyhow::anyhow!("the recorder has stopped"))?;
        Ok(wait.recv()?)
    }

    /// From now on, calls are forgotten when they are older than this.
    pub(crate) fn keep_calls(&self, keep: Duration) {
        let keep_ms = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
        self.keep_calls_ms.store(keep_ms, Ordering::Relaxed);
    }

    /// Keeps a list entry.
    pub(crate) fn add_entry(&self, entry: Entry) -> Result<u64> {
        Ok(self.ask(move |store| store.add_entry(&entry))??)
    }

    /// Takes list entries off; returns which.
    pub(crate) fn remove_entries(
        &self,
        by: String,
        which: impl Fn(&KeptEntry) -> bool + Send + 'static,
    ) -> Result<Vec<KeptEntry>> {
        self.ask(move |store| -> Result<Vec<KeptEntry>> {
            let mut removed = Vec::new();
            for kept in store.entries()?.into_iter().filter(|kept| which(kept)) {
                if store.remove_entry(kept.id, &by, clock::unix_ms())? {
                    removed.push(kept);
                }
            }
            Ok(removed)
        })?
    }

    /// Keeps the texts of a directory, so that old decisions can be explained by the rules of their time.
    pub(crate) fn save_version(&self, hash: String, files: Vec<SourceText>) -> Result<()> {
        Ok(self.ask(move |store| {
            let files: Vec<(&str, &str)> = files
                .iter()
                .map(|file| (file.name.as_str(), file.text.as_str()))
                .collect();
            store.save_version(&hash, clock::unix_ms(), &files)
        })??)
    }
}

impl Recorder {
    /// Starts the thread.
    pub(crate) fn start(
        store: Store,
        queues: Vec<EventQueue>,
        metrics: Arc<Metrics>,
        windows: Arc<Windows>,
    ) -> Result<Self> {
        metrics.screening().detective_memory.set(windows.bytes());
        let stop = Arc::new(AtomicBool::new(false));
        let (mut work, errands) = Work::new(store, queues, metrics, windows);
        let told = Arc::clone(&stop);
        let thread = thread::Builder::new().name("recorder".into()).spawn(move || {
            lower_priority();
            while !told.load(Ordering::Acquire) {
                if !work.turn() {
                    thread::sleep(LOOK_EVERY);
                }
            }
            work.finish();
        })?;
        Ok(Self {
            thread,
            stop,
            errands,
        })
    }

    /// Where errands are left.
    pub(crate) fn errands(&self) -> Errands {
        self.errands.clone()
    }

    /// Writes what is left, and ends. The shards must have ended before.
    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::Release);
        if self.thread.join().is_err() {
            tracing::error!("the recorder broke");
        }
    }
}

/// What the thread works on.
struct Work {
    store: Store,
    queues: Vec<EventQueue>,
    metrics: Arc<Metrics>,
    windows: Arc<Windows>,
    /// When passes that count no more are next forgotten.
    prune_at: Instant,
    /// How long calls are kept: see [`Errands`].
    keep_calls_ms: Arc<AtomicU64>,
    /// When calls that are kept no longer are next forgotten.
    forget_at: Instant,
    /// What `keep_calls_ms` was when they last were.
    forgot_by_ms: u64,
    errands: Receiver<Errand>,
    records: Vec<CallRecord>,
    passes: Vec<(TenantName, E164, u64)>,
    retry_at: Option<Instant>,
}

impl Work {
    fn new(
        store: Store,
        queues: Vec<EventQueue>,
        metrics: Arc<Metrics>,
        windows: Arc<Windows>,
    ) -> (Self, Errands) {
        let (sender, receiver) = sync_channel(ERRANDS_MAX);
        let errands = Errands {
            sender,
            keep_calls_ms: Arc::default(),
        };
        let work = Self {
            store,
            queues,
            metrics,
            windows,
            prune_at: Instant::now(),
            keep_calls_ms: Arc::clone(&errands.keep_calls_ms),
            forget_at: Instant::now(),
            forgot_by_ms: 0,
            errands: receiver,
            records: Vec::new(),
            passes: Vec::new(),
            retry_at: None,
        };
        (work, errands)
    }

    /// One look at everything; true where there may be more at once.
    fn turn(&mut self) -> bool {
        for errand in self.errands.try_iter().take(ERRANDS_MAX) {
            errand(&mut self.store);
        }
        let waiting = self.retry_at.is_some_and(|at| Instant::now() < at);
        if !waiting {
            self.collect();
            self.write();
        }
        let pending = self.records.len() + self.queues.iter().map(|queue| queue.len()).sum::<usize>();
        self.metrics.store().records_pending.set(pending);
        let (screening, losses) = (self.metrics.screening(), self.windows.losses());
        screening.detective_forgotten.reach(losses.forgotten);
        screening.detective_contended.reach(losses.contended);
        self.prune();
        if !waiting {
            self.forget_calls();
        }
        !waiting && pending >= BATCH_MAX
    }

    fn prune(&mut self) {
        let now = Instant::now();
        if now >= self.prune_at {
            self.prune_at = now + PRUNE_EVERY;
            if let Err(fault) = self.store.prune_passes(clock::unix_ms()) {
                tracing::warn!(%fault, "passes that count no more could not be forgotten");
            }
        }
    }

    /// Forgets one slice of the calls that are kept no longer; the next turn goes on where there are more.
    fn forget_calls(&mut self) {
        let now = Instant::now();
        let keep_ms = self.keep_calls_ms.load(Ordering::Relaxed);
        if keep_ms == 0 || (keep_ms == self.forgot_by_ms && now < self.forget_at) {
            return;
        }
        let before_ms = clock::unix_ms().saturating_sub(keep_ms);
        match self.store.forget_calls(before_ms, FORGET_MAX) {
            Ok(forgotten) if forgotten == FORGET_MAX as usize => return,
            Ok(_) => {}
            Err(fault) => tracing::warn!(%fault, "calls that are kept no longer could not be forgotten"),
        }
        self.forgot_by_ms = keep_ms;
        self.forget_at = now + PRUNE_EVERY;
    }

    /// Takes events from the queues until a batch is full. While a write fails nothing is taken, so that the queues
    /// fill up and the shards refuse new calls before a record is lost.
    fn collect(&mut self) {
        for queue in &self.queues {
            while self.records.len() < BATCH_MAX {
                let Some(event) = queue.pop() else { break };
                self.metrics.observe(&event);
                if let CallEvent::Ended(record) = event {
                    log_end(&record);
                    self.records.push(*record);
                } else if let CallEvent::Passed {
                    tenant,
                    caller,
                    until_ms,
                } = event
                {
                    self.passes.push((tenant, caller, until_ms));
                }
            }
        }
    }

    fn write(&mut self) {
        if self.records.is_empty() && self.passes.is_empty() {
            return;
        }
        let written = self.store.append(&self.records).and_then(|new| {
            for (tenant, caller, until_ms) in &self.passes {
                self.store.remember_pass(tenant, *caller, *until_ms)?;
            }
            Ok(new)
        });
        match written {
            Ok(new) => {
                self.metrics.store().records_written.add(new as u64);
                self.records.clear();
                self.passes.clear();
                self.retry_at = None;
            }
            Err(fault) => {
                tracing::error!(%fault, records = self.records.len(), "call log cannot be written; trying again");
                self.metrics.store().write_failures.one();
                self.retry_at = Some(Instant::now() + RETRY_AFTER);
            }
        }
    }

    /// The last look: everything that is still in the queues is written, with a few tries.
    fn finish(&mut self) {
        for _ in 0..20 {
            loop {
                self.collect();
                let before = self.records.len() + self.passes.len();
                if before == 0 {
                    return;
                }
                self.write();
                if self.retry_at.is_some() {
                    break;
                }
            }
            thread::sleep(RETRY_AFTER);
        }
        tracing::error!(
            records = self.records.len(),
            "records could not be written before the end"
        );
    }
}

/// One line for each call, to find it in the call log by: never who called whom.
fn log_end(record: &CallRecord) {
    let treatment = record
        .decision
        .as_ref()
        .map(|decision| decision.verdict.treatment);
    tracing::debug!(
        target: "ringfence::calls",
        call = %record.id,
        outcome = record.outcome.ending.as_str(),
        cause = record.outcome.cause.as_str(),
        status = record.outcome.status,
        treatment = treatment.map(Treatment::as_str),
        trunk = record.trunk.as_ref().map(|trunk| trunk.as_str()),
        "call ended"
    );
}

/// Puts the calling thread into the ordinary scheduling class, whatever class the program was started in.
pub(crate) fn lower_priority() {
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
    let thread = thread_priority::thread_native_id();
    if let Err(fault) = thread_priority::set_thread_priority_and_policy(thread, ThreadPriority::Min, policy) {
        tracing::debug!(?fault, "scheduling class stays as it is");
    }
}

#[cfg(test)]
mod tests {
    use call_model::{CallId, Called, Caller, Cause, Ending, Fault, Outcome};
    use screening::WindowsCapacity;
    use store::CallFilter;

    use super::*;

    const DAY_MS: u64 = 86_400_000;

    #[test]
    fn calls_are_forgotten_slice_by_slice_once_they_are_older_than_they_are_kept() {
        let mut place = Place::new();
        let old = FORGET_MAX * 2 + 10;
        let days = |days: u64| clock::unix_ms() - days * DAY_MS;
        let mut records: Vec<_> = (0..old).map(|n| record(days(402), n)).collect();
        records.push(record(days(399), 0));
        records.push(record(days(1), 0));
        place.work.store.append(&records).unwrap();

        place.work.turn();
        assert_eq!(place.calls(), old as usize + 2, "nobody has said how long yet");
        place.errands.keep_calls(Duration::from_millis(400 * DAY_MS));
        for left in [old - FORGET_MAX, old - 2 * FORGET_MAX, 0, 0] {
            place.work.turn();
            assert_eq!(place.calls(), left as usize + 2);
        }
    }

    #[test]
    fn shorter_time_counts_at_once_and_the_same_one_after_an_hour() {
        let mut place = Place::new();
        let record = |days: u64, n| record(clock::unix_ms() - days * DAY_MS, n);
        place.work.store.append(&[record(30, 0), record(10, 0)]).unwrap();
        place.errands.keep_calls(Duration::from_millis(400 * DAY_MS));
        place.work.turn();
        assert_eq!(place.calls(), 2);
        place.errands.keep_calls(Duration::from_millis(20 * DAY_MS));
        place.work.turn();
        assert_eq!(place.calls(), 1);

        place.work.store.append(&[record(30, 1)]).unwrap();
        place.work.turn();
        assert_eq!(place.calls(), 2);
        place.work.forget_at = Instant::now();
        place.work.turn();
        assert_eq!(place.calls(), 1);
    }

    #[test]
    fn call_that_ended_is_one_line_at_debug_without_anybodys_number_or_name() {
        let mut place = Place::new();
        let record = record(clock::unix_ms(), 7);
        let id = record.id.to_string();
        place.work.queues[0]
            .push(CallEvent::Ended(Box::new(record)))
            .unwrap();
        let written = Written::default();
        let lines = tracing_subscriber::fmt()
            .json()
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(written.clone())
            .finish();
        tracing::subscriber::with_default(lines, || place.work.turn());
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let ours: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("ringfence::calls"))
            .collect();
        assert_eq!(ours.len(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(ours[0]).unwrap();
        assert_eq!(line["level"], "DEBUG");
        let expected = serde_json::json!({
            "message": "call ended", "call": id, "outcome": "refused", "cause": "number_unknown", "status": 404,
            "trunk": "carrier-a",
        });
        assert_eq!(line["fields"], expected);
        assert!(!text.contains("2025550"), "{text}");
    }

    #[test]
    fn errands_beyond_those_that_wait_are_held_back_and_all_are_done() {
        let mut place = Place::new();
        for _ in 0..ERRANDS_MAX {
            place.errands.sender.try_send(Box::new(|_| {})).unwrap();
        }
        assert!(place.errands.sender.try_send(Box::new(|_| {})).is_err());
        place.work.turn();
        assert!(place.errands.sender.try_send(Box::new(|_| {})).is_ok());
    }

    #[derive(Clone, Default)]
    struct Written(Arc<std::sync::Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'w> tracing_subscriber::fmt::MakeWriter<'w> for Written {
        type Writer = Self;

        fn make_writer(&'w self) -> Self {
            self.clone()
        }
    }

    struct Place {
        work: Work,
        errands: Errands,
        _folder: tempfile::TempDir,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let small = WindowsCapacity {
                counts: 1024,
                callers_swept: 1024,
                passes: 1024,
            };
            let (work, errands) = Work::new(
                Store::open(folder.path()).unwrap(),
                vec![Arc::new(crossbeam_queue::ArrayQueue::new(16))],
                Arc::new(Metrics::new()),
                Arc::new(Windows::new(small, 1)),
            );
            Self {
                work,
                errands,
                _folder: folder,
            }
        }

        fn calls(&self) -> usize {
            let all = CallFilter {
                limit: Some(CallFilter::LIMIT_MAX),
                ..CallFilter::default()
            };
            self.work.store.calls(&all).unwrap().len()
        }
    }

    fn record(offered_ms: u64, number: u32) -> CallRecord {
        CallRecord {
            id: CallId::new(offered_ms, 0, number),
            sip_call_id: "1@192.0.2.10".into(),
            trunk: Some("carrier-a".into()),
            source: [192, 0, 2, 10].into(),
            caller: Caller::Number(E164::parse(b"+12025550143").unwrap()),
            called: Called::Number(E164::parse(b"+12025550100").unwrap()),
            tenant: None,
            plan: None,
            offered_ms,
            ringing_ms: None,
            answered_ms: None,
            connected_ms: None,
            ended_ms: offered_ms,
            legs: Vec::new(),
            challenge: None,
            outcome: Outcome {
                ending: Ending::Refused,
                status: 404,
                cause: Cause::NumberUnknown,
                fault: Some(Fault::Caller),
                hung_up_by: None,
            },
            decision: None,
        }
    }
}
