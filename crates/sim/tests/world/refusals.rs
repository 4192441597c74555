//! Calls that are refused, each with its status, its record, and nobody rung.

use call_model::{Cause, Ending};
use sim::{AGENTS, CARRIER, CallerScript, DIRECTORY, STRANGER, Setup, World};

use crate::{end, ms, secs, settle, stray};

#[test]
fn a_blocked_caller_gets_607_and_nobody_rings() {
    let (world, caller) = refused(from("+12025550187"));
    assert_eq!(world.phone(caller).finals(), [607]);
    assert_eq!(end(&world, caller), (Ending::Refused, Cause::OwnerBlocked, 607));
}

#[test]
fn a_blocked_name_gets_607() {
    let (world, caller) = refused(CallerScript {
        name: Some("CAR WARRANTY dept".into()),
        ..CallerScript::default()
    });
    assert_eq!(world.phone(caller).finals(), [607]);
}

#[test]
fn the_allow_list_wins_over_a_blocked_name() {
    let mut world = World::new(1);
    let caller = world.call(CallerScript {
        name: Some("Car Warranty".into()),
        ..from("+12025550161")
    });
    settle(&mut world);
    assert_eq!(world.phone(caller).finals(), [200]);
}

#[test]
fn the_state_of_a_number_decides_its_status() {
    for (number, status, cause) in [
        ("+12025550105", 480, Cause::NumberPaused),
        ("+12025550106", 410, Cause::NumberReleased),
        ("+12025550107", 404, Cause::NumberQuarantined),
        ("+12025550199", 404, Cause::NumberUnknown),
    ] {
        let (world, caller) = refused(to(number));
        assert_eq!(world.phone(caller).finals(), [status], "{number}");
        assert_eq!(end(&world, caller), (Ending::Refused, cause, status));
    }
}

#[test]
fn one_of_our_own_numbers_from_outside_gets_403() {
    let (world, caller) = refused(from("+12025550102"));
    assert_eq!(end(&world, caller), (Ending::Refused, Cause::OwnNumber, 403));
}

#[test]
fn a_number_that_cannot_exist_gets_403_and_an_anonymous_caller_passes() {
    let (world, caller) = refused(from("+0"));
    assert_eq!(end(&world, caller), (Ending::Refused, Cause::CallerInvalid, 403));
    let mut world = World::new(1);
    let caller = world.call(from("anonymous"));
    settle(&mut world);
    assert_eq!(end(&world, caller), (Ending::Answered, Cause::Normal, 200));
    let invite = world.phones_of("alice").next().unwrap().invite_text();
    assert!(
        invite.contains("From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag="),
        "{invite}"
    );
}

#[test]
fn a_signal_set_to_refuse_answers_603_network_blocked_with_its_reason() {
    let mut world = World::of(Setup {
        directory: format!(
            "{DIRECTORY}\n[[detective.signal]]\nsignal = \"caller_attempts\"\nwindow = \"10m\"\nover = 0\n\
             treatment = \"reject\"\n"
        ),
        ..Setup::default()
    });
    let caller = world.call(CallerScript::default());
    settle(&mut world);
    let answer = world.phone(caller).final_text();
    assert!(answer.starts_with("SIP/2.0 603 Network Blocked\r\n"), "{answer}");
    let id = world.record_of(caller).unwrap().id;
    let reason = format!(
        "\r\nReason: SIP;cause=603;text=\"v=analytics1;url=https://calls.example.com/blocked;id={id}\";location=RLN\r\n"
    );
    assert!(answer.contains(&reason), "{answer}");
    assert_eq!(end(&world, caller), (Ending::Refused, Cause::Analytics, 603));
}

#[test]
fn a_source_that_is_no_trunk_gets_403_or_silence() {
    let stranger = CallerScript {
        stranger: true,
        ..CallerScript::default()
    };
    let (world, caller) = refused(stranger.clone());
    assert_eq!(end(&world, caller), (Ending::Refused, Cause::UnknownTrunk, 403));
    let mut world = World::of(Setup {
        directory: format!("{DIRECTORY}\n[strangers]\nanswer = \"drop\"\n"),
        ..Setup::default()
    });
    let caller = world.call(stranger);
    settle(&mut world);
    assert_eq!(world.phone(caller).finals(), [0u16; 0]);
    assert!(world.records().is_empty());
}

#[test]
fn a_stranger_who_is_to_hear_nothing_hears_nothing_at_all() {
    let mut world = World::of(Setup {
        directory: format!("{DIRECTORY}\n[strangers]\nanswer = \"drop\"\n"),
        ..Setup::default()
    });
    let malformed = String::from_utf8(stray("OPTIONS", "")).unwrap();
    let malformed = malformed.replace("CSeq: 1 OPTIONS", "CSeq: x OPTIONS");
    for packet in [
        &stray("OPTIONS", "")[..],
        &stray("REGISTER", ""),
        &stray("INVITE", ""),
        &stray("DANCE", ""),
        malformed.as_bytes(),
        b"hello\r\n\r\n",
    ] {
        world.send_raw(STRANGER, packet);
    }
    settle(&mut world);
    assert_eq!(world.strays(), [""; 0]);
    assert_eq!(world.packets_refused().len(), 6, "each is counted");
    for known in [CARRIER, AGENTS[0].1] {
        world.send_raw(known, &stray("OPTIONS", ""));
        settle(&mut world);
        let answer = world.strays().pop().unwrap();
        assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    }
}

#[test]
fn more_strangers_than_are_worth_a_record_are_refused_without_one_beside_calls_that_go_on() {
    let mut world = World::new(1);
    let strangers: Vec<usize> = (0..200)
        .map(|_| {
            world.call(CallerScript {
                stranger: true,
                ..CallerScript::default()
            })
        })
        .collect();
    let good = world.call_at(ms(1), CallerScript::default());
    settle(&mut world);
    assert_eq!(end(&world, good), (Ending::Answered, Cause::Normal, 200));
    for stranger in &strangers {
        assert_eq!(world.phone(*stranger).finals(), [403]);
    }
    let recorded = world.records().len() - 1;
    assert_eq!(recorded, 50, "a second's worth");
    let unrecorded = world
        .packets_refused()
        .iter()
        .filter(|refused| **refused == ("stranger", Some(403)));
    assert_eq!(unrecorded.count(), 150);
}

#[test]
fn a_call_given_up_before_the_phone_gave_a_sign_of_life_leaves_its_trunks_budget_at_once() {
    let sources = "sources = [\"192.0.2.2\"]";
    let mut world = World::of(Setup {
        directory: DIRECTORY.replace(sources, &format!("{sources}\ncalls_at_once = 1")),
        ..Setup::default()
    });
    world.silence("alice");
    let given_up = world.call(CallerScript {
        cancels_after: Some(secs(1)),
        ..CallerScript::default()
    });
    let during = world.call_at(ms(900), CallerScript::default());
    let next = world.call_at(ms(1100), to("+12025550108"));
    settle(&mut world);
    assert_eq!(
        end(&world, given_up),
        (Ending::Cancelled, Cause::CallerCancelled, 487)
    );
    assert_eq!(end(&world, during).1, Cause::TrunkConcurrency);
    assert_eq!(end(&world, next), (Ending::Answered, Cause::Normal, 200));
}

#[test]
fn a_mark_of_verification_by_a_trunk_that_is_not_trusted_does_not_reach_the_agent() {
    for user in ["+12025550143", "0999555014300", "front-desk"] {
        let mut world = World::new(1);
        let caller = world.call(from(&format!("{user};verstat=TN-Validation-Passed")));
        settle(&mut world);
        let sent = world.phones_of("alice").next().map(sim::Phone::invite_text);
        let sent = sent.unwrap_or_else(|| panic!("{user}: {:?}", end(&world, caller)));
        assert!(sent.contains(&format!("<sip:{user}@")), "{sent}");
        assert!(!sent.contains("verstat"), "{sent}");
    }
}

#[test]
fn a_request_at_fault_is_refused_by_name() {
    let with_lines = |lines: &str| CallerScript {
        lines: lines.into(),
        ..CallerScript::default()
    };
    let (world, caller) = refused(CallerScript {
        hops: 0,
        ..CallerScript::default()
    });
    assert_eq!(end(&world, caller), (Ending::Refused, Cause::TooManyHops, 483));
    let (world, caller) = refused(with_lines("Require: 100rel, precondition\r\n"));
    assert_eq!(world.phone(caller).finals(), [420]);
    let answer = world.phone(caller).final_text();
    assert!(
        answer.contains("\r\nUnsupported: 100rel, precondition\r\n"),
        "{answer}"
    );
}

#[test]
fn an_invite_that_comes_back_to_us_as_it_was_gets_482_and_a_spiral_passes() {
    let mut world = World::new(1);
    let first = world.call(CallerScript::default());
    world.run_until(secs(1));
    let sent = world.phones_of("alice").next().unwrap().invite_text();
    let via = sent.lines().find(|line| line.starts_with("Via: ")).unwrap();
    let again = |to: &str| CallerScript {
        lines: format!("{via}\r\n"),
        to: to.into(),
        from: "+12025550144".into(),
        ..CallerScript::default()
    };
    let looped = world.call(again("+12025550100"));
    let spiral = world.call(again("+12025550102"));
    settle(&mut world);
    assert_eq!(world.phone(first).finals(), [200]);
    assert_eq!(end(&world, looped), (Ending::Refused, Cause::Loop, 482));
    assert_eq!(end(&world, spiral), (Ending::Answered, Cause::Normal, 200));
}

#[test]
fn a_trunk_over_its_number_of_calls_gets_503_with_retry_after() {
    let (world, refused) = over_budget("calls_at_once = 2", CallerScript::default());
    let answer = world.phone(refused).final_text();
    assert!(answer.starts_with("SIP/2.0 503 "), "{answer}");
    assert!(answer.contains("\r\nRetry-After: 1\r\n"), "{answer}");
    let expected = (Ending::Refused, Cause::TrunkConcurrency, 503);
    assert_eq!(end(&world, refused), expected);
}

#[test]
fn a_trunk_over_its_call_rate_gets_503_with_retry_after() {
    let (world, refused) = over_budget("calls_per_second = 2", CallerScript::default());
    assert_eq!(end(&world, refused), (Ending::Refused, Cause::TrunkRate, 503));
    assert!(
        world
            .phone(refused)
            .final_text()
            .contains("\r\nRetry-After: 1\r\n")
    );
}

#[test]
fn an_emergency_call_skips_blocks_and_budgets() {
    for to in ["911", "urn:service:sos.police"] {
        let (world, urgent) = over_budget(
            "calls_at_once = 2",
            CallerScript {
                to: to.into(),
                ..from("+12025550187")
            },
        );
        assert_eq!(
            end(&world, urgent),
            (Ending::Answered, Cause::Normal, 200),
            "{to}"
        );
        assert_eq!(world.phones_of("rescue").count(), 1);
    }
}

#[test]
fn an_emergency_call_without_a_destination_gets_404() {
    let directory = DIRECTORY.replace("destination = { agent = \"rescue\" }", "");
    let mut world = World::of(Setup {
        directory,
        ..Setup::default()
    });
    let caller = world.call(to("911"));
    settle(&mut world);
    assert_eq!(end(&world, caller), (Ending::Refused, Cause::NumberUnknown, 404));
    let answer = world.phone(caller).final_text();
    assert!(answer.contains("\r\nWarning: 399 ringfence \""), "{answer}");
}

#[test]
fn an_emergency_call_is_taken_where_the_switch_is_full() {
    let directory = DIRECTORY.replace("[switch]\n", "[switch]\ncalls_at_once_max = 1\n");
    let mut world = World::of(Setup {
        directory,
        ..Setup::default()
    });
    world.call(CallerScript::default());
    let ordinary = world.call_at(secs(2), CallerScript::default());
    let urgent = world.call_at(secs(2), to("911"));
    settle(&mut world);
    assert_eq!(world.phone(ordinary).finals(), [503]);
    assert_eq!(end(&world, urgent), (Ending::Answered, Cause::Normal, 200));
}

/// Two calls are up; the third is this one.
fn over_budget(budget: &str, script: CallerScript) -> (World, usize) {
    let sources = "sources = [\"192.0.2.2\"]";
    let mut world = World::of(Setup {
        directory: DIRECTORY.replace(sources, &format!("{sources}\n{budget}")),
        ..Setup::default()
    });
    world.call(CallerScript::default());
    world.call(CallerScript::default());
    let third = world.call(script);
    settle(&mut world);
    (world, third)
}

/// A call that is to be refused before anybody is rung.
fn refused(script: CallerScript) -> (World, usize) {
    let mut world = World::new(1);
    let caller = world.call(script);
    settle(&mut world);
    assert_eq!(world.phone(caller).finals().len(), 1);
    for agent in ["alice", "bob", "carol", "dave", "rescue"] {
        assert_eq!(world.phones_of(agent).count(), 0, "{agent}");
    }
    (world, caller)
}

fn from(number: &str) -> CallerScript {
    CallerScript {
        from: number.into(),
        ..CallerScript::default()
    }
}

fn to(number: &str) -> CallerScript {
    CallerScript {
        to: number.into(),
        ..CallerScript::default()
    }
}
