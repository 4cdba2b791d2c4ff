//! The runs of a journal: listed, and found by what was typed.

use jiff::Timestamp;
use rusqlite::Row;
use serde_json::Value;

use super::store::File;
use super::{JournalError, Lease, LockHeld, RunId, Store, lease, lock, record, run_id};
use crate::machine::{Event, RunStatus};

/// What is known of a run without reading its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// The runbook's qualified name.
    pub runbook: String,
    /// The runbook's title.
    pub title: String,
    /// The hash of the snapshot.
    pub snapshot: String,
    /// When it was opened.
    pub created: Timestamp,
    /// When its last event was committed.
    pub updated: Timestamp,
    /// The status by its events. A run whose driver died says `running`: [`RunRow::lease`] tells.
    pub status: RunStatus,
    /// How many events it has.
    pub events: u64,
    /// The last hash of its chain, in hexadecimal.
    pub head: String,
    /// Who drives it, or did last. Ask [`Lease::is_live`].
    pub lease: Option<Lease>,
    /// The locks it holds.
    pub locks: Vec<String>,
    /// How many requests wait in its inbox.
    pub requests: u64,
}

/// Which runs to list. The default lists all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those that can be resumed or rolled back, or that run.
    pub unfinished: bool,
    /// Only those of this runbook.
    pub runbook: Option<String>,
    /// At most so many, the newest.
    pub limit: Option<u32>,
}

const SELECT: &str = "
SELECT r.id, r.runbook, r.title, r.snapshot, r.created_at, r.updated_at, r.status, r.events, r.head,
  l.epoch, l.holder, l.since, l.heartbeat_at, l.released_at,
  (SELECT json_group_array(name) FROM (SELECT name FROM locks WHERE run = r.id ORDER BY name)),
  (SELECT count(*) FROM requests WHERE run = r.id AND taken_at IS NULL)
FROM runs r LEFT JOIN leases l ON l.run = r.id";

/// How many ids are offered where one is not enough or wrong.
const OFFERED: usize = 5;

impl Store {
    /// Returns the runs, the newest first.
    ///
    /// # Errors
    ///
    /// When the file can't be read.
    pub fn runs(&self, filter: &Filter) -> Result<Vec<RunRow>, JournalError> {
        let sql = format!(
            "{SELECT} WHERE (NOT ?1 OR r.status NOT IN ('succeeded', 'rolled-back'))
             AND (?2 IS NULL OR r.runbook = ?2) ORDER BY r.created_at DESC, r.rowid DESC LIMIT ?3"
        );
        let limit = filter.limit.map_or(-1, i64::from);
        let failed = self.file.failed("listing runs");
        let mut query = self.conn.prepare_cached(&sql).map_err(&failed)?;
        let mut rows = query.query((filter.unfinished, &filter.runbook, limit)).map_err(&failed)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            found.push(decode(&self.file, row)?);
        }
        Ok(found)
    }

    /// Returns the newest run that can be resumed or rolled back, or that runs.
    ///
    /// # Errors
    ///
    /// When the file can't be read.
    pub fn latest_unfinished(&self) -> Result<Option<RunRow>, JournalError> {
        let filter = Filter { unfinished: true, limit: Some(1), ..Filter::default() };
        Ok(self.runs(&filter)?.pop())
    }

    /// Returns what is known of the run without reading its events.
    ///
    /// # Errors
    ///
    /// No such run.
    pub fn run(&self, run: &RunId) -> Result<RunRow, JournalError> {
        let sql = format!("{SELECT} WHERE r.id = ?1");
        let failed = self.file.failed("reading a run");
        let mut query = self.conn.prepare_cached(&sql).map_err(&failed)?;
        let mut rows = query.query([run.as_str()]).map_err(&failed)?;
        match rows.next().map_err(&failed)? {
            Some(row) => decode(&self.file, row),
            None => Err(JournalError::NoSuchRun { given: run.to_string(), near: self.near(run.as_str())? }),
        }
    }

    /// Returns the run whose id is or begins with what was typed.
    ///
    /// # Errors
    ///
    /// [`JournalError::NoSuchRun`] with the ids that look like it, [`JournalError::Ambiguous`] with those that begin
    /// like it.
    pub fn find(&self, typed: &str) -> Result<RunId, JournalError> {
        let missing = |near| JournalError::NoSuchRun { given: typed.trim().to_owned(), near };
        let Some(prefix) = run_id::normalise(typed) else {
            return Err(missing(self.near(typed)?));
        };
        // Between the prefix and what follows everything that begins with it: `~` is above the whole alphabet.
        let mut ids = self.ids(
            "SELECT id FROM runs WHERE id >= ?1 AND id < ?1 || '~' ORDER BY created_at DESC, rowid DESC LIMIT 6",
            [&prefix],
        )?;
        match ids.len() {
            0 => Err(missing(self.near(&prefix)?)),
            1 => Ok(ids.remove(0)),
            _ => {
                ids.truncate(OFFERED);
                Err(JournalError::Ambiguous { given: prefix, runs: ids })
            }
        }
    }

    /// Returns who has the lock.
    ///
    /// # Errors
    ///
    /// When the file can't be read.
    pub fn lock(&self, name: &str) -> Result<Option<LockHeld>, JournalError> {
        lock::read(&self.conn, &self.file, name)
    }

    /// Returns the newest runs whose id is up to two slips away from what was typed, each with its runbook.
    fn near(&self, typed: &str) -> Result<Vec<(RunId, String)>, JournalError> {
        let typed = typed.trim().to_ascii_lowercase();
        let length = typed.chars().count();
        if length < 4 {
            return Ok(Vec::new());
        }
        let recent = self.runs(&Filter { limit: Some(500), ..Filter::default() })?;
        let slips = |id: &RunId| {
            // A whole id may also have been typed without its `r`.
            let beginning = &id.as_str()[..length.min(id.as_str().len())];
            strsim::osa_distance(&typed, beginning).min(strsim::osa_distance(&typed, id.as_str()))
        };
        let mut near: Vec<(usize, RunRow)> = recent.into_iter().map(|run| (slips(&run.id), run)).collect();
        near.retain(|(slips, _)| *slips <= 2);
        near.sort_by_key(|(slips, _)| *slips);
        Ok(near.into_iter().take(3).map(|(_, run)| (run.id, run.runbook)).collect())
    }

    fn ids(&self, sql: &str, given: impl rusqlite::Params) -> Result<Vec<RunId>, JournalError> {
        let failed = self.file.failed("finding a run");
        let mut query = self.conn.prepare_cached(sql).map_err(&failed)?;
        let texts: Vec<String> =
            query.query_map(given, |row| row.get(0)).and_then(Iterator::collect).map_err(&failed)?;
        texts.iter().map(|text| run_id(&self.file, text)).collect()
    }
}

fn decode(file: &File, row: &Row<'_>) -> Result<RunRow, JournalError> {
    let columns = || -> rusqlite::Result<_> {
        let lease: Option<lease::Columns> = match row.get(9)? {
            Some(epoch) => Some((epoch, row.get(10)?, row.get(11)?, row.get(12)?, row.get(13)?)),
            None => None,
        };
        let texts: (String, String, String) = (row.get(0)?, row.get(6)?, row.get(14)?);
        let numbers: (i64, i64, i64, i64) = (row.get(4)?, row.get(5)?, row.get(7)?, row.get(15)?);
        let head: Vec<u8> = row.get(8)?;
        Ok((texts, numbers, head, lease, (row.get(1)?, row.get(2)?, row.get(3)?)))
    };
    let ((id, status, locks), (created, updated, events, requests), head, lease, (runbook, title, snapshot)) =
        columns().map_err(file.failed("reading a run"))?;
    Ok(RunRow {
        id: run_id(file, &id)?,
        runbook,
        title,
        snapshot,
        created: record::timestamp(file, created)?,
        updated: record::timestamp(file, updated)?,
        status: decode_status(file, &status)?,
        events: events.cast_unsigned(),
        head: super::chain::hex(&head),
        lease: lease.map(|columns| lease::decode(file, columns)).transpose()?,
        locks: serde_json::from_str(&locks).unwrap_or_default(),
        requests: requests.cast_unsigned(),
    })
}

/// Returns the id in a column.
pub(super) fn run_id(file: &File, text: &str) -> Result<RunId, JournalError> {
    RunId::parse(text).ok_or_else(|| file.corrupt(format!("`{text}` is no run's id")))
}

/// Returns a status as it is stored: as in an event.
pub(super) fn encode_status(status: RunStatus) -> String {
    match serde_json::to_value(status) {
        Ok(Value::String(text)) => text,
        _ => status.word().replace(' ', "-"),
    }
}

pub(super) fn decode_status(file: &File, text: &str) -> Result<RunStatus, JournalError> {
    serde_json::from_value(Value::String(text.to_owned()))
        .map_err(|_| file.corrupt(format!("`{text}` is no status this version knows")))
}

/// A run's status as far as a list shows it: the fold of the few events that change it. `machine` has the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) status: RunStatus,
    /// Whether rollback began, so that a run resumed in the middle of it is seen to roll back.
    pub(super) rollback_began: bool,
}

impl Standing {
    /// Returns the standing after `event`.
    pub(super) fn after(self, event: &Event) -> Standing {
        match event {
            Event::Opened(_) => Standing { status: RunStatus::Running, ..self },
            // Undone down to a step, as asked: it goes forwards again.
            Event::Resumed { .. } if self.status == RunStatus::PartlyUndone => {
                Standing { status: RunStatus::Running, rollback_began: false }
            }
            Event::Resumed { .. } if self.rollback_began => {
                Standing { status: RunStatus::RollingBack, ..self }
            }
            Event::Resumed { .. } => Standing { status: RunStatus::Running, ..self },
            Event::RollbackBegan { .. } => Standing { status: RunStatus::RollingBack, rollback_began: true },
            Event::Rested { status } => Standing { status: *status, ..self },
            _ => self,
        }
    }

    /// Returns whether a run of this standing needs its locks no more.
    pub(super) fn is_over(self) -> bool {
        matches!(self.status, RunStatus::Succeeded | RunStatus::RolledBack)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::fixture::{self, at, rested};

    /// Gives the runs of a journal ids that the test chose.
    fn named(names: &[&str]) -> (fixture::Place, Store) {
        let place = fixture::place();
        let store = Store::open(&place.path).unwrap();
        for name in names {
            let id = fixture::create(&store, None).unwrap().run().to_string();
            fixture::tamper(
                &place,
                &["events.run", "leases.run", "runs.id"]
                    .map(|column| column.split_once('.').unwrap())
                    .map(|(table, column)| {
                        format!("UPDATE {table} SET {column} = '{name}' WHERE {column} = '{id}';")
                    })
                    .join("\n")
                    .replacen("", "PRAGMA foreign_keys = OFF;", 1),
            );
        }
        (place, store)
    }

    fn find(store: &Store, typed: &str) -> String {
        store.find(typed).map_or_else(|error| error.to_string(), |id| id.to_string())
    }

    #[test]
    fn a_unique_beginning_is_enough() {
        let (_place, store) = named(&["r7kq2m0x", "r7kz9999", "rabcdefg"]);
        assert_eq!(find(&store, "ra"), "rabcdefg");
        assert_eq!(find(&store, "R7KQ"), "r7kq2m0x");
        assert_eq!(find(&store, "r7kq2m0x"), "r7kq2m0x");
        assert_eq!(find(&store, "r7kq2mO"), "r7kq2m0x");
        insta::assert_snapshot!(find(&store, "r7k"), @"r7k could be r7kz9999 or r7kq2m0x; type one more character");
        insta::assert_snapshot!(find(&store, "rabdcefg"), @"there is no run rabdcefg; did you mean rabcdefg (demo/scale)? `runbook runs --all` lists them");
        insta::assert_snapshot!(find(&store, "abcdefg"), @"there is no run abcdefg; did you mean rabcdefg (demo/scale)? `runbook runs --all` lists them");
        insta::assert_snapshot!(find(&store, "'; DROP"), @"there is no run '; DROP; `runbook runs --all` lists them");
    }

    #[test]
    fn runs_are_listed_newest_first_with_what_is_known_of_them() {
        let place = fixture::place();
        let store = Store::open(&place.path).unwrap();
        assert_eq!(store.latest_unfinished().unwrap(), None);
        let mut first = fixture::create(&store, None).unwrap();
        let mut second = fixture::create(&store, None).unwrap();
        first.append(at(5), vec![rested(RunStatus::Failed)]).unwrap();
        second.append(at(6), vec![fixture::started("a"), rested(RunStatus::Succeeded)]).unwrap();
        let all = store.runs(&Filter::default()).unwrap();
        let brief: Vec<_> = all.iter().map(|row| (&row.id, row.status, row.events, row.updated)).collect();
        assert_eq!(
            brief,
            [(second.run(), RunStatus::Succeeded, 3, at(6)), (first.run(), RunStatus::Failed, 2, at(5))]
        );
        assert_eq!(all[0].lease.as_ref().unwrap().holder, fixture::holder("anna"));
        assert_eq!(store.latest_unfinished().unwrap().unwrap().id, *first.run());
        let other = Filter { runbook: Some("else".to_owned()), ..Filter::default() };
        assert_eq!(store.runs(&other).unwrap(), []);
    }

    #[test]
    fn a_run_resumed_in_its_rollback_is_seen_to_roll_back() {
        let (_place, store, mut writer) = fixture::run();
        let resumed = || Event::Resumed { by: fixture::person("ben"), reason: None };
        let status = |store: &Store| store.latest_unfinished().unwrap().unwrap().status;
        writer.append(at(1), vec![rested(RunStatus::Failed)]).unwrap();
        writer.append(at(2), vec![resumed()]).unwrap();
        assert_eq!(status(&store), RunStatus::Running);
        writer.append(at(3), vec![Event::RollbackBegan { by: None, to: None, order: vec![] }]).unwrap();
        writer.append(at(4), vec![rested(RunStatus::Interrupted)]).unwrap();
        writer.append(at(5), vec![resumed()]).unwrap();
        assert_eq!(status(&store), RunStatus::RollingBack);
    }
}
