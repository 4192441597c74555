//! Audio as a phone hears and makes it.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

/// Bytes of a G.711 packet of 20 ms.
const FRAME: usize = 160;

/// What a phone hears, put in order by its timestamps.
#[derive(Default)]
pub(crate) struct Heard {
    /// Where the audio came from last.
    pub(crate) from: Option<SocketAddr>,
    first: Option<u32>,
    samples: Vec<i16>,
    /// Everything before was searched.
    searched: usize,
    /// Where the prompt found last ended.
    left_off: usize,
}

/// Samples that must be new before they are searched: 200 ms.
const SEARCH_EVERY: usize = 1600;

impl Heard {
    /// Listens until one of the prompts was heard whole, or the time is up. Returns which, and goes on behind it the
    /// next time.
    pub(crate) fn listen_for(
        &mut self,
        rtp: &UdpSocket,
        most: Duration,
        prompts: &[Prompt],
    ) -> Option<usize> {
        let until = Instant::now() + most;
        let mut packet = [0; 2048];
        while Instant::now() < until {
            // The socket waits 100 ms at most; where nothing comes any more, what there is is searched.
            let enough = match rtp.recv_from(&mut packet) {
                Ok((length, from)) => {
                    self.take(&packet[..length], from);
                    SEARCH_EVERY
                }
                Err(_) => 1,
            };
            if self.samples.len() < self.searched + enough {
                continue;
            }
            for (which, prompt) in prompts.iter().enumerate() {
                let begin = self
                    .searched
                    .saturating_sub(prompt.samples.len())
                    .max(self.left_off);
                if let Some(at) = prompt.find_in(&self.samples[begin..]) {
                    self.left_off = begin + at + prompt.samples.len();
                    self.searched = self.left_off;
                    return Some(which);
                }
            }
            self.searched = self.samples.len();
        }
        None
    }

    /// How long this was, silence between included.
    pub(crate) fn length(&self) -> Duration {
        Duration::from_micros(self.samples.len() as u64 * 125)
    }

    fn take(&mut self, packet: &[u8], from: SocketAddr) {
        if packet.len() < 12 || packet[0] >> 6 != 2 {
            return;
        }
        let decode = match packet[1] & 0x7f {
            0 => mu_law,
            8 => a_law,
            _ => return,
        };
        self.from = Some(from);
        let timestamp = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        let first = *self.first.get_or_insert(timestamp);
        let at = timestamp.wrapping_sub(first) as usize;
        // A stream that begins anew is heard from there on.
        if at > self.samples.len() + 8000 * 60 {
            self.first = Some(timestamp);
            self.samples.clear();
            self.searched = 0;
            self.left_off = 0;
            return self.take(packet, from);
        }
        let end = at + packet.len() - 12;
        if self.samples.len() < end {
            self.samples.resize(end, 0);
        }
        for (sample, byte) in self.samples[at..].iter_mut().zip(&packet[12..]) {
            *sample = decode(*byte);
        }
    }
}

/// A sound that a phone makes: a tone that no prompt resembles, one frame as telling as the next.
pub(crate) fn chirp(frame: u32) -> [u8; FRAME] {
    std::array::from_fn(|at| (frame.wrapping_mul(31).wrapping_add(at as u32 * 7) % 200) as u8)
}

/// Sends frames of G.711 at the pace of speech, and returns what came back in the meantime, by sequence number.
pub(crate) fn speak(
    rtp: &UdpSocket,
    to: SocketAddr,
    frames: u32,
    frame: impl Fn(u32) -> [u8; FRAME],
) -> BTreeMap<u16, Vec<u8>> {
    let began = Instant::now();
    let mut back = BTreeMap::new();
    for count in 0..frames {
        let mut packet = header(0, count as u16, count * FRAME as u32, count == 0);
        packet.extend_from_slice(&frame(count));
        rtp.send_to(&packet, to).unwrap();
        let next = began + Duration::from_millis(20) * (count + 1);
        collect(rtp, next, &mut back);
    }
    collect(rtp, Instant::now() + Duration::from_millis(300), &mut back);
    back
}

/// Receives until a time, and keeps payloads of G.711.
pub(crate) fn collect(rtp: &UdpSocket, until: Instant, back: &mut BTreeMap<u16, Vec<u8>>) {
    let mut packet = [0; 2048];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        rtp.set_read_timeout(Some(left)).unwrap();
        if let Ok((length, _)) = rtp.recv_from(&mut packet)
            && length > 12
            && packet[1] & 0x7f == 0
        {
            let sequence = u16::from_be_bytes([packet[2], packet[3]]);
            back.insert(sequence, packet[12..length].to_vec());
        }
    }
    rtp.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
}

/// Presses a key for 100 ms, as RFC 4733 has it: growing durations under one timestamp, the end three times.
pub(crate) fn press(rtp: &UdpSocket, to: SocketAddr, key: Key, sequence: &mut u16, timestamp: u32) {
    let mut event = |duration: u16, end: bool, first: bool| {
        *sequence += 1;
        let mut packet = header(key.payload_type, *sequence, timestamp, first);
        let [high, low] = duration.to_be_bytes();
        packet.extend_from_slice(&[key.digit, u8::from(end) << 7 | 10, high, low]);
        rtp.send_to(&packet, to).unwrap();
    };
    for step in 1..=5 {
        event(step * FRAME as u16, false, step == 1);
    }
    for _ in 0..3 {
        event(800, true, false);
    }
}

/// A key, and the payload type that was agreed for keys.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    pub(crate) digit: u8,
    pub(crate) payload_type: u8,
}

fn header(payload_type: u8, sequence: u16, timestamp: u32, marker: bool) -> Vec<u8> {
    let mut packet = vec![0x80, u8::from(marker) << 7 | payload_type];
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&timestamp.to_be_bytes());
    packet.extend_from_slice(&0x5eed_u32.to_be_bytes());
    packet
}

/// A prompt as its sound file has it, to be found again in what is heard, however loud it is played.
pub(crate) struct Prompt {
    samples: Vec<i16>,
    /// Where it is loud, and the signs of the samples from there on.
    loud_at: usize,
    signs: [u64; PROBE],
}

/// Words of 64 samples' signs that are compared before samples are.
const PROBE: usize = 12;

impl Prompt {
    pub(crate) fn read(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../configs/prompts/{name}.wav"));
        let file = std::fs::read(path).unwrap();
        let data = file.windows(4).position(|chunk| chunk == b"data").unwrap() + 8;
        let samples: Vec<i16> = file[data..]
            .chunks_exact(2)
            .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
            .collect();
        let length = PROBE * 64;
        let loudness = |at: usize| -> u64 {
            samples[at..at + length]
                .iter()
                .map(|sample| u64::from(sample.unsigned_abs()))
                .sum()
        };
        let loud_at = (0..samples.len() - length)
            .step_by(80)
            .max_by_key(|at| loudness(*at))
            .unwrap_or(0);
        let signs = std::array::from_fn(|word| signs_at(&samples, loud_at + word * 64));
        Self {
            samples,
            loud_at,
            signs,
        }
    }

    /// Where the prompt begins in what was heard, if all of it was heard.
    pub(crate) fn find_in(&self, heard: &[i16]) -> Option<usize> {
        let last = heard.len().checked_sub(self.samples.len())?;
        let words: Vec<u64> = sliding_signs(heard);
        (0..=last).find(|at| {
            let differing: u32 = (0..PROBE)
                .map(|word| (words[at + self.loud_at + word * 64] ^ self.signs[word]).count_ones())
                .sum();
            differing < (PROBE * 64 / 8) as u32 && self.likeness(&heard[*at..]) > 0.95
        })
    }

    /// The normalised correlation with what begins here: 1 is the same but for loudness.
    fn likeness(&self, heard: &[i16]) -> f64 {
        let (mut both, mut own, mut other) = (0.0, 0.0, 0.0);
        for (a, b) in self.samples.iter().zip(heard) {
            let (a, b) = (f64::from(*a), f64::from(*b));
            both += a * b;
            own += a * a;
            other += b * b;
        }
        both / (own * other).sqrt().max(1.0)
    }
}

/// The signs of the 64 samples from each place on.
fn sliding_signs(samples: &[i16]) -> Vec<u64> {
    let mut words = vec![0; samples.len()];
    let mut word = 0;
    for at in (0..samples.len()).rev() {
        word = word << 1 | u64::from(samples[at] < 0);
        words[at] = word;
    }
    words
}

fn signs_at(samples: &[i16], at: usize) -> u64 {
    samples[at..at + 64]
        .iter()
        .rev()
        .fold(0, |word, sample| word << 1 | u64::from(*sample < 0))
}

/// G.711 A-law (ITU-T G.711, table 1a).
fn a_law(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let (segment, step) = ((byte >> 4) & 7, (i16::from(byte & 15) << 4) + 8);
    let magnitude = if segment == 0 {
        step
    } else {
        (step + 0x100) << (segment - 1)
    };
    if byte & 0x80 == 0 { -magnitude } else { magnitude }
}

/// G.711 µ-law (ITU-T G.711, table 2a).
fn mu_law(byte: u8) -> i16 {
    let byte = !byte;
    let magnitude = (((i16::from(byte & 15) << 3) + 0x84) << ((byte >> 4) & 7)) - 0x84;
    if byte & 0x80 == 0 { magnitude } else { -magnitude }
}
