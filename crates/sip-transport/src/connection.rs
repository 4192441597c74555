//! One stream connection: bytes to messages, messages to bytes, never waiting for the peer.

use std::io::{self, ErrorKind, Read, Write};
use std::net::IpAddr;

use sip_message::{Frame, Framer, Limits, ParseError};
use sip_transaction::Flow;
use tokio::time::Instant;

use crate::outbox::Outbox;
use crate::settings::TransportLimits;
use crate::shard::Arrival;
use crate::stats::TransportStats;

/// A connection that stands, or that we are opening. It ends when the peer closes or errs, when its bytes are
/// not SIP, or when a limit of time or memory is passed; it is never read or written while it would block.
pub(crate) struct Connection {
    /// The way back: what messages of this connection are handed up with.
    pub(crate) flow: Flow,
    /// Who pays for it in the count per source; `None` if we opened it.
    pub(crate) source: Option<IpAddr>,
    pub(crate) stream: mio::net::TcpStream,
    /// Since when we try to open it.
    pub(crate) connecting_since: Option<Instant>,
    /// Whether it stands in the queue of those to be read.
    pub(crate) unread: bool,
    /// When its time limits are looked at next.
    pub(crate) due: Instant,
    framer: Framer,
    /// Bytes of an incomplete message, or what a turn had no room for.
    partial: Vec<u8>,
    /// Since when a message is incomplete, or the first one awaited.
    message_since: Option<Instant>,
    unsent: Vec<u8>,
    /// How much of `unsent` has left.
    written: usize,
    last_active: Instant,
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// The peer closed it or it broke.
    Peer,
    /// Its bytes cannot be framed, for this cause.
    Unframeable(&'static str),
    /// It could not be opened in time, or at all.
    NotOpened,
    /// A message took too long to arrive.
    Slow,
    /// Nothing came or went.
    Idle,
    /// The peer does not read.
    Stalled,
    /// All connections together hold too much.
    Memory,
}

impl Connection {
    pub(crate) fn accepted(flow: Flow, stream: mio::net::TcpStream, source: IpAddr, now: Instant) -> Self {
        Self {
            source: Some(source),
            message_since: Some(now),
            ..Self::new(flow, stream, now)
        }
    }

    pub(crate) fn opening(flow: Flow, stream: mio::net::TcpStream, now: Instant) -> Self {
        Self {
            connecting_since: Some(now),
            ..Self::new(flow, stream, now)
        }
    }

    fn new(flow: Flow, stream: mio::net::TcpStream, now: Instant) -> Self {
        Self {
            flow,
            source: None,
            stream,
            connecting_since: None,
            unread: false,
            due: now,
            framer: Framer::default(),
            partial: Vec::new(),
            message_since: None,
            unsent: Vec::new(),
            written: 0,
            last_active: now,
        }
    }

    /// The next time limit, and what it means to pass it.
    pub(crate) fn deadline(&self, limits: &TransportLimits) -> (Instant, Ending) {
        if let Some(since) = self.connecting_since {
            return (since + limits.connect_timeout, Ending::NotOpened);
        }
        let idle = self.last_active + limits.idle_timeout;
        match self.message_since.map(|since| since + limits.message_timeout) {
            Some(slow) if slow < idle => (slow, Ending::Slow),
            _ => (idle, Ending::Idle),
        }
    }

    /// Bytes it holds, unsent or incomplete.
    pub(crate) fn held(&self) -> usize {
        self.partial.len() + self.unsent.len() - self.written
    }

    /// Whether the connection stands now; to be asked when the system says that something happened to it.
    pub(crate) fn has_opened(&mut self, now: Instant) -> Result<bool, Ending> {
        if self.connecting_since.is_none() {
            return Ok(true);
        }
        if !matches!(self.stream.take_error(), Ok(None)) {
            return Err(Ending::NotOpened);
        }
        match self.stream.peer_addr() {
            Ok(_) => {
                self.connecting_since = None;
                self.last_active = now;
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
            Err(_) => Err(Ending::NotOpened),
        }
    }

    /// Hands up at most `budget` messages and takes them off it; says whether there may be more.
    pub(crate) fn read(
        &mut self,
        turn: &mut ReadTurn<'_>,
        outbox: &mut Outbox,
        each: &mut dyn FnMut(Arrival<'_>, &mut Outbox),
    ) -> Result<bool, Ending> {
        if !self.partial.is_empty() {
            self.hand_up_partial(turn, outbox, each)?;
        }
        for _ in 0..READS_PER_TURN {
            if turn.budget == 0 {
                return Ok(true);
            }
            let count = match self.stream.read(turn.scratch) {
                Ok(0) => return Err(Ending::Peer),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return Err(Ending::Peer),
            };
            outbox.ledger.stats.stream_bytes_in += count as u64;
            self.last_active = turn.now;
            if self.partial.is_empty() {
                let bytes = &turn.scratch[..count];
                let taken = hand_up(
                    self.flow,
                    &mut self.framer,
                    bytes,
                    turn.limits,
                    &mut turn.budget,
                    outbox,
                    each,
                );
                let taken = taken.map_err(|error| Ending::Unframeable(error.cause()))?;
                self.partial.extend_from_slice(&bytes[taken.bytes..]);
                self.note_progress(taken, turn.now, outbox)?;
            } else {
                self.partial.extend_from_slice(&turn.scratch[..count]);
                self.hand_up_partial(turn, outbox, each)?;
            }
        }
        Ok(true)
    }

    fn hand_up_partial(
        &mut self,
        turn: &mut ReadTurn<'_>,
        outbox: &mut Outbox,
        each: &mut dyn FnMut(Arrival<'_>, &mut Outbox),
    ) -> Result<(), Ending> {
        let taken = hand_up(
            self.flow,
            &mut self.framer,
            &self.partial,
            turn.limits,
            &mut turn.budget,
            outbox,
            each,
        );
        let taken = taken.map_err(|error| Ending::Unframeable(error.cause()))?;
        self.partial.drain(..taken.bytes);
        self.note_progress(taken, turn.now, outbox)
    }

    fn note_progress(&mut self, taken: Taken, now: Instant, outbox: &mut Outbox) -> Result<(), Ending> {
        if self.partial.is_empty() {
            self.message_since = None;
            if self.partial.capacity() > KEPT_BYTES {
                self.partial = Vec::new();
            }
        } else if taken.bytes > 0 || self.message_since.is_none() {
            self.message_since = Some(now);
        }
        // A peer that does not read what it was sent gets no pong on top.
        if taken.pinged && self.unsent.len() - self.written < PONG_ABOVE_BYTES_MAX {
            outbox.ledger.stats.stream_pings_in += 1;
            self.unsent.extend_from_slice(PONG);
            self.write(now, &mut outbox.ledger.stats)?;
        }
        Ok(())
    }

    /// Puts a message behind what is unsent; an error if the peer has let too much pile up.
    pub(crate) fn enqueue(
        &mut self,
        message: &[u8],
        max: usize,
        now: Instant,
        stats: &mut TransportStats,
    ) -> Result<(), Ending> {
        let full = |unsent: usize| unsent + message.len() > max;
        if full(self.unsent.len() - self.written) {
            self.write(now, stats)?;
            if full(self.unsent.len() - self.written) {
                return Err(if self.connecting_since.is_some() {
                    Ending::NotOpened
                } else {
                    Ending::Stalled
                });
            }
        }
        self.unsent.extend_from_slice(message);
        stats.stream_messages_out += 1;
        Ok(())
    }

    /// Writes what the peer takes now.
    pub(crate) fn write(&mut self, now: Instant, stats: &mut TransportStats) -> Result<(), Ending> {
        if self.connecting_since.is_some() {
            return Ok(());
        }
        while self.written < self.unsent.len() {
            match self.stream.write(&self.unsent[self.written..]) {
                Ok(0) => return Err(Ending::Peer),
                Ok(count) => {
                    self.written += count;
                    self.last_active = now;
                    stats.stream_bytes_out += count as u64;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Ending::Peer),
            }
        }
        if self.written == self.unsent.len() {
            self.unsent.clear();
            self.written = 0;
            if self.unsent.capacity() > KEPT_BYTES {
                self.unsent = Vec::new();
            }
        } else if self.written > self.unsent.len() / 2 {
            self.unsent.drain(..self.written);
            self.written = 0;
        }
        Ok(())
    }

    /// Takes the stream off the poll.
    pub(crate) fn deregister(&mut self, registry: &mio::Registry) -> io::Result<()> {
        registry.deregister(&mut self.stream)
    }
}

/// What a connection may use while it is read.
pub(crate) struct ReadTurn<'a> {
    pub(crate) scratch: &'a mut [u8],
    pub(crate) limits: &'a Limits,
    pub(crate) now: Instant,
    /// Messages that may still be handed up.
    pub(crate) budget: usize,
}

/// What was taken off the front of a buffer.
#[derive(Clone, Copy)]
struct Taken {
    bytes: usize,
    /// Whether there was a keep-alive ping in it. Several in one read get one pong.
    pinged: bool,
}

fn hand_up(
    flow: Flow,
    framer: &mut Framer,
    buffer: &[u8],
    limits: &Limits,
    budget: &mut usize,
    outbox: &mut Outbox,
    each: &mut dyn FnMut(Arrival<'_>, &mut Outbox),
) -> Result<Taken, ParseError> {
    let mut taken = Taken {
        bytes: 0,
        pinged: false,
    };
    while *budget > 0 {
        let rest = &buffer[taken.bytes..];
        match framer.next(rest, limits)? {
            Frame::Incomplete => break,
            Frame::KeepAlive { bytes, ping } => {
                taken.bytes += bytes;
                taken.pinged |= ping;
            }
            Frame::Message { bytes } => {
                taken.bytes += bytes;
                *budget -= 1;
                outbox.ledger.stats.stream_messages_in += 1;
                each(
                    Arrival::Message {
                        flow,
                        bytes: &rest[..bytes],
                    },
                    outbox,
                );
            }
        }
    }
    Ok(taken)
}

/// A CRLF answers a double CRLF (RFC 5626 §4.4.1).
const PONG: &[u8] = b"\r\n";
const PONG_ABOVE_BYTES_MAX: usize = 4096;
/// A connection with more to say than this waits until the others have had their turn.
const READS_PER_TURN: usize = 4;
/// Memory that a quiet connection keeps, per direction.
const KEPT_BYTES: usize = 4096;
