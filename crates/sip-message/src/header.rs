use std::borrow::Cow;
use std::fmt;

use crate::scan::unfold;
use crate::word::find;

/// One header of a message, as it came.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Header<'a> {
    /// Which header it is; [`HeaderName::Other`] where only `raw_name` tells.
    pub name: HeaderName,
    /// The name as it came: any case, long or compact.
    pub raw_name: &'a [u8],
    /// The value without white space at its ends; folds inside are kept.
    pub value: &'a [u8],
    /// All bytes of the header, from its name to the CRLF that ends its last fold.
    pub line: &'a [u8],
}

impl<'a> Header<'a> {
    /// The value with each fold made one space (RFC 3261 §7.3.1); borrowed when there is none.
    pub fn unfolded(&self) -> Cow<'a, [u8]> {
        unfold(self.value)
    }
}

impl fmt::Debug for Header<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.name, self.value.len())
    }
}

macro_rules! header_names {
    ($($variant:ident = $text:literal $(/ $compact:literal)?,)+) => {
        /// The headers this switch knows by name, long and compact (RFC 3261 §7.3.3 and the IANA registry).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum HeaderName {
            $(#[doc = concat!("`", $text, "`")] $variant,)+
            /// Any other header; its name is in [`Header::raw_name`].
            Other,
        }

        const NAMES: &[(HeaderName, &str)] = &[$((HeaderName::$variant, $text),)+];

        /// The header a one-letter name stands for.
        const fn from_compact(letter: u8) -> HeaderName {
            match letter {
                $($($compact => HeaderName::$variant,)?)+
                _ => HeaderName::Other,
            }
        }
    };
}

header_names! {
    Via = "Via" / b'v',
    From = "From" / b'f',
    To = "To" / b't',
    CallId = "Call-ID" / b'i',
    CSeq = "CSeq",
    MaxForwards = "Max-Forwards",
    Contact = "Contact" / b'm',
    Route = "Route",
    RecordRoute = "Record-Route",
    ContentLength = "Content-Length" / b'l',
    ContentType = "Content-Type" / b'c',
    ContentEncoding = "Content-Encoding" / b'e',
    ContentDisposition = "Content-Disposition",
    Require = "Require",
    ProxyRequire = "Proxy-Require",
    Supported = "Supported" / b'k',
    Unsupported = "Unsupported",
    Allow = "Allow",
    Authorization = "Authorization",
    ProxyAuthorization = "Proxy-Authorization",
    WwwAuthenticate = "WWW-Authenticate",
    ProxyAuthenticate = "Proxy-Authenticate",
    Expires = "Expires",
    MinExpires = "Min-Expires",
    SessionExpires = "Session-Expires" / b'x',
    MinSe = "Min-SE",
    Reason = "Reason",
    RetryAfter = "Retry-After",
    ReferTo = "Refer-To" / b'r',
    ReferredBy = "Referred-By" / b'b',
    Replaces = "Replaces",
    PAssertedIdentity = "P-Asserted-Identity",
    PPreferredIdentity = "P-Preferred-Identity",
    RemotePartyId = "Remote-Party-ID",
    Privacy = "Privacy",
    Identity = "Identity" / b'y',
    IdentityInfo = "Identity-Info" / b'n',
    Diversion = "Diversion",
    HistoryInfo = "History-Info",
    CallInfo = "Call-Info",
    AlertInfo = "Alert-Info",
    InfoPackage = "Info-Package",
    RecvInfo = "Recv-Info",
    Subject = "Subject" / b's',
    UserAgent = "User-Agent",
    Server = "Server",
    Organization = "Organization",
    Warning = "Warning",
    Accept = "Accept",
    AcceptContact = "Accept-Contact" / b'a',
    RejectContact = "Reject-Contact" / b'j',
    RequestDisposition = "Request-Disposition" / b'd',
    AllowEvents = "Allow-Events" / b'u',
    Event = "Event" / b'o',
    SubscriptionState = "Subscription-State",
    RSeq = "RSeq",
    RAck = "RAck",
    Path = "Path",
    Priority = "Priority",
    ResourcePriority = "Resource-Priority",
    InReplyTo = "In-Reply-To",
    Date = "Date",
    Timestamp = "Timestamp",
}

impl HeaderName {
    /// How many names there are, [`HeaderName::Other`] included.
    pub(crate) const COUNT: usize = NAMES.len() + 1;

    /// The name in its canonical form, `Call-ID`; `Other` for an unknown one.
    pub const fn as_str(self) -> &'static str {
        let place = self as usize;
        if place < NAMES.len() {
            NAMES[place].1
        } else {
            "Other"
        }
    }

    /// The header these bytes name, in any case, long or compact.
    pub fn from_bytes(name: &[u8]) -> Self {
        let mut padded = [0; KEY_BYTES];
        match (name, padded.get_mut(..name.len())) {
            ([letter], _) => from_compact(letter.to_ascii_lowercase()),
            (_, Some(start)) => {
                start.copy_from_slice(name);
                Key::of(&padded, name.len())
                    .namesake()
                    .map(|(_key, known)| *known)
                    .filter(|known| name.eq_ignore_ascii_case(known.as_str().as_bytes()))
                    .unwrap_or(Self::Other)
            }
            (_, None) => Self::Other,
        }
    }

    /// The known header whose name, compact or in its canonical case, stands at `at` with a colon right behind it,
    /// and where that colon is. `None` says nothing: such a name must be read with more care.
    #[inline]
    pub(crate) fn known_at(bytes: &[u8], at: usize) -> Option<(Self, usize)> {
        let rest = bytes.get(at..)?;
        let mut padded = [0; KEY_BYTES];
        let start = rest.first_chunk().unwrap_or_else(|| {
            padded[..rest.len()].copy_from_slice(rest);
            &padded
        });
        let len = find(start, 0, b':')?;
        if len == 1 {
            let name = from_compact(start[0].to_ascii_lowercase());
            return (name != Self::Other).then_some((name, at + 1));
        }
        let key = Key::of(start, len);
        let (known, name) = key.namesake()?;
        known.is(&key).then_some((*name, at + len))
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name in words of eight bytes, with zeros behind it.
#[derive(Clone, Copy)]
struct Key {
    words: [u64; KEY_BYTES / 8],
    /// Tells a zero behind the name from one in it.
    len: usize,
}

impl Key {
    /// The key of the first `len` bytes.
    const fn of(bytes: &[u8; KEY_BYTES], len: usize) -> Self {
        let (chunks, _none) = bytes.as_chunks();
        let mut words = [0; KEY_BYTES / 8];
        let mut at = 0;
        while at * 8 < len {
            let unused = 8usize.saturating_sub(len - at * 8);
            words[at] = u64::from_le_bytes(chunks[at]) << (unused * 8) >> (unused * 8);
            at += 1;
        }
        Self { words, len }
    }

    fn is(&self, other: &Self) -> bool {
        let ([one, two, three], others) = (self.words, other.words);
        let differs = (one ^ others[0]) | (two ^ others[1]) | (three ^ others[2]);
        differs == 0 && self.len == other.len
    }

    /// The one known name that may be this one in another case.
    fn namesake(self) -> Option<&'static (Self, HeaderName)> {
        KEYS.get(usize::from(SLOTS[self.slot()]))
    }

    /// Tells all known names apart, in any case; the factor was found by search.
    const fn slot(self) -> usize {
        const LOWER_CASE: u64 = 0x2020_2020_2020_2020;
        let [one, two, three] = self.words;
        let mixed =
            (one | LOWER_CASE) ^ (two | LOWER_CASE).rotate_left(5) ^ (three | LOWER_CASE).rotate_left(11);
        (mixed.wrapping_mul(0x58f0_6c93_69ce_67e5) >> 56) as usize
    }
}

/// No known name is longer than this less its colon.
const KEY_BYTES: usize = 24;

/// The key of each name.
static KEYS: [(Key, HeaderName); NAMES.len()] = {
    let mut keys = [(Key::of(&[0; KEY_BYTES], 0), HeaderName::Other); NAMES.len()];
    let mut at = 0;
    while at < NAMES.len() {
        let (name, text) = NAMES[at];
        assert!(text.len() < KEY_BYTES, "a name and its colon fit a key");
        assert!(name as usize == at, "a name's number is its place");
        let mut padded = [0; KEY_BYTES];
        padded.split_at_mut(text.len()).0.copy_from_slice(text.as_bytes());
        keys[at] = (Key::of(&padded, text.len()), name);
        at += 1;
    }
    keys
};

/// No name has this slot.
const EMPTY: u8 = u8::MAX;

/// Which name has each slot; built at compile time, where two names in one slot stop the build.
static SLOTS: [u8; 256] = {
    let mut slots = [EMPTY; 256];
    let mut at = 0;
    while at < KEYS.len() {
        let slot = KEYS[at].0.slot();
        assert!(
            slots[slot] == EMPTY,
            "two header names share a slot: choose another factor"
        );
        slots[slot] = at as u8;
        at += 1;
    }
    slots
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_is_found_in_any_case() {
        for (name, text) in NAMES {
            assert_eq!(HeaderName::from_bytes(text.as_bytes()), *name);
            assert_eq!(
                HeaderName::from_bytes(text.to_ascii_uppercase().as_bytes()),
                *name
            );
            assert_eq!(
                HeaderName::from_bytes(text.to_ascii_lowercase().as_bytes()),
                *name
            );
            assert_eq!(name.as_str(), *text);
        }
    }

    #[test]
    fn every_compact_name_of_the_registry_is_found() {
        let compact = "a Accept-Contact b Referred-By c Content-Type d Request-Disposition e Content-Encoding \
            f From i Call-ID j Reject-Contact k Supported l Content-Length m Contact n Identity-Info \
            o Event r Refer-To s Subject t To u Allow-Events v Via x Session-Expires y Identity";
        let words: Vec<&str> = compact.split_whitespace().collect();
        for pair in words.chunks(2) {
            assert_eq!(HeaderName::from_bytes(pair[0].as_bytes()).as_str(), pair[1]);
            assert_eq!(
                HeaderName::from_bytes(pair[0].to_uppercase().as_bytes()).as_str(),
                pair[1]
            );
        }
    }

    #[test]
    fn a_name_that_only_looks_like_a_known_one_is_unknown() {
        for name in [
            "",
            "z",
            "Vib",
            "Frxm",
            "X-From",
            "Call_ID",
            "Content-Lengt",
            "Other",
        ] {
            assert_eq!(HeaderName::from_bytes(name.as_bytes()), HeaderName::Other);
        }
    }

    #[test]
    fn a_name_that_ends_otherwise_than_in_a_colon_is_read_with_more_care() {
        let found = Some((HeaderName::To, 4));
        for line in [
            b"\r\nTo: x".as_slice(),
            b"\r\nTo:",
            b"\r\nTo: sip:alice@example.com\r\n\r\n",
        ] {
            assert_eq!(HeaderName::known_at(line, 2), found);
        }
        assert_eq!(HeaderName::known_at(b"T:", 0), Some((HeaderName::To, 1)));
        for line in [
            "To",
            "To :x",
            "To\0:x",
            "To\0\0\0\0\0\0:x",
            "Call\rID:x",
            ":x",
            "",
            "z:x",
            "TO:x",
            "\0:x",
        ] {
            assert_eq!(HeaderName::known_at(line.as_bytes(), 0), None, "{line:?}");
        }
    }
}
