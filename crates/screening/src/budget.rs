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

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;
    use governor::{Quota, RateLimiter};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "tests need one instant to count from")]
    fn t0() -> Instant {
        Instant::now()
    }

    fn per_second(rate: u32, burst: u32) -> TrunkBudget {
        TrunkBudget {
            calls_per_second: NonZeroU32::new(rate),
            burst: NonZeroU32::new(burst),
            calls_at_once: None,
        }
    }

    #[test]
    fn absent_budget_limits_nothing() {
        let t0 = t0();
        let meter = TrunkMeter::new(t0);
        let holds: Vec<_> = (0..10_000)
            .map(|_| meter.admit(&TrunkBudget::default(), t0))
            .collect();
        assert!(holds.iter().all(Result::is_ok));
        assert_eq!(meter.calls(), 10_000);
    }

    #[test]
    fn call_beyond_the_rate_is_refused_and_told_when_to_come_again() {
        let t0 = t0();
        let meter = TrunkMeter::new(t0);
        let budget = per_second(10, 2);
        assert!(meter.admit(&budget, t0).is_ok());
        assert!(meter.admit(&budget, t0).is_ok());
        let refusal = meter.admit(&budget, t0).unwrap_err();
        assert_eq!(
            refusal,
            BudgetRefusal::Rate {
                retry_after: Duration::from_millis(100)
            }
        );
        assert_eq!(refusal.cause(), Cause::TrunkRate);
        assert!(meter.admit(&budget, t0 + Duration::from_millis(99)).is_err());
        assert!(meter.admit(&budget, t0 + Duration::from_millis(100)).is_ok());
    }

    #[test]
    fn place_is_given_back_when_the_call_is_over_and_when_it_was_refused() {
        let t0 = t0();
        let meter = TrunkMeter::new(t0);
        let budget = TrunkBudget {
            calls_at_once: Some(2),
            ..per_second(100, 3)
        };
        let first = meter.admit(&budget, t0).unwrap();
        let _second = meter.admit(&budget, t0).unwrap();
        let refusal = meter.admit(&budget, t0).unwrap_err();
        assert_eq!(
            (refusal, refusal.cause()),
            (BudgetRefusal::Concurrency, Cause::TrunkConcurrency)
        );
        drop(first);
        let _third = meter.admit(&budget, t0).unwrap();
        assert_eq!(meter.calls(), 2);
        // Over its rate as well: the place taken for the try is free again.
        let wider = TrunkBudget {
            calls_at_once: Some(9),
            ..budget
        };
        assert!(matches!(meter.admit(&wider, t0), Err(BudgetRefusal::Rate { .. })));
        assert_eq!(meter.calls(), 2);
    }

    #[test]
    fn budget_that_changes_keeps_the_calls_that_are_up() {
        let t0 = t0();
        let meter = TrunkMeter::new(t0);
        let _hold = meter.admit(&TrunkBudget::default(), t0).unwrap();
        let tight = TrunkBudget {
            calls_at_once: Some(1),
            ..TrunkBudget::default()
        };
        assert_eq!(meter.admit(&tight, t0).unwrap_err(), BudgetRefusal::Concurrency);
    }

    #[test]
    fn shards_together_admit_no_more_than_the_budget() {
        let t0 = t0();
        let meter = TrunkMeter::new(t0);
        let budget = TrunkBudget {
            calls_at_once: Some(700),
            ..per_second(500, 500)
        };
        let admitted: usize = std::thread::scope(|scope| {
            let shards: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let holds: Vec<_> = (0..1000).flat_map(|_| meter.admit(&budget, t0)).collect();
                        let admitted = holds.len();
                        std::mem::forget(holds);
                        admitted
                    })
                })
                .collect();
            shards.into_iter().map(|shard| shard.join().unwrap()).sum()
        });
        assert_eq!(admitted, 500);
        assert_eq!(meter.calls(), 500);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn rate_is_the_one_that_governor_keeps(
            rate in 1u32..5_000,
            burst in 1u32..50,
            pauses_us in vec(0u64..20_000, 1..300),
        ) {
            let origin = t0();
            let meter = TrunkMeter::new(origin);
            let budget = per_second(rate, burst);
            let clock = FakeRelativeClock::default();
            let quota = Quota::per_second(NonZeroU32::new(rate).unwrap()).allow_burst(NonZeroU32::new(burst).unwrap());
            let oracle = RateLimiter::direct_with_clock(quota, clock.clone());
            let mut now = Duration::ZERO;
            for pause in pauses_us {
                let pause = Duration::from_micros(pause);
                clock.advance(pause);
                now += pause;
                let got = meter.admit(&budget, origin + now).map(drop);
                prop_assert_eq!(got.is_ok(), oracle.check().is_ok(), "after {:?}: {:?}", now, got);
            }
        }
    }
}
