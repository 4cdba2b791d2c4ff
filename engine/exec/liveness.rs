//! Whether a process from an earlier run of ours is still there.

#![expect(
    clippy::disallowed_methods,
    reason = "/proc is no file people write; exec/ asks it about processes"
)]

use std::sync::Arc;

use super::notice::Identity;

/// Whether a process that was once started is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// The very same process runs.
    Running,
    /// It has ended; its number may belong to another by now.
    Gone,
    /// The machine was started anew since, so it is gone too.
    OtherBoot,
}

/// Tells whether the process that `identity` names is still there. A process that has ended but was not reaped
/// yet is gone.
pub fn alive(identity: &Identity) -> Liveness {
    let boot = boot();
    if !boot.is_empty() && !identity.boot.is_empty() && boot != identity.boot {
        return Liveness::OtherBoot;
    }
    match state_and_start(identity.pid) {
        Some((state, started)) if started == identity.started && !matches!(state, 'Z' | 'X') => {
            Liveness::Running
        }
        _ => Liveness::Gone,
    }
}

/// Returns the identity of this very process.
pub fn own() -> Identity {
    identify(std::process::id(), &boot())
}

/// Returns the identity of a running process.
pub(super) fn identify(pid: u32, boot: &Arc<str>) -> Identity {
    let started = state_and_start(pid).map_or(0, |(_, started)| started);
    Identity { pid, started, boot: Arc::clone(boot) }
}

/// Returns the name of this boot, empty where the system does not tell.
pub(super) fn boot() -> Arc<str> {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().into()
}

/// Returns state and start time from `/proc/PID/stat`. The program's name stands in brackets before them and may
/// hold spaces and brackets itself, so reading starts behind the last one.
fn state_and_start(pid: u32) -> Option<(char, u64)> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let name_end = stat.iter().rposition(|&byte| byte == b')')?;
    let rest = std::str::from_utf8(&stat[name_end + 1..]).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    // Field 22 of the line; the state is field 3.
    let started = fields.nth(18)?.parse().ok()?;
    Some((state, started))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_more_than_its_number() {
        let me = identify(std::process::id(), &boot());
        assert_ne!(me.started, 0);
        assert_eq!(alive(&me), Liveness::Running);
        assert_eq!(alive(&Identity { started: me.started + 1, ..me.clone() }), Liveness::Gone);
        assert_eq!(alive(&Identity { boot: "another".into(), ..me }), Liveness::OtherBoot);
    }
}
