//! Facts about calls that others learn of: metrics, the call log, exports.

use std::time::Duration;

use crate::{CallId, CallRecord, ChallengeOutcome, E164, TenantName, Treatment};

/// A fact about a call, or about the traffic around calls.
///
/// Rooms that decide return these; one exhaustive match in `metrics` turns them into numbers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CallEvent {
    /// An INVITE began a call.
    Offered,
    /// Screening decided.
    Screened {
        /// What was decided.
        treatment: Treatment,
        /// How long the decision took.
        took: Duration,
    },
    /// The caller first heard ringing, or an answer where nothing rang: post-dial delay.
    Ringing {
        /// Since the INVITE came.
        after: Duration,
    },
    /// The first INVITE to an agent left: the delay that the switch itself adds to setting up the call.
    Forwarded {
        /// Since the INVITE came.
        after: Duration,
    },
    /// Caller and agent were connected.
    Connected {
        /// Since the INVITE came.
        after: Duration,
    },
    /// A challenge was posed and is over.
    Challenged(ChallengeOutcome),
    /// A caller proved to be human; remembered beyond a restart.
    Passed {
        /// The business that the caller called.
        tenant: TenantName,
        /// The caller.
        caller: E164,
        /// Until when it counts, Unix milliseconds.
        until_ms: u64,
    },
    /// A call is over: its one record.
    Ended(Box<CallRecord>),
    /// A call was refused with 503 before it became one, since its record might have been lost.
    RefusedUnrecorded {
        /// Identifier named in the refusal.
        id: CallId,
    },
    /// A packet was refused before it became part of a call.
    PacketRefused(RefusedPacket),
    /// Messages that were sent again since no answer came.
    RetransmissionsSent(u64),
    /// Messages that came again and were answered from memory or absorbed.
    RetransmissionsAbsorbed(u64),
}

/// A packet that was not understood or not wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RefusedPacket {
    /// The cause, as a metric label: `header_malformed`, `too_long` …
    pub cause: &'static str,
    /// The status it was answered with; absent where it was dropped in silence.
    pub status: Option<u16>,
}
