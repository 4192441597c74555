//! One set of a table, held for a few dozen instructions at a time.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// How often a set that another shard holds is tried again: a few hundred nanoseconds.
const TRIES: u32 = 200;

/// Keeps two shards from changing the same set at once.
///
/// Whoever finds it held tries a bounded number of times, then does without: what cannot be read counts as unknown,
/// so a shard whose thread was taken off its core inside never holds up another.
#[derive(Debug, Default)]
pub(super) struct Guard(AtomicU64);

impl Guard {
    /// Does `work` while nobody else is in; nothing where the set stays held.
    pub(super) fn hold<R>(&self, work: impl FnOnce() -> R) -> Option<R> {
        for _ in 0..TRIES {
            if self.0.load(Relaxed) == 0 && self.0.compare_exchange(0, 1, Acquire, Relaxed).is_ok() {
                let result = work();
                self.0.store(0, Release);
                return Some(result);
            }
            std::hint::spin_loop();
        }
        None
    }
}

/// Which of `sets` sets a hash falls in: by its high bits, so that its low bits can tell slots apart.
pub(super) fn place(hash: u64, sets: usize) -> usize {
    ((u128::from(hash) * sets as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_that_stays_held_is_done_without() {
        let guard = Guard::default();
        let inner = guard.hold(|| guard.hold(|| 1));
        assert_eq!(inner, Some(None));
        assert_eq!(guard.hold(|| 2), Some(2));
    }

    #[test]
    fn places_cover_all_sets_and_no_more() {
        assert_eq!(place(0, 7), 0);
        assert_eq!(place(u64::MAX, 7), 6);
        assert_eq!(place(u64::MAX / 2, 7), 3);
    }
}
