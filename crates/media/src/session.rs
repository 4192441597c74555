//! One call's audio in our hands: two sides, each with a peer, between them a bridge or our own voice.
//!
//! The owner of the sockets hands in each packet with its source and the time, and sends it on where the session says,
//! from the port of the other side. While [`Session::is_paced`], it asks for a frame every 20 ms.

use crate::outgoing::Outgoing;
use crate::random::SplitMix;
use crate::rtp::{HEADER, Packet};
use crate::telephone_event;
use crate::{
    Codec, FRAME, Latch, LatchSettings, Library, MediaEvent, MediaId, MediaStats, Peer, Player, Side,
    SideStats, Sound, Source, g711,
};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The longest frame [`Session::next_frame`] writes.
pub const PACKET_MAX: usize = HEADER + FRAME;

/// What holds for all sessions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SessionSettings {
    /// How sources are learnt.
    pub latch: LatchSettings,
    /// How long nothing may come from any side, neither RTP nor RTCP, before it is reported.
    pub silent_after: Duration,
}

impl Default for SessionSettings {
    fn default() -> Self {
        SessionSettings {
            latch: LatchSettings::default(),
            silent_after: Duration::from_secs(60),
        }
    }
}

/// The audio of one call.
#[derive(Debug)]
pub struct Session {
    id: MediaId,
    settings: SessionSettings,
    random: SplitMix,
    sides: [Option<OpenSide>; 2],
    /// Counts of sides that were closed.
    past: [SideStats; 2],
    bridged: bool,
    /// When a peer was last heard, by RTP or RTCP, or last said by SDP that it is there.
    last_life: Option<Instant>,
    silence_reported: bool,
}

#[derive(Debug)]
struct OpenSide {
    peer: Peer,
    latch: Latch,
    rtcp_from: Option<SocketAddr>,
    keys: telephone_event::Receiver,
    outgoing: Outgoing,
    voice: Voice,
    stats: SideStats,
}

/// What we say to a peer.
#[derive(Debug)]
enum Voice {
    /// Nothing.
    Quiet,
    /// Sounds.
    Playing { player: Player, token: u32 },
    /// Silence, after the sounds are over.
    Holding,
}

impl Session {
    /// A session without sides; `seed` gives the SSRC and the first sequence numbers of what we say.
    pub fn new(id: MediaId, settings: SessionSettings, seed: u64) -> Session {
        Session {
            id,
            settings,
            random: SplitMix::new(seed),
            sides: [None, None],
            past: [SideStats::default(); 2],
            bridged: false,
            last_life: None,
            silence_reported: false,
        }
    }

    /// The session's name.
    pub fn id(&self) -> MediaId {
        self.id
    }

    /// Opens a side, or opens it anew.
    pub fn open(&mut self, now: Instant, side: Side, peer: Peer) {
        self.close_side(side);
        self.note_life(now);
        let outgoing = Outgoing::new(&mut self.random);
        self.sides[side.index()] = Some(OpenSide {
            peer,
            latch: Latch::new(self.settings.latch, peer.remote),
            rtcp_from: None,
            keys: telephone_event::Receiver::new(),
            outgoing,
            voice: Voice::Quiet,
            stats: SideStats::default(),
        });
    }

    /// Takes a side away; its counts stay.
    pub fn close_side(&mut self, side: Side) {
        if let Some(open) = self.sides[side.index()].take() {
            self.past[side.index()].add(&open.stats);
        }
    }

    /// The peer of a side has said something new.
    pub fn update(&mut self, now: Instant, side: Side, peer: Peer) {
        if let Some(open) = self.side(side) {
            if open.peer.remote != peer.remote {
                open.rtcp_from = None;
            }
            open.latch.declare(now, peer.remote);
            open.peer = peer;
            self.note_life(now);
        }
    }

    /// Speaks to a side's peer, in place of what plays.
    pub fn play(&mut self, side: Side, what: Vec<Sound>, token: u32, library: &Library) {
        if let Some(open) = self.side(side) {
            let (player, missing) = Player::new(what, library);
            open.stats.prompts_missing += missing;
            open.voice = Voice::Playing { player, token };
        }
    }

    /// Falls quiet towards a side's peer.
    pub fn stop_playing(&mut self, side: Side) {
        if let Some(open) = self.side(side) {
            open.voice = Voice::Quiet;
        }
    }

    /// Relays both ways from now on.
    pub fn bridge(&mut self) {
        self.bridged = true;
        for side in Side::BOTH {
            self.stop_playing(side);
        }
    }

    /// Relays no more.
    pub fn unbridge(&mut self) {
        self.bridged = false;
    }

    /// Takes a datagram from the RTP port of `side`. `Some`: send it, as it now is, to that address from the RTP port
    /// of the other side.
    pub fn hear(
        &mut self,
        now: Instant,
        side: Side,
        from: SocketAddr,
        bytes: &mut [u8],
        events: &mut Vec<MediaEvent>,
    ) -> Option<SocketAddr> {
        let (id, bridged) = (self.id, self.bridged);
        let (Some(here), there) = across(&mut self.sides, side) else {
            return None;
        };
        here.stats.received += 1;
        // RTCP has a port of its own: its packet types 200–204 read as payload types 72–76 (RFC 5761 §4).
        let Some(packet) = Packet::parse(bytes).filter(|packet| !(72..=76).contains(&packet.payload_type))
        else {
            here.stats.malformed += 1;
            return None;
        };
        match here.latch.hear(now, from, packet.ssrc) {
            Source::Peer => {}
            Source::PeerMoved if here.latch.is_elsewhere() => events.push(MediaEvent::Latched { id, side }),
            Source::PeerMoved => {}
            Source::Stranger => {
                here.stats.strangers += 1;
                return None;
            }
        }
        self.last_life = Some(now);
        self.silence_reported = false;
        if Some(packet.payload_type) == here.peer.telephone_event {
            let stats = &mut here.stats;
            here.keys
                .hear(now, packet.ssrc, packet.timestamp, packet.payload, |digit| {
                    stats.digits += 1;
                    events.push(MediaEvent::Digit { id, side, digit });
                });
        }
        let to = there
            .filter(|_| bridged)
            .and_then(|there| there.take_over(now, &here.peer, bytes));
        *(if to.is_some() {
            &mut here.stats.relayed
        } else {
            &mut here.stats.kept
        }) += 1;
        to
    }

    /// Takes a datagram from the RTCP port of `side`. `Some`: send it to that address from the RTCP port of the other
    /// side.
    pub fn hear_rtcp(&mut self, now: Instant, side: Side, from: SocketAddr) -> Option<SocketAddr> {
        let bridged = self.bridged;
        let (Some(here), there) = across(&mut self.sides, side) else {
            return None;
        };
        if here.latch.target()?.ip() != from.ip() {
            return None;
        }
        // Who is muted, on hold or sends no silence still reports every few seconds (RFC 3550 §6.2).
        self.last_life = Some(now);
        self.silence_reported = false;
        here.rtcp_from = Some(from);
        let to = there?.rtcp_target().filter(|_| bridged)?;
        here.stats.rtcp_relayed += 1;
        Some(to)
    }

    /// The next 20 ms we say to a side: written to `target`, to be sent to the address from the RTP port of `side`.
    pub fn next_frame(
        &mut self,
        now: Instant,
        side: Side,
        target: &mut [u8; PACKET_MAX],
        events: &mut Vec<MediaEvent>,
    ) -> Option<(usize, SocketAddr)> {
        let id = self.id;
        let open = self.side(side)?;
        let mut samples = [0; FRAME];
        match &mut open.voice {
            Voice::Quiet => return None,
            Voice::Holding => {}
            Voice::Playing { player, token } => {
                let (step, token) = (player.next_frame(&mut samples), *token);
                events.extend((0..step.cues).map(|_| MediaEvent::Cue { id, side, token }));
                if step.ended {
                    events.push(MediaEvent::PlayDone { id, side, token });
                    open.voice = Voice::Holding;
                }
            }
        }
        let to = open.latch.target()?;
        let codec = open.peer.codec;
        let payload: [u8; FRAME] = std::array::from_fn(|n| codec.encode(samples[n]));
        let len = open
            .outgoing
            .speak(now, codec.payload_type())
            .write(&payload, target)?;
        open.stats.played += 1;
        Some((len, to))
    }

    /// Whether frames or keys must be asked for every 20 ms.
    pub fn is_paced(&self) -> bool {
        self.sides
            .iter()
            .flatten()
            .any(|open| !matches!(open.voice, Voice::Quiet) || open.keys.next_deadline().is_some())
    }

    /// Reports keys whose packets stopped coming. Due every 20 ms while [`Session::is_paced`].
    pub fn expire_keys(&mut self, now: Instant, events: &mut Vec<MediaEvent>) {
        let id = self.id;
        for side in Side::BOTH {
            if let Some(open) = self.side(side)
                && let Some(digit) = open.keys.expire(now)
            {
                open.stats.digits += 1;
                events.push(MediaEvent::Digit { id, side, digit });
            }
        }
    }

    /// Reports a call from which nothing comes any more, from neither side. Due every second or so.
    ///
    /// One side alone may be silent for as long as it likes: on hold, muted, or sending no silence. At least one side
    /// must be to send.
    pub fn watch_silence(&mut self, now: Instant, events: &mut Vec<MediaEvent>) {
        let limit = self.settings.silent_after;
        let lively = |last| now.saturating_duration_since(last) < limit;
        if self.silence_reported || self.last_life.is_none_or(lively) {
            return;
        }
        let sends = |side: &Side| {
            self.sides[side.index()]
                .as_ref()
                .is_some_and(|open| open.peer.sends)
        };
        if let Some(side) = Side::BOTH.into_iter().find(sends) {
            self.silence_reported = true;
            events.push(MediaEvent::Silent { id: self.id, side });
        }
    }

    /// Counts a packet that the machine refused to send to `side`.
    pub fn note_unsent(&mut self, side: Side) {
        if let Some(open) = self.side(side) {
            open.stats.unsent += 1;
        }
    }

    /// What was carried so far.
    pub fn stats(&self) -> MediaStats {
        let [mut a, mut b] = self.past;
        for (sum, open) in [(&mut a, &self.sides[0]), (&mut b, &self.sides[1])] {
            if let Some(open) = open {
                sum.add(&open.stats);
            }
        }
        MediaStats { a, b }
    }

    fn side(&mut self, side: Side) -> Option<&mut OpenSide> {
        self.sides[side.index()].as_mut()
    }

    fn note_life(&mut self, now: Instant) {
        self.last_life = Some(now);
        self.silence_reported = false;
    }
}

/// A side and the one across.
fn across(sides: &mut [Option<OpenSide>; 2], side: Side) -> (Option<&mut OpenSide>, Option<&mut OpenSide>) {
    let [a, b] = sides;
    match side {
        Side::A => (a.as_mut(), b.as_mut()),
        Side::B => (b.as_mut(), a.as_mut()),
    }
}

impl OpenSide {
    /// Makes a packet of the other side's peer `from` one of the stream to this side's peer, and says where it goes.
    /// `None` while we speak ourselves, the address is not known, or the peer does not know telephone events.
    fn take_over(&mut self, now: Instant, from: &Peer, bytes: &mut [u8]) -> Option<SocketAddr> {
        if !matches!(self.voice, Voice::Quiet) {
            return None;
        }
        let to = self.latch.target()?;
        let packet = Packet::parse(bytes)?;
        let payload = packet.payload_at..packet.payload_at + packet.payload.len();
        let recoded = packet.payload_type == from.codec.payload_type() && from.codec != self.peer.codec;
        let payload_type = if recoded {
            self.peer.codec.payload_type()
        } else if Some(packet.payload_type) == from.telephone_event {
            self.peer.telephone_event?
        } else {
            packet.payload_type
        };
        let was = packet.payload_type;
        let marker = packet.marker;
        match self.outgoing.relay(now, &packet) {
            Some(mut header) => {
                header.payload_type = payload_type;
                header.patch(bytes);
            }
            None if payload_type != was => bytes[1] = (u8::from(marker) << 7) | payload_type,
            None => {}
        }
        if recoded {
            match self.peer.codec {
                Codec::Pcma => g711::recode_ulaw_to_alaw(&mut bytes[payload]),
                Codec::Pcmu => g711::recode_alaw_to_ulaw(&mut bytes[payload]),
            }
        }
        Some(to)
    }

    /// Where RTCP goes: to the source heard, else to the port above RTP's (RFC 3550 §11).
    fn rtcp_target(&self) -> Option<SocketAddr> {
        self.rtcp_from.or_else(|| {
            let rtp = self.latch.target()?;
            Some(SocketAddr::new(rtp.ip(), rtp.port().checked_add(1)?))
        })
    }
}

impl SideStats {
    fn add(&mut self, other: &SideStats) {
        let SideStats {
            received,
            relayed,
            kept,
            unsent,
            played,
            strangers,
            malformed,
            rtcp_relayed,
            digits,
            prompts_missing,
        } = other;
        self.received += received;
        self.relayed += relayed;
        self.kept += kept;
        self.unsent += unsent;
        self.played += played;
        self.strangers += strangers;
        self.malformed += malformed;
        self.rtcp_relayed += rtcp_relayed;
        self.digits += digits;
        self.prompts_missing += prompts_missing;
    }
}

#[cfg(test)]
mod tests;
