//! Calls that are answered, and what passes between the legs.

use call_model::{Cause, Ending, Side};
use sim::{AgentScript, CallerScript, Then, World};

use crate::{end, legs, ms, secs, settle};

#[test]
fn an_answered_call_is_recorded_with_its_times() {
    let mut world = World::new(1);
    let caller = world.call(CallerScript::default());
    settle(&mut world);
    assert_eq!(world.phone(caller).finals(), [200]);
    assert_eq!(world.phone(caller).provisionals(), [100, 180]);
    assert_eq!(end(&world, caller), (Ending::Answered, Cause::Normal, 200));
    let record = world.record_of(caller).unwrap();
    assert_eq!(record.outcome.hung_up_by, Some(Side::Caller));
    let since = |at: Option<u64>| at.unwrap() - record.offered_ms;
    assert_eq!(since(record.ringing_ms), 50);
    assert_eq!(since(record.answered_ms), 1000);
    assert_eq!(record.talked_ms(), 10_000);
    assert_eq!(legs(&world, caller), [("alice".into(), 200)]);
}

#[test]
fn the_agent_may_hang_up_first() {
    let mut world = World::new(1);
    let hangs_up = AgentScript {
        hangs_up_after: Some(secs(2)),
        ..AgentScript::default()
    };
    world.agent("alice", hangs_up);
    let caller = world.call(CallerScript::default());
    settle(&mut world);
    assert!(world.phone(caller).was_ended());
    let outcome = world.record_of(caller).unwrap().outcome;
    assert_eq!(outcome.hung_up_by, Some(Side::Callee));
}

#[test]
fn the_offer_may_be_in_the_200_and_the_answer_in_the_ack() {
    for to in ["+12025550100", "+12025550103"] {
        let mut world = World::new(1);
        let caller = world.call(CallerScript {
            offers: false,
            to: to.into(),
            ..CallerScript::default()
        });
        settle(&mut world);
        assert_eq!(end(&world, caller), (Ending::Answered, Cause::Normal, 200));
        assert_eq!(world.record_of(caller).unwrap().talked_ms(), 10_000);
    }
}

#[test]
fn hold_passes_between_the_legs_both_ways() {
    let mut world = World::new(1);
    world.agent(
        "alice",
        AgentScript {
            holds_after: Some(secs(4)),
            ..AgentScript::default()
        },
    );
    let caller = world.call(CallerScript {
        holds_after: Some(secs(2)),
        ..CallerScript::default()
    });
    settle(&mut world);
    assert_eq!(world.phone(caller).reinvites(), [200]);
    assert_eq!(world.phones_of("alice").next().unwrap().reinvites(), [200]);
}

#[test]
fn re_invites_that_cross_are_refused_with_491_and_the_call_goes_on() {
    let mut both_refused = 0;
    for delay in 0..60 {
        let mut world = World::new(delay);
        world.link("alice").delay(ms(30)..ms(30));
        world.link("carrier").delay(ms(30)..ms(30));
        world.agent(
            "alice",
            AgentScript {
                holds_after: Some(ms(1060)),
                ..AgentScript::default()
            },
        );
        let caller = world.call(CallerScript {
            holds_after: Some(ms(970 + delay)),
            ..CallerScript::default()
        });
        settle(&mut world);
        let alice = world.phones_of("alice").next().unwrap();
        let results = [world.phone(caller).reinvites(), alice.reinvites()];
        for result in results {
            assert!(
                matches!(result, [200 | 491]),
                "{results:?} where the caller holds at {delay}"
            );
        }
        both_refused += u32::from(results == [[491], [491]]);
        assert_eq!(end(&world, caller), (Ending::Answered, Cause::Normal, 200));
    }
    assert!(both_refused > 0, "they never crossed");
}

#[test]
fn a_re_invite_that_rings_is_taken_back_when_the_call_ends() {
    let mut world = World::new(1);
    world.agent(
        "alice",
        AgentScript {
            takes_reinvites: false,
            ..AgentScript::default()
        },
    );
    let caller = world.call(CallerScript {
        holds_after: Some(secs(2)),
        ..CallerScript::default()
    });
    settle(&mut world);
    assert_eq!(end(&world, caller), (Ending::Answered, Cause::Normal, 200));
}

#[test]
fn a_call_over_tcp_to_the_agent_needs_no_copies() {
    let mut world = World::new(1);
    world.link("dave").delay(ms(200)..ms(200));
    world.watch();
    let caller = world.call(CallerScript {
        to: "+12025550108".into(),
        ..CallerScript::default()
    });
    settle(&mut world);
    assert_eq!(end(&world, caller), (Ending::Answered, Cause::Normal, 200));
    let to_dave = |line: &&str| line.contains("switch → dave");
    assert_eq!(
        world.ladder().lines().filter(to_dave).count(),
        3,
        "{}",
        world.ladder()
    );
}

#[test]
fn a_caller_who_vanishes_is_ended_by_the_longest_duration() {
    let mut world = World::new(1);
    let caller = world.call(CallerScript {
        crashes_after: Some(secs(5)),
        ..CallerScript::default()
    });
    settle(&mut world);
    assert_eq!(end(&world, caller), (Ending::Answered, Cause::TooLong, 200));
    assert_eq!(world.record_of(caller).unwrap().talked_ms(), 120_000);
    assert!(world.phones_of("alice").all(sim::Phone::was_ended));
}

#[test]
fn an_anchored_call_whose_caller_vanishes_is_ended_by_the_silence() {
    let mut world = World::new(1);
    let caller = world.call(CallerScript {
        to: "+12025550103".into(),
        crashes_after: Some(secs(5)),
        ..CallerScript::default()
    });
    settle(&mut world);
    assert_eq!(end(&world, caller), (Ending::Answered, Cause::CallerLost, 200));
    assert_eq!(world.record_of(caller).unwrap().talked_ms(), 64_000);
}

#[test]
fn an_agent_who_vanishes_is_found_out_by_the_next_request() {
    let mut world = World::new(1);
    world.agent(
        "alice",
        AgentScript {
            crashes_after: Some(secs(2)),
            ..AgentScript::default()
        },
    );
    let caller = world.call(CallerScript {
        holds_after: Some(secs(3)),
        hangs_up_after: None,
        ..CallerScript::default()
    });
    settle(&mut world);
    assert_eq!(end(&world, caller), (Ending::Answered, Cause::CalleeLost, 200));
    assert_eq!(world.phone(caller).reinvites(), [408]);
}

#[test]
fn an_answer_that_is_never_acknowledged_ends_the_call() {
    let mut world = World::new(1);
    let caller = world.call(CallerScript {
        acknowledges: false,
        hangs_up_after: None,
        ..CallerScript::default()
    });
    settle(&mut world);
    assert_eq!(end(&world, caller), (Ending::Answered, Cause::CallerLost, 200));
    assert_eq!(world.record_of(caller).unwrap().talked_ms(), 32_000);
}

#[test]
fn unknown_headers_reach_the_agent_and_the_carriers_route_does_not() {
    let mut world = World::new(1);
    let record_route = "Record-Route: <sip:edge.example.com;lr>\r\n";
    let caller = world.call(CallerScript {
        lines: format!("X-Campaign: spring\r\n{record_route}"),
        ..CallerScript::default()
    });
    settle(&mut world);
    let invite = world.phones_of("alice").next().unwrap().invite_text();
    assert!(invite.contains("X-Campaign: spring\r\n"), "{invite}");
    assert!(!invite.contains("Record-Route"), "{invite}");
    assert!(!invite.contains("carrier.example.com;"), "{invite}");
    assert!(invite.contains("Max-Forwards: 69\r\n"), "{invite}");
    let answer = world.phone(caller).final_text();
    assert!(answer.contains(record_route), "{answer}");
}

#[test]
fn early_audio_reaches_the_caller() {
    let mut world = World::new(1);
    world.agent(
        "alice",
        AgentScript {
            early_media: true,
            then: Then::Answers(secs(3)),
            ..AgentScript::default()
        },
    );
    world.watch();
    let caller = world.call(CallerScript::default());
    settle(&mut world);
    assert_eq!(world.phone(caller).provisionals(), [100, 183]);
    assert!(
        world
            .ladder()
            .contains("switch → caller    183 Session Progress, description")
    );
}
