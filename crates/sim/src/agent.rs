//! An agent's phone in one call.

use std::time::Duration;

use crate::phone::{Cue, Deeds, Line, Phone, Script, Stage, Wake};
use crate::reading::Reading;
use crate::script::{AgentScript, Then};

/// No phone rings for ever.
const RINGS_FOR: Duration = Duration::from_secs(180);

impl Phone {
    /// A phone that gets an INVITE, as the `number`th of the world.
    pub(crate) fn agent(
        line: Line,
        number: usize,
        script: AgentScript,
        invite: &Reading,
        now: Duration,
        deeds: &mut Deeds,
    ) -> Self {
        let tag = format!("a{number}");
        let mut phone = Self::new(
            line,
            Script::Agent(script.clone()),
            invite.call_id.clone(),
            tag.clone(),
        );
        phone.local = format!("{};tag={tag}", invite.to);
        phone.remote.clone_from(&invite.from);
        phone.target = invite.contact.clone().unwrap_or_default();
        phone.seen.invite.clone_from(&invite.bytes);
        phone.invited = Some(invite.clone());
        if script.tries {
            phone.reply(now, invite, 100, "", deeds);
        }
        let decides = match script.then {
            Then::Answers(after) | Then::Refuses(_, after) => after,
            Then::Rings => RINGS_FOR,
        };
        let cues = [
            (script.rings_after, Cue::Ring),
            (Some(decides), Cue::Decide),
            (script.crashes_after, Cue::Crash),
        ];
        for (after, cue) in cues {
            if let Some(after) = after {
                deeds.wake.push((now + after, Wake::Cue(cue)));
            }
        }
        phone
    }

    pub(crate) fn ring(&mut self, now: Duration, deeds: &mut Deeds) {
        let Script::Agent(script) = &self.script else {
            return;
        };
        let early_media = script.early_media;
        if self.stage != Stage::Early {
            return;
        }
        if let Some(invite) = self.invited.clone() {
            if early_media {
                let body = self.description("sendrecv");
                self.reply(now, &invite, 183, &body, deeds);
            } else {
                self.reply(now, &invite, 180, "", deeds);
            }
        }
    }

    pub(crate) fn decide(&mut self, now: Duration, deeds: &mut Deeds) {
        let Script::Agent(script) = &self.script else {
            return;
        };
        let then = script.then;
        if self.stage != Stage::Early {
            return;
        }
        let Some(invite) = self.invited.take() else { return };
        match then {
            Then::Answers(_) => {
                let body = self.description("sendrecv");
                self.reply(now, &invite, 200, &body, deeds);
                self.picked_up(now, deeds);
            }
            Then::Refuses(status, _) => {
                self.reply(now, &invite, status, "", deeds);
                self.stage = Stage::Over;
            }
            Then::Rings => {
                self.reply(now, &invite, 480, "", deeds);
                self.stage = Stage::Over;
            }
        }
    }
}
