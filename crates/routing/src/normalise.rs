//! Numbers as carriers write them, read into international form.
//!
//! Read are `+…`, `00…`, `011…` (country 1), and what a trunk's country makes of the rest: in country 1 ten digits are
//! national; elsewhere digits behind the national prefix are national, and digits without it are international with
//! the `+` left out, unless the country has no national prefix. Nothing is guessed beyond that: a short code, or a
//! national number where no country is known, is kept as text, since it is neither a number nor malformed.

use call_model::{Called, Caller, E164};
use screening::impossible;

use crate::settings::{Country, Dialling, EmergencySettings};

/// A caller's or a called address, taken from a URI, still in its own bytes.
#[derive(Clone, Copy, Debug)]
pub enum Address<'a> {
    /// A `sip:` or `sips:` URI.
    Sip {
        /// The user part with its parameters, percent-encoding untouched; empty where there is none.
        user: &'a [u8],
        /// The host, without port.
        host: &'a [u8],
    },
    /// What follows `tel:` (RFC 3966), parameters included.
    Tel(&'a [u8]),
    /// What follows `urn:`: `service:sos` (RFC 5031).
    Urn(&'a [u8]),
    /// A URI of another scheme, whole.
    Other(&'a [u8]),
}

/// Reads who is called.
#[must_use]
pub fn called(address: Address<'_>, dialling: &Dialling, emergency: &EmergencySettings) -> Called {
    let dialled = match address {
        Address::Sip { user, .. } => user,
        Address::Tel(number) => number,
        Address::Urn(urn) if is_emergency_urn(urn) => return Called::Emergency(in_text(b"urn:", urn)),
        Address::Urn(urn) => return Called::Other(in_text(b"urn:", urn)),
        Address::Other(uri) => return Called::Other(in_text(b"", uri)),
    };
    let (number, parameters) = split_parameters(dialled);
    if let Some(digits) = Digits::read(number)
        && emergency.is_emergency(digits.as_bytes())
    {
        return Called::Emergency(String::from_utf8_lossy(digits.as_bytes()).into());
    }
    match read(number, parameters, dialling) {
        Reading::Number(number) => Called::Number(number),
        Reading::Text | Reading::Malformed => Called::Other(in_text(b"", number)),
    }
}

/// Reads who calls.
#[must_use]
pub fn caller(address: Address<'_>, dialling: &Dialling) -> Caller {
    let shown = match address {
        // RFC 3323 §4.1.1.3: the host of a withheld caller.
        Address::Sip { host, .. } if host.eq_ignore_ascii_case(b"anonymous.invalid") => {
            return Caller::Anonymous;
        }
        Address::Sip { user, .. } => user,
        Address::Tel(number) => number,
        Address::Urn(urn) => return Caller::Named(in_text(b"urn:", urn)),
        Address::Other(uri) => return Caller::Named(in_text(b"", uri)),
    };
    let (number, parameters) = split_parameters(shown);
    if number.is_empty() || WITHHELD.iter().any(|word| number.eq_ignore_ascii_case(word)) {
        return Caller::Anonymous;
    }
    match read(number, parameters, dialling) {
        Reading::Number(number) => Caller::Number(number),
        Reading::Text => Caller::Named(in_text(b"", number)),
        Reading::Malformed => Caller::Malformed(in_text(b"", number)),
    }
}

impl EmergencySettings {
    /// Whether these digits, as dialled, are an emergency number.
    #[must_use]
    pub fn is_emergency(&self, digits: &[u8]) -> bool {
        self.numbers.iter().any(|number| number.as_bytes() == digits)
    }
}

/// What carriers write where a caller withholds the number.
const WITHHELD: [&[u8]; 6] = [
    b"anonymous",
    b"unknown",
    b"restricted",
    b"private",
    b"unavailable",
    b"withheld",
];

/// Fewer digits than this without a `+` are a short code, not a whole number.
const DIGITS_MIN: usize = 7;

/// The longest text that is kept of an address that is no number, in bytes.
const TEXT_BYTES_MAX: usize = 64;

enum Reading {
    Number(E164),
    /// A name, a short code, or a national number of no known country.
    Text,
    /// Written as a number, but none can look like that.
    Malformed,
}

fn read(number: &[u8], parameters: &[u8], dialling: &Dialling) -> Reading {
    let global = decoded(number).next() == Some(b'+');
    let Some(digits) = Digits::read(number) else {
        let only_number_like = decoded(number).all(|byte| byte.is_ascii_digit() || is_separator(byte));
        return if global || only_number_like {
            Reading::Malformed
        } else {
            Reading::Text
        };
    };
    let digits = digits.as_bytes();
    if global {
        // Nothing is left to interpret; whether somebody can have it is for screening to say, with its reason.
        return E164::from_digits(digits).map_or(Reading::Malformed, Reading::Number);
    }
    if digits.iter().all(|digit| *digit == b'0') || digits.len() > LONGEST_DIALLED {
        return Reading::Malformed;
    }
    if let Some(context) = phone_context(parameters)
        && let Some(number) = joined(context.as_bytes(), digits)
    {
        return Reading::Number(number);
    }
    if let Some(international) = digits.strip_prefix(b"00") {
        return plausible(international).map_or(Reading::Malformed, Reading::Number);
    }
    if digits.len() < DIGITS_MIN {
        return Reading::Text;
    }
    match &dialling.country {
        Some(country) => in_country(digits, country),
        None if digits[0] == b'0' => Reading::Text,
        None => plausible(digits).map_or(Reading::Malformed, Reading::Number),
    }
}

fn in_country(digits: &[u8], country: &Country) -> Reading {
    if country.code == 1 {
        return in_country_1(digits);
    }
    let code = country.code.to_string();
    let prefix = country.national_prefix.as_bytes();
    let found = match digits.strip_prefix(prefix) {
        Some(national) => joined(code.as_bytes(), national),
        None => plausible(digits),
    };
    found.map_or(Reading::Malformed, Reading::Number)
}

/// The North American Numbering Plan: `011` leads abroad, ten digits are national, `1` may stand before them.
fn in_country_1(digits: &[u8]) -> Reading {
    if let Some(abroad) = digits.strip_prefix(b"011") {
        return plausible(abroad).map_or(Reading::Malformed, Reading::Number);
    }
    match digits.len() {
        // A subscriber's number without its area.
        7 => Reading::Text,
        10 => joined(b"1", digits)
            .or_else(|| plausible(digits))
            .map_or(Reading::Malformed, Reading::Number),
        _ => plausible(digits).map_or(Reading::Malformed, Reading::Number),
    }
}

/// A number that somebody can have.
fn plausible(digits: &[u8]) -> Option<E164> {
    E164::from_digits(digits)
        .ok()
        .filter(|number| impossible(*number).is_none())
}

fn joined(head: &[u8], tail: &[u8]) -> Option<E164> {
    let mut whole = Digits::default();
    head.iter().chain(tail).try_for_each(|digit| whole.push(*digit))?;
    plausible(whole.as_bytes())
}

/// The number, then its parameters: `;npdi;rn=…;phone-context=…` (RFC 3966, RFC 4694).
fn split_parameters(user: &[u8]) -> (&[u8], &[u8]) {
    match user.iter().position(|byte| *byte == b';') {
        Some(at) => (&user[..at], &user[at + 1..]),
        None => (user, &[]),
    }
}

/// The digits of `phone-context=+…` (RFC 3966 §5.1.5); absent where the context is a domain.
fn phone_context(parameters: &[u8]) -> Option<Digits> {
    let value = parameters.split(|byte| *byte == b';').find_map(|parameter| {
        let (name, value) = parameter.split_at_checked(b"phone-context=".len())?;
        name.eq_ignore_ascii_case(b"phone-context=").then_some(value)
    })?;
    (decoded(value).next() == Some(b'+'))
        .then(|| Digits::read(value))
        .flatten()
}

/// RFC 5031: `urn:service:sos` and everything below it.
fn is_emergency_urn(urn: &[u8]) -> bool {
    let Some((head, rest)) = urn.split_at_checked(b"service:sos".len()) else {
        return false;
    };
    head.eq_ignore_ascii_case(b"service:sos") && (rest.is_empty() || rest[0] == b'.')
}

/// The most digits that are dialled for one number: 15, `011` before them, and room to spare.
const LONGEST_DIALLED: usize = 24;

/// Digits with `+` and separators taken out.
#[derive(Default)]
struct Digits {
    bytes: [u8; LONGEST_DIALLED],
    len: usize,
}

impl Digits {
    /// Absent where there is another character, no digit, or more digits than any number has.
    fn read(text: &[u8]) -> Option<Self> {
        let mut digits = Self::default();
        for (at, byte) in decoded(text).enumerate() {
            match byte {
                b'0'..=b'9' => digits.push(byte)?,
                b'+' if at == 0 => {}
                _ if is_separator(byte) => {}
                _ => return None,
            }
        }
        (digits.len > 0).then_some(digits)
    }

    fn push(&mut self, digit: u8) -> Option<()> {
        *self.bytes.get_mut(self.len)? = digit;
        self.len += 1;
        Some(())
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Visual separators (RFC 3966 §3), and the space that some carriers add.
fn is_separator(byte: u8) -> bool {
    matches!(byte, b'-' | b'.' | b'(' | b')' | b' ')
}

/// The bytes with percent-encoding undone (RFC 3986 §2.1); what is no valid escape stays as it is.
fn decoded(text: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (first, after) = rest.split_first()?;
        if *first == b'%'
            && let [high, low, after @ ..] = after
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            rest = after;
            return Some(high << 4 | low);
        }
        rest = after;
        Some(*first)
    })
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|value| value as u8)
}

fn in_text(scheme: &[u8], text: &[u8]) -> Box<str> {
    let bytes: Vec<u8> = scheme
        .iter()
        .copied()
        .chain(decoded(text))
        .take(TEXT_BYTES_MAX)
        .collect();
    let text = String::from_utf8_lossy(&bytes);
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_a_number_is_read_to_the_same_number() {
        let table = [
            ("+12025550143", None, "+12025550143"),
            ("%2B12025550143", None, "+12025550143"),
            ("+1-202-555-0143", None, "+12025550143"),
            ("+1%20(202)%20555.0143", None, "+12025550143"),
            ("12025550143", None, "+12025550143"),
            ("0012025550143", None, "+12025550143"),
            ("2025550143", Some((1, "1")), "+12025550143"),
            ("12025550143", Some((1, "1")), "+12025550143"),
            ("(202) 555-0143", Some((1, "1")), "+12025550143"),
            ("011442079460150", Some((1, "1")), "+442079460150"),
            ("442079460150", Some((1, "1")), "+442079460150"),
            // Ten digits that cannot be national: the area would begin with 4, the exchange with 0.
            ("4930012345", Some((1, "1")), "+4930012345"),
            ("02079460150", Some((44, "0")), "+442079460150"),
            ("442079460150", Some((44, "0")), "+442079460150"),
            ("0012025550143", Some((44, "0")), "+12025550143"),
            ("2079460150", Some((44, "")), "+442079460150"),
            ("+12025550143;npdi;rn=+12025550199", None, "+12025550143"),
            ("2025550143;phone-context=+1", None, "+12025550143"),
            ("2079460150;Phone-Context=%2B44", Some((1, "1")), "+442079460150"),
            (
                "2025550143;phone-context=example.com",
                Some((1, "1")),
                "+12025550143",
            ),
        ];
        for (written, country, expected) in table {
            let expected = Caller::Number(E164::parse(expected.as_bytes()).unwrap());
            assert_eq!(caller_of(written, country), expected, "{written} in {country:?}");
            assert_eq!(
                caller(Address::Tel(written.as_bytes()), &dialling(country)),
                expected,
                "tel:{written}"
            );
        }
    }

    #[test]
    fn what_is_written_as_a_number_but_cannot_be_one_is_malformed() {
        let table = [
            ("+", None),
            ("+1", None),
            ("+0442079460150", None),
            ("+12025550143x", None),
            ("+1234567890123456", None),
            ("0000000000", None),
            ("00", None),
            ("000442", None),
            ("001025550143", None),
            ("11025550143", None),
            ("1234567890123456", None),
            ("12345678901234567890123456789012345678901234567890", None),
            ("()-", None),
            ("1025550143", Some((1, "1"))),
            ("0111234", Some((1, "1"))),
        ];
        for (written, country) in table {
            let expected = Caller::Malformed(in_text(b"", written.as_bytes()));
            assert_eq!(caller_of(written, country), expected, "{written} in {country:?}");
        }
    }

    #[test]
    fn names_short_codes_and_national_numbers_of_no_known_country_stay_text() {
        for (written, country) in [
            ("alice", None),
            ("alice.b%20c", None),
            ("*67", None),
            ("611", None),
            ("11611", Some((44, "0"))),
            ("02079460150", None),
            ("5550143", Some((1, "1"))),
            ("01112", Some((1, "1"))),
            ("1202555014x", None),
        ] {
            let expected = Caller::Named(in_text(b"", written.as_bytes()));
            assert_eq!(caller_of(written, country), expected, "{written} in {country:?}");
        }
    }

    #[test]
    fn withheld_callers_are_anonymous_and_not_malformed() {
        for user in [
            "",
            "anonymous",
            "Anonymous",
            "unknown",
            "Restricted",
            "PRIVATE",
            ";phone-context=+1",
        ] {
            assert_eq!(caller_of(user, None), Caller::Anonymous, "{user}");
        }
        let hidden = Address::Sip {
            user: b"+12025550143",
            host: b"Anonymous.Invalid",
        };
        assert_eq!(caller(hidden, &dialling(None)), Caller::Anonymous);
    }

    #[test]
    fn emergency_is_known_by_number_and_by_urn() {
        let country = Some((1, "1"));
        for written in ["911", "9-1-1", "112", "+911", "911;phone-context=+1"] {
            assert!(
                matches!(called_of(sip(written), country), Called::Emergency(_)),
                "{written}"
            );
            let tel = Address::Tel(written.as_bytes());
            assert!(
                matches!(called_of(tel, country), Called::Emergency(_)),
                "tel:{written}"
            );
        }
        let urn = called_of(Address::Urn(b"service:SOS.police"), None);
        assert_eq!(urn, Called::Emergency("urn:service:SOS.police".into()));
        assert_eq!(
            called_of(Address::Urn(b"service:sos"), None),
            Called::Emergency("urn:service:sos".into())
        );
        let other = called_of(Address::Urn(b"service:sosumi"), None);
        assert_eq!(other, Called::Other("urn:service:sosumi".into()));
        assert_eq!(called_of(sip("9110"), None), Called::Other("9110".into()));
    }

    #[test]
    fn called_text_that_is_no_number_is_kept_as_dialled() {
        assert_eq!(called_of(sip("sales"), None), Called::Other("sales".into()));
        assert_eq!(called_of(sip("+1"), None), Called::Other("+1".into()));
        let long = "x".repeat(200);
        assert_eq!(called_of(sip(&long), None), Called::Other("x".repeat(64).into()));
        let not_text = Address::Sip {
            user: b"caf\xe9\xff",
            host: b"example.com",
        };
        let Called::Other(kept) = called_of(not_text, None) else {
            panic!("no number")
        };
        assert!(kept.len() <= 64 && kept.starts_with("caf"));
    }

    fn sip(user: &str) -> Address<'_> {
        Address::Sip {
            user: user.as_bytes(),
            host: b"example.com",
        }
    }

    fn caller_of(user: &str, country: Option<(u16, &str)>) -> Caller {
        caller(sip(user), &dialling(country))
    }

    fn called_of(address: Address<'_>, country: Option<(u16, &str)>) -> Called {
        let numbers = vec!["911".into(), "112".into()];
        called(
            address,
            &dialling(country),
            &EmergencySettings {
                numbers,
                destination: None,
            },
        )
    }

    fn dialling(country: Option<(u16, &str)>) -> Dialling {
        let country = country.map(|(code, prefix)| Country {
            code,
            national_prefix: prefix.into(),
        });
        Dialling { country }
    }
}
