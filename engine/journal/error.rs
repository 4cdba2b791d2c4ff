//! What can go wrong with a journal: what, which file, and what to do about it.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::{Fenced, Held, LockHeld, RunId, Tampered};

/// Why the journal could not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// There is no file, and a reader makes none.
    #[error("there is no journal at {} yet; `runbook exec` makes it", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{} is not a journal of runbook ({what}); name another file with --store", .path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// The file was written by a later version.
    #[error(
        "the journal {} has form {found}, this version of runbook knows forms up to {known}; \
         use the version that wrote it, or another file with --store", .path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The form it has.
        found: i64,
        /// The newest form known here.
        known: i64,
    },
    /// The file would be on a network.
    #[error(
        "the journal {} would be on a network file system ({kind}), where two machines could write it at once and \
         spoil it; keep it on a local disk: --store PATH", .path.display()
    )]
    Network {
        /// The file.
        path: PathBuf,
        /// The kind of file system.
        kind: &'static str,
    },
    /// No room is left.
    #[error(
        "{doing} failed: the disk that holds {} is full; make room, then go on with `runbook resume`", .path.display()
    )]
    Full {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
    },
    /// The disk did not do what it was told.
    #[error(
        "{doing} failed: the disk that holds {} reported an error; look at `dmesg` and at the limit on file sizes \
         (`ulimit -f`), then go on with `runbook resume`", .path.display()
    )]
    Disk {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What SQLite makes of it; its extended code says which call failed.
        source: rusqlite::Error,
    },
    /// The file or its folder can't be written.
    #[error(
        "{doing} failed: {} is read-only for you; check the owner and mode of the file and of its folder, and that \
         the disk is mounted for writing", .path.display()
    )]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
    },
    /// Another process holds the file.
    #[error(
        "{doing} failed: another process kept {} locked for more than {} s; find it with `fuser {0}`, then try again",
        .path.display(), super::store::BUSY.as_secs()
    )]
    Busy {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
    },
    /// The file is damaged.
    #[error(
        "the journal {} is damaged: {what}; copy it and its -wal file away before anything else, then restore a \
         backup or name another file with --store", .path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The file that is being written is no longer the one at the path.
    #[error(
        "the journal {} was deleted or replaced while a run used it; what is written from now on would be lost, so \
         nothing more is", .path.display()
    )]
    Moved {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{doing} failed: {}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// The database refused for a reason of its own.
    #[error("{doing} failed: {}", .path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why not.
        source: rusqlite::Error,
    },
    /// Something of ours can't be written as JSON.
    #[error("{what} can't be stored; this is a mistake in runbook, please report it")]
    Unstorable {
        /// What.
        what: String,
        /// Why not.
        source: serde_json::Error,
    },
    /// A run was to be made whose first event does not open it.
    #[error("a run must begin with an event that opens it on its own snapshot; this is a mistake in runbook")]
    Unopened,
    /// No run has the id.
    #[error("there is no run {given}; {}`runbook runs --all` lists them", did_you_mean(.near))]
    NoSuchRun {
        /// What was typed.
        given: String,
        /// Runs whose ids look like it, each with its runbook: an id alone says nothing to whoever mistyped it.
        near: Vec<(RunId, String)>,
    },
    /// More than one run's id begins like that.
    #[error("{given} could be {}; type one more character", list(.runs))]
    Ambiguous {
        /// What was typed.
        given: String,
        /// The runs, the newest first.
        runs: Vec<RunId>,
    },
    /// The run's snapshot was made by a later machine.
    #[error(
        "run {run} was begun by a newer version of runbook (machine {found}, known here up to {known}); go on with \
         the version that began it"
    )]
    NewerSnapshot {
        /// The run.
        run: RunId,
        /// The version found.
        found: u64,
        /// The newest version known here.
        known: u32,
    },
    /// The run's snapshot can't be read.
    #[error("the snapshot of run {run} in {} can't be read; `runbook verify {run}` says whether it was altered", .path.display())]
    BadSnapshot {
        /// The run.
        run: RunId,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// An event was stored by a later version.
    #[error(
        "event {seq} of run {run} has form {found}, this version of runbook knows forms up to {known}; use the \
         version that wrote it"
    )]
    NewerEvent {
        /// The run.
        run: RunId,
        /// The event.
        seq: u64,
        /// The version found.
        found: u64,
        /// The newest version known here.
        known: u32,
    },
    /// An event is of a kind that came later.
    #[error(
        "event {seq} of run {run} is of the kind `{kind}`, which this version of runbook does not know; use the \
         version that wrote it"
    )]
    UnknownEvent {
        /// The run.
        run: RunId,
        /// The event.
        seq: u64,
        /// Its kind.
        kind: String,
    },
    /// An event can't be read.
    #[error("event {seq} of run {run} can't be read; `runbook verify {run}` says whether it was altered")]
    BadEvent {
        /// The run.
        run: RunId,
        /// The event.
        seq: u64,
        /// Why not.
        source: serde_json::Error,
    },
    /// Somebody else took the run over.
    #[error(transparent)]
    Fenced(Box<Fenced>),
    /// An earlier write failed, so this writer writes no more.
    #[error("nothing more is written to run {run}, since an earlier write failed: {first}")]
    Poisoned {
        /// The run.
        run: RunId,
        /// The first failure.
        first: String,
    },
    /// Somebody else drives the run.
    #[error(transparent)]
    Held(Box<Held>),
    /// Another run holds the lock.
    #[error(transparent)]
    LockHeld(Box<LockHeld>),
    /// The run's history was altered.
    #[error(transparent)]
    Tampered(Box<Tampered>),
}

impl JournalError {
    /// Returns the error that SQLite's failure means for the file at `path`.
    pub(super) fn of(path: &Path, doing: &'static str, source: rusqlite::Error) -> JournalError {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => JournalError::Full { path, doing },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => JournalError::ReadOnly { path, doing },
            Some(
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed,
            ) => JournalError::Busy { path, doing },
            Some(ErrorCode::SystemIoFailure) => JournalError::Disk { path, doing, source },
            Some(ErrorCode::DatabaseCorrupt) => JournalError::Corrupt { path, what: source.to_string() },
            Some(ErrorCode::NotADatabase) => {
                JournalError::NotOurs { path, what: "it is no SQLite database".to_owned() }
            }
            _ => JournalError::Sqlite { path, doing, source },
        }
    }

    /// Returns what is wrong in one line, with its causes.
    pub fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    /// Returns the error that the operating system's refusal means for the file or folder at `path`.
    pub(super) fn io(path: &Path, doing: &'static str, source: std::io::Error) -> JournalError {
        let path = path.to_owned();
        match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                JournalError::Full { path, doing }
            }
            std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => {
                JournalError::ReadOnly { path, doing }
            }
            _ => JournalError::Io { path, doing, source },
        }
    }
}

fn did_you_mean(runs: &[(RunId, String)]) -> String {
    let told: Vec<String> = runs.iter().map(|(id, runbook)| format!("{id} ({runbook})")).collect();
    if told.is_empty() { String::new() } else { format!("did you mean {}? ", told.join(" or ")) }
}

fn list(ids: &[RunId]) -> String {
    ids.iter().map(RunId::as_str).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn each_failure_of_sqlite_says_what_it_is_and_what_to_do() {
        let said = |code| {
            let source = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            JournalError::of(Path::new("/j.db"), "writing events", source).to_string()
        };
        insta::assert_snapshot!(said(ffi::SQLITE_FULL), @"writing events failed: the disk that holds /j.db is full; make room, then go on with `runbook resume`");
        insta::assert_snapshot!(said(ffi::SQLITE_BUSY), @"writing events failed: another process kept /j.db locked for more than 10 s; find it with `fuser /j.db`, then try again");
        insta::assert_snapshot!(said(ffi::SQLITE_READONLY), @"writing events failed: /j.db is read-only for you; check the owner and mode of the file and of its folder, and that the disk is mounted for writing");
        insta::assert_snapshot!(said(ffi::SQLITE_IOERR_WRITE), @"writing events failed: the disk that holds /j.db reported an error; look at `dmesg` and at the limit on file sizes (`ulimit -f`), then go on with `runbook resume`");
        insta::assert_snapshot!(said(ffi::SQLITE_CORRUPT), @"the journal /j.db is damaged: Error code 11: database disk image is malformed; copy it and its -wal file away before anything else, then restore a backup or name another file with --store");
        insta::assert_snapshot!(said(ffi::SQLITE_CANTOPEN), @"writing events failed: /j.db");
    }
}
