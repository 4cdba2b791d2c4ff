//! A plan kept in a file: to be shown again, and to be run as it was planned.
//!
//! One JSON document on one line: `{"format":"runbook-plan","version":1,"content":{…},"sha256":"…"}`. The sum is of the
//! bytes of `content` as they stand. It tells a file that was damaged or edited; it is no signature, and needs to be none:
//! whoever runs a plan runs what the files say, and the plan only whether that is what was planned.
#![expect(clippy::disallowed_methods, reason = "the plan's file is what `--out` and `--plan` name")]

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::error::CliError;
use crate::diag::{Code, Diagnostic, Sources};
use crate::driver::Preview;
use crate::load::{Bound, Origin};
use crate::machine::{Person, PlanMark};
use crate::model::{MACHINE_VERSION, Map, Snapshot};

/// The version of the file. A newer one is refused; an older one is read as long as there is a reader for it.
pub const PLAN_FILE_VERSION: u32 = 1;

const FORMAT: &str = "runbook-plan";
const BEGINNING: &str = "{\"format\":\"runbook-plan\",\"version\":";

/// The largest file read, in bytes: a plan of some 400,000 instances.
const MAX_BYTES: u64 = 1 << 30;

/// What is kept.
#[derive(Debug, Serialize, Deserialize)]
pub struct PlanFile {
    /// When it was planned.
    pub at: Timestamp,
    /// Who planned it, as their system says.
    pub by: Person,
    /// The version of the program.
    pub program: String,
    /// The version of the machine.
    pub machine: u32,
    /// The project's root.
    pub root: String,
    /// The vars that were given, and not taken from their defaults; no secrets.
    pub given: Map,
    /// Where each var came from, for people.
    pub origins: Map,
    /// What `target` said, when it was asked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub target: BTreeMap<String, String>,
    /// What was bound, secrets as references.
    pub snapshot: Snapshot,
    /// What would be run.
    pub plan: Preview,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    format: String,
    version: u32,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    sha256: Option<String>,
}

/// A plan that was read from a file.
#[derive(Debug)]
pub struct Kept {
    /// Its path as typed.
    pub path: PathBuf,
    /// The sum of its content.
    pub sha256: String,
    /// What is in it.
    pub file: PlanFile,
}

impl Kept {
    /// Returns what a run that follows the plan records of it.
    pub fn mark(&self) -> PlanMark {
        PlanMark { sha256: self.sha256.clone(), at: self.file.at.to_string(), by: self.file.by.clone() }
    }

    /// Returns when and by whom it was planned: `3h ago by ada@laptop`.
    pub fn made(&self, now: Timestamp) -> String {
        // Nobody signs the file: what it calls its maker must not draw on the screen.
        let by = super::console::exact(&format!("{}@{}", self.file.by.name, self.file.by.host));
        format!("{} by {by}", crate::report::ago(self.file.at, now))
    }
}

impl PlanFile {
    /// Returns a plan to be kept.
    pub fn of(bound: &Bound, origins: Map, plan: Preview, at: Timestamp, by: Person) -> PlanFile {
        let given = bound.answers.iter().filter(|answer| answer.origin != Origin::Default);
        PlanFile {
            at,
            by,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            machine: MACHINE_VERSION,
            root: bound.snapshot.root.clone(),
            given: given.map(|answer| (answer.name.clone(), answer.value.clone())).collect(),
            origins,
            target: BTreeMap::new(),
            snapshot: (*bound.snapshot).clone(),
            plan,
        }
    }

    /// Writes the plan so that only its owner may read it, and returns the sum of its content. What stands at `path` is
    /// replaced in one go, and only when it is a plan: a slip of the finger must not cost a runbook.
    ///
    /// # Errors
    ///
    /// When there is something else at `path`, or it can't be written.
    pub fn write(&self, path: &Path) -> Result<String, CliError> {
        let failed = |source| CliError::File { path: path.to_owned(), source };
        if let Ok(about) = fs::symlink_metadata(path)
            && !(about.is_file() && (about.len() == 0 || begins(path).unwrap_or(false)))
        {
            let message = format!("`{}` is there, and it is no plan", path.display());
            return Err(CliError::usage_with(message, "give another path to --out, or remove what is there"));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().ok_or_else(|| failed(io::ErrorKind::InvalidFilename.into()))?;
        // A name of its own for each process, so that two people at once each write a whole file; the last one stays.
        let mut beside = std::ffi::OsString::from(".");
        beside.push(name);
        beside.push(format!(".{}", std::process::id()));
        let beside = folder.join(beside);
        let written = self.write_to(&beside).and_then(|sum| fs::rename(&beside, path).map(|()| sum));
        written.map_err(|error| {
            let _ = fs::remove_file(&beside);
            failed(error)
        })
    }

    fn write_to(&self, path: &Path) -> io::Result<String> {
        let _ = fs::remove_file(path);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let mut out = BufWriter::new(file);
        write!(out, "{BEGINNING}{PLAN_FILE_VERSION},\"content\":")?;
        let mut summed = Summed { out: &mut out, sum: Sha256::new() };
        serde_json::to_writer(&mut summed, self).map_err(io::Error::from)?;
        let sum = hex(&summed.sum.finalize());
        writeln!(out, ",\"sha256\":\"{sum}\"}}")?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        Ok(sum)
    }

    /// Reads a plan. `path` is as typed, `at` as it is opened.
    ///
    /// # Errors
    ///
    /// RB0513 when it is damaged, was edited, or is of another version.
    pub fn read(path: &Path, at: &Path) -> Result<Kept, CliError> {
        let shown = path.display();
        if at.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            let help = format!("`runbook plan NAME --out {shown}` writes one");
            return Err(refused(format!("there is no plan `{shown}`"), Some(help)));
        }
        let text = whole(at).map_err(|why| refused(format!("can't read the plan `{shown}`: {why}"), None))?;
        let again = || Some("plan again: `runbook plan NAME --out FILE`".to_owned());
        if !text.starts_with("{\"format\":")
            || !text.get(..80.min(text.len())).unwrap_or(&text).contains(FORMAT)
        {
            let help = "a plan is written by `runbook plan NAME --out FILE`".to_owned();
            return Err(refused(format!("`{shown}` is no plan"), Some(help)));
        }
        let damaged = |why: String| refused(format!("the plan `{shown}` is damaged: {why}"), again());
        let envelope: Envelope<'_> = serde_json::from_str(&text).map_err(|error| {
            damaged(if error.is_eof() { "it ends too early".to_owned() } else { error.to_string() })
        })?;
        if envelope.format != FORMAT {
            return Err(refused(format!("`{shown}` is no plan"), None));
        }
        if envelope.version != PLAN_FILE_VERSION {
            let message = format!(
                "the plan `{shown}` was written by another runbook (plans of version {}, and this one reads version \
                 {PLAN_FILE_VERSION})",
                envelope.version
            );
            return Err(refused(message, again()));
        }
        let (Some(content), Some(sum)) = (envelope.content, envelope.sha256) else {
            return Err(damaged("a part of it is missing".to_owned()));
        };
        let real = hex(&Sha256::digest(content.get()));
        if real != sum {
            let message = format!("the plan `{shown}` was changed after it was written");
            return Err(refused(message, again()));
        }
        let file: PlanFile =
            serde_json::from_str(content.get()).map_err(|error| damaged(error.to_string()))?;
        Ok(Kept { path: path.to_owned(), sha256: sum, file })
    }
}

/// Says whether what a person typed in place of a runbook is the path of a plan: a file that is no YAML.
pub fn is_meant(typed: &str, at: &Path) -> bool {
    !typed.ends_with(".yaml") && !typed.ends_with(".yml") && at.is_file()
}

/// Returns a plan that can't be used, as a mistake.
pub fn refused(message: String, help: Option<String>) -> CliError {
    let diagnostic = Diagnostic::new(Code::BadPlan, message);
    let diagnostic = match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    };
    CliError::mistakes(diagnostic.into(), Sources::new())
}

fn begins(path: &Path) -> io::Result<bool> {
    let mut first = Vec::new();
    File::open(path)?.take(BEGINNING.len() as u64).read_to_end(&mut first)?;
    Ok(first == BEGINNING.as_bytes())
}

fn whole(path: &Path) -> Result<String, String> {
    let about = fs::metadata(path).map_err(|error| error.to_string())?;
    // A device or pipe may never end, and a pipe that nobody writes to is not even opened.
    if !about.is_file() {
        return Err("it is no file".to_owned());
    }
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut text = String::new();
    let read = file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if read as u64 > MAX_BYTES { Err("it is larger than 1 GiB".to_owned()) } else { Ok(text) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Sums what is written.
struct Summed<W> {
    out: W,
    sum: Sha256,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
