//! Callers who passed a challenge, and are not challenged again for a while.

use call_model::{E164, TenantName};
use rusqlite::params;

use crate::columns::{Column as _, Reader, integer};
use crate::{Store, StoreError};

/// A caller who passed a challenge of one business.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pass {
    /// The business.
    pub tenant: TenantName,
    /// The caller.
    pub caller: E164,
    /// Until when it counts, Unix milliseconds.
    pub until_ms: u64,
}

impl Store {
    /// Remembers that a caller passed a challenge; the later end counts where one is remembered already. Beyond
    /// [`Store::PASSES_MAX`] the one that ends first makes room.
    ///
    /// # Errors
    /// As for [`Store::append`].
    pub fn remember_pass(
        &mut self,
        tenant: &TenantName,
        caller: E164,
        until_ms: u64,
    ) -> Result<(), StoreError> {
        let turn = self.connection.transaction()?;
        turn.prepare_cached(
            "INSERT INTO passes (tenant, caller, until_ms) VALUES (?, ?, ?)
             ON CONFLICT (tenant, caller) DO UPDATE SET until_ms = max(until_ms, excluded.until_ms)",
        )?
        .execute(params![tenant.as_str(), caller.write(), integer(until_ms)])?;
        turn.commit()?;
        Ok(())
    }

    /// The passes that count at a time, by business, then caller.
    ///
    /// # Errors
    /// [`StoreError::MalformedRow`] where the file was changed by other hands.
    pub fn passes(&self, now_ms: u64) -> Result<Vec<Pass>, StoreError> {
        let malformed = |column| StoreError::MalformedRow {
            table: "passes",
            column,
        };
        let mut select = self.connection.prepare_cached(
            "SELECT tenant, caller, until_ms FROM passes WHERE until_ms > ? ORDER BY tenant, caller",
        )?;
        let mut rows = select.query([integer(now_ms)])?;
        let mut passes = Vec::new();
        while let Some(row) = rows.next()? {
            let mut columns = Reader::new(row, malformed);
            passes.push(Pass {
                tenant: columns.text("tenant", |name| Some(name.into()))?,
                caller: columns.text("caller", E164::read)?,
                until_ms: columns.number("until_ms")?,
            });
        }
        Ok(passes)
    }

    /// Forgets passes that no longer count, and those beyond [`Store::PASSES_MAX`] that end first; once an hour is
    /// often enough. Returns how many went.
    ///
    /// # Errors
    /// As for [`Store::append`].
    pub fn prune_passes(&mut self, now_ms: u64) -> Result<usize, StoreError> {
        let turn = self.connection.transaction()?;
        let over = turn.execute("DELETE FROM passes WHERE until_ms <= ?", [integer(now_ms)])?;
        let beyond = turn.execute(
            "DELETE FROM passes WHERE (tenant, caller) IN
             (SELECT tenant, caller FROM passes ORDER BY until_ms DESC LIMIT -1 OFFSET ?)",
            [integer(Self::PASSES_MAX)],
        )?;
        turn.commit()?;
        Ok(over + beyond)
    }

    /// The most passes that outlive [`Store::prune_passes`].
    pub const PASSES_MAX: u64 = 1_000_000;
}
