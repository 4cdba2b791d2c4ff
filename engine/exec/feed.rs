//! What a command is given on stdin, written as fast as it reads.

use rustix::io::Errno;

use super::source::Source;

/// How much is written before others get their turn.
const TURN: usize = 256 << 10;

/// Bytes on their way into a command's stdin.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) pipe: Source,
    bytes: Vec<u8>,
    at: usize,
}

impl Feed {
    pub(super) fn new(pipe: Source, bytes: Vec<u8>) -> Self {
        Self { pipe, bytes, at: 0 }
    }

    /// Writes what fits. Returns whether the pipe is to be closed: all is written, or nobody reads any more. A
    /// command need not read its input, so that is no error.
    pub(super) fn write(&mut self) -> bool {
        let stop = self.bytes.len().min(self.at + TURN);
        while self.at < stop {
            match rustix::io::write(&self.pipe, &self.bytes[self.at..stop]) {
                Ok(length) => self.at += length,
                Err(Errno::AGAIN) => return false,
                Err(Errno::INTR) => {}
                Err(_) => return true,
            }
        }
        self.at == self.bytes.len()
    }
}
