//! The steps that a change must pass, the quick ones first.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::setup;
use crate::step::{Step, on_path, seconds};
use crate::tally::Tally;

/// Runs every step and stops at the first that fails. The last line says how many tests passed.
///
/// # Errors
/// When a step fails, or no test ran.
pub(crate) fn check() -> Result<()> {
    let began = Instant::now();
    Step::cargo("format", &["fmt", "--all", "--check"]).run()?;
    dependencies().run()?;
    Step::cargo(
        "lints",
        &[
            "clippy",
            "--quiet",
            "--workspace",
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ],
    )
    .run()?;
    Step::cargo("documentation", &["doc", "--quiet", "--workspace", "--no-deps"])
        .with("RUSTDOCFLAGS", "--deny warnings")
        .run()?;
    let mut tally = Tally::default();
    Step::cargo(
        "examples in documentation",
        &["test", "--quiet", "--workspace", "--doc"],
    )
    .run_counting(&mut tally)?;
    tests().run_counting(&mut tally)?;
    if tally.is_empty() {
        bail!("no test ran");
    }
    println!("--- everything holds after {}", seconds(began.elapsed()));
    println!("{tally}");
    Ok(())
}

/// Licences, bans, sources. The advisory database is not asked: it lives on a server of its own, and a check must not
/// depend on what was published today.
fn dependencies() -> Step {
    let deny = setup::cargo_deny().unwrap_or_else(|| "cargo-deny".into());
    Step::program(
        "dependencies",
        &deny,
        &["--log-level", "error", "check", "bans", "licenses", "sources"],
    )
}

/// The tests, with nextest where it is installed: it runs them all in parallel. Either runner runs the same tests.
fn tests() -> Step {
    if on_path("cargo-nextest").is_some() {
        Step::cargo(
            "tests",
            &[
                "nextest",
                "run",
                "--workspace",
                "--status-level",
                "fail",
                "--no-fail-fast",
            ],
        )
    } else {
        Step::cargo(
            "tests",
            &[
                "test",
                "--quiet",
                "--workspace",
                "--lib",
                "--bins",
                "--tests",
                "--examples",
                "--no-fail-fast",
            ],
        )
    }
}
