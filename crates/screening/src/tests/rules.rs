//! What each rule does.

use std::time::Duration;

use call_model::{
    Attestation, Called, Caller, Cause, Emergency, Ending, Evidence, Exemption, Facts, ListKind, NumberState,
    Score, Treatment, TrunkName,
};

use super::world::{
    MINUTE, NOW, World, at, attested, call, call_from, cnam, ended, listed, number, prefix, windows,
};
use crate::{Admission, ListEntry, Lists, ListsBuilder, Screening, Signal, SignalKind, Terms, screen};

const CALLER: &str = "+12025550143";

fn screened(world: &World, facts: Facts) -> Screening {
    screen(facts, &world.subject(), &windows())
}

fn cause(world: &World, facts: Facts) -> Option<Cause> {
    match screened(world, facts).admission {
        Admission::Reject(cause) => Some(cause),
        Admission::Pass(_) | Admission::Challenge(_) | Admission::Announce => None,
    }
}

#[test]
fn ordinary_call_passes_without_a_reason() {
    let Screening { record, admission } = screened(&World::default(), call_from(CALLER));
    let Admission::Pass(screened) = admission else {
        panic!("{admission:?}")
    };
    assert!(!screened.is_tagged() && !screened.passed_challenge() && screened.exemption().is_none());
    assert_eq!(record.verdict.treatment, Treatment::Allow);
    assert!(record.verdict.reasons.is_empty());
    assert_eq!(record.values.signals[..6], [1, 1, 1, 0, 0, 1]);
}

#[test]
fn stranger_is_refused_whatever_is_called() {
    let mut facts = call_from(CALLER);
    facts.trunk = None;
    assert_eq!(cause(&World::default(), facts.clone()), Some(Cause::UnknownTrunk));
    facts.emergency = Some(Emergency::Call);
    assert_eq!(cause(&World::default(), facts), Some(Cause::UnknownTrunk));
}

#[test]
fn call_to_an_emergency_service_passes_every_rule() {
    let world = World {
        state: None,
        is_own_number: true,
        operator_lists: Lists::compile([ListEntry::block(listed(CALLER))]).unwrap(),
        ..World::default()
    };
    let mut facts = call_from(CALLER);
    facts.called = Called::Emergency("911".into());
    facts.emergency = Some(Emergency::Call);
    let Admission::Pass(proof) = screened(&world, facts).admission else {
        panic!("refused")
    };
    assert!(proof.is_emergency());
}

#[test]
fn emergency_service_calls_back_to_every_number_that_is_somebodys() {
    let back = |state| {
        let world = World {
            state,
            is_own_number: true,
            ..World::default()
        };
        cause(
            &world,
            Facts {
                emergency: Some(Emergency::CallBack),
                ..call_from(CALLER)
            },
        )
    };
    assert_eq!(back(Some(NumberState::Active)), None);
    assert_eq!(back(Some(NumberState::Paused)), None);
    assert_eq!(back(Some(NumberState::Released)), Some(Cause::NumberReleased));
    assert_eq!(
        back(Some(NumberState::Quarantined)),
        Some(Cause::NumberQuarantined)
    );
    assert_eq!(back(None), Some(Cause::NumberUnknown));
}

#[test]
fn number_that_does_not_ring_is_refused_by_its_state() {
    let refused = |state| {
        cause(
            &World {
                state,
                ..World::default()
            },
            call_from(CALLER),
        )
    };
    assert_eq!(refused(None), Some(Cause::NumberUnknown));
    assert_eq!(refused(Some(NumberState::Paused)), Some(Cause::NumberPaused));
    assert_eq!(refused(Some(NumberState::Released)), Some(Cause::NumberReleased));
    assert_eq!(
        refused(Some(NumberState::Quarantined)),
        Some(Cause::NumberQuarantined)
    );
}

#[test]
fn caller_that_cannot_exist_is_refused_and_a_withheld_one_is_not() {
    let refused = |caller| cause(&World::default(), call(caller));
    assert_eq!(
        refused(Caller::Malformed("+1202".into())),
        Some(Cause::CallerInvalid)
    );
    assert_eq!(
        refused(Caller::Number(number("+11025550143"))),
        Some(Cause::CallerInvalid)
    );
    assert_eq!(refused(Caller::Anonymous), None);
    assert_eq!(refused(Caller::Named("alice".into())), None);
}

#[test]
fn number_that_never_calls_is_refused() {
    let mut world = World::default();
    world.do_not_originate.insert(number(CALLER));
    assert_eq!(cause(&world, call_from(CALLER)), Some(Cause::DoNotOriginate));
    assert_eq!(cause(&world, call_from("+12025550144")), None);
    world
        .do_not_originate
        .insert_prefix(crate::Prefix::parse("+999*").unwrap());
    assert_eq!(
        cause(&world, call_from("+999000000001")),
        Some(Cause::DoNotOriginate)
    );
}

#[test]
fn own_number_from_outside_is_refused_unless_its_trunk_may_bring_it() {
    let own = |trunk_is_peer_for_own| World {
        is_own_number: true,
        trunk_is_peer_for_own,
        ..World::default()
    };
    assert_eq!(cause(&own(false), call_from(CALLER)), Some(Cause::OwnNumber));
    assert_eq!(cause(&own(true), call_from(CALLER)), None);
}

#[test]
fn blocked_caller_is_refused_with_the_entry_as_evidence() {
    let mut entry = ListEntry::block(listed(CALLER));
    entry.terms.note = Some("sold us insurance".into());
    let record = screened(&World::with_tenant_entries([entry]), call_from(CALLER)).record;
    assert_eq!(record.verdict.cause, Some(Cause::OwnerBlocked));
    assert_eq!(record.verdict.score, Score(1000));
    assert_eq!(&*record.verdict.reasons[0].item, "block.number");
    assert_eq!(
        record.verdict.reasons[0].evidence,
        Evidence::Listed {
            list: ListKind::Block,
            entry: CALLER.into(),
            note: Some("sold us insurance".into())
        }
    );
}

#[test]
fn caller_is_blocked_by_prefix_and_by_name() {
    let world = World::with_tenant_entries([
        ListEntry::block(prefix("+1202555*")),
        ListEntry::block(cnam("*solar*")),
    ]);
    let named = |caller, name: &str| Facts {
        cnam: Some(name.into()),
        ..call(caller)
    };
    assert_eq!(cause(&world, call_from(CALLER)), Some(Cause::OwnerBlocked));
    assert_eq!(cause(&world, call_from("+13125550143")), None);
    assert_eq!(
        cause(&world, named(Caller::Anonymous, "Best SOLAR Deals")),
        Some(Cause::OwnerBlocked)
    );
    assert_eq!(cause(&world, named(Caller::Anonymous, "Alice")), None);
}

#[test]
fn allow_entry_wins_over_block_entries_of_every_scope() {
    let world = World {
        number_lists: Lists::compile([ListEntry::block(listed(CALLER))]).unwrap(),
        operator_lists: Lists::compile([ListEntry::allow(listed(CALLER))]).unwrap(),
        ..World::default()
    };
    let Screening { record, admission } = screened(&world, call_from(CALLER));
    assert!(matches!(admission, Admission::Pass(_)));
    assert_eq!(record.verdict.exemption, Some(Exemption::AllowList));
}

#[test]
fn allow_entry_does_not_win_over_hard_rules() {
    let world = World {
        is_own_number: true,
        ..World::with_tenant_entries([ListEntry::allow(listed(CALLER))])
    };
    assert_eq!(cause(&world, call_from(CALLER)), Some(Cause::OwnNumber));
}

#[test]
fn allow_entry_holds_only_with_its_trunk_and_attestation() {
    let mut entry = ListEntry::allow(listed(CALLER));
    entry.terms.requires_trunk = Some(TrunkName::from("carrier-a"));
    entry.terms.requires_attestation = Some(Attestation::B);
    let world = World::with_tenant_entries([entry, ListEntry::block(listed(CALLER))]);
    let facts = call_from(CALLER);
    assert_eq!(cause(&world, facts.clone()), Some(Cause::OwnerBlocked));
    assert_eq!(
        cause(&world, attested(&facts, Attestation::C)),
        Some(Cause::OwnerBlocked)
    );
    assert_eq!(cause(&world, attested(&facts, Attestation::B)), None);
    assert_eq!(cause(&world, attested(&facts, Attestation::A)), None);
    let elsewhere = Facts {
        trunk: Some(TrunkName::from("carrier-b")),
        ..attested(&facts, Attestation::A)
    };
    assert_eq!(cause(&world, elsewhere), Some(Cause::OwnerBlocked));
}

#[test]
fn entry_matches_until_it_expires() {
    let mut entry = ListEntry::block(listed(CALLER));
    entry.terms.expires_ms = Some(NOW);
    let world = World::with_tenant_entries([entry]);
    assert_eq!(
        cause(&world, at(&call_from(CALLER), NOW - 1)),
        Some(Cause::OwnerBlocked)
    );
    assert_eq!(cause(&world, at(&call_from(CALLER), NOW)), None);
}

#[test]
fn expired_entry_does_not_hide_a_wider_one() {
    let mut expired = ListEntry::block(listed(CALLER));
    expired.terms.expires_ms = Some(1);
    let mut wider = ListEntry::block(prefix("+1202*"));
    wider.terms.treatment = Treatment::Challenge;
    let world = World::with_tenant_entries([expired, wider]);
    assert_eq!(
        screened(&world, call_from(CALLER)).record.verdict.treatment,
        Treatment::Challenge
    );
}

#[test]
fn block_entry_may_ask_for_less_than_a_refusal() {
    for (treatment, expected) in [
        (Treatment::Tag, "pass"),
        (Treatment::Challenge, "challenge"),
        (Treatment::Announce, "announce"),
    ] {
        let mut entry = ListEntry::block(listed(CALLER));
        entry.terms.treatment = treatment;
        let admission = screened(&World::with_tenant_entries([entry]), call_from(CALLER)).admission;
        let got = match &admission {
            Admission::Pass(proof) if proof.is_tagged() => "pass",
            Admission::Challenge(_) => "challenge",
            Admission::Announce => "announce",
            Admission::Pass(_) | Admission::Reject(_) => "else",
        };
        assert_eq!(got, expected);
    }
}

#[test]
fn number_within_a_bulk_list_keeps_an_entry_of_its_own() {
    let mut builder = ListsBuilder::default();
    let mut own = ListEntry::block(listed(CALLER));
    own.terms.expires_ms = Some(NOW);
    builder.add(own).unwrap();
    let bulk = Terms {
        note: Some("feed".into()),
        ..Terms::default()
    };
    builder
        .add_numbers(ListKind::Block, bulk, [number(CALLER), number("+12025550144")])
        .unwrap();
    let world = World {
        operator_lists: builder.finish(),
        ..World::default()
    };
    assert_eq!(world.operator_lists.len(), 3);
    // The entry of its own has expired, the feed's has not.
    let record = screened(&world, call_from(CALLER)).record;
    let Evidence::Listed { note, .. } = &record.verdict.reasons[0].evidence else {
        panic!()
    };
    assert_eq!(note.as_deref(), Some("feed"));
}

#[test]
fn sixth_call_in_ten_minutes_is_challenged_and_the_fifth_is_not() {
    let (world, windows) = (World::default(), windows());
    for attempt in 0..5 {
        let facts = at(&call_from(CALLER), NOW + attempt * MINUTE);
        assert!(
            matches!(
                screen(facts, &world.subject(), &windows).admission,
                Admission::Pass(_)
            ),
            "{attempt}"
        );
    }
    let sixth = screen(
        at(&call_from(CALLER), NOW + 5 * MINUTE),
        &world.subject(),
        &windows,
    );
    let Admission::Challenge(challenged) = sixth.admission else {
        panic!("{:?}", sixth.admission)
    };
    assert!(challenged.passed().passed_challenge());
    assert_eq!(sixth.record.verdict.cause, None);
    assert_eq!(&*sixth.record.verdict.reasons[0].item, "caller_attempts");
    // Another caller is not touched, nor is the same one two hours later.
    let other = call_from("+13125550188");
    assert!(matches!(
        screen(at(&other, NOW + 5 * MINUTE), &world.subject(), &windows).admission,
        Admission::Pass(_)
    ));
    let later = at(&call_from(CALLER), NOW + 120 * MINUTE);
    assert!(matches!(
        screen(later, &world.subject(), &windows).admission,
        Admission::Pass(_)
    ));
}

#[test]
fn passed_challenge_sets_free_of_the_detective_until_it_ends_and_for_that_tenant_only() {
    let (world, windows) = (World::default(), windows());
    for _ in 0..10 {
        let _ = screen(call_from(CALLER), &world.subject(), &windows);
    }
    windows.remember_pass(7, number(CALLER), NOW + MINUTE);
    let during = screen(call_from(CALLER), &world.subject(), &windows);
    assert!(matches!(during.admission, Admission::Pass(_)));
    assert_eq!(during.record.verdict.exemption, Some(Exemption::PassedChallenge));
    let after = screen(at(&call_from(CALLER), NOW + MINUTE), &world.subject(), &windows);
    assert!(matches!(after.admission, Admission::Challenge(_)));
    assert_eq!(windows.passed_until(7, number(CALLER), NOW), Some(NOW + MINUTE));
    assert_eq!(windows.passed_until(8, number(CALLER), NOW), None);
}

#[test]
fn passed_challenge_meets_a_block_entry_that_asks_for_a_challenge_with_the_detective_on_or_off() {
    for enabled in [true, false] {
        let mut world = World::with_tenant_entries([blocked_with(Treatment::Challenge)]);
        world.detective.enabled = enabled;
        let windows = windows();
        let before = screen(call_from(CALLER), &world.subject(), &windows);
        assert!(matches!(before.admission, Admission::Challenge(_)));
        windows.remember_pass(7, number(CALLER), NOW + MINUTE);
        let during = screen(call_from(CALLER), &world.subject(), &windows);
        let Admission::Pass(screened) = &during.admission else {
            panic!("{:?}", during.admission);
        };
        assert!(!screened.is_tagged());
        assert_eq!(during.record.verdict.exemption, Some(Exemption::PassedChallenge));
        let told = crate::explain(&during.record, &world.subject());
        assert!(
            told.changes.iter().any(
                |change| &*change.change == "had the caller not passed a challenge"
                    && change.treatment == Treatment::Challenge
            ),
            "{told}"
        );
        let after = screen(at(&call_from(CALLER), NOW + MINUTE), &world.subject(), &windows);
        assert!(matches!(after.admission, Admission::Challenge(_)));
    }
}

#[test]
fn passed_challenge_meets_no_block_entry_that_asks_for_more_or_for_a_mark() {
    for treatment in [Treatment::Tag, Treatment::Announce, Treatment::Reject] {
        let mut world = World::with_tenant_entries([blocked_with(treatment)]);
        let challenge = blocked_with(Treatment::Challenge);
        world.operator_lists = Lists::compile([challenge]).unwrap();
        let windows = windows();
        windows.remember_pass(7, number(CALLER), NOW + MINUTE);
        let record = screen(call_from(CALLER), &world.subject(), &windows).record;
        assert_eq!(record.verdict.treatment, treatment);
    }
}

#[test]
fn caller_who_sweeps_four_numbers_is_challenged_even_across_tenants_and_quarantine() {
    let windows = windows();
    let quarantined = World {
        state: Some(NumberState::Quarantined),
        ..World::default()
    };
    let mut facts = call_from(CALLER);
    for called in ["+12025550101", "+12025550102", "+12025550103"] {
        facts.called = Called::Number(number(called));
        assert!(matches!(
            screen(facts.clone(), &quarantined.subject(), &windows).admission,
            Admission::Reject(_)
        ));
    }
    facts.called = Called::Number(number("+12025550104"));
    let world = World::default();
    let other_tenant = crate::Subject {
        tenant_id: 8,
        ..world.subject()
    };
    let record = screen(facts, &other_tenant, &windows).record;
    assert_eq!(record.verdict.treatment, Treatment::Challenge);
    assert_eq!(&*record.verdict.reasons[0].item, "caller_numbers");
}

#[test]
fn repeated_quick_cancels_and_short_calls_are_challenged() {
    for (ending, item) in [
        (Ending::Cancelled, "caller_quick_cancels"),
        (Ending::Answered, "caller_short_calls"),
    ] {
        let (world, windows) = (World::default(), windows());
        let facts = call_from(CALLER);
        for _ in 0..4 {
            windows.observe_end(&ended(&facts, ending, 1_500), &world.subject());
            windows.observe_end(&ended(&facts, ending, 9_000), &world.subject());
        }
        let record = screen(at(&facts, NOW + MINUTE), &world.subject(), &windows).record;
        assert_eq!(record.verdict.treatment, Treatment::Challenge, "{item}");
        assert_eq!(&*record.verdict.reasons[0].item, item);
        assert!(matches!(
            record.verdict.reasons[0].evidence,
            Evidence::Count { observed: 4, .. }
        ));
    }
}

#[test]
fn many_neighbours_at_once_are_challenged() {
    let (world, windows) = (World::default(), windows());
    let mut last = None;
    for line in 0..101 {
        let facts = call_from(&format!("+99900000{line:04}"));
        last = Some(screen(facts, &world.subject(), &windows).record.verdict);
    }
    assert_eq!(&*last.unwrap().reasons[0].item, "prefix_attempts");
}

#[test]
fn withheld_and_named_callers_share_no_counter() {
    let (world, windows) = (World::default(), windows());
    for caller in [Caller::Anonymous, Caller::Named("alice".into())] {
        for _ in 0..200 {
            let record = screen(call(caller.clone()), &world.subject(), &windows).record;
            assert_eq!(record.values.signals, [0; 16]);
            assert_eq!(record.verdict.treatment, Treatment::Allow);
        }
    }
}

#[test]
fn signal_refuses_where_the_owner_says_so_and_tags_where_the_owner_says_so() {
    let mut world = World::default();
    let signal = |over, treatment, score| Signal {
        kind: SignalKind::CallerAttempts,
        window: Duration::from_secs(60),
        over,
        treatment,
        score: Score(score),
    };
    world.detective.signals = vec![signal(1, Treatment::Tag, 500), signal(2, Treatment::Reject, 500)];
    let windows = windows();
    let verdict = || {
        screen(call_from(CALLER), &world.subject(), &windows)
            .record
            .verdict
    };
    assert_eq!(verdict().treatment, Treatment::Allow);
    assert_eq!(verdict().treatment, Treatment::Tag);
    let third = verdict();
    assert_eq!(
        (third.treatment, third.cause),
        (Treatment::Reject, Some(Cause::Analytics))
    );
    assert_eq!(third.score, Score(750));
    assert_eq!(third.reasons.len(), 2);
}

#[test]
fn detective_that_is_off_neither_counts_nor_acts() {
    let mut world = World::default();
    world.detective.enabled = false;
    let windows = windows();
    for _ in 0..20 {
        let record = screen(call_from(CALLER), &world.subject(), &windows).record;
        assert_eq!(record.values.signals, [0; 16]);
        assert_eq!(record.verdict.treatment, Treatment::Allow);
    }
}

#[test]
fn stranger_who_borrows_a_number_does_not_count_against_its_holder() {
    let (world, windows) = (World::default(), windows());
    for _ in 0..50 {
        let _ = screen(
            Facts {
                trunk: None,
                ..call_from(CALLER)
            },
            &world.subject(),
            &windows,
        );
    }
    assert!(matches!(
        screen(call_from(CALLER), &world.subject(), &windows).admission,
        Admission::Pass(_)
    ));
}

#[test]
fn rehearsal_tells_what_would_happen_and_leaves_no_trace() {
    let (world, windows) = (World::default(), windows());
    for _ in 0..5 {
        let _ = screen(call_from(CALLER), &world.subject(), &windows);
    }
    for _ in 0..3 {
        let rehearsed = crate::rehearse(call_from(CALLER), &world.subject(), &windows);
        assert_eq!(rehearsed.values.signals[0], 6);
        assert_eq!(rehearsed.verdict.treatment, Treatment::Challenge);
    }
    let real = screen(call_from(CALLER), &world.subject(), &windows);
    assert_eq!(real.record.values.signals[0], 6);
    assert_eq!(real.record.values.sequence, 6);
}

#[test]
fn published_defaults_are_within_bounds_and_never_refuse() {
    let settings = crate::DetectiveSettings::default();
    assert!(settings.faults().is_empty());
    assert!(
        settings
            .signals
            .iter()
            .all(|signal| signal.treatment == Treatment::Challenge)
    );
}

fn blocked_with(treatment: Treatment) -> ListEntry {
    let mut entry = ListEntry::block(listed(CALLER));
    entry.terms.treatment = treatment;
    entry
}
