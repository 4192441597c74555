//! How a phone answers what comes, and repeats what was not answered.

use std::time::Duration;

use super::{Asked, Cancel, Deeds, Phone, Stage, T2, Wake};
use crate::reading::Reading;
use crate::wire;

impl Phone {
    pub(super) fn on_response(&mut self, now: Duration, response: &Reading, status: u16, deeds: &mut Deeds) {
        let is_first = response.method == "INVITE" && response.cseq == 1 && self.is_caller();
        if is_first && status >= 200 {
            if self.seen.finals.is_empty() {
                self.seen.final_bytes.clone_from(&response.bytes);
            }
            if !self.seen.finals.contains(&status) {
                self.seen.finals.push(status);
            }
        }
        let found = self
            .asked
            .iter()
            .position(|asked| asked.branch == response.branch && asked.method == response.method);
        let Some(at) = found else {
            let again = match status {
                200..300 => self.acks.get(&response.cseq),
                _ => self.failure_acks.get(&response.branch),
            };
            if let Some(ack) = again.filter(|_| response.method == "INVITE" && status >= 200) {
                deeds.send.push(ack.clone());
            }
            return;
        };
        if status < 200 {
            self.asked[at].provisional = true;
            if is_first {
                self.seen.provisionals.push(status);
            }
            if self.asked[at].cancel == Cancel::Wanted {
                self.cancel(now, deeds);
            }
            return;
        }
        let asked = self.asked.remove(at);
        match asked.method {
            "INVITE" => self.on_final(now, &asked, response, status, deeds),
            "BYE" => self.hung_up(),
            _ => {}
        }
    }

    /// The call is over, and with it whatever was still asked in it.
    fn hung_up(&mut self) {
        self.stage = Stage::Over;
        self.asked.clear();
    }

    fn on_final(&mut self, now: Duration, asked: &Asked, response: &Reading, status: u16, deeds: &mut Deeds) {
        let first = self.stage == Stage::Early;
        if !first {
            self.seen.reinvites.push(status);
        }
        if status >= 300 {
            let to = std::mem::replace(&mut self.remote, response.to.clone());
            let ack = self.write("ACK", asked.cseq, &asked.branch, "", "", 70);
            if !first {
                self.remote = to;
            }
            deeds.send.push(ack.clone());
            self.failure_acks.insert(asked.branch.clone(), ack);
            if first {
                self.stage = Stage::Over;
            } else if matches!(status, 408 | 481) {
                self.hang_up(now, deeds);
            }
            return;
        }
        self.remote.clone_from(&response.to);
        if let Some(contact) = &response.contact {
            self.target.clone_from(contact);
        }
        if self.acknowledges() {
            let branch = self.branch();
            let (lines, body) = self.answer_in_ack(asked);
            let ack = self.write("ACK", asked.cseq, &branch, lines, &body, 70);
            deeds.send.push(ack.clone());
            self.acks.insert(asked.cseq, ack);
        }
        if first {
            self.stage = Stage::Up;
            if asked.cancel == Cancel::No {
                self.talk(now, deeds);
            } else {
                self.hang_up(now, deeds);
            }
        }
    }

    /// The answer, where the offer was in the 2xx.
    fn answer_in_ack(&self, asked: &Asked) -> (&'static str, String) {
        if asked.bytes.ends_with(b"\r\n\r\n") {
            (wire::SDP_LINE, self.description("sendrecv"))
        } else {
            ("", String::new())
        }
    }

    pub(super) fn on_request(&mut self, now: Duration, request: &Reading, deeds: &mut Deeds) {
        if request.method == "ACK" {
            self.unacknowledged.remove(&request.cseq);
            return;
        }
        let awaits = |invite: &Reading| invite.branch == request.branch && request.method == "INVITE";
        let key = (request.branch.clone(), request.method.clone());
        if let Some(reply) = self.replied.get(&key) {
            deeds.send.push(reply.clone());
            return;
        }
        if self.invited.as_ref().is_some_and(awaits) {
            return;
        }
        match request.method.as_str() {
            "BYE" => {
                self.reply(now, request, 200, "", deeds);
                self.end(request);
                self.asked.clear();
                self.unacknowledged.clear();
                self.stage = Stage::Over;
            }
            "CANCEL" => {
                self.reply(now, request, 200, "", deeds);
                if let Some(invite) = self.invited.take_if(|invite| invite.branch == request.branch) {
                    self.end(request);
                    self.reply(now, &invite, 487, "", deeds);
                    if self.stage == Stage::Early {
                        self.stage = Stage::Over;
                    }
                }
            }
            "INVITE" => self.on_reinvite(now, request, deeds),
            _ if self.stage == Stage::Over => self.reply(now, request, 481, "", deeds),
            "INFO" | "UPDATE" | "OPTIONS" => self.reply(now, request, 200, "", deeds),
            _ => self.reply(now, request, 405, "", deeds),
        }
    }

    fn on_reinvite(&mut self, now: Duration, request: &Reading, deeds: &mut Deeds) {
        if self.stage != Stage::Up {
            self.reply(now, request, 481, "", deeds);
        } else if self.asked.iter().any(|asked| asked.method == "INVITE") {
            self.reply(now, request, 491, "", deeds);
        } else if !self.unacknowledged.is_empty() || self.invited.is_some() {
            self.reply(now, request, 500, "", deeds);
        } else if self.takes_reinvites() {
            let body = self.description("recvonly");
            self.reply(now, request, 200, &body, deeds);
        } else {
            self.reply(now, request, 180, "", deeds);
            self.invited = Some(request.clone());
        }
    }

    fn end(&mut self, request: &Reading) {
        self.seen.was_ended = true;
        self.seen.reason.clone_from(&request.reasons);
    }

    pub(super) fn resend(&mut self, now: Duration, branch: &str, method: &'static str, deeds: &mut Deeds) {
        let Some(asked) = self
            .asked
            .iter_mut()
            .find(|asked| asked.branch == branch && asked.method == method)
        else {
            return;
        };
        if asked.method == "INVITE" {
            if asked.provisional {
                return;
            }
            asked.gap *= 2;
        } else {
            asked.gap = (asked.gap * 2).min(T2);
        }
        deeds.send.push(asked.bytes.clone());
        deeds
            .wake
            .push((now + asked.gap, Wake::Resend(branch.to_owned(), method)));
    }

    pub(super) fn give_up(&mut self, now: Duration, branch: &str, method: &'static str, deeds: &mut Deeds) {
        let waits = |asked: &Asked| {
            asked.branch == branch
                && asked.method == method
                && (method != "INVITE" || !asked.provisional || asked.cancel == Cancel::Sent)
        };
        let Some(at) = self.asked.iter().position(waits) else {
            return;
        };
        self.asked.remove(at);
        match method {
            "BYE" => self.hung_up(),
            "INVITE" if self.stage == Stage::Early => self.stage = Stage::Over,
            "INVITE" => self.hang_up(now, deeds),
            _ => {}
        }
    }

    pub(super) fn resend_final(&mut self, now: Duration, cseq: u32, deeds: &mut Deeds) {
        let Some(held) = self.unacknowledged.get_mut(&cseq) else {
            return;
        };
        if now >= held.until {
            let accepted = held.status < 300;
            self.unacknowledged.remove(&cseq);
            if accepted {
                self.hang_up(now, deeds);
            }
            return;
        }
        held.gap = (held.gap * 2).min(T2);
        deeds.send.push(held.bytes.clone());
        deeds.wake.push((now + held.gap, Wake::ResendFinal(cseq)));
    }
}
