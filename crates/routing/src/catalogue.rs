//! Every setting once: its type, unit, limits, default and meaning. The reader and `configs/reference.toml` both
//! come from here.

use crate::tables_business::BUSINESS;
use crate::tables_machine::MACHINE;

/// A table of the settings.
pub(crate) struct TableSpec {
    /// `switch`, `trunk`, `detective.signal`.
    pub(crate) name: &'static str,
    /// Whether it may stand many times: `[[trunk]]`.
    pub(crate) many: bool,
    /// What it is for: one or more sentences.
    pub(crate) doc: &'static str,
    /// Its settings, in the order in which they are shown.
    pub(crate) settings: &'static [Setting],
}

/// One setting.
pub(crate) struct Setting {
    /// Its key.
    pub(crate) key: &'static str,
    /// Its type with its limits.
    pub(crate) kind: Kind,
    /// Whether it must be given, and what counts where it is not.
    pub(crate) presence: Presence,
    /// What it means, in one sentence.
    pub(crate) doc: &'static str,
}

/// Whether a setting must be given. The texts are TOML values.
pub(crate) enum Presence {
    /// It must be given; the text is an example.
    Required(&'static str),
    /// Its absence has a meaning of its own, which the sentence tells; the text is an example.
    Optional(&'static str),
    /// This counts where it is not given.
    Default(&'static str),
}

/// The type of a setting, with its limits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// `true` or `false`.
    Flag,
    /// A whole number between two limits.
    Count(u64, u64),
    /// A duration between two limits in milliseconds.
    Time(u64, u64),
    /// Text of at most so many bytes.
    Text(usize),
    /// A name: 1 to 64 letters, digits, `-`, `_`, `.`.
    Name,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// One of these statuses.
    Status(&'static [u16]),
    /// `"192.0.2.1:5060"`.
    Socket,
    /// `"192.0.2.1"`.
    Ip,
    /// A host name or an address.
    Host,
    /// A host name or an address, and a port.
    HostPort,
    /// `"20000-29999"`.
    Ports,
    /// Addresses and networks.
    Networks,
    /// A SIP URI whose host is an address.
    Uri,
    /// A file or a folder.
    Path,
    /// A number in international form.
    Number,
    /// Numbers in international form.
    Numbers,
    /// The first and the last of consecutive numbers.
    Range,
    /// `+` and the first digits of numbers.
    Prefix,
    /// A caller's name, with `*` for any text.
    Cnam,
    /// Digits as dialled.
    DialledNumbers,
    /// A country calling code.
    CountryCode,
    /// Digits, or nothing.
    DiallingPrefix,
    /// A date, or a date with time and offset.
    Date,
    /// From 0 to 1, in thousandths.
    Fraction,
    /// Where a call goes.
    Destination,
    /// `{ announce = "…" }`.
    Announcement,
    /// Agents by name, each with a ring time of its own where it has one.
    Agents,
    /// Tables of their own: `[[detective.signal]]`.
    Tables,
}

impl TableSpec {
    pub(crate) fn setting(&self, key: &str) -> Option<&'static Setting> {
        self.settings.iter().find(|setting| setting.key == key)
    }

    /// As it is written: `[switch]`, `[[trunk]]`, `{ plan, agent }`.
    pub(crate) fn header(&self) -> String {
        if self.name.starts_with('{') {
            return self.name.to_owned();
        }
        if self.many {
            format!("[[{}]]", self.name)
        } else {
            format!("[{}]", self.name)
        }
    }
}

/// The descriptions of all tables, in the order of the reference.
pub(crate) fn tables() -> impl Iterator<Item = &'static TableSpec> {
    MACHINE.iter().chain(BUSINESS)
}

/// The description of a table.
pub(crate) fn table(name: &str) -> Option<&'static TableSpec> {
    tables().find(|table| table.name == name)
}

/// The text of `configs/reference.toml`: every setting with its type, limits, default and meaning. It is itself a
/// valid configuration.
#[must_use]
pub fn reference() -> String {
    let mut text = String::from(REFERENCE_HEAD);
    for table in tables() {
        text.push('\n');
        push_comment(&mut text, table.doc);
        text.push_str(&table.header());
        text.push('\n');
        for setting in table
            .settings
            .iter()
            .filter(|setting| !matches!(setting.kind, Kind::Tables))
        {
            text.push('\n');
            push_comment(&mut text, setting.doc);
            let (presence, value, active) = match setting.presence {
                Presence::Required(example) => ("required".to_owned(), example, true),
                Presence::Optional(example) => ("optional".to_owned(), example, is_shown(table, setting)),
                Presence::Default(default) => (format!("default {default}"), default, true),
            };
            push_comment(&mut text, &format!("{}; {presence}.", setting.kind.in_words()));
            let mark = if active { "" } else { "# " };
            text.push_str(&format!("{mark}{} = {value}\n", setting.key));
        }
    }
    text
}

const REFERENCE_HEAD: &str = "\
# Every setting of Ringfence: its meaning, type, limits, default.
#
# This file is made from the program's own table of settings: `cargo xtask reference` writes it again. It is a valid
# configuration itself; for a first configuration begin with example.toml, which is shorter.
#
# A configuration is this file alone, or several *.toml files taken together. Settings with a default may be left
# out. Durations are texts with a unit: \"500ms\", \"7s\", \"10m\", \"24h\", \"30d\". Numbers are texts in international form:
# \"+12025550143\". Paths count from the folder of the file that they stand in.
";

/// Optional settings that the reference gives a value, so that it is a whole configuration.
fn is_shown(table: &TableSpec, setting: &Setting) -> bool {
    const SHOWN: &[(&str, &str)] = &[
        ("http", "address"),
        ("trunk", "country"),
        ("number", "did"),
        ("number", "plan"),
        ("block", "number"),
        ("allow", "number"),
        ("do_not_originate", "numbers"),
        ("responses", "analytics_url"),
    ];
    SHOWN.contains(&(table.name, setting.key))
}

fn push_comment(text: &mut String, words: &str) {
    let mut line = String::from("#");
    for word in words.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > 110 {
            text.push_str(&line);
            text.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

impl Kind {
    /// The type with its limits, for the reference and for faults.
    pub(crate) fn in_words(self) -> String {
        match self {
            Self::Flag => "true or false".into(),
            Self::Count(min, max) => format!("Whole number, {min} to {max}"),
            Self::Time(min, max) => format!(
                "Duration, {} to {}",
                duration_in_words(min),
                duration_in_words(max)
            ),
            Self::Text(max) => format!("Text, at most {max} bytes"),
            Self::Name => "Name, 1 to 64 of letters, digits, - _ .".into(),
            Self::Choice(words) => {
                let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                format!("One of {}", quoted.join(", "))
            }
            Self::Status(statuses) => {
                let each: Vec<String> = statuses.iter().map(u16::to_string).collect();
                format!("One of {}", each.join(", "))
            }
            Self::Socket => "Address and port, \"192.0.2.1:5060\" or \"[2001:db8::1]:5060\"".into(),
            Self::Ip => "Address, \"192.0.2.1\" or \"2001:db8::1\"".into(),
            Self::Host => "Host name or address".into(),
            Self::HostPort => "Host name or address, with a port where it is not 5060".into(),
            Self::Ports => "First and last port, \"20000-29999\", at least 4 ports, none below 1024".into(),
            Self::Networks => "List of addresses and networks, \"192.0.2.1\", \"192.0.2.0/24\"".into(),
            Self::Uri => {
                "SIP URI whose host is an address, \"sip:alice@192.0.2.10:5060;transport=tcp\"".into()
            }
            Self::Path => "Path, at most 4096 bytes".into(),
            Self::Number => "Number in international form, \"+12025550143\"".into(),
            Self::Numbers => "List of numbers in international form".into(),
            Self::Range => "First and last of consecutive numbers, \"+12025550100-+12025550119\"".into(),
            Self::Prefix => "+ and the first 1 to 15 digits, \"+1202555\"".into(),
            Self::Cnam => {
                "Caller's name, upper and lower case alike, * for any text, at most 64 bytes".into()
            }
            Self::DialledNumbers => "List of digits as dialled, 2 to 6 each".into(),
            Self::CountryCode => "Country calling code, \"1\" to \"999\"".into(),
            Self::DiallingPrefix => "At most 4 digits, \"\" for none".into(),
            Self::Date => {
                "Date (its beginning in UTC) or date with time and offset, 2027-01-31T18:00:00Z".into()
            }
            Self::Fraction => "Number from 0 to 1, thousandths count".into(),
            Self::Destination => {
                "{ plan = \"…\" }, { agent = \"…\" }, { announce = \"…\" } or { refuse = 400 to 699 }".into()
            }
            Self::Announcement => "{ announce = \"…\" }".into(),
            Self::Agents => "List of names, or of { agent = \"…\", ring_time = \"15s\" }".into(),
            Self::Tables => "Tables".into(),
        }
    }
}

/// `90000` as `90s`: the largest unit that leaves no rest.
pub(crate) fn duration_in_words(ms: u64) -> String {
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    let unit = units
        .iter()
        .find(|(_, size)| ms >= *size && ms.is_multiple_of(*size));
    unit.map_or_else(
        || format!("{ms}ms"),
        |(name, size)| format!("{}{name}", ms / size),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Directory, SourceText};

    #[test]
    fn every_setting_of_the_catalogue_is_read() {
        for table in tables() {
            for setting in table.settings {
                let header = if table.many {
                    format!("[[{}]]", table.name)
                } else {
                    table.header()
                };
                let text = format!("{header}\n{} = {{ nonsense = 1 }}\n", setting.key);
                let files = [SourceText {
                    name: "settings.toml".into(),
                    text,
                }];
                let faults = Directory::load(&files, &[], &mut |_| Ok(Vec::new())).unwrap_err();
                let end = format!(".{}", setting.key);
                let is_read = faults
                    .iter()
                    .any(|fault| fault.line == 2 && fault.key.contains(&end));
                assert!(is_read, "{} {}: {faults:#?}", table.name, setting.key);
            }
        }
    }

    #[test]
    fn duration_is_shown_in_its_largest_whole_unit() {
        let shown: Vec<String> = [0, 500, 1_500, 60_000, 90_000, 86_400_000]
            .map(duration_in_words)
            .into();
        assert_eq!(shown, ["0ms", "500ms", "1500ms", "1m", "90s", "1d"]);
    }
}
