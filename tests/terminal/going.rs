//! A run that goes on: taken up again, undone, watched from another terminal, with keys typed into it.

use super::{like, typed};
use crate::support::live::wait_until;
use crate::support::project::Project;
use crate::support::tmux::Tmux;

/// Two changes that go back one by one, held at `hold` on the way forwards and at `back` on the way back.
const MOVE: &str = r#"
runbook: move
title: Move the shop
steps:
  - id: drain
    phase: Before
    shell: "echo drained"
    changes: traffic 100 → 0
    rollback: {shell: "echo refilled"}
  - id: copy
    phase: Now
    shell: "[ -e broken ] && { echo 'disk full' >&2; exit 1; }; : > began; echo 40 of 90 files; while [ ! -e go ]; do sleep 0.05; done"
    changes: files 0 → 90
    rollback: {shell: ": > back; echo 12 of 90 files are back; while [ ! -e gone ]; do sleep 0.05; done"}
  - id: fill
    phase: After
    run: [echo, filled]
    rollback: {run: [echo, drained]}
"#;

fn moving(broken: bool) -> Project {
    let project = Project::new().file("runbooks/move.yaml", MOVE);
    if broken { project.file("broken", "") } else { project }
}

/// Waits until the block stands still but for the clock.
fn drawn(terminal: &Tmux, text: &str) -> String {
    terminal.when(text, |screen| screen.contains(text) && screen.contains(" steps "))
}

#[test]
fn a_run_that_is_resumed_and_watched_while_it_goes() {
    let project = moving(true);
    let Some(terminal) = typed(&project, "runbook exec move; rm broken; clear; runbook resume") else {
        return;
    };
    terminal.until("What now?");
    terminal.types("q");
    wait_until("it went on", || project.has("began"));
    like("resumed", &drawn(&terminal, "40 of 90 files"));
    let other = typed(&project, "runbook status --watch").expect("there is one already");
    like("watched_resumed", &drawn(&other, "40 of 90 files"));
    project.write("go", "");
    like("watched_resumed_end", &other.ended(0));
    terminal.ended(0);
}

#[test]
fn a_rollback_while_it_goes() {
    let project = moving(false);
    project.write("go", "");
    let Some(terminal) = typed(&project, "runbook exec move; clear; runbook rollback --yes") else { return };
    wait_until("it goes back", || project.has("back"));
    like(
        "rolling_back",
        &terminal.when("the view", |screen| {
            screen.contains("12 of 90 files are back") && screen.contains("1 of 3 undone")
        }),
    );
    project.write("gone", "");
    like("rolled_back", &terminal.ended(0));
}

#[test]
fn a_run_that_is_watched_to_its_end_and_suspended_meanwhile() {
    let project = moving(false);
    let Some(terminal) = typed(&project, "runbook exec move") else { return };
    wait_until("it goes", || project.has("began"));
    drawn(&terminal, "40 of 90 files");
    let other = typed(&project, "runbook status --watch").expect("there is one already");
    like("watched", &drawn(&other, "40 of 90 files"));
    other.presses("C-z");
    other.until("Stopped");
    assert!(other.has_cursor(), "the shell has its cursor\n{}", other.screen());
    other.types("fg");
    other.when("it draws again", |screen| {
        screen.matches("40 of 90 files").count() == 1 && !other.has_cursor()
    });
    project.write("go", "");
    like("watched_end", &other.ended(0));
    terminal.ended(0);
}

#[test]
fn who_watches_reads_that_the_run_waits_for_a_decision_elsewhere() {
    let project = moving(true);
    let Some(terminal) = typed(&project, "runbook exec move") else { return };
    terminal.until("What now?");
    let other = typed(&project, "runbook status --watch").expect("there is one already");
    like("watched_undecided", &other.until("runbook resume r"));
    other.resize(60, 20);
    let told = |screen: &str| screen.lines().filter(|line| line.starts_with("    runbook ")).count() == 2;
    other.when("both commands, each on a line", told);
    // Who looks on learns what became of the run.
    terminal.types("q");
    other.ended(1);
    terminal.ended(1);
}

#[test]
fn keys_that_are_typed_while_the_view_draws() {
    let project = moving(false);
    let Some(terminal) = typed(&project, "runbook exec move") else { return };
    wait_until("it goes", || project.has("began"));
    let before = drawn(&terminal, "40 of 90 files");
    for _ in 0..6 {
        terminal.presses("Enter");
    }
    terminal.presses("x");
    // Several frames later.
    let later = |screen: &str| screen.lines().last().map(str::to_owned);
    let after = terminal.when("the clock goes on", |screen| later(screen) != later(&before));
    assert_eq!(after.lines().count(), before.lines().count(), "{after}");
    like("keys_while_drawing", &after);
    terminal.presses("C-u");
    project.write("go", "");
    terminal.ended(0);
    terminal.types("stty -a | tr ' ;' '\\n\\n' | grep -c -x -e echo -e icanon -e isig");
    terminal.when("how the terminal is set", |screen| screen.ends_with("\n3\n[0] $"));
}

#[test]
fn a_gate_with_several_conditions_after_it_was_taken_up_again() {
    let project = Project::new().file(
        "runbooks/ready.yaml",
        "runbook: ready\ntitle: Wait until all are there\nvars:\n  floor: {type: integer, default: 10}\nsteps:\n  - id: pods\n    \
         gate:\n      shell: |\n        echo '{\"status\": {\"observedGeneration\": 4, \"readyReplicas\": 7}, \"metadata\": {\"generation\": 4}}'\n      \
         pass: >-\n        json.status.observedGeneration >= json.metadata.generation\n        and json.status.readyReplicas >= floor\n      \
         every: 50ms\n      within: 2h\n",
    );
    let Some(terminal) = typed(&project, "runbook exec ready; clear; runbook resume") else { return };
    terminal.until("readyReplicas 7");
    terminal.presses("C-c");
    terminal.until("resume");
    let screen = terminal.when("the second asking", |screen| {
        screen.contains("attempt 2  7, wants ≥ 10") && screen.contains(" of 2h")
    });
    like("gate_after_resume", &screen);
    terminal.presses("C-c");
    terminal.ended(130);
}
