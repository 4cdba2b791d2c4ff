//! A plan that is kept and run: what was planned is run, or nothing is.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::project::{Project, Shown};

const RELEASE: &str = r#"
runbook: release
title: Put a release in place
vars:
  env: {type: string, enum: [prod, staging]}
  count: {type: integer, default: 2}
  token: {type: secret, required: false, from: {env: RELEASE_TOKEN}}
data: {sites: sites.yaml}
lock: release/{{ env }}
steps:
  - id: look
    run: cat size
    effect: read
    outputs: {size: stdout | trim}
  - id: grow
    uses: note/size
    with: {size: "{{ steps.look.outputs.size }}0", site: "{{ sites[env].name }}"}
    env: {}
  - id: go
    approve: {prompt: Go on?, by: [dana, ann], timeout: 5m}
  - id: each
    for_each: range(count)
    run: touch release-{{ item }}
    rollback: {run: "rm release-{{ item }}"}
    verify: {run: "test -f release-{{ item }}", pass: exit_code == 0, within: 5s}
finally:
  - id: tell
    run: tee told
    stdin: "{{ run.status }} {{ token | default('none') }}"
    effect: read
"#;

const SIZE: &str = r#"
step: note/size
title: Note the size {{ size }}
params: {size: {type: string}, site: {type: string}}
capture: {run: cat size, outputs: {before: stdout | trim}}
satisfied: captured.before == size
run: tee size
stdin: "{{ size }}"
rollback: {run: tee size, stdin: "{{ captured.before }}"}
"#;

const SITES: &str = "prod: {name: eu-1}\nstaging: {name: eu-2}\n";

fn release() -> Project {
    let text = RELEASE.replace("    env: {}\n", "");
    Project::new()
        .file("runbooks/release.yaml", text)
        .file("runbooks/sites.yaml", SITES)
        .file("runbooks/people.yaml", "people: [ann, dana]\n")
        .file("steps/note/size.yaml", SIZE)
        .file("size", "3\n")
}

fn plan(project: &Project) -> Shown {
    project.run(&["plan", "release", "--var", "env=prod", "--out", "p.plan"]).code(0)
}

fn read(project: &Project, path: &str) -> String {
    std::fs::read_to_string(project.root().join(path)).expect("the file is there")
}

/// Insists that nothing was run and nothing was recorded.
fn untouched(project: &Project) {
    assert_eq!(read(project, "size"), "3\n");
    assert!(!project.has("release-0") && !project.has("told") && !project.journal().exists());
}

#[test]
fn what_was_planned_is_run_and_the_record_says_so() {
    let project = release().env("RELEASE_TOKEN", "hunter2-hunter2");
    let text = plan(&project).to_string();
    assert!(text.contains("run it         runbook exec --plan p.plan"), "{text}");
    let file = read(&project, "p.plan");
    assert!(!file.contains("hunter2"), "no secret is in a plan");
    let mode = std::fs::metadata(project.root().join("p.plan")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let run = project.run(&["exec", "--plan", "p.plan", "--approve", "go", "--format", "json"]).code(0);
    let opened: Value = serde_json::from_str(run.stdout.lines().next().expect("an event")).expect("JSON");
    let mark = &opened["event"]["plan"];
    let kept: Value = serde_json::from_str(&file).expect("a plan is one JSON document");
    assert_eq!((&mark["sha256"], &mark["by"]["name"]), (&kept["sha256"], &Value::from("ann")));
    assert_eq!(read(&project, "size"), "30", "what was unknown became what the run found");
    let account = project.run(&["report", &project.newest()]).code(0).stdout;
    assert!(account.contains("| As planned | "), "{account}");
    project.run(&["verify", &project.newest()]).code(0);
}

#[test]
fn a_plan_is_shown_again_without_its_project() {
    let project = release();
    let planned = plan(&project).stdout;
    let elsewhere = Project::new().file("p.plan", read(&project, "p.plan"));
    let shown = elsewhere.run(&["show", "p.plan"]).code(0).stdout;
    let (first, rest) = shown.split_once('\n').expect("lines");
    let (note, rest) = rest.split_once('\n').expect("lines");
    assert!(note.starts_with("planned ") && note.contains(" by ann@"), "{note}");
    assert_eq!(format!("{first}\n{rest}"), planned);
    let document = elsewhere.run(&["show", "p.plan", "--format", "json"]).code(0).stdout;
    let document: Value = serde_json::from_str(&document).expect("one document");
    assert_eq!((&document["version"], &document["made"]["by"]["name"]), (&1.into(), &"ann".into()));
    assert!(document["steps"].as_array().is_some_and(|steps| steps.len() == 6));
}

#[test]
fn whatever_changed_is_told_and_nothing_is_run() {
    let runbook = "runbooks/release.yaml";
    let step = "steps/note/size.yaml";
    let project = release();
    plan(&project);
    for (file, old, new, told) in [
        (runbook, "touch release", "touch other", "now      touch other-0"),
        (runbook, "rm release", "rm -f release", "now      rm -f release-1"),
        (runbook, "within: 5s", "within: 6s", "verify.within\n"),
        (runbook, "exit_code == 0", "exit_code <= 0", "verify.pass"),
        (runbook, "by: [dana, ann]", "by: [ann]", "people.by"),
        (runbook, "timeout: 5m", "timeout: 9m", "people.timeout\n"),
        (runbook, "default: 2", "default: 3", "was not planned"),
        (runbook, "default: 2", "default: 1", "is not there now"),
        (runbook, "lock: release/", "lock: releases/", "now      releases/prod"),
        (runbook, "    uses: note", "    needs: []\n    uses: note", "RB0"),
        (runbook, "outputs.size }}0", "outputs.size | string }}0", "with.size"),
        (runbook, "stdout | trim", "stdout", "outputs.size"),
        (runbook, "finally:\n", "on_failure: rollback\nfinally:\n", "now      rollback"),
        (runbook, "enum: [prod, staging]", "enum: [live, staging]", "it does not fit"),
        (runbook, "vars:\n", "vars:\n  zone: {type: string, required: true}\n", "RB0"),
        ("runbooks/sites.yaml", "eu-2", "eu-3", "staging.name eu-2 → eu-3"),
        ("runbooks/sites.yaml", "eu-1", "eu-9", "prod.name eu-1 → eu-9"),
        (step, "captured.before == size", "captured.before != size", "satisfied"),
        (step, "run: tee size\nstdin", "run: tee sizes\nstdin", "now      tee sizes"),
        (step, "stdin: \"{{ size }}\"", "stdin: \"{{ size }}!\"", "action.stdin"),
        (
            "runbooks/people.yaml",
            "people: [ann, dana]",
            "people: [ann]\ngroups: {dana: [ben]}",
            "people.groups",
        ),
    ] {
        let before = read(&project, file);
        assert!(before.contains(old), "{old}");
        project.write(file, before.replacen(old, new, 1));
        let shown = project.run(&["exec", "--plan", "p.plan", "--approve", "go"]).code(2).to_string();
        assert!(shown.contains(told), "{old} -> {new}: {shown}");
        untouched(&project);
        project.write(file, before);
    }
    // Prose, comments and places are no differences.
    let text = read(&project, runbook);
    project.write(
        runbook,
        format!("# moved down\n\n{}", text.replace("title: Put", "about: How to\ntitle: Put")),
    );
    project.run(&["exec", "--plan", "p.plan", "--approve", "go"]).code(0);
}

#[test]
fn a_difference_is_shown_as_planned_and_as_it_is_now() {
    let project = release();
    plan(&project);
    let text = read(&project, "runbooks/release.yaml");
    project.write("runbooks/release.yaml", text.replace("touch release-{{ item }}", "touch r-{{ item }}"));
    let shown = project.run(&["exec", "--plan", "p.plan"]).to_string();
    let lines: Vec<&str> = shown.lines().filter(|line| !line.contains("= note: planned ")).collect();
    assert_snapshot!(lines.join("\n"), @r"
    $ runbook exec --plan p.plan
    --- stderr
      each[0]
        action
          planned  touch release-0
          now      touch r-0
      each[1]
        action
          planned  touch release-1
          now      touch r-1
    error[RB0514]: what `release` would do now is not what was planned; nothing was run
     |
     = help: plan again and look at it: `runbook plan release --var env=prod --out p.plan`

    1 error
    more about it: runbook explain RB0514
    --- exit status: 2
    ");
    untouched(&project);
}

/// A runbook with all that surrounds a run, and one that it brings in.
const SURROUNDED: &str = r#"
runbook: around
title: Around
vars: {zone: {type: string, default: a}}
target: {cluster: cat cluster}
environment: {ZONE: "{{ zone }}"}
hooks: {failed: "logger {{ zone }}", finished: logger good}
steps:
  - id: open
    gate: {uses: note/state, with: {of: state}, pass: outputs.up, within: 2s}
  - id: part
    runbook: inner
  - id: size
    capture: {run: cat size, outputs: {n: stdout | trim}}
    preview: {run: diff size -, stdin: "4\n", changed: exit_code == 1}
    run: tee size
    stdin: "4"
    rollback: {run: tee size, stdin: "{{ captured.n }}"}
  - id: gone
    capture: {run: cat gone, outputs: {n: stdout}}
    preview: {run: "diff gone {{ captured.n }}"}
    run: touch gone
    irreversible: A test.
"#;

fn surrounded() -> Project {
    let inner = "runbook: inner\ntitle: Inner\nsteps: [{id: one, run: touch one, irreversible: A test.}]\n";
    let state = "step: note/state\ntitle: State of {{ of }}\nparams: {of: {type: string}}\nrun: cat {{ of }}\n\
                 effect: read\noutputs: {up: stdout | trim == 'up'}\n";
    Project::new()
        .file("runbooks/around.yaml", SURROUNDED)
        .file("runbooks/inner.yaml", inner)
        .file("steps/note/state.yaml", state)
        .file("cluster", "east\n")
        .file("state", "up\n")
        .file("size", "3\n")
}

#[test]
fn what_surrounds_a_run_and_what_it_brings_in_is_planned_too() {
    let project = surrounded();
    project.run(&["plan", "around", "--out", "p.plan"]).code(0);
    let (around, inner, state) = ("runbooks/around.yaml", "runbooks/inner.yaml", "steps/note/state.yaml");
    for (file, old, new, told) in [
        (around, "logger {{ zone }}", "logger in {{ zone }}", "hooks.failed\n      planned  logger a\n"),
        (around, "finished:", "stopped:", "hooks.stopped"),
        (around, "ZONE: \"", "ZONE: \"b", "environment.ZONE\n      planned  a\n      now      ba\n"),
        (inner, "touch one", "touch two", "part/one\n    action\n      planned  touch one\n"),
        (state, "== 'up'", "!= 'up'", "open: gate.outputs.up changed"),
        (state, "run: cat", "run: cat -u", "now      cat -u state"),
        (around, "within: 2s", "within: 3s", "action.within\n"),
    ] {
        let before = read(&project, file);
        assert!(before.contains(old), "{old}");
        project.write(file, before.replacen(old, new, 1));
        let shown = project.run(&["exec", "--plan", "p.plan"]).code(2).to_string();
        assert!(shown.contains(told), "{old} -> {new}: {shown}");
        // What every command is given is told once, and not of each.
        assert!(shown.matches("ZONE").count() <= 1 && !shown.contains("of the runbook: "), "{shown}");
        assert!(!project.journal().exists());
        project.write(file, before);
    }
}

#[test]
fn a_plan_that_looked_is_run_on_the_target_it_saw_only() {
    let project = surrounded();
    let shown = project.run(&["plan", "around", "--observe", "--out", "p.plan"]).code(0);
    assert!(shown.stdout.contains("  → east"), "{shown}");
    assert!(project.run(&["show", "p.plan"]).code(0).stdout.contains("  → east"));
    // What was seen besides is of that moment.
    assert!(!read(&project, "p.plan").contains("\"observed\""));
    project.write("cluster", "west\n");
    let shown = project.run(&["exec", "--plan", "p.plan"]).code(2).to_string();
    assert!(shown.contains("`target.cluster` was `east`, and is `west`; nothing was run"), "{shown}");
    assert!(!project.has("one") && read(&project, "size") == "3\n");
    project.run(&["plan", "around", "--out", "p.plan"]).code(0);
    assert!(!project.run(&["show", "p.plan"]).code(0).stdout.contains("→ east"));
    std::fs::remove_file(project.root().join("cluster")).expect("it is there");
    let shown = project.run(&["plan", "around", "--observe"]).code(0);
    assert!(shown.stdout.contains("could not tell: it exited with 1: cat: cluster"), "{shown}");
}

#[test]
fn a_pipe_is_no_plan_and_is_not_waited_for() {
    let project = release();
    let pipe = project.root().join("pipe.plan");
    std::process::Command::new("mkfifo").arg(&pipe).status().expect("it is made");
    let shown = project.run(&["exec", "--plan", "pipe.plan"]).code(2).to_string();
    assert!(shown.contains("it is no file"), "{shown}");
}

/// Edits the plan as somebody would who knows what its sum is of.
fn forge(project: &Project, from: &str, to: &str) {
    use sha2::{Digest, Sha256};
    let whole = read(project, "p.plan");
    let (before, rest) = whole.split_once("\"content\":").expect("its content");
    let (content, _) = rest.rsplit_once(",\"sha256\"").expect("its sum");
    assert!(content.contains(from), "{from}");
    let content = content.replacen(from, to, 1);
    let sum: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    project.write("p.plan", format!("{before}\"content\":{content},\"sha256\":\"{sum}\"}}\n"));
}

#[test]
fn a_plan_of_another_version_is_refused() {
    let project = release();
    let version = env!("CARGO_PKG_VERSION");
    plan(&project);
    forge(&project, &format!("\"program\":\"{version}\""), "\"program\":\"0.0.7\"");
    let shown = project.run(&["exec", "--plan", "p.plan", "--approve", "go"]).code(2).to_string();
    assert!(shown.contains(&format!("was made by runbook 0.0.7, and this is {version}")), "{shown}");
    untouched(&project);
}

/// Between the look at the files and the run somebody types a secret, which takes its time.
#[test]
fn a_table_that_is_saved_while_a_secret_is_had_is_noticed() {
    let text = RELEASE.replace("    env: {}\n", "").replace(
        "required: false, from: {env: RELEASE_TOKEN}",
        "from: {command: \"sh -c 'cp other.yaml runbooks/sites.yaml; echo hunter2-hunter2'\"}",
    );
    let project = release().file("other.yaml", SITES.replace("eu-2", "eu-3"));
    project.write("runbooks/release.yaml", text);
    plan(&project);
    assert_eq!(read(&project, "runbooks/sites.yaml"), SITES, "a plan asks for no secret");
    let shown = project.run(&["exec", "--plan", "p.plan", "--approve", "go"]).code(2).to_string();
    assert!(shown.contains("RB0514") && shown.contains("sites"), "{shown}");
    untouched(&project);
}

#[test]
fn another_order_and_another_secret_are_differences() {
    let step = |name: &str| format!("  - {{id: {name}, needs: [], run: touch {name}, irreversible: No.}}\n");
    let text = |vars: &str, first: &str, second: &str| {
        format!("runbook: two\ntitle: Two\n{vars}steps:\n{}{}", step(first), step(second))
    };
    let project = Project::new().file("runbooks/two.yaml", text("", "a", "b")).env("MORE", "hunter2-hunter2");
    project.run(&["plan", "two", "--out", "p.plan"]).code(0);
    let more = "vars: {more: {type: secret, from: {env: MORE}}}\n";
    for (text, told) in [
        (text("", "b", "a"), "the first that differs"),
        (text(more, "a", "b"), "secret more: given now, and not when planned"),
    ] {
        project.write("runbooks/two.yaml", text);
        let shown = project.run(&["exec", "--plan", "p.plan"]).code(2).to_string();
        assert!(shown.contains(told), "{shown}");
    }
    assert!(!project.has("a") && !project.has("b"));
}

#[test]
fn what_a_plan_calls_its_maker_draws_on_no_screen() {
    let project = release();
    plan(&project);
    forge(&project, "\"by\":{\"name\":\"", "\"by\":{\"name\":\"\\u001b[2J");
    for arguments in [&["show", "p.plan"][..], &["exec", "--plan", "p.plan", "--approve", "go"]] {
        let shown = project.run(arguments).code(0).to_string();
        assert!(shown.contains("[2J") && !shown.contains('\u{1b}'), "{shown:?}");
    }
}

#[test]
fn a_plan_that_is_not_whole_is_refused() {
    let project = release();
    plan(&project);
    let whole = read(&project, "p.plan");
    let mut broken: Vec<(String, &str)> = (0..whole.len())
        .step_by(whole.len() / 12)
        .filter(|at| whole.is_char_boundary(*at))
        .map(|at| (whole[..at].to_owned(), "RB0513"))
        .collect();
    broken.push((whole.replacen("\"prod\"", "\"prud\"", 1), "was changed after it was written"));
    broken.push((whole.replacen("\"version\":1", "\"version\":2", 1), "written by another runbook"));
    broken.push((whole.replacen("\"sha256\":\"", "\"sha256\":\"0", 1), "was changed after it was written"));
    broken.push((format!("{}{whole}", whole.trim_end()), "is damaged"));
    broken.push(("[".repeat(100_000), "is no plan"));
    broken.push(("{\"format\":\"runbook-plan\",\"version\":1}".to_owned(), "a part of it is missing"));
    for (text, told) in broken {
        project.write("q.plan", &text);
        let shown = project.run(&["exec", "--plan", "q.plan"]).code(2).to_string();
        assert!(shown.contains(told), "{told}: {shown}");
        project.run(&["show", "q.plan"]).code(2);
    }
    for (path, told) in [
        ("nowhere.plan", "there is no plan `nowhere.plan`"),
        ("/dev/zero", "can't read the plan"),
        ("runbooks", "can't read the plan"),
    ] {
        let shown = project.run(&["exec", "--plan", path]).code(2).to_string();
        assert!(shown.contains(told), "{shown}");
    }
    untouched(&project);
}

#[test]
fn a_plan_is_of_one_project_and_one_runbook() {
    let project = release();
    plan(&project);
    let other = release().file("p.plan", read(&project, "p.plan"));
    let shown = other.run(&["exec", "--plan", "p.plan"]).code(2).to_string();
    assert!(shown.contains("is of the project"), "{shown}");
    let project = project
        .file("runbooks/up.yaml", "runbook: up\ntitle: Up\nsteps: [{id: up, run: uptime, effect: read}]\n");
    let shown = project.run(&["exec", "up", "--plan", "p.plan"]).code(2).to_string();
    assert!(shown.contains("is of `release`, and not of `up`"), "{shown}");
    untouched(&project);
}

#[test]
fn vars_come_from_the_plan() {
    let project = release();
    plan(&project);
    for arguments in [&["--var", "env=staging"][..], &["--var", "count=3"], &["--var", "token=abcdefgh"]] {
        let shown = project.run(&[&["exec", "--plan", "p.plan"], arguments].concat()).code(2).to_string();
        assert!(shown.contains("RB0515") || shown.contains("RB0504"), "{shown}");
    }
    untouched(&project);
    let project = project.env("RUNBOOK_VAR_COUNT", "7");
    let shown = project.run(&["exec", "--plan", "p.plan"]).code(2).to_string();
    assert!(shown.contains("`count` is `2` in the plan, and `7` here (from RUNBOOK_VAR_COUNT)"), "{shown}");
    let project = project.env("RUNBOOK_VAR_COUNT", "2");
    project.run(&["exec", "--plan", "p.plan", "--var", "env=prod", "--approve", "go"]).code(0);
}

#[test]
fn a_secret_that_was_planned_is_had_anew_and_no_other_is_slipped_in() {
    let project = release();
    plan(&project);
    let project = project.env("RELEASE_TOKEN", "hunter2-hunter2");
    project.run(&["exec", "--plan", "p.plan", "--approve", "go"]).code(0);
    assert_eq!(read(&project, "told"), "succeeded none");
    let required = read(&project, "runbooks/release.yaml").replace("required: false, from", "from");
    project.write("runbooks/release.yaml", required);
    project.write("size", "4\n");
    plan(&project);
    let project = project.env("RELEASE_TOKEN", "");
    project.run(&["exec", "--plan", "p.plan", "--approve", "go"]).code(2);
    assert_eq!(read(&project, "size"), "4\n");
}

#[test]
fn a_plan_takes_the_place_of_a_plan_only() {
    let project = release();
    plan(&project);
    plan(&project);
    for path in ["runbooks/release.yaml", "runbooks", "/dev/null", "nowhere/p.plan"] {
        project.run(&["plan", "release", "--var", "env=prod", "--out", path]).code(2);
    }
    assert!(read(&project, "runbooks/release.yaml").contains("runbook: release"));
    let left = std::fs::read_dir(project.root()).expect("a folder").flatten();
    let left: Vec<_> =
        left.filter(|entry| entry.file_name().to_string_lossy().starts_with(".p.plan")).collect();
    assert!(left.is_empty(), "{left:?}");
    let faulty = "runbook: bad\ntitle: Bad\nsteps: [{id: a, run: 'echo {{ 1 / 0 }}', effect: read}]\n";
    let project = project.file("runbooks/bad.yaml", faulty);
    project.run(&["plan", "bad", "--out", "bad.plan"]).code(2);
    assert!(!project.has("bad.plan"));
}

#[test]
fn two_people_at_once_are_kept_apart_by_the_lock() {
    let text = "runbook: slow\ntitle: Slow\nlock: one\nsteps:\n  - id: a\n    shell: |\n      touch began\n      while [ ! -e go ]; do sleep 0.05; done\n    irreversible: A test.\n";
    let project = Project::new().file("runbooks/slow.yaml", text);
    let planning: Vec<_> = (0..2)
        .map(|_| {
            let mut command = project.command(&["plan", "slow", "--out", "p.plan"]);
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts")
        })
        .collect();
    for mut child in planning {
        assert!(child.wait().expect("it ends").success());
    }
    let mut command = project.command(&["exec", "--plan", "p.plan"]);
    let mut first = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let until = Instant::now() + Duration::from_secs(60);
    while !project.has("began") && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    project.run(&["exec", "--plan", "p.plan"]).code(6);
    project.write("go", "");
    assert!(first.wait().expect("it ends").success());
}

#[test]
fn many_instances_are_folded_and_the_json_is_complete() {
    let text = "runbook: many\ntitle: Many\nvars: {n: {type: integer}}\nsteps:\n  - {id: each, for_each: range(n), when: item != 5, run: 'echo {{ item }}', effect: read}\n";
    let project = Project::new().file("runbooks/many.yaml", text);
    assert_snapshot!(project.run(&["plan", "many", "--var", "n=2000"]), @r"
    $ runbook plan many --var n=2000
    Plan of many: Many
      n  2000 (--var)

     1 each[0]
        looks    echo 0
     1 each[1]
        looks    echo 1
     1 each[2]
        looks    echo 2
     1 each[3]
        looks    echo 3
     1 each[4]
        looks    echo 4
     1 each[5]  skipped: its condition does not hold
     1 each[6]
        looks    echo 6
     1 each[7]
        looks    echo 7
     1 each[8]
        looks    echo 8
     1 each[9]
        looks    echo 9
     1 each[10]
        looks    echo 10
        … 1,989 more like it; --full shows them all

    Steps with the same number need none of each other and may run side by side.
    1,999 steps only look, 1 skipped. Nothing was run.
    ");
    let shown = project.run(&["plan", "many", "--var", "n=2000", "--full"]).code(0).stdout;
    assert_eq!(shown.matches("looks").count(), 1_999);
    let document = project.run(&["plan", "many", "--var", "n=2000", "--format", "json"]).code(0).stdout;
    let document: Value = serde_json::from_str(&document).expect("one document");
    assert_eq!(document["steps"].as_array().map(Vec::len), Some(2_000));
}

#[test]
fn the_page_about_plans_names_every_key() {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/plan.md")).expect("it is there");
    let project = release();
    plan(&project);
    let documents = [
        project.run(&["show", "p.plan", "--format", "json"]).code(0).stdout,
        project.run(&["plan", "release", "--var", "env=staging", "--format", "json"]).code(0).stdout,
        surrounded().run(&["plan", "around", "--observe", "--format", "json"]).code(0).stdout,
    ];
    fn keys(value: &Value, found: &mut std::collections::BTreeSet<String>) {
        match value {
            Value::Object(entries) => entries.iter().for_each(|(name, inner)| {
                found.insert(name.clone());
                // What a person named is no key of ours.
                if !matches!(
                    name.as_str(),
                    "vars" | "origins" | "env" | "environment" | "values" | "groups" | "by"
                ) {
                    keys(inner, found);
                }
            }),
            Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
            _ => {}
        }
    }
    let mut found = std::collections::BTreeSet::new();
    for document in documents {
        keys(&serde_json::from_str(&document).expect("one document"), &mut found);
    }
    let missing: Vec<_> = found.iter().filter(|key| !page.contains(&format!("`{key}`"))).collect();
    assert!(found.len() > 35 && missing.is_empty(), "docs/plan.md does not name {missing:?}");
}
