//! Call events in, numbers out.
//!
//! [`Metrics`] turns every [`CallEvent`](call_model::CallEvent) into counts in one match, hands the edge the handles
//! for what only the edge knows ([`ShardMetrics`], [`StoreMetrics`] …), and renders all of it as OpenMetrics text.
//! Every name, unit, label, help text is in one table, from which [`documentation`] is written. No label ever holds
//! a number, a name or an address: each label's values are a closed set.

mod catalogue;
mod edge;
mod observed;

pub use catalogue::documentation;
pub use edge::{
    Count, Level, QueueMetrics, Reload, ScreeningMetrics, ShardMetrics, StoreMetrics, TransportMetrics,
};
pub use observed::Metrics;
