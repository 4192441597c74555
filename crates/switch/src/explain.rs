//! `ringfence explain`: why a call was treated as it was, or how one would be.

mod rehearsal;
mod story;

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, Result};
use call_model::{CallId, CallRecord, DecisionRecord};
use routing::{Directory, SourceText};
use screening::Explanation;
use serde::Serialize;
use store::{KeptEntry, Store};

use crate::command::{DONE, Log, Refusal};
use crate::config;

/// Which call, and how it is told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A call that is over: its id from `ringfence calls`, or from the Reason of a 603.
    #[arg(value_name = "CALL", required_unless_present = "from", conflicts_with_all = ["from", "to"])]
    call: Option<CallId>,
    #[command(flatten)]
    rehearsal: rehearsal::MadeUp,
    #[command(flatten)]
    log: Log,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
Examples:
  ringfence explain 06N3KQ8Z1S00V4XD                      why this call was treated as it was
  ringfence explain --from +12025550143 --to +12025550100 how such a call would be treated now
  ringfence explain --from anonymous --to +12025550100 --name 'Car Warranty Dept'
  ringfence explain --from 2025550143 --to +12025550100 --trunk carrier-a

A rehearsal leaves no trace: nothing is counted, nobody is rung.";

/// Explains.
pub(crate) fn run(arguments: Arguments, out: &mut impl Write) -> Result<u8> {
    match arguments.call {
        Some(id) => explain_call(id, &arguments.log, arguments.json, out),
        None => rehearsal::run(&arguments.rehearsal, &arguments.log, arguments.json, out),
    }
}

fn explain_call(id: CallId, log: &Log, json: bool, out: &mut impl Write) -> Result<u8> {
    let (store, data_dir) = log.open()?;
    let Some(call) = store.call(id)? else {
        return Err(Refusal::new(format!(
            "there is no call {id} in the log in {}: a call is there once it is over, and until it is forgotten",
            data_dir.display()
        )));
    };
    let explained = match call.decision.as_deref() {
        Some(decision) => Some(explain_decision(decision, &store, log.config())?),
        None => None,
    };
    if json {
        let (explanation, rules) = match &explained {
            Some((explanation, rules)) => (Some(explanation), Some(rules)),
            None => (None, None),
        };
        let told = serde_json::json!({ "call": call, "explanation": explanation, "rules": rules });
        writeln!(out, "{told}")?;
        return Ok(DONE);
    }
    write_call(&call, explained.as_ref(), out)
}

fn write_call(
    call: &CallRecord,
    explained: Option<&(Explanation, Rules)>,
    out: &mut impl Write,
) -> Result<u8> {
    match explained {
        Some((explanation, rules)) => {
            write!(out, "{explanation}")?;
            if let Some(note) = &rules.note {
                writeln!(out, "\nNote: {note}.")?;
            }
        }
        None => writeln!(out, "The call ended before it could be screened.")?,
    }
    writeln!(out)?;
    story::write(call, out)?;
    Ok(DONE)
}

/// Which rules a decision is explained by.
#[derive(Serialize)]
struct Rules {
    /// Whether they are the very rules that decided.
    same: bool,
    /// What differs, where they are not.
    note: Option<String>,
}

fn explain_decision(decision: &DecisionRecord, store: &Store, config: &Path) -> Result<(Explanation, Rules)> {
    let (directory, note) = rules_of(decision, store, config)?;
    let same = directory.ruleset() == decision.ruleset;
    let explanation = screening::explain(decision, &directory.subject_of(&decision.facts));
    let note = if same { None } else { Some(note) };
    Ok((explanation, Rules { same, note }))
}

/// The directory that decided, as far as it can be had, and what to say where it is another one.
fn rules_of(decision: &DecisionRecord, store: &Store, config: &Path) -> Result<(Directory, String)> {
    let wanted = decision.ruleset.to_string();
    let mut why_not = "the rules that decided are no longer kept".to_owned();
    if let Some(version) = store.version(&wanted)? {
        let files = texts(&version);
        let entries = entries_at(decision.facts.at_ms, store)?;
        let kept = config::scoped_entries(&entries)?;
        match Directory::load(&files, &kept, &mut |path| fs::read(path)) {
            Ok(directory) => {
                let note = "the settings are those that decided, but a list file that they name, or the entries made \
                            by block, have changed since";
                return Ok((directory, note.into()));
            }
            // The texts had no fault when they were in force: it is a file that they name.
            Err(_) => why_not = "a list file that the deciding rules name is gone".to_owned(),
        }
    }
    let (loaded, _) = config::load_with_store(config)
        .map_err(crate::serve::refused)
        .with_context(|| format!("{why_not}, and the present ones cannot be read"))?;
    let note = format!("{why_not}; the items and changes above are computed by the present rules");
    Ok((loaded.directory, note))
}

/// The files of a directory that was in force.
fn texts(version: &store::Version) -> Vec<SourceText> {
    let file = |file: &store::VersionFile| SourceText {
        name: file.name.to_string(),
        text: file.text.to_string(),
    };
    version.files.iter().map(file).collect()
}

/// The entries made by `block` that were kept at a time.
fn entries_at(at_ms: u64, store: &Store) -> Result<Vec<KeptEntry>> {
    let history = u32::try_from(Store::HISTORY_MAX).unwrap_or(u32::MAX);
    let mut entries = store.entries()?;
    entries.extend(store.removed_entries(history)?);
    entries.retain(|kept| {
        let removed = kept
            .removal
            .as_ref()
            .is_some_and(|removal| removal.at_ms <= at_ms);
        kept.entry.created_ms <= at_ms && !removed
    });
    entries.sort_by_key(|kept| kept.id);
    Ok(entries)
}
