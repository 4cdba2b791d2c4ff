//! Who is left in a process group whose leader has ended.
//!
//! The system has no question for that, and walking all of `/proc` after every command costs more than the
//! command. But members are younger than their leader, and numbers are given out in rising order, so most often
//! only the few numbers given out since need asking. The answer is for waiting and for telling; killing never
//! depends on it.

#![expect(
    clippy::disallowed_methods,
    reason = "/proc is no file people write; exec/ asks it about processes"
)]

use rustix::process::{Pid, getpgid};

/// How many numbers are asked one by one (about 0.2 µs each) before walking `/proc` is cheaper.
const NEAR: u32 = 4096;

/// Returns how many living processes, the leader not counted, the group of `leader` has; 0 where `/proc` cannot
/// be read. The leader must not have been reaped.
pub(super) fn count(leader: Pid) -> usize {
    let first = leader.as_raw_nonzero().get().unsigned_abs();
    let member = |pid: &u32| {
        let raw = i32::try_from(*pid).ok().and_then(Pid::from_raw);
        *pid != first && raw.is_some_and(|raw| getpgid(Some(raw)) == Ok(leader)) && is_process(*pid)
    };
    match last_number().and_then(|last| last.checked_sub(first)) {
        Some(since) if since <= NEAR => (first..=first + since).filter(member).count(),
        // Many were given out since, or they began anew from the bottom.
        _ => numbers().filter(member).count(),
    }
}

/// Returns all process numbers in `/proc`.
pub(super) fn numbers() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The number given out last.
fn last_number() -> Option<u32> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().last()?.parse().ok()
}

/// Tells a living process from a zombie and from a mere thread, which has a number too.
fn is_process(pid: u32) -> bool {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) else { return false };
    let field = |name| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let dead = field("State:").is_none_or(|state| state.starts_with(['Z', 'X']));
    !dead && field("Tgid:").and_then(|group| group.parse().ok()) == Some(pid)
}
