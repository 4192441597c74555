//! The spoken captcha: "press five now to be connected".
//!
//! ```text
//! Idle ── Start ──► Speaking ── PromptDone ──► Waiting ──► Over
//!                      ▲  key after the cue, or wait over  │
//!                      └────────── tries left ─────────────┘
//! ```
//! Each try asks for a fresh key in a fresh wording, neither the same as in the try before. The key sits at another
//! place in each sentence. A key typed before ours was spoken is ignored, since nobody can know the answer yet; once
//! it was spoken the first key typed decides the try, whether the sentence is over or not. It never judges twice and
//! never reads a clock.

use crate::random::SplitMix;
use crate::{Digit, PromptId, Sound};
use std::time::{Duration, Instant};

/// How a captcha is held.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CaptchaSettings {
    /// How often a key is asked for.
    pub tries: u8,
    /// How long an answer is waited for once the sentence is over.
    pub wait: Duration,
    /// A sentence that has not been reported over by then counts as over, should the report be lost.
    pub sentence_max: Duration,
}

impl Default for CaptchaSettings {
    fn default() -> Self {
        CaptchaSettings {
            tries: 2,
            wait: Duration::from_secs(7),
            sentence_max: Duration::from_secs(30),
        }
    }
}

/// What happens to a captcha.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Input {
    /// The call is answered and audio can be heard.
    Start,
    /// The latest `Play` has come to its cue: the key has been spoken.
    KeySpoken,
    /// The latest `Play` is over.
    PromptDone,
    /// The caller pressed a key, by RFC 4733 or SIP INFO.
    Digit(Digit),
    /// Time has come to the deadline.
    Tick,
}

/// What the owner of a captcha has to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CaptchaAction {
    /// Play this to the caller in place of what plays; feed back `KeySpoken` at its cue, `PromptDone` at its end.
    Play(Vec<Sound>),
    /// The caller gave the right key. The captcha is over.
    Passed,
    /// The tries are used up. The captcha is over.
    Failed(FailKind),
}

/// Why a captcha was not passed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum FailKind {
    /// In at least one try a wrong key was pressed.
    WrongKey,
    /// No key was pressed in any try.
    Silent,
}

/// One caller's captcha.
#[derive(Debug)]
pub struct Captcha {
    settings: CaptchaSettings,
    random: SplitMix,
    state: State,
    /// Tries begun.
    tries: u8,
    key: Option<Digit>,
    wording: Option<usize>,
    wrong_keys: u8,
}

#[derive(Debug)]
enum State {
    /// Nothing asked yet.
    Idle,
    /// The sentence plays; at `until` we take it as over.
    Speaking { key_spoken: bool, until: Instant },
    /// The sentence is over; at `until` the try is used up.
    Waiting { until: Instant },
    /// Passed or failed.
    Over,
}

impl Captcha {
    /// A captcha whose keys and wordings follow from `seed`; give each call a seed that callers cannot foresee.
    pub fn new(settings: CaptchaSettings, seed: u64) -> Captcha {
        Captcha {
            settings,
            random: SplitMix::new(seed),
            state: State::Idle,
            tries: 0,
            key: None,
            wording: None,
            wrong_keys: 0,
        }
    }

    /// Takes an input and says what is to be done.
    pub fn handle_input(&mut self, now: Instant, input: Input) -> Vec<CaptchaAction> {
        match (&mut self.state, input) {
            (State::Idle, Input::Start) => self.ask(now),
            (State::Speaking { key_spoken, .. }, Input::KeySpoken) => {
                *key_spoken = true;
                vec![]
            }
            (State::Speaking { .. }, Input::PromptDone) => self.wait(now),
            (State::Speaking { until, .. }, Input::Tick) if now >= *until => self.wait(now),
            (State::Speaking { key_spoken: true, .. } | State::Waiting { .. }, Input::Digit(digit)) => {
                self.judge(now, digit)
            }
            (State::Waiting { until }, Input::Tick) if now >= *until => self.use_up_try(now),
            (State::Idle, Input::KeySpoken | Input::PromptDone | Input::Digit(_) | Input::Tick)
            | (State::Speaking { .. }, Input::Start | Input::Digit(_) | Input::Tick)
            | (State::Waiting { .. }, Input::Start | Input::KeySpoken | Input::PromptDone | Input::Tick)
            | (
                State::Over,
                Input::Start | Input::KeySpoken | Input::PromptDone | Input::Digit(_) | Input::Tick,
            ) => vec![],
        }
    }

    /// When the next `Input::Tick` is due, and which timer asks for it.
    pub fn next_deadline(&self) -> Option<(Instant, &'static str)> {
        match self.state {
            State::Idle | State::Over => None,
            State::Speaking { until, .. } => Some((until, "captcha sentence")),
            State::Waiting { until } => Some((until, "captcha wait")),
        }
    }

    /// How many keys have been asked for so far.
    pub fn tries_begun(&self) -> u8 {
        self.tries
    }

    fn judge(&mut self, now: Instant, digit: Digit) -> Vec<CaptchaAction> {
        if Some(digit) == self.key {
            self.state = State::Over;
            return vec![CaptchaAction::Passed];
        }
        self.wrong_keys += 1;
        self.use_up_try(now)
    }

    fn use_up_try(&mut self, now: Instant) -> Vec<CaptchaAction> {
        if self.tries < self.settings.tries {
            return self.ask(now);
        }
        self.state = State::Over;
        vec![CaptchaAction::Failed(if self.wrong_keys > 0 {
            FailKind::WrongKey
        } else {
            FailKind::Silent
        })]
    }

    fn wait(&mut self, now: Instant) -> Vec<CaptchaAction> {
        self.state = State::Waiting {
            until: now + self.settings.wait,
        };
        vec![]
    }

    fn ask(&mut self, now: Instant) -> Vec<CaptchaAction> {
        let last_key = self.key.map(|key| usize::from(key.event_code()));
        let key = self.random.below_but(10, last_key);
        let wording = self.random.below_but(WORDINGS.len(), self.wording);
        let again = self.tries > 0;
        self.tries += 1;
        self.key = u8::try_from(key).ok().and_then(Digit::from_event_code);
        self.wording = Some(wording);
        self.state = State::Speaking {
            key_spoken: false,
            until: now + self.settings.sentence_max,
        };
        vec![CaptchaAction::Play(sentence(&WORDINGS[wording], key, again))]
    }
}

/// All prompts a captcha may ask for.
pub fn prompts() -> Vec<PromptId> {
    let pieces = WORDINGS
        .iter()
        .flat_map(|w| [w.before, w.after])
        .flatten()
        .map(PromptId::known);
    pieces
        .chain([TRY_AGAIN])
        .chain(DIGITS_WITHIN.map(PromptId::known))
        .chain(DIGITS_AT_END.map(PromptId::known))
        .collect()
}

/// A sentence around a key. The key is spoken with a falling voice where it ends a sentence.
struct Wording {
    before: Option<&'static str>,
    key_ends_sentence: bool,
    after: Option<&'static str>,
}

fn sentence(wording: &Wording, key: usize, again: bool) -> Vec<Sound> {
    let digit = if wording.key_ends_sentence {
        DIGITS_AT_END[key]
    } else {
        DIGITS_WITHIN[key]
    };
    let mut sounds = vec![Sound::Silence(if again { SHORT_PAUSE } else { FIRST_PAUSE })];
    if again {
        sounds.extend([Sound::Prompt(TRY_AGAIN), Sound::Silence(SHORT_PAUSE)]);
    }
    sounds.extend(wording.before.map(|name| Sound::Prompt(PromptId::known(name))));
    sounds.extend([Sound::Prompt(PromptId::known(digit)), Sound::Cue]);
    sounds.extend(wording.after.map(|name| Sound::Prompt(PromptId::known(name))));
    sounds
}

/// The path from the caller may need a moment after the answer; what is said before is not heard.
const FIRST_PAUSE: Duration = Duration::from_millis(600);
const SHORT_PAUSE: Duration = Duration::from_millis(250);

/// "Sorry, that was not it. Let's try again."
const TRY_AGAIN: PromptId = PromptId::known("try-again");

const WORDINGS: [Wording; 8] = [
    wording(Some("ask-1-before"), false, Some("ask-1-after")),
    wording(Some("ask-2-before"), true, None),
    wording(Some("ask-3-before"), false, Some("ask-3-after")),
    wording(Some("ask-4-before"), false, Some("ask-4-after")),
    wording(None, false, Some("ask-5-after")),
    wording(Some("ask-6-before"), false, Some("ask-6-after")),
    wording(Some("ask-7-before"), true, Some("ask-7-after")),
    wording(Some("ask-8-before"), true, None),
];

const fn wording(
    before: Option<&'static str>,
    key_ends_sentence: bool,
    after: Option<&'static str>,
) -> Wording {
    Wording {
        before,
        key_ends_sentence,
        after,
    }
}

const DIGITS_WITHIN: [&str; 10] = [
    "digit-within-0",
    "digit-within-1",
    "digit-within-2",
    "digit-within-3",
    "digit-within-4",
    "digit-within-5",
    "digit-within-6",
    "digit-within-7",
    "digit-within-8",
    "digit-within-9",
];
const DIGITS_AT_END: [&str; 10] = [
    "digit-end-0",
    "digit-end-1",
    "digit-end-2",
    "digit-end-3",
    "digit-end-4",
    "digit-end-5",
    "digit-end-6",
    "digit-end-7",
    "digit-end-8",
    "digit-end-9",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ms, t0};

    #[test]
    fn the_right_key_passes() {
        let now = t0();
        let mut captcha = captcha(1);
        let key = asked(&captcha.handle_input(now, Input::Start));
        captcha.handle_input(now + ms(2000), Input::KeySpoken);
        captcha.handle_input(now + ms(3000), Input::PromptDone);
        assert_eq!(
            captcha.handle_input(now + ms(4000), Input::Digit(key)),
            [CaptchaAction::Passed]
        );
        assert_eq!(captcha.next_deadline(), None);
    }

    #[test]
    fn the_right_key_passes_before_the_sentence_is_over_once_it_was_spoken() {
        let now = t0();
        let mut captcha = captcha(2);
        let key = asked(&captcha.handle_input(now, Input::Start));
        assert_eq!(
            captcha.handle_input(now + ms(100), Input::Digit(key)),
            [],
            "nobody can know it yet"
        );
        captcha.handle_input(now + ms(2000), Input::KeySpoken);
        assert_eq!(
            captcha.handle_input(now + ms(2100), Input::Digit(key)),
            [CaptchaAction::Passed]
        );
    }

    #[test]
    fn typing_all_keys_at_once_does_not_pass() {
        let now = t0();
        let passes = (0..200).filter(|&seed| {
            let mut captcha = captcha(seed);
            captcha.handle_input(now, Input::Start);
            captcha.handle_input(now, Input::KeySpoken);
            (0..10).any(|code| {
                let digit = Digit::from_event_code(code).unwrap();
                captcha.handle_input(now, Input::Digit(digit)) == [CaptchaAction::Passed]
            })
        });
        assert!(
            passes.count() < 40,
            "only the first key counts: one in ten by luck"
        );
    }

    #[test]
    fn a_wrong_key_twice_fails() {
        let now = t0();
        let mut captcha = captcha(3);
        let key = asked(&captcha.handle_input(now, Input::Start));
        captcha.handle_input(now, Input::PromptDone);
        let again = captcha.handle_input(now + ms(1000), Input::Digit(not(key)));
        let second = asked(&again);
        assert_ne!(second, key);
        assert!(speaks(&again, &TRY_AGAIN), "the caller is told to try again");
        captcha.handle_input(now + ms(5000), Input::PromptDone);
        let end = captcha.handle_input(now + ms(6000), Input::Digit(not(second)));
        assert_eq!(end, [CaptchaAction::Failed(FailKind::WrongKey)]);
        assert_eq!(
            captcha.handle_input(now + ms(6001), Input::Digit(second)),
            [],
            "over is over"
        );
    }

    #[test]
    fn a_wrong_key_then_the_right_one_passes() {
        let now = t0();
        let mut captcha = captcha(4);
        let key = asked(&captcha.handle_input(now, Input::Start));
        captcha.handle_input(now, Input::PromptDone);
        let second = asked(&captcha.handle_input(now, Input::Digit(not(key))));
        captcha.handle_input(now, Input::PromptDone);
        assert_eq!(
            captcha.handle_input(now, Input::Digit(second)),
            [CaptchaAction::Passed]
        );
        assert_eq!(captcha.tries_begun(), 2);
    }

    #[test]
    fn silence_is_waited_for_seven_seconds_after_each_sentence_then_fails() {
        let now = t0();
        let mut captcha = captcha(5);
        captcha.handle_input(now, Input::Start);
        assert_eq!(
            captcha.next_deadline(),
            Some((now + ms(30_000), "captcha sentence"))
        );
        captcha.handle_input(now + ms(4000), Input::PromptDone);
        assert_eq!(captcha.next_deadline(), Some((now + ms(11_000), "captcha wait")));
        assert_eq!(captcha.handle_input(now + ms(10_999), Input::Tick), []);
        asked(&captcha.handle_input(now + ms(11_000), Input::Tick));
        captcha.handle_input(now + ms(15_000), Input::PromptDone);
        assert_eq!(captcha.handle_input(now + ms(21_999), Input::Tick), []);
        let end = captcha.handle_input(now + ms(22_000), Input::Tick);
        assert_eq!(end, [CaptchaAction::Failed(FailKind::Silent)]);
    }

    #[test]
    fn a_wrong_key_and_then_silence_is_not_called_silent() {
        let now = t0();
        let mut captcha = captcha(6);
        let key = asked(&captcha.handle_input(now, Input::Start));
        captcha.handle_input(now, Input::PromptDone);
        captcha.handle_input(now, Input::Digit(not(key)));
        captcha.handle_input(now, Input::PromptDone);
        let end = captcha.handle_input(now + ms(7000), Input::Tick);
        assert_eq!(end, [CaptchaAction::Failed(FailKind::WrongKey)]);
    }

    #[test]
    fn a_lost_report_of_the_sentence_end_does_not_hang_the_call() {
        let now = t0();
        let mut captcha = captcha(7);
        captcha.handle_input(now, Input::Start);
        captcha.handle_input(now + ms(30_000), Input::Tick);
        assert_eq!(captcha.next_deadline(), Some((now + ms(37_000), "captcha wait")));
    }

    #[test]
    fn key_and_wording_change_with_every_try_and_all_of_them_occur() {
        let now = t0();
        let mut keys = [0; 10];
        let mut wordings = [0; WORDINGS.len()];
        for seed in 0..64 {
            let settings = CaptchaSettings {
                tries: 20,
                ..CaptchaSettings::default()
            };
            let mut captcha = Captcha::new(settings, seed);
            let mut actions = captcha.handle_input(now, Input::Start);
            let mut last = None;
            for _ in 0..20 {
                let at = (asked(&actions), captcha.wording.unwrap());
                if let Some((key, wording)) = last {
                    assert_ne!(at.0, key);
                    assert_ne!(at.1, wording);
                }
                keys[usize::from(at.0.event_code())] += 1;
                wordings[at.1] += 1;
                last = Some(at);
                captcha.handle_input(now, Input::PromptDone);
                actions = captcha.handle_input(now, Input::Digit(not(at.0)));
            }
        }
        assert!(keys.iter().all(|&n| n > 1280 / 10 / 2), "{keys:?}");
        assert!(wordings.iter().all(|&n| n > 1280 / 8 / 2), "{wordings:?}");
    }

    #[test]
    fn every_prompt_of_every_sentence_is_in_the_inventory() {
        let inventory = prompts();
        for wording in &WORDINGS {
            for key in 0..10 {
                for sound in sentence(wording, key, true) {
                    if let Sound::Prompt(id) = sound {
                        assert!(inventory.contains(&id), "{id:?}");
                    }
                }
            }
        }
    }

    fn captcha(seed: u64) -> Captcha {
        Captcha::new(CaptchaSettings::default(), seed)
    }

    fn sounds(actions: &[CaptchaAction]) -> &[Sound] {
        match actions {
            [CaptchaAction::Play(sounds)] => sounds,
            other => panic!("no sentence is asked but {other:?}"),
        }
    }

    fn speaks(actions: &[CaptchaAction], id: &PromptId) -> bool {
        sounds(actions)
            .iter()
            .any(|sound| matches!(sound, Sound::Prompt(spoken) if spoken == id))
    }

    /// The key a sentence asks for, as a caller would hear it.
    fn asked(actions: &[CaptchaAction]) -> Digit {
        let before_cue = sounds(actions)
            .iter()
            .take_while(|sound| **sound != Sound::Cue)
            .last();
        match before_cue {
            Some(Sound::Prompt(id)) => Digit::from_char(id.as_str().chars().last().unwrap()).unwrap(),
            other => panic!("no key before the cue but {other:?}"),
        }
    }

    fn not(key: Digit) -> Digit {
        Digit::from_event_code((key.event_code() + 1) % 10).unwrap()
    }
}
