//! The owner's allow and block lists, compiled for lookup.
//!
//! A list of a million numbers costs one hash lookup: the digits are the key, 16 bytes and a control byte hold one,
//! and what entries have in common (note, author, expiry …) is stored once per run of equal terms.

use std::fmt;

use call_model::{Attestation, E164, ListKind, Treatment, TrunkName};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::names::CnamPattern;
use crate::prefixes::Prefix;

/// The most wildcard names of one kind in one list: each is tried on every call that has a name.
const WILDCARDS_MAX: usize = 512;

/// The most entries of one kind in one list.
const ENTRIES_MAX: usize = 1 << 26;

/// The allow and block list of one scope: a number, a tenant, or the operator. Immutable once compiled.
#[derive(Default)]
pub struct Lists {
    allow: Index,
    block: Index,
}

/// Listed numbers and names are personal data: only how many there are.
impl fmt::Debug for Lists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lists({} allow, {} block)", self.allow.len(), self.block.len())
    }
}

/// One entry of an owner's list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListEntry {
    /// Let through, or refuse.
    pub kind: ListKind,
    /// Whom it is about.
    pub key: ListKey,
    /// All the rest.
    pub terms: Terms,
}

/// Whom an entry is about.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum ListKey {
    /// One number.
    Number(E164),
    /// Every number that begins so.
    Prefix(Prefix),
    /// Every caller with such a name.
    Cnam(CnamPattern),
}

/// What goes with an entry, or with many.
#[derive(Clone, Eq, PartialEq)]
pub struct Terms {
    /// How a blocked caller is treated; [`Treatment::Reject`] by default. An allow entry always lets through.
    pub treatment: Treatment,
    /// Why, in the author's words.
    pub note: Option<Box<str>>,
    /// Who made the entry.
    pub author: Option<Box<str>>,
    /// From when on the entry no longer matches, Unix milliseconds.
    pub expires_ms: Option<u64>,
    /// Allow entries only: the trunk that the call must come from.
    pub requires_trunk: Option<TrunkName>,
    /// Allow entries only: the attestation that the call must have, or a better one.
    pub requires_attestation: Option<Attestation>,
}

/// What a note says, and who wrote it, is left out.
impl fmt::Debug for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terms")
            .field("treatment", &self.treatment)
            .field("expires_ms", &self.expires_ms)
            .field("requires_trunk", &self.requires_trunk)
            .field("requires_attestation", &self.requires_attestation)
            .finish_non_exhaustive()
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            treatment: Treatment::Reject,
            note: None,
            author: None,
            expires_ms: None,
            requires_trunk: None,
            requires_attestation: None,
        }
    }
}

impl ListEntry {
    /// An entry without further terms that lets through.
    #[must_use]
    pub fn allow(key: ListKey) -> Self {
        Self {
            kind: ListKind::Allow,
            key,
            terms: Terms::default(),
        }
    }

    /// An entry without further terms that refuses.
    #[must_use]
    pub fn block(key: ListKey) -> Self {
        Self {
            kind: ListKind::Block,
            key,
            terms: Terms::default(),
        }
    }
}

/// Why an entry cannot be taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ListFault {
    /// More wildcard names than can be tried on each call.
    #[error("more than 512 wildcard names in one list")]
    TooManyWildcards,
    /// More entries than can be held.
    #[error("more than 67108864 entries in one list")]
    TooManyEntries,
    /// A trunk or an attestation can be required for letting through only.
    #[error("a block entry cannot require a trunk or an attestation")]
    RequirementOnBlock,
    /// A block entry that lets through would be an allow entry.
    #[error("a block entry cannot have the treatment allow")]
    AllowOnBlock,
}

impl Lists {
    /// Compiles entries.
    ///
    /// # Errors
    /// The place of the first entry that cannot be taken, and why.
    pub fn compile(entries: impl IntoIterator<Item = ListEntry>) -> Result<Self, (usize, ListFault)> {
        let mut builder = ListsBuilder::default();
        for (at, entry) in entries.into_iter().enumerate() {
            builder.add(entry).map_err(|fault| (at, fault))?;
        }
        Ok(builder.finish())
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.allow.entries + self.block.entries
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn index(&self, kind: ListKind) -> &Index {
        match kind {
            ListKind::Allow => &self.allow,
            ListKind::Block => &self.block,
        }
    }
}

/// Collects entries, one by one or by the million.
#[derive(Debug, Default)]
pub struct ListsBuilder {
    lists: Lists,
}

impl ListsBuilder {
    /// Adds an entry.
    ///
    /// # Errors
    /// A [`ListFault`]; nothing is added then.
    pub fn add(&mut self, entry: ListEntry) -> Result<(), ListFault> {
        check_terms(entry.kind, &entry.terms)?;
        self.index(entry.kind).add(entry.key, entry.terms)
    }

    /// Adds many numbers under the same terms. A number that comes twice counts once.
    ///
    /// # Errors
    /// A [`ListFault`]; numbers before the fault stay added.
    pub fn add_numbers(
        &mut self,
        kind: ListKind,
        terms: Terms,
        numbers: impl IntoIterator<Item = E164>,
    ) -> Result<(), ListFault> {
        check_terms(kind, &terms)?;
        self.index(kind).add_numbers(terms, numbers.into_iter())
    }

    /// The lists, ready for lookup.
    #[must_use]
    pub fn finish(self) -> Lists {
        self.lists
    }

    fn index(&mut self, kind: ListKind) -> &mut Index {
        match kind {
            ListKind::Allow => &mut self.lists.allow,
            ListKind::Block => &mut self.lists.block,
        }
    }
}

fn check_terms(kind: ListKind, terms: &Terms) -> Result<(), ListFault> {
    match kind {
        ListKind::Allow => Ok(()),
        ListKind::Block if terms.requires_trunk.is_some() || terms.requires_attestation.is_some() => {
            Err(ListFault::RequirementOnBlock)
        }
        ListKind::Block if terms.treatment == Treatment::Allow => Err(ListFault::AllowOnBlock),
        ListKind::Block => Ok(()),
    }
}

/// What a list is asked about.
#[derive(Clone, Copy)]
pub(crate) struct Query<'q> {
    pub(crate) number: Option<E164>,
    /// The caller's name, folded.
    pub(crate) name: Option<&'q str>,
    pub(crate) trunk: Option<&'q TrunkName>,
    pub(crate) attestation: Option<Attestation>,
    pub(crate) at_ms: u64,
    /// An entry to pass over: what would be without it?
    pub(crate) except: Option<Matched<'q>>,
}

/// An entry that matches.
#[derive(Clone, Copy)]
pub(crate) struct Hit<'l> {
    pub(crate) matched: Matched<'l>,
    pub(crate) terms: &'l Terms,
}

/// The key that matched, and which of the entries under it. Names an entry within an index.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) struct Matched<'l> {
    pub(crate) key: MatchedKey<'l>,
    terms_at: u32,
}

#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum MatchedKey<'l> {
    Number(E164),
    Prefix(Prefix),
    Cnam(&'l str),
}

impl fmt::Display for MatchedKey<'_> {
    /// The key in full, as an owner would write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{}", number.in_full()),
            Self::Prefix(prefix) => write!(f, "{prefix}"),
            Self::Cnam(written) => f.write_str(written),
        }
    }
}

/// The entries of one kind.
#[derive(Default)]
pub(crate) struct Index {
    numbers: HashMap<u64, Slot, FixedState>,
    prefixes: HashMap<u64, Slot, FixedState>,
    /// Bit n is set where a prefix of n digits is listed.
    prefix_lengths: u16,
    names: HashMap<Box<str>, (CnamPattern, Slot), FixedState>,
    wildcards: Vec<(CnamPattern, u32)>,
    terms: Vec<Terms>,
    /// Keys that have several entries, in the order added.
    groups: Vec<Vec<u32>>,
    entries: usize,
}

/// A place in `terms`, or, with the highest bit set, in `groups`.
#[derive(Clone, Copy, Debug)]
struct Slot(u32);

const GROUP: u32 = 1 << 31;

impl Index {
    /// The entry that applies: the number's, the longest prefix's, the exact name's, the first wildcard's.
    pub(crate) fn find<'l>(&'l self, query: &Query<'_>) -> Option<Hit<'l>> {
        query
            .number
            .and_then(|number| self.find_number(number, query))
            .or_else(|| query.name.and_then(|name| self.find_name(name, query)))
    }

    pub(crate) fn has_names(&self) -> bool {
        !self.names.is_empty() || !self.wildcards.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries == 0
    }

    fn find_number<'l>(&'l self, number: E164, query: &Query<'_>) -> Option<Hit<'l>> {
        if let Some(slot) = self.numbers.get(&number.value())
            && let Some(hit) = self.applies(*slot, MatchedKey::Number(number), query)
        {
            return Some(hit);
        }
        let mut lengths = self.prefix_lengths;
        while lengths != 0 {
            let length = lengths.ilog2();
            lengths &= !(1 << length);
            if length <= number.len()
                && let Some(slot) = self.prefixes.get(&number.prefix(length))
                && let Some(hit) = self.applies(*slot, MatchedKey::Prefix(Prefix::of(number, length)), query)
            {
                return Some(hit);
            }
        }
        None
    }

    fn find_name<'l>(&'l self, name: &str, query: &Query<'_>) -> Option<Hit<'l>> {
        if let Some((pattern, slot)) = self.names.get(name)
            && let Some(hit) = self.applies(*slot, MatchedKey::Cnam(pattern.as_str()), query)
        {
            return Some(hit);
        }
        self.wildcards
            .iter()
            .filter(|(pattern, _)| pattern.matches_folded(name))
            .find_map(|(pattern, at)| self.applies(Slot(*at), MatchedKey::Cnam(pattern.as_str()), query))
    }

    /// The first entry of a slot that is in force, and whose requirements the call meets.
    fn applies<'l>(&'l self, slot: Slot, key: MatchedKey<'l>, query: &Query<'_>) -> Option<Hit<'l>> {
        let single = [slot.0];
        let places = if slot.0 & GROUP == 0 {
            single.as_slice()
        } else {
            self.groups
                .get((slot.0 & !GROUP) as usize)
                .map_or(&[][..], Vec::as_slice)
        };
        places.iter().find_map(|place| {
            let terms = self.terms.get(*place as usize)?;
            let matched = Matched {
                key,
                terms_at: *place,
            };
            (terms.in_force(query) && query.except != Some(matched)).then_some(Hit { matched, terms })
        })
    }

    fn add(&mut self, key: ListKey, terms: Terms) -> Result<(), ListFault> {
        if self.entries >= ENTRIES_MAX {
            return Err(ListFault::TooManyEntries);
        }
        if let ListKey::Cnam(pattern) = &key
            && pattern.is_wildcard()
            && self.wildcards.len() >= WILDCARDS_MAX
        {
            return Err(ListFault::TooManyWildcards);
        }
        let at = self.place_of(terms);
        self.entries += 1;
        match key {
            ListKey::Number(number) => {
                let slot = self.numbers.entry(number.value()).or_insert(Slot(at));
                slot.join(at, &mut self.groups);
            }
            ListKey::Prefix(prefix) => {
                self.prefix_lengths |= 1 << prefix.len();
                let slot = self.prefixes.entry(prefix.digits()).or_insert(Slot(at));
                slot.join(at, &mut self.groups);
            }
            ListKey::Cnam(pattern) if pattern.is_wildcard() => self.wildcards.push((pattern, at)),
            ListKey::Cnam(pattern) => {
                let folded = Box::from(pattern.folded());
                let (_, slot) = self.names.entry(folded).or_insert((pattern, Slot(at)));
                slot.join(at, &mut self.groups);
            }
        }
        Ok(())
    }

    fn add_numbers(&mut self, terms: Terms, numbers: impl Iterator<Item = E164>) -> Result<(), ListFault> {
        let at = self.place_of(terms);
        self.numbers.reserve(numbers.size_hint().0.min(ENTRIES_MAX));
        for number in numbers {
            if self.entries >= ENTRIES_MAX {
                return Err(ListFault::TooManyEntries);
            }
            match self.numbers.entry(number.value()) {
                hashbrown::hash_map::Entry::Vacant(vacant) => {
                    vacant.insert(Slot(at));
                    self.entries += 1;
                }
                hashbrown::hash_map::Entry::Occupied(mut occupied) => {
                    self.entries += usize::from(occupied.get_mut().join(at, &mut self.groups));
                }
            }
        }
        Ok(())
    }

    /// Where these terms are kept; a run of equal ones is kept once.
    fn place_of(&mut self, terms: Terms) -> u32 {
        if self.terms.last() != Some(&terms) {
            self.terms.push(terms);
        }
        self.terms.len() as u32 - 1
    }
}

impl Slot {
    /// Adds a place to the slot, and tells whether it was not there yet.
    fn join(&mut self, at: u32, groups: &mut Vec<Vec<u32>>) -> bool {
        if self.0 == at {
            return false;
        }
        if self.0 & GROUP == 0 {
            groups.push(vec![self.0, at]);
            self.0 = GROUP | (groups.len() as u32 - 1);
            return true;
        }
        match groups.get_mut((self.0 & !GROUP) as usize) {
            Some(group) if !group.contains(&at) => {
                group.push(at);
                true
            }
            Some(_) | None => false,
        }
    }
}

impl Terms {
    fn in_force(&self, query: &Query<'_>) -> bool {
        self.expires_ms.is_none_or(|expires| query.at_ms < expires)
            && self
                .requires_trunk
                .as_ref()
                .is_none_or(|trunk| query.trunk == Some(trunk))
            && self
                .requires_attestation
                .is_none_or(|least| query.attestation.is_some_and(|got| got <= least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(at: u64) -> E164 {
        E164::from_digits(format!("999{at:09}").as_bytes()).unwrap()
    }

    #[test]
    fn number_that_comes_twice_counts_once() {
        let mut builder = ListsBuilder::default();
        let numbers = || (0..1000).map(number);
        builder
            .add_numbers(ListKind::Block, Terms::default(), numbers())
            .unwrap();
        builder
            .add_numbers(ListKind::Block, Terms::default(), numbers())
            .unwrap();
        builder
            .add_numbers(ListKind::Allow, Terms::default(), numbers())
            .unwrap();
        assert_eq!(builder.finish().len(), 2000);
    }

    #[test]
    fn entry_with_terms_that_make_no_sense_is_refused_with_its_place() {
        let key = || ListKey::Number(number(1));
        let mut demanding = ListEntry::block(key());
        demanding.terms.requires_attestation = Some(Attestation::A);
        let compiled = Lists::compile([ListEntry::block(key()), demanding]).map(|lists| lists.len());
        assert_eq!(compiled, Err((1, ListFault::RequirementOnBlock)));
        let mut mild = ListEntry::block(key());
        mild.terms.treatment = Treatment::Allow;
        assert_eq!(
            Lists::compile([mild]).map(|lists| lists.len()),
            Err((0, ListFault::AllowOnBlock))
        );
    }

    #[test]
    fn wildcards_are_bounded_and_exact_names_are_not() {
        let entry = |text: String| ListEntry::block(ListKey::Cnam(CnamPattern::parse(&text).unwrap()));
        let wild = (0..=WILDCARDS_MAX).map(|at| entry(format!("*{at}")));
        let compiled = Lists::compile(wild).map(|lists| lists.len());
        assert_eq!(compiled, Err((WILDCARDS_MAX, ListFault::TooManyWildcards)));
        assert_eq!(
            Lists::compile((0..5000).map(|at| entry(format!("name {at}"))))
                .unwrap()
                .len(),
            5000
        );
    }

    #[test]
    fn million_numbers_take_less_than_forty_bytes_each() {
        let mut builder = ListsBuilder::default();
        builder
            .add_numbers(ListKind::Block, Terms::default(), (0..1_000_000).map(number))
            .unwrap();
        let lists = builder.finish();
        assert_eq!(lists.len(), 1_000_000);
        assert!(lists.block.numbers.allocation_size() < 40_000_000);
        assert_eq!(lists.block.terms.len(), 1);
    }
}
