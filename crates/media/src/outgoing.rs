//! The stream a listener hears from us, made of what we say and what we relay.
//!
//! A relayed stream passes as it is. Once we have spoken to a listener as well, all that follows is one stream to it:
//! one SSRC, sequence numbers without a jump, timestamps that go on with the clock. The headers of relayed packets
//! are then shifted by a constant, so loss, order and spacing stay what they were; payloads are never touched.

use crate::random::SplitMix;
use crate::rtp::{Header, Packet};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) struct Outgoing {
    /// The newest packet sent. Before the first one: what it shall follow.
    last: Last,
    begun: bool,
    course: Course,
}

#[derive(Debug)]
struct Last {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    at: Option<Instant>,
}

/// Where the packets come from.
#[derive(Debug)]
enum Course {
    /// Relayed as they are: we have not said anything yet.
    AsIs,
    /// We speak.
    Own,
    /// Relayed after we spoke: shifted by these amounts, for the source of this SSRC.
    Shifted {
        source: u32,
        sequence: u16,
        timestamp: u32,
    },
}

impl Outgoing {
    /// A longer gap in what we say begins a new talk spurt.
    const SPURT_GAP: Duration = Duration::from_millis(100);

    pub(crate) fn new(random: &mut SplitMix) -> Outgoing {
        let (ids, start) = (random.next(), random.next());
        let last = Last {
            ssrc: ids as u32,
            sequence: (ids >> 32) as u16,
            timestamp: start as u32,
            at: None,
        };
        Outgoing {
            last,
            begun: false,
            course: Course::AsIs,
        }
    }

    /// The header of the next 20 ms that we say.
    pub(crate) fn speak(&mut self, now: Instant, payload_type: u8) -> Header {
        let flowing =
            matches!(self.course, Course::Own) && self.last.at.is_some_and(|at| now < at + Self::SPURT_GAP);
        let header = Header {
            marker: !flowing,
            payload_type,
            sequence: self.last.sequence.wrapping_add(1),
            timestamp: if flowing {
                self.last.timestamp.wrapping_add(160)
            } else {
                self.timestamp_at(now)
            },
            ssrc: self.last.ssrc,
        };
        self.course = Course::Own;
        self.note(now, header.ssrc, header.sequence, header.timestamp);
        header
    }

    /// The header a relayed packet shall have; `None` to leave it as it is.
    pub(crate) fn relay(&mut self, now: Instant, packet: &Packet<'_>) -> Option<Header> {
        let mut marker = packet.marker;
        let (sequence_shift, timestamp_shift) = match self.course {
            Course::AsIs => {
                self.note(now, packet.ssrc, packet.sequence, packet.timestamp);
                return None;
            }
            Course::Shifted {
                source,
                sequence,
                timestamp,
            } if source == packet.ssrc => (sequence, timestamp),
            Course::Own | Course::Shifted { .. } => {
                // The listener sees the new source as a new talk spurt of the same stream.
                marker = true;
                let sequence = self.last.sequence.wrapping_add(1).wrapping_sub(packet.sequence);
                let timestamp = self.timestamp_at(now).wrapping_sub(packet.timestamp);
                self.course = Course::Shifted {
                    source: packet.ssrc,
                    sequence,
                    timestamp,
                };
                (sequence, timestamp)
            }
        };
        let header = Header {
            marker,
            payload_type: packet.payload_type,
            sequence: packet.sequence.wrapping_add(sequence_shift),
            timestamp: packet.timestamp.wrapping_add(timestamp_shift),
            ssrc: self.last.ssrc,
        };
        self.note(now, header.ssrc, header.sequence, header.timestamp);
        Some(header)
    }

    /// The timestamp of something that begins now: as much later than the last as time has passed, one frame at least.
    fn timestamp_at(&self, now: Instant) -> u32 {
        let passed = self
            .last
            .at
            .map_or(0, |at| now.saturating_duration_since(at).as_micros() / 125);
        let samples = u32::try_from(passed).unwrap_or(u32::MAX / 2).max(160);
        self.last.timestamp.wrapping_add(samples)
    }

    /// Remembers the newest packet; one that comes out of order does not turn the stream back.
    fn note(&mut self, now: Instant, ssrc: u32, sequence: u16, timestamp: u32) {
        let newer = sequence.wrapping_sub(self.last.sequence) < 0x8000;
        if newer || ssrc != self.last.ssrc || !self.begun {
            self.begun = true;
            self.last = Last {
                ssrc,
                sequence,
                timestamp,
                at: Some(now),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ms, t0};

    #[test]
    fn what_we_say_is_one_spurt_of_even_steps() {
        let now = t0();
        let mut out = outgoing();
        let first = out.speak(now, 0);
        let second = out.speak(now + ms(23), 0);
        let third = out.speak(now + ms(40), 0);
        assert!(first.marker && !second.marker && !third.marker);
        assert_eq!(second.sequence, first.sequence.wrapping_add(1));
        assert_eq!(
            second.timestamp,
            first.timestamp.wrapping_add(160),
            "steps follow samples, not the clock"
        );
        assert_eq!(third.timestamp, first.timestamp.wrapping_add(320));
        let later = out.speak(now + ms(1040), 0);
        assert!(later.marker);
        assert_eq!(
            later.timestamp,
            third.timestamp.wrapping_add(8000),
            "a pause passes in the timestamps too"
        );
    }

    #[test]
    fn a_call_we_never_spoke_in_is_relayed_as_it_is() {
        let now = t0();
        let mut out = outgoing();
        assert_eq!(out.relay(now, &packet(1, 500, 9000)), None);
        assert_eq!(out.relay(now, &packet(2, 77, 1)), None);
    }

    #[test]
    fn the_listener_hears_one_stream_when_the_peer_takes_over_from_us() {
        let now = t0();
        let mut out = outgoing();
        let own = out.speak(now, 0);
        let first = out.relay(now + ms(30), &packet(9, 500, 9000)).unwrap();
        assert_eq!(first.ssrc, own.ssrc);
        assert_eq!(first.sequence, own.sequence.wrapping_add(1));
        assert_eq!(first.timestamp, own.timestamp.wrapping_add(240));
        assert!(first.marker);
        let after_loss = out.relay(now + ms(90), &packet(9, 503, 9480)).unwrap();
        assert_eq!(
            after_loss.sequence,
            first.sequence.wrapping_add(3),
            "a loss stays a loss"
        );
        assert_eq!(after_loss.timestamp, first.timestamp.wrapping_add(480));
        assert!(!after_loss.marker);
        let late = out.relay(now + ms(91), &packet(9, 502, 9320)).unwrap();
        assert_eq!(
            late.sequence,
            first.sequence.wrapping_add(2),
            "order stays what it was"
        );
        let own_again = out.speak(now + ms(110), 0);
        assert_eq!(own_again.sequence, after_loss.sequence.wrapping_add(1));
        assert_eq!(own_again.ssrc, own.ssrc);
    }

    #[test]
    fn a_peer_that_changes_its_ssrc_stays_in_the_one_stream() {
        let now = t0();
        let mut out = outgoing();
        let own = out.speak(now, 0);
        let first = out.relay(now + ms(20), &packet(9, 500, 9000)).unwrap();
        let other = out.relay(now + ms(40), &packet(10, 60000, 5)).unwrap();
        assert_eq!(other.ssrc, own.ssrc);
        assert_eq!(other.sequence, first.sequence.wrapping_add(1));
        assert_eq!(other.timestamp, first.timestamp.wrapping_add(160));
    }

    #[test]
    fn what_we_say_after_relaying_goes_on_with_the_stream_the_listener_knows() {
        let now = t0();
        let mut out = outgoing();
        out.relay(now, &packet(9, u16::MAX, u32::MAX));
        let own = out.speak(now + ms(20), 0);
        assert_eq!((own.ssrc, own.sequence, own.timestamp), (9, 0, 159));
    }

    fn outgoing() -> Outgoing {
        Outgoing::new(&mut SplitMix::new(1))
    }

    fn packet(ssrc: u32, sequence: u16, timestamp: u32) -> Packet<'static> {
        Packet {
            marker: false,
            payload_type: 0,
            sequence,
            timestamp,
            ssrc,
            payload_at: 12,
            payload: &[],
        }
    }
}
