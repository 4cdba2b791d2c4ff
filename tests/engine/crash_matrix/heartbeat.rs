//! Killed while it says that it is alive, five seconds into a step.

use std::time::{Duration, Instant};

use super::ledger::Ledger;
use super::scenario::DID;
use super::seen::Run;
use crate::support::project::Project;

const SLOW: &str = r#"
runbook: r
title: Waits for a file
steps:
  - {id: a, shell: "while [ ! -e go ]; do sleep 0.05; done; sh did", irreversible: It only counts.}
  - {id: b, run: sh did, irreversible: It only counts.}
"#;

fn killed_at(point: &str) {
    let project = Project::new().file("runbooks/r.yaml", SLOW).file("did", DID).file("ledger", "");
    let output = project.command(&["exec", "r"]).env("RUNBOOK_CRASH_AT", point).output();
    assert_eq!(output.expect("the binary can be run").status.code(), None, "it did not reach {point}");
    project.write("go", "");
    let began = Instant::now();
    while Run::load(&project).expect("the run is there").has_processes() {
        assert!(began.elapsed() < Duration::from_secs(60), "its command does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    project.run(&["resume"]).code(3);
    project.run(&["resume", "--done", "a", "--reason", "it is in the ledger"]).code(0);
    let ledger = std::fs::read_to_string(project.root().join("ledger")).expect("it was made");
    assert_eq!(Ledger::parse(&ledger), Ledger::parse("a 1 do\nb 1 do\n"));
}

#[test]
fn killed_around_a_heartbeat_a_run_is_taken_up_like_any_other() {
    std::thread::scope(|scope| {
        scope.spawn(|| killed_at("heartbeat:before"));
        scope.spawn(|| killed_at("heartbeat:after"));
    });
}
