//! One phone in one call: a user agent of RFC 3261, written from the RFC alone.

mod exchange;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::reading::Reading;
use crate::script::{AgentScript, CallerScript};
use crate::wire::{self, Request};

/// One side of one call. Times are counted from the start of the world.
#[derive(Debug)]
pub struct Phone {
    pub(crate) name: String,
    /// Where it is reached.
    pub(crate) at: SocketAddr,
    /// Where its audio is.
    pub(crate) rtp: SocketAddr,
    /// Whether it speaks TCP.
    pub(crate) stream: bool,
    pub(crate) script: Script,
    pub(crate) stage: Stage,
    pub(crate) crashed: bool,
    pub(crate) call_id: String,
    /// Our From (or To) value, with our tag.
    pub(crate) local: String,
    pub(crate) local_tag: String,
    /// The other side's, with its tag once there is one.
    pub(crate) remote: String,
    /// The Request-URI of our next request.
    pub(crate) target: String,
    pub(crate) cseq: u32,
    pub(crate) branches: u32,
    /// The INVITE that waits for our answer.
    pub(crate) invited: Option<Reading>,
    /// Requests of ours that wait for their final response.
    pub(crate) asked: Vec<Asked>,
    /// What was answered, by branch and method: copies get the same.
    replied: BTreeMap<(String, String), Vec<u8>>,
    /// Finals of ours to INVITEs that wait for their ACK, by CSeq.
    pub(crate) unacknowledged: BTreeMap<u32, Unacknowledged>,
    /// ACKs for 2xx, by CSeq.
    acks: BTreeMap<u32, Vec<u8>>,
    /// ACKs for failures, by branch.
    failure_acks: BTreeMap<String, Vec<u8>>,
    pub(crate) seen: Seen,
    pub(crate) pressed_right: bool,
    pub(crate) times_asked: u32,
}

/// What came to a phone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The statuses of all final responses to its first INVITE: one, if all is well.
    pub(crate) finals: Vec<u16>,
    /// The first of them.
    pub(crate) final_bytes: Vec<u8>,
    /// The provisionals, in order.
    pub(crate) provisionals: Vec<u16>,
    /// Final statuses of re-INVITEs of its own.
    pub(crate) reinvites: Vec<u16>,
    /// The INVITE that it got.
    pub(crate) invite: Vec<u8>,
    /// The Reason of the BYE or CANCEL that it got.
    pub(crate) reason: String,
    /// Whether a BYE or CANCEL came.
    pub(crate) was_ended: bool,
}

/// What a phone does of its own accord.
#[derive(Clone, Debug)]
pub(crate) enum Script {
    Caller(CallerScript),
    Agent(AgentScript),
}

/// Where a phone stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stage {
    /// Before the answer.
    Early,
    /// Talking.
    Up,
    /// Hanging up.
    Ending,
    /// Over; copies are still answered.
    Over,
}

/// A request of ours that waits.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) branch: String,
    pub(crate) method: &'static str,
    pub(crate) cseq: u32,
    bytes: Vec<u8>,
    gap: Duration,
    provisional: bool,
    /// A CANCEL is to be sent, or was.
    pub(crate) cancel: Cancel,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cancel {
    No,
    Wanted,
    Sent,
}

/// A final of ours that waits for its ACK.
#[derive(Clone, Debug)]
pub(crate) struct Unacknowledged {
    bytes: Vec<u8>,
    gap: Duration,
    status: u16,
    until: Duration,
}

/// Why a phone wants to be woken.
#[derive(Clone, Debug)]
pub(crate) enum Wake {
    /// Send a request again.
    Resend(String, &'static str),
    /// Stop waiting for its answer.
    GiveUp(String, &'static str),
    /// Send a final again, or give up waiting for its ACK.
    ResendFinal(u32),
    /// The script goes on.
    Cue(Cue),
}

/// What a script does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cue {
    Cancel,
    HangUp,
    Hold,
    Crash,
    Ring,
    Decide,
    /// Presses a key, by SIP INFO.
    Press(char),
}

/// What a phone asks the world for.
#[derive(Default)]
pub(crate) struct Deeds {
    pub(crate) send: Vec<Vec<u8>>,
    pub(crate) wake: Vec<(Duration, Wake)>,
}

const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
const LIFETIME: Duration = Duration::from_secs(32);

/// What a phone is made from.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) at: SocketAddr,
    pub(crate) rtp: SocketAddr,
    pub(crate) stream: bool,
}

impl Phone {
    pub(crate) fn new(line: Line, script: Script, call_id: String, local_tag: String) -> Self {
        Self {
            name: line.name,
            at: line.at,
            rtp: line.rtp,
            stream: line.stream,
            script,
            stage: Stage::Early,
            crashed: false,
            call_id,
            local: String::new(),
            local_tag,
            remote: String::new(),
            target: String::new(),
            cseq: 0,
            branches: 0,
            invited: None,
            asked: Vec::new(),
            replied: BTreeMap::new(),
            unacknowledged: BTreeMap::new(),
            acks: BTreeMap::new(),
            failure_acks: BTreeMap::new(),
            seen: Seen::default(),
            pressed_right: false,
            times_asked: 0,
        }
    }

    /// Who it is: `caller 3`, `alice`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The statuses of the final responses to its INVITE.
    #[must_use]
    pub fn finals(&self) -> &[u16] {
        &self.seen.finals
    }

    /// The first final response to its INVITE, to the letter.
    #[must_use]
    pub fn final_text(&self) -> String {
        String::from_utf8_lossy(&self.seen.final_bytes).into_owned()
    }

    /// The provisionals that came, in order.
    #[must_use]
    pub fn provisionals(&self) -> &[u16] {
        &self.seen.provisionals
    }

    /// The finals of its re-INVITEs.
    #[must_use]
    pub fn reinvites(&self) -> &[u16] {
        &self.seen.reinvites
    }

    /// The INVITE that it got, to the letter; empty for a caller.
    #[must_use]
    pub fn invite_text(&self) -> String {
        String::from_utf8_lossy(&self.seen.invite).into_owned()
    }

    /// The Reason with which its call was ended by the other side.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.seen.reason
    }

    /// Whether the other side ended its call.
    #[must_use]
    pub fn was_ended(&self) -> bool {
        self.seen.was_ended
    }

    /// The Call-ID of its leg.
    #[must_use]
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Whether it calls; an agent's phone is called.
    #[must_use]
    pub fn is_caller(&self) -> bool {
        matches!(self.script, Script::Caller(_))
    }

    /// Whether it believes that it is in a call, or trying to be. One that never answered at all is not: nobody can
    /// tell it that the call is gone (RFC 3261 §9.1).
    pub(crate) fn is_busy(&self) -> bool {
        let mute = !self.is_caller() && self.replied.is_empty();
        !self.crashed && !mute && (self.stage != Stage::Over || !self.asked.is_empty())
    }

    /// A message has come.
    pub(crate) fn receive(&mut self, now: Duration, message: &Reading, deeds: &mut Deeds) {
        if self.crashed {
            return;
        }
        match message.status {
            Some(status) => self.on_response(now, message, status, deeds),
            None => self.on_request(now, message, deeds),
        }
    }

    pub(crate) fn wake(&mut self, now: Duration, wake: Wake, deeds: &mut Deeds) {
        if self.crashed {
            return;
        }
        match wake {
            Wake::Resend(branch, method) => self.resend(now, &branch, method, deeds),
            Wake::GiveUp(branch, method) => self.give_up(now, &branch, method, deeds),
            Wake::ResendFinal(cseq) => self.resend_final(now, cseq, deeds),
            Wake::Cue(cue) => self.on_cue(now, cue, deeds),
        }
    }

    /// Sends a request within the call.
    pub(crate) fn ask(
        &mut self,
        now: Duration,
        method: &'static str,
        lines: &str,
        body: &str,
        deeds: &mut Deeds,
    ) {
        self.cseq += 1;
        let branch = self.branch();
        let bytes = self.write(method, self.cseq, &branch, lines, body, 70);
        self.start(now, method, branch, bytes, deeds);
    }

    pub(crate) fn start(
        &mut self,
        now: Duration,
        method: &'static str,
        branch: String,
        bytes: Vec<u8>,
        deeds: &mut Deeds,
    ) {
        deeds.send.push(bytes.clone());
        if !self.stream {
            deeds.wake.push((now + T1, Wake::Resend(branch.clone(), method)));
        }
        deeds
            .wake
            .push((now + LIFETIME, Wake::GiveUp(branch.clone(), method)));
        self.asked.push(Asked {
            branch,
            method,
            cseq: self.cseq,
            bytes,
            gap: T1,
            provisional: false,
            cancel: Cancel::No,
        });
    }

    pub(crate) fn write(
        &self,
        method: &str,
        cseq: u32,
        branch: &str,
        lines: &str,
        body: &str,
        hops: u8,
    ) -> Vec<u8> {
        let contact = self.contact();
        let lines = match method {
            "INVITE" | "UPDATE" => format!("{contact}{lines}"),
            _ => lines.to_owned(),
        };
        Request {
            method,
            uri: &self.target,
            transport: self.transport(),
            via: self.at,
            branch,
            hops,
            from: &self.local,
            to: &self.remote,
            call_id: &self.call_id,
            cseq,
            lines: &lines,
            body,
        }
        .write()
    }

    pub(crate) fn contact(&self) -> String {
        let transport = if self.stream { ";transport=tcp" } else { "" };
        format!("Contact: <sip:phone@{}{transport}>\r\n", self.at)
    }

    pub(crate) fn branch(&mut self) -> String {
        self.branches += 1;
        format!("z9hG4bK-{}-{}", self.local_tag, self.branches)
    }

    pub(crate) fn description(&self, direction: &str) -> String {
        wire::description(self.rtp, self.cseq, direction)
    }

    /// Answers a request; copies of it get the same answer.
    pub(crate) fn reply(
        &mut self,
        now: Duration,
        request: &Reading,
        status: u16,
        body: &str,
        deeds: &mut Deeds,
    ) {
        let lines = if status > 100 {
            self.contact()
        } else {
            String::new()
        };
        let bytes = request.reply(status, &self.local_tag, &lines, body);
        deeds.send.push(bytes.clone());
        let key = (request.branch.clone(), request.method.clone());
        self.replied.insert(key, bytes.clone());
        if request.method == "INVITE" && status >= 200 {
            deeds.wake.push((now + T1, Wake::ResendFinal(request.cseq)));
            self.unacknowledged.insert(
                request.cseq,
                Unacknowledged {
                    bytes,
                    gap: T1,
                    status,
                    until: now + LIFETIME,
                },
            );
        }
    }

    /// Hangs up, once nothing of ours waits for its ACK (RFC 3261 §15).
    pub(crate) fn hang_up(&mut self, now: Duration, deeds: &mut Deeds) {
        if self.stage != Stage::Up {
            return;
        }
        if self.unacknowledged.is_empty() {
            self.stage = Stage::Ending;
            self.ask(now, "BYE", "", "", deeds);
        } else {
            let soon = now + Duration::from_millis(200);
            deeds.wake.push((soon, Wake::Cue(Cue::HangUp)));
        }
    }

    fn transport(&self) -> &'static str {
        if self.stream { "TCP" } else { "UDP" }
    }

    fn on_cue(&mut self, now: Duration, cue: Cue, deeds: &mut Deeds) {
        match cue {
            Cue::Cancel => self.cancel(now, deeds),
            Cue::HangUp => self.hang_up(now, deeds),
            Cue::Crash => self.crashed = true,
            Cue::Hold if self.stage == Stage::Up && self.asked.is_empty() => {
                let body = self.description("sendonly");
                self.ask(now, "INVITE", wire::SDP_LINE, &body, deeds);
            }
            Cue::Press(key) if self.stage == Stage::Up => {
                let body = format!("Signal={key}\r\nDuration=160\r\n");
                let lines = "Content-Type: application/dtmf-relay\r\n";
                self.ask(now, "INFO", lines, &body, deeds);
            }
            Cue::Ring => self.ring(now, deeds),
            Cue::Decide => self.decide(now, deeds),
            Cue::Hold | Cue::Press(_) => {}
        }
    }

    fn cancel(&mut self, now: Duration, deeds: &mut Deeds) {
        let Some(invite) = self.asked.iter_mut().find(|asked| asked.method == "INVITE") else {
            return;
        };
        if !invite.provisional {
            // RFC 3261 §9.1: it waits for a provisional.
            invite.cancel = Cancel::Wanted;
            return;
        }
        invite.cancel = Cancel::Sent;
        let (branch, cseq) = (invite.branch.clone(), invite.cseq);
        let bytes = self.write("CANCEL", cseq, &branch, "", "", 70);
        deeds
            .wake
            .push((now + LIFETIME, Wake::GiveUp(branch.clone(), "INVITE")));
        self.start(now, "CANCEL", branch, bytes, deeds);
    }

    fn talk(&mut self, now: Duration, deeds: &mut Deeds) {
        let (hangs_up, holds) = match &self.script {
            Script::Caller(script) => (script.hangs_up_after, script.holds_after),
            Script::Agent(script) => (script.hangs_up_after, script.holds_after),
        };
        let cues = [(hangs_up, Cue::HangUp), (holds, Cue::Hold)];
        for (after, cue) in cues {
            if let Some(after) = after {
                deeds.wake.push((now + after, Wake::Cue(cue)));
            }
        }
    }

    /// The agent's phone was answered.
    pub(crate) fn picked_up(&mut self, now: Duration, deeds: &mut Deeds) {
        self.stage = Stage::Up;
        self.talk(now, deeds);
    }

    fn acknowledges(&self) -> bool {
        match &self.script {
            Script::Caller(script) => script.acknowledges,
            Script::Agent(_) => true,
        }
    }

    fn takes_reinvites(&self) -> bool {
        match &self.script {
            Script::Caller(_) => true,
            Script::Agent(script) => script.takes_reinvites,
        }
    }
}
