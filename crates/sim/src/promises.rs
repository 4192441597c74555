//! What the switch promises, and whether it keeps it.

use std::collections::BTreeMap;

use call_model::{CallEvent, CallRecord, Treatment};

/// What was seen of each call, and every promise that was broken.
#[derive(Default)]
pub(crate) struct Promises {
    /// How often each call was offered, by the Call-ID of the caller's leg.
    offered: BTreeMap<String, u32>,
    verdicts: BTreeMap<String, Treatment>,
    pub(crate) records: Vec<CallRecord>,
    recorded: BTreeMap<String, u32>,
    pub(crate) refused_unrecorded: u64,
    pub(crate) packets_refused: Vec<(&'static str, Option<u16>)>,
    pub(crate) faults: Vec<String>,
}

impl Promises {
    /// The switch told of a fact. `about` is the Call-ID of the INVITE that it was given, where it was one.
    pub(crate) fn hear(&mut self, event: CallEvent, about: Option<&str>) {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "events are open; the others promise nothing"
        )]
        match event {
            CallEvent::Offered => match about {
                Some(call) => *self.offered.entry(call.to_owned()).or_default() += 1,
                None => self.broken("a call was offered without an INVITE".into()),
            },
            CallEvent::Screened { treatment, .. } => match about {
                Some(call) => {
                    if self.verdicts.insert(call.to_owned(), treatment).is_some() {
                        self.broken(format!("{call} was screened twice"));
                    }
                }
                None => self.broken("a call was screened without an INVITE".into()),
            },
            CallEvent::Ended(record) => self.record(*record),
            CallEvent::RefusedUnrecorded { .. } => self.refused_unrecorded += 1,
            CallEvent::PacketRefused(refused) => self.packets_refused.push((refused.cause, refused.status)),
            _ => {}
        }
    }

    /// The switch rings an agent for this call.
    pub(crate) fn rings(&mut self, call: &str, agent: &str, pressed_right: bool) {
        let verdict = self.verdicts.get(call).copied();
        let allowed = match verdict {
            Some(Treatment::Allow | Treatment::Tag) => true,
            Some(Treatment::Challenge) => pressed_right,
            Some(Treatment::Announce | Treatment::Reject) | None => false,
        };
        if !allowed {
            self.broken(format!("{agent} was rung for {call}, verdict {verdict:?}"));
        }
        if self.recorded.contains_key(call) {
            self.broken(format!("{agent} was rung for {call} after its record"));
        }
    }

    /// A caller saw this many kinds of final answers.
    pub(crate) fn answered(&mut self, call: &str, finals: &[u16]) {
        if finals.len() > 1 {
            self.broken(format!("{call} got final answers {finals:?}"));
        }
    }

    /// Everything is at rest: each call that was offered has its one record.
    pub(crate) fn at_rest(&mut self) {
        let unrecorded: Vec<String> = self
            .offered
            .iter()
            .filter(|(call, times)| self.recorded.get(*call) != Some(*times))
            .map(|(call, times)| {
                format!(
                    "{call} was offered {times} times, recorded {:?} times",
                    self.recorded.get(call)
                )
            })
            .collect();
        self.faults.extend(unrecorded);
    }

    pub(crate) fn broken(&mut self, what: String) {
        self.faults.push(what);
    }

    fn record(&mut self, record: CallRecord) {
        let call = record.sip_call_id.to_string();
        let times = self.recorded.entry(call.clone()).or_default();
        *times += 1;
        let (times, offered) = (*times, self.offered.get(&call).copied().unwrap_or_default());
        if times > offered {
            self.broken(format!("{call} has {times} records for {offered} offers"));
        }
        if record.ended_ms < record.offered_ms {
            self.broken(format!("{call} ended before it was offered"));
        }
        let treatment = record
            .decision
            .as_ref()
            .map(|decision| decision.verdict.treatment);
        if treatment == Some(Treatment::Reject) && !record.legs.is_empty() {
            self.broken(format!("{call} was refused, and has legs"));
        }
        self.records.push(record);
    }
}
