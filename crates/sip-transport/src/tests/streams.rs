use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use sip_transaction::Sink;

use super::*;

#[tokio::test]
async fn messages_split_anywhere_are_the_same_messages() {
    let mut transport = shard(TransportLimits::default());
    let mut peer = connect(&transport);
    let bytes = [message(7), message(0)].concat();
    for cut in 1..bytes.len() {
        peer.write_all(&bytes[..cut]).unwrap();
        transport.ready().await;
        let mut seen = Vec::new();
        transport.drain(64, &mut |arrival, _| seen.push(Seen::from(arrival)));
        peer.write_all(&bytes[cut..]).unwrap();
        let wanted = 2 - seen.len();
        seen.extend(run_until(&mut transport, |seen| seen.len() >= wanted).await);
        assert_eq!(bodies(&seen), [message(7), message(0)], "cut after {cut} bytes");
    }
}

#[tokio::test]
async fn messages_sent_byte_by_byte_are_the_same_messages() {
    let mut transport = shard(TransportLimits::default());
    let mut peer = connect(&transport);
    let mut seen = Vec::new();
    for byte in [message(40), b"\r\n".to_vec(), message(3)].concat() {
        peer.write_all(&[byte]).unwrap();
        transport.ready().await;
        transport.drain(64, &mut |arrival, _| seen.push(Seen::from(arrival)));
    }
    assert_eq!(bodies(&seen), [message(40), message(3)]);
}

#[tokio::test]
async fn messages_joined_in_one_write_come_one_by_one_and_answers_keep_their_order() {
    let mut transport = shard(TransportLimits::default());
    let mut peer = connect(&transport);
    let messages: Vec<_> = (0..300).map(message).collect();
    peer.write_all(&messages.concat()).unwrap();
    let seen = run_with(&mut transport, &mut echo, &mut |seen| seen.len() >= 300).await;
    assert_eq!(bodies(&seen), messages);
    let mut answers = vec![0; messages.concat().len()];
    peer.read_exact(&mut answers).unwrap();
    assert!(answers == messages.concat());
}

#[tokio::test]
async fn a_turn_takes_no_more_messages_than_it_was_told_and_leaves_room_for_datagrams() {
    let mut transport = shard(TransportLimits::default());
    let mut peer = connect(&transport);
    peer.write_all(&message(1).repeat(100)).unwrap();
    let datagram = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    datagram.send_to(&message(2), address(&transport, 0)).unwrap();
    let (mut streamed, mut packets, mut turns) = (0, 0, 0);
    while streamed < 100 {
        transport.ready().await;
        let taken = transport.drain(10, &mut |arrival, _| match flow_of(&Seen::from(arrival))
            .transport
            .reliable()
        {
            true => streamed += 1,
            false => packets += 1,
        });
        assert!(taken <= 10);
        turns += 1;
        assert!(packets == 1 || turns < 3, "the datagram waited {turns} turns");
    }
    assert_eq!((streamed, packets), (100, 1));
}

#[tokio::test]
async fn a_ping_is_answered_with_a_pong() {
    let mut transport = shard(TransportLimits::default());
    let mut peer = connect(&transport);
    for ping in [&b"\r\n\r"[..], b"\n"] {
        peer.write_all(ping).unwrap();
        transport.ready().await;
        transport.drain(8, &mut |arrival, _| panic!("heard {arrival:?}"));
    }
    while transport.stats().stream_pings_in == 0 {
        transport.ready().await;
        transport.drain(8, &mut |_, _| {});
    }
    let mut pong = [0; 2];
    peer.read_exact(&mut pong).unwrap();
    assert_eq!(&pong, b"\r\n");
}

#[tokio::test(start_paused = true)]
async fn a_peer_too_slow_with_a_message_is_closed() {
    let mut transport = shard(TransportLimits::default());
    let mut peer = connect(&transport);
    peer.write_all(&message(9)[..20]).unwrap();
    let seen = run_until(&mut transport, |seen| !seen.is_empty()).await;
    assert!(matches!(seen[..], [Seen::Closed(_)]));
    assert_eq!(transport.stats().connections_closed_slow, 1);
    assert_eq!(peer.read(&mut [0]).unwrap_or(0), 0);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_trickle_do_not_buy_a_message_more_time() {
    let limits = TransportLimits::default();
    let timeout = limits.message_timeout;
    let mut transport = shard(limits);
    let mut peer = connect(&transport);
    peer.write_all(&message(0)).unwrap();
    run_until(&mut transport, |seen| !seen.is_empty()).await;
    let start = tokio::time::Instant::now();
    let mut closed = false;
    for byte in message(500) {
        if peer.write_all(&[byte]).is_err() {
            break;
        }
        tokio::time::advance(timeout / 50).await;
        transport.drain(8, &mut |arrival, _| {
            closed = matches!(arrival, Arrival::ConnectionClosed { .. })
        });
        if closed {
            break;
        }
    }
    assert!(closed);
    assert!(
        start.elapsed() <= timeout + timeout / 10,
        "closed after {:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_traffic_is_closed_and_one_with_pings_stays() {
    let limits = TransportLimits {
        idle_timeout: Duration::from_secs(60),
        ..TransportLimits::default()
    };
    let mut transport = shard(limits);
    let mut quiet = connect(&transport);
    quiet.write_all(&message(0)).unwrap();
    let mut lively = connect(&transport);
    lively.write_all(&message(1)).unwrap();
    let seen = run_until(&mut transport, |seen| seen.len() >= 2).await;
    let quiet_port = quiet.local_addr().unwrap().port();
    let mut closed = Vec::new();
    for _ in 0..5 {
        lively.write_all(b"\r\n\r\n").unwrap();
        tokio::time::advance(Duration::from_secs(20)).await;
        transport.drain(8, &mut |arrival, _| closed.push(Seen::from(arrival)));
    }
    let expected = seen
        .iter()
        .map(flow_of)
        .find(|flow| flow.remote.port() == quiet_port);
    assert_eq!(closed, [Seen::Closed(expected.unwrap())]);
    assert_eq!(transport.stats().connections_closed_idle, 1);
    assert_eq!(transport.stats().connections_open, 1);
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_closed_and_holds_up_nobody() {
    let limits = TransportLimits {
        stream_queue_bytes_max: 100_000,
        ..TransportLimits::default()
    };
    let mut transport = shard(limits);
    let mut deaf = connect(&transport);
    let mut peer = connect(&transport);
    deaf.write_all(&message(0)).unwrap();
    let deaf_flow = flow_of(&run_until(&mut transport, |seen| !seen.is_empty()).await[0]);
    peer.write_all(&message(0)).unwrap();
    let flow = flow_of(&run_until(&mut transport, |seen| !seen.is_empty()).await[0]);
    let mut closed = false;
    let mut rounds = 0;
    while !closed {
        transport.outbox().send(&deaf_flow, &message(50_000));
        transport.outbox().send(&flow, &message(rounds));
        transport.flush();
        let mut answer = vec![0; message(rounds).len()];
        peer.read_exact(&mut answer).unwrap();
        assert_eq!(answer, message(rounds));
        transport.drain(8, &mut |arrival, _| {
            closed |= Seen::from(arrival) == Seen::Closed(deaf_flow)
        });
        rounds += 1;
        assert!(rounds < 2000, "the deaf peer was never closed");
    }
    assert_eq!(transport.stats().connections_closed_stalled, 1);
    assert_eq!(transport.stats().stream_bytes_held, 0);
}

#[tokio::test]
async fn connections_together_hold_no_more_memory_than_allowed() {
    let limits = TransportLimits {
        stream_memory_bytes_max: 30_000,
        ..TransportLimits::default()
    };
    let mut transport = shard(limits);
    let mut peers: Vec<_> = (0..4).map(|_| connect(&transport)).collect();
    for peer in &mut peers {
        peer.write_all(&message(20_000)[..10_000]).unwrap();
    }
    run_until(&mut transport, |seen| {
        seen.iter().any(|seen| matches!(seen, Seen::Closed(_)))
    })
    .await;
    let stats = transport.stats();
    assert!(stats.connections_closed_memory >= 1);
    assert!(stats.stream_bytes_held <= 30_000);
}

#[tokio::test]
async fn a_connection_is_opened_on_demand_and_used_again() {
    let mut transport = shard(TransportLimits::default());
    let phone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let to_phone = tcp_flow(phone.local_addr().unwrap());
    transport.outbox().send(&to_phone, &message(1));
    transport.outbox().send(&to_phone, &message(2));
    run_until_opened(&mut transport, 1).await;
    transport.outbox().send(&to_phone, &message(3));
    transport.flush();
    let (mut stream, _) = phone.accept().unwrap();
    let expected = [message(1), message(2), message(3)].concat();
    let mut heard = vec![0; expected.len()];
    stream.read_exact(&mut heard).unwrap();
    assert_eq!(heard, expected);

    stream.write_all(&message(4)).unwrap();
    let seen = run_with(&mut transport, &mut echo, &mut |seen| !seen.is_empty()).await;
    let flow = flow_of(&seen[0]);
    assert_eq!(
        Flow {
            connection: 0,
            ..flow
        },
        to_phone
    );
    assert_ne!(flow.connection, 0);
    let mut heard = vec![0; message(4).len()];
    stream.read_exact(&mut heard).unwrap();
    assert_eq!(transport.stats().connections_opened, 1);
    phone.set_nonblocking(true).unwrap();
    assert_eq!(
        phone.accept().unwrap_err().kind(),
        ErrorKind::WouldBlock,
        "one connection is enough"
    );
}

#[tokio::test]
async fn a_message_to_a_peer_that_connected_goes_on_its_connection() {
    let mut transport = shard(TransportLimits::default());
    let mut peer = connect(&transport);
    transport
        .outbox()
        .send(&tcp_flow(peer.local_addr().unwrap()), &message(0));
    peer.write_all(&message(1)).unwrap();
    run_until(&mut transport, |seen| !seen.is_empty()).await;
    transport
        .outbox()
        .send(&tcp_flow(peer.local_addr().unwrap()), &message(2));
    transport.flush();
    let mut heard = vec![0; message(2).len()];
    peer.read_exact(&mut heard).unwrap();
    assert_eq!(heard, message(2));
}

#[tokio::test]
async fn a_refused_connection_is_reported() {
    let mut transport = shard(TransportLimits::default());
    // An address of its own, so that no other test can take the port meanwhile.
    let gone = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 77), 0))
        .unwrap()
        .local_addr()
        .unwrap();
    transport.outbox().send(&tcp_flow(gone), &message(1));
    transport.outbox().send(&tcp_flow(gone), &message(2));
    let seen = run_until(&mut transport, |seen| !seen.is_empty()).await;
    assert!(
        seen.iter().all(|seen| *seen == Seen::SendFailed(tcp_flow(gone))),
        "{seen:?}"
    );
    assert_eq!(transport.stats().connections_open, 0);
    assert!(transport.stats().connections_failed > 0);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_nobody_answers_is_given_up() {
    let mut transport = shard(TransportLimits::default());
    // A listener whose queue is full and that never accepts: the system drops further attempts silently.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket
        .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
        .unwrap();
    socket.listen(0).unwrap();
    let full = socket.local_addr().unwrap().as_socket().unwrap();
    let _first = TcpStream::connect(full).unwrap();
    let start = tokio::time::Instant::now();
    transport.outbox().send(&tcp_flow(full), &message(1));
    let seen = run_until(&mut transport, |seen| !seen.is_empty()).await;
    assert_eq!(seen, [Seen::SendFailed(tcp_flow(full))]);
    assert!(start.elapsed() >= Duration::from_secs(5));
}

#[tokio::test]
async fn a_message_for_a_connection_that_is_gone_fails() {
    let mut transport = shard(TransportLimits::default());
    let mut peer = connect(&transport);
    peer.write_all(&message(0)).unwrap();
    let flow = flow_of(&run_until(&mut transport, |seen| !seen.is_empty()).await[0]);
    drop(peer);
    assert_eq!(
        run_until(&mut transport, |seen| !seen.is_empty()).await,
        [Seen::Closed(flow)]
    );
    transport.outbox().send(&flow, &message(1));
    assert_eq!(
        run_until(&mut transport, |seen| !seen.is_empty()).await,
        [Seen::SendFailed(flow)]
    );
    assert_eq!(transport.stats().unroutable, 1);
}

#[tokio::test]
async fn what_a_peer_sent_before_it_closed_is_heard_first() {
    let mut transport = shard(TransportLimits::default());
    let mut peer = connect(&transport);
    peer.write_all(&message(1).repeat(200)).unwrap();
    drop(peer);
    let seen = run_until(&mut transport, |seen| {
        matches!(seen.last(), Some(Seen::Closed(_)))
    })
    .await;
    assert_eq!(seen.len(), 201);
}

#[tokio::test]
async fn connection_numbers_do_not_repeat() {
    let mut transport = shard(TransportLimits::default());
    let mut numbers = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let mut peer = connect(&transport);
        peer.write_all(&message(0)).unwrap();
        let flow = flow_of(&run_until(&mut transport, |seen| !seen.is_empty()).await[0]);
        assert!(numbers.insert(flow.connection), "{} came twice", flow.connection);
        drop(peer);
        run_until(&mut transport, |seen| !seen.is_empty()).await;
    }
}

#[tokio::test]
async fn connections_beyond_the_limits_are_closed_and_counted() {
    let per_source = TransportLimits {
        connections_per_source_max: 2,
        ..TransportLimits::default()
    };
    let in_total = TransportLimits {
        connections_max: 2,
        ..TransportLimits::default()
    };
    for (limits, refused) in [(per_source, [0, 1]), (in_total, [1, 0])] {
        let mut transport = shard(limits);
        let peers: Vec<_> = (0..3).map(|_| connect(&transport)).collect();
        transport.ready().await;
        transport.drain(8, &mut |_, _| {});
        let stats = transport.stats();
        assert_eq!(
            [stats.connections_refused_total, stats.connections_refused_source],
            refused
        );
        assert_eq!(stats.connections_open, 2);
        let mut third = &peers[2];
        assert_eq!(third.read(&mut [0]).unwrap_or(0), 0, "the third is closed");
    }
}

#[tokio::test]
async fn a_place_is_free_again_when_a_connection_closes() {
    let mut transport = shard(TransportLimits {
        connections_per_source_max: 1,
        ..TransportLimits::default()
    });
    for _ in 0..3 {
        let mut peer = connect(&transport);
        peer.write_all(&message(0)).unwrap();
        run_until(&mut transport, |seen| !seen.is_empty()).await;
        drop(peer);
        run_until(&mut transport, |seen| !seen.is_empty()).await;
    }
    assert_eq!(transport.stats().connections_refused_source, 0);
}

#[tokio::test]
async fn who_is_not_admitted_is_closed_unheard() {
    let mut transport = shard_behind(TransportLimits::default(), Arc::new(ShutGate));
    let mut peer = connect(&transport);
    let _may_be_reset = peer.write_all(&message(0));
    transport.ready().await;
    transport.drain(8, &mut |arrival, _| panic!("heard {arrival:?}"));
    assert_eq!(transport.stats().connections_refused_gate, 1);
    assert_eq!(peer.read(&mut [0]).unwrap_or(0), 0);
}

#[tokio::test]
async fn bytes_that_are_not_sip_close_the_connection_with_a_cause() {
    for (garbage, cause) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"[..], "not_sip"),
        (
            b"OPTIONS sip:a@example.com SIP/2.0\r\nCall-ID: 1\r\n\r\n",
            "length_missing",
        ),
    ] {
        let mut transport = shard(TransportLimits::default());
        let mut peer = connect(&transport);
        peer.write_all(&[&message(3), garbage].concat()).unwrap();
        let seen = run_until(&mut transport, |seen| seen.len() >= 3).await;
        let flow = flow_of(&seen[0]);
        assert_eq!(seen[1..], [Seen::Refused(flow, cause), Seen::Closed(flow)]);
        assert_eq!(transport.stats().stream_framing_refused, 1);
        assert_eq!(peer.read(&mut [0]).unwrap_or(0), 0, "closed");
    }
}

#[tokio::test]
async fn a_message_for_another_shards_connection_is_set_aside_for_it() {
    let limits = TransportLimits {
        foreign_max: 2,
        ..TransportLimits::default()
    };
    let mut transport = shard(limits);
    let flow = Flow {
        shard: 3,
        connection: 17,
        ..tcp_flow(SocketAddr::from(([127, 0, 0, 1], 5060)))
    };
    for n in 0..3 {
        transport.outbox().send(&flow, &message(n));
    }
    transport.flush();
    let foreign: Vec<_> = transport.take_foreign().collect();
    assert_eq!(foreign, [(flow, message(0)), (flow, message(1))]);
    assert_eq!(transport.take_foreign().count(), 0);
    assert_eq!(transport.stats().foreign_dropped, 1);
}

/// Turns the loop until as many connections of ours stand.
async fn run_until_opened(transport: &mut ShardTransport, count: u64) {
    transport.flush();
    while transport.stats().connections_opened < count {
        tokio::time::timeout(PATIENCE, transport.ready()).await.unwrap();
        transport.drain(8, &mut |_, _| {});
    }
}

fn connect(transport: &ShardTransport) -> TcpStream {
    let peer = TcpStream::connect(address(transport, 1)).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    peer.set_nodelay(true).unwrap();
    peer
}

fn tcp_flow(remote: SocketAddr) -> Flow {
    Flow {
        transport: Transport::Tcp,
        shard: 0,
        listener: 1,
        connection: 0,
        remote,
    }
}

fn flow_of(seen: &Seen) -> Flow {
    match seen {
        Seen::Message(flow, _) | Seen::Refused(flow, _) | Seen::SendFailed(flow) | Seen::Closed(flow) => {
            *flow
        }
    }
}

fn bodies(seen: &[Seen]) -> Vec<Vec<u8>> {
    seen.iter()
        .map(|seen| match seen {
            Seen::Message(_, bytes) => bytes.clone(),
            Seen::Refused(..) | Seen::SendFailed(_) | Seen::Closed(_) => panic!("{seen:?}"),
        })
        .collect()
}

fn echo(seen: &Seen, outbox: &mut Outbox) {
    if let Seen::Message(flow, bytes) = seen {
        outbox.send(flow, bytes);
    }
}
