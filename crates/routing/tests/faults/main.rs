//! Every fault of the settings is reported at its place, all at once.

mod cases;

use std::io;

use routing::{Directory, FaultAt, SourceText};

use crate::cases::CASES;

/// A whole configuration, to which each case adds what is wrong.
const WHOLE: &str = r#"
[[listen]]
transport = "udp"
address = "127.0.0.1:5060"
[[trunk]]
name = "carrier-a"
sources = ["192.0.2.0/28"]
[[tenant]]
name = "acme"
[[tenant]]
name = "globex"
[[agent]]
name = "alice"
tenant = "acme"
uri = "sip:alice@127.0.0.1:5071"
[[agent]]
name = "zoe"
tenant = "globex"
uri = "sip:zoe@127.0.0.1:5072"
[[plan]]
name = "sales"
tenant = "acme"
agents = ["alice"]
[[number]]
did = "+12025550100"
plan = "sales"
"#;

#[test]
fn every_fault_is_reported_at_its_place_and_alone() {
    let mut wrong = Vec::new();
    for (added, key, message) in CASES {
        let marked = format!("{WHOLE}{added}\n");
        let at = marked.find('¦').unwrap();
        let before = &marked[..at];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|letter| *letter != '\n').count() + 1;
        let text = marked.replace('¦', "");
        let faults = faults_of(&[("whole.toml", &text)]);
        let is_right = |fault: &FaultAt| {
            (fault.line, fault.column, fault.key.as_str()) == (line, column, *key)
                && fault.message.starts_with(message)
        };
        if !matches!(faults.as_slice(), [fault] if is_right(fault)) {
            wrong.push(format!(
                "{added}\nat {line}:{column} {key}: {message}\n{faults:#?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn faults_of_several_files_come_together_in_order() {
    let carriers =
        "[[trunk]]\nname = \"b\"\nsources = [\"192.0.2.300\"]\nburts = 3\n\n[switch]\nshards = 0\n";
    let people = "[switch]\nnode = \"n\"\n[[agent]]\nname = \"bob\"\ntenant = \"nobody\"\nuri = \"sip:bob@127.0.0.1\"\n";
    let faults = faults_of(&[
        ("a.toml", WHOLE),
        ("b/carriers.toml", carriers),
        ("people.toml", people),
    ]);
    let each: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        each,
        [
            "b/carriers.toml:3:12: trunk[0].sources[0]: \"192.0.2.300\" is neither an address nor a network: \"192.0.2.1\", \"192.0.2.0/24\"",
            "b/carriers.toml:4:1: trunk[0].burts: [[trunk]] has no such setting (did you mean \"burst\"?)",
            "b/carriers.toml:7:10: switch.shards: 0 is not within the limits: Whole number, 1 to 64",
            "people.toml:1:1: switch: [switch] stands in b/carriers.toml:6 already, it may stand once",
            "people.toml:5:10: agent[0].tenant: there is no tenant \"nobody\"",
        ]
    );
}

#[test]
fn file_that_is_no_toml_does_not_hide_faults_of_the_others_nor_make_new_ones() {
    let broken = "[[tenant]]\nname = \"initech\n\n[[agent]]\nname = = 3\n";
    let good = "[[agent]]\nname = \"bob\"\ntenant = \"initech\"\nuri = \"sip:bob@nowhere\"\n";
    let faults = faults_of(&[("a.toml", WHOLE), ("broken.toml", broken), ("good.toml", good)]);
    let files: Vec<(&str, usize)> = faults
        .iter()
        .map(|fault| (fault.file.as_str(), fault.line))
        .collect();
    assert!(files.contains(&("broken.toml", 2)), "{faults:#?}");
    assert!(files.contains(&("broken.toml", 5)), "{faults:#?}");
    assert!(files.contains(&("good.toml", 4)), "{faults:#?}");
    assert!(
        !files.contains(&("good.toml", 3)),
        "the tenant may stand in the broken file: {faults:#?}"
    );
}

#[test]
fn column_counts_characters_and_not_bytes() {
    let text = format!("{WHOLE}[[block]]\ncnam = \"Ünüversal ☎\" # é\nnumber = \"é\" \n");
    let faults = faults_of(&[("whole.toml", &text)]);
    assert_eq!(faults.len(), 1);
    let inline = format!(
        "{WHOLE}[[plan]]\nname = \"p\"\ntenant = \"acme\"\nagents = [\"alice\", \"é☎\", \"bert\"]\nring = \"all\"\n"
    );
    let faults = faults_of(&[("whole.toml", &inline)]);
    let places: Vec<usize> = faults.iter().map(|fault| fault.column).collect();
    assert_eq!(places, [20, 26], "{faults:#?}");
}

#[test]
fn empty_configuration_is_a_fault_of_its_own() {
    let faults = faults_of(&[("empty.toml", "")]);
    let each: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        each,
        ["empty.toml:1:1: listen: no [[listen]]: no call could ever come in"]
    );
    assert_eq!(faults_of(&[]).len(), 1);
}

#[test]
fn bad_line_of_a_list_is_reported_in_the_list() {
    let text = format!("{WHOLE}[[block_file]]\npath = \"lists/bad.txt\"\n");
    let files = [SourceText {
        name: "etc/whole.toml".into(),
        text,
    }];
    let list =
        "# callers\n+12025550187\n\n  12025550188 # no plus\r\n+1 (202) 555-0189 # fine\n+1202555o190\n";
    let mut asked = Vec::new();
    let faults = Directory::load(&files, &[], &mut |path| {
        asked.push(path.to_owned());
        Ok(list.into())
    });
    assert_eq!(asked, ["etc/lists/bad.txt"]);
    let each: Vec<String> = faults.unwrap_err().iter().map(ToString::to_string).collect();
    let problem = "block_file[0].path: no number in international form";
    assert_eq!(
        each,
        [
            format!("etc/lists/bad.txt:4:3: {problem}: an international number begins with +"),
            format!(
                "etc/lists/bad.txt:6:1: {problem}: character at byte 7 is neither a digit nor a separator"
            ),
        ]
    );
}

#[test]
fn list_with_nothing_but_faults_shows_twenty_of_them_and_counts_the_rest() {
    let text = format!("{WHOLE}[[block_file]]\npath = \"bad.txt\"\n");
    let files = [SourceText {
        name: "whole.toml".into(),
        text,
    }];
    let faults = Directory::load(&files, &[], &mut |_| Ok(b"x\n".repeat(1000))).unwrap_err();
    assert_eq!(faults.len(), 21);
    assert_eq!(
        faults[20].to_string(),
        "whole.toml:28:8: block_file[0].path: bad.txt has 980 more faults"
    );
}

#[test]
fn tracking_number_twice_in_a_file_is_reported_at_its_line() {
    let text = format!("{WHOLE}[[number]]\ndids_file = \"dids.txt\"\nplan = \"sales\"\n");
    let files = [SourceText {
        name: "whole.toml".into(),
        text,
    }];
    let list = "+12025550101\n+12025550100\n+12025550101\n";
    let faults = Directory::load(&files, &[], &mut |_| Ok(list.into())).unwrap_err();
    let each: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let key = "number[1].dids_file: the tracking number";
    assert_eq!(
        each,
        [
            format!("dids.txt:2:1: {key} +1…00 is in the row at whole.toml:24 already"),
            format!("dids.txt:3:1: {key} +1…01 is in the row at whole.toml:27 already"),
        ]
    );
}

fn faults_of(files: &[(&str, &str)]) -> Vec<FaultAt> {
    let files: Vec<SourceText> = files
        .iter()
        .map(|(name, text)| SourceText {
            name: (*name).into(),
            text: (*text).into(),
        })
        .collect();
    let missing = &mut |_: &str| Err(io::Error::from(io::ErrorKind::NotFound));
    Directory::load(&files, &[], missing).expect_err("the configuration has a fault")
}
