//! What one INVITE of about 1 kB costs: found, read with typed headers, and written again for the other leg;
//! beside `rsip` on the same bytes.

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

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .without_plots();
    targets = ours, theirs
}
criterion_main!(benches);
