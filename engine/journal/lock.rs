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
    "the lock `{name}` is held by run {run} ({title}, {}) of {by} since {since:.0}{}; it keeps \
     the lock until it has succeeded or is rolled back",
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

impl LockHeld {
    /// Says whether nobody drives the run that has it. One that changed nothing keeps it too: it may be taken up again at any
    /// time, and what its checks found must not be changed by another meanwhile.
    pub fn is_at_rest(&self) -> bool {
        !matches!(self.status, RunStatus::Running | RunStatus::RollingBack)
    }
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

/// Gives back one of what `run` holds.
pub(super) fn give_one_back(conn: &Connection, run: &RunId, name: &str) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM locks WHERE run = ?1 AND name = ?2")?.execute([run.as_str(), name])?;
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

/// How long a circle of runs that wait for each other may be to be noticed.
const LONGEST: usize = 16;

/// Follows who waits for whom from the holder of `held`, and returns the lock of `me` at which it comes back. Only the
/// locks that runs have as long as they live count: a step at work gives its own back.
pub(super) fn circle(
    conn: &Connection,
    file: &File,
    me: &RunId,
    held: &LockHeld,
) -> Result<Option<String>, JournalError> {
    let (mut run, mut name) = (held.run.clone(), held.name.clone());
    for _ in 0..LONGEST {
        if !of_run(conn, file, &run)?.contains(&name) {
            return Ok(None);
        }
        let Some(awaited) = awaited(conn, file, &run)? else { return Ok(None) };
        match read(conn, file, &awaited)? {
            Some(next) if next.run == *me => {
                return Ok(of_run(conn, file, me)?.into_iter().find(|own| *own == awaited));
            }
            Some(next) => (run, name) = (next.run, awaited),
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// Returns the locks that the run has as long as it lives.
fn of_run(conn: &Connection, file: &File, run: &RunId) -> Result<Vec<String>, JournalError> {
    conn.prepare_cached(
        "SELECT json_extract(body, '$.lock') AS name FROM events WHERE run = ?1 AND seq = 1 AND name IS NOT NULL
         UNION ALL
         SELECT each.value FROM events, json_each(events.body, '$.locks') AS each WHERE run = ?1 AND seq = 1",
    )
    .and_then(|mut query| query.query_map([run.as_str()], |row| row.get(0))?.collect())
    .map_err(file.failed("reading a lock"))
}

/// Returns the lock that a step of the run waits for: nothing happened to that step since.
fn awaited(conn: &Connection, file: &File, run: &RunId) -> Result<Option<String>, JournalError> {
    conn.prepare_cached(
        r#"SELECT json_extract(e.body, '$.lock') FROM events e JOIN runs r ON r.id = e.run
           WHERE e.run = ?1 AND r.status = 'running' AND e.body LIKE '{"kind":"awaits-lock"%' AND NOT EXISTS (
             SELECT 1 FROM events l WHERE l.run = ?1 AND l.seq > e.seq
             AND json_extract(l.body, '$.step') = json_extract(e.body, '$.step'))
           ORDER BY e.seq DESC LIMIT 1"#,
    )
    .and_then(|mut query| query.query_row([run.as_str()], |row| row.get(0)).optional())
    .map(Option::flatten)
    .map_err(file.failed("reading a lock"))
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
        insta::assert_snapshot!(text, @"the lock `prod` is held by run RUN (A demo, running) of anna on box (pid 1) since 2026-11-22T03:00:00Z: ticket 7; it keeps the lock until it has succeeded or is rolled back");
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
            let by = first.run().clone();
            first.append(at(1), vec![rested(status)]).unwrap();
            first.release(at(2)).unwrap();
            let second = locked(&store, &name);
            assert_eq!(second.is_err(), kept, "{name}");
            if let Err(error) = second {
                let JournalError::LockHeld(held) = error else { panic!("{error}") };
                assert!(held.run == by && held.is_at_rest(), "{held}");
            }
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

    #[test]
    fn a_lock_given_back_by_a_step_is_gone_with_the_event_that_says_so() {
        let place = fixture::place();
        let store = Store::open(&place.path).unwrap();
        let mut first = locked(&store, "prod").unwrap();
        first.try_lock(Want { name: "db", reason: Some("for its step a") }, at(1)).unwrap();
        let unlocked = crate::machine::Event::Unlocked { step: "a".to_owned(), lock: "db".to_owned() };
        first.append(at(2), vec![unlocked]).unwrap();
        assert!(store.lock("db").unwrap().is_none());
        assert!(store.lock("prod").unwrap().is_some(), "the run's own is not the step's to give back");
    }

    #[test]
    fn a_circle_of_runs_that_wait_for_each_other_is_noticed() {
        let place = fixture::place();
        let store = Store::open(&place.path).unwrap();
        let names = ["a", "b", "c"];
        let mut writers = names.map(|name| locked(&store, name).unwrap());
        let mut waits = |number: usize, lock: &str| {
            let keeper = crate::machine::Keeper::default();
            let event =
                crate::machine::Event::AwaitsLock { step: "s".to_owned(), lock: lock.to_owned(), keeper };
            writers[number].append(at(1), vec![event]).unwrap();
            let Err(JournalError::LockHeld(held)) =
                writers[number].try_lock(Want { name: lock, reason: None }, at(2))
            else {
                panic!("{lock} is held")
            };
            writers[number].waits_for_us(&held).unwrap()
        };
        assert_eq!(waits(0, "b"), None);
        assert_eq!(waits(1, "c"), None);
        assert_eq!(waits(2, "a").as_deref(), Some("c"), "c waits for a, who waits for b, who waits for c");
        // What a step of a run took for itself is given back when the step is over: nobody waits for ever.
        writers[1].try_lock(Want { name: "step", reason: None }, at(3)).unwrap();
        let Err(JournalError::LockHeld(held)) =
            writers[2].try_lock(Want { name: "step", reason: None }, at(4))
        else {
            panic!("it is held")
        };
        assert_eq!(writers[2].waits_for_us(&held).unwrap(), None);
    }
}
