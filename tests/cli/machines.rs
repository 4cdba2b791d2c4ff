//! What programs read: every verb's JSON is what its schema says, over the states that a run may be in, and what is promised
//! today stays.

mod events;
mod kept;
mod otlp;
mod page;
mod tracing;

use std::collections::BTreeMap;
use std::process::Output;
use std::sync::LazyLock;

use clap::ValueEnum;
use jsonschema::Validator;
use runbook::cli::outputs::{self, Output as Verb};
use serde_json::Value;

use crate::support::live::wait_until;
use crate::support::project::Project;

static VALIDATORS: LazyLock<BTreeMap<String, Validator>> = LazyLock::new(|| {
    let one = |verb: &Verb| {
        let validator = jsonschema::draft202012::options().should_validate_formats(true);
        (name(*verb), validator.build(&outputs::schema(*verb)).expect("the schema is one"))
    };
    Verb::value_variants().iter().map(one).collect()
});

fn name(verb: Verb) -> String {
    verb.to_possible_value().expect("each has a name").get_name().to_owned()
}

/// Insists that a document is as the schema of `verb` says.
#[track_caller]
fn holds(verb: &str, document: &Value) {
    let wrong: Vec<String> = VALIDATORS[verb]
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(wrong.is_empty(), "{verb}: {}\n{document:#}", wrong.join("\n"));
}

/// Runs a verb with `--format json` and holds each document that it writes against the verb's schema.
#[track_caller]
fn read(project: &Project, arguments: &[&str]) -> (Vec<Value>, i32) {
    let mut all = arguments.to_vec();
    all.extend(["--format", "json"]);
    let output = project.command(&all).output().expect("the binary can be run");
    (documents(arguments[0], &output), output.status.code().unwrap_or(-1))
}

#[track_caller]
fn documents(verb: &str, output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).expect("JSON is UTF-8");
    let documents: Vec<Value> = serde_json::Deserializer::from_str(&text)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap_or_else(|error| panic!("{verb}: {error}: {text}"));
    documents.iter().for_each(|document| holds(verb, document));
    documents
}

/// Runs a verb that writes one document.
#[track_caller]
fn one(project: &Project, arguments: &[&str], code: i32) -> Value {
    let (mut documents, ended) = read(project, arguments);
    assert_eq!((documents.len(), ended), (1, code), "{arguments:?} wrote {documents:#?}");
    documents.remove(0)
}

/// Reads a run with every verb that tells of one, and returns its status.
#[track_caller]
fn told(project: &Project, run: &str) -> Value {
    one(project, &["report", run], 0);
    one(project, &["verify", run], 0);
    one(project, &["logs", run], 0);
    one(project, &["runs", "--all"], 0);
    one(project, &["runs"], 0);
    one(project, &["status", run], 0)
}

/// Everything a step may have, on any Linux machine; `ok` decides whether the last one goes well.
const WHOLE: &str = r#"
runbook: whole
title: Do a bit of everything
vars:
  ok: {type: boolean, default: true}
  go: {type: boolean, default: true}
  token: {type: secret, required: false, from: {env: TOKEN}}
environment: {STAGE: test}
target: {host: echo here}
hooks:
  failed: "false"
lock: whole
steps:
  - id: look
    phase: Before
    run: echo 3
    effect: read
    outputs: {n: stdout | int}
  - id: never
    when: "not go"
    run: echo never
    effect: read
  - id: each
    for_each: [a, b]
    needs: look
    capture: {run: echo 1, outputs: {before: stdout | trim}}
    changes: "{{ captured.before }} → {{ item }}"
    run: [sh, -c, 'echo {{ item }}']
    env: {TOKEN: "{{ token | default('none') }}"}
    verify: {run: echo ready, pass: "stdout | trim == 'ready'", every: 100ms, within: 5s}
    rollback: {run: echo back}
  - id: again
    needs: each
    shell: 'test -e tried || { : > tried; echo not yet; exit 3; }'
    retry: {attempts: 2, delay: 10ms}
    idempotent: true
    rollback: {run: echo back}
  - id: nothing
    needs: again
    run: echo unneeded
    capture: {run: echo same, outputs: {x: stdout | trim}}
    satisfied: "captured.x == 'same'"
    rollback: {run: echo back}
  - id: ends
    needs: nothing
    run: [test, "{{ ok }}", "==", "true"]
    irreversible: It only looks.
finally:
  - id: after
    run: echo over
"#;

fn whole() -> Project {
    Project::new().file("runbooks/whole.yaml", WHOLE).env("TOKEN", "hunter22-hunter22")
}

#[test]
fn a_run_that_goes_well_is_what_the_schemas_say() {
    let project = whole();
    let (lines, code) = read(&project, &["exec", "whole"]);
    assert_eq!(code, 0, "{lines:#?}");
    let status = told(&project, &project.newest());
    assert_eq!(
        (status["summary"]["state"].as_str(), status["summary"]["next"].as_array().map(Vec::len)),
        (Some("succeeded"), Some(0))
    );
    assert_eq!((&status["summary"]["done"], &status["summary"]["of"]), (&8.into(), &8.into()), "{status:#}");
    assert_eq!(status["summary"]["line"], "whole 8/8 succeeded");
    let (lines, code) = read(&project, &["rollback", &project.newest(), "--yes", "--approve", "ends"]);
    assert_eq!(code, 0, "{lines:#?}");
    assert_eq!(told(&project, &project.newest())["summary"]["state"], "rolled-back");
}

#[test]
fn a_failure_and_all_that_may_follow_is_what_the_schemas_say() {
    let project = whole();
    let (_, code) = read(&project, &["exec", "whole", "--var", "ok=false", "--reason", "a drill"]);
    assert_eq!(code, 1);
    let run = project.newest();
    let status = told(&project, &run);
    let summary = &status["summary"];
    assert_eq!((&summary["state"], &summary["failed"][0]), (&"failed".into(), &"ends".into()));
    assert_eq!(summary["line"], "whole 7/8 failed: ends", "{status:#}");
    let next = summary["next"].as_array().expect("commands");
    assert!(next.iter().any(|one| one["command"].as_str().is_some_and(|text| text.contains("resume"))));

    // It goes on with another file, and is told so; another secret that fails; then it is undone in two parts.
    project.write(
        "runbooks/whole.yaml",
        WHOLE.replace("irreversible: It only looks.", "irreversible: It is a test."),
    );
    let (lines, _) = read(&project, &["resume", &run]);
    assert!(lines.iter().any(|line| line.get("changed").is_some()), "{lines:#?}");
    let (lines, _) = read(&project, &["resume", &run, "--latest"]);
    assert!(lines.iter().any(|line| line["changed"].get("taken").is_some()), "{lines:#?}");
    project.write("runbooks/whole.yaml", "runbook: [");
    let (lines, _) = read(&project, &["resume", &run]);
    assert!(lines.iter().any(|line| line["changed"].get("unread").is_some()), "{lines:#?}");
    let (lines, code) = read(&project, &["rollback", &run, "--to", "again", "--yes", "--approve", "ends"]);
    assert_eq!(code, 0, "{lines:#?}");
    assert_eq!(told(&project, &run)["summary"]["state"], "partly-undone");
    read(&project, &["rollback", &run, "--yes", "--approve", "ends"]);
    assert_eq!(told(&project, &run)["summary"]["state"], "rolled-back");
}

#[test]
fn a_run_that_waits_is_what_the_schemas_say() {
    let text = "runbook: asks\ntitle: Ask\nsteps:\n  - id: go\n    approve: {prompt: Shall it?, by: [ann, bob], count: 2}\n  \
                - id: act\n    run: echo acting\n    irreversible: No.\n  - id: by_hand\n    manual: Press the button\n";
    let project = Project::new().file("runbooks/asks.yaml", text);
    assert_eq!(read(&project, &["exec", "asks"]).1, 3);
    let run = project.newest();
    let status = told(&project, &run);
    let waited = &status["summary"]["waiting_for"][0];
    assert_eq!(
        (&waited["step"], &waited["who"], &waited["question"]),
        (&"go".into(), &"ann or bob".into(), &"approval".into())
    );
    assert_eq!(status["summary"]["line"], "asks 0/3 waits: go");
    project.run(&["approve", &run, "go", "--reject", "--note", "not today"]);
    told(&project, &run);
    read(&project, &["resume", &run]);
    told(&project, &run);
    // Detached, its engine waits; somebody who watches by a bar sees who is asked.
    let detached = one(&project, &["exec", "asks", "--detach"], 0);
    let run = detached["run"].as_str().expect("its id").to_owned();
    wait_until("it asks", || told(&project, &run)["summary"]["state"] == "asking");
    project.run(&["cancel", &run]);
    wait_until("it is stopped", || told(&project, &run)["summary"]["state"] == "interrupted");
}

#[test]
fn a_run_in_doubt_and_one_that_can_not_be_undone_are_what_the_schemas_say() {
    let text = "runbook: dies\ntitle: Die\nsteps:\n  - id: before\n    run: echo before\n    rollback: {run: 'false'}\n  \
                - id: die\n    needs: before\n    shell: 'test -e died || { : > died; kill -9 $PPID; sleep 0.2; }'\n    irreversible: No.\n";
    let project = Project::new().file("runbooks/dies.yaml", text);
    read(&project, &["exec", "dies"]);
    let run = project.newest();
    wait_until("its engine's lease is over", || told(&project, &run)["summary"]["state"] == "in-doubt");
    assert_eq!(one(&project, &["status"], 0)["summary"]["line"], "dies 1/2 in doubt: die");
    read(&project, &["resume", &run]);
    told(&project, &run);
    assert_eq!(read(&project, &["resume", &run, "--retry", "die"]).1, 0);
    assert_eq!(read(&project, &["rollback", &run, "--yes", "--approve", "die"]).1, 5);
    assert_eq!(told(&project, &run)["summary"]["state"], "rollback-failed");
}

#[test]
fn where_nothing_has_run_yet_a_prompt_is_told_so_and_nothing_is_made() {
    let project = whole();
    let none = one(&project, &["status"], 0);
    assert_eq!(none, serde_json::json!({ "version": 1, "run": null, "summary": null }));
    assert!(!project.journal().exists(), "who only looks makes no journal");
    read(&project, &["exec", "whole"]);
    assert_eq!(one(&project, &["status"], 0), none, "none is unfinished");
    // Somebody who names a run wants that one.
    project.run(&["status", "r0000000", "--format", "json"]).code(2);
    project.run(&["status"]).code(2);
}

#[test]
fn what_is_read_before_a_run_is_what_the_schemas_say() {
    let project = whole();
    project.write("steps/mine.yaml", "step: mine\ntitle: Mine\nsummary: Looks.\nparams:\n  a: {type: string, help: What}\nrun: echo {{ params.a }}\neffect: read\n");
    one(&project, &["list"], 0);
    one(&project, &["list", "--steps"], 0);
    one(&project, &["show", "whole"], 0);
    one(&project, &["show", "kubectl/scale"], 0);
    one(&project, &["plan", "whole"], 0);
    one(&project, &["plan", "whole", "--observe"], 0);
    one(&project, &["plan", "whole", "--out", "kept.plan"], 0);
    one(&project, &["show", "kept.plan"], 0);
    one(&project, &["new", "runbook", "fresh"], 0);
    one(&project, &["explain"], 0);
    one(&project, &["explain", "RB0101"], 0);
    one(&project, &["check", "whole"], 0);
    project.write("runbooks/bad.yaml", "runbook: bad\ntitle: Bad\nunknown: 1\nsteps:\n  # runbook: allow unused-var\n  - id: a\n    run: echo\n");
    let found = one(&project, &["check"], 2);
    assert!(found["errors"].as_u64() > Some(0), "{found:#}");
    one(&project, &["list"], 0);
    project
        .write("notes.md", "# Restart\n\n1. Look at it\n\n```sh\nkubectl get pods\n```\n\n2. Ask somebody\n");
    one(&project, &["import", "notes.md"], 0);
    one(&project, &["import", "notes.md", "--out", "runbooks/restart.yaml"], 0);
}

#[test]
fn the_schema_of_each_verb_is_printed() {
    let project = Project::new();
    for verb in Verb::value_variants() {
        let shown = project.run(&["schema", "--output", &name(*verb)]).code(0);
        let printed: Value = serde_json::from_str(&shown.stdout).expect("JSON");
        assert_eq!(printed, outputs::schema(*verb));
        assert_eq!(printed["$schema"], "https://json-schema.org/draft/2020-12/schema");
    }
    project.run(&["schema", "--output", "graph"]).code(2);
    project.run(&["schema", "step", "--output", "status"]).code(2);
}

#[test]
fn a_lock_that_another_run_has_is_waited_for_as_the_schemas_say() {
    let text = "runbook: holds\ntitle: Hold\nsteps:\n  - id: act\n    lock: one\n    run: 'false'\n    irreversible: No.\n";
    let project = Project::new().file("runbooks/holds.yaml", text);
    assert_eq!(read(&project, &["exec", "holds"]).1, 1);
    let waits =
        project.command(&["exec", "holds", "--detach", "--format", "json"]).output().expect("it runs");
    let detached = documents("exec", &waits);
    let run = detached[0]["run"].as_str().expect("its id").to_owned();
    wait_until("it waits for the lock", || {
        let status = told(&project, &run);
        status["summary"]["running"][0]["standing"] == "awaits-lock"
    });
    project.run(&["cancel", &run]);
    wait_until("it is stopped", || told(&project, &run)["summary"]["state"] == "interrupted");
}

#[test]
fn rehearsals_and_tests_are_what_the_schemas_say() {
    let project = Project::new().file(
        "runbooks/small.yaml",
        "runbook: small\ntitle: Small\nsteps:\n  - id: act\n    run: do-it\n    rollback: {run: undo-it}\n",
    );
    project.write(
        "runbooks/small.tape.yaml",
        "tape: 1\nanswers:\n  - {run: do-it, stdout: done}\n  - {run: undo-it}\n",
    );
    let test = "runbook: small\ntape: small.tape.yaml\ntests:\n  - name: it goes well\n    expect: {status: succeeded}\n  - name: it does not\n    expect: {status: failed}\n";
    project.write("runbooks/small.test.yaml", test);
    let (lines, _) = read(&project, &["rehearse", "small", "--tape", "runbooks/small.tape.yaml"]);
    assert!(lines.iter().any(|line| line["event"]["kind"] == "rested"), "{lines:#?}");
    one(&project, &["runs", "--rehearsals"], 0);
    one(&project, &["test", "--list"], 0);
    let (told, code) = read(&project, &["test"]);
    assert!(code != 0 && told[0]["failed"].as_u64() > Some(0), "{told:#?}");
    read(&project, &["test", "--crash"]);
}
