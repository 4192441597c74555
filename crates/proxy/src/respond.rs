//! Responses of our own, and those of agents on their way to the caller.

use std::fmt::Write as _;
use std::net::IpAddr;

use call_model::{CallId, Cause};
use sip_message::{HeaderName, Message, Writer, standard_reason};
use sip_transaction::{Flow, ServerId};

use crate::call::Call;
use crate::core::Shard;
use crate::dispatch::ALLOW;
use crate::identity::Withheld;
use crate::invite::belongs_to_leg;
use crate::io::{Edge, Now};
use crate::names::{self, CALLER, LegNumber, Name, Text};

impl Shard {
    /// Answers a request without keeping anything: a copy of it that comes again gets the same answer
    /// (RFC 3261 §8.2.7). `lines` are whole header lines.
    pub(crate) fn answer_at_once(
        &mut self,
        request: &Message<'_>,
        flow: &Flow,
        status: u16,
        lines: &[u8],
        edge: &mut impl Edge,
    ) {
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        let tag = stateless_tag(request);
        let reason = standard_reason(status).as_bytes();
        let mut writer = Writer::reply_to(&mut out, request, status, reason, Some(&tag), source(flow));
        writer.lines(lines).empty_body();
        edge.send(flow, &out);
        self.scratch = out;
    }

    /// Answers through a server transaction, with a tag of the dialog's where it has one.
    #[expect(clippy::too_many_arguments, reason = "a response has these parts")]
    pub(crate) fn answer(
        &mut self,
        now: Now,
        server: ServerId,
        request: &Message<'_>,
        flow: &Flow,
        status: u16,
        lines: &[u8],
        edge: &mut impl Edge,
    ) {
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        let tag = stateless_tag(request);
        let reason = standard_reason(status).as_bytes();
        let tag: Option<&[u8]> = if status == 100 { None } else { Some(&tag) };
        let mut writer = Writer::reply_to(&mut out, request, status, reason, tag, source(flow));
        writer.lines(lines).empty_body();
        self.transactions.respond(now.at, server, status, &out, edge);
        self.scratch = out;
    }

    pub(crate) fn answer_options(&mut self, request: &Message<'_>, flow: &Flow, edge: &mut impl Edge) {
        let mut lines = Name::new();
        lines.extend_from_slice(ALLOW);
        lines.extend_from_slice(b"Accept: application/sdp\r\n");
        self.answer_at_once(request, flow, 200, &lines, edge);
    }

    /// Status, reason phrase and header lines of a refusal before any agent was rung.
    pub(crate) fn refusal(&self, cause: Cause, id: CallId, retry_after: u64) -> (u16, &'static str, Vec<u8>) {
        let policy = &self.snapshot.directory.responses;
        let status = policy.status(cause).unwrap_or(match cause.fault() {
            Some(call_model::Fault::Switch) => 500,
            Some(_) | None => 480,
        });
        let mut lines = Vec::new();
        let reason = if cause == Cause::Analytics && status == 603 {
            // The form that names who blocked the call and whom to ask (ATIS-1000099; product.md, response selection).
            let mut text = String::from("v=analytics1");
            if let Some(url) = &policy.analytics_url {
                let _ = write!(text, ";url={url}");
            }
            if let Some(tel) = policy.analytics_tel {
                let _ = write!(text, ";tel={}", tel.in_full());
            }
            if let Some(email) = &policy.analytics_email {
                let _ = write!(text, ";email={email}");
            }
            let _ = write!(text, ";id={id}");
            lines = format!("Reason: SIP;cause=603;text=\"{text}\";location=RLN\r\n").into_bytes();
            "Network Blocked"
        } else {
            standard_reason(status)
        };
        if status == 503
            && let Some(most) = policy.retry_after
        {
            let seconds = retry_after.clamp(1, most.as_secs().max(1));
            lines.extend_from_slice(format!("Retry-After: {seconds}\r\n").as_bytes());
        }
        (status, reason, lines)
    }

    /// Via, From, To with `tag`, Call-ID, CSeq of every response to `request`: written once, used for all.
    pub(crate) fn reply_head(&mut self, request: &Message<'_>, tag: Option<&[u8]>, flow: &Flow) -> Box<[u8]> {
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        let _ = Writer::reply_to(&mut out, request, 200, b"", tag, source(flow));
        let head = memchr_line(&out).map_or(&out[..], |line| &out[line..]).into();
        self.scratch = out;
        head
    }
}

/// A tag that is the same for every copy of a request.
fn stateless_tag(request: &Message<'_>) -> Name {
    let from = request
        .from()
        .ok()
        .and_then(|from| from.tag())
        .unwrap_or_default();
    let hash = names::fnv(request.call_id().unwrap_or_default()) ^ names::fnv(from).rotate_left(32);
    let mut text = Text(Name::new());
    let _ = write!(text, "s{hash:016x}");
    text.0
}

/// Where a request came from, for `received` and `rport` in its Via.
fn source(flow: &Flow) -> Option<(IpAddr, u16)> {
    Some((flow.remote.ip(), flow.remote.port()))
}

/// Where the second line begins.
fn memchr_line(bytes: &[u8]) -> Option<usize> {
    bytes.windows(2).position(|pair| pair == b"\r\n").map(|at| at + 2)
}

impl Shard {
    /// The Contact line of a leg.
    pub(crate) fn contact_line(&self, flow: &Flow) -> Name {
        let listening = self.listening(flow);
        let mut line = Name::new();
        line.extend_from_slice(b"Contact: <sip:");
        line.extend_from_slice(listening.advertised.as_bytes());
        if flow.transport != sip_transaction::Transport::Udp {
            line.extend_from_slice(b";transport=");
            line.extend(
                flow.transport
                    .as_str()
                    .bytes()
                    .map(|byte| byte.to_ascii_lowercase()),
            );
        }
        line.extend_from_slice(b">\r\n");
        line
    }

    /// The value of our Via on a flow, with this branch.
    pub(crate) fn via(&self, flow: &Flow, branch: &[u8]) -> smallvec::SmallVec<[u8; 256]> {
        let mut via = smallvec::SmallVec::new();
        via.extend_from_slice(b"SIP/2.0/");
        via.extend_from_slice(flow.transport.as_str().as_bytes());
        via.push(b' ');
        via.extend_from_slice(self.listening(flow).advertised.as_bytes());
        via.extend_from_slice(b";branch=");
        via.extend_from_slice(branch);
        via.extend_from_slice(b";rport");
        via
    }

    /// Our listener that a flow uses.
    pub(crate) fn listening(&self, flow: &Flow) -> &crate::io::Listening {
        let listeners = &self.settings.listeners;
        listeners.get(usize::from(flow.listener)).unwrap_or(&listeners[0])
    }

    /// The `Server` and `User-Agent` text; empty for none.
    pub(crate) fn product(&self) -> &str {
        &self.snapshot.directory.switch.user_agent
    }

    /// A flow to an address: on the listener that fits it.
    pub(crate) fn flow_to(
        &self,
        transport: sip_transaction::Transport,
        remote: std::net::SocketAddr,
        near: Option<&Flow>,
    ) -> Flow {
        let fits = |listening: &crate::io::Listening| {
            listening.transport == transport && listening.ipv6 == remote.is_ipv6()
        };
        let near = near
            .map(|flow| flow.listener)
            .filter(|at| fits(self.listening_at(*at)));
        let found = self.settings.listeners.iter().position(fits).unwrap_or(0);
        Flow {
            transport,
            shard: self.settings.shard,
            listener: near.unwrap_or(found as u16),
            connection: 0,
            remote,
        }
    }

    fn listening_at(&self, at: u16) -> &crate::io::Listening {
        let listeners = &self.settings.listeners;
        listeners.get(usize::from(at)).unwrap_or(&listeners[0])
    }
}

impl Shard {
    /// Passes a response of an agent to the caller, with what belongs to a leg replaced, and keeps a 2xx until its ACK.
    pub(crate) fn forward_response(
        &mut self,
        now: Now,
        call: &mut Call,
        number: LegNumber,
        response: &Message<'_>,
        body: &[u8],
        edge: &mut impl Edge,
    ) {
        if !body.is_empty() {
            self.describe_anew(call, number);
        }
        let Some(pending) = call.pending.take() else {
            return;
        };
        let status = response.status().unwrap_or(500);
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        let mut writer = Writer::response(&mut out, status, response.reason_phrase());
        writer
            .lines(&pending.reply_head)
            .lines(&pending.record_route)
            .lines(&self.contact_line(&call.caller.flow))
            .lines(ALLOW);
        let withheld = Withheld::of(call, number, response);
        writer.copy_except(response, |name| {
            belongs_to_leg(name)
                || withheld.header(name, response)
                || (body.is_empty() && name == HeaderName::ContentType)
        });
        writer.body(body);
        self.transactions
            .respond(now.at, pending.server, status, &out, edge);
        if status >= 200 {
            call.answered_ms = Some(now.unix_ms);
            self.keep_until_ack(now, call, CALLER, &out, pending.cseq);
        } else {
            call.pending = Some(pending);
        }
        self.scratch = out;
    }

    /// A description from this leg is about to go to the caller (0: one of ours). An early dialog holds one answer, which
    /// may not change (RFC 3261 §13.2.1), so one from elsewhere goes in an early dialog of its own, under another tag,
    /// as if the call had forked. Anchored audio is ours all along.
    pub(crate) fn describe_anew(&mut self, call: &mut Call, number: LegNumber) {
        let before = call.described_by.replace(number);
        if call.anchor.is_some() && before != Some(CALLER) && number != CALLER {
            return;
        }
        let Some(pending) = call
            .pending
            .as_mut()
            .filter(|_| before.is_some_and(|before| before != number))
        else {
            return;
        };
        let tag = self.mint.tag(call.key, CALLER);
        let old = call.caller.dialog.local_tag();
        let at = pending
            .reply_head
            .windows(old.len())
            .position(|window| window == old);
        if let Some(at) = at
            && call.caller.dialog.retag(&tag)
        {
            pending.reply_head[at..at + tag.len()].copy_from_slice(&tag);
        }
    }

    /// Refuses the caller's INVITE, where that still waits.
    pub(crate) fn refuse_caller(
        &mut self,
        now: Now,
        call: &mut Call,
        status: u16,
        reason: &[u8],
        lines: &[u8],
        edge: &mut impl Edge,
    ) {
        if let Some(pending) = call.pending.take() {
            self.respond_with_head(
                now,
                pending.server,
                status,
                reason,
                &pending.reply_head,
                lines,
                b"",
                edge,
            );
        }
    }

    /// A response whose Via, From, To, Call-ID and CSeq were written before.
    #[expect(clippy::too_many_arguments, reason = "a response has these parts")]
    pub(crate) fn respond_with_head(
        &mut self,
        now: Now,
        server: ServerId,
        status: u16,
        reason: &[u8],
        head: &[u8],
        lines: &[u8],
        body: &[u8],
        edge: &mut impl Edge,
    ) {
        let product = self.server_line();
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        let mut writer = Writer::response(&mut out, status, reason);
        writer.lines(head).lines(lines).lines(&product).body(body);
        self.transactions.respond(now.at, server, status, &out, edge);
        self.scratch = out;
    }
}

/// The line that names us in a response.
pub(crate) fn product_line(name: HeaderName, product: &str) -> Vec<u8> {
    if product.is_empty() {
        Vec::new()
    } else {
        format!("{}: {product}\r\n", name.as_str()).into_bytes()
    }
}
