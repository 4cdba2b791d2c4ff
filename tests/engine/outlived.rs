//! Commands that outlive their engine: found again, waited for or stopped, and never doubled.

use std::time::{Duration, Instant};

use runbook::driver;
use runbook::exec::find_by_env;
use runbook::journal::Life;
use runbook::machine::{Event, Process};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::support::live::{Live, killed, records, wait_until};
use crate::support::project::Project;

/// A step that must not run twice, and that lives until `go` is there.
const ONCE: &str = r#"
runbook: once
title: A payment
steps:
  - id: pay
    shell: 'echo paid >> ledger; while [ ! -e go ]; do sleep 0.05; done'
    irreversible: Money does not come back.
"#;

fn once() -> Project {
    Project::new().file("runbooks/once.yaml", ONCE)
}

fn ledger(project: &Project) -> String {
    std::fs::read_to_string(project.root().join("ledger")).expect("the step began")
}

/// Says of each command that outlived its engine whether it was stopped, and who said so.
fn outlived(project: &Project) -> Vec<(bool, String)> {
    let told = |event| match event {
        Event::Outlived { stopped, by, .. } => Some((stopped, by.name)),
        _ => None,
    };
    records(project).into_iter().filter_map(|record| told(record.event)).collect()
}

fn lives(process: &Process) -> bool {
    driver::life(process) == Life::Alive
}

#[test]
fn it_is_waited_for_and_its_end_is_in_doubt() {
    let project = once();
    let process = killed(&project, "once", "pay");
    let at_work = format!("STILL AT WORK (process {})", process.pid);
    let status = project.run(&["status"]).code(0).to_string();
    assert!(status.contains("no engine drives it") && status.contains(&at_work), "{status}");
    let resume = Live::start(project.command(&["resume"]));
    resume.says("Waiting until it has ended");
    let said = resume.said();
    assert!(
        said.contains(&format!("`pay` is still at work, though its engine died: process {}", process.pid)),
        "{said}"
    );
    assert!(said.contains("echo paid >> ledger") && said.contains("--stop-running"), "{said}");
    // Of two that take it up one waits and the other hears who does.
    let second = project.run(&["resume"]).code(6).to_string();
    assert!(second.contains(&format!("(pid {})", resume.pid())), "{second}");

    project.write("go", "");
    let said = resume.ends_with(3);
    assert!(said.contains("pay in doubt"), "{said}");
    let status = project.run(&["status"]).code(0).to_string();
    assert!(status.contains("In doubt") && !status.contains("at work"), "{status}");
    assert_eq!(outlived(&project), [(false, "ann".to_owned())]);
    assert_eq!(ledger(&project), "paid\n");
}

#[test]
fn who_does_not_want_to_wait_leaves_everything_as_it_is() {
    let project = once();
    let process = killed(&project, "once", "pay");
    let before = records(&project).len();
    for (verb, signal, code) in [("resume", Signal::INT, 130), ("rollback", Signal::TERM, 143)] {
        let mut command = project.command(&[verb]);
        if verb == "rollback" {
            command.arg("--yes");
        }
        let waiting = Live::start(command);
        waiting.says("Waiting until it has ended");
        waiting.signal(signal);
        let said = waiting.ends_with(code);
        assert!(said.contains("nothing was changed; `pay` is still at work. Go on with"), "{said}");
        assert!(lives(&process));
        assert_eq!(records(&project).len(), before);
    }
    project.write("go", "");
    wait_until("the command ended", || !lives(&process));
}

#[test]
fn a_cancel_from_another_terminal_ends_the_waiting_and_is_not_kept_for_later() {
    let project = once();
    let process = killed(&project, "once", "pay");
    let before = records(&project).len();
    for _ in 0..2 {
        let waiting = Live::start(project.command(&["resume"]));
        waiting.says("Waiting until it has ended");
        project.run(&["cancel", &project.newest()]).code(0);
        let said = waiting.ends_with(130);
        assert!(said.contains("nothing was changed"), "{said}");
        assert!(lives(&process));
        assert_eq!(records(&project).len(), before);
    }
    project.write("go", "");
    project.run(&["resume"]).code(3);
}

/// A step that ends of no SIGTERM, and has a helper outside its process group.
const STUBBORN: &str = r#"
runbook: once
title: Stubborn
steps:
  - id: pay
    grace: 200ms
    shell: |
      trap '' TERM
      setsid sh -c 'trap "" TERM; while :; do sleep 0.05; done' &
      echo paid >> ledger
      while :; do sleep 0.05; done
    on_interrupt: rerun
    irreversible: Money does not come back.
"#;

#[test]
fn it_is_stopped_when_somebody_says_so_and_that_is_recorded() {
    let project = Project::new().file("runbooks/once.yaml", STUBBORN);
    let process = killed(&project, "once", "pay");
    wait_until("it began", || project.has("ledger"));
    let run = project.newest();
    let resume = Live::start(project.command(&["resume", "--stop-running"]));
    resume.says("and is stopped, by ann@");
    wait_until("it is run again", || ledger(&project) == "paid\npaid\n");
    assert!(!lives(&process));
    assert_eq!(outlived(&project), [(true, "ann".to_owned())]);
    let first = find_by_env(&[("RUNBOOK_RUN", &run), ("RUNBOOK_ATTEMPT", "1")]);
    assert_eq!(first, [], "nothing of the first attempt is left, its helper included");
    resume.signal(Signal::TERM);
    resume.ends_with(143);
    assert_eq!(find_by_env(&[("RUNBOOK_RUN", &run)]), [], "nothing of the second is left either");
}

#[test]
fn its_own_timeout_bounds_the_wait() {
    let text = ONCE.replace("    shell:", "    timeout: 2s\n    grace: 100ms\n    shell:");
    let project = Project::new().file("runbooks/once.yaml", text);
    let began = Instant::now();
    let process = killed(&project, "once", "pay");
    let said = project.run(&["resume"]).code(2).to_string();
    assert!(began.elapsed() > Duration::from_secs(2), "{said}");
    assert!(said.contains("longer than its timeout of 2s; stop it: `runbook resume"), "{said}");
    assert!(lives(&process));
    project.run(&["resume", "--stop-running"]).code(3);
    assert!(!lives(&process));
}

#[test]
fn on_another_machine_it_cannot_be_looked_at_and_that_is_said() {
    let project = once().env("RUNBOOK_TEST_HOST", "ops9");
    let mut process = killed(&project, "once", "pay");
    project.write("go", "");
    process.host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    wait_until("the command ended", || !lives(&process));
    // From elsewhere a silent engine is taken for dead after a while.
    let clock = project.root().join("clock");
    project.write("clock", "3600");
    let project =
        project.env("RUNBOOK_TEST_HOST", "ops1").env("RUNBOOK_TEST_CLOCK", &clock.display().to_string());
    for verb in [&["resume"][..], &["rollback", "--yes"]] {
        let said = project.run(verb).code(2).to_string();
        assert!(said.contains("`pay` was begun on ops9 and may still be at work there"), "{said}");
        assert!(
            said.contains(&format!("`ps -p {}`", process.pid)) && said.contains("--assume-ended"),
            "{said}"
        );
    }
    project.run(&["resume", "--assume-ended"]).code(3);
    assert_eq!(ledger(&project), "paid\n");
}

/// A step whose command ends by itself and leaves somebody behind who goes on.
const LEAVES_ONE: &str = r#"
runbook: once
title: A payment with a helper
steps:
  - id: pay
    shell: |
      echo paid >> ledger
      (while [ ! -e go ]; do sleep 0.05; done; echo late >> ledger) &
      while [ ! -e leave ]; do sleep 0.05; done
    irreversible: Money does not come back.
"#;

#[test]
fn what_a_command_left_behind_is_found_by_its_environment() {
    let project = Project::new().file("runbooks/once.yaml", LEAVES_ONE);
    let leader = killed(&project, "once", "pay");
    project.write("leave", "");
    wait_until("the command itself ended", || !lives(&leader));
    let resume = Live::start(project.command(&["resume"]));
    resume.says("`pay` is still at work");
    project.write("go", "");
    resume.ends_with(3);
    assert_eq!(ledger(&project), "paid\nlate\n");
}

#[test]
fn a_command_that_somebody_stopped_meanwhile_is_waited_for_no_longer() {
    let project = once();
    let process = killed(&project, "once", "pay");
    let resume = Live::start(project.command(&["rollback", "--yes"]));
    resume.says("then it is undone");
    let group = Pid::from_raw(process.pid.cast_signed()).expect("a process has a number");
    kill_process_group(group, Signal::KILL).expect("it is ours");
    // What is irreversible is asked about.
    resume.ends_with(3);
}
