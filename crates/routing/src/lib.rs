//! The directory of trunks, tenants, numbers, plans: who gets the call.
//!
//! [`Directory::load`] turns the texts of settings into one immutable snapshot, or names every fault in them.
//! [`normalise`] reads numbers as carriers write them. [`Hunt`] walks a plan.

mod catalogue;
mod digest;
mod directory;
mod fault;
mod hunt;
mod load;
pub mod normalise;
mod reader;
mod settings;
mod sources;
mod suggest;
mod tables_business;
mod tables_machine;
mod value;

pub use catalogue::reference;
pub use directory::{AgentId, Directory, PlanId, Scope, ScopedEntry, TenantId, TrunkId};
pub use fault::{FaultAt, SourceText};
pub use hunt::{Hunt, RingAgent, Step};
pub use settings::{
    Agent, CaptchaSettings, Country, Destination, Dialling, EmergencySettings, HostPort, HttpSettings,
    Listener, MediaPath, MediaSettings, Network, Number, Plan, ResponseSettings, Ring, Rung, Strangers,
    SwitchSettings, Tenant, TimerSettings, Transport, Trunk,
};
