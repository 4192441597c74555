//! The settings as values: what the files say, with every default filled in. The catalogue describes each of them.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use call_model::{AgentName, Cause, E164, NumberState, PlanName, TenantName, TrunkName};
use screening::{DetectiveSettings, Lists, TrunkBudget};

use crate::{AgentId, PlanId, TenantId, TrunkId};

/// `[switch]`: the program as a whole.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SwitchSettings {
    /// The node's name in logs and metrics.
    pub node: Arc<str>,
    /// Shards, each a thread with its own sockets, calls; 1 to 64.
    pub shards: u8,
    /// Where the call log, the store and the control socket live.
    pub data_dir: PathBuf,
    /// The host in our Contact and Via where a listener names none.
    pub host: Option<Arc<str>>,
    /// The most calls that a shard holds at once; beyond it new calls get 503.
    pub calls_at_once_max: u32,
    /// The longest a connected call lasts.
    pub call_duration_max: Duration,
    /// How long the caller may wait for an answer over all agents and overflows.
    pub setup_max: Duration,
    /// The most records that wait to be written; beyond it new calls get 503.
    pub record_queue_max: u32,
    /// How long a call stays in the call log.
    pub keep_calls: Duration,
    /// The text of our `User-Agent` and `Server` headers; empty for none.
    pub user_agent: Arc<str>,
}

/// How SIP travels.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Transport {
    /// Datagrams (RFC 3261 §18).
    Udp,
    /// Streams (RFC 3261 §18).
    Tcp,
}

impl Transport {
    /// The name in settings and in the `transport` parameter of a URI.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

/// `[[listen]]`: one address on which SIP is heard.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listener {
    /// The transport.
    pub transport: Transport,
    /// The address to bind.
    pub address: SocketAddr,
    /// Host and port that others see in our Via and Contact; never `0.0.0.0`.
    pub advertise: HostPort,
}

/// A host, by name or address, with a port: as written in Via and Contact.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct HostPort {
    /// A host name, an IPv4 address, or an IPv6 address in brackets.
    pub host: Arc<str>,
    /// The port.
    pub port: u16,
}

impl std::fmt::Display for HostPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// `[http]`: where metrics are served.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HttpSettings {
    /// The address to bind; absent where nothing is served.
    pub address: Option<SocketAddr>,
}

/// `[media]`: audio that passes through the switch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MediaSettings {
    /// The address to which audio ports are bound.
    pub address: IpAddr,
    /// The address that is offered in SDP; never `0.0.0.0`.
    pub advertise: IpAddr,
    /// The first and the last port for audio, both included.
    pub ports: (u16, u16),
    /// Threads that move audio.
    pub threads: u8,
    /// Whether plans that do not say otherwise pass audio through the switch.
    pub anchor: bool,
    /// How long an anchored call may be without any packet from either side before it is ended.
    pub dead_after: Duration,
    /// The folder of the prompts; the language is a folder within it.
    pub prompts: PathBuf,
}

/// `[timers]`: the clocks of SIP.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TimerSettings {
    /// Round trip estimate (RFC 3261 §17.1.1.1).
    pub t1: Duration,
    /// The longest gap between two sends of a request other than INVITE (RFC 3261 §17.1.2.1).
    pub t2: Duration,
    /// How long a message may stay in the network (RFC 3261 §17.1.2.2).
    pub t4: Duration,
    /// How long an agent may be silent after an INVITE before the next is tried.
    pub agent_silence_max: Duration,
}

/// `[strangers]`: what a source that is no trunk gets.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Strangers {
    /// 403 Forbidden.
    #[default]
    Refuse,
    /// Nothing at all.
    Drop,
}

/// `[[trunk]]`: a peering carrier.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trunk {
    /// Its place in this directory.
    pub id: TrunkId,
    /// Its name.
    pub name: TrunkName,
    /// The networks that its calls come from.
    pub sources: Vec<Network>,
    /// How many calls it may bring.
    pub budget: TrunkBudget,
    /// Whether P-Asserted-Identity and its kin are believed (RFC 3325 §5).
    pub trust_identity: bool,
    /// Whether `Priority: psap-callback` (RFC 7090) and Resource-Priority (RFC 4412) count.
    pub emergency_marks: bool,
    /// Whether it may bring calls from our own numbers.
    pub own_numbers: bool,
    /// How this carrier writes numbers that are not in international form.
    pub dialling: Dialling,
}

/// How numbers that lack the `+` are read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Dialling {
    /// The country whose national numbers are understood.
    pub country: Option<Country>,
}

/// A country's part in reading national numbers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Country {
    /// Its calling code (ITU-T E.164), 1 to 999.
    pub code: u16,
    /// What is dialled before a national number (`0` in most countries, `1` in country 1); empty for nothing.
    pub national_prefix: Box<str>,
}

/// A network: an address and how many of its leading bits count.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Network {
    /// The first address; the bits that do not count are 0.
    pub address: IpAddr,
    /// How many leading bits count.
    pub bits: u8,
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// `[[tenant]]`: a business.
#[derive(Debug)]
pub struct Tenant {
    /// Its place in this directory.
    pub id: TenantId,
    /// Its name.
    pub name: TenantName,
    /// The detective's settings for its calls.
    pub detective: DetectiveSettings,
    /// What stands for it in the windows of screening, made from its name: the same in every snapshot that has it,
    /// never 0.
    pub window_id: u32,
    /// Its lists.
    pub(crate) lists: Lists,
}

/// `[[agent]]`: somebody who answers calls.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Agent {
    /// Its place in this directory.
    pub id: AgentId,
    /// Its name.
    pub name: AgentName,
    /// The business.
    pub tenant: TenantId,
    /// The SIP URI as written: the Request-URI of the INVITE.
    pub uri: Arc<str>,
    /// Where the INVITE is sent.
    pub address: SocketAddr,
    /// How the INVITE is sent.
    pub transport: Transport,
}

/// `[[plan]]`: what happens to a call that screening lets through.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plan {
    /// Its place in this directory.
    pub id: PlanId,
    /// Its name.
    pub name: PlanName,
    /// The business.
    pub tenant: TenantId,
    /// In which manner agents are rung.
    pub ring: Ring,
    /// Whom to ring, in order; never empty.
    pub agents: Vec<Rung>,
    /// What happens when nobody answers.
    pub overflow: Destination,
    /// The announcement for callers who did not pass a challenge.
    pub challenge_fallback: Arc<str>,
    /// How the audio travels.
    pub media: MediaPath,
}

/// In which manner a plan rings its agents.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ring {
    /// The one agent.
    One,
    /// All at the same time; the first who answers has the call.
    All,
    /// One after another, in order.
    Hunt,
}

/// An agent in a plan.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rung {
    /// The agent.
    pub agent: AgentId,
    /// How long it rings.
    pub ring_time: Duration,
}

/// Where a call goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Destination {
    /// To the agents of a plan.
    Plan(PlanId),
    /// To an agent.
    Agent(AgentId),
    /// To an announcement, by name, and then it ends.
    Announce(Arc<str>),
    /// Nowhere: it is refused with this status, 400 to 699.
    Refuse(u16),
}

/// How the audio of a call travels.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MediaPath {
    /// Between caller and agent, past the switch.
    Direct,
    /// Through the switch.
    Anchor,
}

/// A tracking number.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Number {
    /// The business.
    pub tenant: TenantId,
    /// The plan; present for every number that is active or paused.
    pub plan: Option<PlanId>,
    /// Its state.
    pub state: NumberState,
    /// Where the number is shown: a campaign, a page.
    pub label: Option<Arc<str>>,
}

/// `[emergency]`: calls to emergency numbers, which nothing else in the settings touches.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EmergencySettings {
    /// The numbers as dialled, digits only. `urn:service:sos` and below (RFC 5031) are always emergency calls.
    pub numbers: Vec<Box<str>>,
    /// Where such calls go; absent where they are refused with 404, since the switch has no way to an emergency service.
    pub destination: Option<Destination>,
}

/// `[captcha]`: the spoken challenge.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaptchaSettings {
    /// How often the caller may try.
    pub tries: u8,
    /// How long each try waits for a key once the sentence is spoken.
    pub wait: Duration,
}

/// `[responses]`: which status a refusal has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ResponseSettings {
    /// On the owner's block list.
    pub owner_blocked: u16,
    /// The caller's number cannot exist.
    pub caller_invalid: u16,
    /// The caller's number is on the do-not-originate list.
    pub do_not_originate: u16,
    /// The caller claims one of our own numbers.
    pub own_number: u16,
    /// Where a caller whom the detective refused can complain: a web page.
    pub analytics_url: Option<Arc<str>>,
    /// The same by telephone.
    pub analytics_tel: Option<E164>,
    /// The same by mail.
    pub analytics_email: Option<Arc<str>>,
    /// The `Retry-After` of a 503 to a trunk over its budget, in whole seconds; absent for none.
    pub retry_after: Option<Duration>,
}

impl ResponseSettings {
    /// The status of a refusal before any agent was rung; absent for causes that are no such refusal.
    #[must_use]
    pub fn status(&self, cause: Cause) -> Option<u16> {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "causes are open; all that are no refusal have no status"
        )]
        Some(match cause {
            Cause::UnknownTrunk => 403,
            Cause::TrunkRate | Cause::TrunkConcurrency | Cause::Overload => 503,
            Cause::NumberUnknown | Cause::NumberQuarantined => 404,
            Cause::NumberPaused => 480,
            Cause::NumberReleased => 410,
            Cause::CallerInvalid => self.caller_invalid,
            Cause::DoNotOriginate => self.do_not_originate,
            Cause::OwnNumber => self.own_number,
            Cause::OwnerBlocked => self.owner_blocked,
            Cause::Analytics => 603,
            _ => return None,
        })
    }
}
