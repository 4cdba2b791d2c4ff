//! The controlling terminal: asks a line of a person, without echo where it is a secret.
#![expect(clippy::disallowed_methods, reason = "a person answers at /dev/tty, whatever stdin and stdout are")]

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{self, LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios};

use crate::driver::{News, Recall};

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got<T> {
    /// The answer.
    Given(T),
    /// Nothing, and nothing will: the person closed their input, or the question is over.
    Closed,
    /// Nothing yet: news came between, or another program had the terminal. Whatever was answered just before is an answer of
    /// somebody who did not know the news, so a question of several parts begins again.
    Again,
}

/// Asks a person for one line. What the prompts are made of, so that a test can answer them.
pub trait Dialogue {
    /// Shows text that is no question.
    ///
    /// # Errors
    ///
    /// When the terminal is gone.
    fn show(&mut self, text: &str) -> io::Result<()>;

    /// Returns the line that the person typed.
    ///
    /// # Errors
    ///
    /// When the terminal is gone, or [`io::ErrorKind::Interrupted`] when they pressed Ctrl-C.
    fn read(&mut self, question: &str) -> io::Result<Got<String>>;

    /// As [`read`](Dialogue::read), for a question of one part: it is put again by itself. Nothing when they closed their
    /// input, or the question is over.
    ///
    /// # Errors
    ///
    /// As [`read`](Dialogue::read).
    fn line(&mut self, question: &str) -> io::Result<Option<String>> {
        loop {
            match self.read(question)? {
                Got::Given(line) => return Ok(Some(line)),
                Got::Closed => return Ok(None),
                Got::Again => self.remind()?,
            }
        }
    }

    /// Begins a question that is over as soon as `recall` says so: [`read`](Dialogue::read) then returns
    /// [`Got::Closed`]. What was typed before is no answer to it.
    fn until(&mut self, _recall: &Arc<Recall>) {}

    /// Waits until the program is the one that the keys go to; says whether the question is still to be put. `what` is asked
    /// then, and said in a line meanwhile.
    ///
    /// # Errors
    ///
    /// When the terminal is gone.
    fn come_forward(&mut self, _what: &str) -> io::Result<bool> {
        Ok(true)
    }

    /// Shows what the question is about, below what came between; all that was shown before it, where another program had the
    /// terminal.
    ///
    /// # Errors
    ///
    /// When the terminal is gone.
    fn remind(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Says whether Enter alone may end what was typed for a question that stands there no more: it is no answer then.
    fn is_wary(&self) -> bool {
        false
    }

    /// Calls whoever went away from their terminal.
    fn ring(&mut self) {}

    /// Takes in what the questions that follow are about: in a line, with which they are shown again below news, and what was
    /// `shown` before them, with which they are after another program had the terminal.
    fn about(&mut self, _about: &str, _shown: &str) {}

    /// Returns how many rows can be seen at once.
    fn rows(&self) -> usize {
        usize::MAX
    }

    /// As [`line`](Dialogue::line), but nobody who looks at the screen can read the answer.
    ///
    /// # Errors
    ///
    /// As [`read`](Dialogue::read).
    fn hidden(&mut self, question: &str) -> io::Result<Option<String>>;
}

/// The terminal that the program was started from.
#[derive(Debug)]
pub struct Terminal {
    read: BufReader<File>,
    write: File,
    recall: Option<Arc<Recall>>,
    about: String,
    /// What was shown before the question.
    before: String,
    /// Whether another program had the terminal since a question was put.
    away: bool,
    /// Whether it was said that the question is asked in the foreground.
    called: bool,
    /// Whether a question was taken from under the hands of whoever was about to answer it, and nothing was typed since.
    wary: bool,
}

/// How often a program in the background looks whether it was brought to the front.
const BACKGROUND: Duration = Duration::from_millis(300);

/// What somebody who waits for a key gets.
enum Heard {
    Keys,
    Again,
    Over,
}

/// How the terminal was before echo was turned off; absent while it is as it was.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Whether a live view draws on stderr, and so may have hidden the cursor.
static DRAWN: AtomicBool = AtomicBool::new(false);

/// Notes that a live view draws on stderr.
pub fn drawn() {
    DRAWN.store(true, Ordering::Relaxed);
}

/// Turns the echo of keys off, or back on. Keys are still taken line by line, and Ctrl-C and Ctrl-Z are still signals. Nothing
/// while somebody else has the terminal: the system would stop us.
pub fn echo(on: bool) {
    let tty = io::stderr();
    if !termios::tcgetpgrp(&tty).is_ok_and(|front| front == rustix::process::getpgrp()) {
        return;
    }
    let mut before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
    if on {
        if let Some(before) = before.take() {
            // What was typed unseen is no answer to a prompt, and no command for the shell.
            let _ = termios::tcsetattr(&tty, OptionalActions::Flush, &before);
        }
    } else if let Ok(found) = termios::tcgetattr(&tty)
        // Where it is off already another view turned it off, and turns it on again: "off" is not how it was. And where it is
        // on though we turned it off, a shell had the terminal meanwhile, unseen by us: it is turned off anew.
        && found.local_modes.contains(LocalModes::ECHO)
    {
        let mut silent = found.clone();
        silent.local_modes -= LocalModes::ECHO | LocalModes::ECHONL;
        *before = Some(found);
        let _ = termios::tcsetattr(&tty, OptionalActions::Now, &silent);
    }
}

impl Terminal {
    /// Opens the controlling terminal; nothing when there is none.
    pub fn open() -> Option<Terminal> {
        let write = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
        let read = BufReader::new(write.try_clone().ok()?);
        let (about, before) = (String::new(), String::new());
        Some(Terminal { read, write, recall: None, about, before, away: false, called: false, wary: false })
    }

    /// Waits for keys. A program in the background reads none: the system would stop it, and its steps' timeouts with it. It
    /// writes none of its questions either, into what somebody types for another program. `behind` says that no question is
    /// shown: there is nothing that keys could be an answer to, and it is over as soon as the program is in front.
    fn wait(&mut self, mut behind: bool) -> io::Result<Heard> {
        loop {
            let in_front = in_front(&self.write);
            self.away |= !in_front;
            match self.recall.as_ref().and_then(|recall| recall.news()) {
                Some(News::Over(why)) => {
                    self.forget_keys();
                    if in_front && !behind {
                        self.show(&format!("\n  ({why})\n"))?;
                    }
                    return Ok(Heard::Over);
                }
                Some(News::Again) => behind = true,
                None => behind |= !in_front,
            }
            if in_front && behind {
                // What was typed was typed before what is to be read now, and can't be seen any more.
                self.forget_keys();
                return Ok(Heard::Again);
            }
            if in_front && !self.read.buffer().is_empty() {
                return Ok(Heard::Keys);
            }
            let mut waited = Vec::with_capacity(2);
            if in_front {
                waited.push(PollFd::new(&self.write, PollFlags::IN));
            }
            if let Some(recall) = &self.recall {
                waited.push(PollFd::from_borrowed_fd(recall.bell(), PollFlags::IN));
            }
            let pause = Timespec { tv_sec: 0, tv_nsec: i64::from(BACKGROUND.subsec_nanos()) };
            match poll(&mut waited, (!in_front).then_some(&pause)) {
                // News that came with the keys is heard first.
                Ok(_) if waited.get(1).is_some_and(|bell| !bell.revents().is_empty()) => {}
                // Stopped while it waited it may wake up in the background, by keys of the shell.
                Ok(_) if in_front && !waited[0].revents().is_empty() && self::in_front(&self.write) => {
                    return Ok(Heard::Keys);
                }
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits in the background for the front, and says once a question that it does; [`Heard::Keys`] when there was nothing to
    /// wait for.
    fn fetched(&mut self, what: &str) -> io::Result<Heard> {
        if in_front(&self.write) {
            return Ok(Heard::Keys);
        }
        if !std::mem::replace(&mut self.called, true) {
            self.show(&format!("\n{what}(asked in the foreground: fg)\n"))?;
        }
        self.wait(true)
    }

    /// Reads a line while it can be seen. Another program's view on this terminal may have turned the echo off, and what is
    /// typed for a question is to be read by whoever types it.
    fn seen(&mut self) -> io::Result<Got<String>> {
        let lit = light(&self.write);
        let got = self.typed_line();
        if let Some((before, lit)) = lit {
            put_out(&self.write, &before, lit);
        }
        got
    }

    fn typed_line(&mut self) -> io::Result<Got<String>> {
        let mut line = Vec::new();
        loop {
            match self.wait(false)? {
                Heard::Over => {
                    self.wary = true;
                    return Ok(Got::Closed);
                }
                Heard::Again => {
                    self.wary = true;
                    return Ok(Got::Again);
                }
                Heard::Keys => {
                    let keys = self.read.fill_buf()?;
                    if keys.is_empty() {
                        // What follows is not to stand behind the question.
                        self.show("\n")?;
                        return Ok(if line.is_empty() { Got::Closed } else { Got::Given(text(line)) });
                    }
                    let end = keys.iter().position(|&key| key == b'\n');
                    let taken = end.map_or(keys.len(), |end| end + 1);
                    line.extend_from_slice(&keys[..end.unwrap_or(taken)]);
                    self.read.consume(taken);
                    if end.is_some() {
                        let line = text(line).trim_end_matches('\r').to_owned();
                        self.wary &= line.trim().is_empty();
                        return Ok(Got::Given(line));
                    }
                }
            }
        }
    }

    /// Forgets what was typed. In the background it was typed for somebody else, and flushing it would stop us.
    fn forget_keys(&mut self) {
        if !in_front(&self.write) {
            return;
        }
        let buffered = self.read.buffer().len();
        self.read.consume(buffered);
        let _ = termios::tcflush(&self.write, QueueSelector::IFlush);
    }
}

impl Dialogue for Terminal {
    fn show(&mut self, text: &str) -> io::Result<()> {
        self.write.write_all(text.as_bytes())?;
        self.write.flush()
    }

    fn read(&mut self, question: &str) -> io::Result<Got<String>> {
        match self.fetched("")? {
            Heard::Over => return Ok(Got::Closed),
            // What it is about was shown before, if at all.
            Heard::Again => return Ok(Got::Again),
            Heard::Keys => {}
        }
        self.show(question)?;
        self.seen()
    }

    fn until(&mut self, recall: &Arc<Recall>) {
        self.recall = Some(Arc::clone(recall));
        self.about.clear();
        self.before.clear();
        self.called = false;
        self.forget_keys();
    }

    fn come_forward(&mut self, what: &str) -> io::Result<bool> {
        let heard = self.fetched(&format!("{what} "))?;
        // All of it is shown now.
        self.away = false;
        Ok(!matches!(heard, Heard::Over))
    }

    fn remind(&mut self) -> io::Result<()> {
        let away = std::mem::take(&mut self.away);
        let text = reminder(&self.about, &self.before, away);
        self.show(&text)
    }

    fn is_wary(&self) -> bool {
        self.wary
    }

    fn ring(&mut self) {
        // In the background it is another program's terminal, which may not let us write.
        if in_front(&self.write) {
            let _ = self.show("\u{7}");
        }
    }

    fn about(&mut self, about: &str, shown: &str) {
        about.clone_into(&mut self.about);
        shown.clone_into(&mut self.before);
    }

    fn rows(&self) -> usize {
        // A pseudo-terminal that was never given a size says 0.
        let found = termios::tcgetwinsize(&self.write).map_or(0, |size| usize::from(size.ws_row));
        if found == 0 { 24 } else { found }
    }

    fn hidden(&mut self, question: &str) -> io::Result<Option<String>> {
        match self.fetched("")? {
            Heard::Over => return Ok(None),
            Heard::Again => self.remind()?,
            Heard::Keys => {}
        }
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

/// Returns what is shown before a question that is put again.
pub(super) fn reminder(about: &str, shown: &str, away: bool) -> String {
    match (away && !shown.is_empty(), about.is_empty()) {
        (true, _) => format!("\n{}", shown.trim_start_matches('\n')),
        (false, true) => "\n".to_owned(),
        (false, false) => format!("\n{about}\n"),
    }
}

/// Turns the echo on where it is off, and returns how the terminal was and is now; nothing where there was nothing to do, or
/// another program has the terminal.
fn light(terminal: &File) -> Option<(Termios, LocalModes)> {
    let before =
        termios::tcgetattr(terminal).ok().filter(|found| !found.local_modes.contains(LocalModes::ECHO))?;
    let mut lit = before.clone();
    // The second one changes nothing while the first is on: it is the mark by which this is known again.
    lit.local_modes |= LocalModes::ECHO | LocalModes::ECHONL;
    let set = in_front(terminal) && termios::tcsetattr(terminal, OptionalActions::Now, &lit).is_ok();
    set.then_some((before, lit.local_modes))
}

/// Puts the terminal back to what it was before [`light`], unless somebody else set it meanwhile: a view that has ended
/// turned the echo on for good.
fn put_out(terminal: &File, before: &Termios, lit: LocalModes) {
    if in_front(terminal) && termios::tcgetattr(terminal).is_ok_and(|now| now.local_modes == lit) {
        let _ = termios::tcsetattr(terminal, OptionalActions::Now, before);
    }
}

/// Says whether this program is the one that the terminal's keys go to. Where that can't be told it is taken for it.
fn in_front(terminal: &File) -> bool {
    termios::tcgetpgrp(terminal).map_or(true, |front| front == rustix::process::getpgrp())
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
        && in_front(&tty)
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
