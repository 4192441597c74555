//! `ringfence calls`: what is in the call log.

use std::io::Write;

use anyhow::Result;
use call_model::{CallRecord, Called, Caller, Cause, E164, Ending, TenantName, Treatment, TrunkName};
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use store::{CallFilter, Order};

use crate::command::{DONE, Log};
use crate::{clock, when};

/// Which calls to list, and how.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    log: Log,
    /// Offered since: so long ago (30m, 1h, 7d) or a date (2026-03-02, 2026-03-02T14:05:00Z).
    #[arg(long, value_name = "WHEN", value_parser = past)]
    since: Option<u64>,
    /// Offered before: so long ago, or a date.
    #[arg(long, value_name = "WHEN", value_parser = past)]
    until: Option<u64>,
    /// From this caller: +12025550143, or anonymous.
    #[arg(long, value_name = "NUMBER", value_parser = caller)]
    caller: Option<Caller>,
    /// To this number.
    #[arg(long, value_name = "NUMBER", value_parser = number)]
    called: Option<E164>,
    /// To this business.
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// From this carrier.
    #[arg(long, value_name = "NAME")]
    trunk: Option<String>,
    /// Ended like this.
    #[arg(long, value_parser = PossibleValuesParser::new(Ending::ALL.map(Ending::as_str)).map(ending))]
    outcome: Option<Ending>,
    /// Ended for this cause: owner_blocked, no_answer, challenge_failed …
    #[arg(long, value_parser = cause)]
    cause: Option<Cause>,
    /// Treated like this by screening.
    #[arg(long, value_parser = PossibleValuesParser::new(Treatment::ALL.map(Treatment::as_str)).map(treatment))]
    treatment: Option<Treatment>,
    /// The most calls to list, 10000 at most.
    #[arg(long, value_name = "COUNT", default_value_t = 50,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(CallFilter::LIMIT_MAX)))]
    limit: u32,
    /// The earliest call first; else it is the latest.
    #[arg(long)]
    oldest_first: bool,
    /// Print JSON lines: one whole record for each call.
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
Examples:
  ringfence calls --since 1h                        what came in the last hour
  ringfence calls --since 24h --outcome refused     whom we refused, with the cause
  ringfence calls --caller +12025550143 --json      everything of one caller, for a script
  ringfence calls --treatment challenge             who had to press a key

A call is listed once it is over. Times are in UTC. Then: ringfence explain CALL";

/// Lists calls.
pub(crate) fn run(arguments: Arguments, out: &mut impl Write) -> Result<u8> {
    let (store, _) = arguments.log.open()?;
    let filter = CallFilter {
        since_ms: arguments.since,
        until_ms: arguments.until,
        caller: arguments.caller,
        called: arguments.called.map(Called::Number),
        tenant: arguments.tenant.as_deref().map(TenantName::from),
        trunk: arguments.trunk.as_deref().map(TrunkName::from),
        outcome: arguments.outcome,
        cause: arguments.cause,
        treatment: arguments.treatment,
        limit: Some(arguments.limit),
        order: if arguments.oldest_first {
            Order::OldestFirst
        } else {
            Order::NewestFirst
        },
    };
    let calls = store.calls(&filter)?;
    if arguments.json {
        for call in &calls {
            serde_json::to_writer(&mut *out, call)?;
            writeln!(out)?;
        }
        return Ok(DONE);
    }
    if calls.is_empty() {
        writeln!(out, "no such calls")?;
        return Ok(DONE);
    }
    write_table(&calls, out)?;
    if calls.len() == arguments.limit as usize {
        let which = if arguments.oldest_first { "first" } else { "last" };
        writeln!(out, "the {which} {}; --limit shows more", calls.len())?;
    }
    Ok(DONE)
}

/// Writes calls as a table for people.
pub(crate) fn write_table(calls: &[CallRecord], out: &mut impl Write) -> Result<()> {
    let rows: Vec<[String; COLUMNS.len()]> = calls.iter().map(row).collect();
    let widths: [usize; COLUMNS.len()] = std::array::from_fn(|at| {
        let cells = rows.iter().map(|row| row[at].chars().count());
        cells.chain([COLUMNS[at].len()]).max().unwrap_or(0)
    });
    let mut line = |cells: [&str; COLUMNS.len()]| -> Result<()> {
        let mut text = String::new();
        for ((cell, width), column) in cells.iter().zip(widths).zip(COLUMNS) {
            let right = matches!(column, "ring" | "talk");
            text.push_str(&if right {
                format!("{cell:>width$}  ")
            } else {
                format!("{cell:width$}  ")
            });
        }
        Ok(writeln!(out, "{}", text.trim_end())?)
    };
    line(COLUMNS)?;
    for row in &rows {
        line(row.each_ref().map(String::as_str))?;
    }
    Ok(())
}

const COLUMNS: [&str; 11] = [
    "time (UTC)",
    "call",
    "caller",
    "called",
    "treatment",
    "outcome",
    "cause",
    "status",
    "ring",
    "talk",
    "agent",
];

fn row(call: &CallRecord) -> [String; COLUMNS.len()] {
    let treatment = call.decision.as_ref().map(|decision| decision.verdict.treatment);
    let told = |ms: Option<u64>| ms.map_or_else(|| "-".to_owned(), when::seconds);
    [
        when::in_table(call.offered_ms),
        call.id.to_string(),
        caller_in_words(&call.caller),
        called_in_words(&call.called),
        treatment.map_or("-", Treatment::as_str).to_owned(),
        call.outcome.ending.as_str().to_owned(),
        call.outcome.cause.as_str().to_owned(),
        call.outcome.status.to_string(),
        told(rang_ms(call)),
        told(call.connected_ms.map(|_| call.talked_ms())),
        answered_by(call).unwrap_or("-").to_owned(),
    ]
}

/// The caller in full.
pub(crate) fn caller_in_words(caller: &Caller) -> String {
    match caller {
        Caller::Number(number) => number.in_full().to_string(),
        Caller::Anonymous => "anonymous".into(),
        Caller::Named(name) => format!("“{name}”"),
        Caller::Malformed(text) => format!("“{text}”?"),
    }
}

/// Who was called, in full.
pub(crate) fn called_in_words(called: &Called) -> String {
    match called {
        Called::Number(number) => number.in_full().to_string(),
        Called::Emergency(dialled) => dialled.to_string(),
        Called::Other(dialled) => format!("“{dialled}”"),
    }
}

/// The agent who talked with the caller.
pub(crate) fn answered_by(call: &CallRecord) -> Option<&str> {
    call.connected_ms?;
    let answered = call.legs.iter().find(|leg| leg.answered_ms.is_some())?;
    Some(&answered.destination)
}

/// How long it rang at agents' phones, until one answered or none did.
fn rang_ms(call: &CallRecord) -> Option<u64> {
    let from = call.legs.iter().filter_map(|leg| leg.ringing_ms).min()?;
    let last_leg_over = call.legs.iter().filter_map(|leg| leg.ended_ms).max();
    let until = call.connected_ms.or(last_leg_over).unwrap_or(call.ended_ms);
    Some(until.saturating_sub(from))
}

fn past(text: &str) -> Result<u64, String> {
    when::past(text, clock::unix_ms()).ok_or_else(|| {
        "so long ago (30m, 1h, 7d) or a date (2026-03-02, 2026-03-02T14:05:00Z) is understood".into()
    })
}

/// A number in international form, for clap.
pub(crate) fn number(text: &str) -> Result<E164, String> {
    E164::parse(text.trim().as_bytes()).map_err(|fault| format!("{fault}: +12025550143"))
}

fn caller(text: &str) -> Result<Caller, String> {
    if text.eq_ignore_ascii_case("anonymous") {
        return Ok(Caller::Anonymous);
    }
    number(text).map(Caller::Number)
}

fn cause(text: &str) -> Result<Cause, String> {
    Cause::by_name(text).ok_or_else(|| {
        let known: Vec<&str> = Cause::ALL.iter().map(|cause| cause.as_str()).collect();
        format!("there is no such cause; there are: {}", known.join(", "))
    })
}

fn ending(word: String) -> Ending {
    let known = Ending::ALL.into_iter().find(|ending| ending.as_str() == word);
    known.expect("clap lets only the names of endings through")
}

fn treatment(word: String) -> Treatment {
    Treatment::by_name(&word).expect("clap lets only the names of treatments through")
}
