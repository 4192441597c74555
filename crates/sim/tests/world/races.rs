//! CANCEL against everything that it can cross.

use call_model::{Cause, Ending};
use sim::{AgentScript, CallerScript, Then, World};

use crate::{end, ms, settle};

#[test]
fn a_cancel_at_any_moment_around_ringing_and_answer_leaves_one_final_answer() {
    let (mut cancelled, mut answered) = (0, 0);
    for at in 0..400 {
        let mut world = World::new(at);
        for place in ["carrier", "alice"] {
            world.link(place).delay(ms(5)..ms(25));
        }
        let quick = AgentScript {
            rings_after: Some(ms(100)),
            then: Then::Answers(ms(250)),
            ..AgentScript::default()
        };
        world.agent("alice", quick);
        let caller = world.call(CallerScript {
            cancels_after: Some(ms(at)),
            ..CallerScript::default()
        });
        settle(&mut world);
        match world.phone(caller).finals() {
            [487] => {
                let expected = (Ending::Cancelled, Cause::CallerCancelled, 487);
                assert_eq!(end(&world, caller), expected, "cancelled at {at} ms");
                cancelled += 1;
            }
            [200] => {
                let expected = (Ending::Answered, Cause::Normal, 200);
                assert_eq!(end(&world, caller), expected, "cancelled at {at} ms");
                answered += 1;
            }
            finals => panic!("{finals:?} where cancelled at {at} ms"),
        }
    }
    assert!(cancelled > 100 && answered > 100, "{cancelled} {answered}");
}

#[test]
fn a_cancel_before_the_agent_gave_a_sign_waits_for_one() {
    let mut world = World::new(1);
    world.watch();
    let slow = AgentScript {
        tries: false,
        rings_after: Some(ms(800)),
        ..AgentScript::default()
    };
    world.agent("alice", slow);
    let caller = world.call(CallerScript {
        cancels_after: Some(ms(300)),
        ..CallerScript::default()
    });
    settle(&mut world);
    assert_eq!(world.phone(caller).finals(), [487]);
    let ladder = world.ladder();
    let cancel = ladder
        .lines()
        .find(|line| line.contains("switch → alice     CANCEL"));
    assert!(
        cancel.is_some_and(|line| line.starts_with("   800 ms")),
        "{ladder}"
    );
}

#[test]
fn a_cancel_of_a_held_re_invite_reaches_the_other_side() {
    // The phone that asked hangs up; its re-INVITE still rings at the other.
    let mut world = World::new(1);
    world.agent(
        "alice",
        AgentScript {
            takes_reinvites: false,
            hangs_up_after: Some(ms(3000)),
            ..AgentScript::default()
        },
    );
    let caller = world.call(CallerScript {
        holds_after: Some(ms(1000)),
        ..CallerScript::default()
    });
    settle(&mut world);
    assert_eq!(end(&world, caller), (Ending::Answered, Cause::Normal, 200));
}

#[test]
fn a_caller_who_vanishes_while_it_rings_is_refused_in_the_end_and_recorded() {
    let mut world = World::new(1);
    world.agent(
        "alice",
        AgentScript {
            then: Then::Refuses(486, ms(3000)),
            ..AgentScript::default()
        },
    );
    let caller = world.call(CallerScript {
        crashes_after: Some(ms(500)),
        to: "+12025550103".into(),
        ..CallerScript::default()
    });
    settle(&mut world);
    assert_eq!(end(&world, caller), (Ending::Unanswered, Cause::Busy, 486));
}

#[test]
fn both_sides_hanging_up_at_the_same_moment_leave_one_record() {
    for at in 0..40 {
        let mut world = World::new(at);
        for place in ["carrier", "alice"] {
            world.link(place).delay(ms(10)..ms(15));
        }
        world.agent(
            "alice",
            AgentScript {
                hangs_up_after: Some(ms(1040)),
                ..AgentScript::default()
            },
        );
        let caller = world.call(CallerScript {
            hangs_up_after: Some(ms(1000 + at)),
            ..CallerScript::default()
        });
        settle(&mut world);
        assert_eq!(end(&world, caller), (Ending::Answered, Cause::Normal, 200));
    }
}
