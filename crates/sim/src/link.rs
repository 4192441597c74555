//! The network between the switch and one place.

use std::ops::Range;
use std::time::Duration;

use crate::Random;

/// How messages fare between the switch and a place, both ways. A new link is perfect: at once, in order, once.
///
/// Streams (TCP) keep their order and lose nothing; only the delay applies to them.
#[derive(Clone, Debug)]
pub struct Link {
    delay: Range<Duration>,
    loss_permille: u32,
    duplicate_permille: u32,
    refuses: bool,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO..Duration::ZERO,
            loss_permille: 0,
            duplicate_permille: 0,
            refuses: false,
        }
    }
}

impl Link {
    /// Each message takes a time within the range; where it is wide, messages overtake each other.
    pub fn delay(&mut self, delay: Range<Duration>) -> &mut Self {
        self.delay = delay;
        self
    }

    /// So many messages of a hundred are lost.
    pub fn loss_percent(&mut self, percent: u32) -> &mut Self {
        self.loss_permille = percent * 10;
        self
    }

    /// So many messages of a hundred arrive twice, each at its own time.
    pub fn duplicate_percent(&mut self, percent: u32) -> &mut Self {
        self.duplicate_permille = percent * 10;
        self
    }

    /// Whether the place refuses what is sent to it, so that the sender learns of it (ICMP, a refused connection).
    pub fn refuse(&mut self, refuses: bool) -> &mut Self {
        self.refuses = refuses;
        self
    }

    pub(crate) fn refuses(&self) -> bool {
        self.refuses
    }

    /// When a datagram arrives: never, once, or twice.
    pub(crate) fn arrivals(&self, random: &mut Random) -> Vec<Duration> {
        if random.happens(self.loss_permille) {
            return Vec::new();
        }
        let copies = 1 + usize::from(random.happens(self.duplicate_permille));
        (0..copies).map(|_| random.within(&self.delay)).collect()
    }

    /// How long a piece of a stream travels.
    pub(crate) fn travel(&self, random: &mut Random) -> Duration {
        random.within(&self.delay)
    }
}
