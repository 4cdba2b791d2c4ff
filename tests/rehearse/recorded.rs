//! Tapes that were recorded.

use std::fs;
use std::process::Stdio;

use super::newest;
use crate::support::project::Project;

/// With captures, gates that are polled, a `for_each`, a script, a secret and an undo that reads what was captured.
const REAL: &str = "\
runbook: real
title: T
target: {here: echo cluster-1}
vars: {token: {type: secret}}
steps:
  - id: put
    for_each: [a, b]
    env: {T: '{{ token }}'}
    capture: {run: 'cat {{ item }}.txt', outputs: {v: stdout | trim}}
    shell: |
      echo \"secret $T\"
      echo '{{ \"{{ 1 }}\" }} {name}'
      echo new > {{ item }}.txt
    verify: {run: 'cat {{ item }}.txt', pass: \"stdout | trim == 'new'\", every: 50ms, within: 20s, hold: 200ms}
    rollback: {run: 'cp /dev/stdin {{ item }}.txt', stdin: '{{ captured.v }}'}
  - {id: last, run: \"sh -c 'echo over >&2; exit 3'\", effect: read}
";

fn project() -> Project {
    Project::new()
        .file("runbooks/real.yaml", REAL)
        .file("a.txt", "old a\n")
        .file("b.txt", "old b\n")
        .env("RUNBOOK_VAR_TOKEN", "hunter22-and-more")
}

/// What a run came to, without what differs from run to run: the ends of its steps and of their undoing, in file order.
fn ends(project: &Project, run: &str) -> Vec<String> {
    super::steps(project, run)
}

#[test]
fn a_recorded_run_rehearses_to_the_same_end_and_changes_nothing() {
    let project = project();
    project.run(&["exec", "real", "--record", "t.yaml", "--on-failure", "rollback"]).code(4);
    let real = ends(&project, &project.newest());
    project.write("a.txt", "untouched");
    let shown = project.run(&["rehearse", "real", "--tape", "t.yaml", "--on-failure", "rollback"]).code(4);
    assert_eq!(ends(&project, &newest(&project)), real, "{shown}");
    assert!(shown.stdout.contains("last exited with 3"), "{shown}");
    assert_eq!(fs::read_to_string(project.root().join("a.txt")).unwrap_or_default(), "untouched");
}

#[test]
fn no_secret_is_on_the_tape_and_a_tape_is_never_written_over() {
    let project = project();
    project.run(&["exec", "real", "--record", "t.yaml"]).code(1);
    let tape = fs::read_to_string(project.root().join("t.yaml")).expect("it was recorded");
    assert!(tape.contains("secret •••") && !tape.contains("hunter22"), "{tape}");
    let before = project.newest();
    let shown = project.run(&["exec", "real", "--record", "t.yaml"]).code(2);
    assert!(shown.to_string().contains("there is such a file already"), "{shown}");
    assert_eq!(project.newest(), before, "nothing ran");
}

#[test]
fn what_ended_is_on_the_tape_when_the_engine_is_killed() {
    let project = project();
    let killed = project
        .command(&["exec", "real", "--record", "t.yaml"])
        .env("RUNBOOK_CRASH_AT", "60")
        .output()
        .expect("the binary can be run");
    assert_eq!(killed.status.code(), None, "it was killed");
    let tape = fs::read_to_string(project.root().join("t.yaml")).expect("it was recorded");
    let read: serde_json::Value = serde_yaml::from_str(&tape).expect("what is there is whole");
    assert!(read["answers"].as_array().is_some_and(|answers| answers.len() >= 3), "{tape}");
}

#[test]
fn what_a_sensitive_step_printed_is_nowhere_on_the_tape() {
    let runbook = "\
runbook: real
title: T
steps:
  - id: ask
    run: [echo, '{\"pw\": \"topsecret\"}']
    sensitive: true
    effect: read
    outputs: {pw: json.pw}
  - {id: use, needs: [ask], run: 'echo {{ steps.ask.outputs.pw }}', effect: read}
";
    let project = Project::new().file("runbooks/real.yaml", runbook);
    project.run(&["exec", "real", "--record", "t.yaml"]).code(0);
    let tape = fs::read_to_string(project.root().join("t.yaml")).expect("it was recorded");
    // The words of its own command stand in the runbook too.
    let after = tape.split("# use, action").nth(1).expect("it was recorded");
    assert!(after.contains("run: [echo, \"•••\"]") && !after.contains("topsecret"), "{tape}");
}

#[test]
fn a_tape_of_much_output_can_be_rehearsed() {
    let runbook = "runbook: real\ntitle: T\nsteps: [{id: much, run: seq 1 2000000, effect: read}]\n";
    let project = Project::new().file("runbooks/real.yaml", runbook);
    project.run(&["exec", "real", "--record", "t.yaml"]).code(0);
    project.run(&["rehearse", "real", "--tape", "t.yaml"]).code(0);
    let tape = fs::read_to_string(project.root().join("t.yaml")).expect("it was recorded");
    assert_eq!(tape.matches("# cut: it printed more than stands here").count(), 1);
}

#[test]
fn a_tape_says_where_it_ends_before_its_run() {
    let runbook = "runbook: real\ntitle: T\nsteps:\n  - {id: long, shell: ': > began; while [ -e began ] && [ ! -e over ]; do sleep 0.05; done', effect: read}\n";
    let project = Project::new().file("runbooks/real.yaml", runbook);
    let start = |arguments: &[&str]| {
        let mut command = project.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary can be run")
    };
    let mut first = start(&["exec", "real", "--record", "t.yaml"]);
    wait_for("it has begun", || project.has("began"));
    let run = project.newest();
    let mut second = start(&["resume", &run, "--takeover", "--reason", "a test"]);
    let tape = || fs::read_to_string(project.root().join("t.yaml")).unwrap_or_default();
    wait_for("the tape ends", || tape().ends_with("  # It ends here: the run was taken over\n"));
    project.write("over", "");
    first.wait().expect("it ends");
    assert!(second.wait().expect("it ends").success());
}

#[track_caller]
fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
