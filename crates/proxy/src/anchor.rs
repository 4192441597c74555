//! Audio through the switch: ports, descriptions, the relay.

use std::net::{IpAddr, SocketAddr};

use call_model::Cause;
use media::{Codec, MediaCommand, MediaId, Peer, Side};
use routing::MediaPath;
use sip_dialog::{Audio, Direction, Origin, PCMA, PCMU, anchor, describe};
use sip_message::{Index, Message};

use crate::call::{Anchor, AnchorSide, Call};
use crate::calls::CallKey;
use crate::core::Shard;
use crate::io::{Edge, Now};
use crate::names::{self, CALLER, LegNumber};

impl Shard {
    /// The body of a message from a leg, as the other leg is to see it: to the letter where the audio flows past us,
    /// moved to our ports where it is anchored.
    pub(crate) fn pass_body(
        &mut self,
        call: &mut Call,
        from: LegNumber,
        message: &Message<'_>,
        edge: &mut impl Edge,
    ) -> Vec<u8> {
        let body = message.body();
        if body.is_empty() || !message.has_content_type(b"application/sdp") {
            return body.to_vec();
        }
        self.open_side(call, Side::B, edge);
        let Some(anchored) = call.anchor.as_mut() else {
            return body.to_vec();
        };
        let side = if from == CALLER { Side::A } else { Side::B };
        let Ok(audio) = Audio::read(body) else {
            return body.to_vec();
        };
        let peer = peer_of(&audio, self.settings.media_address);
        if anchored.set_peer(side, peer) {
            self.tell_peer(call, side, edge);
        }
        self.bridge(call, edge);
        self.moved(call, side.other(), body)
    }

    /// The offer to an agent, where it is not the caller's to the letter.
    pub(crate) fn offer_to_agent(
        &mut self,
        call: &mut Call,
        invite: &Message<'_>,
        edge: &mut impl Edge,
    ) -> Option<Vec<u8>> {
        if call.is_answered() {
            return self.own_offer(call, edge);
        }
        if call.anchor.is_none() || invite.body().is_empty() {
            return None;
        }
        Some(self.pass_body(call, CALLER, invite, edge))
    }

    /// Our own offer to an agent, when the caller was answered by us: the law and the keys agreed with the caller.
    fn own_offer(&mut self, call: &mut Call, edge: &mut impl Edge) -> Option<Vec<u8>> {
        self.open_side(call, Side::B, edge);
        let anchored = call.anchor.as_mut()?;
        let peer = anchored.caller.peer;
        let (session, address) = (anchored.id.0, self.settings.media_advertised);
        let agent = &mut anchored.agent;
        agent.version += 1;
        let origin = Origin {
            session,
            version: agent.version,
            address,
        };
        let mut body = Vec::new();
        describe(
            origin,
            agent.port,
            &[peer.codec.payload_type()],
            peer.telephone_event,
            &mut body,
        );
        Some(body)
    }

    /// Our description for the caller, in answer to the offer of the INVITE, or as an offer where it had none; or why
    /// there is none: the caller offers no audio that we speak, or no port is free.
    pub(crate) fn describe_to_caller(
        &mut self,
        now: Now,
        call: &mut Call,
        edge: &mut impl Edge,
    ) -> Result<Vec<u8>, Cause> {
        let kept = call.invite.take();
        let mut index = Index::new(self.settings.limits);
        let invite = kept.as_deref().and_then(|bytes| index.parse(bytes).ok());
        let offer = invite
            .filter(|invite| !invite.body().is_empty())
            .map(|invite| Audio::read(invite.body()));
        let answer = match offer {
            Some(Ok(audio)) if audio.plain && audio.port != 0 => {
                let codec = audio.formats.iter().copied().find_map(Codec::from_payload_type);
                codec.map(|codec| {
                    (
                        vec![codec.payload_type()],
                        Peer {
                            codec,
                            ..peer_of(&audio, self.settings.media_address)
                        },
                    )
                })
            }
            Some(Ok(_) | Err(_)) => None,
            None => {
                let peer = Peer {
                    remote: None,
                    codec: Codec::Pcmu,
                    telephone_event: Some(101),
                    sends: false,
                };
                Some((vec![PCMU, PCMA], peer))
            }
        };
        call.invite = kept;
        let (codecs, peer) = answer.ok_or(Cause::NotAcceptable)?;
        let anchored = self.open_anchor(now, call)?;
        anchored.caller.peer = peer;
        anchored.caller.version += 1;
        let origin = Origin {
            session: anchored.id.0,
            version: anchored.caller.version,
            address: self.settings.media_advertised,
        };
        let mut body = Vec::new();
        describe(
            origin,
            anchored.caller.port,
            &codecs,
            peer.telephone_event,
            &mut body,
        );
        self.open_side(call, Side::A, edge);
        Ok(body)
    }

    /// Our description for a caller who asks anew while we speak: in answer to an offer that we speak, or as an offer.
    pub(crate) fn describe_again(
        &mut self,
        call: &mut Call,
        request: &Message<'_>,
        edge: &mut impl Edge,
    ) -> Option<Vec<u8>> {
        let address = self.settings.media_advertised;
        let mut peer = call.anchor.as_ref()?.caller.peer;
        let mut codecs = vec![peer.codec.payload_type()];
        if !request.body().is_empty() {
            let audio = Audio::read(request.body()).ok().filter(|audio| audio.plain)?;
            let codec = audio.formats.iter().copied().find_map(Codec::from_payload_type)?;
            peer = Peer {
                codec,
                ..peer_of(&audio, self.settings.media_address)
            };
            codecs = vec![codec.payload_type()];
        }
        let anchored = call.anchor.as_mut()?;
        let session = anchored.id.0;
        let new = anchored.set_peer(Side::A, peer);
        let caller = anchored.side(Side::A);
        caller.version += 1;
        let (port, version) = (caller.port, caller.version);
        let origin = Origin {
            session,
            version,
            address,
        };
        let mut body = Vec::new();
        describe(origin, port, &codecs, peer.telephone_event, &mut body);
        if new {
            self.tell_peer(call, Side::A, edge);
        }
        Some(body)
    }

    /// The answer to an offer of ours came in an ACK.
    pub(crate) fn learn_answer(&mut self, call: &mut Call, body: &[u8], edge: &mut impl Edge) {
        let Ok(audio) = Audio::read(body) else { return };
        let peer = peer_of(&audio, self.settings.media_address);
        if let Some(anchored) = call.anchor.as_mut()
            && anchored.set_peer(Side::A, peer)
        {
            self.tell_peer(call, Side::A, edge);
        }
    }

    /// Relays both ways from now on, once both sides are there.
    pub(crate) fn bridge(&self, call: &mut Call, edge: &mut impl Edge) {
        let connected = call.connected_ms.is_some() || !call.is_answered();
        if let Some(anchored) = call.anchor.as_mut()
            && anchored.agent.open
            && connected
            && !anchored.bridged
        {
            anchored.bridged = true;
            edge.media(MediaCommand::Bridge { id: anchored.id });
        }
    }

    /// Caller and agent are connected: from now on a side that is to send and does not is noticed.
    pub(crate) fn watch(&self, call: &mut Call, edge: &mut impl Edge) {
        for side in [Side::A, Side::B] {
            let Some(anchored) = call.anchor.as_mut() else {
                return;
            };
            let id = anchored.id;
            let held = anchored.side(side);
            if held.open && held.peer.sends {
                edge.media(MediaCommand::Update {
                    id,
                    side,
                    peer: held.peer,
                });
            }
        }
    }

    /// Ends the audio of a call and gives its ports back.
    pub(crate) fn close_anchor(&mut self, now: Now, call: &mut Call, edge: &mut impl Edge) {
        if let Some(anchored) = call.anchor.take() {
            edge.media(MediaCommand::Close { id: anchored.id });
            self.ports.give_back(now.at, anchored.caller.port);
            self.ports.give_back(now.at, anchored.agent.port);
        }
    }

    /// Takes the ports that a call needs whose plan passes audio through us.
    pub(crate) fn anchor_as_planned(&mut self, now: Now, call: &mut Call) -> Result<(), Cause> {
        let plan = call.plan.and_then(|plan| call.directory.plan(plan));
        if plan.is_some_and(|plan| plan.media == MediaPath::Anchor) {
            self.open_anchor(now, call)?;
        }
        Ok(())
    }

    /// Takes the ports of both sides, or none: a call that has one gets through.
    fn open_anchor<'c>(&mut self, now: Now, call: &'c mut Call) -> Result<&'c mut Anchor, Cause> {
        if call.anchor.is_none() {
            let caller = self.ports.take(now.at).ok_or(Cause::Media)?;
            let Some(agent) = self.ports.take(now.at) else {
                self.ports.give_back(now.at, caller);
                return Err(Cause::Media);
            };
            let side = |port| AnchorSide {
                port,
                version: 0,
                sent: 0,
                peer: NOBODY,
                open: false,
            };
            call.anchor = Some(Box::new(Anchor {
                id: media_id(self.settings.shard, call.key),
                caller: side(caller),
                agent: side(agent),
                bridged: false,
            }));
        }
        call.anchor.as_deref_mut().ok_or(Cause::Media)
    }

    fn open_side(&self, call: &mut Call, side: Side, edge: &mut impl Edge) {
        let address = self.settings.media_address;
        let connected = call.connected_ms.is_some();
        let Some(anchored) = call.anchor.as_mut() else {
            return;
        };
        let id = anchored.id;
        let codec = anchored.caller.peer.codec;
        let held = anchored.side(side);
        if held.open {
            return;
        }
        held.open = true;
        // Until the agent speaks for itself it is offered what the caller speaks.
        if side == Side::B && held.peer == NOBODY {
            held.peer.codec = codec;
        }
        let local = SocketAddr::new(address, held.port);
        edge.media(MediaCommand::OpenSide {
            id,
            side,
            local,
            peer: watched(held.peer, connected),
        });
    }

    /// Opens a side with what its peer said, or tells what is new.
    fn tell_peer(&self, call: &mut Call, side: Side, edge: &mut impl Edge) {
        let connected = call.connected_ms.is_some();
        let Some(anchored) = call.anchor.as_mut() else {
            return;
        };
        let id = anchored.id;
        let held = anchored.side(side);
        if held.open {
            let peer = watched(held.peer, connected);
            edge.media(MediaCommand::Update { id, side, peer });
        } else {
            self.open_side(call, side, edge);
        }
    }

    /// A description from one side, moved to our port towards the other.
    fn moved(&mut self, call: &mut Call, towards: Side, body: &[u8]) -> Vec<u8> {
        let address = self.settings.media_advertised;
        let Some(anchored) = call.anchor.as_mut() else {
            return body.to_vec();
        };
        let session = anchored.id.0;
        let held = anchored.side(towards);
        let mut out = Vec::with_capacity(body.len() + 64);
        // The version is raised only where something changed (RFC 3264 §8): compared is what is sent but for it.
        let unversioned = Origin {
            session,
            version: 0,
            address,
        };
        anchor(body, unversioned, held.port, &mut out);
        let digest = names::fnv(&out);
        if held.version == 0 || held.sent != digest {
            held.version += 1;
            held.sent = digest;
        }
        out.clear();
        let origin = Origin {
            version: held.version,
            ..unversioned
        };
        anchor(body, origin, held.port, &mut out);
        out
    }
}

impl Anchor {
    fn side(&mut self, side: Side) -> &mut AnchorSide {
        match side {
            Side::A => &mut self.caller,
            Side::B => &mut self.agent,
        }
    }

    /// Notes what a peer said; true where that is new.
    fn set_peer(&mut self, side: Side, peer: Peer) -> bool {
        let held = self.side(side);
        let new = held.peer != peer || !held.open;
        held.peer = peer;
        new
    }
}

/// The call that a media session belongs to.
pub(crate) fn call_of(id: MediaId) -> CallKey {
    CallKey {
        slot: (id.0 >> 32) as u32 & SLOT_MAX,
        generation: id.0 as u32,
    }
}

/// The shard that a media session belongs to.
#[must_use]
pub fn shard_of_media(id: MediaId) -> u8 {
    (id.0 >> 56) as u8
}

/// A session's name: shard, slot, generation. Slots beyond 24 bits do not exist: a shard holds fewer calls.
fn media_id(shard: u8, key: CallKey) -> MediaId {
    MediaId((u64::from(shard) << 56) | (u64::from(key.slot & SLOT_MAX) << 32) | u64::from(key.generation))
}

const SLOT_MAX: u32 = 0x00ff_ffff;

/// Silence counts only once caller and agent are connected: before that neither has reason to speak.
fn watched(peer: Peer, connected: bool) -> Peer {
    Peer {
        sends: peer.sends && connected,
        ..peer
    }
}

/// What a description says of its side's audio. A null address means that it is held (RFC 3264 §8.4), and an address
/// of another family than ours cannot be reached.
fn peer_of(audio: &Audio, own: IpAddr) -> Peer {
    let address = audio
        .address
        .filter(|address| !address.is_unspecified() && address.is_ipv4() == own.is_ipv4());
    Peer {
        remote: address
            .filter(|_| audio.port != 0)
            .map(|address| SocketAddr::new(address, audio.port)),
        codec: audio
            .formats
            .iter()
            .copied()
            .find_map(Codec::from_payload_type)
            .unwrap_or(Codec::Pcmu),
        telephone_event: audio.telephone_event,
        sends: audio.port != 0 && matches!(audio.direction, Direction::SendRecv | Direction::SendOnly),
    }
}

/// A peer that has said nothing yet.
const NOBODY: Peer = Peer {
    remote: None,
    codec: Codec::Pcmu,
    telephone_event: None,
    sends: false,
};
