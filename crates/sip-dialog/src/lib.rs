//! One leg of a call as a dialog (RFC 3261 §12): identifiers, sequence numbers, route set, remote target, and the
//! offers and answers that pass over it (RFC 3264).
//!
//! A [`Dialog`] is a compact value: its texts share one allocation, since a switch holds two for each call that is
//! up. It decides nothing about calls; `proxy` does.

mod dialog;
mod resend;
mod sdp;

pub use dialog::{Dialog, DialogFault, Order, RequestHead};
pub use resend::{Resend, ResendDue};
pub use sdp::{Audio, BODY_BYTES_MAX, Direction, Origin, PCMA, PCMU, SdpFault, anchor, describe};
