//! Telephone numbers in international form.

use std::fmt;
use std::num::NonZeroU64;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A telephone number in international form: `+`, then 2 to 15 digits (ITU-T E.164).
///
/// Country codes never begin with 0, so the digits fit a `u64` without loss, and `Option<E164>` costs no more
/// than `E164`. `Debug` and `Display` are masked (`+44…50`); [`E164::in_full`] is for the wire and for records.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct E164(NonZeroU64);

/// Why a text is no number in international form.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NumberFault {
    /// The text does not begin with `+`.
    #[error("an international number begins with +")]
    NoPlus,
    /// Fewer than 2 or more than 15 digits.
    #[error("{0} digits, an international number has 2 to 15")]
    Length(usize),
    /// A character that is neither a digit nor a visual separator (`-`, `.`, `(`, `)`, space).
    #[error("character at byte {0} is neither a digit nor a separator")]
    Character(usize),
    /// Country codes never begin with 0.
    #[error("a country code never begins with 0")]
    LeadingZero,
}

impl E164 {
    /// Reads `+` and 2 to 15 digits; the visual separators of RFC 3966 §5.1.1 are passed over.
    ///
    /// # Errors
    /// A [`NumberFault`] that names what is wrong.
    pub fn parse(text: &[u8]) -> Result<Self, NumberFault> {
        match text.split_first() {
            Some((b'+', digits)) => Self::from_digits(digits),
            _ => Err(NumberFault::NoPlus),
        }
    }

    /// Reads 2 to 15 digits that are already in international order, without the `+`.
    ///
    /// # Errors
    /// A [`NumberFault`] that names what is wrong.
    pub fn from_digits(text: &[u8]) -> Result<Self, NumberFault> {
        let (mut value, mut count) = (0u64, 0usize);
        for (at, byte) in text.iter().enumerate() {
            match byte {
                b'0'..=b'9' => {
                    count += 1;
                    if count > Self::DIGITS_MAX {
                        return Err(NumberFault::Length(
                            text.iter().filter(|byte| byte.is_ascii_digit()).count(),
                        ));
                    }
                    if count == 1 && *byte == b'0' {
                        return Err(NumberFault::LeadingZero);
                    }
                    value = value * 10 + u64::from(byte - b'0');
                }
                b'-' | b'.' | b'(' | b')' | b' ' => {}
                _ => return Err(NumberFault::Character(at)),
            }
        }
        if count < 2 {
            return Err(NumberFault::Length(count));
        }
        NonZeroU64::new(value).map(Self).ok_or(NumberFault::LeadingZero)
    }

    /// The most digits an international number has (ITU-T E.164 §6.2.1).
    pub const DIGITS_MAX: usize = 15;

    /// The digits as one number; usable as a key.
    #[must_use]
    pub fn value(self) -> u64 {
        self.0.get()
    }

    /// How many digits the number has.
    #[must_use]
    pub fn len(self) -> u32 {
        self.value().ilog10() + 1
    }

    /// Always false: a number has digits.
    #[must_use]
    pub fn is_empty(self) -> bool {
        false
    }

    /// The first `count` digits, or all of them where there are fewer.
    #[must_use]
    pub fn prefix(self, count: u32) -> u64 {
        self.value() / 10u64.pow(self.len().saturating_sub(count))
    }

    /// Whether the number is in the North American Numbering Plan: country code 1.
    #[must_use]
    pub fn is_nanp(self) -> bool {
        self.prefix(1) == 1
    }

    /// The number in clear, for the wire and for records; never for a log line.
    #[must_use]
    pub fn in_full(self) -> InFull {
        InFull(self)
    }
}

/// Shows a number in clear: `+12025550143`.
#[derive(Clone, Copy)]
pub struct InFull(E164);

impl fmt::Display for InFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0.value())
    }
}

/// Numbers are personal data: logs see at most the first two digits, and the last two.
impl fmt::Display for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = if self.is_nanp() { 1 } else { self.prefix(2) };
        write!(f, "+{head}…{:02}", self.value() % 100)
    }
}

impl fmt::Debug for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for E164 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.in_full())
    }
}

impl<'de> Deserialize<'de> for E164 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(text.as_bytes()).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_is_read_with_and_without_separators() {
        let plain = E164::parse(b"+12025550143").unwrap();
        assert_eq!(E164::parse(b"+1 (202) 555-0143"), Ok(plain));
        assert_eq!(plain.value(), 12_025_550_143);
        assert_eq!(plain.len(), 11);
        assert_eq!(plain.prefix(4), 1202);
        assert_eq!(plain.prefix(40), 12_025_550_143);
    }

    #[test]
    fn each_fault_is_named() {
        assert_eq!(E164::parse(b"12025550143"), Err(NumberFault::NoPlus));
        assert_eq!(E164::parse(b"+0202555"), Err(NumberFault::LeadingZero));
        assert_eq!(E164::parse(b"+12025550143x"), Err(NumberFault::Character(11)));
        assert_eq!(E164::parse(b"+1"), Err(NumberFault::Length(1)));
        assert_eq!(E164::parse(b"+1234567890123456"), Err(NumberFault::Length(16)));
        assert_eq!(E164::parse(b""), Err(NumberFault::NoPlus));
    }

    #[test]
    fn number_is_masked_unless_asked_in_full() {
        let number = E164::parse(b"+442079460150").unwrap();
        assert_eq!(format!("{number} {number:?}"), "+44…50 +44…50");
        assert_eq!(number.in_full().to_string(), "+442079460150");
    }

    #[test]
    fn optional_number_costs_eight_bytes() {
        assert_eq!(size_of::<Option<E164>>(), 8);
    }
}
