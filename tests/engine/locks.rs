//! Locks across runs: a run keeps its lock until it ended well or was rolled back, whatever became of its engine.

use crate::support::live::{Live, killed, records, spawned, wait_until};
use crate::support::project::Project;
use runbook::machine::Event;
use rustix::process::Signal;

/// Returns a project with a runbook `NAME` for each of these steps, all under one lock.
fn locked(runbooks: &[(&str, &str)]) -> Project {
    let project = Project::new();
    for (name, step) in runbooks {
        let text = format!("runbook: {name}\ntitle: Title of {name}\nlock: prod\nsteps:\n  - {step}\n");
        project.write(&format!("runbooks/{name}.yaml"), text);
    }
    project
}

const QUICK: (&str, &str) = ("quick", "{id: a, run: 'true', effect: read}");
const SLOW: (&str, &str) = (
    "slow",
    "{id: a, shell: 'while [ ! -e go ]; do sleep 0.05; done', on_interrupt: rerun, rollback: {run: 'true'}}",
);

/// Insists that the lock is held by `run`, and returns what is said of it.
#[track_caller]
fn held(project: &Project, run: &str) -> String {
    let before = count(project);
    let output = project.command(&["exec", "quick"]).output().expect("the binary can be run");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains(&format!("the lock `prod` is held by run {run}")), "{said}");
    assert_eq!(count(project), before, "no run was made");
    let listed = project.run(&["runs"]).code(0).to_string();
    assert!(listed.contains("holds the lock prod"), "{listed}");
    assert_eq!(listing(project)["runs"][0]["locks"][0], "prod");
    said
}

fn count(project: &Project) -> usize {
    listing(project)["runs"].as_array().map_or(0, Vec::len)
}

fn listing(project: &Project) -> serde_json::Value {
    let output =
        project.command(&["runs", "--all", "--format", "json"]).output().expect("the binary can be run");
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

#[test]
fn who_finds_it_held_hears_by_whom_since_when_what_for_and_what_to_type() {
    let project = locked(&[QUICK, SLOW]);
    let engine = Live::start(project.command(&["exec", "slow", "--reason", "ticket 7"]));
    spawned(&project, "a");
    let run = project.newest();
    let said = held(&project, &run);
    for part in [
        "(Title of slow, running) of ann on",
        " since 20",
        ": ticket 7",
        "until it has succeeded or is rolled back",
        "runbook status",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    project.write("go", "");
    engine.ends_with(0);
    project.run(&["exec", "quick"]).code(0);
}

#[test]
fn a_dead_engines_lock_goes_only_with_its_run() {
    let project = locked(&[QUICK, SLOW]);
    killed(&project, "slow", "a");
    let run = project.newest();
    held(&project, &run);
    project.write("go", "");
    project.run(&["resume", &run]).code(0);
    project.run(&["exec", "quick"]).code(0);
}

#[test]
fn a_failed_run_a_waiting_person_and_a_stopped_run_keep_it_until_the_rollback() {
    for (step, code) in [
        ("{id: a, shell: 'touch did; exit 1', rollback: {run: 'true'}}", 1),
        ("{id: a, approve: {prompt: 'Go?'}}", 3),
    ] {
        let project = locked(&[QUICK, ("other", step)]);
        project.run(&["exec", "other"]).code(code);
        let run = project.newest();
        held(&project, &run);
        project.run(&["rollback", &run, "--yes"]).code(0);
        project.run(&["exec", "quick"]).code(0);
    }
    let project = locked(&[QUICK, SLOW]);
    let engine = Live::start(project.command(&["exec", "slow"]));
    spawned(&project, "a");
    engine.signal(Signal::TERM);
    engine.ends_with(143);
    let run = project.newest();
    held(&project, &run);
    project.run(&["rollback", &run, "--yes"]).code(0);
    project.run(&["exec", "quick"]).code(0);
}

#[test]
fn a_retry_that_waits_keeps_it() {
    let step = "{id: a, shell: 'exit 1', effect: read, retry: {attempts: 3, delay: 10m}}";
    let project = locked(&[QUICK, ("other", step)]);
    let engine = Live::start(project.command(&["exec", "other"]));
    wait_until("it waits", || {
        records(&project).iter().any(|one| matches!(one.event, Event::RetryScheduled { .. }))
    });
    held(&project, &project.newest());
    engine.signal(Signal::INT);
    engine.ends_with(130);
    held(&project, &project.newest());
}

#[test]
fn of_runs_that_begin_at_once_one_gets_it() {
    let project = locked(&[QUICK, SLOW]);
    // The journal is made first, since that is another race.
    project.run(&["exec", "quick"]).code(0);
    let mut all: Vec<Live> = (0..4).map(|_| Live::start(project.command(&["exec", "slow"]))).collect();
    wait_until("three were refused", || {
        all.iter_mut().filter_map(|one| one.is_over().then_some(())).count() == 3
    });
    project.write("go", "");
    let codes: Vec<Option<i32>> = all.into_iter().map(|one| one.end().0.code()).collect();
    assert_eq!(codes.iter().filter(|code| **code == Some(6)).count(), 3, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == Some(0)).count(), 1, "{codes:?}");
}
