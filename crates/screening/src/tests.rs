//! Behaviour of the room as a whole. The parts are tested beside their code.

mod rules;
mod world;
