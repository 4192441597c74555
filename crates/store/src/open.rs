//! Opening the file, and its schema.

use std::fmt;
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::StoreError;

/// The open file.
///
/// A store that was opened for writing may write and read; several processes may hold one, and take turns. One that
/// was opened for reading answers writes with an error.
pub struct Store {
    pub(crate) connection: Connection,
}

impl Store {
    /// Opens the file in `data_dir` for writing; makes both where they are missing, and brings the schema up to date.
    ///
    /// A directory that is made here is the owner's only (0700), one that exists is left as it is; the file always
    /// becomes the owner's only (0600).
    ///
    /// # Errors
    /// [`StoreError::Prepare`] where the directory cannot be made or written, [`StoreError::NewerSchema`] for a file
    /// of a later release.
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let path = data_dir.join(FILE_NAME);
        let prepare = |source| StoreError::Prepare {
            path: path.clone(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(data_dir)
            .map_err(prepare)?;
        // SQLite gives the files beside it the same permissions.
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(prepare)?;
        file.set_permissions(Permissions::from_mode(0o600))
            .map_err(prepare)?;
        drop(file);

        let mut connection = Connection::open_with_flags(
            &path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.busy_timeout(BUSY_TIME)?;
        refuse_newer(schema_of(&connection)?)?;
        connection.execute_batch(SETTINGS)?;
        migrate(&mut connection)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
        Ok(Self { connection })
    }

    /// Opens the file in `data_dir` for reading, whether or not a switch writes it meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Absent`] where there is no such file, [`StoreError::NewerSchema`] or
    /// [`StoreError::OlderSchema`] for a file of another release.
    pub fn open_read_only(data_dir: &Path) -> Result<Self, StoreError> {
        let path = data_dir.join(FILE_NAME);
        match path.metadata() {
            Ok(_) => {}
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Err(StoreError::Absent(path)),
            Err(source) => return Err(StoreError::Prepare { path, source }),
        }
        let connection = Connection::open_with_flags(
            &path,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.busy_timeout(BUSY_TIME)?;
        let found = schema_of(&connection)?;
        refuse_newer(found)?;
        if found < SCHEMA {
            return Err(StoreError::OlderSchema { found, known: SCHEMA });
        }
        connection.execute_batch("PRAGMA cache_size = -16384;")?;
        Ok(Self { connection })
    }

    /// Where the file in a data directory is.
    #[must_use]
    pub fn path_in(data_dir: &Path) -> PathBuf {
        data_dir.join(FILE_NAME)
    }
}

/// Shows nothing of what is inside: it is personal data.
impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

fn schema_of(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("PRAGMA user_version", (), |row| row.get(0))?)
}

fn refuse_newer(found: i64) -> Result<(), StoreError> {
    if found > SCHEMA {
        Err(StoreError::NewerSchema { found, known: SCHEMA })
    } else {
        Ok(())
    }
}

/// Takes the steps that are missing, all or none. Two processes that start at once take turns.
fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    if schema_of(connection)? == SCHEMA {
        return Ok(());
    }
    let turn = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = schema_of(&turn)?;
    refuse_newer(found)?;
    for step in STEPS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        turn.execute_batch(step)?;
    }
    turn.pragma_update(None, "user_version", SCHEMA)?;
    Ok(turn.commit()?)
}

const FILE_NAME: &str = "ringfence.db";

/// How long to wait for another process that writes.
const BUSY_TIME: Duration = Duration::from_secs(5);

/// Every statement the store knows, so that none is compiled twice.
const STATEMENTS_CACHED: usize = 32;

/// The log is copied into the file every 16 MiB: rows of one table and its indices that lie together are then written
/// once for many batches. A reader that stays long may let it grow; afterwards it is cut to 64 MiB.
const SETTINGS: &str = "\
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA wal_autocheckpoint = 4096;
PRAGMA journal_size_limit = 67108864;
PRAGMA cache_size = -16384;
PRAGMA temp_store = MEMORY;
PRAGMA foreign_keys = ON;";

/// Each step brings the schema from its index to the next number; a released step never changes.
const STEPS: &[&str] = &[include_str!("schema/1.sql")];

const SCHEMA: i64 = STEPS.len() as i64;
