//! The life of a call from INVITE to record.
