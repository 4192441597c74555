//! Behaviour of the room as a whole. The parts are tested beside their code.

mod explanations;
mod precedence;
mod rules;
mod sliding;
mod world;
