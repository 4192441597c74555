//! What the checks need beyond Rust, installed where it is missing. A second run does nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::step::{Step, on_path, root};

/// A program that the tests run, and the Debian package that brings it.
struct Needed {
    program: &'static str,
    package: &'static str,
}

const NEEDED: &[Needed] = &[
    // The SIP scenarios of crates/switch/tests: an independent implementation on the other end of real sockets.
    Needed {
        program: "sipp",
        package: "sip-tester",
    },
];

/// The version of cargo-deny that `deny.toml` is written for.
const CARGO_DENY: &str = "0.20.2";

/// Installs the programs that are missing.
///
/// # Errors
/// When a package cannot be installed.
pub(crate) fn install_what_is_missing() -> Result<()> {
    let packages: Vec<&str> = NEEDED
        .iter()
        .filter(|needed| on_path(needed.program).is_none())
        .map(|needed| needed.package)
        .collect();
    if packages.is_empty() {
        println!("packages: nothing is missing");
    } else {
        install_packages(&packages)?;
    }
    if cargo_deny().is_some() {
        println!("cargo-deny: installed");
        return Ok(());
    }
    // It runs for a second: an unoptimised build is up much sooner than an optimised one.
    let folder = tools().display().to_string();
    let version = format!("={CARGO_DENY}");
    Step::cargo(
        "install cargo-deny (some minutes, once)",
        &[
            "install",
            "cargo-deny",
            "--version",
            &version,
            "--locked",
            "--debug",
            "--quiet",
            "--root",
            &folder,
        ],
    )
    .with("CARGO_PROFILE_DEV_DEBUG", "0")
    .run()
}

/// Where cargo-deny is: on the path, or where [`install_what_is_missing`] puts it.
pub(crate) fn cargo_deny() -> Option<PathBuf> {
    let ours = tools().join("bin/cargo-deny");
    on_path("cargo-deny").or_else(|| ours.is_file().then_some(ours))
}

/// Tools live with what is built, so that `cargo clean` removes all that a checkout ever made.
fn tools() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join("tools")
}

fn install_packages(packages: &[&str]) -> Result<()> {
    if on_path("apt-get").is_none() {
        bail!(
            "this is not a Debian system: install what its package {} brings, then run this again",
            packages.join(", ")
        );
    }
    apt_get("update the package lists", &["update", "--quiet", "--quiet"])?;
    let mut arguments = vec![
        "install",
        "--yes",
        "--quiet",
        "--quiet",
        "--no-install-recommends",
    ];
    arguments.extend_from_slice(packages);
    apt_get("install packages", &arguments)
}

/// Runs apt-get, through sudo for anybody but root.
fn apt_get(name: &'static str, arguments: &[&str]) -> Result<()> {
    let step = if is_root() {
        Step::program(name, Path::new("apt-get"), arguments)
    } else {
        let mut behind_sudo = vec!["--preserve-env=DEBIAN_FRONTEND", "apt-get"];
        behind_sudo.extend_from_slice(arguments);
        Step::program(name, Path::new("sudo"), &behind_sudo)
    };
    step.with("DEBIAN_FRONTEND", "noninteractive").run()
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|answer| answer.stdout.trim_ascii() == b"0")
}
