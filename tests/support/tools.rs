//! The real tools: where they are, and how a test runs one without being able to hang.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// No tool call of a test takes longer than this; a machine under load is slow, not this slow.
const LONGEST: Duration = Duration::from_secs(60);

/// Returns the path of a tool, or `None` after a loud line when it is missing and this is no CI machine.
///
/// Panics where `CI` is set: a CI machine without the tool would report green without having tested.
pub(crate) fn require(tool: &str) -> Option<PathBuf> {
    let found = find(tool);
    if found.is_none() {
        missing(&format!("`{tool}` is not on PATH"));
    }
    found
}

/// Says that a test cannot run here: a panic in CI, a line on stderr elsewhere.
pub(crate) fn missing(what: &str) {
    skip(what, std::env::var_os("CI").is_some_and(|value| !value.is_empty()));
}

fn skip(what: &str, ci: bool) {
    assert!(!ci, "{what}, and CI is set: install it, the tests with real tools must not be skipped here");
    let test = thread::current().name().unwrap_or("a test").to_owned();
    eprintln!("\n*** SKIPPED {test}: {what} ***\n");
}

/// Returns the first file of that name on PATH.
fn find(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(tool)).find(|file| file.is_file())
}

/// What a tool said and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    /// The exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// Returns stdout of a tool that must have succeeded.
    pub(crate) fn ok(&self) -> &str {
        assert_eq!(self.code, Some(0), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        &self.stdout
    }

    /// Returns stderr of a tool that must have failed with exit code `code`.
    pub(crate) fn failed(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        &self.stderr
    }
}

/// Returns a command that sees PATH and `environment`, and nothing else of the machine it runs on.
pub(crate) fn command<A: AsRef<OsStr>>(tool: &Path, args: &[A], environment: &[(String, String)]) -> Command {
    let mut command = Command::new(tool);
    command.args(args).env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.envs(environment.iter().map(|(key, value)| (key, value)));
    command
}

/// Runs a command to its end and returns what it said; `stdin` is written whole, then closed.
pub(crate) fn run(mut command: Command, stdin: &str) -> Said {
    use std::io::Write;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let mut input = child.stdin.take().expect("stdin was piped");
    let text = stdin.to_owned();
    // A tool may end without reading its input; that is its answer, not a failure of the test.
    let writer = thread::spawn(move || drop(input.write_all(text.as_bytes())));
    let stdout = read_all(child.stdout.take().expect("stdout was piped"));
    let stderr = read_all(child.stderr.take().expect("stderr was piped"));
    let code = end(&mut child, &format!("{command:?}"));
    drop(writer.join());
    let text = |reader: thread::JoinHandle<String>| reader.join().expect("the reader does not panic");
    Said { code, stdout: text(stdout), stderr: text(stderr) }
}

/// Runs a command that never ends by itself; stops it once a line holds `wanted`, or when `at_most` is over.
///
/// Returns the lines it printed until then.
pub(crate) fn run_until(mut command: Command, wanted: &str, at_most: Duration) -> Vec<String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let stdout = BufReader::new(child.stdout.take().expect("stdout was piped"));
    let (send, receive) = std::sync::mpsc::channel();
    let reader = thread::spawn(move || {
        for line in stdout.lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    let deadline = Instant::now() + at_most;
    let mut lines = Vec::new();
    while let Ok(line) = receive.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        let found = line.contains(wanted);
        lines.push(line);
        if found {
            break;
        }
    }
    drop(receive);
    drop(child.kill());
    drop(child.wait());
    drop(reader.join());
    lines
}

/// Waits until something is so; fails the test where that takes too long.
pub(crate) fn eventually(what: &str, so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !so() {
        assert!(Instant::now() < deadline, "{what}: not within 30 s");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Waits for a child within the bound and returns its exit code.
fn end(child: &mut Child, what: &str) -> Option<i32> {
    let deadline = Instant::now() + LONGEST;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.code(),
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
            _ => {
                drop(child.kill());
                drop(child.wait());
                panic!("{what} did not end within {} s", LONGEST.as_secs());
            }
        }
    }
}

/// Reads a pipe to its end on a thread of its own, so that a full pipe cannot stop the child.
fn read_all(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        drop(pipe.read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "`nope` is not on PATH, and CI is set")]
    fn a_missing_tool_fails_the_tests_of_a_ci_machine() {
        skip("`nope` is not on PATH", true);
    }

    #[test]
    fn a_tool_that_does_not_exist_is_not_found() {
        skip("`nope` is not on PATH", false);
        assert_eq!(find("no-such-tool-anywhere"), None);
    }

    #[test]
    fn a_child_sees_what_it_was_given_and_nothing_else() {
        let Some(bash) = require("bash") else { return };
        let environment = [("ONLY".to_owned(), "this".to_owned())];
        let said = run(command(&bash, &["-c", "cat; echo $ONLY$HOME >&2; exit 3"], &environment), "in\n");
        assert_eq!((said.failed(3), said.stdout.as_str()), ("this\n", "in\n"));
    }

    #[test]
    fn a_tool_that_does_not_end_is_stopped_at_the_wanted_line() {
        let Some(bash) = require("bash") else { return };
        let endless = ["-c", "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.01; done"];
        let lines = run_until(command(&bash, &endless, &[]), "line 3", Duration::from_secs(30));
        assert_eq!(lines, ["line 1", "line 2", "line 3"]);
    }
}
