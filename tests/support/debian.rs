//! Programs of Debian packages: the machine's own where it has them, else unpacked below the target directory.
//!
//! Unpacked rather than installed: it needs no root, and no package's script starts a service or makes a user.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::tools;

/// Where the programs of some packages are, and what they need to run.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    bin: PathBuf,
    /// The folders of the libraries that came with them; none for the machine's own programs.
    libraries: Vec<PathBuf>,
}

impl Programs {
    /// Returns the path of one of them.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// Returns what the programs need beside PATH.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        if self.libraries.is_empty() {
            return Vec::new();
        }
        let folders: Vec<String> = self.libraries.iter().map(|dir| dir.display().to_string()).collect();
        vec![("LD_LIBRARY_PATH".to_owned(), folders.join(":"))]
    }

    /// Returns the line of shell that becomes one of them with the arguments of the shell, for a client on a test's PATH.
    pub(crate) fn line(&self, name: &str, environment: &[(String, String)]) -> String {
        let all: Vec<(String, String)> = self.environment().into_iter().chain(environment.to_vec()).collect();
        let exports: String = all.iter().map(|(key, value)| format!("export {key}='{value}'\n")).collect();
        format!("{exports}exec '{}' \"$@\"", self.path(name).display())
    }
}

/// Returns the folder below the target directory where the tests keep the tools that they installed.
pub(crate) fn shelf() -> PathBuf {
    let home =
        Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("cargo's tmp is inside the target directory");
    let home = home.join("tools");
    std::fs::create_dir_all(&home).expect("the target directory is writable");
    home
}

/// Runs `make` for a folder of the shelf unless it was made before; a half-made one is made again.
///
/// Test processes run side by side: one makes it, the others wait.
pub(crate) fn once(name: &str, make: impl FnOnce(&Path) -> Result<(), String>) -> Result<PathBuf, String> {
    let lock = File::create(shelf().join(format!("{name}.lock"))).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    let home = shelf().join(name);
    let ready = home.join("ready");
    if !ready.exists() {
        if home.exists() {
            std::fs::remove_dir_all(&home).map_err(|error| error.to_string())?;
        }
        std::fs::create_dir_all(&home).map_err(|error| error.to_string())?;
        make(&home)?;
        File::create(&ready).map_err(|error| error.to_string())?;
    }
    Ok(home)
}

/// Returns the programs of these packages, which keep them in `folder` (such as `usr/bin`); `wanted` are those that must be
/// there. `None`, said loudly, where they cannot be had (a panic in CI).
pub(crate) fn programs(packages: &[&str], folder: &str, wanted: &[&str]) -> Option<Programs> {
    let own = Path::new("/").join(folder);
    if wanted.iter().all(|name| own.join(name).is_file()) {
        return Some(Programs { bin: own, libraries: Vec::new() });
    }
    match once(&format!("debian-{}", packages[0]), |home| unpack(packages, home)) {
        Ok(home) => {
            let triplet = format!("{}-linux-gnu", std::env::consts::ARCH);
            let libraries = ["usr/lib", "lib"]
                .map(|dir| home.join(dir).join(&triplet))
                .into_iter()
                .filter(|dir| dir.is_dir());
            Some(Programs { bin: home.join(folder), libraries: libraries.collect() })
        }
        Err(why) => {
            tools::missing(&format!("{} could not be unpacked ({why})", packages.join(" and ")));
            None
        }
    }
}

/// Unpacks the packages, and those of their libraries that the machine lacks.
fn unpack(packages: &[&str], home: &Path) -> Result<(), String> {
    let plan = || {
        let mut command = Command::new("apt-get");
        run(command.args(["install", "--simulate", "--no-install-recommends"]).args(packages))
    };
    // A new machine has no list of packages yet.
    let planned = plan().or_else(|why| {
        run(Command::new("apt-get").arg("update")).map_err(|update| format!("{why}; {update}"))?;
        plan()
    })?;
    let mut names: Vec<&str> = packages.to_vec();
    let installed = planned.lines().filter_map(|line| line.strip_prefix("Inst ")?.split(' ').next());
    names.extend(installed.filter(|name| is_library(name) && !packages.contains(name)));
    let archives = home.join("archives");
    std::fs::create_dir_all(&archives).map_err(|error| error.to_string())?;
    // As itself: apt's own user could not write below a folder of root's.
    let mut download = Command::new("apt-get");
    download
        .args(["-o", "APT::Sandbox::User=root", "download", "--quiet"])
        .args(names)
        .current_dir(&archives);
    run(&mut download)?;
    for archive in std::fs::read_dir(&archives).map_err(|error| error.to_string())? {
        let archive = archive.map_err(|error| error.to_string())?.path();
        run(Command::new("dpkg").arg("--extract").arg(archive).arg(home))?;
    }
    std::fs::remove_dir_all(&archives).map_err(|error| error.to_string())
}

/// Returns whether a package is a library that a server loads: no Perl, no compiler for queries (which tests switch off), and
/// not the C library, which must be the one of the machine's loader.
fn is_library(name: &str) -> bool {
    let no = name.ends_with("-perl")
        || ["libperl", "libllvm", "libc6", "libc-"].iter().any(|no| name.starts_with(no));
    name.starts_with("lib") && !no
}

/// Runs one command and returns what it printed; the last line it said is the reason of a failure.
fn run(command: &mut Command) -> Result<String, String> {
    let output = command.env("DEBIAN_FRONTEND", "noninteractive").output();
    let output = output.map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given").to_owned())
}
