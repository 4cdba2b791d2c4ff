//! The ladder of signals on a real terminal: what runs is let finish, stopped, or suspended, and nothing is left behind.

use std::process::Command;

use runbook::exec::find_by_env;
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::LocalModes;

use crate::support::live::{stopped, wait_until};
use crate::support::project::Project;
use crate::support::terminal::{CTRL_C, CTRL_Z, Terminal};

/// A step that lives until `go` is there, with a helper of its own that does not hear SIGTERM.
const SLOW: &str = r#"
runbook: slow
title: Take long
steps:
  - id: long
    shell: |
      (trap '' TERM; while [ ! -e go ]; do sleep 0.1; done) &
      echo $$ > leader
      while [ ! -e go ]; do sleep 0.05; done
      touch finished
    grace: 1s
    irreversible: It only waits.
  - id: after
    run: touch after
    irreversible: It only writes.
"#;

fn started() -> (Project, Terminal) {
    let project = Project::new().file("runbooks/slow.yaml", SLOW);
    let terminal = Terminal::start(&project.command(&["exec", "slow"]));
    wait_until("the step began", || leader(&project).is_some());
    (project, terminal)
}

fn leader(project: &Project) -> Option<u32> {
    std::fs::read_to_string(project.root().join("leader")).ok()?.trim().parse().ok()
}

#[track_caller]
fn nothing_left(project: &Project) {
    let run = project.newest();
    assert_eq!(find_by_env(&[("RUNBOOK_RUN", &run)]), []);
    project.run(&["verify", &run]).code(0);
}

#[test]
fn the_first_ctrl_c_lets_what_runs_finish() {
    let (project, mut terminal) = started();
    let before = format!("{:?}", terminal.modes());
    terminal.keys(CTRL_C);
    terminal.wait_for("asked to stop (Ctrl-C): what runs may finish");
    project.write("go", "");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(130), "{screen}");
    assert!(project.has("finished") && !project.has("after"), "{screen}");
    assert!(screen.contains("runbook resume r") && screen.contains("runbook rollback r"), "{screen}");
    assert_eq!(before, format!("{:?}", terminal.modes()));
    assert!(screen.rfind("\x1b[?25h") > screen.rfind("\x1b[?25l"), "the cursor is shown again");
    nothing_left(&project);
}

#[test]
fn the_second_ctrl_c_stops_what_runs() {
    let (project, mut terminal) = started();
    terminal.keys(CTRL_C);
    terminal.wait_for("asked to stop (Ctrl-C)");
    terminal.keys(CTRL_C);
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(130), "{screen}");
    assert!(!project.has("finished"));
    nothing_left(&project);
}

#[test]
fn sigterm_and_ctrl_backslash_stop_what_runs_at_once() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::QUIT, 130)] {
        let (project, mut terminal) = started();
        terminal.signal(signal);
        let (ended, screen) = terminal.end();
        assert_eq!(ended, Some(code), "{screen}");
        assert!(!project.has("finished"));
        nothing_left(&project);
    }
}

#[test]
fn a_lost_terminal_is_the_first_ctrl_c_and_kills_nobody() {
    let (project, mut terminal) = started();
    terminal.hang_up();
    wait_until("the hangup is recorded", || asked_to_stop(&project));
    project.write("go", "");
    let (code, _) = terminal.end();
    assert_eq!(code, Some(130), "it ended by itself, with nowhere to write to");
    assert!(project.has("finished") && !project.has("after"));
    nothing_left(&project);
    project.run(&["resume"]).code(0);
    assert!(project.has("after"));
}

fn asked_to_stop(project: &Project) -> bool {
    use runbook::journal::Store;
    use runbook::machine::Event;
    let store = Store::open_read_only(project.journal()).expect("a journal");
    let run = store.find(&project.newest()).expect("the run");
    let records = store.load(&run).expect("it can be read").records;
    records.iter().any(|record| matches!(&record.event, Event::StopRequested { hard: false, .. }))
}

#[test]
fn under_nohup_a_lost_terminal_is_no_reason_to_stop() {
    let project = Project::new().file("runbooks/slow.yaml", SLOW);
    let plain = project.command(&["exec", "slow"]);
    let mut command = Command::new("nohup");
    command.arg(plain.get_program()).args(plain.get_args()).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(project.root());
    let mut terminal = Terminal::start(&command);
    wait_until("the step began", || leader(&project).is_some());
    terminal.hang_up();
    // The shell's own hangup, which comes as well.
    terminal.signal(Signal::HUP);
    project.write("go", "");
    assert_eq!(terminal.end().0, Some(0));
    assert!(project.has("after"));
}

#[test]
fn ctrl_z_stops_the_steps_too_and_they_go_on_with_us() {
    let (project, mut terminal) = started();
    let step = leader(&project).expect("it began");
    let us = terminal.pid().as_raw_nonzero().get().cast_unsigned();
    terminal.keys(CTRL_Z);
    wait_until("both are stopped", || stopped(us) && stopped(step));
    project.write("go", "");
    terminal.signal(Signal::CONT);
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(project.has("finished") && project.has("after"));
    nothing_left(&project);
}

#[test]
fn what_is_suspended_can_still_be_stopped() {
    let (project, mut terminal) = started();
    let step = leader(&project).expect("it began");
    terminal.keys(CTRL_Z);
    let us = terminal.pid().as_raw_nonzero().get().cast_unsigned();
    wait_until("both are stopped", || stopped(us) && stopped(step));
    terminal.signal(Signal::TERM);
    terminal.signal(Signal::CONT);
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(143), "{screen}");
    nothing_left(&project);
}

/// An interactive shell at its prompt in the project, and how it calls the program.
fn shell(project: &Project) -> (Terminal, String) {
    let plain = project.command(&[]);
    let mut shell = Command::new("bash");
    shell.args(["--norc", "--noprofile", "-i"]).env_clear().current_dir(project.root());
    shell.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("PS1", "ready> ");
    let mut terminal = Terminal::start(&shell);
    terminal.wait_for("ready> ");
    (terminal, plain.get_program().to_str().expect("a path in ASCII").to_owned())
}

#[test]
fn a_shell_suspends_it_moves_it_to_the_background_and_brings_it_back() {
    let project = Project::new().file("runbooks/slow.yaml", SLOW);
    let (mut terminal, program) = shell(&project);
    terminal.keys(&format!("{program} exec slow\n"));
    wait_until("the step began", || leader(&project).is_some());
    let step = leader(&project).expect("it began");
    terminal.keys(CTRL_Z);
    terminal.wait_for("Stopped");
    wait_until("the step is stopped", || stopped(step));
    terminal.keys("bg\n");
    wait_until("the step goes on", || !stopped(step));
    terminal.keys("fg\n");
    project.write("go", "");
    wait_until("the run ended", || project.has("after"));
    // What is typed while it draws is thrown away.
    terminal.wait_for("succeeded");
    terminal.wait_for("ready> ");
    terminal.keys("echo the code is $?\n");
    terminal.wait_for("the code is 0");
    terminal.keys("exit\n");
    assert_eq!(terminal.end().0, Some(0));
}

/// A question of a run that a shell has put into the background.
#[test]
fn a_question_is_not_written_into_another_program_and_is_put_again_in_front() {
    let project = Project::new().file(
        "runbooks/asking.yaml",
        "runbook: asking\ntitle: Ask\nsteps:\n  - {id: go, approve: {prompt: 'Go?'}}\n  - {id: act, run: touch acted, irreversible: No.}\n",
    );
    let (mut terminal, program) = shell(&project);
    terminal.keys(&format!("{program} exec asking\n"));
    terminal.wait_for("Yes? [y/N] ");
    terminal.keys(CTRL_Z);
    terminal.wait_for("Stopped");
    terminal.wait_for("ready> ");
    terminal.keys("bg\n");
    terminal.wait_for("ready> ");
    // Longer than somebody in the background takes to look whether they are in front.
    terminal.keys("sleep 1; echo the $((40 + 2))\n");
    terminal.wait_for("the 42");
    terminal.wait_for("ready> ");
    terminal.keys("fg\n");
    // What it was about is gone with the screen of the other program.
    terminal.wait_for("A yes runs act:");
    terminal.wait_for("touch acted");
    terminal.wait_for("Yes? [y/n/p] ");
    terminal.keys("p\n");
    terminal.wait_for("touch acted");
    terminal.wait_for("Yes? [y/n/p] ");
    terminal.keys("y\n");
    terminal.wait_for("Note");
    terminal.keys("\n");
    terminal.wait_for("succeeded");
    terminal.wait_for("ready> ");
    terminal.keys("exit\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(screen.matches("Yes? [y/").count(), 3, "{screen}");
}

fn echoes(terminal: &Terminal) -> bool {
    terminal.modes().local_modes.contains(LocalModes::ECHO)
}

#[test]
fn stopped_from_outside_it_draws_without_echo_again() {
    let project = Project::new().file("runbooks/slow.yaml", SLOW);
    let (mut terminal, program) = shell(&project);
    terminal.keys(&format!("{program} exec slow\n"));
    wait_until("the step began", || leader(&project).is_some());
    // A shell that edits its line has echo off too.
    let drawing =
        |terminal: &Terminal| !echoes(terminal) && terminal.modes().local_modes.contains(LocalModes::ICANON);
    wait_until("it draws", || drawing(&terminal));
    let step = leader(&project).expect("it began");
    let engine = parent(step);
    kill_process(engine, Signal::STOP).expect("it runs");
    terminal.wait_for("Stopped");
    terminal.wait_for("ready> ");
    terminal.keys("bg\n");
    terminal.wait_for("ready> ");
    wait_until("it goes on", || !stopped(engine.as_raw_nonzero().get().cast_unsigned()));
    terminal.keys("sleep 1; echo the $((40 + 2))\n");
    terminal.wait_for("the 42");
    terminal.wait_for("ready> ");
    terminal.keys("fg\n");
    terminal.wait_for("long");
    wait_until("it draws without echo", || drawing(&terminal));
    project.write("go", "");
    terminal.wait_for("succeeded");
    terminal.wait_for("ready> ");
    terminal.keys("exit\n");
    assert_eq!(terminal.end().0, Some(0));
    assert!(echoes(&terminal));
}

fn parent(process: u32) -> Pid {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("it lives");
    let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
    let parent = parent.and_then(|parent| parent.parse().ok()).expect("it has a parent");
    Pid::from_raw(parent).expect("a process has a number")
}

/// A run in the background, to be watched.
fn detached() -> Project {
    let project = Project::new().file("runbooks/slow.yaml", SLOW);
    project.run(&["exec", "slow", "--detach"]).code(0);
    wait_until("the step began", || leader(&project).is_some());
    project
}

fn ended(project: &Project) {
    project.write("go", "");
    wait_until("the run ended", || project.has("after"));
}

#[test]
fn who_watches_leaves_the_terminal_as_it_was_by_any_signal() {
    let project = detached();
    for (signal, code) in [(Signal::INT, 130), (Signal::QUIT, 130), (Signal::HUP, 130), (Signal::TERM, 143)] {
        let mut terminal = Terminal::start(&project.command(&["status", "--watch"]));
        wait_until("it draws", || !echoes(&terminal));
        terminal.signal(signal);
        let (ended, screen) = terminal.end();
        assert_eq!(ended, Some(code), "{signal:?}: {screen}");
        assert!(echoes(&terminal), "{signal:?}");
        assert!(screen.rfind("\x1b[?25h") > screen.rfind("\x1b[?25l"), "{signal:?}: {screen:?}");
    }
    ended(&project);
}

#[test]
fn a_mistake_of_ours_leaves_the_terminal_as_it_was() {
    let project = Project::new().file("runbooks/slow.yaml", SLOW);
    let mut command = project.command(&["exec", "slow"]);
    command.env("RUNBOOK_PANIC_AT", "heartbeat:before");
    let mut terminal = Terminal::start(&command);
    let before = format!("{:?}", terminal.modes());
    wait_until("the step began", || leader(&project).is_some());
    wait_until("it draws", || !echoes(&terminal));
    // At its first heartbeat, some seconds later.
    let (code, screen) = terminal.end();
    project.write("go", "");
    assert_eq!(code, Some(101), "{screen}");
    assert!(screen.contains("this is a bug in runbook"), "{screen}");
    assert_eq!(before, format!("{:?}", terminal.modes()));
    assert!(screen.rfind("\x1b[?25h") > screen.rfind("\x1b[?25l"), "{screen:?}");
    let run = project.newest();
    wait_until("its step ended", || find_by_env(&[("RUNBOOK_RUN", &run)]).is_empty());
}

#[test]
fn two_views_on_one_terminal_leave_its_echo_on() {
    let project = detached();
    let plain = project.command(&[]);
    let program = plain.get_program().to_str().expect("a path in ASCII");
    let mut both = Command::new("sh");
    both.arg("-c").arg(format!(
        "{program} status --watch & echo $! > one; while [ ! -e more ]; do sleep 0.05; done; {program} status --watch & echo $! > two; wait"
    ));
    both.env_clear().current_dir(project.root());
    both.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut terminal = Terminal::start(&both);
    terminal.wait_for("\x1b[?25l");
    wait_until("the first draws", || !echoes(&terminal));
    project.write("more", "");
    terminal.wait_for("\x1b[?25l");
    let end = |name: &str| {
        let number = std::fs::read_to_string(project.root().join(name)).expect("it was written");
        kill_process(
            Pid::from_raw(number.trim().parse().expect("a number")).expect("a process"),
            Signal::TERM,
        )
        .expect("it runs");
    };
    end("one");
    wait_until("the first gave it back", || echoes(&terminal));
    end("two");
    let (_, screen) = terminal.end();
    assert!(echoes(&terminal), "{screen}");
    ended(&project);
}

/// A question in the background is not read from the keyboard that belongs to the shell: it would stop the whole run.
#[test]
fn a_question_in_the_background_waits_for_another_terminal_or_for_the_front() {
    let project = Project::new().file(
        "runbooks/asking.yaml",
        "runbook: asking\ntitle: Ask\nsteps:\n  - {id: go, approve: {prompt: 'Go?'}}\n  - {id: act, run: touch acted, irreversible: No.}\n",
    );
    let (mut terminal, program) = shell(&project);
    terminal.keys(&format!("{program} exec asking &\n"));
    terminal.wait_for("go: Go? (asked in the foreground: fg)");
    let run = project.newest();
    project.run(&["approve", &run, "go"]).code(0);
    wait_until("it went on", || project.has("acted"));
    terminal.keys("wait; exit\n");
    assert_eq!(terminal.end().0, Some(0));
}

/// What is asked before there is a run, too.
#[test]
fn a_missing_input_in_the_background_is_called_for_once() {
    let project = Project::new().file(
        "runbooks/up.yaml",
        "runbook: up\ntitle: Up\nvars:\n  env: {type: string, help: Where to}\n  more: {type: string}\nsteps:\n  - {id: act, run: [echo, '{{ env }}'], effect: read}\n",
    );
    let (mut terminal, program) = shell(&project);
    terminal.keys(&format!("{program} exec up &\n"));
    terminal.wait_for("(asked in the foreground: fg)");
    terminal.keys("sleep 1; echo the $((40 + 2))\n");
    terminal.wait_for("the 42");
    terminal.keys("fg\n");
    terminal.wait_for("env  Where to");
    terminal.wait_for("env: ");
    terminal.keys("prod\n");
    terminal.wait_for("more: ");
    terminal.keys("none\n");
    terminal.wait_for("succeeded");
    terminal.keys("exit\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(screen.matches("asked in the foreground").count(), 1, "{screen}");
}

#[test]
fn an_answer_is_seen_beside_another_view_that_turned_the_echo_off() {
    let project = detached().file(
        "runbooks/asking.yaml",
        "runbook: asking\ntitle: Ask\nsteps:\n  - {id: go, approve: {prompt: 'Go?'}}\n  - {id: act, run: touch acted, irreversible: No.}\n",
    );
    let plain = project.command(&[]);
    let program = plain.get_program().to_str().expect("a path in ASCII");
    let mut both = Command::new("sh");
    both.arg("-c").arg(format!(
        "{program} status --watch & echo $! > one; while [ ! -e more ]; do sleep 0.05; done; {program} exec asking; echo the code is $?; wait"
    ));
    both.env_clear().current_dir(project.root());
    both.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut terminal = Terminal::start(&both);
    wait_until("the first draws", || !echoes(&terminal));
    project.write("more", "");
    terminal.wait_for("Yes? [y/N] ");
    wait_until("what is typed is seen", || echoes(&terminal));
    terminal.keys("y\n");
    terminal.wait_for("Note");
    terminal.keys("\n");
    terminal.wait_for("the code is 0");
    assert!(!echoes(&terminal), "the other still draws");
    let number = std::fs::read_to_string(project.root().join("one")).expect("it was written");
    let first = Pid::from_raw(number.trim().parse().expect("a number")).expect("a process");
    kill_process(first, Signal::TERM).expect("it runs");
    terminal.end();
    assert!(echoes(&terminal));
    ended(&project);
}
