//! One run with nearly everything in it that prints, asks, locks, watches, fails, dies, goes on and is undone; and then a
//! search for its secrets through all that was shown, stored, or could be seen of its processes.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use runbook::exec::find_by_env;

use crate::support::live::{Live, spawned, wait_until};
use crate::support::project::Project;
use crate::support::search;

/// One comes by the environment, the other from a command: that one is nowhere but in memory.
const TOKEN: &str = "t0ken\"of/ann+x&y";
const VAULTED: &str = "v4ulted-pass phrase";

/// In every usual spelling, or as much of it as all of them share.
const SPELLED: [&str; 12] = [
    "t0ken",
    "dDBrZW4",
    "QwYWtlb",
    "Mjc0Zjky",
    "74306b656e",
    "t0ken%22",
    "v4ulted",
    "djR1bHRlZC",
    "Y0dWMWJIUmxa",
    "7634756c746564",
    "v4ulted%20pass",
    "phrase",
];

const BUSY: &str = r#"
runbook: busy
title: Does everything
vars:
  token: {type: secret, from: {env: BUSY_TOKEN}}
  vaulted: {type: secret, from: {command: [cat, vault]}}
  size: {type: integer, default: 1}
let:
  greeting: "size {{ size }}"
target: {place: cat vault place}
lock: busy
steps:
  - id: prints
    lock: prints
    env: &both {TOKEN: "{{ token }}", VAULTED: "{{ vaulted }}"}
    capture: {shell: 'echo "before $VAULTED"', outputs: {old: stdout}}
    changes: "from {{ captured.old }} to nothing"
    shell: |
      echo "$TOKEN $VAULTED"; printf %s "$TOKEN" | base64; printf %s "$VAULTED" | od -An -tx1 >&2
    outputs: {said: stdout}
    rollback: {shell: 'echo "undo $TOKEN"; echo "$VAULTED" >&2; exit 4'}
  - id: watched
    env: *both
    shell: 'echo "$VAULTED"; until [ -e watched ]; do sleep 0.05; done'
    guard: {shell: 'printf "%s" "$TOKEN"; [ ! -e odd ] || { echo "$VAULTED" >&2; exit 3; }; [ ! -e wrong ] || echo "wrong $VAULTED"', pass: "'wrong' not in stdout", every: 100ms}
    rollback: {run: [echo, "{{ steps.prints.outputs.said }}"]}
  - id: gated
    gate: {shell: 'echo "$TOKEN" | base64; echo "{}"; echo "$VAULTED" >&2', pass: "stdout == '{}'", every: 50ms, within: 200ms}
    env: *both
    on_failure: continue
  - id: ask
    needs: [watched]
    approve: {prompt: "Really? {{ steps.prints.outputs.said }}", ask: {word: {type: string}}}
  - id: hand
    manual: "Do it: {{ steps.prints.outputs.said }}"
  - id: doubtful
    env: *both
    irreversible: It only prints.
    shell: 'echo "last $TOKEN"; echo "$VAULTED"; until [ -e doubtful ]; do sleep 0.05; done'
  - id: fails
    env: *both
    irreversible: It only prints.
    shell: 'echo "$VAULTED" >&2; echo "$TOKEN"; [ -e fixed ]'
finally:
  - {id: tells, effect: read, env: *both, shell: 'echo "{{ run.status }} $TOKEN"; exit 5'}
"#;

struct Busy {
    project: Project,
    seen: Mutex<Vec<(String, Vec<u8>)>>,
}

impl Busy {
    fn new() -> Busy {
        let project = Project::new()
            .file("runbooks/busy.yaml", BUSY)
            .file("runbooks/people.yaml", "groups: {ops: [ann, ben]}\n")
            .file("vault", format!("{VAULTED}\n"))
            .file("place", "here\n")
            .env("BUSY_TOKEN", TOKEN)
            .env("RUST_BACKTRACE", "1")
            .env("RUNBOOK_LOG", "trace");
        Busy { project, seen: Mutex::default() }
    }

    fn saw(&self, what: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.seen.lock().expect("nobody panics with it").push((what.into(), bytes.into()));
    }

    /// Runs the binary; returns all it said, which is kept to be searched.
    #[track_caller]
    fn run(&self, arguments: &[&str], code: i32) -> String {
        let output = self.project.command(arguments).output().expect("the binary can be run");
        let all = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&all).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        self.saw(arguments.join(" "), all);
        text
    }

    /// Every screen and document of a run.
    fn look(&self, run: &str) {
        for form in [&["--format", "json"][..], &[]] {
            for verb in [&["status", run][..], &["runs", "--all"]] {
                self.run(&[verb, form].concat(), 0);
            }
        }
        for form in ["md", "html", "json"] {
            self.run(&["report", run, "--format", form], 0);
        }
        self.run(&["logs", run], 0);
        self.run(&["verify", run], 0);
    }

    /// What anybody on the machine sees of the run's commands, and what the engine has in its environment.
    fn peek(&self, run: &str, engine: u32) {
        let commands = find_by_env(&[("RUNBOOK_RUN", run)]);
        assert!(!commands.is_empty(), "its command is at work");
        for pid in commands.iter().map(|one| one.pid) {
            for file in ["cmdline", "comm"] {
                self.saw(
                    format!("{file} of {pid}"),
                    fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default(),
                );
            }
        }
        let environment = fs::read(format!("/proc/{engine}/environ")).expect("it is ours");
        let own = environment.split(|byte| *byte == 0).filter(|one| !one.starts_with(b"BUSY_TOKEN="));
        self.saw("environ", own.collect::<Vec<_>>().concat());
    }

    /// Looks for the secrets in everything that was seen and is stored.
    #[track_caller]
    fn search(self) {
        let seen = self.seen.into_inner().expect("nobody panicked with it");
        for (what, bytes) in seen.into_iter().chain(search::stored(&self.project)) {
            search::nowhere(&what, &bytes, &SPELLED);
        }
    }
}

/// What people type holds the secrets, too: pasted into the wrong window.
#[test]
fn nothing_of_all_that_a_run_can_do_shows_or_keeps_a_secret() {
    let busy = Busy::new();
    let why = format!("see {TOKEN}, and '{VAULTED}'");
    // It dies with a command at work, and its journal with the end of that command unknown.
    let engine = Live::start(busy.project.command(&["exec", "busy", "--reason", &why]));
    spawned(&busy.project, "watched");
    let run = busy.project.newest();
    busy.peek(&run, engine.pid());
    let follow = Live::start(busy.project.command(&["logs", &run, "--follow"]));
    let watch = Live::start(busy.project.command(&["status", &run, "--watch"]));
    follow.says("•••");
    watch.says("watched");
    busy.look(&run);
    busy.project.write("odd", "");
    engine.says("could not tell");
    let gone = |file: &str| fs::remove_file(busy.project.root().join(file)).expect("it is there");
    gone("odd");
    busy.project.write("wrong", "");
    let (_, said) = engine.end();
    assert!(said.contains("watched FAILED"), "{said}");
    busy.saw("exec", said);
    for live in [follow, watch] {
        busy.saw("a watcher", live.end().1);
    }
    busy.look(&run);
    gone("wrong");
    busy.project.write("watched", "");

    busy.run(&["resume", &run, "--retry", "watched", "--reason", &why], 3);
    busy.look(&run);
    // Nobody drives it: the answers wait in the inbox until somebody does.
    busy.run(&["approve", &run, "ask", "--note", &why, "--answer", &format!("word={TOKEN}")], 0);
    busy.run(&["resume", &run], 3);
    let engine = Live::start(busy.project.command(&["resume", &run, "--wait", "--reason", &why]));
    busy.run(&["done", &run, "hand", "--note", &why], 0);
    spawned(&busy.project, "doubtful");
    busy.look(&run);
    engine.kill();
    wait_until("what outlived it is there", || !find_by_env(&[("RUNBOOK_RUN", &run)]).is_empty());
    busy.project.write("doubtful", "");
    wait_until("it is gone", || find_by_env(&[("RUNBOOK_RUN", &run)]).is_empty());
    let shown = busy.run(&["status", &run], 0);
    assert!(shown.contains("in doubt") && shown.contains("last •••"), "{shown}");
    busy.look(&run);

    // The file changed since; a value is given anew.
    busy.project.write("runbooks/busy.yaml", BUSY.replace("exit 5", "exit 6; echo {{ greeting }}"));
    busy.run(&["resume", &run, "--done", "doubtful", "--reason", &why, "--latest", "--var", "size=2"], 1);
    busy.look(&run);
    busy.run(&["resume", &run, "--skip", "fails", "--reason", &why], 1);
    busy.look(&run);
    busy.run(&["rollback", &run, "--yes", "--approve", "fails", "--approve", "doubtful"], 5);
    busy.look(&run);
    let report = busy.run(&["report", &run], 0);
    assert!(report.contains("see •••"), "{report}");
    busy.search();
}

/// What is handed to an engine in the background goes through a pipe; what a takeover says, and what a run saves of a
/// journal that was taken away, is kept without secrets, too.
#[test]
fn neither_does_one_in_the_background_that_is_taken_over_and_loses_its_journal() {
    let busy = Busy::new();
    let why = format!("see {TOKEN}, and '{VAULTED}'");
    let shown = busy.run(&["exec", "busy", "--detach", "--reason", &why], 0);
    let pid = shown.split("(pid ").nth(1).and_then(|rest| rest.split(')').next()).expect("it is told");
    let engine: u32 = pid.parse().expect("a number");
    spawned(&busy.project, "watched");
    let run = busy.project.newest();
    busy.peek(&run, engine);
    let argv = fs::read(format!("/proc/{engine}/cmdline")).expect("it is at work");
    assert!(!argv.is_empty());
    busy.saw("the engine in the background", argv);
    let environment = fs::read(format!("/proc/{engine}/environ")).expect("it is ours");
    assert!(!String::from_utf8_lossy(&environment).contains("v4ulted"));

    let taker = Live::start(busy.project.command(&["resume", "--takeover", "--reason", &why]));
    taker.says("taken over by");
    busy.project.write("watched", "");
    let (_, said) = taker.end();
    busy.saw("who took over", said);
    busy.look(&run);
    wait_until("the old engine has left", || !Path::new(&format!("/proc/{engine}")).exists());

    busy.project.write("doubtful", "");
    let last =
        Live::start(busy.project.command(&["resume", "--wait", "--retry", "watched", "--reason", &why]));
    last.says("ask asks for approval");
    let journal = busy.project.journal();
    fs::rename(&journal, journal.with_extension("away")).expect("it is there");
    let (_, said) = last.end();
    assert!(said.contains(".saved-"), "{said}");
    busy.saw("who lost the journal", said);
    let saved = format!("{}.saved-{run}", journal.display());
    assert!(Path::new(&saved).exists());
    busy.run(&["--store", &saved, "report", &run, "--format", "html"], 0);
    busy.search();
}
