//! The signals that a person, a shell or a system sends, and what the ladder makes of them.
//!
//! | signal | what is done |
//! | --- | --- |
//! | Ctrl-C, a lost terminal (SIGHUP) | the first rung: nothing new is started, what runs may finish |
//! | Ctrl-C again | the second: SIGTERM to every group, SIGKILL after its grace |
//! | SIGTERM, Ctrl-\ (SIGQUIT) | the second at once |
//! | Ctrl-Z (SIGTSTP) | every group is stopped, then we are |
//! | SIGCONT | the lease is looked at, then every group goes on |
//!
//! Of timeouts, gates' deadlines and other waits the time that was spent stopped does not count: nothing ran and nobody
//! watched. A `wait` until a time of day, and a lease, count it: they belong to the world outside.
#![expect(clippy::disallowed_methods, reason = "/proc tells which signals were ignored when we were started")]

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::looping::Interrupt;

/// The signals that are listened to.
pub(super) struct Signals {
    int: Signal,
    term: Signal,
    quit: Signal,
    hup: Hangup,
    suspend: Signal,
    go_on: Signal,
}

/// A signal that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// One that ends the run.
    Stop(Interrupt),
    /// One that suspends it.
    Suspend,
    /// It goes on.
    GoOn,
}

const SIGHUP: u32 = 1;
const SIGTSTP: i32 = 20;
const SIGCONT: i32 = 18;

impl Signals {
    /// Begins to listen. From here on none of them ends the process by itself.
    ///
    /// # Errors
    ///
    /// When the system does not let us.
    pub(super) fn listen() -> io::Result<Signals> {
        Ok(Signals {
            int: signal(SignalKind::interrupt())?,
            term: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
            hup: hangup()?,
            suspend: signal(SignalKind::from_raw(SIGTSTP))?,
            go_on: signal(SignalKind::from_raw(SIGCONT))?,
        })
    }

    /// Returns the next one.
    pub(super) async fn recv(&mut self) -> Came {
        tokio::select! {
            _ = self.int.recv() => Came::Stop(Interrupt::Int),
            _ = self.term.recv() => Came::Stop(Interrupt::Term),
            _ = self.quit.recv() => Came::Stop(Interrupt::Quit),
            () = self.hup.recv() => Came::Stop(Interrupt::Hup),
            _ = self.suspend.recv() => Came::Suspend,
            _ = self.go_on.recv() => Came::GoOn,
        }
    }

    /// Stops this process, and returns when it goes on.
    pub(super) async fn stopped(&mut self) {
        // One that came before is no answer to what follows.
        while let Ok(Some(())) = tokio::time::timeout(std::time::Duration::ZERO, self.go_on.recv()).await {}
        // Not SIGTSTP: ours is listened to, and the way back to what the system does of it needs `unsafe`.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
        self.go_on.recv().await;
    }
}

/// The signal of a lost terminal.
#[derive(Debug)]
pub struct Hangup(Option<Signal>);

/// Begins to listen for a lost terminal, which from here on ends the process no more by itself. Under `nohup` it is meant to be
/// no reason to stop, and nothing is heard.
///
/// # Errors
///
/// When the system does not let us.
pub fn hangup() -> io::Result<Hangup> {
    Ok(Hangup(if is_ignored(SIGHUP) { None } else { Some(signal(SignalKind::hangup())?) }))
}

impl Hangup {
    /// Returns when it came.
    pub async fn recv(&mut self) {
        match &mut self.0 {
            Some(hup) => drop(hup.recv().await),
            None => std::future::pending().await,
        }
    }
}

/// Says whether a signal was ignored when this process was started.
fn is_ignored(number: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignored(&status).is_some_and(|mask| mask & (1 << (number - 1)) != 0)
}

fn ignored(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nohup_ignores_is_seen() {
        assert_eq!(ignored("Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\t0\n"), Some(0x1001));
        assert_eq!(ignored("Name:\tx\n"), None);
    }
}
