use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use memchr::memchr;

use crate::limits::PARAMS_MAX;
use crate::scan::{is_host, is_uri, is_uri_plain, number, span};
use crate::{Param, ParseError};

/// A URI in its parts, as they came (RFC 3261 §19.1, RFC 3966, RFC 5031).
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Uri<'a> {
    /// The scheme as it came, without the colon.
    pub scheme: &'a [u8],
    /// `sip`, `sips`: what stands before `@`, escapes kept. `tel`: the number with its separators.
    pub user: Option<&'a [u8]>,
    /// `sip`, `sips`: what stands between the first `:` of the user part and `@`.
    pub password: Option<&'a [u8]>,
    /// `sip`, `sips` only.
    pub host: Option<Host<'a>>,
    /// `sip`, `sips` only.
    pub port: Option<u16>,
    /// From the first `;` on, or empty.
    pub params: &'a [u8],
    /// What follows `?`, or empty.
    pub headers: &'a [u8],
    /// Everything after the scheme's colon: all that there is to an `urn` or to an unknown scheme.
    pub opaque: &'a [u8],
    /// The whole URI.
    pub raw: &'a [u8],
}

/// The schemes this crate reads the parts of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// RFC 3261 §19.1
    Sip,
    /// RFC 3261 §19.1
    Sips,
    /// RFC 3966
    Tel,
    /// RFC 8141; RFC 5031 for emergency services
    Urn,
    /// Any other
    Other,
}

/// A host by name or by address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Host<'a> {
    /// A name, as it came.
    Name(&'a [u8]),
    /// A dotted quad.
    V4(Ipv4Addr),
    /// An address that stood in brackets.
    V6(Ipv6Addr),
}

impl<'a> Uri<'a> {
    /// Reads a URI. `sip`, `sips` and `tel` are read in full, others as scheme and opaque part.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let at = |offset| ParseError::UriMalformed { offset };
        let colon = span(bytes, 0, |byte| byte != b':');
        let (scheme, opaque) = (&bytes[..colon], bytes.get(colon + 1..).unwrap_or_default());
        if !is_scheme(scheme) || opaque.is_empty() {
            return Err(at(0));
        }
        let marks = Marks::find(opaque);
        if marks.end < opaque.len() {
            return Err(at(colon + 1 + marks.end));
        }
        let mut uri = Self {
            scheme,
            user: None,
            password: None,
            host: None,
            port: None,
            params: b"",
            headers: b"",
            opaque,
            raw: bytes,
        };
        match uri.kind() {
            Scheme::Sip | Scheme::Sips => uri.read_sip(&marks).map_err(|offset| at(colon + 1 + offset))?,
            Scheme::Tel => uri.read_tel().map_err(|offset| at(colon + 1 + offset))?,
            Scheme::Urn | Scheme::Other => {}
        }
        if uri.params.len() > PARAMS_MAX && uri.uri_params().count() > PARAMS_MAX {
            return Err(ParseError::TooManyParams { max: PARAMS_MAX });
        }
        Ok(uri)
    }

    /// Where the everyday URI at `from` ends: `sip:user@host[:port][;params]` without escapes, password and headers,
    /// up to a byte that no URI may have. [`Uri::parse`] accepts what this finds; `None` says nothing.
    #[inline]
    pub(crate) fn everyday_end(bytes: &[u8], from: usize) -> Option<usize> {
        let user_at = match bytes.get(from..)? {
            [b's', b'i', b'p', b':', ..] => from + 4,
            [b's', b'i', b'p', b's', b':', ..] => from + 5,
            _ => return None,
        };
        let sign = span(bytes, user_at, is_uri_plain);
        let host_at = match bytes.get(sign) {
            Some(b'@') if sign > user_at => sign + 1,
            // No user: what was read is the host.
            Some(b'@') => return None,
            Some(_) | None => user_at,
        };
        let host_end = Host::everyday_end(bytes, host_at)?;
        let port_end = match bytes.get(host_end) {
            Some(b':') => port(bytes, host_end + 1)?.1,
            Some(_) | None => host_end,
        };
        let mut end = port_end;
        while bytes.get(end) == Some(&b';') {
            let name = end + 1;
            end = span(bytes, name, is_uri_plain);
            if end == name || bytes[name] == b'=' || end - port_end > PARAMS_MAX {
                return None;
            }
        }
        let goes_on = bytes.get(end).is_some_and(|&byte| is_uri(byte));
        (!goes_on).then_some(end)
    }

    /// Which scheme this is, in any case.
    pub const fn kind(&self) -> Scheme {
        match self.scheme {
            b"sip" => Scheme::Sip,
            b"sips" => Scheme::Sips,
            b"tel" => Scheme::Tel,
            scheme if scheme.eq_ignore_ascii_case(b"sip") => Scheme::Sip,
            scheme if scheme.eq_ignore_ascii_case(b"sips") => Scheme::Sips,
            scheme if scheme.eq_ignore_ascii_case(b"tel") => Scheme::Tel,
            scheme if scheme.eq_ignore_ascii_case(b"urn") => Scheme::Urn,
            _ => Scheme::Other,
        }
    }

    /// The parameters, in order.
    pub const fn uri_params(&self) -> UriParams<'a> {
        UriParams { rest: self.params }
    }

    /// The value of the first parameter of that name, in any case; empty for one without `=`.
    pub fn param(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.uri_params()
            .find(|param| param.is(name))
            .map(|param| param.value.unwrap_or(b""))
    }

    /// The user part with `%41` made `A`; borrowed when nothing is escaped.
    pub fn user_decoded(&self) -> Option<Cow<'a, [u8]>> {
        self.user.map(percent_decoded)
    }

    /// `[user[:password]@]host[:port][;params][?headers]`; an error is the offset in the opaque part.
    fn read_sip(&mut self, marks: &Marks) -> Result<(), usize> {
        let opaque = self.opaque;
        let Marks {
            sign,
            colon,
            semicolon,
            question,
            fault,
            end: _,
        } = *marks;
        if let Some(fault) = fault {
            return Err(fault);
        }
        if let Some(sign) = sign {
            let user_end = colon.filter(|&colon| colon < sign).unwrap_or(sign);
            if user_end == 0 {
                return Err(0);
            }
            self.user = Some(&opaque[..user_end]);
            self.password = (user_end < sign).then(|| &opaque[user_end + 1..sign]);
        }
        let host_at = sign.map_or(0, |sign| sign + 1);
        let params_end = question.unwrap_or(opaque.len());
        let host_end = semicolon.unwrap_or(params_end);
        self.headers = opaque.get(params_end + 1..).unwrap_or_default();
        self.params = &opaque[host_end..params_end];
        let (host, port) = host_and_port(&opaque[host_at..host_end]).ok_or(host_at)?;
        self.host = Some(host);
        self.port = port;
        check_params(self.params).map_err(|offset| host_end + offset)
    }

    /// Global `+1-202…` or local number, then parameters (RFC 3966 §3).
    fn read_tel(&mut self) -> Result<(), usize> {
        let end = memchr(b';', self.opaque).unwrap_or(self.opaque.len());
        let number = &self.opaque[..end];
        let (digits, local) = match number {
            [b'+', digits @ ..] => (digits, false),
            digits => (digits, true),
        };
        let mut seen = false;
        for (offset, &byte) in digits.iter().enumerate() {
            match byte {
                b'-' | b'.' | b'(' | b')' => {}
                b'0'..=b'9' => seen = true,
                b'*' | b'#' | b'A'..=b'F' | b'a'..=b'f' if local => seen = true,
                _ => return Err(offset),
            }
        }
        if !seen {
            return Err(0);
        }
        self.user = Some(number);
        self.params = &self.opaque[end..];
        check_params(self.params).map_err(|offset| end + offset)
    }
}

impl fmt::Debug for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ({} bytes)", self.scheme.escape_ascii(), self.opaque.len())
    }
}

impl<'a> Host<'a> {
    /// Reads `example.com`, `192.0.2.1` or `[2001:db8::1]`.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        Self::read(bytes, 0).and_then(|(host, end)| (end == bytes.len()).then_some(host))
    }

    /// Where the name or the dotted quad at `from` ends.
    #[inline]
    fn everyday_end(bytes: &[u8], from: usize) -> Option<usize> {
        let end = span(bytes, from, is_host);
        match bytes.get(from..end)? {
            [b'.' | b'-', ..] | [.., b'.'] | [] => None,
            host if host.len() > HOST_BYTES_MAX => None,
            host if ends_in_digits(host) => dotted_quad(host).map(|_ip| end),
            _ => Some(end),
        }
    }

    /// Reads the host at `from`, and returns where it ends.
    #[inline]
    pub(crate) fn read(bytes: &'a [u8], from: usize) -> Option<(Self, usize)> {
        if bytes.get(from) == Some(&b'[') {
            let (address, end) = bracketed_address(bytes, from)?;
            return Some((Self::V6(address), end));
        }
        let end = span(bytes, from, is_host);
        let host = &bytes[from..end];
        let name = host.strip_suffix(b".").unwrap_or(host);
        if matches!(name, [] | [b'.' | b'-', ..]) || host.len() > HOST_BYTES_MAX {
            return None;
        }
        // No name ends in a label of digits (RFC 3261 §25.1, toplabel), so this is an address or nothing.
        if ends_in_digits(name) {
            return Some((Self::V4(dotted_quad(host)?), end));
        }
        Some((Self::Name(host), end))
    }

    /// The address, if it is one.
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Name(_) => None,
            Self::V4(ip) => Some(IpAddr::V4(*ip)),
            Self::V6(ip) => Some(IpAddr::V6(*ip)),
        }
    }
}

impl fmt::Debug for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{}", name.escape_ascii()),
            Self::V4(ip) => write!(f, "{ip}"),
            Self::V6(ip) => write!(f, "[{ip}]"),
        }
    }
}

/// The parameters of a URI, in order.
#[derive(Clone)]
pub struct UriParams<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for UriParams<'a> {
    type Item = Param<'a>;

    fn next(&mut self) -> Option<Param<'a>> {
        let [b';', rest @ ..] = self.rest else { return None };
        let end = memchr(b';', rest).unwrap_or(rest.len());
        self.rest = &rest[end..];
        let param = &rest[..end];
        Some(match memchr(b'=', param) {
            Some(equals) => Param {
                name: &param[..equals],
                value: Some(&param[equals + 1..]),
            },
            None => Param {
                name: param,
                value: None,
            },
        })
    }
}

/// `host[:port]` without white space.
#[inline]
fn host_and_port(bytes: &[u8]) -> Option<(Host<'_>, Option<u16>)> {
    let (host, host_end) = Host::read(bytes, 0)?;
    match &bytes[host_end..] {
        [] => Some((host, None)),
        [b':', ..] => {
            let (port, end) = port(bytes, host_end + 1)?;
            (end == bytes.len()).then_some((host, Some(port)))
        }
        _ => None,
    }
}

/// The number at `from`, and where it ends.
pub(crate) fn port(bytes: &[u8], from: usize) -> Option<(u16, usize)> {
    let end = span(bytes, from, |byte| byte.is_ascii_digit());
    let port = number(bytes.get(from..end)?, u32::from(u16::MAX))?;
    Some((port as u16, end))
}

/// Whether the last label has nothing but digits.
fn ends_in_digits(name: &[u8]) -> bool {
    let before = name.iter().rposition(|byte| !byte.is_ascii_digit());
    before.is_none_or(|before| name[before] == b'.')
}

fn bracketed_address(bytes: &[u8], open: usize) -> Option<(Ipv6Addr, usize)> {
    let close = open + memchr(b']', &bytes[open..])?;
    let address = std::str::from_utf8(&bytes[open + 1..close]).ok()?.parse().ok()?;
    Some((address, close + 1))
}

/// Four numbers from 0 to 255 between dots, without zeros before them: with one, some read it as octal.
fn dotted_quad(bytes: &[u8]) -> Option<Ipv4Addr> {
    let (mut address, mut dots) = (0, 0);
    let mut octet: Option<u32> = None;
    for &byte in bytes {
        octet = match (byte, octet) {
            (b'0'..=b'9', None) => Some(u32::from(byte - b'0')),
            (b'0'..=b'9', Some(octet @ 1..=25)) => Some(octet * 10 + u32::from(byte - b'0')),
            (b'.', Some(octet @ 0..=255)) if dots < 3 => {
                dots += 1;
                address = address << 8 | octet;
                None
            }
            _ => return None,
        };
    }
    let last = octet.filter(|&octet| dots == 3 && octet <= 255)?;
    Some(Ipv4Addr::from_bits(address << 8 | last))
}

/// Where the parts of a `sip` URI meet, found in one pass.
#[derive(Clone, Copy, Default)]
struct Marks {
    sign: Option<usize>,
    /// The first colon of all: before `@` it begins the password.
    colon: Option<usize>,
    /// The first `;` and `?` behind `@`: before it they belong to the user part (RFC 3261 §25.1,
    /// user-unreserved).
    semicolon: Option<usize>,
    question: Option<usize>,
    /// What no `sip` URI may have: a second `@`, which would let two readers see two hosts, or half an escape.
    fault: Option<usize>,
    /// The first byte that no URI may have, or the end of the bytes.
    end: usize,
}

impl Marks {
    fn find(opaque: &[u8]) -> Self {
        let mut marks = Self::default();
        let mut offset = 0;
        loop {
            offset = span(opaque, offset, is_uri_plain);
            match opaque.get(offset) {
                Some(b'@') if marks.sign.is_some() => {
                    marks.fault.get_or_insert(offset);
                }
                Some(b'@') => {
                    marks.sign = Some(offset);
                    marks.semicolon = None;
                    marks.question = None;
                }
                Some(b':') => {
                    marks.colon.get_or_insert(offset);
                }
                Some(b';') if marks.question.is_none() => {
                    marks.semicolon.get_or_insert(offset);
                }
                Some(b'?') => {
                    marks.question.get_or_insert(offset);
                }
                Some(b'%') => match opaque.get(offset + 1..offset + 3) {
                    Some([high, low]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {}
                    _ => {
                        marks.fault.get_or_insert(offset);
                    }
                },
                Some(b';') => {}
                Some(_) | None => {
                    marks.end = offset;
                    return marks;
                }
            }
            offset += 1;
        }
    }
}

fn is_scheme(scheme: &[u8]) -> bool {
    // Nearly every URI begins like this.
    scheme == b"sip"
        || scheme.first().is_some_and(u8::is_ascii_alphabetic)
            && scheme
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// No parameter of a URI has an empty name.
fn check_params(params: &[u8]) -> Result<(), usize> {
    let mut rest = params;
    while let [b';', after @ ..] = rest {
        if matches!(after, [] | [b';' | b'=', ..]) {
            return Err(params.len() - rest.len());
        }
        rest = &after[span(after, 0, |byte| byte != b';')..];
    }
    Ok(())
}

fn percent_decoded(bytes: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'%', bytes).is_none() {
        return Cow::Borrowed(bytes);
    }
    let digit = |byte: u8| (byte as char).to_digit(16);
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        rest = tail;
        if let (b'%', [high, low, after @ ..]) = (first, tail)
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            out.push((high * 16 + low) as u8);
            rest = after;
        } else {
            out.push(*first);
        }
    }
    Cow::Owned(out)
}

/// RFC 1035 §2.3.4, with the dot at the end.
const HOST_BYTES_MAX: usize = 254;
