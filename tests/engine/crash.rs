//! The engine killed with SIGKILL in the middle of a step: what was begun is in doubt, shown as such, and never repeated
//! in silence.

use std::process::Stdio;
use std::time::{Duration, Instant};

use runbook::journal::{Filter, Store};
use runbook::machine::{Event, Process};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::project::Project;

/// A step that must not run twice, and that lives until `go` is there.
const ONCE: &str = r#"
runbook: once
title: A payment
steps:
  - id: pay
    shell: 'echo paid >> ledger; while [ ! -e go ]; do sleep 0.05; done'
    irreversible: Money does not come back.
  - id: thank
    run: touch thanked
    irreversible: Said is said.
"#;

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Starts the run, and kills its engine once the step is under way and known to the journal.
fn killed(project: &Project) -> Process {
    let mut engine = project.command(&["exec", "once"]).spawn().expect("the binary can be run");
    wait_until("the step began", || project.has("ledger"));
    let mut spawned = None;
    wait_until("its process is recorded", || {
        let store = Store::open_read_only(project.journal()).expect("a journal");
        let run = store.runs(&Filter::default()).expect("runs").remove(0).id;
        let records = store.load(&run).expect("the run").records;
        spawned = records.into_iter().find_map(|record| match record.event {
            Event::Spawned { process, .. } => Some(process),
            _ => None,
        });
        spawned.is_some()
    });
    let pid = Pid::from_raw(engine.id().cast_signed()).expect("a process has a number");
    kill_process(pid, Signal::KILL).expect("the engine can be killed");
    engine.wait().expect("the engine is gone");
    spawned.expect("it was waited for")
}

fn ledger(project: &Project) -> String {
    std::fs::read_to_string(project.root().join("ledger")).expect("the step began")
}

#[test]
fn a_step_whose_end_is_unknown_is_in_doubt_until_a_person_settles_it() {
    let project = Project::new().file("runbooks/once.yaml", ONCE);
    killed(&project);
    let status = project.run(&["status"]).code(0).to_string();
    assert!(status.contains("in doubt"), "{status}");
    assert!(status.contains("--done pay") && status.contains("--retry pay"), "{status}");

    // Its command outlived the engine: see `outlived.rs`.
    project.write("go", "");
    // It may have paid or not: the engine does not guess.
    project.run(&["resume"]).code(3);
    assert_eq!(ledger(&project), "paid\n");
    assert!(!project.has("thanked"));

    let settled = project.run(&["resume", "--done", "pay", "--reason", "seen in the bank's console"]).code(0);
    assert_eq!(ledger(&project), "paid\n");
    assert!(project.has("thanked"), "{settled}");
}

#[test]
fn a_person_may_say_to_run_it_again() {
    let project = Project::new().file("runbooks/once.yaml", ONCE);
    killed(&project);
    project.write("go", "");
    project.run(&["resume", "--retry", "pay"]).code(0);
    assert_eq!(ledger(&project), "paid\npaid\n");
}

/// A step that can be undone, and that lives until `go` is there.
const UNDONE: &str = r#"
runbook: once
title: A door
steps:
  - id: pay
    shell: 'echo open >> ledger; while [ ! -e go ]; do sleep 0.05; done'
    rollback: {run: "sh -c 'echo shut >> ledger'"}
finally:
  - id: tell
    shell: 'echo "{{ run.status }}" >> told'
"#;

#[test]
fn a_step_in_doubt_is_undone_by_a_rollback_without_being_settled_first() {
    let project = Project::new().file("runbooks/once.yaml", UNDONE);
    killed(&project);
    project.write("go", "");
    let shown = project.run(&["rollback", "--yes"]).to_string();
    assert!(shown.contains("rolled back"), "{shown}");
    assert_eq!(ledger(&project), "open\nshut\n");
    let told = std::fs::read_to_string(project.root().join("told")).expect("finally ran");
    assert_eq!(told, "rolled back\n");
}

/// A step beside another one that lives on.
const BESIDE: &str = r#"
runbook: once
title: Two at once
steps:
  - id: long
    shell: 'echo begun >> ledger; while [ ! -e go ]; do sleep 0.05; done'
    irreversible: It only writes.
  - id: quick
    needs: []
    shell: 'while [ ! -e quick ]; do sleep 0.05; done'
    irreversible: It only waits.
  - id: after
    needs: [quick]
    run: touch after
    irreversible: It only writes.
"#;

#[test]
fn with_the_journal_gone_nothing_more_starts_and_ctrl_c_still_stops_what_runs() {
    let project = Project::new().file("runbooks/once.yaml", BESIDE);
    let mut command = project.command(&["exec", "once"]);
    let mut engine = command.stderr(Stdio::piped()).spawn().expect("the binary can be run");
    wait_until("the step began", || project.has("ledger"));
    std::fs::remove_file(project.journal()).expect("there is a journal");
    // Its end can't be recorded; `long` is let finish, for as long as nobody stops it.
    project.write("quick", "");
    std::thread::sleep(Duration::from_secs(1));
    assert!(engine.try_wait().expect("it is ours").is_none(), "what runs is let finish");
    let pid = Pid::from_raw(engine.id().cast_signed()).expect("a process has a number");
    kill_process(pid, Signal::INT).expect("the engine can be told");
    wait_until("the engine ended", || engine.try_wait().expect("it is ours").is_some());
    let output = engine.wait_with_output().expect("what it said");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_ne!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("quick: it exited with 0") && said.contains("long: it was stopped"), "{said}");
    assert!(!project.has("after"), "{said}");
}
