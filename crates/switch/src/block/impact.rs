//! What an entry would have done, had it been there for the last 30 days.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use call_model::{CallRecord, Caller, Exemption, Treatment};
use serde::Serialize;
use store::{CallFilter, Store};

use super::{Selection, Who};
use crate::serve::count;

/// The calls that an entry would have stopped.
#[derive(Debug, Serialize)]
pub(super) struct Impact {
    /// How far back was looked.
    days: u64,
    /// Calls that it would have stopped.
    calls: usize,
    /// Of these, answered and longer than a minute: most likely wanted.
    talked: usize,
    /// How many calls were looked at, where that were not all of those days.
    of_last: Option<usize>,
}

const DAYS: u64 = 30;
const DAY_MS: u64 = 86_400_000;
const CONVERSATION_MS: u64 = 60_000;

/// Counts them. Calls of a number are found by an index; for a prefix or a name the latest
/// [`CallFilter::LIMIT_MAX`] calls are looked at.
pub(super) fn of(selection: &Selection, data_dir: &Path, now_ms: u64) -> Result<Impact> {
    let mut impact = Impact {
        days: DAYS,
        calls: 0,
        talked: 0,
        of_last: None,
    };
    if !Store::path_in(data_dir).exists() {
        return Ok(impact);
    }
    let caller = match &selection.who {
        Who::Number(number) => Some(Caller::Number(*number)),
        Who::Prefix(_) | Who::Name(_) => None,
    };
    let calls = Store::open_read_only(data_dir)?.calls(&CallFilter {
        since_ms: Some(now_ms.saturating_sub(DAYS * DAY_MS)),
        caller,
        limit: Some(CallFilter::LIMIT_MAX),
        ..CallFilter::default()
    })?;
    if calls.len() == CallFilter::LIMIT_MAX as usize {
        impact.of_last = Some(calls.len());
    }
    for call in calls
        .iter()
        .filter(|call| selection.stops(call) && reaches_block_list(call))
    {
        impact.calls += 1;
        impact.talked += usize::from(call.connected_ms.is_some() && call.talked_ms() > CONVERSATION_MS);
    }
    Ok(impact)
}

/// Whether nothing settled the call before the block list was asked, and it was not refused anyway.
fn reaches_block_list(call: &CallRecord) -> bool {
    call.decision.as_ref().is_some_and(|decision| {
        let verdict = &decision.verdict;
        let set_free = matches!(
            verdict.exemption,
            Some(Exemption::Emergency | Exemption::AllowList)
        );
        verdict.treatment != Treatment::Reject && !set_free
    })
}

impl Impact {
    pub(super) fn write(&self, out: &mut impl Write) -> Result<()> {
        let looked = match self.of_last {
            Some(calls) => format!("of the last {calls} calls"),
            None => format!("in the last {} days", self.days),
        };
        if self.calls == 0 {
            writeln!(out, "{looked} it would have stopped no call")?;
            return Ok(());
        }
        write!(
            out,
            "{looked} it would have stopped {}",
            count(self.calls, "call")
        )?;
        if self.talked == 0 {
            writeln!(out, ", none of them a conversation of more than a minute")?;
        } else {
            writeln!(
                out,
                "\nwarning: {} of them answered and longer than a minute: is this caller really unwanted?",
                self.talked
            )?;
        }
        Ok(())
    }
}
