//! List entries that were made while the switch ran, beside those in the directory's files.

use call_model::{CallId, E164, ListKind, TenantName};
use rusqlite::{Row, params};

use crate::columns::{Column as _, Reader, Word as _, integer};
use crate::{Store, StoreError};

/// An entry as its author made it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Let through, or refuse.
    pub list: ListKind,
    /// For whom it counts.
    pub scope: Scope,
    /// Which callers it is about.
    pub key: EntryKey,
    /// Why, in the author's words.
    pub reason: Option<Box<str>>,
    /// Who made it.
    pub author: Box<str>,
    /// When it was made, Unix milliseconds.
    pub created_ms: u64,
    /// Until when it counts, Unix milliseconds; absent where it counts until removed.
    pub expires_ms: Option<u64>,
    /// The call that led to it.
    pub from_call: Option<CallId>,
}

/// For whom an entry counts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scope {
    /// For every call.
    Operator,
    /// For calls to one business.
    Tenant(TenantName),
    /// For calls to one tracking number.
    Did(E164),
}

/// Which callers an entry is about.
#[derive(Clone, Eq, PartialEq)]
pub enum EntryKey {
    /// One number.
    Number(E164),
    /// All numbers that begin so: `+` and digits.
    Prefix(Box<str>),
    /// Callers who show this name, as the directory writes name patterns.
    Cnam(Box<str>),
}

/// An entry in the store.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeptEntry {
    /// Names the entry; never given out twice.
    pub id: u64,
    /// What it says.
    pub entry: Entry,
    /// When and by whom it was taken off; absent while it is kept.
    pub removal: Option<Removal>,
}

/// When and by whom an entry was taken off its list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Removal {
    /// When, Unix milliseconds.
    pub at_ms: u64,
    /// Who.
    pub by: Box<str>,
}

/// Names and numbers are personal data.
impl std::fmt::Debug for EntryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "Number({number:?})"),
            Self::Prefix(_) => f.write_str("Prefix(…)"),
            Self::Cnam(_) => f.write_str("Cnam(…)"),
        }
    }
}

impl Store {
    /// Keeps an entry, and returns its id. One with the same list, scope and key takes its place: the former one is
    /// taken off by the new one's author.
    ///
    /// # Errors
    /// [`StoreError::TooManyEntries`] where [`Store::ENTRIES_MAX`] are kept; else as for [`Store::append`].
    pub fn add_entry(&mut self, entry: &Entry) -> Result<u64, StoreError> {
        let turn = self.connection.transaction()?;
        let (scope_kind, scope) = entry.scope.columns();
        let (key_kind, key) = entry.key.columns();
        let (list, created) = (entry.list.word(), integer(entry.created_ms));
        turn.prepare_cached(
            "UPDATE entries SET removed_ms = ?1, removed_by = ?2 WHERE removed_ms IS NULL
             AND list = ?3 AND scope_kind = ?4 AND scope = ?5 AND key_kind = ?6 AND key = ?7",
        )?
        .execute(params![
            created,
            entry.author,
            list,
            scope_kind,
            scope,
            key_kind,
            key
        ])?;
        let kept: i64 = turn.query_row(
            "SELECT count(*) FROM entries WHERE removed_ms IS NULL",
            (),
            |row| row.get(0),
        )?;
        if kept >= integer(Self::ENTRIES_MAX) {
            return Err(StoreError::TooManyEntries {
                max: Self::ENTRIES_MAX,
            });
        }
        turn.prepare_cached(
            "INSERT INTO entries
             (list, scope_kind, scope, key_kind, key, reason, author, created_ms, expires_ms, from_call)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            list,
            scope_kind,
            scope,
            key_kind,
            key,
            entry.reason,
            entry.author,
            created,
            entry.expires_ms.map(integer),
            entry.from_call.map(|call| call.to_string()),
        ])?;
        let id = turn.last_insert_rowid();
        prune_history(&turn)?;
        turn.commit()?;
        Ok(id.unsigned_abs())
    }

    /// Takes an entry off its list; it stays in the history. Returns whether it was there.
    ///
    /// # Errors
    /// As for [`Store::append`].
    pub fn remove_entry(&mut self, id: u64, by: &str, at_ms: u64) -> Result<bool, StoreError> {
        let turn = self.connection.transaction()?;
        let removed = turn
            .prepare_cached(
                "UPDATE entries SET removed_ms = ?1, removed_by = ?2 WHERE id = ?3 AND removed_ms IS NULL",
            )?
            .execute(params![integer(at_ms), by, integer(id)])?;
        prune_history(&turn)?;
        turn.commit()?;
        Ok(removed > 0)
    }

    /// The entries that are kept, oldest first; those whose time is over among them.
    ///
    /// # Errors
    /// [`StoreError::MalformedRow`] where the file was changed by other hands.
    pub fn entries(&self) -> Result<Vec<KeptEntry>, StoreError> {
        self.select_entries("WHERE removed_ms IS NULL ORDER BY id", u32::MAX)
    }

    /// Entries that were taken off, the last one first; at most [`Store::HISTORY_MAX`] are remembered.
    ///
    /// # Errors
    /// [`StoreError::MalformedRow`] where the file was changed by other hands.
    pub fn removed_entries(&self, limit: u32) -> Result<Vec<KeptEntry>, StoreError> {
        self.select_entries(
            "WHERE removed_ms IS NOT NULL ORDER BY removed_ms DESC, id DESC",
            limit,
        )
    }

    /// The most entries that are kept.
    pub const ENTRIES_MAX: u64 = 100_000;

    /// The most entries that are remembered after they were taken off.
    pub const HISTORY_MAX: u64 = 10_000;

    fn select_entries(&self, which: &str, limit: u32) -> Result<Vec<KeptEntry>, StoreError> {
        let mut select = self.connection.prepare_cached(&format!(
            "SELECT id, list, scope_kind, scope, key_kind, key, reason, author, created_ms, expires_ms, from_call,
             removed_ms, removed_by FROM entries {which} LIMIT ?"
        ))?;
        let mut rows = select.query([limit])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            entries.push(read(row)?);
        }
        Ok(entries)
    }
}

fn prune_history(turn: &rusqlite::Transaction<'_>) -> Result<(), StoreError> {
    turn.prepare_cached(
        "DELETE FROM entries WHERE id IN (SELECT id FROM entries WHERE removed_ms IS NOT NULL
         ORDER BY removed_ms DESC, id DESC LIMIT -1 OFFSET ?)",
    )?
    .execute([integer(Store::HISTORY_MAX)])?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<KeptEntry, StoreError> {
    let malformed = |column| StoreError::MalformedRow {
        table: "entries",
        column,
    };
    let mut columns = Reader::new(row, malformed);
    let id = columns.number("id")?;
    let list = columns.text("list", ListKind::by_word)?;
    let scope_kind: String = columns.plain()?;
    let scope = columns.text("scope", |text| Scope::read(&scope_kind, text))?;
    let key_kind: String = columns.plain()?;
    let key = columns.text("key", |text| EntryKey::read(&key_kind, text))?;
    let entry = Entry {
        list,
        scope,
        key,
        reason: columns.plain()?,
        author: columns.plain()?,
        created_ms: columns.number("created_ms")?,
        expires_ms: columns.optional_number("expires_ms")?,
        from_call: columns.optional_text("from_call", |text| text.parse().ok())?,
    };
    let removed_ms = columns.optional_number("removed_ms")?;
    let removed_by: Option<Box<str>> = columns.plain()?;
    let removal = removed_ms.map(|at_ms| Removal {
        at_ms,
        by: removed_by.unwrap_or_default(),
    });
    Ok(KeptEntry { id, entry, removal })
}

impl Scope {
    fn columns(&self) -> (&'static str, String) {
        match self {
            Self::Operator => ("operator", String::new()),
            Self::Tenant(name) => ("tenant", name.to_string()),
            Self::Did(number) => ("did", number.write()),
        }
    }

    fn read(kind: &str, text: &str) -> Option<Self> {
        match kind {
            "operator" => Some(Self::Operator),
            "tenant" => Some(Self::Tenant(text.into())),
            "did" => E164::read(text).map(Self::Did),
            _ => None,
        }
    }
}

impl EntryKey {
    fn columns(&self) -> (&'static str, String) {
        match self {
            Self::Number(number) => ("number", number.write()),
            Self::Prefix(prefix) => ("prefix", prefix.to_string()),
            Self::Cnam(name) => ("cnam", name.to_string()),
        }
    }

    fn read(kind: &str, text: &str) -> Option<Self> {
        match kind {
            "number" => E164::read(text).map(Self::Number),
            "prefix" => Some(Self::Prefix(text.into())),
            "cnam" => Some(Self::Cnam(text.into())),
            _ => None,
        }
    }
}
