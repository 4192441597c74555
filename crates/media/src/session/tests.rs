use super::*;
use crate::rtp::Header;
use crate::testing::{ms, t0};
use crate::{Digit, PromptId, Tone};
use proptest::prelude::*;

#[test]
fn a_bridged_packet_passes_both_ways_to_the_last_bit() {
    let mut call = bridged();
    for n in 0..100 {
        for side in Side::BOTH {
            let sent = packet(0, n, 160 * u32::from(n), 5, &[n as u8; 160]);
            let (got, to) = call.hear(side, sent.clone()).expect("relayed");
            assert_eq!((got, to), (sent, peer_of(side.other())));
        }
    }
    let stats = call.session.stats();
    assert_eq!(
        (stats.a.received, stats.a.relayed, stats.b.relayed),
        (100, 100, 100)
    );
}

#[test]
fn nothing_passes_before_the_bridge_nor_after() {
    let mut call = Call::new();
    assert_eq!(call.hear(Side::A, voice(1)), None);
    call.session.bridge();
    assert!(call.hear(Side::A, voice(2)).is_some());
    call.session.unbridge();
    assert_eq!(call.hear(Side::A, voice(3)), None);
    assert_eq!(call.session.stats().a.kept, 2);
}

#[test]
fn strangers_and_other_protocols_do_not_pass() {
    let mut call = bridged();
    call.hear(Side::A, voice(1));
    assert_eq!(call.hear_from(Side::A, at("198.51.100.66:9"), voice(2)), None);
    assert_eq!(
        call.hear(Side::A, vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]),
        None,
        "STUN"
    );
    let mut rtcp = voice(3);
    rtcp[1] = 200;
    assert_eq!(call.hear(Side::A, rtcp), None, "RTCP on the RTP port");
    let stats = call.session.stats().a;
    assert_eq!(
        (stats.received, stats.relayed, stats.strangers, stats.malformed),
        (4, 1, 1, 2)
    );
}

#[test]
fn audio_follows_a_peer_behind_a_nat() {
    let mut call = bridged();
    let nat = at("198.51.100.7:50000");
    for n in 0..3 {
        call.hear_from(Side::A, nat, voice(n));
    }
    assert_eq!(
        call.events,
        [MediaEvent::Latched {
            id: ID,
            side: Side::A
        }]
    );
    assert_eq!(call.hear(Side::B, voice(1)).unwrap().1, nat);
}

#[test]
fn a_prompt_is_heard_in_the_peers_law_and_reported_done_once() {
    let mut call = Call::new();
    let mut library = Library::new();
    library.add_samples(PromptId::known("p"), &[3277; 400]).unwrap();
    call.session.play(
        Side::B,
        vec![Sound::Prompt(PromptId::known("p")), Sound::Cue],
        9,
        &library,
    );
    assert!(call.session.is_paced());
    let mut heard = Vec::new();
    for _ in 0..5 {
        let (bytes, to) = call.frame(Side::B).expect("frames go on as silence");
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(
            (packet.payload_type, to, packet.payload.len()),
            (8, peer_of(Side::B), 160)
        );
        heard.extend(packet.payload.iter().map(|&byte| g711::decode_alaw(byte)));
    }
    assert!(heard[..400].iter().all(|s| s.abs_diff(3277) < 100));
    assert!(heard[400..].iter().all(|s| s.unsigned_abs() < 16));
    assert_eq!(
        call.events,
        [
            MediaEvent::Cue {
                id: ID,
                side: Side::B,
                token: 9
            },
            MediaEvent::PlayDone {
                id: ID,
                side: Side::B,
                token: 9
            }
        ]
    );
    assert_eq!(call.frame(Side::A), None);
}

#[test]
fn playing_has_the_floor_over_relayed_audio_and_the_bridge_ends_it_unreported() {
    let mut call = bridged();
    call.session
        .play(Side::A, vec![Sound::Tone(Tone::Ringback)], 1, &Library::new());
    let own = Packet::parse(&call.frame(Side::A).unwrap().0).unwrap().sequence;
    assert_eq!(call.hear(Side::B, voice(1)), None);
    assert!(
        call.hear(Side::A, voice(1)).is_some(),
        "the other way is not in the way"
    );
    call.session.bridge();
    assert!(!call.session.is_paced());
    assert_eq!(call.frame(Side::A), None);
    let (bytes, _) = call.hear(Side::B, voice(2)).unwrap();
    assert_eq!(
        Packet::parse(&bytes).unwrap().sequence,
        own.wrapping_add(1),
        "the caller hears one stream"
    );
    assert_eq!(call.events, []);
}

#[test]
fn keys_are_reported_and_relayed_in_the_type_the_other_side_knows() {
    let mut call = bridged();
    let key = packet(101, 1, 8000, 5, &[5, 0x8a, 3, 0x20]);
    for n in 0..3 {
        let (got, _) = call
            .hear(Side::A, key.clone())
            .unwrap_or_else(|| panic!("copy {n} is relayed"));
        assert_eq!(Packet::parse(&got).unwrap().payload_type, 96);
        assert_eq!(got[12..], key[12..]);
    }
    let digit = Digit::from_char('5').unwrap();
    assert_eq!(
        call.events,
        [MediaEvent::Digit {
            id: ID,
            side: Side::A,
            digit
        }]
    );
}

#[test]
fn a_key_whose_end_is_lost_is_reported_by_time() {
    let mut call = bridged();
    call.hear(Side::A, packet(101, 1, 8000, 5, &[5, 0x0a, 3, 0x20]));
    assert!(call.session.is_paced());
    let mut events = Vec::new();
    call.session.expire_keys(call.now + ms(180), &mut events);
    assert_eq!(events.len(), 0);
    call.session.expire_keys(call.now + ms(200), &mut events);
    assert_eq!(events.len(), 1);
    assert!(!call.session.is_paced());
}

#[test]
fn between_two_laws_audio_is_recoded() {
    let mut call = bridged();
    let sent: Vec<u8> = (0..160).map(|n| g711::encode_ulaw(n * 100)).collect();
    let peer = Peer {
        codec: Codec::Pcma,
        ..PEER
    };
    call.session.update(
        call.now,
        Side::B,
        Peer {
            remote: Some(peer_of(Side::B)),
            ..peer
        },
    );
    let (got, _) = call.hear(Side::A, packet(0, 1, 1, 5, &sent)).unwrap();
    let got = Packet::parse(&got).unwrap();
    assert_eq!(got.payload_type, 8);
    for (n, byte) in got.payload.iter().enumerate() {
        assert!(i32::from(g711::decode_alaw(*byte)).abs_diff(n as i32 * 100) < 600);
    }
}

#[test]
fn silence_is_reported_once_and_again_only_after_sound() {
    let mut call = Call::new();
    let mut events = Vec::new();
    call.session.watch_silence(call.now + ms(59_999), &mut events);
    assert_eq!(events, []);
    for _ in 0..3 {
        call.session.watch_silence(call.now + ms(60_000), &mut events);
    }
    assert_eq!(
        events,
        [MediaEvent::Silent {
            id: ID,
            side: Side::A
        }],
        "B is not to send"
    );
    call.now += ms(61_000);
    call.hear(Side::A, voice(1));
    call.session.watch_silence(call.now + ms(59_999), &mut events);
    assert_eq!(events.len(), 1);
    call.session.watch_silence(call.now + ms(60_000), &mut events);
    assert_eq!(events.len(), 2);
}

#[test]
fn one_silent_side_is_no_silent_call_while_the_other_is_heard() {
    for heard in Side::BOTH {
        let mut call = both_send();
        for n in 0..10 {
            call.now += ms(30_000);
            call.hear(heard, voice(n));
            call.session.watch_silence(call.now, &mut call.events);
        }
        assert_eq!(call.events, [], "{heard:?} speaks, the other is muted");
        call.session
            .watch_silence(call.now + ms(60_000), &mut call.events);
        let first = MediaEvent::Silent {
            id: ID,
            side: Side::A,
        };
        assert_eq!(call.events, [first]);
    }
}

#[test]
fn reports_alone_keep_a_held_call_alive_bridged_or_not() {
    for bridged in [true, false] {
        let mut call = both_send();
        if !bridged {
            call.session.unbridge();
            call.session.close_side(Side::A);
        }
        for _ in 0..30 {
            call.now += ms(5_000);
            call.session.hear_rtcp(call.now, Side::B, at("192.0.2.2:4001"));
            call.session.watch_silence(call.now, &mut call.events);
        }
        assert_eq!(call.events, []);
        call.now += ms(60_000);
        call.session
            .hear_rtcp(call.now, Side::B, at("198.51.100.66:4001"));
        call.session.watch_silence(call.now, &mut call.events);
        assert_eq!(call.events.len(), 1, "a stranger's reports are no life");
    }
}

#[test]
fn what_strangers_send_keeps_no_call_alive() {
    let mut call = both_send();
    call.now += ms(59_990);
    call.hear_from(Side::A, at("198.51.100.66:9"), voice(1));
    call.hear(Side::A, vec![0; 4]);
    call.session.watch_silence(call.now, &mut call.events);
    assert_eq!(call.events.len(), 1);
}

#[test]
fn a_side_that_speaks_up_by_sdp_gets_the_whole_time() {
    let mut call = both_send();
    call.now += ms(59_000);
    let silent_too = Peer {
        remote: Some(peer_of(Side::B)),
        sends: false,
        ..PEER
    };
    call.session.update(call.now, Side::B, silent_too);
    call.session
        .watch_silence(call.now + ms(59_999), &mut call.events);
    assert_eq!(call.events, []);
    call.session
        .watch_silence(call.now + ms(60_000), &mut call.events);
    assert_eq!(call.events.len(), 1);
}

#[test]
fn a_call_in_which_nobody_is_to_send_may_be_silent() {
    let mut call = both_send();
    for side in Side::BOTH {
        let held = Peer {
            remote: Some(peer_of(side)),
            sends: false,
            ..PEER
        };
        call.session.update(call.now, side, held);
    }
    call.session
        .watch_silence(call.now + ms(3_600_000), &mut call.events);
    assert_eq!(call.events, []);
}

#[test]
fn rtcp_goes_to_the_port_above_or_to_where_it_came_from() {
    let mut call = bridged();
    assert_eq!(
        call.session.hear_rtcp(call.now, Side::A, at("192.0.2.1:4001")),
        Some(at("192.0.2.2:4001"))
    );
    assert_eq!(
        call.session.hear_rtcp(call.now, Side::B, at("192.0.2.2:5555")),
        Some(at("192.0.2.1:4001"))
    );
    assert_eq!(
        call.session.hear_rtcp(call.now, Side::A, at("192.0.2.1:4001")),
        Some(at("192.0.2.2:5555"))
    );
    assert_eq!(
        call.session
            .hear_rtcp(call.now, Side::A, at("198.51.100.66:4001")),
        None,
        "a stranger's"
    );
}

#[test]
fn an_agent_who_is_replaced_leaves_his_counts_behind() {
    let mut call = bridged();
    call.hear(Side::B, voice(1));
    call.session.close_side(Side::B);
    assert_eq!(call.hear(Side::A, voice(1)), None);
    call.session.open(
        call.now,
        Side::B,
        Peer {
            remote: Some(peer_of(Side::B)),
            ..PEER
        },
    );
    call.hear(Side::B, voice(9));
    assert_eq!(call.session.stats().b.relayed, 2);
}

proptest! {
    #[test]
    fn every_datagram_is_counted_once_and_none_panics(
        datagrams in prop::collection::vec((any::<bool>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..60)), 0..60),
    ) {
        let mut call = bridged();
        for (b, known, mut bytes) in datagrams {
            if let Some(first) = bytes.first_mut() {
                *first = (*first & 0x3f) | 0x80;
            }
            let side = if b { Side::B } else { Side::A };
            call.hear_from(side, if known { peer_of(side) } else { at("198.51.100.66:9") }, bytes);
        }
        let stats = call.session.stats();
        for s in [stats.a, stats.b] {
            prop_assert_eq!(s.received, s.relayed + s.kept + s.strangers + s.malformed);
        }
    }
}

const ID: MediaId = MediaId(7);
const PEER: Peer = Peer {
    remote: None,
    codec: Codec::Pcmu,
    telephone_event: Some(101),
    sends: true,
};

/// Caller at 192.0.2.1 with µ-law and keys as 101; agent at 192.0.2.2 with keys as 96. For playing, the agent's law is
/// A-law; bridged calls agree on µ-law.
struct Call {
    session: Session,
    now: Instant,
    events: Vec<MediaEvent>,
}

impl Call {
    fn new() -> Call {
        let now = t0();
        let mut session = Session::new(ID, SessionSettings::default(), 1);
        session.open(
            now,
            Side::A,
            Peer {
                remote: Some(peer_of(Side::A)),
                ..PEER
            },
        );
        let agent = Peer {
            codec: Codec::Pcma,
            telephone_event: Some(96),
            sends: false,
            ..PEER
        };
        session.open(
            now,
            Side::B,
            Peer {
                remote: Some(peer_of(Side::B)),
                ..agent
            },
        );
        Call {
            session,
            now,
            events: Vec::new(),
        }
    }

    fn hear(&mut self, side: Side, bytes: Vec<u8>) -> Option<(Vec<u8>, SocketAddr)> {
        self.hear_from(side, peer_of(side), bytes)
    }

    fn hear_from(
        &mut self,
        side: Side,
        from: SocketAddr,
        mut bytes: Vec<u8>,
    ) -> Option<(Vec<u8>, SocketAddr)> {
        self.now += ms(20);
        let to = self
            .session
            .hear(self.now, side, from, &mut bytes, &mut self.events)?;
        Some((bytes, to))
    }

    fn frame(&mut self, side: Side) -> Option<(Vec<u8>, SocketAddr)> {
        self.now += ms(20);
        let mut target = [0; PACKET_MAX];
        let (len, to) = self
            .session
            .next_frame(self.now, side, &mut target, &mut self.events)?;
        Some((target[..len].to_vec(), to))
    }
}

fn bridged() -> Call {
    let mut call = Call::new();
    let agent = Peer {
        telephone_event: Some(96),
        sends: false,
        ..PEER
    };
    call.session.update(
        call.now,
        Side::B,
        Peer {
            remote: Some(peer_of(Side::B)),
            ..agent
        },
    );
    call.session.bridge();
    call
}

/// A bridged call whose both sides are to send.
fn both_send() -> Call {
    let mut call = bridged();
    let agent = Peer {
        remote: Some(peer_of(Side::B)),
        ..PEER
    };
    call.session.update(call.now, Side::B, agent);
    call
}

fn voice(n: u16) -> Vec<u8> {
    packet(0, n, 160 * u32::from(n), 5, &[n as u8; 160])
}

fn packet(payload_type: u8, sequence: u16, timestamp: u32, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    let header = Header {
        marker: false,
        payload_type,
        sequence,
        timestamp,
        ssrc,
    };
    let mut bytes = vec![0; HEADER + payload.len()];
    header.write(payload, &mut bytes).unwrap();
    bytes
}

fn peer_of(side: Side) -> SocketAddr {
    match side {
        Side::A => at("192.0.2.1:4000"),
        Side::B => at("192.0.2.2:4000"),
    }
}

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}
