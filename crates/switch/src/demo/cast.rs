//! Who calls in the demo, what they do, and what should come of it.

use std::net::SocketAddr;
use std::time::Duration;

use call_model::{Cause, ChallengeOutcome, Ending, Treatment};

use super::leg::Presses;

/// One call to be placed.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    /// Tells calls, their tags and streams apart.
    pub(super) number: u32,
    pub(super) call_id: String,
    /// Where the switch is.
    pub(super) switch: SocketAddr,
    /// The caller's number, or `anonymous`.
    pub(super) from: &'static str,
    /// The name shown.
    pub(super) name: Option<&'static str>,
    /// The number called.
    pub(super) to: &'static str,
    pub(super) by: By,
    pub(super) does: Does,
    /// What this call is about.
    pub(super) story: &'static str,
    pub(super) expected: Expected,
}

/// How the call comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum By {
    /// From the carrier, in datagrams.
    Udp,
    /// From the carrier, over a connection.
    Tcp,
    /// From somebody who is no carrier of ours.
    Stranger,
}

/// What the caller does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Does {
    /// Hangs up so long after the answer.
    Talks(Duration),
    /// Waits until the other side hangs up.
    Listens,
    /// Listens for the captcha's key, presses it or another, then waits until the other side hangs up.
    Presses(Presses),
    /// Gives up so long after dialling.
    Cancels(Duration),
}

/// What should stand in the call's record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) treatment: Treatment,
    pub(super) ending: Ending,
    pub(super) cause: Cause,
    pub(super) status: u16,
    pub(super) challenge: Option<ChallengeOutcome>,
    /// Whether caller and agent should have heard each other.
    pub(super) hear_each_other: bool,
}

/// Calls that one caller makes, one after another.
pub(super) type Chain = Vec<Planned>;

impl Planned {
    /// The call as a line of the show names it.
    pub(super) fn line(&self) -> String {
        format!("{} → {}", self.from, self.to)
    }
}

/// All calls, by caller; the chains begin together. `talk` is how long a talk lasts that the caller ends.
pub(super) fn chains(switch: SocketAddr, talk: Duration) -> Vec<Chain> {
    let mut cast = Cast {
        switch,
        talk,
        chains: Vec::new(),
        next: 0,
    };
    cast.ordinary_callers();
    cast.unwanted_callers();
    cast.repeating_callers();
    cast.agents_who_do_not_answer();
    cast.numbers_out_of_use();
    cast.chains
}

struct Cast {
    switch: SocketAddr,
    talk: Duration,
    chains: Vec<Chain>,
    next: u32,
}

const FRONT_DESK: &str = "+12025550100";
const SALES: &str = "+12025550101";
const SUPPORT: &str = "+12025550102";
const EVERYONE: &str = "+12025550103";
const BILLING: &str = "+12025550104";
const PAUSED: &str = "+12025550105";
const RELEASED: &str = "+12025550106";
const NOBODYS: &str = "+12025550199";

/// What a robot waits before it hangs up on whoever answered.
const ROBOT_TALKS: Duration = Duration::from_millis(200);

impl Cast {
    fn ordinary_callers(&mut self) {
        let callers = [
            "+12065550110",
            "+12065550111",
            "+12065550112",
            "+12065550113",
            "+12065550114",
            "+12065550115",
        ];
        for (at, from) in callers.into_iter().enumerate() {
            let by = if at % 2 == 0 { By::Udp } else { By::Tcp };
            let call = self.call(from, FRONT_DESK, "calls the front desk", talked());
            self.alone(Planned { by, ..call });
        }
        let hunted = self.call("+12065550116", SALES, "calls sales, where dave is busy", talked());
        self.alone(hunted);
        let all = self.call("+12065550117", EVERYONE, "calls everyone at once", talked());
        self.alone(all);
        let withheld = self.call("anonymous", FRONT_DESK, "calls with a withheld number", talked());
        self.alone(withheld);
    }

    fn unwanted_callers(&mut self) {
        let blocked = refused(Cause::OwnerBlocked, 607);
        let by_number = self.call("+12125550187", FRONT_DESK, "is on the block list", blocked);
        let emergency = self.call("+12125550187", "911", "is blocked, and dials 911", talked());
        self.chains.push(vec![by_number, emergency]);
        let by_prefix = self.call("+12125550193", SALES, "is of a blocked prefix", blocked);
        self.alone(by_prefix);
        let by_name = self.call("+13055550133", FRONT_DESK, "shows a blocked name", blocked);
        self.alone(Planned {
            name: Some("Car Warranty Dept"),
            ..by_name
        });
        let impossible = refused(Cause::CallerInvalid, 403);
        let malformed = self.call(
            "+11025550143",
            FRONT_DESK,
            "shows a number that cannot exist",
            impossible,
        );
        self.alone(malformed);
        let own = refused(Cause::OwnNumber, 403);
        let own = self.call(SALES, FRONT_DESK, "claims one of our own numbers", own);
        self.alone(own);
        let stranger = refused(Cause::UnknownTrunk, 403);
        let stranger = self.call("+12065550118", FRONT_DESK, "comes from no trunk", stranger);
        self.alone(Planned {
            by: By::Stranger,
            ..stranger
        });
    }

    /// Callers whose fourth call in ten minutes asks for a key.
    fn repeating_callers(&mut self) {
        let welcome = (0..5).map(|_| {
            self.call(
                "+12025550161",
                FRONT_DESK,
                "calls again, and is on the allow list",
                talked(),
            )
        });
        let welcome = welcome.collect();
        self.chains.push(welcome);

        let mut robot = self.three_calls("+13125550142", ROBOT_TALKS);
        let gives_up = self.call("+13125550142", FRONT_DESK, "hammers on", abandoned());
        robot.push(Planned {
            does: Does::Talks(Duration::from_secs(1)),
            ..gives_up
        });
        let silent = self.call("+13125550142", FRONT_DESK, "hammers on, says nothing", silent());
        robot.push(Planned {
            does: Does::Listens,
            ..silent
        });
        self.chains.push(robot);

        let mut person = self.three_calls("+14155550123", self.talk);
        let passes = self.call(
            "+14155550123",
            FRONT_DESK,
            "calls once more, a person",
            passed_challenge(),
        );
        person.push(Planned {
            does: Does::Presses(Presses::Right),
            ..passes
        });
        let again = self.call(
            "+14155550123",
            FRONT_DESK,
            "calls again, and is remembered",
            talked(),
        );
        person.push(again);
        self.chains.push(person);

        let mut fumbler = self.three_calls("+16175550155", ROBOT_TALKS);
        let fails = self.call(
            "+16175550155",
            FRONT_DESK,
            "calls once more, will press wrong keys",
            failed(),
        );
        fumbler.push(Planned {
            does: Does::Presses(Presses::Wrong),
            ..fails
        });
        self.chains.push(fumbler);
    }

    fn agents_who_do_not_answer(&mut self) {
        let overflow = Expected {
            ending: Ending::Unanswered,
            cause: Cause::NoAnswer,
            ..allowed(200)
        };
        let overflow = self.call(
            "+12065550120",
            SUPPORT,
            "calls support, where carol is away",
            overflow,
        );
        self.alone(Planned {
            does: Does::Listens,
            ..overflow
        });
        let busy = Expected {
            ending: Ending::Unanswered,
            cause: Cause::Busy,
            ..allowed(486)
        };
        let busy = self.call("+12065550121", BILLING, "calls billing, where dave is busy", busy);
        self.alone(busy);
        let cancelled = Expected {
            ending: Ending::Cancelled,
            cause: Cause::CallerCancelled,
            ..allowed(487)
        };
        let cancelled = self.call("+12065550122", SUPPORT, "calls support, will not wait", cancelled);
        self.alone(Planned {
            does: Does::Cancels(Duration::from_millis(800)),
            ..cancelled
        });
    }

    fn numbers_out_of_use(&mut self) {
        for (from, to, story, cause, status) in [
            (
                "+12065550124",
                PAUSED,
                "calls a paused number",
                Cause::NumberPaused,
                480,
            ),
            (
                "+12065550125",
                RELEASED,
                "calls a number given up",
                Cause::NumberReleased,
                410,
            ),
            (
                "+12065550126",
                NOBODYS,
                "calls a number nobody has",
                Cause::NumberUnknown,
                404,
            ),
        ] {
            let call = self.call(from, to, story, refused(cause, status));
            self.alone(call);
        }
    }

    fn three_calls(&mut self, from: &'static str, talk: Duration) -> Chain {
        let stories = ["calls", "calls a second time", "calls a third time"];
        let expected = Expected {
            // A robot hangs up before much can be heard.
            hear_each_other: talk > ROBOT_TALKS,
            ..talked()
        };
        let calls = stories.into_iter().map(|story| Planned {
            does: Does::Talks(talk),
            ..self.call(from, FRONT_DESK, story, expected)
        });
        calls.collect()
    }

    fn call(
        &mut self,
        from: &'static str,
        to: &'static str,
        story: &'static str,
        expected: Expected,
    ) -> Planned {
        self.next += 1;
        Planned {
            number: self.next,
            call_id: format!("demo-{}@carrier.example.com", self.next),
            switch: self.switch,
            from,
            name: None,
            to,
            by: By::Udp,
            does: Does::Talks(self.talk),
            story,
            expected,
        }
    }

    fn alone(&mut self, call: Planned) {
        self.chains.push(vec![call]);
    }
}

fn allowed(status: u16) -> Expected {
    Expected {
        treatment: Treatment::Allow,
        ending: Ending::Answered,
        cause: Cause::Normal,
        status,
        challenge: None,
        hear_each_other: false,
    }
}

fn talked() -> Expected {
    Expected {
        hear_each_other: true,
        ..allowed(200)
    }
}

fn refused(cause: Cause, status: u16) -> Expected {
    Expected {
        treatment: Treatment::Reject,
        ending: Ending::Refused,
        cause,
        ..allowed(status)
    }
}

fn challenged(ending: Ending, cause: Cause, challenge: ChallengeOutcome) -> Expected {
    Expected {
        treatment: Treatment::Challenge,
        ending,
        cause,
        challenge: Some(challenge),
        ..allowed(200)
    }
}

fn passed_challenge() -> Expected {
    Expected {
        hear_each_other: true,
        ..challenged(Ending::Answered, Cause::Normal, ChallengeOutcome::Passed)
    }
}

fn failed() -> Expected {
    challenged(Ending::Diverted, Cause::ChallengeFailed, ChallengeOutcome::Failed)
}

fn silent() -> Expected {
    challenged(Ending::Diverted, Cause::ChallengeSilent, ChallengeOutcome::Silent)
}

fn abandoned() -> Expected {
    challenged(
        Ending::Diverted,
        Cause::ChallengeAbandoned,
        ChallengeOutcome::Abandoned,
    )
}
