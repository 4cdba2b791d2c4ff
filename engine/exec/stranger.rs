//! Processes of an earlier driver of ours: found and ended without being our children.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use super::liveness::{Liveness, alive, identify};
use super::notice::Identity;
use super::procfs;
use super::reactor::now;

/// How often a process that is not our child is looked at; nobody tells us of its end.
const LOOK: Duration = Duration::from_millis(20);

/// How long an ended group takes to vanish after SIGKILL at most, unless it hangs in the system.
const VANISH: Duration = Duration::from_secs(2);

/// Returns the living processes of ours whose environment, as they were started with it, has all of these
/// entries. It finds what a step left behind also outside its group, but not what was started with a cleaned
/// environment, or as another user.
///
/// Reads all of `/proc`: some milliseconds, so for a resume and not for every step.
pub fn find_by_env(marks: &[(&str, &str)]) -> Vec<Identity> {
    let wanted: Vec<String> = marks.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let has_all = |pid: u32| {
        let environ = procfs::environ(pid).unwrap_or_default();
        let entries: Vec<&[u8]> = environ.split(|&byte| byte == 0).collect();
        wanted.iter().all(|entry| entries.contains(&entry.as_bytes()))
    };
    let boot = procfs::boot().into();
    procfs::numbers().filter(|&pid| has_all(pid)).map(|pid| identify(pid, &boot)).collect()
}

/// Ends the process group of a command that an earlier driver started: SIGTERM, after `grace` SIGKILL. Returns
/// whether its leader is gone; a leader that is gone already is left alone, and so is its group, whose number may
/// be a stranger's. Blocks until then.
pub fn stop_stranger(identity: &Identity, grace: Duration) -> Liveness {
    let Some(pid) = i32::try_from(identity.pid).ok().and_then(Pid::from_raw) else { return Liveness::Gone };
    for (signals, patience) in [(&[Signal::TERM, Signal::CONT][..], grace), (&[Signal::KILL], VANISH)] {
        for signal in signals {
            // Between look and signal the process could end and its number be given out anew, which takes all
            // other numbers to be given out first. There is no call that signals a group without that gap.
            match alive(identity) {
                Liveness::Running => drop(kill_process_group(pid, *signal)),
                gone => return gone,
            }
        }
        let begin = now();
        while alive(identity) == Liveness::Running && begin.elapsed() < patience {
            std::thread::sleep(LOOK);
        }
    }
    alive(identity)
}

#[cfg(test)]
mod tests {
    use super::super::{Notice, Pool, Spec};
    use super::*;

    #[test]
    fn a_forgotten_command_is_found_and_stopped() {
        let pool = Pool::new(1).unwrap();
        let run = format!("stranger-{}", std::process::id());
        let mut spec = Spec::new(["sh", "-c", "trap '' TERM; sleep 600; exit 1"]);
        spec.env =
            vec![("RUNBOOK_RUN".into(), Some(run.clone().into())), ("RUNBOOK_STEP".into(), Some("a".into()))];
        let (sender, receiver) = std::sync::mpsc::channel();
        pool.spawn(spec, move |notice| {
            let _ = sender.send(notice);
        });
        let Notice::Spawned(started) = receiver.recv().unwrap() else { panic!("not started") };
        let find = |step| find_by_env(&[("RUNBOOK_RUN", &run), ("RUNBOOK_STEP", step)]);
        // A new program's environment shows a moment after its start has been reported.
        let begin = now();
        while !find("a").contains(&started) {
            assert!(begin.elapsed() < Duration::from_secs(60));
        }
        assert_eq!(find("b"), []);
        let other = Identity { started: started.started + 1, ..started.clone() };
        assert_eq!(stop_stranger(&other, Duration::ZERO), Liveness::Gone);
        assert_eq!(alive(&started), Liveness::Running);
        assert_eq!(stop_stranger(&started, Duration::from_millis(50)), Liveness::Gone);
    }
}
