//! How often something happened, for a bounded number of keys.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::guard::{Guard, place};
use super::span::{Head, KEPT, Span, Tick};

/// Slots that share a set: a key can only be in one set.
const WAYS: usize = 10;

/// Counts over sliding windows, 24 bytes each.
///
/// All counts of one caller are in one set of 256 bytes, so that reading them costs one miss of the cache, and heads
/// lie together before the counts. A new key takes a free slot of its set, else one that no longer matters, else the
/// one with the smallest count: a flood of keys that come once displaces itself, and leaves alone whoever has come
/// more often.
#[derive(Debug)]
pub(super) struct Counts {
    sets: Box<[Set]>,
    forgotten: AtomicU64,
    contended: AtomicU64,
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Set {
    guard: Guard,
    heads: [AtomicU64; WAYS],
    /// Eight sub-buckets of 16 bits for each.
    lanes: [[AtomicU64; 2]; WAYS],
}

/// What is counted: for whom, which decides the set, and of what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) whose: u64,
    pub(super) what: u64,
}

impl Counts {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            sets: (0..slots.div_ceil(WAYS).max(1)).map(|_| Set::default()).collect(),
            forgotten: AtomicU64::new(0),
            contended: AtomicU64::new(0),
        }
    }

    /// Counts one more, and tells how many there are within the window.
    pub(super) fn add(&self, key: Key, span: Span, now: Tick) -> u32 {
        let set = &self.sets[place(key.whose, self.sets.len())];
        self.held(set.guard.hold(|| {
            let head = Head::new(key.what, span, now);
            let (stored, lanes, at) = match set.find(head) {
                Some(at) => (set.head(at), set.lanes(at), at),
                None => (head, Lanes(0), self.displace(set, now)),
            };
            let (stored, lanes) = roll(stored, lanes, span, now);
            let lanes = match span.epoch(stored.tick()) - span.epoch(now) {
                late if late < KEPT => lanes.add_one(span.epoch(now)),
                _ => lanes,
            };
            set.store(at, stored, lanes);
            lanes.total()
        }))
    }

    /// How many there are within the window.
    pub(super) fn read(&self, key: Key, span: Span, now: Tick) -> u32 {
        let set = &self.sets[place(key.whose, self.sets.len())];
        self.held(set.guard.hold(|| {
            let at = set.find(Head::new(key.what, span, now));
            at.map_or(0, |at| roll(set.head(at), set.lanes(at), span, now).1.total())
        }))
    }

    /// How many keys were displaced that still mattered, and how often a set stayed held.
    pub(super) fn losses(&self) -> (u64, u64) {
        (self.forgotten.load(Relaxed), self.contended.load(Relaxed))
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.sets)
    }

    fn held(&self, count: Option<u32>) -> u32 {
        count.unwrap_or_else(|| {
            self.contended.fetch_add(1, Relaxed);
            0
        })
    }

    /// The place that a new key takes over.
    fn displace(&self, set: &Set, now: Tick) -> usize {
        let (mut place, mut least) = (0, (u64::MAX, now));
        for at in 0..WAYS {
            let stored = set.head(at);
            if stored.is_free() || stored.is_over(now) {
                return at;
            }
            let worth = (u64::from(set.lanes(at).total()), stored.tick());
            if worth < least {
                (place, least) = (at, worth);
            }
        }
        self.forgotten.fetch_add(1, Relaxed);
        place
    }
}

impl Set {
    fn find(&self, head: Head) -> Option<usize> {
        (0..WAYS).find(|at| self.head(*at).is_of(head))
    }

    fn head(&self, at: usize) -> Head {
        Head(self.heads[at].load(Relaxed))
    }

    fn lanes(&self, at: usize) -> Lanes {
        let [low, high] = &self.lanes[at];
        Lanes(u128::from(low.load(Relaxed)) | (u128::from(high.load(Relaxed)) << 64))
    }

    fn store(&self, at: usize, head: Head, lanes: Lanes) {
        self.heads[at].store(head.0, Relaxed);
        let [low, high] = &self.lanes[at];
        low.store(lanes.0 as u64, Relaxed);
        high.store((lanes.0 >> 64) as u64, Relaxed);
    }
}

/// Moves a slot on to `now`: empties the sub-buckets that were left behind. Never moves back.
fn roll(head: Head, lanes: Lanes, span: Span, now: Tick) -> (Head, Lanes) {
    let (last, epoch) = (span.epoch(head.tick()), span.epoch(now));
    if now <= head.tick() {
        return (head, lanes);
    }
    let lanes = match epoch - last {
        gap if gap >= KEPT => Lanes(0),
        gap => (1..=gap).fold(lanes, |lanes, step| lanes.cleared(last + step)),
    };
    (head.touched(now), lanes)
}

/// Eight counts of 16 bits.
#[derive(Clone, Copy, Debug)]
struct Lanes(u128);

impl Lanes {
    fn shift(epoch: u64) -> u32 {
        (epoch % KEPT) as u32 * 16
    }

    fn cleared(self, epoch: u64) -> Self {
        Self(self.0 & !(0xffff << Self::shift(epoch)))
    }

    /// One more in a sub-bucket; 65,535 stays.
    fn add_one(self, epoch: u64) -> Self {
        let shift = Self::shift(epoch);
        if (self.0 >> shift) & 0xffff == 0xffff {
            self
        } else {
            Self(self.0 + (1 << shift))
        }
    }

    fn total(self) -> u32 {
        (0..KEPT as u32)
            .map(|lane| (self.0 >> (16 * lane)) as u32 & 0xffff)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const START: u64 = 1_800_000_000_000;

    const ONE: Key = Key { whose: 1, what: 1 };

    fn key(hash: u64) -> Key {
        Key {
            whose: hash,
            what: hash,
        }
    }

    #[test]
    fn set_fills_four_cache_lines() {
        assert_eq!(size_of::<Set>(), 256);
    }

    #[test]
    fn event_counts_for_its_window_and_at_most_an_eighth_longer_or_so() {
        let counts = Counts::new(100);
        let span = Span::of(Duration::from_secs(600));
        assert_eq!(counts.add(ONE, span, Tick::at(START)), 1);
        assert_eq!(counts.read(ONE, span, Tick::at(START + 600_000)), 1);
        assert_eq!(
            counts.read(ONE, span, Tick::at(START + 600_000 * 8 / 7 + 8 * 64)),
            0
        );
    }

    #[test]
    fn event_that_comes_late_counts_where_it_belongs() {
        let counts = Counts::new(100);
        let span = Span::of(Duration::from_secs(70));
        counts.add(ONE, span, Tick::at(START + 60_000));
        assert_eq!(counts.add(ONE, span, Tick::at(START)), 2);
        // Eleven seconds after the window of the late one, and within that of the other.
        assert_eq!(counts.read(ONE, span, Tick::at(START + 92_000)), 1);
        // So late that it no longer matters.
        assert_eq!(counts.add(ONE, span, Tick::at(START - 600_000)), 2);
    }

    #[test]
    fn count_stays_at_its_highest_value() {
        let counts = Counts::new(1);
        let span = Span::of(Duration::from_secs(600));
        for _ in 0..70_000 {
            counts.add(ONE, span, Tick::at(START));
        }
        assert_eq!(counts.read(ONE, span, Tick::at(START)), 65_535);
    }

    #[test]
    fn flood_of_keys_that_come_once_does_not_displace_one_that_came_often() {
        let counts = Counts::new(50);
        let span = Span::of(Duration::from_secs(600));
        let often = key(0x1234_5678_9abc_def1);
        for _ in 0..5 {
            counts.add(often, span, Tick::at(START));
        }
        for at in 0..100_000u64 {
            counts.add(
                key(at.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
                span,
                Tick::at(START + at),
            );
        }
        assert_eq!(counts.read(often, span, Tick::at(START + 100_000)), 5);
        assert!(counts.losses().0 > 90_000);
    }
}
