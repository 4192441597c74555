//! Files that the settings name: number lists, folders.

use std::path::Path;
use std::sync::Arc;

use call_model::E164;

use super::Loader;
use crate::fault::{FaultAt, Place, line_and_column};
use crate::reader::Table;

/// The most faults that are shown of one list file; the rest is counted.
const FAULTS_SHOWN_MAX: usize = 20;

impl Loader<'_, '_> {
    /// A path, joined to the folder of the file that it stands in.
    pub(super) fn path(&mut self, table: &Table<'_>, key: &'static str) -> Option<String> {
        let written: Arc<str> = table.read(key, &mut self.faults)?;
        let place = table.place(key);
        let folder = self
            .sources
            .get(place.file)
            .and_then(|source| Path::new(&source.name).parent());
        Some(
            folder
                .unwrap_or(Path::new(""))
                .join(&*written)
                .display()
                .to_string(),
        )
    }

    /// Reads a file of numbers, one on each line, `#` before a comment; `take` gets each with the byte that its line
    /// begins at, and may find fault with it.
    pub(super) fn numbers_of_file(
        &mut self,
        table: &Table<'_>,
        key: &'static str,
        take: &mut dyn FnMut(E164) -> Result<(), String>,
    ) {
        let Some(path) = self.path(table, key) else { return };
        let place = table.place(key);
        let bytes = match (self.read_list)(&path) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.faults
                    .note(&place, format!("{path} cannot be read: {error}"));
                return;
            }
        };
        let mut faults = FileFaults {
            path: &path,
            bytes: &bytes,
            place: &place,
            count: 0,
        };
        let mut at = 0;
        for line in bytes.split(|byte| *byte == b'\n') {
            let content = line.split(|byte| *byte == b'#').next().unwrap_or_default();
            let number = content.trim_ascii();
            if !number.is_empty() {
                let read =
                    E164::parse(number).map_err(|fault| format!("no number in international form: {fault}"));
                if let Err(message) = read.and_then(&mut *take) {
                    let indent = content.len() - content.trim_ascii_start().len();
                    faults.note(self, at + indent, message);
                }
            }
            at += line.len() + 1;
        }
        faults.finish(self);
    }
}

struct FileFaults<'f> {
    path: &'f str,
    bytes: &'f [u8],
    place: &'f Place,
    count: usize,
}

impl FileFaults<'_> {
    fn note(&mut self, loader: &mut Loader<'_, '_>, at: usize, message: String) {
        self.count += 1;
        if self.count <= FAULTS_SHOWN_MAX {
            let (line, column) = line_and_column(self.bytes, at);
            let (file, key) = (self.path.to_owned(), self.place.key.clone());
            loader.faults.note_in_list(
                self.place,
                FaultAt {
                    file,
                    line,
                    column,
                    key,
                    message,
                },
            );
        }
    }

    fn finish(self, loader: &mut Loader<'_, '_>) {
        if let Some(more) = self.count.checked_sub(FAULTS_SHOWN_MAX).filter(|more| *more > 0) {
            loader
                .faults
                .note(self.place, format!("{} has {more} more faults", self.path));
        }
    }
}
