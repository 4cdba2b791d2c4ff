//! An event as it is stored, and read again.

use jiff::Timestamp;
use rusqlite::Row;

use super::{JournalError, RunId, store::File};
use crate::machine::{EVENT_VERSION, Event};

/// An event with its place in the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// From 1, without gaps.
    pub seq: u64,
    /// When it was committed, to the microsecond. A clock set back shows here; the order is that of `seq`.
    pub at: Timestamp,
    /// The fencing number of the writer.
    pub epoch: u64,
    /// What happened.
    pub event: Event,
}

/// The events of run `?1` after `?2`, in order, with the columns that [`decode`] reads.
pub(super) const SELECT: &str =
    "SELECT seq, epoch, version, at, body FROM events WHERE run = ?1 AND seq > ?2 ORDER BY seq";

/// Returns the record in a row of [`SELECT`].
pub(super) fn decode(file: &File, run: &RunId, row: &Row<'_>) -> Result<Record, JournalError> {
    let reading = || file.failed("reading an event");
    let seq: i64 = row.get(0).map_err(reading())?;
    let epoch: i64 = row.get(1).map_err(reading())?;
    let version: i64 = row.get(2).map_err(reading())?;
    let at: i64 = row.get(3).map_err(reading())?;
    let seq = seq.cast_unsigned();
    if version > i64::from(EVENT_VERSION) {
        return Err(newer(run, seq, version.cast_unsigned()));
    }
    let body = row.get_ref(4).map_err(reading())?;
    let body = body.as_str().map_err(|_| file.corrupt(format!("event {seq} of run {run} is no text")))?;
    let event = serde_json::from_str(body).map_err(|source| unreadable(run, seq, body, source))?;
    if let Event::Opened(opened) = &event
        && opened.version > opened.known()
    {
        return Err(newer(run, seq, u64::from(opened.version)));
    }
    Ok(Record { seq, at: timestamp(file, at)?, epoch: epoch.cast_unsigned(), event })
}

/// Returns the time that a column of microseconds holds.
pub(super) fn timestamp(file: &File, micros: i64) -> Result<Timestamp, JournalError> {
    Timestamp::from_microsecond(micros).map_err(|_| file.corrupt(format!("{micros} is no time")))
}

fn newer(run: &RunId, seq: u64, found: u64) -> JournalError {
    JournalError::NewerEvent { run: run.clone(), seq, found, known: EVENT_VERSION }
}

/// Tells an event of a kind that came later from one that is broken.
fn unreadable(run: &RunId, seq: u64, body: &str, source: serde_json::Error) -> JournalError {
    let kind = serde_json::from_str::<serde_json::Value>(body)
        .ok()
        .and_then(|value| value.get("kind")?.as_str().map(str::to_owned));
    match kind {
        Some(kind) if source.to_string().starts_with("unknown variant") => {
            JournalError::UnknownEvent { run: run.clone(), seq, kind }
        }
        _ => JournalError::BadEvent { run: run.clone(), seq, source },
    }
}
