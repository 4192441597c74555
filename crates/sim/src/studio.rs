//! The media threads of the virtual world: sessions without audio, prompts that take their time.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use media::{MediaCommand, MediaEvent, MediaId, MediaStats, Peer, Side, Sound, Tone};

/// All audio sessions of all shards.
#[derive(Default)]
pub(crate) struct Studio {
    sessions: BTreeMap<u64, Session>,
    ports: BTreeSet<SocketAddr>,
    pub(crate) faults: Vec<String>,
}

#[derive(Default)]
struct Session {
    sides: [Option<Open>; 2],
    playing: Option<u32>,
    bridged: bool,
}

struct Open {
    local: SocketAddr,
    peer: Peer,
}

/// What follows an order, after a while.
pub(crate) struct Later {
    pub(crate) after: Duration,
    pub(crate) event: MediaEvent,
    /// The key that is spoken at this moment.
    pub(crate) key: Option<char>,
}

/// How long each prompt lasts.
const PROMPT: Duration = Duration::from_secs(1);

impl Studio {
    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    pub(crate) fn is_bridged(&self) -> bool {
        self.sessions.values().any(|session| session.bridged)
    }

    /// Does as ordered.
    pub(crate) fn obey(&mut self, command: MediaCommand) -> Vec<Later> {
        let id = command.id();
        match command {
            MediaCommand::OpenSide {
                side, local, peer, ..
            } => return vec![soon(self.open(id, side, local, peer))],
            MediaCommand::Update { side, peer, .. } => match self.side(id, side) {
                Some(open) => open.peer = peer,
                None => self.fault("an update for a side that is not open"),
            },
            MediaCommand::Play {
                side, what, token, ..
            } => return self.play(id, side, &what, token),
            MediaCommand::StopPlaying { .. } => {
                if let Some(session) = self.sessions.get_mut(&id.0) {
                    session.playing = None;
                }
            }
            MediaCommand::Bridge { .. } => match self.sessions.get_mut(&id.0) {
                Some(session) => {
                    session.bridged = true;
                    session.playing = None;
                }
                None => self.fault("a bridge of no session"),
            },
            MediaCommand::Unbridge { .. } => {
                if let Some(session) = self.sessions.get_mut(&id.0) {
                    session.bridged = false;
                }
            }
            MediaCommand::CloseSide { side, .. } => {
                if let Some(session) = self.sessions.get_mut(&id.0)
                    && let Some(open) = session.sides[side.index()].take()
                {
                    self.ports.remove(&open.local);
                }
            }
            MediaCommand::Close { .. } => {
                if let Some(session) = self.sessions.remove(&id.0) {
                    for open in session.sides.into_iter().flatten() {
                        self.ports.remove(&open.local);
                    }
                }
                let stats = Box::new(MediaStats::default());
                return vec![soon(MediaEvent::Closed { id, stats })];
            }
        }
        Vec::new()
    }

    /// Whether an event still comes: its session is there, and still plays what it is about.
    pub(crate) fn still_comes(&self, event: &MediaEvent) -> bool {
        let session = self.sessions.get(&event.id().0);
        match event {
            MediaEvent::Cue { token, .. } => session.is_some_and(|session| session.playing == Some(*token)),
            MediaEvent::PlayDone { token, .. } => {
                session.is_some_and(|session| session.playing == Some(*token))
            }
            MediaEvent::Digit { side, .. } | MediaEvent::Silent { side, .. } => {
                session.is_some_and(|session| session.sides[side.index()].is_some())
            }
            MediaEvent::Opened { .. }
            | MediaEvent::OpenFailed { .. }
            | MediaEvent::Latched { .. }
            | MediaEvent::Closed { .. } => true,
        }
    }

    /// Where the peer of a side wants its audio.
    pub(crate) fn peer(&self, id: MediaId, side: Side) -> Option<SocketAddr> {
        self.sessions.get(&id.0)?.sides[side.index()]
            .as_ref()?
            .peer
            .remote
    }

    /// The sides that expect audio from this address.
    pub(crate) fn expecting(&self, rtp: SocketAddr) -> Vec<(MediaId, Side)> {
        let mut found = Vec::new();
        for (id, session) in &self.sessions {
            for side in Side::BOTH {
                let expected = session.sides[side.index()]
                    .as_ref()
                    .is_some_and(|open| open.peer.remote == Some(rtp) && open.peer.sends);
                if expected {
                    found.push((MediaId(*id), side));
                }
            }
        }
        found
    }

    fn open(&mut self, id: MediaId, side: Side, local: SocketAddr, peer: Peer) -> MediaEvent {
        if !self.ports.insert(local) {
            self.fault("a port is opened twice");
        }
        let session = self.sessions.entry(id.0).or_default();
        let was = session.sides[side.index()].replace(Open { local, peer });
        if was.is_some() {
            self.fault("a side is opened twice");
        }
        MediaEvent::Opened { id, side }
    }

    fn play(&mut self, id: MediaId, side: Side, what: &[Sound], token: u32) -> Vec<Later> {
        if self.side(id, side).is_none() {
            self.fault("something is played to a side that is not open");
            return Vec::new();
        }
        if let Some(session) = self.sessions.get_mut(&id.0) {
            session.playing = Some(token);
        }
        let (mut after, mut key, mut later) = (Duration::ZERO, None, Vec::new());
        for sound in what {
            match sound {
                Sound::Prompt(prompt) => {
                    after += PROMPT;
                    key = prompt.as_str().chars().last().filter(char::is_ascii_digit);
                }
                Sound::Silence(pause) => after += *pause,
                Sound::Tone(Tone::Beep) => after += Duration::from_millis(200),
                Sound::Tone(Tone::Ringback) => return later,
                Sound::Cue => later.push(Later {
                    after,
                    event: MediaEvent::Cue { id, side, token },
                    key,
                }),
            }
        }
        later.push(Later {
            after,
            event: MediaEvent::PlayDone { id, side, token },
            key: None,
        });
        later
    }

    fn side(&mut self, id: MediaId, side: Side) -> Option<&mut Open> {
        self.sessions.get_mut(&id.0)?.sides[side.index()].as_mut()
    }

    fn fault(&mut self, what: &str) {
        self.faults.push(what.to_owned());
    }
}

fn soon(event: MediaEvent) -> Later {
    Later {
        after: Duration::from_millis(1),
        event,
        key: None,
    }
}

/// What a playing is, for the ladder: the prompts, one after the other.
pub(crate) fn in_words(what: &[Sound]) -> String {
    let words: Vec<&str> = what
        .iter()
        .filter_map(|sound| match sound {
            Sound::Prompt(prompt) => Some(prompt.as_str()),
            Sound::Tone(Tone::Ringback) => Some("ringback"),
            Sound::Tone(Tone::Beep) => Some("beep"),
            Sound::Silence(_) | Sound::Cue => None,
        })
        .collect();
    words.join(", ")
}
