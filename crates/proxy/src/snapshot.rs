//! The directory in force, with what its trunks have used of their budgets.

use std::sync::Arc;
use std::time::Instant;

use routing::{Directory, Trunk};
use screening::{BudgetHold, BudgetRefusal, TrunkMeter};

/// A directory and the meters of its trunks. Replaced as a whole; the meters of trunks that stay go on counting.
#[derive(Clone)]
pub struct Snapshot {
    /// The directory.
    pub directory: Arc<Directory>,
    meters: Arc<[Arc<TrunkMeter>]>,
}

impl Snapshot {
    /// The first snapshot: all budgets unused.
    #[must_use]
    pub fn new(directory: Arc<Directory>, origin: Instant) -> Self {
        let meters = directory
            .trunks()
            .iter()
            .map(|_| TrunkMeter::new(origin))
            .collect();
        Self { directory, meters }
    }

    /// The snapshot after this one. A trunk that keeps its name keeps its meter.
    #[must_use]
    pub fn replaced_by(&self, directory: Arc<Directory>, now: Instant) -> Self {
        let kept = |trunk: &Trunk| {
            let at = self
                .directory
                .trunks()
                .iter()
                .position(|old| old.name == trunk.name)?;
            self.meters.get(at).map(Arc::clone)
        };
        let meters = directory
            .trunks()
            .iter()
            .map(|trunk| kept(trunk).unwrap_or_else(|| TrunkMeter::new(now)));
        Self {
            meters: meters.collect(),
            directory,
        }
    }

    /// Takes a call into its trunk's budget.
    pub(crate) fn admit(&self, trunk: &Trunk, now: Instant) -> Result<Option<BudgetHold>, BudgetRefusal> {
        match self.meters.get(trunk.id.0 as usize) {
            Some(meter) => meter.admit(&trunk.budget, now).map(Some),
            None => Ok(None),
        }
    }
}
