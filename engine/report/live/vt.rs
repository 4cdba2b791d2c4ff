//! A terminal in memory, for the tests of the live view. It wraps again what no longer fits when it is made narrower,
//! as terminals do, and knows no control sequence but those that the live view may write.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use crate::report::{Paint, Size, Terminal};

#[derive(Debug)]
struct Content {
    size: Size,
    lines: Vec<Vec<char>>,
    /// The line of the cursor, its row within the line (a line longer than the terminal takes several), its column.
    at: (usize, usize, usize),
    cursor: bool,
    echo: bool,
    wrap: bool,
    writes: usize,
    bytes: usize,
}

/// A terminal that can be looked at and resized while it is written to.
#[derive(Clone, Debug)]
pub(super) struct Vt(Arc<Mutex<Content>>);

impl Vt {
    pub(super) fn new(columns: usize, rows: usize) -> Vt {
        let size = Size { columns, rows };
        let lines = vec![Vec::new()];
        Vt(Arc::new(Mutex::new(Content {
            size,
            lines,
            at: (0, 0, 0),
            cursor: true,
            echo: true,
            wrap: true,
            writes: 0,
            bytes: 0,
        })))
    }

    pub(super) fn terminal(&self, paint: Paint) -> Terminal {
        let this = self.clone();
        let size = move || this.0.lock().expect("no test panics in here").size;
        let echoing = self.clone();
        let echo = move |on| echoing.0.lock().expect("no test panics in here").echo = on;
        let out = Box::new(self.clone());
        Terminal { out, size: Box::new(size), front: Box::new(|| true), echo: Box::new(echo), paint }
    }

    pub(super) fn resize(&self, columns: usize, rows: usize) {
        let mut content = self.0.lock().expect("no test panics in here");
        let offset = content.at.1 * content.size.columns + content.at.2;
        content.at.1 = offset.saturating_sub(1) / columns;
        content.at.2 = offset - content.at.1 * columns;
        content.size = Size { columns, rows };
    }

    /// Returns all that was ever written and not erased, as rows.
    pub(super) fn text(&self) -> String {
        let content = self.0.lock().expect("no test panics in here");
        let mut rows = Vec::new();
        for line in &content.lines {
            rows.extend(line.chunks(content.size.columns).map(|row| row.iter().collect::<String>()));
            if line.is_empty() {
                rows.push(String::new());
            }
        }
        rows.iter().map(|row| row.trim_end()).collect::<Vec<_>>().join("\n")
    }

    pub(super) fn has_cursor(&self) -> bool {
        self.0.lock().expect("no test panics in here").cursor
    }

    /// Types Enter, as the terminal shows it when it echoes.
    pub(super) fn enter(&self) {
        let echoes = self.0.lock().expect("no test panics in here").echo;
        if echoes {
            self.clone().write_all(b"\n").expect("it is memory");
        }
    }

    pub(super) fn echoes(&self) -> bool {
        self.0.lock().expect("no test panics in here").echo
    }

    /// Returns how much was written, control sequences included.
    pub(super) fn bytes(&self) -> usize {
        self.0.lock().expect("no test panics in here").bytes
    }

    pub(super) fn writes(&self) -> usize {
        self.0.lock().expect("no test panics in here").writes
    }
}

impl Content {
    fn rows(&self, line: &[char]) -> usize {
        line.len().div_ceil(self.size.columns).max(1)
    }

    fn up(&mut self, count: usize) {
        for _ in 0..count {
            if self.at.1 > 0 {
                self.at.1 -= 1;
            } else if self.at.0 > 0 {
                self.at.0 -= 1;
                self.at.1 = self.rows(&self.lines[self.at.0]) - 1;
            }
        }
    }

    fn put(&mut self, c: char) {
        if self.at.2 == self.size.columns {
            if !self.wrap {
                self.at.2 -= 1;
            } else {
                self.at = (self.at.0, self.at.1 + 1, 0);
            }
        }
        let offset = self.at.1 * self.size.columns + self.at.2;
        let line = &mut self.lines[self.at.0];
        line.resize(line.len().max(offset), ' ');
        match line.get_mut(offset) {
            Some(there) => *there = c,
            None => line.push(c),
        }
        self.at.2 += 1;
    }

    fn control(&mut self, body: &str, last: char) {
        match (body, last) {
            (_, 'm') => {}
            (count, 'A') => self.up(count.parse().expect("a number of rows")),
            // Only within what is there, whose lines fit.
            (count, 'B') => {
                self.at = (self.at.0 + count.parse::<usize>().expect("a number of rows"), 0, self.at.2)
            }
            (count, 'C') => self.at.2 += count.parse::<usize>().expect("a number of columns"),
            ("", 'K') => {
                let offset = self.at.1 * self.size.columns + self.at.2;
                self.lines[self.at.0].truncate(offset);
            }
            ("", 'J') => {
                self.lines.truncate(self.at.0 + 1);
                let offset = self.at.1 * self.size.columns + self.at.2;
                self.lines[self.at.0].truncate(offset);
            }
            ("?25", 'h' | 'l') => self.cursor = last == 'h',
            ("?7", 'h' | 'l') => self.wrap = last == 'h',
            ("?2026", 'h' | 'l') => {}
            _ => panic!("nobody may write ESC [ {body} {last}"),
        }
    }
}

impl Write for Vt {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(bytes).expect("a frame is one piece of text");
        let mut content = self.0.lock().expect("no test panics in here");
        content.writes += 1;
        content.bytes += bytes.len();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '\n' => {
                    let next = content.at.0 + 1;
                    if next == content.lines.len() {
                        content.lines.push(Vec::new());
                    }
                    content.at = (next, 0, 0);
                }
                '\r' => content.at.2 = 0,
                '\x1b' => {
                    assert_eq!(chars.next(), Some('['), "only CSI sequences");
                    let mut body = String::new();
                    let last = chars.by_ref().find(|c| {
                        let over = c.is_ascii_alphabetic();
                        if !over {
                            body.push(*c);
                        }
                        over
                    });
                    content.control(&body, last.expect("a sequence has an end"));
                }
                c => {
                    assert!(!c.is_control(), "{c:?} reached the terminal");
                    content.put(c);
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
