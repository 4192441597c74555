//! The directory of trunks, tenants, numbers, plans: who gets the call.
//!
//! [`Directory::load`] turns the texts of settings into one immutable snapshot, or names every fault in them.
//! [`normalise`] reads numbers as carriers write them. [`Hunt`] walks a plan.

mod directory;
mod fault;
mod hunt;
mod load;
pub mod normalise;
mod settings;
mod sources;

pub use directory::{AgentId, Directory, PlanId, TenantId, TrunkId};
pub use fault::{FaultAt, SourceText};
pub use hunt::{Hunt, RingAgent, Step};
pub use settings::{
    Agent, CaptchaSettings, Country, Destination, Dialling, EmergencySettings, HostPort, HttpSettings,
    Listener, MediaPath, MediaSettings, Network, Number, Plan, ResponseSettings, Ring, Rung, Strangers,
    SwitchSettings, Tenant, TimerSettings, Transport, Trunk,
};
