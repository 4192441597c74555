//! How the things that screening looks at are put for people.

use std::fmt;

use call_model::{Caller, Emergency, Facts, ListKind, NumberState};

use crate::decide::Scope;

/// A length of time in its largest whole unit: `10 min`, `24 h`, `3 days`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lasting(u64);

impl Lasting {
    pub(crate) fn ms(ms: u64) -> Self {
        Self(ms)
    }
}

impl fmt::Display for Lasting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SECOND: u64 = 1000;
        const MINUTE: u64 = 60 * SECOND;
        const HOUR: u64 = 60 * MINUTE;
        const DAY: u64 = 24 * HOUR;
        let ms = self.0;
        match ms {
            ms if ms < SECOND => write!(f, "{ms} ms"),
            ms if ms < 2 * MINUTE && ms % MINUTE != 0 => write!(f, "{} s", ms / SECOND),
            ms if ms < 2 * HOUR && ms % HOUR != 0 => write!(f, "{} min", ms / MINUTE),
            ms if ms < 2 * DAY => write!(f, "{} h", ms / HOUR),
            ms => write!(f, "{} days", ms / DAY),
        }
    }
}

/// The caller, in full.
pub(crate) fn who(caller: &Caller) -> String {
    match caller {
        Caller::Number(number) => number.in_full().to_string(),
        Caller::Anonymous => "a withheld number".into(),
        Caller::Named(name) => format!("“{name}”, which is no number"),
        Caller::Malformed(text) => format!("“{text}”"),
    }
}

/// The caller, in full, with the name shown.
pub(crate) fn who_and_name(facts: &Facts) -> String {
    match &facts.cnam {
        Some(name) => format!("{}, named “{name}”", who(&facts.caller)),
        None => who(&facts.caller),
    }
}

/// An entry with its author's reason.
pub(crate) fn entry(key: &str, note: Option<&str>) -> String {
    match note {
        Some(note) => format!("{key} (“{note}”)"),
        None => key.into(),
    }
}

/// The item of an owner's list.
pub(crate) fn list(kind: ListKind, scope: Scope) -> &'static str {
    match (kind, scope) {
        (ListKind::Allow, Scope::Number) => "allow_list.number",
        (ListKind::Allow, Scope::Tenant) => "allow_list.tenant",
        (ListKind::Allow, Scope::Operator) => "allow_list.operator",
        (ListKind::Block, Scope::Number) => "block_list.number",
        (ListKind::Block, Scope::Tenant) => "block_list.tenant",
        (ListKind::Block, Scope::Operator) => "block_list.operator",
    }
}

/// What a call has to do with an emergency.
pub(crate) fn emergency(emergency: Emergency) -> &'static str {
    match emergency {
        Emergency::Call => "the call is to an emergency service",
        Emergency::CallBack => "an emergency service calls back",
        Emergency::Priority => "the call has a priority that its trunk may ask for",
    }
}

/// Why a number in this state does not ring.
pub(crate) fn number_state(state: Option<NumberState>) -> &'static str {
    match state {
        None => "nobody here has the number that was called",
        Some(NumberState::Active) => "the number that was called is in use",
        Some(NumberState::Paused) => "the number that was called is paused",
        Some(NumberState::Released) => "the number that was called is no longer in use",
        Some(NumberState::Quarantined) => "the number that was called rests before it is given out again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_told_in_its_largest_whole_unit() {
        let told = |seconds: u64| Lasting::ms(seconds * 1000).to_string();
        assert_eq!(told(5), "5 s");
        assert_eq!(told(60), "1 min");
        assert_eq!(told(90), "90 s");
        assert_eq!(told(600), "10 min");
        assert_eq!(told(3600), "1 h");
        assert_eq!(told(86_400), "24 h");
        assert_eq!(told(3 * 86_400), "3 days");
        assert_eq!(Lasting::ms(250).to_string(), "250 ms");
    }
}
