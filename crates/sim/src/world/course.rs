//! What happens next, and to whom.

use std::net::SocketAddr;
use std::time::Duration;

use call_model::CallEvent;
use media::{Digit, MediaCommand, MediaEvent, MediaId, Side};
use proxy::Input;
use sip_transaction::{Flow, Transport};

use super::{DEAD_AFTER, Happening, UNIX_MS, World};
use crate::caller::Press;
use crate::phone::{Cue, Deeds, Line, Phone, Wake};
use crate::reading::Reading;
use crate::studio;
use crate::switch::Said;
use crate::{Link, traffic};

impl World {
    pub(super) fn look_around(&mut self) {
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

    pub(super) fn next_time(&self) -> Option<Duration> {
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
    pub(super) fn step(&mut self, next: Duration) {
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
            Happening::ToSwitch(shard, flow, bytes) => self.arrive_at_switch(shard, flow, &bytes),
            Happening::ToPhone(to, bytes) => self.arrive_at_phone(to, &bytes),
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

    pub(super) fn schedule(&mut self, at: Duration, happening: Happening) {
        self.sequence += 1;
        self.queue.insert((at.max(self.now), self.sequence), happening);
    }

    // The switch hears and speaks.

    fn arrive_at_switch(&mut self, shard: u8, flow: Flow, bytes: &[u8]) {
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

    pub(super) fn feed(&mut self, shard: usize, input: Input<'_>, about: Option<&str>) {
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

    fn arrive_at_phone(&mut self, to: SocketAddr, bytes: &[u8]) {
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

    pub(super) fn crash(&mut self, number: usize) {
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
    pub(super) fn udp(&mut self, remote: SocketAddr) -> Flow {
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
