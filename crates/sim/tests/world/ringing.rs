//! Who is rung, in which order, and what the caller is told when nobody answers.

use call_model::{Cause, Ending};
use sim::{AgentScript, CallerScript, DIRECTORY, Setup, Then, World};

use crate::{end, legs, ms, secs, settle};

#[test]
fn a_hunt_goes_on_when_an_agent_does_not_answer() {
    let mut world = World::new(1);
    world.agent("alice", rings());
    let caller = world.call(to("+12025550101"));
    settle(&mut world);
    assert_eq!(end(&world, caller), (Ending::Answered, Cause::Normal, 200));
    assert_eq!(legs(&world, caller), [("alice".into(), 487), ("bob".into(), 200)]);
    let reason = "SIP;cause=480;text=\"No answer in time\"";
    assert_eq!(world.phones_of("alice").next().unwrap().reason(), reason);
}

#[test]
fn a_hunt_goes_on_at_once_when_an_agent_is_busy() {
    let mut world = World::new(1);
    world.agent("alice", refuses(486));
    let caller = world.call(to("+12025550101"));
    settle(&mut world);
    let record = world.record_of(caller).unwrap();
    assert_eq!(record.legs[1].invited_ms - record.offered_ms, 100);
    assert_eq!(legs(&world, caller), [("alice".into(), 486), ("bob".into(), 200)]);
}

#[test]
fn a_hunt_goes_on_when_an_agents_phone_gives_no_sign_of_life() {
    let mut world = World::new(1);
    world.silence("alice");
    let caller = world.call(to("+12025550101"));
    settle(&mut world);
    let record = world.record_of(caller).unwrap();
    let after = record.legs[1].invited_ms - record.offered_ms;
    assert!((4000..4020).contains(&after), "{after}");
    assert_eq!(end(&world, caller), (Ending::Answered, Cause::Normal, 200));
}

#[test]
fn a_hunt_goes_on_at_once_when_an_agents_phone_cannot_be_reached() {
    let mut world = World::new(1);
    world.link("alice").refuse(true);
    let caller = world.call(to("+12025550101"));
    settle(&mut world);
    let record = world.record_of(caller).unwrap();
    assert!(record.legs[1].invited_ms - record.offered_ms < 20);
    assert_eq!(end(&world, caller), (Ending::Answered, Cause::Normal, 200));
}

#[test]
fn silence_and_ring_time_that_end_together_give_the_next_agent_its_whole_time() {
    let directory = DIRECTORY.replace("ring_time = \"5s\"", "ring_time = \"4s\"");
    let mut world = World::of(Setup {
        directory,
        ..Setup::default()
    });
    world.silence("alice");
    let slow = AgentScript {
        tries: false,
        rings_after: Some(secs(2)),
        then: Then::Answers(secs(3)),
        ..AgentScript::default()
    };
    world.agent("bob", slow);
    let caller = world.call(to("+12025550101"));
    settle(&mut world);
    assert_eq!(end(&world, caller), (Ending::Answered, Cause::Normal, 200));
}

#[test]
fn an_agent_who_was_given_up_and_answers_late_is_acknowledged_and_hung_up() {
    for answers in 4900..5100 {
        let mut world = World::new(answers);
        world.link("alice").delay(ms(40)..ms(40));
        let late = AgentScript {
            then: Then::Answers(ms(answers)),
            ..AgentScript::default()
        };
        world.agent("alice", late);
        let caller = world.call(to("+12025550101"));
        settle(&mut world);
        assert_eq!(world.phone(caller).finals(), [200]);
    }
}

#[test]
fn all_ring_at_once_and_the_first_who_answers_has_the_call() {
    let mut world = World::new(1);
    world.agent("bob", answers(ms(700)));
    let caller = world.call(to("+12025550102"));
    settle(&mut world);
    assert_eq!(
        legs(&world, caller),
        [("alice".into(), 487), ("bob".into(), 200), ("carol".into(), 487)]
    );
    let reason = "SIP;cause=200;text=\"Call completed elsewhere\"";
    assert_eq!(world.phones_of("carol").next().unwrap().reason(), reason);
}

#[test]
fn two_who_answer_at_the_same_moment_leave_one_call() {
    for later in 0..40 {
        let mut world = World::new(later);
        for (name, after) in [("alice", 700), ("bob", 680 + later), ("carol", 700)] {
            world.link(name).delay(ms(10)..ms(15));
            world.agent(name, answers(ms(after)));
        }
        let caller = world.call(to("+12025550102"));
        settle(&mut world);
        assert_eq!(end(&world, caller), (Ending::Answered, Cause::Normal, 200));
    }
}

#[test]
fn busy_tells_the_caller_more_than_any_other_failure() {
    let mut world = World::new(1);
    world.agent("alice", refuses(503));
    world.agent("bob", refuses(486));
    world.agent("carol", refuses(480));
    let caller = world.call(to("+12025550102"));
    settle(&mut world);
    assert_eq!(world.phone(caller).finals(), [486]);
    assert_eq!(end(&world, caller), (Ending::Unanswered, Cause::Busy, 486));
}

#[test]
fn a_plan_may_overflow_into_another() {
    let mut world = World::new(1);
    world.agent("carol", rings());
    let caller = world.call(to("+12025550104"));
    settle(&mut world);
    assert_eq!(
        legs(&world, caller),
        [("carol".into(), 487), ("alice".into(), 200)]
    );
}

#[test]
fn a_plan_may_overflow_into_an_announcement_that_ends_with_its_reason() {
    let mut world = World::new(1);
    world.agent("alice", refuses(486));
    let caller = world.call(to("+12025550100"));
    settle(&mut world);
    assert_eq!(end(&world, caller), (Ending::Unanswered, Cause::Busy, 200));
    assert_eq!(world.phone(caller).reason(), "SIP;cause=486;text=\"busy\"");
}

#[test]
fn a_plan_may_refuse_in_the_end() {
    let mut world = World::new(1);
    world.agent("alice", rings());
    let caller = world.call(to("+12025550109"));
    settle(&mut world);
    assert_eq!(world.phone(caller).finals(), [603]);
    assert_eq!(end(&world, caller), (Ending::Unanswered, Cause::NoAnswer, 603));
}

#[test]
fn a_caller_waits_no_longer_than_the_settings_say() {
    let directory = DIRECTORY.replace("setup_max = \"60s\"", "setup_max = \"10s\"");
    let mut world = World::of(Setup {
        directory,
        ..Setup::default()
    });
    world.agent("alice", rings());
    let caller = world.call(CallerScript {
        to: "+12025550104".into(),
        ..CallerScript::default()
    });
    world.agent("carol", rings());
    settle(&mut world);
    let record = world.record_of(caller).unwrap();
    let lasted = record.ended_ms - record.offered_ms;
    assert!((10_000..10_020).contains(&lasted), "{lasted}");
    assert_eq!(world.phone(caller).finals(), [480]);
}

fn to(number: &str) -> CallerScript {
    CallerScript {
        to: number.into(),
        ..CallerScript::default()
    }
}

fn rings() -> AgentScript {
    AgentScript {
        then: Then::Rings,
        ..AgentScript::default()
    }
}

fn answers(after: std::time::Duration) -> AgentScript {
    AgentScript {
        then: Then::Answers(after),
        ..AgentScript::default()
    }
}

fn refuses(status: u16) -> AgentScript {
    AgentScript {
        then: Then::Refuses(status, ms(100)),
        ..AgentScript::default()
    }
}
