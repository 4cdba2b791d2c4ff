//! `exec`: from the command line to the exit code.

use insta::assert_snapshot;

use super::deploy;
use crate::support::project::{Project, Shown};

#[test]
fn a_run_that_succeeds() {
    let project = deploy();
    assert_snapshot!(project.run(&["exec", "deploy", "--var", "env=staging", "--max-parallel", "1"]), @r"
    $ runbook exec deploy --var env=staging --max-parallel 1
    [TIME] run [RUN]: deploy opened by ann@[HOST]
    [TIME] look started: echo staging-site
    [TIME] look done after [TOOK]
             | staging-site
    [TIME] write has 2 instances: 0, 1
    [TIME] write[0] reading the state before: cat version
    [TIME] write[0] change: version one → 0
    [TIME] write[0] started: echo '0' > release-'0'
    [TIME] write[0] verifying: test -f release-0
    [TIME] write[0] holds: exit_code 0
    [TIME] write[0] done after [TOOK]
    [TIME] write[1] reading the state before: cat version
    [TIME] write[1] change: version one → 1
    [TIME] write[1] started: echo '1' > release-'1'
    [TIME] write[1] verifying: test -f release-1
    [TIME] write[1] holds: exit_code 0
    [TIME] write[1] done after [TOOK]
    [TIME] warm started: touch warm
    [TIME] warm done after [TOOK]
    [TIME] run [RUN]: the last steps begin; the outcome is: succeeded
    [TIME] tell started: echo succeeded
    [TIME] tell done after [TOOK]
             | succeeded
    [TIME] run [RUN]: succeeded

    ✓ deploy succeeded after [TOOK]
      run [RUN], 5 of 5 steps done

    Changed
      write[0]  version one → 0
      write[1]  version one → 1
      warm      touch warm (can't be undone)

    Next
      every step              runbook status [RUN]
      undo what was changed   runbook rollback [RUN]
    ");
    assert!(project.has("release-0") && project.has("release-1") && project.has("warm"));
}

#[test]
fn a_protected_run_is_consented_to_by_yes() {
    let project = deploy();
    project.run(&["exec", "deploy", "--var", "env=prod", "--yes"]).code(0);
    assert!(project.has("warm"));
}

#[test]
fn a_run_as_json_is_one_event_a_line() {
    let shown = deploy().run(&["exec", "deploy", "--var", "env=staging", "--format", "json"]).code(0);
    let events: Vec<serde_json::Value> =
        shown.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON on each line")).collect();
    assert_eq!(events[0]["event"]["kind"], "opened");
    assert_eq!(events.last().unwrap()["event"]["kind"], "rested");
    assert!(events.iter().enumerate().all(|(at, event)| event["seq"] == at + 1), "in order, without gaps");
}

#[test]
fn what_plan_shows_is_what_exec_sends() {
    let project = deploy();
    let arguments = ["deploy", "--var", "env=staging", "--format", "json"];
    let plan = project.run(&[&["plan"], &arguments[..]].concat()).code(0);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).unwrap();
    let planned: Vec<(String, String)> = plan["steps"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|step| step["commands"].as_array().unwrap().iter().map(move |command| (step, command)))
        .filter(|(_, command)| command["stage"] != "undo")
        .map(|(step, command)| {
            // How the run ends is what a plan can't know.
            let command = command["command"].as_str().unwrap().replace("'‹run.status›'", "succeeded");
            (step["name"].as_str().unwrap().to_owned(), command)
        })
        .collect();
    let run = project.run(&[&["exec", "--max-parallel", "1"], &arguments[..]].concat()).code(0);
    let sent: Vec<(String, String)> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["event"].clone())
        .filter(|event| event["kind"] == "intent")
        .map(|event| {
            (event["step"].as_str().unwrap().to_owned(), event["command"].as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!(planned, sent);
}

const FAILS: &str = "
runbook: fails
title: A step that fails
steps:
  - {id: one, run: [touch, one], rollback: {run: [rm, one]}}
  - {id: two, run: [sh, -c, 'echo no disk >&2; test -e repaired'], rollback: {run: ['true']}}
  - {id: three, run: [touch, three], rollback: {run: [rm, three]}}
";

#[test]
fn a_step_that_fails_pauses_the_run_and_says_what_to_type() {
    let project = Project::new().file("runbooks/fails.yaml", FAILS);
    assert_snapshot!(project.run(&["exec", "fails"]), @"
    $ runbook exec fails
    [TIME] run [RUN]: fails opened by ann@[HOST]
    [TIME] one started: touch one
    [TIME] one done after [TOOK]
    [TIME] two started: sh -c 'echo no disk >&2; test -e repaired'
    [TIME] two exited with 1 after [TOOK]
             | no disk
    [TIME] two FAILED after [TOOK]: it exited with 1
    [TIME] run [RUN]: failed

    ✗ fails failed after [TOOK] and is paused
      run [RUN], 1 of 3 steps done

    two failed: it exited with 1
      $ sh -c 'echo no disk >&2; test -e repaired'
      | no disk

    Changed
      one  touch one
      two  sh -c 'echo no disk >&2; test -e repaired' (failed)

    Next
      all that it printed     runbook logs [RUN] two
      try again and go on     runbook resume [RUN]
      undo what was changed   runbook rollback [RUN]
    --- exit status: 1
    ");
    assert!(project.has("one") && !project.has("three"));
}

#[test]
fn a_step_that_fails_is_rolled_back_when_asked_for() {
    let project = Project::new().file("runbooks/fails.yaml", FAILS);
    let shown = project.run(&["exec", "fails", "--on-failure", "rollback"]).code(4);
    assert!(!project.has("one"), "{shown}");
}

#[test]
fn an_undo_that_fails_is_told_by_the_exit_code() {
    let project =
        Project::new().file("runbooks/fails.yaml", FAILS.replace("[rm, one]", "[rm, nothing-here]"));
    project.run(&["exec", "fails", "--on-failure", "rollback"]).code(5);
}

const ASKS: &str = "
runbook: asks
title: A step that asks
vars: {who: {type: string, default: you}}
steps:
  - {id: go, approve: {prompt: 'Go on, {{ who }}?'}}
  - {id: one, run: [touch, one], rollback: {run: [rm, one]}}
";

#[test]
fn where_nobody_can_answer_the_run_waits() {
    let project = Project::new().file("runbooks/asks.yaml", ASKS);
    assert_snapshot!(project.run(&["exec", "asks", "--yes"]), @"
    $ runbook exec asks --yes
    [TIME] run [RUN]: asks opened by ann@[HOST]
    [TIME] go asks for approval: Go on, you?
             answer it: runbook approve [RUN] go
    [TIME] run [RUN]: waiting for a person

    ◆ asks waits for a person; nothing of it runs
      run [RUN], 0 of 2 steps done

    Waits for a person
      go asks for approval: Go on, you?

    Next
      say yes and go on   runbook resume [RUN] --approve go
      every step          runbook status [RUN]
    --- exit status: 3
    ");
}

#[test]
fn an_approval_given_beforehand() {
    let project = Project::new().file("runbooks/asks.yaml", ASKS);
    project.run(&["exec", "asks", "--approve", "go"]).code(0);
    assert!(project.has("one"));
}

#[test]
fn only_some_of_the_steps() {
    let project = deploy();
    project.run(&["exec", "deploy", "--var", "env=staging", "--only", "warm", "--reason", "drill"]).code(0);
    assert!(project.has("warm") && !project.has("release-0"));
}

#[test]
fn inputs_from_files_and_variables() {
    let project = Project::new().file("runbooks/asks.yaml", ASKS).file("vars.yaml", "who: file\n");
    let asked = |project: &Project, arguments: &[&str]| {
        let shown = project.run(&[&["plan", "asks"], arguments].concat()).code(0).stdout;
        shown.lines().find_map(|line| line.trim().strip_prefix("who  ")).unwrap_or_default().to_owned()
    };
    assert_eq!(asked(&project, &[]), "you (default)");
    let project = project.env("RUNBOOK_VAR_WHO", "variable");
    assert_eq!(asked(&project, &[]), "variable (RUNBOOK_VAR_WHO)");
    assert_eq!(asked(&project, &["--vars-file", "vars.yaml"]), "file (vars.yaml)");
    assert_eq!(asked(&project, &["--vars-file", "vars.yaml", "--var", "who=flag"]), "flag (--var)");
}

#[test]
fn a_closed_pipe_ends_quietly() {
    use std::process::Stdio;
    let project = deploy();
    let mut child = project
        .command(&["show", "deploy"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary can be run");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert!(output.stderr.is_empty() && output.status.success(), "{output:?}");
}

#[test]
fn a_secret_reaches_the_step_and_nobody_else() {
    let text = "
runbook: secret
title: Hand over a secret
vars: {token: {type: secret, from: {env: TOKEN}}}
steps:
  - {id: one, run: [sh, -c, 'cat > got; cat got'], stdin: '{{ token }}', rollback: {run: [rm, got]}}
";
    let project = Project::new().file("runbooks/secret.yaml", text).env("TOKEN", "hunter2-hunter2");
    let shown = project.run(&["exec", "secret"]).code(0).to_string();
    assert_eq!(std::fs::read_to_string(project.root().join("got")).unwrap(), "hunter2-hunter2");
    assert!(!shown.contains("hunter2"), "{shown}");
    let logs = project.run(&["logs", &project.newest()]).code(0).to_string();
    assert!(logs.contains("•••") && !logs.contains("hunter2"), "{logs}");
    let journal = std::fs::read(project.journal()).unwrap();
    assert!(!journal.windows(7).any(|bytes| bytes == b"hunter2"));
}

/// Starts a run and waits until the step that sleeps is at work.
fn asleep(project: &Project, arguments: &[&str]) -> std::process::Child {
    let child = project
        .command(arguments)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the binary can be run");
    let began = std::time::Instant::now();
    while !project.has("asleep") {
        assert!(began.elapsed() < std::time::Duration::from_secs(30), "the step never began");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child
}

const SLEEPS: &str = "
runbook: sleeps
title: A step that sleeps
lock: only-one
steps:
  - {id: nap, run: [sh, -c, 'touch asleep; exec sleep 60'], idempotent: true, grace: 1s, rollback: {run: ['true']}}
  - {id: next, run: [touch, next], rollback: {run: [rm, next]}}
";

/// Sends the signal until the run has ended: one that follows too soon may be lost in the one before.
fn signalled(signal: rustix::process::Signal) -> Shown {
    let project = Project::new().file("runbooks/sleeps.yaml", SLEEPS);
    let mut child = asleep(&project, &["exec", "sleeps"]);
    let pid = rustix::process::Pid::from_raw(child.id().cast_signed()).expect("a child has a number");
    let began = std::time::Instant::now();
    while child.try_wait().expect("the child can be asked").is_none() {
        assert!(began.elapsed() < std::time::Duration::from_secs(30), "the signal did not stop the run");
        rustix::process::kill_process(pid, signal).expect("the child is there until it is waited for");
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    let output = child.wait_with_output().expect("it ended");
    let shown = project.shown(&["exec", "sleeps"], &output);
    assert!(!project.has("next") && shown.stdout.contains("runbook resume "), "{shown}");
    shown
}

#[test]
fn sigterm_stops_the_run_at_once_and_it_can_be_resumed() {
    signalled(rustix::process::Signal::TERM).code(143);
}

#[test]
fn ctrl_c_twice_stops_what_runs() {
    signalled(rustix::process::Signal::INT).code(130);
}

#[test]
fn a_lock_that_is_held_names_who_holds_it() {
    let project = Project::new().file("runbooks/sleeps.yaml", SLEEPS);
    let mut child = asleep(&project, &["exec", "sleeps"]);
    let holder = project.newest();
    let shown = project.run(&["exec", "sleeps"]).code(6).to_string();
    let other = project.command(&["resume", &holder]).output().expect("the binary can be run");
    let pid = rustix::process::Pid::from_raw(child.id().cast_signed()).expect("a child has a number");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("the child is there");
    child.wait().expect("it ends");
    assert!(shown.contains("only-one") && shown.contains("ann"), "{shown}");
    assert_eq!(other.status.code(), Some(6), "a run that is driven can't be resumed: {other:?}");
}

#[test]
fn the_timeout_of_a_step_holds_for_its_gate() {
    let project = Project::new().file(
        "runbooks/slow.yaml",
        "runbook: slow\ntitle: T\nsummary: S.\nsteps:\n\
         \x20 - {id: hangs, timeout: 300ms, gate: {run: sleep 40, pass: exit_code == 0}}\n",
    );
    let shown = project.run(&["exec", "slow"]).code(1).to_string();
    assert!(shown.contains("the gate could not tell: its time was up"), "{shown}");
}

#[test]
fn a_gate_whose_program_is_missing_could_not_tell() {
    let of = |pass: &str| {
        Project::new().file(
            "runbooks/absent.yaml",
            format!(
                "runbook: absent\ntitle: T\nsummary: S.\nsteps:\n\
                 \x20 - {{id: none, gate: {{shell: no-such-grep x, pass: {pass}}}}}\n"
            ),
        )
    };
    let shown = of("exit_code != 0").run(&["exec", "absent"]).code(1).to_string();
    assert!(shown.contains("the gate could not tell: it exited with 127"), "{shown}");
    of("exit_code == 127").run(&["exec", "absent"]).code(0);
}
