//! What a whole call costs in processor time, without sockets: INVITE, 100, 180, 200, ACK, BYE, 200 on both legs,
//! screening, record, and the timers that run out behind it.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

#[path = "../tests/whole_call/world.rs"]
mod world;

use world::{Calls, Step};

/// Calls that go through in step, so that the clock is read seldom.
const BATCH: usize = 200;

fn call(c: &mut Criterion) {
    let mut calls = Calls::new(Instant::now());
    let mut group = c.benchmark_group("call");
    group.throughput(Throughput::Elements(1));
    group.bench_function("answered", |b| {
        b.iter_custom(|times| run(&mut calls, times, None))
    });
    for step in Step::ALL {
        group.bench_function(format!("step {step:?}"), |b| {
            b.iter_custom(|times| run(&mut calls, times, Some(step)));
        });
    }
    group.finish();
}

/// The time that so many calls take, or one step of them.
fn run(calls: &mut Calls, times: u64, only: Option<Step>) -> Duration {
    let mut spent = Duration::ZERO;
    let mut left = times as usize;
    while left > 0 {
        let batch = left.min(BATCH);
        left -= batch;
        calls.begin(batch);
        for step in Step::ALL {
            calls.prepare(step);
            let began = Instant::now();
            calls.take();
            if only.is_none_or(|only| only == step) {
                spent += began.elapsed();
            }
            calls.learn(step);
        }
        let began = Instant::now();
        calls.pass(Duration::from_secs(40));
        if only.is_none() {
            spent += began.elapsed();
        }
        assert!(calls.is_idle());
    }
    spent
}

criterion_group!(benches, call);
criterion_main!(benches);
