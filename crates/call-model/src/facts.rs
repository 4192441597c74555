//! What an INVITE shows once it is cleaned: the input of screening, live and in a rehearsal alike.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{E164, TenantName, TrunkName};

/// Everything about a call that screening looks at.
///
/// Kept in the decision record, so that a decision can be computed again from it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Facts {
    /// When the INVITE came, Unix milliseconds.
    pub at_ms: u64,
    /// The peering carrier; absent where the source is unknown.
    pub trunk: Option<TrunkName>,
    /// The address that the INVITE came from.
    pub source: IpAddr,
    /// Who calls.
    pub caller: Caller,
    /// Which header the caller was read from.
    pub caller_source: CallerSource,
    /// The caller's name as shown (display name), at most 64 bytes, non-UTF-8 replaced.
    pub cnam: Option<Box<str>>,
    /// The domain of the caller's SIP URI, lower case.
    pub caller_domain: Option<Box<str>>,
    /// Who is called.
    pub called: Called,
    /// The state of the tracking number; absent where the number is not ours.
    pub number_state: Option<NumberState>,
    /// The business that the number belongs to.
    pub tenant: Option<TenantName>,
    /// Whether the call is to, or a call-back from, an emergency service.
    pub emergency: Option<Emergency>,
    /// The attestation of a verified PASSporT (RFC 8588).
    pub attestation: Option<Attestation>,
    /// The caller's `User-Agent`, at most 64 bytes.
    pub user_agent: Option<Box<str>>,
    /// Identity headers that were removed since the peer is not trusted for them.
    pub removed: Vec<RemovedHeader>,
}

/// Who calls.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Caller {
    /// A number in international form.
    Number(E164),
    /// The caller is withheld, absent or private: neither malformed nor impossible.
    Anonymous,
    /// A SIP identity whose user part is a name, not a number.
    Named(Box<str>),
    /// Written as a number, but no number can look like that; the text as it came, at most 64 bytes.
    Malformed(Box<str>),
}

impl Caller {
    /// The number, where there is one.
    #[must_use]
    pub fn number(&self) -> Option<E164> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Anonymous | Self::Named(_) | Self::Malformed(_) => None,
        }
    }
}

/// Which header names the caller.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallerSource {
    /// P-Asserted-Identity of a trusted peer (RFC 3325).
    PAssertedIdentity,
    /// The From header.
    From,
}

/// Who is called.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Called {
    /// A number in international form.
    Number(E164),
    /// An emergency number or URN as dialled (`911`, `urn:service:sos.police`).
    Emergency(Box<str>),
    /// Anything else, as dialled, at most 64 bytes.
    Other(Box<str>),
}

impl Called {
    /// The number, where there is one.
    #[must_use]
    pub fn number(&self) -> Option<E164> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Emergency(_) | Self::Other(_) => None,
        }
    }
}

/// Why a call has to do with an emergency.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Emergency {
    /// The call is to an emergency number or URN.
    Call,
    /// `Priority: psap-callback` (RFC 7090) from a trunk that is listed for it.
    CallBack,
    /// `Resource-Priority` (RFC 4412) from a trunk that is listed for it.
    Priority,
}

/// The state of a tracking number.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberState {
    /// In use.
    Active,
    /// Calls are refused for a while: 480.
    Paused,
    /// No longer in use: 410.
    Released,
    /// Rests before it is given out again, and feeds the detective: 404.
    Quarantined,
}

impl NumberState {
    /// The state's name in settings, records and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Released => "released",
            Self::Quarantined => "quarantined",
        }
    }
}

/// How sure the signing carrier is of the caller (RFC 8588 §4).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Attestation {
    /// The signer knows the customer, who may use the number.
    A,
    /// The signer knows the customer.
    B,
    /// The signer only passed the call on.
    C,
}

/// A header, or a mark in one, that was taken off since the peer is not trusted for it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RemovedHeader {
    /// P-Asserted-Identity (RFC 3325 §5).
    PAssertedIdentity,
    /// P-Preferred-Identity (RFC 3325).
    PPreferredIdentity,
    /// Remote-Party-ID.
    RemotePartyId,
    /// A `verstat` parameter on the From URI.
    Verstat,
    /// `Priority: psap-callback` (RFC 7090).
    Priority,
    /// Resource-Priority (RFC 4412).
    ResourcePriority,
}

/// What the detective's windows showed when the call came, this call included.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct DetectiveValues {
    /// The sequence number of the observation: the order in which windows were read and written.
    pub sequence: u64,
    /// One value for each signal of the detective settings, in their order; at most 16.
    pub signals: [u32; 16],
    /// When this caller last passed a challenge, Unix milliseconds, where that still counts.
    pub passed_challenge_ms: Option<u64>,
}
