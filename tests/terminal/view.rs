//! A run while it goes, at 80 columns and at 200.

use super::{like, typed};
use crate::support::project::Project;
use crate::support::tmux::{Tmux, masked};

/// All that there is to see of a run, held until `go` is there: a `for_each` with a failure, a gate that waits, a step that
/// is tried again in an hour, one that somebody else must approve, one that prints.
const BUSY: &str = r#"
runbook: friday
title: Scale the shop for Friday
max_parallel: 40
lock: shop
on_failure: pause
steps:
  - id: reach
    phase: Preflight
    gate: {run: [echo, "yes"], pass: "stdout | trim == 'yes'"}
  - id: floors
    phase: Scale up
    needs: [reach]
    for_each: range(20)
    on_failure: continue
    shell: "[ {{ item }} = 3 ] && { echo $$ > third; echo 'Error from server (Forbidden)' >&2; exit 1; }; [ {{ item }} -lt 9 ] || while [ ! -e go ]; do sleep 0.05; done"
    irreversible: It only waits.
  - id: ready
    phase: Scale up
    needs: [reach]
    gate: {shell: "[ -e go ] && echo 10 || echo 7", pass: stdout | int >= 10, every: 100ms, within: 2h}
  - id: aurora
    phase: Scale up
    needs: [reach]
    idempotent: true
    shell: "[ -e aurora ] && exit 0; : > aurora; until [ -s third ] && ! kill -0 $(cat third); do sleep 0.05; done 2> trash; echo 'An error occurred (Throttling)' >&2; exit 254"
    retry: {attempts: 4, delay: 2h}
    irreversible: It only waits.
  - id: sync
    phase: Scale up
    needs: [reach]
    shell: "echo 120 of 300 objects; while [ ! -e go ]; do sleep 0.05; done"
    irreversible: It only waits.
  - id: budget
    phase: Scale up
    needs: [reach]
    approve: {prompt: Twenty more nodes cost 900 a day. Agreed?, by: [finance]}
  - id: warm
    phase: Just before
    needs: [floors, ready, aurora, sync, budget]
    run: [echo, warm]
    irreversible: It only waits.
  - id: check
    phase: Just before
    run: [echo, check]
    effect: read
finally:
  - id: tell
    run: [echo, told]
    effect: read
"#;

fn busy() -> Project {
    Project::new().file("runbooks/friday.yaml", BUSY)
}

/// What is on the screen once nothing moves any more but the clock.
fn settled(terminal: &Tmux) -> String {
    terminal.when("all that happens before `go`", |screen| {
        let seen = |text: &str| screen.contains(text);
        seen("9/20, 1 failed, 11 at work")
            && seen("7, wants ≥ 10")
            && seen("tries again")
            && seen("120 of 300")
    })
}

/// Returns the block at the bottom.
fn block(screen: &str) -> String {
    let at = screen.rfind("\n\n").unwrap_or_default();
    masked(screen[at..].trim_start())
}

#[test]
fn a_busy_run_at_both_sizes_and_resized_while_it_goes() {
    let project = busy();
    let Some(terminal) = typed(&project, "runbook exec friday") else { return };
    like("busy_80", &settled(&terminal));
    terminal.resize(200, 50);
    let wide = terminal.when("the wide view", is_wide);
    like("busy_200_block", &block(&wide));
    terminal.resize(60, 15);
    let narrow = terminal.when("the narrow view", |screen| {
        screen.lines().all(|line| line.chars().count() <= 60) && screen.matches(" steps ").count() == 1
    });
    assert!(narrow.lines().count() <= 15, "{narrow}");
    terminal.resize(80, 24);
    like("busy_80_block", &block(&settled(&terminal)));
    // Whoever watches from elsewhere sees the same.
    let other = typed(&project, "runbook status --watch").expect("there is one already");
    assert_eq!(block(&settled(&other)), block(&settled(&terminal)));
    other.presses("C-c");
    other.ended(130);
    terminal.presses("C-c");
    terminal.until("Ctrl-C again stops it");
    project.write("go", "");
    terminal.presses("C-c");
    terminal.ended(130);
}

fn is_wide(screen: &str) -> bool {
    screen.contains("verifying") || screen.lines().any(|line| line.chars().count() > 80)
}

#[test]
fn a_busy_run_that_begins_on_a_wide_terminal() {
    let project = busy();
    let Some(terminal) = Tmux::open(&project, 200, 50) else { return };
    terminal.types("runbook exec friday");
    like("busy_200", &settled(&terminal));
    project.write("go", "");
    terminal.presses("C-c");
    terminal.presses("C-c");
    terminal.ended(130);
}

#[test]
fn in_a_pipe_there_is_a_line_an_event_and_no_control_code() {
    let project = Project::new().file(
        "runbooks/two.yaml",
        "runbook: two\ntitle: Two steps\nsteps:\n  - {id: a, run: [echo, one], effect: read}\n  - {id: b, run: [echo, two], effect: read}\n",
    );
    let Some(terminal) = typed(&project, "runbook exec two | cat -v") else { return };
    let screen = terminal.ended(0);
    assert!(!screen.contains("^["), "{screen}");
    assert!(screen.contains("a started: echo one") && screen.contains("b done after"), "{screen}");
}
