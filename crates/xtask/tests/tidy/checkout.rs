//! The checkout as the tests see it: crates, files, the code map.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// The rooms that may wait: they own sockets, files, threads, and read the clock.
pub(crate) const EDGE: &[&str] = &["admin", "media-io", "sip-transport", "store", "switch", "xtask"];
/// The rooms that know SIP, and no business.
pub(crate) const SIP: &[&str] = &["sip-dialog", "sip-message", "sip-transaction"];
/// The rooms that know the business, and no SIP.
pub(crate) const BUSINESS: &[&str] = &["call-model", "metrics", "routing", "screening"];

/// One row of the code map.
pub(crate) struct Room {
    pub(crate) name: String,
    pub(crate) purpose: String,
    pub(crate) imports: BTreeSet<String>,
    pub(crate) first_file: String,
}

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A text of the checkout, by its path from the root.
pub(crate) fn text(path: &str) -> String {
    let file = root().join(path);
    std::fs::read_to_string(&file).unwrap_or_else(|fault| panic!("{path}: {fault}"))
}

/// What cargo says of the workspace.
pub(crate) fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        // The rules are the same on every platform; one is enough to read.
        .other_options([
            "--filter-platform".to_owned(),
            "x86_64-unknown-linux-gnu".to_owned(),
        ])
        .exec()
        .unwrap()
}

/// The crates of the workspace, by name.
pub(crate) fn crates(metadata: &Metadata) -> BTreeMap<&str, &Package> {
    let packages = metadata.workspace_packages();
    packages
        .into_iter()
        .map(|package| (package.name.as_str(), package))
        .collect()
}

/// What a crate imports directly, in the program alone or for its tests, benches and examples too.
pub(crate) fn imports(package: &Package, with_tests: bool) -> BTreeSet<&str> {
    let wanted = package
        .dependencies
        .iter()
        .filter(|dependency| with_tests || dependency.kind == DependencyKind::Normal);
    wanted.map(|dependency| dependency.name.as_str()).collect()
}

/// The rows of the code map of `ARCHITECTURE.md`.
pub(crate) fn code_map() -> Vec<Room> {
    let page = text("ARCHITECTURE.md");
    let section = page
        .split("\n## ")
        .find(|section| section.starts_with("Code map"))
        .expect("a code map");
    section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(room)
        .collect()
}

fn room(row: &str) -> Room {
    let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
    let [name, purpose, imports, first_file] = cells[..] else {
        panic!("a row of the code map has four cells: {row}");
    };
    let quoted =
        |cell: &str| -> BTreeSet<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    Room {
        name: name.trim_matches('`').to_owned(),
        purpose: purpose.to_owned(),
        imports: quoted(imports),
        first_file: first_file.trim_matches('`').to_owned(),
    }
}

/// All files below some folders of the checkout whose names end in one of these, in order, by their path from the root.
pub(crate) fn files(folders: &[&str], endings: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let shown = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if endings.iter().any(|ending| shown.ends_with(ending)) {
                found.push(shown);
            }
        }
    }
    found.sort();
    found
}

/// The room that a file of `crates/` belongs to.
pub(crate) fn room_of(path: &str) -> &str {
    path.split('/').nth(1).unwrap()
}
