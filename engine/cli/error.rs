//! The one funnel for what goes wrong: every error below ends here, with its hint and its exit code.

use std::io;
use std::path::PathBuf;

use super::exit::Exit;
use super::settings::Source;
use crate::diag::{Report, Sources};
use crate::driver::{DriveError, Interrupt};
use crate::journal::{JournalError, LocationError};
use crate::load::ProjectError;
use crate::template::quote_word;

/// Why a verb could not do its job.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// What was typed makes no sense together, or names what is not there.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to type.
        hint: Option<String>,
    },
    /// The files or the inputs hold mistakes.
    #[error("the runbook or its inputs hold mistakes")]
    Mistakes {
        /// All of them.
        report: Box<Report>,
        /// The files that they point into.
        sources: Box<Sources>,
    },
    /// The project or the runbook is not there.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The store names no journal.
    #[error("{}: {error}", said(*.by))]
    Store {
        /// Why not.
        error: LocationError,
        /// Who named it.
        by: Source,
    },
    /// No folder is known for the journal.
    #[error("there is no home for the journal: neither HOME nor XDG_STATE_HOME is set to an absolute path")]
    NoHome,
    /// The journal refused.
    #[error("{}", .0.in_full())]
    Journal(#[from] JournalError),
    /// A person said no, or would have to be asked and can't be.
    #[error("{message}")]
    NotConfirmed {
        /// What was not confirmed.
        message: String,
        /// What to type.
        hint: String,
    },
    /// The person pressed Ctrl-C at a prompt.
    #[error("stopped at a question: nothing ran")]
    Left,
    /// The run could not be driven.
    #[error(transparent)]
    Drive(DriveError),
    /// The current folder is gone.
    #[error("the current folder can't be read: {0}")]
    Folder(io::Error),
    /// A file that was named can't be used.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Whoever read stdout went away. Nothing is said about it.
    #[error("stdout is closed")]
    Closed,
    /// stdout or stderr can't be written.
    #[error("can't write the result: {0}")]
    Write(io::Error),
    /// Anything that should not happen.
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

fn said(source: Source) -> &'static str {
    match source {
        Source::Flag(name) | Source::Variable(name) => name,
        Source::Default => "the default journal",
    }
}

impl CliError {
    /// Returns what is wrong with what was typed, without a hint.
    pub fn usage(message: impl Into<String>) -> CliError {
        CliError::Usage { message: message.into(), hint: None }
    }

    /// Returns what is wrong with what was typed, and what to type.
    pub fn usage_with(message: impl Into<String>, hint: impl Into<String>) -> CliError {
        CliError::Usage { message: message.into(), hint: Some(hint.into()) }
    }

    /// Returns the mistakes found in files and inputs.
    pub fn mistakes(report: Report, sources: Sources) -> CliError {
        CliError::Mistakes { report: Box::new(report), sources: Box::new(sources) }
    }

    /// Returns what to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            CliError::Usage { hint, .. } => hint.clone(),
            CliError::NotConfirmed { hint, .. } => Some(hint.clone()),
            CliError::Project(error) => error.help(),
            CliError::NoHome => Some("name the journal: --store PATH, or RUNBOOK_STORE=PATH".to_owned()),
            CliError::Folder(_) => {
                Some("go to a folder that is there, or name one: runbook -C DIR …".to_owned())
            }
            CliError::Drive(DriveError::Stopped { run, saved: Some(saved), .. }) => {
                let saved = quote_word(&saved.to_string_lossy());
                Some(format!(
                    "find out who moved the journal, then put the saved one in its place, or go on with it where it is: \
                     `runbook --store {saved} status {run}`"
                ))
            }
            CliError::Drive(DriveError::Stopped { run, .. }) => Some(format!(
                "once the journal can be written again: `runbook status {run}` shows what is in doubt and what to type \
                 to settle it, then `runbook resume {run}`"
            )),
            CliError::Other(_) => {
                Some("this should not happen; please report it with the command you typed".to_owned())
            }
            _ => None,
        }
    }

    /// Returns what to type next, each with what it does: where there is a choice, a sentence is no place to look for it.
    pub fn next(&self) -> Vec<(&'static str, String)> {
        let CliError::Journal(JournalError::LockHeld(held)) = self else { return Vec::new() };
        let mut commands = vec![("how it stands", format!("status {}", held.run))];
        if held.is_at_rest() {
            commands.push(("go on with it", format!("resume {}", held.run)));
            commands.push(("undo it and free the lock", format!("rollback {}", held.run)));
        }
        commands
    }

    /// Returns how the program ends.
    pub fn exit(&self) -> Exit {
        match self {
            CliError::Journal(
                JournalError::LockHeld(_) | JournalError::Held(_) | JournalError::Fenced(_),
            ) => Exit::Locked,
            CliError::Drive(DriveError::Left { interrupt: Interrupt::Term, .. }) => Exit::Terminated,
            CliError::Drive(DriveError::Left { .. }) => Exit::Interrupted,
            CliError::Journal(JournalError::Tampered(_)) => Exit::Failed,
            CliError::Left => Exit::Interrupted,
            CliError::Drive(DriveError::Stopped { .. }) => Exit::Failed,
            CliError::Closed => Exit::Good,
            CliError::Write(_) | CliError::Other(_) => Exit::Failed,
            _ => Exit::Mistake,
        }
    }
}

impl From<DriveError> for CliError {
    fn from(error: DriveError) -> CliError {
        match error {
            DriveError::Journal(error) => CliError::Journal(error),
            other => CliError::Drive(other),
        }
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> CliError {
        match error.kind() {
            io::ErrorKind::BrokenPipe => CliError::Closed,
            _ => CliError::Write(error),
        }
    }
}
