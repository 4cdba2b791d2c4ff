//! A terminal as a person sees it: a shell in tmux, whose screen can be read.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use regex::Regex;

use super::debian;
use super::project::Project;

/// How long anything is waited for: far more than a machine under load needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ends the server and all that was begun in it when its stdin ends: with the value, and with a test process that was killed.
/// An engine takes the loss of its terminal for a wish to stop and waits for its commands, for hours; so each process that has
/// the terminal in its environment is killed, also one that left it.
const KEEPER: &str = r#"
folder=$1 tmux=$2
read -r nothing
"$tmux" -S "$folder/socket" kill-server 2>/dev/null
for round in 1 2 3; do
    for found in $(grep -lazF "TMUX=$folder/socket," /proc/[0-9]*/environ 2>/dev/null); do
        pid=${found#/proc/}
        kill -KILL "${pid%/environ}" 2>/dev/null
    done
done
rm -rf "$folder"
"#;

/// A shell on a terminal of its own; both gone with the value.
pub(crate) struct Tmux {
    keeper: Child,
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
        let program = programs.path("tmux");
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(folder.path()).arg(&program);
        // In a group of its own: whoever kills that of the tests is not to kill who cleans up after them.
        keeper.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        keeper.env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
        let keeper = keeper.spawn().expect("sh starts");
        let tmux = Tmux { keeper, folder, program, environment };
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
        drop(self.keeper.stdin.take());
        drop(self.keeper.wait());
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What the system does for a test process that was killed: its end of the pipe closes.
    #[test]
    fn nothing_that_runs_on_the_terminal_outlives_the_test_process() {
        let runbook = "runbook: long\ntitle: T\nsteps: [{id: a, shell: 'echo $$ > pid; exec sleep 3600', effect: read}]\n";
        let project = Project::new().file("runbooks/long.yaml", runbook);
        let Some(mut terminal) = Tmux::open(&project, 80, 24) else { return };
        terminal.types("setsid sh -c 'echo $$ > left; exec sleep 3601' & runbook exec long");
        let pid = |file: &str| {
            let text = std::fs::read_to_string(project.root().join(file)).unwrap_or_default();
            text.trim().parse::<u32>().ok().map(|pid| PathBuf::from(format!("/proc/{pid}/stat")))
        };
        let began = Instant::now();
        while pid("pid").is_none() || pid("left").is_none() {
            assert!(began.elapsed() < PATIENCE, "{}", terminal.screen());
            std::thread::sleep(Duration::from_millis(30));
        }
        let lives = |file: &str| {
            let stat = pid(file).and_then(|stat| std::fs::read_to_string(stat).ok());
            // One that is a zombie runs no more.
            stat.is_some_and(|stat| !stat.contains(") Z "))
        };
        assert!(lives("pid") && lives("left"));
        drop(terminal.keeper.stdin.take());
        assert!(terminal.keeper.wait().expect("it is our child").success());
        assert!(!terminal.folder.path().exists());
        while lives("pid") || lives("left") {
            assert!(began.elapsed() < PATIENCE, "what ran is killed");
            std::thread::sleep(Duration::from_millis(30));
        }
    }
}
