//! What the tests of several files share.

use std::time::{Duration, Instant};

#[expect(clippy::disallowed_methods, reason = "tests need one instant to count from")]
pub(crate) fn t0() -> Instant {
    Instant::now()
}

pub(crate) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}
