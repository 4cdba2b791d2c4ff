//! The controlling terminal: asks a line of a person, without echo where it is a secret.
#![expect(clippy::disallowed_methods, reason = "a person answers at /dev/tty, whatever stdin and stdout are")]

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::termios::{self, LocalModes, OptionalActions, SpecialCodeIndex, Termios};

/// Asks a person for one line. What the prompts are made of, so that a test can answer them.
pub trait Dialogue {
    /// Shows text that is no question.
    ///
    /// # Errors
    ///
    /// When the terminal is gone.
    fn show(&mut self, text: &str) -> io::Result<()>;

    /// Returns the line that the person typed, or nothing when they closed their input.
    ///
    /// # Errors
    ///
    /// When the terminal is gone, or [`io::ErrorKind::Interrupted`] when they pressed Ctrl-C.
    fn line(&mut self, question: &str) -> io::Result<Option<String>>;

    /// As [`line`](Dialogue::line), but nobody who looks at the screen can read the answer.
    ///
    /// # Errors
    ///
    /// As [`line`](Dialogue::line).
    fn hidden(&mut self, question: &str) -> io::Result<Option<String>>;
}

/// The terminal that the program was started from.
#[derive(Debug)]
pub struct Terminal {
    read: BufReader<File>,
    write: File,
}

/// How the terminal was before echo was turned off; absent while it is as it was.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Whether a live view draws on stderr, and so may have hidden the cursor.
static DRAWN: AtomicBool = AtomicBool::new(false);

/// Notes that a live view draws on stderr.
pub fn drawn() {
    DRAWN.store(true, Ordering::Relaxed);
}

impl Terminal {
    /// Opens the controlling terminal; nothing when there is none.
    pub fn open() -> Option<Terminal> {
        let write = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
        let read = BufReader::new(write.try_clone().ok()?);
        Some(Terminal { read, write })
    }
}

impl Dialogue for Terminal {
    fn show(&mut self, text: &str) -> io::Result<()> {
        self.write.write_all(text.as_bytes())?;
        self.write.flush()
    }

    fn line(&mut self, question: &str) -> io::Result<Option<String>> {
        self.show(question)?;
        let mut line = Vec::new();
        if self.read.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line);
        Ok(Some(line.trim_end_matches(['\n', '\r']).to_owned()))
    }

    fn hidden(&mut self, question: &str) -> io::Result<Option<String>> {
        self.show(question)?;
        let before = termios::tcgetattr(&self.write)?;
        let mut silent = before.clone();
        // Ctrl-C is read as a byte and not left to the system: its signal would end the program while echo is off,
        // and leave the person with a terminal that shows nothing they type.
        silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        silent.special_codes[SpecialCodeIndex::VMIN] = 1;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        let answer = termios::tcsetattr(&self.write, OptionalActions::Flush, &silent)
            .map_err(io::Error::from)
            .and_then(|()| typed(&mut self.read));
        restore();
        self.show("\n")?;
        answer
    }
}

/// Gives the terminal its echo, its cursor and its line breaks back when they were taken. Called on every way out, a
/// panic included.
pub fn restore() {
    if DRAWN.swap(false, Ordering::Relaxed) {
        let _ = io::stderr().lock().write_all(b"\x1b[?25h\x1b[?7h\x1b[?2026l");
    }
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(before) = before
        && let Ok(tty) = OpenOptions::new().read(true).write(true).open("/dev/tty")
    {
        let _ = termios::tcsetattr(&tty, OptionalActions::Flush, &before);
    }
}

/// Reads one line key by key.
fn typed(keys: impl BufRead) -> io::Result<Option<String>> {
    const CTRL_C: u8 = 3;
    const CTRL_D: u8 = 4;
    const BACKSPACE: u8 = 8;
    const CTRL_U: u8 = 21;
    const DELETE: u8 = 127;
    let mut line = Vec::new();
    for key in keys.bytes() {
        match key? {
            b'\n' | b'\r' => return Ok(Some(text(line))),
            CTRL_C => return Err(io::Error::from(io::ErrorKind::Interrupted)),
            CTRL_D if line.is_empty() => return Ok(None),
            CTRL_D => return Ok(Some(text(line))),
            CTRL_U => line.clear(),
            BACKSPACE | DELETE => {
                // The bytes of one character beyond its first begin with the bits 10.
                while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            key => line.push(key),
        }
    }
    Ok((!line.is_empty()).then(|| text(line)))
}

fn text(line: Vec<u8>) -> String {
    String::from_utf8_lossy(&line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keys: &[u8]) -> io::Result<Option<String>> {
        typed(keys)
    }

    #[test]
    fn a_hidden_line_can_be_mended() {
        assert_eq!(keys(b"abc\n").unwrap().as_deref(), Some("abc"));
        assert_eq!(keys("a\u{fc}\u{7f}b\r".as_bytes()).unwrap().as_deref(), Some("ab"));
        assert_eq!(keys(b"wrong\x15right\n").unwrap().as_deref(), Some("right"));
        assert_eq!(keys(b"\x7f\x7fx\n").unwrap().as_deref(), Some("x"));
    }

    #[test]
    fn a_hidden_line_can_be_left() {
        assert_eq!(keys(b"").unwrap(), None);
        assert_eq!(keys(b"\x04").unwrap(), None);
        assert_eq!(keys(b"secr\x03").unwrap_err().kind(), io::ErrorKind::Interrupted);
    }
}
