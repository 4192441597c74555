//! What the call core asks of the media threads, and what they tell it.

use crate::{Codec, Digit, MediaId, Side, Sound};
use std::net::SocketAddr;

/// An order to the media threads. Orders for one `id` are obeyed in the order given; an order for an `id` or side
/// that is not open is dropped.
#[derive(Clone, Debug, PartialEq)]
pub enum MediaCommand {
    /// Bind the RTP port `local` (even) and the RTCP port above it. Answered by `Opened` or `OpenFailed`.
    OpenSide {
        /// Which session; made when its first side is opened.
        id: MediaId,
        /// Which side of it.
        side: Side,
        /// Address and even port for RTP; RTCP takes the next port.
        local: SocketAddr,
        /// What the peer of this side has said so far.
        peer: Peer,
    },
    /// The peer has said something new in SDP. A changed address starts latching anew.
    Update {
        /// Which session.
        id: MediaId,
        /// Which side of it.
        side: Side,
        /// What holds from now on.
        peer: Peer,
    },
    /// Speak to the peer of this side, in place of what is playing and of relayed audio. `PlayDone` follows when
    /// the last sound has been sent, unless another order ended the playing before. Then silence is sent (so that
    /// the path stays open) until `Play`, `StopPlaying`, `Bridge` or `Close`.
    Play {
        /// Which session.
        id: MediaId,
        /// Who hears it.
        side: Side,
        /// The sounds, one after the other.
        what: Vec<Sound>,
        /// Comes back in `PlayDone` and `Cue`, to tell this playing from an earlier one.
        token: u32,
    },
    /// Be quiet towards this side. No `PlayDone` follows.
    StopPlaying {
        /// Which session.
        id: MediaId,
        /// Which side of it.
        side: Side,
    },
    /// Relay audio both ways from now on; what was playing on either side ends without a `PlayDone`. May come
    /// before both sides are open: relaying begins when they are.
    Bridge {
        /// Which session.
        id: MediaId,
    },
    /// Stop relaying.
    Unbridge {
        /// Which session.
        id: MediaId,
    },
    /// Close one side and free its ports, such as an agent who did not answer. Its counts stay for `Closed`.
    CloseSide {
        /// Which session.
        id: MediaId,
        /// Which side of it.
        side: Side,
    },
    /// Close the session and free its ports. `Closed` follows, always, also when the `id` was never open.
    Close {
        /// Which session.
        id: MediaId,
    },
}

impl MediaCommand {
    /// The session the order is for.
    pub fn id(&self) -> MediaId {
        match self {
            MediaCommand::OpenSide { id, .. }
            | MediaCommand::Update { id, .. }
            | MediaCommand::Play { id, .. }
            | MediaCommand::StopPlaying { id, .. }
            | MediaCommand::Bridge { id }
            | MediaCommand::Unbridge { id }
            | MediaCommand::CloseSide { id, .. }
            | MediaCommand::Close { id } => *id,
        }
    }
}

/// What a peer's SDP says about its audio.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Peer {
    /// Where it wants RTP; `None` while unknown (the agent has not answered) or on hold with a null address.
    pub remote: Option<SocketAddr>,
    /// The law agreed with it.
    pub codec: Codec,
    /// The payload type of telephone events agreed with it, if any (RFC 4733).
    pub telephone_event: Option<u8>,
    /// Whether it is to send us audio (it has answered, with `sendrecv` or `sendonly`). The silence of a call is
    /// watched while one side at least is to send.
    pub sends: bool,
}

/// What the media threads tell the call core.
#[derive(Clone, Debug, PartialEq)]
pub enum MediaEvent {
    /// Both ports of the side are bound.
    Opened {
        /// Which session.
        id: MediaId,
        /// Which side of it.
        side: Side,
    },
    /// The side could not be opened; nothing of it remains.
    OpenFailed {
        /// Which session.
        id: MediaId,
        /// Which side of it.
        side: Side,
        /// Why.
        why: OpenFault,
    },
    /// A `Sound::Cue` was reached.
    Cue {
        /// Which session.
        id: MediaId,
        /// Which side of it.
        side: Side,
        /// The token of the `Play`.
        token: u32,
    },
    /// All sounds of a `Play` have been sent.
    PlayDone {
        /// Which session.
        id: MediaId,
        /// Which side of it.
        side: Side,
        /// The token of the `Play`.
        token: u32,
    },
    /// The peer pressed a key (RFC 4733). Reported once per press, also while bridged.
    Digit {
        /// Which session.
        id: MediaId,
        /// Who pressed it.
        side: Side,
        /// The key.
        digit: Digit,
    },
    /// Audio of this side comes from, and now goes to, an address other than the one its SDP names.
    Latched {
        /// Which session.
        id: MediaId,
        /// Which side of it.
        side: Side,
    },
    /// Nothing at all came from either side for the time set, neither RTP nor RTCP, though one at least is to send.
    /// Said once per silence; anything heard from either side ends it.
    Silent {
        /// Which session.
        id: MediaId,
        /// The first side that is to send.
        side: Side,
    },
    /// The session is gone and its ports are free.
    Closed {
        /// Which session.
        id: MediaId,
        /// What it carried.
        stats: Box<MediaStats>,
    },
}

impl MediaEvent {
    /// The session the event is about.
    pub fn id(&self) -> MediaId {
        match self {
            MediaEvent::Opened { id, .. }
            | MediaEvent::OpenFailed { id, .. }
            | MediaEvent::Cue { id, .. }
            | MediaEvent::PlayDone { id, .. }
            | MediaEvent::Digit { id, .. }
            | MediaEvent::Latched { id, .. }
            | MediaEvent::Silent { id, .. }
            | MediaEvent::Closed { id, .. } => *id,
        }
    }
}

/// Why a side could not be opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OpenFault {
    /// Another socket holds the RTP or the RTCP port.
    #[error("the port is taken")]
    PortTaken,
    /// The address is not one of this machine.
    #[error("the address is not ours")]
    AddressNotOurs,
    /// The side is open already.
    #[error("the side is open already")]
    AlreadyOpen,
    /// The thread holds as many sessions as it may.
    #[error("too many sessions")]
    TooManySessions,
    /// The machine refused for another reason, such as too many open files.
    #[error("the machine refused")]
    Refused,
}

/// What a session carried.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MediaStats {
    /// Towards and from the caller.
    pub a: SideStats,
    /// Towards and from the agent.
    pub b: SideStats,
}

/// Packets of one side: what came from its peer, and what we said to it. `received` is always the sum of `relayed`,
/// `kept`, `strangers` and `malformed`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SideStats {
    /// Datagrams that came in on the RTP port.
    pub received: u64,
    /// RTP packets of this side's peer handed to the other side.
    pub relayed: u64,
    /// RTP packets heard but not handed on: no bridge, a prompt has the floor, or the way across is not known.
    pub kept: u64,
    /// Packets that the machine refused to send to this side.
    pub unsent: u64,
    /// RTP packets of our own (prompts, tones, silence) sent to this side.
    pub played: u64,
    /// Packets from a source that is not the peer.
    pub strangers: u64,
    /// Datagrams on the RTP port that are not RTP.
    pub malformed: u64,
    /// RTCP packets of this side's peer handed to the other side.
    pub rtcp_relayed: u64,
    /// Keys reported.
    pub digits: u64,
    /// Prompts asked for that the library does not hold.
    pub prompts_missing: u64,
}
