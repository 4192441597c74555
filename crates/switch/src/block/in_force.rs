//! Changes of the block list in a running switch.

use super::{Changed, Order, Selection};
use crate::reload::InForce;

impl InForce {
    /// Makes an entry, and puts it in force.
    pub(crate) async fn block(&mut self, order: Order) -> Changed {
        if let Err(fault) = order.selection.check_scope(&self.snapshot.directory) {
            return Changed {
                faults: vec![fault],
                ..Changed::default()
            };
        }
        match self.errands.add_entry(order.into_entry()) {
            Ok(id) => self.with_entries(vec![id]).await,
            Err(fault) => refused(&fault),
        }
    }

    /// Takes entries off, and puts the rest in force.
    pub(crate) async fn unblock(&mut self, selection: Selection, by: String) -> Changed {
        let removed = self
            .errands
            .remove_entries(by, move |kept| selection.is_said_by(kept));
        match removed {
            Ok(removed) if removed.is_empty() => Changed::default(),
            Ok(removed) => {
                let ids = removed.iter().map(|kept| kept.id).collect();
                self.with_entries(ids).await
            }
            Err(fault) => refused(&fault),
        }
    }

    async fn with_entries(&mut self, ids: Vec<u64>) -> Changed {
        let (ruleset, faults) = match self.apply_entries().await {
            Ok(ruleset) => (Some(ruleset), Vec::new()),
            Err(faults) => (None, faults),
        };
        Changed { ids, ruleset, faults }
    }
}

fn refused(fault: &anyhow::Error) -> Changed {
    Changed {
        faults: vec![format!("{fault:#}")],
        ..Changed::default()
    }
}
