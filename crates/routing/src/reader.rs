//! Walks TOML tables by their description, and notes every fault with its place instead of stopping at the first.

use toml::de::{DeTable, DeValue};

use crate::catalogue::{Kind, Presence, Setting, TableSpec};
use crate::fault::{Faults, Place};
use crate::suggest::did_you_mean;

/// A type that a setting is read into. The kind brings the limits.
pub(crate) trait FromToml: Sized {
    /// # Errors
    /// What is wrong, in a sentence.
    fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Self, String>;
}

/// A table of a file, or the absence of one, where every default counts.
#[derive(Clone)]
pub(crate) struct Table<'t> {
    pub(crate) spec: &'static TableSpec,
    content: Option<&'t DeTable<'t>>,
    /// Where its header stands.
    pub(crate) place: Place,
}

impl<'t> Table<'t> {
    /// Opens a table, and notes its unknown keys.
    pub(crate) fn open(
        spec: &'static TableSpec,
        content: &'t DeTable<'t>,
        place: Place,
        faults: &mut Faults<'_>,
    ) -> Self {
        for (key, _) in content {
            let name: &str = key.get_ref();
            if spec.setting(name).is_none() {
                let known = spec.settings.iter().map(|setting| setting.key);
                let at = place.at(key.span().start, format!("{}.{name}", place.key));
                faults.note(
                    &at,
                    format!(
                        "{} has no such setting{}",
                        spec.header(),
                        did_you_mean(name, known)
                    ),
                );
            }
        }
        Self {
            spec,
            content: Some(content),
            place,
        }
    }

    /// A table that no file has.
    pub(crate) fn absent(spec: &'static TableSpec) -> Self {
        Self {
            spec,
            content: None,
            place: Place {
                file: 0,
                at: 0,
                key: spec.name.to_owned(),
            },
        }
    }

    /// Reads a setting: as given, or its default. Absent where it is optional and not given, or where a fault was
    /// noted.
    pub(crate) fn read<T: FromToml>(&self, key: &'static str, faults: &mut Faults<'_>) -> Option<T> {
        let setting = self.setting(key);
        if let Some((value, place)) = self.given(key) {
            return note_fault(T::from_toml(setting.kind, value), &place, faults);
        }
        match setting.presence {
            Presence::Default(text) => Some(default_of(setting, text)),
            Presence::Optional(_) => None,
            Presence::Required(_) => {
                faults.note(
                    &self.place,
                    format!("{key} is missing: {}", setting.kind.in_words()),
                );
                None
            }
        }
    }

    /// Reads each element of a list with its place. Elements with a fault are left out once it is noted.
    pub(crate) fn list<T: FromToml>(&self, key: &'static str, faults: &mut Faults<'_>) -> Vec<(T, Place)> {
        let setting = self.setting(key);
        let Some((value, place)) = self.given(key) else {
            if let Presence::Required(_) = setting.presence {
                faults.note(
                    &self.place,
                    format!("{key} is missing: {}", setting.kind.in_words()),
                );
            }
            return match setting.presence {
                Presence::Default(text) => default_list(setting, text, &self.place(key)),
                Presence::Optional(_) | Presence::Required(_) => Vec::new(),
            };
        };
        let Some(elements) = value.as_array() else {
            faults.note(&place, expected(setting.kind, value));
            return Vec::new();
        };
        if elements.is_empty() {
            faults.note(&place, "an empty list: at least one is needed");
        }
        let mut read = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            let place = place.at(element.span().start, format!("{}[{index}]", place.key));
            if let Some(item) = note_fault(T::from_toml(setting.kind, element.get_ref()), &place, faults) {
                read.push((item, place));
            }
        }
        read
    }

    /// The tables of a setting that is itself an array of tables.
    pub(crate) fn tables(
        &self,
        key: &'static str,
        spec: &'static TableSpec,
        faults: &mut Faults<'_>,
    ) -> Vec<Table<'t>> {
        let Some((value, place)) = self.given(key) else {
            return Vec::new();
        };
        open_all(spec, value, &place, faults)
    }

    /// The value as given, with its place.
    pub(crate) fn given(&self, key: &'static str) -> Option<(&'t DeValue<'t>, Place)> {
        let value = self.content?.get(key)?;
        Some((
            value.get_ref(),
            self.place
                .at(value.span().start, format!("{}.{key}", self.place.key)),
        ))
    }

    /// Where a setting stands, or the table's header where it is not given.
    pub(crate) fn place(&self, key: &'static str) -> Place {
        self.given(key).map_or_else(
            || self.place.at(self.place.at, format!("{}.{key}", self.place.key)),
            |(_, place)| place,
        )
    }

    fn setting(&self, key: &'static str) -> &'static Setting {
        self.spec
            .setting(key)
            .expect("every setting that is read stands in the catalogue")
    }
}

/// Opens every table of an array: `[[trunk]]`.
pub(crate) fn open_all<'t>(
    spec: &'static TableSpec,
    value: &'t DeValue<'t>,
    place: &Place,
    faults: &mut Faults<'_>,
) -> Vec<Table<'t>> {
    let Some(elements) = value.as_array() else {
        faults.note(
            place,
            format!("it may stand many times, so it is written {}", spec.header()),
        );
        return Vec::new();
    };
    let mut tables = Vec::new();
    for (index, element) in elements.iter().enumerate() {
        let place = place.at(element.span().start, format!("{}[{index}]", place.key));
        match element.get_ref().as_table() {
            Some(content) => tables.push(Table::open(spec, content, place, faults)),
            None => faults.note(&place, format!("a table is expected: {}", spec.header())),
        }
    }
    tables
}

/// What was expected, and what stands there.
pub(crate) fn expected(kind: Kind, value: &DeValue<'_>) -> String {
    let got = match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    format!("{got} stands where this is expected: {}", kind.in_words())
}

fn note_fault<T>(read: Result<T, String>, place: &Place, faults: &mut Faults<'_>) -> Option<T> {
    read.map_err(|message| faults.note(place, message)).ok()
}

fn default_of<T: FromToml>(setting: &Setting, text: &str) -> T {
    let value = DeValue::parse(text).expect("defaults in the catalogue are TOML values");
    T::from_toml(setting.kind, value.get_ref()).expect("defaults in the catalogue are within their limits")
}

fn default_list<T: FromToml>(setting: &Setting, text: &str, place: &Place) -> Vec<(T, Place)> {
    let value = DeValue::parse(text).expect("defaults in the catalogue are TOML values");
    let elements = value
        .get_ref()
        .as_array()
        .expect("defaults of lists in the catalogue are lists");
    let each = elements.iter().map(|element| {
        let item = T::from_toml(setting.kind, element.get_ref());
        (
            item.expect("defaults in the catalogue are within their limits"),
            place.clone(),
        )
    });
    each.collect()
}
