use std::borrow::Cow;
use std::fmt;

use crate::scan::unfold;

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
        if let [letter] = name {
            return from_compact(letter.to_ascii_lowercase());
        }
        if name.is_empty() {
            return Self::Other;
        }
        match NAMES.get(usize::from(SLOTS[slot(name)])) {
            // Nearly every sender writes the canonical case, and equality is the cheaper question.
            Some((known, text)) if name == text.as_bytes() || name.eq_ignore_ascii_case(text.as_bytes()) => {
                *known
            }
            _ => Self::Other,
        }
    }

    /// Whether a message may hold this header once only (RFC 3261 §7.3.1, table of §20).
    pub(crate) const fn stands_once(self) -> bool {
        matches!(
            self,
            Self::From
                | Self::To
                | Self::CallId
                | Self::CSeq
                | Self::MaxForwards
                | Self::ContentLength
                | Self::ContentType
        )
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No name hashes here.
const EMPTY: u8 = u8::MAX;

/// Which name has each slot; built at compile time, where two names in one slot stop the build.
const SLOTS: [u8; 256] = {
    let mut slots = [EMPTY; 256];
    let mut at = 0;
    while at < NAMES.len() {
        let place = slot(NAMES[at].1.as_bytes());
        assert!(
            slots[place] == EMPTY,
            "two header names share a slot: choose other factors"
        );
        assert!(NAMES[at].0 as usize == at, "a name's number is its place");
        slots[place] = at as u8;
        at += 1;
    }
    slots
};

/// Length, first, middle and last letter tell the known names apart; the factors were found by search.
const fn slot(name: &[u8]) -> usize {
    let last = name.len() - 1;
    let middle = name.len() / 2;
    (name.len() * 116
        + (name[0] | 0x20) as usize * 251
        + (name[middle] | 0x20) as usize * 192
        + (name[last] | 0x20) as usize * 49)
        & 0xff
}

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
}
