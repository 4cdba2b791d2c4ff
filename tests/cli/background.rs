//! Runs that go on without a terminal: detached, waiting for an answer from elsewhere, watched from another one.

use std::process::Stdio;
use std::time::{Duration, Instant};

use runbook::exec::find_by_env;
use runbook::model::parse_duration;

use crate::support::live::{Live, spawned, wait_until};
use crate::support::project::Project;

const ASKING: &str = r#"
runbook: asking
title: Ask, then act
vars:
  token: {type: secret, required: false, from: {env: TOKEN}}
steps:
  - id: go
    approve: {prompt: Shall it?}
  - id: act
    shell: 'echo acting; test "${#TOKEN}" = 17; touch acted'
    env: {TOKEN: "{{ token | default('none') }}"}
    irreversible: It only writes.
"#;

fn asking() -> Project {
    Project::new().file("runbooks/asking.yaml", ASKING).env("TOKEN", "hunter22-hunter22")
}

fn wait_for_rest(project: &Project, run: &str, status: &str) {
    wait_until(&format!("it is {status}"), || {
        let shown = project.run(&["runs", "--all", "--format", "json"]).code(0);
        let document: serde_json::Value = serde_json::from_str(&shown.stdout).expect("JSON");
        let row = document["runs"].as_array().expect("rows").iter().find(|row| row["run"] == run).cloned();
        row.is_some_and(|row| row["status"] == status)
    });
}

#[test]
fn a_detached_run_goes_on_by_itself_and_is_answered_from_elsewhere() {
    let project = asking();
    let shown = project.run(&["exec", "asking", "--detach"]).code(0);
    let run = project.newest();
    let text = shown.to_string();
    for command in ["runbook status [RUN] --watch", "runbook approve [RUN] STEP", "runbook cancel [RUN]"] {
        assert!(text.contains(command), "{text}");
    }
    wait_until("it asks", || project.run(&["status", &run]).to_string().contains("waits for"));
    project.run(&["approve", &run, "go"]).code(0);
    wait_for_rest(&project, &run, "succeeded");
    assert!(project.has("acted"), "the secret came with it");
    let log = std::fs::read_to_string(project.journal().with_extension("db.d").join(&run).join("engine.log"));
    let log = log.expect("the engine keeps what it says");
    assert!(log.contains("act done") && !log.contains("hunter22"), "{log}");
}

#[test]
fn a_detached_run_is_stopped_from_elsewhere_and_resumed_in_the_background() {
    let project = asking();
    project.run(&["exec", "asking", "--detach", "--format", "json"]).code(0);
    let run = project.newest();
    project.run(&["cancel", &run]).code(0);
    wait_for_rest(&project, &run, "interrupted");
    assert_eq!(find_by_env(&[("RUNBOOK_RUN", &run)]), []);
    project.run(&["resume", "--detach", "--approve", "go"]).code(0);
    wait_for_rest(&project, &run, "succeeded");
}

#[test]
fn what_is_wrong_is_told_before_anything_goes_to_the_background() {
    let project = asking();
    let shown = project.run(&["exec", "nothing", "--detach"]).code(2).to_string();
    assert!(shown.contains("nothing"), "{shown}");
    // What only the engine finds is told in front of the person, too.
    let target = ASKING.replace("vars:", "target: {cluster: 'false'}\nvars:");
    project.write("runbooks/asking.yaml", target);
    let shown = project.run(&["exec", "asking", "--detach"]).code(2).to_string();
    assert!(shown.contains("target.cluster") && !shown.contains("background"), "{shown}");
}

#[test]
fn with_wait_the_answer_may_come_from_elsewhere() {
    let project = asking();
    project.run(&["exec", "asking"]).code(3);
    let first = project.newest();
    let mut engine =
        project.command(&["exec", "asking", "--wait"]).stdout(Stdio::null()).spawn().expect("it runs");
    let mut run = String::new();
    wait_until("it asks", || {
        run = project.newest();
        run != first && project.run(&["approve", &run, "go"]).code == Some(0)
    });
    assert_eq!(engine.wait().expect("it ends").code(), Some(0));
    assert!(project.has("acted"));
}

#[test]
fn a_live_run_is_watched_and_its_output_followed() {
    let project = Project::new().file(
        "runbooks/slow.yaml",
        "runbook: slow\ntitle: Slow\nsteps:\n  - id: talk\n    shell: 'printf begun; while [ ! -e go ]; do sleep 0.05; done; echo \" and over\"'\n    irreversible: No.\n  - {id: after, run: echo more, effect: read}\n",
    );
    project.run(&["exec", "slow", "--detach"]).code(0);
    let run = project.newest();
    let start = |arguments: &[&str]| {
        project.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs")
    };
    let watch = start(&["status", &run, "--watch"]);
    let follow = start(&["logs", &run, "--follow"]);
    project.write("go", "");
    let watched = watch.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&watched.stdout);
    assert_eq!(watched.status.code(), Some(0), "{text}");
    assert!(
        text.contains("talk started") && text.contains("after done") && text.contains("succeeded"),
        "{text}"
    );
    let followed = follow.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&followed.stdout);
    assert_eq!(text, "== talk · action\nbegun and over\n== after · action\nmore\n");
}

/// Else whoever comes in the morning reads that the minute they watched took all night.
#[test]
fn who_watches_is_told_how_long_it_took_since_it_was_taken_up() {
    let project = Project::new().file(
        "runbooks/slow.yaml",
        "runbook: slow\ntitle: Slow\nsteps:\n  - id: talk\n    shell: 'test -e again; while [ ! -e go ]; do sleep 0.05; done'\n    rollback: {shell: 'while [ ! -e back ]; do sleep 0.05; done'}\n",
    );
    project.run(&["exec", "slow"]).code(1);
    let run = project.newest();
    let pause = Duration::from_secs(4);
    let took = |begin: &mut dyn FnMut(), go: &str, word: &str| {
        std::thread::sleep(pause);
        let began = Instant::now();
        begin();
        let watch = project.command(&["status", &run, "--watch"]).stdout(Stdio::piped()).spawn();
        let watch = watch.expect("it runs");
        project.write(go, "");
        let watched = watch.wait_with_output().expect("it ends");
        let text = String::from_utf8_lossy(&watched.stdout).into_owned();
        let said = text.lines().find_map(|line| line.strip_prefix(word)).expect(&text).trim();
        let said = parse_duration(said).unwrap_or_else(|_| panic!("{said} is a time: {text}"));
        // It is rounded, to a second at most.
        assert!(said <= began.elapsed() + Duration::from_secs(1), "{said:?}: {text}");
    };
    project.write("again", "");
    took(
        &mut || drop(project.run(&["resume", &run, "--detach", "--retry", "talk"]).code(0)),
        "go",
        "✓ slow succeeded after ",
    );
    let mut back = None;
    let mut begin = || {
        back = project
            .command(&["rollback", &run, "--yes"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok();
        wait_until("it goes back", || project.run(&["status", &run]).to_string().contains("rolling back"));
    };
    took(&mut begin, "back", "↶ slow was rolled back, after ");
    assert!(back.expect("it was begun").wait().expect("it ends").success());
}

/// Of an engine that was killed no event tells: the next one is told from it by its number alone.
#[test]
fn who_watches_a_rollback_after_a_kill_learns_what_its_engine_was_asked_for() {
    for taken_over in [false, true] {
        let project = Project::new().file(
            "runbooks/slow.yaml",
            "runbook: slow\ntitle: Slow\nsteps:\n  - id: talk\n    shell: 'while [ ! -e go ]; do sleep 0.05; done'\n    rollback: {shell: 'while [ ! -e back ]; do sleep 0.05; done'}\n",
        );
        let engine = Live::start(project.command(&["exec", "slow"]));
        spawned(&project, "talk");
        if taken_over {
            let new = Live::start(project.command(&["resume", "--takeover", "--reason", "ann went home"]));
            new.says("Waiting until it has ended");
            new.kill();
        }
        engine.kill();
        let run = project.newest();
        project.write("go", "");
        wait_until("its step ended", || find_by_env(&[("RUNBOOK_RUN", &run)]).is_empty());
        std::thread::sleep(Duration::from_secs(4));
        let began = Instant::now();
        let back = Live::start(project.command(&["rollback", &run, "--yes"]));
        back.says("talk");
        wait_until("it goes back", || project.run(&["status", &run]).to_string().contains("rolling back"));
        let watch = Live::start(project.command(&["status", &run, "--watch"]));
        watch.says("talk");
        project.write("back", "");
        back.ends_with(0);
        let text = watch.ends_with(0);
        let said = text.lines().find_map(|line| line.strip_prefix("↶ slow was rolled back, after "));
        let said = parse_duration(said.expect(&text).trim()).expect("it is a time");
        assert!(said <= began.elapsed() + Duration::from_secs(1), "{said:?}: {text}");
    }
}

const CHAIN: &str = r#"
runbook: chain
title: Three steps
steps:
  - id: first
    run: echo one
    effect: read
    outputs: {number: stdout | trim}
  - id: second
    run: touch second
    irreversible: It only writes.
  - id: third
    run: touch third
    irreversible: It only writes.
finally:
  - {id: tell, run: touch told, effect: read}
"#;

#[test]
fn a_run_from_the_middle_needs_a_reason_and_leaves_out_what_comes_before() {
    let project = Project::new().file("runbooks/chain.yaml", CHAIN);
    let refused = project.run(&["exec", "chain", "--from", "third"]).code(2).to_string();
    assert!(refused.contains("--from leaves out steps of chain, and that needs a reason"), "{refused}");
    let unknown = project.run(&["exec", "chain", "--from", "thrid", "--reason", "x"]).code(2).to_string();
    assert!(unknown.contains("did you mean `third`?"), "{unknown}");
    let shown =
        project.run(&["exec", "chain", "--from", "third", "--reason", "done by Dana"]).code(0).to_string();
    assert!(
        shown.contains("second skipped: it comes before third, where the run was to begin: done by Dana"),
        "{shown}"
    );
    assert!(project.has("third") && !project.has("second") && project.has("told"));

    let using = CHAIN.replace("run: touch third", "run: \"touch {{ steps.first.outputs.number }}\"");
    project.write("runbooks/chain.yaml", using);
    for (flag, hint) in [("--from", "--from first"), ("--only", "add --only first")] {
        let refused = project.run(&["exec", "chain", flag, "third", "--reason", "x"]).code(2).to_string();
        assert!(refused.contains("`third` uses the outputs of `first`, which"), "{refused}");
        assert!(refused.contains(hint), "{refused}");
    }
}
