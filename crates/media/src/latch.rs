//! Symmetric RTP: where a peer's audio really comes from, and so where ours goes.
//!
//! SDP declares an address, but behind a NAT the packets come from another. The latch starts with the declared
//! address. A packet from there is the peer's at once, always. A packet from elsewhere counts only after a probation:
//! some packets in a row from one address with one SSRC, while nothing was heard from the peer for a while. So a
//! stray packet changes nothing, and a stranger who sprays packets at our ports loses the stream as soon as the peer
//! speaks from the address it declared.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How a latch learns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LatchSettings {
    /// How many packets in a row prove a source.
    pub probation: u8,
    /// How long a source that was heard stays the only one listened to when it falls silent.
    pub silence: Duration,
}

impl Default for LatchSettings {
    fn default() -> Self {
        LatchSettings {
            probation: 3,
            silence: Duration::from_secs(2),
        }
    }
}

/// One peer's source.
#[derive(Debug)]
pub struct Latch {
    settings: LatchSettings,
    declared: Option<SocketAddr>,
    /// The source heard, and when it was last heard.
    heard: Option<(SocketAddr, Instant)>,
    /// The source before the declaration changed; its late packets prove nothing until then.
    left: Option<(SocketAddr, Instant)>,
    candidate: Option<Candidate>,
}

#[derive(Debug)]
struct Candidate {
    from: SocketAddr,
    ssrc: u32,
    packets: u8,
    last: Instant,
}

/// Whose a packet is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Source {
    /// The peer's.
    Peer,
    /// The peer's, from an address that was not known before.
    PeerMoved,
    /// A stranger's, or a newcomer's on probation: to be dropped.
    Stranger,
}

impl Latch {
    /// A latch for the address a peer declares, if it has declared one.
    pub fn new(settings: LatchSettings, declared: Option<SocketAddr>) -> Latch {
        Latch {
            settings,
            declared,
            heard: None,
            left: None,
            candidate: None,
        }
    }

    /// How long the source of before a new declaration proves nothing.
    const LEFT: Duration = Duration::from_millis(500);

    /// The peer declares an address anew. The same address changes nothing; another starts afresh, except that a
    /// source which spoke before anything was declared stays.
    pub fn declare(&mut self, now: Instant, declared: Option<SocketAddr>) {
        if declared == self.declared {
            return;
        }
        if self.declared.is_none() && self.heard.is_some() {
            self.declared = declared;
            return;
        }
        self.left = self.target().map(|old| (old, now + Self::LEFT));
        self.declared = declared;
        self.heard = None;
        self.candidate = None;
    }

    /// Judges the source of a packet.
    pub fn hear(&mut self, now: Instant, from: SocketAddr, ssrc: u32) -> Source {
        if let Some((address, last)) = &mut self.heard
            && *address == from
        {
            *last = now;
            return Source::Peer;
        }
        if self.declared == Some(from) {
            return self.settle(now, from);
        }
        let listened_to = self
            .heard
            .is_some_and(|(_, last)| now < last + self.settings.silence);
        let left = self.left.is_some_and(|(old, until)| old == from && now < until);
        if listened_to || left || !self.proven(now, from, ssrc) {
            return Source::Stranger;
        }
        self.settle(now, from)
    }

    /// Where to send to the peer: the source heard, else the declared address.
    pub fn target(&self) -> Option<SocketAddr> {
        self.heard.map(|(address, _)| address).or(self.declared)
    }

    /// Whether the target is not the declared address.
    pub fn is_elsewhere(&self) -> bool {
        self.target() != self.declared
    }

    fn settle(&mut self, now: Instant, from: SocketAddr) -> Source {
        let moved = self.target() != Some(from);
        self.heard = Some((from, now));
        self.candidate = None;
        if moved { Source::PeerMoved } else { Source::Peer }
    }

    /// Counts a newcomer's packets; true when they are enough.
    fn proven(&mut self, now: Instant, from: SocketAddr, ssrc: u32) -> bool {
        let fresh = |c: &Candidate| c.from == from && c.ssrc == ssrc && now < c.last + self.settings.silence;
        let packets = match &self.candidate {
            Some(candidate) if fresh(candidate) => candidate.packets.saturating_add(1),
            Some(_) | None => 1,
        };
        self.candidate = Some(Candidate {
            from,
            ssrc,
            packets,
            last: now,
        });
        packets >= self.settings.probation
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ms, t0};

    #[test]
    fn the_declared_source_is_the_peer_at_once() {
        let now = t0();
        let mut latch = latch();
        assert_eq!(latch.target(), Some(at("192.0.2.1:4000")));
        assert_eq!(latch.hear(now, at("192.0.2.1:4000"), 7), Source::Peer);
        assert!(!latch.is_elsewhere());
    }

    #[test]
    fn a_source_behind_a_nat_is_learnt_after_three_packets() {
        let now = t0();
        let mut latch = latch();
        let nat = at("198.51.100.9:31000");
        assert_eq!(latch.hear(now, nat, 7), Source::Stranger);
        assert_eq!(latch.hear(now + ms(20), nat, 7), Source::Stranger);
        assert_eq!(latch.target(), Some(at("192.0.2.1:4000")));
        assert_eq!(latch.hear(now + ms(40), nat, 7), Source::PeerMoved);
        assert_eq!(latch.target(), Some(nat));
        assert_eq!(
            latch.hear(now + ms(60), nat, 8),
            Source::Peer,
            "a new SSRC from there is still the peer"
        );
    }

    #[test]
    fn a_stray_packet_never_takes_a_stream_over() {
        let now = t0();
        let mut latch = latch();
        let (peer, stray) = (at("192.0.2.1:4000"), at("198.51.100.66:5000"));
        for n in 0..100 {
            assert_eq!(latch.hear(now + ms(20 * n), peer, 7), Source::Peer);
            assert_eq!(latch.hear(now + ms(20 * n + 1), stray, 7), Source::Stranger);
        }
        assert_eq!(latch.target(), Some(peer));
    }

    #[test]
    fn two_sources_in_turn_prove_neither() {
        let now = t0();
        let mut latch = latch();
        for n in 0..50 {
            assert_eq!(
                latch.hear(now + ms(n), at("198.51.100.1:1000"), 1),
                Source::Stranger
            );
            assert_eq!(
                latch.hear(now + ms(n), at("198.51.100.2:1000"), 2),
                Source::Stranger
            );
        }
    }

    #[test]
    fn changing_the_ssrc_begins_the_probation_again() {
        let now = t0();
        let mut latch = latch();
        let stray = at("198.51.100.1:1000");
        for ssrc in [1, 1, 2, 2, 3, 3] {
            assert_eq!(latch.hear(now, stray, ssrc), Source::Stranger);
        }
    }

    #[test]
    fn who_was_first_gives_way_to_the_declared_source() {
        let now = t0();
        let mut latch = latch();
        for n in 0..10 {
            latch.hear(now + ms(n), at("198.51.100.66:5000"), 1);
        }
        assert!(latch.is_elsewhere());
        assert_eq!(
            latch.hear(now + ms(11), at("192.0.2.1:4000"), 7),
            Source::PeerMoved
        );
        assert_eq!(
            latch.hear(now + ms(12), at("198.51.100.66:5000"), 1),
            Source::Stranger
        );
    }

    #[test]
    fn a_peer_that_fell_silent_may_come_back_from_elsewhere() {
        let now = t0();
        let mut latch = latch();
        let (peer, moved) = (at("192.0.2.1:4000"), at("192.0.2.1:4444"));
        latch.hear(now, peer, 7);
        assert_eq!(latch.hear(now + ms(1999), moved, 7), Source::Stranger);
        assert_eq!(latch.hear(now + ms(2000), moved, 7), Source::Stranger);
        assert_eq!(latch.hear(now + ms(2020), moved, 7), Source::Stranger);
        assert_eq!(latch.hear(now + ms(2040), moved, 7), Source::PeerMoved);
    }

    #[test]
    fn a_new_declaration_starts_afresh_and_the_old_source_cannot_prove_itself_for_a_while() {
        let now = t0();
        let mut latch = latch();
        let (old, new) = (at("192.0.2.1:4000"), at("192.0.2.2:4000"));
        latch.hear(now, old, 7);
        latch.declare(now, Some(new));
        assert_eq!(latch.target(), Some(new));
        for n in 0..25 {
            assert_eq!(latch.hear(now + ms(20 * n), old, 7), Source::Stranger);
        }
        assert_eq!(latch.hear(now + ms(501), new, 9), Source::Peer);
    }

    #[test]
    fn a_source_that_speaks_before_anything_is_declared_is_kept_until_the_declared_one_speaks() {
        let now = t0();
        let mut latch = Latch::new(LatchSettings::default(), None);
        let (nat, declared) = (at("198.51.100.9:31000"), at("192.0.2.1:4000"));
        for n in 0..3 {
            latch.hear(now + ms(n), nat, 7);
        }
        latch.declare(now + ms(5), Some(declared));
        assert_eq!(latch.hear(now + ms(6), nat, 7), Source::Peer);
        assert_eq!(latch.hear(now + ms(7), declared, 7), Source::PeerMoved);
    }

    #[test]
    fn declaring_the_same_address_keeps_what_was_learnt() {
        let now = t0();
        let mut latch = latch();
        for n in 0..3 {
            latch.hear(now + ms(n), at("198.51.100.9:31000"), 7);
        }
        latch.declare(now + ms(5), Some(at("192.0.2.1:4000")));
        assert_eq!(latch.target(), Some(at("198.51.100.9:31000")));
    }

    #[test]
    fn with_nothing_declared_the_target_is_learnt() {
        let now = t0();
        let mut latch = Latch::new(LatchSettings::default(), None);
        assert_eq!(latch.target(), None);
        for n in 0..3 {
            latch.hear(now + ms(n), at("192.0.2.7:6000"), 7);
        }
        assert_eq!(latch.target(), Some(at("192.0.2.7:6000")));
    }

    fn latch() -> Latch {
        Latch::new(LatchSettings::default(), Some(at("192.0.2.1:4000")))
    }

    fn at(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }
}
