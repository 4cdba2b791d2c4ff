//! Whether a process from an earlier run of ours is still there.

use std::sync::{Arc, OnceLock};

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

/// Returns the time since boot in the clock ticks in which processes tell their start; `None` where that is not known.
///
/// Linux keeps a process's start as this clock's time, and shows it in hundredths of a second, whatever the kernel was
/// built with (proc(5), `sysconf(_SC_CLK_TCK)`).
pub(super) fn ticks() -> Option<u64> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Some(time.tv_sec.cast_unsigned() * 100 + time.tv_nsec.cast_unsigned() / 10_000_000)
}

/// Returns the identity of a process that was started by us between the two moments. Where both are the same tick, its
/// start is that tick, and `/proc` need not be asked, which takes longer than all else that is done about a process. That
/// this machine counts so is seen of the first one.
pub(super) fn identify_started(
    pid: u32,
    boot: &Arc<str>,
    (before, after): (Option<u64>, Option<u64>),
) -> Identity {
    static COUNTS_SO: OnceLock<bool> = OnceLock::new();
    match before.zip(after) {
        Some((before, after)) if before == after && COUNTS_SO.get() == Some(&true) && !boot.is_empty() => {
            Identity { pid, started: before, boot: Arc::clone(boot) }
        }
        window => {
            let identity = identify(pid, boot);
            COUNTS_SO.get_or_init(|| {
                window.is_some_and(|(before, after)| (before..=after).contains(&identity.started))
            });
            identity
        }
    }
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
    fn a_start_that_was_counted_is_the_one_that_the_system_tells() {
        let boot: Arc<str> = boot().into();
        for _ in 0..200 {
            let before = ticks();
            let mut child = sleeping();
            let counted = identify_started(child.id(), &boot, (before, ticks()));
            let told = identify(child.id(), &boot);
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(counted, told);
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a process that no pool knows")]
    fn sleeping() -> std::process::Child {
        std::process::Command::new("sleep").arg("600").spawn().unwrap()
    }

    #[test]
    fn a_process_is_known_by_more_than_its_number() {
        let me = identify(std::process::id(), &boot().into());
        assert_ne!(me.started, 0);
        assert_eq!(alive(&me), Liveness::Running);
        assert_eq!(alive(&Identity { started: me.started + 1, ..me.clone() }), Liveness::Gone);
        assert_eq!(alive(&Identity { boot: "another".into(), ..me }), Liveness::OtherBoot);
    }
}
