//! Typed headers on demand.

use std::borrow::Cow;

use sip_message::{
    CSeq, HeaderName, Host, Index, Limits, Message, Method, NameAddr, ParseError, RAck, Scheme, Uri, Via,
};

#[test]
fn a_display_name_cannot_pass_an_address_off_as_its_own() {
    let value = br#""a \" <sip:evil@example.org>;tag=zz " <sip:alice@example.com>;tag=9"#;
    let from = NameAddr::parse(value, HeaderName::From).unwrap();
    assert_eq!(from.uri, b"sip:alice@example.com");
    assert_eq!(from.tag(), Some(b"9".as_slice()));
    assert_eq!(
        from.display_text().unwrap().as_ref(),
        br#"a " <sip:evil@example.org>;tag=zz "#
    );
    assert_eq!(
        from.display,
        Some(br#"a \" <sip:evil@example.org>;tag=zz "#.as_slice())
    );
}

#[test]
fn parameters_of_a_bare_uri_belong_to_the_header() {
    let from = NameAddr::parse(b"sip:a@example.com;tag=1;x=y", HeaderName::From).unwrap();
    assert_eq!(
        (from.uri, from.params),
        (b"sip:a@example.com".as_slice(), b";tag=1;x=y".as_slice())
    );
    let to = NameAddr::parse(b" A  B <sip:a@example.com;x=1> ; Tag = 2", HeaderName::To).unwrap();
    assert_eq!(to.display_text(), Some(Cow::Borrowed(b"A  B".as_slice())));
    assert_eq!((to.param(b"x"), to.tag()), (None, Some(b"2".as_slice())));
    assert_eq!(to.uri().unwrap().param(b"X"), Some(b"1".as_slice()));
}

#[test]
fn an_address_with_two_readings_is_refused() {
    for value in [
        "sip:a@example.com, sip:b@example.com",
        "sip:evil@example.org <sip:a@example.com>",
        "<sip:a@example.com> <sip:b@example.com>",
        "<sip:a@example.com",
        "<>",
        "",
        "\"a\" sip:a@example.com",
        "\"a\\\" <sip:a@example.com>",
        "< sip:a@example.com>",
        "<sip:a@example.com>;tag",
        "<sip:a@example.com>;tag=",
        "*",
    ] {
        assert!(
            NameAddr::parse(value.as_bytes(), HeaderName::From).is_err(),
            "{value}"
        );
    }
}

#[test]
fn a_sip_uri_is_read_in_its_parts() {
    let uri = Uri::parse(b"sips:a%20b;x:pw@[2001:db8::1]:5061;transport=tcp;lr?Subject=a&b=c").unwrap();
    assert_eq!(uri.kind(), Scheme::Sips);
    assert_eq!(
        (uri.user, uri.password),
        (Some(b"a%20b;x".as_slice()), Some(b"pw".as_slice()))
    );
    assert_eq!(uri.user_decoded().unwrap().as_ref(), b"a b;x");
    assert_eq!(
        (uri.host, uri.port),
        (Some(Host::V6("2001:db8::1".parse().unwrap())), Some(5061))
    );
    assert_eq!(
        (uri.param(b"Transport"), uri.param(b"lr")),
        (Some(b"tcp".as_slice()), Some(b"".as_slice()))
    );
    assert_eq!(uri.headers, b"Subject=a&b=c");
    let plain = Uri::parse(b"SIP:192.0.2.1").unwrap();
    assert_eq!(
        (plain.user, plain.host),
        (None, Some(Host::V4("192.0.2.1".parse().unwrap())))
    );
}

#[test]
fn tel_and_urn_have_no_host() {
    let tel = Uri::parse(b"tel:+1-202-555-0143;phone-context=x").unwrap();
    assert_eq!(
        (tel.kind(), tel.user, tel.host),
        (Scheme::Tel, Some(b"+1-202-555-0143".as_slice()), None)
    );
    assert_eq!(tel.param(b"phone-context"), Some(b"x".as_slice()));
    let urn = Uri::parse(b"urn:service:sos.fire").unwrap();
    assert_eq!(
        (urn.kind(), urn.opaque, urn.user),
        (Scheme::Urn, b"service:sos.fire".as_slice(), None)
    );
}

#[test]
fn a_uri_with_two_readings_is_refused() {
    for uri in [
        "sip:",
        "a@example.com",
        ":a",
        "sip:@example.com",
        "sip:a@",
        "sip:a@b@example.com",
        "sip:a@example.com:",
        "sip:a@example.com:65536",
        "sip:a@2001:db8::1",
        "sip:a@[2001:db8::1",
        "sip:a@[fe80::1%25eth0]",
        "sip:a@192.0.2.256",
        "sip:a@1.2.3",
        "sip:a@exa mple.com",
        "sip:%4@example.com",
        "sip:a@example.com;;lr",
        "sip:a@example.com;",
        "sip:a@example.com;=x",
        "tel:",
        "tel:+",
        "tel:+1202x",
        "tel:-",
        "sip:a@-x.com",
        "sip:a@example.com\r\n",
        "s p:a@example.com",
        "sip:a@.example.com",
        "1sip:a@example.com",
    ] {
        assert!(Uri::parse(uri.as_bytes()).is_err(), "{uri}");
    }
}

#[test]
fn a_via_is_read_with_its_parameters() {
    let via =
        Via::parse(b"SIP / 2.0 / udp  [2001:db8::9]: 5070 ; Branch = z9hG4bKx;rport;received=[::1];ttl=3");
    let via = via.unwrap();
    assert_eq!((via.transport, via.port), (b"udp".as_slice(), Some(5070)));
    assert_eq!(
        (via.branch, via.rport, via.ttl),
        (Some(b"z9hG4bKx".as_slice()), Some(None), Some(3))
    );
    assert_eq!(via.received_ip(), Some("::1".parse().unwrap()));
    assert!(via.has_magic_cookie());
    assert!(
        !Via::parse(b"SIP/2.0/UDP a;branch=z9hG4bK")
            .unwrap()
            .has_magic_cookie()
    );
    assert_eq!(
        Via::parse(b"SIP/2.0/UDP a;rport=50").unwrap().rport,
        Some(Some(50))
    );
}

#[test]
fn a_via_with_two_readings_is_refused() {
    for via in [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP ",
        "SIP/2.0 UDP a",
        "SIP/3.0/UDP a",
        "SIP/2.0/UDP a b",
        "SIP/2.0/UDP a:x",
        "SIP/2.0/UDP a;branch",
        "SIP/2.0/UDP a;branch=1;BRANCH=2",
        "SIP/2.0/UDP a;rport=x",
        "SIP/2.0/UDP a;rport;rport=1",
        "SIP/2.0/UDP a;ttl=256",
        "SIP/2.0/UDP a;received=1;received=2",
    ] {
        assert!(Via::parse(via.as_bytes()).is_err(), "{via}");
    }
}

#[test]
fn numbers_of_dialogs_are_read_within_their_limits() {
    assert_eq!(
        CSeq::parse(b"0070\r\n  INVITE"),
        Ok(CSeq {
            number: 70,
            method: Method::Invite
        })
    );
    assert_eq!(CSeq::parse(b"2147483648 ACK"), Err(ParseError::CSeqTooLarge));
    assert_eq!(
        CSeq::parse(b"99999999999999999999 ACK"),
        Err(ParseError::CSeqTooLarge)
    );
    for bad in ["", "1", "INVITE", "1INVITE", "-1 ACK", "1 A CK", "1 "] {
        assert!(CSeq::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    let rack = RAck::parse(b"776656 1 INVITE").unwrap();
    assert_eq!((rack.rseq, rack.cseq.number), (776_656, 1));
}

#[test]
fn lists_go_on_over_lines_and_know_each_header() {
    with(
        "Route: <sip:a;lr>, \"x, y\" <sip:b>\r\nroute: <sip:c>\r\n\
         Supported: timer , 100rel\r\nk: path,,\r\nRequire: x\r\n\
         Reason: Q.850;cause=16;text=\"a \\\"b\\\"\", SIP ;cause=487\r\n\
         Privacy: id;critical\r\nx-a: 1\r\nX-A: 2\r\nSession-Expires: 1800 ; refresher=uas\r\nMin-SE: 90\r\n\
         Retry-After: 18 (in a meeting);duration=3\r\nContent-Type: Application/SDP;charset=x\r\n",
        |message| {
            let routes: Vec<_> = message.routes().map(|route| route.unwrap().uri).collect();
            assert_eq!(routes, [b"sip:a;lr".as_slice(), b"sip:b", b"sip:c"]);
            let supported: Vec<_> = message.supported().collect();
            assert_eq!(supported, [b"timer".as_slice(), b"100rel", b"path"]);
            assert!(message.knows_extension(b"X") && !message.knows_extension(b"replaces"));
            let reasons: Vec<_> = message.reasons().map(Result::unwrap).collect();
            assert_eq!((reasons[0].cause, reasons[1].cause), (Some(16), Some(487)));
            assert_eq!(reasons[0].display_text().unwrap().as_ref(), b"a \"b\"");
            assert_eq!(
                message.privacy().collect::<Vec<_>>(),
                [b"id".as_slice(), b"critical"]
            );
            assert_eq!(
                message
                    .named(b"X-a")
                    .map(|header| header.value)
                    .collect::<Vec<_>>(),
                [b"1", b"2"]
            );
            let session = message.session_expires().unwrap().unwrap();
            assert_eq!(
                (session.seconds, session.refresher),
                (1800, Some(b"uas".as_slice()))
            );
            assert_eq!(
                (message.min_se(), message.retry_after()),
                (Ok(Some(90)), Ok(Some(18)))
            );
            assert!(message.has_content_type(b"application/sdp"));
            assert_eq!((message.max_forwards(), message.expires()), (Ok(None), Ok(None)));
        },
    );
}

#[test]
fn an_error_in_a_list_is_its_last_item() {
    with("Route: <sip:a>, <sip:b\r\nRoute: <sip:c>\r\n", |message| {
        let routes: Vec<_> = message.routes().collect();
        assert_eq!(routes.len(), 2);
        assert!(routes[0].is_ok() && routes[1].is_err());
    });
}

#[test]
fn a_folded_header_is_kept_to_the_letter_and_reads_as_one_line() {
    with("Subject:  a \r\n\t b\r\n", |message| {
        let subject = message.header(HeaderName::Subject).unwrap();
        assert_eq!(subject.line, b"Subject:  a \r\n\t b\r\n");
        assert_eq!(subject.value, b"a \r\n\t b");
        assert_eq!(subject.unfolded().as_ref(), b"a b");
    });
}

#[test]
fn nothing_personal_stands_in_what_is_printed_for_debugging() {
    with(
        "From: \"Jane\" <sip:+12025550101@example.com>;tag=1\r\nContact: <sip:jane@192.0.2.1>\r\n",
        |message| {
            let from = message.from().unwrap();
            let uri = from.uri().unwrap();
            let header = message.header(HeaderName::Contact).unwrap();
            let printed = format!("{message:?} {from:?} {uri:?} {header:?}");
            assert!(
                !printed.contains("2025550101") && !printed.to_lowercase().contains("jane"),
                "{printed}"
            );
        },
    );
}

fn with(headers: &str, look: impl FnOnce(Message<'_>)) {
    let bytes = format!("OPTIONS sip:example.com SIP/2.0\r\n{headers}\r\n");
    look(
        Index::new(Limits::default())
            .parse(bytes.as_bytes())
            .expect("the headers are well-formed"),
    );
}
