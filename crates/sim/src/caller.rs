//! A caller behind the carrier.

use std::net::SocketAddr;
use std::time::Duration;

use crate::directory::SWITCH;
use crate::phone::{Cue, Deeds, Line, Phone, Script, Wake};
use crate::script::{CallerScript, Key};
use crate::wire;

/// How a caller presses a key that was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Press {
    /// An RFC 4733 event in the audio.
    Event(char),
    /// The phone does it, by a message.
    Message(Cue),
}

impl Phone {
    /// A caller who is about to call, as the `number`th of the world.
    pub(crate) fn caller(number: usize, script: CallerScript) -> Self {
        let at = if script.stranger {
            crate::directory::STRANGER
        } else {
            crate::directory::CARRIER
        };
        let rtp = SocketAddr::new(at.ip(), 10_000 + (number % 25_000) as u16 * 2);
        let name = if number == 0 {
            "caller".to_owned()
        } else {
            format!("caller {}", number + 1)
        };
        let tag = format!("c{number}");
        let call_id = format!("call-{number}@carrier.example.com");
        let shown = script
            .name
            .as_ref()
            .map(|name| format!("\"{name}\" "))
            .unwrap_or_default();
        let host = if script.from == "anonymous" {
            "anonymous.invalid"
        } else {
            "carrier.example.com"
        };
        let local = format!("{shown}<sip:{}@{host}>;tag={tag}", script.from);
        let target = if script.to.contains(':') {
            script.to.clone()
        } else {
            format!("sip:{}@{SWITCH}", script.to)
        };
        let line = Line {
            name,
            at,
            rtp,
            stream: false,
        };
        let mut phone = Self::new(line, Script::Caller(script), call_id, tag);
        phone.local = local;
        phone.remote = format!("<{target}>");
        phone.target = target;
        phone
    }

    /// Dials.
    pub(crate) fn dial(&mut self, now: Duration, deeds: &mut Deeds) {
        let Script::Caller(script) = self.script.clone() else {
            return;
        };
        self.cseq = 1;
        let (described, body) = if script.offers {
            (wire::SDP_LINE, self.description("sendrecv"))
        } else {
            ("", String::new())
        };
        // The world follows a call through the switch by this line, which the switch does not know.
        let lines = format!("X-Sim-Call: {}\r\n{}{described}", self.call_id, script.lines);
        let branch = self.branch();
        let bytes = self.write("INVITE", 1, &branch, &lines, &body, script.hops);
        self.start(now, "INVITE", branch, bytes, deeds);
        let cues = [
            (script.cancels_after, Cue::Cancel),
            (script.crashes_after, Cue::Crash),
        ];
        for (after, cue) in cues {
            if let Some(after) = after {
                deeds.wake.push((now + after, Wake::Cue(cue)));
            }
        }
    }

    /// Hears which key is asked for; says what is done about it.
    pub(crate) fn hear(&mut self, key: char) -> Option<Press> {
        let Script::Caller(script) = &self.script else {
            return None;
        };
        self.times_asked += 1;
        let wrong = if key == '0' { '9' } else { '0' };
        let press = match script.key {
            Key::Event => Press::Event(key),
            Key::Info => Press::Message(Cue::Press(key)),
            Key::Wrong => Press::Event(wrong),
            Key::WrongThenRight if self.times_asked == 1 => Press::Event(wrong),
            Key::WrongThenRight => Press::Event(key),
            Key::Silent => return None,
            Key::HangsUp => Press::Message(Cue::HangUp),
        };
        self.pressed_right |=
            matches!(press, Press::Event(pressed) | Press::Message(Cue::Press(pressed)) if pressed == key);
        Some(press)
    }
}
