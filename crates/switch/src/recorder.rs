//! The recorder: call events to metrics, records to the call log.
//!
//! A thread of its own that looks at the shards' queues every few milliseconds, so that no shard spends time on
//! waking it. It lowers itself to the ordinary scheduling class: audio and signalling go first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Result;
use call_model::{CallEvent, CallRecord, E164, TenantName};
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

/// How often passes that count no more are forgotten.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

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
pub(crate) struct Errands(Sender<Errand>);

impl Errands {
    /// Has something done on the recorder's store, and waits for the answer.
    fn ask<T: Send + 'static>(&self, work: impl FnOnce(&mut Store) -> T + Send + 'static) -> Result<T> {
        let (answer, wait) = channel();
        let errand = move |store: &mut Store| {
            // Whoever asked may be gone; then nobody misses the answer.
            let _ = answer.send(work(store));
        };
        self.0
            .send(Box::new(errand))
            .map_err(|_| anyhow::anyhow!("the recorder has stopped"))?;
        Ok(wait.recv()?)
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
        let (sender, receiver) = channel();
        let mut work = Work {
            store,
            queues,
            metrics,
            windows,
            prune_at: Instant::now(),
            errands: receiver,
            records: Vec::new(),
            passes: Vec::new(),
            retry_at: None,
        };
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
            errands: Errands(sender),
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
    errands: Receiver<Errand>,
    records: Vec<CallRecord>,
    passes: Vec<(TenantName, E164, u64)>,
    retry_at: Option<Instant>,
}

impl Work {
    /// One look at everything; true where there may be more at once.
    fn turn(&mut self) -> bool {
        while let Ok(errand) = self.errands.try_recv() {
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

    /// Takes events from the queues until a batch is full. While a write fails nothing is taken, so that the queues
    /// fill up and the shards refuse new calls before a record is lost.
    fn collect(&mut self) {
        for queue in &self.queues {
            while self.records.len() < BATCH_MAX {
                let Some(event) = queue.pop() else { break };
                self.metrics.observe(&event);
                if let CallEvent::Ended(record) = event {
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

/// Puts the calling thread into the ordinary scheduling class, whatever class the program was started in.
pub(crate) fn lower_priority() {
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
    let thread = thread_priority::thread_native_id();
    if let Err(fault) = thread_priority::set_thread_priority_and_policy(thread, ThreadPriority::Min, policy) {
        tracing::debug!(?fault, "scheduling class stays as it is");
    }
}
