use std::borrow::Cow;
use std::fmt;

use memchr::memchr;

use crate::limits::PARAMS_MAX;
use crate::message::Headers;
use crate::scan::{ListItems, is_display, is_uri, quoted_end, skip_lws, span, trim, unescape, unfold};
use crate::{HeaderName, Params, ParseError, Uri};

/// An address with its display name and parameters: From, To, Contact, Route and their like
/// (RFC 3261 §20.10, §25.1 `name-addr` and `addr-spec`).
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct NameAddr<'a> {
    /// The display name without its quotes, escapes kept; `None` when there is none.
    pub display: Option<&'a [u8]>,
    /// The URI without its brackets; `*` for a Contact that means all.
    pub uri: &'a [u8],
    /// The parameters of the header, from the first `;` on, or empty.
    pub params: &'a [u8],
    /// The whole value, trimmed.
    pub raw: &'a [u8],
    quoted: bool,
    tag: Option<&'a [u8]>,
    header: HeaderName,
}

impl<'a> NameAddr<'a> {
    /// Reads one value of that header; `header` only names it in an error.
    pub fn parse(value: &'a [u8], header: HeaderName) -> Result<Self, ParseError> {
        Self::parse_within(value, header, PARAMS_MAX)
    }

    pub(crate) fn parse_within(
        value: &'a [u8],
        header: HeaderName,
        params_max: usize,
    ) -> Result<Self, ParseError> {
        let raw = trim(value);
        let at = |offset| ParseError::Malformed { header, offset };
        let mut addr = Self {
            display: None,
            uri: b"",
            params: b"",
            raw,
            quoted: false,
            tag: None,
            header,
        };
        let params_at = addr.read_address().map_err(at)?;
        addr.params = &raw[params_at..];
        let mut params = Params::new(addr.params);
        let mut count = 0;
        while let Some(param) = params.next() {
            let param = param.map_err(|offset| at(params_at + offset))?;
            count += 1;
            if count > params_max {
                return Err(ParseError::TooManyParams { max: params_max });
            }
            if param.is(b"tag") {
                // Two tags would let two readers see two dialogs.
                if addr.tag.is_some() || param.value.is_none() {
                    return Err(at(params_at + params.offset()));
                }
                addr.tag = param.value;
            }
        }
        Ok(addr)
    }

    /// The dialog tag (RFC 3261 §19.3).
    pub const fn tag(&self) -> Option<&'a [u8]> {
        self.tag
    }

    /// The value of the first header parameter of that name, in any case; empty for one without `=`.
    pub fn param(&self, name: &[u8]) -> Option<&'a [u8]> {
        Params::new(self.params)
            .find(name)
            .map(|param| param.value.unwrap_or(b""))
    }

    /// The display name as a reader should see it: folds made spaces, escapes resolved.
    pub fn display_text(&self) -> Option<Cow<'a, [u8]>> {
        let unfolded = unfold(self.display?);
        if !self.quoted {
            return Some(unfolded);
        }
        Some(match unfolded {
            Cow::Borrowed(text) => unescape(text),
            Cow::Owned(text) => Cow::Owned(unescape(&text).into_owned()),
        })
    }

    /// The URI in its parts.
    pub fn uri(&self) -> Result<Uri<'a>, ParseError> {
        Uri::parse(self.uri)
    }

    /// Whether this is the `*` of a REGISTER's Contact (RFC 3261 §10.2.2).
    pub fn is_wildcard(&self) -> bool {
        self.uri == b"*"
    }

    /// Which header it came from.
    pub const fn header(&self) -> HeaderName {
        self.header
    }

    /// Reads display name and URI; returns where the parameters begin, or the offset of the fault.
    fn read_address(&mut self) -> Result<usize, usize> {
        let raw = self.raw;
        if raw == b"*" && self.header == HeaderName::Contact {
            self.uri = raw;
            return Ok(1);
        }
        let open = if raw.first() == Some(&b'"') {
            let end = quoted_end(raw, 0).ok_or(0usize)?;
            self.display = Some(&raw[1..end - 1]);
            self.quoted = true;
            let open = skip_lws(raw, end);
            if raw.get(open) != Some(&b'<') {
                return Err(open);
            }
            open
        } else {
            let open = span(raw, 0, is_display);
            if raw.get(open) != Some(&b'<') {
                return self.read_bare_uri();
            }
            let display = trim(&raw[..open]);
            self.display = (!display.is_empty()).then_some(display);
            open
        };
        let close = open + memchr(b'>', &raw[open..]).ok_or(open)?;
        self.uri = &raw[open + 1..close];
        match self.uri.iter().position(|&byte| !is_uri(byte)) {
            Some(offset) => Err(open + 1 + offset),
            None if memchr(b':', self.uri).is_none() => Err(close),
            None => Ok(close + 1),
        }
    }

    /// A URI without brackets: `;` begins the header's parameters, and `,` and `?` are not allowed
    /// (RFC 3261 §20.10).
    fn read_bare_uri(&mut self) -> Result<usize, usize> {
        let end = span(self.raw, 0, |byte| {
            is_uri(byte) && !matches!(byte, b';' | b',' | b'?')
        });
        self.uri = &self.raw[..end];
        let params_at = skip_lws(self.raw, end);
        match self.raw.get(params_at) {
            _ if memchr(b':', self.uri).is_none() => Err(0),
            None | Some(b';') => Ok(params_at),
            Some(_) => Err(params_at),
        }
    }
}

impl fmt::Debug for NameAddr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.header, self.raw.len())
    }
}

/// The addresses of one kind of header over all its lines and comma lists. After an error there are no more.
#[derive(Clone)]
pub struct NameAddrs<'a> {
    headers: Headers<'a>,
    items: ListItems<'a>,
    header: HeaderName,
    params_max: usize,
}

impl<'a> NameAddrs<'a> {
    pub(crate) fn new(headers: Headers<'a>, header: HeaderName, params_max: usize) -> Self {
        Self {
            headers,
            items: ListItems::none(),
            header,
            params_max,
        }
    }
}

impl<'a> Iterator for NameAddrs<'a> {
    type Item = Result<NameAddr<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = loop {
            if let Some(item) = self.items.next() {
                break item;
            }
            self.items = ListItems::new(self.headers.next()?.value);
        };
        let addr = item
            .map_err(|offset| ParseError::Malformed {
                header: self.header,
                offset,
            })
            .and_then(|item| NameAddr::parse_within(item, self.header, self.params_max));
        if addr.is_err() {
            self.headers.stop();
            self.items = ListItems::none();
        }
        Some(addr)
    }
}
