//! The account of a run, and what is in doubt wherever a run is shown.
#![expect(clippy::disallowed_methods, reason = "a test follows what the account says to do by hand")]

use std::process::Stdio;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::project::Project;

const SHOP: &str = r#"
runbook: shop
title: Opens a shop
vars:
  env: {type: string, default: prod}
steps:
  - id: door
    capture: {run: [echo, shut], outputs: {door: stdout | trim}}
    changes: "door {{ captured.door }} → open"
    run: [touch, door]
    verify: {run: [test, -e, door], pass: exit_code == 0}
    rollback: {run: [rm, door]}
  - id: pay
    shell: |
      echo 'paying | <b>1</b>'
      touch paid
      while [ ! -e go ]; do sleep 0.05; done
      exit 7
    irreversible: Money does not come back.
"#;

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A project whose engine was killed while `pay` ran; the command has ended since.
fn killed() -> Project {
    let project = Project::new().file("runbooks/shop.yaml", SHOP);
    let mut command = project.command(&["exec", "shop"]);
    let mut engine = command.stderr(Stdio::null()).spawn().expect("the binary can be run");
    wait_until("the step began", || project.has("paid"));
    // What it printed is kept when the engine has read it, which is after the command has gone on.
    let run = project.newest();
    wait_until("its process is recorded and what it printed is kept", || {
        let said = |arguments: &[&str]| {
            let output = project.command(arguments).output().expect("the binary can be run");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        said(&["report", "--format", "json"]).contains("\"pay\"")
            && said(&["logs", &run, "pay"]).contains("paying")
    });
    let pid = Pid::from_raw(engine.id().cast_signed()).expect("a process has a number");
    kill_process(pid, Signal::KILL).expect("the engine can be killed");
    engine.wait().expect("the engine is gone");
    project.write("go", "");
    project
}

fn json(project: &Project, arguments: &[&str]) -> serde_json::Value {
    let shown = project.run(arguments).code(0);
    serde_json::from_str(&shown.stdout).expect("one JSON document")
}

#[test]
fn a_step_in_doubt_is_shown_as_such_wherever_its_run_is() {
    let project = killed();
    let runs = json(&project, &["runs", "--format", "json"]);
    assert_eq!(runs["runs"][0]["in_doubt"], serde_json::json!(["pay"]));
    assert!(project.run(&["runs"]).stdout.contains("? in doubt"));
    let status = project.run(&["status"]).code(0).stdout;
    for wanted in
        ["? pay", "| paying | <b>1</b>", "its command, attempt 1, begun", "--done pay", "--retry pay"]
    {
        assert!(status.contains(wanted), "no `{wanted}` in\n{status}");
    }
    for document in
        [json(&project, &["status", "--format", "json"]), json(&project, &["report", "--format", "json"])]
    {
        let doubt = &document["doubts"][0];
        assert_eq!((doubt["step"].as_str(), doubt["stage"].as_str()), (Some("pay"), Some("action")));
        assert_eq!(doubt["output"], "paying | <b>1</b>");
        assert_eq!(doubt["on_interrupt"], "ask");
        assert_eq!(doubt["settle"].as_array().map(Vec::len), Some(3), "{doubt}");
    }
    let report = project.run(&["report"]).code(0).stdout;
    assert!(report.contains("## In doubt\n\n**pay**") && report.contains("--done pay --reason"), "{report}");
}

#[test]
fn the_account_tells_what_was_decided_and_undone() {
    let project = killed();
    let run = project.newest();
    wait_until("its command ended", || {
        project.run(&["resume", &run, "--skip", "pay", "--reason", "not today"]).code == Some(0)
    });
    project.run(&["rollback", &run, "--yes", "--approve", "pay"]).code(0);
    assert!(!project.has("door"));
    let account = json(&project, &["report", &run, "--format", "json"]);
    assert_eq!(account["status"], "rolled-back");
    assert_eq!(account["vars"]["env"], "prod");
    let texts: Vec<&str> =
        account["people"].as_array().expect("a list").iter().filter_map(|one| one["text"].as_str()).collect();
    assert!(
        texts.iter().any(|text| text.contains("go on without it") && text.contains("not today")),
        "{texts:?}"
    );
    let door = account["changes"].as_array().expect("a list").iter().find(|one| one["step"] == "door");
    let door = door.expect("it was changed");
    assert_eq!(
        (door["standing"].as_str(), door["undo"].as_str()),
        (Some("undone"), Some("rm door </dev/null"))
    );
    assert_eq!(door["captured"]["door"], "shut");
    let page = project.run(&["report", &run, "--format", "html"]).code(0).stdout;
    assert!(page.starts_with("<!doctype html>") && !page.contains("<b>1</b>"), "{page}");
}

#[test]
fn a_verb_says_what_it_writes() {
    let project = Project::new().file("runbooks/shop.yaml", SHOP);
    assert_snapshot!(project.run(&["list", "--format", "html"]), @r"
    $ runbook list --format html
    --- stderr
    error: this verb does not write html
     hint: it writes text, json
    --- exit status: 2
    ");
    assert_snapshot!(project.run(&["report"]), @r"
    $ runbook report
    --- stderr
    error: there is no journal at [HOME]/.local/state/runbook/journal.db yet; `runbook exec` makes it
    --- exit status: 2
    ");
}

const INCIDENT: &str = r#"
runbook: incident
title: Restores the orders
vars:
  env: {type: string, default: prod}
  token: {type: secret, from: {env: TOKEN}}
protect: env == 'prod'
steps:
  - id: lag
    gate: {run: [echo, '{"lag": 8}'], pass: json.lag < 10, warn: json.lag > 5}
  - id: scale
    capture: {run: [echo, "3"], outputs: {replicas: stdout | trim | int}}
    shell: echo scaled with $TOKEN
    env: {TOKEN: "{{ token }}"}
    verify: {run: [echo, "9"], pass: stdout | trim | int > 5}
    rollback: {shell: "echo can not, $TOKEN >&2; exit 4"}
  - id: go
    approve: {prompt: "Restore {{ env }}?", ask: {ticket: {type: string}}}
  - id: post
    run: [cat]
    stdin: "restoring {{ env }} with `it` | <b>\n"
    irreversible: The message is out.
  - id: migrate
    about: |
      Ask a DBA when it fails.

      There is more to say.
    shell: |
      i=0
      while [ $i -lt 400 ]; do printf 'row %s ' $i; i=$((i+1)); done
      echo 'ERROR: no index `x` | <b>'
      test -e fixed || exit 5
    idempotent: true
    rollback: {run: [echo, back]}
"#;

/// A run that was approved from elsewhere, failed, was taken up again, and could be undone in part only.
fn incident() -> (Project, String) {
    let project = Project::new().env("TOKEN", "s3cr3t-of-mine").file("runbooks/incident.yaml", INCIDENT);
    project.run(&["exec", "incident", "--yes", "--reason", "INC-4711"]).code(3);
    let run = project.newest();
    project.run(&["approve", &run, "go", "--yes", "--answer", "ticket=T-1", "--note", "seen"]).code(0);
    project.run(&["resume", &run]).code(1);
    project.run(&["resume", &run, "--retry", "migrate", "--reason", "once more"]).code(1);
    project.run(&["rollback", &run, "--yes", "--approve", "post"]).code(5);
    (project, run)
}

#[test]
fn an_incident_can_be_told_from_its_account() {
    let (project, run) = incident();
    let told = json(&project, &["report", &run, "--format", "json"]);
    assert_eq!((told["version"].as_u64(), told["consent"]["via"].as_str()), (Some(1), Some("flag")));
    let first = &told["first_failure"];
    assert_eq!((first["step"].as_str(), first["why"].as_str()), (Some("migrate"), Some("it exited with 5")));
    assert_eq!(first["about"], "Ask a DBA when it fails.");
    assert_eq!(first["logs"], format!("runbook logs {run} migrate"));
    assert!(
        first["output"].as_str().is_some_and(|output| output.starts_with("…") || output.starts_with("row"))
    );
    // It failed twice; what was done about the first time stands beside it.
    let settled = &told["settled_failures"][0];
    assert!(
        settled["settled"]["text"].as_str().is_some_and(|text| text.contains("(once more)")),
        "{settled}"
    );
    assert_eq!(told["overrides"][0]["text"], settled["settled"]["text"]);
    let lag = &told["gates"][0];
    assert_eq!(
        (lag["wanted"].as_str(), lag["warned"].as_str()),
        (Some("json.lag < 10"), Some("json.lag > 5"))
    );
    assert_eq!((lag["verdict"].as_str(), lag["seen"].as_str()), (Some("warns"), Some("lag 8")));
    let go = &told["approvals"][0];
    assert_eq!((go["step"].as_str(), go["prompt"].as_str()), (Some("go"), Some("Restore prod?")));
    assert_eq!(go["covers"][0]["command"], "cat");
    let reply = &go["replies"][0];
    assert_eq!((reply["said"].as_str(), reply["note"].as_str()), (Some("yes"), Some("seen")));
    assert_eq!(
        (reply["by"]["name"].as_str(), reply["answers"]["ticket"].as_str()),
        (Some("ann"), Some("T-1"))
    );
    let change = |step: &str| {
        let list = told["changes"].as_array().expect("a list");
        list.iter().find(|one| one["step"] == step).expect("it was changed").clone()
    };
    let scale = change("scale");
    assert_eq!(
        (scale["standing"].as_str(), scale["captured"]["replicas"].as_u64()),
        (Some("undo-failed"), Some(3))
    );
    assert_eq!((scale["seen"].as_str(), scale["undo_output"].as_str()), (Some("9"), Some("can not, •••")));
    assert_eq!(change("post")["irreversible"], "The message is out.");
}

#[test]
fn an_account_survives_what_commands_print_and_tells_no_secret() {
    let (project, run) = incident();
    let page = project.run(&["report", &run, "--format", "html"]).code(0).stdout;
    let markdown = project.run(&["report", &run]).code(0).stdout;
    let document = project.run(&["report", &run, "--format", "json"]).code(0).stdout;
    for told in [&page, &markdown, &document] {
        assert!(!told.contains("s3cr3t-of-mine"), "{told}");
        for wanted in ["INC-4711", "once more", "T-1", "Ask a DBA", "The message is out."] {
            assert!(told.contains(wanted), "no `{wanted}` in\n{told}");
        }
    }
    assert!(!page.contains("<b>\n") && page.contains("ERROR: no index `x` | &lt;b&gt;"), "{page}");
    let long = markdown.lines().filter(|line| !line.starts_with('|')).map(|line| line.chars().count()).max();
    assert!(long.is_some_and(|long| long < 1_000), "{long:?}");
    // The end of a line that is too long is what matters of a failure.
    assert!(markdown.contains("row 399 ERROR: no index `x` | <b>\n"), "{markdown}");
    assert!(markdown.contains(&format!("all of it: `runbook logs {run} migrate`")), "{markdown}");
    assert!(markdown.contains("`cat`, reading\n  ```text\n  restoring prod with `it` | <b>\n"), "{markdown}");
}

#[test]
fn every_field_of_an_account_is_documented() {
    let (project, run) = incident();
    let page = include_str!("../../docs/report.md");
    let told = json(&project, &["report", &run, "--format", "json"]);
    let mut missing = Vec::new();
    let mut look = |of: &serde_json::Value| {
        for name in of.as_object().into_iter().flatten().map(|(name, _)| name) {
            if !page.contains(&format!("`{name}`")) {
                missing.push(name.clone());
            }
        }
    };
    look(&told);
    for list in ["settled_failures", "changes", "gates", "approvals", "overrides", "people", "timeline"] {
        told[list].as_array().expect("a list").iter().for_each(&mut look);
    }
    look(&told["first_failure"]);
    look(&told["approvals"][0]["replies"][0]);
    assert!(missing.is_empty(), "not in docs/report.md: {missing:?}");
}

const STUCK: &str = r#"
runbook: stuck
title: Its undo fails
max_parallel: 1
vars:
  pw: {type: secret, from: {env: PW}}
steps:
  - id: base
    run: ["true"]
    effect: change
    rollback:
      shell: |
        printf '<base %s>' "it's" >> log
        exit 3
  - id: fed
    run: ["true"]
    effect: change
    rollback:
      run: [sh, -c, 'cat >> ../log; printf "<%s %s>" "$REGION" "$PW" >> ../log; pwd | sed "s,.*/,," >> ../log; exit 1']
      stdin: "a\n'b' $x\r\n"
      dir: sub
      env: {REGION: "eu west", PW: "{{ pw }}"}
  - id: script
    needs: [base]
    capture: {run: [echo, "it's $HOME"], outputs: {was: stdout | trim}}
    run: ["true"]
    effect: change
    rollback:
      shell: |
        # don't
        printf '<%s>' {{ captured.was }} "{{ captured.was }}" >> log
        if [ -e log ]; then exit 4; fi
"#;

/// What the account says to do by hand is what the engine did: with the folder, the environment and the input, and in a shell
/// of its own, so that an `exit` in it ends no terminal.
#[test]
fn what_was_not_undone_is_told_as_it_is_pasted() {
    let project =
        Project::new().file("runbooks/stuck.yaml", STUCK).file("sub/x", "").env("PW", "hunter22 'hunter22'");
    project.run(&["exec", "stuck"]).code(0);
    let end = project.run(&["rollback", &project.newest(), "--yes"]).to_string();
    let by_engine = project.log();
    let account = json(&project, &["report", "--format", "json"]);
    let undo = |step: &str| {
        let of = account["changes"].as_array().expect("a list").iter().find(|one| one["step"] == step);
        of.and_then(|change| change["undo"].as_str()).unwrap_or_else(|| panic!("{step} {account}")).to_owned()
    };
    let follow = |command: &str| {
        project.write("log", "");
        let mut sh = std::process::Command::new("sh");
        sh.arg("-c").arg(format!("{command}\necho goes on")).current_dir(project.root());
        sh.envs([("PW", "hunter22 'hunter22'"), ("HOME", "/nonexistent")]);
        let output = sh.output().expect("there is a shell");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "goes on\n", "{command}\n{output:?}");
        project.log()
    };
    let (script, fed, base) = (follow(&undo("script")), follow(&undo("fed")), follow(&undo("base")));
    assert_eq!(by_engine, script.clone() + &fed, "{end}");
    assert!(fed.contains("a\n'b' $x\r\n<eu west hunter22 'hunter22'>sub\n"), "{fed}");
    assert_eq!(base, "<base it's>");

    let page = project.run(&["report"]).code(0).stdout;
    for step in ["script", "fed", "base"] {
        assert!(page.contains(&format!("\nBy hand:\n\n```sh\n{}\n```\n", undo(step))), "{step}\n{page}");
    }
    assert!(!page.contains("hunter22"), "{page}");
    let html = project.run(&["report", "--format", "html"]).code(0).stdout;
    let shown = undo("fed").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    assert!(html.contains(&shown.replace('"', "&quot;").replace('\'', "&#39;")), "{html}");
    // On the screen a command of several lines would be another one.
    assert_eq!(end.matches("by hand: it is in the account, whole: runbook report [RUN]").count(), 3, "{end}");
}

/// Pasted, a command that reads would take the next line for its own; and who pastes it has to know where a secret is.
#[test]
fn what_is_pasted_reads_nothing_and_says_where_its_secrets_are() {
    let runbook = "\
runbook: reads
title: T
vars:
  key: {type: secret, from: {file: key.txt}}
  token: {type: secret, from: {command: cat token.txt}}
  odd: {type: secret, from: {command: [cat, 'o`dd$(x).txt']}}
steps:
  - id: a
    run: mkdir made
    rollback:
      env: {K: '{{ key }}', T: '{{ token }}', O: '{{ odd }}'}
      run: sh -c 'cat >> log; echo \"$K $T $O\" >> log; exit 4'
";
    let project = Project::new()
        .file("runbooks/reads.yaml", runbook)
        .file("key.txt", "key-of-the-file\n")
        .file("token.txt", "token-of-the-command\n")
        .file("o`dd$(x).txt", "odd-one-out\n");
    project.run(&["exec", "reads"]).code(0);
    project.run(&["rollback", &project.newest(), "--yes"]).code(5);
    let account = json(&project, &["report", "--format", "json"]);
    let undo = account["changes"][0]["undo"].as_str().expect("it is told").to_owned();
    let paste = |envs: &[(&str, &str)]| {
        project.write("log", "");
        let mut sh = std::process::Command::new("sh");
        sh.current_dir(project.root())
            .stdin(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let mut sh = sh
            .stdout(std::process::Stdio::piped())
            .envs(envs.iter().copied())
            .spawn()
            .expect("there is a shell");
        let typed = format!("{undo}\necho goes on\n");
        std::io::Write::write_all(&mut sh.stdin.take().expect("a pipe"), typed.as_bytes()).expect("it reads");
        let output = sh.wait_with_output().expect("it ends");
        (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let all = [("RUNBOOK_VAR_KEY", "k"), ("RUNBOOK_VAR_TOKEN", "t"), ("RUNBOOK_VAR_ODD", "o")];
    assert_eq!(paste(&all).0, "goes on\n", "{undo}");
    assert_eq!(project.log(), "k t o\n");
    for (missing, said) in [
        (0, "the secret key: it is in key.txt"),
        (1, "the secret token: this prints it: cat token.txt"),
        (2, "the secret odd: the runbook says where it is from"),
    ] {
        let given: Vec<_> =
            all.iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, one)| *one).collect();
        let (_, told) = paste(&given);
        assert!(told.contains(said) && project.log().is_empty(), "{told}\n{undo}");
    }
}
