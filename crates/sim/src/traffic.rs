//! Mixed traffic: callers of all kinds, and agents who never do the same twice.

use std::time::Duration;

use crate::random::Random;
use crate::script::{AgentScript, CallerScript, Key, Then};
use crate::world::World;

impl World {
    /// So many mixed calls, over ten seconds from now on.
    pub fn offer_calls(&mut self, calls: usize) {
        for _ in 0..calls {
            let script = caller(self.random());
            let after = self.random().within(&(Duration::ZERO..Duration::from_secs(10)));
            let at = self.now() + after;
            self.call_at(at, script);
        }
    }
}

/// Any caller.
pub(crate) fn caller(random: &mut Random) -> CallerScript {
    let seconds =
        |random: &mut Random, most: u64| random.within(&(Duration::ZERO..Duration::from_secs(most)));
    let to = match random.below(24) {
        at @ 0..10 => format!("+1202555010{at}"),
        10..14 => "+12025550100".into(),
        14..18 => "+12025550102".into(),
        18 => "+12025550199".into(),
        19 => "911".into(),
        20 => "sip:nobody@192.0.2.1".into(),
        _ => "+12025550101".into(),
    };
    let from = match random.below(20) {
        0 => "+12025550187".into(),
        1..4 => "+12025550188".into(),
        4 => "+12025550189".into(),
        5 => "anonymous".into(),
        6 => "+12025550100".into(),
        7 => "+0".into(),
        _ => format!("+120255501{}", 10 + random.below(80)),
    };
    let keys = [
        Key::Event,
        Key::Info,
        Key::Wrong,
        Key::WrongThenRight,
        Key::Silent,
        Key::HangsUp,
    ];
    CallerScript {
        from,
        to,
        name: random.happens(50).then(|| "Car Warranty".to_owned()),
        lines: if random.happens(10) {
            "Require: precondition\r\n".into()
        } else {
            String::new()
        },
        hops: if random.happens(10) { 0 } else { 70 },
        offers: !random.happens(150),
        cancels_after: random.happens(200).then(|| seconds(random, 8)),
        hangs_up_after: random.happens(700).then(|| seconds(random, 20)),
        holds_after: random.happens(200).then(|| seconds(random, 6)),
        crashes_after: random.happens(80).then(|| seconds(random, 12)),
        key: random.one_of(&keys).copied().unwrap_or(Key::Silent),
        acknowledges: !random.happens(20),
        stranger: random.happens(20),
    }
}

/// Any agent.
pub(crate) fn agent(random: &mut Random) -> AgentScript {
    let seconds =
        |random: &mut Random, most: u64| random.within(&(Duration::ZERO..Duration::from_secs(most)));
    let statuses = [486, 480, 603, 503, 404, 302, 488, 600];
    let then = match random.below(10) {
        0..6 => Then::Answers(seconds(random, 6)),
        6..9 => Then::Refuses(
            random.one_of(&statuses).copied().unwrap_or(486),
            seconds(random, 3),
        ),
        _ => Then::Rings,
    };
    AgentScript {
        tries: random.happens(800),
        rings_after: random.happens(900).then(|| seconds(random, 1)),
        early_media: random.happens(200),
        then,
        hangs_up_after: random.happens(400).then(|| seconds(random, 20)),
        holds_after: random.happens(200).then(|| seconds(random, 6)),
        crashes_after: random.happens(80).then(|| seconds(random, 12)),
        takes_reinvites: !random.happens(50),
    }
}
