//! What the program says about itself. For whoever mends it or wonders why a run is slow, not for whoever runs a runbook.
//!
//! Warnings go to stderr; under a live view they are held until it is done, or they would tear it. With `-v`, `-vv`, `-vvv` or
//! RUNBOOK_LOG all of it goes to a file instead: `$XDG_STATE_HOME/runbook/log/RUN.log`, or `runbook.log` for what is of no run,
//! for its owner only, each time added at the end. Where it is is said once. Lines come from our own texts, ids, times and
//! errors; the secrets of the run are masked in it all the same.
#![expect(clippy::disallowed_methods, reason = "the program's own words are kept in a file of its own")]

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::console::{Console, exact};
use super::settings::Settings;
use super::view;
use crate::exec::Redactor;
use crate::model::Secrets;
use crate::report::{Listener, Reporter, Seen, beside};

/// How much is held back at most before the file is opened all the same.
const HELD: usize = 256 * 1024;

static LOG: OnceLock<Mutex<Log>> = OnceLock::new();

struct Log {
    /// The folder of the files; absent when everything goes to stderr.
    folder: Option<PathBuf>,
    /// What was said before it was known where to.
    held: Vec<u8>,
    file: Option<File>,
    /// Whether stderr may be written to now.
    may_show: bool,
    redactor: Option<Redactor>,
    console: Console,
}

fn log() -> Option<MutexGuard<'static, Log>> {
    // What panicked while it wrote a line is no reason to say nothing more.
    LOG.get().map(|log| log.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Begins to log: warnings, more with `-v`, or what RUNBOOK_LOG says (`runbook::journal=trace`).
pub(super) fn install(settings: &Settings, console: Console) {
    let level = match settings.verbose {
        0 => "runbook=warn",
        1 => "runbook=info",
        2 => "runbook=debug",
        _ => "runbook=trace",
    };
    let asked = settings.environment.var("RUNBOOK_LOG").filter(|_| settings.verbose == 0);
    let filter = EnvFilter::builder().parse_lossy(asked.unwrap_or(level));
    let folder = (settings.verbose > 0 || asked.is_some()).then(|| folder(settings));
    let colour = folder.is_none() && settings.colour_err.value;
    let log = Log {
        may_show: !view::is_live(settings),
        folder,
        held: Vec::new(),
        file: None,
        redactor: None,
        console,
    };
    if LOG.set(Mutex::new(log)).is_err() {
        return;
    }
    // Fails only when one is installed already, by a test that calls this twice.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Lines)
        // It would say so with `eprintln!`, which panics when the terminal is gone.
        .log_internal_errors(false)
        .with_ansi(colour)
        .try_init();
}

/// Returns the folder of the files: that of the user's state, else the journal's.
fn folder(settings: &Settings) -> PathBuf {
    let home = |name, below: &str| {
        let path = settings.environment.var(name).map(PathBuf::from).filter(|path| path.is_absolute());
        path.map(|path| path.join(below).join("runbook/log"))
    };
    let state = home("XDG_STATE_HOME", "").or_else(|| home("HOME", ".local/state"));
    let journal = settings.store.value.path().parent().unwrap_or(Path::new("."));
    state.unwrap_or_else(|| journal.join("log"))
}

/// Returns a reporter beside which the log is named by its run, as soon as there is one; the view itself when there is no file.
pub(super) fn named_by_run(view: Box<dyn Reporter>, secrets: &Secrets) -> Box<dyn Reporter> {
    let Some(mut log) = log().filter(|log| log.folder.is_some()) else { return view };
    let values = secrets.named().map(|(name, value)| (name.to_owned(), value.to_owned()));
    // What can't be masked is refused by the engine a moment later.
    log.redactor = Redactor::new(values).ok();
    beside(view, Box::new(Naming))
}

struct Naming;

impl Listener for Naming {
    fn event(&mut self, seen: &Seen<'_>) {
        if let Some(mut log) = log().filter(|log| log.file.is_none()) {
            log.open(seen.run);
        }
    }
}

/// Writes what was held back: the program ends.
pub(super) fn end() {
    if let Some(mut log) = log() {
        log.may_show = true;
        if log.folder.is_some() && !log.held.is_empty() {
            log.open("runbook");
        }
        log.pass();
    }
}

impl Log {
    /// Opens the file of this name, and says where it is.
    fn open(&mut self, name: &str) {
        let Some(folder) = &self.folder else { return };
        let path = folder.join(format!("{name}.log"));
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        let opened = made.and_then(|()| OpenOptions::new().append(true).create(true).mode(0o600).open(&path));
        let shown = exact(&path.display().to_string());
        match opened {
            Ok(file) => {
                self.console.say(&format!("what the program does is written to {shown}"));
                self.file = Some(file);
            }
            Err(error) => {
                self.console.say(&format!("what the program does can't be written to {shown}: {error}"));
                (self.folder, self.held) = (None, Vec::new());
            }
        }
        self.pass();
    }

    /// Writes what is held back to where it goes, once that is known.
    fn pass(&mut self) {
        let held = std::mem::take(&mut self.held);
        let text = match &self.redactor {
            Some(redactor) => redactor.redact(&held).into_owned(),
            None => held,
        };
        // Nobody can be told that a line about the program could not be written.
        match (&mut self.file, &self.folder) {
            (Some(file), _) => drop(file.write_all(&text)),
            (None, None) if self.may_show => drop(io::stderr().lock().write_all(&text)),
            (None, _) => self.held = text,
        }
    }
}

/// Where a line goes.
struct Lines;

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Lines;

    fn make_writer(&'a self) -> Lines {
        Lines
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Some(mut log) = log() {
            log.held.extend_from_slice(line);
            if log.held.len() > HELD && log.file.is_none() && log.folder.is_some() {
                log.open("runbook");
            } else {
                log.pass();
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_held_back_is_masked_and_added_to_the_file_of_the_run() {
        let home = tempfile::tempdir().unwrap();
        let of = |text: &str| {
            let redactor = Redactor::new([("token", "hunter22-hunter22")]).unwrap();
            let mut log = Log {
                folder: Some(home.path().join("log")),
                held: Vec::new(),
                file: None,
                may_show: false,
                redactor: None,
                console: Console::plain(),
            };
            log.held.extend_from_slice(text.as_bytes());
            log.pass();
            assert_eq!(log.held, text.as_bytes(), "nobody knows yet where to");
            log.redactor = Some(redactor);
            log.open("r7k2m9qd");
            log.held.extend_from_slice(b"then hunter22-hunter22\n");
            log.pass();
            assert!(log.held.is_empty());
        };
        of("first hunter22-hunter22\n");
        of("again\n");
        let text = std::fs::read_to_string(home.path().join("log/r7k2m9qd.log")).unwrap();
        assert_eq!(text, "first •••\nthen •••\nagain\nthen •••\n");
    }

    #[test]
    fn under_a_live_view_warnings_wait() {
        let mut log = Log {
            folder: None,
            held: b"a warning\n".to_vec(),
            file: None,
            may_show: false,
            redactor: None,
            console: Console::plain(),
        };
        log.pass();
        assert_eq!(log.held, b"a warning\n");
        log.may_show = true;
        log.pass();
        assert!(log.held.is_empty());
    }
}
