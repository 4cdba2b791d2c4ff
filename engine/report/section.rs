//! Sections of a screen that has only so many rows: what must be said stays, lists and output give way.

use super::paint::{Paint, width};

/// The room there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Columns of a row.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
}

impl Size {
    /// No end either way: for a pipe, where nothing is cut.
    pub const ENDLESS: Size = Size { columns: usize::MAX, rows: usize::MAX };
}

/// Which end of what gives way is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// The first lines, followed by how many are missing.
    First,
    /// The last lines, as of output.
    Last,
}

/// Lines that belong together, with an empty line before the next section.
#[derive(Clone, Debug)]
pub(super) struct Section {
    /// What stays.
    pub(super) fixed: Vec<String>,
    /// What gives way.
    pub(super) elastic: Vec<String>,
    /// How it does.
    pub(super) keep: Keep,
}

impl Section {
    /// Returns a section that stays as it is.
    pub(super) fn fixed(lines: Vec<String>) -> Section {
        Section { fixed: lines, elastic: Vec::new(), keep: Keep::First }
    }

    /// Returns a list under a heading.
    pub(super) fn list(heading: String, items: Vec<String>) -> Section {
        Section { fixed: vec![heading], elastic: items, keep: Keep::First }
    }
}

/// The fewest rows that a list or output is left, and the most that output gets.
const LEAST: usize = 2;
const MOST_OUTPUT: usize = 8;

/// Returns the sections as text that fits into `size` where it can.
pub(super) fn fit(sections: &[Section], paint: Paint, size: Size) -> String {
    let rows = |line: &String| width_of(line).div_ceil(size.columns).max(1);
    let fixed: usize =
        sections.iter().map(|section| 1 + section.fixed.iter().map(rows).sum::<usize>()).sum::<usize>();
    let mut given: Vec<usize> = sections.iter().map(|section| section.elastic.len().min(LEAST)).collect();
    // One row is left for the prompt, and the last section has no empty line after it.
    let mut left = size.rows.saturating_sub(fixed + given.iter().sum::<usize>());
    loop {
        let before = left;
        for (section, given) in sections.iter().zip(&mut given) {
            let most = if section.keep == Keep::Last { MOST_OUTPUT } else { usize::MAX };
            if left > 0 && *given < section.elastic.len().min(most) {
                *given += 1;
                left -= 1;
            }
        }
        if left == before {
            break;
        }
    }
    let mut out = Vec::new();
    for (number, (section, given)) in sections.iter().zip(given).enumerate() {
        if number > 0 {
            out.push(String::new());
        }
        out.extend(section.fixed.iter().cloned());
        let count = section.elastic.len();
        match section.keep {
            _ if given >= count => out.extend(section.elastic.iter().cloned()),
            Keep::Last => out.extend(section.elastic[count - given..].iter().cloned()),
            Keep::First => {
                let shown = given.saturating_sub(1);
                out.extend(section.elastic[..shown].iter().cloned());
                out.push(format!("  {} and {} more", paint.ellipsis(), count - shown));
            }
        }
    }
    out.push(String::new());
    out.join("\n")
}

/// Returns how many rows a text takes on a terminal of that many columns. It may hold our own colours.
pub fn rows_of(text: &str, columns: usize) -> usize {
    text.lines().map(|line| width_of(line).div_ceil(columns.max(1)).max(1)).sum()
}

/// Returns the columns of a line that may hold our own colours.
pub(super) fn width_of(line: &str) -> usize {
    if line.contains('\x1b') { width(&anstream::adapter::strip_str(line).to_string()) } else { width(line) }
}
