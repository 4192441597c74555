//! The files of a configuration, and the list entries kept beside them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use routing::{Directory, FaultAt, ScopedEntry, SourceText};
use screening::{CnamPattern, ListEntry, ListKey, Prefix, Terms};
use store::{Entry, EntryKey, KeptEntry, Scope, Store};
use toml::de::DeTable;

/// A configuration as read: its texts, and what they say.
pub(crate) struct Loaded {
    /// What the files held.
    pub(crate) files: Texts,
    /// What they say.
    pub(crate) directory: Directory,
}

/// What the files of a configuration held when they were read, list files included.
///
/// Rules are made from it anew when an entry of the block list comes or goes, so that nothing slips in that somebody
/// is in the middle of writing. The lists stay in memory for that: 13 bytes for a number of 11 digits, so 13 MB for a
/// million.
#[derive(Clone)]
pub(crate) struct Texts {
    /// The files of settings.
    pub(crate) settings: Vec<SourceText>,
    /// How long calls are kept by these settings: what the recorder must know of them.
    pub(crate) keep_calls: Duration,
    /// The list files that the settings name, by path.
    lists: Arc<BTreeMap<String, Vec<u8>>>,
}

/// Why a configuration is not in force.
pub(crate) enum Refused {
    /// It has faults, each with its place.
    Faults(Vec<FaultAt>),
    /// It cannot be read at all.
    Unreadable(anyhow::Error),
}

/// Reads the files of a configuration: one file, or all `*.toml` of a folder in the order of their names.
pub(crate) fn read_files(path: &Path) -> Result<Vec<SourceText>> {
    let mut paths = Vec::new();
    if path.is_dir() {
        for entry in
            fs::read_dir(path).with_context(|| format!("cannot read the folder {}", path.display()))?
        {
            let file = entry?.path();
            if file.extension().is_some_and(|extension| extension == "toml") {
                paths.push(file);
            }
        }
        paths.sort();
        if paths.is_empty() {
            bail!("{} holds no .toml file", path.display());
        }
    } else {
        paths.push(path.to_path_buf());
    }
    paths
        .into_iter()
        .map(|path| {
            let text =
                fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            Ok(SourceText {
                name: path.display().to_string(),
                text,
            })
        })
        .collect()
}

/// Where the data of a configuration is, though it may have faults: a half-edited file must not keep anybody from the
/// call log, or from blocking a caller.
pub(crate) fn data_dir(path: &Path) -> Result<PathBuf> {
    let files = read_files(path)?;
    match load_files(files.clone()) {
        Ok(loaded) => Ok(loaded.directory.switch.data_dir),
        Err(_) => Ok(written_data_dir(&files)),
    }
}

/// What `data_dir` says, as far as it can be read.
fn written_data_dir(files: &[SourceText]) -> PathBuf {
    let written = files.iter().find_map(|file| {
        let (tables, _) = DeTable::parse_recoverable(&file.text);
        let switch = tables.get_ref().get("switch")?.get_ref().as_table()?;
        let folder = switch.get("data_dir")?.get_ref().as_str()?.to_owned();
        Some((file, folder))
    });
    let (file, folder) = match (written, files.first()) {
        (Some((file, folder)), _) => (Some(file), folder),
        (None, first) => (first, "data".to_owned()),
    };
    let beside = file.and_then(|file| Path::new(&file.name).parent());
    beside.unwrap_or(Path::new("")).join(folder)
}

/// Reads and checks a configuration, without the entries that are kept beside it.
pub(crate) fn load(path: &Path) -> Result<Loaded, Refused> {
    load_files(read_files(path).map_err(Refused::Unreadable)?)
}

/// Checks settings, and reads the lists that they name.
fn load_files(settings: Vec<SourceText>) -> Result<Loaded, Refused> {
    let mut lists = BTreeMap::new();
    let mut read_list = |path: &str| {
        let bytes = fs::read(path)?;
        lists.insert(path.to_owned(), bytes.clone());
        Ok(bytes)
    };
    let directory = Directory::load(&settings, &[], &mut read_list).map_err(Refused::Faults)?;
    let files = Texts {
        settings,
        keep_calls: directory.switch.keep_calls,
        lists: Arc::new(lists),
    };
    Ok(Loaded { files, directory })
}

/// Checks what was read before, together with the entries of the store; no file of the configuration is read.
pub(crate) fn load_again(files: Texts, data_dir: &Path) -> Result<Loaded, Refused> {
    let kept = kept_entries(data_dir).map_err(Refused::Unreadable)?;
    load_texts(files, &kept)
}

fn load_texts(files: Texts, kept: &[ScopedEntry]) -> Result<Loaded, Refused> {
    let mut read_list = |path: &str| {
        let list = files.lists.get(path).cloned();
        list.ok_or_else(|| io::ErrorKind::NotFound.into())
    };
    let directory = Directory::load(&files.settings, kept, &mut read_list).map_err(Refused::Faults)?;
    Ok(Loaded { files, directory })
}

/// The same with the entries of the store that the configuration names, and where that store is.
pub(crate) fn load_with_store(path: &Path) -> Result<(Loaded, PathBuf), Refused> {
    let loaded = load(path)?;
    let data_dir = loaded.directory.switch.data_dir.clone();
    let kept = kept_entries(&data_dir).map_err(Refused::Unreadable)?;
    if kept.is_empty() {
        Ok((loaded, data_dir))
    } else {
        Ok((load_texts(loaded.files, &kept)?, data_dir))
    }
}

fn kept_entries(data_dir: &Path) -> Result<Vec<ScopedEntry>> {
    if !Store::path_in(data_dir).exists() {
        return Ok(Vec::new());
    }
    let store = Store::open_read_only(data_dir)?;
    scoped_entries(&store.entries()?)
}

/// Entries of the store as the directory takes them.
pub(crate) fn scoped_entries(entries: &[KeptEntry]) -> Result<Vec<ScopedEntry>> {
    entries
        .iter()
        .map(|kept| scoped(&kept.entry).with_context(|| format!("kept entry {}", kept.id)))
        .collect()
}

/// An entry of the store as the directory takes it.
fn scoped(entry: &Entry) -> Result<ScopedEntry> {
    let key = match &entry.key {
        EntryKey::Number(number) => ListKey::Number(*number),
        EntryKey::Prefix(prefix) => ListKey::Prefix(Prefix::parse(prefix)?),
        EntryKey::Cnam(name) => ListKey::Cnam(CnamPattern::parse(name)?),
    };
    let scope = match &entry.scope {
        Scope::Operator => routing::Scope::Operator,
        Scope::Tenant(tenant) => routing::Scope::Tenant(tenant.clone()),
        Scope::Did(did) => routing::Scope::Number(*did),
    };
    let terms = Terms {
        note: entry.reason.clone(),
        author: Some(entry.author.clone()),
        expires_ms: entry.expires_ms,
        ..Terms::default()
    };
    Ok(ScopedEntry {
        scope,
        entry: ListEntry {
            kind: entry.list,
            key,
            terms,
        },
    })
}
