//! SIP over TCP as a stream: messages cut anywhere, and many in one piece.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use call_model::{Cause, Ending};

use crate::phone::Phone;
use crate::place::{ALICE, BOB, CARRIER, Config, NUMBER, Place};
use crate::switch::{PATIENCE, Switch, TALKED, sum, within};
use crate::text::Message;

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

#[test]
fn caller_whose_connection_is_gone_is_hung_up_on_over_a_new_one() {
    let place = Place::new();
    let config = Config {
        switch: "shards = 4",
        ..Config::alice()
    };
    let switch = Switch::start(
        &place,
        &config.with(
            "[[trunk]]\nname = \"streams\"\nsources = [\"127.0.0.1\"]\ncountry = \"1\"\n\
             [[plan]]\nname = \"other\"\ntenant = \"acme\"\nagents = [\"bob\"]\n\
             [[number]]\ndid = \"+12025550101\"\nplan = \"other\"\n",
        ),
    );
    // Which shard has a connection, and which its call, is chance; most often they are two.
    let calls = [(NUMBER, ALICE), ("+12025550101", BOB)];
    let calls = calls.map(|(number, port)| {
        let listener = TcpListener::bind(place.at(0)).unwrap();
        let mut agent = Phone::new(&place, port);
        let stream = connect_call(&place, number, &listener, &mut agent);
        (stream, listener, agent)
    });
    switch.counts("ringfence_transport_connections", 2.0);
    let calls = calls.map(|(stream, listener, agent)| {
        drop(stream);
        (listener, agent)
    });
    let closed = within(PATIENCE, || {
        (sum(&switch.metrics(), "ringfence_transport_connections") == 0.0).then_some(())
    });
    assert!(closed.is_some(), "the switch sees that the carrier closed");
    for (listener, mut agent) in calls {
        agent.hang_up();
        let mut stream = next_connection(&listener);
        let bye = read_until(&mut stream, |text| text.ends_with("\r\n\r\n"));
        let contact = listener.local_addr().unwrap();
        let line = format!("BYE sip:phone@{contact};transport=tcp SIP/2.0\r\n");
        assert!(bye.starts_with(&line), "{bye}");
        let bye = Message::new(bye.as_bytes());
        let mut answer = String::from("SIP/2.0 200 OK\r\n");
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            answer += &format!("{name}: {}\r\n", bye.header(name));
        }
        answer += "Content-Length: 0\r\n\r\n";
        stream.write_all(answer.as_bytes()).unwrap();
    }
    switch.stop_with(&[TALKED; 2]);
}

/// A call over a connection of its own, from a carrier that is reached elsewhere, to an agent who answers.
fn connect_call(place: &Place, number: &str, elsewhere: &TcpListener, agent: &mut Phone) -> TcpStream {
    let mut stream = connect(place);
    let contact = elsewhere.local_addr().unwrap();
    let invite = Phone::new(place, CARRIER)
        .invite(number, "")
        .replace("SIP/2.0/UDP", "SIP/2.0/TCP")
        .replace(
            &format!("<sip:phone@{}>", place.at(CARRIER)),
            &format!("<sip:phone@{contact};transport=tcp>"),
        );
    stream.write_all(invite.as_bytes()).unwrap();
    agent.answer_call();
    let told = read_until(&mut stream, |text| text.contains("SIP/2.0 200 OK\r\n"));
    let (_, answer) = told.split_once("SIP/2.0 200 OK\r\n").unwrap();
    let answer = Message::new(format!("SIP/2.0 200 OK\r\n{answer}").as_bytes());
    let mut ack = format!(
        "ACK {} SIP/2.0\r\nVia: SIP/2.0/TCP {contact};branch=z9hG4bK-{}\r\nMax-Forwards: 70\r\nCSeq: 1 ACK\r\n",
        answer.contact(),
        contact.port()
    );
    for name in ["From", "To", "Call-ID"] {
        ack += &format!("{name}: {}\r\n", answer.header(name));
    }
    ack += "Content-Length: 0\r\n\r\n";
    stream.write_all(ack.as_bytes()).unwrap();
    agent.expect_request("ACK");
    stream
}

/// The next connection, which must come in time.
fn next_connection(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    let (stream, _) = within(PATIENCE, || listener.accept().ok()).expect("a connection comes");
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
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
