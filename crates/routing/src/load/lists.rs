//! `[[block]]`, `[[allow]]`, their files, `[[do_not_originate]]`, and the entries that are kept beside the files.

use std::collections::BTreeMap;
use std::sync::Arc;

use call_model::{Attestation, E164, ListKind, TrunkName};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use screening::{CnamPattern, ListEntry, ListKey, Lists, ListsBuilder, NumberSet, Prefix, Terms};

use super::detective::treatment;
use super::{Loader, Names};
use crate::digest::Digest;
use crate::directory::{NumberLists, Numbers};
use crate::reader::Table;
use crate::value::UnixMs;
use crate::{Scope, ScopedEntry};

/// The lists of all scopes.
pub(super) struct AllLists {
    pub(super) operator: Lists,
    /// One for each tenant, in order.
    pub(super) tenants: Vec<Lists>,
    pub(super) numbers: NumberLists,
    /// How many kept entries were for a tenant or a number that is not there.
    pub(super) ignored: usize,
}

/// Which lists an entry goes to, by its place in the builders.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum Target {
    Operator,
    Tenant(u32),
    Number(E164),
}

impl Loader<'_, '_> {
    pub(super) fn lists(
        &mut self,
        tenants: &Names,
        numbers: &Numbers,
        trunks: &Names,
        kept: &[ScopedEntry],
    ) -> AllLists {
        let mut builders: BTreeMap<Target, ListsBuilder> = BTreeMap::new();
        for (name, kind) in [("allow", ListKind::Allow), ("block", ListKind::Block)] {
            for table in self.many(name) {
                let target = self.target(&table, tenants, numbers);
                let terms = self.terms(&table, kind, trunks);
                let Some(key) = self.list_key(&table) else {
                    continue;
                };
                let (Some(target), Some(terms)) = (target, terms) else {
                    continue;
                };
                self.digest_entry(kind, target, &key, &terms);
                let added = builders
                    .entry(target)
                    .or_default()
                    .add(ListEntry { kind, key, terms });
                if let Err(fault) = added {
                    self.faults.note(&table.place, fault.to_string());
                }
            }
        }
        for (name, kind) in [("allow_file", ListKind::Allow), ("block_file", ListKind::Block)] {
            for table in self.many(name) {
                let target = self.target(&table, tenants, numbers);
                let terms = self.terms(&table, kind, trunks);
                let mut listed = Vec::new();
                self.numbers_of_file(&table, "path", &mut |number| {
                    listed.push(number);
                    Ok(())
                });
                let (Some(target), Some(terms)) = (target, terms) else {
                    continue;
                };
                self.digest_terms(kind, target, &terms);
                for number in &listed {
                    self.digest.number(number.value());
                }
                if let Err(fault) = builders
                    .entry(target)
                    .or_default()
                    .add_numbers(kind, terms, listed)
                {
                    self.faults.note(&table.place, fault.to_string());
                }
            }
        }
        let ignored = self.kept_entries(kept, tenants, numbers, &mut builders);
        let mut lists = AllLists {
            operator: Lists::default(),
            tenants: tenants.known.iter().map(|_| Lists::default()).collect(),
            numbers: HashMap::with_hasher(FixedState::default()),
            ignored,
        };
        for (target, builder) in builders {
            let built = builder.finish();
            match target {
                Target::Operator => lists.operator = built,
                Target::Tenant(id) => {
                    if let Some(place) = lists.tenants.get_mut(id as usize) {
                        *place = built;
                    }
                }
                Target::Number(did) => {
                    lists.numbers.insert(did, built);
                }
            }
        }
        lists
    }

    /// Adds what is kept beside the files. A tenant or number that has gone takes its entries out of force, which must
    /// not keep the rest of the configuration from loading; the same holds for an entry that no list can take.
    fn kept_entries(
        &mut self,
        kept: &[ScopedEntry],
        tenants: &Names,
        numbers: &Numbers,
        builders: &mut BTreeMap<Target, ListsBuilder>,
    ) -> usize {
        let mut ignored = 0;
        for ScopedEntry { scope, entry } in kept {
            let target = match scope {
                Scope::Operator => Some(Target::Operator),
                Scope::Tenant(name) => tenants
                    .known
                    .get(name.as_str())
                    .map(|(id, _)| Target::Tenant(*id)),
                Scope::Number(did) => numbers.contains_key(did).then_some(Target::Number(*did)),
            };
            let Some(target) = target else {
                ignored += 1;
                continue;
            };
            self.digest_entry(entry.kind, target, &entry.key, &entry.terms);
            if builders.entry(target).or_default().add(entry.clone()).is_err() {
                ignored += 1;
            }
        }
        ignored
    }

    /// Absent where a fault was noted.
    fn target(&mut self, table: &Table<'_>, tenants: &Names, numbers: &Numbers) -> Option<Target> {
        if table.given("tenant").is_some() && table.given("did").is_some() {
            self.faults
                .note(&table.place("did"), "only one of these may be given: tenant, did");
            return None;
        }
        if table.given("tenant").is_some() {
            return tenants
                .refer(table, "tenant", &mut self.faults)
                .map(Target::Tenant);
        }
        if table.given("did").is_none() {
            return Some(Target::Operator);
        }
        let did: E164 = table.read("did", &mut self.faults)?;
        if !numbers.contains_key(&did) {
            self.faults
                .note_absence(&table.place("did"), format!("there is no tracking number {did}"));
            return None;
        }
        Some(Target::Number(did))
    }

    fn terms(&mut self, table: &Table<'_>, kind: ListKind, trunks: &Names) -> Option<Terms> {
        let faults = &mut self.faults;
        let note: Option<Arc<str>> = table.read("reason", faults);
        let author: Option<Arc<str>> = table.read("author", faults);
        let expires: Option<UnixMs> = table.read("expires", faults);
        let mut terms = Terms {
            note: note.map(|note| (*note).into()),
            author: author.map(|author| (*author).into()),
            expires_ms: expires.map(|expires| expires.0),
            ..Terms::default()
        };
        match kind {
            ListKind::Block => terms.treatment = treatment(table.read("treatment", faults))?,
            ListKind::Allow => {
                let trunk: Option<Arc<str>> = table.read("trunk", faults);
                if let Some(trunk) = trunk {
                    trunks.find(&trunk, &table.place("trunk"), faults)?;
                    terms.requires_trunk = Some(TrunkName::from(&*trunk));
                }
                terms.requires_attestation =
                    table
                        .read::<Arc<str>>("attestation", faults)
                        .map(|level| match &*level {
                            "A" => Attestation::A,
                            "B" => Attestation::B,
                            _ => Attestation::C,
                        });
            }
        }
        Some(terms)
    }

    fn list_key(&mut self, table: &Table<'_>) -> Option<ListKey> {
        let key = self.exactly_one(table, &["number", "prefix", "cnam"])?;
        let faults = &mut self.faults;
        match key {
            "number" => table.read::<E164>(key, faults).map(ListKey::Number),
            "prefix" => table.read::<Prefix>(key, faults).map(ListKey::Prefix),
            _ => table.read::<CnamPattern>(key, faults).map(ListKey::Cnam),
        }
    }

    pub(super) fn do_not_originate(&mut self) -> NumberSet {
        let mut set = NumberSet::default();
        for table in self.many("do_not_originate") {
            let Some(key) = self.exactly_one(&table, &["numbers", "prefix", "path"]) else {
                continue;
            };
            self.digest.text("do_not_originate");
            if key == "prefix" {
                let prefix: Option<Prefix> = table.read(key, &mut self.faults);
                if let Some(prefix) = prefix {
                    self.digest.text(&prefix.to_string());
                    set.insert_prefix(prefix);
                }
                continue;
            }
            let mut numbers: Vec<E164> = Vec::new();
            if key == "path" {
                self.numbers_of_file(&table, key, &mut |number| {
                    numbers.push(number);
                    Ok(())
                });
            } else {
                numbers.extend(
                    table
                        .list::<E164>(key, &mut self.faults)
                        .into_iter()
                        .map(|(number, _)| number),
                );
            }
            for number in numbers {
                self.digest.number(number.value());
                set.insert(number);
            }
        }
        set
    }

    fn digest_entry(&mut self, kind: ListKind, target: Target, key: &ListKey, terms: &Terms) {
        self.digest_terms(kind, target, terms);
        match key {
            ListKey::Number(number) => self.digest.number(number.value()),
            ListKey::Prefix(prefix) => self.digest.text(&prefix.to_string()),
            ListKey::Cnam(pattern) => self.digest.text(pattern.as_str()),
        }
    }

    fn digest_terms(&mut self, kind: ListKind, target: Target, terms: &Terms) {
        let digest: &mut Digest = &mut self.digest;
        digest.text(match kind {
            ListKind::Allow => "allow",
            ListKind::Block => "block",
        });
        match target {
            Target::Operator => digest.text("operator"),
            Target::Tenant(id) => digest.number(u64::from(id)),
            Target::Number(did) => digest.number(did.value()),
        }
        digest.text(terms.treatment.as_str());
        digest.maybe_text(terms.note.as_deref());
        digest.maybe_text(terms.author.as_deref());
        digest.number(terms.expires_ms.unwrap_or(u64::MAX));
        digest.maybe_text(terms.requires_trunk.as_ref().map(TrunkName::as_str));
        digest.number(terms.requires_attestation.map_or(u64::MAX, |level| level as u64));
    }
}
