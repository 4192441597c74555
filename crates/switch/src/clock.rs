//! The one place where the program reads the clocks.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use proxy::Now;

/// The time now, on both clocks.
pub(crate) fn now() -> Now {
    Now {
        at: Instant::now(),
        unix_ms: unix_ms(),
    }
}

/// Unix milliseconds.
pub(crate) fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

/// Numbers that nobody can foresee, from the operating system by way of the standard library's hash keys.
pub(crate) fn unforeseeable() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(unix_ms())
}
