//! What counting one event costs, and what one scrape does.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::hint::black_box;
use std::time::Duration;

use call_model::{CallEvent, CallId, CallRecord, Called, Caller, Cause, Ending, Outcome, Treatment};
use criterion::{Criterion, criterion_group, criterion_main};
use metrics::Metrics;

fn observe(c: &mut Criterion) {
    let metrics = Metrics::new();
    let mut group = c.benchmark_group("observe");
    let screened = CallEvent::Screened {
        treatment: Treatment::Allow,
        took: Duration::from_nanos(300),
    };
    for (name, event) in [
        ("offered", CallEvent::Offered),
        ("screened, with its histogram", screened),
        ("ended", CallEvent::Ended(Box::new(record()))),
    ] {
        group.bench_function(name, |b| b.iter(|| metrics.observe(black_box(&event))));
    }
    group.finish();
    c.bench_function("render", |b| b.iter(|| metrics.render().len()));
}

fn record() -> CallRecord {
    CallRecord {
        id: CallId::new(1, 0, 0),
        sip_call_id: "1@192.0.2.10".into(),
        trunk: None,
        source: [192, 0, 2, 10].into(),
        caller: Caller::Anonymous,
        called: Called::Other("nobody".into()),
        tenant: None,
        plan: None,
        offered_ms: 1,
        ringing_ms: None,
        answered_ms: None,
        connected_ms: None,
        ended_ms: 2,
        legs: Vec::new(),
        challenge: None,
        outcome: Outcome {
            ending: Ending::Refused,
            status: 404,
            cause: Cause::NumberUnknown,
            fault: None,
            hung_up_by: None,
        },
        decision: None,
    }
}

criterion_group!(benches, observe);
criterion_main!(benches);
