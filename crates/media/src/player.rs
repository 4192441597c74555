//! Playing: sounds in, 20 ms frames out.

use crate::{Library, PromptId};
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Samples of one frame: 20 ms at 8 kHz.
pub const FRAME: usize = 160;

/// How long one frame lasts.
pub const FRAME_TIME: Duration = Duration::from_millis(20);

/// Something to be heard.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Sound {
    /// A prompt of the library.
    Prompt(PromptId),
    /// A tone.
    Tone(Tone),
    /// A pause.
    Silence(Duration),
    /// Not heard: reports that the playing has come this far (`MediaEvent::Cue`).
    Cue,
}

/// A tone we make.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tone {
    /// 440 and 480 Hz, 2 s on, 4 s off, without end (the precise tone plan of North America).
    Ringback,
    /// 1000 Hz for 200 ms.
    Beep,
}

/// What a frame was.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Step {
    /// How many cues were reached before the end of this frame.
    pub cues: u32,
    /// This frame was the last; what it did not fill is silence.
    pub ended: bool,
}

/// Plays a sequence of sounds, without a gap between them.
#[derive(Clone, Debug)]
pub struct Player {
    sounds: Vec<Playing>,
    /// Which sound is at hand, and how many of its samples have gone out.
    at: usize,
    sample: usize,
}

impl Player {
    /// A player of `what`, and how many prompts of it the library does not hold (they are passed over).
    pub fn new(what: Vec<Sound>, library: &Library) -> (Player, u64) {
        let mut missing = 0;
        let sounds = what
            .into_iter()
            .filter_map(|sound| match sound {
                Sound::Prompt(id) => {
                    let found = library
                        .find(&id)
                        .map(|samples| Playing::Samples(Arc::clone(samples)));
                    missing += u64::from(found.is_none());
                    found
                }
                Sound::Tone(tone) => Some(Playing::Tone(tone)),
                Sound::Silence(time) => Some(Playing::Silence(samples_in(time))),
                Sound::Cue => Some(Playing::Cue),
            })
            .collect();
        (
            Player {
                sounds,
                at: 0,
                sample: 0,
            },
            missing,
        )
    }

    /// Fills the next frame. After the step that says `ended`, frames are silence and end again.
    pub fn next_frame(&mut self, frame: &mut [i16; FRAME]) -> Step {
        let mut step = Step::default();
        let mut filled = 0;
        while let Some(sound) = self.sounds.get(self.at) {
            let room = &mut frame[filled..];
            let wrote = sound.fill(self.sample, room);
            self.sample += wrote;
            filled += wrote;
            if self.sample < sound.len() {
                return step;
            }
            step.cues += u32::from(matches!(sound, Playing::Cue));
            self.at += 1;
            self.sample = 0;
        }
        frame[filled..].fill(0);
        step.ended = true;
        step
    }
}

#[derive(Clone)]
enum Playing {
    Samples(Arc<[i16]>),
    Tone(Tone),
    Silence(usize),
    Cue,
}

/// Audio stays out of debug output: its length says enough.
impl fmt::Debug for Playing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} samples", self.len())
    }
}

impl Playing {
    /// In samples.
    fn len(&self) -> usize {
        match self {
            Playing::Samples(samples) => samples.len(),
            Playing::Tone(Tone::Ringback) => usize::MAX,
            Playing::Tone(Tone::Beep) => BEEP_SAMPLES,
            Playing::Silence(samples) => *samples,
            Playing::Cue => 0,
        }
    }

    /// Writes samples from `from` on, as many as there are and `room` takes.
    fn fill(&self, from: usize, room: &mut [i16]) -> usize {
        let count = room.len().min(self.len() - from);
        let room = &mut room[..count];
        match self {
            Playing::Samples(samples) => room.copy_from_slice(&samples[from..from + count]),
            Playing::Tone(Tone::Ringback) => fill_from(room, from % RING_CADENCE, |n| {
                let n = n % RING_CADENCE;
                if n < RING_ON {
                    RINGBACK[n % RINGBACK.len()]
                } else {
                    0
                }
            }),
            Playing::Tone(Tone::Beep) => fill_from(room, from, |n| BEEP[n % BEEP.len()]),
            Playing::Silence(_) | Playing::Cue => room.fill(0),
        }
        count
    }
}

fn fill_from(room: &mut [i16], from: usize, sample: impl Fn(usize) -> i16) {
    for (offset, out) in room.iter_mut().enumerate() {
        *out = sample(from + offset);
    }
}

fn samples_in(time: Duration) -> usize {
    usize::try_from(time.as_micros() / 125).unwrap_or(usize::MAX)
}

const RING_ON: usize = 2 * 8000;
const RING_CADENCE: usize = 6 * 8000;
const BEEP_SAMPLES: usize = 1600;

/// 440 and 480 Hz meet again after 1/40 s, 200 samples; each at -19 dB below full scale.
static RINGBACK: LazyLock<[i16; 200]> =
    LazyLock::new(|| std::array::from_fn(|n| (sine(440.0, n) + sine(480.0, n)) as i16));
/// One period of 1000 Hz.
static BEEP: LazyLock<[i16; 8]> = LazyLock::new(|| std::array::from_fn(|n| sine(1000.0, n) as i16));

fn sine(hertz: f64, n: usize) -> f64 {
    3677.0 * (std::f64::consts::TAU * hertz * n as f64 / 8000.0).sin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_follow_each_other_without_a_gap() {
        let mut library = Library::new();
        library.add_samples(PromptId::known("a"), &[1000; 250]).unwrap();
        library.add_samples(PromptId::known("b"), &[1000; 100]).unwrap();
        let what = vec![
            Sound::Prompt(PromptId::known("a")),
            Sound::Cue,
            Sound::Prompt(PromptId::known("b")),
        ];
        let (mut player, missing) = Player::new(what, &library);
        assert_eq!(missing, 0);
        let mut frame = [0; FRAME];
        assert_eq!(player.next_frame(&mut frame), Step::default());
        assert_eq!(
            player.next_frame(&mut frame),
            Step {
                cues: 1,
                ended: false
            }
        );
        assert!(
            frame.iter().all(|&s| s > 1000),
            "no gap where one prompt ends and the next begins"
        );
        assert_eq!(player.next_frame(&mut frame), Step { cues: 0, ended: true });
        assert!(frame[..30].iter().all(|&s| s > 1000) && frame[30..].iter().all(|&s| s == 0));
        assert_eq!(player.next_frame(&mut frame), Step { cues: 0, ended: true });
    }

    #[test]
    fn a_sequence_that_fills_its_frames_ends_with_the_last_of_them() {
        let (mut player, _) = Player::new(vec![Sound::Silence(Duration::from_millis(40))], &Library::new());
        let mut frame = [7; FRAME];
        assert!(!player.next_frame(&mut frame).ended);
        assert!(player.next_frame(&mut frame).ended);
        assert_eq!(frame, [0; FRAME]);
    }

    #[test]
    fn ringback_is_on_two_seconds_and_off_four_without_end() {
        let (mut player, _) = Player::new(vec![Sound::Tone(Tone::Ringback)], &Library::new());
        let mut frame = [0; FRAME];
        for n in 0..900 {
            assert!(!player.next_frame(&mut frame).ended);
            assert_eq!(frame.iter().any(|&s| s != 0), n % 300 < 100, "frame {n}");
        }
    }

    #[test]
    fn a_missing_prompt_is_passed_over_and_counted() {
        let what = vec![Sound::Prompt(PromptId::known("gone")), Sound::Tone(Tone::Beep)];
        let (mut player, missing) = Player::new(what, &Library::new());
        assert_eq!(missing, 1);
        let mut frame = [0; FRAME];
        let frames = (1..).find(|_| player.next_frame(&mut frame).ended);
        assert_eq!(frames, Some(10), "the beep is 200 ms");
    }
}
