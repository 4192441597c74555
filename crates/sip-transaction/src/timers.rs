//! The timers of RFC 3261 Table 4 and RFC 6026 §8.11.

use std::time::{Duration, Instant};

/// The three base timers, and the floors that do not derive from them.
///
/// Everything else (timers A to M) follows from these. A `t2` below `t1` counts as `t1`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timers {
    /// Round-trip time estimate. Default 500 ms.
    pub t1: Duration,
    /// Longest gap between two copies of a non-INVITE request or of an INVITE response. Default 4 s.
    pub t2: Duration,
    /// Longest time a message stays in the network. Default 5 s.
    pub t4: Duration,
    /// Floor of timer D, which must not derive from our own T1 (RFC 6026 §8.4). Default 32 s.
    pub d_min: Duration,
    /// After which an INVITE without any answer needs a 100 (RFC 3261 §17.2.1). Default 200 ms.
    pub trying_after: Duration,
}

impl Default for Timers {
    /// RFC 3261 Table 4.
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            d_min: Duration::from_secs(32),
            trying_after: Duration::from_millis(200),
        }
    }
}

impl Timers {
    /// 64*T1: the life of an unanswered request, and of what must outlive one.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.t1.saturating_mul(64)
    }

    /// Timer A, first value: INVITE request retransmission, unreliable transports only (T1).
    #[must_use]
    pub fn a(&self) -> Duration {
        self.t1
    }

    /// Timer B: how long an INVITE waits for any response (64*T1).
    #[must_use]
    pub fn b(&self) -> Duration {
        self.lifetime()
    }

    /// Timer C: how long a forwarded INVITE may ring; more than 3 minutes (RFC 3261 §16.6 step 11).
    /// No transaction keeps it: it belongs to whoever rings.
    #[must_use]
    pub fn c(&self) -> Duration {
        Duration::from_secs(181)
    }

    /// Timer D: wait for copies of a 300–699 to an INVITE (at least 32 s, 0 on reliable transports).
    #[must_use]
    pub fn d(&self, reliable: bool) -> Duration {
        unless(reliable, self.d_min.max(self.lifetime()))
    }

    /// Timer E, first value: non-INVITE request retransmission, unreliable transports only (T1).
    #[must_use]
    pub fn e(&self) -> Duration {
        self.t1
    }

    /// Timer F: how long a non-INVITE request waits for its final response (64*T1).
    #[must_use]
    pub fn f(&self) -> Duration {
        self.lifetime()
    }

    /// Timer G, first value: INVITE response retransmission, unreliable transports only (T1).
    #[must_use]
    pub fn g(&self) -> Duration {
        self.t1
    }

    /// Timer H: how long a 300–699 waits for its ACK (64*T1).
    #[must_use]
    pub fn h(&self) -> Duration {
        self.lifetime()
    }

    /// Timer I: wait for copies of an ACK (T4, 0 on reliable transports).
    #[must_use]
    pub fn i(&self, reliable: bool) -> Duration {
        unless(reliable, self.t4)
    }

    /// Timer J: wait for copies of a non-INVITE request (64*T1, 0 on reliable transports).
    #[must_use]
    pub fn j(&self, reliable: bool) -> Duration {
        unless(reliable, self.lifetime())
    }

    /// Timer K: wait for copies of a response to a non-INVITE request (T4, 0 on reliable transports).
    #[must_use]
    pub fn k(&self, reliable: bool) -> Duration {
        unless(reliable, self.t4)
    }

    /// Timer L: wait for copies of an accepted INVITE (64*T1 on every transport, RFC 6026 §8.7).
    #[must_use]
    pub fn l(&self) -> Duration {
        self.lifetime()
    }

    /// Timer M: wait for further 2xx to an INVITE (64*T1 on every transport, RFC 6026 §8.4).
    #[must_use]
    pub fn m(&self) -> Duration {
        self.lifetime()
    }

    /// When a non-INVITE request without any answer needs a 100, which is also the earliest a 100 may
    /// leave over an unreliable transport: the time timer E takes to reach T2 (RFC 4320 §4.1), 3.5 s.
    #[must_use]
    pub fn non_invite_trying_after(&self) -> Duration {
        let mut gap = self.t1;
        let mut elapsed = Duration::ZERO;
        while gap < self.t2 && !gap.is_zero() {
            elapsed = elapsed.saturating_add(gap);
            gap = gap.saturating_mul(2);
        }
        elapsed
    }

    /// When copy number `sent + 1` of a message first sent at `since` is due: gaps of T1, 2*T1, 4*T1 and
    /// so on, without an upper bound (timer A).
    pub(crate) fn doubling(&self, since: Instant, sent: u8) -> Instant {
        since + self.spread(sent, Duration::MAX)
    }

    /// The same with gaps of at most T2 (timers E and G).
    pub(crate) fn doubling_to_t2(&self, since: Instant, sent: u8) -> Instant {
        since + self.spread(sent, self.t2.max(self.t1))
    }

    fn spread(&self, sent: u8, longest: Duration) -> Duration {
        // No message outlives 64*T1, so nothing is lost by not looking further.
        let (mut gap, mut total) = (self.t1, self.t1);
        for _ in 0..sent {
            if total > self.lifetime() {
                break;
            }
            gap = gap.saturating_mul(2).min(longest);
            total = total.saturating_add(gap);
        }
        total
    }
}

fn unless(reliable: bool, wait: Duration) -> Duration {
    if reliable { Duration::ZERO } else { wait }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ms;

    #[test]
    fn defaults_are_those_of_table_4() {
        let timers = Timers::default();
        assert_eq!([timers.a(), timers.e(), timers.g()], [ms(500); 3]);
        for sixty_four in [
            timers.b(),
            timers.f(),
            timers.h(),
            timers.j(false),
            timers.l(),
            timers.m(),
        ] {
            assert_eq!(sixty_four, ms(32_000));
        }
        assert_eq!(timers.d(false), ms(32_000));
        assert_eq!([timers.i(false), timers.k(false)], [ms(5_000); 2]);
        assert!(timers.c() > ms(180_000));
    }

    #[test]
    fn waiting_timers_are_zero_on_reliable_transports_except_l_and_m() {
        let timers = Timers::default();
        assert_eq!(
            [timers.d(true), timers.i(true), timers.j(true), timers.k(true)],
            [Duration::ZERO; 4]
        );
        assert_eq!([timers.l(), timers.m()], [ms(32_000); 2]);
    }

    #[test]
    fn timer_d_keeps_its_floor_under_a_short_t1() {
        let timers = Timers {
            t1: ms(100),
            ..Timers::default()
        };
        assert_eq!(timers.d(false), ms(32_000));
    }

    #[test]
    fn non_invite_100_is_due_once_timer_e_reached_t2() {
        assert_eq!(Timers::default().non_invite_trying_after(), ms(3_500));
    }

    #[test]
    fn gaps_double_and_stop_growing_at_t2_where_they_should() {
        let timers = Timers::default();
        let free: Vec<_> = (0..7)
            .map(|n| timers.spread(n, Duration::MAX).as_millis())
            .collect();
        assert_eq!(free, [500, 1500, 3500, 7500, 15_500, 31_500, 63_500]);
        let capped: Vec<_> = (0..11).map(|n| timers.spread(n, timers.t2).as_millis()).collect();
        assert_eq!(
            capped,
            [
                500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500, 35_500
            ]
        );
    }
}
