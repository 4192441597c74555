//! Who may import whom.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, PackageId};

use crate::checkout::{BUSINESS, EDGE, SIP, code_map, crates, imports, metadata, root, text};

#[test]
fn the_code_map_lists_every_crate_with_its_purpose_and_its_imports() {
    let metadata = metadata();
    let crates = crates(&metadata);
    let map = code_map();
    let drawn: BTreeSet<&str> = map.iter().map(|room| room.name.as_str()).collect();
    assert_eq!(
        drawn,
        crates.keys().copied().collect(),
        "rooms drawn, crates that stand"
    );
    for room in &map {
        let package = crates[room.name.as_str()];
        assert_eq!(
            Some(&room.purpose),
            package.description.as_ref(),
            "purpose of {}",
            room.name
        );
        let drawn: BTreeSet<&str> = room.imports.iter().map(String::as_str).collect();
        let mut stand = imports(package, false);
        stand.retain(|name| crates.contains_key(name));
        assert_eq!(drawn, stand, "arrows drawn from {}, arrows that stand", room.name);
        let first_file = root().join("crates").join(&room.name).join(&room.first_file);
        assert!(
            first_file.is_file(),
            "{} sends readers to {}",
            room.name,
            first_file.display()
        );
    }
}

#[test]
fn a_crate_says_what_it_is_in_one_sentence_without_and() {
    for (name, package) in crates(&metadata()) {
        let description = package.description.as_deref().unwrap_or_default();
        assert!(!description.is_empty(), "{name} says nothing");
        assert!(
            !description.contains(" and "),
            "{name} is two rooms: {description}"
        );
        assert!(
            !description.trim_end_matches('.').contains(". "),
            "{name} needs two sentences: {description}"
        );
    }
}

#[test]
fn business_rooms_know_no_sip_even_in_tests() {
    let metadata = metadata();
    let crates = crates(&metadata);
    for room in BUSINESS.iter().chain(&["media"]) {
        let met = imports(crates[room], true);
        assert!(
            !met.iter().any(|name| name.starts_with("sip-")),
            "{room} imports {met:?}"
        );
    }
}

#[test]
fn sip_rooms_know_no_business_even_in_tests() {
    let metadata = metadata();
    let crates = crates(&metadata);
    for room in SIP.iter().chain(&["sip-transport"]) {
        let met = imports(crates[room], true);
        let stranger = met
            .iter()
            .find(|name| BUSINESS.contains(name) || **name == "media");
        assert!(stranger.is_none(), "{room} imports {stranger:?}");
    }
}

#[test]
fn both_columns_meet_in_proxy_and_in_what_carries_it() {
    let mut meeting = Vec::new();
    for (name, package) in crates(&metadata()) {
        let met = imports(package, true);
        let sip = met.iter().any(|name| name.starts_with("sip-"));
        let business = met.iter().any(|name| BUSINESS.contains(name));
        if sip && business {
            meeting.push(name.to_owned());
        }
    }
    assert_eq!(meeting, ["proxy", "sim", "switch"]);
}

#[test]
fn what_waits_is_at_the_edge() {
    const WAITING: &[&str] = &[
        "async-std",
        "axum",
        "hyper",
        "mio",
        "nix",
        "rusqlite",
        "rustix",
        "smol",
        "socket2",
        "tokio",
    ];
    for (name, package) in crates(&metadata()) {
        if EDGE.contains(&name) {
            continue;
        }
        let met = imports(package, true);
        let waiting = met.iter().find(|name| WAITING.contains(name));
        assert!(
            waiting.is_none(),
            "{name} is below the edge and imports {waiting:?}"
        );
    }
}

/// What a room imports may import in turn: nothing that waits, and no source of luck, reaches a room below the edge.
#[test]
fn nothing_below_the_edge_reaches_a_runtime_or_a_source_of_luck() {
    const OUT_OF_REACH: &[&str] = &[
        "fastrand",
        "getrandom",
        "mio",
        "rand",
        "rusqlite",
        "socket2",
        "tokio",
    ];
    let metadata = metadata();
    let resolve = metadata.resolve.as_ref().unwrap();
    let arrows: BTreeMap<&PackageId, Vec<&PackageId>> = resolve
        .nodes
        .iter()
        .map(|node| {
            let normal = node.deps.iter().filter(|dep| {
                dep.dep_kinds
                    .iter()
                    .any(|kind| kind.kind == DependencyKind::Normal)
            });
            (&node.id, normal.map(|dep| &dep.pkg).collect())
        })
        .collect();
    for (name, package) in crates(&metadata) {
        if EDGE.contains(&name) {
            continue;
        }
        let mut reached = BTreeSet::from([&package.id]);
        let mut next = vec![&package.id];
        while let Some(id) = next.pop() {
            next.extend(arrows[id].iter().copied().filter(|id| reached.insert(*id)));
        }
        for id in reached {
            let met = metadata[id].name.as_str();
            assert!(!OUT_OF_REACH.contains(&met), "{name} reaches {met}");
        }
    }
}

#[test]
fn errors_without_a_type_stay_in_the_programs() {
    for (name, package) in crates(&metadata()) {
        let met = imports(package, true);
        assert!(
            ["switch", "xtask"].contains(&name) || !met.contains("anyhow"),
            "{name} imports anyhow"
        );
    }
}

#[test]
fn the_program_imports_no_tool_for_tests() {
    const TOOLS: &[&str] = &[
        "allocation-counter",
        "cargo_metadata",
        "criterion",
        "governor",
        "proptest",
        "rsip",
        "tempfile",
    ];
    for (name, package) in crates(&metadata()) {
        let met = imports(package, false);
        let tool = met.iter().find(|name| TOOLS.contains(name));
        assert!(tool.is_none(), "{name} imports {tool:?} outside its tests");
    }
}

#[test]
fn every_crate_follows_the_lints_of_the_workspace() {
    for name in crates(&metadata()).keys() {
        let manifest: toml::Table = text(&format!("crates/{name}/Cargo.toml")).parse().unwrap();
        let follows = manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"))
            .and_then(toml::Value::as_bool);
        assert_eq!(follows, Some(true), "{name}: [lints] workspace = true");
    }
}

#[test]
fn no_room_has_feature_flags() {
    for (name, package) in crates(&metadata()) {
        assert!(
            package.features.is_empty(),
            "{name} has {:?}",
            package.features.keys()
        );
    }
}

/// A `clippy.toml` in a crate replaces the one at the root, which forbids clock, sockets and threads.
#[test]
fn only_the_edge_is_excused_from_the_ban_on_clock_and_sockets() {
    let metadata = metadata();
    let crates = crates(&metadata);
    let excused = crates
        .keys()
        .filter(|name| root().join("crates").join(name).join("clippy.toml").exists());
    assert_eq!(excused.copied().collect::<Vec<_>>(), EDGE);
    for ban in [
        "Instant::now",
        "SystemTime::now",
        "thread::sleep",
        "thread::spawn",
        "HashMap::iter",
    ] {
        assert!(
            text("clippy.toml").contains(ban),
            "clippy.toml no longer bans {ban}"
        );
    }
}
