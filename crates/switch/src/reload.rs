//! A changed configuration, applied to a running switch, or refused whole.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use metrics::{Metrics, Reload};
use proxy::Snapshot;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::clock;
use crate::config::{self, Loaded, Refused, Texts};
use crate::recorder::Errands;
use crate::shard::ShardInput;

/// What is in force, and how to replace it.
pub(crate) struct InForce {
    pub(crate) config: PathBuf,
    /// What is in force, which the files may have outrun.
    pub(crate) files: Texts,
    pub(crate) snapshot: Snapshot,
    pub(crate) shards: Vec<mpsc::Sender<ShardInput>>,
    pub(crate) errands: Errands,
    pub(crate) metrics: Arc<Metrics>,
}

/// What became of a reload.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reloaded {
    /// The new directory is in force.
    Applied {
        /// Its ruleset.
        ruleset: String,
    },
    /// The old one is kept, and why.
    Refused {
        /// One line for each fault: `file:line:column: key: what is wrong`.
        faults: Vec<String>,
    },
}

impl InForce {
    /// Reads the configuration anew and puts it in force, or keeps the old one.
    pub(crate) async fn reload(&mut self) -> Reloaded {
        let outcome = self.try_reload().await;
        match &outcome {
            Ok(ruleset) => {
                tracing::info!(%ruleset, "new directory in force");
                self.metrics.reloaded(Reload::Applied, clock::unix_ms());
            }
            Err(faults) => {
                // Faults quote names and numbers of the settings: the count is for the log, the text for who asked.
                tracing::warn!(
                    faults = faults.len(),
                    "new directory refused, the old one is kept"
                );
                self.metrics.reloaded(Reload::Refused, clock::unix_ms());
            }
        }
        match outcome {
            Ok(ruleset) => Reloaded::Applied { ruleset },
            Err(faults) => Reloaded::Refused { faults },
        }
    }

    async fn try_reload(&mut self) -> Result<String, Vec<String>> {
        let (loaded, _) = config::load_with_store(&self.config).map_err(in_words)?;
        let needs_restart = self.snapshot.directory.needs_restart(&loaded.directory);
        if !needs_restart.is_empty() {
            return Err(needs_restart);
        }
        Ok(self.put_in_force(loaded).await)
    }

    /// Puts the list entries of the store in force, with settings and lists as they were read at the start or the last
    /// reload: what stands half-edited in any file is left alone.
    ///
    /// # Errors
    /// Why not; the old entries stay in force then.
    pub(crate) async fn apply_entries(&mut self) -> Result<String, Vec<String>> {
        let data_dir = self.snapshot.directory.switch.data_dir.clone();
        let loaded = config::load_again(self.files.clone(), &data_dir).map_err(in_words)?;
        let ruleset = self.put_in_force(loaded).await;
        tracing::info!(%ruleset, "changed list entries in force");
        Ok(ruleset)
    }

    async fn put_in_force(&mut self, loaded: Loaded) -> String {
        let Loaded { files, directory } = loaded;
        let ruleset = directory.ruleset().to_string();
        self.metrics
            .screening()
            .list_entries
            .set(directory.list_entry_count());
        save_version(&self.errands, &ruleset, &files);
        self.snapshot = self.snapshot.replaced_by(Arc::new(directory), clock::now().at);
        let (in_force, mut everywhere) = mpsc::channel::<()>(1);
        for shard in &self.shards {
            // A shard whose inbox is full gets it as soon as there is room; one that has ended needs none.
            let snapshot = self.snapshot.clone();
            let in_force = in_force.clone();
            let _ = shard.send(ShardInput::Snapshot { snapshot, in_force }).await;
        }
        drop(in_force);
        // Nothing is ever sent: the channel closes when the last shard has taken the directory. Who asked for it may
        // count on it then, from the next call on.
        let _ = everywhere.recv().await;
        self.files = files;
        ruleset
    }
}

/// Tells the recorder what came into force: how long calls are kept counts from now on, and the texts are kept.
/// Failing the latter is no reason not to serve: it only costs explanations.
pub(crate) fn save_version(errands: &Errands, ruleset: &str, files: &Texts) {
    errands.keep_calls(files.keep_calls);
    if let Err(fault) = errands.save_version(ruleset.to_owned(), files.settings.clone()) {
        tracing::warn!(%fault, "the texts of the directory could not be kept");
    }
}

/// The faults of a configuration, one line each.
pub(crate) fn in_words(refused: Refused) -> Vec<String> {
    match refused {
        Refused::Faults(faults) => faults.iter().map(ToString::to_string).collect(),
        Refused::Unreadable(fault) => vec![format!("{fault:#}")],
    }
}

/// The path of a configuration, made absolute so that a later reload finds it wherever it is asked from.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}
