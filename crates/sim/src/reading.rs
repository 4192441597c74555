//! What a phone reads from a message, as values of its own.

use sip_message::{HeaderName, Index, Limits, Message, Writer};

/// A message as a phone understands it.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// The method; of a response, that of its CSeq.
    pub(crate) method: String,
    /// Absent for a request.
    pub(crate) status: Option<u16>,
    pub(crate) reason_phrase: String,
    pub(crate) cseq: u32,
    pub(crate) branch: String,
    pub(crate) call_id: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) to_tag: Option<String>,
    pub(crate) contact: Option<String>,
    /// The values of all Reason lines.
    pub(crate) reasons: String,
    pub(crate) has_body: bool,
    pub(crate) bytes: Vec<u8>,
}

impl Reading {
    /// Reads a message; absent where it is none.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let mut index = Index::new(Limits::default());
        let message = index.parse(bytes).ok()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let cseq = message.cseq().ok()?;
        let reasons: Vec<String> = message
            .all(HeaderName::Reason)
            .map(|header| text(header.value))
            .collect();
        Some(Self {
            method: message.method().to_string(),
            status: message.status(),
            reason_phrase: text(message.reason_phrase()),
            cseq: cseq.number,
            branch: text(message.top_via().ok()?.branch?),
            call_id: text(message.call_id().ok()?),
            from: text(message.from().ok()?.raw),
            to: text(message.to().ok()?.raw),
            to_tag: message.to().ok()?.tag().map(text),
            contact: message
                .contacts()
                .next()
                .and_then(Result::ok)
                .map(|contact| text(contact.uri)),
            reasons: reasons.join(", "),
            has_body: !message.body().is_empty(),
            bytes: message.bytes().to_vec(),
        })
    }

    /// The response to this request, with `lines` of ours and perhaps a body.
    pub(crate) fn reply(&self, status: u16, tag: &str, lines: &str, body: &str) -> Vec<u8> {
        let mut index = Index::new(Limits::default());
        let mut out = Vec::new();
        if let Ok(message) = index.parse(&self.bytes) {
            write_reply(&mut out, &message, status, tag, lines, body);
        }
        out
    }
}

fn write_reply(out: &mut Vec<u8>, request: &Message<'_>, status: u16, tag: &str, lines: &str, body: &str) {
    let reason = sip_message::standard_reason(status).as_bytes();
    let tag = (status > 100).then_some(tag.as_bytes());
    let mut writer = Writer::reply_to(out, request, status, reason, tag, None);
    if status > 100 {
        writer.copy_all(request, HeaderName::RecordRoute);
    }
    writer.lines(lines.as_bytes());
    if !body.is_empty() {
        writer.header(HeaderName::ContentType, b"application/sdp");
    }
    writer.body(body.as_bytes());
}
