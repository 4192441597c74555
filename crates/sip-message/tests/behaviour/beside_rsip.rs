//! The same fixtures through `rsip`: why the wire layer is our own.

use rsip::prelude::{HeadersExt, ToTypedHeader};
use sip_message::{Index, Limits};

use crate::fixtures::{wire_files, wire_table};

/// Run with `--nocapture` for the table. A fixture counts as right when a message the table accepts is accepted
/// with typed Via, From, To, Call-ID and CSeq and its body byte for byte, and when one it refuses is refused.
#[test]
fn rsip_and_our_layer_on_edge_cases() {
    let table = wire_table();
    let (mut ours, mut theirs, mut all) = ([0; 2], [0; 2], [0; 2]);
    println!("{:60} {:>5} {:>5}", "fixture", "ours", "rsip");
    for (file, bytes) in wire_files() {
        let reading = table
            .lines()
            .find_map(|line| line.strip_prefix(&file)?.strip_prefix('\t'));
        let good = !reading.unwrap().starts_with("refused") && !reading.unwrap().starts_with("unfit");
        let (our_body, their_body) = (our_body(&bytes), their_body(&bytes));
        let we_are_right = our_body.is_some() == good;
        let they_are_right = if good {
            their_body == our_body
        } else {
            their_body.is_none()
        };
        println!("{file:60} {:>5} {:>5}", mark(we_are_right), mark(they_are_right));
        all[usize::from(good)] += 1;
        ours[usize::from(good)] += usize::from(we_are_right);
        theirs[usize::from(good)] += usize::from(they_are_right);
    }
    println!(
        "to accept: {} files, ours {} right, rsip {}",
        all[1], ours[1], theirs[1]
    );
    println!(
        "to refuse: {} files, ours {} right, rsip {}",
        all[0], ours[0], theirs[0]
    );
    assert_eq!(ours, all);
    assert!(
        theirs[1] < all[1] && theirs[0] < all[0],
        "rsip reads them all now: is our own layer still needed?"
    );
}

fn our_body(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut index = Index::new(Limits::default());
    let message = index.parse(bytes).ok()?;
    message.check_mandatory().ok()?;
    Some(message.body().to_vec())
}

fn their_body(bytes: &[u8]) -> Option<Vec<u8>> {
    fn typed(message: &impl HeadersExt) -> Option<()> {
        message.via_header().ok()?.typed().ok()?;
        message.from_header().ok()?.typed().ok()?;
        message.to_header().ok()?.typed().ok()?;
        message.cseq_header().ok()?.typed().ok()?;
        message.call_id_header().ok()?;
        Some(())
    }
    match rsip::SipMessage::try_from(bytes).ok()? {
        rsip::SipMessage::Request(request) => typed(&request).map(|()| request.body),
        rsip::SipMessage::Response(response) => typed(&response).map(|()| response.body),
    }
}

fn mark(right: bool) -> &'static str {
    if right { "right" } else { "wrong" }
}
