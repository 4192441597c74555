use std::borrow::Cow;
use std::fmt;

use crate::remembered::Place;
use crate::scan::{ListItems, is_lws, is_token, number, skip_lws, span, trim};
use crate::{HeaderName, Method, Params, ParseError};

/// The order of a request in its dialog (RFC 3261 §20.16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// Below 2³¹.
    pub number: u32,
    /// The method of the request.
    pub method: Method<'a>,
}

impl<'a> CSeq<'a> {
    /// Reads the value of a CSeq header.
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let at = |offset| ParseError::Malformed {
            header: HeaderName::CSeq,
            offset,
        };
        let (number, after) = leading_number(value).map_err(|fault| match fault {
            NumberFault::NotDigits => at(0),
            NumberFault::TooLarge => ParseError::CSeqTooLarge,
        })?;
        let method = Method::from_bytes(trim(&value[after..]));
        let unreadable = matches!(method, Method::Other(method) if !all_token(method));
        if unreadable || !value.get(after).is_some_and(|&byte| is_lws(byte)) {
            return Err(at(after));
        }
        if number >= CSEQ_END {
            return Err(ParseError::CSeqTooLarge);
        }
        Ok(Self { number, method })
    }
}

/// A [`CSeq`] whose method is a place in its message.
pub(crate) struct CSeqPlaces {
    number: u32,
    method: Place,
}

impl CSeqPlaces {
    /// `value` is what the CSeq was read from; it ends with the method. `None` when it is not of this message.
    pub(crate) fn of(cseq: &CSeq<'_>, value: &[u8], message: &[u8]) -> Option<Self> {
        let method_at = value.len().checked_sub(cseq.method.as_bytes().len())?;
        Some(Self {
            number: cseq.number,
            method: Place::of(&value[method_at..], message)?,
        })
    }

    pub(crate) fn cseq<'a>(&self, message: &'a [u8]) -> CSeq<'a> {
        CSeq {
            number: self.number,
            method: Method::from_bytes(self.method.part(message)),
        }
    }
}

/// Which provisional a PRACK acknowledges (RFC 3262 §7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RAck<'a> {
    /// The RSeq of the provisional.
    pub rseq: u32,
    /// The CSeq of the request it answered.
    pub cseq: CSeq<'a>,
}

impl<'a> RAck<'a> {
    /// Reads the value of an RAck header.
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let at = |offset| ParseError::Malformed {
            header: HeaderName::RAck,
            offset,
        };
        let (rseq, after) = leading_number(value).map_err(|_fault| at(0))?;
        if !value.get(after).is_some_and(|&byte| is_lws(byte)) {
            return Err(at(after));
        }
        let cseq = CSeq::parse(trim(&value[after..])).map_err(|_fault| at(after))?;
        Ok(Self { rseq, cseq })
    }
}

/// How long a session lives without a refresh (RFC 4028 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionExpires<'a> {
    /// The interval in seconds.
    pub seconds: u32,
    /// `uac` or `uas`, as it came.
    pub refresher: Option<&'a [u8]>,
}

impl<'a> SessionExpires<'a> {
    /// Reads the value of a Session-Expires header.
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let at = |offset| ParseError::Malformed {
            header: HeaderName::SessionExpires,
            offset,
        };
        let (seconds, after) = leading_number(value).map_err(|_fault| at(0))?;
        let mut refresher = None;
        for param in Params::new(&value[after..]) {
            let param = param.map_err(|offset| at(after + offset))?;
            if param.is(b"refresher") {
                refresher = param.value;
            }
        }
        Ok(Self { seconds, refresher })
    }
}

/// Why a call was ended or refused (RFC 3326).
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Reason<'a> {
    /// `SIP`, `Q.850`, `STIR` … as it came.
    pub protocol: &'a [u8],
    /// The `cause` parameter.
    pub cause: Option<u16>,
    /// The `text` parameter as it came, quotes included.
    pub text: Option<&'a [u8]>,
    /// All parameters, from the first `;` on, or empty.
    pub params: &'a [u8],
}

impl<'a> Reason<'a> {
    /// Reads one value of a Reason header.
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let at = |offset| ParseError::Malformed {
            header: HeaderName::Reason,
            offset,
        };
        let value = trim(value);
        let end = span(value, 0, is_token);
        let mut reason = Self {
            protocol: &value[..end],
            cause: None,
            text: None,
            params: &value[end..],
        };
        if end == 0 {
            return Err(at(0));
        }
        for param in Params::new(reason.params) {
            let param = param.map_err(|offset| at(end + offset))?;
            if param.is(b"cause") {
                reason.cause = param
                    .value
                    .and_then(|value| number(value, u32::from(u16::MAX)))
                    .map(|cause| cause as u16);
            } else if param.is(b"text") {
                reason.text = param.value;
            }
        }
        Ok(reason)
    }

    /// The text without quotes and escapes.
    pub fn display_text(&self) -> Option<Cow<'a, [u8]>> {
        Params::new(self.params).find(b"text").map(|param| param.text())
    }
}

impl fmt::Debug for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};cause={:?}", self.protocol.escape_ascii(), self.cause)
    }
}

/// The values of Reason over all lines and comma lists.
#[derive(Clone)]
pub struct Reasons<'a> {
    headers: crate::Headers<'a>,
    items: ListItems<'a>,
}

impl<'a> Reasons<'a> {
    pub(crate) fn new(headers: crate::Headers<'a>) -> Self {
        Self {
            headers,
            items: ListItems::none(),
        }
    }
}

impl<'a> Iterator for Reasons<'a> {
    type Item = Result<Reason<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = loop {
            if let Some(item) = self.items.next() {
                break item;
            }
            self.items = ListItems::new(self.headers.next()?.value);
        };
        Some(
            item.map_err(|offset| ParseError::Malformed {
                header: HeaderName::Reason,
                offset,
            })
            .and_then(Reason::parse),
        )
    }
}

/// Digits that fill the whole value; more than fit read as the greatest number (RFC 3261 §20.19).
pub(crate) fn saturating_seconds(value: &[u8]) -> Option<u32> {
    let digits_only = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    digits_only.then(|| number(value, u32::MAX).unwrap_or(u32::MAX))
}

enum NumberFault {
    NotDigits,
    TooLarge,
}

/// The number a value begins with, and where it ends.
pub(crate) fn leading_u32(value: &[u8]) -> Option<(u32, usize)> {
    leading_number(value).ok()
}

fn leading_number(value: &[u8]) -> Result<(u32, usize), NumberFault> {
    let start = skip_lws(value, 0);
    let end = span(value, start, |byte| byte.is_ascii_digit());
    if end == start {
        return Err(NumberFault::NotDigits);
    }
    let number = number(&value[start..end], u32::MAX).ok_or(NumberFault::TooLarge)?;
    Ok((number, end))
}

fn all_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is_token(byte))
}

/// RFC 3261 §8.1.1.5
const CSEQ_END: u32 = 1 << 31;
