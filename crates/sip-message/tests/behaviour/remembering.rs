//! A header that is asked for again reads as it did before, and as it would in a table of its own.

use sip_message::{HeaderName, Index, Limits, Message, NameAddr, ParseError};

use crate::fixtures::wire_files;

#[test]
fn what_is_asked_for_again_reads_the_same_before_and_after_the_check() {
    let mut index = Index::new(Limits::default());
    for (file, bytes) in wire_files() {
        let Ok(message) = index.parse(&bytes) else {
            continue;
        };
        let first = readings(&message);
        assert_eq!(readings(&message), first, "{file}");
        let fit = message.check_mandatory();
        assert_eq!(readings(&message), first, "{file}");
        assert_eq!(message.check_mandatory(), fit, "{file}");

        let mut own = Index::new(Limits::default());
        let message = own.parse(&bytes).expect("it was read before");
        assert_eq!(message.check_mandatory(), fit, "{file}");
        assert_eq!(readings(&message), first, "{file}");
    }
}

#[test]
fn a_table_forgets_the_message_before() {
    let mut index = Index::new(Limits::default());
    let full = b"OPTIONS sip:a@example.com SIP/2.0\r\nv: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
        f: <sip:a@example.com>;tag=1\r\nt: <sip:b@example.com>\r\ni: one\r\nCSeq: 7 OPTIONS\r\n\
        m: <sip:a@192.0.2.1>\r\n\r\n";
    assert_eq!(
        index.parse(full).and_then(|message| message.check_mandatory()),
        Ok(())
    );
    let message = index.parse(b"OPTIONS sip:a@example.com SIP/2.0\r\n\r\n").unwrap();
    let missing = |name| Some(ParseError::MissingHeader(name));
    assert_eq!(message.top_via().err(), missing(HeaderName::Via));
    assert_eq!(message.from().err(), missing(HeaderName::From));
    assert_eq!(message.to().err(), missing(HeaderName::To));
    assert_eq!(message.call_id().err(), missing(HeaderName::CallId));
    assert_eq!(message.cseq().err(), missing(HeaderName::CSeq));
    assert_eq!(message.contacts().count(), 0);
}

#[test]
fn contacts_go_on_behind_the_first_however_often_they_are_asked_for() {
    let mut index = Index::new(Limits::default());
    let bytes =
        b"REGISTER sip:example.com SIP/2.0\r\nm: <sip:a,b@example.com> , \"c, d\" <sip:c@example.com>,\r\n \
        sip:d@example.com\r\nContact: <sip:e@example.com>;q=1\r\n\r\n";
    let message = index.parse(bytes).unwrap();
    for _ in 0..3 {
        let uris: Vec<_> = message
            .contacts()
            .map(|contact| contact.map(|contact| contact.uri))
            .collect();
        assert_eq!(
            uris,
            [
                Ok(b"sip:a,b@example.com".as_slice()),
                Ok(b"sip:c@example.com"),
                Ok(b"sip:d@example.com"),
                Ok(b"sip:e@example.com")
            ]
        );
    }
    let mut contacts = message.contacts();
    assert!(contacts.next().is_some());
    assert_eq!(contacts.clone().count(), 3);
    assert_eq!(contacts.count(), 3);
}

/// Every typed header that is remembered, in print.
fn readings(message: &Message<'_>) -> String {
    let via = message.top_via().map(|via| {
        let numbers = (via.port, via.rport, via.ttl, via.host);
        let text = [via.branch, via.received, via.maddr];
        (numbers, text, [via.transport, via.params, via.raw])
    });
    let contacts: Vec<_> = message.contacts().map(|contact| contact.map(address)).collect();
    format!(
        "{via:?} {:?} {:?} {contacts:?} {:?} {:?} {:?}",
        message.from().map(address),
        message.to().map(address),
        message.call_id(),
        message.cseq(),
        message.method()
    )
}

fn address(address: NameAddr<'_>) -> String {
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {}",
        address.display,
        address.display_text(),
        address.uri,
        address.params,
        address.raw,
        address.tag(),
        address.header()
    )
}
