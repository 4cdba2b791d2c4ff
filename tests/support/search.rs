//! What the files of a folder hold, and the search for a secret in all of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::project::Project;

/// Returns every file of a folder and of those below it, with its content.
pub(crate) fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = fs::read(&path).expect("a file can be read");
            found.insert(path, bytes);
        }
    }
    found
}

/// Returns the journal and all that is kept beside it, by path.
pub(crate) fn stored(project: &Project) -> Vec<(String, Vec<u8>)> {
    let files = files(project.journal().parent().expect("it has a folder"));
    files.into_iter().map(|(path, bytes)| (path.display().to_string(), bytes)).collect()
}

/// Insists that no spelling of a secret is in what was shown or stored; shows what is around the first one that is.
#[track_caller]
pub(crate) fn nowhere(what: &str, bytes: &[u8], spelled: &[&str]) {
    for spelled in spelled {
        let found = bytes.windows(spelled.len()).position(|window| window == spelled.as_bytes());
        let around = found.map(|at| {
            String::from_utf8_lossy(&bytes[at.saturating_sub(90)..bytes.len().min(at + 80)]).into_owned()
        });
        assert_eq!(around, None, "{what} holds {spelled}");
    }
}
