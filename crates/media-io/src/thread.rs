//! One media thread: waits for packets, orders and the next 20 ms, and moves what the sessions say.

use crate::inbox::Inbox;
use crate::outbox::Outbox;
use crate::ports::Ports;
use crate::threads::MediaSettings;
use media::{
    FRAME_TIME, Library, MediaCommand, MediaEvent, MediaId, MediaStats, OpenFault, PACKET_MAX, Peer, Session,
    Side,
};
use mio::{Events, Poll, Token};
use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

pub(crate) const WAKE: Token = Token(usize::MAX);

pub(crate) struct MediaThread {
    settings: MediaSettings,
    poll: Poll,
    inbox: Arc<Inbox>,
    orders: Receiver<MediaCommand>,
    outbox: Outbox,
    library: Arc<Library>,
    seed: u64,
    /// Sessions by slot; a slot gives its four sockets their tokens.
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
    by_id: HashMap<MediaId, usize>,
    /// Slots that want frames, and when the next is due.
    paced: Vec<usize>,
    next_frame: Instant,
    next_watch: Instant,
    /// Sockets that had more to read than one turn takes.
    unread: Vec<Token>,
    orders_left: bool,
    datagram: Box<[u8; DATAGRAM_MAX]>,
}

struct Slot {
    session: Session,
    ports: [Option<Ports>; 2],
    paced: bool,
}

impl MediaThread {
    pub(crate) fn new(
        settings: MediaSettings,
        poll: Poll,
        inbox: Arc<Inbox>,
        orders: Receiver<MediaCommand>,
        outbox: Outbox,
        library: Arc<Library>,
        seed: u64,
    ) -> MediaThread {
        let now = Instant::now();
        MediaThread {
            settings,
            poll,
            inbox,
            orders,
            outbox,
            library,
            seed,
            slots: Vec::new(),
            free: Vec::new(),
            by_id: HashMap::new(),
            paced: Vec::new(),
            next_frame: now,
            next_watch: now + WATCH_EVERY,
            unread: Vec::new(),
            orders_left: false,
            datagram: Box::new([0; DATAGRAM_MAX]),
        }
    }

    /// Works until stopped.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS_A_TURN);
        let mut again = Vec::new();
        while !self.inbox.is_stopped() {
            let timeout = self.patience(Instant::now());
            if let Err(error) = self.poll.poll(&mut events, timeout)
                && error.kind() != ErrorKind::Interrupted
            {
                tracing::error!(%error, "a media thread cannot wait for packets and ends");
                return;
            }
            let now = Instant::now();
            // Orders first: who orders something and then causes a packet finds the order obeyed.
            self.obey(now);
            std::mem::swap(&mut again, &mut self.unread);
            for token in again.drain(..) {
                self.read(now, token);
            }
            for event in &events {
                if event.token() != WAKE {
                    self.read(now, event.token());
                }
            }
            self.pace(now);
            self.watch(now);
            self.outbox.deliver();
        }
    }

    /// How long to wait when no packet comes. While calls are merely relayed, only the watch over silence is due.
    fn patience(&self, now: Instant) -> Option<Duration> {
        if self.orders_left || !self.unread.is_empty() {
            return Some(Duration::ZERO);
        }
        let frame = (!self.paced.is_empty()).then_some(self.next_frame);
        let retry = self.outbox.is_waiting().then_some(now + FRAME_TIME);
        let watch = (!self.by_id.is_empty()).then_some(self.next_watch);
        let due = [frame, retry, watch].into_iter().flatten().min()?;
        Some(due.saturating_duration_since(now))
    }

    /// Reads a socket until it is empty or has had its turn.
    fn read(&mut self, now: Instant, token: Token) {
        let (slot_at, side, is_rtcp) = address(token);
        let Some(slot) = self.slots.get_mut(slot_at).and_then(Option::as_mut) else {
            return;
        };
        let [a, b] = &slot.ports;
        let (here, there) = match side {
            Side::A => (a, b),
            Side::B => (b, a),
        };
        let Some(here) = here else { return };
        let socket = if is_rtcp { &here.rtcp } else { &here.rtp };
        let buffer = &mut self.datagram[..];
        let mut errors = 0;
        for _ in 0..DATAGRAMS_A_TURN {
            let (len, from) = match socket.recv_from(buffer) {
                Ok(received) => received,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Self::note_paced(slot, slot_at, &mut self.paced, &mut self.next_frame, now);
                }
                // Such as an ICMP error for a packet sent before: it says nothing about what waits to be read.
                Err(_) => {
                    errors += 1;
                    continue;
                }
            };
            let bytes = &mut buffer[..len];
            let to = if is_rtcp {
                slot.session.hear_rtcp(now, side, from)
            } else {
                slot.session.hear(now, side, from, bytes, &mut self.outbox.fresh)
            };
            let (Some(to), Some(there)) = (to, there) else {
                continue;
            };
            let out = if is_rtcp { &there.rtcp } else { &there.rtp };
            if out.send_to(bytes, to).is_err() {
                slot.session.note_unsent(side.other());
            }
        }
        Self::note_paced(slot, slot_at, &mut self.paced, &mut self.next_frame, now);
        // A socket that gives nothing but errors waits for its next packet instead of keeping us awake.
        if errors < DATAGRAMS_A_TURN {
            self.unread.push(token);
        }
    }

    /// Takes up a slot that has come to want frames.
    fn note_paced(
        slot: &mut Slot,
        slot_at: usize,
        paced: &mut Vec<usize>,
        next_frame: &mut Instant,
        now: Instant,
    ) {
        if !slot.paced && slot.session.is_paced() {
            slot.paced = true;
            if paced.is_empty() {
                *next_frame = now;
            }
            paced.push(slot_at);
        }
    }

    /// Sends the frames that are due. After a standstill the missed ones are left out rather than sent at once.
    fn pace(&mut self, now: Instant) {
        if self.paced.is_empty() || now < self.next_frame {
            return;
        }
        self.next_frame += FRAME_TIME;
        if now > self.next_frame + CATCH_UP_MAX {
            self.next_frame = now + FRAME_TIME;
        }
        let (slots, events) = (&mut self.slots, &mut self.outbox.fresh);
        let mut target = [0; PACKET_MAX];
        self.paced.retain(|&slot_at| {
            let Some(slot) = slots.get_mut(slot_at).and_then(Option::as_mut) else {
                return false;
            };
            for side in Side::BOTH {
                let Some((len, to)) = slot.session.next_frame(now, side, &mut target, events) else {
                    continue;
                };
                let Some(ports) = &slot.ports[side.index()] else {
                    continue;
                };
                if ports.rtp.send_to(&target[..len], to).is_err() {
                    slot.session.note_unsent(side);
                }
            }
            slot.session.expire_keys(now, events);
            slot.paced = slot.session.is_paced();
            slot.paced
        });
    }

    fn watch(&mut self, now: Instant) {
        if now < self.next_watch {
            return;
        }
        self.next_watch = now + WATCH_EVERY;
        for slot in self.slots.iter_mut().flatten() {
            slot.session.watch_silence(now, &mut self.outbox.fresh);
        }
    }

    /// Takes the orders that wait, as many as one turn takes.
    fn obey(&mut self, now: Instant) {
        self.inbox.looks();
        self.orders_left = false;
        for _ in 0..ORDERS_A_TURN {
            match self.orders.try_recv() {
                Ok(command) => self.obey_one(now, command),
                Err(_) => return,
            }
        }
        self.orders_left = true;
    }

    fn obey_one(&mut self, now: Instant, command: MediaCommand) {
        let id = command.id();
        match command {
            MediaCommand::OpenSide {
                id,
                side,
                local,
                peer,
            } => {
                let event = match self.open(now, id, side, local, peer) {
                    Ok(()) => MediaEvent::Opened { id, side },
                    Err(why) => MediaEvent::OpenFailed { id, side, why },
                };
                self.outbox.fresh.push(event);
            }
            MediaCommand::Close { id } => {
                let stats = Box::new(self.close(id));
                self.outbox.fresh.push(MediaEvent::Closed { id, stats });
            }
            MediaCommand::Update { side, peer, .. } => {
                self.with(now, id, |slot, _| slot.session.update(now, side, peer));
            }
            MediaCommand::Play {
                side, what, token, ..
            } => {
                self.with(now, id, |slot, library| {
                    slot.session.play(side, what, token, library)
                });
            }
            MediaCommand::StopPlaying { side, .. } => {
                self.with(now, id, |slot, _| slot.session.stop_playing(side));
            }
            MediaCommand::Bridge { .. } => self.with(now, id, |slot, _| slot.session.bridge()),
            MediaCommand::Unbridge { .. } => self.with(now, id, |slot, _| slot.session.unbridge()),
            MediaCommand::CloseSide { side, .. } => self.with(now, id, |slot, _| {
                slot.session.close_side(side);
                slot.ports[side.index()] = None;
            }),
        }
    }

    fn with(&mut self, now: Instant, id: MediaId, act: impl FnOnce(&mut Slot, &Library)) {
        let Some(&slot_at) = self.by_id.get(&id) else {
            return;
        };
        let Some(slot) = &mut self.slots[slot_at] else {
            return;
        };
        act(slot, &self.library);
        Self::note_paced(slot, slot_at, &mut self.paced, &mut self.next_frame, now);
    }

    fn open(
        &mut self,
        now: Instant,
        id: MediaId,
        side: Side,
        local: SocketAddr,
        peer: Peer,
    ) -> Result<(), OpenFault> {
        let known = self.by_id.get(&id).copied();
        let slot_at = match known {
            Some(slot_at) => slot_at,
            None if self.by_id.len() >= self.settings.sessions_max => return Err(OpenFault::TooManySessions),
            None => self.free.last().copied().unwrap_or(self.slots.len()),
        };
        let is_open = |slot: &Option<Slot>| {
            slot.as_ref()
                .is_some_and(|slot| slot.ports[side.index()].is_some())
        };
        if known.is_some() && self.slots.get(slot_at).is_some_and(is_open) {
            return Err(OpenFault::AlreadyOpen);
        }
        let (rtp, rtcp) = (token(slot_at, side, false), token(slot_at, side, true));
        let ports = Ports::open(self.poll.registry(), local, rtp, rtcp)?;
        if known.is_none() {
            self.occupy(slot_at, id);
        }
        if let Some(slot) = &mut self.slots[slot_at] {
            slot.session.open(now, side, peer);
            slot.ports[side.index()] = Some(ports);
        }
        Ok(())
    }

    fn occupy(&mut self, slot_at: usize, id: MediaId) {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let session = Session::new(id, self.settings.session, self.seed);
        let slot = Some(Slot {
            session,
            ports: [None, None],
            paced: false,
        });
        if slot_at == self.slots.len() {
            self.slots.push(slot);
        } else {
            self.free.pop();
            self.slots[slot_at] = slot;
        }
        self.by_id.insert(id, slot_at);
    }

    fn close(&mut self, id: MediaId) -> MediaStats {
        let Some(slot_at) = self.by_id.remove(&id) else {
            return MediaStats::default();
        };
        // Dropping the sockets closes them, and the poll forgets them.
        let Some(slot) = self.slots[slot_at].take() else {
            return MediaStats::default();
        };
        self.paced.retain(|&at| at != slot_at);
        self.free.push(slot_at);
        slot.session.stats()
    }
}

fn token(slot: usize, side: Side, is_rtcp: bool) -> Token {
    Token(slot * 4 + side.index() * 2 + usize::from(is_rtcp))
}

/// The slot, the side, and whether it is the RTCP socket.
fn address(token: Token) -> (usize, Side, bool) {
    let side = if token.0 & 2 == 0 { Side::A } else { Side::B };
    (token.0 / 4, side, token.0 & 1 == 1)
}

/// Sockets looked at in one turn.
const EVENTS_A_TURN: usize = 1024;
/// Datagrams read from one socket in one turn.
const DATAGRAMS_A_TURN: usize = 16;
/// Orders obeyed in one turn.
const ORDERS_A_TURN: usize = 256;
/// The longest UDP payload.
const DATAGRAM_MAX: usize = 65_535;
/// How often silent calls are looked for.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// Frames later than this are left out.
const CATCH_UP_MAX: Duration = Duration::from_millis(100);
