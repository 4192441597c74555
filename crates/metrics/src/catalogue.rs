//! The table of all metrics.

use std::borrow::Cow;
use std::fmt::Write as _;

use call_model::{Cause, Fault};

/// One metric as operators know it.
pub(crate) struct Described {
    /// The full name, with unit and, for counters, `_total`.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Label names, each with what its values are.
    pub(crate) labels: &'static [(&'static str, &'static str)],
    /// One sentence, without its full stop: the text format adds one.
    pub(crate) help: &'static str,
}

/// How a metric behaves.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// Only ever grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by upper bound, in seconds.
    Histogram(&'static [f64]),
    /// Always 1; the labels are the information.
    Info,
}

/// Label names with their values: at most one allocation a handle, none a count.
pub(crate) type Labels = Vec<(&'static str, Cow<'static, str>)>;

impl Described {
    /// The name that is registered: the text format adds `_total`, the unit and `_info` itself.
    pub(crate) fn stem(&self) -> &'static str {
        let name = match self.kind {
            Kind::Counter => self.name.strip_suffix("_total"),
            Kind::Info => self.name.strip_suffix("_info"),
            Kind::Gauge | Kind::Histogram(_) => None,
        };
        let name = name.unwrap_or(self.name);
        name.strip_suffix("_seconds").unwrap_or(name)
    }

    pub(crate) fn in_seconds(&self) -> bool {
        self.name.trim_end_matches("_total").ends_with("_seconds")
    }

    /// Pairs this metric's label names with values, in the table's order.
    pub(crate) fn with<const N: usize>(&self, values: [Cow<'static, str>; N]) -> Labels {
        debug_assert_eq!(self.labels.len(), N, "{} has other labels", self.name);
        self.labels.iter().map(|(name, _)| *name).zip(values).collect()
    }
}

/// The text of `docs/metrics.md`.
#[must_use]
pub fn documentation() -> String {
    let mut text = String::from(INTRODUCTION);
    for (title, metrics) in SECTIONS {
        let _ = write!(
            text,
            "\n## {title}\n\n| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n"
        );
        for metric in *metrics {
            let labels: Vec<_> = metric
                .labels
                .iter()
                .map(|(name, values)| format!("`{name}`: {values}"))
                .collect();
            let labels = if labels.is_empty() {
                "–".to_owned()
            } else {
                labels.join("; ")
            };
            let kind = match metric.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram(_) => "histogram",
                Kind::Info => "info",
            };
            let _ = writeln!(
                text,
                "| `{}` | {kind} | {labels} | {}. |",
                metric.name, metric.help
            );
        }
    }
    text.push_str(
        "\n## Reasons\n\nThe values of `reason`, with whose fault the call's end is held to be.\n\n",
    );
    for cause in Cause::ALL {
        let _ = match cause.fault() {
            Some(fault) => writeln!(text, "- `{}` ({})", cause.as_str(), named(fault)),
            None => writeln!(text, "- `{}`", cause.as_str()),
        };
    }
    text.push_str("\n## Bounds of the histograms\n\nUpper bounds in seconds; `+Inf` follows each.\n\n");
    for metric in SECTIONS.iter().flat_map(|(_, metrics)| *metrics) {
        if let Kind::Histogram(bounds) = metric.kind {
            let bounds: Vec<_> = bounds.iter().map(f64::to_string).collect();
            let _ = writeln!(text, "- `{}`: {}", metric.name, bounds.join(", "));
        }
    }
    text
}

fn named(fault: Fault) -> &'static str {
    match fault {
        Fault::Caller => "caller",
        Fault::Callee => "callee",
        Fault::Trunk => "trunk",
        Fault::Switch => "switch",
    }
}

const INTRODUCTION: &str = "\
# Metrics

Served as OpenMetrics text at `/metrics` of the admin address. This page is written from the table in
`crates/metrics/src/catalogue.rs` by `cargo run -p metrics --example documentation > docs/metrics.md`; a test keeps
both equal.

No label holds a telephone number, the name of a tenant, trunk or agent, an address or a call's identifier: every
label's values are a closed set, so the number of series does not grow with traffic. What happened to one call is in
the call log (`ringfence calls`, `ringfence explain`).

A series with labels appears once there is something to count.
";

pub(crate) const SECTIONS: &[(&str, &[&Described])] = &[
    (
        "Calls",
        &[
            &CALLS_OFFERED,
            &CALLS,
            &CALLS_REFUSED_UNRECORDED,
            &ACTIVE_CALLS,
            &SETUP_DELAY,
            &POST_DIAL_DELAY,
            &ANSWER_DELAY,
            &TALK,
        ],
    ),
    (
        "Screening",
        &[
            &VERDICTS,
            &SCREENING,
            &CHALLENGES,
            &LIST_ENTRIES,
            &DETECTIVE_MEMORY,
            &DETECTIVE_FORGOTTEN,
            &DETECTIVE_CONTENDED,
        ],
    ),
    (
        "Packets",
        &[
            &PARSE_REFUSALS,
            &RETRANSMISSIONS,
            &TRANSACTIONS,
            &TRANSPORT_PACKETS,
            &TRANSPORT_BYTES,
            &TRANSPORT_DROPS,
            &TRANSPORT_CONNECTIONS,
        ],
    ),
    ("Queues", &[&QUEUE_DEPTH, &QUEUE_DROPS]),
    (
        "Call log and directory",
        &[
            &RECORDS_WRITTEN,
            &RECORDS_PENDING,
            &RECORD_WRITE_FAILURES,
            &RELOADS,
            &DIRECTORY_APPLIED,
        ],
    ),
    ("Build", &[&BUILD]),
];

const SHARD: (&str, &str) = ("shard", "the shard's index, from 0");
const TRANSPORT: (&str, &str) = ("transport", "`udp`, `tcp`");

pub(crate) const CALLS_OFFERED: Described = Described {
    name: "ringfence_calls_offered_total",
    kind: Kind::Counter,
    labels: &[],
    help: "INVITEs that began a call",
};
pub(crate) const CALLS: Described = Described {
    name: "ringfence_calls_total",
    kind: Kind::Counter,
    labels: &[
        (
            "outcome",
            "`answered`, `diverted`, `refused`, `unanswered`, `cancelled`, `failed`",
        ),
        ("reason", "the cause in the call's record, see below"),
    ],
    help: "Calls that are over, by how they ended and why",
};
pub(crate) const CALLS_REFUSED_UNRECORDED: Described = Described {
    name: "ringfence_calls_refused_unrecorded_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Calls refused with 503 since their record might have been lost",
};
pub(crate) const ACTIVE_CALLS: Described = Described {
    name: "ringfence_active_calls",
    kind: Kind::Gauge,
    labels: &[SHARD],
    help: "Calls that are not over",
};
pub(crate) const SETUP_DELAY: Described = Described {
    name: "ringfence_setup_delay_seconds",
    kind: Kind::Histogram(&[
        0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
        2.5, 5.0, 10.0, 30.0,
    ]),
    labels: &[],
    help: "From the caller's INVITE to the first INVITE sent to an agent: what the switch adds, a challenge included",
};
pub(crate) const POST_DIAL_DELAY: Described = Described {
    name: "ringfence_post_dial_delay_seconds",
    kind: Kind::Histogram(&[
        0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 60.0,
    ]),
    labels: &[],
    help: "From the caller's INVITE to first ringing, or to the answer where nothing rang",
};
pub(crate) const ANSWER_DELAY: Described = Described {
    name: "ringfence_answer_delay_seconds",
    kind: Kind::Histogram(&[
        0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 25.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0,
    ]),
    labels: &[],
    help: "From the caller's INVITE until caller and agent were connected",
};
pub(crate) const TALK: Described = Described {
    name: "ringfence_talk_seconds",
    kind: Kind::Histogram(&[
        1.0, 3.0, 6.0, 10.0, 20.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0,
    ]),
    labels: &[],
    help: "How long caller and agent were connected, for calls in which they were",
};

pub(crate) const VERDICTS: Described = Described {
    name: "ringfence_verdicts_total",
    kind: Kind::Counter,
    labels: &[("treatment", "`allow`, `tag`, `challenge`, `announce`, `reject`")],
    help: "Decisions of screening, by treatment",
};
pub(crate) const SCREENING: Described = Described {
    name: "ringfence_screening_seconds",
    kind: Kind::Histogram(&[
        0.000_000_25,
        0.000_000_5,
        0.000_001,
        0.000_002_5,
        0.000_005,
        0.000_01,
        0.000_025,
        0.000_05,
        0.000_1,
        0.000_25,
        0.000_5,
        0.001,
        0.002_5,
        0.005,
        0.01,
    ]),
    labels: &[],
    help: "How long a decision of screening took",
};
pub(crate) const CHALLENGES: Described = Described {
    name: "ringfence_challenges_total",
    kind: Kind::Counter,
    labels: &[("outcome", "`passed`, `failed`, `silent`, `abandoned`")],
    help: "Challenges that are over, by what became of them",
};
pub(crate) const LIST_ENTRIES: Described = Described {
    name: "ringfence_list_entries",
    kind: Kind::Gauge,
    labels: &[],
    help: "Entries of allow and block lists in force",
};
pub(crate) const DETECTIVE_MEMORY: Described = Described {
    name: "ringfence_detective_memory_bytes",
    kind: Kind::Gauge,
    labels: &[],
    help: "Memory of the spam detective's windows; the same from first to last",
};
pub(crate) const DETECTIVE_FORGOTTEN: Described = Described {
    name: "ringfence_detective_forgotten_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Counts that the spam detective gave up to make room for others",
};
pub(crate) const DETECTIVE_CONTENDED: Described = Described {
    name: "ringfence_detective_contended_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Counts that the spam detective could not read in time, and took as 0",
};

pub(crate) const PARSE_REFUSALS: Described = Described {
    name: "ringfence_parse_refusals_total",
    kind: Kind::Counter,
    labels: &[("cause", "what was wrong: `header_malformed`, `too_long` …")],
    help: "Packets refused before they became part of a call",
};
pub(crate) const RETRANSMISSIONS: Described = Described {
    name: "ringfence_retransmissions_total",
    kind: Kind::Counter,
    labels: &[(
        "direction",
        "`sent`: we repeated ours; `absorbed`: the other side repeated theirs",
    )],
    help: "Messages that went or came again",
};
pub(crate) const TRANSACTIONS: Described = Described {
    name: "ringfence_transactions_open",
    kind: Kind::Gauge,
    labels: &[SHARD],
    help: "SIP transactions that are not over",
};
pub(crate) const TRANSPORT_PACKETS: Described = Described {
    name: "ringfence_transport_packets_total",
    kind: Kind::Counter,
    labels: &[SHARD, TRANSPORT, ("direction", "`in`, `out`")],
    help: "SIP messages received and sent: datagrams, or framed messages of a stream",
};
pub(crate) const TRANSPORT_BYTES: Described = Described {
    name: "ringfence_transport_bytes_total",
    kind: Kind::Counter,
    labels: &[SHARD, TRANSPORT, ("direction", "`in`, `out`")],
    help: "Bytes of SIP received and sent",
};
pub(crate) const TRANSPORT_DROPS: Described = Described {
    name: "ringfence_transport_drops_total",
    kind: Kind::Counter,
    labels: &[SHARD, TRANSPORT, ("cause", "why: `queue_full`, `send_failed` …")],
    help: "SIP messages that the transport gave up",
};
pub(crate) const TRANSPORT_CONNECTIONS: Described = Described {
    name: "ringfence_transport_connections",
    kind: Kind::Gauge,
    labels: &[SHARD, TRANSPORT],
    help: "Connections that are open",
};

pub(crate) const QUEUE_DEPTH: Described = Described {
    name: "ringfence_queue_depth",
    kind: Kind::Gauge,
    labels: &[SHARD, ("queue", "the queue's name, fixed in the program")],
    help: "What waits in a queue",
};
pub(crate) const QUEUE_DROPS: Described = Described {
    name: "ringfence_queue_drops_total",
    kind: Kind::Counter,
    labels: &[SHARD, ("queue", "the queue's name, fixed in the program")],
    help: "What a full queue refused",
};

pub(crate) const RECORDS_WRITTEN: Described = Described {
    name: "ringfence_records_written_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Call records written to the call log",
};
pub(crate) const RECORDS_PENDING: Described = Described {
    name: "ringfence_records_pending",
    kind: Kind::Gauge,
    labels: &[],
    help: "Call records that wait to be written",
};
pub(crate) const RECORD_WRITE_FAILURES: Described = Described {
    name: "ringfence_record_write_failures_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Writes to the call log that failed and are tried again",
};
pub(crate) const RELOADS: Described = Described {
    name: "ringfence_reloads_total",
    kind: Kind::Counter,
    labels: &[("outcome", "`applied`, `unchanged`, `refused`")],
    help: "Reloads of the directory",
};
pub(crate) const DIRECTORY_APPLIED: Described = Described {
    name: "ringfence_directory_applied_timestamp_seconds",
    kind: Kind::Gauge,
    labels: &[],
    help: "When the directory in force was applied, Unix time",
};

pub(crate) const BUILD: Described = Described {
    name: "ringfence_build_info",
    kind: Kind::Info,
    labels: &[("version", "the release")],
    help: "Which build runs",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_in_the_repository_is_the_one_written_from_the_table() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md"));
        assert!(
            page.is_ok_and(|page| page == documentation()),
            "write it anew: cargo run -p metrics --example documentation > docs/metrics.md"
        );
    }

    #[test]
    fn every_name_is_unique_begins_with_our_own_and_ends_as_its_type_asks() {
        let mut seen = std::collections::BTreeSet::new();
        for metric in SECTIONS.iter().flat_map(|(_, metrics)| *metrics) {
            assert!(seen.insert(metric.name), "{} is there twice", metric.name);
            assert!(metric.name.starts_with("ringfence_"), "{}", metric.name);
            assert!(
                !metric.help.ends_with('.') && !metric.help.contains('|'),
                "{}",
                metric.name
            );
            match metric.kind {
                Kind::Counter => assert!(metric.name.ends_with("_total"), "{}", metric.name),
                Kind::Gauge => assert!(!metric.name.ends_with("_total"), "{}", metric.name),
                Kind::Info => assert!(metric.name.ends_with("_info"), "{}", metric.name),
                Kind::Histogram(bounds) => {
                    assert!(metric.in_seconds(), "{}", metric.name);
                    assert!(bounds.is_sorted(), "{}", metric.name);
                }
            }
        }
    }
}
