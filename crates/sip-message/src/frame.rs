use memchr::memmem;

use crate::index::{Line, content_length};
use crate::scan::is_token;
use crate::{HeaderName, Limits, ParseError};

/// What stands at the beginning of a stream's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// Not all of it is here yet.
    Incomplete,
    /// Line ends between messages, to be skipped.
    KeepAlive {
        /// How many bytes to skip.
        bytes: usize,
        /// Whether this is a double CRLF, to be answered with one CRLF (RFC 5626 §3.5.1).
        ping: bool,
    },
    /// One whole message.
    Message {
        /// Its length, body included.
        bytes: usize,
    },
}

/// Finds the message at the beginning of a stream's buffer (RFC 3261 §18.3). An error leaves no way to find
/// the next message: the connection is to be closed.
///
/// Each call looks at the whole head again; for bytes that trickle in there is [`Framer`].
pub fn frame(buffer: &[u8], limits: &Limits) -> Result<Frame, ParseError> {
    Framer::default().next(buffer, limits)
}

/// The same as [`frame`], remembering what it has looked at: bytes that arrive one by one cost one look each.
///
/// The buffer given must begin where the last frame ended, and only grow until there is a frame; the caller
/// takes the bytes of a frame away before the next call.
#[derive(Debug, Clone, Default)]
pub struct Framer {
    /// No blank line begins before this offset.
    scanned: usize,
    /// Length of the message whose head is known.
    wanted: Option<usize>,
    /// The last frame was a single CRLF: with another one they are a ping.
    half_ping: bool,
}

impl Framer {
    /// Looks at the buffer again after it has grown or lost its first frame.
    pub fn next(&mut self, buffer: &[u8], limits: &Limits) -> Result<Frame, ParseError> {
        let frame = self.look(buffer, limits)?;
        match frame {
            Frame::Incomplete => {}
            Frame::KeepAlive { bytes, ping } => {
                *self = Self {
                    half_ping: bytes == 2 && !ping,
                    ..Self::default()
                };
            }
            Frame::Message { .. } => *self = Self::default(),
        }
        Ok(frame)
    }

    fn look(&mut self, buffer: &[u8], limits: &Limits) -> Result<Frame, ParseError> {
        let wanted = match (self.wanted, buffer) {
            (Some(wanted), _) => wanted,
            (None, [] | [b'\r']) => return Ok(Frame::Incomplete),
            (None, [b'\r', b'\n', rest @ ..]) => {
                return Ok(match rest {
                    _ if self.half_ping => Frame::KeepAlive { bytes: 2, ping: true },
                    [b'\r', b'\n', ..] => Frame::KeepAlive { bytes: 4, ping: true },
                    _ => Frame::KeepAlive {
                        bytes: 2,
                        ping: false,
                    },
                });
            }
            (None, [first, ..]) if !is_token(*first) => return Err(ParseError::NotSip),
            (None, _) => {
                let Some(head) = self.find_head(buffer, limits)? else {
                    return Ok(Frame::Incomplete);
                };
                let wanted = message_bytes(&buffer[..head], limits)?;
                self.wanted = Some(wanted);
                wanted
            }
        };
        Ok(if buffer.len() >= wanted {
            Frame::Message { bytes: wanted }
        } else {
            Frame::Incomplete
        })
    }

    /// The length of the head with its blank line.
    fn find_head(&mut self, buffer: &[u8], limits: &Limits) -> Result<Option<usize>, ParseError> {
        let max = limits.message_bytes_max;
        if let Some(found) = memmem::find(&buffer[self.scanned..], b"\r\n\r\n") {
            return Ok(Some(self.scanned + found + 4));
        }
        if buffer.len() > max {
            return Err(ParseError::MessageTooLarge {
                got: buffer.len(),
                max,
            });
        }
        self.scanned = buffer.len().saturating_sub(3);
        Ok(None)
    }
}

/// The length of the message with this head; Content-Length is mandatory, and twice is once too often.
fn message_bytes(head: &[u8], limits: &Limits) -> Result<usize, ParseError> {
    let mut declared = None;
    let mut at = memmem::find(head, b"\r\n").map_or(head.len(), |end| end + 2);
    while at + 2 < head.len() {
        let line = Line::read(head, at)?;
        if line.name == HeaderName::ContentLength {
            if declared.is_some() {
                return Err(ParseError::RepeatedHeader(HeaderName::ContentLength));
            }
            declared = Some(content_length(&head[line.value_at..line.value_end])?);
        }
        at = line.next;
    }
    let body = declared.ok_or(ParseError::LengthMissing)?;
    if body > limits.body_bytes_max {
        return Err(ParseError::BodyTooLarge {
            got: body,
            max: limits.body_bytes_max,
        });
    }
    let (got, max) = (head.len() + body, limits.message_bytes_max);
    if got > max {
        Err(ParseError::MessageTooLarge { got, max })
    } else {
        Ok(got)
    }
}
