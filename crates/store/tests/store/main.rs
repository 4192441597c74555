//! What the store promises to those who write and read it.
#![cfg(test)]

mod calls;
mod crash;
mod kept;
mod opening;
mod records;
