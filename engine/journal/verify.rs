//! Proves that a run's history is the one that was written.

use super::chain::{self, Hash, Link};
use super::history::{self, Standing};
use super::{JournalError, RunId, Store, snapshots};
use crate::machine::{EVENT_VERSION, Event};

/// A run's history is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many events it has.
    pub events: u64,
    /// The last hash of the chain, in hexadecimal. Noted elsewhere, it proves later that not even the whole chain was
    /// written anew.
    pub head_hash: String,
}

/// A run's history is not the one that was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("run {run} was altered: {what}; do not resume it, and compare it with a backup")]
pub struct Tampered {
    /// The run.
    pub run: RunId,
    /// The first event that is not as written; absent when it is the run itself or its snapshot.
    pub seq: Option<u64>,
    /// What is wrong.
    pub what: String,
}

impl Store {
    /// Checks the whole file, then every event of the run against the hash chain.
    ///
    /// # Errors
    ///
    /// [`JournalError::Corrupt`] when the disk damaged the file, [`JournalError::Tampered`] when the file is sound and
    /// the run is not as it was written.
    pub fn verify(&self, run: &RunId) -> Result<Verified, JournalError> {
        self.check_file("PRAGMA integrity_check(5)")?;
        self.verify_chain(run)
    }

    /// Checks every event of the run against the hash chain, and nothing of the file beside it: what a run is taken up
    /// again by must be what was written.
    ///
    /// # Errors
    ///
    /// As [`Store::verify`].
    pub fn verify_chain(&self, run: &RunId) -> Result<Verified, JournalError> {
        let moment = self.conn.unchecked_transaction().map_err(self.file.failed("verifying a run"))?;
        let row = self.run(run)?;
        let tampered = |seq: Option<u64>, what: String| {
            Err(JournalError::Tampered(Box::new(Tampered { run: run.clone(), seq, what })))
        };
        let (filed, body) = snapshots::body(&moment, &self.file, run)?;
        if snapshots::hash(&body) != filed {
            return tampered(None, "its snapshot is not the one that was stored".to_owned());
        }
        let mut walk = Walk::new(run, &filed);
        self.walk(run, &mut walk)?;
        if let Some((seq, what)) = walk.broken {
            return tampered(Some(seq), format!("event {seq} {what}"));
        }
        for (seq, hash) in &walk.renewed {
            let body = snapshots::of_hash(&moment, &self.file, hash)?;
            if body.is_none_or(|body| snapshots::hash(&body) != *hash) {
                return tampered(
                    Some(*seq),
                    format!("the snapshot of event {seq} is not the one that was stored"),
                );
            }
        }
        let head_hash = chain::hex(&walk.head);
        if walk.seq != row.events || head_hash != row.head {
            let first = walk.seq.min(row.events) + 1;
            return tampered(
                Some(first),
                format!("it has {} events where {} were written", walk.seq, row.events),
            );
        }
        if walk.readable && walk.standing.status != row.status {
            let by_events = history::encode_status(walk.standing.status);
            let what =
                format!("it is listed as `{}` and is `{by_events}`", history::encode_status(row.status));
            return tampered(None, what);
        }
        Ok(Verified { events: walk.seq, head_hash })
    }

    pub(super) fn check_file(&self, how: &str) -> Result<(), JournalError> {
        let failed = self.file.failed("checking the journal");
        let mut query = self.conn.prepare(how).map_err(&failed)?;
        let found: Vec<String> =
            query.query_map([], |row| row.get(0)).and_then(Iterator::collect).map_err(&failed)?;
        if found == ["ok"] { Ok(()) } else { Err(self.file.corrupt(found.join("; "))) }
    }

    fn walk(&self, run: &RunId, walk: &mut Walk<'_>) -> Result<(), JournalError> {
        let failed = self.file.failed("verifying a run");
        let mut query = self
            .conn
            .prepare("SELECT seq, epoch, version, at, body, hash FROM events WHERE run = ?1 ORDER BY seq")
            .map_err(&failed)?;
        let mut rows = query.query([run.as_str()]).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            let number = |column: usize| row.get::<_, i64>(column);
            let body = row.get_ref(4).map_err(&failed)?.as_bytes().unwrap_or_default();
            let hash = row.get_ref(5).map_err(&failed)?.as_blob().unwrap_or_default();
            let stored = Stored {
                seq: number(0).map_err(&failed)?.cast_unsigned(),
                epoch: number(1).map_err(&failed)?.cast_unsigned(),
                version: number(2).map_err(&failed)?,
                at: number(3).map_err(&failed)?,
                body,
                hash,
            };
            if !walk.step(&stored) {
                break;
            }
        }
        Ok(())
    }
}

/// An event's row, not interpreted.
struct Stored<'a> {
    seq: u64,
    epoch: u64,
    version: i64,
    at: i64,
    body: &'a [u8],
    hash: &'a [u8],
}

/// Where the walk along the chain is.
struct Walk<'a> {
    run: &'a RunId,
    snapshot: &'a str,
    seq: u64,
    epoch: u64,
    head: Hash,
    standing: Standing,
    /// Whether every event so far is of a kind known here. The chain is checked for all, the status only then.
    readable: bool,
    /// The snapshots that the run went on with, each with its event.
    renewed: Vec<(u64, String)>,
    broken: Option<(u64, String)>,
}

impl<'a> Walk<'a> {
    fn new(run: &'a RunId, snapshot: &'a str) -> Walk<'a> {
        let head = chain::genesis(run, snapshot);
        Walk {
            run,
            snapshot,
            seq: 0,
            epoch: 0,
            head,
            standing: Standing::default(),
            readable: true,
            renewed: Vec::new(),
            broken: None,
        }
    }

    /// Goes on to the next event and returns whether it is as written.
    fn step(&mut self, row: &Stored<'_>) -> bool {
        let wanted = self.seq + 1;
        if row.seq != wanted {
            return self.stop(wanted, "is missing");
        }
        let link = Link {
            run: self.run,
            seq: row.seq,
            epoch: row.epoch,
            // A version out of range was never written, so its hash can't match either way.
            version: u32::try_from(row.version).unwrap_or(u32::MAX),
            at: row.at,
            body: row.body,
        };
        let hash = chain::next(&self.head, &link);
        if hash != row.hash {
            return self.stop(wanted, "is not the one that was written there");
        }
        if row.epoch < self.epoch {
            return self.stop(wanted, "was written by a driver that had been fenced off");
        }
        (self.seq, self.epoch, self.head) = (row.seq, row.epoch, hash);
        match serde_json::from_slice::<Event>(row.body) {
            _ if link.version > EVENT_VERSION => self.readable = false,
            Ok(Event::Opened(opened)) if opened.snapshot != self.snapshot => {
                return self.stop(wanted, "opens the run on another snapshot");
            }
            Ok(event) => {
                self.standing = self.standing.after(&event);
                if let Event::Renewed { snapshot, .. } = event {
                    self.renewed.push((row.seq, snapshot));
                }
            }
            Err(_) => self.readable = false,
        }
        true
    }

    fn stop(&mut self, seq: u64, what: &str) -> bool {
        self.broken = Some((seq, what.to_owned()));
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::fixture::{self, at, rested};
    use crate::machine::RunStatus;

    fn ten() -> (fixture::Place, Store, RunId) {
        let (place, store, mut writer) = fixture::run();
        for second in 1..=8 {
            writer.append(at(second), vec![fixture::started(&format!("s{second}"))]).unwrap();
        }
        writer.append(at(9), vec![rested(RunStatus::Succeeded)]).unwrap();
        let run = writer.run().clone();
        (place, store, run)
    }

    #[test]
    fn an_untouched_run_is_verified_with_its_last_hash() {
        let (_place, store, run) = ten();
        let verified = store.verify(&run).unwrap();
        assert_eq!((verified.events, verified.head_hash.len()), (10, 64));
        assert_eq!(verified.head_hash, store.run(&run).unwrap().head);
    }

    #[test]
    fn every_kind_of_tampering_names_the_first_event_that_is_wrong() {
        let cases = [
            ("UPDATE events SET body = replace(body, 's4', 's5') WHERE seq = 5", Some(5)),
            ("UPDATE events SET at = at + 1 WHERE seq = 3", Some(3)),
            ("UPDATE events SET epoch = 2 WHERE seq = 10", Some(10)),
            ("UPDATE events SET version = 2 WHERE seq = 4", Some(4)),
            ("UPDATE events SET version = -1 WHERE seq = 4", Some(4)),
            ("UPDATE events SET hash = x'00' WHERE seq = 7", Some(7)),
            ("DELETE FROM events WHERE seq = 6", Some(6)),
            ("DELETE FROM events WHERE seq = 1", Some(1)),
            ("DELETE FROM events WHERE seq > 8", Some(9)),
            (
                "UPDATE events SET seq = 100 WHERE seq = 3; UPDATE events SET seq = 3 WHERE seq = 4;
              UPDATE events SET seq = 4 WHERE seq = 100",
                Some(3),
            ),
            (
                "INSERT INTO events SELECT run, 11, epoch, version, at, body, hash FROM events WHERE seq = 10",
                Some(11),
            ),
            ("UPDATE snapshots SET body = replace(body, '/srv/ops', '/srv/oops')", None),
            ("UPDATE runs SET status = 'failed'", None),
        ];
        for (sql, seq) in cases {
            let (place, store, run) = ten();
            fixture::tamper(&place, sql);
            match store.verify(&run) {
                Err(JournalError::Tampered(tampered)) => assert_eq!(tampered.seq, seq, "{sql}: {tampered}"),
                other => panic!("{sql}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_renewed_run_is_read_with_its_newest_snapshot_and_verified_with_all_of_them() {
        let (place, store, mut writer) = fixture::run();
        let run = writer.run().clone();
        let other = |root: &str| crate::model::Snapshot { root: root.to_owned(), ..fixture::snapshot() };
        for (second, root) in [(1, "/one"), (2, "/two")] {
            let frozen = super::super::Frozen::of(&other(root)).unwrap();
            writer.renew(at(second), &frozen, fixture::person("anna"), Vec::new()).unwrap();
        }
        assert_eq!(*store.load(&run).unwrap().snapshot, other("/two"));
        assert_eq!(*store.snapshot(&run).unwrap(), other("/two"));
        assert_eq!(store.verify(&run).unwrap().events, 3);
        fixture::tamper(&place, "UPDATE snapshots SET body = replace(body, '/one', '/else')");
        let Err(JournalError::Tampered(tampered)) = store.verify(&run) else { panic!("it was altered") };
        assert_eq!(tampered.seq, Some(2));
        fixture::tamper(&place, "DELETE FROM snapshots WHERE body LIKE '%/two%'");
        assert!(matches!(store.load(&run), Err(JournalError::Corrupt { .. })));
    }

    #[test]
    fn an_events_run_can_not_be_given_to_another_run() {
        let (place, store, run) = ten();
        let other = fixture::create(&store, None).unwrap();
        fixture::tamper(&place, &format!(
            "DELETE FROM events WHERE run = '{other}'; UPDATE events SET run = '{other}' WHERE run = '{run}';
             UPDATE runs SET events = 10, head = (SELECT head FROM runs WHERE id = '{run}') WHERE id = '{other}';",
            other = other.run()
        ));
        assert!(matches!(store.verify(other.run()), Err(JournalError::Tampered(_))));
    }

    #[test]
    fn a_run_with_events_of_a_later_kind_is_verified_all_the_same() {
        let (place, store, run) = ten();
        let mut walk = Walk::new(&run, "s");
        let body = br#"{"kind":"teleported"}"#;
        let link = Link { run: &run, seq: 1, epoch: 1, version: 1, at: 5, body };
        let hash = chain::next(&chain::genesis(&run, "s"), &link);
        assert!(walk.step(&Stored { seq: 1, epoch: 1, version: 1, at: 5, body, hash: &hash }));
        assert!(!walk.readable);
        drop((place, store));
    }
}
