//! The append side of one run: the only place from which its events come.
#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "a test replaces the file under a run"))]

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::batch::Batch;
use super::chain::{self, Hash};
use super::history::{self, Standing};
use super::store::{self, File};
use super::{
    Claim, Frozen, Holder, JournalError, Lease, Life, LockHeld, NewRun, Record, Request, RunId, Store, Want,
    disk, lease, lock, request,
};
use crate::crash_point::crash_point;
use crate::machine::{Event, Person, Process};

/// How often another id is drawn when one is taken.
const DRAWS: u32 = 8;

/// The fenced append side of one run.
///
/// After a failed write it refuses every further one: whether the failed commit reached the disk is then unknown, and
/// only reading the journal again tells. Dropping it keeps the lease, as the death of its process would; whether a
/// lease is alive is asked of the process.
#[derive(Debug)]
pub struct Writer {
    conn: Connection,
    file: File,
    run: RunId,
    holder: Holder,
    epoch: u64,
    fenced_off: Option<Lease>,
    seq: u64,
    head: Hash,
    standing: Standing,
    body: Vec<u8>,
    /// The last request handed out.
    asked: i64,
    data_version: Option<i64>,
    poisoned: Option<String>,
}

impl Store {
    /// Makes `claim` the run's driver.
    ///
    /// # Errors
    ///
    /// [`JournalError::Held`] when its driver lives and `claim` is no takeover; no such run.
    pub fn acquire(
        &self,
        run: &RunId,
        claim: &Claim,
        life: impl FnOnce(&Process) -> Life,
    ) -> Result<Writer, JournalError> {
        Writer::acquire(self.again()?, self.file.clone(), run, claim, life)
    }
}

impl Writer {
    pub(super) fn create(
        conn: Connection,
        file: File,
        new: NewRun<'_>,
    ) -> Result<(Writer, Vec<Record>), JournalError> {
        match new.events.first() {
            Some(Event::Opened(opened)) if opened.snapshot == new.snapshot.hash() => {}
            _ => return Err(JournalError::Unopened),
        }
        let mut writer = Writer::idle(conn, file, new.holder.clone());
        let tx = begin(&mut writer.conn, &writer.file)?;
        crash_point("open:begun");
        writer.run = insert_run(&tx, &writer.file, &new)?;
        writer.head = chain::genesis(&writer.run, new.snapshot.hash());
        let claim = Claim { holder: new.holder.clone(), at: new.at, takeover: false };
        (writer.epoch, _) = lease::take(&tx, &writer.file, &writer.run, &claim, |_| Life::Gone)?;
        if let Some(want) = new.lock {
            lock::take(&tx, &writer.file, &writer.run, want, new.holder, new.at)?;
        }
        if let Some(Event::Opened(opened)) = new.events.first() {
            for name in &opened.locks {
                let want = lock::Want { name, reason: opened.reason.as_deref() };
                lock::take(&tx, &writer.file, &writer.run, want, new.holder, new.at)?;
            }
        }
        let batch = Batch {
            file: &writer.file,
            run: &writer.run,
            epoch: writer.epoch,
            seq: 0,
            head: writer.head,
            standing: Standing::default(),
        };
        let done = batch.write(&tx, &mut writer.body, new.at, &new.events, &[])?;
        crash_point("open:commit");
        tx.commit().map_err(writer.file.failed("opening a run"))?;
        crash_point("open:committed");
        (writer.seq, writer.head, writer.standing) = done;
        let records = number(0, writer.epoch, store::cut(new.at), new.events);
        Ok((writer, records))
    }

    fn acquire(
        conn: Connection,
        file: File,
        run: &RunId,
        claim: &Claim,
        life: impl FnOnce(&Process) -> Life,
    ) -> Result<Writer, JournalError> {
        let mut writer = Writer { run: run.clone(), ..Writer::idle(conn, file, claim.holder.clone()) };
        let failed = writer.file.failed("taking a run");
        crash_point("lease:before");
        let tx = begin(&mut writer.conn, &writer.file)?;
        request::forget_cancels(&tx, run, claim.at).map_err(&failed)?;
        crash_point("lease:begun");
        let (seq, head, status, rollback_began): (i64, Vec<u8>, String, bool) = tx
            .query_row(
                "SELECT events, head, status, rollback_began FROM runs WHERE id = ?1",
                [run.as_str()],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )
            .optional()
            .map_err(&failed)?
            .ok_or_else(|| JournalError::NoSuchRun { given: run.to_string(), near: Vec::new() })?;
        // The run's row and its last event are one commit: if they differ, something else wrote.
        let last: Option<(i64, Vec<u8>)> = tx
            .query_row(
                "SELECT seq, hash FROM events WHERE run = ?1 ORDER BY seq DESC LIMIT 1",
                [run.as_str()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()
            .map_err(&failed)?;
        if last.as_ref() != Some(&(seq, head.clone())) {
            return Err(writer
                .file
                .corrupt(format!("the last event of run {run} is not the one last written")));
        }
        writer.head = head
            .try_into()
            .map_err(|_| writer.file.corrupt(format!("the last hash of run {run} has no 32 bytes")))?;
        writer.seq = seq.cast_unsigned();
        writer.standing = Standing { status: history::decode_status(&writer.file, &status)?, rollback_began };
        (writer.epoch, writer.fenced_off) = lease::take(&tx, &writer.file, run, claim, life)?;
        tx.commit().map_err(&failed)?;
        drop(failed);
        crash_point("lease:committed");
        Ok(writer)
    }

    fn idle(conn: Connection, file: File, holder: Holder) -> Writer {
        Writer {
            conn,
            file,
            run: RunId::draw(),
            holder,
            epoch: 0,
            fenced_off: None,
            seq: 0,
            head: Hash::default(),
            standing: Standing::default(),
            body: Vec::with_capacity(1024),
            asked: 0,
            data_version: None,
            poisoned: None,
        }
    }

    /// Returns the run.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Returns the fencing number.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Returns the lease of the living driver from which the run was taken.
    pub fn fenced_off(&self) -> Option<&Lease> {
        self.fenced_off.as_ref()
    }

    /// Returns the number of the last event committed.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Returns who drives the run with it.
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Commits `events`, all or none, and returns them as they were stored. When it returns they are on the disk.
    ///
    /// # Errors
    ///
    /// [`JournalError::Fenced`] when the run was taken over, and whatever the disk refuses. Nothing more can be
    /// appended then: see [`Writer`].
    pub fn append(&mut self, at: Timestamp, events: Vec<Event>) -> Result<Vec<Record>, JournalError> {
        self.append_settling(at, events, &[])
    }

    /// Stores `snapshot` and commits the event that the run goes on with it. A snapshot without its event is of no run,
    /// so it need not share the commit.
    ///
    /// # Errors
    ///
    /// As [`Writer::append`].
    pub fn renew(
        &mut self,
        at: Timestamp,
        snapshot: &Frozen,
        by: Person,
        changes: Vec<String>,
    ) -> Result<Vec<Record>, JournalError> {
        self.refuse_when_poisoned()?;
        self.file.still_there()?;
        snapshot.store(&self.conn).map_err(self.file.failed("storing a snapshot"))?;
        self.append(at, vec![Event::Renewed { by, snapshot: snapshot.hash().to_owned(), changes }])
    }

    /// As [`Writer::append`], and in the same commit the requests `settled` leave the inbox: what came of a request
    /// is recorded and the request gone, or neither.
    ///
    /// # Errors
    ///
    /// As [`Writer::append`].
    pub fn append_settling(
        &mut self,
        at: Timestamp,
        events: Vec<Event>,
        settled: &[i64],
    ) -> Result<Vec<Record>, JournalError> {
        self.refuse_when_poisoned()?;
        if events.is_empty() && settled.is_empty() {
            return Ok(Vec::new());
        }
        // What is returned equals what is read later, so the time is cut to what is stored.
        let at = store::cut(at);
        let before = self.seq;
        match self.commit(at, &events, settled) {
            Ok((seq, head, standing)) => (self.seq, self.head, self.standing) = (seq, head, standing),
            Err(error) => {
                self.poisoned = Some(error.in_full());
                return Err(error);
            }
        }
        Ok(number(before, self.epoch, at, events))
    }

    fn commit(
        &mut self,
        at: Timestamp,
        events: &[Event],
        settled: &[i64],
    ) -> Result<(u64, Hash, Standing), JournalError> {
        self.file.still_there()?;
        let tx = begin(&mut self.conn, &self.file)?;
        let batch = Batch {
            file: &self.file,
            run: &self.run,
            epoch: self.epoch,
            seq: self.seq,
            head: self.head,
            standing: self.standing,
        };
        crash_point("append:begun");
        let done = batch.write(&tx, &mut self.body, at, events, settled)?;
        crash_point("append:commit");
        tx.commit().map_err(self.file.failed("writing events"))?;
        crash_point("append:committed");
        Ok(done)
    }

    /// Says that the driver is alive.
    ///
    /// # Errors
    ///
    /// [`JournalError::Fenced`] when the run was taken over. A heartbeat that fails for another reason leaves the
    /// writer as it was: nothing of the run was written.
    pub fn heartbeat(&mut self, at: Timestamp) -> Result<(), JournalError> {
        self.refuse_when_poisoned()?;
        self.file.still_there()?;
        crash_point("heartbeat:before");
        let beaten = self
            .conn
            .prepare_cached(
                "UPDATE leases SET heartbeat_at = ?3 WHERE run = ?1 AND epoch = ?2 AND released_at IS NULL",
            )
            .and_then(|mut sql| {
                sql.execute((self.run.as_str(), self.epoch.cast_signed(), at.as_microsecond()))
            })
            .map_err(self.file.failed("saying that the run is alive"))?;
        if beaten == 1 {
            crash_point("heartbeat:after");
            return Ok(());
        }
        let error = lease::fenced(&self.conn, &self.file, &self.run)?;
        self.poisoned = Some(error.in_full());
        Err(error)
    }

    /// Gives the lease back: the run has no driver now and anybody may resume it. Its locks stay with it.
    ///
    /// # Errors
    ///
    /// Whatever the disk refuses; [`JournalError::Fenced`] when the run was taken over.
    pub fn release(self, at: Timestamp) -> Result<(), JournalError> {
        self.refuse_when_poisoned()?;
        crash_point("release:before");
        // Where the machine dies in this moment nothing is lost that mattered: the lease of a process that is gone keeps nobody out.
        if !self.file.passing {
            let calm = self.conn.pragma_update(None, "synchronous", "normal");
            calm.map_err(self.file.failed("giving a run back"))?;
        }
        let released = self
            .conn
            .prepare_cached(
                "UPDATE leases SET released_at = ?3 WHERE run = ?1 AND epoch = ?2 AND released_at IS NULL",
            )
            .and_then(|mut sql| {
                sql.execute((self.run.as_str(), self.epoch.cast_signed(), at.as_microsecond()))
            })
            .map_err(self.file.failed("giving a run back"))?;
        crash_point("release:after");
        if released == 1 { Ok(()) } else { Err(lease::fenced(&self.conn, &self.file, &self.run)?) }
    }

    /// Writes everything that this process still sees of the journal to a new file beside it, and returns its path. For
    /// a journal that was deleted or replaced under a run: what was acknowledged is in the opened file, and is lost with
    /// this process.
    ///
    /// # Errors
    ///
    /// Whatever the disk refuses.
    pub fn rescue(&self) -> Result<std::path::PathBuf, JournalError> {
        let path = disk::rescued(self.file.path(), self.run.as_str())?;
        let name = path.to_string_lossy();
        self.conn.execute("VACUUM INTO ?1", [&*name]).map_err(self.file.failed("saving the journal"))?;
        Ok(path)
    }

    /// Takes a lock for the run, or keeps the one it has.
    ///
    /// # Errors
    ///
    /// [`JournalError::LockHeld`] when another run has it; this writer goes on all the same.
    pub fn try_lock(&mut self, want: Want<'_>, at: Timestamp) -> Result<(), JournalError> {
        self.refuse_when_poisoned()?;
        let tx = begin(&mut self.conn, &self.file)?;
        lease::check_fence(&tx, &self.file, &self.run, self.epoch)?;
        lock::take(&tx, &self.file, &self.run, want, &self.holder, at)?;
        crash_point("lock:commit");
        tx.commit().map_err(self.file.failed("taking a lock"))?;
        crash_point("lock:committed");
        Ok(())
    }

    /// Returns the lock of this run that whoever holds `held` waits for, when `held` is that run's for as long as it lives: the
    /// two would wait for each other for ever. Longer circles are found as well.
    ///
    /// # Errors
    ///
    /// When the file can't be read.
    pub fn waits_for_us(&self, held: &LockHeld) -> Result<Option<String>, JournalError> {
        lock::circle(&self.conn, &self.file, &self.run, held)
    }

    /// Returns the requests that arrived since this was last asked, in order. They stay in the inbox until
    /// [`Writer::append_settling`] takes them out, so that none is lost with an engine that dies in between; the
    /// next writer is handed them again. Without news from other processes it costs no query.
    ///
    /// # Errors
    ///
    /// [`JournalError::Fenced`] when the run was taken over: whoever looks here often notices soon. When the file can't
    /// be read.
    pub fn take_requests(&mut self) -> Result<Vec<Request>, JournalError> {
        let now = store::data_version(&self.conn, &self.file)?;
        if self.data_version.replace(now) == Some(now) {
            return Ok(Vec::new());
        }
        if let Err(error) = lease::check_fence(&self.conn, &self.file, &self.run, self.epoch) {
            if matches!(error, JournalError::Fenced(_)) {
                self.poisoned = Some(error.in_full());
            }
            return Err(error);
        }
        let found = request::waiting(&self.conn, &self.file, &self.run, self.asked)?;
        self.asked = found.last().map_or(self.asked, |last| last.id);
        Ok(found)
    }

    fn refuse_when_poisoned(&self) -> Result<(), JournalError> {
        match &self.poisoned {
            Some(first) => Err(JournalError::Poisoned { run: self.run.clone(), first: first.clone() }),
            None => Ok(()),
        }
    }
}

/// Returns the events as they were stored after event `before`.
fn number(before: u64, epoch: u64, at: Timestamp, events: Vec<Event>) -> Vec<Record> {
    events.into_iter().zip(before + 1..).map(|(event, seq)| Record { seq, at, epoch, event }).collect()
}

/// Begins a transaction that will write: what it reads is then still so when it commits.
fn begin<'a>(conn: &'a mut Connection, file: &File) -> Result<Transaction<'a>, JournalError> {
    conn.transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(file.failed("starting to write to the journal"))
}

/// Makes the row of a run with an id that no other has.
fn insert_run(tx: &Transaction<'_>, file: &File, new: &NewRun<'_>) -> Result<RunId, JournalError> {
    let failed = file.failed("opening a run");
    new.snapshot.store(tx).map_err(&failed)?;
    crash_point("open:snapshot");
    let mut insert = tx
        .prepare_cached(
            "INSERT INTO runs (id, runbook, title, snapshot, created_at, updated_at, status, rollback_began, events, head)
             VALUES (?1, ?2, ?3, ?4, ?5, ?5, 'running', 0, 0, x'') ON CONFLICT (id) DO NOTHING",
        )
        .map_err(&failed)?;
    for _ in 0..DRAWS {
        let id = RunId::draw();
        let row = (id.as_str(), new.runbook, new.title, new.snapshot.hash(), new.at.as_microsecond());
        if insert.execute(row).map_err(&failed)? == 1 {
            return Ok(id);
        }
    }
    Err(file.corrupt(format!("{DRAWS} new ids in a row were taken")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::fixture::{self, at, started};
    use crate::machine::RunStatus;

    #[test]
    fn a_run_that_does_not_open_itself_is_not_made() {
        let place = fixture::place();
        let store = Store::open(&place.path).unwrap();
        let frozen = super::super::Frozen::of(&fixture::snapshot()).unwrap();
        for events in [vec![], vec![started("a")]] {
            let new = NewRun {
                runbook: "demo/scale",
                title: "A demo",
                snapshot: &frozen,
                holder: &fixture::holder("anna"),
                at: at(0),
                lock: None,
                events,
            };
            assert!(matches!(store.create_run(new), Err(JournalError::Unopened)));
        }
        assert_eq!(store.runs(&super::super::Filter::default()).unwrap(), []);
    }

    #[test]
    fn a_full_disk_stops_the_writer_and_what_was_acknowledged_stays() {
        let (place, store, mut writer) = fixture::run();
        let pages: i64 = writer.conn.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        writer.conn.pragma_update_and_check(None, "max_page_count", pages + 8, |_| Ok(())).unwrap();
        let mut acknowledged = writer.seq();
        let error = loop {
            match writer.append(at(1), vec![started(&"x".repeat(700)), started("b")]) {
                Ok(_) => acknowledged = writer.seq(),
                Err(error) => break error,
            }
        };
        assert!(acknowledged > 1);
        assert!(matches!(error, JournalError::Full { .. }), "{error}");
        assert!(error.to_string().contains("is full; make room, then go on with `runbook resume`"));
        for again in
            [writer.append(at(2), vec![started("c")]).unwrap_err(), writer.heartbeat(at(2)).unwrap_err()]
        {
            assert!(again.to_string().contains("an earlier write failed: writing events failed"), "{again}");
        }
        let run = writer.run().clone();
        drop((writer, store));

        let store = Store::open(&place.path).unwrap();
        assert_eq!(store.verify(&run).unwrap().events, acknowledged);
        let claim = Claim { holder: fixture::holder("anna"), at: at(3), takeover: false };
        let mut writer = store.acquire(&run, &claim, |_| Life::Gone).unwrap();
        writer.append(at(4), vec![started("c")]).unwrap();
        assert_eq!(store.verify(&run).unwrap().events, acknowledged + 1);
    }

    #[test]
    fn forty_drops_without_a_close_keep_every_acknowledged_commit() {
        let (place, _store, mut writer) = fixture::run();
        let run = writer.run().clone();
        let mut expected = 1;
        for round in 0..40 {
            expected += writer.append(at(round), vec![started("a"), started("b")]).unwrap().len() as u64;
            // A transaction that is under way when the engine dies leaves nothing.
            writer.conn.execute_batch("BEGIN IMMEDIATE; DELETE FROM events").unwrap();
            drop(writer);
            let store = Store::open(&place.path).unwrap();
            let claim = Claim { holder: fixture::holder("anna"), at: at(round), takeover: false };
            writer = store.acquire(&run, &claim, |_| Life::Gone).unwrap();
            assert_eq!(writer.seq(), expected);
        }
        assert_eq!(writer.epoch(), 41);
        assert_eq!(Store::open(&place.path).unwrap().verify(&run).unwrap().events, expected);
    }

    #[test]
    fn a_file_that_another_process_keeps_locked_is_an_error_that_says_so() {
        let (place, _store, mut writer) = fixture::run();
        let other = Connection::open(&place.path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        writer.conn.busy_timeout(std::time::Duration::from_millis(20)).unwrap();
        // A heartbeat that comes too late is no failed write of the run.
        assert!(matches!(writer.heartbeat(at(1)), Err(JournalError::Busy { .. })));
        other.execute_batch("ROLLBACK").unwrap();
        writer.append(at(2), vec![started("a")]).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let error = writer.append(at(3), vec![started("b")]).unwrap_err();
        assert!(error.to_string().contains("another process kept"), "{error}");
        assert!(matches!(writer.append(at(4), vec![]), Err(JournalError::Poisoned { .. })));
    }

    #[test]
    fn several_engines_share_a_journal() {
        let (place, store, _writer) = fixture::run();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let store = Store::open(&place.path).unwrap();
                    let mut writer = fixture::create(&store, None).unwrap();
                    for turn in 0..50 {
                        writer.append(at(turn), vec![started("a")]).unwrap();
                    }
                    assert_eq!(store.verify(writer.run()).unwrap().events, 51);
                });
            }
        });
        assert_eq!(store.runs(&super::super::Filter::default()).unwrap().len(), 5);
    }

    #[test]
    fn a_thousand_events_are_one_commit_and_ten_thousand_are_streamed() {
        let (_place, store, mut writer) = fixture::run();
        for turn in 0..10 {
            writer.append(at(turn), (0..1000).map(|n| started(&format!("s{n}"))).collect()).unwrap();
        }
        let mut last = 0;
        store
            .stream(writer.run(), 0, |record| {
                last = record.seq;
                if last == 9000 {
                    std::ops::ControlFlow::Break(())
                } else {
                    std::ops::ControlFlow::Continue(())
                }
            })
            .unwrap();
        assert_eq!(last, 9000);
        assert_eq!(store.load(writer.run()).unwrap().records.len(), 10_001);
        assert_eq!(store.verify(writer.run()).unwrap().events, 10_001);
    }

    #[test]
    fn a_file_deleted_or_replaced_under_a_run_is_noticed_before_anything_is_acknowledged() {
        let (place, store, mut writer) = fixture::run();
        let other = fixture::place();
        drop(Store::open(&other.path).unwrap());
        std::fs::rename(&other.path, &place.path).unwrap();
        let error = writer.append(at(1), vec![started("a")]).unwrap_err();
        assert!(matches!(error, JournalError::Moved { .. }), "{error}");
        assert!(matches!(store.again(), Err(JournalError::Moved { .. })));
    }

    #[test]
    fn a_released_run_is_written_by_nobody() {
        let (_place, store, mut writer) = fixture::run();
        let run = writer.run().clone();
        writer.append(at(1), vec![Event::Rested { status: RunStatus::Interrupted }]).unwrap();
        writer.release(at(2)).unwrap();
        let lease = store.run(&run).unwrap().lease.unwrap();
        assert_eq!((lease.released, lease.is_live(at(3), |_| Life::Alive)), (Some(at(2)), false));
    }

    #[test]
    fn a_commit_is_on_the_disk_when_it_is_acknowledged() {
        let (_place, _store, writer) = fixture::run();
        let pragma =
            |name: &str| writer.conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
        const FULL: i64 = 2;
        assert_eq!((pragma("synchronous"), pragma("foreign_keys")), (FULL, 1));
    }

    #[test]
    fn nothing_to_append_is_no_commit() {
        let (_place, mut store, mut writer) = fixture::run();
        store.changed().unwrap();
        assert_eq!(writer.append(at(1), vec![]).unwrap(), []);
        assert!(!store.changed().unwrap());
    }

    #[test]
    fn runs_of_the_same_snapshot_share_it() {
        let (_place, store, _writer) = fixture::run();
        fixture::create(&store, None).unwrap();
        let count: i64 =
            store.conn.query_row("SELECT count(*) FROM snapshots", [], |row| row.get(0)).unwrap();
        assert_eq!(count, 1);
    }
}
