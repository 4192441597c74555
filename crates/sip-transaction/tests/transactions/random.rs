//! Any course of events, in any order.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sip_transaction::{CancelSent, Kind, Received, TimeoutKind, TransactionId};

use super::*;

#[derive(Clone, Debug)]
enum Op {
    Request {
        method: usize,
        branch: u8,
        stream: bool,
    },
    Respond {
        which: prop::sample::Index,
        status: u16,
    },
    Start {
        invite: bool,
        stream: bool,
    },
    Answer {
        which: prop::sample::Index,
        status: u16,
        cancel: bool,
    },
    Cancel {
        which: prop::sample::Index,
    },
    Break {
        stream: bool,
    },
    Pass {
        ms: u64,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let which = any::<prop::sample::Index>;
    let status = || prop_oneof![Just(100_u16), Just(180), Just(200), 200..700_u16];
    prop_oneof![
        4 => (0..METHODS.len(), 0..6_u8, any::<bool>())
            .prop_map(|(method, branch, stream)| Op::Request { method, branch, stream }),
        3 => (which(), status()).prop_map(|(which, status)| Op::Respond { which, status }),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(invite, stream)| Op::Start { invite, stream }),
        4 => (which(), status(), any::<bool>())
            .prop_map(|(which, status, cancel)| Op::Answer { which, status, cancel }),
        1 => which().prop_map(|which| Op::Cancel { which }),
        1 => any::<bool>().prop_map(|stream| Op::Break { stream }),
        3 => prop_oneof![0..50_u64, 0..9_000_u64].prop_map(|ms| Op::Pass { ms }),
    ]
}

proptest! {
    /// No INVITE of a peer sees two different finals; each request of ours has one outcome; once all is
    /// answered and time has passed, the table is empty.
    #[test]
    fn table_is_empty_at_rest(ops in prop::collection::vec(op(), 0..150)) {
        let mut world = World::with_room_for(40);
        let (mut servers, mut clients) = (Vec::new(), Vec::<(_, String, u32)>::new());
        let mut outcomes = BTreeMap::<u32, u32>::new();
        let (mut at, mut owner) = (0, 0);
        for op in ops {
            match op {
                Op::Request { method, branch, stream } => {
                    let text = request(METHODS[method], &format!("z9hG4bK{branch}"), "");
                    let received = world.receive(&text);
                    if matches!(received, Received::NewRequest | Received::Cancel { .. }) {
                        let mut index = Index::new(Limits::default());
                        let message = index.parse(text.as_bytes()).unwrap();
                        let flow = if stream { tcp(1) } else { udp() };
                        owner += 1;
                        if let Ok(id) = world.table.accept(world.now, &message, &flow, owner) {
                            servers.push((id, None));
                        }
                    }
                }
                Op::Respond { which, status } if !servers.is_empty() => {
                    let which = which.index(servers.len());
                    let (id, answered) = &mut servers[which];
                    let sent = world.respond(*id, status) == ResponseSent::Sent;
                    if sent && status >= 200 {
                        let class = if status < 300 { 200 } else { status };
                        prop_assert!(answered.is_none_or(|before| before == class && class == 200));
                        *answered = Some(class);
                    }
                }
                Op::Start { invite, stream } => {
                    let (kind, method) =
                        if invite { (Kind::Invite, "INVITE") } else { (Kind::NonInvite, "BYE") };
                    let flow = if stream { tcp(1) } else { udp() };
                    owner += 1;
                    if world.table.len() < 40 {
                        let (id, text) = world.start(kind, method, flow, owner);
                        clients.push((id, text, owner));
                    }
                }
                Op::Answer { which, status, cancel } if !clients.is_empty() => {
                    let (id, text, owner) = &clients[which.index(clients.len())];
                    let mut text = answer(text, status);
                    if cancel {
                        text = text.replace("7 INVITE", "7 CANCEL");
                    }
                    let received = world.receive(&text);
                    if let Received::Response { id: heard, owner: heard_owner } = received {
                        prop_assert_eq!((heard, heard_owner), (*id, *owner));
                        let again = status / 100 == 2 && outcomes.contains_key(owner);
                        if status >= 200 && !again {
                            *outcomes.entry(*owner).or_default() += 1;
                        }
                    }
                }
                Op::Cancel { which } if !clients.is_empty() => {
                    let (id, ..) = clients[which.index(clients.len())];
                    let first = world.table.cancel(world.now, id, b"", &mut world.sent);
                    let second = world.table.cancel(world.now, id, b"", &mut world.sent);
                    prop_assert_eq!(first, second);
                }
                Op::Break { stream } => {
                    let flow = if stream { tcp(1) } else { udp() };
                    world.table.flow_failed(world.now, &flow, &mut world.timeouts);
                }
                Op::Pass { ms } => {
                    at += ms;
                    world.pass_to(at);
                }
                Op::Respond { .. } | Op::Answer { .. } | Op::Cancel { .. } => {}
            }
            prop_assert!(world.table.next_deadline().is_none_or(|at| at > world.now));
        }
        for (id, _) in servers {
            world.respond(id, 500);
        }
        // A ringing INVITE of ours has no timer of its own: its user gives it up.
        for (id, text, _) in &clients {
            if world.table.cancel(world.now, *id, b"", &mut world.sent) == CancelSent::NotYet {
                world.receive(&answer(text, 100));
                prop_assert_eq!(world.table.cancel(world.now, *id, b"", &mut world.sent), CancelSent::Sent);
            }
        }
        world.pass_to(at + 70_000);
        prop_assert_eq!((world.table.len(), world.table.next_deadline()), (0, None));

        for timeout in &world.timeouts {
            let failed_ack = timeout.kind == TimeoutKind::TransportFailed && outcomes.contains_key(&timeout.owner);
            if let TransactionId::Client(_) = timeout.id && !failed_ack {
                *outcomes.entry(timeout.owner).or_default() += 1;
            }
        }
        for (_, _, owner) in &clients {
            prop_assert_eq!(outcomes.get(owner), Some(&1));
        }
    }
}

const METHODS: [&str; 5] = ["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"];
