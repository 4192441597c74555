//! Keys in the RTP stream (RFC 4733).
//!
//! A press is many packets that share the timestamp of its start, with a growing duration; the last ones carry the E
//! bit and come three times. [`Receiver`] reports each press once: at its first end packet, or, if all end packets
//! are lost, when the next press begins or nothing more of it has come for [`Receiver::PATIENCE`].

use crate::Digit;
use crate::rtp::Header;
use std::time::{Duration, Instant};

/// Bytes of one event in a payload (RFC 4733 §2.3).
pub const EVENT: usize = 4;

/// Makes presses out of event packets.
#[derive(Debug, Default)]
pub struct Receiver {
    at_hand: Option<Press>,
}

#[derive(Debug)]
struct Press {
    digit: Digit,
    ssrc: u32,
    /// Timestamp of the start.
    start: u32,
    /// Timestamp of the end as far as is known.
    end: u32,
    reported: bool,
    last_heard: Instant,
}

impl Receiver {
    /// A press whose packets stop without an end is over after this time; senders repeat at least every 50 ms
    /// (RFC 4733 §2.5.1.3), so three in a row were lost.
    pub const PATIENCE: Duration = Duration::from_millis(200);

    /// A press that began less than a minute before the one at hand is a late copy of one already reported.
    const LATE_COPY: u32 = 60 * 8000;

    /// Nothing pressed yet.
    pub fn new() -> Receiver {
        Receiver::default()
    }

    /// Takes the payload of a packet of the telephone-event type; `report` is called for each press that is over.
    /// A payload may hold several events, one after the other (RFC 4733 §2.5.1.5).
    pub fn hear(
        &mut self,
        now: Instant,
        ssrc: u32,
        timestamp: u32,
        payload: &[u8],
        mut report: impl FnMut(Digit),
    ) {
        let mut start = timestamp;
        for event in payload.chunks_exact(EVENT) {
            let duration = u16::from_be_bytes([event[2], event[3]]);
            // Other events (flash, fax and modem tones) are no keys.
            if let Some(digit) = Digit::from_event_code(event[0]) {
                let end = event[1] & 0x80 != 0;
                self.hear_event(
                    now,
                    Heard {
                        digit,
                        ssrc,
                        start,
                        duration,
                        end,
                    },
                    &mut report,
                );
            }
            start = start.wrapping_add(u32::from(duration));
        }
    }

    /// When `expire` is due.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.at_hand
            .as_ref()
            .filter(|press| !press.reported)
            .map(|press| press.last_heard + Self::PATIENCE)
    }

    /// The press at hand, if its packets have stopped coming.
    pub fn expire(&mut self, now: Instant) -> Option<Digit> {
        let press = self.at_hand.as_mut()?;
        if press.reported || now < press.last_heard + Self::PATIENCE {
            return None;
        }
        press.reported = true;
        Some(press.digit)
    }

    fn hear_event(&mut self, now: Instant, heard: Heard, report: &mut impl FnMut(Digit)) {
        let Heard {
            digit,
            ssrc,
            start,
            duration,
            end,
        } = heard;
        if let Some(press) = &mut self.at_hand {
            let ahead = start.wrapping_sub(press.start);
            let behind = press.start.wrapping_sub(start);
            let same_source = press.ssrc == ssrc;
            if same_source && behind != 0 && behind < Self::LATE_COPY {
                return;
            }
            if same_source && digit == press.digit && press.goes_on_at(start, ahead) {
                let until = start.wrapping_add(u32::from(duration));
                if until.wrapping_sub(press.end) < u32::MAX / 2 {
                    press.end = until;
                }
                press.last_heard = now;
                if end && !press.reported {
                    press.reported = true;
                    report(digit);
                }
                return;
            }
            if !press.reported {
                report(press.digit);
            }
        }
        let until = start.wrapping_add(u32::from(duration));
        self.at_hand = Some(Press {
            digit,
            ssrc,
            start,
            end: until,
            reported: end,
            last_heard: now,
        });
        if end {
            report(digit);
        }
    }
}

struct Heard {
    digit: Digit,
    ssrc: u32,
    start: u32,
    duration: u16,
    end: bool,
}

impl Press {
    /// Whether an event of the same key that starts at `start` is still this press: the same start; a start inside
    /// it (some senders move the timestamp with every packet); or, past the longest duration, the segment that
    /// follows without a gap (RFC 4733 §2.5.1.3).
    fn goes_on_at(&self, start: u32, ahead: u32) -> bool {
        let length = self.end.wrapping_sub(self.start);
        let long = length != 0 && length.is_multiple_of(u32::from(u16::MAX));
        ahead == 0 || ahead < length || (long && !self.reported && start == self.end)
    }
}

/// Makes the packets of one press: one every 20 ms while it lasts, then the end three times.
#[derive(Clone, Debug)]
pub struct Sender {
    digit: Digit,
    /// Payload type, SSRC, and the sequence number of the next packet.
    header: Header,
    total: u16,
    sent: u16,
    ends: u8,
}

impl Sender {
    /// Level of the tone in -dBm0.
    const VOLUME: u8 = 10;
    const STEP: u16 = 160;

    /// A press of `duration` samples that starts at `header.timestamp`; the first packet has `header.sequence` and
    /// the marker bit.
    pub fn new(digit: Digit, header: Header, duration: u16) -> Sender {
        Sender {
            digit,
            header: Header {
                marker: true,
                ..header
            },
            total: duration.max(1),
            sent: 0,
            ends: 0,
        }
    }

    /// The next packet, or `None` once the end has been written three times. The first two ends follow the last
    /// step without waiting, as each is due with [`Sender::is_due_at_once`].
    pub fn next_packet(&mut self, target: &mut [u8]) -> Option<usize> {
        if self.ends == 3 {
            return None;
        }
        self.sent = self.sent.saturating_add(Self::STEP).min(self.total);
        let over = self.sent == self.total;
        self.ends += u8::from(over);
        let [high, low] = self.sent.to_be_bytes();
        let flags = Self::VOLUME | if over { 0x80 } else { 0 };
        let len = self
            .header
            .write(&[self.digit.event_code(), flags, high, low], target);
        self.header.marker = false;
        self.header.sequence = self.header.sequence.wrapping_add(1);
        len
    }

    /// Whether the next packet is a repeated end, which need not wait 20 ms.
    pub fn is_due_at_once(&self) -> bool {
        self.ends > 0
    }

    /// The sequence number that follows the packets made so far.
    pub fn next_sequence(&self) -> u16 {
        self.header.sequence
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::Packet;
    use crate::testing::{ms, t0};

    #[test]
    fn a_press_is_reported_once_at_its_first_end_packet() {
        let mut world = World::new();
        let packets = press('5', 8000, 800);
        assert_eq!(packets.len(), 7);
        assert_eq!(world.hear(&packets[..4]), "");
        assert_eq!(world.hear(&packets[4..5]), "5");
        assert_eq!(world.hear(&packets[5..]), "");
        assert_eq!(world.expire_after(ms(1000)), None);
    }

    #[test]
    fn any_one_end_packet_is_enough() {
        for kept in 4..7 {
            let packets = press('#', 8000, 800);
            let mut world = World::new();
            assert_eq!(world.hear(&packets[..4]), "");
            assert_eq!(world.hear(&packets[kept..=kept]), "#");
        }
        assert_eq!(
            World::new().hear(&press('#', 8000, 800)[6..]),
            "#",
            "even if it is the only packet"
        );
    }

    #[test]
    fn a_press_without_an_end_is_reported_when_the_next_begins() {
        let mut world = World::new();
        assert_eq!(world.hear(&press('1', 8000, 800)[..3]), "");
        assert_eq!(world.hear(&press('2', 9600, 800)[..1]), "1");
        assert_eq!(world.hear(&press('2', 9600, 800)), "2");
    }

    #[test]
    fn a_press_whose_packets_stop_is_reported_after_200_ms() {
        let mut world = World::new();
        world.hear(&press('*', 8000, 800)[..3]);
        assert_eq!(world.receiver.next_deadline(), Some(world.now + ms(200)));
        assert_eq!(world.expire_after(ms(199)), None);
        assert_eq!(world.expire_after(ms(1)), Some('*'));
        assert_eq!(world.receiver.next_deadline(), None);
        assert_eq!(
            world.hear(&press('*', 8000, 800)[3..]),
            "",
            "its late packets are no second press"
        );
    }

    #[test]
    fn the_same_key_twice_is_two_presses_even_back_to_back() {
        let mut world = World::new();
        assert_eq!(world.hear(&press('7', 8000, 800)), "7");
        assert_eq!(world.hear(&press('7', 8800, 800)), "7");
    }

    #[test]
    fn late_and_doubled_packets_of_an_earlier_press_are_ignored() {
        let mut world = World::new();
        let (one, two) = (press('1', 8000, 800), press('2', 9600, 800));
        assert_eq!(world.hear(&one), "1");
        assert_eq!(world.hear(&two[..2]), "");
        assert_eq!(world.hear(&one), "");
        assert_eq!(world.hear(&two[2..]), "2");
        assert_eq!(world.hear(&two), "");
    }

    #[test]
    fn a_sender_that_moves_the_timestamp_with_every_packet_presses_once() {
        let mut world = World::new();
        for step in 0..5u16 {
            let payload = [
                3,
                10,
                (160 * (step + 1)).to_be_bytes()[0],
                (160 * (step + 1)).to_be_bytes()[1],
            ];
            assert_eq!(world.hear_payload(8000 + 100 * u32::from(step), &payload), "");
        }
        assert_eq!(world.hear_payload(8450, &[3, 0x8a, 3, 0x20]), "3");
        assert_eq!(world.hear_payload(8450, &[3, 0x8a, 3, 0x20]), "");
    }

    #[test]
    fn a_press_longer_than_eight_seconds_is_one_press() {
        let mut world = World::new();
        assert_eq!(world.hear_payload(1000, &[9, 10, 0xff, 0xff]), "");
        assert_eq!(world.hear_payload(1000 + 0xffff, &[9, 10, 0, 160]), "");
        assert_eq!(world.hear_payload(1000 + 0xffff, &[9, 0x8a, 1, 0]), "9");
    }

    #[test]
    fn timestamps_wrap_around() {
        let mut world = World::new();
        assert_eq!(world.hear(&press('4', u32::MAX - 100, 800)), "4");
        assert_eq!(world.hear(&press('5', 1600, 800)), "5");
        assert_eq!(world.hear(&press('4', u32::MAX - 100, 800)), "");
    }

    #[test]
    fn a_new_source_starts_anew_whatever_its_timestamps() {
        let mut world = World::new();
        assert_eq!(world.hear(&press('4', 100_000, 800)), "4");
        world.ssrc = 2;
        assert_eq!(world.hear(&press('4', 50_000, 800)), "4");
    }

    #[test]
    fn several_events_in_one_payload_are_several_presses() {
        let mut world = World::new();
        assert_eq!(
            world.hear_payload(8000, &[1, 0x8a, 1, 0, 2, 0x8a, 1, 0, 3, 0x0a, 1, 0]),
            "12"
        );
        assert_eq!(world.hear_payload(8512, &[3, 0x8a, 2, 0]), "3");
    }

    #[test]
    fn events_that_are_no_keys_and_broken_payloads_are_ignored() {
        let mut world = World::new();
        assert_eq!(world.hear_payload(8000, &[16, 0x8a, 1, 0]), "", "flash");
        assert_eq!(world.hear_payload(8000, &[255, 0x8a, 1, 0]), "");
        assert_eq!(world.hear_payload(8000, &[]), "");
        assert_eq!(world.hear_payload(8000, &[5, 0x8a, 1]), "");
    }

    struct World {
        receiver: Receiver,
        now: Instant,
        ssrc: u32,
    }

    impl World {
        fn new() -> World {
            World {
                receiver: Receiver::new(),
                now: t0(),
                ssrc: 1,
            }
        }

        fn hear(&mut self, packets: &[Vec<u8>]) -> String {
            let mut keys = String::new();
            for bytes in packets {
                let packet = Packet::parse(bytes).unwrap();
                keys += &self.hear_payload(packet.timestamp, packet.payload);
            }
            keys
        }

        fn hear_payload(&mut self, timestamp: u32, payload: &[u8]) -> String {
            let mut keys = String::new();
            self.receiver
                .hear(self.now, self.ssrc, timestamp, payload, |digit| {
                    keys.push(digit.as_char())
                });
            keys
        }

        fn expire_after(&mut self, time: Duration) -> Option<char> {
            self.now += time;
            self.receiver.expire(self.now).map(Digit::as_char)
        }
    }

    fn press(key: char, timestamp: u32, duration: u16) -> Vec<Vec<u8>> {
        let header = Header {
            marker: false,
            payload_type: 101,
            sequence: 1,
            timestamp,
            ssrc: 1,
        };
        let mut sender = Sender::new(Digit::from_char(key).unwrap(), header, duration);
        let mut bytes = [0; 32];
        std::iter::from_fn(|| sender.next_packet(&mut bytes).map(|len| bytes[..len].to_vec())).collect()
    }
}
