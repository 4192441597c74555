//! Decides, with reasons, how a caller is treated.
