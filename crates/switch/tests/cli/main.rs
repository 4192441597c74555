//! The command line from outside: what it prints, and the exit codes that scripts rely on.
#![cfg(test)]

mod place;

use std::fs;
use std::process::Stdio;

use call_model::CallRecord;

use place::Place;

#[test]
fn check_names_every_fault_with_its_place_and_refuses() {
    let place = Place::new();
    place.configure("[[trunk]]\nname = \"a\"\nsources = [\"nowhere\"]\n\n[[plan]]\nnam = \"x\"\n");
    let checked = place.run(&["check"]);
    assert_eq!(checked.code, 1, "{checked:?}");
    for at in [":3:12: ", ":6:1: "] {
        assert!(
            checked.err.contains(&format!("ringfence.toml{at}")),
            "{at}: {checked:?}"
        );
    }
    let json = place.run(&["check", "--json"]).json();
    assert_eq!(json["ok"], false);
    assert!(json["faults"].as_array().unwrap().len() >= 2);
}

#[test]
fn check_of_a_sound_configuration_is_done() {
    let place = Place::new();
    let checked = place.run(&["check"]);
    assert_eq!(checked.code, 0, "{checked:?}");
    assert!(
        checked
            .out
            .contains("no faults; 1 trunk, 1 tenant, 1 plan, 2 tracking numbers")
    );
    assert_eq!(place.run(&["check", "--json"]).json()["ok"], true);
}

#[test]
fn without_a_call_log_the_way_to_one_is_told() {
    let place = Place::new();
    for command in [&["calls"][..], &["explain", "06N3KQ8Z1S00V4XD"]] {
        let ran = place.run(command);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains("there is no call log in"), "{ran:?}");
        assert!(ran.err.contains("ringfence serve"), "{ran:?}");
    }
}

#[test]
fn calls_are_listed_for_people_and_for_scripts() {
    let place = Place::new();
    let ids = place.log_calls();
    let table = place.run(&["calls"]);
    assert_eq!(table.code, 0, "{table:?}");
    let lines: Vec<&str> = table.out.lines().collect();
    assert!(lines[0].starts_with("time (UTC)"), "{table:?}");
    assert_eq!(lines.len(), 5);
    for text in [
        "+12025550143",
        "answered",
        "normal",
        "200",
        "2.0 s",
        "75 s",
        "alice",
    ] {
        assert!(lines[4].contains(text), "{text}: {}", lines[4]);
    }
    let json = place.run(&["calls", "--json", "--oldest-first"]);
    let calls: Vec<CallRecord> = json
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(calls.iter().map(|call| call.id).collect::<Vec<_>>(), ids);
}

#[test]
fn calls_are_filtered_by_everything_that_the_table_shows() {
    let place = Place::new();
    place.log_calls();
    for (filter, expected) in [
        (&["--caller", "+12025550143"][..], 2),
        (&["--caller", "anonymous"], 1),
        (&["--called", "+12025550101"], 1),
        (&["--outcome", "refused"], 1),
        (&["--cause", "owner_blocked"], 1),
        (&["--treatment", "allow"], 3),
        (&["--tenant", "acme"], 4),
        (&["--tenant", "nobody"], 0),
        (&["--trunk", "carrier-a"], 4),
        (&["--since", "1h"], 4),
        (&["--until", "1h"], 0),
        (&["--since", "2020-01-01", "--until", "2020-01-02T00:00:00Z"], 0),
        (&["--limit", "1"], 1),
    ] {
        let ran = place.run(&[&["calls", "--json"], filter].concat());
        assert_eq!(ran.out.lines().count(), expected, "{filter:?}: {ran:?}");
    }
    let none = place.run(&["calls", "--tenant", "nobody"]);
    assert_eq!((none.code, none.out.as_str()), (0, "no such calls\n"));
    for wrong in [
        ["--outcome", "lost"],
        ["--cause", "bad_luck"],
        ["--since", "yore"],
        ["--caller", "12"],
    ] {
        let ran = place.run(&["calls", wrong[0], wrong[1]]);
        assert_eq!(ran.code, 2, "{wrong:?}: {ran:?}");
    }
}

#[test]
fn reader_that_has_seen_enough_is_no_fault() {
    let place = Place::new();
    place.log_calls();
    let mut child = place.command(&["calls"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn call_is_explained_by_the_rules_that_decided() {
    let place = Place::new();
    let ids = place.log_calls();
    // The rules change after the call; those of its time are kept.
    let changed = place.text().replace("asked to stop", "changed since");
    place.configure(&changed);
    let explained = place.run(&["explain", &ids[1].to_string().to_lowercase()]);
    assert_eq!(explained.code, 0, "{explained:?}");
    for text in [
        "Refused: +12025550187 is on the block list: +12025550187 (“asked to stop”).",
        "> block_list.operator",
        "What would have changed the outcome:",
        "without the block entry",
        "What happened: the call was refused with 607 (owner_blocked).",
    ] {
        assert!(explained.out.contains(text), "{text}: {}", explained.out);
    }
    assert!(!explained.out.contains("Note:"), "{}", explained.out);
    let json = place.run(&["explain", &ids[1].to_string(), "--json"]).json();
    assert_eq!(json["rules"]["same"], true);
    assert_eq!(json["explanation"]["treatment"], "reject");
    assert_eq!(json["call"]["outcome"]["status"], 607);
}

#[test]
fn call_whose_rules_are_gone_is_explained_by_the_present_ones_and_says_so() {
    let place = Place::new();
    let mut call = place.calls().remove(0);
    call.decision.as_mut().unwrap().ruleset.0 ^= 1;
    place.store().append(&[call.clone()]).unwrap();
    let explained = place.run(&["explain", &call.id.to_string()]);
    assert_eq!(explained.code, 0, "{explained:?}");
    assert!(
        explained
            .out
            .contains("Note: the rules that decided are no longer kept"),
        "{}",
        explained.out
    );
    assert!(explained.out.contains("alice talked with the caller for 75 s."));
}

#[test]
fn unknown_call_is_refused_and_a_malformed_one_is_a_wrong_command_line() {
    let place = Place::new();
    place.log_calls();
    let unknown = place.run(&["explain", "06N3KQ8Z1S00V4XD"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert!(
        unknown.err.contains("there is no call 06N3KQ8Z1S00V4XD"),
        "{unknown:?}"
    );
    let malformed = place.run(&["explain", "what"]);
    assert_eq!(malformed.code, 2, "{malformed:?}");
    assert!(malformed.err.contains("16 characters"), "{malformed:?}");
    assert_eq!(place.run(&["explain"]).code, 2);
    assert_eq!(place.run(&["explain", "--from", "+12025550143"]).code, 2);
}

#[test]
fn rehearsal_without_a_switch_reads_numbers_as_the_trunk_writes_them() {
    let place = Place::new();
    let national = place.run(&["explain", "--from", "2025550187", "--to", "12025550100"]);
    assert_eq!(national.code, 0, "{national:?}");
    assert!(national.out.starts_with("Refused: +12025550187"), "{national:?}");
    assert!(national.out.contains("no switch runs"), "{national:?}");

    let rehearse = |more: &[&str]| {
        let from_to = ["explain", "--json", "--to", "+12025550100"];
        place.run(&[&from_to, more].concat()).json()["explanation"].clone()
    };
    let stranger = rehearse(&["--from", "+12025550143", "--source", "198.51.100.77"]);
    assert_eq!(stranger["cause"], "unknown_trunk");
    let named = rehearse(&["--from", "anonymous", "--name", "Your Car Warranty"]);
    assert_eq!(named["cause"], "owner_blocked");
    let uri = rehearse(&["--from", "sip:+12025550143@192.0.2.7;user=phone"]);
    assert_eq!(uri["treatment"], "allow");
    let unknown = place.run(&["explain", "--from", "+12025550143", "--to", "1", "--trunk", "b"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert!(
        unknown.err.contains("there is no trunk b; there are: carrier-a"),
        "{unknown:?}"
    );
}

#[test]
fn block_tells_what_it_would_have_stopped_and_unblock_takes_it_off() {
    let place = Place::new();
    place.log_calls();
    let blocked = place.run(&["block", "+12025550143", "--reason", "x", "--expires", "90d"]);
    assert_eq!(blocked.code, 0, "{blocked:?}");
    for text in [
        "blocked: +12025550143, for all calls, until 2",
        "no switch runs: in force as soon as one starts",
        "it would have stopped 2 calls",
        "warning: 1 of them answered and longer than a minute",
        "undo: ringfence unblock +12025550143",
    ] {
        assert!(blocked.out.contains(text), "{text}: {}", blocked.out);
    }
    let rehearsed = place.run(&["explain", "--from", "+12025550143", "--to", "+12025550100"]);
    assert!(rehearsed.out.starts_with("Refused"), "{rehearsed:?}");

    let unblocked = place.run(&["unblock", "+12025550143", "--json"]);
    assert_eq!(unblocked.code, 0, "{unblocked:?}");
    assert_eq!(unblocked.json()["removed"].as_array().unwrap().len(), 1);
    assert_eq!(
        place.run(&["unblock", "+12025550143"]).code,
        1,
        "there is nothing left"
    );
}

#[test]
fn every_selector_blocks_and_its_undo_is_the_one_told() {
    let place = Place::new();
    let ids = place.log_calls();
    let call = ids[0].to_string();
    for (selector, stopped) in [
        (&["--prefix", "+1 (202) 555"][..], 2),
        (&["--name", "*solar*"], 1),
        (&["--name", "*solar*", "--tenant", "acme"], 1),
        (&["--call", &call, "--did", "+12025550101"], 1),
    ] {
        let blocked = place.run(&[&["block", "--json"], selector].concat()).json();
        assert_eq!(
            blocked["would_have_stopped"]["calls"], stopped,
            "{selector:?}: {blocked}"
        );
        let unblocked = place.run(&[&["unblock"], selector].concat());
        assert_eq!(unblocked.code, 0, "{selector:?}: {unblocked:?}");
    }
}

#[test]
fn what_cannot_be_blocked_is_refused_with_the_reason() {
    let place = Place::new();
    let ids = place.log_calls();
    let anonymous = ids[3].to_string();
    for (arguments, code, reason) in [
        (&["block"][..], 2, "required"),
        (
            &["block", "+12025550143", "--prefix", "+1202"],
            2,
            "cannot be used with",
        ),
        (&["block", "2025550143"], 2, "begins with +"),
        (&["block", "--name", "***"], 2, "not *"),
        (
            &["block", "+12025550143", "--expires", "2020-01-01"],
            2,
            "past already",
        ),
        (
            &["block", "+12025550143", "--tenant", "acne"],
            1,
            "there are: acme",
        ),
        (
            &["block", "+12025550143", "--did", "+12025550199"],
            1,
            "no tracking number",
        ),
        (&["block", "--call", "06N3KQ8Z1S00V4XD"], 1, "there is no call"),
        (&["block", "--call", &anonymous], 1, "no number to block"),
    ] {
        let ran = place.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {ran:?}");
        assert!(ran.err.contains(reason), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn entry_of_the_files_is_named_with_its_line_since_no_command_removes_it() {
    let place = Place::new();
    let refused = place.run(&["unblock", "+12025550187"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    let line = place
        .text()
        .lines()
        .position(|line| line.contains("+12025550187"))
        .unwrap()
        + 1;
    let told = format!("ringfence.toml:{line}: [[block]] number = \"+12025550187\"");
    assert!(refused.out.contains(&told), "{refused:?}");
}

#[test]
fn running_switch_has_a_block_in_force_at_once_whatever_the_files_have_become() {
    let place = Place::new();
    let switch = place.serve();
    let from = |number: &str| {
        let ran = place.run(&["explain", "--json", "--from", number, "--to", "+12025550100"]);
        ran.json()
    };
    assert_eq!(from("+12025550143")["by"], "the running switch");
    assert_eq!(from("+12025550143")["explanation"]["treatment"], "allow");
    // Somebody is in the middle of an edit.
    let sound = place.text();
    place.configure(&format!("{sound}\n[[block]]\nnumber = \"+120255"));
    let blocked = place.run(&["block", "+12025550143", "--by", "front desk"]);
    assert_eq!(blocked.code, 0, "{blocked:?}");
    assert!(blocked.out.contains("in force now"), "{blocked:?}");
    assert_eq!(from("+12025550143")["explanation"]["cause"], "owner_blocked");
    assert_eq!(place.run(&["reload"]).code, 1);
    place.configure(&sound);
    assert_eq!(place.run(&["reload"]).code, 0);
    assert_eq!(from("+12025550143")["explanation"]["cause"], "owner_blocked");
    let unblocked = place.run(&["unblock", "+12025550143"]);
    assert_eq!(unblocked.code, 0, "{unblocked:?}");
    assert_eq!(from("+12025550143")["explanation"]["treatment"], "allow");
    let nobody = place.run(&["block", "+12025550143", "--tenant", "acne"]);
    assert_eq!(nobody.code, 1, "{nobody:?}");
    switch.stop();
    let gone = place.run(&["reload"]);
    assert_eq!(gone.code, 1, "{gone:?}");
    assert!(gone.err.contains("no switch runs"), "{gone:?}");
}

#[test]
fn block_leaves_alone_what_a_list_file_has_become_until_the_next_reload() {
    let place = Place::new();
    let switch = place.serve();
    let list = place.folder.path().join("blocked.txt");
    std::fs::write(&list, "+12025550151\n").unwrap();
    place.configure(&format!(
        "{}\n[[block_file]]\npath = \"blocked.txt\"\n",
        place.text()
    ));
    assert_eq!(place.run(&["reload"]).code, 0);
    let cause = |number: &str| {
        let ran = place.run(&["explain", "--json", "--from", number, "--to", "+12025550100"]);
        ran.json()["explanation"]["cause"].clone()
    };
    for half_edited in ["+12025550152\n+120255501", "+12025550152\nnobody\n"] {
        std::fs::write(&list, half_edited).unwrap();
        let blocked = place.run(&["block", "+12025550143"]);
        assert_eq!(blocked.code, 0, "{blocked:?}");
        assert!(blocked.out.contains("in force now"), "{blocked:?}");
        assert_eq!(cause("+12025550143"), "owner_blocked");
        assert_eq!(cause("+12025550151"), "owner_blocked");
        assert_eq!(cause("+12025550152"), serde_json::Value::Null);
        let unblocked = place.run(&["unblock", "+12025550143"]);
        assert_eq!(unblocked.code, 0, "{unblocked:?}");
    }
    std::fs::remove_file(&list).unwrap();
    assert_eq!(place.run(&["block", "--prefix", "+1312555"]).code, 0);
    std::fs::write(&list, "+12025550152\n").unwrap();
    assert_eq!(place.run(&["reload"]).code, 0);
    assert_eq!(cause("+12025550152"), "owner_blocked");
    assert_eq!(cause("+12025550151"), serde_json::Value::Null);
    switch.stop();
}

#[test]
fn calls_are_kept_for_as_long_as_the_settings_say_and_a_reload_changes_that() {
    let place = Place::new();
    let recent = place.log_calls();
    for days in [401, 399, 2] {
        place.log_call_of(days);
    }
    let switch = place.serve();
    place.wait_for_calls(recent.len() + 2);
    place.configure(&place.text().replace("[switch]", "[switch]\nkeep_calls = \"30d\""));
    assert_eq!(place.run(&["reload"]).code, 0);
    place.wait_for_calls(recent.len() + 1);
    place.configure(&place.text().replace("30d", "1d"));
    assert_eq!(place.run(&["reload"]).code, 0);
    place.wait_for_calls(recent.len());
    switch.stop();
}

#[test]
fn help_teaches_by_example() {
    let place = Place::new();
    let all = place.run(&["--help"]);
    assert_eq!(all.code, 0);
    assert!(
        all.out.contains("First steps:") && all.out.contains("Exit codes:"),
        "{all:?}"
    );
    for command in [
        "serve", "check", "reload", "calls", "explain", "block", "unblock", "demo",
    ] {
        let help = place.run(&[command, "--help"]);
        assert_eq!(help.code, 0, "{command}");
        assert!(help.out.contains("Examples:"), "{command}: {help:?}");
        assert!(all.out.contains(&format!("  {command} ")), "{command}");
    }
    assert_eq!(place.run(&[]).code, 2);
    assert_eq!(place.run(&["dance"]).code, 2);
}

#[test]
fn version_is_told_to_people_and_scripts() {
    let place = Place::new();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(place.run(&["version"]).out, format!("ringfence {version}\n"));
    let json = place.run(&["version", "--json"]).json();
    assert_eq!(
        (&json["name"], &json["version"]),
        (&"ringfence".into(), &version.into())
    );
}

#[test]
fn demo_shows_every_kind_of_call_and_leaves_nothing_behind() {
    let place = Place::new();
    let shown = place.run(&["demo", "--fast"]);
    assert_eq!(shown.code, 0, "{}\n{}", shown.out, shown.err);
    for text in [
        "presses",
        "is refused: 607 Unwanted",
        "challenge_silent",
        "Pressed the right key.",
        "All 4",
        "Where to look next:",
    ] {
        assert!(shown.out.contains(text), "{text}: {}", shown.out);
    }
    let left = fs::read_dir(place.folder.path().join("tmp")).unwrap().count();
    assert_eq!(left, 0);
}

#[test]
fn kept_demo_can_be_asked_afterwards() {
    let place = Place::new();
    let kept = place.folder.path().join("kept");
    let kept_text = kept.to_str().unwrap();
    let shown = place.run(&["demo", "--fast", "--keep", kept_text]);
    assert_eq!(shown.code, 0, "{}\n{}", shown.out, shown.err);
    let config = kept.join("demo.toml");
    let config = config.to_str().unwrap();
    let calls = place.run(&["calls", "--config", config, "--treatment", "challenge", "--json"]);
    let call: CallRecord = serde_json::from_str(calls.out.lines().next().unwrap()).unwrap();
    let explained = place.run(&["explain", &call.id.to_string(), "--config", config]);
    assert!(explained.out.starts_with("Challenged: "), "{explained:?}");
    let again = place.run(&["demo", "--keep", kept_text]);
    assert_eq!(
        again.code, 1,
        "a folder with something in it is left alone: {again:?}"
    );
}
