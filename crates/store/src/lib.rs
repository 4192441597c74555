//! What must survive a restart: call log, list entries, passes, directory versions.
