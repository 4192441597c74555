use std::borrow::Cow;
use std::fmt;

use memchr::memchr;

use crate::limits::PARAMS_MAX;
use crate::message::Headers;
use crate::remembered::{Place, place_of_optional};
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
        Self::parse_and_look(value, header, params_max).map(|(addr, _fits)| addr)
    }

    /// Reads one value, and says whether its URI is known to be well-formed; otherwise nobody has looked.
    #[inline]
    pub(crate) fn parse_and_look(
        value: &'a [u8],
        header: HeaderName,
        params_max: usize,
    ) -> Result<(Self, bool), ParseError> {
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
        let (params_at, uri_fits) = addr.read_address().map_err(at)?;
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
        Ok((addr, uri_fits))
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
    #[inline]
    fn read_address(&mut self) -> Result<(usize, bool), usize> {
        let raw = self.raw;
        if raw == b"*" && self.header == HeaderName::Contact {
            self.uri = raw;
            return Ok((1, true));
        }
        let open = match raw.first() {
            Some(b'<') => 0,
            Some(b'"') => {
                let end = quoted_end(raw, 0).ok_or(0usize)?;
                self.display = Some(&raw[1..end - 1]);
                self.quoted = true;
                let open = skip_lws(raw, end);
                if raw.get(open) != Some(&b'<') {
                    return Err(open);
                }
                open
            }
            Some(_) | None => {
                let open = span(raw, 0, is_display);
                if raw.get(open) != Some(&b'<') {
                    return self.read_bare_uri().map(|params_at| (params_at, false));
                }
                let display = trim(&raw[..open]);
                self.display = (!display.is_empty()).then_some(display);
                open
            }
        };
        self.read_bracketed_uri(open)
    }

    /// A URI that the bracket at `open` begins.
    #[inline]
    fn read_bracketed_uri(&mut self, open: usize) -> Result<(usize, bool), usize> {
        let raw = self.raw;
        if let Some(close) = Uri::everyday_end(raw, open + 1)
            && raw.get(close) == Some(&b'>')
        {
            self.uri = &raw[open + 1..close];
            return Ok((close + 1, true));
        }
        let close = open + memchr(b'>', &raw[open..]).ok_or(open)?;
        self.uri = &raw[open + 1..close];
        match self.uri.iter().position(|&byte| !is_uri(byte)) {
            Some(offset) => Err(open + 1 + offset),
            None if memchr(b':', self.uri).is_none() => Err(close),
            None => Ok((close + 1, false)),
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

/// Where the parts of a [`NameAddr`] are in its message.
pub(crate) struct AddressPlaces {
    raw: Place,
    display: Option<Place>,
    uri: Place,
    params: Place,
    tag: Option<Place>,
    quoted: bool,
    header: HeaderName,
}

impl AddressPlaces {
    /// `None` when the value was not read from this message.
    pub(crate) fn of(addr: &NameAddr<'_>, message: &[u8]) -> Option<Self> {
        Some(Self {
            raw: Place::of(addr.raw, message)?,
            display: place_of_optional(addr.display, message)?,
            uri: Place::of(addr.uri, message)?,
            params: Place::of(addr.params, message)?,
            tag: place_of_optional(addr.tag, message)?,
            quoted: addr.quoted,
            header: addr.header,
        })
    }

    pub(crate) fn address<'a>(&self, message: &'a [u8]) -> NameAddr<'a> {
        NameAddr {
            display: self.display.map(|place| place.part(message)),
            uri: self.uri.part(message),
            params: self.params.part(message),
            raw: self.raw.part(message),
            quoted: self.quoted,
            tag: self.tag.map(|place| place.part(message)),
            header: self.header,
        }
    }
}

/// The addresses of one kind of header over all its lines and comma lists. After an error there are no more.
#[derive(Clone)]
pub struct NameAddrs<'a> {
    headers: Headers<'a>,
    items: ListItems<'a>,
    header: HeaderName,
    progress: Progress,
}

/// How far [`NameAddrs`] has come; only the first Contact is remembered.
#[derive(Clone, Copy)]
enum Progress {
    /// Nothing has been read.
    Fresh,
    /// The first address, so many bytes long, was remembered and not read.
    BehindFirst(usize),
    UnderWay,
}

impl<'a> NameAddrs<'a> {
    pub(crate) fn new(headers: Headers<'a>, header: HeaderName) -> Self {
        Self {
            headers,
            items: ListItems::none(),
            header,
            progress: if header == HeaderName::Contact {
                Progress::Fresh
            } else {
                Progress::UnderWay
            },
        }
    }

    /// The next address, and whether its URI is known to be well-formed.
    pub(crate) fn next_and_look(&mut self) -> Option<Result<(NameAddr<'a>, bool), ParseError>> {
        let message = self.headers.message();
        match std::mem::replace(&mut self.progress, Progress::UnderWay) {
            Progress::UnderWay => self.read(),
            Progress::BehindFirst(bytes) => {
                self.items = ListItems::behind(self.headers.next()?.value, bytes);
                self.read()
            }
            Progress::Fresh => {
                if let Some(contact) = message.remembered_contact() {
                    self.progress = Progress::BehindFirst(contact.raw.len());
                    return Some(Ok((contact, false)));
                }
                let found = self.read();
                if let Some(Ok((contact, _fits))) = &found {
                    message.remember_contact(contact);
                }
                found
            }
        }
    }

    #[inline]
    fn read(&mut self) -> Option<Result<(NameAddr<'a>, bool), ParseError>> {
        let params_max = self.headers.message().limits().params_max;
        let item = loop {
            if let Some(item) = self.items.next() {
                break item;
            }
            let value = self.headers.next()?.value;
            // One address in a line is the rule; a list is no well-formed address.
            if let Ok(found) = NameAddr::parse_and_look(value, self.header, params_max) {
                return Some(Ok(found));
            }
            self.items = ListItems::new(value);
        };
        let found = item
            .map_err(|offset| ParseError::Malformed {
                header: self.header,
                offset,
            })
            .and_then(|item| NameAddr::parse_and_look(item, self.header, params_max));
        if found.is_err() {
            self.headers.stop();
            self.items = ListItems::none();
        }
        Some(found)
    }
}

impl<'a> Iterator for NameAddrs<'a> {
    type Item = Result<NameAddr<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_and_look().map(|found| found.map(|(addr, _fits)| addr))
    }
}
