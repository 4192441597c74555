//! What would have changed the outcome: the same deliberation, on a case that differs in one thing.

use call_model::{
    Attestation, Caller, Cause, DetectiveValues, ListKind, NumberState, Treatment, TrunkName, Verdict,
};

use crate::decide::{Case, EntryAt, Nobody, Suppose, deliberate};
use crate::words::Lasting;
use crate::{Change, NumberSet, SIGNALS_MAX, Signal, SignalKind, Subject};

/// The most changes that are told when the caller was welcome: the signals that were nearest to speaking.
const WARNINGS_MAX: usize = 3;

/// The changes that would have altered the outcome, nearest first. Every one was tried.
pub(crate) fn nearest_changes(case: &Case<'_>, verdict: &Verdict, entries: &[EntryAt<'_>]) -> Vec<Change> {
    let mut trial = Trial {
        case,
        verdict,
        changes: Vec::new(),
    };
    trial.without_entries(entries);
    if verdict.treatment > Treatment::Tag {
        trial.with_milder_values();
        trial.with_credentials();
        trial.with_other_facts();
    } else {
        trial.without_exemption();
        trial.with_harsher_values();
    }
    trial.changes
}

struct Trial<'t, 'c> {
    case: &'t Case<'c>,
    verdict: &'t Verdict,
    changes: Vec<Change>,
}

impl<'c> Trial<'_, 'c> {
    /// Decides on a case, and keeps the change where it leads elsewhere.
    fn attempt(&mut self, change: String, case: &Case<'_>) -> bool {
        let other = deliberate(case, &mut Nobody);
        let differs = other.treatment != self.verdict.treatment || other.cause != self.verdict.cause;
        if differs {
            self.changes.push(Change {
                change: change.into(),
                treatment: other.treatment,
                cause: other.cause,
            });
        }
        differs
    }

    fn without_entries(&mut self, entries: &[EntryAt<'_>]) {
        for entry in entries {
            let list = match entry.kind {
                ListKind::Allow => "allow",
                ListKind::Block => "block",
            };
            let suppose = Suppose {
                without: Some(*entry),
                ..Suppose::default()
            };
            self.attempt(
                format!("without the {list} entry {}", entry.matched.key),
                &Case {
                    suppose,
                    ..*self.case
                },
            );
        }
    }

    /// Each signal that spoke at its threshold, then all of them.
    fn with_milder_values(&mut self) {
        let signals = self.signals();
        let values = self.case.values;
        let fired: Vec<usize> = (0..signals.len())
            .filter(|at| values.signals[*at] > signals[*at].over)
            .collect();
        let mut all = *values;
        for at in &fired {
            let (signal, observed) = (&signals[*at], values.signals[*at]);
            for (other, value) in signals.iter().zip(&mut all.signals) {
                if alike(other, signal) {
                    *value = (*value).min(signal.over);
                }
            }
            let mut milder = *values;
            set_alike(signals, &mut milder, signal, signal.over);
            self.attempt(
                format!("with {} instead of {observed}", amount(signal, signal.over)),
                &Case {
                    values: &milder,
                    ..*self.case
                },
            );
        }
        if fired.len() > 1 {
            let change = format!("with none of these {} counts over its threshold", fired.len());
            self.attempt(
                change,
                &Case {
                    values: &all,
                    ..*self.case
                },
            );
        }
    }

    /// What the caller, or the caller's carrier, could have brought.
    fn with_credentials(&mut self) {
        let case = *self.case;
        let values = DetectiveValues {
            passed_challenge_ms: Some(case.facts.at_ms),
            ..*case.values
        };
        self.attempt(
            "had the caller passed a challenge".into(),
            &Case {
                values: &values,
                ..case
            },
        );
        for attestation in [Attestation::B, Attestation::A] {
            if case.facts.attestation.is_none_or(|had| attestation < had) {
                let mut facts = case.facts.clone();
                facts.attestation = Some(attestation);
                let change = format!("with the attestation {attestation:?}");
                if self.attempt(
                    change,
                    &Case {
                        facts: &facts,
                        ..case
                    },
                ) {
                    break;
                }
            }
        }
        let suppose = Suppose {
            allow_listed: true,
            ..Suppose::default()
        };
        self.attempt("on the allow list".into(), &Case { suppose, ..case });
    }

    /// The hard rules, one by one.
    fn with_other_facts(&mut self) {
        let case = *self.case;
        let facts = case.facts;
        if facts.trunk.is_none() {
            let mut known = facts.clone();
            known.trunk = Some(TrunkName::from("(a trunk of ours)"));
            self.attempt(
                "from a trunk of ours".into(),
                &Case {
                    facts: &known,
                    ..case
                },
            );
        }
        if facts.number_state != Some(NumberState::Active) {
            let mut active = facts.clone();
            active.number_state = Some(NumberState::Active);
            self.attempt(
                "with the called number in use".into(),
                &Case {
                    facts: &active,
                    ..case
                },
            );
        }
        if self.verdict.cause == Some(Cause::CallerInvalid) {
            let mut withheld = facts.clone();
            withheld.caller = Caller::Anonymous;
            let subject = Subject {
                is_own_number: false,
                ..*case.subject
            };
            self.attempt(
                "with the caller's number withheld".into(),
                &Case {
                    facts: &withheld,
                    subject: &subject,
                    values: &DetectiveValues {
                        sequence: case.values.sequence,
                        ..DetectiveValues::default()
                    },
                    ..case
                },
            );
        }
        let nobody = NumberSet::default();
        let subject = Subject {
            do_not_originate: &nobody,
            ..*case.subject
        };
        self.attempt(
            "without the do-not-originate list".into(),
            &Case {
                subject: &subject,
                ..case
            },
        );
        let subject = Subject {
            trunk_is_peer_for_own: true,
            ..*case.subject
        };
        self.attempt(
            "from a trunk that may bring our own numbers".into(),
            &Case {
                subject: &subject,
                ..case
            },
        );
    }

    fn without_exemption(&mut self) {
        let case = *self.case;
        if case.facts.emergency.is_some() {
            let mut facts = case.facts.clone();
            facts.emergency = None;
            self.attempt(
                "without the emergency".into(),
                &Case {
                    facts: &facts,
                    ..case
                },
            );
        }
        if case.values.passed_challenge_ms.is_some() {
            let values = DetectiveValues {
                passed_challenge_ms: None,
                ..*case.values
            };
            self.attempt(
                "had the caller not passed a challenge".into(),
                &Case {
                    values: &values,
                    ..case
                },
            );
        }
    }

    /// The signals that were nearest to speaking.
    fn with_harsher_values(&mut self) {
        let signals = self.signals();
        let values = self.case.values;
        let mut quiet: Vec<usize> = (0..signals.len())
            .filter(|at| values.signals[*at] <= signals[*at].over)
            .collect();
        quiet.sort_by_key(|at| signals[*at].over - values.signals[*at]);
        let mut told = 0;
        for at in quiet {
            let (signal, observed) = (&signals[at], values.signals[at]);
            let mut harsher = *values;
            set_alike(signals, &mut harsher, signal, signal.over + 1);
            let change = format!("with {} instead of {observed}", amount(signal, signal.over + 1));
            told += usize::from(self.attempt(
                change,
                &Case {
                    values: &harsher,
                    ..*self.case
                },
            ));
            if told == WARNINGS_MAX {
                break;
            }
        }
    }

    fn signals(&self) -> &'c [Signal] {
        let signals = &self.case.subject.detective.signals;
        &signals[..signals.len().min(SIGNALS_MAX)]
    }
}

/// Signals that count the same have the same value.
fn set_alike(signals: &[Signal], values: &mut DetectiveValues, signal: &Signal, value: u32) {
    for (other, slot) in signals.iter().zip(&mut values.signals) {
        if alike(other, signal) {
            *slot = value;
        }
    }
}

fn alike(one: &Signal, other: &Signal) -> bool {
    one.kind == other.kind && one.window == other.window
}

fn amount(signal: &Signal, count: u32) -> String {
    let what = match signal.kind {
        SignalKind::CallerAttempts => "attempts",
        SignalKind::CallerNumbers => "numbers called",
        SignalKind::CallerShortCalls => "short calls",
        SignalKind::CallerQuickCancels => "quick CANCELs",
        SignalKind::PrefixAttempts => "calls from the prefix",
    };
    format!(
        "{count} {what} in {}",
        Lasting::ms(signal.window.as_millis() as u64)
    )
}
