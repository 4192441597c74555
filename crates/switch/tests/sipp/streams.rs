//! SIP over TCP as a stream: messages cut anywhere, and many in one piece.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use call_model::{Cause, Ending};

use crate::phone::Phone;
use crate::place::{CARRIER, Config, Place};
use crate::switch::{PATIENCE, Switch, within};

#[test]
fn message_that_comes_byte_by_byte_is_answered() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::default());
    let mut stream = connect(&place);
    stream.set_nodelay(true).unwrap();
    let options = request(&place, "OPTIONS", "one");
    for byte in options.as_bytes() {
        stream.write_all(&[*byte]).unwrap();
    }
    assert_eq!(answers(&mut stream, 1), ["one"]);
    assert!(switch.stop().is_empty());
}

#[test]
fn messages_that_come_in_one_piece_are_answered_each() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::default());
    let mut stream = connect(&place);
    let names: Vec<String> = (0..50).map(|at| format!("ping-{at}")).collect();
    // Blank lines between messages are what some peers keep their connection alive with (RFC 5626 §3.5.1).
    let all: String = names
        .iter()
        .map(|name| request(&place, "OPTIONS", name) + "\r\n\r\n")
        .collect();
    stream.write_all(all.as_bytes()).unwrap();
    assert_eq!(answers(&mut stream, 50), names);
    assert!(switch.stop().is_empty());
}

#[test]
fn messages_cut_at_every_place_are_put_together() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::default());
    let mut stream = connect(&place);
    stream.set_nodelay(true).unwrap();
    let two = request(&place, "OPTIONS", "first") + &request(&place, "OPTIONS", "second");
    for cut in (1..two.len()).step_by(23) {
        stream.write_all(&two.as_bytes()[..cut]).unwrap();
        stream.write_all(&two.as_bytes()[cut..]).unwrap();
        assert_eq!(answers(&mut stream, 2), ["first", "second"], "cut at byte {cut}");
    }
    assert!(switch.stop().is_empty());
}

#[test]
fn stream_that_is_no_sip_is_closed_and_others_go_on() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::default());
    let mut good = connect(&place);
    let mut bad = connect(&place);
    bad.write_all(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
        .unwrap();
    let mut endless = connect(&place);
    let _ = endless.write_all(&[b'a'; 200_000]);
    for stream in [&mut bad, &mut endless] {
        let closed = within(PATIENCE, || match stream.read(&mut [0; 4096]) {
            Ok(0) | Err(_) => Some(()),
            Ok(_) => None,
        });
        assert!(closed.is_some());
    }
    good.write_all(request(&place, "OPTIONS", "still").as_bytes())
        .unwrap();
    assert_eq!(answers(&mut good, 1), ["still"]);
    switch.counts("ringfence_transport_drops_total", 1.0);
    assert!(switch.stop().is_empty());
}

#[test]
fn stranger_over_tcp_is_refused_on_its_own_connection() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::default());
    let mut stream = connect(&place);
    let invite = Phone::new(&place, CARRIER)
        .invite("+12025550199", "")
        .replace("SIP/2.0/UDP", "SIP/2.0/TCP");
    stream.write_all(invite.as_bytes()).unwrap();
    // The connection comes from an address that is no carrier's.
    let told = read_until(&mut stream, |text| text.ends_with("\r\n\r\n"));
    assert!(
        told.starts_with("SIP/2.0 403 Forbidden\r\nVia: SIP/2.0/TCP "),
        "{told}"
    );
    switch.stop_with(&[(Ending::Refused, 403, Cause::UnknownTrunk)]);
}

fn connect(place: &Place) -> TcpStream {
    let stream = TcpStream::connect(place.sip()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream
}

fn request(place: &Place, method: &str, call_id: &str) -> String {
    let ip = place.ip;
    format!(
        "{method} sip:{ip} SIP/2.0\r\nVia: SIP/2.0/TCP {ip}:5999;branch=z9hG4bK-{call_id};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:peer@{ip}>;tag=1\r\nTo: <sip:{ip}>\r\nCall-ID: {call_id}\r\n\
         CSeq: 1 {method}\r\nContent-Length: 4\r\nContent-Type: text/plain\r\n\r\nping"
    )
}

/// The Call-IDs of that many 200s, in the order in which they come.
fn answers(stream: &mut TcpStream, many: usize) -> Vec<String> {
    let text = read_until(stream, |text| {
        text.matches("Content-Length: 0\r\n\r\n").count() >= many
    });
    assert_eq!(text.matches("SIP/2.0 200 OK\r\n").count(), many, "{text}");
    text.lines()
        .filter_map(|line| line.strip_prefix("Call-ID: "))
        .map(str::to_owned)
        .collect()
}

fn read_until(stream: &mut TcpStream, enough: impl Fn(&str) -> bool) -> String {
    let mut text = String::new();
    let mut bytes = [0; 65536];
    while !enough(&text) {
        match stream.read(&mut bytes) {
            Ok(length) if length > 0 => text += &String::from_utf8_lossy(&bytes[..length]),
            ended => panic!("{ended:?} after {text}"),
        }
    }
    text
}
