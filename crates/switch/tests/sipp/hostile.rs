//! Traffic that means harm, or was never SIP, beside calls that are good.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::phone::Phone;
use crate::place::{ALICE, CARRIER, Config, NUMBER, Place};
use crate::sipp::Sipp;
use crate::switch::{Switch, TALKED, sum};

#[test]
fn malformed_traffic_fails_no_good_call_and_is_counted_by_cause() {
    let place = Place::new();
    let config = Config::alice().with("[detective]\nenabled = false\n");
    let switch = Switch::start(&place, &config);
    let agent = Sipp::agent(&place, "agent_answers", ALICE).calls(100, 1).start();
    let caller = Sipp::carrier(&place, "caller_hangs_up", CARRIER)
        .calls(100, 40)
        .pause(Duration::from_millis(200))
        .start();
    let invite = Phone::new(&place, CARRIER + 1).invite(NUMBER, "");
    let over = Arc::new(AtomicBool::new(false));
    let noise = {
        let (over, place_at, from) = (Arc::clone(&over), place.sip(), place.at(CARRIER + 2));
        thread::spawn(move || {
            let socket = UdpSocket::bind(from).unwrap();
            let mut sent = 0;
            for packet in hostile(&invite).cycle().take(4000) {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                socket.send_to(&packet, place_at).unwrap();
                sent += 1;
                if sent % 20 == 0 {
                    thread::sleep(Duration::from_millis(10));
                }
            }
            sent
        })
    };
    caller.succeeds();
    agent.succeeds();
    over.store(true, Ordering::Relaxed);
    let sent = noise.join().unwrap();
    assert!(sent > 1000, "{sent} packets of noise are few");
    switch.shows("ringfence_calls_total{outcome=\"answered\",reason=\"normal\"} 100");
    switch.counts("ringfence_parse_refusals_total", f64::from(sent) * 0.5);
    let metrics = switch.metrics();
    let causes = metrics
        .lines()
        .filter(|line| line.starts_with("ringfence_parse_refusals_total{"))
        .count();
    assert!(causes >= 5, "refusals are told apart:\n{metrics}");
    assert_eq!(sum(&metrics, "ringfence_calls_offered_total"), 100.0);
    switch.stop_with(&[TALKED; 100]);
}

#[test]
fn request_that_says_enough_is_told_what_is_wrong_with_it() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::alice());
    let mut peer = Phone::new(&place, CARRIER);
    let invite = peer.invite(NUMBER, "");
    for (broken, status) in [
        (invite.replace("CSeq: 1 INVITE", "CSeq: one INVITE"), 400),
        (invite.replace("Max-Forwards: 70", "Max-Forwards: many"), 400),
        (invite.replace(" SIP/2.0\r\nVia", " SIP/3.0\r\nVia"), 505),
        (invite.replace("CSeq: 1 INVITE", "CSeq: 1 OPTIONS"), 400),
        (invite.replace("Contact: <", "Contact: \"<"), 400),
        (invite.replace(&format!("sip:{NUMBER}@"), "http://"), 416),
    ] {
        peer.send(&broken);
        peer.wait_for(&status.to_string(), |message| message.status() == Some(status));
    }
    assert!(switch.stop().len() <= 3, "most never became a call");
}

/// Packets of all the kinds that are no good.
fn hostile(invite: &str) -> impl Iterator<Item = Vec<u8>> + Clone + use<> {
    let text = invite.as_bytes().to_vec();
    let mut packets: Vec<Vec<u8>> = Vec::new();
    // An INVITE that ends early, anywhere in its head.
    let head = invite.find("\r\n\r\n").unwrap();
    packets.extend((1..head).step_by(7).map(|cut| text[..cut].to_vec()));
    // Bytes that mean nothing, the same in each run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for length in (1..1400).step_by(31) {
        let bytes = (0..length).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        });
        packets.push(bytes.collect());
    }
    // Headers that are too long, too many, or cannot be read.
    let with = |lines: &str| {
        invite
            .replacen("Max-Forwards", &format!("{lines}Max-Forwards"), 1)
            .into_bytes()
    };
    packets.push(with(&format!("Subject: {}\r\n", "a".repeat(20_000))));
    packets.push(with(&"X-More: 1\r\n".repeat(2_000)));
    packets.push(with("no colon here\r\n"));
    packets.push(with(": no name\r\n"));
    packets.push(with("Content-Length: 99999999999999999999\r\n"));
    packets.push(with(&format!("Via: {}\r\n", "<".repeat(500))));
    packets.push(
        invite
            .replace("CSeq: 1 INVITE", "CSeq: 99999999999 INVITE")
            .into_bytes(),
    );
    packets.push(invite.replace("CSeq: 1 INVITE", "CSeq: 1 BYE").into_bytes());
    packets.push(invite.replace("Call-ID: ", "Call-ID: a b ").into_bytes());
    packets.push(invite.replace("From: ", "From: \"open ").into_bytes());
    packets.push(invite.replace(" SIP/2.0\r\n", " SIP/9.9\r\n").into_bytes());
    packets.push(
        invite
            .replace("Content-Length: ", "Content-Length: 9")
            .into_bytes(),
    );
    packets.push(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec());
    packets.push(b"SIP/2.0 200 OK\r\n\r\n".to_vec());
    packets.push(b"SIP/2.0 999999 OK\r\nVia: x\r\n\r\n".to_vec());
    packets.into_iter()
}
