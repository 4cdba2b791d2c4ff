//! The bottom of a terminal: lines that scroll away above a block that is redrawn.
//!
//! Own drawing and not `indicatif`: its bars keep the row count of the last draw, so a terminal made narrower leaves
//! torn rows behind, and its drawing thread and clock would be a second owner of the terminal. What is needed is
//! little: go up, erase, write, in one piece.

use std::cmp::Ordering;
use std::io::{self, Write};

use rustix::termios::{tcgetpgrp, tcgetwinsize};

use crate::report::paint::Paint;
use crate::report::section::{Size, width_of};

/// Where a live view is drawn.
pub struct Terminal {
    /// What is written to; one write a frame.
    pub out: Box<dyn Write + Send>,
    /// Returns the size now; asked before every frame, so that a resize needs no signal.
    pub size: Box<dyn Fn() -> Size + Send>,
    /// Says whether it is ours to draw on: a program in the background must not draw into somebody else's line.
    pub front: Box<dyn Fn() -> bool + Send>,
    /// Turns the echo of keys off while something is drawn, and on again: an Enter that is echoed moves the cursor away from
    /// where the next frame begins.
    pub echo: Box<dyn FnMut(bool) + Send>,
    /// What it can show.
    pub paint: Paint,
}

impl Terminal {
    /// Returns the terminal on standard error, where progress belongs: standard output is for results. `echo` is as in
    /// [`Terminal`]; whoever calls it at the end of the program, too, owns how the terminal is set.
    pub fn stderr(paint: Paint, echo: impl FnMut(bool) + Send + 'static) -> Terminal {
        let size = || {
            let fallback = Size { columns: 80, rows: 24 };
            // A pseudo-terminal that was never given a size says 0.
            match tcgetwinsize(io::stderr()) {
                Ok(found) if found.ws_col > 0 && found.ws_row > 0 => {
                    Size { columns: found.ws_col.into(), rows: found.ws_row.into() }
                }
                _ => fallback,
            }
        };
        let front = || tcgetpgrp(io::stderr()).map_or(true, |front| front == rustix::process::getpgrp());
        let out = Box::new(io::stderr());
        Terminal { out, size: Box::new(size), front: Box::new(front), echo: Box::new(echo), paint }
    }
}

const BEGIN_FRAME: &str = "\x1b[?2026h";
const END_FRAME: &str = "\x1b[?2026l";
const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";
const ERASE_BELOW: &str = "\x1b[J";
const ERASE_LINE: &str = "\x1b[K";

/// Lines that stay and a block that is redrawn below them.
pub(super) struct Screen {
    terminal: Terminal,
    /// The block as it is on the terminal; the cursor stands behind its last line.
    block: Vec<String>,
    size: Size,
    gone: bool,
}

impl Screen {
    pub(super) fn new(terminal: Terminal) -> Screen {
        let size = (terminal.size)();
        Screen { terminal, block: Vec::new(), size, gone: false }
    }

    pub(super) fn size(&self) -> Size {
        (self.terminal.size)()
    }

    /// Writes `above`, whole lines, where the block was, and `block` below it. The caller has cut the block to the
    /// size; an empty one leaves nothing behind, the cursor at the beginning of a line.
    pub(super) fn draw(&mut self, above: &str, block: Vec<String>) {
        let size = self.size();
        // Lines that stay are written all the same, as any job in the background does.
        let block = if (self.terminal.front)() { block } else { Vec::new() };
        if above.is_empty() && block == self.block && size == self.size {
            return;
        }
        if above.is_empty() && size == self.size && !block.is_empty() && block.len() == self.block.len() {
            return self.redraw(block);
        }
        if !block.is_empty() && self.block.is_empty() {
            (self.terminal.echo)(false);
        }
        let ends = block.is_empty() && !self.block.is_empty();
        let mut frame = String::from(BEGIN_FRAME);
        self.erase(&mut frame, size);
        frame.push_str(above);
        if block.is_empty() {
            frame.push_str(SHOW_CURSOR);
        } else {
            // Without wrapping, a line that a terminal draws wider than it was measured is cut, not torn.
            frame.push_str(HIDE_CURSOR);
            frame.push_str(NO_WRAP);
            frame.push_str(&block.join("\n"));
            frame.push_str(WRAP);
        }
        frame.push_str(END_FRAME);
        self.block = block;
        self.size = size;
        self.write(&frame);
        if ends {
            (self.terminal.echo)(true);
        }
    }

    /// Writes the lines of the block that are others than before, and leaves the rest alone: over a slow connection a block that
    /// is erased and written again flickers, and most of a frame is what was there.
    fn redraw(&mut self, block: Vec<String>) {
        let mut frame = format!("{BEGIN_FRAME}{NO_WRAP}");
        let last = block.len() - 1;
        let mut row = last;
        for (number, line) in block.iter().enumerate().filter(|(number, line)| self.block[*number] != **line)
        {
            frame.push('\r');
            go(&mut frame, row, number);
            frame.push_str(line);
            frame.push_str(ERASE_LINE);
            row = number;
        }
        if row != last {
            // Behind the last line, where a `^C` is to appear.
            frame.push('\r');
            go(&mut frame, row, last);
            frame.push_str(&format!("\x1b[{}C", width_of(&block[last]).max(1)));
        }
        frame.push_str(WRAP);
        frame.push_str(END_FRAME);
        self.block = block;
        self.write(&frame);
    }

    /// Goes to where the block began and erases to the end. A terminal that was made narrower has wrapped the lines
    /// that no longer fit, so the rows are counted with the width of now.
    fn erase(&self, frame: &mut String, size: Size) {
        if self.block.is_empty() {
            return;
        }
        let rows = |line: &String| width_of(line).div_ceil(size.columns.max(1)).max(1);
        let up = self.block.iter().map(rows).sum::<usize>() - 1;
        frame.push('\r');
        if up > 0 {
            frame.push_str(&format!("\x1b[{up}A"));
        }
        frame.push_str(ERASE_BELOW);
    }

    fn write(&mut self, frame: &str) {
        let out = &mut self.terminal.out;
        if !self.gone && out.write_all(frame.as_bytes()).and_then(|()| out.flush()).is_err() {
            self.gone = true;
        }
    }
}

/// Moves the cursor from one row of the block to another.
fn go(frame: &mut String, from: usize, to: usize) {
    match to.cmp(&from) {
        Ordering::Less => frame.push_str(&format!("\x1b[{}A", from - to)),
        Ordering::Equal => {}
        Ordering::Greater => frame.push_str(&format!("\x1b[{}B", to - from)),
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if !self.block.is_empty() {
            self.draw("", Vec::new());
        }
    }
}
