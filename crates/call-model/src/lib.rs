//! The words that all rooms share.
//!
//! Plain values: no room below the edge needs more than these to speak of a call. What crosses a boundary (call
//! log, control socket, journal) is `serde`; numbers are written in full there and masked everywhere else.

mod event;
mod facts;
mod identity;
mod number;
mod outcome;
mod record;
mod verdict;

pub use event::{CallEvent, RefusedPacket};
pub use facts::{
    Attestation, Called, Caller, CallerSource, DetectiveValues, Emergency, Facts, NumberState, RemovedHeader,
};
pub use identity::{AgentName, CallId, CallIdFault, PlanName, RulesetVersion, TenantName, TrunkName};
pub use number::{E164, InFull, NumberFault};
pub use outcome::{Cause, Ending, Fault, Outcome, Side};
pub use record::{CallRecord, ChallengeOutcome, LegRecord};
pub use verdict::{DecisionRecord, Evidence, Exemption, ListKind, Reason, Score, Treatment, Verdict};
