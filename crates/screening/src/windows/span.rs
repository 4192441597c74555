//! Time in the windows: ticks, and the sub-buckets that a window is divided into.

use std::time::Duration;

/// A window is covered by this many full sub-buckets, and the one that is being filled.
const FULL: u64 = 7;

/// How many sub-buckets are kept.
pub(super) const KEPT: u64 = FULL + 1;

/// A tick is 2^6 = 64 ms.
const TICK_SHIFT: u32 = 6;

const TICK_MS: u64 = 1 << TICK_SHIFT;

/// Ticks are kept in 36 bits: until the year 2109.
const TICK_BITS: u32 = 36;
const TICK_MASK: u64 = (1 << TICK_BITS) - 1;

const CLASS_BITS: u32 = 5;
const TAG_BITS: u32 = 64 - TICK_BITS - CLASS_BITS;

/// A window as the tables know it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Span {
    /// The length of a sub-bucket in ticks: a seventh of the window, rounded up.
    width: u64,
}

/// A moment, in ticks since 1970.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Tick(u64);

impl Tick {
    pub(super) fn at(unix_ms: u64) -> Self {
        Self((unix_ms >> TICK_SHIFT) & TICK_MASK)
    }
}

impl Span {
    pub(super) fn of(window: Duration) -> Self {
        let ms = u64::try_from(window.as_millis()).unwrap_or(u64::MAX / 2);
        Self {
            width: ms.div_ceil(TICK_MS * FULL).clamp(1, 1 << 27),
        }
    }

    /// The number of the sub-bucket that a moment falls in.
    pub(super) fn epoch(self, tick: Tick) -> u64 {
        tick.0 / self.width
    }

    /// The power of two of ticks after which nothing in a slot can still count.
    fn class(self) -> u64 {
        u64::from((self.width * KEPT).next_power_of_two().ilog2())
    }
}

/// The head of a slot: whose it is, how long it matters, when it was touched last. 0 where the slot is free.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Head(pub(super) u64);

impl Head {
    pub(super) fn new(hash: u64, span: Span, tick: Tick) -> Self {
        // A tag of 0 would make a head of 0 possible; two tags share the value 1 instead.
        let tag = (hash & ((1 << TAG_BITS) - 1)).max(1);
        Self((tag << (TICK_BITS + CLASS_BITS)) | (span.class() << TICK_BITS) | tick.0)
    }

    pub(super) fn is_free(self) -> bool {
        self.0 == 0
    }

    pub(super) fn tick(self) -> Tick {
        Tick(self.0 & TICK_MASK)
    }

    pub(super) fn touched(self, tick: Tick) -> Self {
        Self((self.0 & !TICK_MASK) | tick.0)
    }

    /// Whether both are of the same key and window.
    pub(super) fn is_of(self, other: Self) -> bool {
        (self.0 ^ other.0) & !TICK_MASK == 0
    }

    /// Whether nothing in the slot can still count.
    pub(super) fn is_over(self, now: Tick) -> bool {
        let class = (self.0 >> TICK_BITS) & ((1 << CLASS_BITS) - 1);
        now.0.saturating_sub(self.tick().0) > 1 << class
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_full_sub_buckets_cover_the_window() {
        for seconds in [1, 10, 60, 600, 3600, 86_400, 604_800] {
            let window = Duration::from_secs(seconds);
            let covered = Span::of(window).width * FULL * TICK_MS;
            assert!(covered >= window.as_millis() as u64, "{seconds} s");
            assert!(
                covered <= window.as_millis() as u64 + FULL * TICK_MS,
                "{seconds} s"
            );
        }
    }

    #[test]
    fn slot_is_over_only_once_nothing_in_it_counts() {
        let span = Span::of(Duration::from_secs(600));
        let head = Head::new(77, span, Tick::at(1_000_000));
        assert!(!head.is_over(Tick::at(1_000_000 + 600_000 * 8 / 7)));
        assert!(head.is_over(Tick::at(1_000_000 + 600_000 * 3)));
        assert!(!head.is_free());
        assert!(head.is_of(Head::new(77, span, Tick::at(5))));
        assert!(!head.is_of(Head::new(78, span, Tick::at(5))));
    }
}
