//! Where a rehearsal lives: beside the runs, and never among them.

use insta::assert_snapshot;

use super::{newest, project};
use crate::support::project::Project;

#[test]
fn it_is_no_run_and_no_verb_takes_it_for_one() {
    let project = project();
    project.run(&["rehearse", "up", "--fail", "script", "--approve", "go"]).code(1);
    let said = |arguments: &[&str]| project.run(arguments).to_string();
    let all = [said(&["runs", "--all"]), said(&["resume"]), said(&["rollback"]), said(&["status"])].concat();
    assert_snapshot!(all, @r"
    $ runbook runs --all
    --- stderr
    no runs yet
    $ runbook resume
    --- stderr
    error: there is no journal at [HOME]/.local/state/runbook/journal.db yet; `runbook exec` makes it
    --- exit status: 2
    $ runbook rollback
    --- stderr
    error: there is no journal at [HOME]/.local/state/runbook/journal.db yet; `runbook exec` makes it
    --- exit status: 2
    $ runbook status
    --- stderr
    error: there is no journal at [HOME]/.local/state/runbook/journal.db yet; `runbook exec` makes it
    --- exit status: 2
    ");
}

#[test]
fn every_verb_that_takes_a_run_finds_it() {
    let project = project();
    project.run(&["rehearse", "up"]).code(3);
    let run = newest(&project);
    let run = run.as_str();
    for arguments in [&["status", run][..], &["report", run], &["verify", run], &["logs", run]] {
        project.run(arguments).code(0);
    }
    for arguments in [&["status", run][..], &["report", run], &["report", run, "--format", "json"]] {
        let shown = project.run(arguments).code(0);
        assert!(shown.to_string().to_lowercase().contains("rehears"), "{shown}");
    }
    let shown = project.run(&["report", run]).code(0);
    assert!(shown.stdout.starts_with("# Rehearsal of up: "), "{shown}");
    project.run(&["approve", run, "go", "--yes"]).code(0);
    project.run(&["resume", run]).code(0);
    project.run(&["rollback", run, "--yes"]).code(0);
    let shown = project.run(&["cancel", run]);
    assert!(!shown.to_string().contains("no run"), "{shown}");
}

/// What begins alike is refused: by the order in which journals are looked into a real run would be undone.
#[test]
fn what_could_be_a_run_or_a_rehearsal_is_neither() {
    let text = "runbook: a\ntitle: T\nsteps:\n  - {id: bad, run: 'false', effect: read}\n";
    let project = Project::new()
        .file("runbooks/a.yaml", text)
        .file("runbooks/a.tape.yaml", "tape: 1\nanswers: [{run: 'false', exit: 1}]\n");
    project.run(&["exec", "a"]).code(1);
    project.run(&["rehearse", "a"]).code(1);
    for verb in ["rollback", "resume", "cancel", "status", "report", "logs", "verify"] {
        let output = project.command(&[verb, "r"]).output().expect("the binary can be run");
        assert_eq!(output.status.code(), Some(2), "{verb}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        for id in [project.newest(), newest(&project)] {
            assert!(said.contains("r could be") && said.contains(&id), "{verb}: {said}");
        }
    }
    project.run(&["status", &project.newest()]).code(0);
    project.run(&["status", &newest(&project)]).code(0);
}

/// A build that knows of no rehearsals reads the form of the first event, and refuses a later one than its own.
#[test]
fn an_older_build_refuses_it_and_takes_up_a_run() {
    let text = "runbook: a\ntitle: T\nsteps:\n  - {id: good, run: 'true', effect: read}\n";
    let project = Project::new()
        .file("runbooks/a.yaml", text)
        .file("runbooks/a.tape.yaml", "tape: 1\nanswers: [{run: 'true'}]\n");
    project.run(&["exec", "a"]).code(0);
    project.run(&["rehearse", "a"]).code(0);
    let form = |name: &str| {
        let journal =
            rusqlite::Connection::open(project.journal().with_file_name(name)).expect("it is there");
        let form = "SELECT json_extract(body, '$.version') FROM events WHERE seq = 1";
        journal.query_row(form, [], |row| row.get::<_, u32>(0)).expect("a run has a first event")
    };
    assert_eq!((form("journal.db"), form("rehearsals.db")), (1, 2));
}

#[test]
fn its_journal_is_no_journal_of_runs() {
    let project = project();
    project.run(&["rehearse", "up"]).code(3);
    let rehearsals = project.journal().with_file_name("rehearsals.db").display().to_string();
    for verb in ["runs", "resume", "rollback"] {
        let shown = project.run(&["--store", &rehearsals, verb]).code(2).to_string();
        assert!(shown.contains("error: --store: rehearsals.db is the journal of rehearsals"), "{shown}");
    }
}

#[test]
fn it_takes_no_lock_and_waits_for_none() {
    let text = "runbook: a\ntitle: T\nlock: shared\nsteps:\n  - {id: bad, run: 'false', effect: read}\n";
    let project = Project::new()
        .file("runbooks/a.yaml", text)
        .file("runbooks/a.tape.yaml", "tape: 1\nanswers: [{run: 'false', exit: 1}]\n");
    project.run(&["exec", "a"]).code(1);
    project.run(&["exec", "a"]).code(6);
    project.run(&["rehearse", "a"]).code(1);
    project.run(&["rehearse", "a"]).code(1);
}

#[test]
fn it_goes_on_as_it_was_begun_although_tape_and_runbook_changed() {
    let project = project();
    project.run(&["rehearse", "up"]).code(3);
    project.write("runbooks/up.tape.yaml", "tape: 1\nanswers: []\n");
    let run = newest(&project);
    project.run(&["resume", &run, "--latest"]).code(2);
    project.run(&["resume", &run, "--detach"]).code(2);
    project.run(&["resume", &run, "--approve", "go"]).code(0);
    assert!(!project.has("spawned"));
}
