//! Descriptions before the answer: each early dialog holds one.

use call_model::{Cause, Ending};

use crate::phone::Phone;
use crate::place::{ALICE, BOB, CARRIER, Config, Place};
use crate::switch::{Switch, TALKED};
use crate::text::Message;

#[test]
fn agent_who_answers_after_anothers_early_audio_does_so_in_a_dialog_of_its_own() {
    let place = Place::new();
    let switch = Switch::start(&place, &hunt());
    let mut caller = Phone::new(&place, CARRIER);
    let (mut alice, mut bob) = (Phone::new(&place, ALICE), Phone::new(&place, BOB));
    let early = early_audio_then_busy(&mut caller, &mut alice);
    bob.answer_call();
    let ringing = caller.expect_progress(180);
    let answer = caller.expect(200);
    assert_eq!(early.audio(), Some(alice.rtp.local_addr().unwrap()));
    assert_eq!(answer.audio(), Some(bob.rtp.local_addr().unwrap()));
    assert_ne!(early.to_tag(), answer.to_tag());
    assert!([early.to_tag(), answer.to_tag()].contains(&ringing.to_tag()));
    bob.expect_request("ACK");
    caller.hang_up();
    bob.expect_bye();
    switch.stop_with(&[TALKED]);
}

#[test]
fn agent_who_answers_after_its_own_early_audio_does_so_in_the_same_dialog() {
    for media in ["", "anchor = true"] {
        let place = Place::new();
        let config = Config {
            media,
            ..Config::alice()
        };
        let switch = Switch::start(&place, &config);
        let (mut caller, mut agent) = (Phone::new(&place, CARRIER), Phone::new(&place, ALICE));
        caller.dial();
        let early = early_audio(&mut caller, &mut agent);
        let body = agent.description("sendrecv");
        agent.answer(200, "OK", "", &body);
        let answer = caller.expect(200);
        agent.expect_request("ACK");
        assert_eq!(early.to_tag(), answer.to_tag());
        assert_eq!(
            early.body(),
            answer.body(),
            "nothing changed, nor did the version in o="
        );
        caller.hang_up();
        agent.expect_bye();
        switch.stop_with(&[TALKED]);
    }
}

#[test]
fn announcement_after_early_audio_is_spoken_in_a_dialog_of_its_own() {
    let place = Place::new();
    let config = Config::plan("agents = [\"alice\"]\noverflow = { announce = \"nobody-available\" }");
    let switch = Switch::start(&place, &config);
    let (mut caller, mut alice) = (Phone::new(&place, CARRIER), Phone::new(&place, ALICE));
    let early = early_audio_then_busy(&mut caller, &mut alice);
    let answer = caller.expect(200);
    assert_ne!(early.to_tag(), answer.to_tag());
    let audio = answer.audio().unwrap();
    assert_eq!(audio.ip(), place.ip);
    assert_ne!(early.audio(), Some(audio));
    caller.hang_up();
    switch.stop_with(&[(Ending::Unanswered, 200, Cause::Busy)]);
}

#[test]
fn anchored_audio_is_ours_all_along_and_so_is_its_one_dialog() {
    let place = Place::new();
    let config = Config {
        media: "anchor = true",
        ..hunt()
    };
    let switch = Switch::start(&place, &config);
    let mut caller = Phone::new(&place, CARRIER);
    let (mut alice, mut bob) = (Phone::new(&place, ALICE), Phone::new(&place, BOB));
    let early = early_audio_then_busy(&mut caller, &mut alice);
    bob.answer_call();
    let answer = caller.expect(200);
    bob.expect_request("ACK");
    assert_eq!(early.to_tag(), answer.to_tag());
    assert_eq!(early.audio(), answer.audio());
    caller.hang_up();
    bob.expect_bye();
    switch.stop_with(&[TALKED]);
}

fn hunt() -> Config {
    Config::plan("ring = \"hunt\"\nagents = [\"alice\", \"bob\"]")
}

fn early_audio_then_busy(caller: &mut Phone, alice: &mut Phone) -> Message {
    caller.dial();
    let early = early_audio(caller, alice);
    alice.answer(486, "Busy Here", "", "");
    alice.expect_request("ACK");
    early
}

fn early_audio(caller: &mut Phone, agent: &mut Phone) -> Message {
    agent.expect_request("INVITE");
    let body = agent.description("sendrecv");
    agent.answer(183, "Session Progress", "", &body);
    caller.expect_progress(183)
}
