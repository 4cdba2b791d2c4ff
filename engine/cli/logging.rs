//! What the program says about itself. For whoever mends it or wonders why a run is slow, not for whoever runs a runbook.
//!
//! Warnings go to stderr; under a live view they are held until it is done, or they would tear it. With `-v`, `-vv`, `-vvv` or
//! RUNBOOK_LOG all of it goes to a file instead: `$XDG_STATE_HOME/runbook/log/RUN.log`, or `runbook.log` for what is of no run,
//! for its owner only, each time added at the end. Where it is is said once, also of a run that goes on in the background. Lines
//! come from our own texts, ids, times and errors; the secrets of the run are masked in it all the same. What libraries say is in
//! no log: a client of HTTP would write its requests there, headers and all. Where no file can be had there are warnings only.
#![expect(clippy::disallowed_methods, reason = "the program's own words are kept in a file of its own")]

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, fmt};

use super::console::{Console, exact};
use super::settings::Settings;
use super::view;
use crate::exec::Redactor;
use crate::model::Secrets;
use crate::report::{Listener, Reporter, Seen, beside};

/// How much is held back at most: then the file is opened all the same, or what is for the screen is left out.
const HELD: usize = 256 * 1024;

/// What the file is called for what is of no run.
const NO_RUN: &str = "runbook";

static LOG: OnceLock<Mutex<Log>> = OnceLock::new();

struct Log {
    /// The folder of the files; absent when everything goes to stderr.
    folder: Option<PathBuf>,
    /// What was said before it was known where to, or while stderr may not be written to.
    held: Vec<u8>,
    /// The warnings in it: all that is kept of it when no file can be had.
    held_warnings: Vec<u8>,
    /// How many lines were too many to be held.
    left_out: u64,
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
        held_warnings: Vec::new(),
        left_out: 0,
        file: None,
        redactor: None,
        console,
    };
    if LOG.set(Mutex::new(log)).is_err() {
        return;
    }
    // Fails only when one is installed already, by a test that calls this twice.
    let lines = fmt::layer()
        .with_writer(ToLog)
        // It would say so with `eprintln!`, which panics when the terminal is gone.
        .log_internal_errors(false)
        .with_ansi(colour)
        .with_filter(filter.and(filter_fn(is_ours)));
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

/// Says whether a line is of this program, and not of a library in it.
fn is_ours(line: &Metadata<'_>) -> bool {
    line.target().split("::").next() == Some("runbook")
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
    log.mask(secrets);
    beside(view, Box::new(Naming))
}

/// Writes what was held back to the file of the run that an engine in the background goes on with, or of none when there is no
/// run; that engine says where it is.
pub(super) fn handed_over(run: Option<&str>, secrets: &Secrets) {
    if let Some(mut log) = log().filter(|log| log.folder.is_some() && log.file.is_none()) {
        log.mask(secrets);
        log.open(run.unwrap_or(NO_RUN), false);
    }
}

struct Naming;

impl Listener for Naming {
    fn event(&mut self, seen: &Seen<'_>) {
        if let Some(mut log) = log().filter(|log| log.file.is_none()) {
            log.open(seen.run, true);
        }
    }
}

/// Writes what was held back: the program ends.
pub(super) fn end() {
    if let Some(mut log) = log() {
        log.may_show = true;
        if log.folder.is_some() && !log.held.is_empty() {
            log.open(NO_RUN, true);
        }
        log.pass();
    }
}

impl Log {
    /// Masks these secrets from now on, in what was held back too.
    fn mask(&mut self, secrets: &Secrets) {
        let values = secrets.named().map(|(name, value)| (name.to_owned(), value.to_owned()));
        // What can't be masked is refused by the engine a moment later.
        self.redactor = Redactor::new(values).ok();
    }

    /// Opens the file of this name, and says where it is unless somebody else does.
    fn open(&mut self, name: &str, tell: bool) {
        let Some(folder) = &self.folder else { return };
        let path = folder.join(format!("{name}.log"));
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        let opened = made.and_then(|()| OpenOptions::new().append(true).create(true).mode(0o600).open(&path));
        let opened = opened.and_then(for_its_owner);
        let shown = exact(&path.display().to_string());
        let told = match opened {
            Ok(file) => {
                self.file = Some(file);
                format!("what the program does is written to {shown}")
            }
            Err(error) => {
                // The screen is for whoever runs a runbook.
                (self.folder, self.held) = (None, std::mem::take(&mut self.held_warnings));
                format!("what the program does can't be written to {shown}: {error}")
            }
        };
        if tell {
            self.console.say(&told);
        }
        self.pass();
    }

    /// Takes in a line.
    fn line(&mut self, line: &[u8], warns: bool) {
        if self.file.is_none() && self.held.len() + line.len() > HELD {
            self.open(NO_RUN, true);
        }
        if self.file.is_none() {
            // There was to be a file, and none can be had.
            if self.folder.is_none() && !warns {
                return;
            }
            if self.held.len() + line.len() > HELD {
                self.left_out += 1;
                return;
            }
            if warns {
                self.held_warnings.extend_from_slice(line);
            }
        }
        self.held.extend_from_slice(line);
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
            (None, None) if self.may_show => {
                let mut err = io::stderr().lock();
                drop(err.write_all(&text));
                if self.left_out > 0 {
                    drop(writeln!(err, "and {} warnings more", self.left_out));
                }
                self.left_out = 0;
            }
            (None, _) => return self.held = text,
        }
        self.held_warnings.clear();
    }
}

/// Takes from others what may be read of a file: it may have been made by hand, or copied here.
fn for_its_owner(file: File) -> io::Result<File> {
    let known = file.metadata()?;
    // A device is left as it is, should somebody have linked to one.
    if known.is_file() && known.permissions().mode() & 0o7777 != 0o600 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// Makes what takes in one line.
struct ToLog;

impl<'a> MakeWriter<'a> for ToLog {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { warns: true }
    }

    fn make_writer_for(&'a self, about: &Metadata<'_>) -> Line {
        Line { warns: *about.level() <= Level::WARN }
    }
}

/// Where one line goes.
struct Line {
    warns: bool,
}

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Some(mut log) = log() {
            log.line(line, self.warns);
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

    fn log(folder: Option<PathBuf>) -> Log {
        Log {
            folder,
            held: Vec::new(),
            held_warnings: Vec::new(),
            left_out: 0,
            file: None,
            may_show: false,
            redactor: None,
            console: Console::plain(),
        }
    }

    fn secrets() -> Secrets {
        let mut secrets = Secrets::default();
        secrets.insert("token", "hunter22-hunter22");
        secrets
    }

    #[test]
    fn what_was_held_back_is_masked_and_added_to_the_file_of_the_run() {
        let home = tempfile::tempdir().unwrap();
        let of = |text: &str| {
            let mut log = log(Some(home.path().join("log")));
            log.line(text.as_bytes(), false);
            assert_eq!(log.held, text.as_bytes(), "nobody knows yet where to");
            log.mask(&secrets());
            log.open("r7k2m9qd", true);
            log.line(b"then hunter22-hunter22\n", true);
            assert!(log.held.is_empty() && log.held_warnings.is_empty());
        };
        of("first hunter22-hunter22\n");
        of("again\n");
        let text = std::fs::read_to_string(home.path().join("log/r7k2m9qd.log")).unwrap();
        assert_eq!(text, "first •••\nthen •••\nagain\nthen •••\n");
    }

    #[test]
    fn under_a_live_view_warnings_wait_as_many_as_there_is_room_for() {
        let mut log = log(None);
        log.line(b"a warning\n", true);
        assert_eq!(log.held, b"a warning\n");
        for _ in 0..HELD {
            log.line(b"again\n", true);
        }
        assert!(log.held.len() <= HELD && log.left_out > 0, "{} bytes", log.held.len());
        log.held.truncate(10);
        log.may_show = true;
        log.pass();
        assert!(log.held.is_empty() && log.left_out == 0);
    }

    #[test]
    fn where_no_file_can_be_had_only_warnings_are_kept() {
        let home = tempfile::tempdir().unwrap();
        let in_the_way = home.path().join("log");
        std::fs::write(&in_the_way, "").unwrap();
        let mut log = log(Some(in_the_way));
        log.line(b"DEBUG before\n", false);
        log.line(b" WARN before hunter22-hunter22\n", true);
        log.mask(&secrets());
        log.open("r7k2m9qd", true);
        log.line(b"DEBUG after\n", false);
        log.line(b" WARN after\n", true);
        assert_eq!(String::from_utf8_lossy(&log.held), " WARN before •••\n WARN after\n");
    }

    #[test]
    fn a_file_that_others_could_read_is_for_its_owner_from_now_on() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("r7k2m9qd.log");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        log(Some(home.path().to_owned())).open("r7k2m9qd", true);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    }
}
