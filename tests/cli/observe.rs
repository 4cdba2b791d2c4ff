//! `runbook plan --observe`: a plan that looks, and changes nothing.

use insta::assert_snapshot;
use runbook::exec::find_by_env;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::live::{Live, wait_until};
use crate::support::project::Project;
use crate::support::terminal::{CTRL_C, Terminal};

/// One service is at 3, one is as wanted, of one nothing is known.
const RELEASE: &str = r#"
runbook: release
title: Set every size
vars: {size: {type: integer, default: 5}}
steps:
  - id: list
    run: cat services
    effect: read
    outputs: {names: lines}
  - id: resize
    for_each: steps.list.outputs.names
    title: Set {{ item }} to {{ size }}
    capture: {run: "cat {{ item }}.size", outputs: {size: stdout | trim | int}}
    changes: "size {{ captured.size }} → {{ size }}"
    satisfied: captured.size == size
    preview: {run: "diff {{ item }}.size -", stdin: "{{ size }}\n", changed: exit_code == 1}
    shell: echo {{ size }} > {{ item }}.size
    rollback: {shell: "echo {{ captured.size }} > {{ item }}.size"}
  - id: now
    run: cat services
    effect: read
    outputs: {names: lines}
  - id: warm
    run: [touch, warm, "{{ steps.now.outputs.names }}"]
    irreversible: A warm cache cools down by itself.
"#;

fn release() -> Project {
    Project::new()
        .file("runbooks/release.yaml", RELEASE)
        .file("services", "api\nauth\ngone\n")
        .file("api.size", "3\n")
        .file("auth.size", "5\n")
}

/// Returns the plan with what was seen, and insists that nothing was written for it.
#[track_caller]
fn observed(project: &Project, arguments: &[&str]) -> Value {
    let mut all = vec!["plan"];
    all.extend(arguments);
    all.extend(["--observe", "--format", "json"]);
    let shown = project.run(&all).code(0);
    assert!(!project.journal().exists(), "a plan writes no journal");
    serde_json::from_str(&shown.stdout).expect("one JSON document")
}

fn step<'v>(plan: &'v Value, name: &str) -> &'v Value {
    plan["steps"].as_array().and_then(|all| all.iter().find(|it| it["name"] == name)).expect("the step")
}

fn book(steps: &str) -> String {
    format!("runbook: look\ntitle: Look\nsteps:\n{steps}")
}

#[test]
fn what_would_change_what_is_so_and_what_could_not_be_told() {
    let project = release();
    assert_snapshot!(project.run(&["plan", "release", "--observe"]), @r#"
    $ runbook plan release --observe
    Plan of release: Set every size
      size  5 (default)

     1 list
        now      names = ["api","auth","gone"]
        looks    cat services
     2 resize[api]  Set api to 5
        changes  size 3 → 5
        reads    cat api.size
        unless   captured.size == size
        does     echo '5' > 'api'.size
        undo     echo '3' > 'api'.size
        preview  diff api.size -
                 it would change:
                   1c1
                   < 3
                   ---
                   > 5
     2 resize[auth]  already so: size = 5
     2 resize[gone]  Set gone to 5
        changes  size ‹captured.size› → 5
        unclear  could not tell: it exited with 1: cat: gone.size: No such file or directory
        reads    cat gone.size
        does     echo '5' > 'gone'.size
        undo     echo ‹captured.size› > 'gone'.size
        preview  diff gone.size -
                 could not tell: it exited with 2: diff: gone.size: No such file or directory
     3 now
        looks    cat services
     4 warm
        does     touch warm '‹steps.now.outputs.names›'
        no undo  A warm cache cools down by itself.

    Steps with the same number need none of each other and may run side by side.
    3 steps change something, 2 only look. 1 step is already so, 1 could not be told, 1 can't be undone.
    6 commands that only look were run; nothing was changed.
    --- stderr
    looking: 1 command, at most 8 at once
    looking: 3 more commands, at most 8 at once
    looking: 2 more commands, at most 8 at once
    "#);
    assert!(!project.journal().exists() && !project.has("warm"));
    assert_eq!(std::fs::read_to_string(project.root().join("api.size")).unwrap(), "3\n");
}

#[test]
fn the_document_says_the_same() {
    let plan = observed(&release(), &["release"]);
    let of = |name: &str| step(&plan, name)["observed"].clone();
    assert_eq!(of("list"), json!({"standing": "to-do", "values": {"names": ["api", "auth", "gone"]}}));
    assert_eq!(of("resize[api]"), json!({"standing": "to-do", "values": {"size": 3}}));
    assert_eq!(of("resize[auth]"), json!({"standing": "already-so", "values": {"size": 5}}));
    assert_eq!(of("resize[gone]")["standing"], "could-not-tell");
    // What comes after a change may be another answer then, so it is not asked, and stays unknown.
    assert_eq!(of("now"), Value::Null);
    assert_eq!(step(&plan, "warm")["commands"][0]["command"], "touch warm '‹steps.now.outputs.names›'");
    assert_eq!(step(&plan, "resize[api]")["preview"]["differs"], true);
    assert_eq!(step(&plan, "resize[gone]")["preview"]["differs"], Value::Null);
    assert_eq!(plan["looked"], json!({"asked": 6, "already_so": 1, "could_not_tell": 1, "irreversible": 1}));
    assert_eq!((&plan["changing"], &plan["reading"]), (&json!(3), &json!(2)));
}

#[test]
fn a_command_that_changes_something_is_refused_whatever_the_file_calls_it() {
    let project = Project::new().file("keep", "").file(
        "runbooks/look.yaml",
        book(
            r#"  - {id: a, capture: {run: rm keep, outputs: {x: stdout}}, run: "true", irreversible: No.}
  - {id: b, capture: {shell: "cat keep; rm keep", outputs: {x: stdout}}, run: "true", irreversible: No.}
  - {id: c, capture: {shell: "date > keep", outputs: {x: stdout}}, run: "true", irreversible: No.}
  - {id: d, capture: {run: "{{ 'rm' }} keep", outputs: {x: stdout}}, run: "true", irreversible: No.}
  - {id: e, preview: {run: "timeout 5 rm keep"}, run: "true", irreversible: No.}
  - {id: f, run: rm keep, effect: read, outputs: {x: stdout}}
  - {id: g, run: "echo {{ steps.f.outputs.x }}", effect: read}
"#,
        ),
    );
    let plan = observed(&project, &["look"]);
    assert!(project.has("keep"));
    assert_eq!(std::fs::read_to_string(project.root().join("keep")).unwrap(), "");
    let why = |name: &str, key: &str| step(&plan, name)[key]["why"].as_str().unwrap_or_default().to_owned();
    for name in ["a", "b", "d"] {
        assert!(why(name, "observed").contains("not asked, since `rm` may change something"), "{plan:#}");
    }
    assert!(why("c", "observed").contains("since `> keep` may change something"));
    assert!(why("e", "preview").contains("since `rm` may change something"));
    assert_eq!((&plan["looked"]["asked"], &plan["looked"]["could_not_tell"]), (&json!(0), &json!(5)));
}

#[test]
fn what_only_the_run_knows_is_no_failure_and_is_carried_on() {
    let text = book(
        r#"  - {id: make, run: echo name, outputs: {name: stdout | trim}, irreversible: It is printed.}
  - id: use
    capture: {run: "cat {{ steps.make.outputs.name }}", outputs: {size: stdout | int}}
    satisfied: captured.size == 3
    preview: {run: "diff {{ steps.make.outputs.name }} x"}
    run: touch x
    rollback: {run: "resize {{ captured.size }}"}
"#,
    );
    let plan = observed(&Project::new().file("runbooks/look.yaml", text), &["look"]);
    let needs = "steps.make.outputs.name";
    assert_eq!(step(&plan, "use")["observed"], json!({"standing": "only-the-run-knows", "why": needs}));
    assert_eq!(step(&plan, "use")["preview"]["needs"], needs);
    assert_eq!(step(&plan, "use")["commands"][2]["command"], "resize '‹captured.size›'");
    assert_eq!(plan["looked"], json!({"asked": 0, "already_so": 0, "could_not_tell": 0, "irreversible": 1}));
}

/// What a person does by hand changes the world as a command does.
#[test]
fn what_comes_after_a_person_is_not_asked_beforehand() {
    let text = book(
        r#"  - {id: person, manual: Add a service to the list}
  - {id: now, run: cat services, effect: read, outputs: {names: lines}}
  - {id: use, run: [echo, "{{ steps.now.outputs.names }}"], irreversible: It is printed.}
"#,
    );
    let project = Project::new().file("runbooks/look.yaml", text).file("services", "api\n");
    let plan = observed(&project, &["look"]);
    assert_eq!((&plan["looked"]["asked"], &step(&plan, "now")["observed"]), (&json!(0), &Value::Null));
}

#[test]
fn a_target_that_says_nothing_is_no_answer() {
    let text = book("  - {id: a, run: echo a, irreversible: No.}\n")
        .replace("steps:", "target: {where: [\"true\"]}\nsteps:");
    let plan = observed(&Project::new().file("runbooks/look.yaml", text), &["look"]);
    let target = &plan["run"]["target"][0];
    assert_eq!((&target["said"], &target["why"]), (&Value::Null, &json!("it printed nothing")), "{plan:#}");
}

#[test]
fn many_that_are_so_share_one_line() {
    let project = Project::new().file(
        "runbooks/look.yaml",
        book(
            "  - id: set\n    for_each: range(50)\n    \
             capture: {run: \"echo {{ item }}\", outputs: {size: stdout | int}}\n    \
             changes: \"size {{ captured.size }} → 40\"\n    satisfied: captured.size >= 2\n    \
             run: echo {{ item }}\n    irreversible: It is printed.\n",
        ),
    );
    let shown = project.run(&["plan", "look", "--observe"]).code(0).to_string();
    assert!(shown.contains(" 1 set  48 of 50 already so\n"), "{shown}");
    assert!(shown.contains("size 1 → 40") && !shown.contains("set[7]"), "{shown}");
}

/// A script that makes a file, which no guard can see where it is called.
const MARK: &str = "touch \"$1\"\n";

#[test]
fn what_looks_is_asked_side_by_side_and_no_more_than_max_parallel_at_once() {
    let at_work = "sh mark b-{{ item }}; while [ $(ls b-* | wc -l) -lt LEAST ]; do sleep 0.02; done\n      \
                   b=$(ls b-* | wc -l); e=$(ls e-* 2>/dev/null | wc -l); sh mark e-{{ item }}; echo $((b - e))";
    let text = |most: u32| {
        format!(
            "runbook: look\ntitle: Look\nmax_parallel: {most}\nsteps:\n  - id: a\n    for_each: range(9)\n    \
             capture:\n      shell: |\n        {}\n      outputs: {{n: stdout | int}}\n      timeout: 30s\n    \
             run: echo a\n    irreversible: No.\n",
            at_work.replace("LEAST", &most.to_string()).replace("\n      ", "\n        ")
        )
    };
    for most in [1, 4] {
        let plan =
            observed(&Project::new().file("mark", MARK).file("runbooks/look.yaml", text(most)), &["look"]);
        let seen: Vec<i64> = (0..9)
            .map(|n| step(&plan, &format!("a[{n}]"))["observed"]["values"]["n"].as_i64().unwrap_or(99))
            .collect();
        assert!(seen.iter().all(|&n| n <= i64::from(most)), "{most}: {seen:?}");
    }
}

#[test]
fn a_capture_has_its_time() {
    let text = book(
        "  - {id: a, capture: {run: sleep 600, outputs: {x: stdout}, timeout: 200ms}, run: echo a, irreversible: No.}\n",
    );
    let plan = observed(&Project::new().file("runbooks/look.yaml", text), &["look"]);
    assert_eq!(step(&plan, "a")["observed"]["why"], "its time was up");
}

const SECRET: &str = r#"
runbook: login
title: Log in
vars:
  token: {type: secret, from: {command: "sh -c 'touch asked; echo hunter2-very-secret'"}}
  deep: {type: boolean, default: false}
steps:
  - id: login
    when: deep
    capture:
      shell: 'echo "token $TOKEN"; [ ${#TOKEN} = 19 ]'
      env: {TOKEN: "{{ token }}"}
      outputs: {said: stdout | trim}
    run: echo in
    env: {TOKEN: "{{ token }}"}
    irreversible: No.
"#;

#[test]
fn a_secret_is_had_only_when_it_is_needed_and_never_shown() {
    let project = Project::new().file("runbooks/login.yaml", SECRET);
    observed(&project, &["login"]);
    assert!(!project.has("asked"), "no capture needs it");
    let plan = observed(&project, &["login", "--var", "deep=true"]);
    assert!(project.has("asked"));
    assert_eq!(step(&plan, "login")["observed"]["values"]["said"], "token •••");
    assert!(!plan.to_string().contains("hunter2"));

    let missing =
        SECRET.replace("from: {command: \"sh -c 'touch asked; echo hunter2-very-secret'\"}", "help: Ask");
    let project = Project::new().file("runbooks/login.yaml", missing);
    let plan = observed(&project, &["login", "--var", "deep=true"]);
    assert_eq!(step(&plan, "login")["observed"]["why"], "the secret `token` was not given");
}

#[test]
fn of_a_sensitive_step_nothing_that_was_read_is_shown() {
    let text = book(
        "  - id: a\n    sensitive: true\n    capture: {run: echo private, outputs: {x: stdout}}\n    \
         preview: {run: echo private}\n    run: echo a\n    irreversible: No.\n  - id: b\n    needs: []\n    \
         sensitive: true\n    capture: {shell: \"echo private >&2; exit 3\", outputs: {x: stdout}}\n    run: echo b\n    \
         irreversible: No.\n",
    );
    let project = Project::new().file("runbooks/look.yaml", text);
    let plan = observed(&project, &["look"]);
    assert_eq!(step(&plan, "a")["observed"], json!({"standing": "to-do"}));
    assert_eq!(step(&plan, "a")["preview"], json!({"command": "echo private"}));
    assert_eq!(step(&plan, "b")["observed"]["why"], "it exited with 3");
}

/// A capture that hangs, with a helper that left its process group and does not hear SIGTERM.
const HANGS: &str = "  - id: a\n    capture:\n      shell: |\n        setsid sh -c 'trap \"\" TERM; sh mark helper; \
                     while true; do sleep 0.1; done' &\n        sleep 600\n      outputs: {x: stdout}\n    \
                     run: echo a\n    irreversible: No.\n  - id: b\n    needs: []\n    \
                     capture: {run: sleep 600, outputs: {x: stdout}}\n    run: echo a\n    irreversible: No.\n";

#[test]
fn what_a_capture_leaves_behind_is_ended() {
    let project = Project::new().file(
        "runbooks/look.yaml",
        book(
            "  - id: a\n    capture: {shell: '(setsid sleep 600 >/dev/null 2>&1 & echo $! > left); echo 5', \
             outputs: {x: stdout}}\n    run: echo a\n    irreversible: No.\n",
        ),
    );
    let plan = observed(&project, &["look"]);
    assert_eq!(step(&plan, "a")["observed"]["standing"], "could-not-tell", "a script that writes: {plan:#}");
    project.write(
        "runbooks/look.yaml",
        book(
            "  - id: a\n    capture: {shell: '(setsid sleep 600 >/dev/null 2>&1 &); echo 5', outputs: {x: stdout}}\n    \
             run: echo a\n    irreversible: No.\n",
        ),
    );
    let live = Live::start(project.command(&["plan", "look", "--observe"]));
    let pid = live.pid();
    live.ends_with(0);
    assert_eq!(find_by_env(&[("RUNBOOK_OBSERVE", &format!("{pid}.0"))]), []);
}

#[test]
fn a_change_that_is_hidden_in_a_script_is_refused() {
    let project = Project::new().file("keep", "x").file(
        "runbooks/look.yaml",
        book(
            r#"  - {id: a, capture: {run: [sh], stdin: "rm keep", outputs: {x: stdout}}, run: "true", irreversible: No.}
  - {id: b, capture: {run: [sh, -c, "$DO"], env: {DO: rm keep}, outputs: {x: stdout}}, run: "true", irreversible: No.}
  - {id: c, capture: {run: [env, -S, rm keep], outputs: {x: stdout}}, run: "true", irreversible: No.}
  - {id: d, capture: {run: "find . -name keep -delete", outputs: {x: stdout}}, run: "true", irreversible: No.}
  - {id: e, capture: {run: [python3, -c, "import os; os.remove('keep')"], outputs: {x: stdout}}, run: "true", irreversible: No.}
  - {id: f, capture: {run: tee keep, outputs: {x: stdout}}, run: "true", irreversible: No.}
  - {id: g, capture: {run: [sh, -c, "timeout 5 $DO keep"], env: {DO: rm}, outputs: {x: stdout}}, run: "true", irreversible: No.}
  - {id: h, capture: {run: [sh, -c, "timeout 5 ${DO} keep"], env: {DO: rm}, outputs: {x: stdout}}, run: "true", irreversible: No.}
"#,
        ),
    );
    let plan = observed(&project, &["look"]);
    assert_eq!(std::fs::read_to_string(project.root().join("keep")).unwrap(), "x");
    assert_eq!((&plan["looked"]["asked"], &plan["looked"]["could_not_tell"]), (&json!(0), &json!(8)));
}

#[test]
fn ctrl_c_ends_what_was_asked_and_leaves_nothing_behind() {
    let project = Project::new().file("mark", MARK).file("runbooks/look.yaml", book(HANGS));
    let mut terminal = Terminal::start(&project.command(&["plan", "look", "--observe"]));
    terminal.wait_for("looking: 0 of 2 answered, waiting");
    wait_until("the helper runs", || project.has("helper"));
    let pid = terminal.pid().as_raw_nonzero();
    terminal.keys(CTRL_C);
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(130), "{screen}");
    assert!(screen.contains("stopped while looking: nothing was changed"), "{screen}");
    for number in 0..2 {
        assert_eq!(find_by_env(&[("RUNBOOK_OBSERVE", &format!("{pid}.{number}"))]), []);
    }
    assert!(!project.journal().exists());
}

#[test]
fn sigterm_ends_it_too_and_is_told_by_the_code() {
    let project = Project::new().file("mark", MARK).file("runbooks/look.yaml", book(HANGS));
    let live = Live::start(project.command(&["plan", "look", "--observe"]));
    wait_until("the helper runs", || project.has("helper"));
    let pid = live.pid();
    live.signal(Signal::TERM);
    live.ends_with(143);
    assert_eq!(find_by_env(&[("RUNBOOK_OBSERVE", &format!("{pid}.0"))]), []);
}
