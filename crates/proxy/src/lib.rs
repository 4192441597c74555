//! The life of a call, from INVITE to record: the only room that knows SIP and business alike.
//!
//! A [`Core`] is one shard: a value that takes an [`Input`] with the time and speaks through an [`Edge`]. It owns
//! transactions, dialogs and calls, and reads no clock, no socket, no file. Behind real sockets, in the simulator
//! and in a bench it is the same core.
//!
//! ```text
//!  INVITE ─► admission ─► screening ─┬─► ringing ──► connected ─► over
//!                                    ├─► challenge ─► ringing │ announcement ─► over
//!                                    └─► refused
//! ```
//! | step | file |
//! |---|---|
//! | packets to transactions, dialogs, calls | `dispatch.rs` |
//! | trunk, budgets, facts, screening, verdict | `admission.rs`, `facts.rs` |
//! | agents: forks, hunt, overflow, answers | `ringing.rs`, `invite.rs` |
//! | captcha, announcements | `speaking.rs` |
//! | requests within a call that is up | `midcall.rs` |
//! | audio through the switch | `anchor.rs` |
//! | CANCEL, BYE, time-outs, the record | `ending.rs` |

mod admission;
mod anchor;
mod call;
mod calls;
mod core;
mod dispatch;
mod ending;
mod facts;
mod identity;
mod invite;
mod io;
mod midcall;
mod names;
mod respond;
mod ringing;
mod snapshot;
mod speaking;

pub use crate::anchor::shard_of_media;
pub use crate::core::{Core, Load};
pub use crate::io::{Edge, Input, Listening, Now, Settings};
pub use crate::snapshot::Snapshot;
