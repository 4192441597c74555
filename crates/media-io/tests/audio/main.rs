//! Audio through real sockets on loopback. Each test has an address of its own in 127.0.0.0/8, so that no two of them
//! want the same port.

#[cfg(test)]
mod world;

use media::rtp::{Header, Packet};
use media::{
    Codec, Digit, MediaCommand, MediaEvent, MediaId, OpenFault, Peer, PromptId, SessionSettings, Side, Sound,
    Tone, telephone_event,
};
use media_io::MediaSettings;
use std::net::UdpSocket;
use std::time::{Duration, Instant};
use world::{Call, ID, PORT, World, peer_at, power_at, receive, receive_now, rtp};

#[test]
fn a_prompt_is_heard_sample_by_sample_at_the_pace_of_speech() {
    let world = World::new(MediaSettings::default());
    let caller = world.peer();
    world.open(ID, Side::A, PORT, peer_at(&caller));
    let what = vec![
        Sound::Prompt(PromptId::known("sweep")),
        Sound::Cue,
        Sound::Tone(Tone::Beep),
    ];
    let began = Instant::now();
    world.order(MediaCommand::Play {
        id: ID,
        side: Side::A,
        what,
        token: 3,
    });
    let mut heard = Vec::new();
    let mut last: Option<Header> = None;
    for _ in 0..30 {
        let (bytes, from) = receive(&caller);
        assert_eq!(
            from,
            world.local(PORT),
            "audio comes from the port the caller was told"
        );
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(
            (packet.payload_type, packet.payload.len(), packet.marker),
            (0, 160, last.is_none())
        );
        if let Some(last) = last {
            assert_eq!(packet.sequence, last.sequence.wrapping_add(1));
            assert_eq!(packet.timestamp, last.timestamp.wrapping_add(160));
            assert_eq!(packet.ssrc, last.ssrc);
        }
        last = Some(Header {
            marker: packet.marker,
            payload_type: 0,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            ssrc: packet.ssrc,
        });
        heard.extend(packet.payload.iter().map(|&byte| Codec::Pcmu.decode(byte)));
    }
    assert!(
        began.elapsed() >= Duration::from_millis(29 * 20 - 100),
        "faster than speech"
    );
    let prompt = world.library.find(&PromptId::known("sweep")).unwrap();
    let expected: Vec<i16> = prompt
        .iter()
        .map(|&s| Codec::Pcmu.decode(Codec::Pcmu.encode(s)))
        .collect();
    assert_eq!(heard[..prompt.len()], expected);
    let beep = &heard[prompt.len()..][..1600];
    assert!(
        power_at(1000.0, beep) > 50.0 * power_at(700.0, beep),
        "the beep is 1000 Hz"
    );
    assert_eq!(
        world.event(),
        MediaEvent::Cue {
            id: ID,
            side: Side::A,
            token: 3
        }
    );
    assert_eq!(
        world.event(),
        MediaEvent::PlayDone {
            id: ID,
            side: Side::A,
            token: 3
        }
    );
}

#[test]
fn stopping_makes_quiet() {
    let world = World::new(MediaSettings::default());
    let caller = world.peer();
    world.open(ID, Side::A, PORT, peer_at(&caller));
    let what = vec![Sound::Tone(Tone::Ringback)];
    world.order(MediaCommand::Play {
        id: ID,
        side: Side::A,
        what,
        token: 1,
    });
    receive(&caller);
    world.order(MediaCommand::StopPlaying {
        id: ID,
        side: Side::A,
    });
    // Closing follows the stop in the same queue, so what was played by then is all there is.
    world.order(MediaCommand::Close { id: ID });
    let MediaEvent::Closed { stats, .. } = world.event() else {
        panic!("no PlayDone follows a stop")
    };
    let late = std::iter::from_fn(|| receive_now(&caller)).count() as u64;
    assert_eq!(late + 1, stats.a.played);
}

#[test]
fn keys_are_reported_once_each() {
    let world = World::new(MediaSettings::default());
    let caller = world.peer();
    world.open(ID, Side::A, PORT, peer_at(&caller));
    let mut header = Header {
        marker: false,
        payload_type: 101,
        sequence: 1,
        timestamp: 0,
        ssrc: 9,
    };
    for key in ['4', '2', '#'] {
        let mut press = telephone_event::Sender::new(Digit::from_char(key).unwrap(), header, 800);
        let mut bytes = [0; 32];
        while let Some(len) = press.next_packet(&mut bytes) {
            caller.send_to(&bytes[..len], world.local(PORT)).unwrap();
        }
        header.sequence = press.next_sequence();
        header.timestamp += 1600;
    }
    for key in ['4', '2', '#'] {
        let digit = Digit::from_char(key).unwrap();
        assert_eq!(
            world.event(),
            MediaEvent::Digit {
                id: ID,
                side: Side::A,
                digit
            }
        );
    }
    world.order(MediaCommand::Close { id: ID });
    assert!(
        matches!(world.event(), MediaEvent::Closed { .. }),
        "and no key more"
    );
}

#[test]
fn a_key_without_an_end_packet_is_reported_too() {
    let world = World::new(MediaSettings::default());
    let caller = world.peer();
    world.open(ID, Side::A, PORT, peer_at(&caller));
    caller
        .send_to(&rtp(101, 1, &[7, 10, 0, 160]), world.local(PORT))
        .unwrap();
    let digit = Digit::from_char('7').unwrap();
    assert_eq!(
        world.event(),
        MediaEvent::Digit {
            id: ID,
            side: Side::A,
            digit
        }
    );
}

#[test]
fn bridged_audio_passes_both_ways_whole_in_order_and_from_the_port_told() {
    let world = World::new(MediaSettings::default());
    let call = world.bridged_call(ID, PORT);
    for n in 0..500u16 {
        let payload: Vec<u8> = (0..160).map(|i| (i + n) as u8).collect();
        for (speaker, listener, told, came) in [
            (&call.caller, &call.agent, PORT, PORT + 2),
            (&call.agent, &call.caller, PORT + 2, PORT),
        ] {
            let sent = rtp(0, n, &payload);
            speaker.send_to(&sent, world.local(told)).unwrap();
            assert_eq!(receive(listener), (sent, world.local(came)));
        }
    }
    world.order(MediaCommand::Close { id: ID });
    let MediaEvent::Closed { stats, .. } = world.event() else {
        panic!("closed")
    };
    assert_eq!((stats.a.relayed, stats.b.relayed), (500, 500));
}

#[test]
fn a_burst_larger_than_one_turn_is_relayed_whole() {
    let world = World::new(MediaSettings::default());
    let call = world.bridged_call(ID, PORT);
    for n in 0..100 {
        call.caller
            .send_to(&rtp(0, n, &[n as u8; 160]), world.local(PORT))
            .unwrap();
    }
    for n in 0..100 {
        assert_eq!(receive(&call.agent).0, rtp(0, n, &[n as u8; 160]));
    }
}

#[test]
fn rtcp_passes_on_the_ports_above() {
    let world = World::new(MediaSettings::default());
    let call = world.bridged_call(ID, PORT);
    let caller_rtcp = world.peer();
    let agent_rtcp = world.peer();
    let report = [0x81, 201, 0, 7, 1, 2, 3, 4];
    // The agent's first report tells where the caller's go.
    agent_rtcp.send_to(&report, world.local(PORT + 3)).unwrap();
    let relayed = (0..250).find_map(|_| {
        caller_rtcp.send_to(&report, world.local(PORT + 1)).unwrap();
        agent_rtcp
            .set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        let mut bytes = [0; 100];
        agent_rtcp
            .recv_from(&mut bytes)
            .ok()
            .map(|(len, from)| (bytes[..len].to_vec(), from))
    });
    assert_eq!(relayed, Some((report.to_vec(), world.local(PORT + 3))));
    drop(call);
}

#[test]
fn a_stranger_is_not_heard_and_hears_nothing() {
    let world = World::new(MediaSettings::default());
    let call = world.bridged_call(ID, PORT);
    let stranger = world.peer();
    call.caller
        .send_to(&rtp(0, 1, &[1; 160]), world.local(PORT))
        .unwrap();
    receive(&call.agent);
    for n in 0..20 {
        stranger
            .send_to(&rtp(0, n, &[66; 160]), world.local(PORT))
            .unwrap();
    }
    call.caller
        .send_to(&rtp(0, 2, &[2; 160]), world.local(PORT))
        .unwrap();
    assert_eq!(receive(&call.agent).0, rtp(0, 2, &[2; 160]));
    call.agent
        .send_to(&rtp(0, 3, &[3; 160]), world.local(PORT + 2))
        .unwrap();
    assert_eq!(receive(&call.caller).0, rtp(0, 3, &[3; 160]));
    assert_eq!(receive_now(&stranger), None);
    world.order(MediaCommand::Close { id: ID });
    let MediaEvent::Closed { stats, .. } = world.event() else {
        panic!("nobody moved")
    };
    assert_eq!(stats.a.strangers, 20);
}

#[test]
fn a_caller_behind_a_nat_is_answered_where_it_speaks_from() {
    let world = World::new(MediaSettings::default());
    let (declared, nat, agent) = (world.peer(), world.peer(), world.peer());
    world.open(ID, Side::A, PORT, peer_at(&declared));
    world.open(ID, Side::B, PORT + 2, peer_at(&agent));
    world.order(MediaCommand::Bridge { id: ID });
    for n in 0..4 {
        nat.send_to(&rtp(0, n, &[n as u8; 160]), world.local(PORT))
            .unwrap();
    }
    assert_eq!(
        world.event(),
        MediaEvent::Latched {
            id: ID,
            side: Side::A
        }
    );
    assert_eq!(
        receive(&agent).0,
        rtp(0, 2, &[2; 160]),
        "heard from the third packet on"
    );
    agent
        .send_to(&rtp(0, 9, &[9; 160]), world.local(PORT + 2))
        .unwrap();
    assert_eq!(receive(&nat).0, rtp(0, 9, &[9; 160]));
    assert_eq!(receive_now(&declared), None);
}

#[test]
fn an_agent_whose_address_comes_with_the_answer_is_reached_after_the_update() {
    let world = World::new(MediaSettings::default());
    let (caller, agent) = (world.peer(), world.peer());
    world.open(ID, Side::A, PORT, peer_at(&caller));
    world.open(
        ID,
        Side::B,
        PORT + 2,
        Peer {
            remote: None,
            ..peer_at(&agent)
        },
    );
    world.order(MediaCommand::Update {
        id: ID,
        side: Side::B,
        peer: peer_at(&agent),
    });
    world.order(MediaCommand::Bridge { id: ID });
    caller.send_to(&rtp(0, 1, &[5; 160]), world.local(PORT)).unwrap();
    assert_eq!(receive(&agent).0, rtp(0, 1, &[5; 160]));
}

#[test]
fn closing_frees_the_ports() {
    let world = World::new(MediaSettings::default());
    let caller = world.peer();
    for _ in 0..20 {
        world.open(ID, Side::A, PORT, peer_at(&caller));
        world.order(MediaCommand::Close { id: ID });
        assert!(matches!(world.event(), MediaEvent::Closed { id: ID, .. }));
        let rtp = UdpSocket::bind(world.local(PORT)).expect("the RTP port is free");
        UdpSocket::bind(world.local(PORT + 1)).expect("the RTCP port is free");
        drop(rtp);
    }
}

#[test]
fn closing_one_side_frees_its_ports_and_leaves_the_other() {
    let world = World::new(MediaSettings::default());
    let call = world.bridged_call(ID, PORT);
    world.order(MediaCommand::CloseSide {
        id: ID,
        side: Side::B,
    });
    world.open(ID, Side::B, PORT + 2, peer_at(&call.agent));
    call.caller
        .send_to(&rtp(0, 1, &[5; 160]), world.local(PORT))
        .unwrap();
    assert_eq!(receive(&call.agent).0, rtp(0, 1, &[5; 160]));
}

#[test]
fn a_side_that_cannot_be_opened_says_why_and_leaves_nothing() {
    let world = World::new(MediaSettings {
        sessions_max: 1,
        ..MediaSettings::default()
    });
    let caller = world.peer();
    let open = |id, local| {
        world.order(MediaCommand::OpenSide {
            id,
            side: Side::A,
            local,
            peer: peer_at(&caller),
        });
        let event = world.event();
        if let MediaEvent::OpenFailed { why, .. } = event {
            return Err(why);
        }
        assert_eq!(event, MediaEvent::Opened { id, side: Side::A });
        Ok(())
    };
    let rtcp_taken = UdpSocket::bind(world.local(PORT + 1)).unwrap();
    assert_eq!(open(ID, world.local(PORT)), Err(OpenFault::PortTaken));
    drop(rtcp_taken);
    let rtp_taken = UdpSocket::bind(world.local(PORT)).unwrap();
    assert_eq!(open(ID, world.local(PORT)), Err(OpenFault::PortTaken));
    drop(rtp_taken);
    assert_eq!(
        open(ID, "192.0.2.1:4000".parse().unwrap()),
        Err(OpenFault::AddressNotOurs)
    );
    assert_eq!(
        open(ID, world.local(PORT)),
        Ok(()),
        "what failed before holds neither port nor session"
    );
    assert_eq!(open(ID, world.local(PORT + 8)), Err(OpenFault::AlreadyOpen));
    assert_eq!(
        open(MediaId(8), world.local(PORT + 8)),
        Err(OpenFault::TooManySessions)
    );
}

#[test]
fn a_silent_call_is_reported() {
    let session = SessionSettings {
        silent_after: Duration::from_millis(1),
        ..SessionSettings::default()
    };
    let world = World::new(MediaSettings {
        session,
        ..MediaSettings::default()
    });
    let caller = world.peer();
    world.open(ID, Side::A, PORT, peer_at(&caller));
    assert_eq!(
        world.event(),
        MediaEvent::Silent {
            id: ID,
            side: Side::A
        }
    );
}

#[test]
fn calls_spread_over_threads_do_not_mix() {
    let world = World::new(MediaSettings {
        threads: 3,
        ..MediaSettings::default()
    });
    let calls: Vec<Call> = (0..30)
        .map(|n| world.bridged_call(MediaId(u64::from(n)), PORT + 4 * n))
        .collect();
    for (n, call) in calls.iter().enumerate() {
        call.caller
            .send_to(&rtp(0, 1, &[n as u8; 160]), world.local(PORT + 4 * n as u16))
            .unwrap();
    }
    for (n, call) in calls.iter().enumerate() {
        assert_eq!(receive(&call.agent).0, rtp(0, 1, &[n as u8; 160]));
    }
}

#[test]
fn stopping_the_threads_closes_all_ports() {
    let world = World::new(MediaSettings {
        threads: 2,
        ..MediaSettings::default()
    });
    let _call = world.bridged_call(ID, PORT);
    let (local, handle) = (world.local(PORT), world.handle.clone());
    world.threads.stop();
    UdpSocket::bind(local).expect("the port is free");
    assert!(handle.send(MediaCommand::Close { id: ID }).is_err());
    assert_eq!(handle.counts().orders_refused, 1);
}
