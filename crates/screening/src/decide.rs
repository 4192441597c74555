//! The pure function from facts to a verdict.

use call_model::{DetectiveValues, Facts, Score, Treatment, Verdict};

use crate::Subject;

/// Decides. Pure: the same facts, subject and values give the same verdict, live and in a rehearsal.
#[must_use]
pub fn decide(_facts: &Facts, _subject: &Subject<'_>, _values: &DetectiveValues) -> Verdict {
    Verdict {
        treatment: Treatment::Allow,
        cause: None,
        score: Score(0),
        reasons: Vec::new(),
        exemption: None,
    }
}
