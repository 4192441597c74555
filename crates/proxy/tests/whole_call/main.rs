//! What a whole call costs in memory: how often it asks for some, and that it gives all of it back.

mod world;

use std::time::{Duration, Instant};

use allocation_counter::measure;
use world::{Calls, Step};

/// The most times that an answered call may ask for memory, from INVITE to record, timers included. Each costs about
/// 30 ns; this number is there to go down.
const ALLOCATIONS_MAX: u64 = 56;

#[test]
fn an_answered_call_asks_for_memory_a_bounded_number_of_times() {
    let mut calls = Calls::new(t0());
    let mut counted = Vec::new();
    // The first calls grow tables that later ones use again.
    for round in 0..20 {
        calls.begin(1);
        let mut total = 0;
        for step in Step::ALL {
            calls.prepare(step);
            let info = measure(|| calls.take());
            total += info.count_total;
            if round == 19 {
                counted.push((step, info.count_total));
            }
            calls.learn(step);
        }
        total += measure(|| calls.pass(Duration::from_secs(40))).count_total;
        assert!(calls.is_idle());
        if round == 19 {
            assert!(total <= ALLOCATIONS_MAX, "{total} times: {counted:?}");
        }
    }
    assert_eq!(calls.records, 20);
}

#[test]
fn a_call_gives_back_all_the_memory_it_took() {
    let mut calls = Calls::new(t0());
    let mut round = || {
        calls.begin(8);
        for step in Step::ALL {
            calls.prepare(step);
            calls.take();
            calls.learn(step);
        }
        calls.pass(Duration::from_secs(40));
        assert!(calls.is_idle());
    };
    for _ in 0..20 {
        round();
    }
    let kept = measure(|| {
        for _ in 0..20 {
            round();
        }
    });
    assert!(kept.bytes_current.abs() < 64 * 1024, "{}", kept.bytes_current);
}

#[expect(clippy::disallowed_methods, reason = "tests need one instant to count from")]
fn t0() -> Instant {
    Instant::now()
}
