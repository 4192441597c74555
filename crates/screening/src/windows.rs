//! What all calls together show: counts over sliding windows, shared by all shards.
//!
//! What an outsider chooses (the caller's number) is the key, so the tables have a fixed size, expire and cannot
//! grow; keys are hashed with a seed, so nobody can aim at somebody else's count.
//!
//! # How exact
//! A window is divided into seven sub-buckets, rounded up to 64 ms. An event counts for at least the window, and at
//! most 8/7 of it and half a second more. So for a window `W`: *events in W ≤ count ≤ events in 8/7 W + 0.5 s*; a
//! threshold that is passed is never missed. Distinct numbers are exact up to 16 in the same sense. Counts of two
//! keys mix where they share a place and a tag of 23 bits: once in a million keys with full tables. A table that is
//! full displaces the smallest counts first; [`Windows::losses`] tells how often.
//!
//! # What counts
//! Calls from a known trunk to a number that is ours, in whatever state: a number in quarantine is nobody's, so who
//! calls it tells on himself. Emergency calls are neither counted nor measured.

mod counts;
mod guard;
mod passes;
mod span;
mod sweeps;

use std::fmt;
use std::hash::Hasher;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use call_model::{CallRecord, DetectiveValues, E164, Ending, Facts};
use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;

use crate::{DetectiveSettings, SIGNALS_MAX, Signal, SignalKind, Subject};
use counts::{Counts, Key};
use passes::Passes;
use span::{Span, Tick};
use sweeps::Sweeps;

/// How much the windows may remember. The memory is taken once and never grows: 23 MiB by default.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WindowsCapacity {
    /// How many counts: one for each caller (or prefix), tenant and window. 25.6 bytes each.
    pub counts: usize,
    /// How many callers whose distinct numbers are known. 85.3 bytes each.
    pub callers_swept: usize,
    /// How many passed challenges. 18.3 bytes each.
    pub passes: usize,
}

impl Default for WindowsCapacity {
    /// Half a million counts (14 MiB), a hundred thousand callers' numbers (8 MiB), 57 thousand passes (1 MiB).
    fn default() -> Self {
        Self {
            counts: 573_440,
            callers_swept: 98_304,
            passes: 57_344,
        }
    }
}

/// Counts over sliding windows, shared by all shards.
pub struct Windows {
    sequence: AtomicU64,
    seed: SharedSeed,
    counts: Counts,
    sweeps: Sweeps,
    passes: Passes,
}

/// The seed stays unsaid.
impl fmt::Debug for Windows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Windows({} bytes)", self.bytes())
    }
}

/// What the windows could not keep or read, since the start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct WindowsLosses {
    /// Keys that were displaced although they still mattered: the capacity is too small.
    pub forgotten: u64,
    /// Reads that were done without since another shard held the place; they count as 0.
    pub contended: u64,
}

impl Windows {
    /// Empty windows. The seed makes it impossible to foresee which callers share a place.
    #[must_use]
    pub fn new(capacity: WindowsCapacity, seed: u64) -> Self {
        Self {
            sequence: AtomicU64::new(0),
            seed: SharedSeed::from_u64(seed),
            counts: Counts::new(capacity.counts),
            sweeps: Sweeps::new(capacity.callers_swept),
            passes: Passes::new(capacity.passes),
        }
    }

    /// Counts a call, and reads all signals with it included.
    #[must_use]
    pub fn observe(&self, facts: &Facts, subject: &Subject<'_>) -> DetectiveValues {
        self.measure(facts, subject, self.sequence.fetch_add(1, Relaxed) + 1, true)
    }

    /// Reads all signals as if the call came now, and leaves no trace.
    #[must_use]
    pub fn look_ahead(&self, facts: &Facts, subject: &Subject<'_>) -> DetectiveValues {
        self.measure(facts, subject, self.sequence.load(Relaxed), false)
    }

    /// Counts what the end of a call shows: a short call, a quick CANCEL. The subject is that of the number called.
    pub fn observe_end(&self, record: &CallRecord, subject: &Subject<'_>) {
        let emergency = record
            .decision
            .as_ref()
            .is_some_and(|decision| decision.facts.emergency.is_some());
        if !subject.detective.enabled || record.trunk.is_none() || subject.number_state.is_none() || emergency
        {
            return;
        }
        let Some(caller) = record.caller.number() else {
            return;
        };
        let Some(shown) = shown_by_end(record, subject.detective) else {
            return;
        };
        let now = Tick::at(record.ended_ms);
        let signals = measured(subject.detective);
        for (at, signal) in signals.iter().enumerate() {
            if signal.kind == shown && first_alike(signals, at).is_none() {
                let key = self.key(signal, self.whose(subject.tenant_id, caller.value()));
                self.counts.add(key, Span::of(signal.window), now);
            }
        }
    }

    /// Remembers that a caller passed a challenge of a tenant.
    pub fn remember_pass(&self, tenant_id: u32, caller: E164, until_ms: u64) {
        self.passes
            .remember(self.hash_of_pass(tenant_id, caller), until_ms);
    }

    /// Until when a passed challenge counts, Unix milliseconds, where one does at `at_ms`.
    #[must_use]
    pub fn passed_until(&self, tenant_id: u32, caller: E164, at_ms: u64) -> Option<u64> {
        self.passes.until(self.hash_of_pass(tenant_id, caller), at_ms)
    }

    /// What could not be kept or read.
    #[must_use]
    pub fn losses(&self) -> WindowsLosses {
        let ((forgotten, contended), (more_forgotten, more_contended)) =
            (self.counts.losses(), self.sweeps.losses());
        WindowsLosses {
            forgotten: forgotten + more_forgotten,
            contended: contended + more_contended,
        }
    }

    /// The memory taken, in bytes; the same from first to last.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.counts.bytes() + self.sweeps.bytes() + self.passes.bytes()
    }

    fn measure(&self, facts: &Facts, subject: &Subject<'_>, sequence: u64, count: bool) -> DetectiveValues {
        let mut values = DetectiveValues {
            sequence,
            ..DetectiveValues::default()
        };
        let detective = subject.detective;
        let heeded = facts.trunk.is_some() && facts.emergency.is_none() && subject.number_state.is_some();
        let Some(caller) = facts.caller.number().filter(|_| heeded) else {
            return values;
        };
        values.passed_challenge_ms = self
            .passed_until(subject.tenant_id, caller, facts.at_ms)
            .map(|until| passed_at(until, facts, detective));
        if !detective.enabled {
            return values;
        }
        let now = Tick::at(facts.at_ms);
        let signals = measured(detective);
        for (at, signal) in signals.iter().enumerate() {
            values.signals[at] = match first_alike(signals, at) {
                Some(first) => values.signals[first],
                None => self.signal(signal, facts, subject, caller, now, count),
            };
        }
        values
    }

    fn signal(
        &self,
        signal: &Signal,
        facts: &Facts,
        subject: &Subject<'_>,
        caller: E164,
        now: Tick,
        count: bool,
    ) -> u32 {
        let span = Span::of(signal.window);
        let own = || self.key(signal, self.whose(subject.tenant_id, caller.value()));
        match signal.kind {
            SignalKind::CallerAttempts => self.attempt(own(), span, now, count),
            SignalKind::CallerShortCalls | SignalKind::CallerQuickCancels => {
                self.counts.read(own(), span, now)
            }
            SignalKind::PrefixAttempts => {
                let digits = subject
                    .detective
                    .prefix_digits
                    .max(caller.len().saturating_sub(4));
                let prefix = self.whose(subject.tenant_id, caller.prefix(digits));
                self.attempt(self.key(signal, prefix), span, now, count)
            }
            SignalKind::CallerNumbers => {
                let Some(called) = facts.called.number() else {
                    return 0;
                };
                let sweep = self.key(signal, self.whose(0, caller.value())).what;
                self.sweeps
                    .with(sweep, self.whose(0, called.value()), span, now, count)
            }
        }
    }

    fn attempt(&self, key: Key, span: Span, now: Tick, count: bool) -> u32 {
        if count {
            self.counts.add(key, span, now)
        } else {
            self.counts.read(key, span, now) + 1
        }
    }

    /// For whom is counted: a caller or a prefix, at a tenant; tenant 0 stands for all of them.
    fn whose(&self, tenant_id: u32, digits: u64) -> u64 {
        let mut hasher = FoldHasher::with_seed(0, &self.seed);
        hasher.write_u32(tenant_id);
        hasher.write_u64(digits);
        hasher.finish()
    }

    fn key(&self, signal: &Signal, whose: u64) -> Key {
        let mut hasher = FoldHasher::with_seed(2, &self.seed);
        hasher.write_u64(whose);
        hasher.write_u64(((signal.window.as_millis() as u64) << 8) | signal.kind as u64);
        Key {
            whose,
            what: hasher.finish(),
        }
    }

    fn hash_of_pass(&self, tenant_id: u32, caller: E164) -> u64 {
        let mut hasher = FoldHasher::with_seed(1, &self.seed);
        hasher.write_u32(tenant_id);
        hasher.write_u64(caller.value());
        // 0 marks a place that was never used.
        hasher.finish().max(1)
    }
}

/// What the end of a call shows, if anything.
fn shown_by_end(record: &CallRecord, detective: &DetectiveSettings) -> Option<SignalKind> {
    match record.outcome.ending {
        Ending::Answered if Duration::from_millis(record.talked_ms()) < detective.short_call => {
            Some(SignalKind::CallerShortCalls)
        }
        Ending::Cancelled => {
            let lasted = Duration::from_millis(record.ended_ms.saturating_sub(record.offered_ms));
            (lasted < detective.quick_cancel).then_some(SignalKind::CallerQuickCancels)
        }
        Ending::Answered | Ending::Diverted | Ending::Refused | Ending::Unanswered | Ending::Failed => None,
    }
}

/// When a challenge was passed that counts until then: as long before as a pass counts for such a call.
fn passed_at(until_ms: u64, facts: &Facts, detective: &DetectiveSettings) -> u64 {
    let life = detective.pass_life_with(facts.attestation).as_millis() as u64;
    until_ms.saturating_sub(life).min(facts.at_ms)
}

fn measured(detective: &DetectiveSettings) -> &[Signal] {
    &detective.signals[..detective.signals.len().min(SIGNALS_MAX)]
}

/// An earlier signal that counts the same, with another threshold perhaps.
fn first_alike(signals: &[Signal], at: usize) -> Option<usize> {
    let signal = &signals[at];
    signals[..at]
        .iter()
        .position(|other| other.kind == signal.kind && other.window == signal.window)
}
