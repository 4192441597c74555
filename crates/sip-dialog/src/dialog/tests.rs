use sip_message::{Index, Limits, Message};

use super::*;

#[test]
fn answering_takes_the_route_set_in_order_and_the_contact_as_target() {
    let dialog = answering(
        "Record-Route: <sip:p2.example.com;lr>, <sip:p1.example.com;lr>\r\nRecord-Route: <sip:p0.example.com;lr>\r\n",
    );
    assert_eq!(text(dialog.target()), "sip:caller@192.0.2.2:5062");
    assert_eq!(text(dialog.next_hop()), "sip:p2.example.com;lr");
    let bye = write(&dialog, b"BYE");
    assert!(
        bye.starts_with("BYE sip:caller@192.0.2.2:5062 SIP/2.0\r\n"),
        "{bye}"
    );
    let route = "\r\nRoute: <sip:p2.example.com;lr>, <sip:p1.example.com;lr>, <sip:p0.example.com;lr>\r\n";
    assert!(bye.contains(route), "{bye}");
    assert!(
        bye.contains("\r\nFrom: <sip:called@192.0.2.1>;tag=ours\r\n"),
        "{bye}"
    );
    assert!(
        bye.contains("\r\nTo: \"A, B\" <sip:caller@example.com>;x=1;tag=theirs\r\n"),
        "{bye}"
    );
}

#[test]
fn opening_takes_the_route_set_in_reverse_from_the_answer() {
    let mut dialog = opening();
    assert!(!dialog.is_established());
    let routes = "Record-Route: <sip:near.example.com;lr>\r\nRecord-Route: <sip:far.example.com;lr>\r\n";
    respond(
        &mut dialog,
        200,
        ";tag=agent",
        &format!("Contact: <sip:desk@198.51.100.7>\r\n{routes}"),
    )
    .unwrap();
    assert!(dialog.is_established());
    assert_eq!(text(dialog.remote_tag()), "agent");
    assert_eq!(text(dialog.target()), "sip:desk@198.51.100.7");
    let ack = write(&dialog, b"ACK");
    let route = "\r\nRoute: <sip:far.example.com;lr>, <sip:near.example.com;lr>\r\n";
    assert!(ack.contains(route), "{ack}");
}

#[test]
fn a_strict_router_is_put_into_the_request_line_and_the_target_at_the_end() {
    let dialog = answering("Record-Route: <sip:strict.example.com>, <sip:p1.example.com;lr>\r\n");
    let bye = write(&dialog, b"BYE");
    assert!(bye.starts_with("BYE sip:strict.example.com SIP/2.0\r\n"), "{bye}");
    let route = "\r\nRoute: <sip:p1.example.com;lr>, <sip:caller@192.0.2.2:5062>\r\n";
    assert!(bye.contains(route), "{bye}");
    let alone = answering("Record-Route: <sip:strict.example.com;lrx>\r\n");
    let bye = write(&alone, b"BYE");
    assert!(
        bye.contains("\r\nRoute: <sip:caller@192.0.2.2:5062>\r\n"),
        "{bye}"
    );
}

#[test]
fn without_routes_the_target_is_the_next_hop() {
    let dialog = answering("");
    assert_eq!(text(dialog.next_hop()), "sip:caller@192.0.2.2:5062");
    let bye = write(&dialog, b"BYE");
    assert!(
        bye.starts_with("BYE sip:caller@192.0.2.2:5062 SIP/2.0\r\n"),
        "{bye}"
    );
    assert!(!bye.contains("Route:"), "{bye}");
}

#[test]
fn a_name_before_a_route_may_hold_brackets_and_commas() {
    let dialog =
        answering("Record-Route: \"a > b, \\\" <c\" <sip:p1.example.com;lr>, <sip:p0.example.com;lr>\r\n");
    assert_eq!(text(dialog.next_hop()), "sip:p1.example.com;lr");
    assert!(write(&dialog, b"BYE").starts_with("BYE sip:caller@192.0.2.2:5062 SIP/2.0\r\n"));
}

#[test]
fn a_request_belongs_to_its_dialog_by_call_id_and_both_tags() {
    let dialog = answering("");
    let request = |call_id: &str, from_tag: &str, to_tag: &str| {
        let bytes = format!(
            "BYE sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\n\
             From: <sip:caller@example.com>{from_tag}\r\nTo: <sip:called@192.0.2.1>{to_tag}\r\n\
             Call-ID: {call_id}\r\nCSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n"
        );
        with_message(bytes.as_bytes(), |message| dialog.matches(message))
    };
    assert!(request("c1", ";tag=theirs", ";tag=ours"));
    assert!(!request("c2", ";tag=theirs", ";tag=ours"));
    assert!(!request("c1", ";tag=other", ";tag=ours"));
    assert!(!request("c1", "", ";tag=ours"));
    assert!(!request("c1", ";tag=theirs", ";tag=OURS"));
    assert!(!request("c1", ";tag=theirs", ""));
}

#[test]
fn a_provisional_without_tag_changes_nothing_and_an_answer_needs_tag_and_contact() {
    let mut dialog = opening();
    respond(&mut dialog, 180, "", "").unwrap();
    assert!(!dialog.is_established());
    respond(&mut dialog, 180, ";tag=early", "").unwrap();
    assert_eq!(text(dialog.remote_tag()), "early");
    assert_eq!(text(dialog.target()), "sip:agent@198.51.100.1");
    assert_eq!(respond(&mut dialog, 200, "", ""), Err(DialogFault::NoTag));
    assert_eq!(
        respond(&mut dialog, 200, ";tag=t", ""),
        Err(DialogFault::NoContact)
    );
    assert_eq!(text(dialog.remote_tag()), "early");
}

#[test]
fn the_answer_of_another_phone_behind_a_fork_replaces_the_early_dialog() {
    let mut dialog = opening();
    respond(
        &mut dialog,
        180,
        ";tag=one",
        "Contact: <sip:one@198.51.100.1>\r\n",
    )
    .unwrap();
    respond(
        &mut dialog,
        200,
        ";tag=two",
        "Contact: <sip:two@198.51.100.2>\r\n",
    )
    .unwrap();
    assert_eq!(text(dialog.remote_tag()), "two");
    assert_eq!(text(dialog.target()), "sip:two@198.51.100.2");
    assert_eq!(dialog.next_cseq(), 2);
}

#[test]
fn requests_are_placed_by_their_numbers() {
    let mut dialog = answering("");
    assert_eq!(dialog.place(7), Order::Stale, "the INVITE had 7");
    assert_eq!(dialog.place(9), Order::InOrder, "gaps are allowed");
    assert_eq!(dialog.place(8), Order::Stale);
    assert_eq!((dialog.next_cseq(), dialog.next_cseq()), (1, 2));
}

#[test]
fn a_target_refresh_moves_the_target_alone() {
    let mut dialog = answering("Record-Route: <sip:p1.example.com;lr>\r\n");
    dialog.place(8);
    let moved = INVITE
        .replace("192.0.2.2:5062", "192.0.2.9")
        .replace("{lines}", "");
    with_message(moved.as_bytes(), |message| dialog.refresh_target(message));
    assert_eq!(text(dialog.target()), "sip:caller@192.0.2.9");
    assert_eq!(text(dialog.next_hop()), "sip:p1.example.com;lr");
    assert_eq!(
        (text(dialog.local_tag()), text(dialog.remote_tag())),
        ("ours".into(), "theirs".into())
    );
    assert_eq!(dialog.place(8), Order::Stale);
}

#[test]
fn a_word_tag_elsewhere_in_a_party_is_not_its_tag() {
    let party = b"\"x;tag=no\" <sip:a@example.com;tag=no>;tag=yes;y";
    let (from, to) = tag_span(party, 100);
    assert_eq!(&party[from as usize - 100..to as usize - 100], b"yes");
    assert_eq!(tag_span(b"<sip:a@example.com;tag=no>", 5), (5, 5));
    assert_eq!(tag_span(b"sip:a@example.com;tag=yes", 0), (22, 25));
}

#[test]
fn numbers_are_written_in_full() {
    for value in [0, 9, 10, 4_294_967_295] {
        assert_eq!(text(Digits::default().show(value)), value.to_string());
    }
}

const INVITE: &str = "INVITE sip:called@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\n\
    From: \"A, B\" <sip:caller@example.com>;x=1;tag=theirs\r\nTo: <sip:called@192.0.2.1>\r\nCall-ID: c1\r\n\
    CSeq: 7 INVITE\r\nContact: <sip:caller@192.0.2.2:5062>\r\n{lines}Content-Length: 0\r\n\r\n";

fn answering(lines: &str) -> Dialog {
    let invite = INVITE.replace("{lines}", lines);
    with_message(invite.as_bytes(), |invite| Dialog::answering(invite, b"ours")).unwrap()
}

fn opening() -> Dialog {
    Dialog::opening(
        b"c2",
        b"<sip:us@192.0.2.1>;tag=ours",
        b"<sip:agent@198.51.100.1>",
        b"sip:agent@198.51.100.1",
    )
}

fn respond(dialog: &mut Dialog, status: u16, tag: &str, lines: &str) -> Result<(), DialogFault> {
    let bytes = format!(
        "SIP/2.0 {status} X\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:us@192.0.2.1>;tag=ours\r\n\
         To: <sip:agent@198.51.100.1>{tag}\r\nCall-ID: c2\r\nCSeq: 1 INVITE\r\n{lines}Content-Length: 0\r\n\r\n"
    );
    with_message(bytes.as_bytes(), |response| dialog.establish(response))
}

fn write(dialog: &Dialog, method: &[u8]) -> String {
    let mut out = Vec::new();
    let head = RequestHead {
        method,
        cseq: 3,
        via: b"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2",
        max_forwards: 70,
    };
    dialog.write_request(&mut out, &head).empty_body();
    text(&out)
}

fn with_message<T>(bytes: &[u8], work: impl FnOnce(&Message<'_>) -> T) -> T {
    let mut index = Index::new(Limits::default());
    work(&index.parse(bytes).unwrap())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
