//! The audio of a demo phone: it sends a tone every 20 ms, listens to what comes, and presses keys by RFC 4733.

use std::net::SocketAddr;

use anyhow::Result;
use media::rtp::{Header, Packet};
use media::telephone_event::Sender;
use media::{Digit, g711};
use tokio::net::UdpSocket;

use super::ear::Ear;

/// Both directions of a phone's audio.
pub(super) struct Audio {
    socket: UdpSocket,
    local: SocketAddr,
    remote: Option<SocketAddr>,
    /// Of the next packet.
    header: Header,
    tone: Tone,
    phase: usize,
    pressing: Option<Sender>,
    heard: ToneEar,
    /// Listens for the key that a captcha asks for.
    pub(super) ear: Option<Ear>,
}

/// What a phone sends in place of a voice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Tone {
    /// A caller's: 700 Hz.
    Caller,
    /// An agent's: 1200 Hz.
    Agent,
}

/// Samples in a packet of 20 ms.
const FRAME: usize = 160;
const RATE: f64 = 8000.0;
const TELEPHONE_EVENT: u8 = 101;
/// A key is held for 120 ms.
const PRESS_SAMPLES: u16 = 960;

impl Audio {
    /// `number` tells streams apart; `tone` is what is sent.
    pub(super) async fn open(number: u32, tone: Tone) -> Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        let local = socket.local_addr()?;
        Ok(Self {
            socket,
            local,
            remote: None,
            header: Header {
                marker: true,
                payload_type: 0,
                sequence: 1,
                timestamp: 8000,
                ssrc: 0x5000_0000 | number,
            },
            tone,
            phase: 0,
            pressing: None,
            heard: ToneEar::new(tone.other()),
            ear: None,
        })
    }

    /// Where this phone hears.
    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Takes the other side's description.
    pub(super) fn talk_to(&mut self, description: &[u8]) {
        if let Ok(audio) = sip_dialog::Audio::read(description)
            && let Some(address) = audio.address
        {
            self.remote = Some(SocketAddr::new(address, audio.port));
        }
    }

    /// Whether the other side's tone was heard.
    pub(super) fn heard_the_other(&self) -> bool {
        self.heard.found
    }

    /// Begins to press a key.
    pub(super) fn press(&mut self, digit: Digit) {
        let header = Header {
            payload_type: TELEPHONE_EVENT,
            ..self.header
        };
        self.pressing = Some(Sender::new(digit, header, PRESS_SAMPLES));
    }

    /// Sends what is due every 20 ms.
    pub(super) async fn speak(&mut self) {
        let Some(remote) = self.remote else { return };
        let mut packet = [0; 256];
        if let Some(pressing) = &mut self.pressing {
            loop {
                let Some(bytes) = pressing.next_packet(&mut packet) else {
                    self.header.sequence = pressing.next_sequence();
                    self.header.timestamp = self.header.timestamp.wrapping_add(u32::from(PRESS_SAMPLES));
                    self.pressing = None;
                    return;
                };
                let _ = self.socket.send_to(&packet[..bytes], remote).await;
                if !pressing.is_due_at_once() {
                    return;
                }
            }
        }
        let payload: [u8; FRAME] = std::array::from_fn(|at| self.tone.sample(self.phase + at));
        self.phase += FRAME;
        if let Some(bytes) = self.header.write(&payload, &mut packet) {
            let _ = self.socket.send_to(&packet[..bytes], remote).await;
        }
        self.header.marker = false;
        self.header.sequence = self.header.sequence.wrapping_add(1);
        self.header.timestamp = self.header.timestamp.wrapping_add(FRAME as u32);
    }

    /// Waits for a packet, and listens to it; says which key was asked for, once it was heard. Safe to abandon.
    pub(super) async fn listen(&mut self) -> Option<Digit> {
        let mut packet = [0; 2048];
        let Ok(bytes) = self.socket.recv(&mut packet).await else {
            return None;
        };
        let packet = Packet::parse(&packet[..bytes])?;
        if packet.payload_type != 0 {
            return None;
        }
        let samples: Vec<i16> = packet
            .payload
            .iter()
            .map(|byte| g711::decode_ulaw(*byte))
            .collect();
        self.heard.hear(&samples);
        self.ear.as_mut().and_then(|ear| ear.hear(&samples))
    }
}

impl Tone {
    fn other(self) -> Self {
        match self {
            Self::Caller => Self::Agent,
            Self::Agent => Self::Caller,
        }
    }

    fn hertz(self) -> f64 {
        match self {
            Self::Caller => 700.0,
            Self::Agent => 1200.0,
        }
    }

    fn sample(self, at: usize) -> u8 {
        let angle = std::f64::consts::TAU * self.hertz() * at as f64 / RATE;
        g711::encode_ulaw((6000.0 * angle.sin()) as i16)
    }
}

/// Finds one tone among other sounds: nearly all energy of several frames in a row is at its frequency.
struct ToneEar {
    tone: Tone,
    in_a_row: u32,
    found: bool,
}

/// Speech has no such frames in a row.
const FRAMES_IN_A_ROW: u32 = 4;

impl ToneEar {
    fn new(tone: Tone) -> Self {
        Self {
            tone,
            in_a_row: 0,
            found: false,
        }
    }

    fn hear(&mut self, samples: &[i16]) {
        let pure = tone_share(samples, self.tone.hertz()) > 0.9;
        self.in_a_row = if pure { self.in_a_row + 1 } else { 0 };
        self.found |= self.in_a_row >= FRAMES_IN_A_ROW;
    }
}

/// The share of the energy that lies at a frequency (Goertzel's algorithm), 0 to 1.
fn tone_share(samples: &[i16], hertz: f64) -> f64 {
    let factor = 2.0 * (std::f64::consts::TAU * hertz / RATE).cos();
    let (mut last, mut before) = (0.0, 0.0);
    let mut energy = 0.0;
    for sample in samples {
        let sample = f64::from(*sample);
        energy += sample * sample;
        (last, before) = (sample + factor * last - before, last);
    }
    if energy < 1.0e6 {
        return 0.0;
    }
    let power = last * last + before * before - factor * last * before;
    2.0 * power / (energy * samples.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tone_is_told_from_the_other_tone_and_from_silence() {
        let frame =
            |tone: Tone| -> Vec<i16> { (0..FRAME).map(|at| g711::decode_ulaw(tone.sample(at))).collect() };
        assert!(tone_share(&frame(Tone::Agent), Tone::Agent.hertz()) > 0.95);
        assert!(tone_share(&frame(Tone::Caller), Tone::Agent.hertz()) < 0.1);
        assert!(tone_share(&[0; FRAME], Tone::Agent.hertz()) < 0.1);
    }
}
