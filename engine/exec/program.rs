//! Finds the program a command names, and says in plain words why one could not be started.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::spec::Spec;

/// Where programs are looked for when there is no PATH at all: what the C library does.
const BARE_PATH: &str = "/bin:/usr/bin";

/// Why a command could not be started. The message says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// There is no program in the command.
    #[error("the command is empty: name a program")]
    Empty,
    /// No folder of the PATH has the program.
    #[error("`{program}` was not found on the PATH: install it, or give its full path")]
    NotFound {
        /// The program as named.
        program: String,
    },
    /// The program's path leads nowhere.
    #[error("there is no file {}: check the path, which starts in the step's folder", path.display())]
    NoSuchFile {
        /// The path that was tried.
        path: PathBuf,
    },
    /// The file is there but may not be executed.
    #[error("{0} is not executable: try `chmod +x {0}`", path.display())]
    NotExecutable {
        /// The file.
        path: PathBuf,
    },
    /// The file is there and executable, but what should run it is missing.
    #[error("{} cannot run: the interpreter in its first line (`#!…`), or its loader, is missing", path.display())]
    NoInterpreter {
        /// The file.
        path: PathBuf,
    },
    /// The file is neither a program nor a script that names its interpreter.
    #[error("{} is no program for this machine: a script needs a first line like `#!/bin/sh`", path.display())]
    NotAProgram {
        /// The file.
        path: PathBuf,
    },
    /// The folder to run in is missing, or is no folder.
    #[error("there is no folder {} to run in: check `dir`", dir.display())]
    NoDir {
        /// The folder.
        dir: PathBuf,
    },
    /// An argument, variable or path holds a zero byte, which no process can be given.
    #[error("an argument or variable for `{program}` holds a zero byte: pass such data on stdin")]
    ZeroByte {
        /// The program as named.
        program: String,
    },
    /// Arguments and environment together are larger than the system takes.
    #[error(
        "the arguments for `{program}` are too long for the system: pass large data on stdin or in a file"
    )]
    TooLong {
        /// The program as named.
        program: String,
    },
    /// No more files or processes may be opened.
    #[error(
        "`{program}` was not started, too much is running ({source}): lower --max-parallel, or raise `ulimit -n` and `ulimit -u`"
    )]
    Exhausted {
        /// The program as named.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// Anything else.
    #[error("`{program}` could not be started: {source}")]
    Other {
        /// The program as named.
        program: String,
        /// What the system says.
        source: io::Error,
    },
}

/// Returns the file that `program` names: itself when it has a slash, else the first executable file of that
/// name in `path`, a list as in `PATH`.
pub fn which(program: impl AsRef<OsStr>, path: impl AsRef<OsStr>) -> Option<PathBuf> {
    search(program.as_ref(), path.as_ref(), None).ok()
}

/// Returns the absolute path of the program of `spec`.
///
/// It is looked for here, not left to the system, because a bare name under a changed environment leaves the
/// cheap spawn path of the standard library (and duct always sets the whole environment), and because the error
/// can then say which of the many meanings of "No such file or directory" it was.
///
/// # Errors
///
/// When there is no such program.
pub(super) fn resolve(spec: &Spec) -> Result<PathBuf, SpawnError> {
    let Some(program) = spec.argv.first().filter(|program| !program.is_empty()) else {
        return Err(SpawnError::Empty);
    };
    let found = search(program, &child_path(spec), spec.dir.as_deref())?;
    // Absolute, since the child has changed its folder by the time it executes.
    std::path::absolute(&found).map_err(|source| SpawnError::Other { program: named(program), source })
}

/// Returns what a failed start of `path` means.
pub(super) fn explain(spec: &Spec, path: &Path, source: io::Error) -> SpawnError {
    let program = spec.argv.first().map(|program| named(program)).unwrap_or_default();
    if let Some(dir) = spec.dir.as_ref().filter(|dir| !dir.is_dir()) {
        return SpawnError::NoDir { dir: dir.clone() };
    }
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::InvalidInput => SpawnError::ZeroByte { program },
        io::ErrorKind::NotFound => SpawnError::NoInterpreter { path },
        io::ErrorKind::PermissionDenied => SpawnError::NotExecutable { path },
        io::ErrorKind::ArgumentListTooLong => SpawnError::TooLong { program },
        _ if source.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
            SpawnError::NotAProgram { path }
        }
        _ => short_of(program, source),
    }
}

/// Returns what it means that something around the process, a pipe say, could not be had.
pub(super) fn short_of(program: String, source: io::Error) -> SpawnError {
    use rustix::io::Errno;
    let short = [Errno::MFILE, Errno::NFILE, Errno::AGAIN, Errno::NOMEM, Errno::NOSPC];
    if short.iter().any(|errno| source.raw_os_error() == Some(errno.raw_os_error())) {
        SpawnError::Exhausted { program, source }
    } else {
        SpawnError::Other { program, source }
    }
}

/// Returns a program's name for a message.
pub(super) fn named(program: &OsStr) -> String {
    program.to_string_lossy().into_owned()
}

fn search(program: &OsStr, path: &OsStr, dir: Option<&Path>) -> Result<PathBuf, SpawnError> {
    let within = |file: &Path| dir.map_or_else(|| file.to_owned(), |dir| dir.join(file));
    if program.as_encoded_bytes().contains(&b'/') {
        let path = within(Path::new(program));
        return match path.metadata() {
            Ok(_) if is_program(&path) => Ok(path),
            Ok(_) => Err(SpawnError::NotExecutable { path }),
            Err(_) if dir.is_some_and(|dir| !dir.is_dir()) => Err(no_dir(dir)),
            Err(_) => Err(SpawnError::NoSuchFile { path }),
        };
    }
    let mut barred = None;
    for folder in std::env::split_paths(path) {
        let file = within(&folder.join(program));
        if is_program(&file) {
            return Ok(file);
        }
        if barred.is_none() && file.is_file() {
            barred = Some(file);
        }
    }
    Err(match barred {
        Some(path) => SpawnError::NotExecutable { path },
        None => SpawnError::NotFound { program: named(program) },
    })
}

fn no_dir(dir: Option<&Path>) -> SpawnError {
    SpawnError::NoDir { dir: dir.map(Path::to_owned).unwrap_or_default() }
}

fn is_program(file: &Path) -> bool {
    file.is_file() && access(file, Access::EXEC_OK).is_ok()
}

/// The PATH the child will have.
fn child_path(spec: &Spec) -> OsString {
    let changed = spec.env.iter().rev().find(|(name, _)| name == "PATH");
    let path = match changed {
        Some((_, value)) => value.clone(),
        None => inherited_path(),
    };
    path.unwrap_or_else(|| BARE_PATH.into())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a child inherits the environment as it is when it is spawned, so its PATH is read then"
)]
fn inherited_path() -> Option<OsString> {
    std::env::var_os("PATH")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(dir: &Path, name: &str, mode: u32) -> PathBuf {
        let path = dir.join(name);
        let mut new = tempfile::NamedTempFile::new_in(dir).unwrap();
        std::io::Write::write_all(&mut new, b"#!/bin/sh\nexit 7\n").unwrap();
        new.as_file().set_permissions(PermissionsExt::from_mode(mode)).unwrap();
        new.persist(&path).unwrap();
        path
    }

    fn refusal(spec: &Spec) -> String {
        resolve(spec).unwrap_err().to_string()
    }

    #[test]
    fn the_first_executable_on_the_path_is_found() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        file(one.path(), "tool", 0o644);
        let tool = file(two.path(), "tool", 0o755);
        let path = std::env::join_paths([one.path(), two.path()]).unwrap();
        assert_eq!(which("tool", &path), Some(tool.clone()));
        assert_eq!(which(&tool, ""), Some(tool));
        assert_eq!(which("nothing", &path), None);
    }

    #[test]
    fn the_path_the_child_gets_is_searched() {
        let dir = tempfile::tempdir().unwrap();
        let tool = file(dir.path(), "only-here", 0o755);
        let mut spec = Spec::new(["only-here"]);
        spec.env = vec![("PATH".into(), Some(dir.path().into()))];
        assert_eq!(resolve(&spec).unwrap(), tool);
    }

    #[test]
    fn a_relative_program_starts_in_its_dir() {
        let dir = tempfile::tempdir().unwrap();
        file(dir.path(), "here.sh", 0o755);
        let mut spec = Spec::new(["./here.sh"]);
        spec.dir = Some(dir.path().to_owned());
        assert!(resolve(&spec).unwrap().is_file());
    }

    #[test]
    fn what_cannot_run_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let plain = file(dir.path(), "plain", 0o644);
        assert_eq!(refusal(&Spec::new([""; 0])), "the command is empty: name a program");
        assert_eq!(
            refusal(&Spec::new(["no-such-tool"])),
            "`no-such-tool` was not found on the PATH: install it, or give its full path"
        );
        assert_eq!(
            refusal(&Spec::new(["/no/such/file"])),
            "there is no file /no/such/file: check the path, which starts in the step's folder"
        );
        let path = plain.display();
        assert_eq!(refusal(&Spec::new([&plain])), format!("{path} is not executable: try `chmod +x {path}`"));
    }
}
