//! Where something stands in a file that a person wrote.

use serde::{Deserialize, Serialize};

/// The number of a file in the list of sources ([`Snapshot::sources`](super::Snapshot)).
pub type FileId = u16;

/// A byte range in one source file.
///
/// For a block scalar the range starts at its first content byte, so an offset inside the decoded text can be
/// mapped back to its line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "(FileId, u32, u32)", into = "(FileId, u32, u32)")]
pub struct Place {
    /// Which file.
    pub file: FileId,
    /// The first byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Place {
    /// Returns the place of `start..end` in `file`.
    pub fn new(file: FileId, start: u32, end: u32) -> Place {
        Place { file, start, end }
    }
}

// Stored as three numbers: a snapshot of 10,000 steps holds 100,000 places.
impl From<(FileId, u32, u32)> for Place {
    fn from((file, start, end): (FileId, u32, u32)) -> Place {
        Place { file, start, end }
    }
}

impl From<Place> for (FileId, u32, u32) {
    fn from(place: Place) -> Self {
        (place.file, place.start, place.end)
    }
}
