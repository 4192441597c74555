//! A world for the switch to live in: carriers, callers, agents, links, audio, all under one virtual clock.
//!
//! The switch in it is the real one: N shards of [`proxy::Core`]. Everything around it is simulated and follows from
//! one seed, so a run can be repeated to the letter. The phones know SIP from the RFC alone and share no code with
//! the switch but the parser, so they judge it from outside.
//!
//! ```
//! # use std::time::Duration;
//! let mut world = sim::World::new(7);
//! world.link("carrier").loss_percent(5);
//! world.offer_calls(10);
//! world.run_until_idle();
//! assert!(world.faults().is_empty(), "{:?}", world.faults());
//! assert_eq!(world.records().len(), 10);
//! ```
//!
//! After every step the world looks for broken promises ([`World::faults`]): a second final answer to an INVITE, a
//! second record of a call, an agent rung for a caller who was not let through. At rest it asks that nothing is left:
//! no call, no transaction, no port, no audio session, no phone that still believes in its call.

mod agent;
mod caller;
mod directory;
mod ladder;
mod link;
mod phone;
mod promises;
mod random;
mod reading;
mod script;
mod studio;
mod switch;
mod traffic;
mod wire;
mod world;

pub use directory::{AGENTS, CARRIER, DIRECTORY, STRANGER, load};
pub use link::Link;
pub use phone::Phone;
pub use random::Random;
pub use script::{AgentScript, CallerScript, Key, Then};
pub use world::{Setup, World};
