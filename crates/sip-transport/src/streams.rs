//! The stream connections of one shard: accepting, opening, time limits, memory.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::RawFd;
use std::task::{Context, Poll};
use std::time::Duration;

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Token};
use sip_transaction::{Flow, Transport};
use tokio::io::unix::AsyncFd;
use tokio::time::Instant;

use crate::connection::{Connection, Ending, ReadTurn};
use crate::outbox::{Ledger, Outbox, Pile, Report};
use crate::settings::{Gate, TransportLimits};
use crate::shard::Arrival;
use crate::sockets;

/// All stream sockets of a shard. They have a poll of their own, of which the runtime watches one descriptor, so
/// that a turn costs what happened in it and not how many connections stand.
pub(crate) struct Streams {
    shard: u8,
    limits: TransportLimits,
    poll: AsyncFd<mio::Poll>,
    events: Events,
    doors: Vec<Door>,
    connections: HashMap<u32, Connection>,
    /// The connection to use for a peer, by listener and address.
    by_remote: HashMap<(u16, SocketAddr), u32>,
    accepted_per_source: HashMap<IpAddr, usize>,
    /// When to look at the time limits of which connection; one entry for each, and one under
    /// [`NO_CONNECTION`] when accepting is to be tried again.
    timers: BTreeSet<(Instant, u32)>,
    /// Connections that may have bytes for us.
    unread: VecDeque<u32>,
    /// Connections that were given messages in this flush.
    touched: Vec<u32>,
    scratch: Box<[u8]>,
    /// Sum of [`Connection::held`].
    held: usize,
    last_number: u32,
}

/// A listening socket.
struct Door {
    socket: mio::net::TcpListener,
    listener: u16,
    transport: Transport,
    address: SocketAddr,
    /// Whether somebody may be waiting.
    knocked: bool,
}

impl Streams {
    pub(crate) fn new(shard: u8, limits: TransportLimits) -> io::Result<Self> {
        Ok(Self {
            shard,
            limits,
            poll: sockets::watch_readable(mio::Poll::new()?)?,
            events: Events::with_capacity(EVENTS_PER_CALL),
            doors: Vec::new(),
            connections: HashMap::new(),
            by_remote: HashMap::new(),
            accepted_per_source: HashMap::new(),
            timers: BTreeSet::new(),
            unread: VecDeque::new(),
            touched: Vec::new(),
            scratch: vec![0; SCRATCH_BYTES].into_boxed_slice(),
            held: 0,
            last_number: NO_CONNECTION,
        })
    }

    /// Listens on one more address; returns the address it got.
    pub(crate) fn listen(
        &mut self,
        listener: u16,
        transport: Transport,
        address: SocketAddr,
    ) -> io::Result<SocketAddr> {
        let mut socket = sockets::listener(address)?;
        let address = socket.local_addr()?;
        let token = Token(DOORS + self.doors.len());
        self.poll
            .get_ref()
            .registry()
            .register(&mut socket, token, Interest::READABLE)?;
        self.doors.push(Door {
            socket,
            listener,
            transport,
            address,
            knocked: false,
        });
        Ok(address)
    }

    /// Wakes the shard when the network reports a failure on a datagram socket. Its packets wake it elsewhere.
    pub(crate) fn watch_failures(&mut self, socket: usize, fd: RawFd) -> io::Result<()> {
        let token = Token(DATAGRAM_SOCKETS + socket);
        self.poll
            .get_ref()
            .registry()
            .register(&mut SourceFd(&fd), token, Interest::PRIORITY)
    }

    pub(crate) fn poll_ready(&self, context: &mut Context<'_>) -> Poll<()> {
        self.poll.poll_read_ready(context).map(drop)
    }

    pub(crate) fn has_unread(&self) -> bool {
        !self.unread.is_empty() || self.doors.iter().any(|door| door.knocked)
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    pub(crate) fn bytes_held(&self) -> usize {
        self.held
    }

    /// Learns what happened to the sockets, accepts who waits, and lets time limits take effect.
    pub(crate) fn turn(
        &mut self,
        now: Instant,
        gate: &dyn Gate,
        ledger: &mut Ledger,
        datagram_failure: &mut dyn FnMut(usize, &mut Ledger),
    ) {
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        loop {
            let polled = self.poll.try_io_mut(tokio::io::Interest::READABLE, |poll| {
                poll.poll(&mut events, Some(Duration::ZERO))?;
                let count = events.iter().count();
                // Fewer than there is room for: the poll is empty, no need to ask it again.
                if count < EVENTS_PER_CALL {
                    Err(ErrorKind::WouldBlock.into())
                } else {
                    Ok(())
                }
            });
            for event in &events {
                self.note(event, now, ledger, datagram_failure);
            }
            events.clear();
            if polled.is_err() {
                break;
            }
        }
        self.events = events;
        for door in 0..self.doors.len() {
            self.accept(door, now, gate, ledger);
        }
        self.pass_deadlines(now, ledger);
    }

    fn note(
        &mut self,
        event: &Event,
        now: Instant,
        ledger: &mut Ledger,
        datagram_failure: &mut dyn FnMut(usize, &mut Ledger),
    ) {
        let Token(token) = event.token();
        let Ok(number) = u32::try_from(token) else {
            match (token.checked_sub(DATAGRAM_SOCKETS), token - DOORS) {
                (Some(socket), _) => datagram_failure(socket, ledger),
                (None, door) => self.doors[door].knocked = true,
            }
            return;
        };
        let Some(connection) = self.connections.get_mut(&number) else {
            return;
        };
        let was_opening = connection.connecting_since.is_some();
        match connection.has_opened(now) {
            Err(ending) => return self.close(number, ending, ledger),
            Ok(false) => return,
            Ok(true) => {}
        }
        if was_opening {
            ledger.stats.connections_opened += 1;
        }
        if !std::mem::replace(&mut connection.unread, true) {
            self.unread.push_back(number);
        }
        if event.is_writable() || was_opening {
            self.write(number, now, ledger);
        }
    }

    fn accept(&mut self, door: usize, now: Instant, gate: &dyn Gate, ledger: &mut Ledger) {
        for _ in 0..ACCEPTS_PER_TURN {
            let door = &mut self.doors[door];
            if !door.knocked {
                return;
            }
            match door.socket.accept() {
                Ok((stream, remote)) => {
                    let (transport, listener) = (door.transport, door.listener);
                    let flow = Flow {
                        transport,
                        shard: self.shard,
                        listener,
                        connection: NO_CONNECTION,
                        remote,
                    };
                    self.admit(flow, stream, now, gate, ledger);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => door.knocked = false,
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::Interrupted | ErrorKind::ConnectionAborted
                    ) => {}
                Err(error) => {
                    // Most likely out of descriptors: those who wait keep waiting, and we do not spin.
                    tracing::warn!(%error, "cannot accept a connection");
                    ledger.stats.accept_failures += 1;
                    door.knocked = false;
                    self.timers.insert((now + ACCEPT_AGAIN_AFTER, NO_CONNECTION));
                }
            }
        }
    }

    fn admit(
        &mut self,
        flow: Flow,
        mut stream: mio::net::TcpStream,
        now: Instant,
        gate: &dyn Gate,
        ledger: &mut Ledger,
    ) {
        let source = payer(flow.remote.ip());
        let from_source = self.accepted_per_source.get(&source).copied().unwrap_or(0);
        if !gate.admit(flow.remote.ip()) {
            ledger.stats.connections_refused_gate += 1;
        } else if self.connections.len() >= self.limits.connections_max {
            ledger.stats.connections_refused_total += 1;
        } else if from_source >= self.limits.connections_per_source_max {
            ledger.stats.connections_refused_source += 1;
        } else {
            let flow = Flow {
                connection: self.next_number(),
                ..flow
            };
            // Without it answers may wait 40 ms for an acknowledgement; with it failing, they only do that.
            let _slower = stream.set_nodelay(true);
            if self.register(&mut stream, flow.connection).is_ok() {
                self.accepted_per_source.insert(source, from_source + 1);
                ledger.stats.connections_accepted += 1;
                self.insert(Connection::accepted(flow, stream, source, now), ledger);
            }
        }
    }

    /// A number that no connection has, and that none had for four billion connections.
    fn next_number(&mut self) -> u32 {
        loop {
            self.last_number = self.last_number.wrapping_add(1);
            if self.last_number != NO_CONNECTION && !self.connections.contains_key(&self.last_number) {
                return self.last_number;
            }
        }
    }

    fn register(&mut self, stream: &mut mio::net::TcpStream, number: u32) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .get_ref()
            .registry()
            .register(stream, Token(number as usize), interest)
    }

    fn insert(&mut self, mut connection: Connection, ledger: &mut Ledger) {
        let flow = connection.flow;
        connection.due = connection.deadline(&self.limits).0;
        self.timers.insert((connection.due, flow.connection));
        self.by_remote
            .insert((flow.listener, flow.remote), flow.connection);
        self.connections.insert(flow.connection, connection);
        ledger.stats.connections_open = self.connections.len() as u64;
    }

    fn pass_deadlines(&mut self, now: Instant, ledger: &mut Ledger) {
        while let Some(&(at, number)) = self.timers.first().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, number));
            let Some(connection) = self.connections.get_mut(&number) else {
                self.doors.iter_mut().for_each(|door| door.knocked = true);
                continue;
            };
            let (due, ending) = connection.deadline(&self.limits);
            if due <= now {
                self.close(number, ending, ledger);
            } else {
                connection.due = due;
                self.timers.insert((due, number));
            }
        }
    }

    /// Hands up at most `max` messages, a share of them from each connection that has some.
    pub(crate) fn read(
        &mut self,
        max: usize,
        now: Instant,
        outbox: &mut Outbox,
        each: &mut dyn FnMut(Arrival<'_>, &mut Outbox),
    ) -> usize {
        let mut taken = 0;
        for _ in 0..self.unread.len() {
            if taken == max {
                break;
            }
            let Some(number) = self.unread.pop_front() else {
                break;
            };
            let Some(connection) = self.connections.get_mut(&number) else {
                continue;
            };
            let held = connection.held();
            let share = (max - taken).min(MESSAGES_PER_TURN);
            let limits = &self.limits.message;
            let mut turn = ReadTurn {
                scratch: &mut self.scratch,
                limits,
                now,
                budget: share,
            };
            let outcome = connection.read(&mut turn, outbox, each);
            taken += share - turn.budget;
            self.held = self.held + connection.held() - held;
            match outcome {
                Ok(more) => {
                    connection.unread = more;
                    if more {
                        self.unread.push_back(number);
                    }
                    self.settle(number, &mut outbox.ledger);
                }
                Err(ending) => self.close(number, ending, &mut outbox.ledger),
            }
        }
        taken
    }

    /// After a connection was read or written: its time limit may be nearer, its memory too much.
    fn settle(&mut self, number: u32, ledger: &mut Ledger) {
        let Some(connection) = self.connections.get_mut(&number) else {
            return;
        };
        let (due, _) = connection.deadline(&self.limits);
        if due < connection.due {
            self.timers.remove(&(connection.due, number));
            self.timers.insert((due, number));
            connection.due = due;
        }
        if self.held > self.limits.stream_memory_bytes_max {
            self.close(number, Ending::Memory, ledger);
        }
    }

    /// Puts messages on their connections, opens those that are missing, and writes what the peers take.
    pub(crate) fn send(&mut self, now: Instant, pile: &mut Pile<Flow>, ledger: &mut Ledger) {
        for (flow, message) in pile.iter_from(0) {
            if let Some(number) = self.connection_for(flow, now, ledger) {
                self.enqueue(number, flow, message, now, ledger);
            } else {
                ledger.report(Report::SendFailed(*flow));
            }
        }
        pile.forget(pile.len());
        let mut touched = std::mem::take(&mut self.touched);
        for number in touched.drain(..) {
            self.write(number, now, ledger);
        }
        self.touched = touched;
    }

    fn enqueue(&mut self, number: u32, flow: &Flow, message: &[u8], now: Instant, ledger: &mut Ledger) {
        let Some(connection) = self.connections.get_mut(&number) else {
            return;
        };
        let held = connection.held();
        let outcome = connection.enqueue(
            message,
            self.limits.stream_queue_bytes_max,
            now,
            &mut ledger.stats,
        );
        self.held = self.held + connection.held() - held;
        match outcome {
            Ok(()) if self.held > self.limits.stream_memory_bytes_max => {
                self.close(number, Ending::Memory, ledger)
            }
            Ok(()) => {
                if self.touched.last() != Some(&number) {
                    self.touched.push(number);
                }
            }
            Err(ending) => {
                ledger.report(Report::SendFailed(*flow));
                self.close(number, ending, ledger);
            }
        }
    }

    fn write(&mut self, number: u32, now: Instant, ledger: &mut Ledger) {
        let Some(connection) = self.connections.get_mut(&number) else {
            return;
        };
        let held = connection.held();
        let outcome = connection.write(now, &mut ledger.stats);
        self.held = self.held + connection.held() - held;
        if let Err(ending) = outcome {
            self.close(number, ending, ledger);
        }
    }

    /// The connection on which a flow's messages leave, opened if the flow leaves that to us.
    fn connection_for(&mut self, flow: &Flow, now: Instant, ledger: &mut Ledger) -> Option<u32> {
        if flow.connection != NO_CONNECTION {
            let stands = self.connections.contains_key(&flow.connection);
            ledger.stats.unroutable += u64::from(!stands);
            return stands.then_some(flow.connection);
        }
        if let Some(number) = self.by_remote.get(&(flow.listener, flow.remote)) {
            return Some(*number);
        }
        if self.connections.len() >= self.limits.connections_max {
            ledger.stats.connections_refused_total += 1;
            return None;
        }
        let opened = self.open(flow, now, ledger);
        if opened.is_none() {
            ledger.stats.connections_failed += 1;
        }
        opened
    }

    fn open(&mut self, flow: &Flow, now: Instant, ledger: &mut Ledger) -> Option<u32> {
        let from = self
            .doors
            .iter()
            .find(|door| door.listener == flow.listener)?
            .address;
        let mut stream = sockets::stream(from, flow.remote).ok()?;
        let flow = Flow {
            connection: self.next_number(),
            ..*flow
        };
        self.register(&mut stream, flow.connection).ok()?;
        self.insert(Connection::opening(flow, stream, now), ledger);
        Some(flow.connection)
    }

    fn close(&mut self, number: u32, ending: Ending, ledger: &mut Ledger) {
        let Some(mut connection) = self.connections.remove(&number) else {
            return;
        };
        let flow = connection.flow;
        // Dropping the stream takes it off the poll in any case.
        let _already_off = connection.deregister(self.poll.get_ref().registry());
        self.held -= connection.held();
        self.timers.remove(&(connection.due, number));
        if self.by_remote.get(&(flow.listener, flow.remote)) == Some(&number) {
            self.by_remote.remove(&(flow.listener, flow.remote));
        }
        if let Some(source) = connection.source
            && let Some(count) = self.accepted_per_source.get_mut(&source)
        {
            *count -= 1;
            if *count == 0 {
                self.accepted_per_source.remove(&source);
            }
        }
        let stats = &mut ledger.stats;
        stats.connections_open = self.connections.len() as u64;
        match ending {
            Ending::Peer => {}
            Ending::NotOpened => stats.connections_failed += 1,
            Ending::Unframeable(_) => stats.stream_framing_refused += 1,
            Ending::Slow => stats.connections_closed_slow += 1,
            Ending::Idle => stats.connections_closed_idle += 1,
            Ending::Stalled => stats.connections_closed_stalled += 1,
            Ending::Memory => stats.connections_closed_memory += 1,
        }
        if let Ending::Unframeable(cause) = ending {
            ledger.report(Report::Refused(flow, cause));
        }
        ledger.report(if connection.connecting_since.is_some() {
            Report::SendFailed(Flow {
                connection: NO_CONNECTION,
                ..flow
            })
        } else {
            Report::ConnectionClosed(flow)
        });
    }
}

/// Who an accepted connection counts against: an IPv4 address, or the /64 of an IPv6 one, as its user can choose
/// the rest at will.
fn payer(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

/// The number that asks for a connection instead of naming one.
const NO_CONNECTION: u32 = 0;
/// Tokens up to `u32::MAX` are connection numbers, then come listening sockets, then datagram sockets.
const DOORS: usize = 1 << 40;
const DATAGRAM_SOCKETS: usize = 1 << 41;
const EVENTS_PER_CALL: usize = 256;
const ACCEPTS_PER_TURN: usize = 64;
/// Messages that one connection may hand up in a turn while others wait.
const MESSAGES_PER_TURN: usize = 32;
const SCRATCH_BYTES: usize = 64 * 1024;
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);
