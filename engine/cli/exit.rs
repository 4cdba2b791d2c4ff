//! The exit codes: one place that says what each means.

use crate::driver::{Closed, Interrupt};
use crate::machine::RunStatus;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All went well; for a run, it succeeded or was rolled back because it was asked to be.
    Good,
    /// A step or gate failed, or the journal could not be written any more; the run is paused. Of `verify`: the run was
    /// altered.
    Failed,
    /// The command line, the runbook or the inputs are wrong; nothing ran.
    Mistake,
    /// The run waits for a person.
    Waiting,
    /// The run failed and was rolled back.
    RolledBack,
    /// Rollback did not complete.
    RollbackFailed,
    /// Another run holds the lock.
    Locked,
    /// Stopped by Ctrl-C or a lost terminal; the run can be resumed.
    Interrupted,
    /// Stopped by SIGTERM; the run can be resumed.
    Terminated,
}

impl Exit {
    /// Every end, in the order of the codes.
    pub const ALL: [Exit; 9] = [
        Exit::Good,
        Exit::Failed,
        Exit::Mistake,
        Exit::Waiting,
        Exit::RolledBack,
        Exit::RollbackFailed,
        Exit::Locked,
        Exit::Interrupted,
        Exit::Terminated,
    ];

    /// Returns what it means, for people.
    pub fn meaning(self) -> &'static str {
        match self {
            Exit::Good => {
                "It went well. Of `exec` and `resume`: the run succeeded; of `rollback`: what was asked is undone."
            }
            Exit::Failed => {
                "A step or gate failed and the run is paused, or the journal could not be written any more. Of `verify`: the run was altered."
            }
            Exit::Mistake => "The command line, the runbook or the inputs are wrong. Nothing ran.",
            Exit::Waiting => "The run waits for a person.",
            Exit::RolledBack => "The run failed and was rolled back.",
            Exit::RollbackFailed => "The rollback did not complete.",
            Exit::Locked => "Another run holds the lock; it is named.",
            Exit::Interrupted => "Stopped by Ctrl-C or a lost terminal. The run can be resumed.",
            Exit::Terminated => "Stopped by SIGTERM. The run can be resumed.",
        }
    }

    /// Returns what it means in a few words, for a list on a terminal.
    pub fn in_short(self) -> &'static str {
        match self {
            Exit::Good => "it went well",
            Exit::Failed => "a step or gate failed, and the run is paused; verify: altered",
            Exit::Mistake => "a mistake in command line, runbook or inputs; nothing ran",
            Exit::Waiting => "the run waits for a person",
            Exit::RolledBack => "the run failed and was rolled back",
            Exit::RollbackFailed => "the rollback did not complete",
            Exit::Locked => "another run holds the lock",
            Exit::Interrupted => "stopped by Ctrl-C or a lost terminal; it can be resumed",
            Exit::Terminated => "stopped by SIGTERM; it can be resumed",
        }
    }

    /// Returns the code that the process ends with.
    pub fn code(self) -> u8 {
        match self {
            Exit::Good => 0,
            Exit::Failed => 1,
            Exit::Mistake => 2,
            Exit::Waiting => 3,
            Exit::RolledBack => 4,
            Exit::RollbackFailed => 5,
            Exit::Locked => 6,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        }
    }
}

/// What the person asked of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To go on.
    Forward,
    /// To be undone.
    Back,
}

impl Exit {
    /// Returns how the program ends for a run that came to rest.
    pub fn of(closed: &Closed, asked: Asked) -> Exit {
        Exit::of_status(closed.status, closed.interrupt, asked)
    }

    /// Returns how the program ends that watched a run come to rest: as its engine does. `term` says whether that was stopped
    /// by SIGTERM.
    pub fn of_watched(status: RunStatus, term: bool, asked: Asked) -> Exit {
        Exit::of_status(status, term.then_some(Interrupt::Term), asked)
    }

    /// Returns how the program ends when another engine did its work and ended with `code`.
    pub fn of_code(code: Option<i32>) -> Exit {
        Exit::ALL.into_iter().find(|exit| code == Some(exit.code().into())).unwrap_or(Exit::Failed)
    }

    fn of_status(status: RunStatus, interrupt: Option<Interrupt>, asked: Asked) -> Exit {
        match (status, asked) {
            (RunStatus::Succeeded, _) => Exit::Good,
            (RunStatus::RolledBack | RunStatus::PartlyUndone, Asked::Back) => Exit::Good,
            (RunStatus::RolledBack | RunStatus::PartlyUndone, Asked::Forward) => Exit::RolledBack,
            (RunStatus::Waiting, _) => Exit::Waiting,
            (RunStatus::RollbackFailed, _) => Exit::RollbackFailed,
            (RunStatus::Interrupted, _) if interrupt == Some(Interrupt::Term) => Exit::Terminated,
            (RunStatus::Interrupted, _) => Exit::Interrupted,
            (RunStatus::Failed | RunStatus::Running | RunStatus::RollingBack, _) => Exit::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_has_its_code() {
        let code = |status, interrupt, asked| Exit::of_status(status, interrupt, asked).code();
        for (status, interrupt, forward, back) in [
            (RunStatus::Succeeded, None, 0, 0),
            (RunStatus::Failed, None, 1, 1),
            (RunStatus::Failed, Some(Interrupt::Int), 1, 1),
            (RunStatus::Waiting, None, 3, 3),
            (RunStatus::RolledBack, None, 4, 0),
            (RunStatus::RollbackFailed, None, 5, 5),
            (RunStatus::PartlyUndone, None, 4, 0),
            (RunStatus::Interrupted, Some(Interrupt::Int), 130, 130),
            (RunStatus::Interrupted, Some(Interrupt::Hup), 130, 130),
            (RunStatus::Interrupted, Some(Interrupt::Quit), 130, 130),
            (RunStatus::Interrupted, Some(Interrupt::Term), 143, 143),
        ] {
            assert_eq!(code(status, interrupt, Asked::Forward), forward, "{status:?} {interrupt:?}");
            assert_eq!(code(status, interrupt, Asked::Back), back, "{status:?} {interrupt:?}");
        }
    }
}
