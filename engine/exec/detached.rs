//! Our own program started once more, to go on in the background.

#![expect(
    clippy::disallowed_methods,
    reason = "the second and last place that spawns: it starts this very program"
)]

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

/// This program, started once more.
#[derive(Debug)]
pub struct Detached {
    child: Child,
}

/// Starts this program with other arguments; it reads `input`, which no argument list shows.
///
/// It inherits stderr, so that it tells of its own mistakes until it is on its way. That it leaves the terminal is its
/// own first step ([`leave_terminal`]): done from here it would take `unsafe`.
///
/// # Errors
///
/// When it can't be started, or does not read.
pub fn detach(arguments: &[&OsStr], input: &[u8]) -> io::Result<Detached> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input)?;
    }
    Ok(Detached { child })
}

impl Detached {
    /// Returns its process number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the first line that it says; nothing when it ended without one.
    ///
    /// # Errors
    ///
    /// When it can't be read.
    pub fn first_line(&mut self) -> io::Result<Option<String>> {
        let Some(stdout) = self.child.stdout.take() else { return Ok(None) };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        Ok(line.strip_suffix('\n').map(str::to_owned))
    }

    /// Waits for its end and returns its exit code, when it has one.
    ///
    /// # Errors
    ///
    /// When it can't be waited for.
    pub fn code(mut self) -> io::Result<Option<i32>> {
        Ok(self.child.wait()?.code())
    }
}

/// Leaves the terminal and its signals for good: a session of our own.
///
/// # Errors
///
/// When this process leads a group already.
pub fn leave_terminal() -> io::Result<()> {
    rustix::process::setsid()?;
    Ok(())
}
