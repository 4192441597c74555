//! A 2xx to INVITE is sent again by the one who sent it until its ACK comes (RFC 3261 §13.3.1.4).

use std::time::{Duration, Instant};

/// A 2xx that waits for its ACK: sent again after T1, then twice as late up to T2, for 64 × T1 in all.
#[derive(Debug)]
pub struct Resend {
    response: Box<[u8]>,
    /// The CSeq number of the INVITE, which the ACK repeats.
    pub cseq: u32,
    due: Instant,
    gap: Duration,
    gap_max: Duration,
    give_up: Instant,
}

/// What a waiting 2xx asks for.
#[derive(Debug, Eq, PartialEq)]
pub enum ResendDue<'a> {
    /// Nothing yet.
    Wait,
    /// Send these bytes again.
    Send(&'a [u8]),
    /// No ACK came in 64 × T1: the session is to be ended with BYE.
    GiveUp,
}

impl Resend {
    /// Starts to wait for the ACK of a 2xx that was sent at `now`.
    #[must_use]
    pub fn new(response: &[u8], cseq: u32, now: Instant, t1: Duration, t2: Duration) -> Self {
        Self {
            response: response.into(),
            cseq,
            due: now + t1,
            gap: t1,
            gap_max: t2,
            give_up: now + t1 * 64,
        }
    }

    /// When [`Self::tick`] is due.
    #[must_use]
    pub fn next_deadline(&self) -> Instant {
        self.due.min(self.give_up)
    }

    /// What to do at `now`.
    pub fn tick(&mut self, now: Instant) -> ResendDue<'_> {
        if now >= self.give_up {
            return ResendDue::GiveUp;
        }
        if now < self.due {
            return ResendDue::Wait;
        }
        self.gap = (self.gap * 2).min(self.gap_max);
        self.due = now + self.gap;
        ResendDue::Send(&self.response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unacknowledged_answer_is_resent_with_growing_gaps_for_64_t1() {
        let t0 = t0();
        let (t1, t2) = (Duration::from_millis(500), Duration::from_secs(4));
        let mut resend = Resend::new(b"200", 1, t0, t1, t2);
        assert_eq!(resend.tick(t0), ResendDue::Wait);
        let mut sent = Vec::new();
        loop {
            let at = resend.next_deadline();
            match resend.tick(at) {
                ResendDue::Send(_) => sent.push((at - t0).as_millis()),
                ResendDue::GiveUp => break assert_eq!(at - t0, t1 * 64),
                ResendDue::Wait => panic!("deadline without work"),
            }
        }
        assert_eq!(
            sent,
            [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]
        );
    }

    #[expect(clippy::disallowed_methods, reason = "tests need one instant to count from")]
    fn t0() -> Instant {
        Instant::now()
    }
}
