//! The files that were read, and where in them something stands.

use std::ops::Range;
use std::sync::OnceLock;

use super::scalar;
use crate::model::{FileId, Place, Source, Text};

/// The files that diagnostics point into, by [`FileId`].
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
    /// Where each line begins, made when first asked for: a file without mistakes never needs it.
    lines: Vec<OnceLock<Vec<u32>>>,
}

/// A position as editors show it: both numbers begin with 1, columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Sources {
    /// Returns sources without files.
    pub fn new() -> Sources {
        Sources::default()
    }

    /// Adds a file and returns its number.
    ///
    /// Numbers are 16 bits wide; what comes after 65,535 files shares the last number, which only misplaces the
    /// snippets of its diagnostics.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<String>) -> FileId {
        let id = FileId::try_from(self.files.len()).unwrap_or(FileId::MAX);
        self.files.push(Source { path: path.into(), text: text.into() });
        self.lines.push(OnceLock::new());
        id
    }

    /// Returns the file of that number.
    pub fn get(&self, file: FileId) -> Option<&Source> {
        self.files.get(usize::from(file))
    }

    /// Returns the path as shown to people, or nothing for an unknown file.
    pub fn path(&self, file: FileId) -> &str {
        self.get(file).map_or("", |source| &source.path)
    }

    /// Returns the text, or nothing for an unknown file.
    pub fn text(&self, file: FileId) -> &str {
        self.get(file).map_or("", |source| &source.text)
    }

    /// Returns all files in order.
    pub fn files(&self) -> &[Source] {
        &self.files
    }

    /// Returns the files for a snapshot.
    pub fn into_files(self) -> Vec<Source> {
        self.files
    }

    /// Returns the position of a byte.
    pub fn position(&self, file: FileId, byte: u32) -> Position {
        let text = self.text(file);
        let byte = floor(text, byte as usize);
        let line = self.line_of(file, byte);
        let start = self.line_start(file, line);
        Position { line: line + 1, column: text[start..byte].chars().count() + 1 }
    }

    /// Returns the position of a place's first byte.
    pub fn start(&self, place: Place) -> Position {
        self.position(place.file, place.start)
    }

    /// Returns the position after a place's last byte.
    pub fn end(&self, place: Place) -> Position {
        self.position(place.file, place.end.max(place.start))
    }

    /// Returns the text that stands at a place.
    pub fn slice(&self, place: Place) -> &str {
        let text = self.text(place.file);
        let start = floor(text, place.start as usize);
        &text[start..floor(text, place.end as usize).max(start)]
    }

    /// Returns where the bytes `range` of a text's decoded `src` stand in its file.
    ///
    /// Exact for plain, quoted and literal block text; for folded text the nearest byte.
    pub fn within(&self, text: &Text, range: Range<usize>) -> Place {
        scalar::within(self.text(text.at.file), text, range)
    }

    /// Returns the index of the line that holds a byte.
    pub(super) fn line_of(&self, file: FileId, byte: usize) -> usize {
        let starts = self.line_starts(file);
        starts.partition_point(|start| *start as usize <= byte).saturating_sub(1)
    }

    /// Returns the first byte of the line with that index; the end of the text when there is no such line.
    pub(super) fn line_start(&self, file: FileId, line: usize) -> usize {
        self.line_starts(file).get(line).map_or(self.text(file).len(), |start| *start as usize)
    }

    fn line_starts(&self, file: FileId) -> &[u32] {
        let Some(cell) = self.lines.get(usize::from(file)) else { return &[0] };
        cell.get_or_init(|| {
            let ends = self.text(file).bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            std::iter::once(0).chain(ends.map(|(at, _)| at as u32 + 1)).collect()
        })
    }
}

impl From<Vec<Source>> for Sources {
    fn from(files: Vec<Source>) -> Sources {
        let lines = files.iter().map(|_| OnceLock::new()).collect();
        Sources { files, lines }
    }
}

/// Returns `byte` or the nearest character boundary before it within the text.
pub(super) fn floor(text: &str, byte: usize) -> usize {
    text.floor_char_boundary(byte.min(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let mut sources = Sources::new();
        let file = sources.add("a.yaml", "a: 1\nü→: x\r\n");
        let at = |byte| {
            let position = sources.position(file, byte);
            (position.line, position.column)
        };
        assert_eq!([at(0), at(4), at(5), at(10), at(12)], [(1, 1), (1, 5), (2, 1), (2, 3), (2, 5)]);
        assert_eq!(at(9), (2, 2), "inside the arrow");
        assert_eq!(at(10_000), (3, 1), "past the end");
    }

    #[test]
    fn an_unknown_file_is_empty() {
        let sources = Sources::new();
        assert_eq!(sources.start(Place::new(7, 3, 4)), Position { line: 1, column: 1 });
        assert_eq!(sources.slice(Place::new(7, 3, 4)), "");
    }
}
