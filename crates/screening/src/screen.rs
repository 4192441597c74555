//! The one door: from facts to a verdict, its record, and the proof that lets the call go on.

use call_model::{
    Cause, DecisionRecord, Exemption, Facts, NumberState, RulesetVersion, TenantName, Treatment, Verdict,
};

use crate::{DetectiveSettings, Lists, NumberSet, Windows, decide};

/// Screens a call: counts it in the windows, decides, and records what was looked at.
///
/// The tenant and the number's state are copied from the subject into the facts, so that the record alone tells
/// what was decided upon.
#[must_use]
pub fn screen(mut facts: Facts, subject: &Subject<'_>, windows: &Windows) -> Screening {
    facts.tenant = subject.tenant.cloned();
    facts.number_state = subject.number_state;
    let values = windows.observe(&facts, subject);
    let verdict = decide(&facts, subject, &values);
    let admission = Admission::of(&verdict);
    Screening {
        record: DecisionRecord {
            ruleset: subject.ruleset,
            facts,
            values,
            verdict,
        },
        admission,
    }
}

/// Tells how a call would be screened if it came now: the same code, but nothing is counted, and nobody is let in.
#[must_use]
pub fn rehearse(mut facts: Facts, subject: &Subject<'_>, windows: &Windows) -> DecisionRecord {
    facts.tenant = subject.tenant.cloned();
    facts.number_state = subject.number_state;
    let values = windows.look_ahead(&facts, subject);
    let verdict = decide(&facts, subject, &values);
    DecisionRecord {
        ruleset: subject.ruleset,
        facts,
        values,
        verdict,
    }
}

/// What the directory says of a call: a borrowed view, made afresh for each.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The business that the called number belongs to.
    pub tenant: Option<&'a TenantName>,
    /// A number that stands for the tenant in the windows: the same for as long as the tenant exists. 0 where there
    /// is no tenant.
    pub tenant_id: u32,
    /// The state of the tracking number; absent where the number is not ours.
    pub number_state: Option<NumberState>,
    /// The lists of the called number.
    pub number_lists: Option<&'a Lists>,
    /// The lists of the tenant.
    pub tenant_lists: Option<&'a Lists>,
    /// The lists of the operator, for all tenants.
    pub operator_lists: &'a Lists,
    /// Whether the caller's number is one of our own tracking numbers.
    pub is_own_number: bool,
    /// Whether the trunk may bring calls from our own numbers, as the carrier does that our agents call out through.
    pub trunk_is_peer_for_own: bool,
    /// Numbers that never call: inbound-only, or impersonated so often that their holder asked.
    pub do_not_originate: &'a NumberSet,
    /// The detective's settings for this call.
    pub detective: &'a DetectiveSettings,
    /// A digest over everything that screening reads.
    pub ruleset: RulesetVersion,
}

/// The outcome of screening.
#[derive(Debug)]
pub struct Screening {
    /// Everything looked at; kept with the call.
    pub record: DecisionRecord,
    /// What may happen now.
    pub admission: Admission,
}

/// What may happen to a call now.
#[derive(Debug)]
pub enum Admission {
    /// Follow the plan.
    Pass(Screened),
    /// Pose a challenge; [`Challenged::passed`] once the caller passed it.
    Challenge(Challenged),
    /// Play the fallback announcement.
    Announce,
    /// Refuse.
    Reject(Cause),
}

impl Admission {
    fn of(verdict: &Verdict) -> Self {
        match verdict.treatment {
            Treatment::Allow => Self::Pass(Screened {
                clearance: Clearance::Welcome,
                exemption: verdict.exemption,
            }),
            Treatment::Tag => Self::Pass(Screened {
                clearance: Clearance::Tagged,
                exemption: verdict.exemption,
            }),
            Treatment::Challenge => Self::Challenge(Challenged { _made_here: () }),
            Treatment::Announce => Self::Announce,
            Treatment::Reject => Self::Reject(verdict.cause.unwrap_or(Cause::Analytics)),
        }
    }
}

/// Proof that a call has been screened and may be rung. Only this crate makes one, for one call.
#[derive(Debug)]
pub struct Screened {
    clearance: Clearance,
    exemption: Option<Exemption>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Clearance {
    Welcome,
    Tagged,
    PassedChallenge,
}

impl Screened {
    /// Whether the call rings with a mark in its record.
    #[must_use]
    pub fn is_tagged(&self) -> bool {
        self.clearance == Clearance::Tagged
    }

    /// Whether the caller passed a challenge in this very call.
    #[must_use]
    pub fn passed_challenge(&self) -> bool {
        self.clearance == Clearance::PassedChallenge
    }

    /// The rule that set the call free of the rest, where one did.
    #[must_use]
    pub fn exemption(&self) -> Option<Exemption> {
        self.exemption
    }

    /// Whether this is a call to, or from, an emergency service: caps and schedules do not apply.
    #[must_use]
    pub fn is_emergency(&self) -> bool {
        self.exemption == Some(Exemption::Emergency)
    }
}

/// A call that may be rung once its caller has passed a challenge.
#[derive(Debug)]
pub struct Challenged {
    _made_here: (),
}

impl Challenged {
    /// The caller passed.
    #[must_use]
    pub fn passed(self) -> Screened {
        Screened {
            clearance: Clearance::PassedChallenge,
            exemption: None,
        }
    }
}
