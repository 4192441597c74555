//! The world: its clock, its places, and what happens next.

mod course;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use call_model::CallRecord;
use media::MediaEvent;
use proxy::{Core, Input, Listening, Settings, Snapshot};
use routing::Directory;
use screening::{Windows, WindowsCapacity};
use sip_message::Limits;
use sip_transaction::{Flow, Timers, Transport};

use crate::directory::{AGENTS, DIRECTORY, SWITCH, load};
use crate::ladder::Ladder;
use crate::phone::{Phone, Wake};
use crate::promises::Promises;
use crate::script::{AgentScript, CallerScript};
use crate::studio::Studio;
use crate::switch::{Shard, Speech};
use crate::{Link, Random};

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
