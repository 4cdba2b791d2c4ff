//! A command's process group, and the lock that makes signalling it safe.
//!
//! A process number may be given to a stranger as soon as its owner has been reaped. So nobody reaps before the
//! group is marked gone, both happen under one lock, and every signal is sent under the same lock.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// How long a command that is just being started is waited for: a start takes a millisecond, except where the file of
/// the program is on a network that hangs.
const START: Duration = Duration::from_secs(2);

/// A command's process group, from before it exists until after it is gone.
#[derive(Debug)]
pub(super) struct Group {
    /// The command's number within its pool.
    pub(super) id: u64,
    state: Mutex<State>,
    /// It is not being started any more: it runs, or could not be started.
    started: Condvar,
}

#[derive(Debug)]
struct State {
    stage: Stage,
    cause: Option<Cause>,
    killed: bool,
    paused: bool,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Waiting,
    /// It may run already, but nobody knows its number yet.
    Starting,
    Alive(Pid),
    Gone,
}

/// Why we end a command. The first cause counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Timeout,
    Request,
}

impl Group {
    pub(super) fn new(id: u64) -> Self {
        Self {
            id,
            state: Mutex::new(State { stage: Stage::Waiting, cause: None, killed: false, paused: false }),
            started: Condvar::new(),
        }
    }

    /// Why the command is being ended, if it is, and whether SIGKILL has been sent.
    pub(super) fn cause(&self) -> Option<(Cause, bool)> {
        let state = self.lock();
        state.cause.map(|cause| (cause, state.killed))
    }

    /// Notes that it is being started.
    ///
    /// # Errors
    ///
    /// When it is being ended already, and so must not be: whether with SIGKILL.
    pub(super) fn starts(&self) -> Result<(), bool> {
        let mut state = self.lock();
        if state.cause.is_some() {
            return Err(state.killed);
        }
        state.stage = Stage::Starting;
        Ok(())
    }

    /// Notes that it could not be started.
    pub(super) fn stillborn(&self) {
        self.lock().stage = Stage::Gone;
        self.started.notify_all();
    }

    /// Notes the new process; what was asked while it was being spawned reaches it now.
    pub(super) fn born(&self, pid: Pid) {
        let mut state = self.lock();
        state.stage = Stage::Alive(pid);
        match state.cause {
            Some(_) if state.killed => signal(pid, Signal::KILL),
            Some(_) => terminate(pid),
            None if state.paused => signal(pid, Signal::STOP),
            None => {}
        }
        self.started.notify_all();
    }

    /// Sends SIGTERM. Returns whether it is news: a second request does not hurry the command on, since some
    /// tools take a second signal for "drop everything".
    pub(super) fn terminate(&self, cause: Cause) -> bool {
        let mut state = self.lock();
        if state.cause.is_some() || matches!(state.stage, Stage::Gone) {
            return false;
        }
        state.cause = Some(cause);
        if let Stage::Alive(pid) = state.stage {
            terminate(pid);
        }
        true
    }

    /// Takes back a command that is not running yet, as far as is known; one that runs is left alone.
    pub(super) fn forgo(&self) {
        let mut state = self.lock();
        if matches!(state.stage, Stage::Waiting | Stage::Starting) {
            state.cause.get_or_insert(Cause::Request);
        }
    }

    /// Sends SIGKILL.
    pub(super) fn kill(&self, cause: Cause) {
        let mut state = self.lock();
        if matches!(state.stage, Stage::Gone) {
            return;
        }
        state.cause.get_or_insert(cause);
        state.killed = true;
        if let Stage::Alive(pid) = state.stage {
            signal(pid, Signal::KILL);
        }
    }

    /// Suspends the group, and returns when it is; one that waits to be started is born so.
    pub(super) fn pause(&self) {
        let mut state = self.lock();
        state.paused = true;
        if let Stage::Alive(pid) = state.stage {
            signal(pid, Signal::STOP);
        }
        // Whoever calls may stop this very process next, and with it the thread that would stop what it has started.
        let starting = |state: &mut State| matches!(state.stage, Stage::Starting);
        drop(self.started.wait_timeout_while(state, START, starting));
    }

    /// Lets the group go on.
    pub(super) fn go_on(&self) {
        let mut state = self.lock();
        state.paused = false;
        if let Stage::Alive(pid) = state.stage {
            signal(pid, Signal::CONT);
        }
    }

    /// Says whether the group is suspended, and not being ended.
    pub(super) fn is_paused(&self) -> bool {
        let state = self.lock();
        state.paused && state.cause.is_none()
    }

    /// Kills what is left of the group, marks it gone, and only then runs `reap`, all under the lock.
    pub(super) fn bury<T>(&self, reap: impl FnOnce() -> T) -> T {
        let mut state = self.lock();
        if let Stage::Alive(pid) = state.stage {
            signal(pid, Signal::KILL);
        }
        state.stage = Stage::Gone;
        reap()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing is left half-done when a holder panics, so a poisoned lock is as good as any.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// SIGCONT goes along, because a stopped process does not see SIGTERM.
fn terminate(pid: Pid) {
    signal(pid, Signal::TERM);
    signal(pid, Signal::CONT);
}

fn signal(pid: Pid, signal: Signal) {
    // A leader that moved to another group is still our child, and still named by its number.
    if kill_process_group(pid, signal).is_err() {
        // It may have become another user's (sudo); its own end is then all we can wait for.
        let _ = kill_process(pid, signal);
    }
}
