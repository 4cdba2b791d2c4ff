//! A terminal as a person sees it: a shell in tmux, whose screen can be read.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use regex::Regex;

use super::debian;
use super::project::Project;

/// How long anything is waited for: far more than a machine under load needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A shell on a terminal of its own; both gone with the value.
pub(crate) struct Tmux {
    folder: tempfile::TempDir,
    program: PathBuf,
    environment: Vec<(String, String)>,
}

impl Tmux {
    /// Opens a terminal of that size in the project, with `runbook` on the shell's PATH. `None`, said loudly, where tmux can't
    /// be had (a panic in CI).
    pub(crate) fn open(project: &Project, columns: usize, rows: usize) -> Option<Tmux> {
        let programs = debian::programs(&["tmux"], "usr/bin", &["tmux"])?;
        let like = project.command(&[]);
        let beside = PathBuf::from(like.get_program());
        let beside = beside.parent().expect("a program is in a folder").display().to_string();
        let mut environment: Vec<(String, String)> = like
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value?.to_str()?.to_owned())))
            .collect();
        for (name, value) in &mut environment {
            if name == "PATH" {
                *value = format!("{beside}:{value}");
            }
        }
        environment.extend(programs.environment());
        // The exit code of the last command stands in the prompt.
        environment.push(("PS1".to_owned(), "[$?] $ ".to_owned()));
        environment.push(("LC_ALL".to_owned(), "C.UTF-8".to_owned()));
        environment.push(("SHELL".to_owned(), "/bin/sh".to_owned()));
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let tmux = Tmux { folder, program: programs.path("tmux"), environment };
        std::fs::write(
            tmux.folder.path().join("conf"),
            "set -g status off\nset -g default-terminal screen\n",
        )
        .expect("a file can be written");
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let root = project.root().display().to_string();
        tmux.ok(&["new-session", "-d", "-x", &columns, "-y", &rows, "-c", &root, "exec sh -i"]);
        tmux.until("[0] $");
        Some(tmux)
    }

    fn tmux(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command.args(["-u", "-S"]).arg(self.folder.path().join("socket"));
        command.arg("-f").arg(self.folder.path().join("conf")).args(arguments);
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.output().expect("tmux can be run")
    }

    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.tmux(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Types a line and Enter.
    #[track_caller]
    pub(crate) fn types(&self, line: &str) {
        self.ok(&["send-keys", "-l", "--", line]);
        self.ok(&["send-keys", "Enter"]);
    }

    /// Presses a key, by tmux's name for it: `C-c`.
    #[track_caller]
    pub(crate) fn presses(&self, key: &str) {
        self.ok(&["send-keys", key]);
    }

    /// Makes the window another size.
    #[track_caller]
    pub(crate) fn resize(&self, columns: usize, rows: usize) {
        self.ok(&["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()]);
    }

    /// Returns what is on the screen, without what is empty below and behind it.
    pub(crate) fn screen(&self) -> String {
        let screen = self.ok(&["capture-pane", "-p"]);
        screen.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }

    /// Says whether the terminal shows its cursor.
    pub(crate) fn has_cursor(&self) -> bool {
        self.ok(&["display-message", "-p", "#{cursor_flag}"]).trim() == "1"
    }

    /// Waits until `text` is on the screen, and returns the screen.
    #[track_caller]
    pub(crate) fn until(&self, text: &str) -> String {
        self.when(text, |screen| screen.contains(text))
    }

    /// Waits until the last command has ended with this code, and returns the screen.
    #[track_caller]
    pub(crate) fn ended(&self, code: i32) -> String {
        let any = Regex::new(r"\n\[\d+\] \$$").expect("the pattern is right");
        let screen = self.when("the end of the command", |screen| any.is_match(screen));
        assert!(screen.ends_with(&format!("\n[{code}] $")), "not {code}:\n{screen}");
        screen
    }

    /// Waits until the screen is as wanted.
    #[track_caller]
    pub(crate) fn when(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        loop {
            let screen = self.screen();
            if wanted(&screen) {
                return screen;
            }
            assert!(began.elapsed() < PATIENCE, "waited in vain for {what:?}:\n{screen}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]);
    }
}

/// Replaces what differs from run to run, so that columns stay where they are but for times.
pub(crate) fn masked(screen: &str) -> String {
    [
        // Where a message is broken depends on the length of a host's name.
        (r"\n {7}(\S)", " $1"),
        (r"\brehearse\b", "[VERB]"),
        (r"\br[0-9a-hjkmnp-tv-z]{7}\b", "r0000000"),
        (r"\[VERB\]", "rehearse"),
        (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[AT]"),
        (r"\b\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?\b", "[AT]"),
        (r"\bann@[A-Za-z0-9_.-]+", "ann@host"),
        (r"\bann on [A-Za-z0-9_.-]+\s+\(pid \d+\)", "ann on host (pid 1)"),
        (r"\bprocess \d+", "process [PID]"),
        // Right-aligned in its column, or within a sentence.
        (r" +\b\d[0-9.]*(ms|s|m|h)( \d+(s|m))?\b", " [TOOK]"),
    ]
    .iter()
    .fold(screen.to_owned(), |text, (pattern, with)| {
        Regex::new(pattern).expect("the pattern is right").replace_all(&text, *with).into_owned()
    })
}
