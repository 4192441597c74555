//! `ringfence block` and `ringfence unblock`: the block list, changed while the switch runs.
//!
//! Entries live in the store, beside the files. A running switch makes the change itself, and has it in force before
//! it answers; without one the store is changed, and the next start reads it.

mod impact;
mod in_files;
mod in_force;
mod selection;

use std::io::Write;

use anyhow::{Context as _, Result};
use call_model::{CallId, E164, ListKind};
use serde::{Deserialize, Serialize};
use store::{Entry, KeptEntry, Store};

use crate::calls::{caller_in_words, number};
use crate::command::{DONE, Log, REFUSED, Refusal};
use crate::control::{self, Answer, Question};
use crate::{clock, config, serve, when};

pub(crate) use selection::{For, Selection, Who};

/// Whom to block, for whom, why, until when.
#[derive(clap::Args)]
pub(crate) struct BlockArguments {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    scope: ScopeArguments,
    /// Why, in your words: shown wherever a call is explained.
    #[arg(long, value_name = "TEXT", value_parser = at_most::<256>)]
    reason: Option<String>,
    /// Until when: so long from now (12h, 90d), or a date; for good where absent.
    #[arg(long, value_name = "WHEN", value_parser = expiry)]
    expires: Option<u64>,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    log: Log,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Whom to unblock, and for whom.
#[derive(clap::Args)]
pub(crate) struct UnblockArguments {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    scope: ScopeArguments,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    log: Log,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// The caller's number, +12025550143.
    #[arg(value_name = "NUMBER", value_parser = number)]
    number: Option<E164>,
    /// All callers whose numbers begin so: +1202555.
    #[arg(long, value_name = "DIGITS", value_parser = selection::prefix)]
    prefix: Option<String>,
    /// All callers who show this name; * stands for any text: '*car warranty*'.
    #[arg(long, value_name = "CNAM", value_parser = selection::name)]
    name: Option<String>,
    /// The caller of this call.
    #[arg(long, value_name = "CALL")]
    call: Option<CallId>,
}

#[derive(clap::Args)]
struct ScopeArguments {
    /// For calls to this business only; for all calls where neither this nor --did is given.
    #[arg(long, value_name = "NAME", conflicts_with = "did")]
    tenant: Option<String>,
    /// For calls to this tracking number only.
    #[arg(long, value_name = "NUMBER", value_parser = number)]
    did: Option<E164>,
}

#[derive(clap::Args)]
struct By {
    /// Who does it, for the record.
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true, default_value = "unknown",
          value_parser = at_most::<64>)]
    by: String,
}

pub(crate) const BLOCK_EXAMPLES: &str = "\
Examples:
  ringfence block +12025550187 --reason 'asked to stop, calls on'
  ringfence block --prefix +1212555 --expires 90d
  ringfence block --name '*car warranty*' --tenant acme
  ringfence block --call 06N3KQ8Z1S00V4XD --by 'front desk'

Tells how many calls of the last 30 days the entry would have stopped, and how many of those were conversations.
An allow list wins over a block list. Undo: ringfence unblock, with the same selector.";

pub(crate) const UNBLOCK_EXAMPLES: &str = "\
Examples:
  ringfence unblock +12025550187
  ringfence unblock --name '*car warranty*' --tenant acme

Takes off what block put on. Entries that stand in the configuration files are named with file and line, to be taken
out there. Exit code 1 where there was nothing to take off.";

/// An entry to make.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Order {
    selection: Selection,
    reason: Option<String>,
    by: String,
    expires_ms: Option<u64>,
    from_call: Option<CallId>,
}

/// What became of a change of the block list.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Changed {
    /// The entries made, or taken off.
    pub(crate) ids: Vec<u64>,
    /// The rules in force with the change; absent where no switch runs, or where they could not be applied.
    pub(crate) ruleset: Option<String>,
    /// Why the change was not made, or is not in force.
    pub(crate) faults: Vec<String>,
}

/// Puts a caller on the block list.
pub(crate) fn block(arguments: BlockArguments, out: &mut impl Write) -> Result<u8> {
    let data_dir = arguments.log.data_dir()?;
    let (selection, from_call) = select(&arguments.which, &arguments.scope, &arguments.log)?;
    let order = Order {
        selection: selection.clone(),
        reason: arguments.reason,
        by: arguments.by.by,
        expires_ms: arguments.expires,
        from_call,
    };
    let answer = control::ask(&data_dir, &Question::Block(Box::new(order.clone())))?;
    let (runs, changed) = match answer {
        Some(Answer::Changed(changed)) => (true, changed),
        Some(_) => anyhow::bail!("the running switch does not know how to block: is it another release?"),
        None => (false, block_without_switch(order, &arguments.log)?),
    };
    let Some(id) = changed.ids.first() else {
        return Err(Refusal::new(changed.faults.join("\n")));
    };
    let impact = impact::of(&selection, &data_dir, clock::unix_ms())?;
    if arguments.json {
        let told = serde_json::json!({
            "id": id, "selection": selection, "expires_ms": arguments.expires, "in_force": changed.ruleset.is_some(),
            "ruleset": changed.ruleset, "faults": changed.faults, "would_have_stopped": impact,
        });
        writeln!(out, "{told}")?;
        return Ok(DONE);
    }
    let until = arguments.expires.map_or_else(
        || "for good".to_owned(),
        |ms| format!("until {}", when::rfc3339(ms)),
    );
    writeln!(out, "blocked: {selection}, {until} (entry {id})")?;
    write_in_force(runs, &changed, out)?;
    impact.write(out)?;
    writeln!(out, "undo: ringfence unblock {}", selection.as_arguments())?;
    Ok(DONE)
}

/// Takes a caller off the block list.
pub(crate) fn unblock(arguments: UnblockArguments, out: &mut impl Write) -> Result<u8> {
    let data_dir = arguments.log.data_dir()?;
    let (selection, _) = select(&arguments.which, &arguments.scope, &arguments.log)?;
    let question = Question::Unblock {
        selection: Box::new(selection.clone()),
        by: arguments.by.by.clone(),
    };
    let (runs, changed) = match control::ask(&data_dir, &question)? {
        Some(Answer::Changed(changed)) => (true, changed),
        Some(_) => anyhow::bail!("the running switch does not know how to unblock: is it another release?"),
        None if Store::path_in(&data_dir).exists() => {
            let ids = take_off(&mut Store::open(&data_dir)?, &selection, &arguments.by.by)?;
            let changed = Changed {
                ids,
                ..Changed::default()
            };
            (false, changed)
        }
        None => (false, Changed::default()),
    };
    if changed.ids.is_empty() && !changed.faults.is_empty() {
        return Err(Refusal::new(changed.faults.join("\n")));
    }
    let mut still = in_files::standing(arguments.log.config(), &selection);
    still.extend(still_kept(&data_dir, &selection)?);
    if arguments.json {
        let told = serde_json::json!({
            "removed": changed.ids, "selection": selection, "in_force": changed.ruleset.is_some(),
            "ruleset": changed.ruleset, "faults": changed.faults, "still_blocked_by": still,
        });
        writeln!(out, "{told}")?;
    } else {
        write_unblocked(runs, &selection, &changed, &still, out)?;
    }
    Ok(if changed.ids.is_empty() { REFUSED } else { DONE })
}

fn write_unblocked(
    runs: bool,
    selection: &Selection,
    changed: &Changed,
    still: &[String],
    out: &mut impl Write,
) -> Result<()> {
    if changed.ids.is_empty() {
        writeln!(out, "no entry made by block says: {selection}")?;
    } else {
        let entries = if changed.ids.len() == 1 {
            "entry"
        } else {
            "entries"
        };
        let ids: Vec<String> = changed.ids.iter().map(u64::to_string).collect();
        writeln!(out, "unblocked: {selection} ({entries} {})", ids.join(", "))?;
        write_in_force(runs, changed, out)?;
    }
    if !still.is_empty() {
        writeln!(out, "still blocked by:")?;
        for entry in still {
            writeln!(out, "  {entry}")?;
        }
    }
    Ok(())
}

fn write_in_force(runs: bool, changed: &Changed, out: &mut impl Write) -> Result<()> {
    match (&changed.ruleset, runs) {
        (Some(ruleset), _) => writeln!(out, "in force now, by ruleset {ruleset}")?,
        (None, false) => writeln!(out, "no switch runs: in force as soon as one starts")?,
        (None, true) => {
            writeln!(out, "kept, but not in force yet: the rules cannot be applied:")?;
            for fault in &changed.faults {
                writeln!(out, "  {fault}")?;
            }
        }
    }
    Ok(())
}

/// Whom the command line speaks of.
fn select(which: &Which, scope: &ScopeArguments, log: &Log) -> Result<(Selection, Option<CallId>)> {
    let who = if let Some(number) = which.number {
        Who::Number(number)
    } else if let Some(prefix) = &which.prefix {
        Who::Prefix(prefix.clone())
    } else if let Some(name) = &which.name {
        Who::Name(name.clone())
    } else {
        let id = which.call.context("clap asks for one selector")?;
        caller_of(id, log)?
    };
    let scope = match (&scope.tenant, scope.did) {
        (Some(tenant), _) => For::Tenant(tenant.clone()),
        (None, Some(did)) => For::Did(did),
        (None, None) => For::All,
    };
    Ok((Selection { who, scope }, which.call))
}

fn caller_of(id: CallId, log: &Log) -> Result<Who> {
    let (store, data_dir) = log.open()?;
    let Some(call) = store.call(id)? else {
        return Err(Refusal::new(format!(
            "there is no call {id} in the log in {}",
            data_dir.display()
        )));
    };
    let Some(number) = call.caller.number() else {
        let shown = call.decision.and_then(|decision| decision.facts.cnam);
        let name = shown.map_or_else(String::new, |name| format!(" (it showed the name “{name}”)"));
        return Err(Refusal::new(format!(
            "the caller of {id} is {}, no number to block{name}; --name blocks by the name shown",
            caller_in_words(&call.caller)
        )));
    };
    Ok(Who::Number(number))
}

fn block_without_switch(order: Order, log: &Log) -> Result<Changed> {
    if let Ok(loaded) = config::load(log.config())
        && let Err(fault) = order.selection.check_scope(&loaded.directory)
    {
        return Err(Refusal::new(fault));
    }
    let id = Store::open(&log.data_dir()?)?.add_entry(&order.into_entry())?;
    Ok(Changed {
        ids: vec![id],
        ..Changed::default()
    })
}

fn take_off(store: &mut Store, selection: &Selection, by: &str) -> Result<Vec<u64>> {
    let mut removed = Vec::new();
    for kept in store.entries()? {
        if selection.is_said_by(&kept) && store.remove_entry(kept.id, by, clock::unix_ms())? {
            removed.push(kept.id);
        }
    }
    Ok(removed)
}

/// Other entries made by `block` that stop the same caller.
fn still_kept(data_dir: &std::path::Path, selection: &Selection) -> Result<Vec<String>> {
    if !Store::path_in(data_dir).exists() {
        return Ok(Vec::new());
    }
    let kept = Store::open_read_only(data_dir)?.entries()?;
    let now = clock::unix_ms();
    let stops = |kept: &&KeptEntry| {
        kept.entry.list == ListKind::Block
            && kept.entry.expires_ms.is_none_or(|until| until > now)
            && selection.who.is_covered_by(&kept.entry.key)
    };
    let told = |kept: &KeptEntry| {
        let other = Selection::of(&kept.entry);
        format!(
            "entry {}: {other}; ringfence unblock {}",
            kept.id,
            other.as_arguments()
        )
    };
    Ok(kept.iter().filter(stops).map(told).collect())
}

impl Order {
    fn into_entry(self) -> Entry {
        Entry {
            list: ListKind::Block,
            scope: self.selection.scope.in_store(),
            key: self.selection.who.in_store(),
            reason: self.reason.map(Into::into),
            author: self.by.into(),
            created_ms: clock::unix_ms(),
            expires_ms: self.expires_ms,
            from_call: self.from_call,
        }
    }
}

/// Whom it is about is personal data.
impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Order").finish_non_exhaustive()
    }
}

fn expiry(text: &str) -> Result<u64, String> {
    let now = clock::unix_ms();
    match when::future(text, now) {
        None => Err("so long from now (12h, 90d) or a date (2027-01-31) is understood".into()),
        Some(at) if at <= now => Err("that is past already".into()),
        Some(at) => Ok(at),
    }
}

fn at_most<const BYTES: usize>(text: &str) -> Result<String, String> {
    if text.len() > BYTES {
        return Err(format!(
            "{}, at most {BYTES} are kept",
            serve::count(text.len(), "byte")
        ));
    }
    Ok(text.to_owned())
}
