//! The recorder: writes the commands of a run and what they answered to a tape (`exec --record`).
//!
//! Each answer is on the disk before the run goes on with it, so a crash loses at most those of the commands that were at work.
//! In the order in which they ended: of several answers to one command that is the order in which a rehearsal gives them.
//!
//! A tape is made to be shared, and to be played. So what is not as it was is said on it: an answer that is cut, the place
//! where it ends although the run went on. And what a sensitive step gave to the run is masked in what comes after it.
#![expect(
    clippy::disallowed_methods,
    reason = "this file writes the tape that was asked for, and nothing else"
)]

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::exec::{Redactor, SHORTEST};
use crate::machine::{End, Prepared};
use crate::model::{Played, Rendered};

use super::tape_text::{self, Recorded};

/// How much is kept of what one command printed on one stream, in bytes: enough for any answer that a runbook reads.
const LONGEST: usize = 1 << 20;

/// How large a tape may be, in bytes: with a larger file no rehearsal can begin. A little is left for the last line.
const LARGEST: u64 = (16 << 20) - 4096;

/// A tape that is being recorded.
#[derive(Debug)]
pub struct Recorder {
    file: File,
    path: PathBuf,
    /// How large it is.
    bytes: u64,
    /// Whether nothing more is written to it.
    ended: bool,
    /// What sensitive steps gave to the run.
    learned: BTreeSet<String>,
    sensitive: Redactor,
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
    /// Whether it printed more than that.
    pub truncated: bool,
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
            "# A recording of {name}: what its commands answered, one after the other. Secrets are masked, and so is what a\n\
             # sensitive step gave to later commands, where they have it word for word: read it before you share it.\n\
             # runbook rehearse {name} --tape THIS-FILE\n\
             tape: 1\nplain: true\nanswers:\n"
        );
        file.write_all(head.as_bytes())?;
        file.sync_data()?;
        Ok(Recorder {
            file,
            path: path.to_owned(),
            bytes: head.len() as u64,
            ended: false,
            learned: BTreeSet::new(),
            sensitive: Redactor::default(),
            kept: false,
        })
    }

    /// Masks these texts from now on: sensitive steps gave them to the run. Those too short to be told from chance are not.
    pub(super) fn hide(&mut self, texts: impl Iterator<Item = String>) {
        let before = self.learned.len();
        self.learned.extend(texts.filter(|text| text.trim_end().len() >= SHORTEST));
        if self.learned.len() == before {
            return;
        }
        match Redactor::new(self.learned.iter().map(|text| ("", text))) {
            Ok(redactor) => self.sensitive = redactor,
            Err(error) => tracing::warn!(%error, "what a sensitive step printed can't be masked on the tape"),
        }
    }

    /// Says on the tape why it ends here although the run, or somebody else with it, goes on.
    ///
    /// # Errors
    ///
    /// Whatever the system says.
    pub(super) fn end(&mut self, why: &str) -> io::Result<()> {
        if !std::mem::replace(&mut self.ended, true) {
            self.file
                .write_all(format!("  # It ends here: {}\n", why.replace(['\n', '\r'], " ")).as_bytes())?;
            self.file.sync_data()?;
        }
        Ok(())
    }

    /// Keeps the file from now on: the run was opened.
    pub(super) fn keep(&mut self) {
        self.kept = true;
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds an answer; returns whether there was room for it.
    ///
    /// # Errors
    ///
    /// Whatever the system says.
    pub(super) fn add(
        &mut self,
        recording: &Recording,
        answered: &Answered<'_>,
        redactor: &Redactor,
    ) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
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
            false if answered.truncated || answered.stdout.len().max(answered.stderr.len()) > LONGEST => {
                Some("cut: it printed more than stands here".to_owned())
            }
            false => remark,
        };
        let hidden = |text: &str| self.sensitive.redact_str(&redactor.redact_str(text)).into_owned();
        let text = |bytes: &[u8]| match answered.sensitive {
            true => String::new(),
            false => hidden(&String::from_utf8_lossy(&bytes[..whole(bytes, LONGEST)])),
        };
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
        if self.bytes + entry.len() as u64 > LARGEST {
            self.end("a tape holds 16 MiB at most")?;
            return Ok(false);
        }
        self.file.write_all(entry.as_bytes())?;
        self.bytes += entry.len() as u64;
        self.file.sync_data()?;
        Ok(true)
    }
}

/// Returns how many bytes of the first `most` are whole characters.
fn whole(bytes: &[u8], most: usize) -> usize {
    let end = bytes.len().min(most);
    match bytes.get(end) {
        // What comes next goes on with a character.
        Some(next) if next & 0xc0 == 0x80 => {
            (0..end).rev().find(|at| bytes[*at] & 0xc0 != 0x80).unwrap_or(end)
        }
        _ => end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(answers: &[(&str, &str)], hide: &[&str]) -> (String, Vec<bool>) {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("t.yaml");
        let mut recorder = Recorder::create(&path, "shop").expect("it can be made");
        recorder.keep();
        recorder.hide(hide.iter().map(|text| (*text).to_owned()));
        let rooms = answers.iter().map(|(run, stdout)| {
            let argv = run.split(' ').map(Rendered::plain).collect();
            let recording = Recording::of(&Prepared { argv, ..Prepared::default() }, "a, action".to_owned());
            let answered = Answered {
                end: &End::Exit(0),
                wall: Duration::ZERO,
                stdout: stdout.as_bytes(),
                stderr: b"",
                sensitive: false,
                truncated: false,
            };
            recorder.add(&recording, &answered, &Redactor::default()).expect("it can be written")
        });
        let rooms = rooms.collect();
        (std::fs::read_to_string(&path).expect("it is there"), rooms)
    }

    #[test]
    fn what_a_sensitive_step_gave_is_masked_in_commands_and_answers() {
        let (tape, _) = recorded(&[("echo topsecret", "topsecret\n")], &["topsecret", "abc"]);
        assert!(!tape.contains("topsecret") && tape.matches("•••").count() == 2, "{tape}");
    }

    #[test]
    fn a_long_answer_is_cut_and_says_so_and_a_tape_is_never_too_large_to_be_played() {
        let long = "ä".repeat(LONGEST);
        let (tape, rooms) = recorded(&[("cat a", &long)], &[]);
        assert!(tape.contains("# cut: it printed more than stands here") && !tape.contains('\u{fffd}'));
        assert_eq!((rooms, tape.matches('ä').count()), (vec![true], LONGEST / 2));
        let (tape, rooms) = recorded(&[("cat a", &long[..LONGEST]); 20], &[]);
        assert!(tape.len() <= 16 << 20 && tape.ends_with("  # It ends here: a tape holds 16 MiB at most\n"));
        assert_eq!(rooms.iter().filter(|room| **room).count(), tape.matches("cat").count());
        assert_eq!(rooms.last(), Some(&false));
    }
}
