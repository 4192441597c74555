//! What a trunk may ask of us: calls per second, and calls at once.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use call_model::Cause;

/// The budget of a trunk. What is absent is not limited.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TrunkBudget {
    /// How many new calls per second, in the long run.
    pub calls_per_second: Option<NonZeroU32>,
    /// How many of them may come at one instant; as many as come in a second where absent.
    pub burst: Option<NonZeroU32>,
    /// How many calls may be up, or being set up, at the same time.
    pub calls_at_once: Option<u32>,
}

/// How much of its budget a trunk has used; shared by all shards, kept when the budget changes.
#[derive(Debug)]
pub struct TrunkMeter {
    origin: Instant,
    /// When the trunk will have paid for all calls so far, nanoseconds since `origin` (the theoretical arrival time
    /// of the generic cell rate algorithm, ITU-T I.371 annex A).
    paid_at: AtomicU64,
    calls: AtomicU32,
}

/// The place of one call in the budget of its trunk; given back when dropped.
#[derive(Debug)]
pub struct BudgetHold {
    meter: Arc<TrunkMeter>,
}

/// A call is beyond the budget of its trunk.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BudgetRefusal {
    /// Too many calls per second.
    #[error("the trunk is over its call rate")]
    Rate {
        /// When the next call would be taken.
        retry_after: Duration,
    },
    /// Too many calls at once.
    #[error("the trunk is over its number of calls at once")]
    Concurrency,
}

impl BudgetRefusal {
    /// The cause of the refusal: a 503.
    #[must_use]
    pub fn cause(self) -> Cause {
        match self {
            Self::Rate { .. } => Cause::TrunkRate,
            Self::Concurrency => Cause::TrunkConcurrency,
        }
    }
}

impl TrunkMeter {
    /// An unused meter. Times given to it are not before `origin`.
    #[must_use]
    pub fn new(origin: Instant) -> Arc<Self> {
        Arc::new(Self {
            origin,
            paid_at: AtomicU64::new(0),
            calls: AtomicU32::new(0),
        })
    }

    /// Takes a call into the budget. A refused call costs nothing.
    ///
    /// # Errors
    /// A [`BudgetRefusal`] where the budget is used up.
    pub fn admit(self: &Arc<Self>, budget: &TrunkBudget, now: Instant) -> Result<BudgetHold, BudgetRefusal> {
        let most = budget.calls_at_once.unwrap_or(u32::MAX);
        self.calls
            .fetch_update(Relaxed, Relaxed, |calls| (calls < most).then_some(calls + 1))
            .map_err(|_| BudgetRefusal::Concurrency)?;
        let hold = BudgetHold {
            meter: Arc::clone(self),
        };
        if let Some(rate) = budget.calls_per_second {
            self.pay(rate, budget.burst.unwrap_or(rate), now)?;
        }
        Ok(hold)
    }

    /// How many calls are up.
    #[must_use]
    pub fn calls(&self) -> u32 {
        self.calls.load(Relaxed)
    }

    fn pay(&self, rate: NonZeroU32, burst: NonZeroU32, now: Instant) -> Result<(), BudgetRefusal> {
        let now = now.saturating_duration_since(self.origin).as_nanos() as u64;
        let price = 1_000_000_000 / u64::from(rate.get());
        let credit = price * u64::from(burst.get() - 1);
        self.paid_at
            .fetch_update(Relaxed, Relaxed, |paid_at| {
                (paid_at <= now + credit).then_some(paid_at.max(now) + price)
            })
            .map(|_| ())
            .map_err(|paid_at| BudgetRefusal::Rate {
                retry_after: Duration::from_nanos(paid_at.saturating_sub(now + credit)),
            })
    }
}

impl Drop for BudgetHold {
    fn drop(&mut self) {
        self.meter.calls.fetch_sub(1, Relaxed);
    }
}
