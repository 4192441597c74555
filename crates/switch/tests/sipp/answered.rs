//! Calls that an agent answers, and what they hear.

use std::collections::BTreeSet;
use std::time::Duration;

use call_model::{Called, Caller, E164, Side};

use crate::phone::Phone;
use crate::place::{ALICE, BOB, CALLER, CAROL, CARRIER, Config, NUMBER, Place};
use crate::sipp::{Sipp, media_port};
use crate::sound::{chirp, speak};
use crate::switch::{Switch, TALKED, sum};

#[test]
fn answered_call_leaves_a_record_with_who_when_and_how_long() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::alice());
    let agent = Sipp::agent(&place, "agent_answers", ALICE).start();
    let caller = Sipp::carrier(&place, "caller_hangs_up", CARRIER)
        .pause(Duration::from_millis(1200))
        .start();
    caller.succeeds();
    agent.succeeds();
    switch.shows("ringfence_calls_total{outcome=\"answered\",reason=\"normal\"} 1");
    switch.shows("ringfence_calls_offered_total 1");
    switch.counts("ringfence_setup_delay_seconds_count", 1.0);
    // Longer than nothing, and far less than anybody waits.
    let delay = sum(&switch.metrics(), "ringfence_setup_delay_seconds_sum");
    assert!(delay > 0.0 && delay < 1.0, "{delay} s");
    let records = switch.stop_with(&[TALKED]);
    let record = &records[0];
    let number = |text: &str| E164::parse(text.as_bytes()).unwrap();
    assert_eq!(record.caller, Caller::Number(number(CALLER)));
    assert_eq!(record.called, Called::Number(number(NUMBER)));
    assert_eq!(record.trunk.as_ref().unwrap().as_str(), "carrier");
    assert_eq!(record.plan.as_ref().unwrap().as_str(), "sales");
    assert_eq!(record.source, place.ip);
    assert_eq!(record.outcome.hung_up_by, Some(Side::Caller));
    assert!(
        (1200..4000).contains(&record.talked_ms()),
        "{}",
        record.talked_ms()
    );
    let leg = &record.legs[0];
    assert_eq!((&*leg.destination, leg.status), ("alice", 200));
    assert!(leg.ringing_ms.is_some() && record.ringing_ms.is_some());
}

#[test]
fn call_crosses_from_one_transport_to_the_other() {
    for (from_tcp, agent_name, port) in [
        (true, "alice", ALICE),
        (false, "carol", CAROL),
        (true, "carol", CAROL),
    ] {
        let place = Place::new();
        let switch = Switch::start(&place, &Config::plan(&format!("agents = [\"{agent_name}\"]")));
        let mut agent = Sipp::agent(&place, "agent_answers", port);
        if port == CAROL {
            agent = agent.tcp();
        }
        let agent = agent.start();
        let mut caller = Sipp::carrier(&place, "caller_hangs_up", CARRIER).pause(Duration::from_millis(50));
        if from_tcp {
            caller = caller.tcp();
        }
        caller.start().succeeds();
        agent.succeeds();
        switch.stop_with(&[TALKED]);
    }
}

#[test]
fn agent_may_hang_up_first() {
    for tcp in [false, true] {
        let place = Place::new();
        let switch = Switch::start(
            &place,
            &Config::plan(if tcp {
                "agents = [\"carol\"]"
            } else {
                "agents = [\"alice\"]"
            }),
        );
        let mut agent = Sipp::agent(&place, "agent_hangs_up", if tcp { CAROL } else { ALICE });
        let mut caller = Sipp::carrier(&place, "caller_is_hung_up_on", CARRIER);
        if tcp {
            agent = agent.tcp();
            caller = caller.tcp();
        }
        let agent = agent.pause(Duration::from_millis(100)).start();
        caller.start().succeeds();
        agent.succeeds();
        let records = switch.stop_with(&[TALKED]);
        assert_eq!(records[0].outcome.hung_up_by, Some(Side::Callee));
    }
}

#[test]
fn audio_flows_past_the_switch_where_nothing_asks_for_it() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::alice());
    let echo = Sipp::agent(&place, "agent_answers", ALICE).echo().start();
    let mut caller = Phone::new(&place, CARRIER);
    caller.dial();
    let answer = caller.expect(200);
    let told = answer.audio().unwrap();
    assert_eq!(
        told,
        place.at(media_port(ALICE)),
        "the agent's own address, to the letter"
    );
    hears_itself(&caller, told);
    caller.hang_up();
    echo.succeeds();
    switch.stop_with(&[TALKED]);
}

#[test]
fn anchored_audio_passes_through_the_switch_from_the_caller_and_back() {
    let place = Place::new();
    let switch = Switch::start(&place, &anchored());
    let echo = Sipp::agent(&place, "agent_answers", ALICE).echo().start();
    let mut caller = Phone::new(&place, CARRIER);
    caller.dial();
    let answer = caller.expect(200);
    let told = answer.audio().unwrap();
    assert!(
        (20000..24000).contains(&told.port()),
        "a port of the switch: {told}"
    );
    hears_itself(&caller, told);
    assert!(
        !echo
            .messages()
            .contains(&format!("m=audio {} ", caller.rtp.local_addr().unwrap().port())),
        "the agent does not learn where the caller's audio is"
    );
    caller.hang_up();
    echo.succeeds();
    switch.stop_with(&[TALKED]);
}

#[test]
fn anchored_audio_passes_through_the_switch_from_the_agent_and_back() {
    let place = Place::new();
    let switch = Switch::start(&place, &anchored());
    let mut agent = Phone::new(&place, ALICE);
    let echo = Sipp::carrier(&place, "caller_is_hung_up_on", CARRIER)
        .echo()
        .start();
    let invite = agent.take_call();
    let told = invite.audio().unwrap();
    assert!(
        (20000..24000).contains(&told.port()),
        "a port of the switch: {told}"
    );
    hears_itself(&agent, told);
    agent.hang_up();
    echo.succeeds();
    switch.stop_with(&[TALKED]);
}

#[test]
fn plan_may_anchor_its_calls_while_others_flow_past() {
    let place = Place::new();
    let config = Config::plan("agents = [\"alice\"]\nmedia = \"anchor\"").with(
        "[[plan]]\nname = \"direct\"\ntenant = \"acme\"\nagents = [\"bob\"]\n\
         [[number]]\ndid = \"+12025550101\"\nplan = \"direct\"\n",
    );
    let switch = Switch::start(&place, &config);
    for (number, port, through) in [(NUMBER, ALICE, true), ("+12025550101", BOB, false)] {
        let agent = Sipp::agent(&place, "agent_answers", port).start();
        let mut caller = Phone::new(&place, CARRIER);
        caller.dial_to(number, "");
        let told = caller.expect(200).audio().unwrap();
        assert_eq!(told.port() != media_port(port), through, "{told}");
        caller.hang_up();
        agent.succeeds();
    }
    switch.stop_with(&[TALKED, TALKED]);
}

#[test]
fn switch_of_four_shards_completes_two_hundred_calls_over_udp() {
    many_calls("alice", ALICE, false);
}

#[test]
fn switch_of_four_shards_completes_two_hundred_calls_over_tcp() {
    many_calls("carol", CAROL, true);
}

/// Calls from several sources at once, each with requests within the call: whatever shard a message arrives at, it
/// finds its call.
fn many_calls(agent_name: &str, port: u16, tcp: bool) {
    let place = Place::new();
    let patient = "[detective]\nenabled = false\n";
    let config = Config {
        switch: "shards = 4",
        ..Config::plan(&format!("agents = [\"{agent_name}\"]")).with(patient)
    };
    let switch = Switch::start(&place, &config);
    let on = |sipp: Sipp| if tcp { sipp.tcp() } else { sipp };
    let agent = on(Sipp::agent(&place, "agent_takes_key", port))
        .calls(200, 10)
        .start();
    let callers: Vec<_> = (0..4)
        .map(|at| {
            on(Sipp::carrier(&place, "caller_sends_key", CARRIER + at))
                .calls(50, 25)
                .start()
        })
        .collect();
    for caller in callers {
        caller.succeeds();
    }
    agent.succeeds();
    switch.shows("ringfence_calls_total{outcome=\"answered\",reason=\"normal\"} 200");
    let records = switch.stop_with(&[TALKED; 200]);
    let ids: BTreeSet<_> = records.iter().map(|record| &record.sip_call_id).collect();
    assert_eq!(ids.len(), 200);
    let shards: BTreeSet<_> = records.iter().map(|record| record.id.shard()).collect();
    assert_eq!(shards.len(), 4, "all shards had calls");
}

fn anchored() -> Config {
    Config {
        media: "anchor = true",
        ..Config::alice()
    }
}

/// Speaks for a while; what comes back must be what was said.
fn hears_itself(phone: &Phone, told: std::net::SocketAddr) {
    let said: BTreeSet<Vec<u8>> = (0..50).map(|frame| chirp(frame).to_vec()).collect();
    let back = speak(&phone.rtp, told, 50, chirp);
    assert!(back.len() >= 45, "{} of 50 packets came back", back.len());
    assert!(
        back.values().all(|payload| said.contains(payload)),
        "another sound came back"
    );
}
