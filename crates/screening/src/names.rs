//! Patterns over the caller's name.

use std::fmt;

/// The most bytes of a pattern, and of the part of a name that is looked at.
const NAME_BYTES_MAX: usize = 64;

/// A caller's name to look for: exact, or with `*` for any run of characters; case and spacing do not matter.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct CnamPattern {
    written: Box<str>,
    folded: Box<str>,
}

/// Names are personal data: only how long the pattern is.
impl fmt::Debug for CnamPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CnamPattern({} bytes)", self.written.len())
    }
}

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CnamFault {
    /// Nothing but `*` and space: it would hit every caller with a name.
    #[error("a name pattern has at least one character that is not *")]
    MatchesAll,
    /// More than 64 bytes: no name is that long.
    #[error("{0} bytes, a name pattern has at most 64")]
    TooLong(usize),
}

impl CnamPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// A [`CnamFault`] that names what is wrong.
    pub fn parse(text: &str) -> Result<Self, CnamFault> {
        let written = text.trim();
        if written.len() > NAME_BYTES_MAX {
            return Err(CnamFault::TooLong(written.len()));
        }
        let folded = fold(written);
        if folded.chars().all(|c| c == '*' || c == ' ') {
            return Err(CnamFault::MatchesAll);
        }
        Ok(Self {
            written: written.into(),
            folded: folded.into(),
        })
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Whether the pattern holds a `*`.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.folded.contains('*')
    }

    /// Whether a name matches.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.matches_folded(&fold(name))
    }

    pub(crate) fn folded(&self) -> &str {
        &self.folded
    }

    /// Whether a folded name matches: greedy, falling back to the last `*`, at most pattern × name steps.
    pub(crate) fn matches_folded(&self, name: &str) -> bool {
        let (pattern, name) = (self.folded.as_bytes(), name.as_bytes());
        let (mut p, mut n) = (0, 0);
        let mut last_star: Option<(usize, usize)> = None;
        while n < name.len() {
            match pattern.get(p) {
                Some(b'*') => {
                    last_star = Some((p, n));
                    p += 1;
                }
                Some(byte) if *byte == name[n] => {
                    p += 1;
                    n += 1;
                }
                _ => match last_star {
                    Some((star, taken)) => {
                        last_star = Some((star, taken + 1));
                        p = star + 1;
                        n = taken + 1;
                    }
                    None => return false,
                },
            }
        }
        pattern[p..].iter().all(|byte| *byte == b'*')
    }
}

/// Lower case, runs of white space as one space, none at the ends, at most 64 bytes of the text.
pub(crate) fn fold(text: &str) -> String {
    let mut end = text.len().min(NAME_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut folded = String::with_capacity(end);
    for word in text[..end].split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.extend(word.chars().flat_map(char::to_lowercase));
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(pattern: &str, name: &str) -> bool {
        CnamPattern::parse(pattern).unwrap().matches(name)
    }

    #[test]
    fn exact_name_matches_whatever_its_case_and_spacing() {
        assert!(hits("Solar Savings", "SOLAR  SAVINGS "));
        assert!(hits("Müller", "MÜLLER"));
        assert!(!hits("Solar Savings", "Solar Savings Ltd"));
    }

    #[test]
    fn star_stands_for_any_run_of_characters() {
        assert!(hits("*solar*", "Best Solar Deals"));
        assert!(hits("v*scam", "V1234 scam"));
        assert!(hits("a*b*c", "aXbXbc"));
        assert!(hits("solar*", "solar"));
        assert!(!hits("solar*", "my solar"));
        assert!(!hits("a*b*c", "acb"));
    }

    #[test]
    fn pattern_that_would_hit_everyone_is_refused() {
        assert_eq!(CnamPattern::parse("*"), Err(CnamFault::MatchesAll));
        assert_eq!(CnamPattern::parse(" ** * "), Err(CnamFault::MatchesAll));
        assert_eq!(CnamPattern::parse(""), Err(CnamFault::MatchesAll));
        assert_eq!(CnamPattern::parse(&"x".repeat(65)), Err(CnamFault::TooLong(65)));
    }

    #[test]
    fn hostile_pattern_and_name_end_soon() {
        let pattern = CnamPattern::parse(&"*a".repeat(32)).unwrap();
        assert!(!pattern.matches(&"a".repeat(31)));
        assert!(pattern.matches(&"a".repeat(64)));
        assert!(
            !CnamPattern::parse("*aaaaaaaaaaaaaaaaaaaaaaaab*")
                .unwrap()
                .matches(&"a".repeat(5000))
        );
    }
}
