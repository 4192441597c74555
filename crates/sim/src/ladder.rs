//! What an operator would see: who said what to whom, and when.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::reading::Reading;

/// The messages of a run, one on each line, with their times.
#[derive(Default)]
pub(crate) struct Ladder {
    /// Whether each line names its call.
    pub(crate) in_full: bool,
    lines: Vec<String>,
    seen: BTreeSet<(String, Vec<u8>)>,
}

impl Ladder {
    pub(crate) fn message(&mut self, at: Duration, from: &str, to: &str, bytes: &[u8], lost: bool) {
        let Some(reading) = Reading::of(bytes) else { return };
        let mut what = match reading.status {
            Some(status) if reading.method == "INVITE" => format!("{status} {}", reading.reason_phrase),
            Some(status) => format!("{status} {} ({})", reading.reason_phrase, reading.method),
            None => reading.method.clone(),
        };
        if reading.has_body {
            what.push_str(", description");
        }
        if !reading.reasons.is_empty() {
            what = format!("{what}, Reason: {}", reading.reasons);
        }
        if !self.seen.insert((to.to_owned(), bytes.to_vec())) {
            what.push_str(" (again)");
        }
        if lost {
            what.push_str(" (lost)");
        }
        if self.in_full {
            what = format!("{what:<40}  {}", reading.call_id);
        }
        self.note(at, &format!("{from} → {to}"), &what);
    }

    pub(crate) fn note(&mut self, at: Duration, who: &str, what: &str) {
        let line = format!("{:>6} ms  {who:<17}  {what}", at.as_millis());
        self.lines.push(line.trim_end().to_owned());
    }

    pub(crate) fn text(&self) -> String {
        let mut text = self.lines.join("\n");
        text.push('\n');
        text
    }
}
