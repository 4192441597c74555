//! What happens between the legs of a call that is up.

use std::time::Duration;

use call_model::{Cause, Ending, Side};

use crate::phone::Phone;
use crate::place::{ALICE, CAROL, CARRIER, Config, Place};
use crate::sipp::Sipp;
use crate::switch::{Switch, TALKED};

#[test]
fn caller_holds_and_comes_back() {
    passes("caller_holds", "agent_is_held", Config::alice(), false);
    passes(
        "caller_holds",
        "agent_is_held",
        Config::plan("agents = [\"carol\"]"),
        true,
    );
}

#[test]
fn caller_holds_and_comes_back_while_audio_passes_through_the_switch() {
    let anchored = Config {
        media: "anchor = true",
        ..Config::alice()
    };
    passes("caller_holds", "agent_is_held", anchored, false);
}

#[test]
fn agent_holds_and_comes_back() {
    passes("caller_is_held", "agent_holds", Config::alice(), false);
    passes(
        "caller_is_held",
        "agent_holds",
        Config::plan("agents = [\"carol\"]"),
        true,
    );
}

#[test]
fn key_told_by_info_reaches_the_agent() {
    passes("caller_sends_key", "agent_takes_key", Config::alice(), false);
    passes(
        "caller_sends_key",
        "agent_takes_key",
        Config::plan("agents = [\"carol\"]"),
        true,
    );
}

#[test]
fn reinvite_without_an_offer_gets_the_other_sides_offer_and_brings_the_answer_in_its_ack() {
    let (_place, switch, mut caller, mut agent) = talking();
    caller.ask("INVITE", "", "");
    let asked = agent.expect_request("INVITE");
    assert_eq!(asked.body(), "", "no offer was made, so none arrives");
    let offer = agent.description("sendrecv");
    agent.answer(200, "OK", "", &offer);
    let cseq = caller.last_cseq();
    let answer = caller.wait_for("200", |message| {
        message.status() == Some(200) && message.cseq() == cseq
    });
    assert_eq!(answer.audio(), Some(agent.rtp.local_addr().unwrap()));
    let body = caller.description("sendonly");
    caller.ask("ACK", "", &body);
    let ack = agent.expect_request("ACK");
    assert!(ack.body().contains("a=sendonly"), "{}", ack.text());
    caller.hang_up();
    agent.expect_bye();
    switch.stop_with(&[TALKED]);
}

#[test]
fn call_without_an_offer_gets_the_agents_and_brings_the_answer_in_its_ack() {
    for media in ["", "anchor = true"] {
        let place = Place::new();
        let config = Config {
            media,
            ..Config::alice()
        };
        let switch = Switch::start(&place, &config);
        let (mut caller, mut agent) = (Phone::new(&place, CARRIER), Phone::new(&place, ALICE));
        caller.dial_without_offer();
        let invite = agent.answer_call();
        assert_eq!(invite.body(), "");
        let answer = caller.wait_for("200", |message| message.status() == Some(200));
        let told = answer.audio().unwrap();
        let through = told != agent.rtp.local_addr().unwrap();
        assert_eq!(through, !media.is_empty(), "{told}");
        caller.follow(&answer);
        let body = caller.description("sendrecv");
        caller.ask("ACK", "", &body);
        let ack = agent.expect_request("ACK");
        assert!(ack.audio().is_some(), "{}", ack.text());
        caller.hang_up();
        agent.expect_bye();
        switch.stop_with(&[TALKED]);
    }
}

#[test]
fn refused_reinvite_leaves_the_call_as_it_was() {
    let (_place, switch, mut caller, mut agent) = talking();
    let offer = caller.description("sendonly");
    caller.ask("INVITE", "", &offer);
    agent.expect_request("INVITE");
    agent.answer(488, "Not Acceptable Here", "", "");
    let refusal = caller.expect(488);
    assert_eq!(refusal.first_line(), "SIP/2.0 488 Not Acceptable Here");
    agent.hang_up();
    caller.expect_bye();
    let records = switch.stop_with(&[TALKED]);
    assert_eq!(records[0].outcome.hung_up_by, Some(Side::Callee));
}

#[test]
fn both_sides_who_change_the_call_at_once_are_told_to_try_again() {
    let (_place, switch, mut caller, mut agent) = talking();
    let offer = caller.description("sendonly");
    caller.ask("INVITE", "", &offer);
    agent.expect_request("INVITE");
    // The agent has not answered the caller's, and sends its own.
    let offer = agent.description("inactive");
    agent.ask("INVITE", "", &offer);
    agent.expect(491);
    let answer = agent.description("recvonly");
    agent.answer(200, "OK", "", &answer);
    caller.expect(200);
    agent.expect_request("ACK");
    caller.hang_up();
    agent.expect_bye();
    switch.stop_with(&[TALKED]);
}

#[test]
fn request_of_an_old_number_within_the_call_is_refused_and_changes_nothing() {
    let (_place, switch, mut caller, mut agent) = talking();
    let late = caller
        .request("BYE", "", "")
        .replace("CSeq: 2 BYE", "CSeq: 0 BYE");
    caller.send(&late);
    caller.wait_for("500", |message| message.status() == Some(500));
    caller.hang_up();
    agent.expect_bye();
    switch.stop_with(&[TALKED]);
}

#[test]
fn reason_of_a_bye_reaches_the_other_side() {
    let (_place, switch, mut caller, mut agent) = talking();
    caller.ask("BYE", "Reason: Q.850;cause=16;text=\"Terminated\"\r\n", "");
    caller.expect(200);
    let bye = agent.expect_bye();
    assert_eq!(bye.header("Reason"), "Q.850;cause=16;text=\"Terminated\"");
    switch.stop_with(&[TALKED]);
}

#[test]
fn agent_who_vanished_ends_the_call_at_the_next_request_within_it() {
    let (_place, switch, mut caller, agent) = talking();
    drop(agent);
    let offer = caller.description("sendonly");
    caller.ask("INVITE", "", &offer);
    let bye = caller.expect_bye();
    assert!(bye.header("Reason").contains("callee_lost"), "{}", bye.text());
    switch.stop_with(&[(Ending::Answered, 200, Cause::CalleeLost)]);
}

#[test]
fn switch_shows_each_side_nothing_of_the_other() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::alice());
    let (mut caller, mut agent) = (Phone::new(&place, CARRIER), Phone::new(&place, ALICE));
    caller.dial();
    let invite = agent.take_call();
    caller.expect(200);
    let caller_at = format!("{}:{CARRIER}", place.ip);
    let head = invite.text().split("\r\n\r\n").next().unwrap();
    assert!(!head.contains(&caller_at), "{head}");
    assert_ne!(invite.header("Call-ID"), caller.call_id());
    assert_eq!(invite.headers("Via").count(), 1);
    assert_eq!(invite.header("Max-Forwards"), "69");
    caller.hang_up();
    agent.expect_bye();
    switch.stop_with(&[TALKED]);
}

#[test]
fn identity_that_a_carrier_is_not_trusted_for_does_not_reach_the_agent() {
    let asserted = "P-Asserted-Identity: <sip:+12025550177@example.com>\r\nPriority: psap-callback\r\n\
                    X-Campaign: spring;  to the letter\r\n";
    for (trunk, known) in [
        ("", false),
        ("trust_identity = true\nemergency_marks = true", true),
    ] {
        let place = Place::new();
        let switch = Switch::start(
            &place,
            &Config {
                trunk,
                ..Config::alice()
            },
        );
        let (mut caller, mut agent) = (Phone::new(&place, CARRIER), Phone::new(&place, ALICE));
        caller.dial_to(crate::place::NUMBER, asserted);
        let invite = agent.take_call();
        caller.expect(200);
        assert_eq!(
            !invite.header("P-Asserted-Identity").is_empty(),
            known,
            "{}",
            invite.text()
        );
        assert_eq!(!invite.header("Priority").is_empty(), known, "{}", invite.text());
        assert_eq!(
            invite.header("From").contains("+12025550177"),
            known,
            "{}",
            invite.text()
        );
        assert!(invite.text().contains("X-Campaign: spring;  to the letter\r\n"));
        caller.hang_up();
        agent.expect_bye();
        switch.stop_with(&[TALKED]);
    }
}

#[test]
fn requests_to_a_caller_behind_proxies_take_the_way_that_the_call_came() {
    let (place, caller_port) = (Place::new(), CARRIER);
    let switch = Switch::start(&place, &Config::alice());
    let (mut caller, mut agent) = (Phone::new(&place, caller_port), Phone::new(&place, ALICE));
    let proxy = place.at(caller_port);
    let recorded = format!(
        "Record-Route: <sip:{proxy};lr;node=2>\r\nRecord-Route: <sip:192.0.2.1;lr>, \"far\" <sip:192.0.2.2;lr>\r\n"
    );
    caller.dial_to(crate::place::NUMBER, &recorded);
    let invite = agent.take_call();
    assert_eq!(
        invite.header("Record-Route"),
        "",
        "the agent does not see the caller's way"
    );
    let answer = caller.expect(200);
    let echoed: Vec<_> = answer.headers("Record-Route").collect();
    assert_eq!(echoed.join(", "), recorded_list(&recorded));
    agent.hang_up();
    let bye = caller.expect_bye();
    let routes: Vec<_> = bye.headers("Route").collect();
    assert_eq!(routes.join(", "), recorded_list(&recorded));
    switch.stop_with(&[TALKED]);
}

/// Both scenarios come to their ends, and the call is recorded as talked.
#[test]
fn caller_who_moves_by_update_is_reached_at_the_new_place() {
    let (place, switch, mut caller, mut agent) = talking();
    let mut moved = Phone::new(&place, CARRIER + 1);
    let update = caller.request("UPDATE", "", "");
    let here = format!("Contact: <sip:phone@{}>", place.at(CARRIER));
    let there = format!("Contact: <sip:phone@{}>", place.at(CARRIER + 1));
    assert!(update.contains(&here));
    caller.send(&update.replace(&here, &there));
    agent.expect_request("UPDATE");
    agent.answer(200, "OK", "", "");
    caller.expect(200);
    agent.ask("BYE", "", "");
    moved.expect_bye();
    agent.expect(200);
    switch.stop_with(&[TALKED]);
}

fn passes(caller: &str, agent: &str, config: Config, tcp: bool) {
    let place = Place::new();
    let switch = Switch::start(&place, &config);
    let on = |sipp: Sipp| if tcp { sipp.tcp() } else { sipp };
    let pause = Duration::from_millis(100);
    let agent = on(Sipp::agent(&place, agent, if tcp { CAROL } else { ALICE }))
        .pause(pause)
        .start();
    on(Sipp::carrier(&place, caller, CARRIER))
        .pause(pause)
        .start()
        .succeeds();
    agent.succeeds();
    switch.stop_with(&[TALKED]);
}

/// A caller and an agent who talk.
pub(crate) fn talking() -> (Place, Switch, Phone, Phone) {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::alice());
    let (mut caller, mut agent) = (Phone::new(&place, CARRIER), Phone::new(&place, ALICE));
    connect(&mut caller, &mut agent);
    (place, switch, caller, agent)
}

/// Calls, and has the call answered.
pub(crate) fn connect(caller: &mut Phone, agent: &mut Phone) {
    caller.dial();
    agent.answer_call();
    caller.expect(200);
    agent.expect_request("ACK");
}

/// The values of header lines, in order.
fn recorded_list(lines: &str) -> String {
    let values: Vec<_> = lines
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(_, value)| value)
        .collect();
    values.join(", ")
}
