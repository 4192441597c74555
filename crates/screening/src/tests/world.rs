//! A small directory, and calls to it.

use call_model::{
    Attestation, CallId, CallRecord, Called, Caller, CallerSource, Cause, E164, Ending, Facts, NumberState,
    Outcome, RulesetVersion, TenantName, TrunkName,
};

use crate::{
    CnamPattern, DetectiveSettings, ListEntry, ListKey, Lists, NumberSet, Prefix, Subject, Windows,
    WindowsCapacity,
};

/// 2027-01-15, about eight in the morning.
pub(super) const NOW: u64 = 1_800_000_000_000;

pub(super) const MINUTE: u64 = 60_000;

pub(super) struct World {
    pub(super) tenant: TenantName,
    pub(super) state: Option<NumberState>,
    pub(super) number_lists: Lists,
    pub(super) tenant_lists: Lists,
    pub(super) operator_lists: Lists,
    pub(super) do_not_originate: NumberSet,
    pub(super) is_own_number: bool,
    pub(super) trunk_is_peer_for_own: bool,
    pub(super) detective: DetectiveSettings,
}

impl Default for World {
    fn default() -> Self {
        Self {
            tenant: TenantName::from("acme"),
            state: Some(NumberState::Active),
            number_lists: Lists::default(),
            tenant_lists: Lists::default(),
            operator_lists: Lists::default(),
            do_not_originate: NumberSet::default(),
            is_own_number: false,
            trunk_is_peer_for_own: false,
            detective: DetectiveSettings::default(),
        }
    }
}

impl World {
    pub(super) fn with_tenant_entries(entries: impl IntoIterator<Item = ListEntry>) -> Self {
        Self {
            tenant_lists: Lists::compile(entries).unwrap(),
            ..Self::default()
        }
    }

    pub(super) fn subject(&self) -> Subject<'_> {
        Subject {
            tenant: Some(&self.tenant),
            tenant_id: 7,
            number_state: self.state,
            number_lists: Some(&self.number_lists),
            tenant_lists: Some(&self.tenant_lists),
            operator_lists: &self.operator_lists,
            is_own_number: self.is_own_number,
            trunk_is_peer_for_own: self.trunk_is_peer_for_own,
            do_not_originate: &self.do_not_originate,
            detective: &self.detective,
            ruleset: RulesetVersion(1),
        }
    }
}

pub(super) fn windows() -> Windows {
    Windows::new(
        WindowsCapacity {
            counts: 10_000,
            callers_swept: 1_000,
            passes: 1_000,
        },
        42,
    )
}

pub(super) fn number(text: &str) -> E164 {
    E164::parse(text.as_bytes()).unwrap()
}

pub(super) fn prefix(text: &str) -> ListKey {
    ListKey::Prefix(Prefix::parse(text).unwrap())
}

pub(super) fn cnam(text: &str) -> ListKey {
    ListKey::Cnam(CnamPattern::parse(text).unwrap())
}

pub(super) fn listed(text: &str) -> ListKey {
    ListKey::Number(number(text))
}

/// A call of `caller` to an active tracking number over a known trunk.
pub(super) fn call_from(caller: &str) -> Facts {
    call(Caller::Number(number(caller)))
}

pub(super) fn call(caller: Caller) -> Facts {
    Facts {
        at_ms: NOW,
        trunk: Some(TrunkName::from("carrier-a")),
        source: [192, 0, 2, 10].into(),
        caller,
        caller_source: CallerSource::From,
        cnam: None,
        caller_domain: None,
        called: Called::Number(number("+12025550100")),
        number_state: Some(NumberState::Active),
        tenant: Some(TenantName::from("acme")),
        emergency: None,
        attestation: None,
        user_agent: None,
        removed: Vec::new(),
    }
}

pub(super) fn at(facts: &Facts, at_ms: u64) -> Facts {
    Facts {
        at_ms,
        ..facts.clone()
    }
}

pub(super) fn attested(facts: &Facts, attestation: Attestation) -> Facts {
    Facts {
        attestation: Some(attestation),
        ..facts.clone()
    }
}

/// The record of a call that ended so, `lasted_ms` after its INVITE; an answered one was answered at once.
pub(super) fn ended(facts: &Facts, ending: Ending, lasted_ms: u64) -> CallRecord {
    let answered = (ending == Ending::Answered).then_some(facts.at_ms);
    CallRecord {
        id: CallId::new(facts.at_ms, 0, 1),
        sip_call_id: "call@example.com".into(),
        trunk: facts.trunk.clone(),
        source: facts.source,
        caller: facts.caller.clone(),
        called: facts.called.clone(),
        tenant: facts.tenant.clone(),
        plan: None,
        offered_ms: facts.at_ms,
        ringing_ms: None,
        answered_ms: answered,
        connected_ms: answered,
        ended_ms: facts.at_ms + lasted_ms,
        legs: Vec::new(),
        challenge: None,
        outcome: Outcome {
            ending,
            status: 200,
            cause: Cause::Normal,
            fault: None,
            hung_up_by: None,
        },
        decision: None,
    }
}
