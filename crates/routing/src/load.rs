//! From texts to a directory: every table is read, every fault noted, and only a configuration without one is taken.

mod business;
mod detective;
mod files;
mod lists;
mod machine;
mod numbers;
mod plans;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use call_model::RulesetVersion;
use toml::de::DeTable;

use crate::catalogue::{TableSpec, table, tables};
use crate::digest::Digest;
use crate::fault::{FaultAt, Faults, Place, SourceText};
use crate::reader::{Table, open_all};
use crate::suggest::did_you_mean;
use crate::{Directory, ScopedEntry};

/// Reads a configuration, or names all its faults.
pub(crate) fn load(
    sources: &[SourceText],
    kept: &[ScopedEntry],
    read_list: &mut dyn FnMut(&str) -> io::Result<Vec<u8>>,
) -> Result<Directory, Vec<FaultAt>> {
    let mut faults = Faults::new(sources);
    let parsed: Vec<_> = sources
        .iter()
        .enumerate()
        .map(|(file, source)| {
            let (table, errors) = DeTable::parse_recoverable(&source.text);
            for error in &errors {
                let at = error.span().map_or(source.text.len(), |span| span.start);
                faults.note_syntax(
                    &Place {
                        file,
                        at,
                        key: String::new(),
                    },
                    error.message().replace('\n', ", "),
                );
            }
            // What is left of a file that is no TOML would only give faults that follow from it.
            if errors.is_empty() { Some(table) } else { None }
        })
        .collect();
    let mut tables = Tables::default();
    for (file, table) in parsed.iter().enumerate() {
        if let Some(table) = table {
            tables.gather(file, table.get_ref(), &mut faults);
        }
    }
    let mut loader = Loader {
        tables,
        faults,
        sources,
        read_list,
        digest: Digest::new(),
    };
    let directory = loader.directory(kept);
    let faults = loader.faults.into_sorted();
    if faults.is_empty() {
        directory.ok_or(faults)
    } else {
        Err(faults)
    }
}

/// All tables of all files, by the name of their kind.
#[derive(Default)]
struct Tables<'t> {
    found: BTreeMap<&'static str, Vec<Table<'t>>>,
}

impl<'t> Tables<'t> {
    fn gather(&mut self, file: usize, content: &'t DeTable<'t>, faults: &mut Faults<'_>) {
        for (key, value) in content {
            let name: &str = key.get_ref();
            let at_key = Place {
                file,
                at: key.span().start,
                key: name.to_owned(),
            };
            let Some(spec) = table(name).filter(|spec| !spec.name.contains('.')) else {
                let known = tables().map(|spec| spec.name).filter(|name| !name.contains('.'));
                faults.note(
                    &at_key,
                    format!("there is no such table{}", did_you_mean(name, known)),
                );
                continue;
            };
            let found = self.found.entry(spec.name).or_default();
            if spec.many {
                found.extend(open_all(spec, value.get_ref(), &at_key, faults));
                continue;
            }
            let Some(content) = value.get_ref().as_table() else {
                faults.note(
                    &at_key,
                    format!("it stands once, so it is written {}", spec.header()),
                );
                continue;
            };
            let place = Place {
                file,
                at: value.span().start,
                key: name.to_owned(),
            };
            if let Some(first) = found.first() {
                let first = faults.where_is(&first.place);
                faults.note(
                    &place,
                    format!("{} stands in {first} already, it may stand once", spec.header()),
                );
            }
            found.push(Table::open(spec, content, place, faults));
        }
    }
}

/// The state of one load.
struct Loader<'a, 't> {
    tables: Tables<'t>,
    faults: Faults<'a>,
    sources: &'a [SourceText],
    read_list: &'a mut dyn FnMut(&str) -> io::Result<Vec<u8>>,
    /// Over everything that screening reads.
    digest: Digest,
}

impl<'t> Loader<'_, 't> {
    fn directory(&mut self, kept: &[ScopedEntry]) -> Option<Directory> {
        let switch = self.switch();
        let listeners = self.listeners(switch.as_ref());
        let http = self.http();
        let media = self.media(listeners.first());
        let timers = self.timers();
        let strangers = self.strangers();
        let captcha = self.captcha();
        let detective = self.detective();
        let responses = self.responses(detective.as_ref());
        let (trunks, sources, trunk_names) = self.trunks();
        let mut tenants = self.tenants(detective.as_ref().map(|detective| &detective.settings));
        let agents = self.agents(&tenants.names, &listeners);
        let anchor = media.as_ref().is_some_and(|media| media.anchor);
        let plans = self.plans(&tenants.names, &agents, anchor);
        let emergency = self.emergency(&plans, &agents);
        let numbers = self.numbers(&tenants.names, &plans);
        let lists = self.lists(&tenants.names, &numbers, &trunk_names, kept);
        let do_not_originate = self.do_not_originate();
        for (tenant, lists) in tenants.rows.iter_mut().zip(lists.tenants) {
            tenant.lists = lists;
        }
        Some(Directory {
            switch: switch?,
            listeners,
            http,
            media: media?,
            timers: timers?,
            strangers,
            emergency,
            captcha: captcha?,
            responses: responses?,
            detective: detective?.settings,
            trunks: trunks.into_iter().collect::<Option<_>>()?,
            trunk_names: trunk_names.into_ids(),
            tenants: tenants.rows,
            agents: agents.rows.into_iter().collect::<Option<_>>()?,
            plans: plans.rows.into_iter().collect::<Option<_>>()?,
            sources,
            numbers,
            operator_lists: lists.operator,
            number_lists: lists.numbers,
            do_not_originate,
            ignored_entries: lists.ignored,
            ruleset: RulesetVersion(self.digest.value()),
        })
    }

    /// The one table of this name, or its absence.
    fn one(&self, name: &'static str) -> Table<'t> {
        let found = self.tables.found.get(name).and_then(|found| found.first());
        found.cloned().unwrap_or_else(|| Table::absent(spec(name)))
    }

    /// All tables of this name, in the order of the files.
    fn many(&self, name: &'static str) -> Vec<Table<'t>> {
        self.tables.found.get(name).cloned().unwrap_or_default()
    }

    /// Notes a fault where more than one of these settings is given, or none; names the one that is.
    fn exactly_one(&mut self, table: &Table<'_>, keys: &[&'static str]) -> Option<&'static str> {
        let given: Vec<&'static str> = keys
            .iter()
            .copied()
            .filter(|key| table.given(key).is_some())
            .collect();
        match given.as_slice() {
            [one] => Some(one),
            [] => {
                self.faults.note(
                    &table.place,
                    format!("one of these is needed: {}", keys.join(", ")),
                );
                None
            }
            [_, second, ..] => {
                let message = format!("only one of these may be given: {}", keys.join(", "));
                self.faults.note(&table.place(second), message);
                None
            }
        }
    }
}

/// The description of a table that the program itself names.
fn spec(name: &'static str) -> &'static TableSpec {
    table(name).expect("every table that is read stands in the catalogue")
}

/// Names of one kind of thing, each with the place of its table.
struct Names {
    what: &'static str,
    known: BTreeMap<Arc<str>, (u32, Place)>,
}

impl Names {
    fn new(what: &'static str) -> Self {
        Self {
            what,
            known: BTreeMap::new(),
        }
    }

    /// Reads the `name` of a table, and notes it as the name of the thing with this number.
    fn register(&mut self, table: &Table<'_>, id: u32, faults: &mut Faults<'_>) -> Option<Arc<str>> {
        let name: Arc<str> = table.read("name", faults)?;
        if let Some((_, first)) = self.known.get(&name) {
            let first = faults.where_is(first);
            faults.note(
                &table.place("name"),
                format!("{} \"{name}\" is in {first} already", self.what),
            );
        } else {
            self.known.insert(Arc::clone(&name), (id, table.place("name")));
        }
        Some(name)
    }

    /// Finds a name, or notes that there is none.
    fn find(&self, name: &str, place: &Place, faults: &mut Faults<'_>) -> Option<u32> {
        let found = self.known.get(name).map(|(id, _)| *id);
        if found.is_none() {
            let near = did_you_mean(name, self.known.keys().map(AsRef::as_ref));
            faults.note_absence(place, format!("there is no {} \"{name}\"{near}", self.what));
        }
        found
    }

    /// Reads a setting that holds such a name; absent where it is not given, or where a fault was noted.
    fn refer(&self, table: &Table<'_>, key: &'static str, faults: &mut Faults<'_>) -> Option<u32> {
        let name: Arc<str> = table.read(key, faults)?;
        self.find(&name, &table.place(key), faults)
    }

    fn into_ids(self) -> BTreeMap<Arc<str>, u32> {
        self.known.into_iter().map(|(name, (id, _))| (name, id)).collect()
    }
}
