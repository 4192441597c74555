//! Directories that were in force, so that an old decision can be read beside the rules it was made by.

use rusqlite::{OptionalExtension as _, params};

use crate::columns::integer;
use crate::{Store, StoreError};

/// A directory as it was applied.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Version {
    /// Names its content: the ruleset version in hexadecimal.
    pub hash: Box<str>,
    /// When it was last applied, Unix milliseconds.
    pub applied_ms: u64,
    /// Its files, in the order they were read.
    pub files: Vec<VersionFile>,
}

/// One file of a directory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VersionFile {
    /// Its name, without the folder.
    pub name: Box<str>,
    /// What was in it.
    pub text: Box<str>,
}

impl Store {
    /// Keeps a directory that was applied. One that is kept already only becomes the latest again; beyond
    /// [`Store::VERSIONS_MAX`] the one that was applied longest ago goes.
    ///
    /// # Errors
    /// As for [`Store::append`].
    pub fn save_version(
        &mut self,
        hash: &str,
        applied_ms: u64,
        files: &[(&str, &str)],
    ) -> Result<(), StoreError> {
        let turn = self.connection.transaction()?;
        let known = turn.execute(
            "UPDATE versions SET applied_ms = max(applied_ms, ?2) WHERE hash = ?1",
            params![hash, integer(applied_ms)],
        )?;
        if known == 0 {
            turn.execute(
                "INSERT INTO versions (hash, applied_ms) VALUES (?, ?)",
                params![hash, integer(applied_ms)],
            )?;
            let mut insert = turn.prepare_cached(
                "INSERT INTO version_files (hash, position, name, text) VALUES (?, ?, ?, ?)",
            )?;
            for (position, (name, text)) in (0u32..).zip(files) {
                insert.execute(params![hash, position, name, text])?;
            }
        }
        turn.execute(
            "DELETE FROM versions WHERE hash IN
             (SELECT hash FROM versions ORDER BY applied_ms DESC, hash LIMIT -1 OFFSET ?)",
            [integer(Self::VERSIONS_MAX)],
        )?;
        Ok(turn.commit()?)
    }

    /// The directory of that name, where it is still kept.
    ///
    /// # Errors
    /// [`StoreError::Database`] where the file cannot be read.
    pub fn version(&self, hash: &str) -> Result<Option<Version>, StoreError> {
        let found = self
            .connection
            .prepare_cached("SELECT hash, applied_ms FROM versions WHERE hash = ?")?
            .query_row([hash], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        found
            .map(|(hash, applied_ms)| self.with_files(hash, applied_ms))
            .transpose()
    }

    /// The directory that was applied last.
    ///
    /// # Errors
    /// [`StoreError::Database`] where the file cannot be read.
    pub fn latest_version(&self) -> Result<Option<Version>, StoreError> {
        let found = self
            .connection
            .prepare_cached("SELECT hash, applied_ms FROM versions ORDER BY applied_ms DESC, hash LIMIT 1")?
            .query_row((), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        found
            .map(|(hash, applied_ms)| self.with_files(hash, applied_ms))
            .transpose()
    }

    /// The most directories that are kept.
    pub const VERSIONS_MAX: u64 = 100;

    fn with_files(&self, hash: Box<str>, applied_ms: i64) -> Result<Version, StoreError> {
        let mut select = self
            .connection
            .prepare_cached("SELECT name, text FROM version_files WHERE hash = ? ORDER BY position")?;
        let files = select.query_map([&*hash], |row| {
            Ok(VersionFile {
                name: row.get(0)?,
                text: row.get(1)?,
            })
        })?;
        let files = files.collect::<Result<_, _>>()?;
        Ok(Version {
            files,
            applied_ms: applied_ms.unsigned_abs(),
            hash,
        })
    }
}
