//! The windows against an exact model, and under fire.

use std::collections::BTreeSet;
use std::time::Duration;

use call_model::{Called, Caller, E164, Ending, Facts, Score, Treatment};
use proptest::collection::vec;
use proptest::prelude::*;

use super::world::{NOW, World, call, call_from, ended, windows};
use crate::{Signal, SignalKind, Windows, WindowsCapacity};

/// How much longer than its window an event may count: a seventh, and eight ticks of 64 ms.
fn longest(window_ms: u64) -> u64 {
    window_ms * 8 / 7 + 8 * 64
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn counts_and_distinct_numbers_stay_within_the_stated_error(
        window_s in 1u64..2_000,
        calls in vec((0u64..3, 0u64..6, 0u64..200_000), 1..200),
        seed in any::<u64>(),
    ) {
        let window_ms = window_s * 1000;
        let world = world_with(&[SignalKind::CallerAttempts, SignalKind::CallerNumbers], window_ms);
        let windows = Windows::new(WindowsCapacity { counts: 1000, callers_swept: 1000, passes: 7 }, seed);
        let mut seen: Vec<(u64, u64, u64)> = Vec::new();
        let mut at_ms = NOW;
        for (caller, called, pause) in calls {
            at_ms += pause;
            seen.push((at_ms, caller, called));
            let values = windows.observe(&call_at(at_ms, caller, called), &world.subject());
            let within = |ms: u64| seen.iter().filter(move |(at, who, _)| *who == caller && at_ms - at <= ms);
            let distinct = |ms: u64| within(ms).map(|(_, _, called)| *called).collect::<BTreeSet<_>>().len();
            let (least, most) = (within(window_ms).count(), within(longest(window_ms)).count());
            let got = values.signals[0] as usize;
            prop_assert!(least <= got && got <= most, "{least} ≤ {got} ≤ {most}");
            let (least, most) = (distinct(window_ms), distinct(longest(window_ms)));
            let got = values.signals[1] as usize;
            prop_assert!(least <= got && got <= most, "distinct {least} ≤ {got} ≤ {most}");
        }
    }

    #[test]
    fn no_order_of_events_makes_the_windows_grow_or_panic(
        events in vec((any::<u64>(), any::<u64>(), any::<u64>(), 0u8..4), 0..300),
        signals in vec((0usize..5, any::<u32>(), any::<u64>()), 0..20),
        seed in any::<u64>(),
    ) {
        let mut world = World::default();
        world.detective.signals = signals
            .into_iter()
            .map(|(kind, over, window)| Signal {
                kind: SignalKind::ALL[kind],
                window: Duration::from_millis(window),
                over,
                treatment: Treatment::Challenge,
                score: Score(u16::MAX),
            })
            .collect();
        let windows = Windows::new(WindowsCapacity { counts: 12, callers_swept: 4, passes: 9 }, seed);
        let bytes = windows.bytes();
        for (at_ms, caller, called, what) in events {
            let facts = call_at(at_ms, caller % 1_000_000, called % 1_000_000);
            let mut record = ended(&at_zero(&facts), Ending::Cancelled, 10);
            (record.offered_ms, record.ended_ms) = (at_ms, at_ms.wrapping_add(called));
            match what {
                0 => drop(windows.observe(&facts, &world.subject())),
                1 => windows.observe_end(&record, &world.subject()),
                2 => windows.remember_pass(7, number_of(caller % 1_000_000), at_ms),
                _ => drop(crate::screen(facts, &world.subject(), &windows)),
            }
        }
        prop_assert_eq!(windows.bytes(), bytes);
    }
}

#[test]
fn default_windows_take_23_mebibytes() {
    let capacity = WindowsCapacity::default();
    let bytes = capacity.counts / 10 * 256 + capacity.callers_swept / 3 * 256 + capacity.passes / 7 * 128;
    assert_eq!(bytes, 23 << 20);
    let small = Windows::new(
        WindowsCapacity {
            counts: 500,
            callers_swept: 300,
            passes: 700,
        },
        1,
    );
    assert_eq!(small.bytes(), 50 * 256 + 100 * 256 + 100 * 128);
}

#[test]
fn shards_that_count_at_the_same_time_lose_nothing_unsaid() {
    let world = world_with(&[SignalKind::CallerAttempts], 600_000);
    let windows = windows();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    let _ = windows.observe(&call_at(NOW, 1, 1), &world.subject());
                }
            });
        }
    });
    let seen = windows.look_ahead(&call_at(NOW, 1, 1), &world.subject());
    assert_eq!(u64::from(seen.signals[0]) + windows.losses().contended, 4001);
    assert_eq!(seen.sequence, 4000);
}

#[test]
fn new_thresholds_find_the_counts_of_the_old_ones() {
    let mut world = world_with(&[SignalKind::CallerAttempts], 600_000);
    let windows = windows();
    for _ in 0..3 {
        let _ = windows.observe(&call_at(NOW, 1, 1), &world.subject());
    }
    world.detective.signals[0].over = 9;
    let alike = world.detective.signals[0];
    world.detective.signals.insert(
        0,
        Signal {
            kind: SignalKind::PrefixAttempts,
            ..alike
        },
    );
    assert_eq!(
        windows.observe(&call_at(NOW, 1, 1), &world.subject()).signals[..2],
        [1, 4]
    );
}

#[test]
fn prefix_spans_ten_thousand_numbers_wherever_they_are() {
    for digits in [1, 7] {
        let mut world = world_with(&[SignalKind::PrefixAttempts], 600_000);
        world.detective.prefix_digits = digits;
        let windows = windows();
        let seen = |caller: &str| windows.observe(&call_from(caller), &world.subject()).signals[0];
        assert_eq!(
            [seen("+12025550143"), seen("+12025550199"), seen("+12025560143")],
            [1, 2, 1]
        );
        assert_eq!(
            [
                seen("+442079460150"),
                seen("+442079469999"),
                seen("+442079470150")
            ],
            [1, 2, 1]
        );
    }
}

#[test]
fn emergency_call_is_not_counted() {
    let world = world_with(&[SignalKind::CallerAttempts], 600_000);
    let windows = windows();
    let facts = Facts {
        emergency: Some(call_model::Emergency::CallBack),
        ..call_at(NOW, 1, 1)
    };
    assert_eq!(windows.observe(&facts, &world.subject()).signals[0], 0);
    assert_eq!(
        windows.observe(&call_at(NOW, 1, 1), &world.subject()).signals[0],
        1
    );
}

fn world_with(kinds: &[SignalKind], window_ms: u64) -> World {
    let mut world = World::default();
    world.detective.signals = kinds
        .iter()
        .map(|kind| Signal {
            kind: *kind,
            window: Duration::from_millis(window_ms),
            over: 5,
            treatment: Treatment::Challenge,
            score: Score(500),
        })
        .collect();
    world
}

fn call_at(at_ms: u64, caller: u64, called: u64) -> Facts {
    Facts {
        at_ms,
        called: Called::Number(number_of(called)),
        ..call(Caller::Number(number_of(caller)))
    }
}

fn at_zero(facts: &Facts) -> Facts {
    Facts {
        at_ms: 0,
        ..facts.clone()
    }
}

fn number_of(at: u64) -> E164 {
    E164::parse(format!("+999{at:09}").as_bytes()).unwrap()
}
