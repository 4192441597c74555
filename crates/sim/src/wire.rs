//! Requests and descriptions as the phones write them.

use std::fmt::Write as _;
use std::net::SocketAddr;

/// What a request is made of.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) uri: &'a str,
    pub(crate) transport: &'a str,
    pub(crate) via: SocketAddr,
    pub(crate) branch: &'a str,
    pub(crate) hops: u8,
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    pub(crate) call_id: &'a str,
    pub(crate) cseq: u32,
    pub(crate) lines: &'a str,
    pub(crate) body: &'a str,
}

impl Request<'_> {
    pub(crate) fn write(&self) -> Vec<u8> {
        let Request {
            method,
            uri,
            transport,
            via,
            branch,
            hops,
            ..
        } = self;
        let mut text = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {via};branch={branch};rport\r\nMax-Forwards: {hops}\r\n"
        );
        let Request {
            from,
            to,
            call_id,
            cseq,
            lines,
            body,
            ..
        } = self;
        let _ = write!(
            text,
            "From: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{lines}"
        );
        let _ = write!(text, "Content-Length: {}\r\n\r\n{body}", body.len());
        text.into_bytes()
    }
}

/// A description of one audio stream.
pub(crate) fn description(rtp: SocketAddr, version: u32, direction: &str) -> String {
    let ip = rtp.ip();
    format!(
        "v=0\r\no=phone 1 {version} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {} RTP/AVP 0 101\r\n\
         a=rtpmap:101 telephone-event/8000\r\na={direction}\r\n",
        rtp.port()
    )
}

/// The line that says what a description is.
pub(crate) const SDP_LINE: &str = "Content-Type: application/sdp\r\n";
