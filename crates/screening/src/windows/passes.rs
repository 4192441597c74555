//! Who proved to be human, for a bounded number of callers.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::guard::{Guard, place};

/// Slots that share a set.
const WAYS: usize = 7;

/// Passed challenges, 16 bytes each. A new one takes the place of the one that ends first.
#[derive(Debug)]
pub(super) struct Passes {
    sets: Box<[Set]>,
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Set {
    guard: Guard,
    slots: [Slot; WAYS],
}

#[derive(Debug, Default)]
struct Slot {
    key: AtomicU64,
    until_ms: AtomicU64,
}

impl Passes {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            sets: (0..slots.div_ceil(WAYS).max(1)).map(|_| Set::default()).collect(),
        }
    }

    /// Remembers a pass; where one is known already, the later end counts.
    pub(super) fn remember(&self, hash: u64, until_ms: u64) {
        let set = &self.sets[place(hash, self.sets.len())];
        // A set that stays held: the caller is challenged once more, which is the milder fault.
        let _ = set.guard.hold(|| {
            let mut slot = &set.slots[0];
            for candidate in &set.slots {
                if candidate.key.load(Relaxed) == hash {
                    candidate.until_ms.fetch_max(until_ms, Relaxed);
                    return;
                }
                if candidate.until_ms.load(Relaxed) < slot.until_ms.load(Relaxed) {
                    slot = candidate;
                }
            }
            slot.key.store(hash, Relaxed);
            slot.until_ms.store(until_ms, Relaxed);
        });
    }

    /// Until when a pass counts, where one does.
    pub(super) fn until(&self, hash: u64, at_ms: u64) -> Option<u64> {
        let set = &self.sets[place(hash, self.sets.len())];
        let until = set.guard.hold(|| {
            set.slots
                .iter()
                .find(|slot| slot.key.load(Relaxed) == hash)
                .map(|slot| slot.until_ms.load(Relaxed))
        });
        until.flatten().filter(|until| at_ms < *until)
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.sets)
    }
}
