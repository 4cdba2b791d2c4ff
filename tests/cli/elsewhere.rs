//! Verbs that reach a run from another terminal: cancel, and the proof that its journal is as it was written.

use std::time::{Duration, Instant};

use insta::assert_snapshot;

use crate::support::project::Project;

const SLOW: &str = r#"
runbook: slow
title: Take long
steps:
  - id: long
    shell: 'touch begun; sleep 600'
    rollback: {run: rm begun}
"#;

fn slow() -> Project {
    Project::new().file("runbooks/slow.yaml", SLOW)
}

#[test]
fn cancel_stops_a_live_run_and_leaves_nothing_behind() {
    let project = slow();
    let mut engine =
        project.command(&["exec", "slow"]).stderr(std::process::Stdio::null()).spawn().expect("it runs");
    let began = Instant::now();
    while !project.has("begun") {
        assert!(began.elapsed() < Duration::from_secs(30), "the step never began");
        std::thread::sleep(Duration::from_millis(20));
    }
    let run = project.newest();
    project.run(&["cancel", &run]).code(0);
    let code = engine.wait().expect("the engine ends").code();
    assert_eq!(code, Some(130), "as Ctrl-C would");
    assert_eq!(runbook::exec::find_by_env(&[("RUNBOOK_RUN", &run)]), []);
    let status = project.run(&["status", &run]).to_string();
    assert!(status.contains("stopped"), "{status}");
    assert_snapshot!(project.run(&["cancel", &run]), @"
    $ runbook cancel [RUN]
    --- stderr
    error: run [RUN] is interrupted, and no engine drives it
     hint: `runbook status [RUN]` tells how it stands
    --- exit status: 2
    ");
}

#[test]
fn verify_proves_that_a_journal_is_as_it_was_written() {
    let project = slow().file(
        "runbooks/quick.yaml",
        "runbook: quick\ntitle: Quick\nsteps:\n  - {id: a, run: 'true', effect: read}\n",
    );
    project.run(&["exec", "quick"]).code(0);
    let run = project.newest();
    let shown = project.run(&["verify", &run]).code(0).to_string();
    assert!(shown.contains("is as it was written: "), "{shown}");

    let journal = rusqlite::Connection::open(project.journal()).expect("a journal");
    let changed = journal
        .execute(
            "UPDATE events SET body = replace(body, 'succeeded', 'satisfied') WHERE body LIKE '%finished%'",
            [],
        )
        .expect("the file can be written by its owner");
    assert_eq!(changed, 1);
    let shown = project.run(&["verify", &run]).code(1).to_string();
    assert!(shown.contains("was altered: event"), "{shown}");
}
