//! The call log.

use call_model::{
    CallId, CallRecord, Called, Caller, Cause, ChallengeOutcome, Ending, Fault, Outcome, Side, TenantName,
    Treatment, TrunkName,
};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension as _, Row, Statement, params, params_from_iter};

use crate::columns::{Column as _, Reader, Word as _, integer};
use crate::{Store, StoreError, finding};

/// Which calls to list. What is absent is not asked for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CallFilter {
    /// Offered at this time or later, Unix milliseconds.
    pub since_ms: Option<u64>,
    /// Offered before this time, Unix milliseconds.
    pub until_ms: Option<u64>,
    /// From this caller.
    pub caller: Option<Caller>,
    /// To this number.
    pub called: Option<Called>,
    /// To this business.
    pub tenant: Option<TenantName>,
    /// From this carrier.
    pub trunk: Option<TrunkName>,
    /// Ended like this.
    pub outcome: Option<Ending>,
    /// Ended for this cause.
    pub cause: Option<Cause>,
    /// Treated like this by screening.
    pub treatment: Option<Treatment>,
    /// The most calls to return; 100 where absent, at most [`CallFilter::LIMIT_MAX`].
    pub limit: Option<u32>,
    /// Which calls come first.
    pub order: Order,
}

impl CallFilter {
    /// The most calls that one listing returns. Go on from the last one's time for more.
    pub const LIMIT_MAX: u32 = 10_000;

    const LIMIT_USUAL: u32 = 100;
}

/// An order of calls, by the time they were offered.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Order {
    /// The latest call first.
    #[default]
    NewestFirst,
    /// The earliest call first.
    OldestFirst,
}

impl Store {
    /// Writes a batch of records, all or none; a call that is in the log already is passed over, so that a batch may
    /// be written again. Returns how many were new.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Busy`] and others: nothing was written, and the same batch may be tried
    /// again.
    pub fn append(&mut self, records: &[CallRecord]) -> Result<usize, StoreError> {
        let batch = self.connection.transaction()?;
        let mut written = 0;
        {
            let mut insert = batch.prepare_cached(INSERT)?;
            for record in records {
                written += write(&mut insert, record)?;
            }
        }
        finding::seal(&batch)?;
        batch.commit()?;
        Ok(written)
    }

    /// Lists calls. Time is the time of the offer, as it stands in the call's identifier.
    ///
    /// # Errors
    /// [`StoreError::MalformedCall`] where the file was changed by other hands.
    pub fn calls(&self, filter: &CallFilter) -> Result<Vec<CallRecord>, StoreError> {
        let (query, values) = query(filter);
        let mut select = self.connection.prepare_cached(&query)?;
        let mut rows = select.query(params_from_iter(values))?;
        let mut calls = Vec::new();
        while let Some(row) = rows.next()? {
            calls.push(read(row)?);
        }
        Ok(calls)
    }

    /// One call's record.
    ///
    /// # Errors
    /// [`StoreError::MalformedCall`] where the file was changed by other hands.
    pub fn call(&self, id: CallId) -> Result<Option<CallRecord>, StoreError> {
        let mut select = self.connection.prepare_cached(SELECT_ONE)?;
        select
            .query_row([id.to_string()], |row| Ok(read(row)))
            .optional()?
            .transpose()
    }

    /// Removes calls that were offered before a time, the oldest first, at most `many` of them so that the writer is
    /// not held up. Returns how many went.
    ///
    /// # Errors
    /// As for [`Store::append`].
    pub fn forget_calls(&mut self, before_ms: u64, many: u32) -> Result<usize, StoreError> {
        let turn = self.connection.transaction()?;
        let forgotten = turn
            .prepare_cached(
                "DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE id < ?1 ORDER BY id LIMIT ?2)",
            )?
            .execute(params![first_id(before_ms), many])?;
        finding::forget(&turn)?;
        turn.commit()?;
        Ok(forgotten)
    }
}

fn write(insert: &mut Statement<'_>, record: &CallRecord) -> Result<usize, StoreError> {
    let Outcome {
        ending,
        status,
        cause,
        fault,
        hung_up_by,
    } = record.outcome;
    let id = record.id.text();
    let id = std::str::from_utf8(&id).expect("an identifier is written in ASCII");
    let verdict = record.decision.as_ref().map(|decision| &decision.verdict);
    let legs = match record.legs.is_empty() {
        true => "[]".to_owned(),
        false => serde_json::to_string(&record.legs).map_err(StoreError::Json)?,
    };
    let decision = record.decision.as_deref().map(serde_json::to_string).transpose();
    let decision = decision.map_err(StoreError::Json)?;
    Ok(insert.execute(params![
        id,
        integer(record.offered_ms),
        record.ringing_ms.map(integer),
        record.answered_ms.map(integer),
        record.connected_ms.map(integer),
        integer(record.ended_ms),
        integer(record.talked_ms()),
        record.trunk.as_ref().map(|name| name.as_str()),
        record.source.to_string(),
        record.caller.write(),
        record.called.write(),
        record.tenant.as_ref().map(|name| name.as_str()),
        record.plan.as_ref().map(|name| name.as_str()),
        ending.word(),
        status,
        cause.word(),
        fault.map(Fault::word),
        hung_up_by.map(Side::word),
        verdict.map(|verdict| verdict.treatment.as_str()),
        verdict.map(|verdict| verdict.score.0),
        record.challenge.map(ChallengeOutcome::word),
        &*record.sip_call_id,
        legs,
        decision,
    ])?)
}

/// Reads the columns of [`COLUMNS`].
fn read(row: &Row<'_>) -> Result<CallRecord, StoreError> {
    let unknown = |column| StoreError::MalformedRow {
        table: "calls",
        column,
    };
    let id: CallId = Reader::new(row, unknown).text("id", |text| text.parse().ok())?;
    let mut columns = Reader::new(row, |column| StoreError::MalformedCall { id, column });
    Ok(CallRecord {
        id: columns.text("id", |text| text.parse().ok())?,
        offered_ms: columns.number("offered_ms")?,
        ringing_ms: columns.optional_number("ringing_ms")?,
        answered_ms: columns.optional_number("answered_ms")?,
        connected_ms: columns.optional_number("connected_ms")?,
        ended_ms: columns.number("ended_ms")?,
        trunk: columns.optional_text("trunk", |name| Some(name.into()))?,
        source: columns.text("source", |text| text.parse().ok())?,
        caller: columns.text("caller", Caller::read)?,
        called: columns.text("called", Called::read)?,
        tenant: columns.optional_text("tenant", |name| Some(name.into()))?,
        plan: columns.optional_text("plan", |name| Some(name.into()))?,
        outcome: Outcome {
            ending: columns.text("outcome", Ending::by_word)?,
            status: columns.plain()?,
            cause: columns.text("cause", Cause::by_word)?,
            fault: columns.optional_text("fault", Fault::by_word)?,
            hung_up_by: columns.optional_text("hung_up_by", Side::by_word)?,
        },
        challenge: columns.optional_text("challenge", ChallengeOutcome::by_word)?,
        sip_call_id: columns.text("sip_call_id", |text| Some(text.into()))?,
        legs: columns.text("legs", |json| serde_json::from_str(json).ok())?,
        decision: columns.optional_text("decision", |json| serde_json::from_str(json).ok())?,
    })
}

/// The query's text depends only on which filters are there, so that few texts are compiled and kept.
fn query(filter: &CallFilter) -> (String, Vec<Value>) {
    let mut values = Vec::new();
    let mut query = format!("SELECT {COLUMNS} FROM ");
    let key = match (&filter.caller, &filter.called) {
        (Some(caller), _) => Some(finding::caller_key(&caller.write())),
        (None, Some(called)) => Some(finding::called_key(&called.write())),
        (None, None) => None,
    };
    match key {
        Some(key) => {
            query.push_str(finding::ROWS_OF_KEY);
            values.extend([
                Value::Integer(key),
                Value::Text(first_id(filter.since_ms.unwrap_or(0))),
                Value::Text(first_id(filter.until_ms.unwrap_or(u64::MAX))),
            ]);
            query.push_str(" AS found CROSS JOIN calls ON calls.row = found.row");
        }
        None => query.push_str("calls"),
    }
    let conditions: [(&str, Option<String>); 9] = [
        ("id >= ?", filter.since_ms.map(first_id)),
        ("id < ?", filter.until_ms.map(first_id)),
        ("caller = ?", filter.caller.as_ref().map(|caller| caller.write())),
        ("called = ?", filter.called.as_ref().map(|called| called.write())),
        ("tenant = ?", filter.tenant.as_ref().map(ToString::to_string)),
        ("trunk = ?", filter.trunk.as_ref().map(ToString::to_string)),
        (
            "outcome = ?",
            filter.outcome.map(|ending| ending.word().to_owned()),
        ),
        ("cause = ?", filter.cause.map(|cause| cause.word().to_owned())),
        (
            "treatment = ?",
            filter.treatment.map(|treatment| treatment.as_str().to_owned()),
        ),
    ];
    let mut before = " WHERE ";
    for (condition, value) in conditions {
        if let Some(value) = value {
            query.push_str(before);
            query.push_str(condition);
            values.push(Value::Text(value));
            before = " AND ";
        }
    }
    query.push_str(match filter.order {
        Order::NewestFirst => " ORDER BY id DESC LIMIT ?",
        Order::OldestFirst => " ORDER BY id LIMIT ?",
    });
    let limit = filter
        .limit
        .unwrap_or(CallFilter::LIMIT_USUAL)
        .min(CallFilter::LIMIT_MAX);
    values.push(Value::Integer(limit.into()));
    (query, values)
}

/// The identifier before all others of a millisecond. Beyond the year 10889, where 48 bits end, all are before.
fn first_id(unix_ms: u64) -> String {
    CallId::new(unix_ms.min((1 << 48) - 1), 0, 0).to_string()
}

const INSERT: &str = "\
INSERT INTO calls (
    id, offered_ms, ringing_ms, answered_ms, connected_ms, ended_ms, talk_ms, trunk, source, caller, called, tenant,
    plan, outcome, status, cause, fault, hung_up_by, treatment, score, challenge, sip_call_id, legs, decision
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO NOTHING";

macro_rules! columns {
    () => {
        "id, offered_ms, ringing_ms, answered_ms, connected_ms, ended_ms, trunk, source, caller, called, tenant, \
         plan, outcome, status, cause, fault, hung_up_by, challenge, sip_call_id, legs, decision"
    };
}

const COLUMNS: &str = columns!();
const SELECT_ONE: &str = concat!("SELECT ", columns!(), " FROM calls WHERE id = ?");

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn full_disk_refuses_the_whole_batch_and_the_same_batch_goes_in_once_there_is_room() {
        let (_directory, mut store) = open();
        store.append(&[record(0)]).unwrap();
        let pages: i64 = store
            .connection
            .query_row("PRAGMA page_count", (), |row| row.get(0))
            .unwrap();
        limit_pages(&store, pages + 10);
        let batch: Vec<_> = (1..1000).map(record).collect();
        assert!(matches!(store.append(&batch), Err(StoreError::Full)));
        assert_eq!(count(&store), 1);
        assert!(matches!(store.append(&batch), Err(StoreError::Full)));
        limit_pages(&store, 1_000_000);
        assert_eq!(store.append(&batch).unwrap(), 999);
        assert_eq!(count(&store), 1000);
    }

    #[test]
    fn locked_file_refuses_the_whole_batch_and_the_same_batch_goes_in_later() {
        let (directory, mut store) = open();
        store.connection.busy_timeout(Duration::ZERO).unwrap();
        let other = Store::open(directory.path()).unwrap();
        other.connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        let batch = [record(1), record(2)];
        assert!(matches!(store.append(&batch), Err(StoreError::Busy)));
        other.connection.execute_batch("ROLLBACK").unwrap();
        assert_eq!(store.append(&batch).unwrap(), 2);
    }

    #[test]
    fn record_that_other_hands_changed_is_named_with_its_column() {
        let (_directory, mut store) = open();
        store.append(&[record(1)]).unwrap();
        store
            .connection
            .execute("UPDATE calls SET cause = 'mischief'", ())
            .unwrap();
        let fault = store.call(record(1).id).unwrap_err();
        assert!(
            matches!(fault, StoreError::MalformedCall { column: "cause", .. }),
            "{fault}"
        );
    }

    fn limit_pages(store: &Store, pages: i64) {
        store
            .connection
            .query_row(&format!("PRAGMA max_page_count = {pages}"), (), |_| Ok(()))
            .unwrap();
    }

    fn count(store: &Store) -> i64 {
        store
            .connection
            .query_row("SELECT count(*) FROM calls", (), |row| row.get(0))
            .unwrap()
    }

    fn open() -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        (directory, store)
    }

    fn record(index: u32) -> CallRecord {
        CallRecord {
            id: CallId::new(1_000_000, 0, index),
            sip_call_id: "1@192.0.2.10".into(),
            trunk: None,
            source: [192, 0, 2, 10].into(),
            caller: Caller::Anonymous,
            called: Called::Other("nobody".into()),
            tenant: None,
            plan: None,
            offered_ms: 1_000_000,
            ringing_ms: None,
            answered_ms: None,
            connected_ms: None,
            ended_ms: 1_000_000,
            legs: Vec::new(),
            challenge: None,
            outcome: Outcome {
                ending: Ending::Refused,
                status: 404,
                cause: Cause::NumberUnknown,
                fault: Some(Fault::Caller),
                hung_up_by: None,
            },
            decision: None,
        }
    }
}
