//! Requests within a call: ACK, re-INVITE, INFO and the like, passed between the legs.

use call_model::CallEvent;
use media::sip_info;
use sip_dialog::{Order, RequestHead, Resend, ResendDue};
use sip_message::{HeaderName, Message, Method, Writer, standard_reason};
use sip_transaction::{ClientId, Flow, Kind, Outgoing, TransactionId};

use crate::call::{AckOwed, Call, Leg, Phase, Relay, RelayedInvite, TimerKind};
use crate::core::Shard;
use crate::dispatch::{ALLOW, Owner, Role};
use crate::identity::Withheld;
use crate::invite::belongs_to_leg;
use crate::io::{Edge, Now};
use crate::names::{self, CALLER, LegNumber};

/// The most requests of one call that wait for the other side at the same time.
const RELAYS_MAX: usize = 8;

impl Shard {
    pub(crate) fn on_request_in_dialog(
        &mut self,
        now: Now,
        request: &Message<'_>,
        flow: &Flow,
        edge: &mut impl Edge,
    ) {
        let mut found = false;
        if let Some((key, number)) = leg_named(request) {
            self.with_call(key, |shard, call| {
                if call.leg(number).is_some_and(|leg| leg.dialog.matches(request)) {
                    found = true;
                    shard.on_leg_request(now, call, number, request, flow, edge);
                }
            });
        }
        if !found && !self.is_to_hear_nothing(flow) {
            self.answer_at_once(request, flow, 481, b"", edge);
        }
    }

    fn on_leg_request(
        &mut self,
        now: Now,
        call: &mut Call,
        number: LegNumber,
        request: &Message<'_>,
        flow: &Flow,
        edge: &mut impl Edge,
    ) {
        let Ok(cseq) = request.cseq() else { return };
        let Some(leg) = call.leg(number) else { return };
        if leg.dialog.place(cseq.number) == Order::Stale {
            return self.answer_at_once(request, flow, 500, b"", edge);
        }
        // A peer that moved keeps being reached: in-dialog requests come from where it is now.
        leg.flow = *flow;
        match request.method() {
            Method::Bye => self.on_bye(now, call, number, request, flow, edge),
            _ if matches!(call.phase, Phase::Over) => {
                self.answer_in_dialog(now, request, flow, 481, b"", edge);
            }
            Method::Invite => self.on_reinvite(now, call, number, request, flow, edge),
            Method::Info if self.takes_digit(now, call, number, request, edge) => {
                self.answer_in_dialog(now, request, flow, 200, b"", edge);
            }
            Method::Options => self.answer_in_dialog(now, request, flow, 200, ALLOW, edge),
            Method::Info | Method::Update | Method::Message => {
                self.relay(now, call, number, request, flow, None, edge);
            }
            Method::Prack => self.answer_in_dialog(now, request, flow, 481, b"", edge),
            Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Subscribe
            | Method::Notify
            | Method::Refer
            | Method::Publish => self.answer_in_dialog(now, request, flow, 405, ALLOW, edge),
            Method::Other(_) => self.answer_in_dialog(now, request, flow, 501, ALLOW, edge),
        }
    }

    /// Whether an INFO brings a key to a captcha.
    fn takes_digit(
        &mut self,
        now: Now,
        call: &mut Call,
        number: LegNumber,
        request: &Message<'_>,
        edge: &mut impl Edge,
    ) -> bool {
        if number != CALLER || !matches!(call.phase, Phase::Challenge(_) | Phase::Announcing(_)) {
            return false;
        }
        let content_type = request.content_type().unwrap_or_default();
        if let Some(digit) = sip_info::digit(content_type, request.body()) {
            self.on_digit(now, call, digit, edge);
        }
        true
    }

    fn on_reinvite(
        &mut self,
        now: Now,
        call: &mut Call,
        number: LegNumber,
        request: &Message<'_>,
        flow: &Flow,
        edge: &mut impl Edge,
    ) {
        let Some(server) = self.accept(
            now,
            request,
            flow,
            Owner {
                call: call.key,
                role: Role::Waiting,
            },
        ) else {
            return self.answer_at_once(request, flow, 503, b"Retry-After: 1\r\n", edge);
        };
        let own_open = call.leg(number).is_some_and(|leg| leg.resend.is_some());
        let theirs = call
            .relays
            .iter()
            .any(|relay| relay.invite.is_some() && relay.from == number);
        let ours = call
            .relays
            .iter()
            .any(|relay| relay.invite.is_some() && relay.from != number);
        // RFC 3261 §14.2: a second INVITE before the first is answered, and an INVITE while ours is open.
        let glare = match (theirs, ours || own_open || call.ack_owed.is_some()) {
            (true, _) => Some((500, &b"Retry-After: 5\r\n"[..])),
            (false, true) => Some((491, &b""[..])),
            (false, false) => None,
        };
        if let Some((status, lines)) = glare {
            return self.answer(now, server, request, flow, status, lines, edge);
        }
        if call.other(number).is_none() {
            return self.answer_reinvite(now, call, number, server, request, flow, edge);
        }
        self.answer(now, server, request, flow, 100, b"", edge);
        self.relay(now, call, number, request, flow, Some(server), edge);
    }

    /// A re-INVITE of the caller's while nobody talks with them yet: it is for us, who speak. Answered with our side of
    /// the audio as it is; without audio of ours, or without an offer that we speak, with 488.
    #[expect(clippy::too_many_arguments, reason = "a request and where it belongs")]
    fn answer_reinvite(
        &mut self,
        now: Now,
        call: &mut Call,
        number: LegNumber,
        server: sip_transaction::ServerId,
        request: &Message<'_>,
        flow: &Flow,
        edge: &mut impl Edge,
    ) {
        let cseq = request.cseq().map_or(0, |cseq| cseq.number);
        let speaks = number == CALLER && call.is_answered();
        let Some(body) = speaks.then(|| self.describe_again(call, request, edge)).flatten() else {
            return self.answer(now, server, request, flow, 488, b"", edge);
        };
        call.caller.dialog.refresh_target(request);
        let head = self.reply_head(request, None, flow);
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        let mut writer = Writer::response(&mut out, 200, b"OK");
        writer.lines(&head).lines(&self.contact_line(flow)).lines(ALLOW);
        writer
            .header(HeaderName::ContentType, b"application/sdp")
            .body(&body);
        self.transactions.respond(now.at, server, 200, &out, edge);
        self.keep_until_ack(now, call, CALLER, &out, cseq);
        self.scratch = out;
    }

    /// Passes a request to the other leg. `server` is its transaction where that exists already.
    #[expect(clippy::too_many_arguments, reason = "a request and where it goes")]
    fn relay(
        &mut self,
        now: Now,
        call: &mut Call,
        from: LegNumber,
        request: &Message<'_>,
        flow: &Flow,
        server: Option<sip_transaction::ServerId>,
        edge: &mut impl Edge,
    ) {
        let Some(to) = call.other(from).filter(|_| call.relays.len() < RELAYS_MAX) else {
            return self.answer_in_dialog(now, request, flow, 491, b"", edge);
        };
        if request.max_forwards() == Ok(Some(0)) {
            return self.answer_in_dialog(now, request, flow, 483, b"", edge);
        }
        let owner = Owner {
            call: call.key,
            role: Role::Waiting,
        };
        let Some(server) = server.or_else(|| self.accept(now, request, flow, owner)) else {
            return self.answer_at_once(request, flow, 503, b"Retry-After: 1\r\n", edge);
        };
        let reply_head = self.reply_head(request, None, flow);
        let withheld = Withheld::of(call, from, request);
        // Both requests may bring a new remote target (RFC 3261 §12.2.2, RFC 3311 §5.1).
        if matches!(request.method(), Method::Invite | Method::Update)
            && let Some(leg) = call.leg(from)
        {
            leg.dialog.refresh_target(request);
        }
        let body = self.pass_body(call, from, request, edge);
        let invite = request.method() == Method::Invite;
        let Ok((client, branch)) = self.transactions.mint(0) else {
            let reason = standard_reason(503).as_bytes();
            return self.respond_with_head(now, server, 503, reason, &reply_head, b"", b"", edge);
        };
        let Some(leg) = call.leg(to) else {
            return self.transactions.release(client);
        };
        let cseq_out = leg.dialog.next_cseq();
        let next = self.next_flow(leg, edge);
        let via = self.via(&next, branch.as_bytes());
        let hops = request
            .max_forwards()
            .ok()
            .flatten()
            .unwrap_or(70)
            .saturating_sub(1);
        let method = request.method();
        let head = RequestHead {
            method: method.as_bytes(),
            cseq: cseq_out,
            via: &via,
            max_forwards: hops,
        };
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        let mut writer = leg.dialog.write_request(&mut out, &head);
        writer.lines(&self.contact_line(&next));
        if invite {
            writer.lines(ALLOW);
        }
        writer.copy_except(request, |name| {
            belongs_to_leg(name) || withheld.header(name, request)
        });
        writer.body(&body);
        let owner = Owner {
            call: call.key,
            role: Role::Relayed(to),
        };
        let kind = if invite { Kind::Invite } else { Kind::NonInvite };
        self.transactions.start(
            now.at,
            client,
            Outgoing {
                kind,
                flow: next,
                bytes: &out,
                owner,
            },
            edge,
        );
        self.scratch = out;
        let invite = invite.then(|| RelayedInvite {
            cseq_in: request.cseq().map_or(0, |cseq| cseq.number),
            cseq_out,
            has_offer: !request.body().is_empty(),
        });
        call.relays.push(Relay {
            from,
            server,
            client,
            reply_head,
            invite,
        });
    }

    pub(crate) fn on_relayed_response(
        &mut self,
        now: Now,
        call: &mut Call,
        number: LegNumber,
        id: ClientId,
        response: &Message<'_>,
        edge: &mut impl Edge,
    ) {
        let status = response.status().unwrap_or(500);
        let Some(at) = call.relays.iter().position(|relay| relay.client == id) else {
            // A 2xx to a re-INVITE that comes again: our ACK was lost.
            if response.method() == Method::Invite && (200..300).contains(&status) {
                let cseq = response.cseq().map_or(0, |cseq| cseq.number);
                self.acknowledge_again(now, call, number, cseq, edge);
            }
            return;
        };
        if status == 100 {
            return;
        }
        let body = self.pass_body(call, number, response, edge);
        let relay = &call.relays[at];
        let (from, server, invite) = (relay.from, relay.server, relay.invite);
        let caller_flow = call.leg(from).map(|leg| leg.flow);
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        let mut writer = Writer::response(&mut out, status, response.reason_phrase());
        writer.lines(&call.relays[at].reply_head);
        if let Some(flow) = caller_flow {
            writer.lines(&self.contact_line(&flow));
        }
        let withheld = Withheld::of(call, number, response);
        writer.copy_except(response, |name| {
            belongs_to_leg(name) || withheld.header(name, response)
        });
        writer.body(&body);
        self.transactions.respond(now.at, server, status, &out, edge);
        if status < 200 {
            self.scratch = out;
            return;
        }
        call.relays.remove(at);
        if status < 300
            && matches!(response.method(), Method::Invite | Method::Update)
            && let Some(leg) = call.leg(number)
        {
            leg.dialog.refresh_target(response);
        }
        if let Some(invite) = invite.filter(|_| status < 300) {
            self.keep_until_ack(now, call, from, &out, invite.cseq_in);
            if invite.has_offer {
                self.acknowledge(now, call, number, invite.cseq_out, None, edge);
            } else {
                call.ack_owed = Some(AckOwed {
                    to: number,
                    cseq: invite.cseq_out,
                });
            }
        }
        self.scratch = out;
        // RFC 3261 §12.2.1.2: the other side knows the call no more.
        if matches!(status, 481 | 408) {
            self.fail_call(now, call, lost(number), edge);
        }
    }

    /// The other side never answered a request that was passed to it: the call is broken (RFC 3261 §12.2.1.2).
    pub(crate) fn on_relayed_silent(
        &mut self,
        now: Now,
        call: &mut Call,
        number: LegNumber,
        id: TransactionId,
        edge: &mut impl Edge,
    ) {
        let silent = |relay: &Relay| TransactionId::Client(relay.client) == id;
        if let Some(at) = call.relays.iter().position(silent) {
            let relay = call.relays.remove(at);
            // A request other than INVITE is past answering by now (RFC 4320 §4.2).
            if relay.invite.is_some() {
                let reason = standard_reason(408).as_bytes();
                self.respond_with_head(now, relay.server, 408, reason, &relay.reply_head, b"", b"", edge);
            }
        }
        self.fail_call(now, call, lost(number), edge);
    }

    pub(crate) fn on_ack(&mut self, now: Now, ack: &Message<'_>, edge: &mut impl Edge) {
        let Some((key, number)) = leg_named(ack) else {
            return;
        };
        let Ok(cseq) = ack.cseq() else { return };
        self.with_call(key, |shard, call| {
            let Some(leg) = call.leg(number).filter(|leg| leg.dialog.matches(ack)) else {
                return;
            };
            if leg
                .resend
                .as_ref()
                .is_none_or(|resend| resend.cseq != cseq.number)
            {
                return;
            }
            leg.resend = None;
            shard.cancel_timer(call, TimerKind::Resend(number));
            if matches!(call.phase, Phase::Over) {
                return shard.send_bye_to(now, call, number, b"", edge);
            }
            if let Some(owed) = call.ack_owed.take_if(|owed| owed.to != number) {
                let body = shard.pass_body(call, number, ack, edge);
                shard.acknowledge(now, call, owed.to, owed.cseq, Some(body.into()), edge);
            } else if number == CALLER && !ack.body().is_empty() {
                shard.learn_answer(call, ack.body(), edge);
            }
            if number == CALLER {
                shard.on_caller_listening(now, call, edge);
            }
        });
    }

    /// Keeps a 2xx of ours and sends it again until the ACK comes.
    pub(crate) fn keep_until_ack(
        &mut self,
        now: Now,
        call: &mut Call,
        number: LegNumber,
        response: &[u8],
        cseq: u32,
    ) {
        let timers = self.settings.timers;
        let resend = Resend::new(response, cseq, now.at, timers.t1, timers.t2);
        let due = resend.next_deadline();
        if let Some(leg) = call.leg(number) {
            leg.resend = Some(Box::new(resend));
            self.set_timer(call, TimerKind::Resend(number), due);
        }
    }

    pub(crate) fn on_resend(&mut self, now: Now, call: &mut Call, number: LegNumber, edge: &mut impl Edge) {
        let Some(leg) = call.leg(number) else { return };
        let Some(resend) = leg.resend.as_mut() else { return };
        match resend.tick(now.at) {
            ResendDue::Send(bytes) => {
                edge.send(&leg.flow, bytes);
                edge.event(CallEvent::RetransmissionsSent(1));
            }
            ResendDue::Wait => {}
            ResendDue::GiveUp => {
                leg.resend = None;
                if matches!(call.phase, Phase::Over) {
                    return self.send_bye_to(now, call, number, b"", edge);
                }
                return self.fail_call(now, call, lost(number), edge);
            }
        }
        let due = resend.next_deadline();
        self.set_timer(call, TimerKind::Resend(number), due);
    }

    /// Sends the ACK for a 2xx to an INVITE of ours and remembers it, should the 2xx come again.
    pub(crate) fn acknowledge(
        &mut self,
        _now: Now,
        call: &mut Call,
        number: LegNumber,
        cseq: u32,
        body: Option<Box<[u8]>>,
        edge: &mut impl Edge,
    ) {
        let body = body.filter(|body| !body.is_empty());
        let Some(leg) = call.leg(number) else { return };
        leg.acked = Some((cseq, body));
        if let Some(leg) = call.leg(number) {
            let leg = &*leg;
            let body = leg.acked.as_ref().and_then(|(_, body)| body.as_deref());
            self.send_ack(leg, cseq, body, edge);
        }
    }

    fn acknowledge_again(
        &mut self,
        now: Now,
        call: &mut Call,
        number: LegNumber,
        cseq: u32,
        edge: &mut impl Edge,
    ) {
        let Some(leg) = call.leg(number) else { return };
        if let Some((acked, body)) = leg.acked.take_if(|(acked, _)| *acked == cseq) {
            self.acknowledge(now, call, number, acked, body, edge);
        }
    }

    pub(crate) fn send_ack(&mut self, leg: &Leg, cseq: u32, body: Option<&[u8]>, edge: &mut impl Edge) {
        let flow = self.next_flow(leg, edge);
        // An ACK for a 2xx is a transaction of its own that nobody answers (RFC 3261 §13.2.2.4).
        let drawn = self.mint.draw();
        let branch = [&b"z9hG4bK-ack-"[..], &names::decimal(drawn)].concat();
        let via = self.via(&flow, &branch);
        let head = RequestHead {
            method: b"ACK",
            cseq,
            via: &via,
            max_forwards: 70,
        };
        let mut out = std::mem::take(&mut self.scratch);
        let start = out.len();
        let mut writer = leg.dialog.write_request(&mut out, &head);
        match body {
            Some(body) => writer
                .header(HeaderName::ContentType, b"application/sdp")
                .body(body),
            None => writer.empty_body(),
        }
        edge.send(&flow, &out[start..]);
        out.truncate(start);
        self.scratch = out;
    }

    /// Where a request of ours within a dialog goes: over a stream that is still up the way the peer came; else to the
    /// next hop where that is an address, or to where the peer was last seen (RFC 3261 §8.1.2, §12.2.1.1).
    pub(crate) fn next_flow(&self, leg: &Leg, edge: &impl Edge) -> Flow {
        if leg.flow.transport.reliable() && leg.flow.connection != 0 && edge.is_open(&leg.flow) {
            return leg.flow;
        }
        match address_of(leg.dialog.next_hop()) {
            Some(remote) => self.flow_to(leg.flow.transport, remote, Some(&leg.flow)),
            None => Flow {
                connection: 0,
                ..leg.flow
            },
        }
    }

    /// Answers a request within a dialog for good.
    fn answer_in_dialog(
        &mut self,
        now: Now,
        request: &Message<'_>,
        flow: &Flow,
        status: u16,
        lines: &[u8],
        edge: &mut impl Edge,
    ) {
        match self.accept(now, request, flow, Owner::NOBODY) {
            Some(server) => self.answer(now, server, request, flow, status, lines, edge),
            None => self.answer_at_once(request, flow, status, lines, edge),
        }
    }
}

/// The leg that a request's To tag names.
fn leg_named(request: &Message<'_>) -> Option<(crate::calls::CallKey, LegNumber)> {
    names::leg_of_tag(request.to().ok()?.tag()?)
}

/// Whose leg it was that broke.
fn lost(number: LegNumber) -> call_model::Cause {
    if number == CALLER {
        call_model::Cause::CallerLost
    } else {
        call_model::Cause::CalleeLost
    }
}

/// The address in a URI, where its host is one.
fn address_of(uri: &[u8]) -> Option<std::net::SocketAddr> {
    let uri = sip_message::Uri::parse(uri).ok()?;
    let ip = uri.host?.ip()?;
    Some(std::net::SocketAddr::new(ip, uri.port.unwrap_or(5060)))
}
