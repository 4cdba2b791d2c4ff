//! Processes of an earlier driver of ours: found and ended without being our children.

use std::ffi::OsString;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};

use super::liveness::{Liveness, alive, identify};
use super::members::has_all;
use super::notice::Identity;
use super::procfs;

/// Returns the living processes of ours whose environment, as they were started with it, has all of these
/// entries. It finds what a step left behind also outside its group, but not what was started with a cleaned
/// environment, or as another user. This process and those that wait for it are not among them: whoever takes a run up
/// from a shell that one of its steps opened would else wait for that shell.
///
/// Reads all of `/proc`: some milliseconds, so for a resume and not for every step.
pub fn find_by_env(marks: &[(&str, &str)]) -> Vec<Identity> {
    let wanted: Vec<OsString> = marks.iter().map(|(name, value)| format!("{name}={value}").into()).collect();
    let boot = procfs::boot().into();
    let ours = ancestors(std::process::id());
    procfs::numbers()
        .filter(|pid| !ours.contains(pid) && has_all(*pid, &wanted))
        .map(|pid| identify(pid, &boot))
        .collect()
}

/// Returns a process and all it descends from.
fn ancestors(pid: u32) -> Vec<u32> {
    let mut line = vec![pid];
    let mut next = pid;
    // A number given out anew between two looks could make a circle.
    while let Some(stat) = procfs::stat(next)
        && stat.parent != 0
        && !line.contains(&stat.parent)
    {
        next = stat.parent;
        line.push(next);
    }
    line
}

/// Asks a process of an earlier driver to end (SIGTERM), or with `force` ends it (SIGKILL); its whole group when it leads
/// one. Nothing happens when it is gone.
///
/// # Errors
///
/// When it is another user's.
pub fn end_stranger(identity: &Identity, force: bool) -> Result<(), std::io::Error> {
    send(identity, if force { &[Signal::KILL] } else { &[Signal::TERM, Signal::CONT] })
}

/// Lets a suspended process go on (SIGCONT); its whole group when it leads one. Nothing happens when it is gone.
///
/// # Errors
///
/// When it is another user's.
pub fn wake_stranger(identity: &Identity) -> Result<(), std::io::Error> {
    send(identity, &[Signal::CONT])
}

/// Sends the signals to the process, or to its whole group when it leads one.
fn send(identity: &Identity, signals: &[Signal]) -> Result<(), std::io::Error> {
    let Some(pid) = i32::try_from(identity.pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
    // The file names this very process however often the number is given out: looked at after it was opened, it can't
    // become a stranger between look and signal.
    let process = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) => process,
        Err(Errno::SRCH) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if alive(identity) != Liveness::Running {
        return Ok(());
    }
    let leads = procfs::stat(identity.pid).is_some_and(|stat| stat.group == identity.pid);
    for &signal in signals {
        // There is no call that signals a group by such a file. As long as its leader is there the number is the group's.
        let sent = if leads { kill_process_group(pid, signal) } else { pidfd_send_signal(&process, signal) };
        match sent {
            Ok(()) | Err(Errno::SRCH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Kills one process, and not its group. Nothing happens when it is gone.
///
/// # Errors
///
/// When it is another user's.
pub fn kill_stranger(identity: &Identity) -> Result<(), std::io::Error> {
    let Some(pid) = i32::try_from(identity.pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
    let process = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) => process,
        Err(Errno::SRCH) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if alive(identity) != Liveness::Running {
        return Ok(());
    }
    match pidfd_send_signal(&process, Signal::KILL) {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::reactor::now;
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
        end_stranger(&other, true).unwrap();
        end_stranger(&started, false).unwrap();
        assert_eq!(alive(&started), Liveness::Running, "it ignores SIGTERM, and the other is not it");
        end_stranger(&started, true).unwrap();
        let begin = now();
        // What it had started itself goes with its group, a moment later.
        while alive(&started) == Liveness::Running || !find("a").is_empty() {
            assert!(begin.elapsed() < Duration::from_secs(60));
        }
    }

    #[test]
    fn who_waits_for_us_is_not_found() {
        let line = ancestors(std::process::id());
        assert!(line.len() > 1, "somebody started the tests");
        assert_eq!(line[1], std::os::unix::process::parent_id());
    }
}
