use std::net::{Ipv6Addr, UdpSocket};

use sip_transaction::Sink;

use super::*;

#[tokio::test]
async fn a_burst_comes_in_and_goes_out_whole_and_in_order() {
    let mut transport = shard(TransportLimits::default());
    let peer = peer();
    for n in 0..100 {
        peer.send_to(&message(n), address(&transport, 0)).unwrap();
    }
    run_with(&mut transport, &mut echo, &mut |seen| seen.len() >= 100).await;
    let mut buffer = [0; 2048];
    for n in 0..100 {
        let (bytes, from) = peer.recv_from(&mut buffer).unwrap();
        assert_eq!(buffer[..bytes], message(n));
        assert_eq!(from, address(&transport, 0));
    }
    let stats = transport.stats();
    assert_eq!((stats.datagrams_in, stats.datagrams_out), (100, 100));
    assert_eq!(stats.datagram_bytes_in, stats.datagram_bytes_out);
}

#[tokio::test]
async fn the_largest_datagram_passes_uncut() {
    let mut transport = shard(TransportLimits::default());
    let peer = peer();
    let large = vec![b'x'; 65_507];
    peer.send_to(&large, address(&transport, 0)).unwrap();
    let seen = run_with(&mut transport, &mut echo, &mut |seen| !seen.is_empty()).await;
    let flow = udp_flow(peer.local_addr().unwrap());
    assert_eq!(seen, [Seen::Message(flow, large.clone())]);
    let mut buffer = vec![0; 65_535];
    assert_eq!(peer.recv(&mut buffer).unwrap(), large.len());
}

#[tokio::test]
async fn a_turn_takes_no_more_than_it_was_told_and_the_rest_stays_ready() {
    let mut transport = shard(TransportLimits::default());
    let peer = peer();
    for n in 0..50 {
        peer.send_to(&message(n), address(&transport, 0)).unwrap();
    }
    let mut seen = 0;
    for _ in 0..5 {
        transport.ready().await;
        assert_eq!(transport.drain(10, &mut |_, _| seen += 1), 10);
    }
    assert_eq!(seen, 50);
    assert_eq!(transport.drain(10, &mut |_, _| seen += 1), 0);
}

#[tokio::test]
async fn a_closed_port_is_reported_and_does_not_hurt_other_peers() {
    let mut transport = shard(TransportLimits::default());
    // An address of its own, so that no other test can take the port meanwhile.
    let gone = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 77), 0))
        .unwrap()
        .local_addr()
        .unwrap();
    let there = peer();
    for n in 0..40 {
        transport.outbox().send(&udp_flow(gone), &message(n));
        transport
            .outbox()
            .send(&udp_flow(there.local_addr().unwrap()), &message(n));
    }
    let failed = Seen::SendFailed(udp_flow(gone));
    let seen = run_until(&mut transport, |seen| seen.contains(&failed)).await;
    assert!(
        seen.iter().all(|seen| *seen == failed),
        "only the closed port failed: {seen:?}"
    );
    let mut buffer = [0; 2048];
    for n in 0..40 {
        let bytes = there.recv(&mut buffer).unwrap();
        assert_eq!(buffer[..bytes], message(n));
    }
}

#[tokio::test]
async fn a_message_too_large_for_a_datagram_fails_alone() {
    let mut transport = shard(TransportLimits::default());
    let peer = peer();
    let flow = udp_flow(peer.local_addr().unwrap());
    for message in [&b"before"[..], &[b'x'; 65_508], b"after", b"last"] {
        transport.outbox().send(&flow, message);
    }
    let seen = run_until(&mut transport, |seen| !seen.is_empty()).await;
    assert_eq!(seen, [Seen::SendFailed(flow)]);
    let mut buffer = [0; 64];
    for expected in [&b"before"[..], b"after", b"last"] {
        let bytes = peer.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..bytes], expected);
    }
    assert_eq!(transport.stats().datagrams_failed, 1);
}

#[tokio::test]
async fn line_ends_that_keep_a_binding_open_are_counted_and_go_no_further() {
    let mut transport = shard(TransportLimits::default());
    let peer = peer();
    for keepalive in [&b"\r\n\r\n"[..], b"\0", b"", b"\r\n"] {
        peer.send_to(keepalive, address(&transport, 0)).unwrap();
    }
    peer.send_to(&message(0), address(&transport, 0)).unwrap();
    let seen = run_until(&mut transport, |seen| !seen.is_empty()).await;
    assert_eq!(seen.len(), 1);
    assert_eq!(transport.stats().datagram_keepalives_in, 4);
}

#[tokio::test]
async fn who_is_not_admitted_is_counted_and_not_heard() {
    let mut transport = shard_behind(TransportLimits::default(), Arc::new(ShutGate));
    peer().send_to(&message(0), address(&transport, 0)).unwrap();
    transport.ready().await;
    assert_eq!(
        transport.drain(8, &mut |arrival, _| panic!("heard {arrival:?}")),
        1
    );
    assert_eq!(transport.stats().datagrams_refused_gate, 1);
}

#[tokio::test]
async fn two_shards_share_a_port_and_together_hear_everyone() {
    let mut first = shard(TransportLimits::default());
    let listeners = [Transport::Udp, Transport::Tcp].map(|transport| Listener {
        transport,
        address: address(&first, usize::from(transport == Transport::Tcp)),
        advertised: None,
    });
    let mut second =
        ShardTransport::bind(1, &listeners, TransportLimits::default(), Arc::new(OpenGate)).unwrap();
    assert_eq!(first.local_addrs(), second.local_addrs());
    for _ in 0..64 {
        peer().send_to(&message(0), address(&first, 0)).unwrap();
    }
    let (mut heard_first, mut heard_second) = (0, 0);
    while heard_first + heard_second < 64 {
        let ready = async {
            tokio::select! { () = first.ready() => {}, () = second.ready() => {} }
        };
        tokio::time::timeout(PATIENCE, ready).await.unwrap();
        first.drain(64, &mut |_, _| heard_first += 1);
        second.drain(64, &mut |_, _| heard_second += 1);
    }
    assert_eq!(heard_first + heard_second, 64);
}

#[tokio::test]
async fn both_address_families_take_the_same_port() {
    let v4 = shard(TransportLimits::default());
    let port = address(&v4, 0).port();
    let listeners = [Listener {
        transport: Transport::Udp,
        address: SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
        advertised: Some(crate::Advertised {
            host: "sip.example.com".to_owned(),
            port: 5060,
        }),
    }];
    let mut v6 = ShardTransport::bind(0, &listeners, TransportLimits::default(), Arc::new(OpenGate)).unwrap();
    assert_eq!(v6.sent_by(0), Some("sip.example.com:5060"));
    let peer = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
    for n in 0..3 {
        peer.send_to(&message(n), (Ipv6Addr::LOCALHOST, port)).unwrap();
    }
    let seen = run_with(&mut v6, &mut echo, &mut |seen| seen.len() >= 3).await;
    assert_eq!(
        seen[2],
        Seen::Message(udp_flow(peer.local_addr().unwrap()), message(2))
    );
    let mut buffer = [0; 2048];
    for n in 0..3 {
        let bytes = peer.recv(&mut buffer).unwrap();
        assert_eq!(buffer[..bytes], message(n));
    }
}

#[tokio::test]
async fn a_queue_that_is_full_drops_the_newest_and_counts_it() {
    let limits = TransportLimits {
        datagram_queue_bytes_max: 1000,
        ..TransportLimits::default()
    };
    let mut transport = shard(limits);
    let peer = peer();
    for n in [b'1', b'2', b'3'] {
        transport
            .outbox()
            .send(&udp_flow(peer.local_addr().unwrap()), &[n; 400]);
    }
    transport.flush();
    assert_eq!(transport.stats().datagrams_dropped_queue_full, 1);
    assert_eq!(transport.stats().datagrams_out, 2);
}

#[tokio::test]
async fn a_flow_over_a_listener_that_does_not_exist_fails() {
    let mut transport = shard(TransportLimits::default());
    let remote = peer().local_addr().unwrap();
    let no_such = Flow {
        listener: 7,
        ..udp_flow(remote)
    };
    let not_datagrams = Flow {
        listener: 1,
        ..udp_flow(remote)
    };
    transport.outbox().send(&no_such, b"x");
    transport.outbox().send(&not_datagrams, b"x");
    let seen = run_until(&mut transport, |seen| seen.len() >= 2).await;
    assert_eq!(seen, [Seen::SendFailed(no_such), Seen::SendFailed(not_datagrams)]);
    assert_eq!(transport.stats().unroutable, 2);
}

#[test]
fn an_arrival_in_a_log_shows_no_byte_of_its_message() {
    let flow = udp_flow(SocketAddr::from(([192, 0, 2, 1], 5060)));
    let arrival = Arrival::Message {
        flow,
        bytes: b"INVITE sip:+12025550143@example.com SIP/2.0",
    };
    let shown = format!("{arrival:?}");
    assert!(shown.ends_with(", 43 bytes)"), "{shown}");
    assert!(!shown.contains("555"));
}

#[tokio::test]
async fn an_address_that_cannot_be_bound_is_named() {
    let mut listener = listener(Transport::Udp);
    listener.address = SocketAddr::from(([192, 0, 2, 1], 5060));
    let bound = ShardTransport::bind(0, &[listener], TransportLimits::default(), Arc::new(OpenGate));
    let error = bound.err().unwrap().to_string();
    assert!(
        error.starts_with("cannot listen on UDP 192.0.2.1:5060: "),
        "{error}"
    );
}

fn peer() -> UdpSocket {
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    peer
}

fn udp_flow(remote: SocketAddr) -> Flow {
    Flow {
        transport: Transport::Udp,
        shard: 0,
        listener: 0,
        connection: 0,
        remote,
    }
}

fn echo(seen: &Seen, outbox: &mut Outbox) {
    if let Seen::Message(flow, bytes) = seen {
        outbox.send(flow, bytes);
    }
}
