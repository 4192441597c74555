//! What must survive a restart: call log, list entries, passes, directory versions.
//!
//! One SQLite file, `ringfence.db`, in write-ahead mode: the switch writes in batches, and others read meanwhile. A
//! batch is written as a whole or not at all, so that a caller that keeps the batch until it was written loses no
//! record to a full disk. A crash of the process loses nothing that was written; a crash of the machine may lose the
//! last moments, never the file (`synchronous=NORMAL`).
//!
//! Telephone numbers are kept in full here, and nowhere else: the file is readable by its owner only.

mod calls;
mod columns;
mod entries;
mod error;
mod finding;
mod open;
mod passes;
mod versions;

pub use calls::{CallFilter, Order};
pub use entries::{Entry, EntryKey, KeptEntry, Removal, Scope};
pub use error::StoreError;
pub use open::Store;
pub use passes::Pass;
pub use versions::{Version, VersionFile};
