//! The pure function from facts to a verdict.
//!
//! One walk through the rules, generic over who listens: [`decide`] lets nobody listen and stops at the rule that
//! settles the call; `explain` listens to every rule, the skipped ones included. There is no second implementation.

use call_model::{
    Caller, Cause, DetectiveValues, Emergency, Evidence, Exemption, Facts, ListKind, NumberState, Reason,
    Score, Treatment, Verdict,
};

use crate::lists::{Hit, Lists, Matched, MatchedKey, Query};
use crate::names::fold;
use crate::words::{self, Lasting};
use crate::{Finding, Item, SIGNALS_MAX, Subject, impossible};

/// Decides. Pure: the same facts, subject and values give the same verdict, live and in a rehearsal.
///
/// Of what the subject says of the number, only what the facts do not hold is read: the number's state comes from
/// `facts.number_state`.
#[must_use]
pub fn decide(facts: &Facts, subject: &Subject<'_>, values: &DetectiveValues) -> Verdict {
    deliberate(
        &Case {
            facts,
            subject,
            values,
            suppose: Suppose::default(),
        },
        &mut Nobody,
    )
}

/// What is decided upon.
#[derive(Clone, Copy)]
pub(crate) struct Case<'c> {
    pub(crate) facts: &'c Facts,
    pub(crate) subject: &'c Subject<'c>,
    pub(crate) values: &'c DetectiveValues,
    pub(crate) suppose: Suppose<'c>,
}

/// What is taken to be otherwise, to see what would follow.
#[derive(Clone, Copy, Default)]
pub(crate) struct Suppose<'c> {
    /// The caller is on the allow list.
    pub(crate) allow_listed: bool,
    /// This entry does not exist.
    pub(crate) without: Option<EntryAt<'c>>,
}

/// Names an entry of a list.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) struct EntryAt<'c> {
    pub(crate) kind: ListKind,
    pub(crate) scope: Scope,
    pub(crate) matched: Matched<'c>,
}

/// Whose list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scope {
    Number,
    Tenant,
    Operator,
}

impl Scope {
    pub(crate) const ALL: [Self; 3] = [Self::Number, Self::Tenant, Self::Operator];
}

/// Who hears what is considered.
pub(crate) trait Sink<'c> {
    /// Whether anybody listens; if not, nothing is put into words.
    const LISTENS: bool;
    /// An item was considered.
    fn hear(&mut self, item: Item);
    /// An entry of a list matched.
    fn hear_entry(&mut self, entry: EntryAt<'c>);
}

/// The sink of the call path.
pub(crate) struct Nobody;

impl Sink<'_> for Nobody {
    const LISTENS: bool = false;
    fn hear(&mut self, _item: Item) {}
    fn hear_entry(&mut self, _entry: EntryAt<'_>) {}
}

/// Walks through the rules in their order.
pub(crate) fn deliberate<'c, 's, S: Sink<'c>>(case: &Case<'c>, sink: &'s mut S) -> Verdict {
    const RULES: usize = 9;
    let mut talk = Deliberation {
        case: *case,
        sink,
        settled_by: None,
        called_back: false,
        verdict: Verdict {
            treatment: Treatment::Allow,
            cause: None,
            score: Score(0),
            reasons: Vec::new(),
            exemption: None,
        },
    };
    let rules: [fn(&mut Deliberation<'c, 's, S>); RULES] = [
        Deliberation::trunk,
        Deliberation::emergency,
        Deliberation::number_state,
        Deliberation::caller_number,
        Deliberation::do_not_originate,
        Deliberation::own_number,
        Deliberation::owners_lists,
        Deliberation::passed_challenge,
        Deliberation::detective,
    ];
    for rule in rules {
        if !S::LISTENS && talk.settled_by.is_some() {
            break;
        }
        rule(&mut talk);
    }
    talk.verdict
}

struct Deliberation<'c, 's, S> {
    case: Case<'c>,
    sink: &'s mut S,
    /// The item that settled the call; later rules are only told of.
    settled_by: Option<&'static str>,
    /// An emergency service calls back: settled once the number is known to be somebody's.
    called_back: bool,
    verdict: Verdict,
}

impl<'c, S: Sink<'c>> Deliberation<'c, '_, S> {
    fn trunk(&mut self) {
        let facts = self.case.facts;
        if self.heed("trunk", Treatment::Reject, facts.trunk.is_none(), || {
            let seen = facts
                .trunk
                .as_ref()
                .map_or_else(|| facts.source.to_string(), ToString::to_string);
            (seen, "a source that is no trunk".into())
        }) {
            let why = format!("the call came from {}, which is no trunk of ours", facts.source);
            self.refuse("unknown_trunk", Cause::UnknownTrunk, Evidence::Fact(why.into()));
        }
    }

    fn emergency(&mut self) {
        let emergency = self.case.facts.emergency;
        if !self.heed("emergency", Treatment::Allow, emergency.is_some(), || {
            (
                emergency.map_or("no mark", words::emergency).into(),
                "a call to or from an emergency service".into(),
            )
        }) {
            return;
        }
        match emergency {
            Some(Emergency::Call) => self.let_emergency_through(),
            Some(Emergency::CallBack | Emergency::Priority) => self.called_back = true,
            None => {}
        }
    }

    fn let_emergency_through(&mut self) {
        let what = self.case.facts.emergency.map_or("", words::emergency);
        self.exempt(
            "emergency",
            "emergency",
            Exemption::Emergency,
            Evidence::Fact(what.into()),
        );
    }

    fn number_state(&mut self) {
        let state = self.case.facts.number_state;
        let refusal = match state {
            Some(NumberState::Active) => None,
            Some(NumberState::Paused) if self.called_back => None,
            Some(NumberState::Paused) => Some(("number_paused", Cause::NumberPaused)),
            Some(NumberState::Released) => Some(("number_released", Cause::NumberReleased)),
            Some(NumberState::Quarantined) => Some(("number_quarantined", Cause::NumberQuarantined)),
            None => Some(("number_unknown", Cause::NumberUnknown)),
        };
        let fired = self.heed("number_state", Treatment::Reject, refusal.is_some(), || {
            (
                state.map_or("unknown", NumberState::as_str).into(),
                "any state but active".into(),
            )
        });
        if let Some((item, cause)) = refusal.filter(|_| fired) {
            self.refuse(item, cause, Evidence::Fact(words::number_state(state).into()));
        }
        if self.called_back && self.settled_by.is_none() {
            self.let_emergency_through();
        }
    }

    fn caller_number(&mut self) {
        let caller = &self.case.facts.caller;
        let fault = match caller {
            Caller::Number(number) => {
                impossible(*number).map(|fault| (words::who(caller), fault.to_string()))
            }
            Caller::Malformed(text) => Some((format!("“{text}”"), "it is not written as a number".into())),
            Caller::Anonymous | Caller::Named(_) => None,
        };
        let fired = self.heed("caller_invalid", Treatment::Reject, fault.is_some(), || {
            (
                words::who(caller),
                "a number that is malformed or cannot exist".into(),
            )
        });
        if let Some((shown, fault)) = fault.filter(|_| fired) {
            let why = format!("the caller's number {shown} cannot exist: {fault}");
            self.refuse("caller_invalid", Cause::CallerInvalid, Evidence::Fact(why.into()));
        }
    }

    fn do_not_originate(&mut self) {
        let (caller, list) = (&self.case.facts.caller, self.case.subject.do_not_originate);
        let listed = caller.number().is_some_and(|number| list.contains(number));
        if self.heed("do_not_originate", Treatment::Reject, listed, || {
            (words::who(caller), never_call(list.len()))
        }) {
            let why = format!(
                "the number {} never makes calls, so somebody else is using it",
                words::who(caller)
            );
            self.refuse(
                "do_not_originate",
                Cause::DoNotOriginate,
                Evidence::Fact(why.into()),
            );
        }
    }

    fn own_number(&mut self) {
        let (caller, subject) = (&self.case.facts.caller, self.case.subject);
        let fired = subject.is_own_number && !subject.trunk_is_peer_for_own;
        if self.heed("own_number", Treatment::Reject, fired, || {
            let seen = match (subject.is_own_number, subject.trunk_is_peer_for_own) {
                (false, _) => format!("{} is not ours", words::who(caller)),
                (true, true) => format!("{} is ours, from a trunk that may bring it", words::who(caller)),
                (true, false) => format!("{} is ours", words::who(caller)),
            };
            (seen, "one of our own numbers from outside".into())
        }) {
            let why = format!(
                "the call claims our own number {}, but came from outside",
                words::who(caller)
            );
            self.refuse("own_number", Cause::OwnNumber, Evidence::Fact(why.into()));
        }
    }

    fn owners_lists(&mut self) {
        let facts = self.case.facts;
        let names_matter = self.lists().any(|(_, lists)| {
            [ListKind::Allow, ListKind::Block]
                .iter()
                .any(|kind| lists.index(*kind).has_names())
        });
        let name = facts.cnam.as_deref().filter(|_| names_matter).map(fold);
        if self.case.suppose.allow_listed && self.settled_by.is_none() {
            let evidence = Evidence::Fact("the caller is on the allow list".into());
            self.exempt("allow_list", "allow_list", Exemption::AllowList, evidence);
        }
        for kind in [ListKind::Allow, ListKind::Block] {
            for (scope, lists) in self.lists() {
                if S::LISTENS || (self.settled_by.is_none() && !lists.index(kind).is_empty()) {
                    self.owners_list(kind, scope, lists, name.as_deref());
                }
            }
        }
    }

    fn owners_list(&mut self, kind: ListKind, scope: Scope, lists: &'c Lists, name: Option<&str>) {
        let facts = self.case.facts;
        let index = lists.index(kind);
        let hit = index.find(&Query {
            number: facts.caller.number(),
            name,
            trunk: facts.trunk.as_ref(),
            attestation: facts.attestation,
            at_ms: facts.at_ms,
            except: self
                .case
                .suppose
                .without
                .filter(|entry| entry.kind == kind && entry.scope == scope)
                .map(|entry| entry.matched),
        });
        let item = words::list(kind, scope);
        let effect = match (kind, &hit) {
            (ListKind::Allow, _) => Treatment::Allow,
            (ListKind::Block, Some(hit)) => hit.terms.treatment,
            (ListKind::Block, None) => Treatment::Reject,
        };
        let fired = self.heed(item, effect, hit.is_some(), || {
            let threshold = match &hit {
                Some(hit) => format!(
                    "entry {}",
                    words::entry(&hit.matched.key.to_string(), hit.terms.note.as_deref())
                ),
                None if index.is_empty() => "nothing: the list is empty".into(),
                None => format!("one of {} entries", index.len()),
            };
            (words::who_and_name(facts), threshold)
        });
        let Some(hit) = hit.filter(|_| fired) else { return };
        if S::LISTENS {
            self.sink.hear_entry(EntryAt {
                kind,
                scope,
                matched: hit.matched,
            });
        }
        let evidence = Evidence::Listed {
            list: kind,
            entry: hit.matched.key.to_string().into(),
            note: hit.terms.note.clone(),
        };
        let reason = reason_of(kind, &hit);
        match (kind, effect) {
            (ListKind::Allow, _) => self.exempt(item, reason, Exemption::AllowList, evidence),
            (ListKind::Block, Treatment::Reject) => {
                self.settled_by = Some(item);
                self.verdict.cause = Some(Cause::OwnerBlocked);
                self.weigh(reason, Treatment::Reject, Score(1000), evidence);
            }
            (ListKind::Block, milder) => self.weigh(reason, milder, Score(1000), evidence),
        }
    }

    fn lists(&self) -> impl Iterator<Item = (Scope, &'c Lists)> + use<'c, S> {
        let subject = self.case.subject;
        Scope::ALL.into_iter().filter_map(|scope| {
            let lists = match scope {
                Scope::Number => subject.number_lists,
                Scope::Tenant => subject.tenant_lists,
                Scope::Operator => Some(subject.operator_lists),
            };
            lists.map(|lists| (scope, lists))
        })
    }

    fn passed_challenge(&mut self) {
        let (facts, values) = (self.case.facts, self.case.values);
        let passed = values.passed_challenge_ms;
        let ago = |at_ms: u64| Lasting::ms(facts.at_ms.saturating_sub(at_ms));
        if self.heed("passed_challenge", Treatment::Allow, passed.is_some(), || {
            let seen = passed.map_or_else(|| "none".into(), |at| format!("{} ago", ago(at)));
            (seen, "a challenge passed that still counts".into())
        }) {
            self.take_challenges_as_met();
            let why = format!(
                "the caller passed a challenge {} ago",
                ago(passed.unwrap_or(facts.at_ms))
            );
            let evidence = Evidence::Fact(why.into());
            self.exempt(
                "passed_challenge",
                "passed_challenge",
                Exemption::PassedChallenge,
                evidence,
            );
        }
    }

    /// What entries of the block list ask for besides a challenge stays.
    fn take_challenges_as_met(&mut self) {
        let verdict = &mut self.verdict;
        if verdict.treatment == Treatment::Challenge {
            let others = verdict.reasons.iter().map(|reason| reason.treatment);
            verdict.treatment = others
                .filter(|treatment| *treatment != Treatment::Challenge)
                .max()
                .unwrap_or(Treatment::Allow);
        }
    }

    fn detective(&mut self) {
        let (settings, values) = (self.case.subject.detective, self.case.values);
        if !settings.enabled {
            if self.settled_by.is_none() {
                self.settled_by = Some("detective_off");
            }
            if !S::LISTENS {
                return;
            }
        }
        for (signal, observed) in settings.signals.iter().take(SIGNALS_MAX).zip(values.signals) {
            let window_ms = signal.window.as_millis() as u64;
            if self.heed(
                signal.kind.as_str(),
                signal.treatment,
                observed > signal.over,
                || {
                    (
                        observed.to_string(),
                        format!("more than {} in {}", signal.over, Lasting::ms(window_ms)),
                    )
                },
            ) {
                let evidence = Evidence::Count {
                    observed,
                    over: signal.over,
                    window_ms,
                };
                if signal.treatment == Treatment::Reject {
                    self.verdict.cause = Some(Cause::Analytics);
                }
                self.weigh(signal.kind.as_str(), signal.treatment, signal.score, evidence);
            }
        }
    }

    /// Tells of an item, and whether it is to be acted upon: it fired, and nothing settled the call before.
    fn heed(
        &mut self,
        name: &'static str,
        effect: Treatment,
        fired: bool,
        in_words: impl FnOnce() -> (String, String),
    ) -> bool {
        if S::LISTENS {
            let (observed, threshold) = in_words();
            let finding = match self.settled_by {
                Some(by) => Finding::Skipped {
                    because: by.into(),
                    would_fire: fired,
                },
                None if fired => Finding::Fired,
                None => Finding::Quiet,
            };
            self.sink.hear(Item {
                name: name.into(),
                observed: observed.into(),
                threshold: threshold.into(),
                effect,
                finding,
            });
        }
        fired && self.settled_by.is_none()
    }

    /// A hard rule refuses the call.
    fn refuse(&mut self, item: &'static str, cause: Cause, evidence: Evidence) {
        self.settled_by = Some(item);
        self.verdict.cause = Some(cause);
        self.weigh(item, Treatment::Reject, Score(1000), evidence);
    }

    /// A rule sets the call free of all that follow.
    fn exempt(&mut self, by: &'static str, reason: &'static str, exemption: Exemption, evidence: Evidence) {
        self.settled_by = Some(by);
        self.verdict.exemption = Some(exemption);
        self.weigh(reason, Treatment::Allow, Score(0), evidence);
    }

    /// Adds a reason: the harshest treatment counts, and scores add up like the odds of independent witnesses.
    fn weigh(&mut self, reason: &'static str, treatment: Treatment, score: Score, evidence: Evidence) {
        let verdict = &mut self.verdict;
        verdict.treatment = verdict.treatment.max(treatment);
        let (so_far, more) = (u32::from(verdict.score.0), u32::from(score.0.min(1000)));
        verdict.score = Score((so_far + (1000 - so_far) * more / 1000) as u16);
        verdict.reasons.push(Reason {
            item: reason.into(),
            evidence,
            treatment,
        });
    }
}

fn never_call(listed: usize) -> String {
    match listed {
        0 => "nothing: the list is empty".into(),
        listed => format!("one of {listed} that never call"),
    }
}

fn reason_of(kind: ListKind, hit: &Hit<'_>) -> &'static str {
    match (kind, hit.matched.key) {
        (ListKind::Allow, MatchedKey::Number(_)) => "allow.number",
        (ListKind::Allow, MatchedKey::Prefix(_)) => "allow.prefix",
        (ListKind::Allow, MatchedKey::Cnam(_)) => "allow.cnam",
        (ListKind::Block, MatchedKey::Number(_)) => "block.number",
        (ListKind::Block, MatchedKey::Prefix(_)) => "block.prefix",
        (ListKind::Block, MatchedKey::Cnam(_)) => "block.cnam",
    }
}
