use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rusqlite::Connection;
use store::{CallFilter, Store, StoreError};

use crate::records::answered;

#[test]
fn directory_and_file_are_readable_by_their_owner_only() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("a/b");
    let mut store = Store::open(&directory).unwrap();
    store.append(&[answered(1)]).unwrap();
    assert_eq!(mode(&directory), 0o700);
    for file in std::fs::read_dir(&directory).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{path:?}");
    }
}

#[test]
fn file_that_others_could_read_is_closed_to_them() {
    let root = tempfile::tempdir().unwrap();
    drop(Store::open(root.path()).unwrap());
    let path = Store::path_in(root.path());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    drop(Store::open(root.path()).unwrap());
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn file_of_a_later_release_is_refused_and_left_as_it_is() {
    let root = tempfile::tempdir().unwrap();
    let known = 1;
    {
        let connection = Connection::open(Store::path_in(root.path())).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
    }
    let before = std::fs::read(Store::path_in(root.path())).unwrap();
    for fault in [
        Store::open(root.path()).unwrap_err(),
        Store::open_read_only(root.path()).unwrap_err(),
    ] {
        assert!(
            matches!(fault, StoreError::NewerSchema { found: 99, known: k } if k == known),
            "{fault}"
        );
    }
    assert_eq!(std::fs::read(Store::path_in(root.path())).unwrap(), before);
}

#[test]
fn reading_where_nothing_was_stored_says_so_and_makes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let fault = Store::open_read_only(root.path()).unwrap_err();
    assert!(matches!(fault, StoreError::Absent(_)), "{fault}");
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    let missing = root.path().join("missing");
    assert!(matches!(
        Store::open_read_only(&missing),
        Err(StoreError::Absent(_))
    ));
    assert!(!missing.exists());
}

#[test]
fn file_from_before_the_first_release_must_be_opened_for_writing_first() {
    let root = tempfile::tempdir().unwrap();
    drop(
        Connection::open(Store::path_in(root.path()))
            .unwrap()
            .execute_batch("PRAGMA user_version = 0"),
    );
    let fault = Store::open_read_only(root.path()).unwrap_err();
    assert!(
        matches!(fault, StoreError::OlderSchema { found: 0, .. }),
        "{fault}"
    );
    drop(Store::open(root.path()).unwrap());
    assert!(Store::open_read_only(root.path()).is_ok());
}

#[test]
fn reader_sees_each_batch_once_it_is_written_and_cannot_write() {
    let root = tempfile::tempdir().unwrap();
    let mut writer = Store::open(root.path()).unwrap();
    let mut reader = Store::open_read_only(root.path()).unwrap();
    for index in 0..3 {
        writer.append(&[answered(index)]).unwrap();
        assert_eq!(
            reader.calls(&CallFilter::default()).unwrap().len(),
            index as usize + 1
        );
    }
    assert!(reader.append(&[answered(9)]).is_err());
    drop(writer);
    assert_eq!(reader.calls(&CallFilter::default()).unwrap().len(), 3);
}

#[test]
fn two_writers_take_turns() {
    let root = tempfile::tempdir().unwrap();
    let mut one = Store::open(root.path()).unwrap();
    let mut other = Store::open(root.path()).unwrap();
    one.append(&[answered(1)]).unwrap();
    other.append(&[answered(2)]).unwrap();
    one.append(&[answered(3)]).unwrap();
    assert_eq!(other.calls(&CallFilter::default()).unwrap().len(), 3);
}

#[test]
fn place_that_cannot_hold_a_directory_is_named() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    std::fs::write(&file, "").unwrap();
    let fault = Store::open(&file.join("data")).unwrap_err();
    assert!(matches!(fault, StoreError::Prepare { .. }), "{fault}");
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}
