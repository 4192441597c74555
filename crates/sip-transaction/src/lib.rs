//! The four transaction machines of RFC 3261 §17 with RFC 6026, and the table that holds them.
//!
//! | read | for |
//! |---|---|
//! | [`Transactions`] | the table of one shard: matching, timers, what comes out |
//! | [`InviteClient`], [`InviteServer`], [`Client`], [`Server`] | one machine each, pure |
//! | [`Timers`] | timers A to M, by the letter |
//! | [`Branch`] | what a branch of ours tells whoever receives the response |
//! | [`Wheel`] | timers in constant time |
//!
//! Nothing here reads a clock or touches a socket: the time is an argument, and what is to be sent goes to
//! a [`Sink`].

pub mod client;
pub mod invite_client;
pub mod invite_server;
pub mod server;

mod action;
mod branch;
mod client_side;
mod flow;
mod head;
mod matching;
mod server_side;
mod slab;
mod table;
#[cfg(test)]
mod testing;
mod timers;
mod wheel;

pub use action::{Action, Actions, TimeoutKind};
pub use branch::Branch;
pub use client::Client;
pub use client_side::{CancelSent, Kind, Outgoing};
pub use flow::{Flow, Transport};
pub use head::Head;
pub use invite_client::InviteClient;
pub use invite_server::InviteServer;
pub use server::Server;
pub use server_side::ResponseSent;
pub use table::{
    AcceptError, ClientId, Received, ServerId, Settings, Sink, Stats, TableFull, Timeout, TransactionId,
    Transactions,
};
pub use timers::Timers;
pub use wheel::{TimerKey, Wheel};
