//! How many distinct numbers a caller called, for a bounded number of callers.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use super::guard::{Guard, place};
use super::span::{Head, KEPT, Span, Tick};

/// Slots that share a set.
const WAYS: usize = 3;

/// Distinct numbers that a slot holds: thresholds up to 15 are exact.
const HELD: usize = 16;

/// Distinct numbers over sliding windows, 72 bytes for each caller.
///
/// Each number is a fingerprint of 24 bits, with the low 8 bits of the sub-bucket in which it was called last. Two
/// of 16 numbers share a fingerprint in one of 140,000 cases, and then count as one.
#[derive(Debug)]
pub(super) struct Sweeps {
    sets: Box<[Set]>,
    forgotten: AtomicU64,
    contended: AtomicU64,
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Set {
    guard: Guard,
    slots: [Slot; WAYS],
}

#[derive(Debug, Default)]
struct Slot {
    head: AtomicU64,
    numbers: [AtomicU32; HELD],
}

impl Sweeps {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            sets: (0..slots.div_ceil(WAYS).max(1)).map(|_| Set::default()).collect(),
            forgotten: AtomicU64::new(0),
            contended: AtomicU64::new(0),
        }
    }

    /// How many distinct numbers there are within the window, with `called` among them; notes it where `count` says.
    pub(super) fn with(&self, hash: u64, called: u64, span: Span, now: Tick, count: bool) -> u32 {
        let set = &self.sets[place(hash, self.sets.len())];
        let held = set.guard.hold(|| {
            let head = Head::new(hash, span, now);
            let known = set.slots.iter().find(|slot| slot.head().is_of(head));
            match (known, count) {
                (Some(slot), true) => slot.note(called, span, now),
                (Some(slot), false) => slot.would_be(called, span, now),
                (None, true) => self.take_over(set, head, now).note(called, span, now),
                (None, false) => 1,
            }
        });
        held.unwrap_or_else(|| {
            self.contended.fetch_add(1, Relaxed);
            0
        })
    }

    pub(super) fn losses(&self) -> (u64, u64) {
        (self.forgotten.load(Relaxed), self.contended.load(Relaxed))
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.sets)
    }

    /// A free slot, else one that no longer matters, else the one with the fewest numbers, else the oldest.
    fn take_over<'s>(&self, set: &'s Set, head: Head, now: Tick) -> &'s Slot {
        let mut victim = &set.slots[0];
        let mut least = (usize::MAX, now);
        for slot in &set.slots {
            let stored = slot.head();
            let worth = if stored.is_free() || stored.is_over(now) {
                0
            } else {
                slot.held()
            };
            if (worth, stored.tick()) < least {
                (least, victim) = ((worth, stored.tick()), slot);
            }
        }
        if least.0 > 0 {
            self.forgotten.fetch_add(1, Relaxed);
        }
        victim.head.store(head.0, Relaxed);
        for number in &victim.numbers {
            number.store(0, Relaxed);
        }
        victim
    }
}

impl Slot {
    fn head(&self) -> Head {
        Head(self.head.load(Relaxed))
    }

    fn held(&self) -> usize {
        self.numbers
            .iter()
            .filter(|number| number.load(Relaxed) != 0)
            .count()
    }

    fn note(&self, called: u64, span: Span, now: Tick) -> u32 {
        let last = self.head().tick();
        let emptied = span.epoch(now).saturating_sub(span.epoch(last)) >= KEPT;
        // One that comes late counts as if it came with the last.
        let now = now.max(last);
        let epoch = span.epoch(now);
        let (mut count, mut place, mut oldest) = (1, 0, 0);
        for (at, number) in self.numbers.iter().enumerate() {
            let stored = number.load(Relaxed);
            let age = age(stored, epoch);
            if stored == 0 || emptied || age >= KEPT || same(stored, called) {
                number.store(0, Relaxed);
                (place, oldest) = (at, u64::MAX);
            } else {
                count += 1;
                if age >= oldest && oldest != u64::MAX {
                    (place, oldest) = (at, age);
                }
            }
        }
        self.numbers[place].store(entry(called, epoch), Relaxed);
        self.head.store(self.head().touched(now).0, Relaxed);
        count.min(HELD as u32)
    }

    fn would_be(&self, called: u64, span: Span, now: Tick) -> u32 {
        let last = self.head().tick();
        if span.epoch(now).saturating_sub(span.epoch(last)) >= KEPT {
            return 1;
        }
        let epoch = span.epoch(now.max(last));
        let others = self
            .numbers
            .iter()
            .map(|number| number.load(Relaxed))
            .filter(|stored| *stored != 0 && age(*stored, epoch) < KEPT && !same(*stored, called));
        (1 + others.count() as u32).min(HELD as u32)
    }
}

fn entry(called: u64, epoch: u64) -> u32 {
    (fingerprint(called) << 8) | (epoch & 0xff) as u32
}

fn fingerprint(called: u64) -> u32 {
    // Never 0: an entry of 0 is a free one.
    ((called >> 40) as u32).max(1)
}

fn same(stored: u32, called: u64) -> bool {
    stored >> 8 == fingerprint(called)
}

/// How many sub-buckets ago; a slot that is left alone longer than 255 of them is emptied as a whole.
fn age(stored: u32, epoch: u64) -> u64 {
    epoch.wrapping_sub(u64::from(stored & 0xff)) & 0xff
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const START: u64 = 1_800_000_000_000;

    fn called(number: u64) -> u64 {
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn number_called_again_counts_once_and_stays_fresh() {
        let sweeps = Sweeps::new(10);
        let span = Span::of(Duration::from_secs(600));
        let at = |minutes: u64| Tick::at(START + minutes * 60_000);
        assert_eq!(sweeps.with(5, called(1), span, at(0), true), 1);
        assert_eq!(sweeps.with(5, called(2), span, at(1), true), 2);
        assert_eq!(sweeps.with(5, called(1), span, at(8), true), 2);
        // The second number is past its window, the first was called again.
        assert_eq!(sweeps.with(5, called(3), span, at(15), true), 2);
        assert_eq!(sweeps.with(6, called(3), span, at(15), true), 1);
    }

    #[test]
    fn looking_ahead_changes_nothing() {
        let sweeps = Sweeps::new(10);
        let span = Span::of(Duration::from_secs(600));
        let now = Tick::at(START);
        assert_eq!(sweeps.with(5, called(1), span, now, false), 1);
        sweeps.with(5, called(1), span, now, true);
        for _ in 0..3 {
            assert_eq!(sweeps.with(5, called(2), span, now, false), 2);
            assert_eq!(sweeps.with(5, called(1), span, now, false), 1);
        }
    }

    #[test]
    fn more_numbers_than_are_held_stay_at_the_most() {
        let sweeps = Sweeps::new(10);
        let span = Span::of(Duration::from_secs(600));
        for number in 1..=40 {
            let seen = sweeps.with(5, called(number), span, Tick::at(START + number * 100), true);
            assert_eq!(u64::from(seen), number.min(16));
        }
    }

    #[test]
    fn set_fills_two_cache_line_pairs() {
        assert_eq!(size_of::<Set>(), 256);
    }
}
