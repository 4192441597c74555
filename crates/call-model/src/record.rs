//! The record of a call: exactly one for each call offered.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{CallId, Called, Caller, DecisionRecord, Outcome, PlanName, TenantName, TrunkName};

/// One call, from offer to end. Times are Unix milliseconds.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CallRecord {
    /// Our identifier.
    pub id: CallId,
    /// The Call-ID of the caller's leg, at most 128 bytes, non-UTF-8 replaced: what the carrier's own record shows.
    pub sip_call_id: Box<str>,
    /// The peering carrier; absent where the source is unknown.
    pub trunk: Option<TrunkName>,
    /// The address that the INVITE came from.
    pub source: IpAddr,
    /// Who called.
    pub caller: Caller,
    /// Who was called.
    pub called: Called,
    /// The business.
    pub tenant: Option<TenantName>,
    /// The plan that the call followed first.
    pub plan: Option<PlanName>,
    /// When the INVITE came.
    pub offered_ms: u64,
    /// When the caller first heard ringing.
    pub ringing_ms: Option<u64>,
    /// When the caller's leg was answered, by an agent or by us.
    pub answered_ms: Option<u64>,
    /// When caller and agent were first connected.
    pub connected_ms: Option<u64>,
    /// When the call was over.
    pub ended_ms: u64,
    /// The agents rung, in order.
    pub legs: Vec<LegRecord>,
    /// The challenge, where one was posed.
    pub challenge: Option<ChallengeOutcome>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was treated as it was; absent for a call that ended before it could be screened.
    pub decision: Option<Box<DecisionRecord>>,
}

impl CallRecord {
    /// How long caller and agent talked, in milliseconds; 0 where they did not.
    #[must_use]
    pub fn talked_ms(&self) -> u64 {
        self.connected_ms
            .map_or(0, |from| self.ended_ms.saturating_sub(from))
    }
}

/// One agent rung.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LegRecord {
    /// The agent's name, or the destination's.
    pub destination: Box<str>,
    /// When the INVITE went out.
    pub invited_ms: u64,
    /// When it rang.
    pub ringing_ms: Option<u64>,
    /// When it was answered.
    pub answered_ms: Option<u64>,
    /// When the leg was over.
    pub ended_ms: Option<u64>,
    /// The final status; 0 where none came.
    pub status: u16,
}

/// What became of a challenge.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChallengeOutcome {
    /// The right key was pressed.
    Passed,
    /// Wrong keys were pressed.
    Failed,
    /// No key was pressed.
    Silent,
    /// The caller hung up before the end.
    Abandoned,
}

impl ChallengeOutcome {
    /// The name in records and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Silent => "silent",
            Self::Abandoned => "abandoned",
        }
    }
}
