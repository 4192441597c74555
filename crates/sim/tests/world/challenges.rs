//! The spoken captcha.

use call_model::{Cause, ChallengeOutcome, Ending, Treatment};
use sim::{AgentScript, CARRIER, CallerScript, Key, Setup, Then, World};

use crate::{end, ms, secs, settle};

#[test]
fn a_caller_who_presses_the_key_by_event_is_rung_through_the_relay() {
    passes_with(Key::Event);
}

#[test]
fn a_caller_who_presses_the_key_by_info_is_rung_through_the_relay() {
    passes_with(Key::Info);
}

#[test]
fn a_caller_who_presses_the_right_key_at_the_second_try_is_rung() {
    passes_with(Key::WrongThenRight);
}

#[test]
fn a_caller_who_passed_is_not_challenged_again() {
    let mut world = World::of(Setup {
        directory: suspicious(),
        ..Setup::default()
    });
    let first = world.call(CallerScript {
        key: Key::Event,
        ..CallerScript::default()
    });
    let second = world.call_at(
        secs(60),
        CallerScript {
            from: "+12025550143".into(),
            ..CallerScript::default()
        },
    );
    settle(&mut world);
    let treatment = |caller| {
        let record = world.record_of(caller).unwrap();
        record.decision.as_ref().unwrap().verdict.treatment
    };
    assert_eq!(treatment(first), Treatment::Challenge);
    assert_eq!(treatment(second), Treatment::Allow);
    assert_eq!(end(&world, second), (Ending::Answered, Cause::Normal, 200));
}

#[test]
fn wrong_keys_lead_to_the_fallback_and_a_reason() {
    let (world, caller) = challenged(Key::Wrong);
    let expected = (Ending::Diverted, Cause::ChallengeFailed, 200);
    assert_eq!(end(&world, caller), expected);
    let record = world.record_of(caller).unwrap();
    assert_eq!(record.challenge, Some(ChallengeOutcome::Failed));
    let reason = "SIP;cause=603;text=\"challenge_failed\"";
    assert_eq!(world.phone(caller).reason(), reason);
    assert_eq!(world.phones_of("alice").count(), 0);
}

#[test]
fn silence_leads_to_the_fallback() {
    let (world, caller) = challenged(Key::Silent);
    let expected = (Ending::Diverted, Cause::ChallengeSilent, 200);
    assert_eq!(end(&world, caller), expected);
    assert_eq!(world.phones_of("alice").count(), 0);
}

#[test]
fn a_caller_who_hangs_up_abandons_the_challenge() {
    let (world, caller) = challenged(Key::HangsUp);
    let expected = (Ending::Diverted, Cause::ChallengeAbandoned, 200);
    assert_eq!(end(&world, caller), expected);
    let record = world.record_of(caller).unwrap();
    assert_eq!(record.challenge, Some(ChallengeOutcome::Abandoned));
    assert_eq!(world.phones_of("alice").count(), 0);
}

#[test]
fn a_challenge_cut_short_by_a_stop_is_recorded_as_abandoned() {
    let mut world = World::new(1);
    let caller = world.call(script(Key::Silent));
    world.at(secs(2), World::stop);
    settle(&mut world);
    let record = world.record_of(caller).unwrap();
    assert_eq!(record.challenge, Some(ChallengeOutcome::Abandoned));
    assert_eq!(record.outcome.cause, Cause::Stopped);
}

#[test]
fn a_caller_who_passed_and_finds_nobody_hears_so() {
    let mut world = World::new(1);
    world.agent(
        "alice",
        AgentScript {
            then: Then::Refuses(486, ms(100)),
            ..AgentScript::default()
        },
    );
    let caller = world.call(script(Key::Event));
    settle(&mut world);
    assert_eq!(end(&world, caller), (Ending::Unanswered, Cause::Busy, 200));
    assert!(world.phone(caller).was_ended());
}

#[test]
fn a_caller_who_passed_and_hangs_up_while_it_rings_has_seen_a_200() {
    let mut world = World::new(1);
    let rings = AgentScript {
        then: Then::Rings,
        ..AgentScript::default()
    };
    world.agent("alice", rings);
    let caller = world.call(CallerScript {
        hangs_up_after: Some(secs(9)),
        ..script(Key::Event)
    });
    settle(&mut world);
    let expected = (Ending::Cancelled, Cause::CallerCancelled, 200);
    assert_eq!(end(&world, caller), expected);
    assert_eq!(world.phone(caller).finals(), [200]);
}

#[test]
fn a_caller_whose_offer_we_cannot_speak_is_refused_with_488() {
    let mut world = World::new(1);
    let invite = request("INVITE", 1, "", G729);
    world.send_raw(CARRIER, invite.as_bytes());
    settle(&mut world);
    let outcome = world.records()[0].outcome;
    assert_eq!((outcome.status, outcome.cause), (488, Cause::NotAcceptable));
    assert!(
        world
            .strays()
            .iter()
            .any(|answer| answer.starts_with("SIP/2.0 488 "))
    );
}

#[test]
fn a_re_invite_during_the_captcha_is_answered_and_the_captcha_goes_on() {
    let mut world = World::new(1);
    let caller = world.call(CallerScript {
        holds_after: Some(ms(500)),
        ..script(Key::Event)
    });
    settle(&mut world);
    assert_eq!(world.phone(caller).reinvites(), [200]);
    assert_eq!(end(&world, caller), (Ending::Answered, Cause::Normal, 200));
    let record = world.record_of(caller).unwrap();
    assert_eq!(record.challenge, Some(ChallengeOutcome::Passed));
}

#[test]
fn a_re_invite_during_the_captcha_that_offers_nothing_we_speak_gets_488_and_the_call_stays() {
    let mut world = World::new(1);
    world.send_raw(CARRIER, request("INVITE", 1, "", MU_LAW).as_bytes());
    world.run_until(ms(200));
    let answers = world.strays();
    let answer = answers
        .iter()
        .find(|text| text.starts_with("SIP/2.0 200 "))
        .unwrap();
    let to = answer.lines().find(|line| line.starts_with("To: ")).unwrap();
    let tag = format!(";tag={}", to.rsplit("tag=").next().unwrap());
    world.send_raw(CARRIER, request("ACK", 1, &tag, "").as_bytes());
    world.send_raw(CARRIER, request("INVITE", 2, &tag, G729).as_bytes());
    world.run_until(secs(1));
    assert!(last(&world).starts_with("SIP/2.0 488 "), "{}", last(&world));
    world.send_raw(CARRIER, request("ACK", 2, &tag, "").as_bytes());
    world.send_raw(CARRIER, request("INVITE", 3, &tag, MU_LAW).as_bytes());
    world.run_until(ms(1200));
    assert!(last(&world).starts_with("SIP/2.0 200 "), "{}", last(&world));
    assert!(
        last(&world).contains("\r\nc=IN IP4 192.0.2.1\r\n"),
        "our side of the audio: {}",
        last(&world)
    );
    world.send_raw(CARRIER, request("ACK", 3, &tag, "").as_bytes());
    world.send_raw(CARRIER, request("BYE", 4, &tag, "").as_bytes());
    settle(&mut world);
    assert_eq!(world.records()[0].outcome.cause, Cause::ChallengeAbandoned);
}

#[test]
fn no_free_port_refuses_with_503_before_anybody_is_rung() {
    let mut world = World::of(Setup {
        media_ports: 20_000..=20_003,
        ..Setup::default()
    });
    let first = world.call(script(Key::Event));
    let second = world.call_at(ms(100), script(Key::Event));
    let third = world.call_at(
        ms(200),
        CallerScript {
            to: "+12025550103".into(),
            ..CallerScript::default()
        },
    );
    settle(&mut world);
    assert_eq!(end(&world, first).1, Cause::Normal);
    for refused in [second, third] {
        assert_eq!(end(&world, refused), (Ending::Refused, Cause::Media, 503));
    }
    assert_eq!(world.phones_of("alice").count(), 1);
}

fn passes_with(key: Key) {
    let (world, caller) = challenged(key);
    assert_eq!(
        end(&world, caller),
        (Ending::Answered, Cause::Normal, 200),
        "{}",
        world.ladder()
    );
    let record = world.record_of(caller).expect("a call has its record");
    assert_eq!(record.challenge, Some(ChallengeOutcome::Passed));
    assert_eq!(world.phones_of("alice").count(), 1);
    assert!(world.ladder().contains("relay both ways"));
    let invite = world
        .phones_of("alice")
        .next()
        .expect("alice was rung")
        .invite_text();
    assert!(invite.contains("c=IN IP4 192.0.2.1\r\n"), "{invite}");
}

fn challenged(key: Key) -> (World, usize) {
    let mut world = World::new(1);
    world.watch();
    let caller = world.call(script(key));
    settle(&mut world);
    assert_eq!(world.phone(caller).finals(), [200]);
    (world, caller)
}

fn script(key: Key) -> CallerScript {
    CallerScript {
        from: "+12025550188".into(),
        key,
        hangs_up_after: Some(secs(40)),
        ..CallerScript::default()
    }
}

/// What the switch sent last to a phone that the world does not know.
fn last(world: &World) -> String {
    world.strays().pop().unwrap_or_default()
}

/// A request of a call from the number that is challenged, by no phone of the world's.
fn request(method: &str, cseq: u32, to_tag: &str, body: &str) -> String {
    format!(
        "{method} sip:+12025550100@192.0.2.1 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK{method}{cseq};rport\r\n\
         From: <sip:+12025550188@example.com>;tag=1\r\nTo: <sip:+12025550100@192.0.2.1>{to_tag}\r\nCall-ID: raw\r\n\
         CSeq: {cseq} {method}\r\nMax-Forwards: 70\r\nContact: <sip:192.0.2.2>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A description that we cannot speak.
const G729: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 9000 RTP/AVP 18\r\n";

/// One that we can.
const MU_LAW: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 9000 RTP/AVP 0\r\n";

/// Everybody is challenged at the first call.
fn suspicious() -> String {
    format!(
        "{}\n[[detective.signal]]\nsignal = \"caller_attempts\"\nwindow = \"10m\"\nover = 0\n",
        sim::DIRECTORY
    )
}
