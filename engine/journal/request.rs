//! The inbox of a run: what people ask of it from another terminal, while its engine lives or not.

use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::json;

use super::store::File;
use super::{JournalError, RunId, Store, record};
use crate::crash_point::crash_point;
use crate::machine::Person;
use crate::model::{Map, Value};

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// An answer to a step that waits for an approval.
    Approve {
        /// The instance.
        step: String,
        /// Whether they said yes.
        yes: bool,
        /// What they added.
        note: Option<String>,
        /// Their typed answers.
        answers: Map,
        /// The hash of the commands that they saw.
        hash: Option<String>,
    },
    /// A manual step is done.
    Done {
        /// The instance.
        step: String,
        /// What they added.
        note: Option<String>,
    },
    /// The run is to stop.
    Cancel {
        /// Whether what runs is stopped too.
        hard: bool,
    },
    /// Something that a later version asks. It is to be refused by name.
    Other {
        /// The kind.
        kind: String,
        /// The rest.
        body: Value,
    },
}

/// One thing that somebody asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Its number, in the order of arrival.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who, asserted and not proven.
    pub by: Person,
    /// What.
    pub ask: Ask,
}

impl Ask {
    fn encode(&self) -> (&str, Value) {
        match self {
            Ask::Approve { step, yes, note, answers, hash } => {
                let body = json!({"step": step, "yes": yes, "note": note, "answers": answers, "hash": hash});
                ("approve", body)
            }
            Ask::Done { step, note } => ("done", json!({"step": step, "note": note})),
            Ask::Cancel { hard } => ("cancel", json!({"hard": hard})),
            Ask::Other { kind, body } => (kind, body.clone()),
        }
    }

    /// Whatever does not have the form of its kind is [`Ask::Other`]: a request that can't be read must not keep the
    /// ones behind it from being heard.
    fn decode(kind: String, body: Value) -> Ask {
        let step = || body.get("step")?.as_str().map(str::to_owned);
        let note = body.get("note").and_then(Value::as_str).map(str::to_owned);
        let hash = body.get("hash").and_then(Value::as_str).map(str::to_owned);
        let answers = body.get("answers").and_then(Value::as_object).cloned().unwrap_or_default();
        let known = match kind.as_str() {
            "approve" => step()
                .zip(body.get("yes").and_then(Value::as_bool))
                .map(|(step, yes)| Ask::Approve { step, yes, note, answers, hash }),
            "done" => step().map(|step| Ask::Done { step, note }),
            "cancel" => body.get("hard").and_then(Value::as_bool).map(|hard| Ask::Cancel { hard }),
            _ => None,
        };
        known.unwrap_or(Ask::Other { kind, body })
    }
}

impl Store {
    /// Puts a request into the run's inbox and returns its number. Whoever drives the run, now or later, finds it.
    ///
    /// # Errors
    ///
    /// No such run; whatever the disk refuses.
    pub fn post(&self, run: &RunId, at: Timestamp, by: &Person, ask: &Ask) -> Result<i64, JournalError> {
        self.run(run)?;
        let (kind, body) = ask.encode();
        let person = serde_json::to_string(by)
            .map_err(|source| JournalError::Unstorable { what: "a person's name".to_owned(), source })?;
        crash_point("post:before");
        let id = self
            .conn
            .prepare_cached("INSERT INTO requests (run, at, person, kind, body) VALUES (?1, ?2, ?3, ?4, ?5)")
            .and_then(|mut sql| {
                sql.insert((run.as_str(), at.as_microsecond(), person, kind, body.to_string()))
            })
            .map_err(self.file.failed("asking something of a run"))?;
        crash_point("post:after");
        Ok(id)
    }

    /// Returns the run's requests that nobody has taken yet, in order of arrival.
    ///
    /// # Errors
    ///
    /// When the file can't be read.
    pub fn requests(&self, run: &RunId) -> Result<Vec<Request>, JournalError> {
        waiting(&self.conn, &self.file, run, 0)
    }
}

/// Takes the cancels out of the run's inbox. To stop is asked of whoever drives the run; when that one died, or was done,
/// before it heard of it, the next one must not stop for it: somebody has since said to go on.
pub(super) fn forget_cancels(conn: &Connection, run: &RunId, at: Timestamp) -> rusqlite::Result<usize> {
    conn.prepare_cached(
        "UPDATE requests SET taken_at = ?2 WHERE run = ?1 AND kind = 'cancel' AND taken_at IS NULL",
    )?
    .execute((run.as_str(), at.as_microsecond()))
}

/// Returns the requests above `after` that nobody has taken yet.
pub(super) fn waiting(
    conn: &Connection,
    file: &File,
    run: &RunId,
    after: i64,
) -> Result<Vec<Request>, JournalError> {
    let failed = file.failed("reading what was asked of a run");
    let mut query = conn
        .prepare_cached(
            "SELECT id, at, person, kind, body FROM requests
             WHERE run = ?1 AND taken_at IS NULL AND id > ?2 ORDER BY id",
        )
        .map_err(&failed)?;
    let mut rows = query.query((run.as_str(), after)).map_err(&failed)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(&failed)? {
        let at: i64 = row.get(1).map_err(&failed)?;
        let person: String = row.get(2).map_err(&failed)?;
        let body: String = row.get(4).map_err(&failed)?;
        let id = row.get(0).map_err(&failed)?;
        let broken = |error: serde_json::Error| file.corrupt(format!("request {id} can't be read: {error}"));
        found.push(Request {
            id,
            at: record::timestamp(file, at)?,
            by: serde_json::from_str(&person).map_err(broken)?,
            ask: Ask::decode(row.get(3).map_err(&failed)?, serde_json::from_str(&body).map_err(broken)?),
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::fixture::{self, at, person};
    use crate::journal::{Claim, Life};

    #[test]
    fn a_request_is_handed_out_once_and_stays_until_its_events_are_committed() {
        let (_place, store, mut writer) = fixture::run();
        let run = writer.run().clone();
        assert_eq!(writer.take_requests().unwrap(), []);
        let hash = Some("4f2a".into());
        let ask =
            Ask::Approve { step: "a".into(), yes: true, note: Some("ok".into()), answers: Map::new(), hash };
        store.post(&run, at(1), &person("ben"), &ask).unwrap();
        let taken = writer.take_requests().unwrap();
        assert_eq!((&taken[0].ask, taken[0].by.name.as_str(), taken[0].at), (&ask, "ben", at(1)));
        assert_eq!(writer.take_requests().unwrap(), []);

        // The engine dies before it commits what came of it: the next one is asked again.
        drop(writer);
        let claim = Claim { holder: fixture::holder("cleo"), at: at(2), takeover: false };
        let mut next = store.acquire(&run, &claim, |_| Life::Gone).unwrap();
        let again = next.take_requests().unwrap();
        assert_eq!(again, taken);
        next.append_settling(at(3), vec![fixture::started("a")], &[again[0].id]).unwrap();
        assert_eq!(store.requests(&run).unwrap(), []);
    }

    #[test]
    fn who_takes_a_run_up_is_not_stopped_by_a_cancel_of_the_one_before() {
        let (_place, store, writer) = fixture::run();
        let run = writer.run().clone();
        let answer = Ask::Done { step: "a".into(), note: None };
        for ask in [&Ask::Cancel { hard: true }, &answer] {
            store.post(&run, at(1), &person("ben"), ask).unwrap();
        }
        drop(writer);
        let claim = Claim { holder: fixture::holder("cleo"), at: at(2), takeover: false };
        let mut next = store.acquire(&run, &claim, |_| Life::Gone).unwrap();
        let asked: Vec<Ask> = next.take_requests().unwrap().into_iter().map(|one| one.ask).collect();
        assert_eq!(asked, [answer]);
        store.post(&run, at(3), &person("ben"), &Ask::Cancel { hard: true }).unwrap();
        assert_eq!(next.take_requests().unwrap().len(), 1, "it is asked to stop itself");
    }

    #[test]
    fn every_kind_comes_back_and_a_later_one_by_name() {
        let (_place, store, writer) = fixture::run();
        let asks = [
            Ask::Done { step: "scale[api]".into(), note: None },
            Ask::Cancel { hard: true },
            Ask::Other { kind: "dance".into(), body: json!({"step": "a"}) },
            Ask::Other { kind: "cancel".into(), body: json!({"softly": 1}) },
        ];
        for ask in &asks {
            store.post(writer.run(), at(1), &person("ben"), ask).unwrap();
        }
        let found: Vec<Ask> = store.requests(writer.run()).unwrap().into_iter().map(|one| one.ask).collect();
        assert_eq!(found, asks);
    }

    #[test]
    fn a_run_that_is_not_there_has_no_inbox() {
        let (_place, store, _writer) = fixture::run();
        let nobody = RunId::parse("r0000000").unwrap();
        let error = store.post(&nobody, at(1), &person("ben"), &Ask::Cancel { hard: false }).unwrap_err();
        assert!(matches!(error, JournalError::NoSuchRun { .. }), "{error}");
    }
}
