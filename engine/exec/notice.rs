//! What the pool tells about a command.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::program::SpawnError;

/// One piece of news about one command: `Spawned` once and any number of `Chunk`s, then `Ended` exactly once.
/// A command that never ran has `Ended` alone. `Spawned` comes some milliseconds after the start, or with the end of what
/// is over before; chunks may be faster.
#[derive(Debug)]
pub enum Notice {
    /// The process runs.
    Spawned(Identity),
    /// Output arrived, redacted. Pieces are cut anywhere, also within a character.
    Chunk {
        /// Where it came from; stdout for a merged command.
        stream: Stream,
        /// The redacted bytes; never empty.
        bytes: Vec<u8>,
    },
    /// The process and its group are gone, and all output is in.
    Ended(Box<Ended>),
}

/// What tells a process from every other on the machine, also from a later one with the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The process number, which is also that of its group.
    pub pid: u32,
    /// When it started, in clock ticks since boot (field 22 of `/proc/PID/stat`); 0 where that cannot be read.
    pub started: u64,
    /// The boot it belongs to (`/proc/sys/kernel/random/boot_id`); empty where that cannot be read.
    pub boot: Arc<str>,
}

/// One of the two output streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output, or both of a merged command.
    Stdout,
    /// Standard error.
    Stderr,
}

/// How a command went.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub end: End,
    /// When it was started, or found impossible to start.
    pub started: Instant,
    /// How long its leader lived.
    pub wall: Duration,
    /// What it wrote to stdout, **raw**: expressions read JSON from it, so secrets are still in there.
    pub stdout: Captured,
    /// What it wrote to stderr, **raw**. Empty for a merged command.
    pub stderr: Captured,
    /// How many processes of its group were still alive when the group was killed after its leader had ended.
    pub leftovers: usize,
    /// The processes that left its group and still lived when it had ended by itself: they were left alone, since a
    /// command may start a service on purpose. Empty when it was stopped or its time was up: they are ended with it.
    pub strays: Vec<u32>,
    /// The first log that could not be written. It holds what was written up to then; the command was not disturbed.
    pub log_error: Option<LogError>,
}

/// How a command ended. A status or signal of zero meaning is never made up: what never ran says so.
#[derive(Debug)]
pub enum End {
    /// It ended by itself, with this status.
    Exited(i32),
    /// A signal that did not come from us ended it.
    Signalled(i32),
    /// Its time was up.
    TimedOut {
        /// How it then ended.
        death: Death,
        /// SIGTERM was not enough.
        killed: bool,
    },
    /// We were asked to stop it.
    Stopped {
        /// How it then ended; none when it had not been started yet.
        death: Option<Death>,
        /// SIGTERM was not enough, or SIGKILL was asked for.
        killed: bool,
    },
    /// It could not be started.
    NotStarted(SpawnError),
}

/// What the system says of an ended process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// It exited with this status.
    Exited(i32),
    /// This signal ended it.
    Signalled(i32),
}

/// The beginning of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// The first bytes, as many as were to be kept, **raw**.
    pub bytes: Vec<u8>,
    /// How many bytes there were in all.
    pub total: u64,
    /// There were more than were kept.
    pub truncated: bool,
}

/// A log file that could not be opened or written.
#[derive(Debug, thiserror::Error)]
#[error("the output log {} is incomplete: {source}", path.display())]
pub struct LogError {
    /// The log.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}
