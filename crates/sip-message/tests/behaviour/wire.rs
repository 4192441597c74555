//! Every file under `tests/wire` at the root of the repository, with what reading it must give.
//!
//! `table.tsv` has one line per file. `refused` is what [`Index::parse`] says, `unfit` what
//! [`Message::check_mandatory`] says; everything else is a message that is accepted, in short.

use std::collections::BTreeMap;

use sip_message::{Index, Limits, Message};

use crate::fixtures::{wire_files, wire_table};

#[test]
fn every_wire_file_is_listed_and_reads_as_the_table_says() {
    let table = wire_table();
    let mut listed: BTreeMap<&str, &str> = table.lines().filter_map(|line| line.split_once('\t')).collect();
    assert_eq!(
        listed.len(),
        table.lines().count(),
        "each line is a file, a tab and a reading, once"
    );
    let mut wrong = Vec::new();
    for (file, bytes) in wire_files() {
        let found = reading(&bytes);
        if listed.remove(file.as_str()) != Some(&found) {
            wrong.push(format!("{file}\t{found}"));
        }
    }
    assert!(listed.is_empty(), "listed but not there: {:?}", listed.keys());
    assert!(
        wrong.is_empty(),
        "these files are not listed, or read differently now:\n{}",
        wrong.join("\n")
    );
}

fn reading(bytes: &[u8]) -> String {
    let mut index = Index::new(Limits::default());
    match index.parse(bytes) {
        Err(error) => format!("refused {} {}", error.status(), error.cause()),
        Ok(message) => match message.check_mandatory() {
            Err(error) => format!("unfit {} {}", error.status(), error.cause()),
            Ok(()) => facts(&message),
        },
    }
}

fn facts(message: &Message<'_>) -> String {
    let from = message.from().expect("the message was found fit");
    let start = match message.status() {
        Some(status) => format!("{status} {}", message.reason_phrase().escape_ascii()),
        None => format!("{} {}", message.method(), message.request_uri().escape_ascii()),
    };
    format!(
        "{start} | from {} tag {} to {} | {} headers, {} vias, {} contacts, body of {}",
        from.uri.escape_ascii(),
        from.tag().unwrap_or(b"(none)").escape_ascii(),
        message
            .to()
            .expect("the message was found fit")
            .uri
            .escape_ascii(),
        message.headers().count(),
        message.vias().count(),
        message.contacts().count(),
        message.body().len()
    )
}
