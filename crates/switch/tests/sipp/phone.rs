//! A small phone over UDP, for what SIPp cannot do: to hear, and to send exactly this.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::place::{CALLER, NUMBER, Place};
use crate::switch::PATIENCE;
use crate::text::Message;

/// A phone with one line: it calls, or it is called.
pub(crate) struct Phone {
    sip: UdpSocket,
    pub(crate) rtp: UdpSocket,
    /// Whether it speaks A-law; µ-law else.
    a_law: bool,
    /// Where it sends to: the switch.
    switch: SocketAddr,
    local: SocketAddr,
    call_id: String,
    /// From and To of its own requests.
    own: String,
    other: String,
    /// Where requests within the call are addressed to.
    target: String,
    cseq: u32,
    /// The request that waits for an answer, or was answered last.
    asked: Option<Message>,
    /// The INVITE that came last.
    called: Option<Message>,
    /// Whether that was refused.
    refused: bool,
    /// Everything seen, to be shown when something else was expected.
    ladder: Vec<String>,
}

impl Phone {
    /// A phone at a port of the test's address.
    pub(crate) fn new(place: &Place, port: u16) -> Self {
        Self::between(place.at(port), place.sip())
    }

    /// A phone somewhere, that speaks to the switch from there.
    pub(crate) fn between(local: SocketAddr, switch: SocketAddr) -> Self {
        let sip = UdpSocket::bind(local).unwrap();
        let local = sip.local_addr().unwrap();
        let rtp = UdpSocket::bind((local.ip(), 0)).unwrap();
        rtp.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        Self {
            own: format!("<sip:{CALLER}@{local}>;tag=p{}", local.port()),
            other: String::new(),
            target: String::new(),
            call_id: String::new(),
            cseq: 0,
            a_law: false,
            asked: None,
            called: None,
            refused: false,
            ladder: Vec::new(),
            sip,
            rtp,
            switch,
            local,
        }
    }

    /// Says who calls.
    pub(crate) fn from(mut self, number: &str) -> Self {
        self.own = format!("<sip:{number}@{}>;tag=p{}", self.local, self.local.port());
        self
    }

    /// Speaks A-law only, and names keys by another number than most.
    pub(crate) fn with_a_law(mut self) -> Self {
        self.a_law = true;
        self
    }

    /// The payload type of keys (RFC 4733).
    pub(crate) fn key_type(&self) -> u8 {
        if self.a_law { 96 } else { 101 }
    }

    /// Calls the tracking number.
    pub(crate) fn dial(&mut self) {
        self.dial_to(NUMBER, "");
    }

    /// Calls a number, with header lines added.
    pub(crate) fn dial_to(&mut self, number: &str, lines: &str) {
        let invite = self.invite(number, lines);
        self.send(&invite);
    }

    /// Calls the tracking number, and leaves the offer to the other side.
    pub(crate) fn dial_without_offer(&mut self) {
        let invite = self.invite_with(NUMBER, "", "");
        self.send(&invite);
    }

    /// The INVITE that begins a new call, not sent yet.
    pub(crate) fn invite(&mut self, number: &str, lines: &str) -> String {
        let offer = self.description("sendrecv");
        self.invite_with(number, lines, &offer)
    }

    fn invite_with(&mut self, number: &str, lines: &str, offer: &str) -> String {
        let uri = if number.contains(':') {
            number.to_owned()
        } else {
            format!("sip:{number}@{}", self.switch)
        };
        self.call_id = format!("{}@{}", draw(), self.local.ip());
        self.other = format!("<{uri}>");
        self.target = uri;
        self.request("INVITE", lines, offer)
    }

    /// What this phone offers or answers.
    pub(crate) fn description(&self, direction: &str) -> String {
        let (ip, port) = (self.local.ip(), self.rtp.local_addr().unwrap().port());
        let (voice, keys) = (if self.a_law { "8 PCMA" } else { "0 PCMU" }, self.key_type());
        let number = &voice[..1];
        format!(
            "v=0\r\no=phone 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP {number} {keys}\r\na=rtpmap:{voice}/8000\r\n\
             a=rtpmap:{keys} telephone-event/8000\r\na=fmtp:{keys} 0-15\r\na=ptime:20\r\na={direction}\r\n"
        )
    }

    /// A request of this phone's, not sent yet.
    pub(crate) fn request(&mut self, method: &str, lines: &str, body: &str) -> String {
        if method != "ACK" && method != "CANCEL" {
            self.cseq += 1;
        }
        let max_forwards = if lines.contains("Max-Forwards") {
            ""
        } else {
            "Max-Forwards: 70\r\n"
        };
        let content_type = match body {
            _ if lines.contains("Content-Type") => "",
            "" => "",
            _ => "Content-Type: application/sdp\r\n",
        };
        format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK-{};rport\r\n{max_forwards}\
             From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {} {method}\r\nContact: <sip:phone@{}>\r\n\
             {lines}{content_type}Content-Length: {}\r\n\r\n{body}",
            self.target,
            self.local,
            draw(),
            self.own,
            self.other,
            self.call_id,
            self.cseq,
            self.local,
            body.len()
        )
    }

    /// Takes itself to be in a call with somebody.
    pub(crate) fn talk_of(&mut self, other: &str) {
        self.other = other.to_owned();
    }

    /// Sends a request within the call.
    pub(crate) fn ask(&mut self, method: &str, lines: &str, body: &str) {
        let request = self.request(method, lines, body);
        self.send(&request);
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.note("→", text);
        self.sip.send_to(text.as_bytes(), self.switch).unwrap();
    }

    /// Waits for the final response to what was asked; it must have this status. A 2xx to an INVITE begins the call and
    /// is acknowledged, any other final response to an INVITE is acknowledged too.
    pub(crate) fn expect(&mut self, status: u16) -> Message {
        let cseq = self.cseq;
        let response = self.wait_for(&format!("a final response, {status}"), |message| {
            message.status().is_some_and(|found| found >= 200)
                && message.cseq() == cseq
                && message.method() != "CANCEL"
        });
        let found = response.status();
        assert_eq!(found, Some(status), "{}", self.told());
        if response.method() == "INVITE" {
            if status < 300 {
                self.follow(&response);
                self.ask("ACK", "", "");
            } else {
                self.acknowledge_refusal(&response);
            }
        }
        response
    }

    /// Takes the other side's tag and Contact from its answer.
    pub(crate) fn follow(&mut self, answer: &Message) {
        self.other = answer.header("To").to_owned();
        self.target = answer.contact().to_owned();
    }

    /// Waits for a provisional response.
    pub(crate) fn expect_progress(&mut self, status: u16) -> Message {
        self.wait_for(&format!("{status}"), |message| message.status() == Some(status))
    }

    /// Waits for a request of a method and keeps it, to be answered.
    pub(crate) fn expect_request(&mut self, method: &str) -> Message {
        let request = self.wait_for(method, |message| {
            message.status().is_none() && message.method() == method
        });
        let ack_of_refusal = method == "ACK" && self.refused;
        if !request.to_tag().is_empty() && !ack_of_refusal {
            // RFC 3261 §12.2.1.1: the Request-URI is this phone's Contact.
            let line = format!("{method} sip:phone@{} SIP/2.0", self.local);
            assert_eq!(request.first_line(), line);
        }
        if method == "INVITE" && self.call_id.is_empty() {
            self.call_id = request.header("Call-ID").to_owned();
            self.own = format!("{};tag=a{}", request.header("To"), self.local.port());
            self.other = request.header("From").to_owned();
        }
        if method == "INVITE" {
            self.target = request.contact().to_owned();
            self.called = Some(request.clone());
        }
        if method != "ACK" {
            self.asked = Some(request.clone());
        }
        request
    }

    /// Answers the request that waits.
    pub(crate) fn answer(&mut self, status: u16, reason: &str, lines: &str, body: &str) {
        let Some(asked) = self.asked.clone() else {
            panic!("nothing was asked: {}", self.told())
        };
        if asked.method() == "INVITE" {
            self.refused = status >= 300;
        }
        let mut text = format!("SIP/2.0 {status} {reason}\r\n");
        for via in asked.headers("Via") {
            text += &format!("Via: {via}\r\n");
        }
        let to = match asked.to_tag() {
            "" => self.own.clone(),
            _ => asked.header("To").to_owned(),
        };
        let content_type = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        text += &format!(
            "From: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\nContact: <sip:phone@{}>\r\n\
             {lines}{content_type}Content-Length: {}\r\n\r\n{body}",
            asked.header("From"),
            asked.header("Call-ID"),
            asked.header("CSeq"),
            self.local,
            body.len()
        );
        self.send(&text);
    }

    /// Gives the INVITE its final response, after another request was answered: a CANCEL.
    pub(crate) fn refuse_call(&mut self, status: u16, reason: &str) {
        self.asked = self.called.clone();
        self.answer(status, reason, "", "");
        self.expect_request("ACK");
    }

    /// Takes a call: rings, answers, and has it acknowledged. Returns the INVITE.
    pub(crate) fn take_call(&mut self) -> Message {
        let invite = self.answer_call();
        self.expect_request("ACK");
        invite
    }

    /// Rings and answers. Returns the INVITE.
    pub(crate) fn answer_call(&mut self) -> Message {
        let invite = self.expect_request("INVITE");
        self.answer(180, "Ringing", "", "");
        let body = self.description("sendrecv");
        self.answer(200, "OK", "", &body);
        invite
    }

    /// The Call-ID of this phone's leg.
    pub(crate) fn call_id(&self) -> &str {
        &self.call_id
    }

    /// The CSeq of the last request sent.
    pub(crate) fn last_cseq(&self) -> u32 {
        self.cseq
    }

    /// Waits to be hung up on. Returns the BYE.
    pub(crate) fn expect_bye(&mut self) -> Message {
        let bye = self.expect_request("BYE");
        self.answer(200, "OK", "", "");
        bye
    }

    pub(crate) fn hang_up(&mut self) {
        self.ask("BYE", "", "");
        self.expect(200);
    }

    /// Waits for a message; others are passed over.
    pub(crate) fn wait_for(&mut self, what: &str, wanted: impl Fn(&Message) -> bool) -> Message {
        let until = Instant::now() + PATIENCE;
        while let Some(message) = self.receive(until.saturating_duration_since(Instant::now())) {
            if wanted(&message) {
                return message;
            }
        }
        panic!("waited for {what}, saw\n{}", self.told());
    }

    /// Whether a request of a method comes in time.
    pub(crate) fn is_asked(&mut self, method: &str, most: Duration) -> bool {
        let until = Instant::now() + most;
        while let Some(message) = self.receive(until.saturating_duration_since(Instant::now())) {
            if message.status().is_none() && message.method() == method {
                return true;
            }
        }
        false
    }

    /// The next message, if one comes in time.
    pub(crate) fn receive(&mut self, most: Duration) -> Option<Message> {
        if most.is_zero() {
            return None;
        }
        self.sip.set_read_timeout(Some(most)).unwrap();
        let mut bytes = [0; 65536];
        let (length, _) = self.sip.recv_from(&mut bytes).ok()?;
        let message = Message::new(&bytes[..length]);
        self.note("←", message.text());
        Some(message)
    }

    /// The ACK for a refusal belongs to the INVITE's transaction: same branch, same Request-URI.
    fn acknowledge_refusal(&mut self, response: &Message) {
        let ack = format!(
            "ACK {} SIP/2.0\r\nVia: {}\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\n\
             CSeq: {} ACK\r\nContent-Length: 0\r\n\r\n",
            self.target,
            response.header("Via"),
            self.own,
            response.header("To"),
            self.call_id,
            self.cseq
        );
        self.send(&ack);
    }

    fn note(&mut self, arrow: &str, text: &str) {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let first = head.lines().next().unwrap_or_default();
        let reason = head
            .lines()
            .find(|line| line.starts_with("Reason:"))
            .unwrap_or_default();
        self.ladder
            .push(format!("{arrow} {first} {reason} ({} bytes of body)", body.len()));
    }

    fn told(&self) -> String {
        self.ladder.join("\n")
    }
}

/// A number that no phone of this process had before.
fn draw() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
