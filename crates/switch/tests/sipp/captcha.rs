//! Callers who are asked for a key. The key is drawn by the switch and only spoken, so they must listen.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use call_model::{Cause, ChallengeOutcome, Ending};

use crate::phone::Phone;
use crate::place::{ALICE, CARRIER, Config, Place};
use crate::sipp::Sipp;
use crate::sound::{Heard, Key, Prompt, chirp, press, speak};
use crate::switch::{PATIENCE, Switch, TALKED, within};

#[test]
fn caller_who_presses_the_spoken_key_is_put_through_and_remembered() {
    let place = Place::new();
    let config = challenging(Config::alice());
    let switch = Switch::start(&place, &config);
    let mut agent = Phone::new(&place, ALICE);
    let mut caller = Phone::new(&place, CARRIER);
    let mut ear = Ear::of(&mut caller);
    let key = ear.hear_key(&caller);
    ear.press(&caller, key);
    assert!(
        ear.hears(&caller, "connecting"),
        "the caller is told that it worked"
    );
    agent.take_call();
    switch.shows("ringfence_challenges_total{outcome=\"passed\"} 1");
    caller.hang_up();
    agent.expect_bye();
    drop(agent);

    // The next call rings at once, and is not answered by the switch.
    rings_directly(&place, CARRIER + 1);
    let records = switch.stop_with(&[TALKED, TALKED]);
    assert_eq!(records[0].challenge, Some(ChallengeOutcome::Passed));
    assert!(records[0].answered_ms < records[0].connected_ms);
    assert_eq!(records[1].challenge, None);

    // A restart forgets windows, not people.
    let switch = Switch::start(&place, &config);
    rings_directly(&place, CARRIER + 2);
    let records = switch.stop_with(&[TALKED, TALKED, TALKED]);
    assert_eq!(records[2].challenge, None);
}

#[test]
fn key_told_by_info_counts_like_one_in_the_audio() {
    let place = Place::new();
    let switch = Switch::start(&place, &challenging(Config::alice()));
    let agent = Sipp::agent(&place, "agent_answers", ALICE).start();
    let mut caller = Phone::new(&place, CARRIER);
    let mut ear = Ear::of(&mut caller);
    let key = ear.hear_key(&caller);
    let body = format!("Signal={key}\r\nDuration=160\r\n");
    caller.ask("INFO", "Content-Type: application/dtmf-relay\r\n", &body);
    caller.expect(200);
    switch.counts("ringfence_answer_delay_seconds_count", 1.0);
    caller.hang_up();
    agent.succeeds();
    let records = switch.stop_with(&[TALKED]);
    assert_eq!(records[0].challenge, Some(ChallengeOutcome::Passed));
}

#[test]
fn caller_who_speaks_a_law_hears_the_key_in_it_and_passes() {
    let place = Place::new();
    let switch = Switch::start(&place, &challenging(Config::alice()));
    let mut agent = Phone::new(&place, ALICE);
    let mut caller = Phone::new(&place, CARRIER).with_a_law();
    let mut ear = Ear::of(&mut caller);
    let key = ear.hear_key(&caller);
    ear.press(&caller, key);
    let invite = agent.take_call();
    assert!(
        invite.body().contains("RTP/AVP 8 96\r\n"),
        "the agent is offered what the caller speaks: {}",
        invite.body()
    );
    caller.hang_up();
    agent.expect_bye();
    let records = switch.stop_with(&[TALKED]);
    assert_eq!(records[0].challenge, Some(ChallengeOutcome::Passed));
}

#[test]
fn wrong_key_twice_ends_with_the_announcement_and_a_reason() {
    let place = Place::new();
    let switch = Switch::start(&place, &challenging(Config::plan(GOODBYE)));
    let mut caller = Phone::new(&place, CARRIER);
    let mut ear = Ear::of(&mut caller);
    let first = ear.hear_key(&caller);
    ear.press(&caller, (first + 1) % 10);
    assert!(ear.hears(&caller, "try-again"));
    let second = ear.hear_key(&caller);
    assert_ne!(first, second, "each try asks for another key");
    ear.press(&caller, (second + 1) % 10);
    assert!(
        ear.hears(&caller, "goodbye"),
        "the announcement is heard to its end"
    );
    let bye = caller.expect_bye();
    assert_eq!(bye.header("Reason"), "SIP;cause=603;text=\"challenge_failed\"");
    let records = switch.stop_with(&[(Ending::Diverted, 200, Cause::ChallengeFailed)]);
    assert_eq!(records[0].challenge, Some(ChallengeOutcome::Failed));
    assert!(records[0].legs.is_empty(), "no agent was disturbed");
}

#[test]
fn silent_caller_ends_with_the_announcement_and_a_reason() {
    let place = Place::new();
    let config = challenging(Config::plan(GOODBYE)).with("[captcha]\nwait = \"2s\"\ntries = 1");
    let switch = Switch::start(&place, &config);
    let caller = Sipp::carrier(&place, "caller_hears_announcement", CARRIER).start();
    caller.sees("SIP;cause=603;text=\"challenge_silent\"");
    caller.succeeds();
    let records = switch.stop_with(&[(Ending::Diverted, 200, Cause::ChallengeSilent)]);
    assert_eq!(records[0].challenge, Some(ChallengeOutcome::Silent));
}

#[test]
fn caller_who_hangs_up_during_the_question_is_recorded_as_having_abandoned_it() {
    let place = Place::new();
    let switch = Switch::start(&place, &challenging(Config::alice()));
    let caller = Sipp::carrier(&place, "caller_hangs_up", CARRIER)
        .pause(Duration::from_millis(300))
        .start();
    caller.succeeds();
    let records = switch.stop_with(&[(Ending::Diverted, 200, Cause::ChallengeAbandoned)]);
    assert_eq!(records[0].challenge, Some(ChallengeOutcome::Abandoned));
}

#[test]
fn callers_on_all_shards_are_asked_at_the_same_time_and_each_hears_a_key() {
    let place = Place::new();
    let config = Config {
        switch: "shards = 4",
        ..challenging(Config::alice())
    };
    let switch = Switch::start(&place, &config);
    let agent = Sipp::agent(&place, "agent_answers", ALICE)
        .calls(8, 1)
        .echo()
        .start();
    thread::scope(|scope| {
        for at in 0..8 {
            let place = &place;
            scope.spawn(move || {
                let mut caller = Phone::new(place, CARRIER + at).from(&format!("+1202555011{at}"));
                let mut ear = Ear::of(&mut caller);
                let key = ear.hear_key(&caller);
                ear.press(&caller, key);
                agent_is_there(&mut caller, &ear);
            });
        }
    });
    agent.succeeds();
    switch.shows("ringfence_challenges_total{outcome=\"passed\"} 8");
    let records = switch.stop_with(&[TALKED; 8]);
    assert!(records.iter().all(|record| record.connected_ms.is_some()));
}

#[test]
fn hammering_caller_is_challenged_and_passes_by_the_key() {
    let place = Place::new();
    // The calls of this test are short ones all.
    let patient = "[[detective.signal]]\nsignal = \"caller_short_calls\"\nwindow = \"1h\"\nover = 50\n";
    let switch = Switch::start(&place, &Config::alice().with(patient));
    let agent = Sipp::agent(&place, "agent_answers", ALICE).calls(5, 1).start();
    // Five calls in ten minutes are a person in a hurry.
    call_in_haste(&place, 5);
    agent.succeeds();

    let mut agent = Phone::new(&place, ALICE);
    let mut caller = Phone::new(&place, CARRIER + 1);
    let mut ear = Ear::of(&mut caller);
    let key = ear.hear_key(&caller);
    ear.press(&caller, key);
    agent.take_call();
    caller.hang_up();
    agent.expect_bye();
    switch.shows("ringfence_verdicts_total{treatment=\"challenge\"} 1");
    switch.shows("ringfence_verdicts_total{treatment=\"allow\"} 5");
    let records = switch.stop_with(&[TALKED; 6]);
    assert!(records[..5].iter().all(|record| record.challenge.is_none()));
    assert_eq!(records[5].challenge, Some(ChallengeOutcome::Passed));
}

#[test]
fn caller_whose_calls_are_all_short_is_challenged() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::alice());
    let agent = Sipp::agent(&place, "agent_answers", ALICE).calls(4, 1).start();
    call_in_haste(&place, 4);
    agent.succeeds();
    // The fifth is answered by the switch: there is no agent any more.
    call_in_haste(&place, 1);
    let records = switch.stop_with(&[
        TALKED,
        TALKED,
        TALKED,
        TALKED,
        (Ending::Diverted, 200, Cause::ChallengeAbandoned),
    ]);
    let reasons = &records[4].decision.as_ref().unwrap().verdict;
    assert!(
        format!("{reasons:?}").contains("caller_short_calls"),
        "{reasons:?}"
    );
}

/// Calls of the same caller, one after the other, that end as soon as they are answered.
fn call_in_haste(place: &Place, many: u32) {
    let caller = Sipp::carrier(place, "caller_hangs_up", CARRIER)
        .calls(many, 5)
        .pause(Duration::from_millis(10))
        .start();
    caller.succeeds();
}

/// Everybody is asked for a key, from the first call on.
fn challenging(config: Config) -> Config {
    config.with("[[detective.signal]]\nsignal = \"caller_attempts\"\nwindow = \"10m\"\nover = 0\n")
}

/// Those who do not pass hear a short announcement.
const GOODBYE: &str = "agents = [\"alice\"]\nchallenge_fallback = { announce = \"goodbye\" }";

/// Waits until the audio of an agent replaces that of the switch, then hangs up.
fn agent_is_there(caller: &mut Phone, ear: &Ear) {
    let said: BTreeSet<Vec<u8>> = (0..20).map(|frame| chirp(frame).to_vec()).collect();
    let heard = within(PATIENCE, || {
        let back = speak(&caller.rtp, ear.towards, 20, chirp);
        back.values().any(|payload| said.contains(payload)).then_some(())
    });
    assert!(heard.is_some(), "the agent's echo is not heard");
    caller.hang_up();
}

/// A call that an agent answers; only the agent's answer answers it.
fn rings_directly(place: &Place, port: u16) {
    let agent = Sipp::agent(place, "agent_answers", ALICE).start();
    let caller = Sipp::carrier(place, "caller_hangs_up", port)
        .pause(Duration::from_millis(10))
        .start();
    caller.succeeds();
    agent.succeeds();
}

/// A caller's ear, and the finger that goes with it.
struct Ear {
    heard: Heard,
    digits: Vec<Prompt>,
    /// Where the switch takes audio.
    towards: std::net::SocketAddr,
    sequence: u16,
}

impl Ear {
    /// Dials, and listens to the switch once it answers.
    fn of(caller: &mut Phone) -> Self {
        caller.dial();
        let answer = caller.expect(200);
        let digits = ["within", "end"]
            .into_iter()
            .flat_map(|place| (0..10).map(move |digit| Prompt::read(&format!("digit-{place}-{digit}"))))
            .collect();
        Self {
            heard: Heard::default(),
            digits,
            towards: answer.audio().expect("the answer describes audio"),
            sequence: 0,
        }
    }

    /// Listens until a key is spoken.
    fn hear_key(&mut self, caller: &Phone) -> u8 {
        let heard = self.heard.listen_for(&caller.rtp, PATIENCE, &self.digits);
        match heard {
            Some(which) => (which % 10) as u8,
            None => panic!("no key was heard in {:?} of audio", self.heard.length()),
        }
    }

    /// Whether a prompt is heard.
    fn hears(&mut self, caller: &Phone, name: &str) -> bool {
        let prompt = [Prompt::read(name)];
        self.heard.listen_for(&caller.rtp, PATIENCE, &prompt).is_some()
    }

    fn press(&mut self, caller: &Phone, key: u8) {
        assert_eq!(
            self.heard.from,
            Some(self.towards),
            "audio comes from where it is taken"
        );
        let timestamp = (self.heard.length().as_millis() * 8) as u32;
        let key = Key {
            digit: key,
            payload_type: caller.key_type(),
        };
        press(&caller.rtp, self.towards, key, &mut self.sequence, timestamp);
    }
}
