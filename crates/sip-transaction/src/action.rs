//! What the machines ask of whoever drives them.

use std::fmt;

use smallvec::SmallVec;

use crate::head::Head;

/// One thing to do. Bytes are borrowed from the machine, or from the input that was fed in.
#[derive(Eq, PartialEq)]
pub enum Action<'a> {
    /// Send these bytes on the flow of the transaction. Nothing is fed back, unless sending is known to
    /// have failed.
    Send(&'a [u8]),
    /// Write the ACK of RFC 3261 §17.1.1.3 for the response that was fed in, and send it.
    Ack(&'a Head),
    /// Hand the message that was fed in to the transaction user.
    PassUp,
    /// Tell the transaction user that this was waited for in vain. It is the last word of the transaction,
    /// except for [`TimeoutKind::TryingDue`], which is a reminder.
    Report(TimeoutKind),
}

/// Why a transaction speaks up by itself.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TimeoutKind {
    /// A client transaction got no final response: timer B or F, or 64*T1 after a CANCEL
    /// (RFC 3261 §9.1). For an INVITE this counts as a 408; for others nothing may be answered on the
    /// strength of it (RFC 4320 §4.2).
    ClientTimeout,
    /// An INVITE server transaction got no ACK for its 300–699 (timer H).
    ServerGone,
    /// A non-INVITE server transaction was never answered and is dropped after 64*T1: the client has
    /// given up by now, and a late answer would only harm (RFC 4320 §4.2).
    Unanswered,
    /// A server transaction has not answered for so long that a 100 must be sent now: 200 ms for an
    /// INVITE (RFC 3261 §17.2.1), 3.5 s for others (RFC 4320 §4.1). The transaction goes on.
    TryingDue,
    /// The transport could not deliver what a client transaction sent (RFC 3261 §17.1.4). For an INVITE
    /// this counts as a 503.
    TransportFailed,
}

/// No heap in the ordinary case: no input asks for more than two things.
pub type Actions<'a> = SmallVec<[Action<'a>; 2]>;

impl fmt::Debug for Action<'_> {
    /// Messages are personal data: only their length is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(bytes) => write!(f, "Send({} bytes)", bytes.len()),
            Self::Ack(_) => f.write_str("Ack"),
            Self::PassUp => f.write_str("PassUp"),
            Self::Report(kind) => write!(f, "Report({kind:?})"),
        }
    }
}

/// The whole crate's way to say "one thing to do".
pub(crate) fn one(action: Action<'_>) -> Actions<'_> {
    let mut actions = Actions::new();
    actions.push(action);
    actions
}

/// Two things to do, in this order.
pub(crate) fn two<'a>(first: Action<'a>, second: Action<'a>) -> Actions<'a> {
    let mut actions = one(first);
    actions.push(second);
    actions
}
