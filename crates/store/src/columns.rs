//! How values of the domain are written in columns, and read back.

use call_model::{Called, Caller, ChallengeOutcome, E164, Ending, Fault, ListKind, Side};
use rusqlite::Row;
use rusqlite::types::FromSql;

use crate::StoreError;

/// A value that has one text in a column.
pub(crate) trait Column: Sized {
    fn write(&self) -> String;
    fn read(text: &str) -> Option<Self>;
}

impl Column for E164 {
    fn write(&self) -> String {
        self.in_full().to_string()
    }

    fn read(text: &str) -> Option<Self> {
        Self::parse(text.as_bytes()).ok()
    }
}

impl Column for Caller {
    fn write(&self) -> String {
        match self {
            Self::Number(number) => number.write(),
            Self::Anonymous => "anonymous".to_owned(),
            Self::Named(name) => format!("named:{name}"),
            Self::Malformed(text) => format!("malformed:{text}"),
        }
    }

    fn read(text: &str) -> Option<Self> {
        if text.starts_with('+') {
            return E164::read(text).map(Self::Number);
        }
        match text.split_once(':') {
            None => (text == "anonymous").then_some(Self::Anonymous),
            Some(("named", name)) => Some(Self::Named(name.into())),
            Some(("malformed", text)) => Some(Self::Malformed(text.into())),
            Some(_) => None,
        }
    }
}

impl Column for Called {
    fn write(&self) -> String {
        match self {
            Self::Number(number) => number.write(),
            Self::Emergency(dialled) => format!("emergency:{dialled}"),
            Self::Other(dialled) => format!("other:{dialled}"),
        }
    }

    fn read(text: &str) -> Option<Self> {
        if text.starts_with('+') {
            return E164::read(text).map(Self::Number);
        }
        match text.split_once(':')? {
            ("emergency", dialled) => Some(Self::Emergency(dialled.into())),
            ("other", dialled) => Some(Self::Other(dialled.into())),
            _ => None,
        }
    }
}

/// A value of a small closed set, whose texts never change once released.
pub(crate) trait Word: Copy + 'static {
    const ALL: &'static [Self];

    fn word(self) -> &'static str;

    fn by_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.word() == word)
    }
}

impl Word for Ending {
    const ALL: &'static [Self] = &Ending::ALL;

    fn word(self) -> &'static str {
        self.as_str()
    }
}

impl Word for call_model::Cause {
    const ALL: &'static [Self] = Self::ALL;

    fn word(self) -> &'static str {
        self.as_str()
    }
}

impl Word for ChallengeOutcome {
    const ALL: &'static [Self] = &[Self::Passed, Self::Failed, Self::Silent, Self::Abandoned];

    fn word(self) -> &'static str {
        self.as_str()
    }
}

impl Word for Fault {
    const ALL: &'static [Self] = &[Self::Caller, Self::Callee, Self::Trunk, Self::Switch];

    fn word(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Callee => "callee",
            Self::Trunk => "trunk",
            Self::Switch => "switch",
        }
    }
}

impl Word for Side {
    const ALL: &'static [Self] = &[Self::Caller, Self::Callee, Self::Switch];

    fn word(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Callee => "callee",
            Self::Switch => "switch",
        }
    }
}

impl Word for ListKind {
    const ALL: &'static [Self] = &[Self::Allow, Self::Block];

    fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Block => "block",
        }
    }
}

/// SQLite has signed integers only; times and counts beyond them do not occur before the year 292 million.
pub(crate) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Reads one row's columns by position, with a fault that names the column.
pub(crate) struct Reader<'row, F: Fn(&'static str) -> StoreError> {
    row: &'row Row<'row>,
    next: usize,
    malformed: F,
}

impl<'row, F: Fn(&'static str) -> StoreError> Reader<'row, F> {
    pub(crate) fn new(row: &'row Row<'row>, malformed: F) -> Self {
        Self {
            row,
            next: 0,
            malformed,
        }
    }

    /// The next column as SQLite holds it.
    pub(crate) fn plain<T: FromSql>(&mut self) -> Result<T, StoreError> {
        self.next += 1;
        Ok(self.row.get(self.next - 1)?)
    }

    pub(crate) fn number(&mut self, column: &'static str) -> Result<u64, StoreError> {
        let value: i64 = self.plain()?;
        u64::try_from(value).map_err(|_| (self.malformed)(column))
    }

    pub(crate) fn optional_number(&mut self, column: &'static str) -> Result<Option<u64>, StoreError> {
        let value: Option<i64> = self.plain()?;
        value
            .map(|value| u64::try_from(value).map_err(|_| (self.malformed)(column)))
            .transpose()
    }

    /// The next column, through a function that knows its texts.
    pub(crate) fn text<T>(
        &mut self,
        column: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, StoreError> {
        self.optional_text(column, read)?
            .ok_or_else(|| (self.malformed)(column))
    }

    pub(crate) fn optional_text<T>(
        &mut self,
        column: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        self.next += 1;
        let text = self
            .row
            .get_ref(self.next - 1)?
            .as_str_or_null()
            .map_err(|_| (self.malformed)(column))?;
        text.map(|text| read(text).ok_or_else(|| (self.malformed)(column)))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_and_called_survive_their_column_whatever_their_text() {
        let texts = ["", "+1", "anonymous", "named:x", "a:b:c", "+12025550143"];
        let number = E164::parse(b"+12025550143").unwrap();
        let mut callers = vec![Caller::Number(number), Caller::Anonymous];
        let mut called = vec![Called::Number(number)];
        for text in texts {
            callers.extend([Caller::Named(text.into()), Caller::Malformed(text.into())]);
            called.extend([Called::Emergency(text.into()), Called::Other(text.into())]);
        }
        for caller in callers {
            assert_eq!(Caller::read(&caller.write()), Some(caller));
        }
        for called in called {
            assert_eq!(Called::read(&called.write()), Some(called));
        }
    }

    #[test]
    fn words_are_those_that_serde_writes() {
        fn check<T: Word + serde::Serialize>() {
            for value in T::ALL {
                assert_eq!(serde_json::to_value(value).unwrap(), value.word());
            }
        }
        check::<Ending>();
        check::<call_model::Cause>();
        check::<ChallengeOutcome>();
        check::<Fault>();
        check::<Side>();
        check::<ListKind>();
    }
}
