use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::limits::PARAMS_MAX;
use crate::message::Headers;
use crate::remembered::{Place, place_of_optional};
use crate::scan::{ListItems, is_token, number, skip_lws, span, trim};
use crate::uri::Host;
use crate::{HeaderName, Params, ParseError};

/// One hop of the way back (RFC 3261 §20.42, RFC 3581).
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Via<'a> {
    /// `UDP`, `TCP`, `TLS`, `WS` … as it came.
    pub transport: &'a [u8],
    /// Host of `sent-by`.
    pub host: Host<'a>,
    /// Port of `sent-by`.
    pub port: Option<u16>,
    /// The transaction identifier; begins with `z9hG4bK` since RFC 3261 (§8.1.1.7).
    pub branch: Option<&'a [u8]>,
    /// The address the previous hop was seen from, as it came.
    pub received: Option<&'a [u8]>,
    /// `None`: absent; `Some(None)`: asked for; `Some(Some(port))`: filled (RFC 3581 §4).
    pub rport: Option<Option<u16>>,
    /// The multicast or wanted address, as it came.
    pub maddr: Option<&'a [u8]>,
    /// The multicast time to live.
    pub ttl: Option<u8>,
    /// The parameters, from the first `;` on, or empty.
    pub params: &'a [u8],
    /// The whole value, trimmed.
    pub raw: &'a [u8],
}

impl<'a> Via<'a> {
    /// Reads one value.
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        Self::parse_within(value, PARAMS_MAX)
    }

    pub(crate) fn parse_within(value: &'a [u8], params_max: usize) -> Result<Self, ParseError> {
        let raw = trim(value);
        let at = |offset| ParseError::Malformed {
            header: HeaderName::Via,
            offset,
        };
        let (transport, sent_by) = sent_protocol(raw).map_err(at)?;
        let (host, port, params_at) = read_sent_by(raw, sent_by).ok_or(at(sent_by))?;
        let mut via = Self {
            transport,
            host,
            port,
            branch: None,
            received: None,
            rport: None,
            maddr: None,
            ttl: None,
            params: &raw[params_at..],
            raw,
        };
        let mut params = Params::new(via.params);
        let mut count = 0;
        while let Some(param) = params.next() {
            let param = param.map_err(|offset| at(params_at + offset))?;
            count += 1;
            if count > params_max {
                return Err(ParseError::TooManyParams { max: params_max });
            }
            if !via.note(param.name, param.value) {
                return Err(at(params_at + params.offset()));
            }
        }
        Ok(via)
    }

    /// Whether the branch promises to be unique (RFC 3261 §17.2.3); without it the rules of RFC 2543 hold. The
    /// cookie alone promises nothing (RFC 4475 §3.2.1).
    pub fn has_magic_cookie(&self) -> bool {
        self.branch
            .and_then(|branch| branch.split_at_checked(7))
            .is_some_and(|(cookie, rest)| cookie.eq_ignore_ascii_case(b"z9hG4bK") && !rest.is_empty())
    }

    /// The address in `received`, with or without brackets (RFC 5118 §4.5).
    pub fn received_ip(&self) -> Option<IpAddr> {
        let text = std::str::from_utf8(self.received?).ok()?;
        match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inside) => inside.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            None => text.parse().ok(),
        }
    }

    /// Notes a parameter; false when it is malformed, or repeated where two readers could differ.
    fn note(&mut self, name: &'a [u8], value: Option<&'a [u8]>) -> bool {
        // The five that matter have five lengths and first letters between them: most parameters of a Via are
        // told apart by one comparison.
        let slot = match name.len() {
            6 if name == b"branch" || name.eq_ignore_ascii_case(b"branch") => &mut self.branch,
            8 if name == b"received" || name.eq_ignore_ascii_case(b"received") => &mut self.received,
            5 if name == b"rport" || name.eq_ignore_ascii_case(b"rport") => {
                let port = value.map(|value| number(value, u32::from(u16::MAX)));
                return match port {
                    Some(None) => false,
                    filled => self
                        .rport
                        .replace(filled.flatten().map(|port| port as u16))
                        .is_none(),
                };
            }
            5 if name.eq_ignore_ascii_case(b"maddr") => &mut self.maddr,
            3 if name.eq_ignore_ascii_case(b"ttl") => {
                let ttl = value.and_then(|value| number(value, 255)).map(|ttl| ttl as u8);
                return ttl.is_some() && std::mem::replace(&mut self.ttl, ttl).is_none();
            }
            _ => return true,
        };
        value.is_some() && std::mem::replace(slot, value).is_none()
    }
}

impl fmt::Debug for Via<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Via {} {}", self.transport.escape_ascii(), self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Where the parts of a [`Via`] are in its message.
pub(crate) struct ViaPlaces {
    raw: Place,
    params: Place,
    transport: Place,
    host: HostPlace,
    port: Option<u16>,
    branch: Option<Place>,
    received: Option<Place>,
    rport: Option<Option<u16>>,
    maddr: Option<Place>,
    ttl: Option<u8>,
}

enum HostPlace {
    Name(Place),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl ViaPlaces {
    /// `None` when the value was not read from this message.
    pub(crate) fn of(via: &Via<'_>, message: &[u8]) -> Option<Self> {
        Some(Self {
            raw: Place::of(via.raw, message)?,
            params: Place::of(via.params, message)?,
            transport: Place::of(via.transport, message)?,
            host: match via.host {
                Host::Name(name) => HostPlace::Name(Place::of(name, message)?),
                Host::V4(ip) => HostPlace::V4(ip),
                Host::V6(ip) => HostPlace::V6(ip),
            },
            port: via.port,
            branch: place_of_optional(via.branch, message)?,
            received: place_of_optional(via.received, message)?,
            rport: via.rport,
            maddr: place_of_optional(via.maddr, message)?,
            ttl: via.ttl,
        })
    }

    pub(crate) fn via<'a>(&self, message: &'a [u8]) -> Via<'a> {
        Via {
            transport: self.transport.part(message),
            host: match self.host {
                HostPlace::Name(name) => Host::Name(name.part(message)),
                HostPlace::V4(ip) => Host::V4(ip),
                HostPlace::V6(ip) => Host::V6(ip),
            },
            port: self.port,
            branch: self.branch.map(|place| place.part(message)),
            received: self.received.map(|place| place.part(message)),
            rport: self.rport,
            maddr: self.maddr.map(|place| place.part(message)),
            ttl: self.ttl,
            params: self.params.part(message),
            raw: self.raw.part(message),
        }
    }
}

/// All Via values of a message, top first, over all lines and comma lists. After an error there are no more.
#[derive(Clone)]
pub struct Vias<'a> {
    headers: Headers<'a>,
    items: ListItems<'a>,
    params_max: usize,
}

impl<'a> Vias<'a> {
    pub(crate) fn new(headers: Headers<'a>, params_max: usize) -> Self {
        Self {
            headers,
            items: ListItems::none(),
            params_max,
        }
    }
}

impl<'a> Iterator for Vias<'a> {
    type Item = Result<Via<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = loop {
            if let Some(item) = self.items.next() {
                break item;
            }
            let value = self.headers.next()?.value;
            // One hop in a line is the rule; a list is no well-formed hop.
            if let Ok(via) = Via::parse_within(value, self.params_max) {
                return Some(Ok(via));
            }
            self.items = ListItems::new(value);
        };
        let via = item
            .map_err(|offset| ParseError::Malformed {
                header: HeaderName::Via,
                offset,
            })
            .and_then(|item| Via::parse_within(item, self.params_max));
        if via.is_err() {
            self.headers.stop();
            self.items = ListItems::none();
        }
        Some(via)
    }
}

/// `SIP / 2.0 / UDP` with white space around each slash; returns the transport and where `sent-by` begins.
fn sent_protocol(raw: &[u8]) -> Result<(&[u8], usize), usize> {
    let start = match raw {
        // Nearly every Via begins like this.
        [b'S', b'I', b'P', b'/', b'2', b'.', b'0', b'/', ..] => 8,
        _ => {
            let after_name = expect_word(raw, 0, b"SIP")?;
            let after_slash = expect_word(raw, after_name, b"/")?;
            let after_version = expect_word(raw, after_slash, b"2.0")?;
            expect_word(raw, after_version, b"/")?
        }
    };
    let transport_at = skip_lws(raw, start);
    let end = span(raw, transport_at, is_token);
    let sent_by = skip_lws(raw, end);
    if end == transport_at || sent_by == end {
        return Err(end);
    }
    Ok((&raw[transport_at..end], sent_by))
}

fn expect_word(raw: &[u8], at: usize, word: &[u8]) -> Result<usize, usize> {
    let at = skip_lws(raw, at);
    match raw.get(at..at + word.len()) {
        Some(found) if found.eq_ignore_ascii_case(word) => Ok(at + word.len()),
        _ => Err(at),
    }
}

/// `host [: port]`; returns where the parameters begin.
fn read_sent_by(raw: &[u8], at: usize) -> Option<(Host<'_>, Option<u16>, usize)> {
    let (host, host_end) = Host::read(raw, at)?;
    let mut next = skip_lws(raw, host_end);
    let mut port = None;
    if raw.get(next) == Some(&b':') {
        let (number, digits_end) = crate::uri::port(raw, skip_lws(raw, next + 1))?;
        port = Some(number);
        next = skip_lws(raw, digits_end);
    }
    matches!(raw.get(next), None | Some(b';')).then_some((host, port, next))
}
