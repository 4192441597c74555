//! What the tests of this room share.

use std::time::{Duration, Instant};

pub(crate) fn t0() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "tests need one instant to count from")]
    Instant::now()
}

pub(crate) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}
