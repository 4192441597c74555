//! Why a call was treated as it was.

use std::fmt;

use call_model::{Cause, DecisionRecord, RulesetVersion, Score, Treatment};
use serde::{Deserialize, Serialize};

use crate::{Subject, decide};

/// Computes a decision again, and tells how it came about.
#[must_use]
pub fn explain(record: &DecisionRecord, subject: &Subject<'_>) -> Explanation {
    let again = decide(&record.facts, subject, &record.values);
    Explanation {
        summary: String::new(),
        treatment: record.verdict.treatment,
        cause: record.verdict.cause,
        score: record.verdict.score,
        decided_by: record.ruleset,
        explained_by: subject.ruleset,
        same_again: again == record.verdict,
        items: Vec::new(),
        changes: Vec::new(),
    }
}

/// Why a call was treated as it was. Numbers are in full: the owner asked about the owner's own call.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Explanation {
    /// What happened and why, in a sentence for a business owner.
    pub summary: String,
    /// What was done.
    pub treatment: Treatment,
    /// Why the call was refused, where it was.
    pub cause: Option<Cause>,
    /// From welcome to certain spam.
    pub score: Score,
    /// The rules that decided.
    pub decided_by: RulesetVersion,
    /// The rules that the items and changes below are computed with.
    pub explained_by: RulesetVersion,
    /// Whether those rules lead to the same verdict.
    pub same_again: bool,
    /// Everything considered, in order.
    pub items: Vec<Item>,
    /// What would have changed the outcome, nearest first.
    pub changes: Vec<Change>,
}

/// One thing considered.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Item {
    /// A stable name.
    pub name: Box<str>,
    /// What was seen.
    pub observed: Box<str>,
    /// From where on it fires.
    pub threshold: Box<str>,
    /// The treatment that it asks for when it fires.
    pub effect: Treatment,
    /// What came of it.
    pub finding: Finding,
}

/// What came of an item.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// It spoke.
    Fired,
    /// It had nothing to say.
    Quiet,
    /// It was not asked.
    Skipped {
        /// Why not.
        because: Box<str>,
        /// Whether it would have spoken.
        would_fire: bool,
    },
}

/// A change that would have altered the outcome.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Change {
    /// The change, in words.
    pub change: Box<str>,
    /// What would have been done then.
    pub treatment: Treatment,
    /// Why the call would have been refused, where it would.
    pub cause: Option<Cause>,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.summary)
    }
}
