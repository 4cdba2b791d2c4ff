//! One output stream of a command: read, kept, redacted, logged and passed on.

use std::borrow::Cow;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::crash_point::crash_point;

use super::notice::{Captured, LogError, Notice, Stream};
use super::redactor::{Redacting, Redactor};
use super::source::Source;

/// How much is read of one stream before others get their turn.
const TURN: usize = 4;

/// What reading a stream came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// There may be more at once.
    More,
    /// Nothing more for now.
    Dry,
    /// Nothing more ever.
    End,
}

/// One output stream of a command, for as long as its pipe is open.
#[derive(Debug)]
pub(super) struct Tap {
    pub(super) pipe: Source,
    pub(super) sink: Sink,
}

/// Where the bytes of a stream go.
#[derive(Debug)]
pub(super) struct Sink {
    stream: Stream,
    redacting: Redacting,
    log: Option<Log>,
    log_error: Option<LogError>,
    keep: usize,
    captured: Captured,
}

/// A file that takes the beginning of a stream.
#[derive(Debug)]
struct Log {
    path: PathBuf,
    /// Made with the first byte: most commands say nothing on one of their two streams, and to make a file that stays empty
    /// costs more than half of what it costs to run `/bin/true`.
    file: Option<File>,
    /// How many bytes it still takes.
    room: u64,
    /// How many it did not take.
    over: u64,
}

impl Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let fits = usize::try_from(self.room).unwrap_or(usize::MAX).min(bytes.len());
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(open(&self.path)?),
        };
        file.write_all(&bytes[..fits])?;
        self.room -= fits as u64;
        self.over += (bytes.len() - fits) as u64;
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        match &mut self.file {
            Some(file) if self.over > 0 => {
                writeln!(file, "\n[runbook: {} bytes more were printed and are not kept]", self.over)
            }
            _ => Ok(()),
        }
    }
}

impl Tap {
    /// Reads what is there, up to a fair share.
    pub(super) fn read(&mut self, buffer: &mut [u8], tell: &dyn Fn(Notice)) -> Flow {
        for _ in 0..TURN {
            match rustix::io::read(&self.pipe, &mut *buffer) {
                Ok(0) => return Flow::End,
                Ok(length) => {
                    self.sink.take(&buffer[..length], tell);
                    // A pipe that did not fill the buffer was empty; the next look would say so for the price of
                    // another system call.
                    if length < buffer.len() {
                        return Flow::Dry;
                    }
                }
                Err(Errno::AGAIN) => return Flow::Dry,
                Err(Errno::INTR) => {}
                // No other error is known for a pipe; whatever it is, there is nothing more to read.
                Err(_) => return Flow::End,
            }
        }
        Flow::More
    }
}

impl Sink {
    /// Its log, if there is to be one, is made when there is something to be written to it. One that cannot be made is
    /// reported at the end: a full disk must not keep an operator from running a command.
    pub(super) fn new(
        stream: Stream,
        log: Option<&Path>,
        (keep, log_limit): (usize, u64),
        redactor: &Redactor,
    ) -> Self {
        let log = log.map(|path| Log { path: path.to_owned(), file: None, room: log_limit, over: 0 });
        let redacting = redactor.stream();
        Self { stream, redacting, log, log_error: None, keep, captured: Captured::default() }
    }

    /// How many bytes have come.
    pub(super) fn total(&self) -> u64 {
        self.captured.total
    }

    fn take(&mut self, raw: &[u8], tell: &dyn Fn(Notice)) {
        self.captured.total += raw.len() as u64;
        let room = self.keep - self.captured.bytes.len();
        self.captured.truncated |= raw.len() > room;
        self.captured.bytes.extend_from_slice(&raw[..raw.len().min(room)]);
        let shown = self.redacting.push(raw);
        pass(&mut self.log, &mut self.log_error, self.stream, shown, tell);
    }

    /// Passes on what the redactor held back, and returns what was kept.
    pub(super) fn finish(mut self, tell: &dyn Fn(Notice)) -> (Captured, Option<LogError>) {
        let shown = self.redacting.finish();
        pass(&mut self.log, &mut self.log_error, self.stream, shown.into(), tell);
        if let Some(log) = &mut self.log
            && let Err(source) = log.finish()
        {
            self.log_error = Some(LogError { path: log.path.clone(), source });
        }
        (self.captured, self.log_error)
    }
}

/// Writes redacted bytes to the log and passes them on. After the first failure the log is left alone: one that
/// ends early is plain to see, one with a hole is not.
fn pass(
    log: &mut Option<Log>,
    log_error: &mut Option<LogError>,
    stream: Stream,
    shown: Cow<'_, [u8]>,
    tell: &dyn Fn(Notice),
) {
    if shown.is_empty() {
        return;
    }
    if let Some(open) = log
        && let Err(source) = open.write(&shown)
    {
        *log_error = Some(LogError { path: open.path.clone(), source });
        *log = None;
    }
    tell(Notice::Chunk { stream, bytes: shown.into_owned() });
}

/// Opens a log to append to it; makes it, with the folders above it, where it is not there yet.
#[expect(clippy::disallowed_methods, reason = "exec/ owns the output logs")]
fn open(path: &Path) -> io::Result<File> {
    // Output may hold what only the operator should see, so the log is private from its first moment.
    let nofollow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let open = || OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(nofollow).open(path);
    let opened = match (open(), path.parent()) {
        (Err(error), Some(folder)) if error.kind() == ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            crash_point("output:folder");
            open()
        }
        (opened, _) => opened,
    };
    crash_point("output:made");
    opened
}
