//! Who is left in a process group whose leader has ended.
//!
//! The system has no question for that, and walking all of `/proc` after every command would cost more than the
//! command. But members are younger than their leader, and numbers are given out in rising order, so most often
//! only the few numbers given out since need asking. The answer is for waiting and for telling; killing never
//! depends on it.

use std::collections::HashSet;

use rustix::process::Pid;

use super::procfs;

/// How many numbers are asked one by one before walking `/proc` is cheaper; a number that nobody has costs about
/// 1 µs, one that somebody has about 6 µs either way.
const NEAR: u32 = 1024;

/// Returns how many living processes, the leader not counted, the group of `leader` has; 0 where `/proc` cannot
/// be read. The leader must not have been reaped. `leaders`, it and those of other groups, are no members of this one and not
/// looked at: with many commands at once they are most of the numbers given out.
pub(super) fn count(leader: Pid, leaders: &HashSet<u32>) -> usize {
    let first = leader.as_raw_nonzero().get().unsigned_abs();
    // Not `getpgid`: for what the kernel runs itself the answer is 0, which rustix takes for impossible.
    let member = |pid: &u32| {
        !leaders.contains(pid)
            && procfs::stat(*pid).is_some_and(|stat| stat.lives && stat.group == first)
            && procfs::is_process(*pid)
    };
    match procfs::last_number().and_then(|last| last.checked_sub(first)) {
        Some(since) if since <= NEAR => (first..=first.saturating_add(since)).filter(member).count(),
        // Many were given out since, or they began anew from the bottom.
        _ => procfs::numbers().filter(member).count(),
    }
}
