//! Why a call was treated as it was.

use std::fmt;

use call_model::{
    Cause, DecisionRecord, Evidence, Facts, ListKind, Reason, RulesetVersion, Score, Treatment, Verdict,
};
use serde::{Deserialize, Serialize};

use crate::changes::nearest_changes;
use crate::decide::{Case, EntryAt, Sink, Suppose, deliberate};
use crate::words::{self, Lasting};
use crate::{SignalKind, Subject};

/// Computes a decision again, and tells how it came about and what would have changed it.
///
/// The subject should be that of the ruleset which decided; where it is a later one, items and changes speak of the
/// later rules, and the explanation says so.
#[must_use]
pub fn explain(record: &DecisionRecord, subject: &Subject<'_>) -> Explanation {
    let case = Case {
        facts: &record.facts,
        subject,
        values: &record.values,
        suppose: Suppose::default(),
    };
    let mut listener = Listener::default();
    let again = deliberate(&case, &mut listener);
    Explanation {
        summary: summary(&record.facts, &record.verdict),
        treatment: record.verdict.treatment,
        cause: record.verdict.cause,
        score: record.verdict.score,
        decided_by: record.ruleset,
        explained_by: subject.ruleset,
        same_again: again == record.verdict,
        again: (again != record.verdict).then(|| summary(&record.facts, &again).into()),
        changes: nearest_changes(&case, &again, &listener.entries),
        items: listener.items,
    }
}

/// Why a call was treated as it was. Numbers are in full: the owner asked about the owner's own call.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
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
    /// What those rules lead to, where it is something else.
    pub again: Option<Box<str>>,
    /// Everything considered, in order.
    pub items: Vec<Item>,
    /// What would have changed the outcome, nearest first.
    pub changes: Vec<Change>,
}

/// One thing considered.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
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

impl Item {
    fn outcome(&self) -> (char, String) {
        match &self.finding {
            Finding::Fired => ('>', format!("asks for {}", self.effect)),
            Finding::Quiet => (' ', String::new()),
            Finding::Skipped {
                because,
                would_fire: false,
            } => ('-', format!("skipped: {because}")),
            Finding::Skipped {
                because,
                would_fire: true,
            } => (
                '-',
                format!("skipped: {because}; would have asked for {}", self.effect),
            ),
        }
    }
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
        /// The item that had settled the call before.
        because: Box<str>,
        /// Whether it would have spoken.
        would_fire: bool,
    },
}

/// A change that would have altered the outcome.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
pub struct Change {
    /// The change, in words.
    pub change: Box<str>,
    /// What would have been done then.
    pub treatment: Treatment,
    /// Why the call would have been refused, where it would.
    pub cause: Option<Cause>,
}

/// For logs, unlike `Display`: nothing that tells who called.
impl fmt::Debug for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explanation")
            .field("treatment", &self.treatment)
            .field("cause", &self.cause)
            .field("score", &self.score)
            .field("same_again", &self.same_again)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Item({}, {:?})", self.name, self.finding)
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Change(to {})", self.treatment)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.summary)?;
        if let Some(again) = &self.again {
            writeln!(
                f,
                "The rules have changed since ({} → {}). Now: {again}",
                self.decided_by, self.explained_by
            )?;
        }
        writeln!(
            f,
            "\nConsidered, in this order (rules {}, score {}):",
            self.explained_by, self.score
        )?;
        let widest = |cell: fn(&Item) -> &str| {
            self.items
                .iter()
                .map(|item| cell(item).chars().count())
                .max()
                .unwrap_or(0)
        };
        let (name, seen) = (widest(|item| &item.name), widest(|item| &item.observed));
        let fires = widest(|item| &item.threshold);
        for item in &self.items {
            let (mark, outcome) = item.outcome();
            let line = format!(
                "{mark} {:name$}  {:seen$}  fires on {:fires$}  {outcome}",
                item.name, item.observed, item.threshold
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        if !self.changes.is_empty() {
            writeln!(f, "\nWhat would have changed the outcome:")?;
        }
        for change in &self.changes {
            write!(f, "  {}: {}", change.change, change.treatment)?;
            match change.cause {
                Some(cause) => writeln!(f, " ({})", cause.as_str())?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

/// Keeps everything that it hears.
#[derive(Default)]
struct Listener<'c> {
    items: Vec<Item>,
    entries: Vec<EntryAt<'c>>,
}

impl<'c> Sink<'c> for Listener<'c> {
    const LISTENS: bool = true;

    fn hear(&mut self, item: Item) {
        self.items.push(item);
    }

    fn hear_entry(&mut self, entry: EntryAt<'c>) {
        self.entries.push(entry);
    }
}

/// What was done and why, in one sentence.
fn summary(facts: &Facts, verdict: &Verdict) -> String {
    let done = match verdict.treatment {
        Treatment::Allow => "Let through",
        Treatment::Tag => "Let through with a mark",
        Treatment::Challenge => "Challenged",
        Treatment::Announce => "Sent to an announcement",
        Treatment::Reject => "Refused",
    };
    let why: Vec<String> = verdict
        .reasons
        .iter()
        .map(|reason| because(facts, reason))
        .collect();
    if why.is_empty() {
        return format!("{done}: nothing spoke against {}.", words::who(&facts.caller));
    }
    format!("{done}: {}.", why.join(", and "))
}

/// A reason as a clause.
fn because(facts: &Facts, reason: &Reason) -> String {
    let who = words::who(&facts.caller);
    match &reason.evidence {
        Evidence::Fact(fact) => fact.to_string(),
        Evidence::Listed { list, entry, note } => {
            let list = match list {
                ListKind::Allow => "allow",
                ListKind::Block => "block",
            };
            let entry = words::entry(entry, note.as_deref());
            match &facts.cnam {
                Some(name) => format!("{who}, named “{name}”, is on the {list} list: {entry}"),
                None => format!("{who} is on the {list} list: {entry}"),
            }
        }
        Evidence::Count {
            observed,
            over,
            window_ms,
        } => {
            let window = Lasting::ms(*window_ms);
            let seen = match SignalKind::by_name(&reason.item) {
                Some(SignalKind::CallerAttempts) => format!("{who} called {observed} times in {window}"),
                Some(SignalKind::CallerNumbers) => {
                    format!("{who} called {observed} different numbers of ours in {window}")
                }
                Some(SignalKind::CallerShortCalls) => {
                    format!("{observed} calls of {who} in {window} ended as soon as they were answered")
                }
                Some(SignalKind::CallerQuickCancels) => {
                    format!("{who} hung up before it could ring {observed} times in {window}")
                }
                Some(SignalKind::PrefixAttempts) => {
                    format!("{observed} calls came in {window} from numbers next to {who}")
                }
                None => format!("{} was {observed} in {window}", reason.item),
            };
            format!("{seen} ({over} at most pass)")
        }
    }
}
