//! Runs of the real binary that go on while the test looks at them.

use std::io::Read as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use runbook::journal::{Filter, Record, Store};
use runbook::machine::{Event, Process};
use rustix::process::{Pid, Signal, kill_process};

use super::project::Project;

/// The binary at work, and what it has said so far on both outputs. Killed with the value.
pub(crate) struct Live {
    child: Child,
    said: Arc<Mutex<String>>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

impl Live {
    pub(crate) fn start(mut command: Command) -> Live {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary can be run");
        let said = Arc::new(Mutex::new(String::new()));
        let streams: [Option<Box<dyn std::io::Read + Send>>; 2] = [
            child.stdout.take().map(|stream| Box::new(stream) as Box<dyn std::io::Read + Send>),
            child.stderr.take().map(|stream| Box::new(stream) as Box<dyn std::io::Read + Send>),
        ];
        let readers = streams
            .into_iter()
            .flatten()
            .map(|mut stream| {
                let said = Arc::clone(&said);
                std::thread::spawn(move || {
                    let mut buffer = [0; 4096];
                    while let Ok(length @ 1..) = stream.read(&mut buffer) {
                        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                        said.lock().expect("no reader panics").push_str(&text);
                    }
                })
            })
            .collect();
        Live { child, said, readers }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn said(&self) -> String {
        self.said.lock().expect("no reader panics").clone()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).expect("a process has a number");
        kill_process(pid, signal).expect("it is ours");
    }

    #[track_caller]
    pub(crate) fn says(&self, text: &str) {
        wait_until(text, || self.said().contains(text));
    }

    /// Whether it has ended.
    pub(crate) fn is_over(&mut self) -> bool {
        self.child.try_wait().expect("it is ours").is_some()
    }

    /// Waits for its end; returns how it ended, and all it said.
    #[track_caller]
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let began = Instant::now();
        while !self.is_over() {
            assert!(began.elapsed() < Duration::from_secs(60), "it did not end: {}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
        let status = self.child.wait().expect("it is ours");
        for reader in self.readers.drain(..) {
            reader.join().expect("no reader panics");
        }
        let said = self.said();
        (status, said)
    }

    /// Waits for its end and insists on the exit code; returns all it said.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> String {
        let (status, said) = self.end();
        assert_eq!(status.code(), Some(code), "{said}");
        said
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // One that was suspended can't be ended otherwise.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Says whether a process is stopped, or will be before it does anything else: a shell that waits in vfork(2) for a
/// child to run its program, which is stopped too, is not shown as stopped.
pub(crate) fn stopped(pid: u32) -> bool {
    const SIGSTOP: u64 = 1 << 18;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let waits = field("ShdPnd:").and_then(|mask| u64::from_str_radix(mask, 16).ok());
    field("State:").is_some_and(|state| state.starts_with('T'))
        || waits.is_some_and(|mask| mask & SIGSTOP != 0)
}

/// Returns the events of the newest run; none while there is no run.
pub(crate) fn records(project: &Project) -> Vec<Record> {
    let Ok(store) = Store::open_read_only(project.journal()) else { return Vec::new() };
    let Ok(runs) = store.runs(&Filter::default()) else { return Vec::new() };
    runs.first().map(|run| store.load(&run.id).expect("the run").records).unwrap_or_default()
}

/// Waits until the process of a step is in the journal, and returns it.
#[track_caller]
pub(crate) fn spawned(project: &Project, step: &str) -> Process {
    let mut found = None;
    wait_until("its process is recorded", || {
        found = records(project).into_iter().find_map(|record| match record.event {
            Event::Spawned { process, leaf } if leaf.step == step => Some(process),
            _ => None,
        });
        found.is_some()
    });
    found.expect("it was waited for")
}

/// Starts a run and kills its engine once a step's command is at work and in the journal.
#[track_caller]
pub(crate) fn killed(project: &Project, runbook: &str, step: &str) -> Process {
    let engine = Live::start(project.command(&["exec", runbook]));
    let process = spawned(project, step);
    engine.kill();
    process
}
