//! What an operator would see of a call: every message, in order, with its time.

use sim::{AgentScript, CallerScript, Key, Then, World};

use crate::{ms, secs, settle};

#[test]
fn answered_call() {
    shows(&CallerScript::default(), |_| {}, "answered");
}

#[test]
fn blocked_call() {
    let blocked = CallerScript {
        from: "+12025550187".into(),
        ..CallerScript::default()
    };
    shows(&blocked, |_| {}, "blocked");
}

#[test]
fn captcha_passed() {
    let challenged = CallerScript {
        from: "+12025550188".into(),
        key: Key::Event,
        hangs_up_after: Some(secs(20)),
        ..CallerScript::default()
    };
    shows(&challenged, |_| {}, "captcha_passed");
}

#[test]
fn cancel_that_crosses_the_answer() {
    let cancels = CallerScript {
        cancels_after: Some(ms(1010)),
        ..CallerScript::default()
    };
    let slow_links = |world: &mut World| {
        for place in ["carrier", "alice"] {
            world.link(place).delay(ms(30)..ms(30));
        }
    };
    shows(&cancels, slow_links, "cancel_race");
}

#[test]
fn hunt_with_overflow() {
    let hunted = CallerScript {
        to: "+12025550101".into(),
        ..CallerScript::default()
    };
    let nobody_answers = |world: &mut World| {
        world.agent(
            "alice",
            AgentScript {
                then: Then::Rings,
                ..AgentScript::default()
            },
        );
        world.agent(
            "bob",
            AgentScript {
                then: Then::Refuses(486, secs(1)),
                ..AgentScript::default()
            },
        );
    };
    shows(&hunted, nobody_answers, "hunt_with_overflow");
}

/// The ladder of one call is the one that is kept under this name. Where it is meant to differ, the new one is to be
/// read before it is kept: the test prints it.
fn shows(script: &CallerScript, prepare: impl FnOnce(&mut World), name: &str) {
    let mut world = World::new(1);
    prepare(&mut world);
    world.watch();
    world.call(script.clone());
    settle(&mut world);
    let path = format!("{}/tests/world/ladders/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        world.ladder() == kept,
        "the ladder of {name} is now:\n{}",
        world.ladder()
    );
}
