//! `[[plan]]`, `[emergency]`: where calls go.

use std::sync::Arc;
use std::time::Duration;

use call_model::PlanName;
use toml::de::DeValue;

use super::business::Agents;
use super::{Loader, Names};
use crate::catalogue::{Kind, Presence};
use crate::fault::{Faults, Place};
use crate::reader::{FromToml, Table, expected};
use crate::settings::{Destination, EmergencySettings, MediaPath, Plan, Ring, Rung};
use crate::tables_business::{AGENT_ENTRY, DESTINATION};
use crate::{AgentId, PlanId, TenantId};

/// The most agents of one plan.
const AGENTS_MAX: usize = 50;

/// Plans with their names; absent are those with a fault.
pub(super) struct Plans {
    pub(super) rows: Vec<Option<Plan>>,
    pub(super) names: Names,
    tenants: Vec<Option<TenantId>>,
}

impl Plans {
    pub(super) fn tenant(&self, plan: u32) -> Option<TenantId> {
        self.tenants.get(plan as usize).copied().flatten()
    }
}

/// What a destination may name.
#[derive(Clone, Copy)]
struct Reachable<'n> {
    plans: &'n Names,
    plan_tenants: &'n [Option<TenantId>],
    agents: &'n Agents,
    /// The only business whose plans and agents may be named; absent for any.
    tenant: Option<TenantId>,
}

impl Loader<'_, '_> {
    pub(super) fn plans(&mut self, tenants: &Names, agents: &Agents, anchor: bool) -> Plans {
        let mut names = Names::new("plan");
        let tables = self.many("plan");
        let mut own_names = Vec::new();
        let mut plan_tenants = Vec::new();
        for (id, table) in tables.iter().enumerate() {
            own_names.push(names.register(table, id as u32, &mut self.faults));
            plan_tenants.push(tenants.refer(table, "tenant", &mut self.faults).map(TenantId));
        }
        let mut rows = Vec::new();
        for (table, name) in tables.iter().zip(own_names) {
            let id = PlanId(rows.len() as u32);
            let tenant = plan_tenants.get(id.index()).copied().flatten();
            let reachable = Reachable {
                plans: &names,
                plan_tenants: &plan_tenants,
                agents,
                tenant,
            };
            rows.push(plan(table, id, name, reachable, anchor, &mut self.faults));
        }
        self.circles(&rows, &tables);
        Plans {
            rows,
            names,
            tenants: plan_tenants,
        }
    }

    /// Notes each circle of overflows once, at its first plan.
    fn circles(&mut self, plans: &[Option<Plan>], tables: &[Table<'_>]) {
        let overflow = |at: usize| match plans.get(at)?.as_ref()?.overflow {
            Destination::Plan(next) => Some(next.index()),
            Destination::Agent(_) | Destination::Announce(_) | Destination::Refuse(_) => None,
        };
        // 0: not looked at; otherwise the walk, counted from 1, that came by first.
        let mut walks = vec![0; plans.len()];
        for start in 0..plans.len() {
            let mut at = Some(start);
            while let Some(here) = at.filter(|here| walks.get(*here) == Some(&0)) {
                walks[here] = start + 1;
                at = overflow(here);
            }
            // A walk that comes by itself again has found a circle.
            let Some(met) = at.filter(|met| walks.get(*met) == Some(&(start + 1))) else {
                continue;
            };
            let mut circle = vec![met];
            while let Some(next) = circle
                .last()
                .and_then(|last| overflow(*last))
                .filter(|next| *next != met)
            {
                circle.push(next);
            }
            let first = circle
                .iter()
                .enumerate()
                .min_by_key(|(_, plan)| **plan)
                .map_or(0, |(at, _)| at);
            circle.rotate_left(first);
            circle.push(circle[0]);
            let each: Vec<&str> = circle
                .iter()
                .filter_map(|at| Some(plans.get(*at)?.as_ref()?.name.as_str()))
                .collect();
            if let Some(table) = tables.get(circle[0]) {
                self.faults.note(
                    &table.place("overflow"),
                    format!("overflow goes in a circle: {}", each.join(" → ")),
                );
            }
        }
    }

    pub(super) fn emergency(&mut self, plans: &Plans, agents: &Agents) -> EmergencySettings {
        let table = self.one("emergency");
        let faults = &mut self.faults;
        let numbers: Vec<(Arc<str>, Place)> = table.list("numbers", faults);
        let reachable = Reachable {
            plans: &plans.names,
            plan_tenants: &plans.tenants,
            agents,
            tenant: None,
        };
        let found = destination(&table, "destination", reachable, faults);
        if let Some(Destination::Announce(_) | Destination::Refuse(_)) = found {
            let message =
                "an emergency call goes to a plan or an agent; without a destination it is refused with 404";
            faults.note(&table.place("destination"), message);
        }
        let numbers: Vec<Box<str>> = numbers.into_iter().map(|(number, _)| (*number).into()).collect();
        EmergencySettings {
            numbers,
            destination: found,
        }
    }
}

fn plan(
    table: &Table<'_>,
    id: PlanId,
    name: Option<Arc<str>>,
    reachable: Reachable<'_>,
    anchor: bool,
    faults: &mut Faults<'_>,
) -> Option<Plan> {
    let ring = match table.read::<Arc<str>>("ring", faults).as_deref() {
        Some("all") => Some(Ring::All),
        Some("hunt") => Some(Ring::Hunt),
        Some(_) => Some(Ring::One),
        None => None,
    };
    let ring_time: Option<Duration> = table.read("ring_time", faults);
    let agents = rungs(
        table,
        ring_time.unwrap_or(Duration::from_secs(20)),
        reachable,
        faults,
    );
    if agents.len() > AGENTS_MAX {
        faults.note(
            &table.place("agents"),
            format!(
                "{} agents, at most {AGENTS_MAX} are rung by one plan",
                agents.len()
            ),
        );
    }
    if ring == Some(Ring::One) && agents.len() > 1 {
        let message = format!(
            "{} agents, but ring = \"one\" rings one: write ring = \"all\" or \"hunt\"",
            agents.len()
        );
        faults.note(&table.place("agents"), message);
    }
    if ring == Some(Ring::All) {
        for (at, (rung, place)) in agents.iter().enumerate() {
            if agents[..at].iter().any(|(before, _)| before.agent == rung.agent) {
                faults.note(place, "the agent is rung twice at the same time");
            }
        }
    }
    let overflow = destination(table, "overflow", reachable, faults);
    let fallback = match destination(table, "challenge_fallback", reachable, faults) {
        Some(Destination::Announce(name)) => Some(name),
        Some(Destination::Plan(_) | Destination::Agent(_) | Destination::Refuse(_)) => {
            faults.note(
                &table.place("challenge_fallback"),
                "the call is answered by then: only { announce = \"…\" } is left",
            );
            None
        }
        None => None,
    };
    let media = match table.read::<Arc<str>>("media", faults).as_deref() {
        Some("anchor") => MediaPath::Anchor,
        None if anchor => MediaPath::Anchor,
        Some(_) | None => MediaPath::Direct,
    };
    Some(Plan {
        id,
        name: PlanName::from(&*name?),
        tenant: reachable.tenant?,
        ring: ring?,
        agents: agents.into_iter().map(|(rung, _)| rung).collect(),
        overflow: overflow?,
        challenge_fallback: fallback?,
        media,
    })
}

/// An entry of a plan's agents: a name, or a table with a name in it.
fn rungs(
    table: &Table<'_>,
    ring_time: Duration,
    reachable: Reachable<'_>,
    faults: &mut Faults<'_>,
) -> Vec<(Rung, Place)> {
    let kind = Kind::Agents;
    let Some((value, place)) = table.given("agents") else {
        faults.note(&table.place, format!("agents is missing: {}", kind.in_words()));
        return Vec::new();
    };
    let Some(entries) = value.as_array() else {
        faults.note(&place, expected(kind, value));
        return Vec::new();
    };
    if entries.is_empty() {
        faults.note(&place, "an empty list: a plan rings at least one agent");
    }
    let mut rungs = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let place = place.at(entry.span().start, format!("{}[{index}]", place.key));
        let (name, name_at, own_time) = if let Some(content) = entry.get_ref().as_table() {
            let entry = Table::open(&AGENT_ENTRY, content, place.clone(), faults);
            let name: Option<Arc<str>> = entry.read("agent", faults);
            (name, entry.place("agent"), entry.read("ring_time", faults))
        } else if entry.get_ref().is_str() {
            let name = <Arc<str>>::from_toml(Kind::Name, entry.get_ref());
            (
                name.map_err(|message| faults.note(&place, message)).ok(),
                place.clone(),
                None,
            )
        } else {
            faults.note(&place, expected(kind, entry.get_ref()));
            continue;
        };
        let Some(agent) = name.and_then(|name| reachable.agent(&name, &name_at, faults)) else {
            continue;
        };
        rungs.push((
            Rung {
                agent,
                ring_time: own_time.unwrap_or(ring_time),
            },
            name_at,
        ));
    }
    rungs
}

/// Reads where a call goes: as given, or the default. Absent where neither is there, or where a fault was noted.
fn destination(
    table: &Table<'_>,
    key: &'static str,
    reachable: Reachable<'_>,
    faults: &mut Faults<'_>,
) -> Option<Destination> {
    if let Some((value, place)) = table.given(key) {
        return destination_of(value, place, reachable, faults);
    }
    let Presence::Default(text) = &table.spec.setting(key)?.presence else {
        return None;
    };
    let value = DeValue::parse(text).expect("defaults in the catalogue are TOML values");
    destination_of(value.get_ref(), table.place(key), reachable, faults)
}

fn destination_of(
    value: &DeValue<'_>,
    place: Place,
    reachable: Reachable<'_>,
    faults: &mut Faults<'_>,
) -> Option<Destination> {
    let DeValue::Table(content) = value else {
        faults.note(&place, expected(Kind::Destination, value));
        return None;
    };
    let table = Table::open(&DESTINATION, content, place, faults);
    let given = ["plan", "agent", "announce", "refuse"]
        .into_iter()
        .filter(|key| table.given(key).is_some());
    let given: Vec<&'static str> = given.collect();
    let [key] = given.as_slice() else {
        // An unknown key has a fault of its own.
        if !given.is_empty() || content.is_empty() {
            faults.note(
                &table.place,
                format!("exactly one is needed: {}", Kind::Destination.in_words()),
            );
        }
        return None;
    };
    if *key == "refuse" {
        return table.read("refuse", faults).map(Destination::Refuse);
    }
    let name: Arc<str> = table.read(key, faults)?;
    let at = table.place(key);
    match *key {
        "plan" => reachable.plan(&name, &at, faults).map(Destination::Plan),
        "agent" => reachable.agent(&name, &at, faults).map(Destination::Agent),
        _ => Some(Destination::Announce(name)),
    }
}

impl Reachable<'_> {
    fn plan(self, name: &str, place: &Place, faults: &mut Faults<'_>) -> Option<PlanId> {
        let id = PlanId(self.plans.find(name, place, faults)?);
        let tenant = self.plan_tenants.get(id.index()).copied().flatten();
        self.same_tenant(tenant, "plan", name, place, faults)
            .then_some(id)
    }

    fn agent(self, name: &str, place: &Place, faults: &mut Faults<'_>) -> Option<AgentId> {
        let id = AgentId(self.agents.names.find(name, place, faults)?);
        let tenant = self
            .agents
            .rows
            .get(id.index())
            .and_then(Option::as_ref)
            .map(|agent| agent.tenant);
        self.same_tenant(tenant, "agent", name, place, faults)
            .then_some(id)
    }

    /// Notes a fault where both businesses are known and differ.
    fn same_tenant(
        self,
        theirs: Option<TenantId>,
        what: &str,
        name: &str,
        place: &Place,
        faults: &mut Faults<'_>,
    ) -> bool {
        let differs = self
            .tenant
            .zip(theirs)
            .is_some_and(|(ours, theirs)| ours != theirs);
        if differs {
            faults.note(place, format!("the {what} \"{name}\" belongs to another tenant"));
        }
        !differs
    }
}
