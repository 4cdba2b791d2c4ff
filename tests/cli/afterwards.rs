//! Verbs for runs that were begun: status, runs, logs, resume, rollback, approve.

use insta::assert_snapshot;

use super::deploy;
use crate::support::project::Project;

const FLAKY: &str = "
runbook: flaky
title: A step that fails until it is repaired
steps:
  - {id: one, shell: 'echo one >> sent; echo done with one', rollback: {run: [sh, -c, 'echo undo-one >> sent']}}
  - {id: two, shell: 'echo two >> sent; echo no disk >&2; test -e repaired', rollback: {run: [sh, -c, 'echo undo-two >> sent']}}
  - {id: three, shell: 'echo three >> sent', rollback: {run: [sh, -c, 'echo undo-three >> sent']}}
";

/// A project with a run that failed half-way.
fn failed() -> Project {
    let project = Project::new().file("runbooks/flaky.yaml", FLAKY);
    project.run(&["exec", "flaky"]).code(1);
    project
}

fn sent(project: &Project) -> Vec<String> {
    let text = std::fs::read_to_string(project.root().join("sent")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_journal_that_is_not_there_has_no_runs() {
    let project = deploy();
    assert_snapshot!(project.run(&["runs"]), @"
    $ runbook runs
    --- stderr
    no run is unfinished; `runbook runs --all` lists all
    ");
    assert_snapshot!(project.run(&["status"]), @"
    $ runbook status
    --- stderr
    error: there is no journal at [HOME]/.local/state/runbook/journal.db yet; `runbook exec` makes it
    --- exit status: 2
    ");
    assert_snapshot!(project.run(&["resume"]), @"
    $ runbook resume
    --- stderr
    error: there is no journal at [HOME]/.local/state/runbook/journal.db yet; `runbook exec` makes it
    --- exit status: 2
    ");
    assert!(!project.journal().exists(), "looking makes no journal");
}

#[test]
fn runs_are_listed() {
    let project = failed();
    assert_snapshot!(project.run(&["runs"]), @"
    $ runbook runs
    RUN       STATUS    RUNBOOK  STARTED (UTC)     TOOK  BY
    [RUN]  ✗ failed  flaky    [MINUTE]  [TOOK]    ann
    ");
    project.write("repaired", "");
    project.run(&["resume"]).code(0);
    assert_snapshot!(project.run(&["runs"]), @"
    $ runbook runs
    --- stderr
    no run is unfinished; `runbook runs --all` lists all
    ");
    assert_snapshot!(project.run(&["runs", "--all"]), @"
    $ runbook runs --all
    RUN       STATUS       RUNBOOK  STARTED (UTC)     TOOK  BY
    [RUN]  ✓ succeeded  flaky    [MINUTE]  [TOOK]    ann
    ");
    let shown = project.run(&["runs", "--all", "--format", "json"]).code(0);
    let document: serde_json::Value = serde_json::from_str(&shown.stdout).expect("one JSON document");
    assert_eq!(document["runs"][0]["status"], "succeeded");
}

#[test]
fn status_shows_every_step() {
    let project = failed();
    assert_snapshot!(project.run(&["status"]), @"
    $ runbook status
    ✗ flaky: failed
      run [RUN], started [AT] UTC (just now), took [TOOK]
      by ann@[HOST]

    Needs attention
      ✗ two failed: it exited with 1

    Steps
      ✓ one          done  [TOOK]
      ✗ two          failed  [TOOK]  it exited with 1
      · three        waiting                     for two

    Next
      all that it printed     runbook logs [RUN] two
      try again and go on     runbook resume [RUN]
      undo what was changed   runbook rollback [RUN]
    --- stderr
    run [RUN]: flaky, begun [AT], failed
    ");
    let shown = project.run(&["status", "--format", "json"]).code(0);
    let document: serde_json::Value = serde_json::from_str(&shown.stdout).expect("one JSON document");
    assert_eq!(document["steps"][1]["instances"][0]["standing"], "failed");
}

#[test]
fn logs_show_what_was_printed() {
    let project = failed();
    let run = project.newest();
    assert_snapshot!(project.run(&["logs", &run]), @"
    $ runbook logs [RUN]
    == one · action
    done with one
    == two · action, stderr
    no disk
    ");
    assert_eq!(project.run(&["logs", &run[..6], "two"]).code(0).stdout, "== two · action, stderr\nno disk\n");
    assert_snapshot!(project.run(&["logs", &run, "three"]), @"
    $ runbook logs [RUN] three
    --- stderr
    nothing was printed
    ");
    assert_snapshot!(project.run(&["logs", &run, "tow"]), @"
    $ runbook logs [RUN] tow
    --- stderr
    error: run [RUN] has no step `tow`
     hint: did you mean `two`?
    --- exit status: 2
    ");
    assert_snapshot!(project.run(&["logs", "rzzzzzzz"]), @"
    $ runbook logs [RUN]
    --- stderr
    error: there is no run [RUN]; `runbook runs --all` lists them
    --- exit status: 2
    ");
}

/// Two letters of an id are easily changed for each other when it is read off another screen.
#[test]
fn a_near_run_is_named_for_a_mistyped_one() {
    let project = failed();
    let run = project.newest();
    let letters: Vec<char> = run.chars().collect();
    let at = (2..letters.len()).find(|at| letters[*at] != letters[at - 1]).expect("not all are the same");
    let mut typed = letters.clone();
    typed.swap(at, at - 1);
    let typed: String = typed.into_iter().collect();
    for arguments in [
        &["status"][..],
        &["logs"],
        &["report"],
        &["resume"],
        &["rollback", "--yes"],
        &["cancel"],
        &["verify"],
        &["approve", "one"],
    ] {
        let (verb, more) = arguments.split_first().expect("a verb");
        let shown = project.run(&[&[*verb, typed.as_str()], more].concat()).code(2);
        let hint = "did you mean [RUN] (flaky)?";
        assert!(shown.to_string().contains(hint), "{arguments:?}: {shown}");
    }
    assert_eq!(sent(&project), ["one", "two"], "nothing was done to it");
}

#[test]
fn resume_goes_on_and_sends_nothing_twice() {
    let project = failed();
    project.write("repaired", "");
    assert_snapshot!(project.run(&["resume"]), @"
    $ runbook resume
    [TIME] run [RUN]: taken up again by ann@[HOST]
    [TIME] two decided: run it again, by ann@[HOST]
    [TIME] two started (attempt 2): echo two >> sent; echo no disk >&2; test -e repaired
    [TIME] two done after [TOOK]
    [TIME] three started: echo three >> sent
    [TIME] three done after [TOOK]
    [TIME] run [RUN]: succeeded

    ✓ flaky succeeded after [TOOK]
      run [RUN], 3 of 3 steps done

    Changed
      one    echo one >> sent; echo done with one
      two    echo two >> sent; echo no disk >&2; test -e repaired
      three  echo three >> sent

    Next
      every step              runbook status [RUN]
      undo what was changed   runbook rollback [RUN]
    --- stderr
    run [RUN]: flaky, begun [AT], failed
    ");
    assert_eq!(sent(&project), ["one", "two", "two", "three"]);
    assert_snapshot!(project.run(&["resume", &project.newest()]), @"
    $ runbook resume [RUN]
    --- stderr
    error: run [RUN] has ended (succeeded): there is nothing to resume
    --- exit status: 2
    ");
}

#[test]
fn resume_past_a_step_needs_a_reason() {
    let project = failed();
    assert_snapshot!(project.run(&["resume", "--skip", "two"]), @"
    $ runbook resume --skip two
    --- stderr
    error: --skip two needs a reason
     hint: add --reason TEXT; it is kept in the journal
    --- exit status: 2
    ");
    assert_snapshot!(project.run(&["resume", "--skip", "tow", "--reason", "seen to"]), @"
    $ runbook resume --skip tow --reason seen to
    --- stderr
    run [RUN]: flaky, begun [AT], failed
    error: run [RUN] has no step `tow`; did you mean `two`?
    --- exit status: 2
    ");
    project.run(&["resume", "--skip", "two", "--reason", "seen to"]).code(0);
    assert_eq!(sent(&project), ["one", "two", "three"]);
}

#[test]
fn rollback_shows_what_it_will_do_and_needs_consent() {
    let project = failed();
    assert_snapshot!(project.run(&["rollback"]), @"
    $ runbook rollback
    --- stderr
    run [RUN]: flaky, begun [AT], failed
    To be undone of run [RUN], the last begun first:
      two  sh -c 'echo undo-two >> sent'
        failed (it exited with 1); what it did before that is undone too
      one  sh -c 'echo undo-one >> sent'
    error: a rollback is confirmed at a terminal, and there is none
     hint: add --yes to begin without asking: runbook rollback [RUN] --yes
    --- exit status: 2
    ");
    assert_eq!(sent(&project), ["one", "two"]);
}

#[test]
fn rollback_undoes_the_last_first() {
    let project = failed();
    assert_snapshot!(project.run(&["rollback", "--yes"]), @"
    $ runbook rollback --yes
    [TIME] run [RUN]: rollback of 2 steps began, asked for by ann@[HOST]
    [TIME] two undoing: sh -c 'echo undo-two >> sent'
    [TIME] two undone after [TOOK]
    [TIME] one undoing: sh -c 'echo undo-one >> sent'
    [TIME] one undone after [TOOK]
    [TIME] run [RUN]: rolled back

    ↶ flaky failed and was rolled back, after [TOOK]
      run [RUN], 2 of 2 changes undone

    two failed: it exited with 1
      $ echo two >> sent; echo no disk >&2; test -e repaired
      | no disk

    Undone, back to what it was
      one  echo one >> sent; echo done with one
      two  echo two >> sent; echo no disk >&2; test -e repaired

    Next
      all that it printed   runbook logs [RUN] two
      every step            runbook status [RUN]
    --- stderr
    run [RUN]: flaky, begun [AT], failed
    To be undone of run [RUN], the last begun first:
      two  sh -c 'echo undo-two >> sent'
        failed (it exited with 1); what it did before that is undone too
      one  sh -c 'echo undo-one >> sent'
    ");
    assert_eq!(sent(&project), ["one", "two", "undo-two", "undo-one"]);
    let again = project.run(&["rollback", "--yes"]).code(2).to_string();
    assert!(again.contains("[RUN], is rolled back already"), "{again}");
    assert_snapshot!(project.run(&["rollback", &project.newest(), "--yes"]), @"
    $ runbook rollback [RUN] --yes
    --- stderr
    error: run [RUN] has ended (rolled back): there is nothing to roll back
    --- exit status: 2
    ");
}

#[test]
fn rollback_down_to_a_step() {
    let project = failed();
    project.run(&["rollback", "--yes", "--to", "two"]);
    assert_eq!(sent(&project), ["one", "two", "undo-two"]);
}

const ASKS: &str = "
runbook: asks
title: A step that asks
steps:
  - {id: go, approve: {prompt: 'Go on?'}}
  - {id: one, run: [touch, one], rollback: {run: [rm, one]}}
";

#[test]
fn an_approval_from_another_terminal() {
    let project = Project::new().file("runbooks/asks.yaml", ASKS);
    project.run(&["exec", "asks"]).code(3);
    let run = project.newest();
    assert_snapshot!(project.run(&["approve", &run, "og"]), @"
    $ runbook approve [RUN] og
    --- stderr
    error: `og` of run [RUN] waits for nobody
     hint: did you mean `go`?
    --- exit status: 2
    ");
    assert_snapshot!(project.run(&["approve", &run, "go", "--note", "seen with Dana"]), @r"
    $ runbook approve [RUN] go --note seen with Dana
    --- stderr
    go waits for your decision
      Go on?
      A yes runs one:
        touch one
    go: approved; go on with `runbook resume [RUN]`
    ");
    project.run(&["resume"]).code(0);
    assert!(project.has("one"));
    assert_snapshot!(project.run(&["approve", &run, "go"]), @"
    $ runbook approve [RUN] go
    --- stderr
    error: `go` of run [RUN] waits for nobody
     hint: nothing of it does: `runbook status [RUN]`
    --- exit status: 2
    ");
}

#[test]
fn a_rejection_from_another_terminal() {
    let project = Project::new().file("runbooks/asks.yaml", ASKS);
    project.run(&["exec", "asks"]).code(3);
    project.run(&["approve", &project.newest(), "go", "--reject", "--note", "not today"]).code(0);
    let shown = project.run(&["resume"]).code(1);
    assert!(!project.has("one") && shown.stdout.contains("not today"), "{shown}");
}

#[test]
fn a_rollback_down_to_a_step_that_changed_nothing_is_refused() {
    let project = failed();
    assert_snapshot!(project.run(&["rollback", "--yes", "--to", "three"]), @"
    $ runbook rollback --yes --to three
    --- stderr
    run [RUN]: flaky, begun [AT], failed
    error: `three` changed nothing in run [RUN] that is not undone
     hint: `runbook rollback [RUN]` shows what there is to undo, and asks first
    --- exit status: 2
    ");
    assert_snapshot!(project.run(&["rollback", "--yes", "--to", "tow"]), @"
    $ runbook rollback --yes --to tow
    --- stderr
    run [RUN]: flaky, begun [AT], failed
    error: run [RUN] has no step `tow`; did you mean `two`?
    --- exit status: 2
    ");
    assert_eq!(sent(&project), ["one", "two"]);
}

#[test]
fn what_a_step_changes_that_reads_nothing_before_is_told_at_the_end() {
    let text = "
runbook: port
title: Moves a port
vars: {port: {type: integer, default: 81}}
steps:
  - {id: move, changes: 'port 80 → {{ port }}', run: [echo, moved], rollback: {run: [echo, back]}}
";
    let project = Project::new().file("runbooks/port.yaml", text);
    let shown = project.run(&["exec", "port"]).code(0).to_string();
    assert!(shown.contains("Changed\n  move  port 80 → 81\n"), "{shown}");
    let run = project.newest();
    let told = project.run(&["report", &run]).code(0).stdout;
    assert!(told.contains("| move | done | port 80 → 81 | `echo moved` |"), "{told}");
    let back = project.run(&["rollback", &run, "--yes"]).code(0).to_string();
    assert!(back.contains("Undone, back to what it was\n  move  port 81 → 80\n"), "{back}");
}

#[test]
fn of_long_json_that_was_only_looked_at_it_is_said_where_it_is() {
    let text = r#"
runbook: look
title: Looks at pods
steps:
  - {id: table, effect: read, run: ['printf', 'NAME  READY\napi   3/3\n']}
  - {id: short, effect: read, run: [echo, '{"ready": 3}']}
  - {id: pods, effect: read, shell: "i=0; printf '['; while [ $i -lt 300 ]; do printf '{\"name\": \"pod-%s\"},' $i; i=$((i+1)); done; echo '{}]'"}
"#;
    let project = Project::new().file("runbooks/look.yaml", text);
    let shown = project.run(&["exec", "look"]).code(0).to_string();
    assert!(
        shown.contains("         | api   3/3\n") && shown.contains("         | {\"ready\": 3}\n"),
        "{shown}"
    );
    assert!(!shown.contains("pod-299"), "{shown}");
    assert!(shown.contains("         all of it: runbook logs [RUN] pods\n"), "{shown}");
}

#[test]
fn who_meets_a_lock_is_told_what_frees_it() {
    let text = "
runbook: held
title: Fails before it changed anything
lock: things
steps:
  - {id: look, effect: read, run: ['false']}
  - {id: change, run: [touch, x], rollback: {run: [rm, x]}}
";
    let project = Project::new().file("runbooks/held.yaml", text);
    project.run(&["exec", "held"]).code(1);
    let run = project.newest();
    let told = project.run(&["exec", "held"]).code(6).to_string();
    for way in ["go on with it  [RUN]", "undo it and free the lock  [RUN]"] {
        let (what, run) = way.split_once("  ").expect("two parts");
        let line = told.lines().find(|line| line.trim_start().starts_with(what)).unwrap_or_default();
        assert!(line.contains("   runbook r") && line.ends_with(run), "{told}");
    }
    // Also of a run that changed nothing, since it may be taken up again with what it found.
    project.run(&["rollback", &run, "--yes"]).code(0);
    project.run(&["exec", "held"]).code(1);
}

#[test]
fn the_environment_of_a_runbook_hands_a_secret_to_the_commands_of_a_template() {
    let step = "
step: own/tell
title: Tells
summary: Tells somebody.
run: [sh, -c, 'test \"$TOKEN\" = s3cr3t-of-mine']
irreversible: It is told.
";
    let text = "
runbook: tell
title: Tells
vars: {token: {type: secret, from: {env: MINE}}}
environment: {TOKEN: '{{ token }}'}
steps:
  - {id: tell, uses: own/tell}
";
    let project = Project::new().env("MINE", "s3cr3t-of-mine").file("steps/own/tell.yaml", step);
    let project = project.file("runbooks/tell.yaml", text);
    project.run(&["exec", "tell"]).code(0);
    let own = text.replace("uses: own/tell", "uses: own/tell, env: {TOKEN: '{{ token }}'}");
    project.write("runbooks/tell.yaml", own);
    let told = project.run(&["check", "tell"]).code(2).to_string();
    assert!(
        told.contains("`env` can't be set here") && told.contains("`environment` of the runbook"),
        "{told}"
    );
}
