//! The prompts: spoken sounds by name, ready to play.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Names a prompt: the name of its sound file without `.wav`, such as `digit-end-5`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PromptId(Cow<'static, str>);

impl PromptId {
    /// A prompt the program knows by name.
    pub const fn known(name: &'static str) -> PromptId {
        PromptId(Cow::Borrowed(name))
    }

    /// A prompt named by the settings.
    pub fn named(name: impl Into<String>) -> PromptId {
        PromptId(Cow::Owned(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The announcements that ship with the switch.
pub mod announcements {
    use super::PromptId;

    /// "Thank you. We are connecting you now."
    pub const CONNECTING: PromptId = PromptId::known("connecting");
    /// The captcha was not passed.
    pub const NOT_VERIFIED: PromptId = PromptId::known("not-verified");
    /// Nobody answers; call later.
    pub const NOBODY_AVAILABLE: PromptId = PromptId::known("nobody-available");
    /// The number is not in service.
    pub const NOT_IN_SERVICE: PromptId = PromptId::known("not-in-service");
    /// The call cannot be completed as dialled.
    pub const CANNOT_COMPLETE: PromptId = PromptId::known("cannot-complete");
    /// "Goodbye."
    pub const GOODBYE: PromptId = PromptId::known("goodbye");

    /// All of them.
    pub const ALL: [PromptId; 6] = [
        CONNECTING,
        NOT_VERIFIED,
        NOBODY_AVAILABLE,
        NOT_IN_SERVICE,
        CANNOT_COMPLETE,
        GOODBYE,
    ];
}

/// The prompts that are loaded. Built once, then shared unchanged between threads.
#[derive(Clone, Default)]
pub struct Library {
    prompts: BTreeMap<PromptId, Arc<[i16]>>,
}

/// Audio stays out of debug output: the names say enough.
impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.prompts.keys().map(PromptId::as_str))
            .finish()
    }
}

impl Library {
    /// The longest prompt accepted: five minutes of 8 kHz samples.
    pub const SAMPLES_MAX: usize = 5 * 60 * 8000;

    /// An empty library.
    pub fn new() -> Library {
        Library::default()
    }

    /// Adds a prompt from the bytes of a WAV file: mono, 8 kHz, 16-bit PCM or G.711. Its level is normalised. A
    /// prompt of the same name is replaced.
    pub fn add_wav(&mut self, id: PromptId, wav: &[u8]) -> Result<(), PromptFault> {
        let samples = read_wav(wav)?;
        self.add_samples(id, &samples)
    }

    /// Adds a prompt from 8 kHz samples, normalising its level.
    pub fn add_samples(&mut self, id: PromptId, samples: &[i16]) -> Result<(), PromptFault> {
        if samples.is_empty() {
            return Err(PromptFault::Empty);
        }
        if samples.len() > Self::SAMPLES_MAX {
            return Err(PromptFault::TooLong);
        }
        self.prompts.insert(id, normalise(samples).into());
        Ok(())
    }

    /// The samples of a prompt.
    pub fn find(&self, id: &PromptId) -> Option<&Arc<[i16]>> {
        self.prompts.get(id)
    }

    /// Which of the prompts `wanted` are not here.
    pub fn missing<'a>(&self, wanted: impl IntoIterator<Item = &'a PromptId>) -> Vec<&'a PromptId> {
        wanted
            .into_iter()
            .filter(|id| !self.prompts.contains_key(id))
            .collect()
    }

    /// How many prompts are loaded.
    pub fn len(&self) -> usize {
        self.prompts.len()
    }

    /// Whether none is loaded.
    pub fn is_empty(&self) -> bool {
        self.prompts.is_empty()
    }
}

/// Why a sound file cannot be a prompt.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PromptFault {
    /// Not a RIFF file of form WAVE, or cut short.
    #[error("not a WAV file, or cut short")]
    NotWav,
    /// Neither 16-bit PCM nor G.711.
    #[error("format {format} with {bits} bits is not 16-bit PCM, A-law or mu-law")]
    Format {
        /// The format tag of the file.
        format: u16,
        /// Bits per sample.
        bits: u16,
    },
    /// More than one channel.
    #[error("{0} channels, one is needed")]
    Channels(u16),
    /// Another sampling rate.
    #[error("{0} samples per second, 8000 are needed")]
    Rate(u32),
    /// No samples.
    #[error("no sound in it")]
    Empty,
    /// Longer than [`Library::SAMPLES_MAX`].
    #[error("longer than five minutes")]
    TooLong,
}

fn read_wav(wav: &[u8]) -> Result<Vec<i16>, PromptFault> {
    let mut rest = match wav.split_at_checked(12) {
        Some((head, rest)) if head.starts_with(b"RIFF") && head.ends_with(b"WAVE") => rest,
        _ => return Err(PromptFault::NotWav),
    };
    let mut form = None;
    while let Some((head, after)) = rest.split_at_checked(8) {
        let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let body = after.get(..size).ok_or(PromptFault::NotWav)?;
        match &head[..4] {
            b"fmt " => form = Some(form_of(body)?),
            b"data" => return Ok(form.ok_or(PromptFault::NotWav)?.samples(body)),
            _ => {}
        }
        // Chunks are padded to an even length.
        rest = after.get(size + size % 2..).unwrap_or_default();
    }
    Err(PromptFault::NotWav)
}

enum Form {
    Pcm16,
    Ulaw,
    Alaw,
}

impl Form {
    fn samples(&self, data: &[u8]) -> Vec<i16> {
        match self {
            Form::Pcm16 => data
                .chunks_exact(2)
                .map(|b| i16::from_le_bytes([b[0], b[1]]))
                .collect(),
            Form::Ulaw => data.iter().map(|&b| crate::g711::decode_ulaw(b)).collect(),
            Form::Alaw => data.iter().map(|&b| crate::g711::decode_alaw(b)).collect(),
        }
    }
}

fn form_of(body: &[u8]) -> Result<Form, PromptFault> {
    if body.len() < 16 {
        return Err(PromptFault::NotWav);
    }
    let u16_at = |at: usize| u16::from_le_bytes([body[at], body[at + 1]]);
    let (format, channels, bits) = (u16_at(0), u16_at(2), u16_at(14));
    let rate = u32::from_le_bytes([body[4], body[5], body[6], body[7]]);
    if channels != 1 {
        return Err(PromptFault::Channels(channels));
    }
    if rate != 8000 {
        return Err(PromptFault::Rate(rate));
    }
    match (format, bits) {
        (1, 16) => Ok(Form::Pcm16),
        (6, 8) => Ok(Form::Alaw),
        (7, 8) => Ok(Form::Ulaw),
        _ => Err(PromptFault::Format { format, bits }),
    }
}

/// Scales speech to one loudness: the frames that hold sound come to [`TARGET_RMS`], unless the peak or the gain
/// would pass its limit.
fn normalise(samples: &[i16]) -> Vec<i16> {
    let peak = samples.iter().map(|&s| f64::from(s).abs()).fold(0.0, f64::max);
    let energy =
        |frame: &[i16]| frame.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / frame.len() as f64;
    let frames: Vec<f64> = samples.chunks(160).map(energy).collect();
    let loudest = frames.iter().copied().fold(0.0, f64::max);
    // Frames 26 dB below the loudest are pauses.
    let (sum, count) = frames
        .iter()
        .filter(|&&e| e >= loudest / 400.0)
        .fold((0.0, 0.0), |(s, n), e| (s + e, n + 1.0));
    if loudest == 0.0 {
        return samples.to_vec();
    }
    let gain = (TARGET_RMS / (sum / count).sqrt())
        .min(PEAK_MAX / peak)
        .min(GAIN_MAX);
    samples.iter().map(|&s| (f64::from(s) * gain) as i16).collect()
}

/// -20 dB below full scale.
const TARGET_RMS: f64 = 3277.0;
/// 1 dB below full scale.
const PEAK_MAX: f64 = 29204.0;
/// A quiet recording is raised by at most 18 dB, or its noise would be heard.
const GAIN_MAX: f64 = 8.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wav_of_pcm_or_g711_is_read_past_unknown_chunks() {
        let tone: Vec<i16> = (0..800).map(|n| ((n % 20) - 10) * 300).collect();
        let pcm: Vec<u8> = tone.iter().flat_map(|s| s.to_le_bytes()).collect();
        assert_eq!(read_wav(&wav(1, 1, 8000, 16, &pcm)).unwrap(), tone);
        let ulaw: Vec<u8> = tone.iter().map(|&s| crate::g711::encode_ulaw(s)).collect();
        let read = read_wav(&wav(7, 1, 8000, 8, &ulaw)).unwrap();
        assert!(read.iter().zip(&tone).all(|(a, b)| a.abs_diff(*b) < 130));
        let alaw: Vec<u8> = tone.iter().map(|&s| crate::g711::encode_alaw(s)).collect();
        assert_eq!(read_wav(&wav(6, 1, 8000, 8, &alaw)).unwrap().len(), 800);
    }

    #[test]
    fn a_file_that_cannot_be_played_is_refused_with_the_reason() {
        let mut library = Library::new();
        let mut add = |bytes: &[u8]| library.add_wav(PromptId::known("x"), bytes).unwrap_err();
        assert_eq!(add(b""), PromptFault::NotWav);
        assert_eq!(add(b"RIFF....WAVE"), PromptFault::NotWav);
        assert_eq!(add(&wav(1, 2, 8000, 16, &[0; 4])), PromptFault::Channels(2));
        assert_eq!(add(&wav(1, 1, 16000, 16, &[0; 4])), PromptFault::Rate(16000));
        assert_eq!(
            add(&wav(3, 1, 8000, 32, &[0; 4])),
            PromptFault::Format { format: 3, bits: 32 }
        );
        assert_eq!(add(&wav(1, 1, 8000, 16, &[])), PromptFault::Empty);
        let whole = wav(1, 1, 8000, 16, &[0; 4]);
        assert_eq!(add(&whole[..whole.len() - 1]), PromptFault::NotWav);
        assert!(library.is_empty());
    }

    #[test]
    fn quiet_and_loud_recordings_come_out_equally_loud() {
        let mut library = Library::new();
        for (name, level) in [("quiet", 0.04), ("loud", 0.9)] {
            let speech: Vec<i16> = (0..8000)
                .map(|n| ((f64::from(n) * 0.3).sin() * 32767.0 * level) as i16)
                .collect();
            library.add_samples(PromptId::known(name), &speech).unwrap();
        }
        for name in ["quiet", "loud"] {
            let samples = library.find(&PromptId::known(name)).unwrap();
            let rms = (samples.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / 8000.0).sqrt();
            assert!((rms / TARGET_RMS - 1.0).abs() < 0.02, "{name} has {rms}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let mut library = Library::new();
        library.add_samples(announcements::GOODBYE, &[1; 160]).unwrap();
        assert_eq!(
            library.missing(&[announcements::GOODBYE, announcements::CONNECTING]),
            [&announcements::CONNECTING]
        );
    }

    fn wav(format: u16, channels: u16, rate: u32, bits: u16, data: &[u8]) -> Vec<u8> {
        let mut out = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0".to_vec();
        out.extend(format.to_le_bytes());
        out.extend(channels.to_le_bytes());
        out.extend(rate.to_le_bytes());
        out.extend([0; 6]);
        out.extend(bits.to_le_bytes());
        out.extend(b"data");
        out.extend((data.len() as u32).to_le_bytes());
        out.extend(data);
        out
    }
}
