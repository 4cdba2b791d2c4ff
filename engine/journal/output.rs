//! The output of a run's commands: append-only files beside the journal, one folder a run, one a step in it.
//!
//! `<journal>.d/<run>/<step>/<stage>-<attempt>.{out,err}`. A step's folder has the step's name where that is a name on
//! every file system; other names keep what is harmless of them and end in `~` and a hash.
#![expect(clippy::disallowed_methods, reason = "the journal owns its files")]

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{JournalError, RunId, chain, disk};
use crate::machine::{Leaf, Stage};

/// How long a step's name may be to be its folder's. Below what file systems take, so that a hash still fits.
const LONGEST: usize = 100;

/// Which of a command's two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One file of output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFile {
    /// Which attempt of which command.
    pub leaf: Leaf,
    /// Which of its outputs.
    pub stream: Stream,
    /// The file.
    pub path: PathBuf,
    /// How many bytes it has by now.
    pub bytes: u64,
}

/// Where the output files of a journal are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputDir {
    root: PathBuf,
}

impl OutputDir {
    /// Returns the folder beside the journal at `path`.
    pub fn beside(path: &Path) -> OutputDir {
        OutputDir { root: disk::beside(path, ".d") }
    }

    /// Returns the folder of a run.
    pub fn run(&self, run: &RunId) -> PathBuf {
        self.root.join(run.as_str())
    }

    /// Returns the file of one output of one command. It need not exist.
    pub fn path(&self, run: &RunId, leaf: &Leaf, stream: Stream) -> PathBuf {
        let name = format!("{}-{}.{}", stage_name(leaf.stage), leaf.attempt, stream.ending());
        self.run(run).join(folder_name(&leaf.step)).join(name)
    }

    /// Opens the file to append to it; makes it, readable by its owner only, with the folders above it. What an
    /// earlier engine wrote for the same attempt stays.
    ///
    /// # Errors
    ///
    /// Whatever the disk refuses; a symbolic link in its place.
    pub fn create(&self, run: &RunId, leaf: &Leaf, stream: Stream) -> Result<File, JournalError> {
        let path = self.path(run, leaf, stream);
        let folder = path.parent().unwrap_or(&self.root);
        let nofollow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|source| JournalError::io(folder, "making the folder for a command's output", source))?;
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(nofollow)
            .open(&path)
            .map_err(|source| JournalError::io(&path, "making the file for a command's output", source))
    }

    /// Returns the two files of one command, stdout's first. They need not exist: whoever writes the first byte makes them,
    /// with the folder above. `anew` takes away what is there: of a gate only the last poll is kept, or a gate of two
    /// hours would fill the disk.
    ///
    /// # Errors
    ///
    /// Whatever the disk refuses.
    pub fn ready(&self, run: &RunId, leaf: &Leaf, anew: bool) -> Result<(PathBuf, PathBuf), JournalError> {
        let files = (self.path(run, leaf, Stream::Stdout), self.path(run, leaf, Stream::Stderr));
        if anew {
            for file in [&files.0, &files.1] {
                match std::fs::remove_file(file) {
                    Err(source) if source.kind() != ErrorKind::NotFound => {
                        return Err(JournalError::io(file, "clearing the output of an earlier poll", source));
                    }
                    _ => {}
                }
            }
        }
        Ok(files)
    }

    /// Returns up to `limit` bytes of one output from `offset` on; empty at its end and when there is no such file.
    ///
    /// # Errors
    ///
    /// Whatever the disk refuses.
    pub fn read(
        &self,
        run: &RunId,
        leaf: &Leaf,
        stream: Stream,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<u8>, JournalError> {
        let path = self.path(run, leaf, stream);
        let failed = |source| JournalError::io(&path, "reading a command's output", source);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(source) if source.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(failed(source)),
        };
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }

    /// Returns how many bytes one output has by now; none when there is no such file.
    ///
    /// # Errors
    ///
    /// Whatever the disk refuses.
    pub fn length(&self, run: &RunId, leaf: &Leaf, stream: Stream) -> Result<u64, JournalError> {
        let path = self.path(run, leaf, stream);
        match std::fs::metadata(&path) {
            Ok(found) => Ok(found.len()),
            Err(source) if source.kind() == ErrorKind::NotFound => Ok(0),
            Err(source) => Err(JournalError::io(&path, "looking at a command's output", source)),
        }
    }

    /// Returns the files of a step's instance: by stage, then attempt, then stream.
    ///
    /// # Errors
    ///
    /// Whatever the disk refuses.
    pub fn list(&self, run: &RunId, step: &str) -> Result<Vec<OutputFile>, JournalError> {
        let folder = self.run(run).join(folder_name(step));
        let failed = |source| JournalError::io(&folder, "listing a step's output", source);
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(source) if source.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(failed(source)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            // What is not named like ours was not put there by us.
            let Some((stage, attempt, stream)) = name.to_str().and_then(file_name_parts) else { continue };
            let bytes = entry.metadata().map_err(failed)?.len();
            let leaf = Leaf { step: step.to_owned(), stage, attempt };
            found.push(OutputFile { leaf, stream, path: entry.path(), bytes });
        }
        found.sort_by(|a, b| (&a.leaf, a.stream).cmp(&(&b.leaf, b.stream)));
        Ok(found)
    }
}

impl Stream {
    fn ending(self) -> &'static str {
        match self {
            Stream::Stdout => "out",
            Stream::Stderr => "err",
        }
    }
}

const STAGES: [(Stage, &str); 7] = [
    (Stage::Check, "check"),
    (Stage::Capture, "capture"),
    (Stage::Action, "action"),
    (Stage::Verify, "verify"),
    (Stage::Undo, "undo"),
    (Stage::UndoVerify, "undo-verify"),
    (Stage::Guard, "guard"),
];

fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Check => STAGES[0].1,
        Stage::Capture => STAGES[1].1,
        Stage::Action => STAGES[2].1,
        Stage::Verify => STAGES[3].1,
        Stage::Undo => STAGES[4].1,
        Stage::UndoVerify => STAGES[5].1,
        Stage::Guard => STAGES[6].1,
    }
}

fn file_name_parts(name: &str) -> Option<(Stage, u32, Stream)> {
    let (rest, ending) = name.rsplit_once('.')?;
    let stream = [Stream::Stdout, Stream::Stderr].into_iter().find(|stream| stream.ending() == ending)?;
    let (stage, attempt) = rest.rsplit_once('-')?;
    let (stage, _) = STAGES.into_iter().find(|(_, name)| *name == stage)?;
    Some((stage, attempt.parse().ok()?, stream))
}

/// Returns the name of the folder of `step`. Two steps never share one, not even where `A` and `a` are the same name
/// or where accents are composed anew: only names in lower-case ASCII are used as they are.
fn folder_name(step: &str) -> String {
    let harmless = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_' | '[' | ']' | '.');
    let plain = !step.is_empty()
        && step.len() <= LONGEST
        && !step.starts_with(['.', '-'])
        && step.chars().all(harmless);
    if plain {
        return step.to_owned();
    }
    let hint: String = step
        .chars()
        .take(40)
        .map(|c| if c.is_ascii_alphanumeric() || (harmless(c) && c != '.') { c } else { '_' })
        .collect();
    let hint = hint.trim_start_matches('-');
    format!("{hint}~{}", &chain::hex(&Sha256::digest(step))[..16])
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::journal::fixture;

    fn leaf(step: &str, stage: Stage, attempt: u32) -> Leaf {
        Leaf { step: step.to_owned(), stage, attempt }
    }

    fn outputs() -> (fixture::Place, OutputDir, RunId) {
        let place = fixture::place();
        let dir = OutputDir::beside(&place.path);
        (place, dir, RunId::parse("r7kq2m0x").unwrap())
    }

    #[test]
    fn plain_names_stay_and_others_keep_a_hint_of_themselves() {
        assert_eq!(folder_name("raise-hpa"), "raise-hpa");
        assert_eq!(folder_name("scale[api.v1]"), "scale[api.v1]");
        assert_eq!(folder_name("scale[API]"), format!("scale[API]~{}", hash("scale[API]")));
        assert_eq!(folder_name("s[a/b]"), format!("s[a_b]~{}", hash("s[a/b]")));
        assert_eq!(folder_name(".."), format!("__~{}", hash("..")));
    }

    fn hash(step: &str) -> String {
        chain::hex(&Sha256::digest(step))[..16].to_owned()
    }

    #[test]
    fn hostile_names_stay_inside_their_run_and_apart() {
        let (_place, dir, run) = outputs();
        let long = "x".repeat(5000);
        let names = [
            "..",
            ".",
            "",
            "/",
            "/etc/passwd",
            "../../x",
            "s[../../../tmp]",
            "a\0b",
            "a\nb",
            "s[é]",
            "s[e\u{301}]",
            "s[É]",
            "S",
            "s",
            "-rf",
            "~",
            "a~b",
            "con",
            "s[*]",
            "s[ ]",
            "s[\u{202e}]",
            &long,
        ];
        let mut seen = std::collections::BTreeSet::new();
        for name in names {
            let leaf = leaf(name, Stage::Action, 1);
            dir.create(&run, &leaf, Stream::Stdout).unwrap().write_all(name.as_bytes()).unwrap();
            let path = dir.path(&run, &leaf, Stream::Stdout).canonicalize().unwrap();
            let inside = path.strip_prefix(dir.run(&run).canonicalize().unwrap()).unwrap().to_owned();
            assert_eq!(inside.components().count(), 2, "{name:?}: {}", inside.display());
            assert!(seen.insert(inside.to_str().unwrap().to_lowercase()), "{name:?}");
            assert_eq!(dir.read(&run, &leaf, Stream::Stdout, 0, 9999).unwrap(), name.as_bytes());
        }
    }

    #[test]
    fn files_are_their_owners_and_listed_in_order() {
        let (_place, dir, run) = outputs();
        for (stage, attempt, stream) in [
            (Stage::UndoVerify, 1, Stream::Stdout),
            (Stage::Action, 10, Stream::Stderr),
            (Stage::Action, 2, Stream::Stdout),
            (Stage::Check, 1, Stream::Stdout),
        ] {
            dir.create(&run, &leaf("a", stage, attempt), stream).unwrap().write_all(b"12345").unwrap();
        }
        fixture::write(&dir.run(&run).join("a/notes.txt"), b"not ours");
        let found = dir.list(&run, "a").unwrap();
        let names: Vec<_> = found.iter().map(|one| one.path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["check-1.out", "action-2.out", "action-10.err", "undo-verify-1.out"]);
        assert!(found.iter().all(|one| one.bytes == 5));
        assert_eq!(dir.list(&run, "b").unwrap(), []);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&found[0].path), mode(&dir.run(&run)), mode(&dir.root)), (0o600, 0o700, 0o700));
    }

    #[test]
    fn a_file_is_read_piece_by_piece_and_appended_to() {
        let (_place, dir, run) = outputs();
        let leaf = leaf("a", Stage::Verify, 1);
        let read = |offset| dir.read(&run, &leaf, Stream::Stderr, offset, 4).unwrap();
        assert_eq!(read(0), b"");
        dir.create(&run, &leaf, Stream::Stderr).unwrap().write_all(b"first ").unwrap();
        dir.create(&run, &leaf, Stream::Stderr).unwrap().write_all(b"poll").unwrap();
        assert_eq!([read(0), read(4), read(8), read(99)], [&b"firs"[..], b"t po", b"ll", b""]);
    }

    #[test]
    fn a_link_is_not_followed() {
        let (place, dir, run) = outputs();
        let leaf = leaf("a", Stage::Action, 1);
        drop(dir.create(&run, &leaf, Stream::Stderr).unwrap());
        let target = place.folder.path().join("precious");
        fixture::write(&target, b"keep");
        std::os::unix::fs::symlink(&target, dir.path(&run, &leaf, Stream::Stdout)).unwrap();
        let error = dir.create(&run, &leaf, Stream::Stdout).unwrap_err();
        assert!(error.to_string().starts_with("making the file for a command's output failed"), "{error}");
    }
}
