//! Calls that are refused, and requests that are no calls.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use call_model::{Cause, Ending, Treatment};

use crate::midcall::connect;
use crate::phone::Phone;
use crate::place::{ALICE, CALLER, CARRIER, Config, NUMBER, Place};
use crate::sipp::Sipp;
use crate::switch::{PATIENCE, Switch, TALKED};
use crate::text::Message;

#[test]
fn caller_on_the_block_list_is_unwanted() {
    for tcp in [false, true] {
        let place = Place::new();
        let block = format!("[[block]]\nnumber = \"{CALLER}\"\nreason = \"calls on\"\n");
        let switch = Switch::start(&place, &Config::alice().with(&block));
        let caller = Sipp::carrier(&place, "caller_is_refused", CARRIER).set("expected", "607");
        let caller = if tcp { caller.tcp() } else { caller };
        caller.start().succeeds();
        switch.shows("ringfence_calls_total{outcome=\"refused\",reason=\"owner_blocked\"} 1");
        let records = switch.stop_with(&[(Ending::Refused, 607, Cause::OwnerBlocked)]);
        let verdict = &records[0].decision.as_ref().unwrap().verdict;
        assert_eq!(verdict.treatment, Treatment::Reject);
    }
}

#[test]
fn caller_is_blocked_by_the_name_shown() {
    let place = Place::new();
    let config = Config::alice().with("[[block]]\ncnam = \"*car warranty*\"\ntenant = \"acme\"\n");
    let switch = Switch::start(&place, &config);
    let caller = Sipp::carrier(&place, "caller_is_refused", CARRIER)
        .from("+12025550144", "Your CAR Warranty Dept")
        .set("expected", "607");
    caller.start().succeeds();
    let agent = Sipp::agent(&place, "agent_answers", ALICE).start();
    let caller = Sipp::carrier(&place, "caller_hangs_up", CARRIER + 1).from("+12025550144", "Car Dealer");
    caller.pause(Duration::from_millis(10)).start().succeeds();
    agent.succeeds();
    switch.stop_with(&[(Ending::Refused, 607, Cause::OwnerBlocked), TALKED]);
}

#[test]
fn caller_on_the_allow_list_is_let_through_whatever_else_speaks_against_them() {
    let place = Place::new();
    let lists = format!(
        "[[block]]\nprefix = \"+1202555\"\n[[allow]]\nnumber = \"{CALLER}\"\n\
         [responses]\nanalytics_url = \"https://calls.example.com/blocked\"\n\
         [[detective.signal]]\nsignal = \"caller_attempts\"\nwindow = \"10m\"\nover = 0\ntreatment = \"reject\"\n"
    );
    let switch = Switch::start(&place, &Config::alice().with(&lists));
    let agent = Sipp::agent(&place, "agent_answers", ALICE).start();
    let caller = Sipp::carrier(&place, "caller_hangs_up", CARRIER).pause(Duration::from_millis(10));
    caller.start().succeeds();
    agent.succeeds();
    let other = Sipp::carrier(&place, "caller_is_refused", CARRIER + 1)
        .from("+12025550144", "")
        .set("expected", "607");
    other.start().succeeds();
    switch.stop_with(&[TALKED, (Ending::Refused, 607, Cause::OwnerBlocked)]);
}

#[test]
fn caller_whom_the_detective_refuses_is_told_who_did_it_and_whom_to_ask() {
    let place = Place::new();
    let rules = "[responses]\nanalytics_url = \"https://calls.example.com/blocked\"\n\
         [[detective.signal]]\nsignal = \"caller_attempts\"\nwindow = \"10m\"\nover = 0\ntreatment = \"reject\"\n";
    let switch = Switch::start(&place, &Config::alice().with(rules));
    let caller = Sipp::carrier(&place, "caller_is_blocked_by_analytics", CARRIER).start();
    caller.succeeds();
    let mut caller = Phone::new(&place, CARRIER);
    caller.dial();
    let refusal = caller.expect(603);
    let records = switch.stop_with(&[(Ending::Refused, 603, Cause::Analytics); 2]);
    assert_eq!(refusal.first_line(), "SIP/2.0 603 Network Blocked");
    assert_eq!(
        refusal.header("Reason"),
        format!(
            "SIP;cause=603;text=\"v=analytics1;url=https://calls.example.com/blocked;id={}\";location=RLN",
            records[1].id
        )
    );
}

#[test]
fn each_fault_of_a_request_and_each_state_of_a_number_has_its_answer() {
    let place = Place::new();
    let config = Config::alice().with(
        "[[number]]\ndid = \"+12025550110\"\nplan = \"sales\"\nstate = \"paused\"\n\
         [[number]]\ndid = \"+12025550111\"\ntenant = \"acme\"\nstate = \"released\"\n\
         [[number]]\ndid = \"+12025550112\"\ntenant = \"acme\"\nstate = \"quarantined\"\n\
         [[do_not_originate]]\nnumbers = [\"+12025550190\"]\n",
    );
    let switch = Switch::start(&place, &config);
    let none = "";
    let mut expected = Vec::new();
    for (from, to, lines, status, cause) in [
        (CALLER, "+12025550199", none, 404, Cause::NumberUnknown),
        (CALLER, "+12025550110", none, 480, Cause::NumberPaused),
        (CALLER, "+12025550111", none, 410, Cause::NumberReleased),
        (CALLER, "+12025550112", none, 404, Cause::NumberQuarantined),
        ("+1202555", NUMBER, none, 403, Cause::CallerInvalid),
        ("+12025550190", NUMBER, none, 403, Cause::DoNotOriginate),
        (NUMBER, NUMBER, none, 403, Cause::OwnNumber),
        (CALLER, NUMBER, "Max-Forwards: 0\r\n", 483, Cause::TooManyHops),
        (CALLER, NUMBER, "Require: 100rel, moon\r\n", 420, Cause::Malformed),
    ] {
        let mut caller = Phone::new(&place, CARRIER).from(from);
        caller.dial_to(to, lines);
        let refusal = caller.expect(status);
        if status == 420 {
            assert_eq!(refusal.header("Unsupported"), "100rel, moon");
        }
        assert!(!refusal.to_tag().is_empty(), "a final response has a tag");
        expected.push((Ending::Refused, status, cause));
    }
    switch.stop_with(&expected);
}

#[test]
fn call_that_comes_back_unchanged_is_a_loop() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::alice());
    let mut agent = Phone::new(&place, ALICE);
    let mut caller = Phone::new(&place, CARRIER);
    caller.dial();
    let rung = agent.expect_request("INVITE");
    // A confused proxy behind the agent's address sends the call on to the number it was for.
    let mut proxy = Phone::new(&place, CARRIER + 1).from("+12025550144");
    let via = format!("Via: {}\r\n", rung.header("Via"));
    proxy.dial_to(NUMBER, &via);
    proxy.expect(482);
    agent.answer(486, "Busy Here", "", "");
    caller.expect(486);
    switch.stop_with(&[
        (Ending::Unanswered, 486, Cause::Busy),
        (Ending::Refused, 482, Cause::Loop),
    ]);
}

#[test]
fn trunk_over_its_budget_is_told_when_to_come_again() {
    let place = Place::new();
    let config = Config {
        trunk: "calls_per_second = 1\nburst = 1\ncalls_at_once = 1",
        ..Config::alice()
    };
    let switch = Switch::start(&place, &config);
    let mut agent = Phone::new(&place, ALICE);
    let mut first = Phone::new(&place, CARRIER);
    first.dial();
    agent.take_call();
    first.expect(200);
    let mut second = Phone::new(&place, CARRIER + 1);
    second.dial();
    let refusal = second.expect(503);
    assert_eq!(refusal.header("Retry-After"), "1");
    first.hang_up();
    agent.expect_bye();
    let records = switch.stop();
    assert_eq!(records.len(), 2);
    for cause in records.iter().map(|record| record.outcome.cause) {
        assert!(
            matches!(cause, Cause::Normal | Cause::TrunkConcurrency | Cause::TrunkRate),
            "{cause:?}"
        );
    }
}

#[test]
fn trunk_that_calls_too_fast_is_refused_what_is_too_much() {
    let place = Place::new();
    let config = Config {
        trunk: "calls_per_second = 1\nburst = 3",
        ..Config::default()
    };
    let switch = Switch::start(&place, &config);
    let statuses: Vec<u16> = (0..6)
        .map(|_| {
            let mut caller = Phone::new(&place, CARRIER);
            caller.dial_to("+12025550199", "");
            let refusal = caller.wait_for("a refusal", |message| {
                message.status().is_some_and(|status| status >= 300)
            });
            refusal.status().unwrap()
        })
        .collect();
    assert_eq!(statuses[..3], [404, 404, 404]);
    assert!(statuses[3..].contains(&503), "{statuses:?}");
    assert_eq!(switch.stop().len(), 6, "each has its record");
}

#[test]
fn call_beyond_the_switchs_own_limit_gets_503_at_once_and_is_counted() {
    let place = Place::new();
    let config = Config {
        switch: "calls_at_once_max = 1",
        ..Config::alice()
    };
    let switch = Switch::start(&place, &config);
    let (mut first, mut agent) = (Phone::new(&place, CARRIER), Phone::new(&place, ALICE));
    connect(&mut first, &mut agent);
    let mut second = Phone::new(&place, CARRIER + 1);
    second.dial();
    assert_eq!(second.expect(503).header("Retry-After"), "1");
    switch.shows("ringfence_calls_refused_unrecorded_total 1");
    first.hang_up();
    agent.expect_bye();
    switch.stop_with(&[TALKED]);
}

#[test]
fn stranger_is_refused_or_gets_no_answer_as_the_operator_likes() {
    let place = Place::new();
    let elsewhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let switch = Switch::start(&place, &Config::alice());
    let mut stranger = Phone::between(elsewhere, place.sip());
    stranger.dial();
    stranger.expect(403);
    switch.stop_with(&[(Ending::Refused, 403, Cause::UnknownTrunk)]);

    let quiet = Config::alice().with("[strangers]\nanswer = \"drop\"\n");
    let switch = Switch::start(&place, &quiet);
    let mut stranger = Phone::between(elsewhere, place.sip());
    stranger.dial();
    switch.shows("ringfence_parse_refusals_total{cause=\"stranger\"} 1");
    assert!(stranger.receive(Duration::from_millis(50)).is_none());
    assert_eq!(switch.stop().len(), 1, "only the record of before");
}

#[test]
fn emergency_call_reaches_its_destination_past_every_list_and_budget() {
    let place = Place::new();
    let block =
        format!("[[block]]\nnumber = \"{CALLER}\"\n[emergency]\ndestination = {{ agent = \"alice\" }}\n");
    let config = Config {
        trunk: "calls_per_second = 1\nburst = 1",
        ..Config::alice().with(&block)
    };
    let switch = Switch::start(&place, &config);
    for number in ["911", "112", "urn:service:sos", "urn:service:sos.police"] {
        let mut agent = Phone::new(&place, ALICE);
        let mut caller = Phone::new(&place, CARRIER);
        caller.dial_to(number, "");
        agent.take_call();
        caller.expect(200);
        caller.hang_up();
        agent.expect_bye();
    }
    switch.stop_with(&[TALKED; 4]);
}

#[test]
fn response_goes_to_the_port_that_via_names_unless_it_asks_for_the_source() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::alice());
    let mut peer = Phone::new(&place, CARRIER);
    let elsewhere = UdpSocket::bind(place.at(CARRIER + 1)).unwrap();
    elsewhere.set_read_timeout(Some(PATIENCE)).unwrap();
    // RFC 3261 §18.2.2: the port in Via; RFC 3581 §4: the source's.
    let options = peer.invite("ping", "").replace("INVITE", "OPTIONS");
    elsewhere
        .send_to(options.replace(";rport", "").as_bytes(), place.sip())
        .unwrap();
    let answer = peer.wait_for("200", |message| message.status() == Some(200));
    assert!(!answer.header("Via").contains("rport"), "{}", answer.text());
    elsewhere.send_to(options.as_bytes(), place.sip()).unwrap();
    let mut bytes = [0; 4096];
    let length = elsewhere.recv(&mut bytes).unwrap();
    let answer = Message::new(&bytes[..length]);
    assert_eq!(answer.status(), Some(200));
    assert!(
        answer.header("Via").contains(&format!(";rport={}", CARRIER + 1)),
        "{}",
        answer.text()
    );
    assert!(switch.stop().is_empty());
}

#[test]
fn options_are_answered_and_what_belongs_to_no_call_is_not_known() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::alice());
    let mut peer = Phone::new(&place, CARRIER);
    let _ = peer.invite("ping", "");
    peer.ask("OPTIONS", "", "");
    let answer = peer.expect(200);
    assert!(answer.header("Allow").contains("INVITE"));
    assert_eq!(answer.header("Accept"), "application/sdp");
    for (method, status) in [("BYE", 481), ("INFO", 481), ("SUBSCRIBE", 405), ("MOON", 501)] {
        peer.ask(method, "", "");
        peer.expect(status);
    }
    let _ = peer.invite("ping", "");
    peer.talk_of("<sip:nobody@example.com>;tag=00000000000000010012345678");
    for method in ["INVITE", "BYE", "INFO", "OPTIONS"] {
        peer.ask(method, "", "");
        peer.expect(481);
    }
    assert!(switch.stop().is_empty(), "none of these is a call");
}
