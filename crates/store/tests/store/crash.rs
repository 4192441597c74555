use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use store::{CallFilter, Order, Store};

use crate::records::answered;

const BATCH: u32 = 7;

#[test]
fn killed_writer_leaves_every_batch_it_had_written_and_none_in_part() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::writer_that_is_to_be_killed", "--nocapture"])
        .env(PLACE, directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let mut acknowledged = 0;
    // Beyond one segment of the log, so that batches of each kind are there.
    while acknowledged < 400 {
        let line = lines
            .next()
            .expect("the writer goes on until it is killed")
            .unwrap();
        if let Some((_, batch)) = line.split_once("written ") {
            acknowledged = batch.parse().unwrap();
        }
    }
    writer.kill().unwrap();
    writer.wait().unwrap();

    let reader = Store::open_read_only(directory.path()).unwrap();
    let filter = CallFilter {
        limit: Some(CallFilter::LIMIT_MAX),
        order: Order::OldestFirst,
        ..CallFilter::default()
    };
    let calls = reader.calls(&filter).unwrap();
    assert_eq!(calls.len() as u32 % BATCH, 0, "a batch is there in part");
    assert!(
        calls.len() as u32 >= acknowledged * BATCH,
        "a batch that was written is lost"
    );
    for (index, call) in (0..).zip(&calls) {
        assert_eq!(*call, answered(index));
    }
    drop(reader);

    let mut store = Store::open(directory.path()).unwrap();
    let next = calls.len() as u32;
    assert_eq!(store.append(&[answered(next - 1), answered(next)]).unwrap(), 1);
    let of_caller = CallFilter {
        caller: Some(answered(5).caller),
        ..filter
    };
    assert_eq!(
        store.calls(&of_caller).unwrap().len(),
        (next as usize + 1 - 5).div_ceil(100)
    );
}

/// The other process of the test above; nothing by itself.
#[test]
fn writer_that_is_to_be_killed() {
    let Some(place) = std::env::var_os(PLACE) else {
        return;
    };
    let mut store = Store::open(place.as_ref()).unwrap();
    // Ends by itself should the other process be gone.
    for batch in 0..100_000 {
        let records: Vec<_> = (batch * BATCH..(batch + 1) * BATCH).map(answered).collect();
        store.append(&records).unwrap();
        if writeln!(std::io::stdout(), "written {}", batch + 1).is_err() {
            return;
        }
    }
}

const PLACE: &str = "RINGFENCE_TEST_WRITES_TO";
