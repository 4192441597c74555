//! The world: its clock, its places, and what happens next.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use call_model::{CallEvent, CallRecord};
use media::{Digit, MediaCommand, MediaEvent, MediaId, Side};
use proxy::{Core, Input, Listening, Settings, Snapshot};
use routing::Directory;
use screening::{Windows, WindowsCapacity};
use sip_message::Limits;
use sip_transaction::{Flow, Timers, Transport};

use crate::caller::Press;
use crate::directory::{AGENTS, DIRECTORY, SWITCH, load};
use crate::ladder::Ladder;
use crate::phone::{Cue, Deeds, Line, Phone, Wake};
use crate::promises::Promises;
use crate::reading::Reading;
use crate::script::{AgentScript, CallerScript};
use crate::studio::{self, Studio};
use crate::switch::{Said, Shard, Speech};
use crate::{Link, Random, traffic};

/// What a world is made from.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Everything follows from it.
    pub seed: u64,
    /// How many shards the switch has.
    pub shards: u8,
    /// The settings of the switch, TOML.
    pub directory: String,
    /// The ports for audio.
    pub media_ports: std::ops::RangeInclusive<u16>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            seed: 0,
            shards: 1,
            directory: DIRECTORY.into(),
            media_ports: 20_000..=29_999,
        }
    }
}

/// A world with a switch in it.
pub struct World {
    base: Instant,
    now: Duration,
    random: Random,
    queue: BTreeMap<(Duration, u64), Happening>,
    sequence: u64,
    shards: Vec<Shard>,
    snapshot: Snapshot,
    links: BTreeMap<String, Link>,
    hosts: BTreeMap<SocketAddr, Host>,
    phones: Vec<Phone>,
    /// Phones by address and Call-ID.
    lines: BTreeMap<(SocketAddr, String), usize>,
    /// Call-IDs of legs to agents.
    rung: BTreeSet<String>,
    studio: Studio,
    ladder: Option<Ladder>,
    promises: Promises,
    /// What the switch sent to nobody in particular.
    strays: Vec<Vec<u8>>,
    /// When the last piece of each stream arrives, so that none overtakes it.
    streams: BTreeMap<(SocketAddr, bool), Duration>,
}

/// An agent's phone, which takes any number of calls.
struct Host {
    name: &'static str,
    stream: bool,
    script: Option<AgentScript>,
    silent: bool,
}

enum Happening {
    ToSwitch(u8, Flow, Vec<u8>),
    ToPhone(SocketAddr, Vec<u8>),
    Media(u8, MediaEvent, Option<char>),
    SendFailed(u8, Flow),
    Wake(usize, Wake),
    Dial(usize),
    Hush(SocketAddr),
    Do(Box<dyn FnOnce(&mut World)>),
}

/// Unix time at the start of the world: 1 March 2026.
const UNIX_MS: u64 = 1_772_323_200_000;

/// Nothing that a switch does takes longer in all.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The switch gives an anchored call up after so long without audio.
const DEAD_AFTER: Duration = Duration::from_secs(60);

impl World {
    /// A world with one shard, and [`DIRECTORY`].
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::of(Setup {
            seed,
            ..Setup::default()
        })
    }

    /// The same with several shards.
    #[must_use]
    pub fn sharded(seed: u64, shards: u8) -> Self {
        Self::of(Setup {
            seed,
            shards,
            ..Setup::default()
        })
    }

    /// A world as described.
    ///
    /// # Panics
    /// Where the directory has faults.
    #[must_use]
    #[expect(
        clippy::panic,
        reason = "a world without a sound directory is a mistake of its author"
    )]
    pub fn of(setup: Setup) -> Self {
        let directory = load(&setup.directory).unwrap_or_else(|faults| panic!("{faults}"));
        let base = origin();
        let snapshot = Snapshot::new(Arc::new(directory), base);
        let capacity = WindowsCapacity {
            counts: 4096,
            callers_swept: 1024,
            passes: 1024,
        };
        let windows = Arc::new(Windows::new(capacity, setup.seed));
        let shards = (0..setup.shards)
            .map(|shard| Shard {
                core: Core::new(
                    settings(&setup, shard),
                    snapshot.clone(),
                    Arc::clone(&windows),
                    base,
                ),
                speech: Speech::default(),
            })
            .collect();
        let hosts = AGENTS.map(|(name, at, stream)| {
            let script = Some(AgentScript::default());
            let host = Host {
                name,
                stream,
                script,
                silent: false,
            };
            (at, host)
        });
        Self {
            base,
            now: Duration::ZERO,
            random: Random::new(setup.seed ^ 0x0005_1b1d),
            queue: BTreeMap::new(),
            sequence: 0,
            shards,
            snapshot,
            links: BTreeMap::new(),
            hosts: hosts.into(),
            phones: Vec::new(),
            lines: BTreeMap::new(),
            rung: BTreeSet::new(),
            studio: Studio::default(),
            ladder: None,
            promises: Promises::default(),
            strays: Vec::new(),
            streams: BTreeMap::new(),
        }
    }

    /// The time since the start.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The generator that everything follows from.
    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// The network to `carrier` or to an agent.
    pub fn link(&mut self, place: &str) -> &mut Link {
        self.links.entry(place.to_owned()).or_default()
    }

    /// What an agent's phone does with calls from now on.
    pub fn agent(&mut self, name: &str, script: AgentScript) {
        if let Some(host) = self.hosts.values_mut().find(|host| host.name == name) {
            host.script = Some(script);
        }
    }

    /// All agents do something else with each call.
    pub fn agents_vary(&mut self) {
        for host in self.hosts.values_mut() {
            host.script = None;
        }
    }

    /// Somebody calls now. The number names the phone from now on.
    pub fn call(&mut self, script: CallerScript) -> usize {
        self.call_at(self.now, script)
    }

    /// Somebody calls later.
    pub fn call_at(&mut self, at: Duration, script: CallerScript) -> usize {
        let number = self.phones.len();
        let phone = Phone::caller(number, script);
        self.lines.insert((phone.at, phone.call_id.clone()), number);
        self.phones.push(phone);
        self.schedule(at, Happening::Dial(number));
        number
    }

    /// Does something at a time.
    pub fn at(&mut self, at: Duration, deed: impl FnOnce(&mut Self) + 'static) {
        self.schedule(at, Happening::Do(Box::new(deed)));
    }

    /// An agent's phone says nothing and hears nothing from now on.
    pub fn silence(&mut self, name: &str) {
        let Some((at, host)) = self.hosts.iter_mut().find(|(_, host)| host.name == name) else {
            return;
        };
        host.silent = true;
        let at = *at;
        for number in 0..self.phones.len() {
            if self.phones[number].at == at {
                self.crash(number);
            }
        }
    }

    /// Puts another directory in force.
    ///
    /// # Panics
    /// Where it has faults.
    #[expect(
        clippy::panic,
        reason = "a world without a sound directory is a mistake of its author"
    )]
    pub fn swap_directory(&mut self, text: &str) {
        let directory: Directory = load(text).unwrap_or_else(|faults| panic!("{faults}"));
        self.snapshot = self
            .snapshot
            .replaced_by(Arc::new(directory), self.base + self.now);
        for shard in 0..self.shards.len() {
            let snapshot = self.snapshot.clone();
            self.feed(shard, Input::Snapshot(snapshot), None);
        }
    }

    /// The switch takes no new calls.
    pub fn drain(&mut self) {
        for shard in 0..self.shards.len() {
            self.feed(shard, Input::Drain, None);
        }
    }

    /// The switch ends all calls.
    pub fn stop(&mut self) {
        for shard in 0..self.shards.len() {
            self.feed(shard, Input::Stop, None);
        }
    }

    /// Whether there is no room for the record of another call.
    pub fn fill_records(&mut self, full: bool) {
        for shard in &mut self.shards {
            shard.speech.full = full;
        }
    }

    /// A datagram from an address, as it is.
    pub fn send_raw(&mut self, from: SocketAddr, bytes: &[u8]) {
        let flow = self.udp(from);
        self.schedule(self.now, Happening::ToSwitch(flow.shard, flow, bytes.to_vec()));
    }

    /// Writes the ladder from now on.
    pub fn watch(&mut self) {
        self.ladder = Some(Ladder::default());
    }

    /// The same, with the Call-ID of each message.
    pub fn watch_in_full(&mut self) {
        let mut ladder = Ladder::default();
        ladder.in_full = true;
        self.ladder = Some(ladder);
    }

    /// The ladder so far.
    #[must_use]
    pub fn ladder(&self) -> String {
        self.ladder.as_ref().map(Ladder::text).unwrap_or_default()
    }

    /// A phone by its number.
    #[must_use]
    pub fn phone(&self, number: usize) -> &Phone {
        &self.phones[number]
    }

    /// The phones of an agent, one for each call that it got.
    pub fn phones_of(&self, name: &str) -> impl Iterator<Item = &Phone> {
        self.phones
            .iter()
            .filter(move |phone| !phone.is_caller() && phone.name == name)
    }

    /// The records written so far.
    #[must_use]
    pub fn records(&self) -> &[CallRecord] {
        &self.promises.records
    }

    /// The record of a caller's call.
    #[must_use]
    pub fn record_of(&self, number: usize) -> Option<&CallRecord> {
        let call = &self.phones[number].call_id;
        self.records().iter().find(|record| *record.sip_call_id == **call)
    }

    /// Calls refused with 503 since their record would not have found room.
    #[must_use]
    pub fn refused_unrecorded(&self) -> u64 {
        self.promises.refused_unrecorded
    }

    /// Packets that were refused before they became part of a call: cause, status.
    #[must_use]
    pub fn packets_refused(&self) -> &[(&'static str, Option<u16>)] {
        &self.promises.packets_refused
    }

    /// What the switch sent to addresses where nobody is in a call.
    #[must_use]
    pub fn strays(&self) -> Vec<String> {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        self.strays.iter().map(text).collect()
    }

    /// Calls that the switch holds.
    #[must_use]
    pub fn open_calls(&self) -> usize {
        self.shards.iter().map(|shard| shard.core.load().calls).sum()
    }

    /// Audio sessions that are open, and whether any of them relays.
    #[must_use]
    pub fn audio(&self) -> (usize, bool) {
        (self.studio.len(), self.studio.is_bridged())
    }

    /// Every promise broken so far.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.promises.faults
    }

    /// Runs until a time.
    pub fn run_until(&mut self, until: Duration) {
        while let Some(next) = self.next_time()
            && next <= until
        {
            self.step(next);
        }
        self.now = self.now.max(until);
    }

    /// Runs until nothing happens any more, then looks whether anything is left.
    pub fn run_until_idle(&mut self) {
        while let Some(next) = self.next_time() {
            if next > LONGEST {
                self.promises
                    .broken("something still happens after a whole day".into());
                break;
            }
            self.step(next);
        }
        self.look_around();
    }

    fn look_around(&mut self) {
        self.promises.at_rest();
        let mut left = Vec::new();
        for (at, shard) in self.shards.iter().enumerate() {
            let load = shard.core.load();
            if !shard.core.is_idle() || load.ports != 0 {
                left.push(format!("shard {at} still holds {load:?}"));
            }
        }
        if self.studio.len() != 0 {
            left.push(format!("{} audio sessions are still open", self.studio.len()));
        }
        for phone in self.phones.iter().filter(|phone| phone.is_busy()) {
            let (name, call_id, stage) = (&phone.name, &phone.call_id, phone.stage);
            left.push(format!("{name} is still {stage:?} in {call_id}"));
        }
        left.append(&mut self.studio.faults);
        for what in left {
            self.promises.broken(what);
        }
    }

    fn next_time(&self) -> Option<Duration> {
        let queued = self.queue.keys().next().map(|(at, _)| *at);
        let due = self
            .shards
            .iter()
            .filter_map(|shard| shard.core.next_deadline())
            .min();
        let due = due.map(|at| at.saturating_duration_since(self.base));
        match (queued, due) {
            (Some(queued), Some(due)) => Some(queued.min(due)),
            (some, None) | (None, some) => some,
        }
    }

    /// Everything that is due at `next`: messages first, then the switch's own timers.
    fn step(&mut self, next: Duration) {
        self.now = self.now.max(next);
        if let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let happening = entry.remove();
            return self.happen(happening);
        }
        let now = self.base + self.now;
        for shard in 0..self.shards.len() {
            if self.shards[shard]
                .core
                .next_deadline()
                .is_some_and(|at| at <= now)
            {
                self.feed(shard, Input::Tick, None);
            }
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::ToSwitch(shard, flow, bytes) => self.to_switch(shard, flow, &bytes),
            Happening::ToPhone(to, bytes) => self.to_phone(to, &bytes),
            Happening::Media(shard, event, key) => self.on_media(shard, event, key),
            Happening::SendFailed(shard, flow) => {
                self.feed(usize::from(shard), Input::SendFailed(flow), None);
            }
            Happening::Wake(number, wake) => {
                if matches!(wake, Wake::Cue(Cue::Crash)) {
                    self.crash(number);
                }
                self.with_phone(number, |phone, now, deeds| phone.wake(now, wake, deeds));
            }
            Happening::Dial(number) => self.with_phone(number, Phone::dial),
            Happening::Hush(rtp) => {
                for (id, side) in self.studio.expecting(rtp) {
                    let shard = proxy::shard_of_media(id);
                    self.on_media(shard, MediaEvent::Silent { id, side }, None);
                }
            }
            Happening::Do(deed) => deed(self),
        }
    }

    fn schedule(&mut self, at: Duration, happening: Happening) {
        self.sequence += 1;
        self.queue.insert((at.max(self.now), self.sequence), happening);
    }

    // The switch hears and speaks.

    fn to_switch(&mut self, shard: u8, flow: Flow, bytes: &[u8]) {
        let about = Reading::of(bytes)
            .filter(|reading| {
                reading.status.is_none() && reading.method == "INVITE" && reading.to_tag.is_none()
            })
            .map(|reading| reading.call_id);
        self.feed(
            usize::from(shard),
            Input::Message { flow, bytes },
            about.as_deref(),
        );
    }

    fn feed(&mut self, shard: usize, input: Input<'_>, about: Option<&str>) {
        let (at, unix_ms) = (self.base + self.now, UNIX_MS + self.now.as_millis() as u64);
        let said = self.shards[shard].feed(at, unix_ms, input);
        for said in said {
            match said {
                Said::Send(flow, bytes) => self.deliver(shard as u8, flow, bytes),
                Said::Order(command) => self.obey(shard as u8, command),
                Said::Event(event) => {
                    self.tell(&event);
                    self.promises.hear(event, about);
                }
                Said::HandOver(to, flow, bytes) => {
                    self.schedule(self.now, Happening::ToSwitch(to, flow, bytes));
                }
            }
        }
    }

    /// Carries a message of the switch to its place.
    fn deliver(&mut self, shard: u8, flow: Flow, bytes: Vec<u8>) {
        let to = flow.remote;
        self.judge(to, &bytes);
        let place = self.place_of(to);
        let link = self.links.entry(place.to_owned()).or_default().clone();
        if link.refuses() {
            return self.schedule(self.now, Happening::SendFailed(shard, flow));
        }
        let arrivals = if flow.transport == Transport::Tcp {
            vec![self.in_order(to, true, &link)]
        } else {
            link.arrivals(&mut self.random)
        };
        if self.ladder.is_some() {
            let name = self.name_at(to, &bytes);
            let (now, lost) = (self.now, arrivals.is_empty());
            if let Some(ladder) = &mut self.ladder {
                ladder.message(now, "switch", &name, &bytes, lost);
            }
        }
        for delay in arrivals {
            self.schedule(self.now + delay, Happening::ToPhone(to, bytes.clone()));
        }
    }

    /// Looks whether an agent may be rung.
    fn judge(&mut self, to: SocketAddr, bytes: &[u8]) {
        let Some(host) = self.hosts.get(&to) else { return };
        if !bytes.starts_with(b"INVITE ") {
            return;
        }
        let text = String::from_utf8_lossy(bytes);
        let Some((_, rest)) = text.split_once("X-Sim-Call: ") else {
            return;
        };
        let call = rest.lines().next().unwrap_or_default();
        let Some(reading) = Reading::of(bytes).filter(|reading| reading.to_tag.is_none()) else {
            return;
        };
        if self.rung.insert(reading.call_id) {
            let mut callers = self.phones.iter().filter(|phone| phone.call_id == call);
            let pressed_right = callers.any(|phone| phone.pressed_right);
            self.promises.rings(call, host.name, pressed_right);
        }
    }

    fn obey(&mut self, shard: u8, command: MediaCommand) {
        let note = match &command {
            MediaCommand::Play { what, .. } => Some(format!("play {}", studio::in_words(what))),
            MediaCommand::Bridge { .. } => Some("relay both ways".to_owned()),
            MediaCommand::Close { .. } => Some("close".to_owned()),
            MediaCommand::OpenSide { .. }
            | MediaCommand::Update { .. }
            | MediaCommand::StopPlaying { .. }
            | MediaCommand::Unbridge { .. }
            | MediaCommand::CloseSide { .. } => None,
        };
        if let (Some(note), Some(ladder)) = (note, &mut self.ladder) {
            ladder.note(self.now, "switch ⋯ audio", &note);
        }
        for later in self.studio.obey(command) {
            let at = self.now + later.after;
            self.schedule(at, Happening::Media(shard, later.event, later.key));
        }
    }

    fn tell(&mut self, event: &CallEvent) {
        let Some(ladder) = &mut self.ladder else { return };
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "events are open; the ladder shows these"
        )]
        match event {
            CallEvent::Screened { treatment, .. } => {
                ladder.note(self.now, "screening", treatment.as_str());
            }
            CallEvent::Challenged(outcome) => ladder.note(self.now, "challenge", outcome.as_str()),
            CallEvent::Ended(record) => {
                let outcome = record.outcome;
                let what = format!(
                    "{}, {}, {}",
                    outcome.ending.as_str(),
                    outcome.cause.as_str(),
                    outcome.status
                );
                ladder.note(self.now, "record", &what);
            }
            _ => {}
        }
    }

    // Phones and audio.

    fn to_phone(&mut self, to: SocketAddr, bytes: &[u8]) {
        if self.hosts.get(&to).is_some_and(|host| host.silent) {
            return;
        }
        let Some(reading) = Reading::of(bytes) else {
            // It may echo what somebody sent who cannot write.
            self.strays.push(bytes.to_vec());
            return;
        };
        if let Some(number) = self.lines.get(&(to, reading.call_id.clone())).copied() {
            self.with_phone(number, |phone, now, deeds| phone.receive(now, &reading, deeds));
            let phone = &self.phones[number];
            self.promises.answered(&phone.call_id, &phone.seen.finals);
            return;
        }
        let new = reading.status.is_none() && reading.method == "INVITE" && reading.to_tag.is_none();
        let Some(host) = self.hosts.get(&to).filter(|_| new) else {
            self.strays.push(bytes.to_vec());
            return;
        };
        let (number, name, stream) = (self.phones.len(), host.name, host.stream);
        let script = match &host.script {
            Some(script) => script.clone(),
            None => traffic::agent(&mut self.random),
        };
        let rtp = SocketAddr::new(to.ip(), 10_000 + (number % 25_000) as u16 * 2);
        let line = Line {
            name: name.to_owned(),
            at: to,
            rtp,
            stream,
        };
        let mut deeds = Deeds::default();
        let phone = Phone::agent(line, number, script, &reading, self.now, &mut deeds);
        self.lines.insert((to, reading.call_id), number);
        self.phones.push(phone);
        self.carry_out(number, deeds);
    }

    fn with_phone(&mut self, number: usize, work: impl FnOnce(&mut Phone, Duration, &mut Deeds)) {
        let mut deeds = Deeds::default();
        work(&mut self.phones[number], self.now, &mut deeds);
        self.carry_out(number, deeds);
    }

    fn carry_out(&mut self, number: usize, deeds: Deeds) {
        for (at, wake) in deeds.wake {
            self.schedule(at, Happening::Wake(number, wake));
        }
        let (from, stream) = (self.phones[number].at, self.phones[number].stream);
        let place = self.place_of(from);
        for bytes in deeds.send {
            let link = self.links.entry(place.to_owned()).or_default().clone();
            let arrivals = if stream {
                vec![self.in_order(from, false, &link)]
            } else {
                link.arrivals(&mut self.random)
            };
            if let Some(ladder) = &mut self.ladder {
                let name = &self.phones[number].name;
                ladder.message(self.now, name, "switch", &bytes, arrivals.is_empty());
            }
            for delay in arrivals {
                let flow = if stream { tcp(from) } else { self.udp(from) };
                let shard = flow.shard.min(self.shards.len() as u8 - 1);
                let happening = Happening::ToSwitch(shard, flow, bytes.clone());
                self.schedule(self.now + delay, happening);
            }
        }
    }

    fn crash(&mut self, number: usize) {
        let phone = &mut self.phones[number];
        phone.crashed = true;
        let rtp = phone.rtp;
        self.schedule(self.now + DEAD_AFTER, Happening::Hush(rtp));
    }

    fn on_media(&mut self, shard: u8, event: MediaEvent, key: Option<char>) {
        if !self.studio.still_comes(&event) {
            return;
        }
        if let (MediaEvent::Cue { id, side, .. }, Some(key)) = (&event, key) {
            self.speak_key(shard, *id, *side, key);
        }
        self.feed(usize::from(shard), Input::Media(event), None);
    }

    /// The caller hears the key; what the caller does follows a second later.
    fn speak_key(&mut self, shard: u8, id: MediaId, side: Side, key: char) {
        let Some(rtp) = self.studio.peer(id, side) else {
            return;
        };
        let heard = self
            .phones
            .iter_mut()
            .position(|phone| phone.rtp == rtp && phone.is_busy());
        let Some(number) = heard else { return };
        let at = self.now + Duration::from_secs(1);
        match self.phones[number].hear(key) {
            Some(Press::Event(key)) => {
                if let Some(digit) = Digit::from_char(key) {
                    let event = MediaEvent::Digit { id, side, digit };
                    self.schedule(at, Happening::Media(shard, event, None));
                }
            }
            Some(Press::Message(cue)) => self.schedule(at, Happening::Wake(number, Wake::Cue(cue))),
            None => {}
        }
    }

    // Places.

    fn place_of(&self, at: SocketAddr) -> &'static str {
        self.hosts.get(&at).map_or("carrier", |host| host.name)
    }

    fn name_at(&self, at: SocketAddr, bytes: &[u8]) -> String {
        let call_id = Reading::of(bytes)
            .map(|reading| reading.call_id)
            .unwrap_or_default();
        match self.lines.get(&(at, call_id)) {
            Some(number) => self.phones[*number].name.clone(),
            None => self.place_of(at).to_owned(),
        }
    }

    /// A datagram reaches any of the shards.
    fn udp(&mut self, remote: SocketAddr) -> Flow {
        let shards = self.shards.len() as u64;
        Flow {
            transport: Transport::Udp,
            shard: self.random.below(shards) as u8,
            listener: 0,
            connection: 0,
            remote,
        }
    }

    fn in_order(&mut self, at: SocketAddr, out: bool, link: &Link) -> Duration {
        let arrives = self.now + link.travel(&mut self.random);
        let last = self.streams.entry((at, out)).or_default();
        *last = arrives.max(*last);
        *last - self.now
    }
}

/// A connection belongs to the first shard.
fn tcp(remote: SocketAddr) -> Flow {
    Flow {
        transport: Transport::Tcp,
        shard: 0,
        listener: 1,
        connection: 1,
        remote,
    }
}

fn settings(setup: &Setup, shard: u8) -> Settings {
    let listening = |transport| Listening {
        transport,
        advertised: SWITCH.to_string().into(),
        ipv6: false,
    };
    Settings {
        node: 0x51b1,
        shard,
        shards: setup.shards,
        seed: setup.seed.wrapping_mul(31).wrapping_add(u64::from(shard) + 1),
        timers: Timers::default(),
        transactions_max: 100_000,
        limits: Limits::default(),
        listeners: vec![listening(Transport::Udp), listening(Transport::Tcp)],
        media_address: CARRIER_SIDE,
        media_advertised: CARRIER_SIDE,
        media_ports: setup.media_ports.clone(),
    }
}

/// Where the switch's audio ports are.
const CARRIER_SIDE: std::net::IpAddr = SWITCH.ip();

#[expect(
    clippy::disallowed_methods,
    reason = "one instant to count from; nothing depends on which it is"
)]
fn origin() -> Instant {
    Instant::now()
}
