//! A secret that a command prints: `from: {command: …}`.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use crate::exec::{Notice, Pool, Redactor, Spec};
use crate::machine::{End, describe};
use crate::model::Secrets;

use super::launch;

/// How long a command may take to print a secret. It has no terminal, so one that asks there for a password would never
/// end by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// The most bytes of a secret; as of a file of one.
const LONGEST: usize = 1 << 20;

/// Returns what the command of a secret printed, run in the folder `root`.
///
/// # Errors
///
/// Why it printed none, for people: with the last line of its stderr, in which neither what it printed nor any of `known`
/// is to be read.
pub fn secret_of_command(words: &[String], root: &Path, known: &Secrets) -> Result<String, String> {
    let pool = Pool::new(1).map_err(|error| format!("no process can be started: {error}"))?;
    let mut spec = Spec::new(words);
    spec.dir = Some(root.to_path_buf());
    spec.timeout = Some(PATIENCE);
    spec.grace = Duration::from_secs(1);
    spec.keep = LONGEST + 1;
    let (tell, hear) = mpsc::channel();
    pool.spawn(spec, move |notice| {
        if let Notice::Ended(ended) = notice {
            let _ = tell.send(ended);
        }
    });
    let ended = hear.recv().map_err(|_| "its end was not reported".to_owned())?;
    let end = launch::end(&ended.end);
    if end == End::Exit(0) {
        if ended.stdout.truncated || ended.stdout.bytes.len() > LONGEST {
            return Err(format!("it printed more than {} KiB", LONGEST >> 10));
        }
        return String::from_utf8(ended.stdout.bytes)
            .map_err(|_| "what it printed is not UTF-8 text".to_owned());
    }
    let mut why = describe(&end);
    if end == End::TimedOut {
        why.push_str(" (it has no terminal: unlock what it asks before)");
    }
    let printed = String::from_utf8_lossy(&ended.stdout.bytes);
    let all = known.named().chain(printed.lines().map(|line| ("stdout", line)));
    let stderr = String::from_utf8_lossy(&ended.stderr.bytes);
    // What can't be hidden for certain is not shown: a line of stdout may be too short to be masked.
    if let (Some(line), Ok(redactor)) = (stderr.trim().lines().last(), Redactor::new(all)) {
        why.push_str(&format!(": {}", redactor.redact_str(line)));
    }
    Err(why)
}
