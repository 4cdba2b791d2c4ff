//! Taking a run up again: what may be said of its steps, what changed since it was started, and the new file for what
//! has not begun.

use insta::assert_snapshot;

use crate::support::project::Project;

/// `scale` fails at `b` until `repaired` is there.
const WIDE: &str = "
runbook: wide
title: A step with instances, one of which fails
data: {sizes: sizes.yaml}
steps:
  - {id: look, run: 'true', effect: read}
  - id: scale
    for_each: sizes
    max_parallel: 1
    shell: 'echo {{ item.key }}={{ item.value }} >> sent; test {{ item.key }} != b || test -e repaired'
    rollback: {shell: 'echo back {{ item.key }} >> sent'}
  - {id: end, shell: 'echo end >> sent', rollback: {run: 'true'}}
";

fn wide() -> Project {
    let project = Project::new().file("runbooks/wide.yaml", WIDE);
    project.write("runbooks/sizes.yaml", "{a: 1, b: 2}\n");
    project.run(&["exec", "wide"]).code(1);
    project
}

fn sent(project: &Project) -> Vec<String> {
    let text = std::fs::read_to_string(project.root().join("sent")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Returns every event of the journal, as stored.
fn events(project: &Project) -> Vec<String> {
    let journal = rusqlite::Connection::open(project.journal()).expect("a journal");
    let mut query =
        journal.prepare("SELECT hex(hash) || body FROM events ORDER BY run, seq").expect("events");
    let rows = query.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("texts")
}

#[test]
fn only_what_is_open_can_be_settled() {
    let project = wide();
    let before = events(&project);
    let said = |flag: &str, step: &str| {
        let shown = project.run(&["resume", flag, step, "--reason", "seen to"]).code(2).to_string();
        shown.lines().find(|line| line.contains("error")).unwrap_or_default().to_owned()
    };
    assert_snapshot!(
        [
            said("--skip", "look"),
            said("--retry", "scale[a]"),
            said("--done", "end"),
            said("--retry", "scale[bb]"),
            said("--done", "ned"),
        ]
        .join("\n"),
        @"
    error: `look` is done; what can be settled now is `scale[b]`
    error: `scale[a]` is done; what can be settled now is `scale[b]`
    error: `end` has not begun; what can be settled now is `scale[b]`
    error: run [RUN] has no step `scale[bb]`; did you mean `scale[b]`?
    error: run [RUN] has no step `ned`; did you mean `end`?
    "
    );
    assert_eq!(events(&project), before, "nothing was written");
    project.run(&["resume", "--done", "scale[b]", "--reason", "seen to"]).code(0);
    assert_eq!(sent(&project), ["a=1", "b=2", "end"]);
}

#[test]
fn a_whole_for_each_is_settled_by_its_step() {
    let project = wide();
    project.run(&["resume", "--skip", "scale", "--reason", "not today"]).code(0);
    assert_eq!(sent(&project), ["a=1", "b=2", "end"], "and the instance that is done stays done");
    let end = events(&project);
    for arguments in [&["resume"][..], &["resume", &project.newest()], &["resume", "--retry", "end"]] {
        project.run(arguments).code(2);
    }
    assert_eq!(events(&project), end, "a finished run is not resumed");
}

#[test]
fn what_changed_since_is_told_and_the_run_goes_on_as_it_was_started() {
    let project = wide();
    project.write("runbooks/sizes.yaml", "{a: 10, c: 3}\n");
    project.write(
        "runbooks/wide.yaml",
        WIDE.replace("echo end >>", "echo other >>").replace("title: A", "title: Another")
            + "  - {id: more, run: 'true', effect: read}\n",
    );
    project.write("repaired", "");
    let shown = project.run(&["resume"]).code(0).to_string();
    assert_snapshot!(shown.split_once("--- stderr\n").expect("something is told").1, @"
    run [RUN]: wide, begun [AT], failed
    runbooks/wide.yaml changed since the start; the run goes on as it was started:
      end: shell changed
      more: added
      data sizes: a 1 → 10, b 2 removed, c 3 added
    to take it for what has not begun: runbook resume [RUN] --latest
    ");
    assert_eq!(sent(&project), ["a=1", "b=2", "b=2", "end"], "the very instances that it was started with");
    let shown = project.run(&["rollback", "--yes"]).code(0).to_string();
    assert!(shown.contains("since the start; the run is undone as it was started:"), "{shown}");
    assert_eq!(sent(&project)[4..], ["back b", "back a"]);
}

#[test]
fn a_file_that_is_gone_or_wrong_stops_no_resume() {
    let project = wide();
    project.write("runbooks/sizes.yaml", "- no map\n");
    let told = |project: &Project| {
        let shown = project.run(&["resume", "--format", "json"]).code(1);
        let line = shown.stdout.lines().next().unwrap_or_default().to_owned();
        let stderr = shown.to_string().split_once("--- stderr\n").map(|(_, text)| text.to_owned());
        let text = stderr.unwrap_or_default().lines().nth(1).unwrap_or_default().to_owned();
        let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        format!("{text}\n{}", line["changed"])
    };
    let table = told(&project);
    project.write("runbooks/wide.yaml", "runbook: wide\nsteps: 3\n");
    let wrong = told(&project);
    std::fs::remove_file(project.root().join("runbooks/wide.yaml")).expect("it is there");
    let gone = told(&project);
    assert_snapshot!([table, wrong, gone].join("\n"), @r#"
    runbooks/wide.yaml holds a mistake now: a table is a map of names and values, and this is a list; the run goes on as it was started
    {"unread":{"path":"runbooks/wide.yaml","why":"holds a mistake now: a table is a map of names and values, and this is a list"}}
    runbooks/wide.yaml holds 2 mistakes now; the run goes on as it was started
    {"unread":{"path":"runbooks/wide.yaml","why":"holds 2 mistakes now"}}
    runbooks/wide.yaml is not there any more; the run goes on as it was started
    {"unread":{"path":"runbooks/wide.yaml","why":"is not there any more"}}
    "#);
}

#[test]
fn the_target_is_asked_again_before_a_run_goes_on_or_back() {
    let text = "
runbook: aimed
title: Aimed
target: {account: [cat, account]}
steps:
  - {id: one, run: [touch, one], rollback: {run: [rm, one]}}
  - {id: two, run: [test, -e, repaired], irreversible: it only looks}
";
    let project = Project::new().file("runbooks/aimed.yaml", text).file("account", "prod\n");
    project.run(&["exec", "aimed"]).code(1);
    let before = events(&project);
    let verbs = [&["resume"][..], &["rollback", "--yes"]];
    let said = |arguments: &[&str]| {
        let shown = project.run(arguments).code(2).to_string();
        shown.lines().find(|line| line.contains("error")).unwrap_or_default().to_owned()
    };
    project.write("account", "test\n");
    let other = verbs.map(said).join("\n");
    std::fs::remove_file(project.root().join("account")).expect("it is there");
    let none = verbs.map(said).join("\n");
    assert_snapshot!(format!("{other}\n{none}"), @"
    error: this is not where run [RUN] was started: `account` is `test`, and was `prod`; switch back (kubectl context, AWS profile), then try again
    error: this is not where run [RUN] was started: `account` is `test`, and was `prod`; switch back (kubectl context, AWS profile), then try again
    error: whom this run is about to change could not be told: `target.account`: `cat account`: it exited with 1: cat: account: No such file or directory; nothing was run: see to it (log in, switch the context), then type the same again
    error: whom this run is about to change could not be told: `target.account`: `cat account`: it exited with 1: cat: account: No such file or directory; nothing was run: see to it (log in, switch the context), then type the same again
    ");
    assert_eq!(events(&project), before);
    project.write("account", "prod\n");
    project.run(&["rollback", "--yes", "--approve", "two"]).code(0);
}

#[test]
fn the_new_file_is_taken_for_what_has_not_begun() {
    let project = wide();
    let now = WIDE.replace("echo end >>", "echo other >>").replace("test -e repaired", "test -e mended")
        + "  - {id: more, run: [touch, more], irreversible: it stays}\nfinally:\n  - {id: tell, run: [touch, told], effect: read}\n";
    project.write("runbooks/wide.yaml", now);
    project.write("runbooks/sizes.yaml", "{a: 3, c: 4}\n");
    project.write("repaired", "");
    let shown = project.run(&["resume", "--latest"]).code(0).to_string();
    let (stdout, stderr) = shown.split_once("--- stderr\n").expect("something is told");
    assert_snapshot!(stderr, @"
    run [RUN]: wide, begun [AT], failed
    taken anew, for what has not begun:
      end: shell changed
      more: added
      tell: added
      data sizes: a 1 → 3, b 2 removed, c 4 added
      scale: changed in the file, and stays as it was: it has begun
    ");
    assert!(
        stdout.contains(
            "run [RUN]: what has not begun is taken anew, by ann@[HOST]: end: shell changed; more: added"
        ),
        "{stdout}"
    );
    assert_eq!(sent(&project), ["a=1", "b=2", "b=2", "other"], "`scale` went on as it was started");
    assert!(project.has("more") && project.has("told"));
    let run = project.newest();
    project.run(&["verify", &run]).code(0);
    assert!(project.run(&["status", &run]).to_string().contains("✓ more"));
    project.run(&["rollback", "--yes", "--approve", "more"]).code(0);
    assert_eq!(sent(&project)[4..], ["back b", "back a"]);
}

#[test]
fn a_failed_step_is_taken_anew_when_it_is_undone_by_the_same_words() {
    let project = wide();
    let typo = "
runbook: typo
title: Typo
steps:
  - {id: one, shell: 'echo one >> sent', rollback: {shell: 'echo back one >> sent'}}
  - {id: two, shell: 'ehco two >> sent', rollback: {shell: 'echo back two >> sent'}}
";
    project.write("runbooks/typo.yaml", typo);
    project.run(&["exec", "typo"]).code(1);
    project.write("runbooks/typo.yaml", typo.replace("ehco", "echo"));
    project.write("sent", "");
    project.run(&["resume", "--latest"]).code(0);
    assert_eq!(sent(&project), ["two"]);
    project.run(&["rollback", "--yes"]).code(0);
    assert_eq!(sent(&project), ["two", "back two", "back one"]);
}

#[test]
fn a_file_that_does_not_fit_what_has_begun_is_not_taken() {
    let project = wide();
    let before = events(&project);
    let said = |text: &str, sizes: &str, arguments: &[&str]| {
        project.write("runbooks/wide.yaml", text);
        project.write("runbooks/sizes.yaml", sizes);
        let shown = project.run(arguments).code(2).to_string();
        shown.lines().filter(|line| !line.starts_with(['$', '-'])).collect::<Vec<_>>().join("\n")
    };
    let sizes = "{a: 1, b: 2}";
    let latest = ["resume", "--latest"];
    let look = "  - {id: look, run: 'true', effect: read}\n";
    let reading = WIDE
        .replace("echo end >>", "echo {{ steps.look.outputs.x }} >>")
        .replace("id: look, ", "id: look, outputs: {x: stdout}, ");
    assert_snapshot!(
        [
            said(&WIDE.replace(look, ""), "{a: 1, b: 3}", &latest),
            said(&reading, sizes, &latest),
            said(&WIDE.replace("data:", "lock: all\nprotect: 'true'\ndata:"), sizes, &latest),
            said(&WIDE.replace("steps:", "step:"), sizes, &latest),
            said(WIDE, sizes, &["resume", "--var", "size=3"]),
        ]
        .join("\n"),
        @"
    run [RUN]: wide, begun [AT], failed
    error: the run can't take the new file: `look` has begun, and the new file has no such step
     hint: without --latest the run goes on as it was started; or undo it (`runbook rollback [RUN]`) and start it anew
    run [RUN]: wide, begun [AT], failed
    error: the run can't take the new file: `end` reads `steps.look.outputs.x`, and `look` has begun, as it was then: without that output
     hint: without --latest the run goes on as it was started; or undo it (`runbook rollback [RUN]`) and start it anew
    run [RUN]: wide, begun [AT], failed
    error: the run can't take the new file:
      the run would need the lock `all`, and was started with none
      the run would be protected (true), and was started without being confirmed
     hint: without --latest the run goes on as it was started; or undo it (`runbook rollback [RUN]`) and start it anew
    run [RUN]: wide, begun [AT], failed
    error[RB0101]: a runbook has no key `step`
     --> runbooks/wide.yaml:5:1
      |
    5 | step:
      | ^^^^ did you mean `steps`?
      |
      = help: write it as in `steps: [{id: hello, run: echo hello, effect: read}]`

    1 error
    more about it: runbook explain RB0101
    run [RUN]: wide, begun [AT], failed
    error[RB0502]: `--var size=…`: this runbook has no var `size`
     |
     = help: it takes no vars

    1 error
    more about it: runbook explain RB0502
    "
    );
    assert_eq!(events(&project), before, "nothing was written");
    project.write("runbooks/wide.yaml", WIDE);
    assert_snapshot!(project.run(&["resume", "--latest"]).code(1).to_string().split_once("--- stderr\n").expect("is told").1, @"
    run [RUN]: wide, begun [AT], failed
    nothing is taken anew: the run goes on as it was started
    --- exit status: 1
    ");
}

#[test]
fn a_var_is_given_anew_where_nothing_that_has_begun_reads_it() {
    let text = "
runbook: given
title: Given
vars:
  who: {type: string}
  what: {type: string, default: a}
  key: {type: secret, from: {env: KEY}, required: false}
let: {whole: '{{ what }}!'}
steps:
  - {id: one, shell: 'echo one {{ who }} >> sent', rollback: {shell: 'echo back {{ who }} >> sent'}}
  - {id: two, run: [test, -e, repaired], effect: read}
  - {id: three, shell: 'echo {{ whole }} >> sent', env: {K: \"{{ key | default('') }}\"}, rollback: {shell: 'echo back {{ what }} >> sent'}}
";
    let project = Project::new().file("runbooks/given.yaml", text);
    project.run(&["exec", "given", "--var", "who=ann"]).code(1);
    let before = events(&project);
    assert_snapshot!(project.run(&["resume", "--var", "who=ben"]), @"
    $ runbook resume --var who=ben
    --- stderr
    run [RUN]: given, begun [AT], failed
    error: the run can't take the new value: `one` has begun and reads `who`, whose value would change: what is left of it, or its undo, would not fit what it did
     hint: without --var the run goes on as it was started; or undo it (`runbook rollback [RUN]`) and start it anew
    --- exit status: 2
    ");
    assert_snapshot!(project.run(&["resume", "--var", "waht=b"]), @"
    $ runbook resume --var waht=b
    --- stderr
    run [RUN]: given, begun [AT], failed
    error[RB0502]: `--var waht=…`: this runbook has no var `waht`
     |
     = help: did you mean `what`?

    1 error
    more about it: runbook explain RB0502
    --- exit status: 2
    ");
    assert_eq!(events(&project), before);
    project.write("repaired", "");
    let shown = project.run(&["resume", "--var", "what=b"]).code(0).to_string();
    assert_snapshot!(shown.split_once("--- stderr\n").expect("is told").1, @"
    run [RUN]: given, begun [AT], failed
    taken anew, for what has not begun:
      var what: a → b
      let whole: a! → b!
    ");
    assert_eq!(sent(&project), ["one ann", "b!"]);
    project.run(&["rollback", "--yes"]).code(0);
    assert_eq!(sent(&project), ["one ann", "b!", "back b", "back ann"]);
}

#[test]
fn a_secret_that_the_new_file_wants_is_asked_for() {
    let project = wide();
    let now = WIDE
        .replace("data:", "vars: {key: {type: secret, from: {env: KEY}}}\ndata:")
        .replace("{id: end, shell: 'echo end", "{id: end, env: {K: '{{ key }}'}, shell: 'echo $K");
    project.write("runbooks/wide.yaml", now);
    project.write("repaired", "");
    let shown = project.run(&["resume", "--latest"]).code(2).to_string();
    assert!(shown.contains("the var `key` is missing"), "{shown}");
    project.run(&["resume"]).code(0);
    assert_eq!(sent(&project), ["a=1", "b=2", "b=2", "end"], "without --latest nobody asks for it");
}

#[test]
fn the_newest_of_several_is_named_with_the_others() {
    let project = wide();
    let first = project.newest();
    project.run(&["exec", "wide"]).code(1);
    let second = project.newest();
    let output = project.command(&["resume"]).output().expect("the binary can be run");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut lines = stderr.lines();
    assert!(
        lines.next().is_some_and(|line| line.starts_with(&format!("run {second}: wide, begun "))),
        "{stderr}"
    );
    assert_eq!(lines.next(), Some(format!("unfinished too: {first} (wide)").as_str()));
}

#[test]
fn an_output_that_a_person_did_not_give_is_told_where_it_is_read() {
    let text = "
runbook: read
title: Read
steps:
  - {id: one, shell: 'false', outputs: {name: stdout | trim}, irreversible: it only prints}
  - {id: two, run: 'echo {{ steps.one.outputs.name }}', effect: read}
";
    let project = Project::new().file("runbooks/read.yaml", text);
    project.run(&["exec", "read"]).code(1);
    let shown = project.run(&["resume", "--done", "one", "--reason", "by hand"]).code(1).to_string();
    let said = "two reads steps.one.outputs.name, which one does not have then: it will fail there";
    assert!(shown.contains(said), "{shown}");
    let line = shown.lines().find(|line| line.contains("two FAILED")).unwrap_or_default();
    assert_snapshot!(line.split_once("FAILED").unwrap_or_default().1, @" after [TOOK]: `steps.one.outputs` has no `name` (runbooks/read.yaml:6)");
}

#[test]
fn a_run_that_is_over_is_not_resumed_and_any_other_is() {
    let text = "
runbook: ends
title: Ends
vars: {how: {type: string}}
steps:
  - {id: one, run: [touch, one], rollback: {run: [rm, one]}}
  - {id: two, shell: 'test {{ how }} = ok', irreversible: it only looks}
";
    // How it ends, what is done with it first, and the code of two resumes after that.
    for (how, first, codes) in
        [("ok", None, [2, 2]), ("broken", None, [1, 1]), ("broken", Some("rollback"), [2, 2])]
    {
        let project = Project::new().file("runbooks/ends.yaml", text);
        project.run(&["exec", "ends", "--var", &format!("how={how}")]);
        let run = project.newest();
        if let Some(verb) = first {
            project.run(&[verb, &run, "--yes", "--approve", "two"]).code(0);
        }
        for code in codes {
            let before = events(&project);
            project.run(&["resume", &run]).code(code);
            assert_eq!(events(&project) == before, code == 2, "{how} {first:?}");
        }
        for flag in ["--latest", "--var=how=ok"] {
            let before = events(&project);
            let shown = project.run(&["resume", &run, flag]);
            if codes[0] == 2 {
                shown.code(2);
                assert_eq!(events(&project), before);
            }
        }
        project.run(&["verify", &run]).code(0);
    }
}
