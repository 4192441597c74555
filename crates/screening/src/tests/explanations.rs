//! What an owner reads.

use call_model::{Attestation, Caller, Facts, RulesetVersion, Treatment};

use super::world::{MINUTE, NOW, World, at, call, call_from, cnam, listed, number, windows};
use crate::{Explanation, ListEntry, Subject, explain, screen};

const CALLER: &str = "+12025550143";

fn explained(world: &World, facts: Facts) -> Explanation {
    let record = screen(facts, &world.subject(), &windows()).record;
    explain(&record, &world.subject())
}

#[test]
fn challenged_caller_is_explained_with_counts_thresholds_and_ways_out() {
    let (world, windows) = (World::default(), windows());
    for attempt in 0..5 {
        let _ = screen(
            at(&call_from(CALLER), NOW + attempt * MINUTE),
            &world.subject(),
            &windows,
        );
    }
    let record = screen(
        at(&call_from(CALLER), NOW + 5 * MINUTE),
        &world.subject(),
        &windows,
    )
    .record;
    let told = explain(&record, &world.subject()).to_string();
    assert_eq!(told, include_str!("explained/challenged.txt"), "\n{told}");
}

#[test]
fn blocked_caller_is_explained_with_the_entry_and_what_it_kept_from_being_asked() {
    let mut entry = ListEntry::block(cnam("*solar*"));
    entry.terms.note = Some("sold us panels".into());
    let world = World::with_tenant_entries([entry]);
    let facts = Facts {
        cnam: Some("Best Solar".into()),
        ..call_from(CALLER)
    };
    let told = explained(&world, facts).to_string();
    assert_eq!(told, include_str!("explained/blocked.txt"), "\n{told}");
}

#[test]
fn welcome_caller_is_explained_with_how_much_was_missing() {
    let told = explained(&World::default(), call(Caller::Number(number(CALLER)))).to_string();
    assert_eq!(told, include_str!("explained/welcome.txt"), "\n{told}");
}

#[test]
fn attestation_that_would_have_met_an_allow_entry_is_told() {
    let mut allow = ListEntry::allow(listed(CALLER));
    allow.terms.requires_attestation = Some(Attestation::B);
    let world = World::with_tenant_entries([allow, ListEntry::block(listed(CALLER))]);
    let told = explained(&world, call_from(CALLER));
    let changes: Vec<&str> = told.changes.iter().map(|change| &*change.change).collect();
    assert_eq!(
        changes,
        [
            "without the block entry +12025550143",
            "with the attestation B",
            "on the allow list"
        ]
    );
}

#[test]
fn second_entry_that_blocks_as_well_is_not_hidden_by_the_first() {
    let world = World::with_tenant_entries([
        ListEntry::block(listed(CALLER)),
        ListEntry::block(super::world::prefix("+1202")),
    ]);
    let told = explained(&world, call_from(CALLER));
    // Without the one, the other still refuses: neither alone is a way out.
    assert!(
        told.changes
            .iter()
            .all(|change| !change.change.starts_with("without the block entry"))
    );
}

#[test]
fn explanation_by_later_rules_says_so() {
    let world = World::default();
    let record = screen(call_from(CALLER), &world.subject(), &windows()).record;
    let later = World::with_tenant_entries([ListEntry::block(listed(CALLER))]);
    let told = explain(
        &record,
        &Subject {
            ruleset: RulesetVersion(2),
            ..later.subject()
        },
    );
    assert_eq!(told.treatment, Treatment::Allow);
    assert!(!told.same_again);
    assert_eq!(
        told.again.as_deref(),
        Some("Refused: +12025550143 is on the block list: +12025550143.")
    );
}

#[test]
fn explanation_survives_its_way_through_json() {
    let told = explained(&World::default(), call_from(CALLER));
    let text = serde_json::to_string(&told).unwrap();
    assert_eq!(serde_json::from_str::<Explanation>(&text).unwrap(), told);
}

#[test]
fn nothing_that_is_made_for_logs_tells_who_called_or_who_is_listed() {
    let entry = ListEntry::block(cnam("Best Solar"));
    let world = World::with_tenant_entries([ListEntry::block(listed(CALLER)), entry.clone()]);
    let told = explained(&world, call_from(CALLER));
    let logged = format!(
        "{told:?} {:?} {entry:?} {windows:?}",
        world.subject(),
        windows = windows().losses()
    );
    for secret in ["2025550143", "Best Solar"] {
        assert!(!logged.contains(secret), "{logged}");
    }
}
