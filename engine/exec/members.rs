//! Who is left of a command whose leader has ended: in its process group, and outside it.
//!
//! Whom to ask is the census's. For the group the answer is for waiting and for telling; killing it never depends on it.
//!
//! What left the group (`setsid`, a double fork) is known by the marks in its environment.

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use super::census::Census;
use super::procfs;

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
    /// A moment before it did.
    pub(super) begun: Instant,
    /// What all of them have in their environment, as `NAME=value`; none are told apart by it when empty.
    pub(super) marks: &'a [OsString],
}

/// Returns the living processes of a command, its leader not counted; none where `/proc` cannot be read. `leaders`, it and
/// those of other groups, are no members of this one and not looked at: with many commands at once they are most of the
/// numbers given out.
pub(super) fn left(kin: &Kin<'_>, leaders: &HashSet<u32>, census: &mut Census) -> Left {
    let first = kin.leader.as_raw_nonzero().get().unsigned_abs();
    let mut left = Left::default();
    census.since(first, kin.begun, |pid, stat| {
        if leaders.contains(&pid) {
            return;
        }
        // Not `getpgid`: for what the kernel runs itself the answer is 0, which rustix takes for impossible.
        let Some(stat) = stat.or_else(|| procfs::stat(pid)).filter(|stat| stat.lives) else { return };
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
    });
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::reactor::now;
    use super::super::{Notice, Pool, Spec};
    use super::*;

    #[test]
    fn whether_the_young_are_asked_or_everybody_the_same_are_found() {
        let pool = Pool::new(1).unwrap();
        let mark = format!("members-{}", std::process::id());
        let mut spec = Spec::new(["sh", "-c", "(setsid sleep 600 &) & sleep 600 & sleep 600; exit 1"]);
        spec.env = vec![("RUNBOOK_TEST".into(), Some(mark.clone().into()))];
        let marks = [format!("RUNBOOK_TEST={mark}").into()];
        let (sender, receiver) = std::sync::mpsc::channel();
        let begun = now();
        let command = pool.spawn(spec, move |notice| {
            let _ = sender.send(notice);
        });
        let Notice::Spawned(started) = receiver.recv().unwrap() else { panic!("not started") };
        let leader = Pid::from_raw(started.pid.cast_signed()).unwrap();
        let kin = Kin { leader, started: started.started, begun, marks: &marks };
        let leaders = HashSet::from([started.pid]);
        for mut census in [Census::new(), Census::blind()] {
            let mut left = Left::default();
            while (left.members, left.strays.len()) != (2, 1) {
                assert!(begun.elapsed() < Duration::from_secs(60), "{left:?}");
                census.turn();
                left = super::left(&kin, &leaders, &mut census);
            }
        }
        for stray in super::left(&kin, &leaders, &mut Census::blind()).strays {
            stray.signal(Signal::KILL);
        }
        command.kill();
    }
}
