//! One attempt of one command, with everything resolved.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::redactor::Redactor;

/// One attempt of one command, with everything resolved.
#[derive(Clone)]
pub struct Spec {
    /// The program and its arguments. No shell takes part unless the program is one.
    pub argv: Vec<OsString>,
    /// Changes to the inherited environment: a value to set, or none to remove the name. The last one counts.
    pub env: Vec<(OsString, Option<OsString>)>,
    /// The folder the command runs in; none is ours. A relative program path (`./deploy.sh`) starts there too.
    pub dir: Option<PathBuf>,
    /// What the command reads; none is the empty `/dev/null`, so that nothing waits for a keyboard.
    pub stdin: Option<Vec<u8>>,
    /// Puts stdout and stderr on one pipe, which keeps their order. All of it counts as stdout.
    pub merged: bool,
    /// Entries of `env`, as `NAME=value`, that only this command and what it starts have: by them those that left its
    /// process group are found. With none they are not.
    pub marks: Vec<OsString>,
    /// Whether those that left its process group are killed even when the command ends by itself.
    pub leaves_none: bool,
    /// How long the command may run before its group is sent SIGTERM; none is for ever.
    pub timeout: Option<Duration>,
    /// How long the group has after SIGTERM, before SIGKILL.
    pub grace: Duration,
    /// A log that redacted stdout is appended to; created with mode 0600.
    pub stdout_file: Option<PathBuf>,
    /// A log that redacted stderr is appended to; created with mode 0600.
    pub stderr_file: Option<PathBuf>,
    /// How many bytes from the beginning of each stream its log takes. What does not fit is counted in the log's last
    /// line: a command that prints for hours must not fill the disk that the journal is on.
    pub log_limit: u64,
    /// How many bytes from the beginning of each stream are kept in memory.
    pub keep: usize,
    /// Hides secrets in the logs and in [`Notice::Chunk`](super::Notice::Chunk).
    pub redactor: Redactor,
}

/// Without the values of the environment and of stdin: by those two, and only by them, a secret may come here.
impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.env.iter().map(|(name, _)| name).collect();
        let stdin = self.stdin.as_ref().map(Vec::len);
        f.debug_struct("Spec")
            .field("argv", &self.argv)
            .field("env", &names)
            .field("dir", &self.dir)
            .field("stdin", &stdin)
            .finish_non_exhaustive()
    }
}

impl Spec {
    /// Returns a command with nothing on stdin, no timeout, 10 s of grace, 16 MiB kept of each stream, no logs
    /// and no secrets.
    pub fn new<A: Into<OsString>>(argv: impl IntoIterator<Item = A>) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            env: Vec::new(),
            dir: None,
            stdin: None,
            merged: false,
            marks: Vec::new(),
            leaves_none: false,
            timeout: None,
            grace: Duration::from_secs(10),
            stdout_file: None,
            stderr_file: None,
            log_limit: 256 << 20,
            keep: 16 << 20,
            redactor: Redactor::default(),
        }
    }
}
