//! Streams of audio as values.
//!
//! Nothing here owns a socket, a thread or a clock: a [`Session`] takes a received packet and the time and says
//! where it goes, a [`Player`] yields the next 20 ms frame, a [`Captcha`] takes keys and says pass or fail.
//! Audio is G.711 (µ-law, A-law) at 8 kHz, keys are RFC 4733 telephone events or SIP INFO.

pub mod captcha;
mod codec;
mod command;
mod digit;
pub mod g711;
mod id;
mod latch;
mod outgoing;
mod player;
mod ports;
mod prompt;
mod random;
pub mod rtp;
mod session;
pub mod sip_info;
pub mod telephone_event;
#[cfg(test)]
mod testing;

pub use captcha::{Captcha, CaptchaAction, CaptchaSettings, FailKind};
pub use codec::Codec;
pub use command::{MediaCommand, MediaEvent, MediaStats, OpenFault, Peer, SideStats};
pub use digit::Digit;
pub use id::{MediaId, Side};
pub use latch::{Latch, LatchSettings, Source};
pub use player::{FRAME, FRAME_TIME, Player, Sound, Step, Tone};
pub use ports::PortPool;
pub use prompt::{Library, PromptFault, PromptId, announcements};
pub use session::{PACKET_MAX, Session, SessionSettings};
