//! Finding the calls of a caller, or to a number, in a long log without an index that is written at random.
//!
//! An ordinary index over callers touches another page for nearly every call, and a touched page is written twice:
//! more bytes than the call's own row has. Here calls are taken together in segments in the order
//! they were written. When a segment is full, its callers and called numbers are sorted and written one after the
//! other under the segment's number: some 50 bytes a call, always at the end of the table. Looking up a caller is one
//! short descent for each segment of the time asked for, and the rows after the last segment are read through.

use rusqlite::{Transaction, params};

use crate::StoreError;

/// Calls in a segment. More make looking up faster, and the batch that fills a segment slower.
const SEGMENT_CALLS: i64 = 2048;

/// The rows that may belong to a key (1st parameter), in segments that overlap identifiers from the 2nd parameter to
/// before the 3rd. A key may stand for several texts, and rows after the last segment are all among them: the caller
/// and the called number must be compared.
pub(crate) const ROWS_OF_KEY: &str = "\
(SELECT call_keys.row AS row FROM call_segments CROSS JOIN call_keys
     ON call_keys.segment = call_segments.segment AND call_keys.key = ?
     WHERE call_segments.last_id >= ? AND call_segments.first_id < ?
 UNION ALL
 SELECT row FROM calls WHERE row > (SELECT coalesce(max(last_row), 0) FROM call_segments))";

/// The key of a caller, from the text of its column.
pub(crate) fn caller_key(text: &str) -> i64 {
    key(text)
}

/// The key of a called number, from the text of its column.
pub(crate) fn called_key(text: &str) -> i64 {
    !key(text)
}

/// Closes segments that are full. Belongs to the batch that filled them.
pub(crate) fn seal(batch: &Transaction<'_>) -> Result<(), StoreError> {
    let (sealed, written): (i64, i64) = batch
        .prepare_cached(
            "SELECT (SELECT coalesce(max(last_row), 0) FROM call_segments),
                    (SELECT coalesce(max(row), 0) FROM calls)",
        )?
        .query_row((), |row| Ok((row.get(0)?, row.get(1)?)))?;
    if written - sealed < SEGMENT_CALLS {
        return Ok(());
    }
    let mut keys = Vec::new();
    let mut ids: Option<(String, String)> = None;
    let mut select =
        batch.prepare_cached("SELECT row, id, caller, called FROM calls WHERE row > ? ORDER BY row")?;
    let mut rows = select.query([sealed])?;
    while let Some(row) = rows.next()? {
        let at: i64 = row.get(0)?;
        let id = row.get_ref(1)?.as_str().map_err(|_| malformed("id"))?;
        let caller = row.get_ref(2)?.as_str().map_err(|_| malformed("caller"))?;
        let called = row.get_ref(3)?.as_str().map_err(|_| malformed("called"))?;
        keys.extend([(caller_key(caller), at), (called_key(called), at)]);
        match &mut ids {
            None => ids = Some((id.to_owned(), id.to_owned())),
            Some((first, _)) if id < first.as_str() => id.clone_into(first),
            Some((_, last)) if id > last.as_str() => id.clone_into(last),
            Some(_) => {}
        }
    }
    let Some((first_id, last_id)) = ids else {
        return Ok(());
    };
    keys.sort_unstable();
    let segment = sealed + 1;
    batch
        .prepare_cached(
            "INSERT INTO call_segments (segment, last_row, first_id, last_id) VALUES (?, ?, ?, ?)",
        )?
        .execute(params![segment, written, first_id, last_id])?;
    let mut insert = batch.prepare_cached("INSERT INTO call_keys (segment, key, row) VALUES (?, ?, ?)")?;
    for (key, row) in keys {
        insert.execute([segment, key, row])?;
    }
    Ok(())
}

/// Drops the keys of segments whose calls are all gone.
pub(crate) fn forget(turn: &Transaction<'_>) -> Result<(), StoreError> {
    let empty = "SELECT segment FROM call_segments WHERE NOT EXISTS
                 (SELECT 1 FROM calls WHERE row BETWEEN segment AND last_row)";
    turn.prepare_cached(&format!("DELETE FROM call_keys WHERE segment IN ({empty})"))?
        .execute(())?;
    // The last one tells where the rows begin that no segment holds.
    turn.prepare_cached(&format!(
        "DELETE FROM call_segments WHERE segment IN ({empty})
         AND segment < (SELECT max(segment) FROM call_segments)"
    ))?
    .execute(())?;
    Ok(())
}

/// A number is its own key; other texts are hashed to keys that no number has (FNV-1a).
fn key(text: &str) -> i64 {
    match text.strip_prefix('+').and_then(|digits| digits.parse().ok()) {
        Some(number) if (0..BEYOND_NUMBERS).contains(&number) => number,
        _ => {
            let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            });
            BEYOND_NUMBERS | (hash >> 2).cast_signed()
        }
    }
}

/// Above all numbers of 15 digits.
const BEYOND_NUMBERS: i64 = 1 << 62;

fn malformed(column: &'static str) -> StoreError {
    StoreError::MalformedRow {
        table: "calls",
        column,
    }
}
