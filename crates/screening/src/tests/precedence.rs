//! The order of the rules holds whatever comes: held against a plain model that knows nothing of indexes.

use call_model::{
    Attestation, Called, Caller, Cause, DetectiveValues, Emergency, Exemption, Facts, ListKind, NumberState,
    Score, Treatment, TrunkName,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::world::{MINUTE, NOW, World, call, number, windows};
use crate::{
    Admission, CnamPattern, ListEntry, ListKey, Lists, Prefix, SIGNALS_MAX, Terms, decide, impossible, screen,
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn verdict_is_what_the_order_of_the_rules_demands(
        facts in facts(),
        values in values(),
        scene in scene(),
    ) {
        let world = scene.world();
        let verdict = decide(&facts, &world.subject(), &values);
        let (treatment, cause, exemption) = scene.demands(&facts, &values);
        prop_assert_eq!(verdict.treatment, treatment);
        prop_assert_eq!(verdict.cause, cause);
        prop_assert_eq!(verdict.exemption, exemption);
        prop_assert_eq!(verdict.cause.is_some(), verdict.treatment == Treatment::Reject);
        prop_assert!(verdict.score <= Score(1000));
    }

    #[test]
    fn call_to_an_emergency_service_from_a_trunk_always_passes(
        mut facts in facts(),
        values in values(),
        scene in scene(),
    ) {
        facts.trunk = Some(TrunkName::from("carrier-a"));
        facts.emergency = Some(Emergency::Call);
        let verdict = decide(&facts, &scene.world().subject(), &values);
        prop_assert_eq!(verdict.treatment, Treatment::Allow);
        prop_assert_eq!(verdict.exemption, Some(Exemption::Emergency));
    }

    #[test]
    fn record_leads_to_the_same_verdict_again_also_after_its_way_through_text(
        calls in vec(facts(), 1..30),
        scene in scene(),
    ) {
        let (mut world, windows) = (scene.world(), windows());
        for (at, facts) in calls.into_iter().enumerate() {
            world.state = facts.number_state;
            let screening = screen(Facts { at_ms: NOW + at as u64 * 1000, ..facts }, &world.subject(), &windows);
            let text = serde_json::to_string(&screening.record).unwrap();
            let record: call_model::DecisionRecord = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&record, &screening.record);
            prop_assert_eq!(&decide(&record.facts, &world.subject(), &record.values), &record.verdict);
            prop_assert!(crate::explain(&record, &world.subject()).same_again);
            let admitted = match screening.admission {
                Admission::Pass(_) => record.verdict.treatment <= Treatment::Tag,
                Admission::Challenge(_) => record.verdict.treatment == Treatment::Challenge,
                Admission::Announce => record.verdict.treatment == Treatment::Announce,
                Admission::Reject(cause) => record.verdict.cause == Some(cause),
            };
            prop_assert!(admitted);
        }
    }

    #[test]
    fn expired_entries_change_nothing(
        facts in facts(),
        values in values(),
        mut scene in scene(),
    ) {
        for (_, entry) in &mut scene.entries {
            entry.terms.expires_ms = Some(facts.at_ms - entry.terms.expires_ms.unwrap_or(0) % 1000);
        }
        let with = decide(&facts, &scene.world().subject(), &values);
        scene.entries.clear();
        prop_assert_eq!(with, decide(&facts, &scene.world().subject(), &values));
    }

    #[test]
    fn every_change_told_of_alters_the_outcome_and_items_come_in_one_order(
        facts in facts(),
        values in values(),
        scene in scene(),
    ) {
        let world = scene.world();
        let subject = world.subject();
        let verdict = decide(&facts, &subject, &values);
        let record = call_model::DecisionRecord { ruleset: subject.ruleset, facts, values, verdict };
        let told = crate::explain(&record, &subject);
        for change in &told.changes {
            prop_assert!(change.treatment != told.treatment || change.cause != told.cause, "{}", change.change);
        }
        let names: Vec<&str> = told.items.iter().map(|item| &*item.name).collect();
        let others = crate::explain(
            &call_model::DecisionRecord { facts: call(Caller::Anonymous), ..record },
            &subject,
        );
        prop_assert_eq!(names, others.items.iter().map(|item| &*item.name).collect::<Vec<_>>());
        prop_assert!(told.to_string().starts_with(&told.summary));
    }
}

/// Everything but the call: what a directory could hold.
#[derive(Clone, Debug)]
struct Scene {
    entries: Vec<(u8, ListEntry)>,
    is_own_number: bool,
    trunk_is_peer_for_own: bool,
    never_calls: bool,
    detective: bool,
    harshest: Treatment,
}

impl Scene {
    fn world(&self) -> World {
        let lists = |scope| {
            let entries = self.entries.iter().filter(|(of, _)| *of == scope);
            Lists::compile(entries.map(|(_, entry)| entry.clone())).unwrap()
        };
        let mut world = World {
            number_lists: lists(0),
            tenant_lists: lists(1),
            operator_lists: lists(2),
            is_own_number: self.is_own_number,
            trunk_is_peer_for_own: self.trunk_is_peer_for_own,
            ..World::default()
        };
        if self.never_calls {
            world.do_not_originate.insert(number(NUMBERS[0]));
        }
        world.detective.enabled = self.detective;
        world.detective.signals[1].treatment = self.harshest;
        world
    }

    /// The order of the rules, written down once more, as plainly as can be.
    fn demands(
        &self,
        facts: &Facts,
        values: &DetectiveValues,
    ) -> (Treatment, Option<Cause>, Option<Exemption>) {
        let refused = |cause| (Treatment::Reject, Some(cause), None);
        let free = |exemption| (Treatment::Allow, None, Some(exemption));
        if facts.trunk.is_none() {
            return refused(Cause::UnknownTrunk);
        }
        if facts.emergency == Some(Emergency::Call) {
            return free(Exemption::Emergency);
        }
        match (facts.number_state, facts.emergency.is_some()) {
            (None, _) => return refused(Cause::NumberUnknown),
            (Some(NumberState::Released), _) => return refused(Cause::NumberReleased),
            (Some(NumberState::Quarantined), _) => return refused(Cause::NumberQuarantined),
            (Some(NumberState::Active | NumberState::Paused), true) => return free(Exemption::Emergency),
            (Some(NumberState::Paused), false) => return refused(Cause::NumberPaused),
            (Some(NumberState::Active), false) => {}
        }
        let invalid = match &facts.caller {
            Caller::Number(number) => impossible(*number).is_some(),
            Caller::Malformed(_) => true,
            Caller::Anonymous | Caller::Named(_) => false,
        };
        if invalid {
            return refused(Cause::CallerInvalid);
        }
        if self.never_calls && facts.caller.number() == Some(number(NUMBERS[0])) {
            return refused(Cause::DoNotOriginate);
        }
        if self.is_own_number && !self.trunk_is_peer_for_own {
            return refused(Cause::OwnNumber);
        }
        if (0..3).any(|scope| self.first_match(ListKind::Allow, scope, facts).is_some()) {
            return free(Exemption::AllowList);
        }
        let passed = values.passed_challenge_ms.is_some();
        let mut treatment = Treatment::Allow;
        for scope in 0..3 {
            if let Some(entry) = self.first_match(ListKind::Block, scope, facts)
                && !(passed && entry.terms.treatment == Treatment::Challenge)
            {
                treatment = treatment.max(entry.terms.treatment);
            }
        }
        if treatment == Treatment::Reject {
            return refused(Cause::OwnerBlocked);
        }
        if passed {
            return (treatment, None, Some(Exemption::PassedChallenge));
        }
        if !self.detective {
            return (treatment, None, None);
        }
        let signals = self.world().detective.signals;
        for (signal, value) in signals.iter().zip(values.signals) {
            if value > signal.over {
                treatment = treatment.max(signal.treatment);
            }
        }
        (
            treatment,
            (treatment == Treatment::Reject).then_some(Cause::Analytics),
            None,
        )
    }

    /// The most specific entry that matches; the first of equals.
    fn first_match(&self, kind: ListKind, scope: u8, facts: &Facts) -> Option<&ListEntry> {
        let mut found: Option<(u32, &ListEntry)> = None;
        for (of, entry) in &self.entries {
            if *of != scope || entry.kind != kind || !in_force(&entry.terms, facts) {
                continue;
            }
            let caller = facts.caller.number();
            let name = facts.cnam.as_deref();
            let rank = match &entry.key {
                ListKey::Number(number) if caller == Some(*number) => 100,
                ListKey::Prefix(prefix) if caller.is_some_and(|caller| prefix.covers(caller)) => {
                    50 + prefix.len()
                }
                ListKey::Cnam(pattern) if name.is_some_and(|name| pattern.matches(name)) => {
                    if pattern.is_wildcard() { 1 } else { 2 }
                }
                ListKey::Number(_) | ListKey::Prefix(_) | ListKey::Cnam(_) => continue,
            };
            if found.is_none_or(|(best, _)| rank > best) {
                found = Some((rank, entry));
            }
        }
        found.map(|(_, entry)| entry)
    }
}

fn in_force(terms: &Terms, facts: &Facts) -> bool {
    let attested = match (terms.requires_attestation, facts.attestation) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(least), Some(got)) => got <= least,
    };
    let from_trunk = terms.requires_trunk.is_none() || terms.requires_trunk == facts.trunk;
    terms.expires_ms.is_none_or(|expires| facts.at_ms < expires) && attested && from_trunk
}

const NUMBERS: [&str; 5] = [
    "+12025550143",
    "+12025550144",
    "+13125550188",
    "+442079460150",
    "+11025550143",
];
const PREFIXES: [&str; 4] = ["+1202", "+1202555", "+1", "+44*"];
const NAMES: [&str; 5] = ["solar", "Solar Savings", "*savings", "ALICE", "a*"];

fn facts() -> impl Strategy<Value = Facts> {
    let caller = prop_oneof![
        8 => (0..NUMBERS.len()).prop_map(|at| Caller::Number(number(NUMBERS[at]))),
        1 => Just(Caller::Anonymous),
        1 => Just(Caller::Named("alice".into())),
        1 => Just(Caller::Malformed("+12".into())),
    ];
    let state = prop_oneof![
        8 => Just(Some(NumberState::Active)),
        1 => Just(Some(NumberState::Paused)),
        1 => Just(Some(NumberState::Released)),
        1 => Just(Some(NumberState::Quarantined)),
        1 => Just(None),
    ];
    let emergency = prop_oneof![
        9 => Just(None),
        1 => Just(Some(Emergency::Call)),
        1 => Just(Some(Emergency::CallBack)),
        1 => Just(Some(Emergency::Priority)),
    ];
    let name = option::of((0..NAMES.len()).prop_map(|at| NAMES[at].to_uppercase().into_boxed_str()));
    let trunk = prop_oneof![9 => Just(Some("carrier-a")), 3 => Just(Some("carrier-b")), 1 => Just(None)];
    (caller, state, emergency, name, trunk, option::of(attestation())).prop_map(
        |(caller, number_state, emergency, cnam, trunk, attestation)| Facts {
            number_state,
            emergency,
            cnam,
            attestation,
            trunk: trunk.map(TrunkName::from),
            called: Called::Number(number("+12025550100")),
            ..call(caller)
        },
    )
}

fn attestation() -> impl Strategy<Value = Attestation> {
    prop_oneof![Just(Attestation::A), Just(Attestation::B), Just(Attestation::C)]
}

fn values() -> impl Strategy<Value = DetectiveValues> {
    (
        vec(0u32..20, SIGNALS_MAX),
        option::weighted(0.2, Just(NOW - MINUTE)),
    )
        .prop_map(|(signals, passed)| DetectiveValues {
            sequence: 1,
            signals: std::array::from_fn(|at| signals[at] / if at < 2 { 1 } else { 6 }),
            passed_challenge_ms: passed,
        })
}

fn scene() -> impl Strategy<Value = Scene> {
    let key = prop_oneof![
        (0..NUMBERS.len()).prop_map(|at| ListKey::Number(number(NUMBERS[at]))),
        (0..PREFIXES.len()).prop_map(|at| ListKey::Prefix(Prefix::parse(PREFIXES[at]).unwrap())),
        (0..NAMES.len()).prop_map(|at| ListKey::Cnam(CnamPattern::parse(NAMES[at]).unwrap())),
    ];
    let milder = prop_oneof![
        4 => Just(Treatment::Reject),
        1 => Just(Treatment::Tag),
        2 => Just(Treatment::Challenge),
        1 => Just(Treatment::Announce),
    ];
    let expires = option::weighted(0.3, NOW - 2..NOW + 2);
    let requires = (
        option::weighted(0.3, attestation()),
        option::weighted(0.2, Just("carrier-b")),
    );
    let entry = (any::<bool>(), key, milder.clone(), expires, requires).prop_map(
        |(allow, key, treatment, expires_ms, (requires_attestation, requires_trunk))| {
            let mut entry = if allow {
                ListEntry::allow(key)
            } else {
                ListEntry::block(key)
            };
            entry.terms.treatment = treatment;
            entry.terms.expires_ms = expires_ms;
            if allow {
                entry.terms.requires_attestation = requires_attestation;
                entry.terms.requires_trunk = requires_trunk.map(TrunkName::from);
            }
            entry
        },
    );
    (
        vec((0u8..3, entry), 0..6),
        proptest::bool::weighted(0.1),
        any::<bool>(),
        proptest::bool::weighted(0.2),
        proptest::bool::weighted(0.9),
        milder,
    )
        .prop_map(
            |(entries, is_own_number, trunk_is_peer_for_own, never_calls, detective, harshest)| Scene {
                entries,
                is_own_number,
                trunk_is_peer_for_own,
                never_calls,
                detective,
                harshest,
            },
        )
}
