//! What the pages say of the code.

use std::collections::BTreeSet;

use crate::checkout::{files, root, text};

#[test]
fn links_between_pages_lead_somewhere() {
    for page in pages() {
        let folder = root().join(&page).parent().unwrap().to_owned();
        for link in text(&page).split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap();
            if !target.is_empty() && !target.contains("://") {
                assert!(folder.join(target).exists(), "{page} links to {target}");
            }
        }
    }
}

#[test]
fn the_architecture_page_can_be_read_in_one_sitting() {
    let lines = text("ARCHITECTURE.md").lines().count();
    assert!(lines <= 300, "ARCHITECTURE.md has {lines} lines, at most 300");
}

/// The life of a call names a file for each step.
#[test]
fn files_that_the_architecture_page_names_exist() {
    for word in text("ARCHITECTURE.md").split('`').skip(1).step_by(2) {
        if word.starts_with("crates/") || word.starts_with("configs/") || word.starts_with("docs/") {
            assert!(root().join(word).exists(), "ARCHITECTURE.md names {word}");
        }
    }
}

#[test]
fn each_deviation_names_a_test_that_stands() {
    let tests: BTreeSet<String> = files(&["crates"], &[".rs"])
        .iter()
        .flat_map(|file| functions(&text(file)))
        .collect();
    let page = text("docs/deviations.md");
    let named: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("- Test: "))
        .flat_map(|names| names.split('`').skip(1).step_by(2))
        .collect();
    assert!(!named.is_empty(), "docs/deviations.md names no test");
    for name in named {
        assert!(
            tests.contains(name),
            "docs/deviations.md names {name}, which does not stand"
        );
    }
    let entries = page.lines().filter(|line| line.starts_with("## ")).count();
    let shown = page.lines().filter(|line| line.starts_with("- Test: ")).count();
    assert_eq!(
        entries, shown,
        "each entry of docs/deviations.md has one line `- Test: …`"
    );
}

#[test]
fn decisions_are_dated() {
    for page in files(&["docs/decisions"], &[".md"]) {
        let dated = text(&page).lines().any(|line| line.starts_with("Date: 20"));
        assert!(dated, "{page} has no date");
    }
}

fn pages() -> Vec<String> {
    let mut pages = files(&["deploy", "docs"], &[".md"]);
    pages.extend(
        [
            "ARCHITECTURE.md",
            "BENCHMARKS.md",
            "CHANGELOG.md",
            "CONTRIBUTING.md",
            "README.md",
            "SECURITY.md",
        ]
        .map(str::to_owned),
    );
    pages
}

fn functions(source: &str) -> Vec<String> {
    let starts = source.split("fn ").skip(1);
    starts
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        })
        .collect()
}
