//! What one INVITE of about 1 kB costs: found, read with typed headers, and written again for the other leg;
//! beside `rsip` on the same bytes. Then what each message of a call costs on its way through the rooms.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rsip::prelude::{HeadersExt, ToTypedHeader, UntypedHeader};
use sip_message::{Framer, HeaderName, Index, Limits, Message, Writer};

const INVITE: &[u8] = include_bytes!("../../../tests/wire/edge/carrier_invite.sip");

fn ours(c: &mut Criterion) {
    let mut group = c.benchmark_group("sip-message");
    group.throughput(Throughput::Bytes(INVITE.len() as u64));
    let mut index = Index::new(Limits::default());
    group.bench_function("invite, index", |b| {
        b.iter(|| index.parse(black_box(INVITE)).is_ok());
    });
    group.bench_function("invite, index and typed headers", |b| {
        b.iter(|| typed(&index.parse(black_box(INVITE)).expect("the INVITE is well-formed")));
    });
    group.bench_function("invite, index and mandatory check", |b| {
        b.iter(|| {
            index
                .parse(black_box(INVITE))
                .expect("the INVITE is well-formed")
                .check_mandatory()
                .is_ok()
        });
    });
    group.bench_function("invite, frame on a stream", |b| {
        let limits = Limits::default();
        b.iter(|| Framer::default().next(black_box(INVITE), &limits).is_ok());
    });
    let mut out = Vec::with_capacity(2048);
    group.bench_function("invite, index and write for the other leg", |b| {
        b.iter(|| {
            out.clear();
            forward(
                &index.parse(black_box(INVITE)).expect("the INVITE is well-formed"),
                &mut out,
            );
            out.len()
        });
    });
    group.bench_function("invite, index and reply", |b| {
        b.iter(|| {
            out.clear();
            let message = index.parse(black_box(INVITE)).expect("the INVITE is well-formed");
            let source = Some(([198, 51, 100, 7].into(), 5072));
            Writer::reply_to(&mut out, &message, 100, b"Trying", None, source).empty_body();
            out.len()
        });
    });
    group.finish();
}

fn theirs(c: &mut Criterion) {
    let mut group = c.benchmark_group("rsip");
    group.throughput(Throughput::Bytes(INVITE.len() as u64));
    group.bench_function("invite, parse", |b| {
        b.iter(|| rsip::Request::try_from(black_box(INVITE)).is_ok());
    });
    group.bench_function("invite, parse and typed headers", |b| {
        b.iter(|| {
            let request = rsip::Request::try_from(black_box(INVITE)).expect("rsip reads this INVITE");
            (
                request.via_header().map(|header| header.typed().is_ok()),
                request.from_header().map(|header| header.typed().is_ok()),
                request.to_header().map(|header| header.typed().is_ok()),
                request.cseq_header().map(|header| header.typed().is_ok()),
                request.call_id_header().is_ok(),
            )
        });
    });
    group.bench_function("invite, parse and write for the other leg", |b| {
        b.iter(|| {
            let mut request = rsip::Request::try_from(black_box(INVITE)).expect("rsip reads this INVITE");
            for header in request.headers.iter_mut() {
                if let rsip::Header::Via(via) = header {
                    *via = rsip::headers::Via::new("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK12345678");
                } else if let rsip::Header::CallId(call_id) = header {
                    *call_id = rsip::headers::CallId::new("0123456789abcdef");
                }
            }
            Vec::<u8>::from(request).len()
        });
    });
    group.finish();
}

/// What a message of a call is asked on its way: indexed once, checked once, then each room reads the headers it
/// needs.
fn call_path(c: &mut Criterion) {
    let mut group = c.benchmark_group("call path");
    let mut index = Index::new(Limits::default());
    let messages: [(&str, &[u8]); 5] = [
        ("invite", INVITE),
        ("180", RINGING),
        ("200", ANSWER),
        ("ack", ACK),
        ("bye", BYE),
    ];
    for (name, bytes) in messages {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(format!("{name}, index, check and three readings"), |b| {
            b.iter(|| {
                let message = index.parse(black_box(bytes)).expect("the message is well-formed");
                let fit = message.check_mandatory().is_ok();
                (0..3).all(|_reading| black_box(asked(&message))) && fit
            });
        });
    }
    group.finish();
}

fn asked(message: &Message<'_>) -> bool {
    black_box(message.top_via()).is_ok()
        && black_box(message.from()).is_ok()
        && black_box(message.to()).is_ok()
        && black_box(message.cseq()).is_ok()
        && black_box(message.call_id()).is_ok()
        && black_box(message.contacts().next()).is_none_or(|contact| contact.is_ok())
}

fn typed(message: &Message<'_>) -> bool {
    message.top_via().is_ok()
        && message.from().is_ok()
        && message.to().is_ok()
        && message.call_id().is_ok()
        && message.cseq().is_ok()
        && sip_message::Uri::parse(message.request_uri()).is_ok()
}

/// The INVITE of the other leg: what belongs to a leg is ours, the rest is copied.
fn forward(message: &Message<'_>, out: &mut Vec<u8>) {
    let mut writer = Writer::request(out, b"INVITE", b"sip:agent@192.0.2.20:5060");
    writer
        .header_parts(
            HeaderName::Via,
            &[b"SIP/2.0/UDP 192.0.2.1:5060;branch=", b"z9hG4bK12345678"],
        )
        .header_parts(
            HeaderName::From,
            &[b"<sip:+12025550101@192.0.2.1>;tag=", b"abcdef01"],
        )
        .header(HeaderName::To, b"<sip:agent@192.0.2.20>")
        .header(HeaderName::CallId, b"0123456789abcdef")
        .header(HeaderName::CSeq, b"1 INVITE")
        .header(HeaderName::Contact, b"<sip:192.0.2.1:5060>")
        .header_number(HeaderName::MaxForwards, 69)
        .copy_except(message, |name| {
            matches!(
                name,
                HeaderName::Via
                    | HeaderName::From
                    | HeaderName::To
                    | HeaderName::CallId
                    | HeaderName::CSeq
                    | HeaderName::Contact
                    | HeaderName::MaxForwards
                    | HeaderName::RecordRoute
            )
        })
        .body(message.body());
}

const RINGING: &[u8] = b"SIP/2.0 180 Ringing\r\n\
    Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK0a1b2c3d4e5f6071;rport=5060;received=192.0.2.1\r\n\
    From: \"Caller\" <sip:+12025550101@192.0.2.1>;tag=01a2b3c4d5e6f708\r\n\
    To: <sip:agent@192.0.2.20:5060>;tag=as5f6e7d8c\r\n\
    Call-ID: 01a2b3c4d5e6f70811223344@192.0.2.1\r\n\
    CSeq: 1 INVITE\r\n\
    Contact: <sip:agent@192.0.2.20:5060>\r\n\
    User-Agent: Desk Phone 3.2\r\n\
    Content-Length: 0\r\n\
    \r\n\
    ";

const ANSWER: &[u8] = b"SIP/2.0 200 OK\r\n\
    Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK0a1b2c3d4e5f6071;rport=5060;received=192.0.2.1\r\n\
    From: \"Caller\" <sip:+12025550101@192.0.2.1>;tag=01a2b3c4d5e6f708\r\n\
    To: <sip:agent@192.0.2.20:5060>;tag=as5f6e7d8c\r\n\
    Call-ID: 01a2b3c4d5e6f70811223344@192.0.2.1\r\n\
    CSeq: 1 INVITE\r\n\
    Contact: <sip:agent@192.0.2.20:5060>\r\n\
    Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE\r\n\
    Supported: timer, replaces\r\n\
    Session-Expires: 1800;refresher=uac\r\n\
    User-Agent: Desk Phone 3.2\r\n\
    Content-Type: application/sdp\r\n\
    Content-Length: 129\r\n\
    \r\n\
    v=0\r\n\
    o=- 2890 2890 IN IP4 192.0.2.20\r\n\
    s=-\r\n\
    c=IN IP4 192.0.2.20\r\n\
    t=0 0\r\n\
    m=audio 30000 RTP/AVP 0\r\n\
    a=rtpmap:0 PCMU/8000\r\n\
    a=sendrecv\r\n\
    ";

const ACK: &[u8] = b"ACK sip:01a2b3c4d5e6f708@192.0.2.1:5060 SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK84cf1;rport\r\n\
    Max-Forwards: 70\r\n\
    From: \"Caller\" <sip:+12025550101@carrier.example.net>;tag=9fxced76sl\r\n\
    To: <sip:+12025550143@switch.example.com>;tag=01a2b3c4d5e6f708\r\n\
    Call-ID: 2xTb9vxSit55XU7p8@192.0.2.10\r\n\
    CSeq: 1 ACK\r\n\
    Content-Length: 0\r\n\
    \r\n\
    ";

const BYE: &[u8] = b"BYE sip:01a2b3c4d5e6f708@192.0.2.1:5060 SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK94df2;rport\r\n\
    Max-Forwards: 70\r\n\
    From: \"Caller\" <sip:+12025550101@carrier.example.net>;tag=9fxced76sl\r\n\
    To: <sip:+12025550143@switch.example.com>;tag=01a2b3c4d5e6f708\r\n\
    Call-ID: 2xTb9vxSit55XU7p8@192.0.2.10\r\n\
    CSeq: 2 BYE\r\n\
    User-Agent: Carrier SBC 9.1\r\n\
    Reason: Q.850;cause=16;text=\"Normal call clearing\"\r\n\
    Content-Length: 0\r\n\
    \r\n\
    ";

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .without_plots();
    targets = ours, call_path, theirs
}
criterion_main!(benches);
