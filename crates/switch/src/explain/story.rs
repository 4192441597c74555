//! What happened to a call, from its record.

use std::io::Write;

use anyhow::Result;
use call_model::{CallRecord, ChallengeOutcome, Ending, Fault, LegRecord, Side, Treatment};

use crate::calls::{answered_by, called_in_words, caller_in_words};
use crate::when;

/// Writes what happened, step by step, with times since the offer.
pub(crate) fn write(call: &CallRecord, out: &mut impl Write) -> Result<()> {
    writeln!(out, "What happened: {}", in_a_sentence(call))?;
    writeln!(out, "  call {} at {}", call.id, when::rfc3339(call.offered_ms))?;
    for (at_ms, step) in steps(call) {
        let after = at_ms.saturating_sub(call.offered_ms);
        writeln!(out, "  {:>4}.{:03} s  {step}", after / 1000, after % 1000)?;
    }
    Ok(())
}

/// How the call ended, for a business owner.
pub(crate) fn in_a_sentence(call: &CallRecord) -> String {
    let cause = call.outcome.cause.as_str();
    let status = call.outcome.status;
    match call.outcome.ending {
        Ending::Answered => format!(
            "{} talked with the caller for {}.",
            answered_by(call).unwrap_or("an agent"),
            when::seconds(call.talked_ms())
        ),
        Ending::Diverted => format!("the caller was not put through ({cause})."),
        Ending::Refused => format!("the call was refused with {status} ({cause})."),
        Ending::Unanswered => format!("nobody answered ({cause})."),
        Ending::Cancelled => "the caller gave up before anybody answered.".into(),
        Ending::Failed => format!("the call broke ({cause}, {status})."),
    }
}

/// Everything that happened, in the order of time.
fn steps(call: &CallRecord) -> Vec<(u64, String)> {
    let from = call
        .trunk
        .as_ref()
        .map_or_else(|| "a source that is no trunk".to_owned(), ToString::to_string);
    let mut steps = vec![(
        call.offered_ms,
        format!(
            "{} called {}, by {from} from {}",
            caller_in_words(&call.caller),
            called_in_words(&call.called),
            call.source
        ),
    )];
    if let Some(decision) = &call.decision {
        let treatment = decision.verdict.treatment;
        steps.push((call.offered_ms, format!("screened: {}", done(treatment))));
    }
    if let Some(answered) = call.answered_ms
        && call.connected_ms != Some(answered)
    {
        steps.push((answered, "the switch answered, to speak with the caller".into()));
    }
    if let Some(challenge) = call.challenge {
        // When exactly the key was judged is not in the record; agents are rung right after a pass.
        let first_leg = call.legs.first().map(|leg| leg.invited_ms);
        let judged = first_leg.filter(|_| challenge == ChallengeOutcome::Passed);
        steps.push((judged.unwrap_or(call.ended_ms), challenged(challenge).into()));
    }
    for leg in &call.legs {
        leg_steps(leg, &mut steps);
    }
    if let Some(connected) = call.connected_ms {
        steps.push((connected, "caller and agent were connected".into()));
    }
    steps.push((call.ended_ms, end(call)));
    steps.sort_by_key(|(at_ms, _)| *at_ms);
    steps
}

fn leg_steps(leg: &LegRecord, steps: &mut Vec<(u64, String)>) {
    let who = &leg.destination;
    steps.push((leg.invited_ms, format!("{who} was called")));
    if let Some(ringing) = leg.ringing_ms {
        steps.push((ringing, format!("{who}'s phone rang")));
    }
    match (leg.answered_ms, leg.ended_ms, leg.status) {
        (Some(answered), _, _) => steps.push((answered, format!("{who} answered"))),
        (None, Some(ended), 0) => steps.push((ended, format!("{who} gave no answer"))),
        (None, Some(ended), 487) => steps.push((ended, format!("{who}'s phone stopped ringing"))),
        (None, Some(ended), status) => {
            let reason = sip_message::standard_reason(status);
            steps.push((ended, format!("{who} answered {status} {reason}")));
        }
        (None, None, _) => {}
    }
}

fn end(call: &CallRecord) -> String {
    let outcome = &call.outcome;
    let mut text = match outcome.hung_up_by {
        Some(Side::Caller) => "the caller hung up".to_owned(),
        Some(Side::Callee) => "the agent hung up".to_owned(),
        Some(Side::Switch) => "the switch hung up".to_owned(),
        None => format!(
            "over with {} {}",
            outcome.status,
            sip_message::standard_reason(outcome.status)
        ),
    };
    text.push_str(&format!(
        " ({}, {}",
        outcome.ending.as_str(),
        outcome.cause.as_str()
    ));
    text.push_str(match outcome.fault {
        None => ")",
        Some(Fault::Caller) => ", the caller's doing)",
        Some(Fault::Callee) => ", the agent's side)",
        Some(Fault::Trunk) => ", the carrier's side)",
        Some(Fault::Switch) => ", our own limit or fault)",
    });
    text
}

fn done(treatment: Treatment) -> &'static str {
    match treatment {
        Treatment::Allow => "let through",
        Treatment::Tag => "let through with a mark",
        Treatment::Challenge => "must press a key first",
        Treatment::Announce => "must hear an announcement",
        Treatment::Reject => "refused",
    }
}

fn challenged(outcome: ChallengeOutcome) -> &'static str {
    match outcome {
        ChallengeOutcome::Passed => "the caller pressed the right key",
        ChallengeOutcome::Failed => "the caller had pressed wrong keys",
        ChallengeOutcome::Silent => "the caller had pressed no key",
        ChallengeOutcome::Abandoned => "the caller hung up before pressing the right key",
    }
}
