//! Holds the workspace to the picture that `ARCHITECTURE.md` draws.
//!
//! The code map there is the one list of rooms and arrows: a room or an arrow that it does not show fails here, so a
//! new one is a change of the picture in the same commit. The rules that no picture may break are below.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what cannot be read fails the test that reads it"
)]

mod checkout;
mod pages;
mod rooms;
mod sources;
