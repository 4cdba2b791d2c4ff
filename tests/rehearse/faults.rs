//! What is made to go wrong.

use insta::assert_snapshot;

use super::{newest, project, steps};

#[test]
fn a_step_that_fails_pauses_the_run_and_resume_finds_the_cause_mended() {
    let project = project();
    let shown = project.run(&["rehearse", "up", "--approve", "go", "--fail", "scale[web]=3"]).code(1);
    assert!(shown.stdout.contains("scale[web] exited with 3"), "{shown}");
    assert!(shown.stdout.contains("| rehearsed failure (--fail scale[web]=3)"), "{shown}");
    let run = newest(&project);
    assert_eq!(steps(&project, &run)[..2], ["scale[api] done", "scale[web] failed"]);
    project.run(&["resume", &run, "--approve", "go"]).code(0);
    assert!(!project.has("spawned"));
}

#[test]
fn a_failure_can_be_rolled_back_at_once() {
    let project = project();
    let fault = ["--fail", "script", "--on-failure", "rollback"];
    let shown = project.run(&[&["rehearse", "up", "--approve", "go"], &fault[..]].concat()).code(4);
    assert!(shown.stdout.contains("The rehearsal of up failed and was rolled back"), "{shown}");
    assert!(!project.has("spawned"));
}

#[test]
fn a_slow_command_runs_into_its_timeout() {
    let project = project();
    let slow = super::TOUCHING.replace("    stdin: 'hello", "    timeout: 5m\n    stdin: 'hello");
    project.write("runbooks/up.yaml", slow);
    let shown = project.run(&["rehearse", "up", "--approve", "go", "--slow", "script=10m"]).code(1);
    assert!(shown.stdout.contains("script FAILED after 5m"), "{shown}");
    let shown = project.run(&["rehearse", "up", "--approve", "go", "--slow", "script=4m"]).code(0);
    assert!(shown.stdout.contains("script done after 4m"), "{shown}");
}

#[test]
fn an_engine_that_is_killed_leaves_a_doubt_and_what_the_command_did() {
    let project = project();
    let shown = project.run(&["rehearse", "up", "--approve", "go", "--kill-at", "scale[web]"]);
    assert_eq!(shown.code, None, "a signal ended it: {shown}");
    let run = newest(&project);
    assert_eq!(steps(&project, &run)[..2], ["scale[api] in-doubt", "scale[web] in-doubt"]);
    // Both took effect, so their gates settle them: neither is run again.
    let shown = project.run(&["resume", &run, "--approve", "go"]).code(0);
    assert!(!shown.stdout.contains("scale[web] started"), "{shown}");
    assert!(shown.stdout.contains("scale[web] holds"), "{shown}");
    assert!(!project.has("spawned"));
}

#[test]
fn a_fault_that_can_not_be_is_refused_before_anything_is_written() {
    let project = project();
    let refused =
        |arguments: &[&str]| project.run(&[&["rehearse", "up"], arguments].concat()).code(2).to_string();
    let all = [
        refused(&["--fail", "scal"]),
        refused(&["--fail", "nap"]),
        refused(&["--fail", "script=0"]),
        refused(&["--slow", "script"]),
        refused(&["--slow", "script=long"]),
        refused(&["--kill-at", "go"]),
        refused(&["--tape", "nowhere.yaml"]),
    ]
    .concat();
    assert_snapshot!(all, @r"
    $ runbook rehearse up --fail scal
    --- stderr
    error: --fail scal: up has no step `scal`
     hint: did you mean `scale`?
    --- exit status: 2
    $ runbook rehearse up --fail nap
    --- stderr
    error: --fail nap: `nap` runs no command: it only waits
     hint: name a step that runs a command
    --- exit status: 2
    $ runbook rehearse up --fail script=0
    --- stderr
    error: --fail script=0: `0` is no exit code of a failure
     hint: from 1 to 255: --fail script=2
    --- exit status: 2
    $ runbook rehearse up --slow script
    --- stderr
    error: --slow script: it wants a duration
     hint: for example --slow STEP=10m
    --- exit status: 2
    $ runbook rehearse up --slow script=long
    --- stderr
    error: --slow script=long: `long` is not a duration; write a number with a unit, as in `30s`, `5m`, `1h30m` or `250ms`
     hint: for example --slow STEP=10m
    --- exit status: 2
    $ runbook rehearse up --kill-at go
    --- stderr
    error: --kill-at go: `go` runs no command: it asks a person
     hint: name a step that runs a command
    --- exit status: 2
    $ runbook rehearse up --tape nowhere.yaml
    --- stderr
    error[RB0001]: can't read `nowhere.yaml`: No such file or directory (os error 2)

    1 error
    more about it: runbook explain RB0001
    --- exit status: 2
    ");
    let shown = project.run(&["runs", "--rehearsals"]).code(0);
    assert!(shown.to_string().contains("no rehearsals yet"), "{shown}");
}

#[test]
fn a_fault_that_strikes_nothing_is_told() {
    let project = project();
    let faults =
        ["--fail", "scale[tpyo]", "--slow", "scale=1s", "--kill-at", "script[x]", "--fail", "script=3"];
    let shown = project.run(&[&["rehearse", "up"], &faults[..]].concat()).code(3).to_string();
    for part in [
        "--fail scale[tpyo] did nothing: there is no scale[tpyo]; there is scale[api], scale[web]\n",
        "--fail script=3 has done nothing yet: no command of script was run\n",
        "--kill-at script[x] did nothing: there is no script[x]; there is script\n",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    assert_eq!(shown.matches("did nothing").count(), 2, "{shown}");
}

#[test]
fn a_fault_that_has_not_struck_outlives_its_engine() {
    let project = project();
    // A person is waited for: what comes after them is still to come.
    let shown = project.run(&["rehearse", "up", "--fail", "script"]).code(3).to_string();
    assert!(shown.contains("--fail script has done nothing yet: no command of script was run\n"), "{shown}");
    let run = newest(&project);
    let shown = project.run(&["resume", &run, "--approve", "go"]).code(1).to_string();
    assert!(shown.contains("still to go wrong: --fail script\n"), "{shown}");
    assert!(shown.contains("rehearsed failure (--fail script)"), "{shown}");
    let shown = project.run(&["resume", &run]).code(0).to_string();
    assert!(!shown.contains("to go wrong") && !shown.contains("nothing"), "{shown}");
    // The engine was killed before it.
    project.run(&["rehearse", "up", "--approve", "go", "--kill-at", "scale", "--fail", "script=7"]);
    let shown = project.run(&["resume", &newest(&project), "--approve", "go"]).code(1).to_string();
    assert!(shown.contains("script exited with 7"), "{shown}");
    project.run(&["resume", &newest(&project), "--approve", "go"]).code(0);
}

#[test]
fn what_can_not_go_wrong_any_more_is_not_announced() {
    let project = project();
    let fails = ["--fail", "script", "--slow", "nap-too=3s"];
    project.write("runbooks/up.yaml", super::TOUCHING.to_owned() + FINALLY);
    project.run(&[&["rehearse", "up"], &fails[..]].concat()).code(3);
    // On the way back no action is run but those of `finally`.
    let shown = project.run(&["rollback", &newest(&project), "--yes"]).code(0).to_string();
    assert!(shown.contains("still to go wrong: --slow nap-too=3s\n"), "{shown}");
    assert!(shown.contains("--fail script did nothing: no command of script was run\n"), "{shown}");
}

const FINALLY: &str = "\
finally:
  - {id: nap-too, run: /bin/touch spawned back, effect: read}
";

#[test]
fn a_kill_that_is_still_to_come_is_said_and_so_is_that_it_comes() {
    let project = project();
    let shown = project.run(&["rehearse", "up", "--kill-after", "999"]).code(3).to_string();
    let so_far = "--kill-after 999 has done nothing yet: the run has ";
    let events = shown.split(so_far).nth(1).and_then(|rest| rest.split(' ').next());
    let events: u32 = events.and_then(|events| events.parse().ok()).expect("it says how many");
    let after = (events + 5).to_string();
    project.run(&["rehearse", "up", "--kill-after", &after]).code(3);
    let run = newest(&project);
    let shown = project.run(&["resume", &run, "--approve", "go"]);
    assert_eq!(shown.code, None, "a signal ended it: {shown}");
    let shown = shown.to_string();
    assert!(shown.contains(&format!("still to go wrong: --kill-after {after}\n")), "{shown}");
    let killed = format!("the engine is killed (--kill-after {after}); go on with it: runbook resume");
    assert!(shown.contains(&killed), "{shown}");
    // It struck, so it is over.
    let shown = project.run(&["resume", &run]).code(0).to_string();
    assert!(!shown.contains("kill"), "{shown}");
    let shown =
        project.run(&["rehearse", "up", "--approve", "go", "--kill-after", "999"]).code(0).to_string();
    assert!(shown.contains("--kill-after 999 did nothing: the run has "), "{shown}");
}

#[test]
fn killed_at_any_event_it_goes_on_to_the_same_end() {
    let project = project();
    project.run(&["rehearse", "up", "--approve", "go"]).code(0);
    let end = steps(&project, &newest(&project));
    for after in 1..50 {
        let killed = project.run(&["rehearse", "up", "--approve", "go", "--kill-after", &after.to_string()]);
        if killed.code.is_some() {
            assert!(after > 30, "{killed}");
            return;
        }
        let run = newest(&project);
        let resumed = project.run(&["resume", &run, "--approve", "go"]);
        // The last event is that it succeeded: there is nothing to resume then.
        let over = resumed.code == Some(2) && resumed.to_string().contains("succeeded");
        assert!(over || resumed.code == Some(0), "killed after {after}: {resumed}");
        assert_eq!(steps(&project, &run), end, "killed after {after}: {resumed}");
    }
}
