//! Who gets the call: a plan walked agent by agent, overflow by overflow.

use std::sync::Arc;
use std::time::Duration;

use smallvec::{SmallVec, smallvec};

use crate::settings::{Destination, Ring};
use crate::{AgentId, Directory, PlanId};

/// Walks a plan and its overflows. It neither waits nor rings: each [`Hunt::next`] says what to try next, and is asked
/// again when that did not lead to an answer.
///
/// Never rings a plan twice, so it comes to an end whatever the plans say. Must be asked with the directory that it
/// began with.
#[derive(Clone, Debug)]
pub struct Hunt {
    state: State,
    been: SmallVec<[PlanId; 4]>,
}

#[derive(Clone, Debug)]
enum State {
    /// The next agent of this plan.
    InPlan { plan: PlanId, agent: usize },
    /// Somewhere else.
    At(Destination),
    /// Nothing is left.
    Over,
}

/// What to try next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// Ring these agents at the same time; ask again when none answered within the time, or when all refused.
    Ring {
        /// Whom to ring; never empty.
        agents: SmallVec<[RingAgent; 4]>,
        /// How long at most: the longest time of any agent.
        ring_time: Duration,
    },
    /// Answer, play this announcement, hang up; there is nothing after it.
    Announce(Arc<str>),
    /// Refuse with this status; there is nothing after it.
    Refuse(u16),
    /// Nothing is left to try.
    Exhausted,
}

/// An agent to ring.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RingAgent {
    /// The agent.
    pub agent: AgentId,
    /// How long this agent rings.
    pub ring_time: Duration,
}

impl Hunt {
    /// Begins with a plan.
    #[must_use]
    pub fn new(plan: PlanId) -> Self {
        Self {
            state: State::InPlan { plan, agent: 0 },
            been: smallvec![plan],
        }
    }

    /// Begins with a destination: that of emergency calls.
    #[must_use]
    pub fn to(destination: &Destination) -> Self {
        Self {
            state: State::At(destination.clone()),
            been: SmallVec::new(),
        }
    }

    /// What to try next.
    pub fn next(&mut self, directory: &Directory) -> Step {
        loop {
            match std::mem::replace(&mut self.state, State::Over) {
                State::InPlan { plan, agent } => {
                    let Some(plan) = directory.plan(plan) else {
                        return Step::Exhausted;
                    };
                    let left = plan.agents.get(agent..).unwrap_or_default();
                    let now = match plan.ring {
                        Ring::All => left,
                        Ring::One | Ring::Hunt => &left[..left.len().min(1)],
                    };
                    if now.is_empty() {
                        self.state = State::At(plan.overflow.clone());
                        continue;
                    }
                    self.state = State::InPlan {
                        plan: plan.id,
                        agent: agent + now.len(),
                    };
                    let agents: SmallVec<[RingAgent; 4]> = now
                        .iter()
                        .map(|rung| RingAgent {
                            agent: rung.agent,
                            ring_time: rung.ring_time,
                        })
                        .collect();
                    return ring(agents);
                }
                State::At(Destination::Plan(plan)) => {
                    if self.been.contains(&plan) {
                        return Step::Exhausted;
                    }
                    self.been.push(plan);
                    self.state = State::InPlan { plan, agent: 0 };
                }
                State::At(Destination::Agent(agent)) => {
                    return ring(smallvec![RingAgent {
                        agent,
                        ring_time: RING_TIME
                    }]);
                }
                State::At(Destination::Announce(name)) => return Step::Announce(name),
                State::At(Destination::Refuse(status)) => return Step::Refuse(status),
                State::Over => return Step::Exhausted,
            }
        }
    }
}

/// How long an agent rings that is reached by an overflow, where no plan gives a time.
const RING_TIME: Duration = Duration::from_secs(20);

fn ring(agents: SmallVec<[RingAgent; 4]>) -> Step {
    let ring_time = agents
        .iter()
        .map(|ring| ring.ring_time)
        .max()
        .unwrap_or(RING_TIME);
    Step::Ring { agents, ring_time }
}
