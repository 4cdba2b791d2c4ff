//! The events of one commit on their way into the file.

use jiff::Timestamp;
use rusqlite::Transaction;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::chain::{self, Hash, Link};
use super::history::{self, Standing};
use super::store::File;
use super::{JournalError, RunId, lease, lock};
use crate::crash_point::crash_point;
use crate::machine::{EVENT_VERSION, Event};

/// The events of one commit, and what the run was before them.
pub(super) struct Batch<'a> {
    pub(super) file: &'a File,
    pub(super) run: &'a RunId,
    pub(super) epoch: u64,
    pub(super) seq: u64,
    pub(super) head: Hash,
    pub(super) standing: Standing,
}

impl Batch<'_> {
    /// Writes the events into the transaction and returns what the run is after them. `body` is room that is used
    /// again for each event's JSON.
    pub(super) fn write(
        mut self,
        tx: &Transaction<'_>,
        body: &mut Vec<u8>,
        at: Timestamp,
        events: &[Event],
        settled: &[i64],
    ) -> Result<(u64, Hash, Standing), JournalError> {
        // First, since a driver that took the run over may have written events with the same numbers.
        lease::check_fence(tx, self.file, self.run, self.epoch)?;
        let failed = self.file.failed("writing events");
        let at = at.as_microsecond();
        let mut insert = tx
            .prepare_cached(
                "INSERT INTO events (run, seq, epoch, version, at, body, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )
            .map_err(&failed)?;
        for event in events {
            self.seq += 1;
            body.clear();
            serde_json::to_writer(&mut *body, event).map_err(|source| JournalError::Unstorable {
                what: format!("event {} of run {}", self.seq, self.run),
                source,
            })?;
            let link =
                Link { run: self.run, seq: self.seq, epoch: self.epoch, version: EVENT_VERSION, at, body };
            self.head = chain::next(&self.head, &link);
            self.standing = self.standing.after(event);
            if let Event::Unlocked { lock, .. } = event {
                lock::give_one_back(tx, self.run, lock).map_err(&failed)?;
            }
            let text = ToSqlOutput::Borrowed(ValueRef::Text(body));
            let seq = self.seq.cast_signed();
            let epoch = self.epoch.cast_signed();
            insert
                .execute((self.run.as_str(), seq, epoch, EVENT_VERSION, at, text, self.head.as_slice()))
                .map_err(&failed)?;
        }
        self.update_run(tx, at).map_err(&failed)?;
        if self.standing.is_over() {
            lock::give_back(tx, self.run).map_err(&failed)?;
        }
        for id in settled {
            crash_point("settle:before");
            // What came of it is in the events, without secrets; what was typed is kept no longer than it is needed.
            tx.prepare_cached("UPDATE requests SET taken_at = ?3, body = '{}' WHERE run = ?1 AND id = ?2")
                .and_then(|mut sql| sql.execute((self.run.as_str(), id, at)))
                .map_err(&failed)?;
        }
        Ok((self.seq, self.head, self.standing))
    }

    /// Brings the run's row up to the events: the status that `runs` shows, and the mark by which a cut-off end is
    /// noticed.
    fn update_run(&self, tx: &Transaction<'_>, at: i64) -> rusqlite::Result<usize> {
        tx.prepare_cached(
            "UPDATE runs SET events = ?2, head = ?3, updated_at = ?4, status = ?5, rollback_began = ?6 WHERE id = ?1",
        )?
        .execute((
            self.run.as_str(),
            self.seq.cast_signed(),
            self.head.as_slice(),
            at,
            history::encode_status(self.standing.status),
            self.standing.rollback_began,
        ))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::strategy::ValueTree as _;

    use crate::journal::fixture::{self, at};
    use crate::machine::Event;
    use crate::model::{Map, Value};

    /// Any JSON: with every float that JSON has, every text, deep.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_filter("JSON has none", |n| n.is_finite()).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..6)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn every_value_comes_back_exactly() {
        let (_place, store, mut writer) = fixture::run();
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let mut events = Vec::new();
        for _ in 0..2000 {
            let tree = value().new_tree(&mut runner).unwrap();
            let values: Map = [("v".to_owned(), tree.current())].into_iter().collect();
            events.push(Event::Captured { step: "a".into(), values, changes: None });
        }
        let written = writer.append(at(1), events).unwrap();
        let read = store.tail(writer.run(), 1).unwrap();
        for (written, read) in written.iter().zip(&read) {
            assert_eq!(written, read);
        }
        assert_eq!(written.len(), read.len());
        store.verify(writer.run()).unwrap();
    }
}
