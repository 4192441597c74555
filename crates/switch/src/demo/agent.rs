//! The agents' side: four phones, each with a manner of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use super::Stage;
use super::audio::{Audio, Tone};
use super::leg::{Leg, Manners, Moment};
use super::message::{Heard, description};
use super::wire::{self, Exchange, Invited};

/// An agent's phone.
pub(super) struct Agent {
    /// As the settings name it.
    pub(super) name: &'static str,
    /// Where the settings say it is; replaced by where it really is.
    pub(super) in_settings: &'static str,
    over_tcp: bool,
    does: AgentDoes,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum AgentDoes {
    /// Answers after this time.
    Answers(Duration),
    /// Lets it ring.
    Rings,
    /// Is on another call.
    IsBusy,
}

/// The agents of `configs/demo.toml`.
pub(super) const AGENTS: [Agent; 4] = [
    Agent {
        name: "alice",
        in_settings: "127.0.0.1:5171",
        over_tcp: false,
        does: AgentDoes::Answers(Duration::from_millis(300)),
    },
    Agent {
        name: "bob",
        in_settings: "127.0.0.1:5172",
        over_tcp: true,
        does: AgentDoes::Answers(Duration::from_millis(900)),
    },
    Agent {
        name: "carol",
        in_settings: "127.0.0.1:5173",
        over_tcp: false,
        does: AgentDoes::Rings,
    },
    Agent {
        name: "dave",
        in_settings: "127.0.0.1:5174",
        over_tcp: false,
        does: AgentDoes::IsBusy,
    },
];

impl Agent {
    /// Switches the phone on; says where it is.
    pub(super) async fn switch_on(&'static self, stage: Arc<Stage>) -> Result<SocketAddr> {
        let (exchange, invites) = Exchange::new();
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let at = if self.over_tcp {
            wire::listen_tcp(anywhere, &exchange).await?
        } else {
            wire::listen_udp(anywhere, &exchange).await?.local_addr()?
        };
        tokio::spawn(self.take_calls(at, invites, stage));
        Ok(at)
    }

    async fn take_calls(
        &'static self,
        at: SocketAddr,
        mut invites: mpsc::Receiver<Invited>,
        stage: Arc<Stage>,
    ) {
        while let Some((arrived, inbox)) = invites.recv().await {
            let stage = Arc::clone(&stage);
            let invite = arrived.heard;
            let number = stage.next_agent_call();
            let transport = if self.over_tcp { ";transport=tcp" } else { "" };
            let tag = format!("{}{number}", self.name);
            let leg = Leg {
                way: arrived.back,
                inbox,
                call_id: invite.call_id.clone(),
                local: format!("{};tag={tag}", invite.to),
                tag,
                remote: invite.from.clone(),
                target: invite.contact.clone().unwrap_or_default(),
                cseq: 0,
                branches: 0,
                contact: format!("<sip:{}@{at}{transport}>", self.name),
            };
            tokio::spawn(async move {
                if let Err(fault) = self.take_call(leg, &invite, number, &stage).await {
                    stage.fail(format!("{}'s phone: {fault:#}", self.name));
                }
            });
        }
    }

    async fn take_call(&self, mut leg: Leg, invite: &Heard, number: u32, stage: &Stage) -> Result<()> {
        let say = |text: String| stage.say(self.name, text);
        let caller = &invite.caller;
        leg.reply(invite, 100, "").await;
        let rings_for = match self.does {
            AgentDoes::IsBusy => {
                say(format!("is busy for {caller}"));
                return leg.answer(invite, 486, "").await;
            }
            AgentDoes::Answers(after) => after,
            AgentDoes::Rings => Duration::from_secs(30),
        };
        sleep(Duration::from_millis(30)).await;
        let ringing = leg.reply(invite, 180, "").await;
        say(format!("is rung for {caller}"));
        let until = Instant::now() + rings_for;
        while let Ok(arrived) = timeout(until - Instant::now(), leg.inbox.recv()).await {
            let heard = arrived.context("the agent's socket is gone")?.heard;
            match heard.method.as_str() {
                "CANCEL" => {
                    leg.reply(&heard, 200, "").await;
                    say("stops ringing".into());
                    return leg.answer(invite, 487, "").await;
                }
                "INVITE" => leg.way.send(ringing.clone()).await,
                _ => {}
            }
        }
        let mut audio = Audio::open(0x1000 + number, Tone::Agent).await?;
        audio.talk_to(&invite.body);
        let body = description(audio.local());
        leg.answer(invite, 200, &body).await?;
        let manners = Manners {
            hangs_up_after: Some(stage.agent_talks),
            waits_to_hear: true,
            presses: None,
        };
        leg.talk(&mut audio, None, &manners, &mut |moment| {
            if let Moment::HearsTheOther = moment {
                say(format!("talks with {caller}"));
                stage.agent_heard(caller);
            }
        })
        .await
    }
}
