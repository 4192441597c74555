//! HTTP doors over the rooms above.
