//! Files that a command makes below a folder: compared with what is there, written whole or not at all, and nobody else's
//! touched.
#![expect(clippy::disallowed_methods, reason = "it reads and writes the files that it is asked for")]

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use similar::TextDiff;

use super::error::CliError;

/// Files as they are to be, below a folder.
#[derive(Debug)]
pub(super) struct Files<'a> {
    /// The folder.
    pub folder: &'a Path,
    /// Their texts by their paths below it.
    pub wanted: &'a BTreeMap<String, String>,
    /// What a file of ours says near its beginning.
    pub mark: &'a str,
    /// The folders below, and the ending, in which every file of ours is to be one of these; none when others may be there.
    pub whole: Option<(&'a [&'a str], &'a str)>,
}

/// How what is there differs.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Those that are as they are to be.
    pub same: usize,
    /// Those that differ, with what they hold now.
    pub stale: Vec<(String, String)>,
    /// Those that are not there.
    pub missing: Vec<String>,
    /// Those of ours that are no longer wanted.
    pub extra: Vec<String>,
    /// Those of somebody else, beside ours.
    pub others: Vec<String>,
    /// Those of somebody else in the way of ours.
    pub in_the_way: Vec<String>,
}

/// How far from its beginning a file says whose it is, in bytes.
const HEAD: usize = 300;

/// How much of a difference is shown, in lines: of one file, and of all.
const LINES: usize = 40;
const LINES_OF_ALL: usize = 200;

impl Files<'_> {
    /// Compares with what is there.
    ///
    /// # Errors
    ///
    /// A file or a folder that can't be read.
    pub(super) fn state(&self) -> Result<State, CliError> {
        let mut state = State::default();
        for (name, text) in self.wanted {
            let path = self.folder.join(name);
            let there = match fs::read(&path) {
                Ok(there) => there,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    state.missing.push(name.clone());
                    continue;
                }
                Err(source) => return Err(at(&path, source)),
            };
            if there == text.as_bytes() {
                state.same += 1;
            } else if self.is_ours(&there) || there.is_empty() {
                state.stale.push((name.clone(), String::from_utf8_lossy(&there).into_owned()));
            } else {
                state.in_the_way.push(name.clone());
            }
        }
        if let Some((folders, ending)) = self.whole {
            for folder in folders {
                self.beside(Path::new(folder), ending, &mut state)?;
            }
        }
        Ok(state)
    }

    fn is_ours(&self, there: &[u8]) -> bool {
        let head = &there[..there.len().min(HEAD)];
        head.windows(self.mark.len()).any(|part| part == self.mark.as_bytes())
    }

    /// Looks for files below a folder that nobody wants. Links are not followed: what they lead to is elsewhere.
    fn beside(&self, folder: &Path, ending: &str, state: &mut State) -> Result<(), CliError> {
        let whole = self.folder.join(folder);
        let found = match fs::read_dir(&whole) {
            Ok(found) => found,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(());
            }
            Err(source) => return Err(at(&whole, source)),
        };
        let mut entries = found.collect::<Result<Vec<_>, _>>().map_err(|source| at(&whole, source))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let kind = entry.file_type().map_err(|source| at(&entry.path(), source))?;
            let inner = folder.join(entry.file_name());
            if kind.is_dir() {
                self.beside(&inner, ending, state)?;
                continue;
            }
            let Some(name) = inner.to_str() else { continue };
            if !name.ends_with(ending) || self.wanted.contains_key(name) {
                continue;
            }
            let there = fs::read(entry.path()).unwrap_or_default();
            let list =
                if kind.is_file() && self.is_ours(&there) { &mut state.extra } else { &mut state.others };
            list.push(name.to_owned());
        }
        Ok(())
    }

    /// Writes what is missing or differs, and removes what is ours and no longer wanted. Nothing is written when a file of
    /// somebody else is in the way.
    ///
    /// # Errors
    ///
    /// Files in the way; whatever the disk refuses.
    pub(super) fn write(&self, state: &State) -> Result<(), CliError> {
        if let Some(first) = state.in_the_way.first() {
            let more = match state.in_the_way.len() - 1 {
                0 => String::new(),
                more => format!(", nor were {more} more"),
            };
            let message = format!(
                "`{}` is there and was not made by this command{more}; nothing was written",
                self.folder.join(first).display()
            );
            return Err(CliError::usage_with(message, "move it away, or name another folder"));
        }
        for name in state.missing.iter().chain(state.stale.iter().map(|(name, _)| name)) {
            let path = self.folder.join(name);
            write_whole(&path, self.wanted.get(name).map_or("", String::as_str))
                .map_err(|source| at(&path, source))?;
        }
        for name in &state.extra {
            let path = self.folder.join(name);
            fs::remove_file(&path).map_err(|source| at(&path, source))?;
        }
        Ok(())
    }

    /// Returns what differs, as a unified difference of bounded length.
    pub(super) fn difference(&self, state: &State) -> String {
        let mut text = String::new();
        let mut left = LINES_OF_ALL;
        let shown = |name: &str| self.folder.join(name).display().to_string();
        for (name, there) in &state.stale {
            let wanted = self.wanted.get(name).map_or("", String::as_str);
            let diff = TextDiff::from_lines(there.as_str(), wanted);
            let unified = diff
                .unified_diff()
                .context_radius(2)
                .header(&shown(name), "as it would be made now")
                .to_string();
            let lines: Vec<&str> = unified.lines().collect();
            let most = LINES.min(left);
            for line in lines.iter().take(most) {
                text.push_str(line);
                text.push('\n');
            }
            if lines.len() > most {
                text.push_str(&format!("… {} more lines of {}\n", lines.len() - most, shown(name)));
            }
            left -= lines.len().min(most);
        }
        for name in &state.missing {
            text.push_str(&format!("missing: {}\n", shown(name)));
        }
        for name in &state.extra {
            text.push_str(&format!("too many: {}\n", shown(name)));
        }
        for name in &state.in_the_way {
            text.push_str(&format!("in the way, not made by this command: {}\n", shown(name)));
        }
        text
    }
}

impl State {
    /// Says whether everything is as it is to be.
    pub(super) fn is_good(&self) -> bool {
        self.stale.is_empty()
            && self.missing.is_empty()
            && self.extra.is_empty()
            && self.in_the_way.is_empty()
    }
}

/// Writes a file whole: whoever reads it sees what was there or what comes, and nothing between.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    let beside: PathBuf = path.with_file_name(name);
    let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

fn at(path: &Path, source: io::Error) -> CliError {
    CliError::File { path: path.to_owned(), source }
}
