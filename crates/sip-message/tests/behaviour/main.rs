//! What the wire layer does, seen from outside.

mod allocation;
mod beside_rsip;
mod fixtures;
mod framing;
mod properties;
mod remembering;
mod views;
mod wire;
mod writing;
