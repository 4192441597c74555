//! Prefixes of numbers, and plain sets of both.

use std::fmt;

use call_model::E164;
use foldhash::fast::FixedState;
use hashbrown::HashSet;

/// The leading digits of numbers: 1 to 15, the country code first.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Prefix(u64);

/// A text is no prefix: `+`, 1 to 15 digits, at most one `*` at the end.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a prefix is + and 1 to 15 digits, the first of them not 0")]
pub struct PrefixFault;

impl Prefix {
    /// Reads `+1202` or `+1202*`; the visual separators of RFC 3966 §5.1.1 are passed over.
    ///
    /// # Errors
    /// [`PrefixFault`] where it is neither.
    pub fn parse(text: &str) -> Result<Self, PrefixFault> {
        let digits = text.strip_prefix('+').ok_or(PrefixFault)?;
        let digits = digits.strip_suffix('*').unwrap_or(digits);
        let mut value = 0u64;
        for byte in digits.bytes() {
            match byte {
                b'0'..=b'9' if value < 10u64.pow(14) => value = value * 10 + u64::from(byte - b'0'),
                b'-' | b'.' | b'(' | b')' | b' ' => {}
                _ => return Err(PrefixFault),
            }
            if value == 0 && byte == b'0' {
                return Err(PrefixFault);
            }
        }
        if value == 0 {
            Err(PrefixFault)
        } else {
            Ok(Self(value))
        }
    }

    /// The first digits of a number, or all of them where there are fewer.
    pub(crate) fn of(number: E164, digits: u32) -> Self {
        Self(number.prefix(digits))
    }

    pub(crate) fn digits(self) -> u64 {
        self.0
    }

    /// How many digits it has.
    #[must_use]
    pub fn len(self) -> u32 {
        self.0.ilog10() + 1
    }

    /// Always false: a prefix has digits.
    #[must_use]
    pub fn is_empty(self) -> bool {
        false
    }

    /// Whether a number begins so.
    #[must_use]
    pub fn covers(self, number: E164) -> bool {
        number.len() >= self.len() && number.prefix(self.len()) == self.0
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}*", self.0)
    }
}

/// Numbers and prefixes without any terms: the do-not-originate list.
#[derive(Clone, Default)]
pub struct NumberSet {
    numbers: HashSet<u64, FixedState>,
    prefixes: HashSet<u64, FixedState>,
    prefix_lengths: u16,
}

impl NumberSet {
    /// Adds a number.
    pub fn insert(&mut self, number: E164) {
        self.numbers.insert(number.value());
    }

    /// Adds every number that begins so.
    pub fn insert_prefix(&mut self, prefix: Prefix) {
        self.prefix_lengths |= 1 << prefix.len();
        self.prefixes.insert(prefix.0);
    }

    /// Whether a number is in the set.
    #[must_use]
    pub fn contains(&self, number: E164) -> bool {
        self.numbers.contains(&number.value())
            || (1..=number.len()).any(|length| {
                self.prefix_lengths & (1 << length) != 0 && self.prefixes.contains(&number.prefix(length))
            })
    }

    /// How many numbers and prefixes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len() + self.prefixes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Only how many there are.
impl fmt::Debug for NumberSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NumberSet({})", self.len())
    }
}

impl FromIterator<E164> for NumberSet {
    fn from_iter<I: IntoIterator<Item = E164>>(numbers: I) -> Self {
        Self {
            numbers: numbers.into_iter().map(E164::value).collect(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_is_read_as_owners_write_it() {
        let prefix = Prefix::parse("+1 (202) 555*").unwrap();
        assert_eq!(prefix.to_string(), "+1202555*");
        assert_eq!(prefix.len(), 7);
        assert!(prefix.covers(E164::parse(b"+12025550143").unwrap()));
        assert!(!prefix.covers(E164::parse(b"+1202").unwrap()));
        for wrong in [
            "",
            "+",
            "+*",
            "1202",
            "+0202",
            "+12x",
            "+1**",
            "+1234567890123456",
        ] {
            assert_eq!(Prefix::parse(wrong), Err(PrefixFault), "{wrong}");
        }
    }

    #[test]
    fn set_holds_numbers_and_prefixes() {
        let mut set: NumberSet = (0..10).map(number).collect();
        set.insert(number(10));
        set.insert_prefix(Prefix::parse("+4420").unwrap());
        assert_eq!(set.len(), 12);
        assert!(set.contains(number(10)) && !set.contains(number(11)));
        assert!(set.contains(E164::parse(b"+442079460150").unwrap()));
    }

    fn number(at: u64) -> E164 {
        E164::from_digits(format!("999{at:09}").as_bytes()).unwrap()
    }
}
