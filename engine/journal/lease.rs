//! One driver a run: who holds it, since when, and when another may take it.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::store::File;
use super::{JournalError, RunId, record};
use crate::machine::{Person, Process};

/// How often a driver says that it is alive.
pub const HEARTBEAT: Duration = Duration::from_secs(5);

/// How long after its last heartbeat a driver on another machine is taken for dead. Twelve heartbeats: a machine that
/// was put to sleep or lost its disk for a moment keeps its run.
pub const LEASE_STALE: Duration = Duration::from_secs(60);

/// Who drives a run, and with which process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The person who started it.
    pub person: Person,
    /// The engine.
    pub process: Process,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {} (pid {})", self.person.name, self.process.host, self.process.pid)
    }
}

/// Whether a process is there, as far as the one who asks can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It runs: the same process, not another with its number.
    Alive,
    /// It ended, or belongs to an earlier boot of this machine.
    Gone,
    /// It is on another machine.
    Elsewhere,
}

/// A run's lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The fencing number: one more at each change of driver.
    pub epoch: u64,
    /// Who.
    pub holder: Holder,
    /// Since when.
    pub since: Timestamp,
    /// When it was last heard of.
    pub heartbeat: Timestamp,
    /// When it was given back; absent while it is held.
    pub released: Option<Timestamp>,
}

impl Lease {
    /// Returns whether a driver still stands behind the lease at `now`. `life` is asked about the process; for one on
    /// another machine the heartbeat decides, by that machine's clock.
    pub fn is_live(&self, now: Timestamp, life: impl FnOnce(&Process) -> Life) -> bool {
        self.released.is_none()
            && match life(&self.holder.process) {
                Life::Alive => true,
                Life::Gone => false,
                Life::Elsewhere => {
                    let silent = now.as_microsecond().saturating_sub(self.heartbeat.as_microsecond());
                    i128::from(silent) < LEASE_STALE.as_micros().cast_signed()
                }
            }
    }
}

/// A wish to drive a run.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Who.
    pub holder: Holder,
    /// When.
    pub at: Timestamp,
    /// Whether a living driver is fenced off, too.
    pub takeover: bool,
}

/// A run has a driver that lives.
#[derive(Debug, thiserror::Error)]
#[error(
    "run {run} is driven by {} since {:.0}, last heard of {:.0}; watch it with `runbook status {run}`, stop it with \
     `runbook cancel {run}`, or take it over: `runbook resume {run} --takeover --reason TEXT`",
    .lease.holder, .lease.since, .lease.heartbeat
)]
pub struct Held {
    /// The run.
    pub run: RunId,
    /// Its lease.
    pub lease: Lease,
}

/// The run was taken over; the old driver writes no more.
#[derive(Debug, thiserror::Error)]
#[error(
    "run {run} was taken over by {} at {:.0}; nothing more is written here. See `runbook status {run}`",
    .by.holder, .by.since
)]
pub struct Fenced {
    /// The run.
    pub run: RunId,
    /// The lease of who took it.
    pub by: Lease,
}

/// Returns the run's lease, given back or not.
pub(super) fn read(conn: &Connection, file: &File, run: &RunId) -> Result<Option<Lease>, JournalError> {
    let found = conn
        .prepare_cached("SELECT epoch, holder, since, heartbeat_at, released_at FROM leases WHERE run = ?1")
        .and_then(|mut query| {
            query
                .query_row([run.as_str()], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
                })
                .optional()
        })
        .map_err(file.failed("reading who drives a run"))?;
    found.map(|columns| decode(file, columns)).transpose()
}

/// The columns `epoch`, `holder`, `since`, `heartbeat_at`, `released_at`.
pub(super) type Columns = (i64, String, i64, i64, Option<i64>);

pub(super) fn decode(file: &File, columns: Columns) -> Result<Lease, JournalError> {
    let (epoch, holder, since, heartbeat, released) = columns;
    Ok(Lease {
        epoch: epoch.cast_unsigned(),
        holder: decode_holder(file, &holder)?,
        since: record::timestamp(file, since)?,
        heartbeat: record::timestamp(file, heartbeat)?,
        released: released.map(|at| record::timestamp(file, at)).transpose()?,
    })
}

pub(super) fn encode_holder(holder: &Holder) -> Result<String, JournalError> {
    serde_json::to_string(holder)
        .map_err(|source| JournalError::Unstorable { what: "the driver's name".to_owned(), source })
}

pub(super) fn decode_holder(file: &File, text: &str) -> Result<Holder, JournalError> {
    serde_json::from_str(text)
        .map_err(|error| file.corrupt(format!("a driver's name can't be read: {error}")))
}

/// Makes `claim` the run's driver inside the transaction of `conn` and returns its fencing number, and the lease of the
/// living driver that was fenced off by a takeover.
pub(super) fn take(
    conn: &Connection,
    file: &File,
    run: &RunId,
    claim: &Claim,
    life: impl FnOnce(&Process) -> Life,
) -> Result<(u64, Option<Lease>), JournalError> {
    let old = read(conn, file, run)?;
    let epoch = old.as_ref().map_or(1, |lease| lease.epoch + 1);
    let living = old.filter(|lease| lease.is_live(claim.at, life));
    if let Some(lease) = &living
        && !claim.takeover
    {
        return Err(JournalError::Held(Box::new(Held { run: run.clone(), lease: lease.clone() })));
    }
    let holder = encode_holder(&claim.holder)?;
    let at = claim.at.as_microsecond();
    let failed = file.failed("taking a run");
    conn.prepare_cached(
        "INSERT INTO leases (run, epoch, holder, since, heartbeat_at) VALUES (?1, ?2, ?3, ?4, ?4)
         ON CONFLICT (run) DO UPDATE SET epoch = ?2, holder = ?3, since = ?4, heartbeat_at = ?4, released_at = NULL",
    )
    .and_then(|mut sql| sql.execute((run.as_str(), epoch.cast_signed(), &holder, at)))
    .map_err(&failed)?;
    // A run's locks go with it.
    conn.prepare_cached("UPDATE locks SET holder = ?2 WHERE run = ?1")
        .and_then(|mut sql| sql.execute((run.as_str(), &holder)))
        .map_err(&failed)?;
    Ok((epoch, living))
}

/// Refuses when the run's lease is no longer the one with this number. Inside a transaction that writes, the answer
/// stays true until it commits.
pub(super) fn check_fence(tx: &Connection, file: &File, run: &RunId, epoch: u64) -> Result<(), JournalError> {
    let ours = tx
        .prepare_cached("SELECT 1 FROM leases WHERE run = ?1 AND epoch = ?2 AND released_at IS NULL")
        .and_then(|mut query| query.exists((run.as_str(), epoch.cast_signed())))
        .map_err(file.failed("reading who drives a run"))?;
    if ours { Ok(()) } else { Err(fenced(tx, file, run)?) }
}

/// Returns the error for a writer whose lease is no longer its own.
pub(super) fn fenced(conn: &Connection, file: &File, run: &RunId) -> Result<JournalError, JournalError> {
    Ok(match read(conn, file, run)? {
        Some(by) => JournalError::Fenced(Box::new(Fenced { run: run.clone(), by })),
        None => file.corrupt(format!("run {run} has no lease")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::fixture::{self, at, holder};

    fn claim(name: &str, now: i64, takeover: bool) -> Claim {
        Claim { holder: holder(name), at: at(now), takeover }
    }

    #[test]
    fn a_living_driver_keeps_its_run_and_is_named() {
        let (place, store, writer) = fixture::run();
        let error = store.acquire(writer.run(), &claim("ben", 30, false), |_| Life::Alive).unwrap_err();
        let JournalError::Held(held) = &error else { panic!("{error}") };
        assert_eq!((held.lease.holder.person.name.as_str(), held.lease.since), ("anna", at(0)));
        let text = error.to_string().replace(writer.run().as_str(), "RUN");
        insta::assert_snapshot!(text, @"run RUN is driven by anna on box (pid 1) since 2026-11-22T03:00:00Z, last heard of 2026-11-22T03:00:00Z; watch it with `runbook status RUN`, stop it with `runbook cancel RUN`, or take it over: `runbook resume RUN --takeover --reason TEXT`");
        drop(place);
    }

    #[test]
    fn a_dead_or_released_drivers_run_is_taken_with_the_next_number() {
        let (_place, store, writer) = fixture::run();
        let run = writer.run().clone();
        assert_eq!(writer.epoch(), 1);
        let second = store.acquire(&run, &claim("ben", 1, false), |_| Life::Gone).unwrap();
        assert_eq!(second.epoch(), 2);
        second.release(at(2)).unwrap();
        let third = store.acquire(&run, &claim("cleo", 3, false), |_| Life::Alive).unwrap();
        assert_eq!(third.epoch(), 3);
    }

    #[test]
    fn on_another_machine_the_heartbeat_decides() {
        let (_place, store, mut writer) = fixture::run();
        let run = writer.run().clone();
        writer.heartbeat(at(100)).unwrap();
        let elsewhere = |_: &Process| Life::Elsewhere;
        assert!(matches!(
            store.acquire(&run, &claim("ben", 159, false), elsewhere),
            Err(JournalError::Held(_))
        ));
        // A clock that is behind the driver's does not make the driver dead.
        assert!(matches!(
            store.acquire(&run, &claim("ben", 7, false), elsewhere),
            Err(JournalError::Held(_))
        ));
        assert_eq!(store.acquire(&run, &claim("ben", 161, false), elsewhere).unwrap().epoch(), 2);
    }

    #[test]
    fn a_takeover_fences_the_living_driver_off() {
        let (_place, store, mut old) = fixture::run();
        let run = old.run().clone();
        let mut new = store.acquire(&run, &claim("ben", 30, true), |_| Life::Alive).unwrap();
        for error in
            [old.append(at(31), vec![fixture::started("a")]).unwrap_err(), old.heartbeat(at(32)).unwrap_err()]
        {
            assert!(matches!(error, JournalError::Fenced(_) | JournalError::Poisoned { .. }), "{error}");
            assert!(
                error.to_string().contains("taken over by ben on box (pid 1) at 2026-11-22T03:00:30Z"),
                "{error}"
            );
        }
        new.append(at(33), vec![fixture::started("a")]).unwrap();
        assert_eq!(store.load(&run).unwrap().records.last().unwrap().epoch, 2);
        assert_eq!(store.verify(&run).unwrap().events, 2);
    }

    #[test]
    fn of_many_that_claim_a_dead_run_one_wins() {
        let (_place, store, writer) = fixture::run();
        let (run, path) = (writer.run().clone(), store.path().to_owned());
        drop(writer);
        let won: usize = std::thread::scope(|scope| {
            let claims: Vec<_> = (0..6)
                .map(|n| {
                    let (run, path) = (&run, &path);
                    scope.spawn(move || {
                        let store = crate::journal::Store::open(path).unwrap();
                        let old = |process: &Process| if process.pid == 1 { Life::Gone } else { Life::Alive };
                        let mut claim = claim("x", 1, false);
                        claim.holder.process.pid = 100 + n;
                        match store.acquire(run, &claim, old) {
                            Ok(_) => 1,
                            Err(JournalError::Held(_)) => 0,
                            Err(error) => panic!("{error}"),
                        }
                    })
                })
                .collect();
            claims.into_iter().map(|one| one.join().unwrap()).sum()
        });
        assert_eq!(won, 1);
    }
}
