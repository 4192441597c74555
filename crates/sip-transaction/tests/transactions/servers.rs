//! What we are asked.

use sip_transaction::{AcceptError, Received, ResponseSent, TimeoutKind};

use super::*;

#[test]
fn copy_of_an_invite_is_absorbed_and_answered_with_what_was_sent_last() {
    let mut world = World::new();
    let invite = request("INVITE", "z9hG4bK1", "");
    let id = world.accept(&invite, udp(), 1);
    assert_eq!(world.receive(&invite), Received::Absorbed);
    assert_eq!(world.sent().len(), 0);
    world.respond(id, 100);
    world.respond(id, 180);
    world.sent();
    assert_eq!(world.receive(&invite), Received::Absorbed);
    assert_eq!(world.sent(), ["SIP/2.0 180 Whatever"]);
    assert_eq!(
        (
            world.table.stats().requests_absorbed,
            world.table.stats().responses_resent
        ),
        (2, 1)
    );
}

#[test]
fn invite_that_waits_for_its_100_reminds_of_it() {
    let mut world = World::new();
    let id = world.accept(&request("INVITE", "z9hG4bK1", ""), udp(), 1);
    world.pass_to(200);
    assert_eq!(
        world.timeouts,
        [Timeout {
            id: id.into(),
            owner: 1,
            kind: TimeoutKind::TryingDue
        }]
    );
    assert_eq!(world.respond(id, 100), ResponseSent::Sent);
    assert_eq!(world.deadline_ms(), None);
}

#[test]
fn rejection_is_resent_until_the_ack_and_the_place_is_free_after_t4() {
    let mut world = World::new();
    let invite = request("INVITE", "z9hG4bK1", "");
    let id = world.accept(&invite, udp(), 1);
    world.respond(id, 486);
    world.pass_to(1500);
    assert_eq!(world.sent().len(), 3);
    let ack = request("ACK", "z9hG4bK1", ";tag=x");
    assert_eq!(world.receive(&ack), Received::Absorbed);
    assert_eq!(world.receive(&ack), Received::Absorbed);
    world.pass_to(6_499);
    assert_eq!((world.sent().len(), world.table.len()), (0, 1));
    world.pass_to(6_500);
    assert!(world.table.is_empty());
    assert_eq!(world.timeouts, []);
}

#[test]
fn rejection_without_ack_is_reported_after_64_t1() {
    let mut world = World::new();
    let id = world.accept(&request("INVITE", "z9hG4bK1", ""), udp(), 1);
    world.respond(id, 603);
    world.pass_to(32_000);
    assert_eq!(
        world.timeouts,
        [Timeout {
            id: id.into(),
            owner: 1,
            kind: TimeoutKind::ServerGone
        }]
    );
    assert!(world.table.is_empty());
}

#[test]
fn ack_for_a_2xx_goes_up_with_its_invite_only_if_it_repeats_the_branch() {
    let mut world = World::new();
    let id = world.accept(&request("INVITE", "z9hG4bK1", ""), udp(), 1);
    world.respond(id, 200);
    let own_branch = request("ACK", "z9hG4bK2", ";tag=x");
    assert_eq!(world.receive(&own_branch), Received::AckFor2xx { invite: None });
    let same_branch = request("ACK", "z9hG4bK1", ";tag=x");
    assert_eq!(
        world.receive(&same_branch),
        Received::AckFor2xx {
            invite: Some((id, 1))
        }
    );
}

#[test]
fn accepted_invite_absorbs_copies_and_sends_the_2xx_again_when_told_to() {
    let mut world = World::new();
    let invite = request("INVITE", "z9hG4bK1", "");
    let id = world.accept(&invite, udp(), 1);
    assert_eq!(world.respond(id, 200), ResponseSent::Sent);
    world.sent();
    assert_eq!(world.receive(&invite), Received::Absorbed);
    assert_eq!(world.sent().len(), 0);
    assert_eq!(world.respond(id, 200), ResponseSent::Sent);
    assert_eq!((world.sent().len(), world.table.stats().responses_resent), (1, 1));
    assert_eq!(world.respond(id, 486), ResponseSent::TooLate);
    world.pass_to(32_000);
    assert!(world.table.is_empty());
    assert_eq!(world.respond(id, 200), ResponseSent::TooLate);
}

#[test]
fn cancel_names_the_invite_it_is_for_and_is_a_transaction_of_its_own() {
    let mut world = World::new();
    let invite = world.accept(&request("INVITE", "z9hG4bK1", ""), udp(), 1);
    let cancel = request("CANCEL", "z9hG4bK1", "");
    assert_eq!(world.receive(&cancel), Received::Cancel { invite, owner: 1 });
    let id = world.accept(&cancel, udp(), 2);
    assert_eq!(world.respond(id, 200), ResponseSent::Sent);
    assert_eq!(world.respond(invite, 487), ResponseSent::Sent);
    world.sent();
    assert_eq!(world.receive(&cancel), Received::Absorbed);
    assert_eq!(world.sent(), ["SIP/2.0 200 Whatever"]);
}

#[test]
fn cancel_for_no_invite_is_a_new_request() {
    let mut world = World::new();
    world.accept(&request("INVITE", "z9hG4bK1", ""), udp(), 1);
    assert_eq!(
        world.receive(&request("CANCEL", "z9hG4bK2", "")),
        Received::NewRequest
    );
}

#[test]
fn same_branch_of_another_sender_or_method_is_another_transaction() {
    let mut world = World::new();
    let invite = request("INVITE", "z9hG4bK1", "");
    world.accept(&invite, udp(), 1);
    let other_host = invite.replace("Switch.example.com", "other.example.com");
    let other_port = invite.replace("example.com:5060", "example.com:5070");
    let other_method = request("OPTIONS", "z9hG4bK1", "");
    for other in [
        &other_host,
        &other_port,
        &other_method,
        &request("INVITE", "z9hG4bK12", ""),
    ] {
        assert_eq!(world.receive(other), Received::NewRequest, "{other}");
    }
    let other_case = invite.replace("Switch.example.com", "switch.EXAMPLE.com");
    assert_eq!(world.receive(&other_case), Received::Absorbed);
}

#[test]
fn requests_without_the_magic_cookie_are_matched_by_the_rules_of_rfc_2543() {
    let mut world = World::new();
    let invite = request("INVITE", "1", "");
    let id = world.accept(&invite, udp(), 1);
    assert_eq!(world.receive(&invite), Received::Absorbed);
    assert_eq!(
        world.receive(&request("CANCEL", "1", "")),
        Received::Cancel { invite: id, owner: 1 }
    );
    for (ours, theirs) in [
        ("tag=ours", "tag=else"),
        ("1@example.com", "2@example.com"),
        ("CSeq: 7", "CSeq: 8"),
        ("branch=1", "branch=2"),
        ("INVITE sip:+12025550143@", "INVITE sip:+12025550144@"),
    ] {
        assert_eq!(
            world.receive(&invite.replace(ours, theirs)),
            Received::NewRequest,
            "{theirs}"
        );
    }
    world.respond(id, 486);
    assert_eq!(
        world.receive(&request("ACK", "1", ";tag=theirs")),
        Received::Absorbed
    );
    world.pass_to(5_000);
    assert!(world.table.is_empty(), "the ACK was for the 486");
}

#[test]
fn answer_to_a_bye_is_held_for_its_copies_over_udp_and_not_over_tcp() {
    let mut world = World::new();
    let bye = request("BYE", "z9hG4bK1", ";tag=x");
    let id = world.accept(&bye, udp(), 1);
    world.respond(id, 200);
    world.pass_to(31_999);
    assert_eq!(world.receive(&bye), Received::Absorbed);
    assert_eq!(world.sent().len(), 2);
    world.pass_to(32_000);
    assert!(world.table.is_empty());
    let id = world.accept(&bye, tcp(1), 1);
    world.respond(id, 200);
    assert!(world.table.is_empty());
}

#[test]
fn forbidden_answer_is_withheld_and_the_next_one_goes_out() {
    let mut world = World::new();
    let id = world.accept(&request("OPTIONS", "z9hG4bK1", ""), udp(), 1);
    for status in [100, 180, 408] {
        assert_eq!(world.respond(id, status), ResponseSent::Withheld);
    }
    assert_eq!(world.respond(id, 200), ResponseSent::Sent);
    assert_eq!(world.respond(id, 200), ResponseSent::TooLate);
    assert_eq!(world.sent(), ["SIP/2.0 200 Whatever"]);
}

#[test]
fn request_nobody_answers_is_dropped_after_64_t1() {
    let mut world = World::new();
    let id = world.accept(&request("OPTIONS", "z9hG4bK1", ""), udp(), 1);
    world.pass_to(32_000);
    let kinds: Vec<_> = world
        .timeouts
        .iter()
        .map(|timeout| (timeout.id, timeout.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            (id.into(), TimeoutKind::TryingDue),
            (id.into(), TimeoutKind::Unanswered)
        ]
    );
    assert!(world.table.is_empty());
}

#[test]
fn last_eighth_of_the_table_is_kept_for_calls_that_are_up() {
    let mut world = World::with_room_for(16);
    for n in 0..14 {
        world.accept(&request("INVITE", &format!("z9hG4bK{n}"), ""), udp(), n);
    }
    let mut index = Index::new(Limits::default());
    let initial = request("INVITE", "z9hG4bKnew", "");
    let message = index.parse(initial.as_bytes()).unwrap();
    let refused = world.table.accept(world.now, &message, &udp(), 1);
    assert_eq!(refused, Err(AcceptError::TableFull));
    world.accept(&request("INVITE", "z9hG4bKhold", ";tag=x"), udp(), 1);
    world.accept(&request("BYE", "z9hG4bKbye", ";tag=x"), udp(), 1);
    let message = request("BYE", "z9hG4bKmore", ";tag=x");
    let message = index.parse(message.as_bytes()).unwrap();
    assert_eq!(
        world.table.accept(world.now, &message, &udp(), 1),
        Err(AcceptError::TableFull)
    );
    assert_eq!((world.table.len(), world.table.stats().refused), (16, 2));
}

#[test]
fn ack_never_makes_a_transaction_and_accepting_twice_makes_one() {
    let mut world = World::new();
    let mut index = Index::new(Limits::default());
    let ack = request("ACK", "z9hG4bK1", "");
    let message = index.parse(ack.as_bytes()).unwrap();
    assert_eq!(
        world.table.accept(world.now, &message, &udp(), 1),
        Err(AcceptError::Malformed)
    );
    let invite = request("INVITE", "z9hG4bK1", "");
    let id = world.accept(&invite, udp(), 1);
    let message = index.parse(invite.as_bytes()).unwrap();
    assert_eq!(world.table.accept(world.now, &message, &udp(), 1), Ok(id));
    assert_eq!(world.table.len(), 1);
    assert_eq!(world.table.flow(id), Some(udp()));
}
