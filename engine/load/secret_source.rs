//! Where the value of a secret is taken from.
#![expect(clippy::disallowed_methods, reason = "load/ reads what people write: files of secrets")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::inputs::{Origin, variable};
use crate::model::{Input, SecretSource};
use crate::template::Misfit;

/// The least length of a secret in bytes: a shorter one would mask half of any output, or must go unmasked.
pub const SHORTEST_SECRET: usize = 4;

/// The most bytes that a file of a secret may hold.
const LONGEST_SECRET: u64 = 1 << 20;

/// What came of looking for a secret.
pub(super) enum Found {
    /// Its value, long enough to be masked.
    Value(String, Origin),
    /// The command that prints it.
    Command(Vec<String>),
    /// Nothing gives it.
    Absent,
    /// What is wrong, without any of the value.
    Wrong(String),
}

/// Looks for the value of a secret: `RUNBOOK_VAR_NAME` first, then where its declaration says.
///
/// A variable that is set to nothing counts as not set: a CI system hands out a withheld secret that way.
pub(super) fn find(input: &Input, env: &BTreeMap<String, String>, root: &Path) -> Found {
    let name = &input.name;
    let set = |variable: &str| env.get(variable).filter(|value| !value.is_empty()).cloned();
    let own = variable(name);
    let (value, origin) = match (&input.from, set(&own)) {
        (_, Some(value)) => (value, Origin::Env(own)),
        (None, None) => return Found::Absent,
        (Some(SecretSource::Command(words)), None) => return Found::Command(words.clone()),
        (Some(SecretSource::Env(from)), None) => match set(from) {
            Some(value) => (value, Origin::Env(from.clone())),
            None => return Found::Absent,
        },
        (Some(SecretSource::File(path)), None) => {
            let full = full_path(path, root, env);
            match read(&full) {
                Ok(text) => (without_line_end(&text).to_owned(), Origin::SecretFile(path.clone())),
                Err(source) if source.kind() == io::ErrorKind::NotFound => return Found::Absent,
                Err(source) => {
                    let shown = full.display();
                    return Found::Wrong(format!("can't read the secret `{name}` from `{shown}`: {source}"));
                }
            }
        }
    };
    match long_enough(&value) {
        Ok(()) => Found::Value(value, origin),
        Err(misfit) => Found::Wrong(format!("the secret `{name}` (from {origin}) {}", misfit.message)),
    }
}

/// Returns how the value of a secret can be given, as an instruction.
pub fn ways(input: &Input) -> String {
    let variable = variable(&input.name);
    match &input.from {
        Some(SecretSource::Env(from)) => format!("set the environment variable `{from}`"),
        Some(SecretSource::File(path)) => {
            format!("put it into the file `{path}`, or set the environment variable `{variable}`")
        }
        Some(SecretSource::Command(_)) | None => format!("set the environment variable `{variable}`"),
    }
}

/// Says whether a secret can be masked, and handed to a process at all.
pub(super) fn long_enough(secret: &str) -> Result<(), Misfit> {
    let message = match secret.len() {
        0 => "is empty".to_owned(),
        1..SHORTEST_SECRET => {
            format!(
                "is shorter than {SHORTEST_SECRET} bytes, too short to be masked in what is shown and kept"
            )
        }
        _ if secret.contains('\0') => "holds a NUL byte".to_owned(),
        _ => return Ok(()),
    };
    Err(Misfit { message, help: None })
}

fn full_path(path: &str, root: &Path, env: &BTreeMap<String, String>) -> PathBuf {
    match (path.strip_prefix("~/"), env.get("HOME")) {
        (Some(rest), Some(home)) => Path::new(home).join(rest),
        _ => root.join(path),
    }
}

/// Returns `text` without its last line end.
pub(super) fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// Reads without asking what kind of file it is: `/dev/fd/63`, a pipe from a password manager, is a good one.
fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST_SECRET + 1).read_to_end(&mut bytes)?;
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    if bytes.len() as u64 > LONGEST_SECRET {
        return Err(wrong(&format!("it holds more than {} KiB", LONGEST_SECRET >> 10)));
    }
    String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8 text"))
}
