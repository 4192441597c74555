//! Call events in, numbers out.
