//! The virtual world: phones, carriers, links, clock, traffic.
