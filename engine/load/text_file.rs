//! Files that people write: read whole, bounded, as UTF-8.
#![expect(clippy::disallowed_methods, reason = "load/ reads what people write")]

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::yaml::{MAX_BYTES, too_large};
use crate::diag::{Code, Diagnostic};

/// Returns the text of `path` without a byte order mark. `shown` is its path in messages.
///
/// # Errors
///
/// A diagnostic for a file that can't be read, is larger than [`MAX_BYTES`] or is not UTF-8.
pub(super) fn read(path: &Path, shown: &str) -> Result<String, Diagnostic> {
    let unreadable = |why: String| Diagnostic::new(Code::Unreadable, format!("can't read `{shown}`: {why}"));
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let about = file.metadata().map_err(|error| unreadable(error.to_string()))?;
    // A device or pipe may never end.
    if !about.is_file() {
        return Err(unreadable(
            if about.is_dir() { "it is a folder" } else { "it is not a file" }.to_owned(),
        ));
    }
    if about.len() > MAX_BYTES {
        return Err(too_large(shown, about.len()));
    }
    let mut bytes = Vec::with_capacity(about.len() as usize);
    // A file may grow while it is read.
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| unreadable(error.to_string()))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large(shown, bytes.len() as u64));
    }
    text(bytes, shown)
}

/// Returns the bytes as text without a byte order mark.
///
/// # Errors
///
/// A diagnostic that names the line of the first byte that is not UTF-8.
pub(super) fn text(bytes: Vec<u8>, shown: &str) -> Result<String, Diagnostic> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        let message = format!("`{shown}` is not UTF-8 text: line {line} holds the byte 0x{:02x}", bytes[at]);
        let help = match bytes {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "the file looks like UTF-16; save it as UTF-8",
            _ => "save the file as UTF-8",
        };
        Diagnostic::new(Code::NotUtf8, message).help(help)
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// How deep folders are looked into: enough for any project, and an end to links that lead in circles.
const DEEPEST: usize = 16;

/// Returns the `.yaml` files below a folder with their names: the path without `.yaml`, joined by `/`. In the order
/// of the names; what can't be read is left out.
pub(super) fn yaml_below(folder: &Path) -> Vec<(String, PathBuf)> {
    below(folder, ".yaml")
}

/// Returns the files below a folder whose names end so, as [`yaml_below`] does.
pub(super) fn below(folder: &Path, ending: &str) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut open = vec![(folder.to_owned(), String::new(), 0)];
    while let Some((folder, prefix, depth)) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if path.is_dir() {
                if depth < DEEPEST && !name.starts_with('.') {
                    open.push((path.clone(), format!("{prefix}{name}/"), depth + 1));
                }
            } else if let Some(stem) = name.strip_suffix(ending) {
                found.push((format!("{prefix}{stem}"), path.clone()));
            }
        }
    }
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_utf8_text_is_read() {
        assert_eq!(text(b"\xef\xbb\xbfa: 1".to_vec(), "x"), Ok("a: 1".to_owned()));
        let told = |bytes: &[u8]| text(bytes.to_vec(), "x.yaml").expect_err("is refused").message;
        assert_eq!(told(b"a: 1\nb: \xe9"), "`x.yaml` is not UTF-8 text: line 2 holds the byte 0xe9");
        assert_eq!(told(b"\xff\xfea\0"), "`x.yaml` is not UTF-8 text: line 1 holds the byte 0xff");
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let told = |path: &str| read(Path::new(path), "x.yaml").expect_err("is refused").message;
        assert_eq!(told("/"), "can't read `x.yaml`: it is a folder");
        assert_eq!(told("/dev/zero"), "can't read `x.yaml`: it is not a file");
        assert!(told("/nowhere/at/all").starts_with("can't read `x.yaml`: No such file"));
    }
}
