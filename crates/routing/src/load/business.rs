//! The tables about people: `[[trunk]]`, `[[tenant]]`, `[[agent]]`.

use std::num::NonZeroU32;
use std::sync::Arc;

use call_model::{AgentName, TenantName, TrunkName};
use screening::{DetectiveSettings, Lists, TrunkBudget};

use super::detective::{hold_back, treatment};
use super::{Loader, Names};
use crate::digest::Digest;
use crate::fault::{Faults, Place};
use crate::reader::Table;
use crate::settings::{Agent, Country, Dialling, Listener, Network, Tenant, Trunk};
use crate::sources::Sources;
use crate::value::AgentUri;
use crate::{AgentId, TenantId, TrunkId};

/// Tenants with their names.
pub(super) struct Tenants {
    pub(super) rows: Vec<Tenant>,
    pub(super) names: Names,
}

/// Agents with their names; absent are those with a fault.
pub(super) struct Agents {
    pub(super) rows: Vec<Option<Agent>>,
    pub(super) names: Names,
}

impl Loader<'_, '_> {
    pub(super) fn trunks(&mut self) -> (Vec<Option<Trunk>>, Sources, Names) {
        let mut names = Names::new("trunk");
        let mut sources = Sources::default();
        let tables = self.many("trunk");
        let mut trunks = Vec::new();
        for (id, table) in tables.iter().enumerate() {
            let id = TrunkId(id as u32);
            let name = names.register(table, id.0, &mut self.faults);
            let own: Vec<(Network, Place)> = table.list("sources", &mut self.faults);
            for (network, place) in &own {
                if let Some((other, trunk)) = sources.add(*network, id) {
                    let whose = tables.get(trunk.index()).map_or_else(String::new, |other| {
                        if trunk == id {
                            "this trunk".into()
                        } else {
                            format!("the trunk at {}", self.faults.where_is(&other.place))
                        }
                    });
                    self.faults
                        .note(place, format!("{network} overlaps with {other} of {whose}"));
                }
            }
            trunks.push(self.trunk(
                table,
                id,
                name,
                own.into_iter().map(|(network, _)| network).collect(),
            ));
        }
        (trunks, sources, names)
    }

    fn trunk(
        &mut self,
        table: &Table<'_>,
        id: TrunkId,
        name: Option<Arc<str>>,
        sources: Vec<Network>,
    ) -> Option<Trunk> {
        let faults = &mut self.faults;
        let calls_per_second = table
            .read::<u32>("calls_per_second", faults)
            .and_then(NonZeroU32::new);
        let burst = table.read::<u32>("burst", faults).and_then(NonZeroU32::new);
        let calls_at_once = table.read("calls_at_once", faults);
        if table.given("burst").is_some() && table.given("calls_per_second").is_none() {
            faults.note(
                &table.place("burst"),
                "burst means nothing without calls_per_second",
            );
        }
        let (identity, marks) = (
            table.read("trust_identity", faults),
            table.read("emergency_marks", faults),
        );
        let own_numbers = table.read("own_numbers", faults);
        let code: Option<Arc<str>> = table.read("country", faults);
        let prefix: Option<Arc<str>> = table.read("national_prefix", faults);
        if prefix.is_some() && table.given("country").is_none() {
            faults.note(
                &table.place("national_prefix"),
                "national_prefix means nothing without country",
            );
        }
        let country = code.and_then(|code| code.parse().ok()).map(|code| Country {
            code,
            national_prefix: prefix
                .as_deref()
                .unwrap_or(if code == 1 { "1" } else { "0" })
                .into(),
        });
        let (name, own_numbers) = (name?, own_numbers?);
        self.digest.text("trunk");
        self.digest.text(&name);
        self.digest.number(u64::from(own_numbers));
        Some(Trunk {
            id,
            name: TrunkName::from(&*name),
            sources,
            budget: TrunkBudget {
                calls_per_second,
                burst,
                calls_at_once,
            },
            trust_identity: identity?,
            emergency_marks: marks?,
            own_numbers,
            dialling: Dialling { country },
        })
    }

    /// Every table makes a tenant, so that those after it keep their place; a fault fails the load as a whole.
    pub(super) fn tenants(&mut self, detective: Option<&DetectiveSettings>) -> Tenants {
        let mut names = Names::new("tenant");
        let mut rows: Vec<Tenant> = Vec::new();
        for table in self.many("tenant") {
            let id = TenantId(rows.len() as u32);
            let name = names.register(&table, id.0, &mut self.faults).unwrap_or_default();
            let treatment_max = treatment(table.read("treatment_max", &mut self.faults));
            let mut detective = detective.cloned().unwrap_or_default();
            if let Some(treatment_max) = treatment_max {
                hold_back(&mut detective.signals, treatment_max);
            }
            self.digest.text("tenant");
            self.digest.text(&name);
            self.digest_detective(&detective);
            let window_id = window_id(&name, &rows);
            rows.push(Tenant {
                id,
                name: TenantName::from(&*name),
                detective,
                window_id,
                lists: Lists::default(),
            });
        }
        Tenants { rows, names }
    }

    pub(super) fn agents(&mut self, tenants: &Names, listeners: &[Listener]) -> Agents {
        // Where a listener has a fault of its own, what it would have reached is not known.
        let listeners = Some(listeners).filter(|known| known.len() == self.many("listen").len());
        let mut names = Names::new("agent");
        let mut rows = Vec::new();
        for table in self.many("agent") {
            let id = AgentId(rows.len() as u32);
            let faults = &mut self.faults;
            let name = names.register(&table, id.0, faults);
            let tenant = tenants.refer(&table, "tenant", faults);
            let uri: Option<AgentUri> = table.read("uri", faults);
            if let Some((uri, listeners)) = uri.as_ref().zip(listeners) {
                note_out_of_reach(uri, listeners, &table.place("uri"), faults);
            }
            let agent = name.zip(tenant).zip(uri).map(|((name, tenant), uri)| Agent {
                id,
                name: AgentName::from(&*name),
                tenant: TenantId(tenant),
                uri: uri.written,
                address: uri.address,
                transport: uri.transport,
            });
            rows.push(agent);
        }
        Agents { rows, names }
    }
}

/// Notes an agent that no listener can send to: INVITEs leave from a listener's socket, so the transport and the
/// family of the address must be heard too.
fn note_out_of_reach(uri: &AgentUri, listeners: &[Listener], place: &Place, faults: &mut Faults<'_>) {
    let speaks = |listener: &Listener| listener.transport == uri.transport;
    let reaches =
        |listener: &Listener| speaks(listener) && listener.address.is_ipv4() == uri.address.is_ipv4();
    if listeners.is_empty() || listeners.iter().any(reaches) {
        return;
    }
    let transport = uri.transport.as_str();
    let message = if listeners.iter().any(speaks) {
        let family = if uri.address.is_ipv4() { "IPv4" } else { "IPv6" };
        format!(
            "no [[listen]] of transport = \"{transport}\" has an {family} address: the agent cannot be rung"
        )
    } else {
        format!("there is no [[listen]] of transport = \"{transport}\": the agent cannot be rung")
    };
    faults.note_absence(place, message);
}

/// What stands for a tenant in the windows: 32 bits of its name's digest, the next free number where two tenants share
/// them.
fn window_id(name: &str, others: &[Tenant]) -> u32 {
    let mut digest = Digest::new();
    digest.text(name);
    let folded = digest.value() ^ (digest.value() >> 32);
    let mut id = (folded as u32).max(1);
    while others.iter().any(|other| other.window_id == id) {
        id = id.wrapping_add(1).max(1);
    }
    id
}
