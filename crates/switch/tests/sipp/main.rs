//! The switch from outside: the real program, real sockets, SIPp and small phones of our own around it.
//!
//! Each test runs a switch of its own on an address of the loopback that no other test uses, so all run side by side.
//! SIPp plays carriers and agents from the scenarios in `tests/sipp`; where something must be heard, or a packet must
//! be exactly so, a [`phone::Phone`] does it. When a test stops its switch it holds the call log against what was
//! called: one record for each call.
#![cfg(test)]

mod answered;
mod captcha;
mod early;
mod ending;
mod hostile;
mod identity;
mod lossy;
mod midcall;
mod phone;
mod place;
mod refused;
mod reload;
mod ringing;
mod sipp;
mod sound;
mod streams;
mod switch;
mod text;
