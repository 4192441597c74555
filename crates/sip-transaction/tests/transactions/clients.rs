//! What we ask.

use sip_transaction::{CancelSent, Kind, Outgoing, Received, TableFull, TimeoutKind};

use super::*;

#[test]
fn response_finds_its_transaction_and_owner() {
    let mut world = World::new();
    let (one, invite_one) = world.invite(udp(), 1);
    let (two, invite_two) = world.invite(udp(), 2);
    assert_eq!(
        world.receive(&answer(&invite_two, 180)),
        Received::Response { id: two, owner: 2 }
    );
    assert_eq!(
        world.receive(&answer(&invite_one, 183)),
        Received::Response { id: one, owner: 1 }
    );
    assert!(world.table.set_owner(one, 11));
    assert_eq!(
        world.receive(&answer(&invite_one, 180)),
        Received::Response { id: one, owner: 11 }
    );
}

#[test]
fn response_with_any_digit_of_the_branch_changed_is_stray() {
    let mut world = World::new();
    let (_, invite) = world.invite(udp(), 1);
    let ringing = answer(&invite, 180);
    let at = ringing.find("z9hG4bK").unwrap();
    // The last eight digits are the loop hash, which is the reader's affair.
    for digit in at + 7..at + Branch::LENGTH - 8 {
        let mut forged = ringing.clone().into_bytes();
        forged[digit] = if forged[digit] == b'0' { b'1' } else { b'0' };
        let forged = String::from_utf8(forged).unwrap();
        assert_eq!(world.receive(&forged), Received::StrayResponse, "{forged}");
    }
    assert_eq!(world.table.stats().stray_responses, Branch::LENGTH as u64 - 15);
    assert!(matches!(world.receive(&ringing), Received::Response { .. }));
}

#[test]
fn response_of_another_method_or_to_a_request_not_yet_sent_is_stray() {
    let mut world = World::new();
    let (_, invite) = world.invite(udp(), 1);
    for method in ["BYE", "CANCEL", "ACK"] {
        let other = answer(&invite, 200).replace("7 INVITE", &format!("7 {method}"));
        assert_eq!(world.receive(&other), Received::StrayResponse);
    }
    let (_, branch) = world.table.mint(0).unwrap();
    let early = answer(&request("BYE", branch.as_str(), ""), 200);
    assert_eq!(world.receive(&early), Received::StrayResponse);
}

#[test]
fn unanswered_invite_leaves_seven_times_and_is_reported_once() {
    let mut world = World::new();
    let (id, _) = world.invite(udp(), 1);
    world.pass_to(499);
    assert_eq!(world.sent().len(), 0);
    world.pass_to(500);
    assert_eq!(world.sent(), ["INVITE sip:+12025550143@192.0.2.20 SIP/2.0"]);
    world.pass_to(31_999);
    assert_eq!(world.sent().len(), 5);
    assert_eq!(world.timeouts, []);
    world.pass_to(32_000);
    let kind = TimeoutKind::ClientTimeout;
    assert_eq!(
        world.timeouts,
        [Timeout {
            id: id.into(),
            owner: 1,
            kind
        }]
    );
    assert_eq!((world.table.len(), world.deadline_ms()), (0, None));
    assert_eq!(world.table.stats().requests_resent, 6);
}

#[test]
fn rejected_invite_is_acknowledged_hop_by_hop_with_each_copy() {
    let mut world = World::new();
    let (id, invite) = world.invite(udp(), 1);
    let via = invite.lines().nth(1).unwrap();
    assert_eq!(
        world.receive(&answer(&invite, 486)),
        Received::Response { id, owner: 1 }
    );
    let (flow, ack) = world.sent.0.pop().unwrap();
    assert_eq!(flow, udp());
    let expected = format!(
        "ACK sip:+12025550143@192.0.2.20 SIP/2.0\r\n{via}\r\nMax-Forwards: 70\r\n\
        From: <sip:+12025550101@example.com>;tag=ours\r\nTo: <sip:x@example.com>;tag=theirs\r\n\
        Call-ID: 1@example.com\r\nCSeq: 7 ACK\r\nContent-Length: 0\r\n\r\n"
    );
    assert_eq!(ack, expected);
    assert_eq!(world.receive(&answer(&invite, 486)), Received::Absorbed);
    assert_eq!(world.sent(), ["ACK sip:+12025550143@192.0.2.20 SIP/2.0"]);
    assert_eq!(world.table.stats().responses_absorbed, 1);
    world.pass_to(31_999);
    assert_eq!(world.table.len(), 1);
    world.pass_to(32_000);
    assert!(world.table.is_empty());
    assert_eq!(world.receive(&answer(&invite, 486)), Received::StrayResponse);
}

#[test]
fn every_2xx_reaches_the_owner_for_32_seconds() {
    let mut world = World::new();
    let (id, invite) = world.invite(udp(), 1);
    for at in [0, 500, 31_900] {
        world.pass_to(at);
        assert_eq!(
            world.receive(&answer(&invite, 200)),
            Received::Response { id, owner: 1 }
        );
    }
    world.pass_to(32_000);
    assert_eq!(world.receive(&answer(&invite, 200)), Received::StrayResponse);
    assert_eq!((world.sent().len(), world.timeouts.len()), (0, 0));
}

#[test]
fn bye_is_resent_until_answered_and_forgotten_after_t4() {
    let mut world = World::new();
    let (id, bye) = world.start(Kind::NonInvite, "BYE", udp(), 1);
    world.pass_to(1500);
    assert_eq!(world.sent().len(), 3);
    assert_eq!(
        world.receive(&answer(&bye, 200)),
        Received::Response { id, owner: 1 }
    );
    assert_eq!(world.receive(&answer(&bye, 200)), Received::Absorbed);
    world.pass_to(6_499);
    assert_eq!(world.table.len(), 1);
    world.pass_to(6_500);
    assert!(world.table.is_empty());
}

#[test]
fn over_tcp_a_final_frees_the_place_at_once() {
    let mut world = World::new();
    let (_, invite) = world.invite(tcp(1), 1);
    assert!(matches!(
        world.receive(&answer(&invite, 503)),
        Received::Response { .. }
    ));
    let (_, bye) = world.start(Kind::NonInvite, "BYE", tcp(1), 1);
    assert!(matches!(
        world.receive(&answer(&bye, 200)),
        Received::Response { .. }
    ));
    assert_eq!((world.table.len(), world.deadline_ms()), (0, None));
}

#[test]
fn cancel_waits_for_a_provisional_and_then_leaves_with_the_branch_of_its_invite() {
    let mut world = World::new();
    let (id, invite) = world.invite(udp(), 1);
    assert_eq!(
        world.table.cancel(world.now, id, b"", &mut world.sent),
        CancelSent::NotYet
    );
    world.receive(&answer(&invite, 100));
    let reason = b"Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n";
    assert_eq!(
        world.table.cancel(world.now, id, reason, &mut world.sent),
        CancelSent::Sent
    );
    let (_, cancel) = world.sent.0.pop().unwrap();
    let via = invite.lines().nth(1).unwrap();
    let expected = format!(
        "CANCEL sip:+12025550143@192.0.2.20 SIP/2.0\r\n{via}\r\nMax-Forwards: 70\r\n\
        From: <sip:+12025550101@example.com>;tag=ours\r\nTo: <sip:+12025550143@example.com>\r\n\
        Call-ID: 1@example.com\r\nCSeq: 7 CANCEL\r\n\
        Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\nContent-Length: 0\r\n\r\n"
    );
    assert_eq!(cancel, expected);
    assert_eq!(
        world.table.cancel(world.now, id, b"", &mut world.sent),
        CancelSent::Sent
    );
    assert_eq!(world.sent().len(), 0, "the second CANCEL is the first");

    world.pass_to(500);
    assert_eq!(world.sent(), ["CANCEL sip:+12025550143@192.0.2.20 SIP/2.0"]);
    assert_eq!(world.receive(&answer(&cancel, 200)), Received::Absorbed);
    assert_eq!(
        world.receive(&answer(&invite, 487)),
        Received::Response { id, owner: 1 }
    );
    assert_eq!(world.sent(), ["ACK sip:+12025550143@192.0.2.20 SIP/2.0"]);
    assert_eq!(
        world.table.cancel(world.now, id, b"", &mut world.sent),
        CancelSent::TooLate
    );
    world.pass_to(40_000);
    assert_eq!(
        (world.table.len(), world.timeouts.len(), world.sent().len()),
        (0, 0, 0)
    );
}

#[test]
fn answer_that_crosses_a_cancel_still_reaches_the_owner() {
    let mut world = World::new();
    let (id, invite) = world.invite(udp(), 1);
    world.receive(&answer(&invite, 180));
    world.table.cancel(world.now, id, b"", &mut world.sent);
    assert_eq!(
        world.receive(&answer(&invite, 200)),
        Received::Response { id, owner: 1 }
    );
    world.pass_to(40_000);
    assert!(world.table.is_empty() && world.timeouts.is_empty());
}

#[test]
fn cancelled_invite_that_stays_silent_is_reported_and_its_cancel_is_not() {
    let mut world = World::new();
    let (id, invite) = world.invite(udp(), 1);
    world.receive(&answer(&invite, 180));
    world.pass_to(10_000);
    world.table.cancel(world.now, id, b"", &mut world.sent);
    world.pass_to(41_999);
    assert_eq!(world.timeouts, []);
    world.pass_to(43_000);
    let kind = TimeoutKind::ClientTimeout;
    assert_eq!(
        world.timeouts,
        [Timeout {
            id: id.into(),
            owner: 1,
            kind
        }]
    );
    assert!(world.table.is_empty());
}

#[test]
fn cancel_over_tcp_goes_with_its_invite() {
    let mut world = World::new();
    let (id, invite) = world.invite(tcp(1), 1);
    world.receive(&answer(&invite, 180));
    world.table.cancel(world.now, id, b"", &mut world.sent);
    assert_eq!(world.table.len(), 2);
    world.receive(&answer(&invite, 487));
    assert_eq!((world.table.len(), world.deadline_ms()), (0, None));
}

#[test]
fn broken_connection_ends_what_waits_on_it_and_nothing_else() {
    let mut world = World::new();
    let (on_first, _) = world.invite(tcp(1), 1);
    let (_, ringing) = world.invite(tcp(1), 2);
    world.receive(&answer(&ringing, 180));
    world.invite(tcp(2), 3);
    world.invite(udp(), 4);
    let (connecting, _) = world.invite(tcp(0), 5);
    world.table.flow_failed(world.now, &tcp(1), &mut world.timeouts);
    let kind = TimeoutKind::TransportFailed;
    assert_eq!(
        world.timeouts,
        [
            Timeout {
                id: on_first.into(),
                owner: 1,
                kind
            },
            Timeout {
                id: connecting.into(),
                owner: 5,
                kind
            }
        ]
    );
    assert_eq!(world.table.len(), 3);
}

#[test]
fn minted_place_is_started_once_or_released() {
    let mut world = World::new();
    let (id, branch) = world.table.mint(0).unwrap();
    world.table.release(id);
    let bytes = request("BYE", branch.as_str(), "");
    let outgoing = Outgoing {
        kind: Kind::NonInvite,
        flow: udp(),
        bytes: bytes.as_bytes(),
        owner: 1,
    };
    assert!(!world.table.start(world.now, id, outgoing, &mut world.sent));
    let (id, _) = world.start(Kind::NonInvite, "BYE", udp(), 1);
    assert!(!world.table.start(world.now, id, outgoing, &mut world.sent));
    world.table.release(id);
    assert_eq!((world.table.len(), world.sent().len()), (1, 1));
}

#[test]
fn full_table_mints_no_more_and_counts_it() {
    let mut world = World::with_room_for(2);
    assert!(world.table.mint(0).is_ok() && world.table.mint(0).is_ok());
    assert_eq!(world.table.mint(0), Err(TableFull));
    assert_eq!(world.table.stats().refused, 1);
}
