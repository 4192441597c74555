//! What writing and reading the call log costs, JSON included, beside a log that is already long. Writing is given in
//! processor time, reading in elapsed time.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot measure stops")]

use std::hint::black_box;
use std::time::Duration;

use call_model::{
    CallId, CallRecord, Called, Caller, CallerSource, Cause, DecisionRecord, DetectiveValues, E164, Ending,
    Facts, LegRecord, NumberState, Outcome, RulesetVersion, Score, Side, Treatment, Verdict,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nix::time::{ClockId, clock_gettime};
use store::{CallFilter, Store};

/// Records that lie in the log before the measurement: two minutes at 2000 calls a second.
const BEFORE: u64 = 240_000;

/// Records in a batch: 50 ms at 2000 calls a second.
const BATCH: u64 = 100;

fn append(c: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path()).unwrap();
    let mut next = 0;
    while next < BEFORE {
        store.append(&batch(&mut next, 1000)).unwrap();
    }
    let mut group = c.benchmark_group("append");
    group.throughput(Throughput::Elements(BATCH));
    group.bench_function("batch of 100", |b| {
        b.iter_custom(|times| {
            let mut spent = Duration::ZERO;
            for _ in 0..times {
                let records = batch(&mut next, BATCH);
                let before = processor_time();
                store.append(black_box(&records)).unwrap();
                spent += processor_time() - before;
            }
            spent
        });
    });
    group.finish();

    let mut group = c.benchmark_group("calls");
    let newest = CallFilter::default();
    group.bench_function("newest 100", |b| {
        b.iter(|| store.calls(black_box(&newest)).unwrap().len())
    });
    let of_caller = CallFilter {
        caller: Some(Caller::Number(caller(77))),
        ..CallFilter::default()
    };
    group.bench_function("of one caller", |b| {
        b.iter(|| store.calls(black_box(&of_caller)).unwrap().len())
    });
    group.finish();
}

fn batch(next: &mut u64, many: u64) -> Vec<CallRecord> {
    let from = *next;
    *next += many;
    (from..*next).map(record).collect()
}

fn record(index: u64) -> CallRecord {
    // Records come when calls end: the offers lie up to a minute back.
    let at_ms =
        1_772_410_493_609 + index / 2 - scatter(index ^ 0xaaaa) % 30_000 * (scatter(index ^ 0xbbbb) % 3);
    let id = CallId::new(at_ms, (index % 4) as u8, scatter(index) as u32);
    let (caller, called) = (Caller::Number(caller(index)), Called::Number(called(index)));
    let facts = Facts {
        at_ms,
        trunk: Some("carrier-a".into()),
        source: [192, 0, 2, 10].into(),
        caller: caller.clone(),
        caller_source: CallerSource::PAssertedIdentity,
        cnam: Some("EXAMPLE CALLER".into()),
        caller_domain: Some("carrier-a.example.net".into()),
        called: called.clone(),
        number_state: Some(NumberState::Active),
        tenant: Some("example-roofing".into()),
        emergency: None,
        attestation: None,
        user_agent: Some("Example SBC 9.2".into()),
        removed: Vec::new(),
    };
    let mut values = DetectiveValues {
        sequence: index,
        ..DetectiveValues::default()
    };
    values.signals[..4].copy_from_slice(&[1, 1, 0, 37]);
    let verdict = Verdict {
        treatment: Treatment::Allow,
        cause: None,
        score: Score(0),
        reasons: Vec::new(),
        exemption: None,
    };
    CallRecord {
        id,
        sip_call_id: format!("{:016x}-{index}@192.0.2.10", scatter(index)).into(),
        trunk: Some("carrier-a".into()),
        source: [192, 0, 2, 10].into(),
        caller,
        called,
        tenant: Some("example-roofing".into()),
        plan: Some("office".into()),
        offered_ms: at_ms,
        ringing_ms: Some(at_ms + 300),
        answered_ms: Some(at_ms + 4000),
        connected_ms: Some(at_ms + 4001),
        ended_ms: at_ms + 60_000,
        legs: vec![LegRecord {
            destination: "front-desk".into(),
            invited_ms: at_ms + 1,
            ringing_ms: Some(at_ms + 300),
            answered_ms: Some(at_ms + 4000),
            ended_ms: Some(at_ms + 60_000),
            status: 200,
        }],
        challenge: None,
        outcome: Outcome {
            ending: Ending::Answered,
            status: 200,
            cause: Cause::Normal,
            fault: None,
            hung_up_by: Some(Side::Caller),
        },
        decision: Some(Box::new(DecisionRecord {
            ruleset: RulesetVersion(7),
            facts,
            values,
            verdict,
        })),
    }
}

/// What this thread has spent on a processor: waiting for the disk is no cost to calls.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap();
    time.into()
}

/// Callers come from all over: a million of them.
fn caller(index: u64) -> E164 {
    number(scatter(index) % 1_000_000)
}

/// Ten thousand tracking numbers.
fn called(index: u64) -> E164 {
    number(5_000_000 + scatter(index ^ 0x5555) % 10_000)
}

fn number(low: u64) -> E164 {
    E164::from_digits(format!("9990{low:08}").as_bytes()).unwrap()
}

/// A fixed mixing of bits (the finaliser of SplitMix64).
fn scatter(index: u64) -> u64 {
    let mut z = index.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

criterion_group!(benches, append);
criterion_main!(benches);
