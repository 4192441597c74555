//! Records as the tests of the store need them.

use call_model::{
    CallId, CallRecord, Called, Caller, CallerSource, Cause, ChallengeOutcome, DecisionRecord,
    DetectiveValues, E164, Ending, Evidence, Facts, Fault, LegRecord, NumberState, Outcome, Reason,
    RulesetVersion, Score, Side, Treatment, Verdict,
};

/// The time of the first call, Unix milliseconds.
pub(crate) const START_MS: u64 = 1_772_410_493_609;

/// An answered call, one second after the one before it.
pub(crate) fn answered(index: u32) -> CallRecord {
    let at_ms = START_MS + u64::from(index) * 1000;
    CallRecord {
        id: CallId::new(at_ms, (index % 4) as u8, index),
        sip_call_id: format!("{index}@192.0.2.10").into(),
        trunk: Some("carrier-a".into()),
        source: [192, 0, 2, 10].into(),
        caller: Caller::Number(number(index)),
        called: Called::Number(number(99)),
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
            ended_ms: None,
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
        decision: Some(Box::new(decision(index, Treatment::Allow))),
    }
}

/// A call of another carrier to another business that failed its challenge, with everything in it that may be.
pub(crate) fn challenged(index: u32) -> CallRecord {
    CallRecord {
        trunk: Some("carrier-b".into()),
        source: "2001:db8::9".parse().unwrap(),
        caller: Caller::Malformed("+1:é\"'\u{0}".into()),
        called: Called::Emergency("urn:service:sos".into()),
        tenant: Some("example-dental".into()),
        plan: None,
        ringing_ms: None,
        answered_ms: None,
        connected_ms: None,
        legs: Vec::new(),
        challenge: Some(ChallengeOutcome::Failed),
        outcome: Outcome {
            ending: Ending::Diverted,
            status: 200,
            cause: Cause::ChallengeFailed,
            fault: Some(Fault::Caller),
            hung_up_by: Some(Side::Switch),
        },
        decision: Some(Box::new(decision(index, Treatment::Challenge))),
        ..answered(index)
    }
}

/// A call that ended before it could be screened.
pub(crate) fn unscreened(index: u32) -> CallRecord {
    CallRecord {
        trunk: None,
        caller: Caller::Anonymous,
        called: Called::Other("nobody".into()),
        tenant: None,
        outcome: Outcome {
            ending: Ending::Refused,
            status: 403,
            cause: Cause::UnknownTrunk,
            fault: Some(Fault::Caller),
            hung_up_by: None,
        },
        decision: None,
        ..challenged(index)
    }
}

/// A number of the range that is reserved for examples.
pub(crate) fn number(index: u32) -> E164 {
    E164::parse(format!("+120255501{:02}", index % 100).as_bytes()).unwrap()
}

fn decision(index: u32, treatment: Treatment) -> DecisionRecord {
    let facts = Facts {
        at_ms: START_MS,
        trunk: Some("carrier-a".into()),
        source: [192, 0, 2, 10].into(),
        caller: Caller::Number(number(index)),
        caller_source: CallerSource::PAssertedIdentity,
        cnam: Some("EXAMPLE".into()),
        caller_domain: Some("example.net".into()),
        called: Called::Number(number(99)),
        number_state: Some(NumberState::Active),
        tenant: Some("example-roofing".into()),
        emergency: None,
        attestation: None,
        user_agent: None,
        removed: Vec::new(),
    };
    let reason = Reason {
        item: "caller_attempts".into(),
        evidence: Evidence::Count {
            observed: 9,
            over: 8,
            window_ms: 60_000,
        },
        treatment,
    };
    let verdict = Verdict {
        treatment,
        cause: None,
        score: Score(400),
        reasons: vec![reason],
        exemption: None,
    };
    DecisionRecord {
        ruleset: RulesetVersion(7),
        facts,
        values: DetectiveValues::default(),
        verdict,
    }
}
