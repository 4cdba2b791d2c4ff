//! The last screen of a run for each exit code: does a tired person know what happened, and what to type?

use super::{like, typed};
use crate::support::live::wait_until;
use crate::support::project::Project;

/// A change with a way back: `SECOND` is what its second step does, `UNDO` what the first one's way back does.
const CHANGE: &str = r#"
runbook: scale
title: Scale the shop
lock: shop
vars:
  level: {type: string, default: event, enum: [event, peak], help: How far}
steps:
  - id: cart
    phase: Scale up
    capture: {run: [cat, size], outputs: {size: stdout | trim}}
    changes: "cart {{ captured.size }} → 10"
    shell: "echo 10 > size"
    rollback:
      shell: "UNDO; echo {{ captured.size }} > size"
  - id: api
    phase: Scale up
    changes: "api 2 → 6"
    shell: "SECOND; echo scaled"
    verify: {shell: "echo 4", pass: "level == 'event' or stdout | int >= 6", every: 10ms, within: 30ms}
    rollback: {run: [echo, back]}
  - id: go
    phase: Just before
    approve: {prompt: Shall the caches be warmed?}
  - id: warm
    phase: Just before
    run: [echo, warm]
    irreversible: A cache cools down by itself.
"#;

fn change(second: &str, undo: &str) -> Project {
    let text = CHANGE.replace("SECOND", second).replace("UNDO", undo);
    Project::new().file("runbooks/scale.yaml", text).file("size", "3\n")
}

/// Types a command, and compares the screen that it leaves.
#[track_caller]
fn leaves(project: &Project, command: &str, code: i32) {
    if let Some(terminal) = typed(project, command) {
        like(&format!("exit_{code}"), &terminal.ended(code));
    }
}

#[test]
fn zero_it_succeeded() {
    leaves(&change("true", "true"), "runbook exec scale --approve go", 0);
}

#[test]
fn one_it_failed_and_is_left() {
    let project = change("echo connecting; echo no route to host >&2; exit 7", "true");
    let Some(terminal) = typed(&project, "runbook exec scale") else { return };
    terminal.until("What now?");
    terminal.types("q");
    like("exit_1", &terminal.ended(1));
}

#[test]
fn one_it_failed_at_a_gate() {
    let project = change("true", "true");
    let Some(terminal) = typed(&project, "runbook exec scale --var level=peak") else { return };
    terminal.until("What now?");
    terminal.types("q");
    like("exit_1_gate", &terminal.ended(1));
}

#[test]
fn two_nothing_ran() {
    leaves(&change("true", "true"), "runbook exec scale --var level=most", 2);
}

#[test]
fn three_it_waits_for_a_person() {
    let project = change("true", "true");
    let Some(terminal) = typed(&project, "runbook exec scale") else { return };
    terminal.until("Yes? [y/N]");
    terminal.presses("C-d");
    like("exit_3", &terminal.ended(3));
}

#[test]
fn four_it_failed_and_was_rolled_back() {
    leaves(&change("exit 7", "true"), "runbook exec scale --on-failure rollback", 4);
}

#[test]
fn five_it_could_not_be_rolled_back() {
    let project = change("exit 7", "echo Unauthorized >&2; exit 1");
    leaves(&project, "runbook exec scale --on-failure rollback", 5);
}

#[test]
fn six_another_run_has_the_lock() {
    let project = change("true", "true");
    project.run(&["exec", "scale"]).code(3);
    leaves(&project, "runbook exec scale", 6);
}

#[test]
fn a_hundred_and_thirty_it_was_stopped() {
    let project = change(": > began; sleep 600", "true");
    let Some(terminal) = typed(&project, "runbook exec scale") else { return };
    wait_until("the step began", || project.has("began"));
    terminal.until("● api");
    terminal.presses("C-c");
    terminal.until("Ctrl-C again stops it");
    terminal.presses("C-c");
    like("exit_130", &terminal.ended(130));
}

#[test]
fn a_hundred_and_forty_three_the_machine_goes_down() {
    leaves(&change("kill -TERM $PPID; sleep 600", "true"), "runbook exec scale", 143);
}
