//! Where the switch knowingly does not do what an RFC asks of it: `docs/deviations.md` names these tests.

use std::time::Duration;

use sim::{AGENTS, AgentScript, CARRIER, CallerScript, Then, World};

#[test]
fn an_agent_who_declines_for_everybody_does_not_end_the_hunt() {
    for status in [600, 603, 604, 606] {
        let mut world = World::new(1);
        world.agent("alice", refuses(status));
        let caller = world.call(to("+12025550101"));
        world.run_until_idle();
        assert_eq!(statuses(&world, caller), [status, 200]);
        assert_eq!(world.phone(caller).finals(), [200]);
    }
}

#[test]
fn a_redirect_by_an_agent_is_a_failure_of_that_agent() {
    let mut world = World::new(1);
    world.agent("alice", refuses(302));
    let caller = world.call(to("+12025550101"));
    world.run_until_idle();
    assert_eq!(statuses(&world, caller), [302, 200]);
    assert_eq!(world.phone(caller).finals(), [200]);
}

#[test]
fn a_demand_for_credentials_by_an_agent_is_a_failure_of_that_agent() {
    for status in [401, 407] {
        let mut world = World::new(1);
        world.agent("carol", refuses(status));
        world.agent("alice", refuses(status));
        let caller = world.call(to("+12025550109"));
        world.run_until_idle();
        assert_eq!(statuses(&world, caller), [status]);
        assert_eq!(world.phone(caller).finals(), [603], "the plan's own refusal");
    }
}

#[test]
fn a_fault_of_every_agents_phone_reaches_the_caller_as_480() {
    for status in [500, 503, 404] {
        let mut world = World::new(1);
        for name in ["alice", "bob", "carol"] {
            world.agent(name, refuses(status));
        }
        let caller = world.call(to("+12025550102"));
        world.run_until_idle();
        assert_eq!(world.phone(caller).finals(), [480]);
    }
}

#[test]
fn of_several_agents_who_ring_the_caller_sees_one() {
    let mut world = World::new(1);
    let caller = world.call(to("+12025550102"));
    world.run_until_idle();
    let ringing = world
        .phone(caller)
        .provisionals()
        .iter()
        .filter(|status| **status == 180);
    assert_eq!(ringing.count(), 1);
}

#[test]
fn reliable_provisionals_are_not_offered_to_agents() {
    let mut world = World::new(1);
    let caller = world.call(CallerScript {
        lines: "Supported: 100rel, timer\r\n".into(),
        ..CallerScript::default()
    });
    world.run_until_idle();
    assert_eq!(world.phone(caller).finals(), [200]);
    let invite = world.phones_of("alice").next().unwrap().invite_text();
    assert!(!invite.contains("100rel"), "{invite}");
}

#[test]
fn an_invite_too_large_for_one_packet_still_leaves_as_a_datagram() {
    let mut world = World::new(1);
    let caller = world.call(CallerScript {
        lines: format!("X-Long: {}\r\n", "x".repeat(3000)),
        ..CallerScript::default()
    });
    world.run_until_idle();
    assert!(!AGENTS[0].2, "alice is called over UDP");
    assert!(world.phones_of("alice").next().unwrap().invite_text().len() > 3000);
    assert_eq!(world.phone(caller).finals(), [200]);
}

#[test]
fn a_sips_uri_is_taken_for_a_sip_uri() {
    let mut world = World::new(1);
    let caller = world.call(to("sips:+12025550100@192.0.2.1"));
    world.run_until_idle();
    assert_eq!(world.phone(caller).finals(), [200]);
    let invite = world.phones_of("alice").next().unwrap().invite_text();
    assert!(invite.starts_with("INVITE sip:"), "{invite}");
}

#[test]
fn copies_of_an_options_are_each_answered_from_scratch_with_the_same_tag() {
    let mut world = World::new(1);
    for _ in 0..2 {
        world.send_raw(CARRIER, &request("OPTIONS", "z9hG4bK-1", "options"));
    }
    world.run_until_idle();
    let answers = world.strays();
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn a_cancel_is_answered_without_a_transaction_and_with_a_tag_of_its_own() {
    let mut world = World::new(1);
    world.send_raw(CARRIER, &request("INVITE", "z9hG4bK-1", "cancelled"));
    world.run_until(Duration::from_millis(200));
    for _ in 0..2 {
        world.send_raw(CARRIER, &request("CANCEL", "z9hG4bK-1", "cancelled"));
    }
    world.run_until_idle();
    let strays = world.strays();
    let to_tags = |cseq: &str, status: &str| -> Vec<String> {
        let wanted = strays
            .iter()
            .filter(|text| text.contains(cseq) && text.starts_with(status));
        wanted.map(|text| to_tag(text)).collect()
    };
    let cancel = to_tags("CSeq: 1 CANCEL", "SIP/2.0 200");
    let invite = to_tags("CSeq: 1 INVITE", "SIP/2.0 487");
    assert_eq!(cancel.len(), 2, "{strays:#?}");
    assert_eq!(cancel[0], cancel[1]);
    assert_ne!(cancel[0], invite[0]);
}

#[test]
fn an_invite_that_was_forked_before_us_becomes_a_call_for_each_branch() {
    let mut world = World::new(1);
    world.send_raw(CARRIER, &request("INVITE", "z9hG4bK-left", "forked"));
    world.send_raw(CARRIER, &request("INVITE", "z9hG4bK-right", "forked"));
    world.run_until_idle();
    assert_eq!(world.records().len(), 2);
}

#[test]
fn a_contact_with_a_host_name_is_reached_where_its_messages_come_from() {
    let mut world = World::new(1);
    world.agent(
        "alice",
        AgentScript {
            hangs_up_after: Some(Duration::from_secs(2)),
            ..AgentScript::default()
        },
    );
    let invite = String::from_utf8(request("INVITE", "z9hG4bK-1", "named")).unwrap();
    let invite = invite.replace("<sip:192.0.2.2>", "<sip:gateway.example.com>");
    world.send_raw(CARRIER, invite.as_bytes());
    world.run_until_idle();
    let strays = world.strays();
    assert!(
        strays
            .iter()
            .any(|text| text.starts_with("BYE sip:gateway.example.com ")),
        "{strays:#?}"
    );
}

fn to(uri: &str) -> CallerScript {
    CallerScript {
        to: uri.into(),
        ..CallerScript::default()
    }
}

fn refuses(status: u16) -> AgentScript {
    AgentScript {
        then: Then::Refuses(status, Duration::from_millis(100)),
        ..AgentScript::default()
    }
}

/// What each agent of a call answered, in the order rung.
fn statuses(world: &World, caller: usize) -> Vec<u16> {
    let record = world.record_of(caller).expect("a call has its record");
    record.legs.iter().map(|leg| leg.status).collect()
}

fn to_tag(message: &str) -> String {
    let to = message
        .lines()
        .find(|line| line.starts_with("To:"))
        .expect("a To");
    to.rsplit("tag=").next().unwrap_or_default().to_owned()
}

/// A request from the carrier's address that no simulated phone waits for.
fn request(method: &str, branch: &str, call_id: &str) -> Vec<u8> {
    format!(
        "{method} sip:+12025550100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch={branch};rport\r\n\
         From: <sip:+12025550143@example.com>;tag=1\r\nTo: <sip:+12025550100@192.0.2.1>\r\nCall-ID: {call_id}\r\n\
         CSeq: 1 {method}\r\nMax-Forwards: 70\r\nContact: <sip:192.0.2.2>\r\nContent-Length: 0\r\n\r\n"
    )
    .into_bytes()
}
