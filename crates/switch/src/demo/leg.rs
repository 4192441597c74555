//! One side of one call: what callers and agents of the demo have in common.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep_until, timeout};

use super::audio::Audio;
use super::message::{Heard, Request};
use super::wire::{Arrived, Way};

/// A phone's side of a dialog.
pub(super) struct Leg {
    pub(super) way: Way,
    pub(super) inbox: mpsc::Receiver<Arrived>,
    pub(super) call_id: String,
    /// Our From, or To, with our tag.
    pub(super) local: String,
    pub(super) tag: String,
    /// The other side's.
    pub(super) remote: String,
    /// Where our requests go.
    pub(super) target: String,
    pub(super) cseq: u32,
    pub(super) branches: u32,
    /// Our Contact.
    pub(super) contact: String,
}

/// How talking is to end, if the other side does not end it before.
pub(super) struct Manners {
    /// Hang up after this time; the other side is waited for where absent.
    pub(super) hangs_up_after: Option<Duration>,
    /// Whether to talk on, within [`PATIENCE`], until the other side was heard and had time to hear us: how long a talk
    /// takes is no promise about how much audio a busy machine moves in it.
    pub(super) waits_to_hear: bool,
    /// What is done about the key that a captcha asks for.
    pub(super) presses: Option<Presses>,
}

/// What is done about the key that a captcha asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Presses {
    /// Press it.
    Right,
    /// Press another.
    Wrong,
}

/// What happens while talking, for whoever tells of it.
pub(super) enum Moment {
    /// The captcha asked for this key; this one is pressed.
    Pressing { asked: char, pressed: char },
    /// The other side's voice is heard.
    HearsTheOther,
}

/// RFC 3261 timer T1.
const T1: Duration = Duration::from_millis(500);
/// A person needs a moment between hearing and pressing.
const REACTION: Duration = Duration::from_millis(400);
/// How much longer than meant a talk lasts at most, where one side has not heard the other.
const PATIENCE: Duration = Duration::from_secs(10);
/// Frames of 20 ms that the other side is given to hear us.
const FRAMES_TO_BE_HEARD: u32 = 20;
/// No call of the demo lasts longer.
const CALL_MAX: Duration = Duration::from_secs(50);

impl Leg {
    pub(super) fn write(&self, method: &str, cseq: u32, branch: &str, body: &str) -> Result<Vec<u8>> {
        let request = Request {
            method,
            uri: &self.target,
            transport: self.way.transport(),
            via: self.way.local()?,
            branch,
            from: &self.local,
            to: &self.remote,
            call_id: &self.call_id,
            cseq,
            contact: &self.contact,
            body,
        };
        Ok(request.write())
    }

    pub(super) fn new_branch(&mut self) -> String {
        self.branches += 1;
        format!("z9hG4bK-{}-{}", self.tag, self.branches)
    }

    /// Answers a request.
    pub(super) async fn reply(&self, request: &Heard, status: u16, body: &str) -> Vec<u8> {
        let bytes = request.reply(status, &self.tag, &self.contact, body);
        self.way.send(bytes.clone()).await;
        bytes
    }

    /// Sends a final answer to the INVITE, again and again until the ACK comes.
    pub(super) async fn answer(&mut self, invite: &Heard, status: u16, body: &str) -> Result<()> {
        let bytes = self.reply(invite, status, body).await;
        let mut again = T1;
        for _ in 0..6 {
            let until = Instant::now() + again;
            again *= 2;
            while let Ok(arrived) = timeout(until - Instant::now(), self.inbox.recv()).await {
                let heard = arrived.context("the phone's socket is gone")?.heard;
                match heard.method.as_str() {
                    "ACK" => return Ok(()),
                    "CANCEL" if heard.status.is_none() => drop(self.reply(&heard, 200, "").await),
                    _ => {}
                }
            }
            self.way.send(bytes.clone()).await;
        }
        bail!("no ACK came")
    }

    /// Hangs up, and waits until the other side knows.
    pub(super) async fn hang_up(&mut self) -> Result<()> {
        self.cseq += 1;
        let branch = self.new_branch();
        let bye = self.write("BYE", self.cseq, &branch, "")?;
        let mut again = T1;
        for _ in 0..5 {
            self.way.send(bye.clone()).await;
            let until = Instant::now() + again;
            again *= 2;
            while let Ok(arrived) = timeout(until - Instant::now(), self.inbox.recv()).await {
                let heard = arrived.context("the phone's socket is gone")?.heard;
                match (heard.method.as_str(), heard.status) {
                    ("BYE", Some(200..)) => return Ok(()),
                    // Both hung up at once.
                    ("BYE", None) => drop(self.reply(&heard, 200, "").await),
                    _ => {}
                }
            }
        }
        bail!("nobody answered the BYE")
    }

    /// Talks until one side hangs up.
    pub(super) async fn talk(
        &mut self,
        audio: &mut Audio,
        ack: Option<&[u8]>,
        manners: &Manners,
        tell: &mut impl FnMut(Moment),
    ) -> Result<()> {
        let began = Instant::now();
        let mut hang_up_at = began + manners.hangs_up_after.unwrap_or(CALL_MAX);
        let patient_until = hang_up_at + PATIENCE;
        let mut spoken_since = 0;
        let mut frames = interval(Duration::from_millis(20));
        let mut press_at = None;
        let mut told = false;
        loop {
            if audio.heard_the_other() && !told {
                told = true;
                tell(Moment::HearsTheOther);
            }
            tokio::select! {
                biased;
                arrived = self.inbox.recv() => {
                    let heard = arrived.context("the phone's socket is gone")?.heard;
                    if self.on_message(&heard, ack).await {
                        return Ok(());
                    }
                }
                () = sleep_until(hang_up_at) => {
                    let heard = told && spoken_since >= FRAMES_TO_BE_HEARD;
                    if manners.waits_to_hear && !heard && Instant::now() < patient_until {
                        hang_up_at = Instant::now() + Duration::from_millis(20);
                        continue;
                    }
                    self.hang_up().await?;
                    if manners.hangs_up_after.is_none() {
                        bail!("the call did not end");
                    }
                    return Ok(());
                }
                _ = frames.tick() => {
                    if let Some((at, digit)) = press_at && Instant::now() >= at {
                        press_at = None;
                        audio.press(digit);
                    }
                    audio.speak().await;
                    spoken_since += u32::from(told);
                }
                asked = audio.listen() => {
                    if let (Some(asked), Some(presses)) = (asked, manners.presses) {
                        let pressed = match presses {
                            Presses::Right => asked,
                            Presses::Wrong => media::Digit::from_event_code((asked.event_code() + 1) % 10)
                                .unwrap_or(asked),
                        };
                        tell(Moment::Pressing { asked: asked.as_char(), pressed: pressed.as_char() });
                        press_at = Some((Instant::now() + REACTION, pressed));
                    }
                }
            }
        }
    }

    /// True where the other side hung up.
    async fn on_message(&mut self, heard: &Heard, ack: Option<&[u8]>) -> bool {
        match (heard.method.as_str(), heard.status) {
            ("BYE", None) => {
                self.reply(heard, 200, "").await;
                return true;
            }
            // Our ACK was lost, so the answer comes again.
            ("INVITE", Some(200..=299)) => {
                if let Some(ack) = ack {
                    self.way.send(ack.to_vec()).await;
                }
            }
            ("ACK", None) | (_, Some(_)) => {}
            (_, None) => drop(self.reply(heard, 501, "").await),
        }
        false
    }
}
