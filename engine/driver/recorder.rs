//! The recorder: writes the commands of a run and what they answered to a tape (`--record` of `exec`, `resume`, `rollback`).
//!
//! Each answer is on the disk before the run goes on with it, so a crash loses at most those of the commands that were at work.
//! In the order in which they ended: of several answers to one command that is the order in which a rehearsal gives them.
//!
//! A tape is made to be shared, and to be played. So what is not as it was is said on it: an answer that is cut, the place
//! where it ends although the run went on. And what a sensitive step gave to the run is masked in what comes after it, but for
//! what was known before the run began (`beforehand.rs`), and for a command that stands further up on the tape as it is.
#![expect(
    clippy::disallowed_methods,
    reason = "this file writes the tape that was asked for, and nothing else"
)]

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::exec::{Redactor, SHORTEST};
use crate::machine::{End, Leaf, Prepared};
use crate::model::{Played, Rendered, Snapshot};

use super::beforehand::Beforehand;
use super::tape_text::{self, Recorded};

/// How much is kept of what one command printed on one stream, in bytes: enough for any answer that a runbook reads.
const LONGEST: usize = 1 << 20;

/// How large a tape may be, in bytes: with a larger file no rehearsal can begin. A little is left for the last line.
const LARGEST: u64 = (16 << 20) - 4096;

/// A tape that is being recorded.
pub struct Recorder {
    file: File,
    path: PathBuf,
    /// How large it is.
    bytes: u64,
    /// Whether nothing more is written to it.
    ended: bool,
    /// What sensitive steps gave to the run.
    learned: BTreeSet<String>,
    /// Masks it; absent when more was learned since it was made.
    sensitive: Option<Redactor>,
    /// What the run was started with.
    snapshot: Option<Arc<Snapshot>>,
    /// What is known of its commands beforehand, once somebody wants to know.
    beforehand: Option<Beforehand>,
    /// The commands that stand on the tape with nothing masked that sensitive steps gave.
    bare: BTreeSet<String>,
    /// Whether a run is on it; else its file goes with it, so that the same can be typed again.
    kept: bool,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("path", &self.path).finish_non_exhaustive()
    }
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
    /// Its words, of a script too.
    words: Vec<String>,
    stdin: Option<String>,
    of: String,
    leaf: Option<Leaf>,
}

impl Recording {
    /// Returns the command of `of` as it will stand on the tape.
    pub(super) fn of(command: &Prepared, of: String) -> Recording {
        let stdin = command.stdin.as_ref().map(Rendered::display);
        let words = command.argv.iter().map(Rendered::display).collect();
        Recording { command: tape_text::played(command), words, stdin, of, leaf: None }
    }

    /// Returns the command of a step as it will stand on the tape.
    pub(super) fn of_step(command: &Prepared, leaf: &Leaf) -> Recording {
        let of = format!("{}, {}", leaf.step, leaf.stage.word());
        Recording { leaf: Some(leaf.clone()), ..Recording::of(command, of) }
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
    /// Makes the file of a tape. It is readable by its owner only, as the output of a run is. `run` is the one that is taken up:
    /// the tape then says on its head what is not on it.
    ///
    /// # Errors
    ///
    /// When there is such a file already, which may be a tape that somebody edited by hand; and whatever the system says.
    pub fn create(path: &Path, runbook: &str, run: Option<&str>) -> io::Result<Recorder> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let name: String = runbook.chars().filter(|c| !c.is_control()).collect();
        let from = run.map(|run| {
            format!(
                "# It begins where run {run} was taken up: what ran before is not on it. A rehearsal begins with that; put the\n\
                 # answers of an earlier tape of this run before these, or those that the rehearsal says are missing.\n"
            )
        });
        let from = from.unwrap_or_default();
        let head = format!(
            "# A recording of {name}: what its commands answered, one after the other. Secrets are masked, and so is what a\n\
             # sensitive step gave to later commands, where they have it word for word: read it before you share it.\n\
             # In a command `•••` stands for any text.\n\
             {from}# runbook rehearse {name} --tape THIS-FILE\n\
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
            sensitive: Some(Redactor::default()),
            snapshot: None,
            beforehand: None,
            bare: BTreeSet::new(),
            kept: false,
        })
    }

    /// Masks these texts from now on: sensitive steps gave them to the run. Those too short to be told from chance are not.
    pub(super) fn hide(&mut self, texts: impl Iterator<Item = String>) {
        let before = self.learned.len();
        self.learned.extend(texts.filter(|text| text.trim_end().len() >= SHORTEST));
        if self.learned.len() > before {
            self.sensitive = None;
        }
    }

    /// Returns what masks what was learned. Made when it is wanted, since many steps may have given something by then.
    fn sensitive(&mut self) -> io::Result<Redactor> {
        if let Some(sensitive) = &self.sensitive {
            return Ok(sensitive.clone());
        }
        let made = Redactor::new(self.learned.iter().map(|text| ("", text))).map_err(io::Error::other)?;
        Ok(self.sensitive.insert(made).clone())
    }

    /// Returns a command as it stands on the tape, with what it reads: nothing in it is a secret, or was given by a sensitive
    /// step. What was known before the run can't come from there, and is left as it is; and so is a command that stands on the
    /// tape already, from before the step gave it. To mask it now would hide nothing, and would make another command of it: the
    /// answers from before would be played for ever.
    fn masked(
        &mut self,
        recording: &Recording,
        secrets: &Redactor,
        sensitive: &Redactor,
    ) -> (Played, Option<String>) {
        let bare = |text: &String| secrets.redact_str(text).into_owned();
        let bare = (recording.command.with(&bare), recording.stdin.as_ref().map(bare));
        let entry = tape_text::entry(&bare.0, bare.1.as_deref());
        if self.bare.contains(&entry) {
            return bare;
        }
        let masked = self.hidden(recording, secrets, sensitive);
        if masked == bare {
            self.bare.insert(entry);
        }
        masked
    }

    /// Returns a command with what it reads, without what is secret and what was given by a sensitive step.
    fn hidden(
        &mut self,
        recording: &Recording,
        secrets: &Redactor,
        sensitive: &Redactor,
    ) -> (Played, Option<String>) {
        let bare = |text: &String| secrets.redact_str(text).into_owned();
        let hidden = |text: &String| sensitive.redact_str(&bare(text)).into_owned();
        let (plain, masked) = (recording.command.with(&bare), recording.command.with(&hidden));
        let (reads, hidden_reads) =
            (recording.stdin.as_ref().map(bare), recording.stdin.as_ref().map(hidden));
        let (Some(leaf), Some(snapshot)) = (&recording.leaf, &self.snapshot) else {
            return (masked, hidden_reads);
        };
        if plain == masked && reads == hidden_reads {
            return (plain, reads);
        }
        let beforehand = self.beforehand.get_or_insert_with(|| Beforehand::of(snapshot));
        let words = &recording.words;
        let known = beforehand.known(&leaf.step, leaf.stage, words, recording.stdin.as_deref());
        let is_known = |at: usize| at < known.before || at >= words.len() - known.after;
        let command = match (plain, masked) {
            (Played::Run(plain), Played::Run(masked)) => {
                let each = plain.into_iter().zip(masked).enumerate();
                Played::Run(
                    each.map(|(at, (plain, masked))| if is_known(at) { plain } else { masked }).collect(),
                )
            }
            // Its script is the last of its words.
            (plain, _) if is_known(words.len() - 1) => plain,
            (_, masked) => masked,
        };
        (command, if known.stdin { reads } else { hidden_reads })
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
    pub(super) fn keep(&mut self, snapshot: &Arc<Snapshot>) {
        self.kept = true;
        self.snapshot = Some(Arc::clone(snapshot));
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
        let sensitive = self.sensitive()?;
        let hidden = |text: &str| sensitive.redact_str(&redactor.redact_str(text)).into_owned();
        let text = |bytes: &[u8]| match answered.sensitive {
            true => String::new(),
            false => hidden(&String::from_utf8_lossy(&bytes[..whole(bytes, LONGEST)])),
        };
        let (command, stdin) = self.masked(recording, redactor, &sensitive);
        let entry = tape_text::recorded(&Recorded {
            command: &command,
            stdin: stdin.as_deref(),
            // They name instances and folders, which may be made of what nobody should read.
            of: &hidden(&recording.of),
            stdout: &text(answered.stdout),
            stderr: &text(answered.stderr),
            exit,
            took: answered.wall,
            remark: remark.as_deref().map(hidden).as_deref(),
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

    fn recorder() -> (tempfile::TempDir, Recorder) {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let recorder = Recorder::create(&folder.path().join("t.yaml"), "shop", None);
        (folder, recorder.expect("it can be made"))
    }

    fn read(recorder: &Recorder) -> String {
        std::fs::read_to_string(recorder.path()).expect("it is there")
    }

    fn printed<'a>(end: &'a End, stdout: &'a str) -> Answered<'a> {
        let (stdout, stderr) = (stdout.as_bytes(), &b""[..]);
        Answered { end, wall: Duration::ZERO, stdout, stderr, sensitive: false, truncated: false }
    }

    /// Records a command that went well. Returns whether there is room for more.
    fn add(recorder: &mut Recorder, run: &str, stdout: &str) -> bool {
        let argv = run.split(' ').map(Rendered::plain).collect();
        let recording = Recording::of(&Prepared { argv, ..Prepared::default() }, "a, action".to_owned());
        let room = recorder.add(&recording, &printed(&End::Exit(0), stdout), &Redactor::default());
        room.expect("it can be written")
    }

    fn recorded(answers: &[(&str, &str)], hide: &[&str]) -> (String, Vec<bool>) {
        let (_folder, mut recorder) = recorder();
        recorder.kept = true;
        recorder.hide(hide.iter().map(|text| (*text).to_owned()));
        let rooms = answers.iter().map(|(run, stdout)| add(&mut recorder, run, stdout)).collect();
        (read(&recorder), rooms)
    }

    #[test]
    fn what_a_sensitive_step_gave_is_masked_in_commands_and_answers() {
        let (tape, _) = recorded(&[("echo topsecret", "topsecret\n")], &["topsecret", "abc"]);
        let answers = tape.split_once("answers:").expect("it has answers").1;
        assert!(!tape.contains("topsecret") && answers.matches("•••").count() == 2, "{tape}");
    }

    #[test]
    fn a_secret_that_a_command_has_in_clear_is_masked_with_what_it_reads() {
        let (_folder, mut recorder) = recorder();
        recorder.keep(&Arc::default());
        let secrets = Redactor::new([("pw", "hunter22")]).expect("it is long enough");
        let end = End::Exit(0);
        for argv in [&["login", "--pw=hunter22"][..], &["sh", "-e", "-c", "login hunter22"]] {
            let command = Prepared {
                argv: argv.iter().map(|word| Rendered::plain(*word)).collect(),
                stdin: Some(Rendered::plain("pw: hunter22")),
                ..Prepared::default()
            };
            let leaf = Leaf { step: "a".to_owned(), stage: crate::machine::Stage::Action, attempt: 1 };
            let answered = Answered { stderr: b"hunter22", ..printed(&end, "hunter22") };
            recorder
                .add(&Recording::of_step(&command, &leaf), &answered, &secrets)
                .expect("it can be written");
        }
        let tape = read(&recorder);
        assert!(!tape.contains("hunter22"), "{tape}");
        for part in ["[login, \"--pw=•••\"]", "shell: \"login •••\"", "stdin: \"pw: •••\"", "stdout: \"•••\""]
        {
            assert!(tape.contains(part), "{part}\n{tape}");
        }
    }

    /// Of a `for_each` over what a sensitive step gave, and of a folder that is named after it.
    #[test]
    fn the_name_of_an_instance_and_a_remark_are_masked() {
        let (_folder, mut recorder) = recorder();
        recorder.keep(&Arc::default());
        recorder.hide(std::iter::once("topsecret".to_owned()));
        let secrets = Redactor::new([("pw", "hunter22")]).expect("it is long enough");
        let command = Prepared { argv: vec![Rendered::plain("true")], ..Prepared::default() };
        for (name, why) in [("topsecret", "no folder /a/hunter22"), ("hunter22", "no folder /a/topsecret")] {
            let leaf = Leaf { step: format!("a[{name}]"), stage: crate::machine::Stage::Action, attempt: 1 };
            let (recording, end) = (Recording::of_step(&command, &leaf), End::NotStarted(why.to_owned()));
            recorder.add(&recording, &printed(&end, ""), &secrets).expect("it can be written");
        }
        let tape = read(&recorder);
        assert!(!tape.contains("topsecret") && !tape.contains("hunter22"), "{tape}");
        let said = "  # a[•••], action\n  # it did not start: no folder /a/•••\n";
        assert_eq!(tape.matches(said).count(), 2, "{tape}");
    }

    /// Else what was answered before would be answered for ever.
    #[test]
    fn what_stands_on_the_tape_in_clear_is_not_masked_when_it_comes_again() {
        let (_folder, mut recorder) = recorder();
        recorder.keep(&Arc::default());
        add(&mut recorder, "get web-front", "not yet");
        recorder.hide(std::iter::once("web-front".to_owned()));
        add(&mut recorder, "get web-front", "web-front is there");
        add(&mut recorder, "drop web-front", "");
        let tape = read(&recorder);
        let runs: Vec<&str> = tape.lines().filter_map(|line| line.strip_prefix("  - run: ")).collect();
        assert_eq!(runs, ["[get, web-front]", "[get, web-front]", "[drop, \"•••\"]"]);
        assert!(tape.contains("stdout: \"••• is there\""), "{tape}");
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
