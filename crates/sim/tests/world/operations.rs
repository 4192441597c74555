//! What the operator does while calls are up, and traffic that belongs to no call.

use call_model::{Cause, Ending};
use sim::{CARRIER, CallerScript, DIRECTORY, World};

use crate::{end, ms, secs, settle, stray};

#[test]
fn a_new_directory_is_for_new_calls_and_leaves_those_that_are_up_alone() {
    let mut world = World::new(1);
    let before = world.call(CallerScript {
        to: "+12025550101".into(),
        ..CallerScript::default()
    });
    world.at(ms(500), |world| {
        world.swap_directory(&DIRECTORY.replace("did = \"+12025550101\"", "did = \"+12025550111\""));
    });
    let after = world.call_at(
        secs(1),
        CallerScript {
            to: "+12025550101".into(),
            from: "+12025550144".into(),
            ..CallerScript::default()
        },
    );
    settle(&mut world);
    assert_eq!(end(&world, before), (Ending::Answered, Cause::Normal, 200));
    assert_eq!(end(&world, after), (Ending::Refused, Cause::NumberUnknown, 404));
}

#[test]
fn a_trunk_that_stays_keeps_its_calls_in_its_budget() {
    let sources = "sources = [\"192.0.2.2\"]";
    let limited = DIRECTORY.replace(sources, &format!("{sources}\ncalls_at_once = 1"));
    let mut world = World::new(1);
    world.call(CallerScript::default());
    world.at(secs(2), move |world| world.swap_directory(&limited));
    let second = world.call_at(secs(3), CallerScript::default());
    let third = world.call_at(secs(30), CallerScript::default());
    settle(&mut world);
    assert_eq!(end(&world, second).1, Cause::TrunkConcurrency);
    assert_eq!(end(&world, third).1, Cause::Normal);
}

#[test]
fn draining_lets_calls_go_on_and_takes_no_new_ones_but_to_emergency_services() {
    let mut world = World::new(1);
    let before = world.call(CallerScript::default());
    world.at(secs(2), World::drain);
    let after = world.call_at(secs(3), CallerScript::default());
    let urgent = world.call_at(
        secs(3),
        CallerScript {
            to: "911".into(),
            ..CallerScript::default()
        },
    );
    settle(&mut world);
    assert_eq!(end(&world, before), (Ending::Answered, Cause::Normal, 200));
    assert_eq!(end(&world, urgent), (Ending::Answered, Cause::Normal, 200));
    assert_eq!(world.phone(after).finals(), [503]);
    assert!(world.record_of(after).is_none());
    assert_eq!(world.refused_unrecorded(), 1);
}

#[test]
fn a_stop_tells_everybody_and_writes_every_record() {
    let mut world = World::new(1);
    let talking = world.call(CallerScript::default());
    let ringing = world.call_at(ms(2500), CallerScript::default());
    world.at(secs(3), World::stop);
    settle(&mut world);
    assert_eq!(end(&world, talking), (Ending::Answered, Cause::Stopped, 200));
    assert_eq!(end(&world, ringing), (Ending::Failed, Cause::Stopped, 503));
    assert_eq!(world.phone(talking).reason(), "SIP;cause=503;text=\"stopped\"");
}

#[test]
fn a_call_whose_record_would_find_no_room_gets_503_and_no_record() {
    let mut world = World::new(1);
    world.fill_records(true);
    let refused = world.call(CallerScript::default());
    world.at(secs(40), |world| world.fill_records(false));
    let taken = world.call_at(secs(41), CallerScript::default());
    settle(&mut world);
    assert_eq!(world.phone(refused).finals(), [503]);
    assert!(
        world
            .phone(refused)
            .final_text()
            .contains("\r\nRetry-After: 1\r\n")
    );
    assert!(world.record_of(refused).is_none());
    assert_eq!(world.refused_unrecorded(), 1);
    assert_eq!(world.phone(taken).finals(), [200]);
}

#[test]
fn a_request_in_a_dialog_that_is_not_ours_gets_481_and_a_stray_ack_nothing() {
    let mut world = World::new(1);
    world.send_raw(CARRIER, &stray("BYE", ";tag=nobody"));
    world.send_raw(CARRIER, &stray("INVITE", ";tag=nobody"));
    world.send_raw(CARRIER, &stray("CANCEL", ""));
    world.send_raw(CARRIER, &stray("ACK", ";tag=nobody"));
    settle(&mut world);
    let answers = world.strays();
    assert_eq!(answers.len(), 3, "{answers:?}");
    assert!(answers.iter().all(|answer| answer.starts_with("SIP/2.0 481 ")));
    assert!(world.records().is_empty());
}

#[test]
fn options_are_answered_and_other_methods_refused_by_name() {
    let mut world = World::new(1);
    for (method, status) in [
        ("OPTIONS", "200"),
        ("REGISTER", "405"),
        ("PUBLISH", "405"),
        ("DANCE", "501"),
    ] {
        world.send_raw(CARRIER, &stray(method, ""));
        settle(&mut world);
        let answer = world.strays().pop().unwrap();
        assert!(
            answer.starts_with(&format!("SIP/2.0 {status} ")),
            "{method}: {answer}"
        );
        assert!(answer.contains("\r\nAllow: INVITE, "), "{method}: {answer}");
    }
}

#[test]
fn a_packet_that_is_no_sip_is_counted_and_one_that_is_malformed_answered() {
    let mut world = World::new(1);
    let good = world.call(CallerScript::default());
    world.send_raw(CARRIER, b"hello\r\n\r\n");
    world.send_raw(CARRIER, &[0xff; 200]);
    let bad = String::from_utf8(stray("OPTIONS", "")).unwrap();
    world.send_raw(
        CARRIER,
        bad.replace("CSeq: 1 OPTIONS", "CSeq: x OPTIONS").as_bytes(),
    );
    settle(&mut world);
    assert_eq!(world.packets_refused().len(), 3);
    assert_eq!(world.packets_refused()[2].1, Some(400));
    assert!(world.strays()[0].starts_with("SIP/2.0 400 "));
    assert_eq!(end(&world, good), (Ending::Answered, Cause::Normal, 200));
}
