//! Rollback with the real binary: side by side, tried again, cut off in the middle, down to a step; and `finally` after
//! every way a run can stop.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use runbook::journal::{Filter, Store};
use runbook::machine::Event;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::project::Project;

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn read(project: &Project, file: &str) -> String {
    std::fs::read_to_string(project.root().join(file)).unwrap_or_default()
}

fn started(project: &Project, arguments: &[&str]) -> Child {
    let plain = project.command(arguments);
    // What started the tests may have had SIGHUP ignored; env(1) takes that back.
    let mut command = Command::new("env");
    command.arg("--default-signal=HUP").arg(plain.get_program()).args(plain.get_args()).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(project.root()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the binary can be run")
}

/// Returns the events of the newest run.
fn events(project: &Project) -> Vec<Event> {
    let store = Store::open_read_only(project.journal()).expect("a journal");
    let run = store.runs(&Filter::default()).expect("runs").remove(0).id;
    store.load(&run).expect("the run").records.into_iter().map(|record| record.event).collect()
}

fn send(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id().cast_signed()).expect("a child has a number");
    kill_process(pid, signal).expect("the child is there until it is waited for");
}

#[test]
fn instances_are_undone_side_by_side_and_what_they_stand_on_after_them() {
    let text = r#"
runbook: wide
title: Two doors and a hall
let: {doors: "{{ ['left', 'right'] }}"}
steps:
  - id: hall
    run: touch hall
    rollback: {run: "sh -c 'test -e left && test -e right && rm hall'"}
  - id: door
    for_each: doors
    run: "true"
    rollback:
      shell: 'touch {{ item }}; while ! { test -e left && test -e right; }; do sleep 0.02; done'
      timeout: 20s
"#;
    let project = Project::new().file("runbooks/wide.yaml", text);
    project.run(&["exec", "wide"]).code(0);
    let shown = project.run(&["rollback", "--yes"]).code(0);
    assert!(!project.has("hall"), "each door waits for the other, and the hall for both: {shown}");
}

#[test]
fn an_undo_is_retried_has_its_time_and_is_verified() {
    let text = r#"
runbook: stubborn
title: Undos that need a second look
steps:
  - id: again
    needs: []
    run: "true"
    rollback:
      shell: 'echo try >> again; test "$(wc -l < again)" -ge 3'
      retry: {attempts: 3, delay: 10ms}
  - id: slow
    needs: []
    run: "true"
    rollback: {run: sleep 600, timeout: 200ms}
  - id: seen
    needs: []
    run: "true"
    rollback:
      shell: 'touch gone'
      verify: {run: ls, pass: "'gone' in lines and 'checked' in lines", every: 20ms, within: 20s}
"#;
    let project = Project::new().file("runbooks/stubborn.yaml", text);
    project.run(&["exec", "stubborn"]).code(0);
    let back = started(&project, &["rollback", "--yes"]);
    wait_until("the undo ran", || project.has("gone"));
    project.write("checked", "");
    let mut back = back;
    assert_eq!(back.wait().expect("it ends").code(), Some(5), "one was too slow");
    assert_eq!(read(&project, "again"), "try\ntry\ntry\n");
    let status = project.run(&["status"]).to_string();
    assert!(status.contains("its time was up"), "{status}");
    let shown = project.run(&["resume", "--done", "slow", "--reason", "seen to"]).code(4).to_string();
    assert!(shown.contains("3 of 3 changes undone"), "{shown}");
}

/// Each undo writes a line, and one of them lives until `go` is there.
const CUT: &str = r#"
runbook: cut
title: An undo that is cut off
steps:
  - id: base
    run: "true"
    rollback: {run: "sh -c 'echo base >> undone'"}
  - id: top
    run: touch top
    rollback:
      shell: 'echo top >> undone; while [ ! -e go ]; do sleep 0.02; done; rm -f top'
      VERIFY
"#;

/// Kills the engine with SIGKILL in the middle of the undo of `top`, and lets that end.
fn cut_off(verify: &str) -> Project {
    let project = Project::new().file("runbooks/cut.yaml", CUT.replace("VERIFY", verify));
    project.run(&["exec", "cut"]).code(0);
    let mut back = started(&project, &["rollback", "--yes"]);
    wait_until("the undo began", || read(&project, "undone") == "top\n");
    send(&back, Signal::KILL);
    back.wait().expect("it is gone");
    project.write("go", "");
    wait_until("its command ended", || !project.has("top"));
    project
}

#[test]
fn an_undo_cut_off_is_in_doubt_and_a_person_settles_it() {
    let project = cut_off("");
    let mut shown = String::new();
    wait_until("nothing of it is at work", || {
        shown = project.run(&["rollback", "--yes"]).to_string();
        !shown.contains("still at work")
    });
    assert!(shown.contains("its undo is in doubt") && shown.contains("exit status: 3"), "{shown}");
    assert!(shown.contains("--done top --reason"), "{shown}");
    assert_eq!(read(&project, "undone"), "top\n", "it is not run twice, and what it stands on waits");
    project.run(&["resume", "--done", "top", "--reason", "it is gone"]).code(4);
    assert_eq!(read(&project, "undone"), "top\nbase\n");
}

#[test]
fn an_undo_cut_off_is_settled_by_its_gate() {
    let project = cut_off("verify: {run: ls, pass: \"'top' not in lines\"}");
    let mut shown = String::new();
    wait_until("nothing of it is at work", || {
        shown = project.run(&["resume"]).to_string();
        !shown.contains("still at work")
    });
    assert!(shown.contains("exit status: 4"), "{shown}");
    assert_eq!(read(&project, "undone"), "top\nbase\n");
}

const FAILS_BACK: &str = r#"
runbook: stuck
title: An undo that fails
on_failure: rollback
steps:
  - id: base
    run: "true"
    rollback: {run: tee -a undone, stdin: "base\n"}
  - id: top
    run: "false"
    rollback: {run: "sh -c 'echo top >> undone; test -e repaired'"}
"#;

#[test]
fn what_could_not_be_undone_is_told_with_its_command_and_tried_again() {
    for verb in [&["resume"][..], &["rollback", "--yes"]] {
        let project = Project::new().file("runbooks/stuck.yaml", FAILS_BACK);
        let shown = project.run(&["exec", "stuck"]).code(5).to_string();
        let first = shown.find("top failed: it exited with 1").expect("the first failure");
        let stuck = shown.find("Could not be undone").expect("what is left");
        assert!(first < stuck, "{shown}");
        assert!(shown.contains("by hand: sh -c 'echo top >> undone; test -e repaired'"), "{shown}");
        assert!(
            shown.contains(r"by hand: printf '%s\n' base | tee -a undone"),
            "never tried, and told too: {shown}"
        );
        project.write("repaired", "");
        project.run(verb).code(if verb.len() == 1 { 4 } else { 0 });
        assert_eq!(read(&project, "undone"), "top\ntop\nbase\n");
    }
}

#[test]
fn a_run_undone_down_to_a_step_is_not_rolled_back_and_goes_on() {
    let text = r#"
runbook: steps
title: Three steps
steps:
  - {id: one, run: "sh -c 'echo one >> log'", rollback: {run: "sh -c 'echo undo-one >> log'"}}
  - {id: two, run: "sh -c 'echo two >> log'", rollback: {run: "sh -c 'echo undo-two >> log'"}}
  - {id: three, run: test -e repaired, effect: read}
"#;
    let project = Project::new().file("runbooks/steps.yaml", text);
    project.run(&["exec", "steps"]).code(1);
    let shown = project.run(&["rollback", "--to", "two", "--yes"]).code(0).to_string();
    assert!(shown.contains("rolled back down to two") && shown.contains("before: one"), "{shown}");
    assert!(project.run(&["runs"]).to_string().contains("partly undone"));
    project.write("repaired", "");
    project.run(&["resume"]).code(0);
    assert_eq!(read(&project, "log"), "one\ntwo\nundo-two\ntwo\n");
}

/// A step that sleeps, and a `finally` that says what it was told.
const STOPPED: &str = r#"
runbook: told
title: A run that is stopped
steps:
  - {id: nap, shell: 'touch asleep; while [ ! -e go ]; do sleep 0.02; done', idempotent: true, grace: 1s, irreversible: none}
  - {id: next, run: touch next, irreversible: none}
finally:
  - {id: tell, shell: 'echo "{{ run.status }}" >> told; HANG'}
"#;

fn asleep(hang: &str) -> (Project, Child) {
    let project = Project::new().file("runbooks/told.yaml", STOPPED.replace("HANG", hang));
    let child = started(&project, &["exec", "told"]);
    wait_until("the step began", || project.has("asleep"));
    (project, child)
}

#[test]
fn finally_runs_after_every_way_to_stop_and_again_at_the_end() {
    for (signal, code) in
        [(Some(Signal::TERM), 143), (Some(Signal::HUP), 130), (Some(Signal::INT), 130), (None, 130)]
    {
        let (project, mut child) = asleep("true");
        match signal {
            Some(signal) => send(&child, signal),
            None => drop(project.run(&["cancel", &project.newest()]).code(0)),
        }
        if matches!(signal, Some(Signal::HUP | Signal::INT)) {
            // The first one lets what runs finish; it must have been heard before that does.
            let heard = |event: &Event| matches!(event, Event::StopRequested { hard: false, .. });
            wait_until("the signal is heard", || events(&project).iter().any(heard));
            project.write("go", "");
        }
        assert_eq!(child.wait().expect("it ends").code(), Some(code), "{signal:?}");
        assert_eq!(read(&project, "told"), "interrupted\n", "{signal:?}");
        assert!(!project.has("next"));
        project.write("go", "");
        project.run(&["resume"]).code(0);
        assert_eq!(read(&project, "told"), "interrupted\nsucceeded\n", "{signal:?}");
    }
}

#[test]
fn a_finally_that_hangs_is_stopped_by_a_further_stop() {
    let (project, mut child) = asleep("sleep 600");
    send(&child, Signal::TERM);
    wait_until("finally began", || project.has("told"));
    send(&child, Signal::INT);
    assert_eq!(
        child.wait().expect("it ends").code(),
        Some(143),
        "who sent SIGTERM waits for the code that says so"
    );
    assert_eq!(read(&project, "told"), "interrupted\n");
    assert_eq!(runbook::exec::find_by_env(&[("RUNBOOK_RUN", &project.newest())]), []);
}

#[test]
fn taking_up_a_run_that_is_over_is_refused_and_writes_nothing() {
    let text = "runbook: over\ntitle: Over\nsteps: [{id: a, run: touch a, rollback: {run: rm a}}]\n\
                finally: [{id: tell, shell: 'echo told >> told'}]\n";
    let project = Project::new().file("runbooks/over.yaml", text);
    project.run(&["exec", "over"]).code(0);
    let run = project.newest();
    let events = || events(&project).len();
    let before = events();
    for _ in 0..2 {
        project.run(&["resume", &run]).code(2);
    }
    assert_eq!((events(), read(&project, "told").as_str()), (before, "told\n"));
    project.run(&["rollback", &run, "--yes"]).code(0);
    let before = events();
    for verb in [&["resume", &run][..], &["rollback", &run, "--yes"]] {
        project.run(verb).code(2);
    }
    assert_eq!((events(), read(&project, "told").as_str()), (before, "told\ntold\n"));
}
