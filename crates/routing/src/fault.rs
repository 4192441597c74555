//! Faults of the settings, each with its place.

use std::fmt;

/// A file of settings: its name as shown in faults, and its text.
#[derive(Clone, Debug)]
pub struct SourceText {
    /// The path as the operator gave it; files that it names are looked for beside it.
    pub name: String,
    /// The TOML text.
    pub text: String,
}

/// What is wrong with the settings, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FaultAt {
    /// The file, or the list file that it names.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The setting: `trunk[0].sources[1]`; empty where the text is no TOML.
    pub key: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for FaultAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for FaultAt {}

/// Where something stands: a file of the configuration, a byte of it, and the setting.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) file: usize,
    pub(crate) at: usize,
    pub(crate) key: String,
}

impl Place {
    pub(crate) fn at(&self, at: usize, key: String) -> Self {
        Self {
            file: self.file,
            at,
            key,
        }
    }
}

/// All faults found so far.
pub(crate) struct Faults<'a> {
    files: &'a [SourceText],
    /// Whether a file could not be read as TOML: what seems to be missing may stand there.
    is_partial: bool,
    found: Vec<(usize, usize, FaultAt)>,
}

impl<'a> Faults<'a> {
    pub(crate) fn new(files: &'a [SourceText]) -> Self {
        Self {
            files,
            is_partial: false,
            found: Vec::new(),
        }
    }

    /// Notes a fault at a place in one of the files.
    pub(crate) fn note(&mut self, place: &Place, message: impl Into<String>) {
        let (file, line, column) = position(self.files, place);
        let fault = FaultAt {
            file,
            line,
            column,
            key: place.key.clone(),
            message: message.into(),
        };
        self.found.push((place.file, place.at, fault));
    }

    /// Notes that a file is no TOML.
    pub(crate) fn note_syntax(&mut self, place: &Place, message: impl Into<String>) {
        self.is_partial = true;
        self.note(place, message);
    }

    /// Notes that something is named, or needed, which stands in none of the files; not where a file could not be
    /// read, since it may stand there.
    pub(crate) fn note_absence(&mut self, place: &Place, message: impl Into<String>) {
        if !self.is_partial {
            self.note(place, message);
        }
    }

    /// Notes a fault within a list file, shown beside the faults of the setting that names it.
    pub(crate) fn note_in_list(&mut self, named_at: &Place, fault: FaultAt) {
        self.found.push((named_at.file, named_at.at, fault));
    }

    /// `file:line` of a place, to point at from a fault elsewhere.
    pub(crate) fn where_is(&self, place: &Place) -> String {
        where_is(self.files, place)
    }

    /// All faults in the order of files, then of lines; an empty list where there are none.
    pub(crate) fn into_sorted(mut self) -> Vec<FaultAt> {
        self.found.sort_by_key(|(file, at, _)| (*file, *at));
        self.found.into_iter().map(|(_, _, fault)| fault).collect()
    }
}

/// `file:line` of a place.
pub(crate) fn where_is(files: &[SourceText], place: &Place) -> String {
    let (file, line, _) = position(files, place);
    format!("{file}:{line}")
}

fn position(files: &[SourceText], place: &Place) -> (String, usize, usize) {
    let Some(source) = files.get(place.file) else {
        return (String::new(), 1, 1);
    };
    let (line, column) = line_and_column(source.text.as_bytes(), place.at);
    (source.name.clone(), line, column)
}

/// Line and column of a byte, both from 1; the column counts characters.
pub(crate) fn line_and_column(text: &[u8], at: usize) -> (usize, usize) {
    let before = &text[..at.min(text.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let line_start = before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    // A UTF-8 character is counted at its first byte; those after it begin with the bits 10.
    let column = before[line_start..]
        .iter()
        .filter(|byte| **byte & 0xc0 != 0x80)
        .count()
        + 1;
    (line, column)
}
