//! What keeps a run from being driven.

use std::path::{Path, PathBuf};

use crate::exec::RedactorError;
use crate::journal::JournalError;
use crate::machine::{Illegal, NotOpen, RunStatus};

use super::looping::Interrupt;

/// Why a run could not be driven, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The journal refused.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal refused while the run went on: nothing more was started.
    #[error(
        "the journal could not be written, so run {run} was stopped: {}{}{}", .source.in_full(), unrecorded(.lost),
        kept(.saved.as_deref())
    )]
    Stopped {
        /// The run.
        run: String,
        /// What the journal says.
        source: Box<JournalError>,
        /// What was under way, and how each of them ended, which is in no journal: they are in doubt.
        lost: Vec<String>,
        /// The copy that was made of a journal that is gone.
        saved: Option<PathBuf>,
    },
    /// The journal does not fit its snapshot.
    #[error(
        "the journal of run {run} does not make sense ({source}); `runbook verify {run}` tells whether it was altered"
    )]
    Illegal {
        /// The run.
        run: String,
        /// What does not fit.
        source: Illegal,
    },
    /// A script had the engine die.
    #[error("the engine died, as the test wanted it to")]
    Died,
    /// The tape does not say whom the run would change.
    #[error("`target.{name}` got no answer: {why}")]
    TapeTarget {
        /// Its name.
        name: String,
        /// Why not.
        why: String,
    },
    /// A rehearsal's tape is gone, and real commands must not stand in for it.
    #[error("run {run} is a rehearsal, and its tape is not in the journal: it can't go on")]
    NoTape {
        /// Which run.
        run: String,
    },
    /// It could not be told whom the run is about to change.
    #[error(
        "whom this run is about to change could not be told: `target.{name}`: {why}; nothing was run: see to it (log in, \
         switch the context), then type the same again"
    )]
    NoTarget {
        /// Which of the target's commands.
        name: String,
        /// Why.
        why: String,
    },
    /// The run was opened against another target.
    #[error(transparent)]
    OtherTarget(#[from] Box<OtherTarget>),
    /// The run was planned against another target.
    #[error(
        "this was planned for another target: `target.{name}` was `{then}`, and is `{now}`; nothing was run"
    )]
    PlannedTarget {
        /// Which of the target's commands.
        name: String,
        /// What it said when it was planned.
        then: String,
        /// What it says now.
        now: String,
    },
    /// A command that outlived its engine is waited for no longer.
    #[error("`{step}` is still at work (process {pid}), and {why}; stop it: `{stop}`\n  {command}")]
    StillRunning {
        /// The instance.
        step: String,
        /// The process.
        pid: u32,
        /// Why it is not waited for.
        why: String,
        /// What to type to stop it.
        stop: String,
        /// Its command.
        command: String,
    },
    /// A command may be at work on another machine.
    #[error(
        "`{step}` was begun on {host} and may still be at work there, which can't be looked at from here: {}; once it \
         has ended, say so: `{again}`\n  {command}",
        .pid.map_or_else(|| format!("look for its command on {host}"), |pid| format!("look there with `ps -p {pid}`"))
    )]
    Elsewhere {
        /// What to type.
        again: String,
        /// The instance.
        step: String,
        /// The machine.
        host: String,
        /// The process, when it was recorded.
        pid: Option<u32>,
        /// Its command.
        command: String,
    },
    /// Somebody did not want to wait for commands that outlived their engine.
    #[error("nothing was changed; {} still at work. Go on with `{again}`", are(.steps))]
    Left {
        /// The run.
        run: String,
        /// The instances at work.
        steps: Vec<String>,
        /// What to type.
        again: String,
        /// The signal.
        interrupt: Interrupt,
    },
    /// The engine that was fenced off does not leave and can't be ended.
    #[error(
        "run {run} is yours, but its old engine (process {pid}) neither leaves nor can be killed by you ({source}), and may \
         still start a command: `sudo kill -9 {pid}`, then `runbook resume {run}`"
    )]
    OldEngine {
        /// The run.
        run: String,
        /// The engine.
        pid: u32,
        /// What the system says.
        source: std::io::Error,
    },
    /// There is nothing to go on with.
    #[error("run {run} has ended ({}): there is nothing to {what}", .status.word())]
    Over {
        /// The run.
        run: String,
        /// Its status.
        status: RunStatus,
        /// What was wanted: `resume`, `roll back`.
        what: &'static str,
    },
    /// The person settled a step that is not open.
    #[error("`{}` {}{}", .0.step, .0.stands, instead(&.0.open))]
    NotOpen(NotOpen),
    /// Something happened to the run between the look at it and the taking of it.
    #[error(
        "run {run} went on meanwhile, so what was merged for it does not fit any more; type the same again"
    )]
    MovedOn {
        /// The run.
        run: String,
    },
    /// Something in the runbook's own settings could not be evaluated.
    #[error("{0}")]
    Settings(String),
    /// A secret can't be hidden.
    #[error(transparent)]
    Redactor(#[from] RedactorError),
    /// No process can be started.
    #[error("no process can be started: {0}")]
    Pool(#[from] std::io::Error),
    /// The person named a step that the run does not have.
    #[error("run {run} has no step `{step}`{}", .near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    NoStep {
        /// The run.
        run: String,
        /// What was named.
        step: String,
        /// The nearest name.
        near: Option<String>,
    },
}

fn are(steps: &[String]) -> String {
    match steps.len() {
        0 => "the engine that was taken over is".to_owned(),
        1 => format!("{} is", steps[0]),
        _ => format!("{} are", steps.join(", ")),
    }
}

/// Tells what the journal does not know: whoever settles those steps needs it.
fn unrecorded(lost: &[String]) -> String {
    if lost.is_empty() {
        return String::new();
    }
    format!("\nended, and recorded nowhere, so a resume takes it as in doubt:\n  {}", lost.join("\n  "))
}

/// Tells where what was recorded is to be found.
fn kept(path: Option<&Path>) -> String {
    path.map(|path| format!("\nall that was recorded until then is saved in {}", path.display()))
        .unwrap_or_default()
}

/// Tells what can be settled.
fn instead(open: &[String]) -> String {
    /// How many are named.
    const NAMED: usize = 8;
    let named = open.iter().take(NAMED).map(|step| format!("`{step}`")).collect::<Vec<_>>().join(", ");
    match open.len().saturating_sub(NAMED) {
        _ if open.is_empty() => "; no step of this run can be settled now".to_owned(),
        0 => format!("; what can be settled now is {named}"),
        more => format!("; what can be settled now is {named} and {more} more"),
    }
}

/// The run was opened against another target.
#[derive(Debug, thiserror::Error)]
#[error(
    "this is not where run {run} was started: `{name}` is `{now}`, and was `{then}`; \
     {hint}"
)]
pub struct OtherTarget {
    /// The run.
    pub run: String,
    /// Which of the target's commands.
    pub name: String,
    /// What it said at the start.
    pub then: String,
    /// What it says now.
    pub now: String,
    /// What to do about it.
    pub hint: &'static str,
}
