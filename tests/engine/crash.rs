//! The engine killed with SIGKILL in the middle of a step: what was begun is in doubt, shown as such, and never repeated
//! in silence.

use std::time::{Duration, Instant};

use runbook::journal::{Filter, Store};
use runbook::machine::Event;
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

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Starts the run, and kills its engine once the step is under way and known to the journal.
fn killed(project: &Project) {
    let mut engine = project.command(&["exec", "once"]).spawn().expect("the binary can be run");
    wait_until("the step began", || project.has("ledger"));
    wait_until("its process is recorded", || {
        let store = Store::open_read_only(project.journal()).expect("a journal");
        let run = store.runs(&Filter::default()).expect("runs").remove(0).id;
        let records = store.load(&run).expect("the run").records;
        records.iter().any(|record| matches!(record.event, Event::Spawned { .. }))
    });
    let pid = Pid::from_raw(engine.id().cast_signed()).expect("a process has a number");
    kill_process(pid, Signal::KILL).expect("the engine can be killed");
    engine.wait().expect("the engine is gone");
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

    // Its command outlived the engine: it is found again, and not doubled.
    let running = project.run(&["resume"]).code(2).to_string();
    assert!(running.contains("`pay` is still at work"), "{running}");
    project.write("go", "");
    wait_until("the command ended", || !project.run(&["resume"]).to_string().contains("still at work"));

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
    wait_until("the command ended", || !project.run(&["resume"]).to_string().contains("still at work"));
    project.run(&["resume", "--retry", "pay"]).code(0);
    assert_eq!(ledger(&project), "paid\npaid\n");
}
