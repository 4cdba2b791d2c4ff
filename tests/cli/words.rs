//! The keys of a runbook that hold for all of its steps, with the real binary.

use crate::support::project::Project;

/// Every kind of command writes down what it finds in its environment.
const SURROUNDED: &str = r#"
runbook: surrounded
title: What every command sees
vars:
  env: {type: string, default: prod}
  token: {type: secret, from: {env: TOKEN}}
environment: {SITE: "{{ env }}-site", TOKEN: "{{ token }}", KIND: shared}
target: {who: {shell: "echo target $SITE $KIND >> log; echo me"}}
steps:
  - id: whole
    check: {shell: "echo check $SITE $KIND >> log", pass: exit_code == 0}
    capture: {shell: "echo capture $SITE $KIND >> log; echo 1", outputs: {was: stdout}}
    shell: "echo action $SITE $KIND $TOKEN >> log; echo token $TOKEN"
    verify: {shell: "echo verify $SITE $KIND >> log", env: {KIND: gate}, pass: exit_code == 0}
    rollback: {shell: "echo undo $SITE $KIND >> log", verify: {shell: "echo undone $SITE $KIND >> log", pass: exit_code == 0}}
  - id: own
    shell: "echo own $SITE $KIND >> log"
    env: {KIND: own}
    effect: read
  - id: template
    uses: tell/env
    with: {env: staging}
  - id: fails
    run: "false"
    effect: read
finally:
  - {id: last, shell: "echo last $SITE $KIND >> log", effect: read}
"#;

/// A template sees its params only: its `env` is not the runbook's.
const TELL: &str = "step: tell/env\ntitle: Tell\nparams: {env: {type: string}}\n\
                    shell: \"echo template {{ env }} $SITE $KIND >> log\"\neffect: read\n";

fn surrounded() -> Project {
    let project =
        Project::new().file("runbooks/surrounded.yaml", SURROUNDED).file("steps/tell/env.yaml", TELL);
    project.env("TOKEN", "hunter2hunter2")
}

#[test]
fn environment_reaches_every_command_of_the_run_and_its_own_wins() {
    let project = surrounded();
    project.run(&["exec", "surrounded"]).code(1);
    let run = project.newest();
    project.run(&["rollback", &run, "--yes"]).code(0);
    insta::assert_snapshot!(project.log(), @r"
    target prod-site shared
    check prod-site shared
    capture prod-site shared
    action prod-site shared hunter2hunter2
    verify prod-site gate
    own prod-site own
    template staging prod-site shared
    last prod-site shared
    target prod-site shared
    undo prod-site shared
    undone prod-site shared
    last prod-site shared
    ");
    let logs = project.run(&["logs", &run, "whole"]).code(0);
    assert!(logs.stdout.contains("token") && !logs.stdout.contains("hunter2"), "{logs}");
}

#[test]
fn environment_is_shown_and_planned_with_its_secrets_masked() {
    let project = surrounded();
    let (show, plan) =
        (project.run(&["show", "surrounded"]).code(0), project.run(&["plan", "surrounded"]).code(0));
    let part = |text: &str, from: &str| {
        let lines = text.lines().skip_while(|line| !line.contains(from)).take(5);
        lines.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(part(&show.stdout, "Environment"), @r"
    Environment of every command
      SITE={{ env }}-site
      TOKEN={{ token }}
      KIND=shared
    ");
    insta::assert_snapshot!(part(&plan.stdout, "  target"), @r"
    target   who  echo target $SITE $KIND >> log; echo me
    env      SITE=prod-site
             TOKEN=•••
             KIND=shared
    ");
    // Said above the steps, and not again below each command that has the same.
    let below = |name: &str| {
        let rows =
            plan.stdout.lines().map(str::trim).filter(|row| row.starts_with("env ") && !row.contains('='));
        rows.filter(|row| row.contains(name)).count()
    };
    assert_eq!((below("SITE"), below("KIND")), (0, 2), "{plan}");
    let plan = project.run(&["plan", "surrounded", "--format", "json"]).code(0);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).expect("JSON");
    insta::assert_snapshot!(plan["run"]["environment"].to_string(), @r#"{"SITE":"prod-site","TOKEN":"•••","KIND":"shared"}"#);
}

#[test]
fn another_environment_is_told_once_and_what_was_begun_keeps_its_own() {
    let project = surrounded();
    project.run(&["exec", "surrounded"]).code(1);
    let edited = SURROUNDED
        .replace("KIND: shared", "KIND: other")
        .replace("run: \"false\"", "shell: \"echo mended $KIND >> log\"");
    project.write("runbooks/surrounded.yaml", edited);
    let resumed = project.run(&["resume"]).code(1);
    let told = resumed.to_string();
    assert_eq!(told.matches("environment.KIND").count(), 1, "{told}");
    project.run(&["resume", "--latest"]).code(0);
    assert!(project.log().contains("mended other"), "{}", project.log());
    project.run(&["rollback", &project.newest(), "--yes"]).code(0);
    assert!(
        project.log().contains("undo prod-site shared"),
        "what was done is undone as it was done: {}",
        project.log()
    );
}

/// A count of files that is given to a gate by a template, beside a template that is a gate.
const GATED: &str = r#"
runbook: gated
title: Gates that use templates
vars: {least: {type: integer, default: 2}}
steps:
  - id: make
    env: {FOLDER: made}
    check: {uses: look/count, with: {suffix: none}, pass: outputs.count == 0}
    run: touch one.txt two.txt
    verify: {uses: look/enough, with: {least: "{{ least }}"}, every: 20ms, within: 1s}
    rollback: {run: rm one.txt two.txt, verify: {uses: look/count, with: {suffix: txt}, pass: outputs.count == 0}}
  - id: seen
    gate: {uses: look/count, with: {suffix: txt}, pass: outputs.count >= 2, warn: outputs.count < 3}
    outputs: {count: outputs.count}
  - {id: after, run: "touch seen-{{ steps.seen.outputs.count }}", rollback: {run: "rm seen-{{ steps.seen.outputs.count }}"}}
"#;

const COUNT: &str = "step: look/count\ntitle: Count\nparams: {suffix: {type: string}}\n\
                     shell: \"ls *.{{ suffix }} 2>/dev/null | wc -l\"\neffect: read\noutputs: {count: stdout | int}\n";

const ENOUGH: &str = "step: look/enough\ntitle: Enough\nparams: {least: {type: integer, min: 1}}\n\
                      gate: {uses: look/count, with: {suffix: txt}, pass: outputs.count >= least}\n";

fn gated() -> Project {
    let project = Project::new().file("runbooks/gated.yaml", GATED);
    project.file("steps/look/count.yaml", COUNT).file("steps/look/enough.yaml", ENOUGH)
}

#[test]
fn a_gate_asks_by_a_template_and_judges_by_its_outputs() {
    let project = gated();
    let plan = project.run(&["plan", "gated"]).code(0);
    insta::assert_snapshot!(plan.stdout, @r"
    Plan of gated: Gates that use templates
      least  2 (default)

     1 make
        check    ls *.'none' 2>/dev/null | wc -l
                 env FOLDER
                 until outputs.count == 0
        does     touch one.txt two.txt
                 env FOLDER
        verify   ls *.'txt' 2>/dev/null | wc -l
                 env FOLDER
                 until outputs.count >= least, every 20ms, within 1s
        undo     rm one.txt two.txt
                 env FOLDER
        undone   ls *.'txt' 2>/dev/null | wc -l
                 env FOLDER
                 until outputs.count == 0
     2 seen
        looks    ls *.'txt' 2>/dev/null | wc -l
                 until outputs.count >= 2
     3 after
        does     touch 'seen-‹steps.seen.outputs.count›'
        undo     rm 'seen-‹steps.seen.outputs.count›'

    2 steps change something, 1 only looks. Nothing was run.
    ");
    let exec = project.run(&["exec", "gated"]).code(0);
    insta::assert_snapshot!(exec, @r"
    $ runbook exec gated
    [TIME] run [RUN]: gated opened by ann@[HOST]
    [TIME] make checking first: ls *.'none' 2>/dev/null | wc -l
    [TIME] make holds: count 0
    [TIME] make started: touch one.txt two.txt
    [TIME] make verifying: ls *.'txt' 2>/dev/null | wc -l
    [TIME] make holds: count 2, least 2
    [TIME] make done after [TOOK]
    [TIME] seen started: ls *.'txt' 2>/dev/null | wc -l
    [TIME] seen holds, but only just: count 2
    [TIME] seen done after [TOOK]
    [TIME] after started: touch seen-2
    [TIME] after done after [TOOK]
    [TIME] run [RUN]: succeeded

    ✓ gated succeeded after [TOOK]
      run [RUN], 3 of 3 steps done

    Held, but only just
      seen: count 2 (warns if outputs.count < 3)

    Changed
      make   touch one.txt two.txt
      after  touch seen-2

    Next
      every step              runbook status [RUN]
      undo what was changed   runbook rollback [RUN]
    ");
    assert!(project.has("seen-2"));
    project.run(&["rollback", &project.newest(), "--yes"]).code(0);
    assert!(!project.has("one.txt"));
}

#[test]
fn a_template_that_is_a_gate_needs_no_pass_and_does_not_hold_when_it_does_not() {
    let project = gated();
    let exec = project.run(&["exec", "gated", "--var", "least=3"]).code(1);
    let told = exec.to_string();
    assert!(told.contains("make FAILED") && told.contains("does not hold: count 2, least 3"), "{told}");
    assert!(told.contains("until outputs.count >= least"), "{told}");
    assert!(!project.has("seen-2"));
}

#[test]
fn what_a_gate_hands_over_is_wrong_before_anything_runs() {
    let project = gated();
    let exec = project.run(&["exec", "gated", "--var", "least=0"]).code(2);
    insta::assert_snapshot!(exec, @r#"
    $ runbook exec gated --var least=0
    --- stderr
    error[RB0208]: `least` of `look/enough`: 0 is less than 1
      --> runbooks/gated.yaml:10:47
       |
    10 |     verify: {uses: look/enough, with: {least: "{{ least }}"}, every: 20ms, within: 1s}
       |                                               ^^^^^^^^^^^^^

    1 error
    more about it: runbook explain RB0208
    --- exit status: 2
    "#);
    insta::assert_snapshot!(project.run(&["show", "gated"]).code(0).stdout, @r"
    gated
    Gates that use templates

      file     runbooks/gated.yaml

    Inputs
      least  integer; default 2

    Steps
      make
        check        uses look/count
                     until outputs.count == 0
        does         touch one.txt two.txt
        verify       uses look/enough
                     until outputs.count >= least, every 20ms, within 1s
        rollback     rm one.txt two.txt
        undone       uses look/count
                     until outputs.count == 0
      seen
        needs        make
        does         gate: uses look/count
                     until outputs.count >= 2
      after
        needs        seen
        does         touch seen-{{ steps.seen.outputs.count }}
        rollback     rm seen-{{ steps.seen.outputs.count }}

    Run it
      runbook exec gated
    ");
}

#[test]
fn an_edited_gate_template_is_told_by_the_step_that_uses_it() {
    let project = gated();
    project.run(&["exec", "gated", "--var", "least=3"]).code(1);
    project.write("steps/look/enough.yaml", ENOUGH.replace(">= least", "> 1"));
    project.write("steps/look/count.yaml", COUNT.replace("wc -l", "wc --lines"));
    let resumed = project.run(&["resume"]).to_string();
    assert!(resumed.contains("verify") && resumed.contains("check.shell"), "{resumed}");
    project.run(&["resume", "--latest"]);
}

/// What is said once, what a step says itself, and what a template says.
const DEFAULTED: &str = r#"
runbook: defaulted
title: Said once
vars: {tries: {type: string, default: tries}}
defaults:
  timeout: 500ms
  retry: {attempts: 2, when: exit_code == 7}
  dir: "{{ tries }}"
  output: merged
  sensitive: true
steps:
  - {id: quiet, shell: "echo hidden; pwd > where", irreversible: It only writes.}
  - {id: loud, shell: "echo out; echo err >&2", dir: ., sensitive: false, effect: read}
  - {id: apart, shell: "echo out; echo err >&2; pwd", output: split, sensitive: false, effect: read}
  - {id: template, uses: tell/where, sensitive: false}
  - {id: again, shell: "echo x >> count; test $(wc -l < count) = 2 || exit 7", idempotent: true, irreversible: It only writes.}
  - {id: patient, run: sleep 0.7, timeout: 30s, effect: read}
  - {id: hangs, run: sleep 30, effect: read, on_failure: continue}
"#;

const WHERE: &str = "step: tell/where\ntitle: Where\nrun: pwd\neffect: read\ntimeout: 30s\n";

#[test]
fn defaults_are_for_what_a_step_and_its_template_do_not_say() {
    let project = Project::new().file("runbooks/defaulted.yaml", DEFAULTED).file("tries/.keep", "");
    let project = project.file("steps/tell/where.yaml", WHERE);
    let told = project.run(&["exec", "defaulted"]).code(1).to_string();
    assert!(told.contains("hangs FAILED") && told.contains("hangs failed: its time was up\n"), "{told}");
    assert!(told.contains("patient done"), "{told}");
    let run = project.newest();
    let logs = |step: &str| project.run(&["logs", &run, step]).stdout;
    assert!(!logs("quiet").contains("hidden"), "{}", logs("quiet"));
    assert!(logs("apart").contains("tries"), "{}", logs("apart"));
    assert!(
        !logs("template").contains("tries"),
        "a template's commands run where it says: {}",
        logs("template")
    );
    let written = |path: &str| std::fs::read_to_string(project.root().join(path)).unwrap_or_default();
    assert!(written("tries/where").trim().ends_with("tries"), "{}", written("tries/where"));
    assert_eq!(written("tries/count"), "x\nx\n", "tried again as the defaults say");
}

#[test]
fn an_edited_default_is_told_of_the_steps_that_have_it() {
    let project = Project::new().file("runbooks/defaulted.yaml", DEFAULTED).file("tries/.keep", "");
    let project = project.file("steps/tell/where.yaml", WHERE);
    project.run(&["exec", "defaulted"]).code(1);
    project.write("runbooks/defaulted.yaml", DEFAULTED.replace("500ms", "400ms"));
    let told = project.run(&["resume"]).to_string();
    assert!(told.contains("hangs") && told.contains("timeout"), "{told}");
    assert!(!told.contains("patient: timeout"), "{told}");
}

#[test]
fn a_plan_shows_how_the_template_of_a_gate_asks() {
    let enough = "step: look/enough\ntitle: Enough\nparams: {least: {type: integer}, patience: {type: duration, default: 7s}}\n\
                  gate: {uses: look/count, with: {suffix: txt}, pass: outputs.count >= least, warn: outputs.count == least, every: 3s, within: \"{{ patience }}\", valid_for: 5m}\n";
    let text = "runbook: r\ntitle: R\nsteps:\n  - {id: seen, gate: {uses: look/enough, with: {least: 1}}}\n";
    let project = Project::new().file("runbooks/r.yaml", text);
    let project = project.file("steps/look/count.yaml", COUNT).file("steps/look/enough.yaml", enough);
    let plan = project.run(&["plan", "r"]).code(0).stdout;
    assert!(plan.contains("until outputs.count >= least, every 3s, within 7s, good for 5m"), "{plan}");
    let json = project.run(&["plan", "r", "--format", "json"]).code(0).stdout;
    assert!(json.contains("outputs.count == least"), "{json}");
}
