//! Calls that ring, and whom they ring when somebody does not answer.

use std::net::UdpSocket;
use std::time::Duration;

use call_model::{Cause, Ending};

use crate::phone::Phone;
use crate::place::{ALICE, BOB, CAROL, CARRIER, Config, Place};
use crate::sipp::Sipp;
use crate::sound::{Heard, Prompt};
use crate::switch::{PATIENCE, Switch, TALKED};

#[test]
fn caller_who_gives_up_stops_the_ringing() {
    for (agent_name, port, tcp) in [("alice", ALICE, false), ("carol", CAROL, true)] {
        let place = Place::new();
        let switch = Switch::start(&place, &Config::plan(&format!("agents = [\"{agent_name}\"]")));
        let on = |sipp: Sipp| if tcp { sipp.tcp() } else { sipp };
        let agent = on(Sipp::agent(&place, "agent_rings", port)).start();
        let caller = on(Sipp::carrier(&place, "caller_gives_up", CARRIER)).pause(Duration::from_millis(100));
        caller.start().succeeds();
        agent.succeeds();
        let records = switch.stop_with(&[(Ending::Cancelled, 487, Cause::CallerCancelled)]);
        assert!(records[0].legs[0].ringing_ms.is_some() && records[0].answered_ms.is_none());
    }
}

#[test]
fn busy_agent_is_told_to_the_caller() {
    for (agent_name, port, tcp) in [("alice", ALICE, false), ("carol", CAROL, true)] {
        let place = Place::new();
        let switch = Switch::start(&place, &Config::plan(&format!("agents = [\"{agent_name}\"]")));
        let on = |sipp: Sipp| if tcp { sipp.tcp() } else { sipp };
        let agent = on(Sipp::agent(&place, "agent_is_busy", port)).start();
        on(refused(&place, "486")).start().succeeds();
        agent.succeeds();
        switch.stop_with(&[(Ending::Unanswered, 486, Cause::Busy)]);
    }
}

#[test]
fn agent_who_does_not_answer_is_given_up_after_the_ring_time() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::plan("agents = [\"alice\"]\nring_time = \"1s\""));
    let agent = Sipp::agent(&place, "agent_rings", ALICE).start();
    refused(&place, "480").start().succeeds();
    assert!(
        agent.messages().contains("Reason: SIP;cause=480"),
        "the phone learns why"
    );
    agent.succeeds();
    let records = switch.stop_with(&[(Ending::Unanswered, 480, Cause::NoAnswer)]);
    let leg = &records[0].legs[0];
    let rang = leg.ended_ms.unwrap() - leg.invited_ms;
    assert!((1000..2000).contains(&rang), "rang for {rang} ms");
}

#[test]
fn hunt_goes_on_to_the_next_agent_when_one_is_busy() {
    let place = Place::new();
    let switch = Switch::start(
        &place,
        &Config::plan("ring = \"hunt\"\nagents = [\"alice\", \"bob\"]"),
    );
    let busy = Sipp::agent(&place, "agent_is_busy", ALICE).start();
    let agent = Sipp::agent(&place, "agent_answers", BOB).start();
    talks(&place);
    busy.succeeds();
    agent.succeeds();
    let records = switch.stop_with(&[TALKED]);
    assert_eq!(legs(&records[0]), [("alice", 486), ("bob", 200)]);
}

#[test]
fn hunt_goes_on_to_the_next_agent_when_one_rings_in_vain() {
    let place = Place::new();
    let hunt = "ring = \"hunt\"\nagents = [{ agent = \"alice\", ring_time = \"1s\" }, \"bob\"]";
    let switch = Switch::start(&place, &Config::plan(hunt));
    let away = Sipp::agent(&place, "agent_rings", ALICE).start();
    let agent = Sipp::agent(&place, "agent_answers", BOB).start();
    talks(&place);
    away.succeeds();
    agent.succeeds();
    let records = switch.stop_with(&[TALKED]);
    assert_eq!(legs(&records[0]), [("alice", 487), ("bob", 200)]);
}

#[test]
fn hunt_goes_on_to_the_next_agent_when_a_phone_gives_no_sign_of_life() {
    let place = Place::new();
    let config = Config::plan("ring = \"hunt\"\nagents = [\"alice\", \"bob\"]")
        .with("[timers]\nagent_silence_max = \"600ms\"\n");
    let switch = Switch::start(&place, &config);
    let _dead = UdpSocket::bind(place.at(ALICE)).unwrap();
    let agent = Sipp::agent(&place, "agent_answers", BOB).start();
    talks(&place);
    agent.succeeds();
    let records = switch.stop_with(&[TALKED]);
    assert_eq!(legs(&records[0]), [("alice", 0), ("bob", 200)]);
}

#[test]
fn phone_that_refuses_its_connection_is_passed_over_at_once() {
    let place = Place::new();
    let switch = Switch::start(
        &place,
        &Config::plan("ring = \"hunt\"\nagents = [\"carol\", \"alice\"]"),
    );
    let agent = Sipp::agent(&place, "agent_answers", ALICE).start();
    talks(&place);
    agent.succeeds();
    let records = switch.stop_with(&[TALKED]);
    let [carol, alice] = &records[0].legs[..] else {
        panic!("{:?}", records[0].legs)
    };
    assert!(alice.invited_ms - carol.invited_ms < 1000, "nobody listens there");
}

#[test]
fn when_all_ring_one_answers_and_the_others_stop() {
    let place = Place::new();
    let switch = Switch::start(
        &place,
        &Config::plan("ring = \"all\"\nagents = [\"alice\", \"bob\"]"),
    );
    let slow = Sipp::agent(&place, "agent_rings", ALICE).start();
    let quick = Sipp::agent(&place, "agent_answers", BOB).start();
    talks(&place);
    assert!(
        slow.messages()
            .contains("Reason: SIP;cause=200;text=\"Call completed elsewhere\""),
        "a phone does not show it as missed"
    );
    slow.succeeds();
    quick.succeeds();
    let records = switch.stop_with(&[TALKED]);
    assert_eq!(legs(&records[0]), [("alice", 487), ("bob", 200)]);
}

#[test]
fn when_nobody_answers_the_overflow_speaks_then_hangs_up_with_a_reason() {
    let place = Place::new();
    let plan = "agents = [\"alice\"]\nring_time = \"1s\"\noverflow = { announce = \"goodbye\" }";
    let switch = Switch::start(&place, &Config::plan(plan));
    let agent = Sipp::agent(&place, "agent_rings", ALICE).start();
    let mut caller = Phone::new(&place, CARRIER);
    caller.dial();
    let answer = caller.expect(200);
    let mut heard = Heard::default();
    let found = heard.listen_for(&caller.rtp, PATIENCE, &[Prompt::read("goodbye")]);
    assert!(found.is_some(), "not said in {:?} of audio", heard.length());
    assert_eq!(heard.from, answer.audio());
    let bye = caller.expect_bye();
    assert_eq!(bye.header("Reason"), "SIP;cause=480;text=\"no_answer\"");
    agent.succeeds();
    let records = switch.stop_with(&[(Ending::Unanswered, 200, Cause::NoAnswer)]);
    assert!(records[0].answered_ms.is_some() && records[0].connected_ms.is_none());
}

#[test]
fn overflow_may_ring_somebody_else() {
    let place = Place::new();
    let plan = "agents = [\"alice\"]\noverflow = { agent = \"bob\" }";
    let switch = Switch::start(&place, &Config::plan(plan));
    let busy = Sipp::agent(&place, "agent_is_busy", ALICE).start();
    let agent = Sipp::agent(&place, "agent_answers", BOB).start();
    talks(&place);
    busy.succeeds();
    agent.succeeds();
    let records = switch.stop_with(&[TALKED]);
    assert_eq!(legs(&records[0]), [("alice", 486), ("bob", 200)]);
}

#[test]
fn failure_of_an_agent_is_told_to_the_caller_as_what_it_means_to_them() {
    let place = Place::new();
    let patient = "[detective]\nenabled = false\n";
    let switch = Switch::start(&place, &Config::alice().with(patient));
    let mut expected = Vec::new();
    for (answered, told, cause) in [
        (486, 486, Cause::Busy),
        (600, 486, Cause::Busy),
        (603, 603, Cause::AgentRefused),
        (488, 488, Cause::AgentRefused),
        (607, 607, Cause::AgentRefused),
        (404, 480, Cause::AgentRefused),
        (401, 480, Cause::AgentRefused),
        (302, 480, Cause::AgentRefused),
        (480, 480, Cause::NoAnswer),
        (500, 480, Cause::AgentUnreachable),
        (503, 480, Cause::AgentUnreachable),
    ] {
        let (mut caller, mut agent) = (Phone::new(&place, CARRIER), Phone::new(&place, ALICE));
        caller.dial();
        agent.expect_request("INVITE");
        agent.answer(answered, "As It Is", "Reason: Q.850;cause=17\r\n", "");
        agent.expect_request("ACK");
        let refusal = caller.expect(told);
        if answered == told && told != 480 {
            assert_eq!(refusal.header("Reason"), "Q.850;cause=17");
        }
        expected.push((Ending::Unanswered, told, cause));
    }
    switch.stop_with(&expected);
}

#[test]
fn early_audio_of_an_agent_reaches_the_caller() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::alice());
    let (mut caller, mut agent) = (Phone::new(&place, CARRIER), Phone::new(&place, ALICE));
    caller.dial();
    agent.expect_request("INVITE");
    let body = agent.description("sendrecv");
    agent.answer(183, "Session Progress", "", &body);
    let early = caller.expect_progress(183);
    assert_eq!(early.body(), body, "to the letter");
    agent.answer(200, "OK", "", &body);
    caller.expect(200);
    agent.expect_request("ACK");
    caller.hang_up();
    agent.expect_bye();
    switch.stop_with(&[TALKED]);
}

/// A caller who reaches somebody.
fn talks(place: &Place) {
    let caller = Sipp::carrier(place, "caller_hangs_up", CARRIER).pause(Duration::from_millis(50));
    caller.start().succeeds();
}

/// A caller who is refused with a status.
fn refused(place: &Place, status: &str) -> Sipp {
    Sipp::carrier(place, "caller_is_refused", CARRIER).set("expected", status)
}

fn legs(record: &call_model::CallRecord) -> Vec<(&str, u16)> {
    record
        .legs
        .iter()
        .map(|leg| (&*leg.destination, leg.status))
        .collect()
}
