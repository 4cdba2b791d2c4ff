//! Starts one process: pipes, logs, process group.

#![expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Pid;

use crate::crash_point::crash_point;

use super::feed::Feed;
use super::liveness;
use super::notice::{Identity, Stream};
use super::program::{SpawnError, explain, named, resolve, short_of};
use super::source::Source;
use super::spec::Spec;
use super::stream::{Sink, Tap};

/// A process that has just been started.
pub(super) struct Launched {
    pub(super) child: duct::Handle,
    pub(super) pid: Pid,
    pub(super) identity: Identity,
    pub(super) feed: Option<Feed>,
    /// One for each pipe: stdout and stderr, or the one they share.
    pub(super) taps: [Option<Tap>; 2],
}

/// Starts the command of `spec` in a process group of its own.
///
/// # Errors
///
/// When it cannot be started; nothing is left of the attempt but its logs.
pub(super) fn launch(spec: Spec, boot: &Arc<str>) -> Result<Launched, SpawnError> {
    let program = resolve(&spec)?;
    let short =
        |source: io::Error| short_of(spec.argv.first().map(|name| named(name)).unwrap_or_default(), source);

    let (stdout, stdout_end) = pipe(End::Read).map_err(short)?;
    let mut command = duct::cmd(&program, &spec.argv[1..]);
    let mut stderr = None;
    // duct applies what is added last first, so "stderr to where stdout goes" is added before stdout's place is.
    if spec.merged {
        command = command.stderr_to_stdout();
    } else {
        let (pipe, end) = pipe(End::Read).map_err(short)?;
        command = command.stderr_file(end);
        stderr = Some(pipe);
    }
    command = command.stdout_file(stdout_end);
    let mut stdin = None;
    command = if spec.stdin.as_ref().is_some_and(|bytes| !bytes.is_empty()) {
        let (pipe, end) = pipe(End::Write).map_err(short)?;
        stdin = Some(pipe);
        command.stdin_file(end)
    } else {
        command.stdin_null()
    };
    if let Some(dir) = &spec.dir {
        command = command.dir(dir);
    }
    for (name, value) in spec.env.iter().rev() {
        command = match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let name = spec.argv.first().cloned().unwrap_or_default();
    let command = command.unchecked().before_spawn(move |command| {
        // Both stay on the posix_spawn path of the standard library. A hook that runs between fork and exec would
        // not: 39 to 58 ms a spawn at 1 GiB resident.
        command.process_group(0).arg0(&name);
        Ok(())
    });

    crash_point("spawn:before");
    let before = liveness::ticks();
    let child = command.start().map_err(|source| explain(&spec, &program, source))?;
    let after = liveness::ticks();
    crash_point("spawn:after");
    // The child's ends of the pipes live in the expression; as long as we hold them no stream ever ends.
    drop(command);
    let number = child.pids().first().copied().unwrap_or_default();
    let pid = i32::try_from(number)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| short(io::Error::other("the system gave it no process number")))?;

    let tap = |pipe, stream, log: Option<&Path>| {
        let sink = Sink::new(stream, log, (spec.keep, spec.log_limit), &spec.redactor);
        Tap { pipe: Source::new(pipe), sink }
    };
    let taps = [
        Some(tap(stdout, Stream::Stdout, spec.stdout_file.as_deref())),
        stderr.map(|pipe| tap(pipe, Stream::Stderr, spec.stderr_file.as_deref())),
    ];
    let identity = liveness::identify_started(number, boot, (before, after));
    let feed = stdin.zip(spec.stdin).map(|(pipe, bytes)| Feed::new(Source::new(pipe), bytes));
    Ok(Launched { child, pid, identity, feed, taps })
}

/// Which end of a pipe is ours.
enum End {
    Read,
    Write,
}

/// Returns our end of a new pipe, which never blocks, and the child's, which does as programs expect.
fn pipe(ours: End) -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
    let (ours, childs) = match ours {
        End::Read => (read, write),
        End::Write => (write, read),
    };
    rustix::io::ioctl_fionbio(&ours, true)?;
    Ok((ours, childs))
}
