//! The configurations that ship are whole, and the reference is the one that the program makes.

use std::path::PathBuf;

use call_model::{Called, E164};
use routing::{Directory, SourceText, normalise, reference};

#[test]
fn example_is_a_whole_configuration() {
    let directory = load("example.toml");
    let trunk = directory.trunk_of("192.0.2.5".parse().unwrap()).unwrap();
    let dialled = normalise::Address::Sip {
        user: b"2025550100",
        host: b"127.0.0.1",
    };
    let Called::Number(did) = normalise::called(dialled, &trunk.dialling, &directory.emergency) else {
        panic!("the number is national in country 1")
    };
    assert_eq!(did, E164::parse(b"+12025550100").unwrap());
    let plan = directory.number(did).unwrap().plan.unwrap();
    assert_eq!(directory.plan(plan).unwrap().agents.len(), 2);
}

#[test]
fn reference_is_a_whole_configuration() {
    let directory = load("reference.toml");
    assert_eq!(directory.listeners.len(), 1);
    assert_eq!(directory.number_count(), 1);
}

#[test]
fn reference_is_what_the_settings_say() {
    let shipped = std::fs::read_to_string(folder().join("reference.toml")).unwrap();
    assert!(
        shipped == reference(),
        "configs/reference.toml differs: write it again with `cargo xtask reference`"
    );
}

fn load(name: &str) -> Directory {
    let path = folder().join(name);
    let text = std::fs::read_to_string(&path).expect("the configuration is shipped");
    let files = [SourceText {
        name: path.display().to_string(),
        text,
    }];
    Directory::load(&files, &[], &mut |path| std::fs::read(path)).expect("the configuration is whole")
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../configs")
}
