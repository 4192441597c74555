//! The files under `tests/wire`, which tests and benches share.

use std::path::{Path, PathBuf};

/// Folder and name of each file, with its bytes, in order of name.
pub(crate) fn wire_files() -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for folder in ["edge", "rfc4475"] {
        let entries =
            std::fs::read_dir(root().join(folder)).expect("the wire fixtures are in the repository");
        let mut paths: Vec<PathBuf> = entries
            .map(|entry| entry.expect("the folder can be listed").path())
            .collect();
        paths.sort();
        for path in paths {
            let name = path
                .file_name()
                .expect("a listed file has a name")
                .to_string_lossy()
                .into_owned();
            found.push((
                format!("{folder}/{name}"),
                std::fs::read(&path).expect("a listed file can be read"),
            ));
        }
    }
    found
}

/// One line per file: folder and name, a tab, what reading it gives.
pub(crate) fn wire_table() -> String {
    std::fs::read_to_string(root().join("table.tsv")).expect("the table of fixtures is in the repository")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/wire")
}
