//! Messages that are lost on the way, and come again.

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::phone::Phone;
use crate::place::{ALICE, CARRIER, Config, Place};
use crate::sipp::Sipp;
use crate::switch::{Switch, TALKED};
use crate::text::Message;

#[test]
fn call_succeeds_where_the_first_copy_of_every_message_is_lost() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::alice());
    // Alice's address is the near end of a bad link; her phone is at its far end.
    let agent_link = Link::lossy(place.at(ALICE), place.at(AGENT_END), place.at(AGENT));
    let caller_link = Link::lossy(place.at(CARRIER), place.at(CALLER_END), place.sip());
    let agent = Sipp::agent(&place, "agent_answers_behind", AGENT)
        .key("contact", &place.at(ALICE).to_string())
        .start();
    let caller = Sipp::carrier(&place, "caller_hangs_up", CALLER)
        .through(place.at(CARRIER))
        .pause(Duration::from_millis(50))
        .start();
    caller.succeeds();
    agent.succeeds();
    let (lost_by_agent, lost_by_caller) = (agent_link.lost(), caller_link.lost());
    assert!(
        lost_by_agent >= 5 && lost_by_caller >= 5,
        "INVITE, 200, ACK, BYE, 200 were lost once: {lost_by_agent}, {lost_by_caller}"
    );
    // INVITE, 200 and BYE again by the switch; BYE and 200 again to it.
    switch.counts("ringfence_retransmissions_total", 4.0);
    switch.stop_with(&[TALKED]);
}

#[test]
fn invite_that_comes_again_is_one_call_and_gets_the_same_answer() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::alice());
    let (mut caller, mut agent) = (Phone::new(&place, CARRIER), Phone::new(&place, ALICE));
    let invite = caller.invite(crate::place::NUMBER, "");
    for _ in 0..3 {
        caller.send(&invite);
    }
    agent.expect_request("INVITE");
    agent.answer(180, "Ringing", "", "");
    let first = caller.expect_progress(180);
    caller.send(&invite);
    let again = caller.expect_progress(180);
    assert_eq!(first.text(), again.text());
    agent.answer(486, "Busy Here", "", "");
    let refusal = caller.expect(486);
    assert_eq!(refusal.to_tag(), first.to_tag());
    assert!(
        !agent.is_asked("INVITE", Duration::from_millis(100)),
        "one call, one INVITE"
    );
    switch.counts("ringfence_retransmissions_total", 3.0);
    assert_eq!(switch.stop().len(), 1);
}

#[test]
fn answer_that_comes_again_is_acknowledged_again() {
    let place = Place::new();
    let switch = Switch::start(&place, &Config::alice());
    let (mut caller, mut agent) = (Phone::new(&place, CARRIER), Phone::new(&place, ALICE));
    caller.dial();
    agent.answer_call();
    caller.expect(200);
    agent.expect_request("ACK");
    for _ in 0..2 {
        let body = agent.description("sendrecv");
        agent.answer(200, "OK", "", &body);
        agent.expect_request("ACK");
    }
    caller.hang_up();
    agent.expect_bye();
    switch.stop_with(&[TALKED]);
}

#[test]
fn bye_that_comes_again_is_answered_again() {
    let (_place, switch, mut caller, mut agent) = crate::midcall::talking();
    let bye = caller.request("BYE", "", "");
    for _ in 0..3 {
        caller.send(&bye);
        caller.expect(200);
    }
    agent.expect_bye();
    switch.stop_with(&[TALKED]);
}

const AGENT: u16 = 5171;
const AGENT_END: u16 = 5172;
const CALLER: u16 = 5180;
const CALLER_END: u16 = 5181;

/// A link that loses the first copy of each message, but for provisional responses: nobody sends those again.
///
/// Who sends to the near end is heard at the far end's peer, and the other way round.
struct Link {
    lost: Arc<AtomicU32>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Link {
    fn lossy(near: SocketAddr, far: SocketAddr, peer: SocketAddr) -> Self {
        let near = Arc::new(UdpSocket::bind(near).unwrap());
        let far = Arc::new(UdpSocket::bind(far).unwrap());
        let lost = Arc::new(AtomicU32::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        // The near side is whoever spoke to it last: its port, the address is the test's.
        let speaker = Arc::new(AtomicU32::new(0));
        let mut threads = Vec::new();
        for outward in [true, false] {
            let (from, to) = if outward { (&near, &far) } else { (&far, &near) };
            let (from, to) = (Arc::clone(from), Arc::clone(to));
            let (lost, stop, speaker) = (Arc::clone(&lost), Arc::clone(&stop), Arc::clone(&speaker));
            from.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            threads.push(thread::spawn(move || {
                let mut seen = BTreeSet::new();
                let mut bytes = [0; 65536];
                while !stop.load(Ordering::Relaxed) {
                    let Ok((length, source)) = from.recv_from(&mut bytes) else {
                        continue;
                    };
                    if outward {
                        speaker.store(u32::from(source.port()), Ordering::Relaxed);
                    }
                    let message = Message::new(&bytes[..length]);
                    let provisional = message.status().is_some_and(|status| status < 200);
                    let name = format!("{} {}", message.first_line(), message.header("CSeq"));
                    if !provisional && seen.insert(name) {
                        lost.fetch_add(1, Ordering::Relaxed);
                        continue;
                    }
                    let target = if outward {
                        peer
                    } else {
                        SocketAddr::new(peer.ip(), speaker.load(Ordering::Relaxed) as u16)
                    };
                    to.send_to(&bytes[..length], target).unwrap();
                }
            }));
        }
        Self { lost, stop, threads }
    }

    /// How many messages were lost.
    fn lost(&self) -> u32 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
