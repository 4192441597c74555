//! What ends a call: one taxonomy for the SIP response, the log line, the metric label and the record.

use serde::{Deserialize, Serialize};

/// What ended a call.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Outcome {
    /// How it ended, in a word.
    pub ending: Ending,
    /// The SIP status that the caller's side saw: the final response, 200 for an answered call.
    pub status: u16,
    /// Why.
    pub cause: Cause,
    /// Whose fault it was; absent where all went well.
    pub fault: Option<Fault>,
    /// Who hung up an answered call.
    pub hung_up_by: Option<Side>,
}

/// A side of a call.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The caller's side, the trunk.
    Caller,
    /// The called side, the agent.
    Callee,
    /// We ourselves.
    Switch,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// An agent talked with the caller.
    Answered,
    /// The caller was challenged and did not pass, or heard an announcement; no agent talked with them.
    Diverted,
    /// Refused before an agent was rung.
    Refused,
    /// Agents were rung, and none answered.
    Unanswered,
    /// The caller gave up before an answer.
    Cancelled,
    /// Something broke.
    Failed,
}

impl Ending {
    /// The name in records and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Diverted => "diverted",
            Self::Refused => "refused",
            Self::Unanswered => "unanswered",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// All endings, in order.
    pub const ALL: [Self; 6] = [
        Self::Answered,
        Self::Diverted,
        Self::Refused,
        Self::Unanswered,
        Self::Cancelled,
        Self::Failed,
    ];
}

/// Whose fault it was that a call did not work.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The caller, or whoever claims to be.
    Caller,
    /// The agent's side.
    Callee,
    /// The carrier.
    Trunk,
    /// We ourselves, our limits included.
    Switch,
}

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $fault:expr;)*) => {
        /// Why a call ended as it did.
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Cause {
            $($(#[$doc])* $name,)*
        }

        impl Cause {
            /// The name in records, log lines and metric labels.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Whose fault a call that ended so is; absent where all went well.
            #[must_use]
            pub fn fault(self) -> Option<Fault> {
                match self { $(Self::$name => $fault,)* }
            }

            /// All causes, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Finds a cause by its name.
            #[must_use]
            pub fn by_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|cause| cause.as_str() == name)
            }
        }
    };
}

causes! {
    /// Talked, then hung up.
    Normal = "normal", None;
    /// The source is no trunk of ours: 403 or silence.
    UnknownTrunk = "unknown_trunk", Some(Fault::Caller);
    /// The trunk is over its call rate: 503.
    TrunkRate = "trunk_rate", Some(Fault::Trunk);
    /// The trunk is over its number of calls at once: 503.
    TrunkConcurrency = "trunk_concurrency", Some(Fault::Trunk);
    /// We are at a limit of ours, or stopping: 503.
    Overload = "overload", Some(Fault::Switch);
    /// Nobody has that number: 404.
    NumberUnknown = "number_unknown", Some(Fault::Caller);
    /// The number is paused: 480.
    NumberPaused = "number_paused", None;
    /// The number is no longer in use: 410.
    NumberReleased = "number_released", Some(Fault::Caller);
    /// The number rests before it is given out again: 404.
    NumberQuarantined = "number_quarantined", Some(Fault::Caller);
    /// The caller's number is malformed or cannot exist: 403.
    CallerInvalid = "caller_invalid", Some(Fault::Caller);
    /// The caller claims a number on the do-not-originate list: 403.
    DoNotOriginate = "do_not_originate", Some(Fault::Caller);
    /// The caller claims one of our own numbers from outside: 403.
    OwnNumber = "own_number", Some(Fault::Caller);
    /// On the owner's block list: 607.
    OwnerBlocked = "owner_blocked", Some(Fault::Caller);
    /// Refused by the detective as the owner asked: 603 Network Blocked.
    Analytics = "analytics", Some(Fault::Caller);
    /// Challenged, and typed the wrong key.
    ChallengeFailed = "challenge_failed", Some(Fault::Caller);
    /// Challenged, and silent.
    ChallengeSilent = "challenge_silent", Some(Fault::Caller);
    /// Challenged, and hung up before the end.
    ChallengeAbandoned = "challenge_abandoned", Some(Fault::Caller);
    /// The plan led to an announcement.
    Announced = "announced", None;
    /// The caller gave up before an answer: 487.
    CallerCancelled = "caller_cancelled", None;
    /// Nobody answered in time: 480.
    NoAnswer = "no_answer", Some(Fault::Callee);
    /// Every agent was busy: 486.
    Busy = "busy", Some(Fault::Callee);
    /// The agent's side refused.
    AgentRefused = "agent_refused", Some(Fault::Callee);
    /// The agent's side gave no sign of life.
    AgentUnreachable = "agent_unreachable", Some(Fault::Callee);
    /// The plan has nobody to ring, or refuses by intent.
    PlanRefused = "plan_refused", None;
    /// The request cannot be understood: 400, 416, 420 and the like.
    Malformed = "malformed", Some(Fault::Caller);
    /// The request has been here before: 482.
    Loop = "loop", Some(Fault::Trunk);
    /// Max-Forwards is used up: 483.
    TooManyHops = "too_many_hops", Some(Fault::Trunk);
    /// The offer has no codec that we can speak where we must: 488.
    NotAcceptable = "not_acceptable", Some(Fault::Caller);
    /// The caller's side never acknowledged the answer, or vanished.
    CallerLost = "caller_lost", Some(Fault::Trunk);
    /// The agent's side vanished.
    CalleeLost = "callee_lost", Some(Fault::Callee);
    /// The longest permitted duration was reached.
    TooLong = "too_long", None;
    /// Audio could not be set up.
    Media = "media", Some(Fault::Switch);
    /// The switch was stopped while the call was up.
    Stopped = "stopped", Some(Fault::Switch);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serde_writes_the_same_name_that_metrics_use() {
        for cause in Cause::ALL {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.as_str());
            assert_eq!(Cause::by_name(cause.as_str()), Some(*cause));
        }
        for ending in Ending::ALL {
            assert_eq!(serde_json::to_value(ending).unwrap(), ending.as_str());
        }
    }
}
