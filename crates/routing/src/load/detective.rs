//! `[detective]`: the published signals, and what the operator makes of them.

use std::sync::Arc;
use std::time::Duration;

use call_model::{Score, Treatment};
use screening::{DetectiveFault, DetectiveSettings, Signal, SignalKind};

use super::{Loader, spec};
use crate::fault::Place;
use crate::reader::Table;

/// The detective's settings, and where a signal was told to reject.
pub(super) struct Detective {
    pub(super) settings: DetectiveSettings,
    pub(super) rejecting: Option<Place>,
}

impl Loader<'_, '_> {
    pub(super) fn detective(&mut self) -> Option<Detective> {
        let table = self.one("detective");
        let captcha = self.one("captcha");
        let faults = &mut self.faults;
        let enabled: Option<bool> = table.read("enabled", faults);
        let treatment_max = treatment(table.read("treatment_max", faults));
        let short_call: Option<Duration> = table.read("short_call", faults);
        let quick_cancel: Option<Duration> = table.read("quick_cancel", faults);
        let prefix_digits: Option<u32> = table.read("prefix_digits", faults);
        let pass_life: Option<Duration> = captcha.read("pass_life", faults);
        let pass_life_attested: Option<Duration> = captcha.read("pass_life_attested", faults);
        let rows = table.tables("signal", spec("detective.signal"), faults);

        let mut signals = Signals::published(treatment_max?);
        for row in &rows {
            self.signal(row, &mut signals);
        }
        let settings = DetectiveSettings {
            enabled: enabled?,
            signals: signals.rows,
            short_call: short_call?,
            quick_cancel: quick_cancel?,
            prefix_digits: prefix_digits?,
            pass_life: pass_life?,
            pass_life_attested: pass_life_attested?,
        };
        for fault in settings.faults() {
            #[expect(
                clippy::wildcard_enum_match_arm,
                reason = "faults are open; those of no one signal are the table's"
            )]
            let at = match fault {
                DetectiveFault::Window { at }
                | DetectiveFault::Score { at }
                | DetectiveFault::Over { at, .. } => signals.places.get(at),
                _ => None,
            };
            let place = at.and_then(Option::as_ref).unwrap_or(&table.place);
            self.faults.note(place, fault.to_string());
        }
        self.digest_detective(&settings);
        let rejecting = settings
            .signals
            .iter()
            .zip(&signals.places)
            .find(|(signal, _)| signal.treatment == Treatment::Reject)
            .map(|(_, place)| place.clone().unwrap_or_else(|| table.place.clone()));
        Some(Detective { settings, rejecting })
    }

    /// One row: replaces what it gives of a published signal, or adds one.
    fn signal(&mut self, row: &Table<'_>, signals: &mut Signals) {
        let faults = &mut self.faults;
        let kind: Option<Arc<str>> = row.read("signal", faults);
        let window: Option<Duration> = row.read("window", faults);
        let over: Option<u32> = row.read("over", faults);
        let told = treatment(row.read("treatment", faults));
        let score: Option<Score> = row.read("score", faults);
        let (Some(kind), Some(window)) = (kind.and_then(|kind| SignalKind::by_name(&kind)), window) else {
            return;
        };
        let known = signals
            .rows
            .iter()
            .position(|signal| (signal.kind, signal.window) == (kind, window));
        if let Some(at) = known {
            if let Some(Some(first)) = signals.places.get(at) {
                let first = faults.where_is(first);
                faults.note(
                    &row.place,
                    format!("a row of this signal and window is in {first} already"),
                );
            }
            let signal = &mut signals.rows[at];
            signal.over = over.unwrap_or(signal.over);
            signal.treatment = told.unwrap_or(signal.treatment);
            signal.score = score.unwrap_or(signal.score);
            signals.places[at] = Some(row.place.clone());
            return;
        }
        let Some(over) = over else {
            if row.given("over").is_none() {
                let message = format!(
                    "no published {} has this window, so over is needed",
                    kind.as_str()
                );
                faults.note(&row.place, message);
            }
            return;
        };
        let treatment = told.unwrap_or(Treatment::Challenge);
        signals.rows.push(Signal {
            kind,
            window,
            over,
            treatment,
            score: score.unwrap_or(Score(500)),
        });
        signals.places.push(Some(row.place.clone()));
    }

    pub(super) fn digest_detective(&mut self, settings: &DetectiveSettings) {
        let digest = &mut self.digest;
        digest.text("detective");
        digest.number(u64::from(settings.enabled));
        for signal in &settings.signals {
            digest.text(signal.kind.as_str());
            digest.number(signal.window.as_millis() as u64);
            digest.number(u64::from(signal.over));
            digest.text(signal.treatment.as_str());
            digest.number(u64::from(signal.score.0));
        }
        digest.number(settings.short_call.as_millis() as u64);
        digest.number(settings.quick_cancel.as_millis() as u64);
        digest.number(u64::from(settings.prefix_digits));
        digest.number(settings.pass_life.as_millis() as u64);
        digest.number(settings.pass_life_attested.as_millis() as u64);
    }
}

/// Signals, each with the place of the row that gave or changed it.
struct Signals {
    rows: Vec<Signal>,
    places: Vec<Option<Place>>,
}

impl Signals {
    fn published(treatment_max: Treatment) -> Self {
        let mut rows = DetectiveSettings::default().signals;
        hold_back(&mut rows, treatment_max);
        let places = vec![None; rows.len()];
        Self { rows, places }
    }
}

/// No signal treats callers more harshly than this.
pub(super) fn hold_back(signals: &mut [Signal], treatment_max: Treatment) {
    for signal in signals {
        signal.treatment = signal.treatment.min(treatment_max);
    }
}

/// A treatment from its name, which the catalogue has checked.
pub(super) fn treatment(name: Option<Arc<str>>) -> Option<Treatment> {
    name.and_then(|name| Treatment::by_name(&name))
}
