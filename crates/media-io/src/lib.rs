//! The sockets, threads, files of audio.
//!
//! [`MediaThreads`] runs the sessions of the `media` room on threads of their own, so that audio never delays
//! signalling. It decides nothing about calls: [`MediaHandle::send`] brings orders in, an [`EventSink`] takes what
//! happened out, and between them packets move from socket to socket without an allocation or a lock.

mod files;
mod inbox;
mod outbox;
mod ports;
mod thread;
mod threads;

pub use files::{LoadFault, LoadReason, load_prompts};
pub use inbox::Refused;
pub use outbox::EventSink;
pub use threads::{MediaCounts, MediaHandle, MediaSettings, MediaThreads};
