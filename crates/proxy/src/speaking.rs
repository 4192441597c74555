//! What we say to the caller ourselves: the captcha, announcements.

use std::sync::Arc;

use call_model::{CallEvent, Cause, ChallengeOutcome, Ending, Outcome, Side as Party};
use media::captcha::Input as CaptchaInput;
use media::{
    Captcha, CaptchaAction, CaptchaSettings, Digit, FailKind, MediaCommand, MediaEvent, PromptId, Side,
    Sound, Tone, announcements,
};
use screening::Challenged;
use sip_message::{HeaderName, Writer, standard_reason};

use crate::anchor;
use crate::call::{Announcing, Call, Challenge, Phase, TimerKind};
use crate::core::Shard;
use crate::io::{Edge, Now};
use crate::names::CALLER;

impl Shard {
    /// Answers the caller and, once the ACK has come, asks for a key.
    pub(crate) fn begin_challenge(
        &mut self,
        now: Now,
        call: &mut Call,
        challenged: Challenged,
        edge: &mut impl Edge,
    ) {
        let settings = CaptchaSettings {
            tries: call.directory.captcha.tries,
            wait: call.directory.captcha.wait,
            ..CaptchaSettings::default()
        };
        let facts = &call.decision.facts;
        let (caller, tenant) = (facts.caller.number(), facts.tenant.clone());
        if let Err(cause) = self.answer_caller(now, call, edge) {
            return self.refuse_unspeakable(now, call, cause, edge);
        }
        // The captcha has clocks of its own; the wait for an agent begins when it is passed.
        self.cancel_timer(call, TimerKind::Setup);
        let captcha = Captcha::new(settings, self.mint.draw());
        call.phase = Phase::Challenge(Box::new(Challenge {
            captcha,
            challenged,
            token: 0,
            caller,
            tenant,
        }));
    }

    /// The caller's ACK came: audio can be heard.
    pub(crate) fn on_caller_listening(&mut self, now: Now, call: &mut Call, edge: &mut impl Edge) {
        match &mut call.phase {
            Phase::Challenge(_) => self.feed_captcha(now, call, CaptchaInput::Start, edge),
            Phase::Announcing(announcing) if !announcing.playing => self.play_announcement(now, call, edge),
            Phase::Announcing(_) | Phase::Ringing | Phase::Connected { .. } | Phase::Over => {}
        }
    }

    pub(crate) fn feed_captcha(
        &mut self,
        now: Now,
        call: &mut Call,
        input: CaptchaInput,
        edge: &mut impl Edge,
    ) {
        let Phase::Challenge(challenge) = &mut call.phase else {
            return;
        };
        let actions = challenge.captcha.handle_input(now.at, input);
        let mut over = None;
        for action in actions {
            match action {
                CaptchaAction::Play(what) => {
                    challenge.token += 1;
                    if let Some(anchor) = &call.anchor {
                        let token = challenge.token;
                        edge.media(MediaCommand::Play {
                            id: anchor.id,
                            side: Side::A,
                            what,
                            token,
                        });
                    }
                }
                CaptchaAction::Passed => over = Some(ChallengeOutcome::Passed),
                CaptchaAction::Failed(FailKind::WrongKey) => over = Some(ChallengeOutcome::Failed),
                CaptchaAction::Failed(FailKind::Silent) => over = Some(ChallengeOutcome::Silent),
            }
        }
        match challenge.captcha.next_deadline() {
            Some((at, _)) => self.set_timer(call, TimerKind::Captcha, at),
            None => self.cancel_timer(call, TimerKind::Captcha),
        }
        if let Some(outcome) = over {
            self.end_challenge(now, call, outcome, edge);
        }
    }

    fn end_challenge(&mut self, now: Now, call: &mut Call, outcome: ChallengeOutcome, edge: &mut impl Edge) {
        let Phase::Challenge(challenge) = std::mem::replace(&mut call.phase, Phase::Ringing) else {
            return;
        };
        call.challenge = Some(outcome);
        edge.event(CallEvent::Challenged(outcome));
        match outcome {
            ChallengeOutcome::Passed => {
                self.remember_pass(now, call, &challenge, edge);
                call.screened = Some(challenge.challenged.passed());
                call.hunt = call.first_hunt();
                let setup_max = now.at + call.directory.switch.setup_max;
                self.set_timer(call, TimerKind::Setup, setup_max);
                if let Some(anchor) = &call.anchor {
                    let what = vec![
                        Sound::Prompt(announcements::CONNECTING),
                        Sound::Tone(Tone::Ringback),
                    ];
                    edge.media(MediaCommand::Play {
                        id: anchor.id,
                        side: Side::A,
                        what,
                        token: u32::MAX,
                    });
                }
                self.ring_next(now, call, None, edge);
            }
            ChallengeOutcome::Failed => self.announce_fallback(now, call, Cause::ChallengeFailed, edge),
            ChallengeOutcome::Silent => self.announce_fallback(now, call, Cause::ChallengeSilent, edge),
            ChallengeOutcome::Abandoned => {}
        }
    }

    fn remember_pass(&mut self, now: Now, call: &Call, challenge: &Challenge, edge: &mut impl Edge) {
        let (Some(caller), Some(tenant)) = (challenge.caller, &challenge.tenant) else {
            return;
        };
        let subject = call.directory.subject_of(&call.decision.facts);
        let life = subject.detective.pass_life_with(call.decision.facts.attestation);
        let until_ms = now.unix_ms + life.as_millis() as u64;
        self.windows.remember_pass(subject.tenant_id, caller, until_ms);
        edge.event(CallEvent::Passed {
            tenant: tenant.clone(),
            caller,
            until_ms,
        });
    }

    /// The announcement for callers who are not put through, as the plan says.
    pub(crate) fn announce_fallback(
        &mut self,
        now: Now,
        call: &mut Call,
        cause: Cause,
        edge: &mut impl Edge,
    ) {
        let plan = call.plan.and_then(|plan| call.directory.plan(plan));
        let prompt = plan.map_or_else(
            || Arc::from(announcements::NOT_VERIFIED.as_str()),
            |plan| Arc::clone(&plan.challenge_fallback),
        );
        let outcome = Outcome {
            ending: Ending::Diverted,
            status: 200,
            cause,
            fault: cause.fault(),
            hung_up_by: Some(Party::Switch),
        };
        self.announce(now, call, &prompt, outcome, edge);
    }

    /// Plays an announcement, then hangs up; answers the caller first where that has not happened.
    pub(crate) fn announce(
        &mut self,
        now: Now,
        call: &mut Call,
        prompt: &Arc<str>,
        end: Outcome,
        edge: &mut impl Edge,
    ) {
        let answered_before = call.is_answered();
        if !answered_before && let Err(cause) = self.answer_caller(now, call, edge) {
            if end.status < 400 {
                return self.refuse_unspeakable(now, call, cause, edge);
            }
            let reason = standard_reason(end.status).as_bytes();
            self.refuse_caller(now, call, end.status, reason, b"", edge);
            return self.end_call(now, call, end, edge);
        }
        self.cancel_timer(call, TimerKind::Setup);
        let end = Outcome {
            status: 200,
            hung_up_by: Some(Party::Switch),
            ..end
        };
        call.phase = Phase::Announcing(Box::new(Announcing {
            prompt: Arc::clone(prompt),
            end,
            playing: false,
        }));
        if answered_before && call.caller.resend.is_none() {
            self.play_announcement(now, call, edge);
        }
    }

    fn play_announcement(&mut self, now: Now, call: &mut Call, edge: &mut impl Edge) {
        let Phase::Announcing(announcing) = &mut call.phase else {
            return;
        };
        announcing.playing = true;
        if let Some(anchor) = &call.anchor {
            let what = vec![Sound::Prompt(PromptId::named(&*announcing.prompt))];
            edge.media(MediaCommand::Play {
                id: anchor.id,
                side: Side::A,
                what,
                token: ANNOUNCEMENT,
            });
        }
        self.set_timer(call, TimerKind::Announcement, now.at + ANNOUNCEMENT_MAX);
    }

    /// The announcement is over: hang up, and say why.
    pub(crate) fn end_announcement(&mut self, now: Now, call: &mut Call, edge: &mut impl Edge) {
        let Phase::Announcing(announcing) = &call.phase else {
            return;
        };
        let end = announcing.end;
        let reason = format!(
            "Reason: SIP;cause={};text=\"{}\"\r\n",
            reason_status(end.cause),
            end.cause.as_str()
        );
        self.send_bye_to(now, call, CALLER, reason.as_bytes(), edge);
        self.end_call(now, call, end, edge);
    }

    pub(crate) fn on_media(&mut self, now: Now, event: MediaEvent, edge: &mut impl Edge) {
        self.with_call(anchor::call_of(event.id()), |shard, call| match event {
            MediaEvent::Cue { token, .. } if call.awaits(token) => {
                shard.feed_captcha(now, call, CaptchaInput::KeySpoken, edge);
            }
            MediaEvent::PlayDone {
                token: ANNOUNCEMENT, ..
            } => shard.end_announcement(now, call, edge),
            MediaEvent::PlayDone { token, .. } if call.awaits(token) => {
                shard.feed_captcha(now, call, CaptchaInput::PromptDone, edge);
            }
            MediaEvent::Digit {
                side: Side::A, digit, ..
            } => shard.on_digit(now, call, digit, edge),
            MediaEvent::OpenFailed { .. } => shard.fail_call(now, call, Cause::Media, edge),
            MediaEvent::Silent { side, .. } => {
                let cause = if side == Side::A {
                    Cause::CallerLost
                } else {
                    Cause::CalleeLost
                };
                shard.fail_call(now, call, cause, edge);
            }
            MediaEvent::Opened { .. }
            | MediaEvent::Cue { .. }
            | MediaEvent::PlayDone { .. }
            | MediaEvent::Digit { .. }
            | MediaEvent::Latched { .. }
            | MediaEvent::Closed { .. } => {}
        });
    }

    /// A key of the caller's, by RFC 4733 or SIP INFO.
    pub(crate) fn on_digit(&mut self, now: Now, call: &mut Call, digit: Digit, edge: &mut impl Edge) {
        self.feed_captcha(now, call, CaptchaInput::Digit(digit), edge);
    }

    /// Answers the caller's INVITE with a description of our own, or says why that cannot be: the caller offers no
    /// audio that we speak, or no port is free.
    fn answer_caller(&mut self, now: Now, call: &mut Call, edge: &mut impl Edge) -> Result<(), Cause> {
        let body = self.describe_to_caller(now, call, edge)?;
        self.describe_anew(call, CALLER);
        let Some(pending) = call.pending.take() else {
            return Ok(());
        };
        let product = self.server_line();
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        let mut writer = Writer::response(&mut out, 200, b"OK");
        writer
            .lines(&pending.reply_head)
            .lines(&pending.record_route)
            .lines(&self.contact_line(&call.caller.flow))
            .lines(crate::dispatch::ALLOW);
        writer
            .lines(&product)
            .header(HeaderName::ContentType, b"application/sdp")
            .body(&body);
        self.transactions.respond(now.at, pending.server, 200, &out, edge);
        call.answered_ms = Some(now.unix_ms);
        self.keep_until_ack(now, call, CALLER, &out, pending.cseq);
        self.scratch = out;
        Ok(())
    }

    /// We must speak to the caller, or carry the audio, and cannot.
    pub(crate) fn refuse_unspeakable(
        &mut self,
        now: Now,
        call: &mut Call,
        cause: Cause,
        edge: &mut impl Edge,
    ) {
        let (status, lines) = if cause == Cause::Media {
            (503, NO_PORT)
        } else {
            (488, NO_CODEC)
        };
        self.refuse_caller(now, call, status, standard_reason(status).as_bytes(), lines, edge);
        let outcome = Outcome {
            ending: Ending::Refused,
            status,
            cause,
            fault: cause.fault(),
            hung_up_by: None,
        };
        self.end_call(now, call, outcome, edge);
    }
}

impl Call {
    /// Whether a captcha waits for the playing with this token.
    fn awaits(&self, token: u32) -> bool {
        matches!(&self.phase, Phase::Challenge(challenge) if challenge.token == token)
    }
}

/// The status in the Reason of a BYE that ends a call we answered ourselves (RFC 3326).
fn reason_status(cause: Cause) -> u16 {
    if matches!(cause, Cause::ChallengeFailed | Cause::ChallengeSilent) {
        603
    } else if cause == Cause::Busy {
        486
    } else {
        480
    }
}

/// Tells the playing of an announcement from those of a captcha.
const ANNOUNCEMENT: u32 = u32::MAX - 1;

/// An announcement whose end is never reported is taken as over after this time.
const ANNOUNCEMENT_MAX: std::time::Duration = std::time::Duration::from_secs(60);

/// All ports for audio are in use; some will be free again soon.
const NO_PORT: &[u8] = b"Retry-After: 1\r\n";

/// RFC 3261 §20.43: 305, incompatible media format.
const NO_CODEC: &[u8] = b"Warning: 305 ringfence \"G.711 is needed to speak with you\"\r\n";
