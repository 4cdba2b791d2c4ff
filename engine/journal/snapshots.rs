//! A snapshot as it is stored: its JSON and the hash of it. Runs of the same runbook with the same vars share one.

use std::cell::RefCell;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};

use super::{JournalError, RunId, chain, store::File};
use crate::model::{MACHINE_VERSION, Snapshot};

/// A snapshot in its stored form.
#[derive(Clone, Debug)]
pub struct Frozen {
    hash: String,
    body: String,
}

impl Frozen {
    /// Returns the stored form of `snapshot`. The same snapshot has the same hash wherever it is made.
    ///
    /// # Errors
    ///
    /// A snapshot that is no JSON, which would be a mistake of this program.
    pub fn of(snapshot: &Snapshot) -> Result<Frozen, JournalError> {
        let body = serde_json::to_string(snapshot)
            .map_err(|source| JournalError::Unstorable { what: "the run's snapshot".to_owned(), source })?;
        Ok(Frozen { hash: hash(&body), body })
    }

    /// Returns the hash, for [`Opened::snapshot`](crate::machine::Opened::snapshot): SHA-256 in hexadecimal.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    pub(super) fn store(&self, conn: &Connection) -> rusqlite::Result<()> {
        conn.prepare_cached(
            "INSERT INTO snapshots (hash, body) VALUES (?1, ?2) ON CONFLICT (hash) DO NOTHING",
        )?
        .execute((&self.hash, &self.body))?;
        Ok(())
    }
}

/// Returns the hash of a stored body.
pub(super) fn hash(body: &str) -> String {
    chain::hex(&Sha256::digest(body))
}

/// Returns the stored JSON of the run's snapshot and the hash it is filed under.
pub(super) fn body(conn: &Connection, file: &File, run: &RunId) -> Result<(String, String), JournalError> {
    conn.prepare_cached(
        "SELECT s.hash, s.body FROM runs r JOIN snapshots s ON s.hash = r.snapshot WHERE r.id = ?1",
    )
    .and_then(|mut query| query.query_row([run.as_str()], |row| Ok((row.get(0)?, row.get(1)?))).optional())
    .map_err(file.failed("reading a run's snapshot"))?
    .ok_or_else(|| JournalError::NoSuchRun { given: run.to_string(), near: Vec::new() })
}

/// Returns the stored JSON of the snapshot that the run goes on with: the one it was renewed with last, when it was.
/// Looked for among the events, so that the row of the run, whose hash the chain begins with, stays as it was opened.
fn newest(conn: &Connection, file: &File, run: &RunId) -> Result<String, JournalError> {
    let renewed: Option<Option<String>> = conn
        .prepare_cached(
            "SELECT s.body FROM events e LEFT JOIN snapshots s ON s.hash = json_extract(e.body, '$.snapshot')
             WHERE e.run = ?1 AND e.body LIKE '{\"kind\":\"renewed\"%' ORDER BY e.seq DESC LIMIT 1",
        )
        .and_then(|mut query| query.query_row([run.as_str()], |row| row.get(0)).optional())
        .map_err(file.failed("reading a run's snapshot"))?;
    match renewed {
        None => body(conn, file, run).map(|(_, body)| body),
        Some(Some(body)) => Ok(body),
        Some(None) => Err(file.corrupt(format!("the snapshot that run {run} goes on with is missing"))),
    }
}

/// Returns the stored JSON of a snapshot, when there is one of this hash.
pub(super) fn of_hash(conn: &Connection, file: &File, hash: &str) -> Result<Option<String>, JournalError> {
    conn.prepare_cached("SELECT body FROM snapshots WHERE hash = ?1")
        .and_then(|mut query| query.query_row([hash], |row| row.get(0)).optional())
        .map_err(file.failed("reading a run's snapshot"))
}

/// Returns the run's snapshot. `read` is the one that was read last.
pub(super) fn load(
    conn: &Connection,
    file: &File,
    read: &RefCell<Option<(String, Arc<Snapshot>)>>,
    run: &RunId,
) -> Result<Arc<Snapshot>, JournalError> {
    let body = newest(conn, file, run)?;
    if let Some((_, snapshot)) = read.borrow().as_ref().filter(|(stored, _)| *stored == body) {
        return Ok(Arc::clone(snapshot));
    }
    let snapshot = Arc::new(decoded(file, run, &body)?);
    *read.borrow_mut() = Some((body, Arc::clone(&snapshot)));
    Ok(snapshot)
}

fn decoded(file: &File, run: &RunId, body: &str) -> Result<Snapshot, JournalError> {
    serde_json::from_str::<Snapshot>(body)
        .and_then(|snapshot| match snapshot.machine {
            newer if newer > MACHINE_VERSION => Err(serde::de::Error::custom("a newer machine")),
            _ => Ok(snapshot),
        })
        .map_err(|source| {
            // A newer snapshot may fail on a form unknown here before its version is seen.
            let version = serde_json::from_str::<serde_json::Value>(body)
                .ok()
                .and_then(|value| value.get("machine")?.as_u64());
            match version {
                Some(found) if found > u64::from(MACHINE_VERSION) => {
                    JournalError::NewerSnapshot { run: run.clone(), found, known: MACHINE_VERSION }
                }
                _ => JournalError::BadSnapshot { run: run.clone(), path: file.path().to_owned(), source },
            }
        })
}
