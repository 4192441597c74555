//! The carrier's side: places one call, and does what its caller does.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use media::Library;
use tokio::time::{Instant, sleep_until};

use super::Stage;
use super::audio::{Audio, Tone};
use super::cast::{Does, Planned};
use super::ear::Ear;
use super::leg::{Leg, Manners, Moment};
use super::message::{Heard, description};
use super::wire::{Exchange, Way};

/// What the caller saw and heard.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// The final status of its INVITE.
    pub(super) status: u16,
    /// Whether the caller heard the agent's voice.
    pub(super) heard_agent: bool,
}

/// No call of the demo waits longer for its answer.
const ANSWER_MAX: Duration = Duration::from_secs(20);
const T1: Duration = Duration::from_millis(500);

/// Places a call, and sees it through.
pub(super) async fn place(
    call: &Planned,
    way: Way,
    exchange: &Exchange,
    stage: &Stage,
    library: &Arc<Library>,
) -> Result<Seen> {
    let mut audio = Audio::open(call.number, Tone::Caller).await?;
    if matches!(call.does, Does::Presses(_)) {
        audio.ear = Some(Ear::new(library));
    }
    let mut leg = leg_of(call, way, exchange)?;
    let say = |text: String| stage.say(&call.line(), text);
    say(call.story.to_owned());
    let Some((answer, ack)) = invite(call, &mut leg, &audio, &say).await? else {
        return Ok(Seen {
            status: 487,
            ..Seen::default()
        });
    };
    let status = answer.status.unwrap_or(0);
    let Some(ack) = ack else {
        say(format!("is refused: {status} {}", answer.reason_phrase));
        return Ok(Seen {
            status,
            ..Seen::default()
        });
    };
    say("is answered".into());
    audio.talk_to(&answer.body);
    let manners = Manners {
        hangs_up_after: match call.does {
            Does::Talks(time) => Some(time),
            Does::Listens | Does::Presses(_) | Does::Cancels(_) => None,
        },
        waits_to_hear: call.expected.hear_each_other,
        presses: match call.does {
            Does::Presses(presses) => Some(presses),
            Does::Talks(_) | Does::Listens | Does::Cancels(_) => None,
        },
    };
    leg.talk(&mut audio, Some(&ack), &manners, &mut |moment| match moment {
        Moment::Pressing { asked, pressed } => {
            say(format!("hears “press {asked}”, presses {pressed} (RFC 4733)"));
        }
        Moment::HearsTheOther => say("hears an agent".into()),
    })
    .await?;
    say(if manners.hangs_up_after.is_some() {
        "hung up".into()
    } else {
        "was hung up on".into()
    });
    Ok(Seen {
        status,
        heard_agent: audio.heard_the_other(),
    })
}

fn leg_of(call: &Planned, way: Way, exchange: &Exchange) -> Result<Leg> {
    let local = way.local()?;
    let transport = if way.is_datagrams() { "" } else { ";transport=tcp" };
    let tag = format!("caller{}", call.number);
    let shown = call.name.map_or_else(String::new, |name| format!("\"{name}\" "));
    let host = if call.from == "anonymous" {
        "anonymous.invalid"
    } else {
        "carrier.example.com"
    };
    let target = format!("sip:{}@{}", call.to, call.switch);
    Ok(Leg {
        inbox: exchange.follow(&call.call_id),
        call_id: call.call_id.clone(),
        local: format!("{shown}<sip:{}@{host}>;tag={tag}", call.from),
        tag,
        remote: format!("<{target}>"),
        target,
        cseq: 1,
        branches: 0,
        contact: format!("<sip:caller@{local}{transport}>"),
        way,
    })
}

/// Sends the INVITE until its final answer. The ACK is there where the call is up; nothing is, where it was cancelled.
async fn invite(
    call: &Planned,
    leg: &mut Leg,
    audio: &Audio,
    say: &impl Fn(String),
) -> Result<Option<(Heard, Option<Vec<u8>>)>> {
    let branch = leg.new_branch();
    let invite = leg.write("INVITE", 1, &branch, &description(audio.local()))?;
    let began = Instant::now();
    let (mut gap, mut resend_at) = (T1, began + T1);
    let cancel_at = match call.does {
        Does::Cancels(after) => Some(began + after),
        Does::Talks(_) | Does::Listens | Does::Presses(_) => None,
    };
    let (mut proceeding, mut ringing, mut cancelled) = (false, false, false);
    leg.way.send(invite.clone()).await;
    loop {
        tokio::select! {
            arrived = leg.inbox.recv() => {
                let heard = arrived.context("the carrier's socket is gone")?.heard;
                let Some(status) = heard.status.filter(|_| heard.method == "INVITE") else { continue };
                proceeding = true;
                if status < 200 {
                    if status > 100 && !ringing {
                        ringing = true;
                        say("hears it ring".into());
                    }
                    continue;
                }
                leg.remote.clone_from(&heard.to);
                if status >= 300 {
                    // RFC 3261 §17.1.1.3: this ACK belongs to the transaction of the INVITE.
                    let ack = leg.write("ACK", 1, &branch, "")?;
                    leg.way.send(ack).await;
                    return Ok(if cancelled { None } else { Some((heard, None)) });
                }
                let Some(contact) = heard.contact.clone() else { bail!("an answer without Contact") };
                leg.target = contact;
                let branch = leg.new_branch();
                let ack = leg.write("ACK", 1, &branch, "")?;
                leg.way.send(ack.clone()).await;
                return Ok(Some((heard, Some(ack))));
            }
            () = sleep_until(resend_at), if leg.way.is_datagrams() && !proceeding => {
                gap *= 2;
                resend_at = Instant::now() + gap;
                leg.way.send(invite.clone()).await;
            }
            () = sleep_until(cancel_at.unwrap_or(began)), if cancel_at.is_some() && proceeding && !cancelled => {
                cancelled = true;
                say("gives up (CANCEL)".into());
                let cancel = leg.write("CANCEL", 1, &branch, "")?;
                leg.way.send(cancel).await;
            }
            () = sleep_until(began + ANSWER_MAX) => bail!("no final answer came"),
        }
    }
}
