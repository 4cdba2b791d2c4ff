//! What the tests of this room share.
#![expect(clippy::disallowed_methods, reason = "the journal owns its files")]

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tempfile::TempDir;

use super::{Frozen, Holder, JournalError, NewRun, Store, Want, Writer};
use crate::machine::{Event, Opened, Options, Person, Process, RunStatus};
use crate::model::{MACHINE_VERSION, Snapshot};

/// A folder for one test's journal.
pub(super) struct Place {
    pub(super) folder: TempDir,
    pub(super) path: PathBuf,
}

pub(super) fn place() -> Place {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state/journal.db");
    std::fs::create_dir_all(folder.path().join("state")).unwrap();
    Place { folder, path }
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_316_400 + second).unwrap()
}

pub(super) fn person(name: &str) -> Person {
    Person { name: name.to_owned(), host: "box".to_owned(), via: "terminal".to_owned() }
}

pub(super) fn holder(name: &str) -> Holder {
    let process = Process { pid: 1, started: 77, boot: "boot-1".to_owned(), host: "box".to_owned() };
    Holder { person: person(name), process }
}

pub(super) fn snapshot() -> Snapshot {
    let mut snapshot =
        Snapshot { machine: MACHINE_VERSION, root: "/srv/ops".to_owned(), ..Snapshot::default() };
    snapshot.runbook.name = "demo/scale".to_owned();
    snapshot.vars.insert("replicas".to_owned(), 10.into());
    snapshot
}

pub(super) fn opened(frozen: &Frozen) -> Event {
    Event::Opened(Opened {
        program: "0.1.0".to_owned(),
        runbook: "demo/scale".to_owned(),
        snapshot: frozen.hash().to_owned(),
        by: person("anna"),
        target: [("cluster".to_owned(), "kind".to_owned())].into(),
        options: Options { max_parallel: 8, ..Options::default() },
        ..Opened::none()
    })
}

pub(super) fn started(step: &str) -> Event {
    Event::Started { step: step.to_owned() }
}

pub(super) fn rested(status: RunStatus) -> Event {
    Event::Rested { status }
}

pub(super) fn create(store: &Store, lock: Option<Want<'_>>) -> Result<Writer, JournalError> {
    let frozen = Frozen::of(&snapshot())?;
    let mut first = opened(&frozen);
    if let Event::Opened(opened) = &mut first {
        opened.lock = lock.map(|want| want.name.to_owned());
    }
    let new = NewRun {
        runbook: "demo/scale",
        title: "A demo",
        snapshot: &frozen,
        holder: &holder("anna"),
        at: at(0),
        lock,
        events: vec![first],
    };
    store.create_run(new).map(|(writer, _)| writer)
}

/// A journal with one run, driven by anna, that has been opened and nothing else.
pub(super) fn run() -> (Place, Store, Writer) {
    let place = place();
    let store = Store::open(&place.path).unwrap();
    let writer = create(&store, None).unwrap();
    (place, store, writer)
}

pub(super) fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

/// Changes the file behind the journal's back.
pub(super) fn tamper(place: &Place, sql: &str) {
    rusqlite::Connection::open(&place.path).unwrap().execute_batch(sql).unwrap();
}
