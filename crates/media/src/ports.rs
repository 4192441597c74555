//! Which local ports are free for audio.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// Hands out even ports for RTP (RTCP takes the next, RFC 3550 §11) from one shard's part of a range.
///
/// Ports that were never used go first; a port given back rests for [`PortPool::REST`] so that the last packets of
/// an ended call do not land in a new one. Bounded by the range: never more than 32,768 entries over all shards.
#[derive(Debug)]
pub struct PortPool {
    /// Ports never taken yet, as an index into the part.
    fresh: u16,
    /// The first port of this shard's part, and how many even ports it has.
    first: u16,
    size: u16,
    /// Ports given back, oldest first, each with the time from which it may be used again.
    resting: VecDeque<(u16, Instant)>,
    /// One flag per port of the part: in use.
    taken: Vec<bool>,
    rest: Duration,
    refused: u64,
}

impl PortPool {
    /// How long a port rests after use, if [`PortPool::resting_for`] does not say otherwise.
    pub const REST: Duration = Duration::from_secs(5);

    /// The part of `shard` (counted from 0) among `shards` equal, contiguous parts of the even ports in `range`.
    /// Both the even port and the odd port above it lie in the range.
    pub fn new(range: RangeInclusive<u16>, shard: usize, shards: usize) -> PortPool {
        let first_even = u32::from(*range.start()) + u32::from(*range.start() % 2);
        let pairs = (u32::from(*range.end()) + 1).saturating_sub(first_even) / 2;
        let part = pairs / u32::try_from(shards.max(1)).unwrap_or(u32::MAX);
        let before = part.saturating_mul(u32::try_from(shard).unwrap_or(u32::MAX));
        let inside = shard < shards.max(1);
        let first = u16::try_from(first_even.saturating_add(before.saturating_mul(2))).unwrap_or(u16::MAX);
        let size = if inside {
            u16::try_from(part).unwrap_or(u16::MAX)
        } else {
            0
        };
        PortPool {
            fresh: 0,
            first,
            size,
            resting: VecDeque::new(),
            taken: vec![false; usize::from(size)],
            rest: Self::REST,
            refused: 0,
        }
    }

    /// Sets the rest time.
    pub fn resting_for(mut self, rest: Duration) -> PortPool {
        self.rest = rest;
        self
    }

    /// An even port, or `None` (counted) when all are in use or resting.
    pub fn take(&mut self, now: Instant) -> Option<u16> {
        let index = if self.fresh < self.size {
            self.fresh += 1;
            self.fresh - 1
        } else if self.resting.front().is_some_and(|&(_, from)| from <= now) {
            self.resting.pop_front().map(|(index, _)| index)?
        } else {
            self.refused += 1;
            return None;
        };
        self.taken[usize::from(index)] = true;
        Some(self.first + 2 * index)
    }

    /// Takes a port back. A port that is not out is ignored.
    pub fn give_back(&mut self, now: Instant, port: u16) {
        let Some(offset) = port.checked_sub(self.first) else {
            return;
        };
        let index = offset / 2;
        let Some(taken) = self.taken.get_mut(usize::from(index)) else {
            return;
        };
        if offset % 2 == 0 && *taken {
            *taken = false;
            self.resting.push_back((index, now + self.rest));
        }
    }

    /// How many ports this pool has in all.
    pub fn capacity(&self) -> usize {
        usize::from(self.size)
    }

    /// How many ports are out.
    pub fn in_use(&self) -> usize {
        usize::from(self.fresh) - self.resting.len()
    }

    /// How often `take` had nothing to give.
    pub fn refused(&self) -> u64 {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::t0;

    #[test]
    fn ports_are_even_and_leave_room_for_rtcp_inside_the_range() {
        let mut pool = PortPool::new(20001..=20008, 0, 1);
        let ports: Vec<_> = std::iter::from_fn(|| pool.take(t0())).collect();
        assert_eq!(ports, [20002, 20004, 20006]);
        assert_eq!(pool.refused(), 1);
        assert_eq!(PortPool::new(65534..=65535, 0, 1).take(t0()), Some(65534));
        assert_eq!(PortPool::new(0..=65535, 0, 1).capacity(), 32768);
    }

    #[test]
    fn shards_never_share_a_port() {
        let mut seen = std::collections::BTreeSet::new();
        for shard in 0..3 {
            let mut pool = PortPool::new(20000..=20099, shard, 3);
            while let Some(port) = pool.take(t0()) {
                assert!(seen.insert(port), "port {port} was handed out twice");
                assert!((20000..20099).contains(&port));
            }
        }
        assert_eq!(seen.len(), 48, "50 pairs make three parts of 16");
        assert_eq!(PortPool::new(20000..=20099, 3, 3).take(t0()), None);
    }

    #[test]
    fn a_port_given_back_rests_before_it_is_used_again() {
        let now = t0();
        let mut pool = PortPool::new(20000..=20003, 0, 1).resting_for(Duration::from_secs(5));
        assert_eq!((pool.take(now), pool.take(now)), (Some(20000), Some(20002)));
        pool.give_back(now, 20002);
        pool.give_back(now + Duration::from_secs(1), 20000);
        assert_eq!(pool.take(now + Duration::from_millis(4999)), None);
        assert_eq!(pool.take(now + Duration::from_secs(5)), Some(20002));
        assert_eq!(pool.take(now + Duration::from_secs(5)), None);
        assert_eq!(pool.take(now + Duration::from_secs(6)), Some(20000));
    }

    #[test]
    fn giving_back_twice_or_a_foreign_port_changes_nothing() {
        let now = t0();
        let mut pool = PortPool::new(20000..=20003, 0, 1);
        let port = pool.take(now).unwrap();
        for stray in [port + 1, 19998, 20004, 0, 65535] {
            pool.give_back(now, stray);
        }
        assert_eq!(pool.in_use(), 1);
        pool.give_back(now, port);
        pool.give_back(now, port);
        assert_eq!(pool.in_use(), 0);
    }

    #[test]
    fn an_empty_or_reversed_range_gives_nothing() {
        #[expect(
            clippy::reversed_empty_ranges,
            reason = "a fault of the settings must not panic"
        )]
        let reversed = 30000..=20000;
        assert_eq!(PortPool::new(reversed, 0, 1).take(t0()), None);
        assert_eq!(PortPool::new(20001..=20002, 0, 1).take(t0()), None);
        assert_eq!(PortPool::new(65535..=65535, 0, 1).take(t0()), None);
    }
}
