use std::cell::OnceCell;
use std::fmt;

use crate::index::{Entry, Kind, Table};
use crate::name_addr::AddressPlaces;
use crate::scan::{ListItems, is_call_id};
use crate::values::{CSeqPlaces, leading_u32, saturating_seconds};
use crate::via::ViaPlaces;
use crate::word::first_not;
use crate::{
    CSeq, Header, HeaderName, Limits, Method, NameAddr, NameAddrs, ParseError, RAck, Reasons, SessionExpires,
    Via, Vias,
};

/// A view of one message: its bytes and where everything in them is.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    bytes: &'a [u8],
    pub(crate) table: &'a Table,
}

impl<'a> Message<'a> {
    pub(crate) const fn new(bytes: &'a [u8], table: &'a Table) -> Self {
        Self { bytes, table }
    }

    /// All bytes from the start line to the end of the body.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether it is a request.
    pub const fn is_request(&self) -> bool {
        matches!(self.table.kind, Kind::Request { .. })
    }

    /// The method of the request line; of a response, the one in CSeq, or an empty `Other` without a
    /// readable CSeq.
    pub fn method(&self) -> Method<'a> {
        match self.table.kind {
            Kind::Request { method_end, .. } => Method::from_bytes(&self.bytes[..method_end as usize]),
            Kind::Response { .. } | Kind::None => self.cseq().map_or(Method::Other(b""), |cseq| cseq.method),
        }
    }

    /// The request URI as it came; empty in a response.
    pub fn request_uri(&self) -> &'a [u8] {
        match self.table.kind {
            Kind::Request { method_end, uri_end } => &self.bytes[method_end as usize + 1..uri_end as usize],
            Kind::Response { .. } | Kind::None => b"",
        }
    }

    /// The status of a response.
    pub const fn status(&self) -> Option<u16> {
        match self.table.kind {
            Kind::Response { status, .. } => Some(status),
            Kind::Request { .. } | Kind::None => None,
        }
    }

    /// The reason phrase as it came; empty in a request.
    pub fn reason_phrase(&self) -> &'a [u8] {
        match self.table.kind {
            Kind::Response {
                reason_at,
                reason_end,
                ..
            } => &self.bytes[reason_at as usize..reason_end as usize],
            Kind::Request { .. } | Kind::None => b"",
        }
    }

    /// All headers in the order they came.
    pub fn headers(&self) -> Headers<'a> {
        Headers {
            message: *self,
            only: None,
            at: 0,
        }
    }

    /// The first header of that kind, found without a search. For [`HeaderName::Other`] see
    /// [`Message::named`].
    pub fn header(&self, name: HeaderName) -> Option<Header<'a>> {
        self.table
            .first(name)
            .map(|place| self.header_at(&self.table.entries[place]))
    }

    /// The value of the first header of that kind.
    pub fn value(&self, name: HeaderName) -> Option<&'a [u8]> {
        self.header(name).map(|header| header.value)
    }

    /// All headers of that kind in the order they came.
    pub fn all(&self, name: HeaderName) -> Headers<'a> {
        let at = self.table.first(name).unwrap_or(self.table.entries.len());
        Headers {
            message: *self,
            only: Some(name),
            at,
        }
    }

    /// The headers of that name, in any case: for names [`HeaderName`] does not know.
    pub fn named<'n>(&self, name: &'n [u8]) -> impl Iterator<Item = Header<'a>> + use<'a, 'n> {
        self.headers()
            .filter(move |header| header.raw_name.eq_ignore_ascii_case(name))
    }

    /// The body as it came.
    pub fn body(&self) -> &'a [u8] {
        self.bytes.get(self.table.body as usize..).unwrap_or_default()
    }

    /// The hop this message came from.
    pub fn top_via(&self) -> Result<Via<'a>, ParseError> {
        let remembered = &self.table.remembered.top_via;
        if let Some(places) = remembered.get() {
            return Ok(places.via(self.bytes));
        }
        let via = self
            .vias()
            .next()
            .unwrap_or(Err(ParseError::MissingHeader(HeaderName::Via)))?;
        self.remember_top_via(&via);
        Ok(via)
    }

    /// All hops, top first.
    pub fn vias(&self) -> Vias<'a> {
        Vias::new(self.all(HeaderName::Via), self.table.limits.params_max)
    }

    /// The caller of the dialog.
    pub fn from(&self) -> Result<NameAddr<'a>, ParseError> {
        self.single_address(HeaderName::From, &self.table.remembered.from)
    }

    /// The callee of the dialog.
    pub fn to(&self) -> Result<NameAddr<'a>, ParseError> {
        self.single_address(HeaderName::To, &self.table.remembered.to)
    }

    /// The Call-ID; case-sensitive, without white space inside (RFC 3261 §20.8).
    pub fn call_id(&self) -> Result<&'a [u8], ParseError> {
        let value = self.required(HeaderName::CallId)?;
        let fits = &self.table.remembered.call_id_fits;
        if fits.get() {
            return Ok(value);
        }
        let fault = first_not(value, is_call_id).or(value.is_empty().then_some(0));
        if let Some(offset) = fault {
            return Err(ParseError::Malformed {
                header: HeaderName::CallId,
                offset,
            });
        }
        fits.set(true);
        Ok(value)
    }

    /// The order of the request in its dialog.
    pub fn cseq(&self) -> Result<CSeq<'a>, ParseError> {
        let remembered = &self.table.remembered.cseq;
        if let Some(places) = remembered.get() {
            return Ok(places.cseq(self.bytes));
        }
        let value = self.required(HeaderName::CSeq)?;
        let cseq = CSeq::parse(value)?;
        if let Some(places) = CSeqPlaces::of(&cseq, value, self.bytes) {
            remembered.get_or_init(|| places);
        }
        Ok(cseq)
    }

    /// Hops left, 0 to 255; `None` without the header (RFC 3261 §20.22).
    pub fn max_forwards(&self) -> Result<Option<u8>, ParseError> {
        self.optional(HeaderName::MaxForwards, |value| {
            crate::scan::number(value, 255).map(|hops| hops as u8)
        })
    }

    /// Where to reach the sender in this dialog.
    pub fn contacts(&self) -> NameAddrs<'a> {
        self.addresses(HeaderName::Contact)
    }

    /// The way to go.
    pub fn routes(&self) -> NameAddrs<'a> {
        self.addresses(HeaderName::Route)
    }

    /// The way that was gone by hops that want to stay on it.
    pub fn record_routes(&self) -> NameAddrs<'a> {
        self.addresses(HeaderName::RecordRoute)
    }

    /// Who the caller is, as a trusted hop says (RFC 3325 §9.1).
    pub fn p_asserted_identities(&self) -> NameAddrs<'a> {
        self.addresses(HeaderName::PAssertedIdentity)
    }

    /// The addresses of any header made of them: Diversion, History-Info, Path, Remote-Party-ID …
    pub fn addresses(&self, name: HeaderName) -> NameAddrs<'a> {
        NameAddrs::new(self.all(name), name)
    }

    /// Option tags the answering side must know (RFC 3261 §20.32).
    pub fn require(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.list(HeaderName::Require)
    }

    /// Option tags each proxy must know (RFC 3261 §20.29).
    pub fn proxy_require(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.list(HeaderName::ProxyRequire)
    }

    /// Option tags the sender knows (RFC 3261 §20.37).
    pub fn supported(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.list(HeaderName::Supported)
    }

    /// Methods the sender accepts (RFC 3261 §20.5).
    pub fn allow(&self) -> impl Iterator<Item = Method<'a>> + use<'a> {
        self.list(HeaderName::Allow).map(Method::from_bytes)
    }

    /// Whether the sender knows the extension of that option tag, by Supported or Require.
    pub fn knows_extension(&self, tag: &[u8]) -> bool {
        self.supported()
            .chain(self.require())
            .any(|known| known.eq_ignore_ascii_case(tag))
    }

    /// What the caller wants hidden (RFC 3323 §4.2); values are separated by `;` or by lines.
    pub fn privacy(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.all(HeaderName::Privacy)
            .flat_map(|header| header.value.split(|byte| matches!(byte, b';' | b',')))
            .map(crate::scan::trim)
            .filter(|value| !value.is_empty())
    }

    /// The items of any comma list over all lines, trimmed, empty ones left out.
    pub fn list(&self, name: HeaderName) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.all(name)
            .flat_map(|header| ListItems::new(header.value).map_while(Result::ok))
            .filter(|item| !item.is_empty())
    }

    /// Why the call was ended or refused (RFC 3326).
    pub fn reasons(&self) -> Reasons<'a> {
        Reasons::new(self.all(HeaderName::Reason))
    }

    /// The media type of the body with its parameters.
    pub fn content_type(&self) -> Option<&'a [u8]> {
        self.value(HeaderName::ContentType)
    }

    /// Whether the body is of that media type, `application/sdp`, whatever its parameters.
    pub fn has_content_type(&self, media_type: &[u8]) -> bool {
        self.content_type().is_some_and(|value| {
            let end = memchr::memchr(b';', value).unwrap_or(value.len());
            crate::scan::trim(&value[..end]).eq_ignore_ascii_case(media_type)
        })
    }

    /// Expires in seconds; more than fits is the greatest number (RFC 3261 §20.19).
    pub fn expires(&self) -> Result<Option<u32>, ParseError> {
        self.optional(HeaderName::Expires, saturating_seconds)
    }

    /// Retry-After in seconds, without its comment and parameters (RFC 3261 §20.33).
    pub fn retry_after(&self) -> Result<Option<u32>, ParseError> {
        self.optional(HeaderName::RetryAfter, |value| {
            leading_u32(value).map(|(seconds, _end)| seconds)
        })
    }

    /// The session timer (RFC 4028 §4).
    pub fn session_expires(&self) -> Result<Option<SessionExpires<'a>>, ParseError> {
        self.value(HeaderName::SessionExpires)
            .map(SessionExpires::parse)
            .transpose()
    }

    /// Min-SE in seconds (RFC 4028 §5).
    pub fn min_se(&self) -> Result<Option<u32>, ParseError> {
        self.optional(HeaderName::MinSe, |value| {
            leading_u32(value).map(|(seconds, _end)| seconds)
        })
    }

    /// The number of a reliable provisional (RFC 3262 §7.1).
    pub fn rseq(&self) -> Result<Option<u32>, ParseError> {
        self.optional(HeaderName::RSeq, |value| crate::scan::number(value, u32::MAX))
    }

    /// What a PRACK acknowledges (RFC 3262 §7.2).
    pub fn rack(&self) -> Result<Option<RAck<'a>>, ParseError> {
        self.value(HeaderName::RAck).map(RAck::parse).transpose()
    }

    pub(crate) const fn limits(&self) -> &'a Limits {
        &self.table.limits
    }

    /// All header lines as one run of bytes, without start line and blank line.
    pub(crate) fn entries(&self) -> &'a [Entry] {
        &self.table.entries
    }

    fn header_at(&self, entry: &Entry) -> Header<'a> {
        let line_at = entry.line_at as usize;
        let line = &self.bytes[line_at..line_at + usize::from(entry.line_bytes)];
        let value_at = usize::from(entry.value_at);
        Header {
            name: entry.name,
            raw_name: &line[..usize::from(entry.name_bytes)],
            value: &line[value_at..value_at + usize::from(entry.value_bytes)],
            line,
        }
    }

    pub(crate) fn required(&self, name: HeaderName) -> Result<&'a [u8], ParseError> {
        self.value(name).ok_or(ParseError::MissingHeader(name))
    }

    fn optional<T>(
        &self,
        name: HeaderName,
        read: impl FnOnce(&'a [u8]) -> Option<T>,
    ) -> Result<Option<T>, ParseError> {
        let malformed = ParseError::Malformed {
            header: name,
            offset: 0,
        };
        self.value(name)
            .map(|value| read(value).ok_or(malformed))
            .transpose()
    }

    fn single_address(
        &self,
        name: HeaderName,
        remembered: &OnceCell<AddressPlaces>,
    ) -> Result<NameAddr<'a>, ParseError> {
        if let Some(places) = remembered.get() {
            return Ok(places.address(self.bytes));
        }
        let address = NameAddr::parse_within(self.required(name)?, name, self.table.limits.params_max)?;
        self.remember_address(remembered, &address);
        Ok(address)
    }

    pub(crate) fn remember_address(&self, remembered: &OnceCell<AddressPlaces>, address: &NameAddr<'_>) {
        if let Some(places) = AddressPlaces::of(address, self.bytes) {
            remembered.get_or_init(|| places);
        }
    }

    /// The first Contact, when it has been read before.
    pub(crate) fn remembered_contact(&self) -> Option<NameAddr<'a>> {
        let places = self.table.remembered.first_contact.get()?;
        Some(places.address(self.bytes))
    }

    pub(crate) fn remember_contact(&self, contact: &NameAddr<'_>) {
        self.remember_address(&self.table.remembered.first_contact, contact);
    }

    pub(crate) fn remember_top_via(&self, via: &Via<'_>) {
        if let Some(places) = ViaPlaces::of(via, self.bytes) {
            self.table.remembered.top_via.get_or_init(|| places);
        }
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status() {
            Some(status) => write!(f, "{status} to {}", self.method())?,
            None => write!(f, "{}", self.method())?,
        }
        write!(
            f,
            " ({} headers, {} bytes)",
            self.table.entries.len(),
            self.bytes.len()
        )
    }
}

/// Headers of a message in the order they came.
#[derive(Clone)]
pub struct Headers<'a> {
    message: Message<'a>,
    only: Option<HeaderName>,
    at: usize,
}

impl<'a> Headers<'a> {
    pub(crate) const fn message(&self) -> Message<'a> {
        self.message
    }

    /// There are no more.
    pub(crate) fn stop(&mut self) {
        self.at = self.message.table.entries.len();
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        let rest = self.message.table.entries.get(self.at..)?;
        let skipped = match self.only {
            // One of a kind is the rule, and then the first is the last.
            Some(name) if self.at > 0 && !self.message.table.is_repeated(name) => {
                if self.message.table.first(name) != Some(self.at) {
                    return None;
                }
                0
            }
            Some(name) => rest.iter().position(|entry| entry.name == name)?,
            None => 0,
        };
        let entry = rest.get(skipped)?;
        self.at += skipped + 1;
        Some(self.message.header_at(entry))
    }
}
