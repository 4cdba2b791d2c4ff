//! A project in a folder of its own, and the real binary run in it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use regex::Regex;

/// A folder with runbooks, a home and a journal of its own. Gone with the value.
pub(crate) struct Project {
    folder: tempfile::TempDir,
    env: Vec<(String, String)>,
}

/// What a call showed: the whole visible result, with what differs from run to run replaced.
pub(crate) struct Shown {
    /// What stdout held, as it was.
    pub(crate) stdout: String,
    pub(crate) code: Option<i32>,
    text: String,
}

impl Project {
    pub(crate) fn new() -> Project {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::create_dir_all(folder.path().join("ops/runbooks")).expect("a folder can be made");
        fs::create_dir_all(folder.path().join("home")).expect("a folder can be made");
        Project { folder, env: Vec::new() }
    }

    /// The project's root.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("ops")
    }

    /// Where the journal is when nobody says otherwise.
    pub(crate) fn journal(&self) -> PathBuf {
        self.folder.path().join("home/.local/state/runbook/journal.db")
    }

    pub(crate) fn file(self, path: &str, text: impl AsRef<[u8]>) -> Project {
        self.write(path, text);
        self
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder can be made");
        fs::write(path, text).expect("a file can be written");
    }

    /// Whether a file of the project is there.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.root().join(path).exists()
    }

    /// Returns what the commands of a run wrote to the file `log`; nothing when none did.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.root().join("log")).unwrap_or_default()
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Project {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns the binary, ready to be run in the project with a clean environment and nobody at the terminal.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runbook"));
        command.args(arguments).current_dir(self.root()).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.folder.path().join("home")).env("LOGNAME", "ann").env("TZ", "UTC");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Shown {
        let output = self.command(arguments).output().expect("the binary can be run");
        self.shown(arguments, &output)
    }

    /// Returns the id of the newest run.
    pub(crate) fn newest(&self) -> String {
        let output =
            self.command(&["runs", "--all", "--format", "json"]).output().expect("the binary can be run");
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
        document["runs"][0]["run"].as_str().expect("there is a run").to_owned()
    }

    /// Returns what a call showed.
    pub(crate) fn shown(&self, arguments: &[&str], output: &Output) -> Shown {
        let clean = |bytes: &[u8]| cleaned(&String::from_utf8_lossy(bytes), self.folder.path());
        let (stdout, stderr) = (clean(&output.stdout), clean(&output.stderr));
        let code = output.status.code();
        let mut text = cleaned(&format!("$ runbook {}\n", arguments.join(" ")), self.folder.path());
        text.push_str(&stdout);
        if !stderr.is_empty() {
            text.push_str(&format!("--- stderr\n{stderr}"));
        }
        if code != Some(0) {
            text.push_str(&format!("--- {}\n", output.status));
        }
        Shown { stdout: String::from_utf8_lossy(&output.stdout).into_owned(), code, text }
    }
}

impl Shown {
    /// Insists on the exit code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Shown {
        assert_eq!(self.code, Some(code), "{}", self.text);
        self
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Replaces what differs from run to run: folders, ids of runs, times, hosts, durations.
fn cleaned(text: &str, folder: &Path) -> String {
    let text = text.replace(&folder.join("ops").display().to_string(), "[ROOT]");
    let text = text.replace(&folder.join("home").display().to_string(), "[HOME]");
    [
        // It has the form of an id.
        (r"\brehearse\b", "[VERB]"),
        (r"\br[0-9a-hjkmnp-tv-z]{7}\b", "[RUN]"),
        (r"\[VERB\]", "rehearse"),
        (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[AT]"),
        (r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b", "[AT]"),
        (r"\b\d\d:\d\d:\d\d\b", "[TIME]"),
        (r"\bann@[A-Za-z0-9_.-]+", "ann@[HOST]"),
        (r"\b(after|for|took) \d[0-9.]*(ms|s|m)( \d+s)?", "$1 [TOOK]"),
        (r"\b\d{4}-\d\d-\d\d \d\d:\d\d\b", "[MINUTE]"),
        (r" {2,}\d[0-9.]*(ms|s)\b", "  [TOOK]"),
    ]
    .iter()
    .fold(text, |text, (pattern, with)| {
        Regex::new(pattern).expect("the pattern is right").replace_all(&text, *with).into_owned()
    })
}
