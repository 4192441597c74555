//! What an operator's Prometheus would read.
#![cfg(test)]

use std::collections::BTreeSet;
use std::time::Duration;

use call_model::{
    CallEvent, CallId, CallRecord, Called, Caller, Cause, ChallengeOutcome, E164, Ending, Outcome,
    RefusedPacket, Treatment,
};
use metrics::{Metrics, Reload, documentation};

#[test]
fn each_call_is_counted_once_by_how_it_ended_and_why() {
    let metrics = Metrics::new();
    for (ending, cause) in [
        (Ending::Answered, Cause::Normal),
        (Ending::Refused, Cause::OwnerBlocked),
        (Ending::Refused, Cause::OwnerBlocked),
        (Ending::Failed, Cause::Stopped),
    ] {
        metrics.observe(&CallEvent::Offered);
        metrics.observe(&ended(ending, cause, None));
    }
    let text = metrics.render();
    shows(&text, "ringfence_calls_offered_total 4");
    shows(
        &text,
        r#"ringfence_calls_total{outcome="answered",reason="normal"} 1"#,
    );
    shows(
        &text,
        r#"ringfence_calls_total{outcome="refused",reason="owner_blocked"} 2"#,
    );
    shows(
        &text,
        r#"ringfence_calls_total{outcome="failed",reason="stopped"} 1"#,
    );
    assert_eq!(
        text.matches("ringfence_calls_total{").count(),
        3,
        "what never happened takes no line"
    );
}

#[test]
fn every_ending_and_cause_has_its_own_line() {
    let metrics = Metrics::new();
    for ending in Ending::ALL {
        for cause in Cause::ALL {
            metrics.observe(&ended(ending, *cause, None));
        }
    }
    let text = metrics.render();
    for ending in Ending::ALL {
        for cause in Cause::ALL {
            let labels = format!(r#"outcome="{}",reason="{}""#, ending.as_str(), cause.as_str());
            shows(&text, &format!("ringfence_calls_total{{{labels}}} 1"));
        }
    }
}

#[test]
fn verdicts_and_challenges_are_counted_under_their_own_names() {
    let metrics = Metrics::new();
    for (many, treatment) in (1..).zip(Treatment::ALL) {
        for _ in 0..many {
            metrics.observe(&CallEvent::Screened {
                treatment,
                took: Duration::from_nanos(300),
            });
        }
    }
    let outcomes = [
        ChallengeOutcome::Passed,
        ChallengeOutcome::Failed,
        ChallengeOutcome::Silent,
        ChallengeOutcome::Abandoned,
    ];
    for (many, outcome) in (1..).zip(outcomes) {
        for _ in 0..many {
            metrics.observe(&CallEvent::Challenged(outcome));
        }
    }
    let text = metrics.render();
    for (many, treatment) in (1..).zip(Treatment::ALL) {
        shows(
            &text,
            &format!(r#"ringfence_verdicts_total{{treatment="{treatment}"}} {many}"#),
        );
    }
    for (many, outcome) in (1..).zip(outcomes) {
        shows(
            &text,
            &format!(
                r#"ringfence_challenges_total{{outcome="{}"}} {many}"#,
                outcome.as_str()
            ),
        );
    }
    shows(&text, r#"ringfence_screening_seconds_bucket{le="2.5e-7"} 0"#);
    shows(&text, r#"ringfence_screening_seconds_bucket{le="5e-7"} 15"#);
    shows(&text, "ringfence_screening_seconds_count 15");
}

#[test]
fn delays_fall_into_the_buckets_of_their_own_histogram() {
    let metrics = Metrics::new();
    metrics.observe(&CallEvent::Forwarded {
        after: Duration::from_micros(700),
    });
    metrics.observe(&CallEvent::Ringing {
        after: Duration::from_millis(1200),
    });
    metrics.observe(&CallEvent::Connected {
        after: Duration::from_secs(8),
    });
    metrics.observe(&ended(
        Ending::Answered,
        Cause::Normal,
        Some(Duration::from_secs(61)),
    ));
    metrics.observe(&ended(Ending::Cancelled, Cause::CallerCancelled, None));
    let text = metrics.render();
    for (histogram, below, above, sum) in [
        ("setup_delay", "0.0005", "0.001", "0.0007"),
        ("post_dial_delay", "1.0", "1.5", "1.2"),
        ("answer_delay", "7.5", "10.0", "8.0"),
        ("talk", "60.0", "120.0", "61.0"),
    ] {
        shows(
            &text,
            &format!(r#"ringfence_{histogram}_seconds_bucket{{le="{below}"}} 0"#),
        );
        shows(
            &text,
            &format!(r#"ringfence_{histogram}_seconds_bucket{{le="{above}"}} 1"#),
        );
        shows(
            &text,
            &format!(r#"ringfence_{histogram}_seconds_bucket{{le="+Inf"}} 1"#),
        );
        shows(&text, &format!("ringfence_{histogram}_seconds_count 1"));
        shows(&text, &format!("ringfence_{histogram}_seconds_sum {sum}"));
    }
}

#[test]
fn packets_refused_are_counted_by_cause_wherever_they_were_refused() {
    let metrics = Metrics::new();
    let refused = |cause| {
        CallEvent::PacketRefused(RefusedPacket {
            cause,
            status: Some(400),
        })
    };
    metrics.observe(&refused("too_long"));
    metrics.observe(&refused("header_malformed"));
    metrics.parse_refusals("too_long").add(2);
    metrics.observe(&CallEvent::RetransmissionsSent(3));
    metrics.observe(&CallEvent::RetransmissionsAbsorbed(4));
    metrics.observe(&CallEvent::RefusedUnrecorded {
        id: CallId::new(1, 2, 3),
    });
    let text = metrics.render();
    shows(&text, r#"ringfence_parse_refusals_total{cause="too_long"} 3"#);
    shows(
        &text,
        r#"ringfence_parse_refusals_total{cause="header_malformed"} 1"#,
    );
    shows(&text, r#"ringfence_retransmissions_total{direction="sent"} 3"#);
    shows(
        &text,
        r#"ringfence_retransmissions_total{direction="absorbed"} 4"#,
    );
    shows(&text, "ringfence_calls_refused_unrecorded_total 1");
}

#[test]
fn shards_count_apart_and_handles_of_one_shard_together() {
    let metrics = Metrics::new();
    let (zero, three) = (metrics.shard(0), metrics.shard(3));
    zero.active_calls.set(7);
    three.active_calls.rise();
    metrics.shard(3).active_calls.rise();
    zero.transactions.set(5);
    zero.transactions.fall();
    three.queue("events").depth.set(9);
    three.queue("events").drops.one();
    let udp = three.transport("udp");
    udp.packets_in.add(10);
    udp.bytes_out.add(1000);
    udp.drops("queue_full").one();
    three.transport("tcp").connections.set(2);
    let text = metrics.render();
    shows(&text, r#"ringfence_active_calls{shard="0"} 7"#);
    shows(&text, r#"ringfence_active_calls{shard="3"} 2"#);
    shows(&text, r#"ringfence_transactions_open{shard="0"} 4"#);
    shows(&text, r#"ringfence_queue_depth{shard="3",queue="events"} 9"#);
    shows(
        &text,
        r#"ringfence_queue_drops_total{shard="3",queue="events"} 1"#,
    );
    shows(
        &text,
        r#"ringfence_transport_packets_total{shard="3",transport="udp",direction="in"} 10"#,
    );
    shows(
        &text,
        r#"ringfence_transport_bytes_total{shard="3",transport="udp",direction="out"} 1000"#,
    );
    shows(
        &text,
        r#"ringfence_transport_drops_total{shard="3",transport="udp",cause="queue_full"} 1"#,
    );
    shows(
        &text,
        r#"ringfence_transport_connections{shard="3",transport="tcp"} 2"#,
    );
}

#[test]
fn running_total_of_another_source_raises_a_count_and_never_lowers_it() {
    let metrics = Metrics::new();
    let written = &metrics.store().records_written;
    written.reach(5);
    written.reach(3);
    assert_eq!(written.read(), 5);
    shows(&metrics.render(), "ringfence_records_written_total 5");
}

#[test]
fn directory_time_changes_only_when_one_is_applied() {
    let metrics = Metrics::new();
    metrics.directory_is_in_force_since(1_772_410_493_500);
    metrics.reloaded(Reload::Refused, 1_772_410_600_000);
    metrics.reloaded(Reload::Unchanged, 1_772_410_600_000);
    let gauge = "ringfence_directory_applied_timestamp_seconds";
    shows(&metrics.render(), &format!("{gauge} 1772410493.5"));
    metrics.reloaded(Reload::Applied, 1_772_410_700_000);
    let text = metrics.render();
    shows(&text, &format!("{gauge} 1772410700.0"));
    for outcome in ["applied", "unchanged", "refused"] {
        shows(
            &text,
            &format!(r#"ringfence_reloads_total{{outcome="{outcome}"}} 1"#),
        );
    }
}

#[test]
fn every_line_is_documented_and_every_documented_metric_is_there() {
    let metrics = Metrics::new();
    touch_all(&metrics);
    let text = metrics.render();
    assert!(text.ends_with("# EOF\n"));
    let shown: BTreeSet<_> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(['{', ' ']).next().unwrap())
        .map(|name| {
            ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix))
                .unwrap_or(name)
        })
        .collect();
    let page = documentation();
    let documented: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|line| line.split('`').next().unwrap())
        .collect();
    assert_eq!(shown, documented);
}

#[test]
fn names_numbers_and_addresses_of_a_call_are_in_no_label() {
    let metrics = Metrics::new();
    touch_all(&metrics);
    metrics.observe(&ended(Ending::Refused, Cause::OwnerBlocked, None));
    let text = metrics.render();
    for secret in ["2025550143", "example-roofing", "carrier-a", "192.0.2", "office"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

fn touch_all(metrics: &Metrics) {
    let shard = metrics.shard(0);
    let _ = shard.queue("events");
    let _ = shard.transport("udp").drops("queue_full");
    metrics.observe(&ended(
        Ending::Answered,
        Cause::Normal,
        Some(Duration::from_secs(1)),
    ));
    metrics.observe(&CallEvent::PacketRefused(RefusedPacket {
        cause: "too_long",
        status: None,
    }));
    metrics.reloaded(Reload::Applied, 1);
}

fn ended(ending: Ending, cause: Cause, talked: Option<Duration>) -> CallEvent {
    let number = E164::parse(b"+12025550143").unwrap();
    let ended_ms = 1_000_000;
    CallEvent::Ended(Box::new(CallRecord {
        id: CallId::new(1, 0, 0),
        sip_call_id: "1@192.0.2.10".into(),
        trunk: Some("carrier-a".into()),
        source: [192, 0, 2, 10].into(),
        caller: Caller::Number(number),
        called: Called::Number(number),
        tenant: Some("example-roofing".into()),
        plan: Some("office".into()),
        offered_ms: 1,
        ringing_ms: None,
        answered_ms: None,
        connected_ms: talked.map(|talked| ended_ms - talked.as_millis() as u64),
        ended_ms,
        legs: Vec::new(),
        challenge: None,
        outcome: Outcome {
            ending,
            status: 200,
            cause,
            fault: cause.fault(),
            hung_up_by: None,
        },
        decision: None,
    }))
}

fn shows(text: &str, line: &str) {
    assert!(
        text.lines().any(|shown| shown == line),
        "no line {line:?} in\n{text}"
    );
}
