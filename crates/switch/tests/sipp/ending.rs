//! Ends that nobody wished for: phones that vanish, and a switch that is stopped.

use call_model::{Cause, Ending, Side};
use nix::sys::signal::Signal;

use crate::midcall::{connect, talking};
use crate::phone::Phone;
use crate::place::{ALICE, BOB, CAROL, CARRIER, Config, Place};
use crate::sipp::Sipp;
use crate::switch::{Switch, TALKED};

#[test]
fn agent_whose_phone_breaks_during_the_call_leaves_one_record() {
    for tcp in [false, true] {
        let place = Place::new();
        let agents = if tcp {
            "agents = [\"carol\"]"
        } else {
            "agents = [\"alice\"]"
        };
        let switch = Switch::start(&place, &Config::plan(agents));
        let agent = Sipp::agent(&place, "agent_answers", if tcp { CAROL } else { ALICE });
        let agent = if tcp { agent.tcp() } else { agent }.start();
        let mut caller = Phone::new(&place, CARRIER);
        caller.dial();
        caller.expect(200);
        agent.sees("ACK sip:");
        agent.cut();
        caller.hang_up();
        let records = switch.stop_with(&[TALKED]);
        assert_eq!(records[0].outcome.hung_up_by, Some(Side::Caller));
    }
}

#[test]
fn agent_whose_phone_breaks_while_it_rings_leaves_one_record() {
    let place = Place::new();
    let plan = "ring = \"hunt\"\nagents = [{ agent = \"alice\", ring_time = \"1s\" }, \"bob\"]";
    let switch = Switch::start(&place, &Config::plan(plan));
    let broken = Sipp::agent(&place, "agent_rings", ALICE).start();
    let agent = Sipp::agent(&place, "agent_answers", BOB).start();
    let mut caller = Phone::new(&place, CARRIER);
    caller.dial();
    caller.expect_progress(180);
    broken.cut();
    caller.expect(200);
    caller.hang_up();
    agent.succeeds();
    switch.stop_with(&[TALKED]);
}

#[test]
fn stopped_switch_hangs_up_on_both_sides_and_records_each_call_once() {
    let place = Place::new();
    let config = Config::alice().with(
        "[[plan]]\nname = \"other\"\ntenant = \"acme\"\nagents = [\"bob\"]\n\
         [[number]]\ndid = \"+12025550101\"\nplan = \"other\"\n",
    );
    let switch = Switch::start(&place, &config);
    let (mut caller, mut agent) = (Phone::new(&place, CARRIER), Phone::new(&place, ALICE));
    connect(&mut caller, &mut agent);
    let (mut waiting, mut ringing) = (Phone::new(&place, CARRIER + 1), Phone::new(&place, BOB));
    waiting.dial_to("+12025550101", "");
    ringing.expect_request("INVITE");
    ringing.answer(180, "Ringing", "", "");
    waiting.expect_progress(180);

    switch.signal(Signal::SIGTERM);
    for phone in [&mut caller, &mut agent] {
        let bye = phone.expect_bye();
        assert_eq!(bye.header("Reason"), "SIP;cause=503;text=\"stopped\"");
    }
    waiting.expect(503);
    ringing.expect_request("CANCEL");
    ringing.answer(200, "OK", "", "");
    ringing.refuse_call(487, "Request Terminated");
    let records = switch.stop_with(&[
        (Ending::Answered, 200, Cause::Stopped),
        (Ending::Failed, 503, Cause::Stopped),
    ]);
    assert!(
        records
            .iter()
            .all(|record| record.outcome.hung_up_by == Some(Side::Switch))
    );
}

#[test]
fn stopped_switch_sends_a_bye_again_that_was_lost_and_ends_once_it_is_answered() {
    let (_place, mut switch, mut caller, mut agent) = talking();
    switch.signal(Signal::SIGTERM);
    agent.expect_bye();
    let lost = caller.expect_request("BYE");
    assert!(switch.is_running(), "an answer is still to come");
    let again = caller.expect_bye();
    assert_eq!(again.header("Via"), lost.header("Via"), "the same transaction");
    switch.stop_with(&[(Ending::Answered, 200, Cause::Stopped)]);
}

#[test]
fn stopped_switch_does_not_wait_long_for_phones_that_do_not_answer() {
    let (_place, switch, caller, agent) = talking();
    drop((caller, agent));
    switch.stop_with(&[(Ending::Answered, 200, Cause::Stopped)]);
}

#[test]
fn answer_that_is_never_acknowledged_ends_the_call() {
    let place = Place::new();
    // 64 times T1 is the time an ACK may take: 3.2 s here.
    let config = Config::alice().with("[timers]\nt1 = \"50ms\"\nt2 = \"400ms\"\n");
    let switch = Switch::start(&place, &config);
    let (mut caller, mut agent) = (Phone::new(&place, CARRIER), Phone::new(&place, ALICE));
    caller.dial();
    agent.answer_call();
    agent.expect_request("ACK");
    let bye = caller.expect_bye();
    assert!(bye.header("Reason").contains("caller_lost"), "{}", bye.text());
    agent.expect_bye();
    switch.stop_with(&[(Ending::Answered, 200, Cause::CallerLost)]);
}

#[test]
fn anchored_call_without_audio_is_taken_as_dead() {
    let place = Place::new();
    let config = Config {
        media: "anchor = true\ndead_after = \"5s\"",
        ..Config::alice()
    };
    let switch = Switch::start(&place, &config);
    let (mut caller, mut agent) = (Phone::new(&place, CARRIER), Phone::new(&place, ALICE));
    connect(&mut caller, &mut agent);
    let bye = caller.expect_bye();
    assert!(bye.header("Reason").contains("_lost"), "{}", bye.text());
    agent.expect_bye();
    let records = switch.stop();
    assert_eq!(records.len(), 1);
    assert!(
        matches!(records[0].outcome.cause, Cause::CallerLost | Cause::CalleeLost),
        "{:?}",
        records[0].outcome
    );
}

#[test]
fn killed_switch_starts_again_with_the_calls_it_had_recorded() {
    let place = Place::new();
    let config = Config::alice();
    let (mut caller, mut agent) = (Phone::new(&place, CARRIER), Phone::new(&place, ALICE));
    let switch = Switch::start(&place, &config);
    connect(&mut caller, &mut agent);
    caller.hang_up();
    agent.expect_bye();
    switch.shows("ringfence_records_written_total 1");
    switch.signal(Signal::SIGKILL);
    drop(switch);
    let switch = Switch::start(&place, &config);
    assert_eq!(switch.stop().len(), 1);
}
