//! Which callers an entry is about, and for whose calls.

use std::fmt;

use call_model::{CallRecord, Called, E164, ListKind};
use routing::Directory;
use screening::{CnamPattern, Prefix};
use serde::{Deserialize, Serialize};
use store::{Entry, EntryKey, KeptEntry, Scope};

/// Which callers, for whose calls.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Selection {
    pub(crate) who: Who,
    #[serde(rename = "for")]
    pub(crate) scope: For,
}

/// Which callers.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Who {
    /// One number.
    Number(E164),
    /// All numbers that begin so: `+` and digits.
    Prefix(String),
    /// All who show such a name.
    Name(String),
}

/// For whose calls.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum For {
    /// Everybody's.
    All,
    /// One business's.
    Tenant(String),
    /// Those to one tracking number.
    Did(E164),
}

impl Selection {
    /// What an entry of the store says.
    pub(crate) fn of(entry: &Entry) -> Self {
        let who = match &entry.key {
            EntryKey::Number(number) => Who::Number(*number),
            EntryKey::Prefix(prefix) => Who::Prefix(prefix.to_string()),
            EntryKey::Cnam(name) => Who::Name(name.to_string()),
        };
        let scope = match &entry.scope {
            Scope::Operator => For::All,
            Scope::Tenant(tenant) => For::Tenant(tenant.to_string()),
            Scope::Did(did) => For::Did(*did),
        };
        Self { who, scope }
    }

    /// Whether an entry of the store blocks exactly these callers for exactly these calls.
    pub(crate) fn is_said_by(&self, kept: &KeptEntry) -> bool {
        let other = Self::of(&kept.entry);
        kept.entry.list == ListKind::Block && other.scope == self.scope && other.who.is_same(&self.who)
    }

    /// Whether the calls that it is for can be.
    ///
    /// # Errors
    /// What is not there.
    pub(crate) fn check_scope(&self, directory: &Directory) -> Result<(), String> {
        match &self.scope {
            For::All => Ok(()),
            For::Tenant(name) => {
                let tenants = directory.tenants();
                if tenants.iter().any(|tenant| tenant.name.as_str() == name) {
                    return Ok(());
                }
                let known: Vec<&str> = tenants.iter().map(|tenant| tenant.name.as_str()).collect();
                Err(format!(
                    "there is no tenant {name}; there are: {}",
                    known.join(", ")
                ))
            }
            For::Did(did) if directory.number(*did).is_some() => Ok(()),
            For::Did(did) => Err(format!("{} is no tracking number of ours", did.in_full())),
        }
    }

    /// Whether a call would have been stopped by this, had nothing else stopped it before.
    pub(crate) fn stops(&self, call: &CallRecord) -> bool {
        let concerned = match &self.scope {
            For::All => true,
            For::Tenant(name) => call.tenant.as_ref().is_some_and(|tenant| tenant.as_str() == name),
            For::Did(did) => call.called == Called::Number(*did),
        };
        let cnam = || {
            let decision = call.decision.as_deref()?;
            decision.facts.cnam.as_deref()
        };
        concerned
            && match &self.who {
                Who::Number(number) => call.caller.number() == Some(*number),
                Who::Prefix(prefix) => call.caller.number().is_some_and(|number| covers(prefix, number)),
                Who::Name(name) => {
                    let pattern = CnamPattern::parse(name);
                    pattern.is_ok_and(|pattern| cnam().is_some_and(|shown| pattern.matches(shown)))
                }
            }
    }

    /// The same as the command line has it.
    pub(crate) fn as_arguments(&self) -> String {
        let who = match &self.who {
            Who::Number(number) => number.in_full().to_string(),
            Who::Prefix(prefix) => format!("--prefix {prefix}"),
            Who::Name(name) => format!("--name '{}'", name.replace('\'', r"'\''")),
        };
        match &self.scope {
            For::All => who,
            For::Tenant(tenant) => format!("{who} --tenant {tenant}"),
            For::Did(did) => format!("{who} --did {}", did.in_full()),
        }
    }
}

impl Who {
    pub(crate) fn in_store(&self) -> EntryKey {
        match self {
            Self::Number(number) => EntryKey::Number(*number),
            Self::Prefix(prefix) => EntryKey::Prefix(prefix.as_str().into()),
            Self::Name(name) => EntryKey::Cnam(name.as_str().into()),
        }
    }

    /// Whether both speak of the same callers, however it is written.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => one == other,
            (Self::Prefix(one), Self::Prefix(other)) => Prefix::parse(one) == Prefix::parse(other),
            (Self::Name(one), Self::Name(other)) => fold(one) == fold(other),
            (Self::Number(_) | Self::Prefix(_) | Self::Name(_), _) => false,
        }
    }

    /// Whether an entry with this key stops these callers too.
    pub(crate) fn is_covered_by(&self, key: &EntryKey) -> bool {
        match (self, key) {
            (Self::Number(number), EntryKey::Prefix(prefix)) => covers(prefix, *number),
            (Self::Number(one), EntryKey::Number(other)) => one == other,
            (Self::Prefix(one), EntryKey::Prefix(other)) => Prefix::parse(one) == Prefix::parse(other),
            (Self::Name(one), EntryKey::Cnam(other)) => fold(one) == fold(other),
            (Self::Number(_) | Self::Prefix(_) | Self::Name(_), _) => false,
        }
    }
}

impl For {
    pub(crate) fn in_store(&self) -> Scope {
        match self {
            Self::All => Scope::Operator,
            Self::Tenant(tenant) => Scope::Tenant(tenant.as_str().into()),
            Self::Did(did) => Scope::Did(*did),
        }
    }
}

/// In clear: for whoever typed it.
impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.who {
            Who::Number(number) => write!(f, "{}", number.in_full())?,
            Who::Prefix(prefix) => write!(f, "all numbers that begin with {prefix}")?,
            Who::Name(name) => write!(f, "all who show the name “{name}”")?,
        }
        match &self.scope {
            For::All => f.write_str(", for all calls"),
            For::Tenant(tenant) => write!(f, ", for calls to {tenant}"),
            For::Did(did) => write!(f, ", for calls to {}", did.in_full()),
        }
    }
}

/// For logs: nothing that tells who.
impl fmt::Debug for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selection").finish_non_exhaustive()
    }
}

/// A prefix, for clap: `+` and digits, in the one way that the store keeps it.
pub(crate) fn prefix(text: &str) -> Result<String, String> {
    let prefix = Prefix::parse(text.trim()).map_err(|fault| fault.to_string())?;
    Ok(prefix.to_string().trim_end_matches('*').to_owned())
}

/// A name pattern, for clap.
pub(crate) fn name(text: &str) -> Result<String, String> {
    let pattern = CnamPattern::parse(text).map_err(|fault| fault.to_string())?;
    Ok(pattern.as_str().to_owned())
}

fn covers(prefix: &str, number: E164) -> bool {
    Prefix::parse(prefix).is_ok_and(|prefix| prefix.covers(number))
}

/// Upper and lower case, and how much space stands between words, make no difference in a name.
fn fold(name: &str) -> String {
    let words: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_callers_are_found_however_they_are_written() {
        assert_eq!(prefix("+1 (202) 555*"), Ok("+1202555".to_owned()));
        assert!(prefix("202").is_err());
        let name = |text: &str| Who::Name(text.to_owned());
        assert!(name("*Car  Warranty*").is_same(&name("*car warranty*")));
        assert!(!name("*car*").is_same(&Who::Prefix("+1".to_owned())));
    }

    #[test]
    fn number_is_covered_by_its_prefixes() {
        let who = Who::Number(E164::parse(b"+12025550143").unwrap());
        assert!(who.is_covered_by(&EntryKey::Prefix("+1202".into())));
        assert!(!who.is_covered_by(&EntryKey::Prefix("+1212".into())));
        assert!(!who.is_covered_by(&EntryKey::Cnam("*".into())));
    }

    #[test]
    fn command_line_of_a_selection_survives_a_shell() {
        let selection = Selection {
            who: Who::Name("joe's *".into()),
            scope: For::Tenant("acme".into()),
        };
        assert_eq!(selection.as_arguments(), r"--name 'joe'\''s *' --tenant acme");
    }

    #[test]
    fn debug_output_tells_nobody_whom_it_is_about() {
        let selection = Selection {
            who: Who::Number(E164::parse(b"+12025550143").unwrap()),
            scope: For::All,
        };
        assert!(!format!("{selection:?}").contains("555"));
    }
}
