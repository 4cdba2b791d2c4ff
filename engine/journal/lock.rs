//! Locks across runs: one changing run at a time holds `lock:`. A run keeps its lock while it is paused, waits for a
//! person or for a retry, and gives it back when it ended well or was rolled back whole.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::store::File;
use super::{Holder, JournalError, RunId, history, lease, record};
use crate::crash_point::crash_point;
use crate::machine::RunStatus;

/// A lock that a run needs.
#[derive(Clone, Copy, Debug)]
pub struct Want<'a> {
    /// Its name.
    pub name: &'a str,
    /// What for, for whoever meets it.
    pub reason: Option<&'a str>,
}

/// Another run has the lock.
#[derive(Debug, thiserror::Error)]
#[error(
    "the lock `{name}` is held by run {run} ({title}, {}) of {by} since {since:.0}{}; see `runbook status {run}`, and \
     end that run first: `runbook resume {run}` or `runbook rollback {run}`",
    .status.word(), .reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default()
)]
pub struct LockHeld {
    /// The lock.
    pub name: String,
    /// The run that has it.
    pub run: RunId,
    /// That run's title.
    pub title: String,
    /// That run's status.
    pub status: RunStatus,
    /// Who drives that run, or did last.
    pub by: Holder,
    /// Since when.
    pub since: Timestamp,
    /// What for.
    pub reason: Option<String>,
}

/// Takes the lock for `run` inside the transaction of `conn`. Taking it twice is taking it once.
pub(super) fn take(
    conn: &Connection,
    file: &File,
    run: &RunId,
    want: Want<'_>,
    holder: &Holder,
    at: Timestamp,
) -> Result<(), JournalError> {
    match read(conn, file, want.name)? {
        Some(held) if held.run == *run => return Ok(()),
        Some(held) => return Err(JournalError::LockHeld(Box::new(held))),
        None => {}
    }
    crash_point("lock:before");
    let holder = lease::encode_holder(holder)?;
    conn.prepare_cached("INSERT INTO locks (name, run, holder, since, reason) VALUES (?1, ?2, ?3, ?4, ?5)")
        .and_then(|mut sql| sql.execute((want.name, run.as_str(), holder, at.as_microsecond(), want.reason)))
        .map_err(file.failed("taking a lock"))?;
    crash_point("lock:after");
    Ok(())
}

/// Gives back all that `run` holds.
pub(super) fn give_back(conn: &Connection, run: &RunId) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM locks WHERE run = ?1")?.execute([run.as_str()])?;
    Ok(())
}

/// Returns who has the lock.
pub(super) fn read(conn: &Connection, file: &File, name: &str) -> Result<Option<LockHeld>, JournalError> {
    type Columns = (String, String, String, String, i64, Option<String>);
    let found: Option<Columns> = conn
        .prepare_cached(
            "SELECT l.run, r.title, r.status, l.holder, l.since, l.reason
             FROM locks l JOIN runs r ON r.id = l.run WHERE l.name = ?1",
        )
        .and_then(|mut query| {
            query
                .query_row([name], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
                })
                .optional()
        })
        .map_err(file.failed("reading a lock"))?;
    let Some((run, title, status, holder, since, reason)) = found else { return Ok(None) };
    Ok(Some(LockHeld {
        name: name.to_owned(),
        run: history::run_id(file, &run)?,
        title,
        status: history::decode_status(file, &status)?,
        by: lease::decode_holder(file, &holder)?,
        since: record::timestamp(file, since)?,
        reason,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Writer;
    use crate::journal::fixture::{self, at, rested};
    use crate::journal::{Filter, Store};

    fn locked(store: &Store, name: &str) -> Result<Writer, JournalError> {
        fixture::create(store, Some(Want { name, reason: Some("ticket 7") }))
    }

    #[test]
    fn the_second_run_is_not_made_and_hears_who_has_the_lock() {
        let place = fixture::place();
        let store = Store::open(&place.path).unwrap();
        let first = locked(&store, "prod").unwrap();
        locked(&store, "staging").unwrap();
        let error = locked(&store, "prod").unwrap_err();
        let text = error.to_string().replace(first.run().as_str(), "RUN");
        insta::assert_snapshot!(text, @"the lock `prod` is held by run RUN (A demo, running) of anna on box (pid 1) since 2026-11-22T03:00:00Z: ticket 7; see `runbook status RUN`, and end that run first: `runbook resume RUN` or `runbook rollback RUN`");
        assert_eq!(store.runs(&Filter::default()).unwrap().len(), 2);
    }

    #[test]
    fn a_paused_run_keeps_its_lock_and_an_ended_one_does_not() {
        let place = fixture::place();
        let store = Store::open(&place.path).unwrap();
        for (status, kept) in [
            (RunStatus::Failed, true),
            (RunStatus::Interrupted, true),
            (RunStatus::Waiting, true),
            (RunStatus::RollbackFailed, true),
            (RunStatus::Succeeded, false),
            (RunStatus::RolledBack, false),
        ] {
            let name = format!("{status:?}");
            let mut first = locked(&store, &name).unwrap();
            first.append(at(1), vec![rested(status)]).unwrap();
            first.release(at(2)).unwrap();
            assert_eq!(locked(&store, &name).is_err(), kept, "{name}");
        }
    }

    #[test]
    fn a_lock_taken_later_by_the_run_itself_is_taken_once() {
        let place = fixture::place();
        let store = Store::open(&place.path).unwrap();
        let mut first = fixture::create(&store, None).unwrap();
        let mut second = fixture::create(&store, None).unwrap();
        let want = Want { name: "prod", reason: None };
        first.try_lock(want, at(1)).unwrap();
        first.try_lock(want, at(2)).unwrap();
        assert!(matches!(second.try_lock(want, at(3)), Err(JournalError::LockHeld(_))));
        // Not to get a lock is an answer, no failed write.
        second.append(at(4), vec![fixture::started("a")]).unwrap();
        assert_eq!(store.lock("prod").unwrap().unwrap().since, at(1));
    }
}
