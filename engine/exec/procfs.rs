//! What `/proc` tells about processes. Where it cannot be read, it tells nothing.

#![expect(
    clippy::disallowed_methods,
    reason = "/proc is no file people write; exec/ asks it about processes"
)]

use rustix::fs::{Mode, OFlags};

/// How much is read of a file; more than a stat line has, and enough for the part of a status that is used.
const BEGINNING: usize = 1024;

/// A line of `/proc/PID/stat`, as far as it is of use here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stat {
    /// It has not ended; a zombie has.
    pub(super) lives: bool,
    /// It is stopped, by SIGSTOP or SIGTSTP.
    pub(super) stopped: bool,
    /// Its parent; 0 for what has none here.
    pub(super) parent: u32,
    /// Its process group; 0 for what the kernel runs itself.
    pub(super) group: u32,
    /// When it started, in clock ticks since boot.
    pub(super) started: u64,
}

/// Returns what is known of a process, or of a thread: both have numbers.
pub(super) fn stat(pid: u32) -> Option<Stat> {
    let (bytes, length) = beginning(&format!("/proc/{pid}/stat"))?;
    parse(&bytes[..length])
}

/// The program's name stands in brackets before the fields and may hold spaces and brackets itself, so reading
/// starts behind the last one.
fn parse(line: &[u8]) -> Option<Stat> {
    let name_end = line.iter().rposition(|&byte| byte == b')')?;
    let rest = std::str::from_utf8(&line[name_end + 1..]).ok()?;
    // Counted as in proc(5), these are the fields from the third on: state, parent, group; 22 is the start.
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let started = fields.nth(16)?.parse().ok()?;
    Some(Stat { lives: !matches!(state, "Z" | "X" | "x"), stopped: state == "T", parent, group, started })
}

/// Says whether a process was sent a SIGSTOP that it could not obey yet: it waits in the kernel for something else. A
/// shell that used vfork(2) does so for its child to run its program, and that is stopped, too.
pub(super) fn stop_is_pending(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    pending(&status) & SIGSTOP != 0
}

/// In the masks of signals that `/proc` shows.
const SIGSTOP: u64 = 1 << 18;

/// Returns the signals that wait for a process, or for its first thread.
fn pending(status: &str) -> u64 {
    let masks =
        status.lines().filter_map(|line| line.strip_prefix("SigPnd:").or(line.strip_prefix("ShdPnd:")));
    masks.filter_map(|mask| u64::from_str_radix(mask.trim(), 16).ok()).fold(0, |all, mask| all | mask)
}

/// Tells a process from a mere thread.
pub(super) fn is_process(pid: u32) -> bool {
    let Some((bytes, length)) = beginning(&format!("/proc/{pid}/status")) else { return false };
    let mut lines = bytes[..length].split(|&byte| byte == b'\n');
    let group = lines.find_map(|line| line.strip_prefix(b"Tgid:"));
    let group = group.and_then(|group| std::str::from_utf8(group).ok());
    group.and_then(|group| group.trim().parse().ok()) == Some(pid)
}

/// Returns the environment a process was started with, entries separated by zero bytes; none for the processes
/// of others.
pub(super) fn environ(pid: u32) -> Option<Vec<u8>> {
    std::fs::read(format!("/proc/{pid}/environ")).ok()
}

/// Returns the numbers of all processes.
pub(super) fn numbers() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Returns the number that was given out last.
pub(super) fn last_number() -> Option<u32> {
    let (bytes, length) = beginning("/proc/loadavg")?;
    std::str::from_utf8(&bytes[..length]).ok()?.split_whitespace().last()?.parse().ok()
}

/// Returns the number that is never given out because it is too high; none below it are.
pub(super) fn highest_number() -> Option<u32> {
    let (bytes, length) = beginning("/proc/sys/kernel/pid_max")?;
    std::str::from_utf8(&bytes[..length]).ok()?.trim().parse().ok()
}

/// Returns the name of this boot; empty when unknown.
pub(super) fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Returns the beginning of a file with the fewest calls: this runs for every step, and `std::fs::read`, which
/// cannot know the size of such a file, asks six times.
fn beginning(path: &str) -> Option<([u8; BEGINNING], usize)> {
    let file = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut bytes = [0; BEGINNING];
    let length = rustix::io::read(&file, &mut bytes).ok()?;
    Some((bytes, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_look_like_anything() {
        let line = b"42 (a) R 1 (b) S 7 9 9 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 777 1 2 3\n";
        let stat = parse(line).unwrap();
        assert!(stat.lives);
        assert_eq!((stat.parent, stat.group, stat.started), (7, 9, 777));
        assert!(parse(b"42 (a) Z 1 2").is_none());
        assert!(parse(b"").is_none());
    }

    #[test]
    fn what_waits_for_a_process_is_read() {
        assert_eq!(
            pending("Name:\tsh\nSigPnd:\t0000000000000001\nShdPnd:\t0000000000050000\nSigBlk:\tff\n"),
            0x50001
        );
        assert_eq!(pending("Name:\tsh\n"), 0);
    }

    #[test]
    fn we_are_a_process_and_found() {
        let me = std::process::id();
        assert!(is_process(me) && numbers().any(|pid| pid == me));
        assert!(stat(me).unwrap().lives);
        assert!((1..highest_number().unwrap()).contains(&last_number().unwrap()));
    }
}
