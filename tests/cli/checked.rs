//! What `check` says beyond the mistakes of a file: what is silenced, and names that two files claim.

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::project::Project;

const SILENCED: &str = "runbook: a
title: A
steps:
  - id: one
    shell: echo {{ run.id | raw_shell }} # allow RB0403: ids hold letters and digits only
    effect: read
  - id: two
    effect: read
    # allow RB0408: the file is a scratch file of this run
    run: rm -f scratch
";

fn silenced() -> Project {
    Project::new().file("runbooks/a.yaml", SILENCED)
}

#[test]
fn a_warning_is_silenced_with_a_reason() {
    assert_snapshot!(silenced().run(&["check", "--deny", "warnings"]), @r"
    $ runbook check --deny warnings
    1 runbook, no mistakes, 2 silenced
    ");
    let plan = silenced().run(&["plan", "a"]).code(0).to_string();
    assert!(!plan.contains("warning"), "{plan}");
}

#[test]
fn what_is_silenced_is_told_to_programs() {
    let json = |form: &str| -> Value {
        let shown = silenced().run(&["check", "--format", form]).code(0);
        serde_json::from_str(&shown.stdout).expect("one JSON document")
    };
    let document = json("json");
    assert_eq!(document["diagnostics"], Value::Array(Vec::new()));
    let first = &document["silenced"][0];
    assert_eq!(first["code"], "RB0403");
    assert_eq!(first["reason"], "ids hold letters and digits only");
    assert_eq!((&first["line"], &first["silenced_at"]["line"]), (&5.into(), &5.into()), "{first}");
    assert_eq!(document["silenced"][1]["silenced_at"]["line"], 9);
    let results = json("sarif")["runs"][0]["results"].clone();
    assert_eq!(results.as_array().map(Vec::len), Some(2));
    assert_eq!(results[0]["suppressions"][0]["justification"], "ids hold letters and digits only");
    assert_eq!(results[0]["suppressions"][0]["kind"], "inSource");
}

#[test]
fn an_error_is_not_silenced() {
    let project = Project::new().file(
        "runbooks/a.yaml",
        "runbook: a\ntitle: A\nsteps:\n  - {id: one, run: touch a} # allow RB0401: nobody minds\n",
    );
    let shown = project.run(&["check"]).code(2).to_string();
    assert!(shown.contains("RB0401") && shown.contains("RB0418"), "{shown}");
}

#[test]
fn two_files_that_claim_one_name_are_told() {
    let project =
        silenced().file("runbooks/a.yml", "runbook: a\n").file("runbooks/lost.yml", "runbook: lost\n");
    assert_snapshot!(project.run(&["check"]), @r"
    $ runbook check
    error[RB0226]: `runbooks/a.yaml` and `runbooks/a.yml` claim one name: `a`
     |
     = note: only `runbooks/a.yaml` is read, so what is changed in the other has no effect
     = help: keep one of them, with the ending `.yaml`

    warning[RB0227]: `runbooks/lost.yml` is never found: the file of a runbook ends in `.yaml`
     |
     = help: rename it: `runbooks/lost.yaml`

    1 runbook, 1 error, 1 warning, 2 silenced
    more about each: runbook explain RB0226
    --- exit status: 2
    ");
    project.run(&["check", "a"]).code(0);
}

#[test]
fn a_program_that_is_not_here_is_a_note() {
    let project = Project::new().file(
        "runbooks/a.yaml",
        "runbook: a\ntitle: A\nsteps:\n  - {id: one, run: no-such-program-here --version, effect: read}\n",
    );
    assert_snapshot!(project.run(&["check", "--deny", "warnings"]), @r"
    $ runbook check --deny warnings
    note[RB0602]: `no-such-program-here` is not installed here, and `a` needs it
     |
     = note: `no-such-program-here` is needed by one

    1 runbook, no mistakes
    more about it: runbook explain RB0602
    ");
}
