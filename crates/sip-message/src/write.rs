use std::io::Write as _;
use std::net::IpAddr;

use memchr::memchr3;

use crate::scan::is_token;
use crate::{Header, HeaderName, Message, Params, Via};

/// Writes one message behind what is already in a buffer, by copying.
///
/// Values given here cannot break out of their line: CR, LF and NUL in them become spaces. Bytes copied from a
/// parsed message stay as they came. A message is finished by [`Writer::body`] or [`Writer::empty_body`].
#[derive(Debug)]
pub struct Writer<'b>(&'b mut Vec<u8>);

impl<'b> Writer<'b> {
    /// Begins a request.
    pub fn request(out: &'b mut Vec<u8>, method: &[u8], uri: &[u8]) -> Self {
        let mut writer = Self(out);
        writer.put_name(method);
        writer.0.push(b' ');
        let uri_at = writer.0.len();
        writer.put_value(uri);
        // A space in the URI would end it early.
        for byte in &mut writer.0[uri_at..] {
            if *byte == b' ' {
                *byte = b'_';
            }
        }
        writer.0.extend_from_slice(b" SIP/2.0\r\n");
        writer
    }

    /// Begins a response.
    pub fn response(out: &'b mut Vec<u8>, status: u16, reason: &[u8]) -> Self {
        let mut writer = Self(out);
        writer.0.extend_from_slice(b"SIP/2.0 ");
        writer.put_decimal(u64::from(status.clamp(100, 699)));
        writer.0.push(b' ');
        writer.put_value(reason);
        writer.0.extend_from_slice(b"\r\n");
        writer
    }

    /// Begins the response to a request: status line, all Via lines, From, To, Call-ID, CSeq and Timestamp as
    /// they came, ready for more headers (RFC 3261 §8.2.6.2).
    ///
    /// `to_tag` is added when To has no tag. `source` is where the request came from: the top Via gets
    /// `received` and `rport` as [`Writer::vias`] says.
    pub fn reply_to(
        out: &'b mut Vec<u8>,
        request: &Message<'_>,
        status: u16,
        reason: &[u8],
        to_tag: Option<&[u8]>,
        source: Option<(IpAddr, u16)>,
    ) -> Self {
        let mut writer = Self::response(out, status, reason);
        writer.vias(request, source);
        writer.copy_first(request, HeaderName::From);
        match (to_tag, request.header(HeaderName::To), request.to()) {
            (Some(tag), Some(header), Ok(to)) if to.tag().is_none() => {
                // The name stays as it came; the fold or space before the line end goes.
                let trimmed = header.line.len() - trailing_white_space(header.line);
                writer.0.extend_from_slice(&header.line[..trimmed]);
                writer.0.extend_from_slice(b";tag=");
                writer.put_name(tag);
                writer.0.extend_from_slice(b"\r\n");
            }
            _ => {
                writer.copy_first(request, HeaderName::To);
            }
        }
        writer.copy_first(request, HeaderName::CallId);
        writer.copy_first(request, HeaderName::CSeq);
        writer.copy_first(request, HeaderName::Timestamp);
        writer
    }

    /// Copies all Via lines. With `source`, the top one gets `received` when the address differs from its
    /// host, or when `rport` is asked for, which is then filled (RFC 3261 §18.2.1, RFC 3581 §4); a `received`
    /// that the sender wrote itself is dropped.
    pub fn vias(&mut self, message: &Message<'_>, source: Option<(IpAddr, u16)>) -> &mut Self {
        let mut lines = message.all(HeaderName::Via);
        if let (Some((ip, port)), Ok(via)) = (source, message.top_via())
            && let Some(top) = lines.next()
        {
            let asks_port = via.rport.is_some();
            let received = (asks_port || via.host.ip() != Some(ip)).then_some(ip);
            if received.is_none() && via.received.is_none() {
                self.copy(top);
            } else {
                self.put_top_via(top, &via, received, port);
            }
        }
        for line in lines {
            self.copy(line);
        }
        self
    }

    /// Writes a header from a value of ours. A header [`HeaderName`] does not know goes through
    /// [`Writer::raw_header`].
    pub fn header(&mut self, name: HeaderName, value: &[u8]) -> &mut Self {
        self.header_parts(name, &[value])
    }

    /// Writes a header whose value is these parts one behind the other.
    pub fn header_parts(&mut self, name: HeaderName, parts: &[&[u8]]) -> &mut Self {
        self.0.extend_from_slice(name.as_str().as_bytes());
        self.0.extend_from_slice(b": ");
        for part in parts {
            self.put_value(part);
        }
        self.0.extend_from_slice(b"\r\n");
        self
    }

    /// Writes a header whose value is a number.
    pub fn header_number(&mut self, name: HeaderName, number: u64) -> &mut Self {
        self.0.extend_from_slice(name.as_str().as_bytes());
        self.0.extend_from_slice(b": ");
        self.put_decimal(number);
        self.0.extend_from_slice(b"\r\n");
        self
    }

    /// Writes a header of any name. A byte that no header name may have becomes `_`.
    pub fn raw_header(&mut self, name: &[u8], value: &[u8]) -> &mut Self {
        self.put_name(name);
        self.0.extend_from_slice(b": ");
        self.put_value(value);
        self.0.extend_from_slice(b"\r\n");
        self
    }

    /// Copies whole header lines, each with its line end, that were written by a `Writer` before.
    pub fn lines(&mut self, lines: &[u8]) -> &mut Self {
        self.0.extend_from_slice(lines);
        self
    }

    /// Copies a header line to the letter, folds included.
    pub fn copy(&mut self, header: Header<'_>) -> &mut Self {
        self.0.extend_from_slice(header.line);
        self
    }

    /// Copies all headers of that kind to the letter.
    pub fn copy_all(&mut self, message: &Message<'_>, name: HeaderName) -> &mut Self {
        for header in message.all(name) {
            self.copy(header);
        }
        self
    }

    /// Copies every header to the letter, in order, except those for which `skip` says so. Content-Length is
    /// always left out, since the body writes it. Neighbours are copied in one piece.
    pub fn copy_except(&mut self, message: &Message<'_>, skip: impl Fn(HeaderName) -> bool) -> &mut Self {
        let bytes = message.bytes();
        let mut run = 0..0;
        for entry in message.entries() {
            if entry.name == HeaderName::ContentLength || skip(entry.name) {
                continue;
            }
            let line_at = entry.line_at as usize;
            if run.end != line_at {
                self.0.extend_from_slice(&bytes[run]);
                run = line_at..line_at;
            }
            run.end = line_at + usize::from(entry.line_bytes);
        }
        self.0.extend_from_slice(&bytes[run]);
        self
    }

    /// Ends the message with Content-Length, the blank line and this body, to the letter.
    pub fn body(&mut self, body: &[u8]) {
        self.header_number(HeaderName::ContentLength, body.len() as u64);
        self.0.extend_from_slice(b"\r\n");
        self.0.extend_from_slice(body);
    }

    /// Ends the message without a body.
    pub fn empty_body(&mut self) {
        self.0.extend_from_slice(b"Content-Length: 0\r\n\r\n");
    }

    fn copy_first(&mut self, message: &Message<'_>, name: HeaderName) -> &mut Self {
        if let Some(header) = message.header(name) {
            self.copy(header);
        }
        self
    }

    /// The top line with the parameters of its first value changed, the rest of it as it came.
    fn put_top_via(&mut self, line: Header<'_>, via: &Via<'_>, received: Option<IpAddr>, port: u16) {
        let head = via.raw.len() - via.params.len();
        self.0.extend_from_slice(b"Via: ");
        self.0.extend_from_slice(&via.raw[..head]);
        for param in Params::new(via.params).map_while(Result::ok) {
            if param.is(b"received") {
                continue;
            }
            self.0.push(b';');
            self.0.extend_from_slice(param.name);
            if param.is(b"rport") {
                self.0.push(b'=');
                self.put_decimal(u64::from(port));
            } else if let Some(value) = param.value {
                self.0.push(b'=');
                self.0.extend_from_slice(value);
            }
        }
        if let Some(ip) = received {
            self.0.extend_from_slice(b";received=");
            self.put_ip(ip);
        }
        // `via.raw` is the first item of this line's value; what follows it begins with a comma or is the end.
        self.0.extend_from_slice(&line.value[via.raw.len()..]);
        self.0.extend_from_slice(b"\r\n");
    }

    /// A value of ours, unable to end its line.
    fn put_value(&mut self, value: &[u8]) {
        let at = self.0.len();
        self.0.extend_from_slice(value);
        if memchr3(b'\r', b'\n', 0, value).is_some() {
            for byte in &mut self.0[at..] {
                if matches!(byte, b'\r' | b'\n' | 0) {
                    *byte = b' ';
                }
            }
        }
    }

    /// A token of ours; what cannot stand in one becomes `_`.
    fn put_name(&mut self, name: &[u8]) {
        self.0
            .extend(name.iter().map(|&byte| if is_token(byte) { byte } else { b'_' }));
    }

    fn put_decimal(&mut self, number: u64) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut rest = number;
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.0.extend_from_slice(&digits[at..]);
    }

    fn put_ip(&mut self, ip: IpAddr) {
        // Writing into a Vec cannot fail; an address needs no allocation of its own.
        let _infallible = write!(self.0, "{ip}");
    }
}

/// How many bytes of white space, line ends included, a line ends with.
fn trailing_white_space(line: &[u8]) -> usize {
    line.iter()
        .rev()
        .take_while(|&&byte| crate::scan::is_lws(byte))
        .count()
}
