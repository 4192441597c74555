//! Entries, passes, directory versions.

use call_model::ListKind;
use store::{Entry, EntryKey, KeptEntry, Pass, Removal, Scope, Store};

use crate::records::{answered, number};

#[test]
fn entries_of_every_kind_come_back_as_they_were_made_also_after_a_restart() {
    let (directory, mut store) = open();
    let plain = block(EntryKey::Number(number(1)));
    let full = Entry {
        list: ListKind::Allow,
        scope: Scope::Tenant("example-roofing".into()),
        key: EntryKey::Cnam("EXAMPLE *".into()),
        reason: Some("asked for by the owner".into()),
        expires_ms: Some(9000),
        from_call: Some(answered(1).id),
        ..plain.clone()
    };
    let prefix = Entry {
        scope: Scope::Did(number(2)),
        key: EntryKey::Prefix("+1202555".into()),
        ..plain.clone()
    };
    let ids: Vec<_> = [&plain, &full, &prefix]
        .map(|entry| store.add_entry(entry).unwrap())
        .into();
    drop(store);
    let store = Store::open(directory.path()).unwrap();
    let kept: Vec<_> = ids
        .into_iter()
        .zip([plain, full, prefix])
        .map(|(id, entry)| KeptEntry {
            id,
            entry,
            removal: None,
        })
        .collect();
    assert_eq!(store.entries().unwrap(), kept);
}

#[test]
fn removed_entry_counts_no_more_and_stays_in_the_history() {
    let (_directory, mut store) = open();
    let entry = block(EntryKey::Number(number(1)));
    let id = store.add_entry(&entry).unwrap();
    assert!(store.remove_entry(id, "operator", 7000).unwrap());
    assert!(!store.remove_entry(id, "operator", 8000).unwrap());
    assert!(!store.remove_entry(id + 1, "operator", 8000).unwrap());
    assert_eq!(store.entries().unwrap(), []);
    let removal = Some(Removal {
        at_ms: 7000,
        by: "operator".into(),
    });
    assert_eq!(
        store.removed_entries(10).unwrap(),
        [KeptEntry {
            id,
            entry: entry.clone(),
            removal
        }]
    );

    let again = store.add_entry(&entry).unwrap();
    assert_ne!(again, id);
    assert_eq!(store.entries().unwrap().len(), 1);
    assert_eq!(store.removed_entries(10).unwrap().len(), 1);
}

#[test]
fn entry_for_the_same_callers_takes_the_place_of_the_former_one() {
    let (_directory, mut store) = open();
    let former = block(EntryKey::Number(number(1)));
    let latter = Entry {
        author: "other".into(),
        created_ms: 6000,
        expires_ms: Some(9000),
        ..former.clone()
    };
    let elsewhere = Entry {
        scope: Scope::Tenant("example-dental".into()),
        ..former.clone()
    };
    store.add_entry(&elsewhere).unwrap();
    let replaced = store.add_entry(&former).unwrap();
    let id = store.add_entry(&latter).unwrap();
    let kept = store.entries().unwrap();
    assert_eq!(
        kept.iter().map(|kept| &kept.entry).collect::<Vec<_>>(),
        [&elsewhere, &latter]
    );
    assert_eq!(kept[1].id, id);
    let history = store.removed_entries(10).unwrap();
    assert_eq!(
        (history[0].id, &history[0].removal),
        (
            replaced,
            &Some(Removal {
                at_ms: 6000,
                by: "other".into()
            })
        )
    );
}

#[test]
fn history_forgets_the_oldest_removals() {
    let (_directory, mut store) = open();
    let mut last = 0;
    // Each entry replaces the one before it.
    for at_ms in 0..=Store::HISTORY_MAX + 5 {
        last = store
            .add_entry(&Entry {
                created_ms: at_ms,
                ..block(EntryKey::Cnam("X".into()))
            })
            .unwrap();
    }
    let history = store.removed_entries(u32::MAX).unwrap();
    assert_eq!(history.len() as u64, Store::HISTORY_MAX);
    assert_eq!(history[0].id, last - 1);
}

#[test]
fn numbers_and_names_of_entries_are_masked_in_debug_output() {
    let keys = [
        EntryKey::Number(number(43)),
        EntryKey::Prefix("+1202".into()),
        EntryKey::Cnam("EXAMPLE".into()),
    ];
    let text = format!("{keys:?}");
    assert!(!text.contains("202") && !text.contains("EXAMPLE"), "{text}");
}

#[test]
fn pass_counts_until_its_end_and_the_later_end_wins() {
    let (directory, mut store) = open();
    let tenant = "example-roofing".into();
    store.remember_pass(&tenant, number(1), 5000).unwrap();
    store.remember_pass(&tenant, number(1), 4000).unwrap();
    store
        .remember_pass(&"example-dental".into(), number(1), 6000)
        .unwrap();
    drop(store);
    let mut store = Store::open(directory.path()).unwrap();
    let pass = |tenant: &str, until_ms| Pass {
        tenant: tenant.into(),
        caller: number(1),
        until_ms,
    };
    let both = [pass("example-dental", 6000), pass("example-roofing", 5000)];
    assert_eq!(store.passes(4999).unwrap(), both);
    assert_eq!(store.passes(5000).unwrap(), both[..1]);
    assert_eq!(store.prune_passes(5000).unwrap(), 1);
    assert_eq!(store.passes(0).unwrap(), both[..1]);
}

#[test]
fn directory_is_kept_once_and_the_one_applied_last_is_the_latest() {
    let (_directory, mut store) = open();
    assert_eq!(store.latest_version().unwrap(), None);
    let files = [("trunks.toml", "[trunk.a]\n"), ("plans.toml", "")];
    store.save_version("aa", 1000, &files).unwrap();
    store.save_version("bb", 2000, &[]).unwrap();
    store.save_version("aa", 3000, &files).unwrap();
    let latest = store.latest_version().unwrap().unwrap();
    assert_eq!((&*latest.hash, latest.applied_ms), ("aa", 3000));
    let texts: Vec<_> = latest
        .files
        .iter()
        .map(|file| (&*file.name, &*file.text))
        .collect();
    assert_eq!(texts, files);
    assert_eq!(store.version("bb").unwrap().unwrap().files, []);
    assert_eq!(store.version("cc").unwrap(), None);
}

#[test]
fn hundred_directories_are_kept() {
    let (_directory, mut store) = open();
    for at_ms in 0..=Store::VERSIONS_MAX {
        store
            .save_version(&format!("{at_ms:016x}"), at_ms, &[("a.toml", "")])
            .unwrap();
    }
    assert_eq!(store.version("0000000000000000").unwrap(), None);
    assert!(store.version("0000000000000001").unwrap().is_some());
    assert!(store.version("0000000000000064").unwrap().is_some());
}

fn block(key: EntryKey) -> Entry {
    Entry {
        list: ListKind::Block,
        scope: Scope::Operator,
        key,
        reason: None,
        author: "operator".into(),
        created_ms: 5000,
        expires_ms: None,
        from_call: None,
    }
}

fn open() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    (directory, store)
}
