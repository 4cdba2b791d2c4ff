//! The steps of a runbook in a runbook in a runbook: what surrounds them, and an engine that dies in the middle of one.

use std::time::{Duration, Instant};

use crate::support::project::Project;

const OUTER: &str = r#"
runbook: outer
title: Outer
max_parallel: 1
vars: {env: {type: string, default: prod}, regions: {type: list, default: [eu, us]}}
environment: {SITE: "{{ env }}-site", ALL: outer}
target: {who: {shell: "echo target $SITE $ALL >> log; echo me"}}
steps:
  - {id: first, shell: "echo first $SITE $ALL $MID >> log", rollback: {shell: "echo unfirst $SITE $ALL >> log"}}
  - id: mid
    for_each: regions
    max_parallel: 1
    check: {shell: "echo midcheck $SITE $ALL $MID >> log", pass: exit_code == 0}
    runbook: mid
    vars: {region: "{{ item }}"}
"#;

const MID: &str = r#"
runbook: mid
title: Mid
vars: {region: {type: string}}
environment: {MID: "{{ region }}-mid", ALL: mid}
target: {site: {shell: "echo $SITE $ALL $MID"}}
steps:
  - {id: in, runbook: leaf, vars: {env: "leaf-{{ region }}"}}
finally:
  - {id: over, shell: "echo over $SITE $ALL $MID $LEAF >> log", effect: read}
"#;

/// Its `env` is another than the outer one's.
const LEAF: &str = r#"
runbook: leaf
title: Leaf
vars: {env: {type: string}}
environment: {LEAF: "{{ env }}", ALL: leaf}
steps:
  - id: go
    check: {shell: "echo check $SITE $ALL $MID $LEAF >> log", pass: exit_code == 0}
    capture: {shell: "echo capture $SITE $ALL $MID $LEAF >> log; echo 1", outputs: {was: stdout}}
    shell: "echo action $SITE $ALL $MID $LEAF >> log"
    verify: {shell: "echo verify $SITE $ALL $MID $LEAF >> log", env: {ALL: gate}, pass: exit_code == 0}
    preview: {shell: "echo preview $SITE $ALL $MID $LEAF"}
    rollback: {shell: "echo undo $SITE $ALL $MID $LEAF >> log", verify: {shell: "echo undone $SITE $ALL $LEAF >> log", pass: exit_code == 0}}
  - id: own
    for_each: [a]
    shell: "echo own $SITE $ALL $MID $LEAF >> log; test $LEAF = leaf-eu || test -e repaired"
    env: {ALL: own, MID: own}
    effect: read
"#;

fn nested() -> Project {
    let project = Project::new().file("runbooks/outer.yaml", OUTER);
    project.file("runbooks/mid.yaml", MID).file("runbooks/leaf.yaml", LEAF)
}

#[test]
fn each_command_has_the_environment_of_every_runbook_around_it() {
    let project = nested();
    project.run(&["exec", "outer"]).code(1);
    project.run(&["rollback", &project.newest(), "--yes"]).code(0);
    insta::assert_snapshot!(project.log(), @r"
    target prod-site outer
    first prod-site outer
    midcheck prod-site outer
    check prod-site leaf eu-mid leaf-eu
    capture prod-site leaf eu-mid leaf-eu
    action prod-site leaf eu-mid leaf-eu
    verify prod-site gate eu-mid leaf-eu
    own prod-site own own leaf-eu
    midcheck prod-site outer
    check prod-site leaf us-mid leaf-us
    capture prod-site leaf us-mid leaf-us
    action prod-site leaf us-mid leaf-us
    verify prod-site gate us-mid leaf-us
    own prod-site own own leaf-us
    over prod-site mid eu-mid
    over prod-site mid us-mid
    target prod-site outer
    undo prod-site leaf us-mid leaf-us
    undone prod-site leaf leaf-us
    undo prod-site leaf eu-mid leaf-eu
    undone prod-site leaf leaf-eu
    unfirst prod-site outer
    over prod-site mid eu-mid
    over prod-site mid us-mid
    ");
}

#[test]
fn a_preview_is_asked_in_the_same_environment() {
    let shown =
        nested().run(&["plan", "outer", "--observe", "--var", "regions=[\"eu\"]"]).code(0).to_string();
    assert!(shown.contains("preview prod-site leaf eu-mid leaf-eu"), "{shown}");
}

#[test]
fn what_an_inner_step_has_from_around_stays_when_it_has_begun() {
    // A target that answers otherwise in the new environment would refuse that.
    let mid = MID.replace("\"echo $SITE $ALL $MID\"", "\"echo $ALL $MID\"");
    let project = nested().file("runbooks/mid.yaml", mid);
    project.run(&["exec", "outer"]).code(1);
    // Its own `env` is the same as before; that of the runbook around it, which its undo reads too, would not be.
    let told = project.run(&["resume", "--var", "env=staging"]).code(2).to_string();
    assert!(told.contains("`mid[eu]/in/go` has begun and reads `env`"), "{told}");
    let edited = OUTER.replace("env: {type: string, default: prod}, ", "").replace("{{ env }}-site", "new");
    project.write("runbooks/outer.yaml", edited);
    project.write("repaired", "");
    let told = project.run(&["resume", "--latest"]).code(0).to_string();
    assert!(told.contains("environment.SITE") && !told.contains("inherited"), "{told}");
    project.run(&["rollback", &project.newest(), "--yes"]).code(0);
    let log = project.log();
    assert!(log.contains("undo prod-site leaf eu-mid leaf-eu\n"), "{log}");
    assert!(log.contains("over new mid us-mid\n"), "{log}");
}

#[test]
fn nothing_to_go_over_is_said() {
    let project = nested();
    let plan = project.run(&["plan", "outer", "--var", "regions=[]"]).code(0).stdout;
    assert!(plan.contains(" 2 mid  skipped: `for_each` has nothing to go over"), "{plan}");
    let shown = project.run(&["exec", "outer", "--var", "regions=[]"]).code(0).to_string();
    assert!(shown.contains("mid has no instances: nothing to do"), "{shown}");
}

#[test]
fn elements_for_a_step_that_had_none_are_refused() {
    let project = nested();
    project.write(
        "runbooks/outer.yaml",
        OUTER.replace("shell: \"echo first", "shell: \"test -e repaired; echo first"),
    );
    project.run(&["exec", "outer", "--var", "regions=[]"]).code(1);
    let told = project.run(&["resume", "--var", "regions=[\"eu\"]"]).code(2).to_string();
    assert!(
        told.contains("`mid` would bring in its runbook for eu, and the run has it for nothing"),
        "{told}"
    );
    project.write("repaired", "");
    project.run(&["resume"]).code(0);
    assert!(!project.log().contains("midcheck"), "{}", project.log());
}

#[test]
fn in_a_copy_the_outputs_of_copies_are_those_of_its_own() {
    let inner = "runbook: inner\ntitle: I\nvars: {of: {type: string}}\nsteps:\n  - {id: all, for_each: [a, b], runbook: last, vars: {n: '{{ of }}-{{ item }}'}}\n  - {id: sum, shell: 'echo {{ steps[\"all/say\"].outputs.n | to_json }} >> log', effect: read}\n";
    let last = "runbook: last\ntitle: L\nvars: {n: {type: string}}\nsteps:\n  - {id: say, run: 'echo {{ n }}', effect: read, outputs: {n: stdout | trim}}\n";
    let project = Project::new()
        .file("runbooks/whole.yaml", "runbook: whole\ntitle: W\nmax_parallel: 1\nsteps: [{id: each, for_each: [eu, us], runbook: inner, vars: {of: '{{ item }}'}}]\n")
        .file("runbooks/inner.yaml", inner)
        .file("runbooks/last.yaml", last);
    project.run(&["exec", "whole"]).code(0);
    let log = project.log();
    assert_eq!(log.lines().collect::<Vec<_>>(), [r#"{"a":"eu-a","b":"eu-b"}"#, r#"{"a":"us-a","b":"us-b"}"#]);
}

const PAY: &str = "
runbook: pay
title: Pay
steps:
  - {id: ready, shell: 'echo ready >> log', rollback: {shell: 'echo unready >> log'}}
  - id: once
    shell: 'echo paid >> log; touch begun; while [ ! -e go ]; do sleep 0.05; done'
    rollback: {shell: 'echo refund >> log'}
finally:
  - {id: told, shell: 'echo told {{ run.status }} >> log'}
";

const SHOP: &str = "
runbook: shop
title: Shop
steps:
  - {id: open, shell: 'echo open >> log', rollback: {shell: 'echo close >> log'}}
  - {id: pay, runbook: pay}
  - {id: thank, shell: 'echo thank >> log', rollback: {shell: 'echo sorry >> log'}}
";

/// A run whose engine was killed with SIGKILL while the command of an inner step was at work; that has ended since.
fn killed() -> Project {
    let project = Project::new().file("runbooks/shop.yaml", SHOP).file("runbooks/pay.yaml", PAY);
    let mut engine = project.command(&["exec", "shop"]).spawn().expect("the binary can be run");
    let began = Instant::now();
    while !project.has("begun") {
        assert!(began.elapsed() < Duration::from_secs(30), "the step never began");
        std::thread::sleep(Duration::from_millis(20));
    }
    engine.kill().expect("the engine can be killed");
    engine.wait().expect("the engine is gone");
    project.write("go", "");
    project
}

#[test]
fn killed_in_an_inner_step_that_one_is_in_doubt_and_settled_by_its_name() {
    let project = killed();
    let status = project.run(&["status"]).code(0).to_string();
    assert!(status.contains("--done pay/once") && status.contains("--retry pay/once"), "{status}");
    project.run(&["resume"]).code(3);
    assert_eq!(project.log(), "open\nready\npaid\n");
    project.run(&["resume", "--done", "pay/once", "--reason", "seen at the bank"]).code(0);
    assert_eq!(project.log(), "open\nready\npaid\nthank\ntold succeeded\n");
}

#[test]
fn killed_in_an_inner_step_the_run_is_undone_down_to_a_step_of_it() {
    let project = killed();
    let run = project.newest();
    project.run(&["rollback", &run, "--to", "pay/once", "--yes"]).code(0);
    assert!(project.log().starts_with("open\nready\npaid\nrefund\n"), "{}", project.log());
    assert!(!project.log().contains("unready"), "{}", project.log());
    project.run(&["rollback", &run, "--yes"]).code(0);
    let log = project.log();
    let undone: Vec<&str> =
        log.lines().filter(|line| ["refund", "unready", "close"].contains(line)).collect();
    assert_eq!(undone, ["refund", "unready", "close"], "{log}");
}

#[test]
fn undone_down_to_the_step_that_brings_a_runbook_in_all_of_that_is_undone() {
    let project = killed();
    let run = project.newest();
    project.run(&["resume", &run, "--done", "pay/once", "--reason", "seen"]).code(0);
    project.run(&["rollback", &run, "--to", "pay", "--yes"]).code(0);
    let log = project.log();
    let undone: Vec<&str> =
        log.lines().filter(|line| ["sorry", "refund", "unready", "close"].contains(line)).collect();
    assert_eq!(undone, ["sorry", "refund", "unready"], "{log}");
    let status = project.run(&["status", &run]).code(0).to_string();
    assert!(status.contains("partly undone"), "{status}");
}
