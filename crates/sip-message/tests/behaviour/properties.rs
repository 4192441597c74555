//! No bytes panic, and what is read, written and read again is the same message.

use std::net::IpAddr;
use std::sync::LazyLock;

use proptest::prelude::*;
use sip_message::{Framer, HeaderName, Index, Limits, Message, NameAddr, Params, Uri, Via, Writer, frame};

use crate::fixtures::wire_files;
use crate::framing::frames;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        look_at_everything(&bytes);
    }

    #[test]
    fn random_bytes_of_the_grammar_never_panic(text in "[A-Za-z0-9 \t\r\n:;,<>\"\\\\@/?=%.*\\[\\]\u{e9}-]{0,120}") {
        let bytes = format!("A x:y SIP/2.0\r\nv:{text}\r\nf:{text}\r\nm:{text}\r\n\r\n");
        look_at_everything(bytes.as_bytes());
        look_at_everything(text.as_bytes());
    }

    #[test]
    fn mutated_messages_never_panic_and_copy_to_themselves(
        file in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..5u8, any::<u8>()), 1..8),
    ) {
        let mut bytes = file.get(&FILES).1.clone();
        for (place, kind, byte) in changes {
            mutate(&mut bytes, place, kind, byte);
        }
        look_at_everything(&bytes);
        assert_copy_is_the_same_message(&bytes);
    }

    #[test]
    fn a_value_of_ours_never_becomes_two_headers(
        name in prop::collection::vec(any::<u8>(), 1..20),
        value in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut out = Vec::new();
        let mut writer = Writer::request(&mut out, &name, b"sip:a@example.com");
        writer.header(HeaderName::Subject, &value).raw_header(&name, &value).body(&value);
        let mut index = Index::new(Limits::default());
        if let Ok(message) = index.parse(&out) {
            prop_assert_eq!(message.headers().count(), 3);
            prop_assert_eq!(message.body(), value.as_slice());
        } else {
            // The only way out is a name that spells Content-Length.
            prop_assert_eq!(HeaderName::from_bytes(&name), HeaderName::ContentLength);
        }
    }

    #[test]
    fn a_stream_of_fixtures_gives_the_same_messages_wherever_it_is_cut(step in 1..700usize) {
        let mut index = Index::new(Limits::default());
        let messages: Vec<Vec<u8>> = FILES
            .iter()
            .filter_map(|(_, bytes)| {
                let message = index.parse(bytes).ok()?;
                message.header(HeaderName::ContentLength)?;
                Some(message.bytes().to_vec())
            })
            .take(30)
            .collect();
        prop_assert_eq!(frames(&messages.concat(), step).0, messages);
    }
}

static FILES: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(wire_files);

#[test]
fn every_fixture_copies_to_itself() {
    for (_, bytes) in FILES.iter() {
        assert_copy_is_the_same_message(bytes);
    }
}

#[test]
fn every_beginning_of_every_fixture_is_read_without_panic() {
    for (_, bytes) in FILES.iter().filter(|(_, bytes)| bytes.len() < 2_000) {
        for end in 0..bytes.len() {
            look_at_everything(&bytes[..end]);
        }
    }
}

fn mutate(bytes: &mut Vec<u8>, place: prop::sample::Index, kind: u8, byte: u8) {
    const ODD: &[u8] = b"\r\n\0 \t\"<>,;:@%\\=[]/?\xff";
    if bytes.is_empty() {
        return;
    }
    let at = place.index(bytes.len());
    match kind {
        0 => bytes[at] = byte,
        1 => bytes[at] = ODD[usize::from(byte) % ODD.len()],
        2 => bytes.insert(at, ODD[usize::from(byte) % ODD.len()]),
        3 => drop(bytes.drain(at..bytes.len().min(at + usize::from(byte) % 16))),
        _ => {
            let piece = bytes[at..bytes.len().min(at + usize::from(byte))].to_vec();
            bytes.splice(at..at, piece);
        }
    }
}

/// Asks for everything there is to ask for.
fn look_at_everything(bytes: &[u8]) {
    let limits = Limits::default();
    let _frame = frame(bytes, &limits);
    let _frame = Framer::default().next(bytes, &limits);
    let _uri = Uri::parse(bytes).map(|uri| (uri.uri_params().count(), uri.user_decoded()));
    let _via = Via::parse(bytes);
    let _addr =
        NameAddr::parse(bytes, HeaderName::Contact).map(|addr| (addr.uri().is_ok(), addr.display_text()));
    let _params = Params::new(bytes).count();
    let mut index = Index::new(limits);
    if let Ok(message) = index.parse(bytes) {
        look_at(&message);
    } else if let Some(request) = index.salvage(bytes) {
        look_at(&request);
    }
}

fn look_at(message: &Message<'_>) {
    let _fit = message.check_mandatory();
    let _typed = (
        message.method(),
        message.request_uri(),
        message.status(),
        message.reason_phrase(),
    );
    let _typed = (
        message.top_via(),
        message.from(),
        message.to(),
        message.call_id(),
        message.cseq(),
    );
    let _typed = (
        message.max_forwards(),
        message.expires(),
        message.retry_after(),
        message.session_expires(),
    );
    let _typed = (
        message.rseq(),
        message.rack(),
        message.min_se(),
        message.content_type(),
    );
    let _lists = (
        message.require().count(),
        message.supported().count(),
        message.privacy().count(),
    );
    let _lists = (
        message.reasons().count(),
        message.vias().count(),
        message.allow().count(),
    );
    for header in message.headers() {
        let _text = (header.unfolded(), message.all(header.name).count());
        let _addresses = message.addresses(header.name).count();
    }
    let _printed = format!("{message:?}");
    if message.is_request() {
        let mut out = Vec::new();
        let source = Some((IpAddr::from([192, 0, 2, 1]), 5060));
        Writer::reply_to(&mut out, message, 400, b"Bad Request", Some(b"tag"), source).empty_body();
        let mut index = Index::new(Limits {
            header_bytes_max: 16_384,
            ..Limits::default()
        });
        let reply = index.parse(&out).expect("a reply to what was read can be read");
        assert_eq!(reply.value(HeaderName::CallId), message.value(HeaderName::CallId));
        assert_eq!(
            reply.vias().count() > 0,
            message.header(HeaderName::Via).is_some()
        );
        if message.to().is_ok() {
            assert!(reply.to().is_ok_and(|to| to.tag().is_some()));
        }
    }
}

/// Copies start line, headers and body, and reads the copy again.
fn assert_copy_is_the_same_message(bytes: &[u8]) {
    let mut index = Index::new(Limits::default());
    let Ok(message) = index.parse(bytes) else { return };
    let mut out = Vec::new();
    let mut writer = match message.status() {
        Some(status) => Writer::response(&mut out, status, message.reason_phrase()),
        None => Writer::request(&mut out, message.method().as_bytes(), message.request_uri()),
    };
    writer.copy_except(&message, |_name| false).body(message.body());
    let mut index = Index::new(Limits {
        headers_max: 200,
        message_bytes_max: 70_000,
        ..Limits::default()
    });
    let copy = index.parse(&out).expect("a copy of what was read can be read");
    let lines = |message: &Message<'_>| -> Vec<Vec<u8>> {
        let headers = message
            .headers()
            .filter(|header| header.name != HeaderName::ContentLength);
        headers.map(|header| header.line.to_vec()).collect()
    };
    assert_eq!(lines(&copy), lines(&message));
    assert_eq!(copy.body(), message.body());
    assert_eq!(copy.method(), message.method());
    assert_eq!(copy.request_uri(), message.request_uri());
    assert_eq!(copy.reason_phrase().len(), message.reason_phrase().len());
}
