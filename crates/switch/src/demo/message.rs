//! SIP as the demo's phones read and write it.

use std::fmt::Write as _;
use std::net::SocketAddr;

use sip_message::{HeaderName, Index, Limits, Writer};

/// A message as a phone understands it.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    /// The method; of a response, that of its CSeq.
    pub(super) method: String,
    /// Absent for a request.
    pub(super) status: Option<u16>,
    pub(super) reason_phrase: String,
    pub(super) call_id: String,
    pub(super) from: String,
    /// The user part of From: who calls.
    pub(super) caller: String,
    pub(super) to: String,
    pub(super) contact: Option<String>,
    pub(super) body: Vec<u8>,
    bytes: Vec<u8>,
}

impl Heard {
    /// Reads a message; absent where it is none that a phone can use.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let mut index = Index::new(Limits::default());
        let message = index.parse(bytes).ok()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let from = message.from().ok()?;
        let user = from.uri().ok()?.user.unwrap_or_default();
        Some(Self {
            method: message.method().to_string(),
            status: message.status(),
            reason_phrase: text(message.reason_phrase()),
            call_id: text(message.call_id().ok()?),
            from: text(from.raw),
            caller: text(user),
            to: text(message.to().ok()?.raw),
            contact: message
                .contacts()
                .next()
                .and_then(Result::ok)
                .map(|contact| text(contact.uri)),
            body: message.body().to_vec(),
            bytes: message.bytes().to_vec(),
        })
    }

    /// The response to this request.
    pub(super) fn reply(&self, status: u16, tag: &str, contact: &str, body: &str) -> Vec<u8> {
        let mut index = Index::new(Limits::default());
        let mut out = Vec::new();
        // It was read before, so it is read again.
        if let Ok(request) = index.parse(&self.bytes) {
            let reason = sip_message::standard_reason(status).as_bytes();
            let tag = (status > 100).then_some(tag.as_bytes());
            let mut writer = Writer::reply_to(&mut out, &request, status, reason, tag, None);
            if status > 100 {
                writer.copy_all(&request, HeaderName::RecordRoute);
                writer.header(HeaderName::Contact, contact.as_bytes());
            }
            if !body.is_empty() {
                writer.header(HeaderName::ContentType, b"application/sdp");
            }
            writer.body(body.as_bytes());
        }
        out
    }
}

/// What a request is made of.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) uri: &'a str,
    pub(super) transport: &'a str,
    pub(super) via: SocketAddr,
    pub(super) branch: &'a str,
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    pub(super) call_id: &'a str,
    pub(super) cseq: u32,
    pub(super) contact: &'a str,
    pub(super) body: &'a str,
}

impl Request<'_> {
    pub(super) fn write(&self) -> Vec<u8> {
        let Self {
            method,
            uri,
            transport,
            via,
            branch,
            from,
            to,
            call_id,
            cseq,
            contact,
            body,
        } = self;
        let mut text = format!("{method} {uri} SIP/2.0\r\n");
        let _ = write!(text, "Via: SIP/2.0/{transport} {via};branch={branch};rport\r\n");
        let _ = write!(text, "Max-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\n");
        let _ = write!(text, "Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n");
        let _ = write!(text, "Contact: {contact}\r\nUser-Agent: Ringfence demo\r\n");
        if !body.is_empty() {
            text.push_str("Content-Type: application/sdp\r\n");
        }
        let _ = write!(text, "Content-Length: {}\r\n\r\n{body}", body.len());
        text.into_bytes()
    }
}

/// A description of G.711 µ-law with telephone events (RFC 4733).
pub(super) fn description(rtp: SocketAddr) -> String {
    let ip = rtp.ip();
    format!(
        "v=0\r\no=demo 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {} RTP/AVP 0 101\r\n\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n\
         a=sendrecv\r\n",
        rtp.port()
    )
}
