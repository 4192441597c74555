//! What the detective measures, and from where on it acts.

use std::time::Duration;

use call_model::{Attestation, Score, Treatment};
use serde::{Deserialize, Serialize};

/// The most signals that one setting may hold: a decision record keeps one value for each.
pub const SIGNALS_MAX: usize = 16;

/// The most distinct numbers that a threshold may name: the set that is kept for each caller holds 16.
const DISTINCT_OVER_MAX: u32 = 15;

/// The highest threshold of any other signal.
const OVER_MAX: u32 = 65_000;

/// The longest window.
const WINDOW_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// The shortest window.
const WINDOW_MIN: Duration = Duration::from_secs(1);

/// The detective's settings. [`Default`] is what is published; each value there is given with its reasoning.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DetectiveSettings {
    /// Whether the detective watches at all.
    pub enabled: bool,
    /// What is measured, at most [`SIGNALS_MAX`]; the order is the order of the values in a decision record.
    pub signals: Vec<Signal>,
    /// A call that was answered and lasted less than this is a short call.
    pub short_call: Duration,
    /// A call that the caller gave up sooner than this after its INVITE is a quick CANCEL.
    pub quick_cancel: Duration,
    /// How many leading digits make a caller's prefix, country code included: 1 to 15, but never fewer than all digits
    /// of the caller's number but the last four, so that a prefix never spans more than ten thousand numbers. A number
    /// of 11 digits counts by 7 at least, whatever less is set here.
    pub prefix_digits: u32,
    /// For how long a passed challenge counts.
    pub pass_life: Duration,
    /// For how long it counts where the caller's number was attested with A.
    pub pass_life_attested: Duration,
}

/// One thing measured, and from where on it counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Signal {
    /// What is counted.
    pub kind: SignalKind,
    /// Over which time: 1 second to 7 days.
    pub window: Duration,
    /// The most that passes.
    pub over: u32,
    /// The treatment that more than that asks for.
    pub treatment: Treatment,
    /// How much more than that speaks against the caller.
    pub score: Score,
}

/// What can be counted.
///
/// Only calls whose caller has a number are counted. Withheld and non-numeric callers are many people behind one
/// label: a counter that they shared would challenge them all for the zeal of one.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalKind {
    /// Calls of one caller to one tenant, this one included.
    CallerAttempts,
    /// Distinct tracking numbers that one caller called, whosever they are, this one included. Across tenants, and
    /// with the numbers in quarantine: a sweep shows only from above.
    CallerNumbers,
    /// Answered calls of one caller to one tenant that lasted less than `short_call`.
    CallerShortCalls,
    /// Calls of one caller to one tenant that were given up sooner than `quick_cancel`.
    CallerQuickCancels,
    /// Calls of all callers of one prefix to one tenant, this one included.
    PrefixAttempts,
}

impl SignalKind {
    /// The name in settings and records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CallerAttempts => "caller_attempts",
            Self::CallerNumbers => "caller_numbers",
            Self::CallerShortCalls => "caller_short_calls",
            Self::CallerQuickCancels => "caller_quick_cancels",
            Self::PrefixAttempts => "prefix_attempts",
        }
    }

    /// All kinds, in order.
    pub const ALL: [Self; 5] = [
        Self::CallerAttempts,
        Self::CallerNumbers,
        Self::CallerShortCalls,
        Self::CallerQuickCancels,
        Self::PrefixAttempts,
    ];

    /// Finds a kind by its name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl Default for DetectiveSettings {
    /// The published defaults. All of them challenge: a score alone never refuses.
    ///
    /// | signal | window | more than | why |
    /// |---|---|---|---|
    /// | calls of a caller to a tenant | 10 min | 5 | a person who is not answered tries two or three times |
    /// | the same | 24 h | 15 | a slower dialler that stays under the first; a busy customer stays below |
    /// | distinct numbers of a caller | 10 min | 3 | a person calls one number of a business, sometimes a second; four in ten minutes is a sweep |
    /// | quick CANCELs of a caller | 1 h | 2 | one is a misdial; repeated ones are one-ring calls or probing |
    /// | short calls of a caller | 1 h | 3 | answered, and gone within six seconds, again and again: a dialler that listens for a voice |
    /// | calls of a prefix to a tenant | 10 min | 100 | one call in six seconds out of ten thousand neighbouring numbers; an advertisement draws from many more |
    ///
    /// Short: 6 s, the length below which carriers bill and count short-duration calls. Quick: 3 s, less than the
    /// first ring takes to be heard. A pass counts for 7 days, 30 with attestation A, since a number that is not
    /// attested can be borrowed by anybody.
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 3600;
        const DAY: u64 = 24 * HOUR;
        let challenge = |kind, window, over, score| Signal {
            kind,
            window: Duration::from_secs(window),
            over,
            treatment: Treatment::Challenge,
            score: Score(score),
        };
        Self {
            enabled: true,
            signals: vec![
                challenge(SignalKind::CallerAttempts, 10 * MINUTE, 5, 600),
                challenge(SignalKind::CallerAttempts, DAY, 15, 500),
                challenge(SignalKind::CallerNumbers, 10 * MINUTE, 3, 700),
                challenge(SignalKind::CallerQuickCancels, HOUR, 2, 500),
                challenge(SignalKind::CallerShortCalls, HOUR, 3, 500),
                challenge(SignalKind::PrefixAttempts, 10 * MINUTE, 100, 500),
            ],
            short_call: Duration::from_secs(6),
            quick_cancel: Duration::from_secs(3),
            prefix_digits: 7,
            pass_life: Duration::from_secs(7 * DAY),
            pass_life_attested: Duration::from_secs(30 * DAY),
        }
    }
}

impl DetectiveSettings {
    /// For how long a challenge passed with this attestation counts.
    #[must_use]
    pub fn pass_life_with(&self, attestation: Option<Attestation>) -> Duration {
        match attestation {
            Some(Attestation::A) => self.pass_life_attested,
            Some(Attestation::B | Attestation::C) | None => self.pass_life,
        }
    }

    /// Everything that is out of bounds, each with the place of its signal where it concerns one.
    #[must_use]
    pub fn faults(&self) -> Vec<DetectiveFault> {
        let mut faults = Vec::new();
        if self.signals.len() > SIGNALS_MAX {
            faults.push(DetectiveFault::TooManySignals(self.signals.len()));
        }
        if !(1..=15).contains(&self.prefix_digits) {
            faults.push(DetectiveFault::PrefixDigits(self.prefix_digits));
        }
        for (at, signal) in self.signals.iter().enumerate() {
            if !(WINDOW_MIN..=WINDOW_MAX).contains(&signal.window) {
                faults.push(DetectiveFault::Window { at });
            }
            let most = if signal.kind == SignalKind::CallerNumbers {
                DISTINCT_OVER_MAX
            } else {
                OVER_MAX
            };
            if signal.over > most {
                faults.push(DetectiveFault::Over { at, most });
            }
            if signal.score.0 > 1000 {
                faults.push(DetectiveFault::Score { at });
            }
        }
        faults
    }
}

/// A setting of the detective that is out of bounds.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DetectiveFault {
    /// More than [`SIGNALS_MAX`] signals.
    #[error("{0} signals, at most 16 are measured")]
    TooManySignals(usize),
    /// A prefix has 1 to 15 digits.
    #[error("{0} digits, a prefix has 1 to 15")]
    PrefixDigits(u32),
    /// The window of a signal is too short or too long.
    #[error("a window lasts from 1 second to 7 days")]
    Window {
        /// The signal's place.
        at: usize,
    },
    /// The threshold of a signal is higher than what can be counted.
    #[error("the threshold is {most} at most")]
    Over {
        /// The signal's place.
        at: usize,
        /// The highest threshold of its kind.
        most: u32,
    },
    /// A score is 0 to 1000.
    #[error("a score is 0 to 1000")]
    Score {
        /// The signal's place.
        at: usize,
    },
}
