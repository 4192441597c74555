//! A key of a telephone.

use std::fmt;

/// One of the sixteen DTMF keys: `0`–`9`, `*`, `#`, `A`–`D`.
///
/// Keys may be card data or a PIN, so `Debug` does not show which.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Digit(u8);

impl Digit {
    /// From the event code of RFC 4733 §3.2: 0–9, 10 `*`, 11 `#`, 12–15 `A`–`D`.
    pub fn from_event_code(code: u8) -> Option<Digit> {
        (code < 16).then_some(Digit(code))
    }

    /// From the character on the key; `a`–`d` count as `A`–`D`.
    pub fn from_char(key: char) -> Option<Digit> {
        let key = key.to_ascii_uppercase();
        let at = KEYS.iter().position(|&k| char::from(k) == key)?;
        u8::try_from(at).ok().map(Digit)
    }

    /// The event code of RFC 4733 §3.2.
    pub fn event_code(self) -> u8 {
        self.0
    }

    /// The character on the key.
    pub fn as_char(self) -> char {
        char::from(KEYS[usize::from(self.0 & 15)])
    }
}

impl fmt::Debug for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digit(_)")
    }
}

const KEYS: &[u8; 16] = b"0123456789*#ABCD";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_keeps_its_event_code_and_character() {
        for code in 0..16 {
            let digit = Digit::from_event_code(code).unwrap();
            assert_eq!(Digit::from_char(digit.as_char()), Some(digit));
            assert_eq!(digit.event_code(), code);
        }
        assert_eq!(Digit::from_event_code(16), None, "flash is an event but no key");
        assert_eq!(Digit::from_char('b').map(Digit::as_char), Some('B'));
        assert_eq!(Digit::from_char('x'), None);
    }

    #[test]
    fn a_key_is_masked_in_debug_output() {
        assert_eq!(format!("{:?}", Digit::from_char('7').unwrap()), "Digit(_)");
    }
}
