//! What is offered where TAB was pressed, as the program answers a shell; the shells themselves are
//! `tests/terminal/completion.rs`.

use std::collections::BTreeMap;
use std::path::Path;

use super::deploy;
use crate::support::live::{Live, wait_until};
use crate::support::project::Project;

/// Returns what is offered at the end of a line, each with the line about it.
#[track_caller]
fn offered(project: &Project, words: &[&str]) -> BTreeMap<String, String> {
    let arguments = [&["complete", "fish", "--", "runbook"], words].concat();
    let output = project.command(&arguments).output().expect("the binary can be run");
    assert!(output.status.success() && output.stderr.is_empty(), "{words:?}: {output:?}");
    let text = String::from_utf8(output.stdout).expect("what it writes is UTF-8");
    let lines = text.lines().map(|line| line.split_once('\t').expect("a tab stands in each line"));
    lines.map(|(value, about)| (value.to_owned(), about.to_owned())).collect()
}

fn values(project: &Project, words: &[&str]) -> Vec<String> {
    offered(project, words).into_keys().collect()
}

#[test]
fn names_of_the_project_are_offered() {
    let project = deploy()
        .file("runbooks/local/triage.yaml", "runbook: triage\ntitle: Look\ntags: [host, demo]\nsteps: [{id: up, run: uptime, effect: read}]\n")
        .file("steps/own/verb.yaml", "step: own/verb\ntitle: X\nrun: echo hi\neffect: read\n");
    let runbooks = offered(&project, &["exec", ""]);
    assert_eq!(runbooks["deploy"], "Put a release in place");
    assert_eq!(runbooks.keys().collect::<Vec<_>>(), ["deploy", "local/triage"]);
    assert_eq!(values(&project, &["exec", "tri"]), ["local/triage"], "by its last name, too");
    assert_eq!(values(&project, &["show", "own"]), ["own/verb"]);
    project.write(
        "runbooks/tagged.yaml",
        "runbook: tagged\ntitle: T\ntags: # of it\n  - one # and only\n\n  - \"two\"\nsteps: []\n",
    );
    project.write("runbooks/flow.yaml", "runbook: flow\ntags: [three,\n  four] # more\nowner: none\n");
    assert_eq!(
        values(&project, &["list", "--tag", ""]),
        ["demo", "four", "host", "one", "release", "three", "two"]
    );
    assert_eq!(values(&project, &["exec", "./runbooks/de"]), ["./runbooks/deploy.yaml"]);
    assert_eq!(values(&project, &["exec", "deploy", "--only", ""]), ["look", "tell", "warm", "write"]);
    assert_eq!(offered(&project, &["rehearse", "deploy", "--slow", "lo"])["look="], "See what is there");
    // From anywhere else, and for another project.
    let there = project.root().display().to_string();
    let arguments = ["complete", "fish", "--", "runbook", "-C", &there, "plan", "dep"];
    let output = project.command(&arguments).current_dir("/").output().expect("the binary can be run");
    assert!(output.stdout.starts_with(b"deploy\t"), "{output:?}");
}

#[test]
fn vars_are_offered_with_their_values_and_secrets_are_not() {
    let project = deploy().env("DEPLOY_TOKEN", "hunter2");
    let vars = offered(&project, &["exec", "deploy", "--var", ""]);
    assert_eq!(vars.keys().collect::<Vec<_>>(), ["count=", "env="], "and no token");
    assert_eq!(vars["env="], "Where to deploy");
    assert_eq!(values(&project, &["exec", "deploy", "--var", "env="]), ["env=prod", "env=staging"]);
    assert_eq!(values(&project, &["exec", "deploy", "--var=env=s"]), ["--var=env=staging"]);
    assert_eq!(values(&project, &["exec", "deploy", "--var", "token="]), [""; 0]);
    assert_eq!(values(&project, &["exec", "deploy", "--var", "env=prod", "--var", ""]), ["count="]);
    assert_eq!(values(&project, &["exec", "no-such", "--var", ""]), [""; 0]);
}

#[test]
fn what_the_program_has_itself_is_offered() {
    let project = deploy();
    assert_eq!(values(&project, &["ro"]), ["rollback"]);
    assert_eq!(values(&project, &["exec", "--det"]), ["--detach"]);
    assert_eq!(values(&project, &["exec", "x", "--on-failure", ""]), ["pause", "rollback"]);
    assert_eq!(values(&project, &["explain", "RB0401"]), ["RB0401"]);
    assert_eq!(values(&project, &["explain", "no-roll"]), ["no-rollback"]);
    assert_eq!(values(&project, &["check", "--format", ""]), ["json", "sarif", "text"]);
    assert_eq!(values(&project, &["completions", ""]), ["bash", "fish", "zsh"]);
    assert_eq!(values(&project, &["man", "exe"]), ["exec"]);
    assert!(values(&project, &[""]).iter().all(|verb| !verb.starts_with('-')), "flags wait for their dash");
}

#[test]
fn runs_and_their_steps_are_offered_where_they_make_sense() {
    let steps = "  - {id: look, run: echo hi, effect: read}\n  - {id: broken, title: Break, run: 'false', effect: read}\n  - {id: go, approve: {prompt: Go?, ask: {ticket: {type: string, enum: [a, b]}}}}\n";
    let project = deploy().file("runbooks/bad.yaml", format!("runbook: bad\ntitle: Bad\nsteps:\n{steps}"));
    project.run(&["exec", "deploy", "--var", "env=staging"]).code(0);
    let good = project.newest();
    project.run(&["exec", "bad"]).code(1);
    let bad = project.newest();
    let both = values(&project, &["status", ""]);
    assert!(both.contains(&good) && both.contains(&bad) && both.len() == 2, "{both:?}");
    let unfinished = offered(&project, &["resume", ""]);
    assert_eq!(unfinished.keys().collect::<Vec<_>>(), [&bad]);
    assert!(unfinished[&bad].starts_with("bad, failed, "), "{unfinished:?}");
    assert_eq!(values(&project, &["cancel", "r"]), [""; 0], "nobody drives one");
    assert_eq!(values(&project, &["logs", &good, "write"]), ["write[0]", "write[1]"]);
    for retry in [&["resume", &bad, "--retry", ""][..], &["resume", "--retry", ""]] {
        assert_eq!(offered(&project, retry), [("broken".to_owned(), "failed: Break".to_owned())].into());
    }
    assert_eq!(values(&project, &["approve", &bad[..3], ""]), ["go"]);
    assert_eq!(values(&project, &["approve", &bad, "go", "--answer", "ticket="]), ["ticket=a", "ticket=b"]);
    assert_eq!(values(&project, &["resume", &good, "--var", "env="]), ["env=prod", "env=staging"]);
    // A rehearsal says that it is one.
    project.write("runbooks/bad.tape.yaml", "tape: 1\nanswers: [{run: echo hi}, {run: 'false', exit: 1}]\n");
    project.run(&["rehearse", "bad"]).code(1);
    assert!(offered(&project, &["resume", ""]).values().any(|about| about.starts_with("rehearsal of bad")));
}

/// A run that an engine drives is offered to whoever asks to take it over.
#[test]
fn a_live_run_is_offered_to_a_takeover() {
    let steps = "steps: [{id: wait, shell: 'while [ ! -e go ]; do sleep 0.1; done', effect: read}]\n";
    let project = Project::new().file("runbooks/slow.yaml", format!("runbook: slow\ntitle: Slow\n{steps}"));
    let live = Live::start(project.command(&["exec", "slow"]));
    wait_until("it runs", || values(&project, &["cancel", ""]).len() == 1);
    assert!(values(&project, &["resume", ""]).iter().all(|value| value.starts_with("--")), "no run");
    assert_eq!(values(&project, &["resume", "--takeover", ""]), values(&project, &["cancel", ""]));
    project.write("go", "");
    live.ends_with(0);
}

/// The shell reads `~` only when the line is run, and the words before the cursor hold it as it was typed.
#[test]
fn what_stands_below_home_is_found() {
    let project = deploy();
    let there = project.root().canonicalize().expect("it is there");
    let home = there.parent().expect("it is in a folder");
    let below = format!("~/{}/runbooks/", there.file_name().expect("it has a name").to_string_lossy());
    let project = project.env("HOME", &home.display().to_string());
    let name = format!("{below}deploy.yaml");
    assert_eq!(values(&project, &["exec", &format!("{below}de")]), [name.as_str()]);
    assert_eq!(values(&project, &["exec", &name, "--only", "lo"]), ["look"]);
    // Where the shell does not read it the program would get it as it stands there.
    assert_eq!(values(&project, &["exec", "--store", &below]), [name.as_str()]);
    for word in ["--store=", "-C"].map(|flag| format!("{flag}{below}")) {
        assert_eq!(values(&project, &["exec", &word]), [""; 0], "{word}");
    }
    for quoted in [format!("'{below}"), format!("\\{below}")] {
        assert_eq!(values(&project, &["exec", &quoted]), [""; 0], "{quoted}");
        assert_eq!(values(&project, &["exec", "--store", &quoted]), [""; 0], "{quoted}");
    }
}

/// Returns every file below a folder, with its content.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        }
        found.insert(path.display().to_string(), std::fs::read(&path).unwrap_or_default());
    }
    found
}

#[test]
fn whoever_presses_tab_changes_and_starts_nothing() {
    let secret = "vars: {s: {type: secret, from: {command: [sh, -c, ': > asked; echo hunter2']}}}\n";
    let steps = "steps: [{id: look, shell: ': > ran', effect: read, env: {S: '{{ s }}'}}]\n";
    let project = Project::new().file("runbooks/r.yaml", format!("runbook: r\ntitle: R\n{secret}{steps}"));
    let lines: [&[&str]; 8] = [
        &[""],
        &["exec", ""],
        &["exec", "r", "--var", ""],
        &["exec", "r", "--only", ""],
        &["status", ""],
        &["resume", "--retry", ""],
        &["logs", "r", ""],
        &["docs", ""],
    ];
    let home = project.root().parent().expect("it is in a folder").to_owned();
    let before = files(&home);
    for line in lines {
        offered(&project, line);
    }
    assert_eq!(files(&home), before, "not even a journal is made");
    project.run(&["exec", "r"]).code(0);
    for name in ["asked", "ran"] {
        std::fs::remove_file(project.root().join(name)).expect("the run left it");
    }
    // What the last one to look left of the log.
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", project.journal().display()));
    }
    let before = files(&home);
    for line in lines {
        let offers = offered(&project, line);
        assert!(!format!("{offers:?}").contains("hunter2"), "{line:?}: {offers:?}");
    }
    assert_eq!(files(&home), before);
}

#[test]
fn nothing_that_is_typed_makes_it_fail() {
    let project = deploy().file("runbooks/broken.yaml", "runbook: broken\ntitle: [\n");
    std::fs::create_dir_all(project.journal().parent().expect("it is in a folder"))
        .expect("a folder can be made");
    std::fs::write(project.journal(), "no journal").expect("a file can be written");
    for line in [
        &["--help", ""][..],
        &["exec", "--help", ""],
        &["exec", "broken", "--var", ""],
        &["exec", "\u{1b}[31m", "--var", ""],
        &["exec", "--no-such-flag", ""],
        &["no-such-verb", ""],
        &["exec", "--", ""],
        &["status", ""],
        &["logs", "zzzz", ""],
        &["-C", "/no/such/folder", "exec", ""],
        &["--store", "", "status", ""],
        &["complete", ""],
        &["exec", "deploy", "--var", "=", "--var", "env=\u{202e}"],
    ] {
        offered(&project, line);
    }
    for arguments in [
        &["complete", "bash"][..],
        &["complete", "zsh"],
        &["complete", "bash", "--", "9", "x", "", "runbook "],
    ] {
        let output = project.command(arguments).output().expect("the binary can be run");
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
    }
}
