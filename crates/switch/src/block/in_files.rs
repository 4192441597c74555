//! Block entries that stand in the configuration files, which no command changes.

use std::fs;
use std::path::Path;

use call_model::E164;
use screening::Prefix;
use toml::de::DeTable;

use super::{Selection, Who};
use crate::config;

/// The entries of the files that stop these callers: `file:line: [[block]] …`. A file that cannot be read has none.
pub(super) fn standing(config: &Path, selection: &Selection) -> Vec<String> {
    let mut found = Vec::new();
    for file in config::read_files(config).unwrap_or_default() {
        let Ok(tables) = DeTable::parse(&file.text) else {
            continue;
        };
        let tables = tables.get_ref();
        for table in tables_named(tables, "block") {
            for (key, value) in table {
                if let Some(text) = value.get_ref().as_str()
                    && stops(key.get_ref(), text, &selection.who)
                {
                    let line = line_of(&file.text, value.span().start);
                    found.push(format!(
                        "{}:{line}: [[block]] {} = \"{text}\"; take it out there, then ringfence reload",
                        file.name,
                        key.get_ref()
                    ));
                }
            }
        }
        if let Who::Number(number) = selection.who {
            for table in tables_named(tables, "block_file") {
                if let Some(path) = table.get("path").and_then(|path| path.get_ref().as_str()) {
                    let folder = Path::new(&file.name).parent().unwrap_or(Path::new(""));
                    found.extend(line_in_list(&folder.join(path), number));
                }
            }
        }
    }
    found
}

fn tables_named<'t>(tables: &'t DeTable<'t>, name: &str) -> Vec<&'t DeTable<'t>> {
    let rows = tables.get(name).and_then(|rows| rows.get_ref().as_array());
    rows.map(|rows| rows.iter().filter_map(|row| row.get_ref().as_table()).collect())
        .unwrap_or_default()
}

fn stops(key: &str, text: &str, who: &Who) -> bool {
    match (key, who) {
        ("number", Who::Number(number)) => E164::parse(text.as_bytes()) == Ok(*number),
        ("prefix", Who::Number(number)) => Prefix::parse(text).is_ok_and(|prefix| prefix.covers(*number)),
        ("prefix", Who::Prefix(_)) => who.is_same(&Who::Prefix(text.to_owned())),
        ("cnam", Who::Name(_)) => who.is_same(&Who::Name(text.to_owned())),
        _ => false,
    }
}

fn line_in_list(path: &Path, number: E164) -> Option<String> {
    let text = fs::read(path).ok()?;
    let is_it = |line: &[u8]| {
        let content = line.split(|byte| *byte == b'#').next().unwrap_or_default();
        E164::parse(content.trim_ascii()) == Ok(number)
    };
    let line = text.split(|byte| *byte == b'\n').position(is_it)? + 1;
    Some(format!(
        "{}:{line}: {}; take it out there, then ringfence reload",
        path.display(),
        number.in_full()
    ))
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}
