//! What is kept of an INVITE once it need not be sent again: enough for its ACK, enough for its CANCEL.

use std::fmt;

use smallvec::SmallVec;

/// The request line of an INVITE with its top Via, Route, Max-Forwards, From, To, Call-ID, CSeq lines,
/// to the letter. A fifth of an ordinary INVITE.
///
/// It is cut from a request that we wrote: the top Via stands on a line of its own. What such a request
/// lacks, its ACK lacks too.
#[derive(Clone, Eq, PartialEq)]
pub struct Head(Box<[u8]>);

impl Head {
    /// Cuts the head from a request. The head of a head is itself.
    #[must_use]
    pub fn of(request: &[u8]) -> Self {
        let mut kept: SmallVec<[&[u8]; 12]> = SmallVec::new();
        let mut lines = Lines(request);
        kept.extend(lines.next());
        let mut via_seen = false;
        for line in lines {
            let keep = match Kind::of(line) {
                Kind::Via => !std::mem::replace(&mut via_seen, true),
                Kind::To | Kind::CSeq | Kind::Carried => true,
                Kind::Left => false,
            };
            if keep {
                kept.push(line);
            }
        }
        let mut bytes = Vec::with_capacity(kept.iter().map(|line| line.len()).sum());
        kept.iter().for_each(|line| bytes.extend_from_slice(line));
        Self(bytes.into_boxed_slice())
    }

    /// Writes the ACK for a 300–699 (RFC 3261 §17.1.1.3): our lines, with the To of the response.
    pub fn write_ack(&self, response: &[u8], out: &mut Vec<u8>) {
        let to = Lines(response)
            .skip(1)
            .find(|line| matches!(Kind::of(line), Kind::To));
        self.write(b"ACK", to, b"", out);
    }

    /// Writes the CANCEL for this INVITE (RFC 3261 §9.1). `extra_headers` are whole lines, each with its
    /// CRLF, such as a Reason (RFC 3326); empty for none.
    pub fn write_cancel(&self, extra_headers: &[u8], out: &mut Vec<u8>) {
        self.write(b"CANCEL", None, extra_headers, out);
    }

    fn write(&self, method: &[u8], to: Option<&[u8]>, extra_headers: &[u8], out: &mut Vec<u8>) {
        let mut lines = Lines(&self.0);
        let request_line = lines.next().unwrap_or_default();
        let after_method = request_line.iter().position(|byte| *byte == b' ').unwrap_or(0);
        out.extend_from_slice(method);
        out.extend_from_slice(&request_line[after_method..]);
        for line in lines {
            match Kind::of(line) {
                Kind::To => out.extend_from_slice(to.unwrap_or(line)),
                Kind::CSeq => {
                    out.extend_from_slice(b"CSeq: ");
                    let digits = line.iter().skip_while(|byte| !byte.is_ascii_digit());
                    out.extend(digits.take_while(|byte| byte.is_ascii_digit()));
                    out.push(b' ');
                    out.extend_from_slice(method);
                    out.extend_from_slice(b"\r\n");
                }
                Kind::Via | Kind::Carried | Kind::Left => out.extend_from_slice(line),
            }
        }
        out.extend_from_slice(extra_headers);
        out.extend_from_slice(b"Content-Length: 0\r\n\r\n");
    }

    /// Gives up the bytes.
    #[must_use]
    pub fn into_bytes(self) -> Box<[u8]> {
        self.0
    }

    /// The bytes kept.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Head {
    /// Messages are personal data: only the length is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Head({} bytes)", self.0.len())
    }
}

/// What becomes of a header line.
#[derive(Clone, Copy)]
enum Kind {
    /// The first is kept.
    Via,
    /// Kept, replaced in an ACK.
    To,
    /// Kept, with another method.
    CSeq,
    /// Kept as it is.
    Carried,
    /// Not kept.
    Left,
}

impl Kind {
    fn of(line: &[u8]) -> Self {
        let name = line
            .split(|byte| *byte == b':')
            .next()
            .unwrap_or_default()
            .trim_ascii_end();
        // By length first: most lines are told apart without reading their name.
        let is = |long: &str| name.eq_ignore_ascii_case(long.as_bytes());
        match name.len() {
            1 => match name[0].to_ascii_lowercase() {
                b'v' => Self::Via,
                b't' => Self::To,
                b'f' | b'i' => Self::Carried,
                _ => Self::Left,
            },
            2 if is("To") => Self::To,
            3 if is("Via") => Self::Via,
            4 if is("CSeq") => Self::CSeq,
            4 if is("From") => Self::Carried,
            5 if is("Route") => Self::Carried,
            7 if is("Call-ID") => Self::Carried,
            12 if is("Max-Forwards") => Self::Carried,
            _ => Self::Left,
        }
    }
}

/// The lines of a message up to its empty line, each with its line end and the lines folded under it.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let mut end = 0;
        loop {
            end += self.0[end..].iter().position(|byte| *byte == b'\n')? + 1;
            match self.0.get(end) {
                Some(b' ' | b'\t') => {}
                Some(_) | None => break,
            }
        }
        let (line, rest) = self.0.split_at(end);
        self.0 = rest;
        if line.trim_ascii_end().is_empty() {
            self.0 = &[];
            return None;
        }
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INVITE: &[u8] = b"INVITE sip:+12025550143@192.0.2.9 SIP/2.0\r\n\
        Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKtop\r\n\
        v: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKbelow\r\n\
        Max-Forwards: 69\r\n\
        Route: <sip:192.0.2.8;lr>\r\n\
        ROUTE : <sip:192.0.2.9;lr>,\r\n <sip:192.0.2.10;lr>\r\n\
        f: <sip:a@example.com>;tag=ours\r\n\
        To: <sip:+12025550143@192.0.2.9>\r\n\
        i: call@192.0.2.1\r\n\
        CSeq: 102 INVITE\r\n\
        Contact: <sip:192.0.2.1>\r\n\
        Content-Length: 9\r\n\
        \r\n\
        Via: body";

    const BUSY: &[u8] = b"SIP/2.0 486 To: Busy\r\n\
        Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKtop\r\n\
        From: <sip:a@example.com>;tag=ours\r\n\
        t: <sip:+12025550143@192.0.2.9>;tag=theirs\r\n\
        Call-ID: call@192.0.2.1\r\n\
        CSeq: 102 INVITE\r\n\
        \r\n";

    #[test]
    fn ack_has_our_lines_the_single_top_via_and_the_to_of_the_response() {
        let mut ack = Vec::new();
        Head::of(INVITE).write_ack(BUSY, &mut ack);
        let expected = "ACK sip:+12025550143@192.0.2.9 SIP/2.0\r\n\
            Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKtop\r\n\
            Max-Forwards: 69\r\n\
            Route: <sip:192.0.2.8;lr>\r\n\
            ROUTE : <sip:192.0.2.9;lr>,\r\n <sip:192.0.2.10;lr>\r\n\
            f: <sip:a@example.com>;tag=ours\r\n\
            t: <sip:+12025550143@192.0.2.9>;tag=theirs\r\n\
            i: call@192.0.2.1\r\n\
            CSeq: 102 ACK\r\n\
            Content-Length: 0\r\n\
            \r\n";
        assert_eq!(String::from_utf8(ack).unwrap(), expected);
    }

    #[test]
    fn cancel_keeps_the_to_without_tag_and_carries_a_reason() {
        let mut cancel = Vec::new();
        Head::of(INVITE).write_cancel(b"Reason: SIP;cause=200\r\n", &mut cancel);
        let cancel = String::from_utf8(cancel).unwrap();
        assert!(
            cancel.starts_with("CANCEL sip:+12025550143@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1")
        );
        assert!(cancel.contains("\r\nTo: <sip:+12025550143@192.0.2.9>\r\n"));
        assert!(cancel.ends_with("CSeq: 102 CANCEL\r\nReason: SIP;cause=200\r\nContent-Length: 0\r\n\r\n"));
        assert!(!cancel.contains("below"));
    }

    #[test]
    fn head_of_a_head_is_itself() {
        let head = Head::of(INVITE);
        assert_eq!(Head::of(head.as_bytes()), head);
    }

    proptest! {
        #[test]
        fn any_bytes_are_cut_without_panic(request: Vec<u8>, response: Vec<u8>) {
            let head = Head::of(&request);
            head.write_ack(&response, &mut Vec::new());
            head.write_cancel(b"", &mut Vec::new());
        }
    }
}
