//! A wheel of timers: constant work per timer, memory for the live ones only.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use crate::slab::{Key, Slab};

/// Holds items until their time has come.
///
/// Time is cut into ticks. Seven wheels of 64 slots stand above each other; a slot of one covers a full
/// turn of the one below, and an item comes down a wheel when its slot begins. Scheduling, cancelling and
/// firing touch a handful of words each, whatever the number of timers. At the default tick of 10 ms the
/// horizon is about 1,400 years; later deadlines fire there.
pub struct Wheel<T> {
    start: Instant,
    tick: Duration,
    /// The last tick that `expire` has dealt with.
    position: u64,
    nodes: Slab<Node<T>>,
    levels: Box<[Level; LEVELS]>,
}

/// Names one scheduled item, for [`Wheel::cancel`]. After the item fired it names nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TimerKey(Key);

/// One wheel: for each slot the first node of a ring, and a bit that says whether there is one.
#[derive(Clone, Copy)]
struct Level {
    occupied: u64,
    first: [u32; SLOTS],
}

/// One item, linked in a ring with those of the same slot, oldest first.
struct Node<T> {
    /// Tick at which it fires. Never 0, which is the tick of the start.
    due: NonZeroU64,
    item: T,
    next: u32,
    previous: u32,
}

impl<T: Copy> Wheel<T> {
    /// Ten milliseconds: far below every timer of RFC 3261, far above the cost of a turn.
    pub const DEFAULT_TICK: Duration = Duration::from_millis(10);

    /// An empty wheel. A `tick` below one microsecond counts as one microsecond.
    #[must_use]
    pub fn new(start: Instant, tick: Duration) -> Self {
        let level = Level {
            occupied: 0,
            first: [0; SLOTS],
        };
        Self {
            start,
            tick: tick.max(Duration::from_micros(1)),
            position: 0,
            nodes: Slab::new(0),
            levels: Box::new([level; LEVELS]),
        }
    }

    /// How many items wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Items for which memory is held.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.nodes.capacity()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Fires `item` at `at` or at most one tick later, never earlier. A time that has passed fires at the
    /// next tick.
    pub fn schedule(&mut self, at: Instant, item: T) -> TimerKey {
        let due = self.tick_of(at);
        let key = self.nodes.insert(Node {
            due,
            item,
            next: 0,
            previous: 0,
        });
        self.link(key.index, due);
        TimerKey(key)
    }

    /// Moves an item to another time. Costs nothing where both times lie in the same tick. A key that no
    /// longer names an item schedules it anew.
    pub fn reschedule(&mut self, key: TimerKey, at: Instant, item: T) -> TimerKey {
        let due = self.tick_of(at);
        match self.nodes.find_mut(key.0) {
            Some(node) if node.due == due => {
                node.item = item;
                key
            }
            Some(_) | None => {
                self.cancel(key);
                self.schedule(at, item)
            }
        }
    }

    /// Takes an item out before it fires; `None` if it has fired or was cancelled.
    pub fn cancel(&mut self, key: TimerKey) -> Option<T> {
        self.nodes.find(key.0)?;
        self.unlink(key.0.index);
        self.nodes.remove(key.0).map(|node| node.item)
    }

    /// Appends to `out` every item whose time has come, by tick, and within a tick by age.
    pub fn expire(&mut self, now: Instant, out: &mut Vec<T>) {
        let now = self.ticks_passed(now);
        while let Some((level, slot, begins)) = self.next_slot()
            && begins <= now
        {
            self.position = begins;
            self.empty_slot(level, slot, out);
        }
        self.position = self.position.max(now);
    }

    /// When `expire` should be called next: at or before the earliest item fires, rarely before. `None`
    /// if nothing waits.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let (_, _, begins) = self.next_slot()?;
        Some(self.start + duration_of(self.tick, begins))
    }

    /// The slot that begins next. A lower wheel is always ahead of a higher one.
    fn next_slot(&self) -> Option<(usize, usize, u64)> {
        let (level, wheel) = self
            .levels
            .iter()
            .enumerate()
            .find(|(_, wheel)| wheel.occupied != 0)?;
        let slot = wheel.occupied.trailing_zeros() as usize;
        let shift = BITS * level;
        let turn = self.position >> shift >> BITS << BITS;
        Some((level, slot, (turn | slot as u64) << shift))
    }

    /// Fires the items of a slot that has begun, or moves them a wheel down.
    fn empty_slot(&mut self, level: usize, slot: usize, out: &mut Vec<T>) {
        let wheel = &mut self.levels[level];
        wheel.occupied &= !(1 << slot);
        let first = wheel.first[slot];
        let mut index = first;
        loop {
            let node = self.nodes.at(index).expect("a ring links live nodes only");
            let (due, item, next) = (node.due, node.item, node.next);
            if due.get() <= self.position {
                let key = self.nodes.key_at(index).expect("a ring links live nodes only");
                self.nodes.remove(key);
                out.push(item);
            } else {
                self.link(index, due);
            }
            if next == first {
                return;
            }
            index = next;
        }
    }

    fn link(&mut self, index: u32, due: NonZeroU64) {
        let (level, slot) = self.slot_of(due);
        let wheel = &mut self.levels[level];
        let occupied = wheel.occupied >> slot & 1 == 1;
        wheel.occupied |= 1 << slot;
        if !occupied {
            wheel.first[slot] = index;
        }
        let first = wheel.first[slot];
        let last = if occupied {
            self.node(first).previous
        } else {
            index
        };
        let node = self.node(index);
        node.previous = last;
        node.next = first;
        self.node(first).previous = index;
        self.node(last).next = index;
    }

    fn unlink(&mut self, index: u32) {
        let node = self.node(index);
        let (due, next, previous) = (node.due, node.next, node.previous);
        let (level, slot) = self.slot_of(due);
        let wheel = &mut self.levels[level];
        if next == index {
            wheel.occupied &= !(1 << slot);
            return;
        }
        if wheel.first[slot] == index {
            wheel.first[slot] = next;
        }
        self.node(previous).next = next;
        self.node(next).previous = previous;
    }

    /// The wheel is the one in which `due` and the position first differ, seen from above. It stays the
    /// same while the position moves, up to the moment the slot begins.
    fn slot_of(&self, due: NonZeroU64) -> (usize, usize) {
        let differing = due.get() ^ self.position;
        let level = (63 - (differing | 1).leading_zeros() as usize) / BITS;
        (level, (due.get() >> (BITS * level)) as usize % SLOTS)
    }

    fn node(&mut self, index: u32) -> &mut Node<T> {
        self.nodes.at_mut(index).expect("a ring links live nodes only")
    }

    /// The first tick that is not before `at`, and not before the next one.
    fn tick_of(&self, at: Instant) -> NonZeroU64 {
        let tick = at
            .saturating_duration_since(self.start)
            .as_nanos()
            .div_ceil(self.tick.as_nanos());
        let tick = u64::try_from(tick).unwrap_or(HORIZON).min(HORIZON);
        NonZeroU64::MIN.saturating_add(tick.max(self.position + 1) - 1)
    }

    fn ticks_passed(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.start).as_nanos() / self.tick.as_nanos();
        u64::try_from(passed).unwrap_or(HORIZON).min(HORIZON - 1)
    }
}

fn duration_of(tick: Duration, ticks: u64) -> Duration {
    let nanos = tick.as_nanos() * u128::from(ticks);
    Duration::new(
        u64::try_from(nanos / NANOS_PER_SEC).unwrap_or(u64::MAX >> 2),
        u32::try_from(nanos % NANOS_PER_SEC).unwrap_or(0),
    )
}

const NANOS_PER_SEC: u128 = 1_000_000_000;
const BITS: usize = 6;
const SLOTS: usize = 1 << BITS;
const LEVELS: usize = 7;
/// The last tick the wheels can tell apart.
const HORIZON: u64 = (1 << (BITS * LEVELS)) - 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ms, t0};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const TICK: Duration = Duration::from_millis(10);

    #[test]
    fn item_fires_at_its_tick_and_not_before() {
        let (t0, mut wheel) = wheel();
        wheel.schedule(t0 + ms(500), 'a');
        assert_eq!(wheel.next_deadline(), Some(t0 + ms(500)));
        assert_eq!(fired(&mut wheel, t0 + ms(499)), []);
        assert_eq!(fired(&mut wheel, t0 + ms(500)), ['a']);
        assert_eq!(wheel.next_deadline(), None);
    }

    #[test]
    fn deadline_between_two_ticks_waits_for_the_later() {
        let (t0, mut wheel) = wheel();
        wheel.schedule(t0 + ms(11), 'a');
        assert_eq!(fired(&mut wheel, t0 + ms(19)), []);
        assert_eq!(fired(&mut wheel, t0 + ms(20)), ['a']);
    }

    #[test]
    fn deadline_in_the_past_fires_at_the_next_tick() {
        let (t0, mut wheel) = wheel();
        assert_eq!(fired(&mut wheel, t0 + ms(1000)), []);
        wheel.schedule(t0, 'a');
        assert_eq!(wheel.next_deadline(), Some(t0 + ms(1010)));
        assert_eq!(fired(&mut wheel, t0 + ms(1010)), ['a']);
    }

    #[test]
    fn items_of_one_tick_fire_in_the_order_they_were_scheduled() {
        let (t0, mut wheel) = wheel();
        for item in ['a', 'b', 'c', 'd'] {
            wheel.schedule(t0 + ms(700), item);
        }
        assert_eq!(fired(&mut wheel, t0 + ms(690)), []);
        wheel.schedule(t0 + ms(700), 'e');
        assert_eq!(fired(&mut wheel, t0 + ms(700)), ['a', 'b', 'c', 'd', 'e']);
    }

    #[test]
    fn cancelled_item_never_fires_and_its_key_is_dead() {
        let (t0, mut wheel) = wheel();
        let key = wheel.schedule(t0 + ms(100), 'a');
        assert_eq!(wheel.cancel(key), Some('a'));
        assert_eq!(wheel.cancel(key), None);
        assert_eq!(wheel.next_deadline(), None);
        assert_eq!(fired(&mut wheel, t0 + ms(200)), []);
    }

    #[test]
    fn moving_within_a_tick_keeps_the_key_and_beyond_it_changes_it() {
        let (t0, mut wheel) = wheel();
        let key = wheel.schedule(t0 + ms(95), 'a');
        assert_eq!(wheel.reschedule(key, t0 + ms(99), 'b'), key);
        let moved = wheel.reschedule(key, t0 + ms(101), 'c');
        assert_ne!(moved, key);
        assert_eq!(fired(&mut wheel, t0 + ms(100)), []);
        assert_eq!(fired(&mut wheel, t0 + ms(110)), ['c']);
    }

    #[test]
    fn a_week_ahead_takes_few_wakings() {
        let (t0, mut wheel) = wheel();
        let week = Duration::from_secs(7 * 86_400);
        wheel.schedule(t0 + week, 'a');
        let mut wakings = 0;
        let mut out = Vec::new();
        while let Some(at) = wheel.next_deadline() {
            wakings += 1;
            wheel.expire(at, &mut out);
            assert_eq!(out.is_empty(), at < t0 + week);
        }
        assert!(wakings <= LEVELS, "{wakings}");
    }

    #[test]
    fn memory_of_a_peak_is_given_back() {
        let (t0, mut wheel) = wheel();
        for n in 0..50_000 {
            wheel.schedule(t0 + ms(n % 32_000), 'a');
        }
        let mut out = Vec::new();
        wheel.expire(t0 + ms(32_000), &mut out);
        assert_eq!((out.len(), wheel.len(), wheel.capacity()), (50_000, 0, 0));
    }

    #[derive(Clone, Debug)]
    enum Op {
        Schedule(u64),
        Cancel(prop::sample::Index),
        Move(prop::sample::Index, u64),
        Pass(u64),
        PassToDeadline,
    }

    fn op() -> impl Strategy<Value = Op> {
        let ahead = || prop_oneof![0..100_u64, 0..40_000_u64, 0..400_000_000_u64];
        prop_oneof![
            4 => ahead().prop_map(Op::Schedule),
            1 => any::<prop::sample::Index>().prop_map(Op::Cancel),
            1 => (any::<prop::sample::Index>(), ahead()).prop_map(|(at, to)| Op::Move(at, to)),
            1 => ahead().prop_map(Op::Pass),
            3 => Just(Op::PassToDeadline),
        ]
    }

    proptest! {
        /// Against a map ordered by (tick, age): the same items, in the same order, at the same time.
        #[test]
        fn fires_what_an_ordered_map_would_fire(ops in prop::collection::vec(op(), 1..200)) {
            let t0 = t0();
            let mut wheel = Wheel::new(t0, TICK);
            let mut model: BTreeMap<(u64, u32), TimerKey> = BTreeMap::new();
            let (mut now_ms, mut age) = (0, 0);
            for op in ops {
                let due = |ahead: u64, now_ms: u64| (now_ms + ahead).div_ceil(10).max(now_ms / 10 + 1);
                match op {
                    Op::Schedule(ahead) => {
                        age += 1;
                        let key = wheel.schedule(t0 + ms(now_ms + ahead), age);
                        model.insert((due(ahead, now_ms), age), key);
                    }
                    Op::Cancel(_) | Op::Move(..) if model.is_empty() => {}
                    Op::Cancel(which) => {
                        let entry = *model.keys().nth(which.index(model.len())).unwrap();
                        prop_assert_eq!(wheel.cancel(model.remove(&entry).unwrap()), Some(entry.1));
                    }
                    Op::Move(which, ahead) => {
                        let entry = *model.keys().nth(which.index(model.len())).unwrap();
                        let key = model.remove(&entry).unwrap();
                        let to = due(ahead, now_ms);
                        if to != entry.0 { age += 1; }
                        let item = if to == entry.0 { entry.1 } else { age };
                        model.insert((to, item), wheel.reschedule(key, t0 + ms(now_ms + ahead), item));
                    }
                    Op::Pass(_) | Op::PassToDeadline => {
                        now_ms = match (op, wheel.next_deadline()) {
                            (Op::Pass(by), _) => now_ms + by,
                            (_, Some(at)) => now_ms.max(u64::try_from((at - t0).as_millis()).unwrap()),
                            (_, None) => now_ms,
                        };
                        let later = model.split_off(&(now_ms / 10 + 1, 0));
                        let expected: Vec<_> = model.keys().map(|(_, age)| *age).collect();
                        model = later;
                        prop_assert_eq!(fired(&mut wheel, t0 + ms(now_ms)), expected);
                    }
                }
                prop_assert_eq!(wheel.len(), model.len());
                let earliest = model.keys().next().map(|(tick, _)| t0 + ms(tick * 10));
                prop_assert_eq!(wheel.next_deadline().is_some(), earliest.is_some());
                prop_assert!(wheel.next_deadline() <= earliest);
            }
        }
    }

    fn fired<T: Copy>(wheel: &mut Wheel<T>, now: Instant) -> Vec<T> {
        let mut out = Vec::new();
        wheel.expire(now, &mut out);
        out
    }

    fn wheel() -> (Instant, Wheel<char>) {
        let t0 = t0();
        (t0, Wheel::new(t0, TICK))
    }
}
