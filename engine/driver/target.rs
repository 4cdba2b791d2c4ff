//! The target: whom a run is about to change, recorded at its start and looked at again before it goes on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};

use crate::exec::{Ended, Notice, Pool, Redactor};
use crate::journal::HEARTBEAT;
use crate::machine::{Judge, describe};
use crate::model::Secrets;

use super::error::{DriveError, OtherTarget};
use super::launch;
use super::recorder::{Answered, Recorder, Recording};

/// What each command said, by name; several have one name once the run was renewed.
pub(super) type Answers = Vec<(String, String)>;

/// What to do where a run is taken up.
pub(super) const SWITCH_BACK: &str = "switch back (kubectl context, AWS profile), then try again";

/// What to do where a run would go on with another file or other values.
const AS_IT_WAS: &str =
    "what is taken anew would be aimed there; without --latest and --var it goes on as it was started";

/// Asks every command of the runbook's `target` at once, and returns the answers by name; they are put on the tape that is
/// recorded. `beat` is called now and then meanwhile: a tool that waits for a cluster far away may take minutes.
///
/// # Errors
///
/// Whatever `beat` says;
/// [`DriveError::NoTarget`] when one can't be asked or answers nothing: it is then not known whom the run would change.
pub(super) fn ask(
    judge: &Judge,
    pool: &Pool,
    root: &Path,
    secrets: &Secrets,
    redactor: &Redactor,
    mut recorder: Option<&mut Recorder>,
    beat: impl FnMut() -> Result<(), DriveError>,
) -> Result<Answers, DriveError> {
    let waiting = begin(judge, pool, root, secrets)?;
    heard(waiting, redactor, beat, |recording, answered| {
        if let Some(recorder) = &mut recorder
            && let Err(error) = recorder.add(recording, answered, redactor)
        {
            tracing::warn!(%error, "what the target said could not be recorded");
        }
    })
}

/// A command of the target that is at work.
pub(super) struct Asking {
    name: String,
    display: String,
    recording: Recording,
    hear: mpsc::Receiver<Box<Ended>>,
}

/// Starts every command of the runbook's `target`.
///
/// # Errors
///
/// [`DriveError::NoTarget`] when one can't be asked.
pub(super) fn begin(
    judge: &Judge,
    pool: &Pool,
    root: &Path,
    secrets: &Secrets,
) -> Result<Vec<Asking>, DriveError> {
    let commands = judge.target().map_err(DriveError::Settings)?;
    let mut waiting = Vec::with_capacity(commands.len());
    for (name, command) in commands {
        let no_target = |why: String| DriveError::NoTarget { name: name.clone(), why };
        let spec = launch::resolved(root, secrets, &command).map_err(no_target)?;
        tracing::debug!(name, "a target is asked");
        let (tell, hear) = mpsc::channel();
        pool.spawn(spec, move |notice| {
            if let Notice::Ended(ended) = notice {
                let _ = tell.send(ended);
            }
        });
        let recording = Recording::of(&command, format!("target {name}"));
        waiting.push(Asking { name, display: command.display, recording, hear });
    }
    Ok(waiting)
}

/// Waits for what the commands say, and returns it by name. `beat` is called now and then meanwhile.
///
/// # Errors
///
/// Whatever `beat` says; [`DriveError::NoTarget`] when one answers nothing.
pub(super) fn answers(
    waiting: Vec<Asking>,
    redactor: &Redactor,
    beat: impl FnMut() -> Result<(), DriveError>,
) -> Result<Answers, DriveError> {
    heard(waiting, redactor, beat, |_, _| {})
}

fn heard(
    waiting: Vec<Asking>,
    redactor: &Redactor,
    mut beat: impl FnMut() -> Result<(), DriveError>,
    mut record: impl FnMut(&Recording, &Answered<'_>),
) -> Result<Answers, DriveError> {
    let mut answers = Answers::with_capacity(waiting.len());
    for Asking { name, display, recording, hear } in waiting {
        let no_target = |why: String| DriveError::NoTarget { name: name.clone(), why };
        let ended = loop {
            match hear.recv_timeout(HEARTBEAT) {
                Ok(ended) => break ended,
                Err(RecvTimeoutError::Timeout) => beat()?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(no_target("it was not answered".to_owned()));
                }
            }
        };
        let end = launch::end(&ended.end);
        let masked = |bytes: &[u8]| redactor.redact(bytes).into_owned();
        let (stdout, stderr) = (masked(&ended.stdout.bytes), masked(&ended.stderr.bytes));
        let wall = ended.wall;
        let answered = Answered {
            end: &end,
            wall,
            stdout: &stdout,
            stderr: &stderr,
            sensitive: false,
            truncated: ended.stdout.truncated || ended.stderr.truncated,
        };
        record(&recording, &answered);
        // Stored, compared and shown: a secret in it is masked, as in all output.
        let hidden = |bytes: &[u8]| String::from_utf8_lossy(&redactor.redact(bytes)).trim().to_owned();
        let said = hidden(&ended.stdout.bytes);
        if end != crate::machine::End::Exit(0) {
            let stderr = hidden(&ended.stderr.bytes);
            let last = stderr.lines().last().map(|line| format!(": {line}")).unwrap_or_default();
            return Err(no_target(format!("`{display}`: {}{last}", describe(&end))));
        }
        if said.is_empty() {
            return Err(no_target(format!("`{display}` printed nothing")));
        }
        answers.push((name, said));
    }
    Ok(answers)
}

/// Asks the target as a run would that goes on with what `renewed` has, and insists on what it said at the start. Nothing
/// is asked when that is what `judge` was asked.
///
/// # Errors
///
/// As [`ask`] and [`same`].
pub(super) fn same_anew(
    (run, then): (&str, &BTreeMap<String, String>),
    judge: &Judge,
    renewed: &Judge,
    ask: impl FnOnce(&Judge) -> Result<Answers, DriveError>,
) -> Result<(), DriveError> {
    if judge.target() == renewed.target() {
        return Ok(());
    }
    same(run, then, &ask(renewed)?, AS_IT_WAS)
}

/// Holds what the target says now against what it said at the start. `hint` is what to do about a difference.
///
/// # Errors
///
/// [`DriveError::OtherTarget`] for the first difference.
pub(super) fn same(
    run: &str,
    then: &BTreeMap<String, String>,
    now: &[(String, String)],
    hint: &'static str,
) -> Result<(), DriveError> {
    for (name, then) in then {
        let mut said =
            now.iter().filter(|(other, _)| other == name).map(|(_, said)| said.as_str()).peekable();
        // That of a runbook which a step brought in, before `--latest` took the step out.
        if name.contains('/') && said.peek().is_none() {
            continue;
        }
        let missing = said.peek().is_none().then_some("");
        if let Some(other) = missing.into_iter().chain(said).find(|said| said != then) {
            return Err(Box::new(OtherTarget {
                run: run.to_owned(),
                name: name.clone(),
                then: then.clone(),
                now: other.to_owned(),
                hint,
            })
            .into());
        }
    }
    Ok(())
}

/// Holds what the target says now against what it said when the run was planned.
///
/// # Errors
///
/// [`DriveError::PlannedTarget`] for the first difference.
pub(super) fn as_planned(
    then: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
) -> Result<(), DriveError> {
    let differs = then.iter().find(|(name, then)| now.get(*name) != Some(*then));
    differs.map_or(Ok(()), |(name, then)| {
        let now = now.get(name).cloned().unwrap_or_default();
        Err(DriveError::PlannedTarget { name: name.clone(), then: then.clone(), now })
    })
}
