use memchr::{memchr, memrchr};

use crate::remembered::Remembered;
use crate::scan::{is_lws, is_token, is_uri, number, skip_lws, span};
use crate::word::{find_control, find_either};
use crate::{HeaderName, Limits, Message, Method, ParseError};

/// The table of one message at a time, reused: parsing allocates only while the table still grows to the
/// largest message seen, which [`Limits::headers_max`] bounds.
///
/// ```
/// # use sip_message::{Index, Limits, Method};
/// let mut index = Index::new(Limits::default());
/// let message = index.parse(b"OPTIONS sip:example.com SIP/2.0\r\nl: 0\r\n\r\n")?;
/// assert_eq!(message.method(), Method::Options);
/// # Ok::<(), sip_message::ParseError>(())
/// ```
#[derive(Debug)]
pub struct Index {
    table: Table,
}

impl Index {
    /// A table for messages within these limits, with room for an everyday message.
    pub fn new(limits: Limits) -> Self {
        let limits = limits.within_table();
        let entries = Vec::with_capacity(limits.headers_max.min(EVERYDAY_HEADERS));
        Self {
            table: Table {
                entries,
                ..Table::empty(limits)
            },
        }
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.table.limits
    }

    /// Reads a datagram or one framed message.
    ///
    /// CRLF before the start line is skipped (RFC 3261 §7.5). Without Content-Length the body is the rest;
    /// a surplus behind the declared body is left out; a body shorter than declared is refused (§18.3).
    pub fn parse<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Message<'a>, ParseError> {
        self.table.fill(bytes)?;
        let Table { start, end, .. } = self.table;
        Ok(Message::new(&bytes[start..end], &self.table))
    }

    /// What could be read of the request that [`Index::parse`] just refused, if it is enough to answer it:
    /// Via, From, To, Call-ID and CSeq are there. `bytes` must be the ones that were refused. An ACK is never
    /// answered (RFC 3261 §17.1.1.3).
    pub fn salvage<'a>(&'a self, bytes: &'a [u8]) -> Option<Message<'a>> {
        let table = &self.table;
        if table.source_bytes != bytes.len() || !matches!(table.kind, Kind::Request { .. }) {
            return None;
        }
        let message = Message::new(bytes.get(table.start..table.end)?, table);
        let needed = [
            HeaderName::Via,
            HeaderName::From,
            HeaderName::To,
            HeaderName::CallId,
            HeaderName::CSeq,
        ];
        let answerable = needed.iter().all(|&name| message.header(name).is_some());
        (answerable && message.method() != Method::Ack).then_some(message)
    }
}

/// Where everything of one message is. All offsets count from the start line.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) limits: Limits,
    pub(crate) kind: Kind,
    pub(crate) entries: Vec<Entry>,
    /// Place of the first header of each kind plus one; 0 for none.
    first: [u16; HeaderName::COUNT],
    /// One bit per kind that came more than once.
    repeated: u128,
    pub(crate) body: u32,
    /// First byte of the start line, and the end of the body, in the bytes given.
    start: usize,
    end: usize,
    source_bytes: usize,
    pub(crate) remembered: Remembered,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Nothing readable yet.
    None,
    Request {
        method_end: u32,
        uri_end: u32,
    },
    Response {
        status: u16,
        reason_at: u32,
        reason_end: u32,
    },
}

/// One header line with its folds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) line_at: u32,
    pub(crate) line_bytes: u16,
    pub(crate) name_bytes: u16,
    /// Counted from `line_at`.
    pub(crate) value_at: u16,
    pub(crate) value_bytes: u16,
    pub(crate) name: HeaderName,
}

impl Table {
    fn empty(limits: Limits) -> Self {
        Self {
            limits,
            kind: Kind::None,
            entries: Vec::new(),
            first: [0; HeaderName::COUNT],
            repeated: 0,
            body: 0,
            start: 0,
            end: 0,
            source_bytes: 0,
            remembered: Remembered::default(),
        }
    }

    /// Place of the first header of that kind.
    pub(crate) fn first(&self, name: HeaderName) -> Option<usize> {
        usize::from(self.first[name as usize]).checked_sub(1)
    }

    pub(crate) const fn is_repeated(&self, name: HeaderName) -> bool {
        self.repeated & (1 << name as u32) != 0
    }

    fn fill(&mut self, source: &[u8]) -> Result<(), ParseError> {
        self.kind = Kind::None;
        self.entries.clear();
        self.first.fill(0);
        self.repeated = 0;
        self.remembered = Remembered::default();
        self.source_bytes = source.len();
        self.start = 0;
        while source[self.start..].starts_with(b"\r\n") {
            self.start += 2;
        }
        let bytes = &source[self.start..];
        self.end = source.len();
        self.body = 0;
        if bytes.is_empty() {
            return Err(ParseError::Empty);
        }
        if bytes.len() > self.limits.message_bytes_max {
            return Err(ParseError::MessageTooLarge {
                got: bytes.len(),
                max: self.limits.message_bytes_max,
            });
        }
        // A fault that leaves the headers readable is kept until they are read, so that it can be answered.
        let (headers_at, mut fault) = self.read_start_line(bytes)?;
        self.read_headers(bytes, headers_at)?;
        if let Err(error) = self.find_body(bytes) {
            fault.get_or_insert(error);
        }
        fault.map_or(Ok(()), Err)
    }

    fn read_start_line(&mut self, bytes: &[u8]) -> Result<(usize, Option<ParseError>), ParseError> {
        let malformed = |offset| ParseError::StartLineMalformed { offset };
        let max = self.limits.header_bytes_max;
        let end = match line_end(bytes, 0) {
            Ok(end) => end,
            Err(_) if !is_token(bytes[0]) => return Err(ParseError::NotSip),
            Err(error) => return Err(error),
        };
        if end + 2 > max {
            return Err(ParseError::StartLineTooLong { got: end + 2, max });
        }
        let line = &bytes[..end];
        let next = end + 2;
        if let Some(fault) = self.read_status_line(line) {
            return fault.map(|()| (next, None));
        }
        let method_end = span(line, 0, is_token);
        let version_at = match line {
            [uri @ .., b' ', b'S', b'I', b'P', b'/', b'2', b'.', b'0'] => uri.len(),
            _ => memrchr(b' ', line).ok_or(malformed(method_end))?,
        };
        if method_end == 0 || line[method_end] != b' ' || version_at <= method_end {
            return Err(malformed(method_end));
        }
        let (uri_at, uri) = (method_end + 1, &line[method_end + 1..version_at]);
        let version_fault = read_version(&line[version_at + 1..]).ok_or(malformed(version_at + 1))?;
        self.kind = Kind::Request {
            method_end: method_end as u32,
            uri_end: version_at as u32,
        };
        let fault = if version_fault {
            Some(ParseError::VersionUnsupported)
        } else if uri.len() > self.limits.uri_bytes_max {
            Some(ParseError::UriTooLong {
                got: uri.len(),
                max: self.limits.uri_bytes_max,
            })
        } else if uri.is_empty() {
            Some(malformed(uri_at))
        } else {
            let end = span(line, uri_at, is_uri);
            (end < version_at).then_some(malformed(end))
        };
        Ok((next, fault))
    }

    /// `SIP/2.0 200 OK`; `None` when the line does not begin like this.
    fn read_status_line(&mut self, line: &[u8]) -> Option<Result<(), ParseError>> {
        // A request is told by its first letter, but for the few methods that begin like the version.
        if !matches!(line, [b'S' | b's', ..]) {
            return None;
        }
        let space = memchr(b' ', line)?;
        let unsupported = read_version(&line[..space])?;
        if unsupported {
            return Some(Err(ParseError::VersionUnsupported));
        }
        let code = line
            .get(space + 1..space + 4)
            .and_then(|code| number(code, STATUS_MAX));
        let after = space + 4;
        let reason_at = match (code, line.get(after)) {
            (Some(100..), None) => after,
            (Some(100..), Some(b' ')) => after + 1,
            _ => return Some(Err(ParseError::StartLineMalformed { offset: space + 1 })),
        };
        self.kind = Kind::Response {
            status: code.unwrap_or_default() as u16,
            reason_at: reason_at as u32,
            reason_end: line.len() as u32,
        };
        Some(Ok(()))
    }

    fn read_headers(&mut self, bytes: &[u8], from: usize) -> Result<(), ParseError> {
        let Limits {
            headers_max,
            header_bytes_max,
            ..
        } = self.limits;
        let mut at = from;
        // Until the blank line is found there is no body, and salvage sees none.
        self.body = bytes.len() as u32;
        loop {
            if bytes[at..].starts_with(b"\r\n") {
                self.body = at as u32 + 2;
                return Ok(());
            }
            let line = Line::read(bytes, at)?;
            let line_bytes = line.next - at;
            if line_bytes > header_bytes_max {
                return Err(ParseError::HeaderTooLong {
                    got: line_bytes,
                    max: header_bytes_max,
                });
            }
            if self.entries.len() == headers_max {
                return Err(ParseError::TooManyHeaders { max: headers_max });
            }
            // Offsets fit: the message is below 2 GiB and the line below 64 KiB, see `Limits::within_table`.
            self.entries.push(Entry {
                line_at: at as u32,
                line_bytes: line_bytes as u16,
                name_bytes: (line.name_end - at) as u16,
                value_at: (line.value_at - at) as u16,
                value_bytes: (line.value_end - line.value_at) as u16,
                name: line.name,
            });
            let first = &mut self.first[line.name as usize];
            if *first == 0 {
                *first = self.entries.len() as u16;
            } else {
                self.repeated |= 1 << line.name as u32;
            }
            at = line.next;
        }
    }

    fn find_body(&mut self, bytes: &[u8]) -> Result<(), ParseError> {
        let body = self.body as usize;
        let got = bytes.len() - body;
        let declared = match self.first(HeaderName::ContentLength) {
            None => got,
            Some(_) if self.is_repeated(HeaderName::ContentLength) => {
                return Err(ParseError::RepeatedHeader(HeaderName::ContentLength));
            }
            Some(place) => {
                let Entry {
                    line_at,
                    value_at,
                    value_bytes,
                    ..
                } = self.entries[place];
                let value_at = line_at as usize + usize::from(value_at);
                content_length(&bytes[value_at..value_at + usize::from(value_bytes)])?
            }
        };
        if declared > self.limits.body_bytes_max {
            return Err(ParseError::BodyTooLarge {
                got: declared,
                max: self.limits.body_bytes_max,
            });
        }
        if declared > got {
            return Err(ParseError::BodyTruncated { declared, got });
        }
        self.end = self.start + body + declared;
        Ok(())
    }
}

/// One header line: from its name to the CRLF of its last fold.
pub(crate) struct Line {
    pub(crate) name: HeaderName,
    pub(crate) name_end: usize,
    pub(crate) value_at: usize,
    pub(crate) value_end: usize,
    pub(crate) next: usize,
}

impl Line {
    #[inline]
    pub(crate) fn read(bytes: &[u8], at: usize) -> Result<Self, ParseError> {
        match Self::read_everyday(bytes, at) {
            Some(line) => Ok(line),
            None => Self::read_any(bytes, at),
        }
    }

    /// `Name: value` with one space and no fold. `None` says nothing: such a line must be read with more care.
    #[inline]
    fn read_everyday(bytes: &[u8], at: usize) -> Option<Self> {
        let (name, colon) = HeaderName::known_at(bytes, at).or_else(|| unknown_name_at(bytes, at))?;
        let end = find_control(bytes, colon)?;
        let value_at = colon + 2;
        match bytes.get(end..)? {
            [b'\r', b'\n', b' ' | b'\t', ..] => return None,
            [b'\r', b'\n', ..] => {}
            _ => return None,
        }
        match bytes.get(colon..end)? {
            [b':', b' ', (b'!'..)] | [b':', b' ', (b'!'..), .., (b'!'..)] => {}
            _ => return None,
        }
        Some(Self {
            name,
            name_end: colon,
            value_at,
            value_end: end,
            next: end + 2,
        })
    }

    fn read_any(bytes: &[u8], at: usize) -> Result<Self, ParseError> {
        let name_end = span(bytes, at, is_token);
        let colon = span(bytes, name_end, |byte| matches!(byte, b' ' | b'\t'));
        match bytes.get(colon) {
            Some(b':') if name_end > at => {}
            None => return Err(ParseError::Truncated),
            Some(_) => return Err(ParseError::HeaderNameMalformed { offset: name_end }),
        }
        let mut end = line_end(bytes, colon + 1)?;
        // RFC 3261 §7.3.1: a line that begins with white space goes on with the one before.
        while let Some(b' ' | b'\t') = bytes.get(end + 2) {
            end = line_end(bytes, end + 2)?;
        }
        let value_at = skip_lws(&bytes[..end], colon + 1);
        let mut value_end = end;
        while value_end > value_at && is_lws(bytes[value_end - 1]) {
            value_end -= 1;
        }
        Ok(Self {
            name: HeaderName::from_bytes(&bytes[at..name_end]),
            name_end,
            value_at,
            value_end,
            next: end + 2,
        })
    }
}

/// A name with a colon right behind it.
fn unknown_name_at(bytes: &[u8], at: usize) -> Option<(HeaderName, usize)> {
    let end = span(bytes, at, is_token);
    (end > at && bytes.get(end) == Some(&b':')).then(|| (HeaderName::from_bytes(&bytes[at..end]), end))
}

/// Where the next CRLF begins; a CR or LF that is not half of one is refused.
fn line_end(bytes: &[u8], from: usize) -> Result<usize, ParseError> {
    let end = match find_control(bytes, from) {
        Some(end) if matches!(bytes[end], b'\r' | b'\n') => end,
        _ => find_either(bytes, from, b'\r', b'\n').ok_or(ParseError::Truncated)?,
    };
    match (bytes[end], bytes.get(end + 1)) {
        (b'\r', Some(b'\n')) => Ok(end),
        (b'\r', None) => Err(ParseError::Truncated),
        _ => Err(ParseError::BareLineEnd { offset: end }),
    }
}

/// The value of Content-Length: digits only (RFC 3261 §20.14).
pub(crate) fn content_length(value: &[u8]) -> Result<usize, ParseError> {
    let malformed = ParseError::Malformed {
        header: HeaderName::ContentLength,
        offset: 0,
    };
    number(value, u32::MAX)
        .map(|length| length as usize)
        .ok_or(malformed)
}

/// `SIP/2.0` in any case: `Some(false)`; another version: `Some(true)`; something else: `None`.
fn read_version(bytes: &[u8]) -> Option<bool> {
    if bytes == b"SIP/2.0" {
        return Some(false);
    }
    let (name, version) = bytes.split_at_checked(4)?;
    if !name.eq_ignore_ascii_case(b"SIP/") {
        return None;
    }
    if version == b"2.0" {
        return Some(false);
    }
    let (major, minor) = version.split_at_checked(memchr(b'.', version)?)?;
    let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    (digits(major) && digits(&minor[1..])).then_some(true)
}

/// RFC 3261 §7.2
const STATUS_MAX: u32 = 699;

/// Room the table begins with: an INVITE of a carrier has 20 to 30 headers.
const EVERYDAY_HEADERS: usize = 64;

const _: () = assert!(
    HeaderName::COUNT <= 128,
    "one bit per kind of header must fit `Table::repeated`"
);
