//! What one side may learn of the other: identities stay where they are trusted.

use crate::midcall::talking;
use crate::phone::Phone;
use crate::place::{ALICE, CARRIER, Config, NUMBER, Place};
use crate::switch::{Switch, TALKED};

#[test]
fn identity_asserted_by_a_carrier_that_is_not_trusted_stays_out_of_every_request_of_the_call() {
    let (_place, switch, mut caller, mut agent) = talking();
    for method in ["INFO", "UPDATE", "INVITE"] {
        let offer = match method {
            "INVITE" => caller.description("sendrecv"),
            _ => String::new(),
        };
        caller.ask(method, ASSERTED, &offer);
        let asked = agent.expect_request(method);
        assert!(!asked.text().contains("+12025550177"), "{}", asked.text());
        agent.answer(200, "OK", ASSERTED, &offer);
        let answer = caller.expect(200);
        assert!(!answer.text().contains("+12025550177"), "{}", answer.text());
    }
    agent.expect_request("ACK");
    caller.hang_up();
    agent.expect_bye();
    switch.stop_with(&[TALKED]);
}

#[test]
fn identity_asserted_by_a_trusted_carrier_reaches_the_agent_with_every_request() {
    let place = Place::new();
    let config = Config {
        trunk: "trust_identity = true",
        ..Config::alice()
    };
    let switch = Switch::start(&place, &config);
    let (mut caller, mut agent) = (Phone::new(&place, CARRIER), Phone::new(&place, ALICE));
    caller.dial_to(NUMBER, ASSERTED);
    let invite = agent.take_call();
    assert!(invite.text().contains("+12025550177"), "{}", invite.text());
    caller.expect(200);
    caller.ask("UPDATE", ASSERTED, "");
    let asked = agent.expect_request("UPDATE");
    assert_eq!(
        asked.header("P-Asserted-Identity"),
        "<sip:+12025550177@example.com>"
    );
    agent.answer(200, "OK", "", "");
    caller.expect(200);
    caller.hang_up();
    agent.expect_bye();
    switch.stop_with(&[TALKED]);
}

#[test]
fn identity_asserted_by_an_agent_does_not_reach_the_carrier() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::alice());
    let (mut caller, mut agent) = (Phone::new(&place, CARRIER), Phone::new(&place, ALICE));
    caller.dial();
    agent.expect_request("INVITE");
    agent.answer(180, "Ringing", ASSERTED, "");
    let ringing = caller.expect_progress(180);
    let body = agent.description("sendrecv");
    agent.answer(200, "OK", ASSERTED, &body);
    let answer = caller.expect(200);
    agent.expect_request("ACK");
    for told in [ringing, answer] {
        assert!(!told.text().contains("+12025550177"), "{}", told.text());
    }
    agent.ask("INFO", ASSERTED, "");
    let asked = caller.expect_request("INFO");
    assert!(!asked.text().contains("+12025550177"), "{}", asked.text());
    caller.answer(200, "OK", "", "");
    agent.expect(200);
    caller.hang_up();
    agent.expect_bye();
    switch.stop_with(&[TALKED]);
}

const ASSERTED: &str = "P-Asserted-Identity: <sip:+12025550177@example.com>\r\n";
