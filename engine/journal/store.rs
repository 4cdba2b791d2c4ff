//! One process's view of the journal: open, make a run, read runs.
#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "the tests damage files"))]

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::record::{self, Record};
use super::schema::{self, Form};
use super::{Frozen, Holder, JournalError, OutputDir, RunId, RunRow, Want, Writer, disk, snapshots};
use crate::machine::Event;
use crate::model::Snapshot;

/// How long another process may hold the file before giving up. Commits take milliseconds; a checkpoint of a large
/// log on a slow disk may take seconds.
pub(super) const BUSY: Duration = Duration::from_secs(10);

/// This process opens journals one at a time, since making the file must not overlap with SQLite opening it
/// (see [`disk::prepare`]).
static OPENING: Mutex<()> = Mutex::new(());

/// What the names of the log and of its index end in.
const LOG: [&str; 2] = ["-wal", "-shm"];

const WRITING: &str = "opening the journal for writing";

/// The file, for what is said about it.
#[derive(Clone, Debug)]
pub(super) struct File {
    path: PathBuf,
    key: Option<disk::FileKey>,
    /// The log and its index, as this process has them open; none for a reader. SQLite makes them anew only once nobody
    /// has the journal open.
    log: [Option<disk::FileKey>; 2],
    /// Whether nobody wants it after this process: it need not survive the machine.
    pub(super) passing: bool,
}

impl File {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what turns a failure of SQLite while `doing` into ours.
    pub(super) fn failed(&self, doing: &'static str) -> impl Fn(rusqlite::Error) -> JournalError {
        move |source| JournalError::of(&self.path, doing, source)
    }

    pub(super) fn corrupt(&self, what: String) -> JournalError {
        JournalError::Corrupt { path: self.path.clone(), what }
    }

    /// Refuses when the paths no longer lead to the opened files: SQLite would go on writing to files that nobody can
    /// find any more, and acknowledge it. A log that is gone takes every commit with it that is not in the journal
    /// itself yet.
    pub(super) fn still_there(&self) -> Result<(), JournalError> {
        if disk::key(&self.path) != self.key {
            return Err(JournalError::Moved { path: self.path.clone() });
        }
        for (suffix, key) in LOG.into_iter().zip(self.log) {
            let path = disk::beside(&self.path, suffix);
            if key.is_some() && disk::key(&path) != key {
                return Err(JournalError::Moved { path });
            }
        }
        Ok(())
    }
}

/// An open journal.
#[derive(Debug)]
pub struct Store {
    pub(super) conn: Connection,
    pub(super) file: File,
    data_version: Option<i64>,
    /// The snapshot that was read last, with what is stored of it: a run is read several times when it is taken up, and the runs of
    /// a test share one.
    pub(super) read: RefCell<Option<(String, Arc<Snapshot>)>>,
}

/// A run to be made.
#[derive(Debug)]
pub struct NewRun<'a> {
    /// The runbook's qualified name.
    pub runbook: &'a str,
    /// The runbook's title.
    pub title: &'a str,
    /// What is started.
    pub snapshot: &'a Frozen,
    /// Who drives it.
    pub holder: &'a Holder,
    /// When.
    pub at: Timestamp,
    /// The lock it needs, taken in the same commit.
    pub lock: Option<Want<'a>>,
    /// The first events; the first of them is [`Event::Opened`] with the snapshot's hash.
    pub events: Vec<Event>,
}

/// A run as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What is known of it without its events.
    pub run: RunRow,
    /// What was started.
    pub snapshot: Arc<Snapshot>,
    /// What happened, in order.
    pub records: Vec<Record>,
}

impl Store {
    /// Opens the journal at `path` for reading and writing; makes it, its folder included, when it is not there.
    ///
    /// # Errors
    ///
    /// A file that is not ours, newer or damaged, a network file system, and whatever the disk refuses.
    pub fn open(path: impl AsRef<Path>) -> Result<Store, JournalError> {
        Store::open_as(path.as_ref(), false)
    }

    fn open_as(path: &Path, passing: bool) -> Result<Store, JournalError> {
        let path = absolute(path)?;
        let _opening = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
        disk::prepare(&path)?;
        let check = disk::wants_check(&path);
        let (mut conn, mut file) = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        if passing {
            file.passing = true;
            conn.pragma_update(None, "synchronous", "off").map_err(file.failed(WRITING))?;
        }
        let form = match schema::inspect(&conn, &file) {
            // Where the index of a log can't be made, SQLite says only that it can't open something.
            Err(JournalError::Sqlite { .. }) if conn.is_readonly("main").unwrap_or(false) => {
                return Err(JournalError::ReadOnly { path, doing: WRITING });
            }
            other => other?,
        };
        if form != Form::Present {
            schema::migrate(&mut conn, &file)?;
        }
        for_writing(&conn, &file)?;
        // A look at the journal: only then has SQLite the log open.
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
            .map_err(file.failed("opening the journal"))?;
        file.log = LOG.map(|suffix| disk::key(&disk::beside(&path, suffix)));
        let store = Store { conn, file, data_version: None, read: RefCell::default() };
        if check {
            store.check_file("PRAGMA quick_check(3)")?;
        }
        Ok(store)
    }

    /// Makes a journal at `path` that nobody wants after this process: its commits survive the end of the process and not
    /// that of the machine, which makes them ten times as fast.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open_passing(path: impl AsRef<Path>) -> Result<Store, JournalError> {
        Store::open_as(path.as_ref(), true)
    }

    /// Opens the journal at `path` for reading, also while a run writes it. A file of an older form is migrated first.
    ///
    /// # Errors
    ///
    /// As [`Store::open`]; [`JournalError::Missing`] when there is none yet.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Store, JournalError> {
        Store::read(path.as_ref(), true)
    }

    /// Opens the journal at `path` for a look in passing: one of an older form is as none, and is left as it is.
    ///
    /// # Errors
    ///
    /// As [`Store::open_read_only`].
    pub fn look(path: impl AsRef<Path>) -> Result<Store, JournalError> {
        Store::read(path.as_ref(), false)
    }

    fn read(path: &Path, migrates: bool) -> Result<Store, JournalError> {
        let path = absolute(path)?;
        disk::readable(&path)?;
        let opening = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
        let (conn, file) = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        // A look in passing leaves no log and no index beside a journal that nobody has open.
        if !migrates && !disk::has_wal(&path) {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            let (conn, _) = connect_as(&path, Path::new(&immutable_uri(&path)), flags)?;
            return match schema::inspect(&conn, &file)? {
                Form::Present => Ok(Store { conn, file, data_version: None, read: RefCell::default() }),
                Form::Empty | Form::Older(_) => Err(JournalError::Missing { path }),
            };
        }
        let (conn, form) = match schema::inspect(&conn, &file) {
            // The folder can't be written, so the log's index can't be made. Where there is no log, the file alone is
            // the whole journal and nobody can be changing it.
            Err(JournalError::ReadOnly { .. } | JournalError::Sqlite { .. } | JournalError::Disk { .. })
                if !disk::has_wal(&path) =>
            {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
                let (conn, _) = connect_as(&path, Path::new(&immutable_uri(&path)), flags)?;
                let form = schema::inspect(&conn, &file)?;
                (conn, form)
            }
            // A log and no index of it: what a machine that crashed left, on a disk that came back read-only, or a copy
            // of it. Whoever writes has an index, so nobody does; and alone, SQLite keeps the index in memory.
            Err(JournalError::ReadOnly { .. } | JournalError::Sqlite { .. } | JournalError::Disk { .. })
                if !disk::beside(&path, "-shm").exists() =>
            {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
                let (conn, _) = connect_as(&path, Path::new(&alone_uri(&path)), flags)?;
                conn.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(()))
                    .map_err(file.failed("opening the journal"))?;
                let form = schema::inspect(&conn, &file)?;
                (conn, form)
            }
            other => (conn, other?),
        };
        match form {
            Form::Present => Ok(Store { conn, file, data_version: None, read: RefCell::default() }),
            Form::Empty => Err(JournalError::Missing { path }),
            Form::Older(_) if !migrates => Err(JournalError::Missing { path }),
            Form::Older(_) => {
                drop((conn, opening));
                Store::open(&path)
            }
        }
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Returns where the output files of this journal's runs are.
    pub fn outputs(&self) -> OutputDir {
        OutputDir::beside(self.file.path())
    }

    /// Makes a run: its snapshot, its lease, its lock and its first events in one commit. Returns the events as they
    /// were stored.
    ///
    /// # Errors
    ///
    /// [`JournalError::LockHeld`] when another run has the lock; nothing was made then.
    pub fn create_run(&self, new: NewRun<'_>) -> Result<(Writer, Vec<Record>), JournalError> {
        Writer::create(self.again()?, self.file.clone(), new)
    }

    /// Returns the run with its snapshot and all its events, as they were at one moment.
    ///
    /// # Errors
    ///
    /// No such run; an event or a snapshot that this version can't read.
    pub fn load(&self, run: &RunId) -> Result<Stored, JournalError> {
        let moment = self.conn.unchecked_transaction().map_err(self.file.failed("reading a run"))?;
        let row = self.run(run)?;
        let snapshot = snapshots::load(&moment, &self.file, &self.read, run)?;
        let mut records = Vec::with_capacity(usize::try_from(row.events).unwrap_or(0));
        self.stream(run, 0, |record| {
            records.push(record);
            ControlFlow::Continue(())
        })?;
        if records.len() as u64 != row.events {
            let what = format!("run {run} has {} events where {} were written", records.len(), row.events);
            return Err(self.file.corrupt(what));
        }
        Ok(Stored { run: row, snapshot, records })
    }

    /// Returns the run's snapshot.
    ///
    /// # Errors
    ///
    /// No such run; a snapshot that this version can't read.
    pub fn snapshot(&self, run: &RunId) -> Result<Arc<Snapshot>, JournalError> {
        snapshots::load(&self.conn, &self.file, &self.read, run)
    }

    /// Hands the events after `after` to `each`, one at a time and in order, until it breaks.
    ///
    /// # Errors
    ///
    /// An event that this version can't read, or a gap between two.
    pub fn stream(
        &self,
        run: &RunId,
        after: u64,
        mut each: impl FnMut(Record) -> ControlFlow<()>,
    ) -> Result<(), JournalError> {
        let failed = self.file.failed("reading a run's events");
        let mut query = self.conn.prepare_cached(record::SELECT).map_err(&failed)?;
        let mut rows = query.query((run.as_str(), after.cast_signed())).map_err(&failed)?;
        let mut wanted = after + 1;
        while let Some(row) = rows.next().map_err(&failed)? {
            let record = record::decode(&self.file, run, row)?;
            if record.seq != wanted {
                return Err(self.file.corrupt(format!("event {wanted} of run {run} is missing")));
            }
            wanted += 1;
            if each(record).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Returns the events after `after`; none is the usual answer. Cheap enough to ask often, with [`Store::changed`]
    /// before it cheaper still.
    ///
    /// # Errors
    ///
    /// As [`Store::stream`].
    pub fn tail(&self, run: &RunId, after: u64) -> Result<Vec<Record>, JournalError> {
        let mut records = Vec::new();
        self.stream(run, after, |record| {
            records.push(record);
            ControlFlow::Continue(())
        })?;
        Ok(records)
    }

    /// Returns whether anybody, a [`Writer`] of this process included, has committed since this was last asked.
    ///
    /// # Errors
    ///
    /// When the file can't be read.
    pub fn changed(&mut self) -> Result<bool, JournalError> {
        let now = data_version(&self.conn, &self.file)?;
        Ok(self.data_version.replace(now) != Some(now))
    }

    /// Opens the same file once more: a writer has a connection of its own, so that it never waits for a reader.
    pub(super) fn again(&self) -> Result<Connection, JournalError> {
        let _opening = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
        self.file.still_there()?;
        let (conn, _) = connect(self.file.path(), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        for_writing(&conn, &self.file)?;
        Ok(conn)
    }
}

/// Returns a number that changes whenever another connection commits.
pub(super) fn data_version(conn: &Connection, file: &File) -> Result<i64, JournalError> {
    conn.prepare_cached("PRAGMA data_version")
        .and_then(|mut query| query.query_row([], |row| row.get(0)))
        .map_err(file.failed("looking for news in the journal"))
}

/// Returns `at` as precisely as it is stored: to the microsecond.
pub(super) fn cut(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

/// An absolute path has no meaning for SQLite but that of a path: `:memory:` and `file:x?…` are taken as names.
fn absolute(path: &Path) -> Result<PathBuf, JournalError> {
    std::path::absolute(path).map_err(|source| JournalError::io(path, "finding the journal", source))
}

fn connect(path: &Path, flags: OpenFlags) -> Result<(Connection, File), JournalError> {
    connect_as(path, path, flags)
}

/// Opens the file at `path`, by the `name` that SQLite takes for it.
fn connect_as(path: &Path, name: &Path, flags: OpenFlags) -> Result<(Connection, File), JournalError> {
    let file = File { path: path.to_owned(), key: disk::key(path), log: [None; 2], passing: false };
    let failed = file.failed("opening the journal");
    let conn = Connection::open_with_flags(name, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(&failed)?;
    conn.busy_timeout(BUSY).map_err(&failed)?;
    conn.set_prepared_statement_cache_capacity(32);
    conn.pragma_update(None, "foreign_keys", true).map_err(&failed)?;
    // What a hostile file's schema could do is turned off; ours has no triggers, views or functions.
    conn.pragma_update(None, "trusted_schema", false).map_err(&failed)?;
    drop(failed);
    Ok((conn, file))
}

/// Makes a commit durable before it is acknowledged. `synchronous = NORMAL` could lose acknowledged commits when the
/// power fails.
fn for_writing(conn: &Connection, file: &File) -> Result<(), JournalError> {
    let failed = file.failed(WRITING);
    // SQLite opens what it may not write for reading, and would say so only at the first commit.
    if conn.is_readonly("main").map_err(&failed)? {
        return Err(JournalError::ReadOnly { path: file.path().to_owned(), doing: WRITING });
    }
    let mut patience = BUSY;
    // The first change to WAL needs the file alone, and SQLite does not wait for that by itself.
    let mode = loop {
        match conn.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0)) {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && !patience.is_zero() =>
            {
                let nap = Duration::from_millis(10);
                std::thread::sleep(nap);
                patience = patience.saturating_sub(nap);
            }
            other => break other.map_err(&failed)?,
        }
    };
    if mode != "wal" {
        return Err(JournalError::Network { path: file.path().to_owned(), kind: "no shared memory" });
    }
    let durable = if file.passing { "off" } else { "full" };
    conn.pragma_update(None, "synchronous", durable).map_err(&failed)?;
    // What leaves the inbox is to leave the file: it is as it was typed.
    conn.pragma_update_and_check(None, "secure_delete", true, |_| Ok(())).map_err(&failed)?;
    // A log that grew under a long reader is cut again at the next checkpoint.
    conn.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(())).map_err(&failed)
}

/// Returns the URI that opens `path` as a file nobody changes.
fn immutable_uri(path: &Path) -> String {
    uri(path, "immutable=1")
}

/// Returns the URI that opens `path` without locks, and with it the log beside it.
fn alone_uri(path: &Path) -> String {
    uri(path, "vfs=unix-none")
}

fn uri(path: &Path, how: &str) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                uri.push(char::from(*byte))
            }
            _ => {
                uri.push('%');
                uri.push_str(&super::chain::hex(&[*byte]));
            }
        }
    }
    uri.push('?');
    uri.push_str(how);
    uri
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::fixture::{self, at, started};
    use crate::journal::{Filter, JournalError};
    use crate::machine::EVENT_VERSION;
    use crate::model::Map;

    fn mode(path: &Path) -> u32 {
        use std::os::unix::fs::PermissionsExt as _;
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_was_written_comes_back_as_it_was() {
        let (place, store, mut writer) = fixture::run();
        let outputs: Map = serde_json::from_str(
            r#"{"n": 0.1, "third": 0.30000000000000004, "big": 18446744073709551615, "text": "ü\u0000\n", "none": null}"#,
        )
        .unwrap();
        let mut written = writer.append(at(1), vec![started("scale[api]")]).unwrap();
        let finished = Event::Captured { step: "scale[api]".into(), values: outputs, changes: None };
        written.extend(writer.append(at(2), vec![finished, started("b")]).unwrap());
        drop((writer, store));

        let store = Store::open(&place.path).unwrap();
        let run = store.latest_unfinished().unwrap().unwrap().id;
        let stored = store.load(&run).unwrap();
        assert_eq!(*stored.snapshot, fixture::snapshot());
        assert_eq!(stored.records[1..], written);
        assert_eq!(stored.records.iter().map(|record| record.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!((stored.run.created, stored.run.updated, stored.run.events), (at(0), at(2), 4));
    }

    #[test]
    fn a_time_is_kept_to_the_microsecond_and_given_back_so() {
        let (_place, store, mut writer) = fixture::run();
        let fine = Timestamp::from_nanosecond(at(1).as_nanosecond() + 123_456_789).unwrap();
        let record = writer.append(fine, vec![started("a")]).unwrap().remove(0);
        assert_eq!(record.at.subsec_nanosecond(), 123_456_000);
        assert_eq!(store.tail(writer.run(), 1).unwrap(), [record]);
    }

    #[test]
    fn the_files_are_readable_by_their_owner_only() {
        let place = fixture::place();
        let path = place.folder.path().join("new/deep/journal.db");
        let store = Store::open(&path).unwrap();
        let _writer = fixture::create(&store, None).unwrap();
        for suffix in ["", "-wal", "-shm"] {
            assert_eq!(mode(&disk::beside(&path, suffix)), 0o600, "{suffix}");
        }
        assert_eq!((mode(path.parent().unwrap()), mode(&place.folder.path().join("new"))), (0o700, 0o700));
    }

    #[test]
    fn a_file_that_others_may_read_is_closed_to_them_and_the_folder_left_alone() {
        use std::os::unix::fs::PermissionsExt;
        let (place, store, writer) = fixture::run();
        drop((writer, store));
        let open_to =
            |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        open_to(&place.path, 0o644);
        open_to(place.path.parent().unwrap(), 0o755);
        Store::open(&place.path).unwrap();
        assert_eq!((mode(&place.path), mode(place.path.parent().unwrap())), (0o600, 0o755));
    }

    #[test]
    fn a_look_in_passing_leaves_nothing_beside_the_journal() {
        let place = fixture::place();
        let runs = || Store::look(&place.path).map(|store| store.runs(&Filter::default()).unwrap().len());
        assert!(matches!(runs(), Err(JournalError::Missing { .. })));
        let store = Store::open(&place.path).unwrap();
        let writer = fixture::create(&store, None).unwrap();
        assert_eq!(runs().unwrap(), 1, "while somebody writes it");
        drop((store, writer));
        for suffix in LOG {
            let _ = std::fs::remove_file(disk::beside(&place.path, suffix));
        }
        assert_eq!(runs().unwrap(), 1, "and afterwards");
        assert!(LOG.iter().all(|suffix| !disk::beside(&place.path, suffix).exists()));
    }

    #[test]
    fn a_reader_makes_nothing_and_sees_a_run_go_on() {
        let place = fixture::place();
        assert!(matches!(Store::open_read_only(&place.path), Err(JournalError::Missing { .. })));
        assert!(!place.path.exists());
        let store = Store::open(&place.path).unwrap();
        let mut writer = fixture::create(&store, None).unwrap();
        let mut reader = Store::open_read_only(&place.path).unwrap();
        assert!(reader.changed().unwrap());
        assert!(!reader.changed().unwrap());
        assert_eq!(reader.tail(writer.run(), 1).unwrap(), []);
        let written = writer.append(at(1), vec![started("a"), started("b")]).unwrap();
        assert!(reader.changed().unwrap());
        assert_eq!(reader.tail(writer.run(), 1).unwrap(), written);
        assert_eq!(reader.tail(writer.run(), 2).unwrap(), written[1..]);
        let error = reader.post(
            writer.run(),
            at(2),
            &fixture::person("ben"),
            &crate::journal::Ask::Cancel { hard: true },
        );
        assert!(matches!(error, Err(JournalError::ReadOnly { .. })), "{error:?}");
    }

    #[test]
    fn readers_see_whole_commits_while_they_are_written() {
        let (place, _store, mut writer) = fixture::run();
        let run = writer.run().clone();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let store = Store::open_read_only(&place.path).unwrap();
                let mut looks = 0;
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    let events = store.load(&run).unwrap().records.len();
                    assert_eq!((events - 1) % 10, 0);
                    looks += 1;
                }
                looks
            });
            for turn in 0..100 {
                writer.append(at(turn), (0..10).map(|_| started("a")).collect()).unwrap();
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(reader.join().unwrap() > 0);
        });
    }

    #[test]
    fn a_folder_and_a_file_that_may_not_be_written_are_read_all_the_same() {
        use std::os::unix::fs::PermissionsExt;
        let (place, store, writer) = fixture::run();
        drop((writer, store));
        let folder = place.path.parent().unwrap();
        let set_mode =
            |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        for (path, closed, open) in [(folder, 0o500, 0o700), (place.path.as_path(), 0o400, 0o600)] {
            set_mode(path, closed);
            let store = Store::open_read_only(&place.path).unwrap();
            assert_eq!(store.runs(&Filter { limit: Some(1), ..Filter::default() }).unwrap().len(), 1);
            drop(store);
            // The superuser may write everywhere.
            if !rustix::process::geteuid().is_root() {
                let error = Store::open(&place.path).unwrap_err();
                assert!(matches!(error, JournalError::ReadOnly { .. }), "{error:?}");
            }
            set_mode(path, open);
            fixture::create(&Store::open(&place.path).unwrap(), None).unwrap();
        }
    }

    #[test]
    fn a_journal_in_a_folder_that_nobody_writes_is_read_from_the_file_alone() {
        let (place, store, writer) = fixture::run();
        drop((writer, store));
        let odd = place.folder.path().join("a b?c#d%é.db");
        std::fs::rename(&place.path, &odd).unwrap();
        assert!(!disk::has_wal(&odd));
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let (conn, file) = connect_as(&odd, Path::new(&immutable_uri(&odd)), flags).unwrap();
        let store = Store { conn, file, data_version: None, read: RefCell::default() };
        assert_eq!(store.runs(&Filter::default()).unwrap().len(), 1);
        assert!(!disk::beside(&odd, "-shm").exists());
    }

    #[test]
    fn what_a_later_version_wrote_is_refused_by_name() {
        let refusal = |sql: &str| {
            let (place, store, writer) = fixture::run();
            fixture::tamper(&place, sql);
            let error = store.load(writer.run()).unwrap_err();
            error.to_string().replace(writer.run().as_str(), "RUN")
        };
        assert_eq!(EVENT_VERSION, 1);
        insta::assert_snapshot!(refusal("UPDATE events SET version = 3"), @"event 1 of run RUN has form 3, this version of runbook knows forms up to 1; use the version that wrote it");
        insta::assert_snapshot!(refusal("UPDATE events SET body = json_set(body, '$.version', 2)"), @"event 1 of run RUN has form 2, this version of runbook knows forms up to 1; use the version that wrote it");
        insta::assert_snapshot!(refusal(r#"UPDATE events SET body = '{"kind":"teleported","to":"x"}'"#), @"event 1 of run RUN is of the kind `teleported`, which this version of runbook does not know; use the version that wrote it");
        insta::assert_snapshot!(refusal(r#"UPDATE events SET body = '{"kind":"started"}'"#), @"event 1 of run RUN can't be read; `runbook verify RUN` says whether it was altered");
        insta::assert_snapshot!(refusal("UPDATE snapshots SET body = json_set(body, '$.machine', 9, '$.root', 4)"), @"run RUN was begun by a newer version of runbook (machine 9, known here up to 1); go on with the version that began it");
        assert!(refusal("DELETE FROM events").contains("has 0 events where 1 were written"));
    }

    #[test]
    fn damage_is_called_damage() {
        let (place, store, mut writer) = fixture::run();
        for second in 1..40 {
            writer.append(at(second), vec![started(&"x".repeat(900))]).unwrap();
        }
        let run = writer.run().clone();
        drop((writer, store));
        let mut bytes = std::fs::read(&place.path).unwrap();
        let half = bytes.len() / 2;
        bytes[half..].fill(0xa5);
        fixture::write(&place.path, &bytes);
        let error = Store::open(&place.path).and_then(|store| store.verify(&run)).unwrap_err();
        assert!(matches!(error, JournalError::Corrupt { .. }), "{error:?}");
        fixture::write(&place.path, &bytes[..half / 2]);
        let error = Store::open(&place.path).and_then(|store| store.verify(&run)).unwrap_err();
        assert!(matches!(error, JournalError::Corrupt { .. }), "{error:?}");
    }
}
