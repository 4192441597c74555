//! What callers and agents do.

use std::time::Duration;

/// What a caller does. [`Default`]: calls `+12025550100` from `+12025550143`, talks for ten seconds, hangs up.
#[derive(Clone, Debug)]
pub struct CallerScript {
    /// The caller's number as it stands in From; `anonymous` for a withheld one.
    pub from: String,
    /// The caller's name, where shown.
    pub name: Option<String>,
    /// Whom the caller calls: the Request-URI's user part, or a whole URI.
    pub to: String,
    /// Header lines to add to the INVITE, each with its CRLF.
    pub lines: String,
    /// Max-Forwards of the INVITE.
    pub hops: u8,
    /// Whether the INVITE has an offer; where not, the answer is in the ACK.
    pub offers: bool,
    /// Gives up so long after the INVITE, where no final answer came.
    pub cancels_after: Option<Duration>,
    /// Hangs up so long after the answer; never where absent.
    pub hangs_up_after: Option<Duration>,
    /// Sends a re-INVITE (hold) so long after the answer.
    pub holds_after: Option<Duration>,
    /// Goes silent for good so long after the INVITE.
    pub crashes_after: Option<Duration>,
    /// What the caller does when asked for a key.
    pub key: Key,
    /// Whether 2xx are acknowledged at all.
    pub acknowledges: bool,
    /// Whether the call comes from an address that is no trunk.
    pub stranger: bool,
}

impl Default for CallerScript {
    fn default() -> Self {
        Self {
            from: "+12025550143".into(),
            name: None,
            to: "+12025550100".into(),
            lines: String::new(),
            hops: 70,
            offers: true,
            cancels_after: None,
            hangs_up_after: Some(Duration::from_secs(10)),
            holds_after: None,
            crashes_after: None,
            key: Key::Silent,
            acknowledges: true,
            stranger: false,
        }
    }
}

/// What a caller does when asked for a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Key {
    /// Presses it; it comes as an RFC 4733 event.
    Event,
    /// Presses it; it comes as a SIP INFO.
    Info,
    /// Presses another.
    Wrong,
    /// Presses another at first, the right one when asked again.
    WrongThenRight,
    /// Does nothing.
    Silent,
    /// Hangs up.
    HangsUp,
}

/// What an agent's phone does with a call. [`Default`]: 100 at once, rings at 50 ms, answers at 1 s, talks until the
/// caller hangs up.
#[derive(Clone, Debug)]
pub struct AgentScript {
    /// Whether 100 is sent.
    pub tries: bool,
    /// Sends 180 so long after the INVITE.
    pub rings_after: Option<Duration>,
    /// Sends 183 with a description in place of the 180.
    pub early_media: bool,
    /// What follows.
    pub then: Then,
    /// Hangs up so long after the answer.
    pub hangs_up_after: Option<Duration>,
    /// Sends a re-INVITE so long after the answer.
    pub holds_after: Option<Duration>,
    /// This call goes silent for good so long after the INVITE.
    pub crashes_after: Option<Duration>,
    /// Whether re-INVITEs are answered; where not, they ring for ever.
    pub takes_reinvites: bool,
}

impl Default for AgentScript {
    fn default() -> Self {
        Self {
            tries: true,
            rings_after: Some(Duration::from_millis(50)),
            early_media: false,
            then: Then::Answers(Duration::from_secs(1)),
            hangs_up_after: None,
            holds_after: None,
            crashes_after: None,
            takes_reinvites: true,
        }
    }
}

/// How an agent's ringing ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Then {
    /// Answers so long after the INVITE.
    Answers(Duration),
    /// Refuses with this status so long after the INVITE.
    Refuses(u16, Duration),
    /// Rings for three minutes, then answers 480.
    Rings,
}
