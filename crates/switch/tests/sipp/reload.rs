//! A configuration that changes while calls are up.

use std::time::Duration;

use call_model::{Cause, Ending};
use nix::sys::signal::Signal;

use crate::midcall::connect;
use crate::phone::Phone;
use crate::place::{ALICE, CALLER, CARRIER, Config, Place};
use crate::sipp::Sipp;
use crate::switch::{Switch, TALKED, run};

#[test]
fn new_block_entry_is_for_the_next_call_and_the_call_that_is_up_goes_on() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::alice());
    let (mut caller, mut agent) = (Phone::new(&place, CARRIER), Phone::new(&place, ALICE));
    connect(&mut caller, &mut agent);

    switch.rewrite(&place, &blocking());
    switch.signal(Signal::SIGHUP);
    switch.shows("ringfence_reloads_total{outcome=\"applied\"} 1");
    let next = Sipp::carrier(&place, "caller_is_refused", CARRIER + 1).set("expected", "607");
    next.start().succeeds();

    let offer = caller.description("sendonly");
    caller.ask("INVITE", "", &offer);
    agent.expect_request("INVITE");
    let answer = agent.description("recvonly");
    agent.answer(200, "OK", "", &answer);
    caller.expect(200);
    agent.expect_request("ACK");
    caller.hang_up();
    agent.expect_bye();
    let records = switch.stop_with(&[TALKED, (Ending::Refused, 607, Cause::OwnerBlocked)]);
    let rulesets: Vec<_> = records
        .iter()
        .map(|record| record.decision.as_ref().unwrap().ruleset.to_string())
        .collect();
    assert_ne!(
        rulesets[0], rulesets[1],
        "each call names the rules it was decided by"
    );
}

#[test]
fn faulty_file_is_refused_whole_and_the_old_one_stays_in_force() {
    let place = Place::new();
    let switch = Switch::start(&place, &blocking());
    switch.rewrite(
        &place,
        &Config::alice().with("[[blocc]]\nnumber = \"+12025550144\"\n"),
    );
    switch.signal(Signal::SIGHUP);
    switch.shows("ringfence_reloads_total{outcome=\"refused\"} 1");
    still_blocks(&place);

    let told = switch.command("reload", &[]);
    assert_eq!(told.status.code(), Some(1));
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(
        said.contains("blocc") && said.contains("ringfence.toml:"),
        "{said}"
    );
    still_blocks(&place);
    switch.stop_with(&[(Ending::Refused, 607, Cause::OwnerBlocked); 2]);
}

#[test]
fn reload_by_command_applies_the_file_and_says_so() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::alice());
    switch.rewrite(&place, &blocking());
    let told = switch.command("reload", &[]);
    assert!(told.status.success(), "{told:?}");
    assert!(String::from_utf8_lossy(&told.stdout).starts_with("applied; ruleset "));
    still_blocks(&place);
    switch.stop_with(&[(Ending::Refused, 607, Cause::OwnerBlocked)]);
}

#[test]
fn caller_blocked_by_command_is_refused_until_unblocked() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::alice());
    assert!(
        switch
            .command("block", &[CALLER, "--by", "front desk"])
            .status
            .success()
    );
    still_blocks(&place);
    assert!(switch.command("unblock", &[CALLER]).status.success());
    let (mut caller, mut agent) = (Phone::new(&place, CARRIER), Phone::new(&place, ALICE));
    connect(&mut caller, &mut agent);
    caller.hang_up();
    agent.expect_bye();
    let records = switch.stop_with(&[TALKED, (Ending::Refused, 607, Cause::OwnerBlocked)]);
    assert_eq!(records.len(), 2);
}

#[test]
fn change_that_needs_a_restart_is_refused_with_that_reason() {
    let place = Place::new();
    let switch = Switch::start(&place, &blocking());
    switch.rewrite(
        &place,
        &Config {
            switch: "shards = 2",
            ..Config::alice()
        },
    );
    let told = switch.command("reload", &[]);
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    assert!(
        String::from_utf8_lossy(&told.stderr).contains("restart"),
        "{told:?}"
    );
    still_blocks(&place);
    switch.stop_with(&[(Ending::Refused, 607, Cause::OwnerBlocked)]);
}

#[test]
fn faulty_configuration_never_starts() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::alice());
    switch.rewrite(&place, &Config::alice().with("[[nonsense]]\nx = 1\n"));
    let told = switch.command("serve", &[]);
    assert!(!told.status.success());
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(said.contains("nonsense"), "{said}");
    assert!(switch.stop().is_empty());
}

#[test]
fn second_switch_on_the_same_data_ends_at_once_and_takes_no_call_from_the_first() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::alice().with("[detective]\nenabled = false\n"));
    let agent = Sipp::agent(&place, "agent_answers", ALICE).calls(80, 1).start();
    let callers: Vec<_> = (0..4)
        .map(|at| {
            Sipp::carrier(&place, "caller_hangs_up", CARRIER + at)
                .calls(20, 10)
                .pause(Duration::from_millis(100))
                .start()
        })
        .collect();
    for _ in 0..4 {
        let second = switch.command("serve", &[]);
        assert_eq!(second.status.code(), Some(3));
        let said = String::from_utf8_lossy(&second.stderr).into_owned();
        assert!(said.contains("another switch runs"), "{said}");
    }
    for caller in callers {
        caller.succeeds();
    }
    agent.succeeds();
    assert!(
        switch.command("reload", &[]).status.success(),
        "the first still hears commands"
    );
    switch.stop_with(&[TALKED; 80]);
}

#[test]
fn second_switch_on_the_same_address_does_not_start() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::alice());
    let second = run("serve", &[], &place.write_for_another(&Config::alice()));
    assert_eq!(second.status.code(), Some(3));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(
        said.contains(&format!("cannot listen at {}", place.sip())),
        "{said}"
    );
    assert!(switch.stop().is_empty());
}

#[test]
fn reloads_while_calls_come_lose_none() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::alice().with("[detective]\nenabled = false\n"));
    let agent = Sipp::agent(&place, "agent_answers", ALICE).calls(60, 1).start();
    let caller = Sipp::carrier(&place, "caller_hangs_up", CARRIER)
        .calls(60, 40)
        .pause(Duration::from_millis(300))
        .start();
    for round in 0..5 {
        let note = format!("[detective]\nenabled = false\n[[block]]\nnumber = \"+1202555019{round}\"\n");
        switch.rewrite(&place, &Config::alice().with(&note));
        assert!(switch.command("reload", &[]).status.success());
    }
    caller.succeeds();
    agent.succeeds();
    switch.shows("ringfence_reloads_total{outcome=\"applied\"} 5");
    switch.stop_with(&[TALKED; 60]);
}

fn blocking() -> Config {
    Config::alice().with(&format!("[[block]]\nnumber = \"{CALLER}\"\n"))
}

fn still_blocks(place: &Place) {
    let mut caller = Phone::new(place, CARRIER);
    caller.dial();
    caller.expect(607);
}
