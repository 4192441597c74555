//! What a verdict costs: with a million listed numbers, with windows that a million callers went through, and how
//! long a million entries take to load.

use std::hint::black_box;

use call_model::{
    Called, Caller, CallerSource, E164, Facts, ListKind, NumberState, RulesetVersion, TenantName, TrunkName,
};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use screening::{
    CnamPattern, DetectiveSettings, ListEntry, ListKey, Lists, ListsBuilder, NumberSet, Subject, Terms,
    Windows, WindowsCapacity, decide, explain, screen,
};

const MILLION: u64 = 1_000_000;

struct Directory {
    tenant: TenantName,
    tenant_lists: Lists,
    operator_lists: Lists,
    do_not_originate: NumberSet,
    detective: DetectiveSettings,
}

impl Directory {
    fn with_a_million_numbers() -> Self {
        let names = ["Solar Savings", "*warranty*", "*free cruise*"].map(|text| {
            let pattern = CnamPattern::parse(text).expect("a pattern");
            ListEntry::block(ListKey::Cnam(pattern))
        });
        Self {
            tenant: TenantName::from("acme"),
            tenant_lists: Lists::compile(names).expect("entries in bounds"),
            operator_lists: million_numbers(),
            do_not_originate: (0..1000).map(|at| number(5_000_000 + at)).collect(),
            detective: DetectiveSettings::default(),
        }
    }

    fn subject(&self) -> Subject<'_> {
        Subject {
            tenant: Some(&self.tenant),
            tenant_id: 1,
            number_state: Some(NumberState::Active),
            number_lists: None,
            tenant_lists: Some(&self.tenant_lists),
            operator_lists: &self.operator_lists,
            is_own_number: false,
            trunk_is_peer_for_own: false,
            do_not_originate: &self.do_not_originate,
            detective: &self.detective,
            ruleset: RulesetVersion(1),
        }
    }
}

fn million_numbers() -> Lists {
    let mut builder = ListsBuilder::default();
    builder
        .add_numbers(
            ListKind::Block,
            Terms::default(),
            (0..MILLION).map(|at| number(at * 2)),
        )
        .expect("entries in bounds");
    builder.finish()
}

/// Spread over the country code's numbers as real callers are, so that no prefix stands out.
fn number(at: u64) -> E164 {
    let line = at.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 1_000_000_000;
    E164::from_digits(format!("999{line:09}").as_bytes()).expect("twelve digits")
}

fn call(trunk: &TrunkName, tenant: &TenantName, caller: u64) -> Facts {
    Facts {
        at_ms: 1_800_000_000_000 + caller,
        trunk: Some(trunk.clone()),
        source: [192, 0, 2, 10].into(),
        caller: Caller::Number(number(caller * 2 + 1)),
        caller_source: CallerSource::From,
        cnam: Some("Alice Example".into()),
        caller_domain: None,
        called: Called::Number(number(caller % 1000)),
        number_state: Some(NumberState::Active),
        tenant: Some(tenant.clone()),
        emergency: None,
        attestation: None,
        user_agent: None,
        removed: Vec::new(),
    }
}

fn verdict(criterion: &mut Criterion) {
    let directory = Directory::with_a_million_numbers();
    let subject = directory.subject();
    let trunk = TrunkName::from("carrier-a");
    let windows = Windows::new(WindowsCapacity::default(), 7);
    for caller in 0..MILLION {
        let _ = windows.observe(&call(&trunk, &directory.tenant, caller), &subject);
    }
    let mut next = 0;
    let mut fresh = || {
        next += 7919;
        call(&trunk, &directory.tenant, next % MILLION)
    };

    criterion.bench_function(
        "screen, a million numbers listed, a million callers seen",
        |bencher| {
            bencher.iter_batched(
                &mut fresh,
                |facts| screen(facts, &subject, &windows),
                BatchSize::SmallInput,
            );
        },
    );
    criterion.bench_function("decide, a million numbers listed", |bencher| {
        let values = call_model::DetectiveValues::default();
        bencher.iter_batched(
            &mut fresh,
            |facts| decide(&facts, &subject, &values),
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("observe, a million callers seen", |bencher| {
        bencher.iter_batched(
            &mut fresh,
            |facts| windows.observe(&facts, &subject),
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("screen, a caller who is listed", |bencher| {
        let listed = || Facts {
            caller: Caller::Number(number(2 * 4242)),
            ..call(&trunk, &directory.tenant, 1)
        };
        bencher.iter_batched(
            listed,
            |facts| screen(facts, &subject, &windows),
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("explain", |bencher| {
        let record = screen(call(&trunk, &directory.tenant, 1), &subject, &windows).record;
        bencher.iter(|| explain(black_box(&record), &subject));
    });
}

fn loading(criterion: &mut Criterion) {
    let numbers: Vec<E164> = (0..MILLION).map(number).collect();
    let mut group = criterion.benchmark_group("load");
    group.sample_size(10);
    group.bench_function("a million numbers under one note", |bencher| {
        bencher.iter(|| {
            let mut builder = ListsBuilder::default();
            let _ = builder.add_numbers(ListKind::Block, Terms::default(), numbers.iter().copied());
            builder.finish()
        });
    });
    group.bench_function("a million entries of their own", |bencher| {
        bencher.iter(|| Lists::compile(numbers.iter().map(|at| ListEntry::block(ListKey::Number(*at)))));
    });
    group.finish();
}

criterion_group!(benches, verdict, loading);
criterion_main!(benches);
