//! `runbook test`, by the real binary: what holds, what does not and how that is shown, what a crash brings to light.

use crate::support::project::Project;

const RUNBOOK: &str = "\
runbook: scale
title: Scale services
vars: {n: {type: integer, default: 5}}
steps:
  - {id: go, approve: 'Scale to {{ n }}?'}
  - id: scale
    needs: [go]
    for_each: [web, api]
    capture: {run: 'replicas {{ item }}', outputs: {was: stdout | trim | int}}
    run: 'scale {{ item }} {{ n }}'
    verify: {run: 'replicas {{ item }}', pass: stdout | trim | int == n}
    rollback: {run: 'scale {{ item }} {{ captured.was }}'}
  - {id: grow, needs: [scale], when: n > 10, run: grow, rollback: {run: shrink}}
";

const TAPE: &str = "\
tape: 1
state: {replicas: {web: 3, api: 2}, told: 0}
answers:
  - {run: 'scale {name} {n}', set: {'replicas.{name}': n | int}, took: 2s}
  - {run: 'replicas {name}', stdout: '{{ state.replicas[name] }}'}
  - {run: tell, set: {told: state.told + 1}}
";

fn project(tests: &str) -> Project {
    Project::new()
        .file("runbooks/scale.yaml", RUNBOOK)
        .file("runbooks/scale.tape.yaml", TAPE)
        .file("runbooks/scale.test.yaml", tests)
}

#[test]
fn what_holds_is_told_on_a_line_and_nothing_is_run_or_kept() {
    let project = project(
        "people: {go: {approve: true, note: seen}}\ntests:\n  - name: it goes\n    vars: {n: 7}\n    expect:\n      status: succeeded\n      steps: {grow: skipped, scale: done}\n      order: [go, scale]\n      commands: ['scale web {n}']\n      never: [grow]\n      state: {replicas: {web: 7, api: 7}}\n  - name: a failure is undone\n    fail: {'scale[web]': 2}\n    expect: {status: failed, failure: {step: scale, says: rehearsed failure}}\n    then:\n      - rollback: {}\n        expect: {status: rolled_back, state: unchanged}\n      \n  - name: a no changes nothing\n    people: {go: {approve: false}}\n    expect: {status: failed, failure: {step: go}, steps: {scale: not_begun}, state: unchanged}\n  - name: nobody is there\n    people: {go: {note: asleep}}\n    expect: {status: waiting, steps: {go: asking}}\n  - name: an engine that dies is taken up again\n    kill_at: ['scale[web]']\n    expect: {status: running, steps: {'scale[web]': in_doubt}}\n    then:\n      - resume: {}\n        expect: {status: succeeded, state: {replicas: {web: 5}}}\n",
    );
    insta::assert_snapshot!(project.run(&["test"]).code(0), @r"
    $ runbook test
    ✓ scale › it goes
    ✓ scale › a failure is undone
    ✓ scale › a no changes nothing
    ✓ scale › nobody is there
    ✓ scale › an engine that dies is taken up again

    5 tests passed
    ");
    assert!(!project.journal().exists() && !project.journal().with_file_name("rehearsals.db").exists());
    insta::assert_snapshot!(project.run(&["test", "--list", "--filter", "undone", "scale"]).code(0), @r"
    $ runbook test --list --filter undone scale
    scale › a failure is undone  runbooks/scale.test.yaml:12
    ");
}

#[test]
fn what_does_not_hold_is_a_diff_with_what_to_type() {
    let project = project(
        "tests:\n  - name: it goes\n    vars: {n: 7}\n    people: {go: {approve: true}}\n    fail: {'scale[api]': 3}\n    expect:\n      status: succeeded\n      steps: {scale: done}\n      commands: ['scale web 7', grow]\n      state: {replicas: {web: 7, api: 7}}\n",
    );
    insta::assert_snapshot!(project.run(&["test"]).code(1), @r"
    $ runbook test
    ✗ scale › it goes  failed

    ✗ scale › it goes
      runbooks/scale.test.yaml:2
      status
        - succeeded
        + failed
        + scale[api]: it exited with 3
      steps.scale
        - done
        + scale[api]: failed
      commands
          scale web 7
        - grow
        + scale api 7
        + replicas web
      state.replicas.api
        - 7
        + 2
      see it: runbook rehearse scale --var n=7 --fail 'scale[api]=3' --approve go

    1 test failed, 0 passed
    --- exit status: 1
    ");
    let shown = project.run(&["test", "--format", "json"]).code(1);
    let document: serde_json::Value = serde_json::from_str(&shown.stdout).expect("one JSON document");
    assert_eq!((&document["failed"], &document["tests"][0]["line"]), (&1.into(), &2.into()));
    assert_eq!(document["tests"][0]["differences"][0]["what"], "status");
}

/// Else what was to be tested was not, and `--crash` would take a phase in which nothing dies for one in which something does.
#[test]
fn a_fault_that_strikes_nothing_fails_its_test() {
    let project = project(
        "people: {go: {approve: true}}\ntests:\n  - name: typos\n    kill_at: ['scale[tpyo]']\n    fail: {'scale[wbe]': 1}\n    slow: {grow: 10m}\n    people: {'go[x]': {approve: true}}\n    expect: {status: succeeded}\n  - name: nothing is run\n    people: {go: {approve: false}}\n    fail: {scale: 1}\n    expect: {status: failed}\n  - name: it strikes\n    fail: {'scale[web]': 1}\n    expect: {status: failed}\n",
    );
    let shown = project.run(&["test"]).code(1);
    insta::assert_snapshot!(shown, @r"
    $ runbook test
    ✗ scale › typos  failed
    ✗ scale › nothing is run  failed
    ✓ scale › it strikes

    ✗ scale › typos
      runbooks/scale.test.yaml:3
      fail.scale[wbe]
        - it strikes
        + there is no scale[wbe]; there is scale[web], scale[api]
      slow.grow
        - it strikes
        + no command of grow was run
      kill_at.scale[tpyo]
        - it strikes
        + there is no scale[tpyo]; there is scale[web], scale[api]
      people.go[x]
        - somebody is asked
        + there is no go[x]; there is go
      see it: runbook rehearse scale --fail 'scale[wbe]' --slow grow=10m --kill-at 'scale[tpyo]' --approve 'go[x]' --approve go

    ✗ scale › nothing is run
      runbooks/scale.test.yaml:9
      fail.scale
        - it strikes
        + no command of scale was run
      see it: runbook rehearse scale --fail scale
              the test has go answered with no

    2 tests failed, 1 passed
    --- exit status: 1
    ");
}

/// A test in which somebody says no need not say of what the run fails, so it must be that.
#[test]
fn a_no_that_nobody_is_asked_for_fails_its_test() {
    let project = project(
        "tests:\n  - name: a no ends it\n    people: {go: {approve: false}}\n    expect: {status: failed}\n",
    );
    project.run(&["test"]).code(0);
    let earlier = "  - {id: first, run: nobody-knows, effect: read}\n  - {id: go, needs: [first], ";
    project.write("runbooks/scale.yaml", RUNBOOK.replace("  - {id: go, ", earlier));
    let shown = project.run(&["test"]).code(1).to_string();
    let told = "people.go\n    - somebody is asked\n    + nobody was asked about go\n";
    assert!(shown.contains(told), "{shown}");
}

#[test]
fn a_crash_finds_a_step_that_says_it_may_be_repeated_and_may_not() {
    let tests = "people: {go: {approve: true}}\ntests:\n  - name: it goes\n    expect: {status: succeeded}\n";
    let right = project(tests);
    let shown = right.run(&["test", "--crash"]).code(0).to_string();
    assert!(shown.contains("crash points tried"), "{shown}");
    let planted = format!(
        "{RUNBOOK}  - {{id: tell, needs: [scale], run: tell, idempotent: true, rollback: {{run: untell}}}}\n"
    );
    let wrong = project(tests).file("runbooks/scale.yaml", planted);
    wrong.run(&["test"]).code(0);
    let shown = wrong.run(&["test", "--crash"]).code(1).to_string();
    for part in ["effects.tell", "it took effect twice", "state.told\n      - 1\n      + 2"] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
}

#[test]
fn a_doubt_that_only_a_person_can_settle_is_counted_or_settled_by_the_test() {
    let runbook = "runbook: scale\ntitle: T\nsteps: [{id: tell, run: tell, rollback: {run: untell}}]\n";
    let of = |people: &str| {
        let tests = format!(
            "{people}tests:\n  - {{name: it tells, expect: {{status: succeeded, state: {{told: 1}}}}}}\n"
        );
        project(&tests).file("runbooks/scale.yaml", runbook).run(&["test", "--crash"])
    };
    let shown = of("").code(0).to_string();
    assert!(shown.contains("2 of them ask a person") && shown.contains("tell, at 2 crash points"), "{shown}");
    // It is done after one of the two, and not after the other.
    let shown = of("people: {tell: {in_doubt: done}}\n").code(1).to_string();
    assert!(
        shown.contains("nothing that it began took effect") && !shown.contains("ask a person"),
        "{shown}"
    );
}

#[test]
fn an_undo_that_is_done_twice_is_told() {
    let runbook = "runbook: scale\ntitle: T\nsteps: [{id: put, run: put 5, idempotent: true, rollback: {run: add 1}}]\n";
    let tests = "tests:\n  - name: there and back\n    expect: {status: succeeded}\n    then: [{rollback: {}, expect: {status: rolled_back}}]\n";
    let tape = "tape: 1\nstate: {n: 0}\nanswers: [{run: put 5}, {run: add 1, set: {n: state.n + 1}}]\n";
    let project = project(tests).file("runbooks/scale.yaml", runbook).file("runbooks/scale.tape.yaml", tape);
    let shown = project.run(&["test", "--crash"]).code(1).to_string();
    let twice = "then[1].effects.put\n      - its undo took effect once\n      + it took effect twice: since it says that it may";
    assert!(shown.contains(twice), "{shown}");
}

/// Whoever decides so runs it again although it may have been done; what comes of that is compared all the same.
#[test]
fn what_the_test_has_run_again_may_take_effect_twice_where_nothing_shows_it() {
    let runbook = "runbook: scale\ntitle: T\nsteps: [{id: put, run: put 5, rollback: {run: add 1}}]\n";
    let tests = "people: {put: {in_doubt: retry}}\ntests:\n  - name: there and back\n    expect: {status: succeeded}\n    then: [{rollback: {}, expect: {status: rolled_back}}]\n";
    let project = project(tests)
        .file("runbooks/scale.yaml", runbook)
        .file("runbooks/scale.tape.yaml", "tape: 1\nanswers: [{run: put 5}, {run: add 1}]\n");
    let shown = project.run(&["test", "--crash"]).code(0).to_string();
    assert!(!shown.contains("ask a person"), "{shown}");
    let tape = "tape: 1\nstate: {n: 0}\nanswers: [{run: put 5}, {run: add 1, set: {n: state.n + 1}}]\n";
    project.write("runbooks/scale.tape.yaml", tape);
    let shown = project.run(&["test", "--crash"]).code(1).to_string();
    assert!(
        shown.contains("it took effect twice: since the test has it run again (`in_doubt: retry`)"),
        "{shown}"
    );
    assert!(shown.contains("then[1].state.n"), "{shown}");
}

#[test]
fn mistakes_are_told_with_their_place_and_nothing_is_played() {
    let project = project(
        "vars: {m: 1}\ntests:\n  - name: it goes\n    fail: {scal: 1}\n    expect: {steps: {scale: skiped}}\n  - {name: it goes, expct: {}}\n",
    );
    insta::assert_snapshot!(project.run(&["test"]).code(2), @r"
    $ runbook test
    --- stderr
    error[RB0105]: a step can't be `skiped`
     --> runbooks/scale.test.yaml:5:29
      |
    5 |     expect: {steps: {scale: skiped}}
      |                             ^^^^^^ did you mean `skipped`?
      |
      = help: it is `done`, `satisfied`, `skipped`, `failed`, `stopped`, `marked_done`, `asking`,
              `in_doubt`, `undone`, `undo_failed`, `not_undone`, `left` or `not_begun`

    error[RB0132]: there are two tests `it goes`
     --> runbooks/scale.test.yaml:6:12
      |
    3 |   - name: it goes
      |           ------- the first
    ...
    6 |   - {name: it goes, expct: {}}
      |            ^^^^^^^ the second
      |
      = help: a test is found by its name: say what is different

    error[RB0101]: a test has no key `expct`
     --> runbooks/scale.test.yaml:6:21
      |
    6 |   - {name: it goes, expct: {}}
      |                     ^^^^^ did you mean `expect`?
      |
      = help: write it as in `expect: {status: succeeded}`

    3 errors
    more about each: runbook explain RB0105
    --- exit status: 2
    ");
    project.write(
        "runbooks/scale.test.yaml",
        "vars: {m: 1}\ntests:\n  - {name: a, fail: {scal: 1}, expect: {status: failed}}\n",
    );
    insta::assert_snapshot!(project.run(&["test"]).code(2), @r"
    $ runbook test
    --- stderr
    error[RB0131]: scale has no step `scal`
     --> runbooks/scale.test.yaml:3:22
      |
    3 |   - {name: a, fail: {scal: 1}, expect: {status: failed}}
      |                      ^^^^ did you mean `scale`?
      |
      = note: `fail` names steps or their instances

    1 error
    more about it: runbook explain RB0131
    --- exit status: 2
    ");
    project.write(
        "runbooks/scale.test.yaml",
        "vars: {m: 1, n: x}\ntests:\n  - {name: a, expect: {status: succeeded}}\n",
    );
    insta::assert_snapshot!(project.run(&["test"]).code(2), @r"
    $ runbook test
    --- stderr
    error[RB0502]: this runbook has no var `m`
     --> runbooks/scale.test.yaml:1:8
      |
    1 | vars: {m: 1, n: x}
      |        ^
      |
      = note: in the test `a` of runbooks/scale.test.yaml
      = help: did you mean `n`?

    error[RB0503]: `n`: wants an integer, got the text `x`
     --> runbooks/scale.test.yaml:1:17
      |
    1 | vars: {m: 1, n: x}
      |                 ^
      |
     ::: runbooks/scale.yaml:3:8
      |
    3 | vars: {n: {type: integer, default: 5}}
      |        - declared here
      |
      = note: in the test `a` of runbooks/scale.test.yaml

    2 errors
    more about each: runbook explain RB0502
    --- exit status: 2
    ");
}

#[test]
fn a_tape_is_that_of_the_runbook_else_that_of_its_folder_else_the_named_one() {
    let tests = |more: &str, n: u32| {
        format!(
            "{more}people: {{go: {{approve: true}}}}\ntests:\n  - {{name: it goes, expect: {{state: {{from: {n}}}}}}}\n"
        )
    };
    let tape = |n: u32| TAPE.replace("told: 0", &format!("from: {n}"));
    let project = Project::new()
        .file("runbooks/shop/scale.yaml", RUNBOOK)
        .file("runbooks/shop/scale.test.yaml", tests("", 1))
        .file("runbooks/shop/platform.tape.yaml", tape(1));
    project.run(&["test"]).code(0);
    let shown = project.run(&["rehearse", "shop/scale", "--approve", "go"]).code(0).to_string();
    assert!(shown.contains("runbooks/shop/platform.tape.yaml"), "{shown}");
    project.write("runbooks/shop/platform.tape.yaml", "tape: 1\nansers: []\n");
    let shown = project.run(&["check"]).code(2).to_string();
    assert_eq!(shown.matches("--> runbooks/shop/platform.tape.yaml:2:1").count(), 1, "{shown}");
    project.write("runbooks/shop/scale.tape.yaml", tape(2));
    project.write("runbooks/shop/scale.test.yaml", tests("", 2));
    project.run(&["test"]).code(0);
    let remove = |path: &str| std::fs::remove_file(project.root().join(path)).expect("it is there");
    // A link that leads nowhere is told: the tape of the folder would answer as if it were meant.
    remove("runbooks/shop/scale.tape.yaml");
    std::os::unix::fs::symlink("nowhere.yaml", project.root().join("runbooks/shop/scale.tape.yaml"))
        .expect("a link can be made");
    for verb in [&["test"][..], &["check"], &["rehearse", "shop/scale", "--approve", "go"]] {
        let shown = project.run(verb).code(2).to_string();
        assert!(shown.contains("can't read `runbooks/shop/scale.tape.yaml`"), "{shown}");
    }
    remove("runbooks/shop/scale.tape.yaml");
    // Beside a runbook of that name it is that runbook's tape.
    project.write("runbooks/shop/platform.tape.yaml", tape(1));
    project.write("runbooks/shop/platform.yaml", "table: {runbook: not at the top}\n");
    project.run(&["rehearse", "shop/scale", "--approve", "go"]).code(0);
    project.write("runbooks/shop/platform.yaml", RUNBOOK.replace("runbook: scale", "runbook: platform"));
    let shown = project.run(&["rehearse", "shop/scale", "--approve", "go"]).code(2).to_string();
    assert!(shown.contains("shop/scale has no tape: there is no runbooks/shop/scale.tape.yaml"), "{shown}");
    project.run(&["rehearse", "shop/platform", "--approve", "go"]).code(0);
    remove("runbooks/shop/platform.yaml");
    project.write("tapes/other.yaml", tape(3));
    project.write("runbooks/shop/scale.test.yaml", tests("tape: ../../tapes/other.yaml\n", 3));
    project.run(&["test"]).code(0);
}

#[test]
fn a_test_changes_what_it_names_of_the_tapes_state_and_nothing_beside_it() {
    let project = project(
        "people: {go: {approve: true}}\ntests:\n  - name: one is named\n    state: {replicas: {api: 9}}\n    expect: {status: failed, state: {replicas: {api: 9, web: 3}}}\n    fail: {'scale[web]': 1, 'scale[api]': 1}\n",
    );
    project.run(&["test"]).code(0);
}

#[test]
fn a_forbidden_command_that_is_written_wrong_is_told_and_an_unknown_one_is_not() {
    let project = project(
        "tests:\n  - name: nobody is there\n    expect:\n      status: waiting\n      never: [scale, 'scal web 5', 'scale api {n}', grow, 'rm {rest...}']\n",
    );
    insta::assert_snapshot!(project.run(&["test"]).code(0), @r"
    $ runbook test
    ✓ scale › nobody is there

    1 test passed
    --- stderr
    warning[RB0134]: `scale` fits no command that the tape knows, so forbidding it says nothing
     --> runbooks/scale.test.yaml:5:15
      |
    5 |       never: [scale, 'scal web 5', 'scale api {n}', grow, 'rm {rest...}']
      |               ^^^^^ none has these words
      |
      = help: write all its words, with `{name}` for any one, and `{rest...}` for all that are left

    warning[RB0134]: `scal web 5` fits no command that the tape knows, so forbidding it says nothing
     --> runbooks/scale.test.yaml:5:22
      |
    5 |       never: [scale, 'scal web 5', 'scale api {n}', grow, 'rm {rest...}']
      |                      ^^^^^^^^^^^^ did you mean `scale`?
      |
      = help: write all its words, with `{name}` for any one, and `{rest...}` for all that are left

    2 warnings
    more about it: runbook explain RB0134
    ");
}

#[test]
fn the_tape_may_be_in_the_tests_and_what_it_says_be_otherwise_in_one() {
    let runbook = "runbook: scale\ntitle: T\nsteps: [{id: get, run: get web, effect: read, outputs: {n: stdout | int}}]\n";
    let inline = "answers: [{run: 'get {x}', stdout: '{{ state.n[x] }}'}]\nstate: {n: {web: 3, api: 1}}\n";
    let tests = "\
tests:
  - {name: as it is, expect: {outputs: {get: {n: 3}}}}
  - {name: another state, state: {n: {web: 4}}, expect: {outputs: {get: {n: 4}}, state: {n: {api: 1}}}}
  - name: it can't be read
    answers: [{run: get web, stderr: no such thing, exit: 1}]
    expect: {failure: {step: get, says: no such thing}}
";
    let project = Project::new()
        .file("runbooks/scale.yaml", runbook)
        .file("runbooks/scale.test.yaml", format!("{inline}{tests}"))
        // Of a tape beside the runbook nothing is taken then.
        .file(
            "runbooks/scale.tape.yaml",
            "tape: 1\nanswers: [{run: get web, stdout: '9'}]\nstate: {n: {db: 1}}\n",
        );
    project.run(&["test"]).code(0);
    project.run(&["check"]).code(0);
    // Before those of a tape that is named.
    let named = "tape: scale.tape.yaml\nanswers: [{run: get web, when: now < 0, stdout: '8'}]\n";
    let expect = "tests: [{name: of the tape, expect: {outputs: {get: {n: 9}}, state: {n: {db: 1}}}}]\n";
    project.write("runbooks/scale.test.yaml", format!("{named}{expect}"));
    project.run(&["test"]).code(0);
    project
        .write("runbooks/scale.tape.yaml", "tape: 1\nplain: true\nanswers: [{run: get web, stdout: '9'}]\n");
    let shown = project.run(&["test"]).code(2).to_string();
    assert!(shown.contains("error[RB0133]: runbooks/scale.tape.yaml was recorded (`plain`)"), "{shown}");
    let shown = project.run(&["rehearse", "scale", "--tape", "runbooks/scale.test.yaml"]).code(2).to_string();
    assert!(shown.contains("error[RB0133]: runbooks/scale.tape.yaml was recorded (`plain`)"), "{shown}");
    project.write(
        "runbooks/scale.test.yaml",
        "answers: [{run: get web, stdout: '{{ state.m }}'}]\ntests: [{name: a, expect: {status: succeeded}}]\n",
    );
    let shown = project.run(&["test"]).code(1).to_string();
    assert!(shown.contains("runbooks/scale.test.yaml:1: `stdout` of this answer: "), "{shown}");
}

/// As it stands it is pasted into a shell: it must be a command, and be taken.
#[test]
fn what_to_type_is_what_the_test_does_as_far_as_it_can_be_typed() {
    let runbook = RUNBOOK.replace("approve: 'Scale to {{ n }}?'", "approve: {prompt: Go?, by: [ben]}");
    let project = project(
        "tests:\n  - name: it goes\n    state: {replicas: {web: 4}}\n    people: {go: {approve: true, by: [ben]}}\n    fail: {'scale[web]': 1}\n    expect: {status: succeeded}\n    then: [{resume: {retry: ['scale[web]']}}, {rollback: {to: scale}, expect: {status: rolled_back}}]\n",
    )
    .file("runbooks/scale.yaml", runbook);
    let shown = project.run(&["test"]).code(1).stdout;
    let see = shown.split("  see it: ").nth(1).expect("it is told");
    insta::assert_snapshot!(see, @r#"
    runbook rehearse scale --state '{"replicas":{"web":4}}' --fail 'scale[web]'
              the test has go answered by ben with yes
              then runbook resume RUN --retry 'scale[web]'
              then runbook rollback RUN --to scale

    1 test failed, 0 passed
    "#);
    let typed = see.lines().next().expect("a line").strip_prefix("runbook ").expect("it is ours");
    let mut shell = std::process::Command::new("sh");
    let script = format!("{} {typed}", env!("CARGO_BIN_EXE_runbook"));
    shell.args(["-c", &script]).current_dir(project.root()).env("HOME", project.root()).env("LOGNAME", "ann");
    let output =
        shell.env_remove("RUNBOOK_STORE").stdin(std::process::Stdio::null()).output().expect("a shell");
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    // The tape of the tests, whatever else they play.
    project.write(
        "runbooks/scale.test.yaml",
        format!("{}tests: [{{name: a, expect: {{status: waiting}}}}]\n", TAPE.replace("tape: 1\n", "")),
    );
    std::fs::remove_file(project.root().join("runbooks/scale.tape.yaml")).expect("it is there");
    project.run(&["rehearse", "scale", "--tape", "runbooks/scale.test.yaml"]).code(3);
    project.run(&["rehearse", "scale", "--tape", "runbooks/scale.test.yaml", "--state", "[]"]).code(2);
}

/// Each with an engine that dies everywhere would take longer than all other tests: of these it is done for one runbook.
#[test]
fn the_shipped_tests_hold() {
    let shown = shipped(&["test"]);
    let passed = shown.lines().filter(|line| line.starts_with('✓')).count();
    assert!(passed >= 12, "{shown}");
    let shown = shipped(&["test", "--crash", "autolytiq/pending-pods-triage"]);
    let tried = shown.rsplit("passed; ").next().and_then(|end| end.split(' ').next()?.parse::<u32>().ok());
    assert!(tried.is_some_and(|tried| tried >= 80), "{shown}");
}

fn shipped(arguments: &[&str]) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_runbook"))
        .args(arguments)
        .current_dir(root)
        .env_clear()
        .env("HOME", "/nonexistent")
        .output()
        .expect("the binary can be run");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{shown}{}", String::from_utf8_lossy(&output.stderr));
    shown
}
