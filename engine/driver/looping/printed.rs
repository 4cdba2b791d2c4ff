//! What a command that runs has printed: its end for people, its latest for the screen.

use crate::exec;
use crate::report::Stream;

/// How much of the end is kept, in bytes.
const TAIL: usize = 4096;

/// What a command printed, as far as people are shown it.
#[derive(Default)]
pub(super) struct Printed {
    tail: Vec<u8>,
    /// Whether what stood before `tail` is gone, so that it may begin in the middle of a line.
    cut: bool,
    fresh: Vec<(Stream, Vec<u8>)>,
    fresh_bytes: usize,
}

impl Printed {
    /// Takes in what a command printed now.
    pub(super) fn add(&mut self, stream: exec::Stream, bytes: &[u8]) {
        let from = bytes.len().saturating_sub(TAIL);
        self.tail.extend_from_slice(&bytes[from..]);
        self.cut |= from > 0;
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
            self.cut = true;
        }
        let stream = match stream {
            exec::Stream::Stdout => Stream::Stdout,
            exec::Stream::Stderr => Stream::Stderr,
        };
        // The screen shows the last line; a child that prints a gigabyte between two redraws is not passed on whole.
        if self.fresh_bytes > 4 * TAIL {
            self.fresh.clear();
            self.fresh_bytes = 0;
        }
        self.fresh_bytes += bytes.len() - from;
        self.fresh.push((stream, bytes[from..].to_vec()));
    }

    /// Returns what was printed all at once.
    pub(super) fn of(stdout: &[u8], stderr: &[u8]) -> Printed {
        let mut printed = Printed::default();
        printed.tail.extend([stdout, stderr].concat());
        printed
    }

    /// Returns the last lines, ten at most; one that began before what is still here begins with `…`.
    pub(super) fn last_lines(&self) -> String {
        let from = self.tail.len().saturating_sub(TAIL);
        let text = String::from_utf8_lossy(&self.tail[from..]);
        let text = match self.cut || from > 0 {
            true => format!("…{}", text.trim_start_matches('\u{fffd}')),
            false => text.into_owned(),
        };
        let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }

    /// Returns what the screen was not shown yet.
    pub(super) fn take(&mut self) -> Vec<(Stream, Vec<u8>)> {
        self.fresh_bytes = 0;
        std::mem::take(&mut self.fresh)
    }
}
