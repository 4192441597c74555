//! Decides, with reasons, how a caller is treated.
//!
//! [`screen`] is one function of the facts of a call, what the directory says of it ([`Subject`]), the windows that
//! all calls feed ([`Windows`]) and the time (`facts.at_ms`) to a decision record and an [`Admission`]. Live and in
//! a rehearsal it is the same code: [`decide`] is its pure heart, and [`explain()`] runs `decide` again on a record,
//! with a sink that listens.
//!
//! # Order of the rules
//! A rule that settles the call ends the deliberation; later rules are listed by `explain` as skipped.
//! 1. **Trunk.** An unknown source is refused ([`Cause::UnknownTrunk`](call_model::Cause::UnknownTrunk)), whatever
//!    it calls: who is not our peer cannot reach an emergency service through us.
//! 2. **Emergency.** A call *to* an emergency service passes, whatever follows. A recognised call-back or priority
//!    call passes everything but the question whether anybody is there: a number that is unknown, released or
//!    quarantined stays refused; a paused one rings.
//! 3. **Number state.** Unknown, paused, released or quarantined: refused, each with its cause.
//! 4. **Hard rules.** A caller's number that is malformed or cannot exist ([`impossible`]); the do-not-originate
//!    list; one of our own numbers from outside. A withheld, absent or non-numeric caller is none of these.
//! 5. **Owner's allow list**, of the number, the tenant, the operator: wins over everything after it, not over
//!    anything before it.
//! 6. **Owner's block list**, in the same scopes. Within a scope the most specific entry decides (number, longest
//!    prefix, exact name, wildcards as written); across scopes the harshest treatment wins. A refusal ends the
//!    deliberation.
//! 7. **Passed challenge.** A challenge passed not long ago meets every entry of a block list that asks for no more
//!    than one, and sets free of the detective. Entries that mark, announce or refuse are not met by it.
//! 8. **Detective.** Each signal over its threshold asks for a treatment; the harshest wins.
//!
//! Only hard rules and owner's lists refuse, unless the owner set a signal to refuse. What is not known never
//! counts against a caller: an entry that has expired never matches, a window that cannot be read is 0.

mod budget;
mod changes;
mod decide;
mod detective;
mod explain;
mod lists;
mod names;
mod numbering;
mod prefixes;
mod screen;
mod windows;
mod words;

pub use budget::{BudgetHold, BudgetRefusal, TrunkBudget, TrunkMeter};
pub use decide::decide;
pub use detective::{DetectiveFault, DetectiveSettings, SIGNALS_MAX, Signal, SignalKind};
pub use explain::{Change, Explanation, Finding, Item, explain};
pub use lists::{ListEntry, ListFault, ListKey, Lists, ListsBuilder, Terms};
pub use names::{CnamFault, CnamPattern};
pub use numbering::{Impossible, impossible};
pub use prefixes::{NumberSet, Prefix, PrefixFault};
pub use screen::{Admission, Challenged, Screened, Screening, Subject, rehearse, screen};
pub use windows::{Windows, WindowsCapacity, WindowsLosses};

#[cfg(test)]
mod tests;
