//! The directory: one immutable snapshot of everything that the settings say.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use call_model::{E164, Facts, NumberState, RulesetVersion, TenantName};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use screening::{DetectiveSettings, ListEntry, Lists, NumberSet, Subject};

use crate::fault::{FaultAt, SourceText};
use crate::settings::{
    Agent, CaptchaSettings, EmergencySettings, HttpSettings, Listener, MediaSettings, Number, Plan,
    ResponseSettings, Strangers, SwitchSettings, Tenant, TimerSettings, Trunk,
};
use crate::sources::Sources;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(pub u32);

        impl $name {
            pub(crate) fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id! {
    /// A trunk's place in one directory; another snapshot may give it another place.
    TrunkId
}
id! {
    /// A tenant's place in one directory; another snapshot may give it another place.
    TenantId
}
id! {
    /// An agent's place in one directory; another snapshot may give it another place.
    AgentId
}
id! {
    /// A plan's place in one directory; another snapshot may give it another place.
    PlanId
}

pub(crate) type Numbers = HashMap<E164, Number, FixedState>;
pub(crate) type NumberLists = HashMap<E164, Lists, FixedState>;

/// An entry of a list that is kept beside the files, as `ringfence block` makes them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ScopedEntry {
    /// Whose list it is on.
    pub scope: Scope,
    /// The entry.
    pub entry: ListEntry,
}

/// Whose list an entry is on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scope {
    /// The operator's: for all calls.
    Operator,
    /// A business's.
    Tenant(TenantName),
    /// That of one tracking number.
    Number(E164),
}

/// Everything that the settings say, checked, with all names resolved.
///
/// Never changes; an edit of the files makes another one. A call holds on to the one that it began with, so the
/// identifiers in it stay true.
pub struct Directory {
    /// The program as a whole.
    pub switch: SwitchSettings,
    /// Where SIP is heard; never empty.
    pub listeners: Vec<Listener>,
    /// Where metrics are served.
    pub http: HttpSettings,
    /// Audio that passes through the switch.
    pub media: MediaSettings,
    /// The clocks of SIP.
    pub timers: TimerSettings,
    /// What a source that is no trunk gets.
    pub strangers: Strangers,
    /// Calls to emergency numbers.
    pub emergency: EmergencySettings,
    /// The spoken challenge.
    pub captcha: CaptchaSettings,
    /// Which status a refusal has.
    pub responses: ResponseSettings,
    /// The detective's settings for calls that belong to no tenant.
    pub detective: DetectiveSettings,
    pub(crate) trunks: Vec<Trunk>,
    pub(crate) trunk_names: BTreeMap<Arc<str>, u32>,
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) agents: Vec<Agent>,
    pub(crate) plans: Vec<Plan>,
    pub(crate) sources: Sources,
    pub(crate) numbers: Numbers,
    pub(crate) operator_lists: Lists,
    pub(crate) number_lists: NumberLists,
    pub(crate) do_not_originate: NumberSet,
    pub(crate) ignored_entries: usize,
    pub(crate) ruleset: RulesetVersion,
}

impl Directory {
    /// Reads a configuration: one file, or several that are taken together (tables of the same array append, a single
    /// table may stand in one file only).
    ///
    /// `kept` are list entries that live beside the files. One whose tenant or number is not there is left out and
    /// counted ([`Directory::ignored_entries`]).
    ///
    /// `read_list` reads a file that the settings name; it is given the path as written, joined to the folder of the
    /// file that names it.
    ///
    /// # Errors
    /// All faults of all files, in the order of the files, then of the lines.
    pub fn load(
        files: &[SourceText],
        kept: &[ScopedEntry],
        read_list: &mut dyn FnMut(&str) -> io::Result<Vec<u8>>,
    ) -> Result<Self, Vec<FaultAt>> {
        crate::load::load(files, kept, read_list)
    }

    /// The trunk that calls from this address belong to: the longest network that contains it.
    #[must_use]
    pub fn trunk_of(&self, source: IpAddr) -> Option<&Trunk> {
        self.sources
            .find(source)
            .and_then(|id| self.trunks.get(id.index()))
    }

    /// A tracking number; absent where it is not ours.
    #[must_use]
    pub fn number(&self, did: E164) -> Option<&Number> {
        self.numbers.get(&did)
    }

    /// Whether nobody outside may call with this number: it is ours and not released.
    #[must_use]
    pub fn is_own_number(&self, number: E164) -> bool {
        self.numbers
            .get(&number)
            .is_some_and(|number| match number.state {
                NumberState::Active | NumberState::Paused | NumberState::Quarantined => true,
                NumberState::Released => false,
            })
    }

    /// What screening must know of a call.
    #[must_use]
    pub fn subject(&self, trunk: Option<&Trunk>, caller: Option<E164>, called: Option<E164>) -> Subject<'_> {
        let number = called.and_then(|did| self.numbers.get(&did));
        let tenant = number.and_then(|number| self.tenant(number.tenant));
        Subject {
            tenant: tenant.map(|tenant| &tenant.name),
            tenant_id: tenant.map_or(0, |tenant| tenant.window_id),
            number_state: number.map(|number| number.state),
            number_lists: called.and_then(|did| self.number_lists.get(&did)),
            tenant_lists: tenant.map(|tenant| &tenant.lists),
            operator_lists: &self.operator_lists,
            is_own_number: caller.is_some_and(|caller| self.is_own_number(caller)),
            trunk_is_peer_for_own: trunk.is_some_and(|trunk| trunk.own_numbers),
            do_not_originate: &self.do_not_originate,
            detective: tenant.map_or(&self.detective, |tenant| &tenant.detective),
            ruleset: self.ruleset,
        }
    }

    /// The same for facts that were recorded, or made up for a rehearsal.
    #[must_use]
    pub fn subject_of(&self, facts: &Facts) -> Subject<'_> {
        let trunk = facts
            .trunk
            .as_ref()
            .and_then(|name| self.trunk_named(name.as_str()));
        self.subject(trunk, facts.caller.number(), facts.called.number())
    }

    /// The trunk of this name.
    #[must_use]
    pub fn trunk_named(&self, name: &str) -> Option<&Trunk> {
        self.trunk_names
            .get(name)
            .and_then(|id| self.trunks.get(*id as usize))
    }

    /// How many entries the allow and block lists of all scopes have.
    #[must_use]
    pub fn list_entry_count(&self) -> usize {
        let tenants: usize = self.tenants.iter().map(|tenant| tenant.lists.len()).sum();
        let numbers: usize = self.number_lists.values().map(Lists::len).sum();
        self.operator_lists.len() + tenants + numbers
    }

    /// How many kept entries were left out at the load, their tenant or number being gone.
    #[must_use]
    pub fn ignored_entries(&self) -> usize {
        self.ignored_entries
    }

    /// A trunk of this directory; absent for an identifier of another one that had more.
    #[must_use]
    pub fn trunk(&self, id: TrunkId) -> Option<&Trunk> {
        self.trunks.get(id.index())
    }

    /// A tenant of this directory; absent for an identifier of another one that had more.
    #[must_use]
    pub fn tenant(&self, id: TenantId) -> Option<&Tenant> {
        self.tenants.get(id.index())
    }

    /// An agent of this directory; absent for an identifier of another one that had more.
    #[must_use]
    pub fn agent(&self, id: AgentId) -> Option<&Agent> {
        self.agents.get(id.index())
    }

    /// A plan of this directory; absent for an identifier of another one that had more.
    #[must_use]
    pub fn plan(&self, id: PlanId) -> Option<&Plan> {
        self.plans.get(id.index())
    }

    /// All trunks, in the order of the files.
    #[must_use]
    pub fn trunks(&self) -> &[Trunk] {
        &self.trunks
    }

    /// All tenants, in the order of the files.
    #[must_use]
    pub fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    /// All agents, in the order of the files.
    #[must_use]
    pub fn agents(&self) -> &[Agent] {
        &self.agents
    }

    /// All plans, in the order of the files.
    #[must_use]
    pub fn plans(&self) -> &[Plan] {
        &self.plans
    }

    /// How many tracking numbers there are.
    #[must_use]
    pub fn number_count(&self) -> usize {
        self.numbers.len()
    }

    /// The rules of screening in force: a digest over everything that screening reads, the same on every machine.
    #[must_use]
    pub fn ruleset(&self) -> RulesetVersion {
        self.ruleset
    }

    /// What differs in `new` and cannot change while the switch runs, one sentence each; empty where all can.
    #[must_use]
    pub fn needs_restart(&self, new: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let mut compare = |key: &str, running: String, new: String| {
            if running != new {
                found.push(format!("{key}: {running} is in use, {new} needs a restart"));
            }
        };
        let (old_switch, new_switch) = (&self.switch, &new.switch);
        compare(
            "switch.node",
            old_switch.node.to_string(),
            new_switch.node.to_string(),
        );
        compare(
            "switch.shards",
            old_switch.shards.to_string(),
            new_switch.shards.to_string(),
        );
        compare(
            "switch.data_dir",
            old_switch.data_dir.display().to_string(),
            new_switch.data_dir.display().to_string(),
        );
        compare(
            "switch.record_queue_max",
            old_switch.record_queue_max.to_string(),
            new_switch.record_queue_max.to_string(),
        );
        compare(
            "listen",
            listeners_in_words(&self.listeners),
            listeners_in_words(&new.listeners),
        );
        compare(
            "http.address",
            address_in_words(&self.http),
            address_in_words(&new.http),
        );
        let (old_media, new_media) = (&self.media, &new.media);
        compare(
            "media.address",
            old_media.address.to_string(),
            new_media.address.to_string(),
        );
        compare(
            "media.advertise",
            old_media.advertise.to_string(),
            new_media.advertise.to_string(),
        );
        compare(
            "media.ports",
            ports_in_words(old_media.ports),
            ports_in_words(new_media.ports),
        );
        compare(
            "media.threads",
            old_media.threads.to_string(),
            new_media.threads.to_string(),
        );
        compare(
            "media.prompts",
            old_media.prompts.display().to_string(),
            new_media.prompts.display().to_string(),
        );
        compare(
            "timers",
            format!("{:?}", self.timers),
            format!("{:?}", new.timers),
        );
        found
    }
}

/// Counts only: the content is personal data.
impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory")
            .field("ruleset", &self.ruleset)
            .field("trunks", &self.trunks.len())
            .field("tenants", &self.tenants.len())
            .field("agents", &self.agents.len())
            .field("plans", &self.plans.len())
            .field("numbers", &self.numbers.len())
            .finish_non_exhaustive()
    }
}

fn listeners_in_words(listeners: &[Listener]) -> String {
    let each: Vec<String> = listeners
        .iter()
        .map(|listener| {
            format!(
                "{} {} as {}",
                listener.transport.as_str(),
                listener.address,
                listener.advertise
            )
        })
        .collect();
    each.join(", ")
}

fn address_in_words(http: &HttpSettings) -> String {
    http.address
        .map_or_else(|| "no address".to_owned(), |address| address.to_string())
}

fn ports_in_words((first, last): (u16, u16)) -> String {
    format!("{first}-{last}")
}
