//! What screening decides, and why.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Cause, DetectiveValues, Facts, RulesetVersion};

/// How a caller is treated. Ordered by how much it costs the caller.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Treatment {
    /// Rung as the plan says.
    Allow,
    /// Rung as the plan says, with a mark in the record.
    Tag,
    /// Must pass a captcha first.
    Challenge,
    /// Hears the fallback announcement.
    Announce,
    /// Refused.
    Reject,
}

impl Treatment {
    /// The name in settings, records and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Tag => "tag",
            Self::Challenge => "challenge",
            Self::Announce => "announce",
            Self::Reject => "reject",
        }
    }

    /// All treatments, mildest first.
    pub const ALL: [Self; 5] = [
        Self::Allow,
        Self::Tag,
        Self::Challenge,
        Self::Announce,
        Self::Reject,
    ];

    /// Finds a treatment by its name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|treatment| treatment.as_str() == name)
    }
}

impl fmt::Display for Treatment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How unwelcome a caller seems: 0 is welcome, 1000 is certain spam (thousandths, so that it compares exactly).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Score(pub u16);

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

/// The treatment chosen, with its reasons.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Verdict {
    /// What is done.
    pub treatment: Treatment,
    /// Why the call is refused; present exactly when the treatment is [`Treatment::Reject`].
    pub cause: Option<Cause>,
    /// From welcome to certain spam.
    pub score: Score,
    /// What led to it, in the order it was found; empty for an ordinary call.
    pub reasons: Vec<Reason>,
    /// The rule that set the call free of the rest, where one did.
    pub exemption: Option<Exemption>,
}

/// One thing that fired.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Reason {
    /// A stable name: `block.number`, `caller_attempts`, `caller_invalid` …
    pub item: Box<str>,
    /// What was seen against what is allowed.
    pub evidence: Evidence,
    /// The treatment that it asks for.
    pub treatment: Treatment,
}

/// What was seen.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// A count over a window against its threshold.
    Count {
        /// What the window showed, this call included.
        observed: u32,
        /// The most that passes.
        over: u32,
        /// The window's length in milliseconds.
        window_ms: u64,
    },
    /// An entry of a list.
    Listed {
        /// Which list.
        list: ListKind,
        /// The entry's key as written.
        entry: Box<str>,
        /// The reason that its author gave.
        note: Option<Box<str>>,
    },
    /// A plain fact, in words.
    Fact(Box<str>),
}

/// An owner's list.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ListKind {
    /// Let through.
    Allow,
    /// Refuse.
    Block,
}

/// What sets a call free of the later steps of screening.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exemption {
    /// A call to, or a recognised call-back from, an emergency service.
    Emergency,
    /// An entry of the owner's allow list.
    AllowList,
    /// The caller passed a challenge not long ago.
    PassedChallenge,
}

/// Everything looked at for one decision, kept with the call; explaining computes the decision again from it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DecisionRecord {
    /// The rules in force.
    pub ruleset: RulesetVersion,
    /// What the INVITE showed.
    pub facts: Facts,
    /// What the windows showed.
    pub values: DetectiveValues,
    /// What was decided.
    pub verdict: Verdict,
}
