//! The end of the show: what happened and why, from the call log, against what was to happen.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Result;
use call_model::{CallRecord, ChallengeOutcome, Treatment};
use routing::Directory;
use screening::Explanation;

use super::Finished;
use super::cast::Planned;
use crate::calls::answered_by;
use crate::when;

/// A call that ended otherwise than it should have.
type Surprise = String;

/// Writes the table; returns what was not as it should be.
pub(super) fn write(
    finished: &[Finished],
    records: &[CallRecord],
    directory: &Directory,
    agents_heard: &BTreeMap<String, usize>,
    out: &mut impl Write,
) -> Result<Vec<Surprise>> {
    let by_call_id: BTreeMap<&str, &CallRecord> = records
        .iter()
        .map(|record| (&*record.sip_call_id, record))
        .collect();
    let mut surprises = Vec::new();
    writeln!(
        out,
        "\n  {:16}  {:12}  {:12}  {:20}  {:>6}  {:5}  {:>6}  why",
        "call", "caller", "called", "what happened", "status", "agent", "talk"
    )?;
    for done in finished {
        let call = &done.call;
        let Some(record) = by_call_id.get(call.call_id.as_str()) else {
            surprises.push(format!(
                "{} ({}): it is not in the call log",
                call.line(),
                call.story
            ));
            continue;
        };
        let before = surprises.len();
        surprises.extend(compare(done, record));
        let mark = if surprises.len() == before { ' ' } else { '!' };
        let cause = record.outcome.cause.as_str();
        let what = match cause {
            "normal" => record.outcome.ending.as_str(),
            _ => cause,
        };
        writeln!(
            out,
            "{mark} {:16}  {:12}  {:12}  {what:20}  {:>6}  {:5}  {:>6}  {}",
            record.id.to_string(),
            call.from,
            call.to,
            record.outcome.status,
            answered_by(record).unwrap_or("-"),
            record
                .connected_ms
                .map_or_else(|| "-".into(), |_| when::seconds(record.talked_ms())),
            why(record, directory),
        )?;
    }
    if records.len() != finished.len() {
        surprises.push(format!(
            "{} calls were placed, {} are in the call log",
            finished.len(),
            records.len()
        ));
    }
    surprises.extend(unheard(finished, agents_heard));
    Ok(surprises)
}

/// The explanation of a call that has most to tell: one that was challenged.
pub(super) fn example<'r>(
    records: &'r [CallRecord],
    directory: &Directory,
) -> Option<(&'r CallRecord, Explanation)> {
    let challenged = |record: &&CallRecord| {
        record
            .decision
            .as_ref()
            .is_some_and(|decision| decision.verdict.treatment == Treatment::Challenge)
    };
    let record = records.iter().find(challenged)?;
    Some((record, explained(record, directory)?))
}

fn why(record: &CallRecord, directory: &Directory) -> String {
    let mut why = explained(record, directory).map_or_else(String::new, |explained| explained.summary);
    if record.challenge == Some(ChallengeOutcome::Passed) {
        why.push_str(" Pressed the right key.");
    }
    why
}

fn explained(record: &CallRecord, directory: &Directory) -> Option<Explanation> {
    let decision = record.decision.as_deref()?;
    Some(screening::explain(
        decision,
        &directory.subject_of(&decision.facts),
    ))
}

fn compare(done: &Finished, record: &CallRecord) -> Vec<Surprise> {
    let (call, expected) = (&done.call, &done.call.expected);
    let mut surprises = Vec::new();
    let mut same = |what: &str, wanted: String, got: String| {
        if wanted != got {
            let who = name(call);
            surprises.push(format!("{who}: {what} is {got}, should be {wanted}"));
        }
    };
    let seen = match &done.seen {
        Ok(seen) => *seen,
        Err(fault) => {
            return vec![format!("{}: {fault}", name(call))];
        }
    };
    let treatment = record
        .decision
        .as_ref()
        .map(|decision| decision.verdict.treatment.as_str());
    let outcome = &record.outcome;
    same(
        "treatment",
        expected.treatment.as_str().into(),
        treatment.unwrap_or("none").into(),
    );
    same(
        "outcome",
        expected.ending.as_str().into(),
        outcome.ending.as_str().into(),
    );
    same(
        "cause",
        expected.cause.as_str().into(),
        outcome.cause.as_str().into(),
    );
    same(
        "status in the log",
        expected.status.to_string(),
        outcome.status.to_string(),
    );
    same(
        "status seen by the caller",
        expected.status.to_string(),
        seen.status.to_string(),
    );
    same(
        "challenge",
        format!("{:?}", expected.challenge),
        format!("{:?}", record.challenge),
    );
    if expected.hear_each_other && !seen.heard_agent {
        surprises.push(format!("{}: the caller did not hear the agent", name(call)));
    }
    surprises
}

/// Callers whom no agent heard in as many calls as they should have.
fn unheard(finished: &[Finished], agents_heard: &BTreeMap<String, usize>) -> Vec<Surprise> {
    let mut wanted: BTreeMap<&str, usize> = BTreeMap::new();
    for done in finished.iter().filter(|done| done.call.expected.hear_each_other) {
        *wanted.entry(done.call.from).or_default() += 1;
    }
    let heard = |caller: &str| agents_heard.get(caller).copied().unwrap_or(0);
    wanted
        .into_iter()
        .filter(|(caller, calls)| heard(caller) < *calls)
        .map(|(caller, calls)| {
            format!(
                "{caller}: agents heard the caller in {} of {calls} calls",
                heard(caller)
            )
        })
        .collect()
}

fn name(call: &Planned) -> String {
    format!("{} ({})", call.line(), call.story)
}
