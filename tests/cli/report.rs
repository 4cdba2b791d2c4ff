//! The account of a run, and what is in doubt wherever a run is shown.

use std::process::Stdio;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::project::Project;

const SHOP: &str = r#"
runbook: shop
title: Opens a shop
vars:
  env: {type: string, default: prod}
steps:
  - id: door
    capture: {run: [echo, shut], outputs: {door: stdout | trim}}
    changes: "door {{ captured.door }} → open"
    run: [touch, door]
    verify: {run: [test, -e, door], pass: exit_code == 0}
    rollback: {run: [rm, door]}
  - id: pay
    shell: |
      echo 'paying | <b>1</b>'
      touch paid
      while [ ! -e go ]; do sleep 0.05; done
      exit 7
    irreversible: Money does not come back.
"#;

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A project whose engine was killed while `pay` ran; the command has ended since.
fn killed() -> Project {
    let project = Project::new().file("runbooks/shop.yaml", SHOP);
    let mut command = project.command(&["exec", "shop"]);
    let mut engine = command.stderr(Stdio::null()).spawn().expect("the binary can be run");
    wait_until("the step began", || project.has("paid"));
    wait_until("its process is recorded", || {
        let status =
            project.command(&["report", "--format", "json"]).output().expect("the binary can be run");
        String::from_utf8_lossy(&status.stdout).contains("\"pay\"")
    });
    let pid = Pid::from_raw(engine.id().cast_signed()).expect("a process has a number");
    kill_process(pid, Signal::KILL).expect("the engine can be killed");
    engine.wait().expect("the engine is gone");
    project.write("go", "");
    project
}

fn json(project: &Project, arguments: &[&str]) -> serde_json::Value {
    let shown = project.run(arguments).code(0);
    serde_json::from_str(&shown.stdout).expect("one JSON document")
}

#[test]
fn a_step_in_doubt_is_shown_as_such_wherever_its_run_is() {
    let project = killed();
    let runs = json(&project, &["runs", "--format", "json"]);
    assert_eq!(runs["runs"][0]["in_doubt"], serde_json::json!(["pay"]));
    assert!(project.run(&["runs"]).stdout.contains("? in doubt"));
    let status = project.run(&["status"]).code(0).stdout;
    for wanted in
        ["? pay", "| paying | <b>1</b>", "its command, attempt 1, begun", "--done pay", "--retry pay"]
    {
        assert!(status.contains(wanted), "no `{wanted}` in\n{status}");
    }
    for document in
        [json(&project, &["status", "--format", "json"]), json(&project, &["report", "--format", "json"])]
    {
        let doubt = &document["doubts"][0];
        assert_eq!((doubt["step"].as_str(), doubt["stage"].as_str()), (Some("pay"), Some("action")));
        assert_eq!(doubt["output"], "paying | <b>1</b>");
        assert_eq!(doubt["on_interrupt"], "ask");
        assert_eq!(doubt["settle"].as_array().map(Vec::len), Some(3), "{doubt}");
    }
    let report = project.run(&["report"]).code(0).stdout;
    assert!(report.contains("## In doubt\n\n**pay**") && report.contains("--done pay --reason"), "{report}");
}

#[test]
fn the_account_tells_what_was_decided_and_undone() {
    let project = killed();
    let run = project.newest();
    wait_until("its command ended", || {
        project.run(&["resume", &run, "--skip", "pay", "--reason", "not today"]).code == Some(0)
    });
    project.run(&["rollback", &run, "--yes", "--approve", "pay"]).code(0);
    assert!(!project.has("door"));
    let account = json(&project, &["report", &run, "--format", "json"]);
    assert_eq!(account["status"], "rolled-back");
    assert_eq!(account["vars"]["env"], "prod");
    let texts: Vec<&str> =
        account["people"].as_array().expect("a list").iter().filter_map(|one| one["text"].as_str()).collect();
    assert!(
        texts.iter().any(|text| text.contains("go on without it") && text.contains("not today")),
        "{texts:?}"
    );
    let door = account["changes"].as_array().expect("a list").iter().find(|one| one["step"] == "door");
    let door = door.expect("it was changed");
    assert_eq!((door["standing"].as_str(), door["undo"].as_str()), (Some("undone"), Some("rm door")));
    assert_eq!(door["captured"]["door"], "shut");
    let page = project.run(&["report", &run, "--format", "html"]).code(0).stdout;
    assert!(page.starts_with("<!doctype html>") && !page.contains("<b>1</b>"), "{page}");
}

#[test]
fn a_verb_says_what_it_writes() {
    let project = Project::new().file("runbooks/shop.yaml", SHOP);
    assert_snapshot!(project.run(&["list", "--format", "html"]), @r"
    $ runbook list --format html
    --- stderr
    error: this verb does not write html
     hint: it writes text, json
    --- exit status: 2
    ");
    assert_snapshot!(project.run(&["report"]), @r"
    $ runbook report
    --- stderr
    error: there is no journal at [HOME]/.local/state/runbook/journal.db yet; `runbook exec` makes it
    --- exit status: 2
    ");
}
