//! Messages on a stream (RFC 3261 §18.3, RFC 5626 §3.5.1).

use sip_message::{Frame, Framer, Limits, ParseError, frame};

const FIRST: &[u8] = b"OPTIONS sip:a@example.com SIP/2.0\r\nSubject: a\r\n b\r\nl: 4\r\n\r\nbody";
const SECOND: &[u8] = b"SIP/2.0 200 OK\r\nContent-Length:0\r\n\r\n";

#[test]
fn messages_are_the_same_wherever_the_stream_is_cut() {
    let stream = [
        b"\r\n\r\n".as_slice(),
        FIRST,
        SECOND,
        b"\r\n",
        SECOND,
        b"\r\n\r\n",
        FIRST,
    ]
    .concat();
    let whole = frames(&stream, stream.len());
    assert_eq!(whole.0, [FIRST, SECOND, SECOND, FIRST]);
    assert_eq!(whole.1, 2, "pings");
    for step in 1..stream.len() {
        assert_eq!(frames(&stream, step), whole, "cut every {step} bytes");
    }
}

#[test]
fn a_ping_that_comes_in_halves_is_one_ping() {
    let mut framer = Framer::default();
    let limits = Limits::default();
    assert_eq!(framer.next(b"\r", &limits), Ok(Frame::Incomplete));
    assert_eq!(
        framer.next(b"\r\n", &limits),
        Ok(Frame::KeepAlive {
            bytes: 2,
            ping: false
        })
    );
    assert_eq!(
        framer.next(b"\r\n", &limits),
        Ok(Frame::KeepAlive { bytes: 2, ping: true })
    );
    assert_eq!(
        framer.next(b"\r\n", &limits),
        Ok(Frame::KeepAlive {
            bytes: 2,
            ping: false
        })
    );
}

#[test]
fn a_stream_needs_exactly_one_content_length() {
    let head = |lines: &str| {
        frame(
            format!("A x:y SIP/2.0\r\n{lines}\r\n").as_bytes(),
            &Limits::default(),
        )
    };
    assert_eq!(head("Subject: a\r\n"), Err(ParseError::LengthMissing));
    for twice in [
        "l: 0\r\nl: 0\r\n",
        "l: 0\r\nContent-Length: 5\r\n",
        "CONTENT-LENGTH: 1\r\nL: 0\r\n",
    ] {
        assert_eq!(head(twice).map_err(|error| error.cause()), Err("repeated_header"));
    }
    for bad in ["l:\r\n", "l: -1\r\n", "l: 1 1\r\n", "l: 0x1\r\n", "l: 1,1\r\n"] {
        assert_eq!(head(bad).map_err(|error| error.cause()), Err("malformed_header"));
    }
}

#[test]
fn what_cannot_become_a_message_is_refused_early() {
    let limits = Limits::default();
    assert_eq!(frame(b"\x16\x03\x01", &limits), Err(ParseError::NotSip));
    let endless = vec![b'a'; limits.message_bytes_max + 1];
    assert_eq!(
        frame(&endless, &limits).map_err(|error| error.cause()),
        Err("message_too_large")
    );
    let large = b"A x:y SIP/2.0\r\nl: 65536\r\n\r\n";
    assert_eq!(
        frame(large, &limits).map_err(|error| error.cause()),
        Err("body_too_large")
    );
    let lf = b"A x:y SIP/2.0\r\nSubject: a\nl: 0\r\n\r\n";
    assert_eq!(
        frame(lf, &limits).map_err(|error| error.cause()),
        Err("bare_line_end")
    );
}

#[test]
fn a_long_message_that_trickles_in_is_looked_at_once() {
    let body = vec![b'x'; 60_000];
    let mut message = b"A x:y SIP/2.0\r\nX: ".to_vec();
    message.extend(std::iter::repeat_n(b'y', 4_000));
    message.extend_from_slice(b"\r\nl: 60000\r\n\r\n");
    message.extend_from_slice(&body);
    let mut framer = Framer::default();
    for end in 0..message.len() {
        assert_eq!(
            framer.next(&message[..end], &Limits::default()),
            Ok(Frame::Incomplete)
        );
    }
    assert_eq!(
        framer.next(&message, &Limits::default()),
        Ok(Frame::Message { bytes: message.len() })
    );
}

/// The messages of a stream that arrives `step` bytes at a time, and the pings in it.
pub(crate) fn frames(stream: &[u8], step: usize) -> (Vec<Vec<u8>>, usize) {
    let mut framer = Framer::default();
    let mut buffer = Vec::new();
    let mut messages = Vec::new();
    let mut pings = 0;
    for piece in stream.chunks(step) {
        buffer.extend_from_slice(piece);
        loop {
            match framer
                .next(&buffer, &Limits::default())
                .expect("the stream is well-formed")
            {
                Frame::Incomplete => break,
                Frame::KeepAlive { bytes, ping } => {
                    pings += usize::from(ping);
                    buffer.drain(..bytes);
                }
                Frame::Message { bytes } => messages.push(buffer.drain(..bytes).collect()),
            }
        }
    }
    assert!(buffer.is_empty());
    (messages, pings)
}
