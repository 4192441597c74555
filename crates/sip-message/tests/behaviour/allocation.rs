//! Reading a message allocates nothing once the table has grown.

use allocation_counter::measure;
use sip_message::{HeaderName, Index, Limits, Writer};

use crate::fixtures::wire_files;

#[test]
fn reading_any_fixture_allocates_nothing() {
    let mut index = Index::new(Limits::default());
    let files = wire_files();
    // The table grows once, to the largest message.
    for (_, bytes) in &files {
        let _grown = index.parse(bytes);
    }
    for (file, bytes) in &files {
        let counted = measure(|| {
            if let Ok(message) = index.parse(bytes) {
                let _fit = message.check_mandatory();
                assert!(message.vias().count() + message.headers().count() > 0);
                assert!(message.list(HeaderName::Supported).count() < 100);
            }
        });
        assert_eq!(counted.count_total, 0, "{file}");
    }
}

#[test]
fn an_everyday_message_does_not_grow_a_new_table() {
    let bytes = include_bytes!("../../../../tests/wire/edge/carrier_invite.sip");
    let mut index = Index::new(Limits::default());
    let counted = measure(|| assert!(index.parse(bytes).is_ok()));
    assert_eq!(counted.count_total, 0);
}

#[test]
fn forwarding_and_answering_into_a_grown_buffer_allocate_nothing() {
    let bytes = include_bytes!("../../../../tests/wire/edge/carrier_invite.sip");
    let mut index = Index::new(Limits::default());
    let message = index.parse(bytes).unwrap();
    let mut out = Vec::with_capacity(4096);
    let counted = measure(|| {
        let mut writer = Writer::request(&mut out, b"INVITE", b"sip:agent@192.0.2.20");
        writer.header_parts(HeaderName::Via, &[b"SIP/2.0/UDP 192.0.2.1;branch=", b"z9hG4bK1"]);
        writer.copy_except(&message, |name| {
            matches!(name, HeaderName::Via | HeaderName::CallId)
        });
        writer.body(message.body());
        out.clear();
        let source = Some(("198.51.100.7".parse().unwrap(), 5072));
        Writer::reply_to(&mut out, &message, 180, b"Ringing", Some(b"ours"), source).empty_body();
    });
    assert_eq!(counted.count_total, 0);
}
