//! Whether a process from an earlier run of ours is still there.

use std::sync::Arc;

use super::notice::Identity;
use super::procfs::{boot, stat, stop_is_pending};

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
    if !boot.is_empty() && !identity.boot.is_empty() && *boot != *identity.boot {
        return Liveness::OtherBoot;
    }
    match stat(identity.pid) {
        Some(stat) if stat.lives && stat.started == identity.started => Liveness::Running,
        _ => Liveness::Gone,
    }
}

/// Says whether a process was suspended (SIGSTOP, Ctrl-Z).
pub fn is_suspended(identity: &Identity) -> bool {
    let stopped = stat(identity.pid).is_some_and(|stat| stat.stopped) || stop_is_pending(identity.pid);
    stopped && alive(identity) == Liveness::Running
}

/// Returns the identity of this very process.
pub fn own() -> Identity {
    identify(std::process::id(), &boot().into())
}

/// Returns the identity of a running process.
pub(super) fn identify(pid: u32, boot: &Arc<str>) -> Identity {
    let started = stat(pid).map_or(0, |stat| stat.started);
    Identity { pid, started, boot: Arc::clone(boot) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_more_than_its_number() {
        let me = identify(std::process::id(), &boot().into());
        assert_ne!(me.started, 0);
        assert_eq!(alive(&me), Liveness::Running);
        assert_eq!(alive(&Identity { started: me.started + 1, ..me.clone() }), Liveness::Gone);
        assert_eq!(alive(&Identity { boot: "another".into(), ..me }), Liveness::OtherBoot);
    }
}
