//! The form of the file, and how an older form becomes the present one.

use rusqlite::{Connection, TransactionBehavior};

use super::{JournalError, store::File};
use crate::crash_point::crash_point;

/// Marks the file as ours: `Rbok`.
pub(super) const APPLICATION_ID: i32 = 0x5262_6f6b;

/// What makes form `n + 1` of form `n`. An entry that was released is never changed.
///
/// `events` has rows of its own beside the key's index (no WITHOUT ROWID): with bodies above a kilobyte it is half as
/// large and writes twice as fast, and with small ones the two are equal.
const MIGRATIONS: &[&str] = &["
CREATE TABLE snapshots (
  hash TEXT NOT NULL PRIMARY KEY,
  body TEXT NOT NULL
) STRICT;

CREATE TABLE runs (
  id TEXT NOT NULL PRIMARY KEY,
  runbook TEXT NOT NULL,
  title TEXT NOT NULL,
  snapshot TEXT NOT NULL REFERENCES snapshots (hash),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  status TEXT NOT NULL,
  rollback_began INTEGER NOT NULL,
  events INTEGER NOT NULL,
  head BLOB NOT NULL
) STRICT;
CREATE INDEX runs_by_age ON runs (created_at);

CREATE TABLE events (
  run TEXT NOT NULL REFERENCES runs (id),
  seq INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  version INTEGER NOT NULL,
  at INTEGER NOT NULL,
  body TEXT NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (run, seq)
) STRICT;

CREATE TABLE leases (
  run TEXT NOT NULL PRIMARY KEY REFERENCES runs (id),
  epoch INTEGER NOT NULL,
  holder TEXT NOT NULL,
  since INTEGER NOT NULL,
  heartbeat_at INTEGER NOT NULL,
  released_at INTEGER
) STRICT;

CREATE TABLE locks (
  name TEXT NOT NULL PRIMARY KEY,
  run TEXT NOT NULL REFERENCES runs (id),
  holder TEXT NOT NULL,
  since INTEGER NOT NULL,
  reason TEXT
) STRICT;
CREATE INDEX locks_by_run ON locks (run);

CREATE TABLE requests (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run TEXT NOT NULL REFERENCES runs (id),
  at INTEGER NOT NULL,
  person TEXT NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,
  taken_at INTEGER
) STRICT;
CREATE INDEX requests_waiting ON requests (run, id) WHERE taken_at IS NULL;
"];

/// The newest form.
pub(super) const VERSION: i64 = newest(MIGRATIONS);

#[expect(clippy::cast_possible_wrap, reason = "a handful")]
const fn newest(migrations: &[&str]) -> i64 {
    migrations.len() as i64
}

/// What an opened file turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Nothing is in it yet.
    Empty,
    /// Ours, of an older form.
    Older(i64),
    /// Ours, of the present form.
    Present,
}

/// Returns the form of the file. Reads its header and the list of its tables, nothing more.
pub(super) fn inspect(conn: &Connection, file: &File) -> Result<Form, JournalError> {
    inspect_as(conn, file, VERSION)
}

fn inspect_as(conn: &Connection, file: &File, present: i64) -> Result<Form, JournalError> {
    // In one statement, so at one moment: between two another process may make the journal, and half of each is no form.
    let (id, version, tables): (i64, i64, i64) = conn
        .query_row(
            "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version),
                    count(*) FROM sqlite_schema WHERE type = 'table'",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .map_err(file.failed("opening the journal"))?;
    if id != i64::from(APPLICATION_ID) {
        if id == 0 && version == 0 && tables == 0 {
            return Ok(Form::Empty);
        }
        let what = format!("it is the database of another program, with {tables} tables");
        return Err(JournalError::NotOurs { path: file.path().to_owned(), what });
    }
    if version > present {
        return Err(JournalError::Newer { path: file.path().to_owned(), found: version, known: present });
    }
    if version < 1 || tables < 6 {
        return Err(file.corrupt(format!("of form {version} with {tables} tables")));
    }
    Ok(if version == present { Form::Present } else { Form::Older(version) })
}

/// Brings the file to the present form. All of it is one commit: a file is never left between two forms.
pub(super) fn migrate(conn: &mut Connection, file: &File) -> Result<(), JournalError> {
    migrate_with(conn, file, MIGRATIONS)
}

fn migrate_with(conn: &mut Connection, file: &File, migrations: &[&str]) -> Result<(), JournalError> {
    let present = newest(migrations);
    let failed = file.failed("migrating the journal");
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
    // Again under the lock: another process may have been faster.
    let from = match inspect_as(&tx, file, present)? {
        Form::Present => return Ok(()),
        Form::Empty => 0,
        Form::Older(version) => version,
    };
    let done = usize::try_from(from).unwrap_or(0);
    for step in &migrations[done..] {
        tx.execute_batch(step).map_err(&failed)?;
        crash_point("migrate:step");
    }
    tx.pragma_update(None, "application_id", APPLICATION_ID).map_err(&failed)?;
    tx.pragma_update(None, "user_version", present).map_err(&failed)?;
    crash_point("migrate:commit");
    tx.commit().map_err(&failed)?;
    crash_point("migrate:committed");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Store, fixture};

    fn raw(path: &std::path::Path) -> Connection {
        Connection::open(path).unwrap()
    }

    #[test]
    fn a_new_file_is_ours_and_opens_again() {
        let place = fixture::place();
        drop(Store::open(&place.path).unwrap());
        let conn = raw(&place.path);
        let pragma = |name: &str| conn.pragma_query_value(None, name, |row| row.get::<_, String>(0)).unwrap();
        assert_eq!(pragma("journal_mode"), "wal");
        assert_eq!(
            conn.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)).unwrap(),
            VERSION
        );
        Store::open(&place.path).unwrap();
        Store::open_read_only(&place.path).unwrap();
    }

    #[test]
    fn a_newer_form_is_refused_by_name_and_left_alone() {
        let place = fixture::place();
        drop(Store::open(&place.path).unwrap());
        raw(&place.path).pragma_update(None, "user_version", VERSION + 4).unwrap();
        for error in [Store::open(&place.path), Store::open_read_only(&place.path)].map(Result::unwrap_err) {
            let JournalError::Newer { found, known, .. } = error else { panic!("{error}") };
            assert_eq!((found, known), (VERSION + 4, VERSION));
        }
    }

    #[test]
    fn an_older_form_is_migrated_whole_or_not_at_all() {
        let (place, mut store, mut writer) = fixture::run();
        let two = "CREATE TABLE notes (x TEXT) STRICT; ALTER TABLE runs ADD COLUMN note TEXT;";
        let error =
            migrate_with(&mut store.conn, &store.file, &[MIGRATIONS[0], two, "CREATE TABLE oops (; "])
                .unwrap_err();
        assert!(error.to_string().starts_with("migrating the journal failed"), "{error}");
        assert_eq!(inspect(&store.conn, &store.file).unwrap(), Form::Present);
        writer.append(fixture::at(1), vec![fixture::started("a")]).unwrap();

        migrate_with(&mut store.conn, &store.file, &[MIGRATIONS[0], two]).unwrap();
        assert_eq!(inspect_as(&store.conn, &store.file, 2).unwrap(), Form::Present);
        assert_eq!(store.verify(writer.run()).unwrap().events, 2);
        assert!(matches!(Store::open(&place.path), Err(JournalError::Newer { found: 2, .. })));
    }

    #[test]
    fn what_is_not_ours_is_refused_and_not_changed() {
        let place = fixture::place();
        raw(&place.path).execute_batch("CREATE TABLE theirs (x); PRAGMA user_version = 3;").unwrap();
        let error = Store::open(&place.path).unwrap_err();
        assert!(error.to_string().contains("database of another program, with 1 tables"), "{error}");
        let tables = raw(&place.path)
            .query_row("SELECT group_concat(name) FROM sqlite_schema", [], |row| row.get::<_, String>(0));
        assert_eq!(tables.unwrap(), "theirs");

        let text = place.folder.path().join("notes.txt");
        fixture::write(&text, &b"Not a database at all. ".repeat(50));
        let error = Store::open(&text).unwrap_err();
        assert!(error.to_string().contains("it is no SQLite database"), "{error}");
        let error = Store::open(place.folder.path()).unwrap_err();
        assert!(error.to_string().contains("it is a folder"), "{error}");
    }

    #[test]
    fn many_that_open_a_new_file_at_once_all_succeed() {
        let place = fixture::place();
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..8).map(|_| scope.spawn(|| Store::open(&place.path).map(drop))).collect();
            for one in all {
                one.join().unwrap().unwrap();
            }
        });
    }

    #[test]
    fn many_that_make_the_journal_at_once_all_have_it() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("j.db");
            std::thread::scope(|scope| {
                let opens: Vec<_> = (0..4).map(|_| scope.spawn(|| Store::open(&path).map(drop))).collect();
                for open in opens {
                    open.join().unwrap().unwrap();
                }
            });
        }
    }
}
