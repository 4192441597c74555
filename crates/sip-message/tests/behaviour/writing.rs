//! Messages written by copying, and replies.

use std::net::IpAddr;

use sip_message::{HeaderName, Index, Limits, Writer};

const INVITE: &str = "INVITE sip:b@example.com SIP/2.0\r\n\
    Via: SIP/2.0/UDP host.example.com:5060 ;branch=z9hG4bK1;rport;x=\"a,b\" , SIP/2.0/TCP 192.0.2.9;branch=z9hG4bK0\r\n\
    v:SIP/2.0/UDP 192.0.2.8;branch=z9hG4bKz\r\n\
    From: <sip:a@example.com>;tag=1\r\n\
    To: <sip:b@example.com>\r\n\
    X-Odd:  kept \t\r\n  as it came\r\n\
    Call-ID: c1\r\n\
    CSeq: 7 INVITE\r\n\
    Timestamp: 54\r\n\
    Content-Length: 3\r\n\
    Max-Forwards: 70\r\n\r\nabc";

#[test]
fn what_is_not_replaced_is_copied_to_the_letter() {
    let mut index = Index::new(Limits::default());
    let message = index.parse(INVITE.as_bytes()).unwrap();
    let mut out = Vec::new();
    let mut writer = Writer::request(&mut out, b"INVITE", b"sip:agent@192.0.2.20");
    writer
        .header(HeaderName::Via, b"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKn")
        .copy_except(&message, |name| {
            matches!(name, HeaderName::Via | HeaderName::To | HeaderName::CSeq)
        })
        .header_parts(HeaderName::CSeq, &[b"1", b" ", b"INVITE"])
        .body(message.body());
    assert_eq!(
        text(&out),
        "INVITE sip:agent@192.0.2.20 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKn\r\n\
         From: <sip:a@example.com>;tag=1\r\n\
         X-Odd:  kept \t\r\n  as it came\r\n\
         Call-ID: c1\r\n\
         Timestamp: 54\r\n\
         Max-Forwards: 70\r\n\
         CSeq: 1 INVITE\r\n\
         Content-Length: 3\r\n\r\nabc"
    );
}

#[test]
fn a_reply_goes_the_way_back_with_received_and_rport_filled() {
    let source: (IpAddr, u16) = ("198.51.100.7".parse().unwrap(), 5072);
    assert_eq!(
        reply(INVITE, Some(b"t1"), Some(source)),
        "SIP/2.0 180 Ringing\r\n\
         Via: SIP/2.0/UDP host.example.com:5060 ;branch=z9hG4bK1;rport=5072;x=\"a,b\";received=198.51.100.7 , \
         SIP/2.0/TCP 192.0.2.9;branch=z9hG4bK0\r\n\
         v:SIP/2.0/UDP 192.0.2.8;branch=z9hG4bKz\r\n\
         From: <sip:a@example.com>;tag=1\r\n\
         To: <sip:b@example.com>;tag=t1\r\n\
         Call-ID: c1\r\nCSeq: 7 INVITE\r\nTimestamp: 54\r\nContent-Length: 0\r\n\r\n"
    );
}

#[test]
fn a_reply_without_a_source_copies_each_via_to_the_letter() {
    let reply = reply(INVITE, None, None);
    assert!(reply.contains(INVITE.split("\r\n").nth(1).unwrap()));
    assert!(reply.contains("To: <sip:b@example.com>\r\n"));
}

#[test]
fn received_is_added_only_where_the_address_differs_and_never_believed() {
    let via = |via: &str, ip: &str| {
        let request = INVITE.replace(
            INVITE.split("\r\n").nth(1).unwrap(),
            &format!("Via: SIP/2.0/UDP {via}"),
        );
        let reply = reply(&request, None, Some((ip.parse().unwrap(), 5072)));
        reply
            .split("\r\n")
            .nth(1)
            .unwrap()
            .strip_prefix("Via: SIP/2.0/UDP ")
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        via("192.0.2.4;branch=z9hG4bK1", "192.0.2.4"),
        "192.0.2.4;branch=z9hG4bK1"
    );
    assert_eq!(
        via("192.0.2.4;branch=z9hG4bK1", "192.0.2.5"),
        "192.0.2.4;branch=z9hG4bK1;received=192.0.2.5"
    );
    // RFC 3581 §4: with rport, received is added even when it is the same.
    assert_eq!(
        via("192.0.2.4;rport;branch=1", "192.0.2.4"),
        "192.0.2.4;rport=5072;branch=1;received=192.0.2.4"
    );
    assert_eq!(
        via("192.0.2.4;received=192.0.2.66;branch=1", "192.0.2.4"),
        "192.0.2.4;branch=1"
    );
    assert_eq!(
        via("[2001:db8::1];branch=1", "2001:db8::2"),
        "[2001:db8::1];branch=1;received=2001:db8::2"
    );
}

#[test]
fn a_tag_is_added_behind_a_folded_to_and_never_twice() {
    let folded = INVITE.replace(
        "To: <sip:b@example.com>\r\n",
        "t :\r\n <sip:b@example.com> \r\n ;x=1 \r\n \r\n",
    );
    assert!(reply(&folded, Some(b"t1"), None).contains("t :\r\n <sip:b@example.com> \r\n ;x=1;tag=t1\r\n"));
    let bare = INVITE.replace("To: <sip:b@example.com>", "To: sip:b@example.com");
    assert!(reply(&bare, Some(b"t1"), None).contains("To: sip:b@example.com;tag=t1\r\n"));
    let tagged = INVITE.replace("To: <sip:b@example.com>", "To: <sip:b@example.com>;tag=theirs");
    assert!(reply(&tagged, Some(b"t1"), None).contains("To: <sip:b@example.com>;tag=theirs\r\n"));
}

#[test]
fn a_refused_request_can_still_be_answered() {
    let bytes = INVITE.replace("SIP/2.0\r\nVia", "SIP/3.0\r\nVia");
    let mut index = Index::new(Limits::default());
    let error = index.parse(bytes.as_bytes()).unwrap_err();
    assert_eq!(error.status(), 505);
    let request = index.salvage(bytes.as_bytes()).expect("its headers can be read");
    let mut out = Vec::new();
    Writer::reply_to(
        &mut out,
        &request,
        505,
        b"Version Not Supported",
        Some(b"t1"),
        None,
    )
    .empty_body();
    assert!(text(&out).contains("CSeq: 7 INVITE\r\n"));
    assert!(index.salvage(b"other bytes").is_none());
}

#[test]
fn an_ack_and_a_response_are_never_answered() {
    for start in ["ACK sip:b@example.com SIP/3.0", "SIP/2.0 200 OK"] {
        let bytes = INVITE
            .replace("INVITE sip:b@example.com SIP/2.0", start)
            .replace("7 INVITE", "7 ACK");
        let bytes = bytes.replace("Content-Length: 3", "Content-Length: 3000");
        let mut index = Index::new(Limits::default());
        assert!(index.parse(bytes.as_bytes()).is_err());
        assert!(index.salvage(bytes.as_bytes()).is_none(), "{start}");
    }
}

#[test]
fn a_value_of_ours_cannot_begin_another_header() {
    let evil = b"a\r\nRoute: <sip:evil.example.org>\r\n\r\nbody\0\n\rx";
    let mut out = Vec::new();
    let mut writer = Writer::request(
        &mut out,
        b"INVITE\r\nX: ",
        b"sip:a@example.com SIP/2.0\r\nX: y\r\n",
    );
    writer
        .header(HeaderName::Subject, evil)
        .header_parts(HeaderName::CallInfo, &[b"a\r", b"\nX: b"]);
    writer
        .raw_header(b"X-Own: a\r\nRoute", evil)
        .header_number(HeaderName::MaxForwards, 69);
    writer.empty_body();
    let mut index = Index::new(Limits::default());
    let message = index.parse(&out).unwrap();
    assert_eq!(message.headers().count(), 5);
    assert!(message.header(HeaderName::Route).is_none());
    assert!(!message.bytes().contains(&0));
    assert_eq!(message.request_uri(), b"sip:a@example.com_SIP/2.0__X:_y__");
    out.clear();
    Writer::response(&mut out, 200, b"OK\r\nX: y").empty_body();
    assert_eq!(text(&out), "SIP/2.0 200 OK  X: y\r\nContent-Length: 0\r\n\r\n");
}

fn reply(request: &str, tag: Option<&[u8]>, source: Option<(IpAddr, u16)>) -> String {
    let mut index = Index::new(Limits::default());
    let request = index
        .parse(request.as_bytes())
        .expect("the request is well-formed");
    let mut out = Vec::new();
    Writer::reply_to(&mut out, &request, 180, b"Ringing", tag, source).empty_body();
    text(&out).to_owned()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("what the tests write is text")
}
