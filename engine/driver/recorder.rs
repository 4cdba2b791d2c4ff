//! The recorder: writes the commands of a run and what they answered to a tape (`exec --record`).
//!
//! Each answer is on the disk before the run goes on with it, so a crash loses at most those of the commands that were at work.
//! In the order in which they ended: of several answers to one command that is the order in which a rehearsal gives them.
#![expect(
    clippy::disallowed_methods,
    reason = "this file writes the tape that was asked for, and nothing else"
)]

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::exec::Redactor;
use crate::machine::{End, Prepared};
use crate::model::{Played, Rendered};

use super::tape_text::{self, Recorded};

/// A tape that is being recorded.
#[derive(Debug)]
pub struct Recorder {
    file: File,
    path: PathBuf,
    /// Whether a run is on it; else its file goes with it, so that the same can be typed again.
    kept: bool,
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if !self.kept {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A command that is at work, as it will stand on the tape.
pub(super) struct Recording {
    command: Played,
    stdin: Option<String>,
    of: String,
}

impl Recording {
    /// Returns the command of `of` as it will stand on the tape.
    pub(super) fn of(command: &Prepared, of: String) -> Recording {
        let stdin = command.stdin.as_ref().map(Rendered::display);
        Recording { command: tape_text::played(command), stdin, of }
    }
}

/// What a command answered.
pub(super) struct Answered<'a> {
    pub end: &'a End,
    pub wall: Duration,
    /// Without the secrets.
    pub stdout: &'a [u8],
    pub stderr: &'a [u8],
    /// Whether what it printed is kept nowhere.
    pub sensitive: bool,
}

impl Recorder {
    /// Makes the file of a tape. It is readable by its owner only, as the output of a run is.
    ///
    /// # Errors
    ///
    /// When there is such a file already, which may be a tape that somebody edited by hand; and whatever the system says.
    pub fn create(path: &Path, runbook: &str) -> io::Result<Recorder> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let name: String = runbook.chars().filter(|c| !c.is_control()).collect();
        let head = format!(
            "# A recording of {name}: what its commands answered, one after the other. Secrets are masked.\n\
             # runbook rehearse {name} --tape THIS-FILE\n\
             tape: 1\nplain: true\nanswers:\n"
        );
        file.write_all(head.as_bytes())?;
        file.sync_data()?;
        Ok(Recorder { file, path: path.to_owned(), kept: false })
    }

    /// Keeps the file from now on: the run was opened.
    pub(super) fn keep(&mut self) {
        self.kept = true;
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds an answer.
    pub(super) fn add(
        &mut self,
        recording: &Recording,
        answered: &Answered<'_>,
        redactor: &Redactor,
    ) -> io::Result<()> {
        let (exit, remark) = match answered.end {
            End::Exit(exit) => (*exit, None),
            // As a shell has it: a tape knows exit codes.
            End::Signal(signal) => (128 + signal, Some(format!("signal {signal} ended it"))),
            End::TimedOut => (124, Some("its time was up".to_owned())),
            End::Stopped => (143, Some("it was stopped".to_owned())),
            End::NotStarted(why) => (127, Some(format!("it did not start: {why}"))),
        };
        let remark = match answered.sensitive {
            true => Some("its step is sensitive: write here what it may print".to_owned()),
            false => remark,
        };
        let text = |bytes: &[u8]| match answered.sensitive {
            true => String::new(),
            false => String::from_utf8_lossy(bytes).into_owned(),
        };
        let hidden = |text: &str| redactor.redact_str(text).into_owned();
        let command = match &recording.command {
            Played::Run(words) => Played::Run(words.iter().map(|word| hidden(word)).collect()),
            Played::Shell(script) => Played::Shell(hidden(script)),
        };
        let stdin = recording.stdin.as_deref().map(hidden);
        let entry = tape_text::recorded(&Recorded {
            command: &command,
            stdin: stdin.as_deref(),
            of: &recording.of,
            stdout: &text(answered.stdout),
            stderr: &text(answered.stderr),
            exit,
            took: answered.wall,
            remark: remark.as_deref(),
        });
        self.file.write_all(entry.as_bytes())?;
        self.file.sync_data()
    }
}
