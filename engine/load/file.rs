//! The text of a file, within bounds.
#![expect(clippy::disallowed_methods, reason = "load/ reads what people write")]

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Returns the text of a file that holds at most `most` bytes.
///
/// Reads one byte more at the most, and asks no metadata: a pipe (`<(pass show token)`) and a file that grows are
/// bounded as well.
///
/// # Errors
///
/// What the system says; [`io::ErrorKind::InvalidData`] when the file is longer or no UTF-8 text.
pub(super) fn read_text(path: &Path, most: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    if bytes.len() as u64 > most {
        return Err(wrong(&format!("it holds more than {} KiB", most >> 10)));
    }
    String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8 text"))
}
