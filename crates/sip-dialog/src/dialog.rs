//! The state of a dialog as one of its two user agents holds it.

use sip_message::{HeaderName, ListItems, Message, Method, NameAddr, ParseError, Writer};

/// A dialog (RFC 3261 §12), seen from our side.
///
/// All texts share one allocation: a dialog costs about 64 bytes and its texts.
#[derive(Clone, Debug)]
pub struct Dialog {
    /// Call-ID, local party, remote party, remote target, route set, one after the other.
    text: Box<[u8]>,
    call_id_end: u32,
    local_end: u32,
    remote_end: u32,
    target_end: u32,
    /// Where the tags stand in `text`; empty spans where there is none yet.
    local_tag: (u32, u32),
    remote_tag: (u32, u32),
    local_cseq: u32,
    remote_cseq: Option<u32>,
}

/// Why a message cannot make or refresh a dialog.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DialogFault {
    /// A header cannot be read.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A Contact is needed to reach the peer again (RFC 3261 §12.1.1), and none is there.
    #[error("Contact header is missing")]
    NoContact,
    /// The other side has no tag where it must have one.
    #[error("tag is missing")]
    NoTag,
}

/// Where a request stands in the sequence of its dialog (RFC 3261 §12.2.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// Higher than all before: to be served.
    InOrder,
    /// Lower than one before: to be refused with 500.
    Stale,
}

/// What a request in a dialog begins with.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a [u8],
    /// The sequence number.
    pub cseq: u32,
    /// The value of the Via header, branch included.
    pub via: &'a [u8],
    /// Hops that are left.
    pub max_forwards: u8,
}

/// The five texts of a dialog before they share an allocation.
struct Texts<'a> {
    call_id: &'a [u8],
    local: &'a [u8],
    remote: &'a [u8],
    target: &'a [u8],
    routes: &'a [u8],
}

impl Dialog {
    /// The dialog that answering `invite` under `local_tag` makes (RFC 3261 §12.1.1).
    ///
    /// # Errors
    /// Where From, To, Call-ID, CSeq or Contact is missing or malformed.
    pub fn answering(invite: &Message<'_>, local_tag: &[u8]) -> Result<Self, DialogFault> {
        let contact = invite.contacts().next().ok_or(DialogFault::NoContact)??;
        let mut local = invite.to()?.raw.to_vec();
        local.extend_from_slice(b";tag=");
        local.extend_from_slice(local_tag);
        let mut routes = Vec::new();
        for route in invite.record_routes() {
            push_route(&mut routes, route?.raw);
        }
        let texts = Texts {
            call_id: invite.call_id()?,
            local: &local,
            remote: invite.from()?.raw,
            target: contact.uri,
            routes: &routes,
        };
        let mut dialog = Self::assemble(&texts);
        dialog.remote_cseq = Some(invite.cseq()?.number);
        Ok(dialog)
    }

    /// A dialog that we open: `local` is a whole From value with its tag, `remote` a whole To value without one,
    /// `target` the URI to call.
    #[must_use]
    pub fn opening(call_id: &[u8], local: &[u8], remote: &[u8], target: &[u8]) -> Self {
        let mut dialog = Self::assemble(&Texts {
            call_id,
            local,
            remote,
            target,
            routes: b"",
        });
        dialog.local_cseq = 1;
        dialog
    }

    /// Takes tag, target and route set from a response to our INVITE that has a tag: provisional or 2xx
    /// (RFC 3261 §12.1.2, §13.2.2.4).
    ///
    /// # Errors
    /// Where To or Contact cannot be read, or a 2xx has no tag or Contact. A provisional without tag changes nothing.
    pub fn establish(&mut self, response: &Message<'_>) -> Result<(), DialogFault> {
        let to = response.to()?;
        let Some(_) = to.tag() else {
            return if is_final(response) {
                Err(DialogFault::NoTag)
            } else {
                Ok(())
            };
        };
        let contact = response.contacts().next().transpose()?;
        if contact.is_none() && is_final(response) {
            return Err(DialogFault::NoContact);
        }
        let mut routes: Vec<&[u8]> = Vec::new();
        for route in response.record_routes() {
            routes.push(route?.raw);
        }
        let mut joined = Vec::new();
        for route in routes.iter().rev() {
            push_route(&mut joined, route);
        }
        let target = contact.map_or(self.target(), |contact| contact.uri);
        let texts = Texts {
            call_id: self.call_id(),
            local: self.local(),
            remote: to.raw,
            target,
            routes: &joined,
        };
        let assembled = Self::assemble(&texts);
        *self = Self {
            local_cseq: self.local_cseq,
            remote_cseq: self.remote_cseq,
            ..assembled
        };
        Ok(())
    }

    /// Takes a new remote target from a target refresh: re-INVITE, UPDATE, or a 2xx to ours (RFC 3261 §12.2).
    pub fn refresh_target(&mut self, message: &Message<'_>) {
        if let Some(Ok(contact)) = message.contacts().next()
            && contact.uri != self.target()
        {
            let texts = Texts {
                call_id: self.call_id(),
                local: self.local(),
                remote: self.remote(),
                target: contact.uri,
                routes: self.routes(),
            };
            let assembled = Self::assemble(&texts);
            *self = Self {
                local_cseq: self.local_cseq,
                remote_cseq: self.remote_cseq,
                ..assembled
            };
        }
    }

    /// Takes another tag of ours, of the same length: the dialog was early, and its peer is to see another one
    /// (RFC 3261 §12.1: a dialog is named by its tags). False where the length differs, and nothing changed.
    pub fn retag(&mut self, tag: &[u8]) -> bool {
        let (from, to) = (self.local_tag.0 as usize, self.local_tag.1 as usize);
        match self.text.get_mut(from..to) {
            Some(held) if held.len() == tag.len() => {
                held.copy_from_slice(tag);
                true
            }
            Some(_) | None => false,
        }
    }

    /// Whether a request from the wire belongs to this dialog: Call-ID and both tags are the same.
    #[must_use]
    pub fn matches(&self, request: &Message<'_>) -> bool {
        request.call_id().is_ok_and(|id| id == self.call_id())
            && request
                .from()
                .is_ok_and(|from| from.tag().unwrap_or_default() == self.remote_tag())
            && request
                .to()
                .is_ok_and(|to| to.tag().unwrap_or_default() == self.local_tag())
    }

    /// Places a request other than ACK and CANCEL in the sequence, and remembers its number.
    pub fn place(&mut self, cseq: u32) -> Order {
        if self.remote_cseq.is_some_and(|last| cseq <= last) {
            return Order::Stale;
        }
        self.remote_cseq = Some(cseq);
        Order::InOrder
    }

    /// The sequence number for our next request.
    pub fn next_cseq(&mut self) -> u32 {
        self.local_cseq += 1;
        self.local_cseq
    }

    /// Begins a request in this dialog: request line, Via, Route, Max-Forwards, From, To, Call-ID, CSeq.
    ///
    /// A first route without `lr` is honoured as a strict router (RFC 3261 §12.2.1.1).
    pub fn write_request<'b>(&self, out: &'b mut Vec<u8>, head: &RequestHead<'_>) -> Writer<'b> {
        let routes = self.routes();
        let strict = first_route(routes).filter(|(first, _)| !is_loose(first));
        let mut writer = match strict {
            Some((first, _)) => Writer::request(out, head.method, uri_of(first)),
            None => Writer::request(out, head.method, self.target()),
        };
        writer.header(HeaderName::Via, head.via);
        match strict {
            Some((_, rest)) => {
                let comma: &[u8] = if rest.is_empty() { b"" } else { b", " };
                writer.header_parts(HeaderName::Route, &[rest, comma, b"<", self.target(), b">"]);
            }
            None if !routes.is_empty() => {
                writer.header(HeaderName::Route, routes);
            }
            None => {}
        }
        let mut digits = Digits::default();
        writer.header(HeaderName::MaxForwards, digits.show(u32::from(head.max_forwards)));
        writer.header(HeaderName::From, self.local());
        writer.header(HeaderName::To, self.remote());
        writer.header(HeaderName::CallId, self.call_id());
        writer.header_parts(HeaderName::CSeq, &[digits.show(head.cseq), b" ", head.method]);
        writer
    }

    /// The URI of the next hop: the first route, or the remote target (RFC 3261 §12.2.1.1).
    #[must_use]
    pub fn next_hop(&self) -> &[u8] {
        first_route(self.routes()).map_or(self.target(), |(first, _)| uri_of(first))
    }

    /// Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &[u8] {
        self.span(0, self.call_id_end)
    }

    /// Our party, with its tag.
    #[must_use]
    pub fn local(&self) -> &[u8] {
        self.span(self.call_id_end, self.local_end)
    }

    /// The other party, with its tag once there is one.
    #[must_use]
    pub fn remote(&self) -> &[u8] {
        self.span(self.local_end, self.remote_end)
    }

    /// The remote target: the other party's Contact URI.
    #[must_use]
    pub fn target(&self) -> &[u8] {
        self.span(self.remote_end, self.target_end)
    }

    /// Our tag.
    #[must_use]
    pub fn local_tag(&self) -> &[u8] {
        self.span(self.local_tag.0, self.local_tag.1)
    }

    /// The other party's tag; empty where there is none.
    #[must_use]
    pub fn remote_tag(&self) -> &[u8] {
        self.span(self.remote_tag.0, self.remote_tag.1)
    }

    /// Whether the other party has given its tag.
    #[must_use]
    pub fn is_established(&self) -> bool {
        self.remote_tag.0 != self.remote_tag.1
    }

    fn routes(&self) -> &[u8] {
        self.span(self.target_end, self.text.len() as u32)
    }

    fn span(&self, from: u32, to: u32) -> &[u8] {
        self.text.get(from as usize..to as usize).unwrap_or_default()
    }

    fn assemble(texts: &Texts<'_>) -> Self {
        let parts = [
            texts.call_id,
            texts.local,
            texts.remote,
            texts.target,
            texts.routes,
        ];
        let mut text = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
        let mut ends = [0u32; 5];
        for (part, end) in parts.iter().zip(&mut ends) {
            text.extend_from_slice(part);
            *end = text.len() as u32;
        }
        Self {
            local_tag: tag_span(texts.local, ends[0]),
            remote_tag: tag_span(texts.remote, ends[1]),
            text: text.into_boxed_slice(),
            call_id_end: ends[0],
            local_end: ends[1],
            remote_end: ends[2],
            target_end: ends[3],
            local_cseq: 0,
            remote_cseq: None,
        }
    }
}

/// A number as text, without an allocation.
#[derive(Default)]
struct Digits([u8; 10]);

impl Digits {
    fn show(&mut self, mut value: u32) -> &[u8] {
        let mut at = self.0.len();
        loop {
            at -= 1;
            self.0[at] = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 || at == 0 {
                return &self.0[at..];
            }
        }
    }
}

fn is_final(response: &Message<'_>) -> bool {
    response.status().is_some_and(|status| status >= 200)
        && response.cseq().is_ok_and(|cseq| cseq.method == Method::Invite)
}

fn push_route(routes: &mut Vec<u8>, route: &[u8]) {
    if !routes.is_empty() {
        routes.extend_from_slice(b", ");
    }
    routes.extend_from_slice(route);
}

/// Splits a route set behind its first route.
fn first_route(routes: &[u8]) -> Option<(&[u8], &[u8])> {
    // A list of nothing has one empty item.
    let first = ListItems::new(routes)
        .next()?
        .ok()
        .filter(|first| !first.is_empty())?;
    let end = first.as_ptr().addr() - routes.as_ptr().addr() + first.len();
    let rest = routes[end..].trim_ascii_start();
    Some((first, rest.strip_prefix(b",").unwrap_or(rest).trim_ascii()))
}

/// The URI of a route; the whole where it cannot be read, which one that made a dialog can.
fn uri_of(route: &[u8]) -> &[u8] {
    NameAddr::parse(route, HeaderName::Route).map_or(route, |route| route.uri)
}

/// Whether a route's URI has the `lr` parameter (RFC 3261 §19.1.1).
fn is_loose(route: &[u8]) -> bool {
    uri_of(route).split(|byte| *byte == b';').skip(1).any(|param| {
        let name = param
            .split(|byte| matches!(byte, b'=' | b'?'))
            .next()
            .unwrap_or_default();
        name.eq_ignore_ascii_case(b"lr")
    })
}

/// Where the value of the `tag` parameter stands in a From or To value that starts at `offset`.
fn tag_span(party: &[u8], offset: u32) -> (u32, u32) {
    let tag = NameAddr::parse(party, HeaderName::From)
        .ok()
        .and_then(|party| party.tag())
        .unwrap_or_default();
    if tag.is_empty() {
        return (offset, offset);
    }
    let from = offset + (tag.as_ptr().addr() - party.as_ptr().addr()) as u32;
    (from, from + tag.len() as u32)
}

#[cfg(test)]
mod tests;
