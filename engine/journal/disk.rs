//! The file that holds the journal: who may read it, and on what kind of disk it may be.
#![expect(clippy::disallowed_methods, reason = "the journal owns its files")]

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::JournalError;

/// Which file a path led to: its device and its number there.
pub(super) type FileKey = (u64, u64);

/// Makes the folder (0700) and an empty file (0600) where they are missing.
///
/// SQLite would make the file with the process's umask, readable by others for a moment. Its `-wal` and `-shm` files
/// take the mode of the file.
///
/// The caller holds the lock under which this process opens journals: closing a file descriptor drops every lock that
/// this process has on the file, so none may be open here once SQLite has it.
pub(super) fn prepare(path: &Path) -> Result<(), JournalError> {
    let folder = folder(path);
    refuse_network(path, nearest_existing(folder))?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| JournalError::io(folder, "making the journal's folder", source))?;
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => {
            drop(file);
            // The new name is durable only with its folder. A file system that can't say so is no reason to refuse.
            if let Ok(folder) = std::fs::File::open(folder) {
                let _ = folder.sync_all();
            }
            Ok(())
        }
        Err(source) if source.kind() == ErrorKind::AlreadyExists => existing(path),
        Err(source) => Err(JournalError::io(path, "making the journal", source)),
    }
}

/// Takes from others the right to read a file that is there already, as far as it is ours to take. The files beside it
/// get its own mode: made while it was read-only they would keep it read-only afterwards.
fn existing(path: &Path) -> Result<(), JournalError> {
    refuse_other(path)?;
    let Ok(main) = std::fs::metadata(path) else { return Ok(()) };
    let wanted = main.permissions().mode() & 0o700;
    for suffix in ["", "-wal", "-shm"] {
        let file = beside(path, suffix);
        let Ok(found) = std::fs::metadata(&file) else { continue };
        let mode = found.permissions().mode() & 0o777;
        if mode != wanted && found.uid() == rustix::process::geteuid().as_raw() {
            std::fs::set_permissions(&file, Permissions::from_mode(wanted)).map_err(|source| {
                JournalError::io(&file, "making the journal readable by its owner only", source)
            })?;
        }
    }
    Ok(())
}

/// Refuses a path that leads to nothing, to a folder or to what may not be read, for a reader.
pub(super) fn readable(path: &Path) -> Result<(), JournalError> {
    // Asked and not tried: a file that is opened here and closed again takes SQLite's locks with it.
    match rustix::fs::access(path, rustix::fs::Access::READ_OK) {
        Ok(()) => refuse_other(path),
        Err(rustix::io::Errno::NOENT) => Err(JournalError::Missing { path: path.to_owned() }),
        Err(errno) => {
            let doing = "opening the journal";
            Err(JournalError::Io { path: path.to_owned(), doing, source: errno.into() })
        }
    }
}

/// Refuses what is there and is no file. A pipe would keep SQLite waiting for ever, and `/dev/null` looks like a new file
/// that takes everything.
fn refuse_other(path: &Path) -> Result<(), JournalError> {
    let what = match std::fs::metadata(path) {
        Ok(found) if found.is_file() => return Ok(()),
        Ok(found) if found.is_dir() => "it is a folder",
        Ok(_) => "it is not a file but a device, a pipe or a socket",
        Err(source) => return Err(JournalError::io(path, "opening the journal", source)),
    };
    Err(JournalError::NotOurs { path: path.to_owned(), what: what.to_owned() })
}

/// Makes an empty file, readable by its owner only, that what is left of the journal at `path` can be saved to; its folder
/// too, which may be gone with the journal.
pub(super) fn rescued(path: &Path, run: &str) -> Result<PathBuf, JournalError> {
    let file = beside(path, &format!(".saved-{run}"));
    let failed = |source| JournalError::io(&file, "saving the journal", source);
    DirBuilder::new().recursive(true).mode(0o700).create(folder(path)).map_err(failed)?;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file).map_err(failed)?;
    Ok(file)
}

/// The largest journal that is checked whole whenever it is opened to be written: 15 ms at 500 MB/s.
const SMALL: u64 = 8 << 20;

/// The largest that is checked after whoever wrote it did not close it: 120 ms. For a larger one `verify` is there: a
/// resume in an incident must not wait for a disk that reads a gigabyte.
const MEDIUM: u64 = 64 << 20;

/// Returns whether the file is to be checked for damage before it is written. A log that is not empty was left by a
/// process that died, or belongs to one that lives.
pub(super) fn wants_check(path: &Path) -> bool {
    let limit = if has_wal(path) { MEDIUM } else { SMALL };
    std::fs::metadata(path).is_ok_and(|found| found.len() <= limit)
}

/// Returns whether a `-wal` file with something in it lies beside the journal.
pub(super) fn has_wal(path: &Path) -> bool {
    std::fs::metadata(beside(path, "-wal")).is_ok_and(|found| found.len() > 0)
}

/// Returns which file `path` leads to now, or nothing when to none.
pub(super) fn key(path: &Path) -> Option<FileKey> {
    std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

/// Returns `path` with `suffix` put to its end.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

fn nearest_existing(path: &Path) -> &Path {
    path.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"))
}

/// Refuses a network file system. The write-ahead log needs memory shared by all who have the file open, which two
/// machines have not; the other journal modes trust the file system's locks, which on a network often do nothing.
fn refuse_network(path: &Path, existing: &Path) -> Result<(), JournalError> {
    let Ok(found) = rustix::fs::statfs(existing) else { return Ok(()) };
    match network_kind(magic(&found)) {
        Some(kind) => Err(JournalError::Network { path: path.to_owned(), kind }),
        None => Ok(()),
    }
}

#[cfg(target_os = "linux")]
fn magic(found: &rustix::fs::StatFs) -> u32 {
    // The kernel's numbers have 32 bits; the word that carries them may be wider and signed.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "32 bits by definition")]
    let magic = found.f_type as u32;
    magic
}

#[cfg(not(target_os = "linux"))]
fn magic(_: &rustix::fs::StatFs) -> u32 {
    0
}

/// Returns the name of a network file system by the number of `statfs(2)`.
fn network_kind(magic: u32) -> Option<&'static str> {
    Some(match magic {
        0x6969 => "NFS",
        0x517b => "SMB",
        0xff53_4d42 => "CIFS",
        0xfe53_4d42 => "SMB 2",
        0x6573_5546 => "FUSE",
        0x0102_1997 => "9P",
        0x00c3_6400 => "Ceph",
        0x0bd0_0bd0 => "Lustre",
        0x5346_414f => "AFS",
        0x7375_7245 => "Coda",
        0x564c => "NCP",
        0x0116_1970 => "GFS2",
        0x7461_636f => "OCFS2",
        0x4750_4653 => "GPFS",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_their_number() {
        assert_eq!(network_kind(0x6969), Some("NFS"));
        assert_eq!(network_kind(0xfe53_4d42), Some("SMB 2"));
        assert_eq!(network_kind(0x6573_5546), Some("FUSE"));
        for local in [0xef53, 0x0102_1994, 0x5846_5342, 0x9123_683e, 0x794c_7630] {
            assert_eq!(network_kind(local), None, "{local:x}");
        }
    }

    #[test]
    fn the_refusal_says_why_and_what_to_do() {
        let path = PathBuf::from("/mnt/team/journal.db");
        insta::assert_snapshot!(JournalError::Network { path, kind: "NFS" }, @"the journal /mnt/team/journal.db would be on a network file system (NFS), where two machines could write it at once and spoil it; keep it on a local disk: --store PATH");
    }
}
