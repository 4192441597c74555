use std::cell::OnceCell;

use crate::name_addr::AddressPlaces;
use crate::{HeaderName, Message, NameAddr, ParseError, Scheme, Uri};

impl Message<'_> {
    /// What a user agent must refuse before anything else (RFC 3261 §8.1.1, §8.2, §16.3 step 1, RFC 4475 §3):
    /// Via, From, To, Call-ID and CSeq are there once (Via once or more) and well-formed; CSeq names the
    /// method of the request; the request URI is one of `sip`, `sips`, `tel`, `urn`, without headers; what
    /// shapes a dialog (Contact, Route, Record-Route) is well-formed; single headers are not repeated.
    pub fn check_mandatory(&self) -> Result<(), ParseError> {
        if let Some(name) = SINGLE.into_iter().find(|&name| self.table.is_repeated(name)) {
            return Err(ParseError::RepeatedHeader(name));
        }
        if self.is_request() {
            check_request_uri(self.request_uri())?;
        }
        let mut vias = 0;
        for via in self.vias() {
            let via = via?;
            if vias == 0 {
                self.remember_top_via(&via);
            }
            vias += 1;
            if vias > self.table.limits.via_max {
                return Err(ParseError::TooManyVias {
                    max: self.table.limits.via_max,
                });
            }
        }
        if vias == 0 {
            return Err(ParseError::MissingHeader(HeaderName::Via));
        }
        self.check_single_address(HeaderName::From, &self.table.remembered.from)?;
        self.check_single_address(HeaderName::To, &self.table.remembered.to)?;
        self.call_id()?;
        let cseq = self.cseq()?;
        if self.is_request() && cseq.method != self.method() {
            return Err(ParseError::MethodMismatch);
        }
        self.max_forwards()?;
        for name in [HeaderName::Contact, HeaderName::Route, HeaderName::RecordRoute] {
            if self.table.first(name).is_none() {
                continue;
            }
            let mut addresses = self.addresses(name);
            while let Some(found) = addresses.next_and_look() {
                let (address, uri_fits) = found?;
                if !uri_fits && !address.is_wildcard() {
                    address.uri()?;
                }
            }
        }
        Ok(())
    }

    /// The address and its URI are well-formed.
    fn check_single_address(
        &self,
        name: HeaderName,
        remembered: &OnceCell<AddressPlaces>,
    ) -> Result<(), ParseError> {
        let value = self.required(name)?;
        let (address, uri_fits) = NameAddr::parse_and_look(value, name, self.table.limits.params_max)?;
        self.remember_address(remembered, &address);
        if !uri_fits {
            address.uri()?;
        }
        Ok(())
    }
}

/// One of `sip`, `sips`, `tel`, `urn`, without headers (RFC 3261 §8.2.2.1, table of §19.1.1).
fn check_request_uri(bytes: &[u8]) -> Result<(), ParseError> {
    if Uri::everyday_end(bytes, 0) == Some(bytes.len()) {
        return Ok(());
    }
    let uri = Uri::parse(bytes)?;
    if uri.kind() == Scheme::Other {
        return Err(ParseError::SchemeUnsupported);
    }
    if !uri.headers.is_empty() {
        let offset = uri.raw.len() - uri.headers.len();
        return Err(ParseError::UriMalformed { offset });
    }
    Ok(())
}

/// Headers that may stand once only.
const SINGLE: [HeaderName; 7] = [
    HeaderName::From,
    HeaderName::To,
    HeaderName::CallId,
    HeaderName::CSeq,
    HeaderName::MaxForwards,
    HeaderName::ContentLength,
    HeaderName::ContentType,
];
