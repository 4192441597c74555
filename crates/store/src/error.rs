//! What can go wrong.

use std::io;
use std::path::PathBuf;

use call_model::CallId;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The directory, or the file in it, could not be made or protected.
    #[error("{path} could not be prepared")]
    Prepare {
        /// Which of them.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing has been stored in that directory yet.
    #[error("{0} does not exist: nothing has been stored there yet")]
    Absent(PathBuf),
    /// A later release has written the file.
    #[error(
        "the file has schema {found}, this release knows {known}: use the release that wrote it, or a later one"
    )]
    NewerSchema {
        /// The file's schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// An earlier release has written the file, and it is opened for reading only.
    #[error(
        "the file has schema {found}, this release needs {known}: start the switch once to bring it up to date"
    )]
    OlderSchema {
        /// The file's schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The table of list entries is full.
    #[error("{max} list entries are kept at most")]
    TooManyEntries {
        /// The limit.
        max: u64,
    },
    /// A call's record cannot be read back: the file was changed by other hands.
    #[error("the record of call {id} cannot be read: {column} is malformed")]
    MalformedCall {
        /// Which call.
        id: CallId,
        /// Which column.
        column: &'static str,
    },
    /// A row cannot be read back: the file was changed by other hands.
    #[error("a row cannot be read: {column} of {table} is malformed")]
    MalformedRow {
        /// Which table.
        table: &'static str,
        /// Which column.
        column: &'static str,
    },
    /// A value could not be written as JSON.
    #[error("a value could not be written as JSON")]
    Json(#[source] serde_json::Error),
    /// The disk is full. Nothing of the batch was written; try again.
    #[error("the disk is full")]
    Full,
    /// Another process holds the file. Nothing of the batch was written; try again.
    #[error("the file is locked by another process")]
    Busy,
    /// The database failed in another way.
    #[error("the database failed")]
    Database(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full,
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => Self::Busy,
            _ => Self::Database(error),
        }
    }
}
