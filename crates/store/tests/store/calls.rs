use call_model::{CallId, CallRecord, Caller, Cause, Ending, Treatment};
use store::{CallFilter, Order, Store};

use crate::records::{START_MS, answered, challenged, number, unscreened};

#[test]
fn record_comes_back_as_it_was_written() {
    let (_directory, mut store) = open();
    let records = [answered(1), challenged(2), unscreened(3)];
    assert_eq!(store.append(&records).unwrap(), 3);
    for record in &records {
        assert_eq!(store.call(record.id).unwrap().as_ref(), Some(record));
    }
    assert_eq!(store.call(CallId::new(1, 1, 1)).unwrap(), None);
}

#[test]
fn call_is_in_the_log_once_however_often_it_is_written() {
    let (_directory, mut store) = open();
    assert_eq!(store.append(&[answered(1), answered(1)]).unwrap(), 1);
    assert_eq!(store.append(&[answered(1), answered(2)]).unwrap(), 1);
    assert_eq!(ids(&store, &CallFilter::default()), [id(2), id(1)]);
}

#[test]
fn calls_are_listed_newest_first_or_oldest_first_up_to_the_limit() {
    let (_directory, mut store) = open();
    store.append(&[answered(2), answered(3), answered(1)]).unwrap();
    let two = CallFilter {
        limit: Some(2),
        ..CallFilter::default()
    };
    assert_eq!(ids(&store, &two), [id(3), id(2)]);
    let oldest = CallFilter {
        order: Order::OldestFirst,
        ..two
    };
    assert_eq!(ids(&store, &oldest), [id(1), id(2)]);
}

#[test]
fn time_filter_includes_its_start_and_excludes_its_end() {
    let (_directory, mut store) = open();
    store.append(&[answered(1), answered(2), answered(3)]).unwrap();
    let filter = CallFilter {
        since_ms: Some(START_MS + 2000),
        until_ms: Some(START_MS + 3000),
        ..CallFilter::default()
    };
    assert_eq!(ids(&store, &filter), [id(2)]);
    let beyond = CallFilter {
        since_ms: Some(0),
        until_ms: Some(u64::MAX),
        ..CallFilter::default()
    };
    assert_eq!(ids(&store, &beyond).len(), 3);
}

#[test]
fn each_filter_finds_its_calls() {
    let (_directory, mut store) = open();
    let (plain, diverted, refused) = (answered(1), challenged(2), unscreened(3));
    store
        .append(&[plain.clone(), diverted.clone(), refused.clone()])
        .unwrap();
    for record in [&plain, &diverted, &refused] {
        let finds = |what: &str, set: &dyn Fn(&mut CallFilter)| {
            let mut filter = CallFilter::default();
            set(&mut filter);
            assert_eq!(ids(&store, &filter), [record.id], "{what} of {}", record.id);
        };
        finds("caller", &|filter| filter.caller = Some(record.caller.clone()));
        finds("called", &|filter| filter.called = Some(record.called.clone()));
        finds("outcome", &|filter| filter.outcome = Some(record.outcome.ending));
        finds("cause", &|filter| filter.cause = Some(record.outcome.cause));
        if let Some(tenant) = &record.tenant {
            finds("tenant", &|filter| filter.tenant = Some(tenant.clone()));
        }
        if let Some(trunk) = &record.trunk {
            finds("trunk", &|filter| filter.trunk = Some(trunk.clone()));
        }
        if let Some(decision) = &record.decision {
            finds("treatment", &|filter| {
                filter.treatment = Some(decision.verdict.treatment)
            });
        }
    }
}

#[test]
fn filters_together_must_all_hold() {
    let (_directory, mut store) = open();
    let record = challenged(2);
    store
        .append(&[answered(1), record.clone(), unscreened(3)])
        .unwrap();
    let all = CallFilter {
        since_ms: Some(START_MS),
        until_ms: Some(START_MS + 10_000),
        caller: Some(record.caller.clone()),
        called: Some(record.called.clone()),
        tenant: record.tenant.clone(),
        trunk: record.trunk.clone(),
        outcome: Some(Ending::Diverted),
        cause: Some(Cause::ChallengeFailed),
        treatment: Some(Treatment::Challenge),
        ..CallFilter::default()
    };
    assert_eq!(ids(&store, &all), [record.id]);
    for other in [
        CallFilter {
            caller: Some(Caller::Anonymous),
            ..all.clone()
        },
        CallFilter {
            called: Some(answered(1).called),
            ..all.clone()
        },
        CallFilter {
            cause: Some(Cause::Busy),
            ..all.clone()
        },
        CallFilter {
            until_ms: Some(START_MS),
            ..all.clone()
        },
    ] {
        assert_eq!(ids(&store, &other), [], "{other:?}");
    }
}

#[test]
fn calls_of_one_number_are_found_in_a_long_log_as_reading_all_of_it_would() {
    let (_directory, mut store) = open();
    // Batches that do not divide a segment, records that come when calls end, so out of order.
    let records: Vec<_> = (0..5000).map(|index| varied((index * 7) % 5000)).collect();
    for batch in records.chunks(300) {
        store.append(batch).unwrap();
    }
    let whole = |keep: &dyn Fn(&CallRecord) -> bool| {
        let mut found: Vec<_> = records
            .iter()
            .filter(|record| keep(record))
            .map(|record| record.id)
            .collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        found
    };
    let all = CallFilter {
        limit: Some(CallFilter::LIMIT_MAX),
        ..CallFilter::default()
    };
    for index in [0, 1, 2, 3, 57] {
        let caller = varied(index).caller;
        let of_caller = CallFilter {
            caller: Some(caller.clone()),
            ..all.clone()
        };
        assert_eq!(ids(&store, &of_caller), whole(&|record| record.caller == caller));

        let (since, until) = (START_MS + 1_000_000, START_MS + 2_000_000);
        let within = CallFilter {
            since_ms: Some(since),
            until_ms: Some(until),
            ..of_caller
        };
        let expected =
            whole(&|record| record.caller == caller && (since..until).contains(&record.offered_ms));
        assert_eq!(ids(&store, &within), expected);

        let called = varied(index).called;
        let to_number = CallFilter {
            called: Some(called.clone()),
            ..all.clone()
        };
        assert_eq!(ids(&store, &to_number), whole(&|record| record.called == called));
    }
}

#[test]
fn forgotten_calls_are_gone_and_the_rest_is_still_found() {
    let (_directory, mut store) = open();
    let records: Vec<_> = (0..5000).map(varied).collect();
    store.append(&records).unwrap();
    assert_eq!(store.forget_calls(START_MS + 3_000_000, 10_000).unwrap(), 3000);
    let filter = CallFilter {
        caller: Some(varied(0).caller),
        order: Order::OldestFirst,
        ..CallFilter::default()
    };
    assert_eq!(ids(&store, &filter)[0], varied(3000).id);

    assert_eq!(store.forget_calls(u64::MAX, 500).unwrap(), 500);
    assert_eq!(store.forget_calls(u64::MAX, 10_000).unwrap(), 1500);
    assert_eq!(ids(&store, &CallFilter::default()), []);
    store.append(&records[..10]).unwrap();
    assert_eq!(ids(&store, &filter), [records[0].id]);
}

/// A call from one of a few callers, each of another kind.
fn varied(index: u32) -> CallRecord {
    let caller = match index % 60 {
        0 => Caller::Anonymous,
        1 => Caller::Named("alice".into()),
        2 => Caller::Malformed("+".into()),
        other => Caller::Number(number(other)),
    };
    let called = match index % 7 {
        0 => challenged(0).called,
        other => call_model::Called::Number(number(other)),
    };
    CallRecord {
        caller,
        called,
        ..answered(index)
    }
}

fn ids(store: &Store, filter: &CallFilter) -> Vec<CallId> {
    store
        .calls(filter)
        .unwrap()
        .into_iter()
        .map(|call| call.id)
        .collect()
}

fn id(index: u32) -> CallId {
    answered(index).id
}

fn open() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    (directory, store)
}
