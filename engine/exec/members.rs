//! Who is left of a command whose leader has ended: in its process group, and outside it.
//!
//! The system has no question for that, and walking all of `/proc` after every command would cost more than the
//! command. But those left are younger than their leader, and numbers are given out in rising order, so most often
//! only the few numbers given out since need asking. For the group the answer is for waiting and for telling; killing it
//! never depends on it.
//!
//! What left the group (`setsid`, a double fork) is known by the marks in its environment. Rejected: to be its
//! subreaper, which also catches what was started with a cleaned environment, but can't tell whose it is when several
//! commands run, and makes the engine reap what it did not start.

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

use rustix::process::{Pid, Signal, kill_process};

use super::procfs;

/// How many numbers are asked one by one before walking `/proc` is cheaper; a number that nobody has costs about
/// 1 µs, one that somebody has about 6 µs either way.
const NEAR: u32 = 1024;

/// Who is left of a command.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// How many of its group, the leader not counted.
    pub(super) members: usize,
    /// Those that left the group.
    pub(super) strays: Vec<Stray>,
}

/// A process that left its command's group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Stray {
    pub(super) pid: u32,
    started: u64,
}

/// What tells a command's processes from others.
#[derive(Debug)]
pub(super) struct Kin<'a> {
    /// Its leader, not reaped yet.
    pub(super) leader: Pid,
    /// When the leader started, in clock ticks since boot.
    pub(super) started: u64,
    /// What all of them have in their environment, as `NAME=value`; none are told apart by it when empty.
    pub(super) marks: &'a [OsString],
}

/// Returns the living processes of a command, its leader not counted; none where `/proc` cannot be read. `leaders`, it and
/// those of other groups, are no members of this one and not looked at: with many commands at once they are most of the
/// numbers given out.
pub(super) fn left(kin: &Kin<'_>, leaders: &HashSet<u32>) -> Left {
    let first = kin.leader.as_raw_nonzero().get().unsigned_abs();
    let mut left = Left::default();
    let mut look = |pid: u32| {
        if leaders.contains(&pid) {
            return;
        }
        // Not `getpgid`: for what the kernel runs itself the answer is 0, which rustix takes for impossible.
        let Some(stat) = procfs::stat(pid).filter(|stat| stat.lives) else { return };
        if stat.group == first {
            left.members += usize::from(procfs::is_process(pid));
        } else if !kin.marks.is_empty()
            // What is in the group of another command is that one's.
            && !leaders.contains(&stat.group)
            && stat.started >= kin.started
            && procfs::is_process(pid)
            && has_all(pid, kin.marks)
        {
            left.strays.push(Stray { pid, started: stat.started });
        }
    };
    match procfs::last_number().and_then(|last| last.checked_sub(first)) {
        Some(since) if since <= NEAR => (first..=first.saturating_add(since)).for_each(&mut look),
        // Many were given out since, or they began anew from the bottom.
        _ => procfs::numbers().for_each(&mut look),
    }
    left
}

/// Says whether a process was started with all of these entries in its environment.
pub(super) fn has_all(pid: u32, marks: &[OsString]) -> bool {
    let environ = procfs::environ(pid).unwrap_or_default();
    let entries: Vec<&[u8]> = environ.split(|&byte| byte == 0).collect();
    marks.iter().all(|mark| entries.contains(&mark.as_bytes()))
}

impl Stray {
    /// Sends a signal; to nobody when the number is another's by now.
    pub(super) fn signal(self, signal: Signal) {
        let same = procfs::stat(self.pid).is_some_and(|stat| stat.lives && stat.started == self.started);
        if same && let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) {
            // It may have become another user's (sudo); then it stays, and is told of.
            let _ = kill_process(pid, signal);
        }
    }
}
