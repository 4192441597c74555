//! What the lints cannot see in the sources.

use crate::checkout::{EDGE, files, room_of, text};

/// A file that is longer is a place where readers get lost.
const LINES_MAX: usize = 700;

#[test]
fn no_file_outgrows_its_reader() {
    for file in files(&["crates"], &[".rs"]) {
        let lines = text(&file).lines().count();
        assert!(
            lines <= LINES_MAX,
            "{file} has {lines} lines, at most {LINES_MAX}: split it"
        );
    }
}

#[test]
fn nothing_is_left_undone_or_switched_off() {
    // In pieces, so that this file does not find itself.
    const UNDONE: &[&str] = &[
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("#[ig", "nore"),
    ];
    for file in files(&["crates"], &[".rs"]) {
        let source = text(&file);
        for undone in UNDONE {
            assert!(!source.contains(undone), "{file} contains {undone}");
        }
    }
}

#[test]
fn no_crate_asks_to_be_excused_from_memory_safety() {
    let excuse = concat!("unsafe", "_code");
    for file in files(&["crates"], &[".rs"]) {
        assert!(!text(&file).contains(excuse), "{file} speaks of {excuse}");
    }
}

#[test]
fn nothing_below_the_edge_sleeps_even_in_tests() {
    for file in files(&["crates"], &[".rs"]) {
        let asleep = text(&file).contains("thread::sleep(");
        assert!(EDGE.contains(&room_of(&file)) || !asleep, "{file} sleeps");
    }
}

/// Numbers of country code 1 are from the range kept for examples (555-0100 to 555-0199), so that no test, sample or
/// demo can ever ring a person. Those that show what cannot be a number are listed.
#[test]
fn no_example_number_can_belong_to_a_person() {
    const IMPOSSIBLE: &[&str] = &[
        "+10025550143",
        "+11025550143",
        "+12021550143",
        "+12025550098",
        "+12025560143",
        "+12029110143",
        "+18004110100",
    ];
    let folders = ["benches", "configs", "crates", "docs", "tests"];
    let endings = [".rs", ".toml", ".txt", ".xml", ".sip", ".md", ".csv"];
    for file in files(&folders, &endings) {
        if file.starts_with("tests/wire/rfc4475/") {
            continue; // printed in the RFC, to the letter
        }
        let source = text_lossy(&file);
        for (at, _) in source.match_indices("+1") {
            let digits: String = source[at + 1..]
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            let number = format!("+{digits}");
            let national = digits.len() == 11;
            let reserved = national && digits[4..].starts_with("55501");
            assert!(
                !national || reserved || IMPOSSIBLE.contains(&number.as_str()),
                "{file} holds {number}, which may be somebody's"
            );
        }
    }
}

/// Wire fixtures need not be UTF-8.
fn text_lossy(path: &str) -> String {
    String::from_utf8_lossy(&std::fs::read(crate::checkout::root().join(path)).unwrap()).into_owned()
}
