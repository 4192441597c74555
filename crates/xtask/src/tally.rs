//! How many tests passed, read from the runners' closing lines.

use std::fmt;

/// Tests counted so far. Shown as `N passed, N failed, N skipped`.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Tally {
    /// Takes a line of output; anything but a closing line is passed over.
    pub(crate) fn read(&mut self, line: &str) {
        // cargo test: `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`
        // Indented it is what a test printed that nextest ran, and counted itself.
        let cargo_test = line.strip_prefix("test result:");
        let line = line.trim();
        // nextest: `Summary [   1.2s] 3 tests run: 2 passed (1 slow), 1 failed, 0 skipped`
        let nextest = line
            .strip_prefix("Summary [")
            .and_then(|rest| rest.split_once("run:"))
            .map(|(_, counts)| counts);
        let Some(counts) = cargo_test.or(nextest) else {
            return;
        };
        let words: Vec<&str> = counts
            .split([' ', ';', ',', '.'])
            .filter(|word| !word.is_empty())
            .collect();
        for pair in words.windows(2) {
            let [count, what] = pair else { continue };
            let Ok(count) = count.parse::<u64>() else { continue };
            match *what {
                "passed" => self.passed += count,
                "failed" | "timed" => self.failed += count,
                "ignored" | "skipped" => self.skipped += count,
                _ => {}
            }
        }
    }

    /// Whether any test ran at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.passed + self.failed == 0
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_both_runners_are_added_up() {
        let mut tally = Tally::default();
        for line in [
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "     Summary [   4.567s] 120 tests run: 119 passed (2 slow), 1 failed, 4 skipped",
        ] {
            tally.read(line);
        }
        assert_eq!(tally.to_string(), "122 passed, 1 failed, 5 skipped");
    }

    #[test]
    fn other_lines_count_for_nothing() {
        let mut tally = Tally::default();
        tally.read("test a_call_that_passed ... ok");
        tally.read("3 passed");
        tally.read("    Starting 120 tests across 20 binaries");
        assert!(tally.is_empty());
    }

    #[test]
    fn a_try_that_failed_before_the_test_passed_is_not_counted_beside_it() {
        let mut tally = Tally::default();
        tally.read("    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 20 filtered out; finished in 1.0s");
        tally.read("     Summary [   4.567s] 120 tests run: 120 passed (1 flaky), 0 skipped");
        assert_eq!(tally.to_string(), "120 passed, 0 failed, 0 skipped");
    }

    #[test]
    fn tests_that_ran_out_of_time_have_failed() {
        let mut tally = Tally::default();
        tally.read("     Summary [   4.567s] 3 tests run: 2 passed, 1 timed out, 0 skipped");
        assert_eq!(tally.to_string(), "2 passed, 1 failed, 0 skipped");
    }
}
