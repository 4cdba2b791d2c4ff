//! Where an instance stands, for a reader: one word and one sign each.

use serde::Serialize;

use super::paint::Role;
use crate::machine::{Addr, End, Finish, Graph, Progress, Stage, State, UndoResult};

/// Where an instance stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It failed.
    Failed,
    /// It could not be undone.
    UndoFailed,
    /// It was not undone, since something that stands on it could not be.
    UndoBlocked,
    /// Whether its command took effect is not known.
    InDoubt,
    /// A person is asked.
    Asking,
    /// Somebody else has its lock.
    AwaitsLock,
    /// Its check is asked.
    Checking,
    /// The state before is read.
    Reading,
    /// Its action is at work.
    Running,
    /// Its gate is asked.
    Verifying,
    /// Its next attempt waits.
    Retrying,
    /// Its undo is at work, or the gate after it.
    Undoing,
    /// It was stopped before its end, or its engine died between two of its commands.
    Stopped,
    /// It did what it was for.
    Done,
    /// A person said that it is done.
    MarkedDone,
    /// There was nothing to do.
    Satisfied,
    /// It was not wanted.
    Skipped,
    /// It was undone.
    Undone,
    /// It was left as it is, since it can't be undone.
    Left,
    /// It could start.
    Ready,
    /// Something it needs is not done.
    Waiting,
}

impl Standing {
    /// Returns where an instance stands. `alive` says whether an engine drives the run: without one nothing is at
    /// work, and a change that was begun and not seen to end is in doubt.
    pub fn of(graph: &Graph, state: &State, at: Addr, alive: bool) -> Standing {
        let instance = state.at(at);
        match &instance.undo {
            Some(UndoResult::Done | UndoResult::Nothing) => return Standing::Undone,
            Some(UndoResult::Left(_)) => return Standing::Left,
            Some(UndoResult::Failed(_)) => return Standing::UndoFailed,
            Some(UndoResult::Blocked(_)) => return Standing::UndoBlocked,
            None => {}
        }
        match instance.progress {
            // Done, failed or in doubt, and about to be undone.
            _ if alive && state.rollback && instance.awaits.is_some() => Standing::AwaitsLock,
            Progress::Over => Standing::over(instance.finish.as_ref()),
            Progress::Waiting => Standing::Waiting,
            Progress::Ready => Standing::Ready,
            Progress::Asking(_) => Standing::Asking,
            Progress::Doubt(Stage::Action | Stage::Undo) => Standing::InDoubt,
            Progress::Doubt(_) => Standing::Stopped,
            Progress::Working(_) | Progress::Backoff(_) if !alive => match instance.open {
                Some((Stage::Undo, _)) => Standing::InDoubt,
                // What only looks is asked again, whatever became of it.
                Some((Stage::Action, _)) if graph.changes(at.node) => Standing::InDoubt,
                _ => Standing::Stopped,
            },
            Progress::Backoff(_) => Standing::Retrying,
            Progress::Working(stage) => match (stage, instance.open) {
                // Given up on the way forwards, since the run goes back.
                (Stage::Check | Stage::Capture | Stage::Action | Stage::Guard | Stage::Verify, None)
                    if state.rollback && !graph.is_finally(at.node) =>
                {
                    Standing::Stopped
                }
                (_, None) if instance.awaits.is_some() => Standing::AwaitsLock,
                (_, None) if instance.last_end == Some(End::Stopped) => Standing::Stopped,
                // A `wait` is at work without any command.
                (_, None) => Standing::Running,
                (Stage::Check, _) => Standing::Checking,
                (Stage::Capture, _) => Standing::Reading,
                (Stage::Action | Stage::Guard, _) => Standing::Running,
                (Stage::Verify, _) => Standing::Verifying,
                (Stage::Undo | Stage::UndoVerify, _) => Standing::Undoing,
            },
        }
    }

    /// Returns where a step stands whose instances stand so: at the place that somebody should look at first, else where one is
    /// at work, else where one is still to begin; where all are over, at the best that was reached. Nothing when there are none.
    pub fn of_all(all: impl IntoIterator<Item = Standing>) -> Option<Standing> {
        all.into_iter().min_by_key(|one| match one {
            Standing::Ready | Standing::Waiting => (1, *one),
            one if *one < Standing::Done => (0, *one),
            _ => (2, *one),
        })
    }

    fn over(finish: Option<&Finish>) -> Standing {
        match finish {
            Some(Finish::Succeeded) => Standing::Done,
            Some(Finish::Satisfied) => Standing::Satisfied,
            Some(Finish::Skipped(_)) => Standing::Skipped,
            Some(Finish::Failed(_)) => Standing::Failed,
            Some(Finish::MarkedDone) => Standing::MarkedDone,
            Some(Finish::Stopped) | None => Standing::Stopped,
        }
    }

    /// Returns the word for people.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Failed => "failed",
            Standing::UndoFailed => "undo failed",
            Standing::UndoBlocked => "not undone",
            Standing::InDoubt => "in doubt",
            Standing::Asking => "waits for a person",
            Standing::AwaitsLock => "waits for a lock",
            Standing::Checking => "checking",
            Standing::Reading => "reading state",
            Standing::Running => "running",
            Standing::Verifying => "verifying",
            Standing::Retrying => "tries again",
            Standing::Undoing => "undoing",
            Standing::Stopped => "stopped",
            Standing::Done => "done",
            Standing::MarkedDone => "marked done",
            Standing::Satisfied => "nothing to do",
            Standing::Skipped => "skipped",
            Standing::Undone => "undone",
            Standing::Left => "left as it is",
            Standing::Ready => "ready",
            Standing::Waiting => "waiting",
        }
    }

    /// Returns its colour and sign.
    pub fn role(self) -> Role {
        match self {
            Standing::Failed | Standing::UndoFailed | Standing::UndoBlocked => Role::Failure,
            Standing::InDoubt => Role::Doubt,
            Standing::Asking => Role::Person,
            Standing::AwaitsLock
            | Standing::Checking
            | Standing::Reading
            | Standing::Running
            | Standing::Verifying
            | Standing::Retrying
            | Standing::Undoing => Role::Active,
            Standing::Stopped => Role::Halted,
            Standing::Done | Standing::MarkedDone => Role::Success,
            Standing::Satisfied | Standing::Skipped | Standing::Left => Role::Skipped,
            Standing::Undone => Role::Undone,
            Standing::Ready | Standing::Waiting => Role::Pending,
        }
    }

    /// Says whether somebody should look at it.
    pub fn needs_attention(self) -> bool {
        matches!(
            self,
            Standing::Failed
                | Standing::UndoFailed
                | Standing::UndoBlocked
                | Standing::InDoubt
                | Standing::Asking
                | Standing::AwaitsLock
        )
    }

    /// Says whether it is at work.
    pub fn is_active(self) -> bool {
        self.role() == Role::Active
    }
}
