//! What a rehearsal does as a run would, and what it does not.

use std::time::{Duration, Instant};

use insta::assert_snapshot;

use super::{TAPE, newest, project};
use crate::support::project::Project;

#[test]
fn nothing_is_spawned_whatever_the_runbook_starts_and_time_is_not_waited_for() {
    let project = project().env("PATH", "/nowhere");
    let began = Instant::now();
    let shown = project.run(&["rehearse", "up", "--approve", "go"]).code(0);
    assert!(began.elapsed() < Duration::from_secs(60), "a quarter of an hour is not waited for");
    assert!(shown.stdout.contains("nap done after 15m"), "{shown}");
    let run = newest(&project);
    project.run(&["rollback", &run, "--yes"]).code(0);
    assert!(!project.has("spawned"));
}

#[test]
fn it_reads_as_the_run_would_and_says_that_it_is_none() {
    let project = Project::new()
        .file(
            "runbooks/scale.yaml",
            "runbook: scale\ntitle: T\nsteps:\n  - id: scale\n    capture: {run: ctl get, outputs: {n: json.n}}\n    changes: '{{ captured.n }} → 5'\n    run: ctl scale 5\n    verify: {run: ctl get, pass: json.n == 5, every: 5s, within: 30s}\n    rollback: {run: 'ctl scale {{ captured.n }}'}\n",
        )
        .file(
            "runbooks/scale.tape.yaml",
            "tape: 1\nstate: {n: 2, at: 0}\nanswers:\n  - {run: ctl get, stdout: {n: '{{ state.n if now >= state.at else 2 }}'}}\n  - {run: 'ctl scale {n}', set: {n: n | int, at: now + 12}}\n",
        );
    let shown = project.run(&["rehearse", "scale"]).code(0);
    assert_snapshot!(shown, @r"
    $ runbook rehearse scale
    [TIME] run [RUN]: rehearsal of scale opened by ann@[HOST]; nothing is run, runbooks/scale.tape.yaml answers
    [TIME] scale reading the state before: ctl get
    [TIME] scale change: 2 → 5
    [TIME] scale started: ctl scale 5
    [TIME] scale verifying: ctl get
    [TIME] scale not yet: n 2
    [TIME] scale holds, asked 4 times: n 5
    [TIME] scale done after [TOOK]
    [TIME] run [RUN]: succeeded

    ✓ The rehearsal of scale succeeded after [TOOK]
      run [RUN], 1 of 1 step done

    Changed
      scale  2 → 5

    Next
      every step              runbook status [RUN]
      undo what was changed   runbook rollback [RUN]
    ");
    let undone = project.run(&["rollback", &newest(&project), "--yes"]).code(0);
    assert_snapshot!(undone, @r"
    $ runbook rollback [RUN] --yes
    [TIME] run [RUN]: rollback of 1 step began, asked for by ann@[HOST]
    [TIME] scale undoing: ctl scale 2
    [TIME] scale undone after [TOOK]
    [TIME] run [RUN]: rolled back

    ↶ The rehearsal of scale was rolled back, after [TOOK]
      run [RUN], 1 of 1 change undone

    Undone, back to what it was
      scale  5 → 2

    Next
      every step   runbook status [RUN]
    --- stderr
    To be undone of run [RUN], the last begun first:
      scale  ctl scale 2
        puts back 5 → 2
    ");
}

#[test]
fn the_same_rehearsal_is_the_same_every_time() {
    let project = project();
    let told = || {
        let shown = project.run(&["rehearse", "up", "--approve", "go", "--format", "json"]).code(0);
        let events = shown.stdout.lines().map(|line| serde_json::from_str(line).expect("an event a line"));
        let plain = |mut event: serde_json::Value| {
            for key in ["run", "at", "snapshot"] {
                event.as_object_mut().expect("an event is a map").remove(key);
            }
            event.to_string()
        };
        events.map(plain).collect::<Vec<String>>()
    };
    let first = told();
    assert!(first.len() > 20);
    assert_eq!(first, told());
}

#[test]
fn a_gate_is_asked_as_often_as_in_earnest_and_its_time_is_up_when_it_would_be() {
    let project = project();
    project.write("runbooks/up.tape.yaml", TAPE.replace("now + 20", "now + 3600"));
    let shown = project.run(&["rehearse", "up"]).code(1);
    // Every five seconds and a fifth of one, for two minutes.
    assert!(shown.stdout.contains("scale[api] gave up, asked 24 times"), "{shown}");
}

#[test]
fn a_command_that_the_tape_does_not_know_fails_and_prints_the_entry_to_add() {
    let project = Project::new()
        .file(
            "runbooks/a.yaml",
            "runbook: a\ntitle: T\nsteps:\n  - {id: look, run: [ctl, get, 'a b', '{x}'], stdin: \"one\\ntwo\", effect: read}\n",
        )
        .file("runbooks/a.tape.yaml", "tape: 1\nanswers: []\n");
    let shown = project.run(&["rehearse", "a"]).code(1);
    assert_snapshot!(shown, @r#"
    $ runbook rehearse a
    [TIME] run [RUN]: rehearsal of a opened by ann@[HOST]; nothing is run, runbooks/a.tape.yaml answers
    [TIME] look started: ctl get 'a b' '{x}'
    [TIME] look did not start: runbooks/a.tape.yaml does not know this command; add to its answers: - {run: [ctl, get, "a b", "{x}"], stdin: "one\ntwo", stdout: ""}
    [TIME] look FAILED after [TOOK]: runbooks/a.tape.yaml does not know this command; add to its answers: - {run: [ctl, get, "a b", "{x}"], stdin: "one\ntwo", stdout: ""}
    [TIME] run [RUN]: failed

    ✗ The rehearsal of a failed after [TOOK] and is paused
      run [RUN], 0 of 1 step done

    look failed: runbooks/a.tape.yaml does not know this command; add to its answers: - {run: [ctl, get, "a b", "{x}"], stdin: "one\ntwo", stdout: ""}
      $ ctl get 'a b' '{x}'

    Next
      all that it printed   runbook logs [RUN] look
      try again and go on   runbook resume [RUN]
    --- exit status: 1
    "#);
    let entry = shown.stdout.split_once("add to its answers: ").expect("the entry is shown").1;
    let entry = entry.lines().next().unwrap_or_default();
    project.write("runbooks/a.tape.yaml", format!("tape: 1\nanswers:\n  {entry}\n"));
    project.run(&["rehearse", "a"]).code(0);
}

#[test]
fn what_is_wrong_with_an_answer_is_told_with_its_place() {
    let project = Project::new()
        .file("runbooks/a.yaml", "runbook: a\ntitle: T\nsteps:\n  - {id: look, run: ctl get, effect: read}\n")
        .file(
            "runbooks/a.tape.yaml",
            "tape: 1\nanswers:\n  - run: ctl get\n    stdout: '{{ state.nothing }}'\n",
        );
    let shown = project.run(&["rehearse", "a"]).code(1);
    assert!(shown.stdout.contains("runbooks/a.tape.yaml:3: `stdout` of this answer"), "{shown}");
}

#[test]
fn a_person_is_asked_as_in_a_run() {
    let project = project();
    let shown = project.run(&["rehearse", "up"]).code(3);
    assert!(shown.stdout.contains("go asks for approval: Go on?"), "{shown}");
    let run = newest(&project);
    project.run(&["approve", &run, "go", "--note", "fine", "--yes"]).code(0);
    let shown = project.run(&["resume", &run]).code(0);
    assert!(shown.stdout.contains("go ann@"), "{shown}");
}
