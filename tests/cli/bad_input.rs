//! What is wrong is told in one clear diagnostic, before anything runs and before anything is written.

use insta::assert_snapshot;

use super::deploy;
use crate::support::project::{Project, Shown};

/// Runs what must be refused: exit 2, no journal, no step.
fn refused(project: &Project, arguments: &[&str]) -> Shown {
    let shown = project.run(arguments).code(2);
    assert!(!project.journal().exists(), "a journal was made: {shown}");
    assert!(!project.has("warm") && !project.has("release-0"), "a step ran: {shown}");
    assert!(shown.stdout.is_empty(), "{shown}");
    shown
}

#[test]
fn an_unknown_runbook() {
    assert_snapshot!(refused(&deploy(), &["exec", "deplyo"]), @"
    $ runbook exec deplyo
    --- stderr
    error: no runbook `deplyo`
     hint: did you mean `deploy`?
    --- exit status: 2
    ");
}

#[test]
fn no_project() {
    let project = deploy();
    assert_snapshot!(refused(&project, &["-C", "/", "exec", "deploy"]), @"
    $ runbook -C / exec deploy
    --- stderr
    error: no folder `runbooks` in `/`, nor in any folder above it
     hint: go to the folder that holds `runbooks/`, or name it: `runbook -C DIR …`
    --- exit status: 2
    ");
    assert_snapshot!(refused(&project, &["-C", "nowhere", "exec", "deploy"]), @"
    $ runbook -C nowhere exec deploy
    --- stderr
    error: there is no folder `[ROOT]/nowhere`
    --- exit status: 2
    ");
}

#[test]
fn an_unknown_verb_and_an_unknown_flag() {
    assert_snapshot!(refused(&deploy(), &["exce", "deploy"]), @"
    $ runbook exce deploy
    --- stderr
    error: unrecognized subcommand 'exce'

      tip: a similar subcommand exists: 'exec'

    Usage: runbook [OPTIONS] <COMMAND>

    For more information, try '--help'.
    --- exit status: 2
    ");
    assert_snapshot!(refused(&deploy(), &["exec", "deploy", "--varr", "env=prod"]), @"
    $ runbook exec deploy --varr env=prod
    --- stderr
    error: unexpected argument '--varr' found

      tip: a similar argument exists: '--var'

    Usage: runbook exec --var <NAME=VALUE> <NAME>

    For more information, try '--help'.
    --- exit status: 2
    ");
}

#[test]
fn everything_wrong_with_the_inputs_at_once() {
    let arguments = ["exec", "deploy", "--var", "enf=prod", "--var", "count=9", "--var", "token=hunter2222"];
    assert_snapshot!(refused(&deploy(), &arguments), @"
    $ runbook exec deploy --var enf=prod --var count=9 --var token=hunter2222
    --- stderr
    error[RB0502]: `--var enf=…`: this runbook has no var `enf`
     |
     = help: did you mean `env`?

    error[RB0504]: `token` is a secret: with `--var` its value stays in the shell's history and in the
                   list of processes
     |
     = help: set the environment variable `DEPLOY_TOKEN`

    error[RB0501]: the var `env` is missing
     |
     = note: `env` (string, one of prod, staging): Where to deploy
     = help: add `--var env=…`, or give them in a `--vars-file`

    error[RB0503]: `count` (from --var): 9 is more than 5
      --> runbooks/deploy.yaml:11:3
       |
    11 |   count: {type: integer, default: 2, min: 1, max: 5}
       |   ----- declared here

    4 errors
    more about each: runbook explain RB0502
    --- exit status: 2
    ");
}

#[test]
fn a_value_outside_its_enum() {
    assert_snapshot!(refused(&deploy(), &["exec", "deploy", "--var", "env=prd"]), @"
    $ runbook exec deploy --var env=prd
    --- stderr
    error[RB0503]: `env` (from --var): `prd` is not one of prod, staging
      --> runbooks/deploy.yaml:10:3
       |
    10 |   env: {type: string, enum: [prod, staging], help: Where to deploy}
       |   --- declared here
       |
       = help: did you mean `prod`?

    1 error
    more about it: runbook explain RB0503
    --- exit status: 2
    ");
}

#[test]
fn an_unknown_key() {
    let project = Project::new().file(
        "runbooks/a.yaml",
        "runbook: a\ntitle: A\nsteps:\n  - id: one\n    run: date\n    effect: read\n    timout: 5s\n",
    );
    assert_snapshot!(refused(&project, &["exec", "a"]), @"
    $ runbook exec a
    --- stderr
    error[RB0101]: a step has no key `timout`
     --> runbooks/a.yaml:7:5
      |
    7 |     timout: 5s
      |     ^^^^^^ did you mean `timeout`?
      |
      = help: write it as in `timeout: 5m`

    1 error
    more about it: runbook explain RB0101
    --- exit status: 2
    ");
}

#[test]
fn yaml_that_is_none() {
    let project = Project::new().file("runbooks/a.yaml", "runbook: a\ntitle: 'A\nsteps: []\n");
    assert_snapshot!(refused(&project, &["exec", "a"]), @"
    $ runbook exec a
    --- stderr
    error[RB0004]: this is not YAML: a quoted text goes on here, further left than it may; is its quote
                   closed?
     --> runbooks/a.yaml:3:1
      |
    3 | steps: []
      | ^

    1 error
    more about it: runbook explain RB0004
    --- exit status: 2
    ");
    let project = Project::new().file("runbooks/a.yaml", b"runbook: a\ntitle: \xff\xfe\n");
    assert_snapshot!(refused(&project, &["exec", "a"]), @"
    $ runbook exec a
    --- stderr
    error[RB0003]: `runbooks/a.yaml` is not UTF-8 text: line 2 holds the byte 0xff
     |
     = help: save the file as UTF-8

    1 error
    more about it: runbook explain RB0003
    --- exit status: 2
    ");
}

#[test]
fn a_file_that_is_too_large() {
    let project =
        Project::new().file("runbooks/a.yaml", format!("runbook: a\n{}", "# filler\n".repeat(2_000_000)));
    assert_snapshot!(refused(&project, &["exec", "a"]), @"
    $ runbook exec a
    --- stderr
    error[RB0002]: `runbooks/a.yaml` has 18 MiB; files of at most 16 MiB are read
     |
     = help: split the data into several files, or fetch it in a step

    1 error
    more about it: runbook explain RB0002
    --- exit status: 2
    ");
}

#[test]
fn an_alias_bomb() {
    let mut text = "runbook: a\ntitle: A\na0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    let project = Project::new().file("runbooks/a.yaml", text);
    assert_snapshot!(refused(&project, &["exec", "a"]), @"
    $ runbook exec a
    --- stderr
    error[RB0008]: anchors and aliases repeat more than a runbook may need
     --> runbooks/a.yaml:8:10
      |
    8 | a5: &a5 [*a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4]
      |          ^

    1 error
    more about it: runbook explain RB0008
    --- exit status: 2
    ");
}

#[test]
fn ten_thousand_levels() {
    let text = format!("runbook: a\ntitle: A\nsteps: {}{}\n", "[".repeat(10_000), "]".repeat(10_000));
    let project = Project::new().file("runbooks/a.yaml", text);
    assert_snapshot!(refused(&project, &["exec", "a"]), @"
    $ runbook exec a
    --- stderr
    error[RB0008]: maps and lists stand more than 32 deep in each other
     --> runbooks/a.yaml:3:263
      |
    3 | ...[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[...
      |                                                ^

    1 error
    more about it: runbook explain RB0008
    --- exit status: 2
    ");
}

#[test]
fn a_program_that_is_not_installed() {
    let project = Project::new().file(
        "runbooks/a.yaml",
        "runbook: a\ntitle: A\nvars: {deep: {type: boolean, default: false}}\nsteps:\n  - {id: one, run: frobnicate now, tools: [frobnicate, sh], effect: read}\n  - {id: two, run: quux, tools: [quux, \"{{ 'any' }}\"], effect: read}\n  - {id: three, run: gone, tools: [gone], effect: read, when: deep}\n",
    );
    assert_snapshot!(refused(&project, &["exec", "a"]), @"
    $ runbook exec a
    --- stderr
    error[RB0601]: `frobnicate`, `quux` are not installed
     |
     = note: `frobnicate` is needed by one
     = note: `quux` is needed by two
     = help: install what is missing, or put its folder on the PATH; nothing was run

    1 error
    more about it: runbook explain RB0601
    --- exit status: 2
    ");
}

#[test]
fn a_protected_run_without_consent() {
    assert_snapshot!(refused(&deploy(), &["exec", "deploy", "--var", "env=prod"]), @"
    $ runbook exec deploy --var env=prod
    --- stderr
    error: deploy is protected (env == 'prod')
     hint: add --yes to confirm it where no terminal can ask
    --- exit status: 2
    ");
}

#[test]
fn steps_that_are_not_there() {
    let project = deploy();
    assert_snapshot!(refused(&project, &["exec", "deploy", "--var", "env=staging", "--approve", "wram"]), @"
    $ runbook exec deploy --var env=staging --approve wram
    --- stderr
    error: --approve wram: deploy has no step `wram`
     hint: did you mean `warm`?
    --- exit status: 2
    ");
    assert_snapshot!(refused(&project, &["exec", "deploy", "--var", "env=staging", "--only", "zzz"]), @"
    $ runbook exec deploy --var env=staging --only zzz
    --- stderr
    error: --only zzz: deploy has no step `zzz`
     hint: its steps are look, tell, warm, write
    --- exit status: 2
    ");
    assert_snapshot!(refused(&project, &["exec", "deploy", "--var", "env=staging", "--only", "warm"]), @"
    $ runbook exec deploy --var env=staging --only warm
    --- stderr
    error: --only leaves out steps of deploy, and that needs a reason
     hint: add --reason TEXT; it is kept in the journal
    --- exit status: 2
    ");
}

#[test]
fn a_store_that_is_none() {
    let project = deploy();
    assert_snapshot!(refused(&project, &["--store", "postgres://db/x", "exec", "deploy", "--var", "env=staging"]), @"
    $ runbook --store postgres://db/x exec deploy --var env=staging
    --- stderr
    error: --store: a journal in PostgreSQL is not in this version (postgres://…); name a file: --store PATH or --store sqlite:PATH
    --- exit status: 2
    ");
    let project = project.env("RUNBOOK_STORE", "mysql://x");
    assert_snapshot!(refused(&project, &["exec", "deploy", "--var", "env=staging"]), @"
    $ runbook exec deploy --var env=staging
    --- stderr
    error: RUNBOOK_STORE: mysql:// is no kind of journal this version knows; name a file: --store PATH or --store sqlite:PATH
    --- exit status: 2
    ");
}

#[test]
fn a_journal_that_is_something_else() {
    let project =
        deploy().file("notes.txt", "not a database, but long enough to look like a file of some kind\n");
    assert_snapshot!(refused(&project, &["--store", "notes.txt", "exec", "deploy", "--var", "env=staging"]), @"
    $ runbook --store notes.txt exec deploy --var env=staging
    --- stderr
    error: [ROOT]/notes.txt is not a journal of runbook (it is no SQLite database); name another file with --store
    --- exit status: 2
    ");
}

#[test]
fn a_secret_never_shows() {
    let project = deploy().env("DEPLOY_TOKEN", "hunter2-hunter2");
    for arguments in [&["plan", "deploy", "--var", "env=prod"][..], &["exec", "deploy", "--var", "env=prd"]] {
        let shown = project.run(arguments).to_string();
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn a_program_is_looked_for_without_being_named_under_tools() {
    let of = |steps: &str| {
        Project::new()
            .file("runbooks/deploy.yaml", format!("runbook: deploy\ntitle: T\nsummary: S.\nsteps:\n{steps}"))
    };
    let gone = "  - {id: look, effect: read, run: frobnicate --all}\n";
    assert_snapshot!(refused(&of(gone), &["exec", "deploy"]), @"
    $ runbook exec deploy
    --- stderr
    error[RB0601]: `frobnicate` is not installed
     |
     = note: `frobnicate` is needed by look
     = help: install what is missing, or put its folder on the PATH; nothing was run

    1 error
    more about it: runbook explain RB0601
    --- exit status: 2
    ");

    // What was changed before may have installed it.
    let made = "  - {id: make, irreversible: A test., run: \"true\"}\n";
    let project = of(&format!("{made}{gone}"));
    let shown = project.run(&["exec", "deploy"]).code(1).to_string();
    assert!(shown.contains("look did not start: `frobnicate` was not found on the PATH"), "{shown}");
}

#[test]
fn what_has_the_name_of_a_runbook_and_can_not_be_read() {
    let project = deploy().file("runbooks/folder.yaml/x", "");
    std::os::unix::fs::symlink("loop.yaml", project.root().join("runbooks/loop.yaml")).expect("a link");
    std::os::unix::fs::symlink("gone", project.root().join("runbooks/lost.yaml")).expect("a link");
    for (name, why) in [
        ("folder", "it is a folder"),
        ("loop", "Too many levels of symbolic links"),
        ("lost", "No such file or directory"),
    ] {
        let shown = refused(&project, &["exec", name]).to_string();
        // The message is folded at the width of a page.
        let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains("can't read `") && flat.contains(why), "{shown}");
    }
}

/// Found out before the steps above it have changed anything.
#[test]
fn a_runbook_to_bring_in_that_is_not_there() {
    let project = Project::new().file(
        "runbooks/x.yaml",
        "\
runbook: x
title: X
steps:
  - id: fresh
    gate: {run: 'true', pass: exit_code == 0}
  - id: act
    run: touch acted
    irreversible: A file.
  - id: sub
    runbook: y
",
    );
    let shown = refused(&project, &["exec", "x"]).to_string();
    assert!(shown.contains("error[RB0010]: there is no runbook `y`"), "{shown}");
    assert!(!project.has("acted"));
}
