//! Whom a run is about to change is looked at again whenever somebody has it go on or back: by a verb, at the prompt of a
//! failed step, in the background, or taken from an engine that lives.

use std::sync::Arc;
use std::time::Duration;

use runbook::journal::{Filter, Store};
use runbook::machine::{Graph, Judge, READ_TIMEOUT, RunFacts};
use runbook::template::Engine;

use crate::support::live::{Live, spawned};
use crate::support::project::Project;
use crate::support::terminal::Terminal;

const AIMED: &str = r#"
runbook: aimed
title: Aimed
target: {account: [cat, account]}
steps:
  - {id: one, run: touch one, rollback: {run: rm one}}
  - {id: two, shell: 'until [ -e go ]; do sleep 0.05; done; echo tried >> tries; [ -e mended ]', irreversible: It only looks.}
"#;

const OTHER: &str = "`account` is `test`, and was `prod`; switch back";

fn aimed() -> Project {
    Project::new().file("runbooks/aimed.yaml", AIMED).file("account", "prod\n")
}

fn tries(project: &Project) -> usize {
    std::fs::read_to_string(project.root().join("tries")).unwrap_or_default().lines().count()
}

/// The prompt may have stood there for hours, and the context may have been switched in another terminal.
#[test]
fn what_is_chosen_at_the_prompt_is_not_done_to_another_target() {
    for (keys, gone) in [("r\n", false), ("s\n", false), ("b\n", false), ("b\n", true)] {
        let project = aimed().file("go", "");
        let mut terminal = Terminal::start(&project.command(&["exec", "aimed"]));
        terminal.wait_for("What now?");
        match gone {
            true => std::fs::remove_file(project.root().join("account")).expect("it is there"),
            false => project.write("account", "test\n"),
        }
        terminal.keys(keys);
        match keys {
            "s\n" => {
                terminal.wait_for("Why?");
                terminal.keys("not needed\n");
            }
            "b\n" => {
                terminal.wait_for("Undo this? [y/N] ");
                terminal.keys("y\n");
            }
            _ => {}
        }
        let (code, screen) = terminal.end();
        let told = screen.split_whitespace().collect::<Vec<_>>().join(" ");
        let wanted = if gone { "whom this run is about to change could not be told" } else { OTHER };
        assert!(told.contains(wanted), "{keys:?}: {screen}");
        assert_eq!(code, Some(1), "{keys:?}: {screen}");
        assert!(project.has("one") && tries(&project) == 1, "{keys:?}: nothing was done: {screen}");
        // It is left as it was, and goes on where it was started.
        project.write("account", "prod\n");
        project.write("mended", "");
        project.run(&["resume"]).code(0);
    }
}

#[test]
fn what_is_chosen_at_the_prompt_is_done_to_the_same_target() {
    let project = aimed().file("go", "");
    let mut terminal = Terminal::start(&project.command(&["exec", "aimed"]));
    terminal.wait_for("What now?");
    project.write("mended", "");
    terminal.keys("r\n");
    let (code, screen) = terminal.end();
    assert_eq!((code, tries(&project)), (Some(0), 2), "{screen}");
}

/// The engine that is fenced off would have been the one that changes the right place.
#[test]
fn a_run_is_not_taken_over_by_who_would_change_another_target() {
    let project = aimed().file("mended", "");
    let engine = Live::start(project.command(&["exec", "aimed"]));
    spawned(&project, "two");
    project.write("account", "test\n");
    let shown = project.run(&["resume", "--takeover", "--reason", "mine"]).code(2).to_string();
    assert!(shown.contains(OTHER), "{shown}");
    project.write("go", "");
    engine.ends_with(0);
}

#[test]
fn neither_is_a_run_resumed_in_the_background_or_with_the_latest_file() {
    let project = aimed().file("go", "");
    project.run(&["exec", "aimed"]).code(1);
    project.write("account", "test\n");
    project.write("runbooks/aimed.yaml", AIMED.replace("only looks", "looks"));
    for arguments in [&["resume", "--detach"][..], &["resume", "--latest"], &["rollback", "--yes"]] {
        let shown = project.run(arguments).code(2).to_string();
        assert!(shown.contains(OTHER), "{arguments:?}: {shown}");
    }
    // Nor by a file that says it is aimed elsewhere now.
    project.write("runbooks/aimed.yaml", AIMED.replace("[cat, account]", "[echo, prod]"));
    let shown = project.run(&["resume", "--latest"]).code(2).to_string();
    assert!(shown.contains(OTHER), "{shown}");
    assert_eq!(tries(&project), 1);
}

/// A login that hangs must not hang whoever wants to go on.
#[test]
fn whoever_is_asked_for_the_target_has_a_minute() {
    let project = aimed().file("go", "");
    project.run(&["exec", "aimed"]).code(1);
    let store = Store::open_read_only(project.journal()).expect("a journal");
    let run = store.runs(&Filter::default()).expect("runs").remove(0).id;
    let snapshot = store.load(&run).expect("the run").snapshot;
    let graph = Arc::new(Graph::of(&snapshot.runbook));
    let facts = RunFacts { id: run.to_string(), started_at: String::new(), operator: String::new() };
    let asked =
        Judge::new(Arc::new(Engine::new()), snapshot, graph, facts).target().expect("it can be asked");
    let limits: Vec<Option<Duration>> = asked.into_iter().map(|(_, command)| command.timeout).collect();
    assert_eq!((limits, READ_TIMEOUT), (vec![Some(READ_TIMEOUT)], Duration::from_secs(60)));
}

/// Where the target is asked in is part of the file, as `KUBECONFIG` is.
const PLACED: &str = r#"
runbook: placed
title: Placed
environment: {PLACE: account}
target: {account: [sh, -c, 'cat "$PLACE"']}
steps:
  - {id: one, run: touch one, rollback: {run: rm one}}
  - {id: two, shell: 'echo "$PLACE" >> tries; [ -e mended ]', effect: read}
"#;

fn placed(runbook: &str) -> Project {
    Project::new().file("runbooks/placed.yaml", runbook).file("account", "prod\n").file("other", "test\n")
}

#[test]
fn a_file_with_another_environment_is_asked_in_that_one_before_it_is_taken() {
    let project = placed(PLACED);
    project.run(&["exec", "placed"]).code(1);
    let elsewhere = PLACED.replace("PLACE: account", "PLACE: other");
    let gone = elsewhere.replace("target: {account: [sh, -c, 'cat \"$PLACE\"']}\n", "");
    let asked_otherwise = PLACED.replace("cat \"$PLACE\"", "cat other").replace("tries;", "tries; true;");
    for text in [&elsewhere, &gone, &asked_otherwise] {
        project.write("runbooks/placed.yaml", text);
        for more in [&[][..], &["--takeover", "--reason", "mine"]] {
            let shown = project.run(&[&["resume", "--latest"], more].concat()).code(2).to_string();
            assert!(shown.contains("`account` is `test`, and was `prod`"), "{shown}");
            assert!(shown.contains("without --latest and --var it goes on as it was started"), "{shown}");
        }
    }
    assert_eq!(tries(&project), 1, "nothing was run elsewhere");
    // The same place by another name is taken, and from then on looked at by both.
    project.write("runbooks/placed.yaml", &elsewhere);
    project.write("other", "prod\n");
    project.run(&["resume", "--latest"]).code(1);
    assert_eq!(tries(&project), 2);
    for file in ["other", "account"] {
        project.write(file, "test\n");
        for arguments in [&["resume"][..], &["resume", "--latest"], &["rollback", "--yes"]] {
            let shown = project.run(arguments).code(2).to_string();
            assert!(shown.contains("`account` is `test`, and was `prod`; switch back"), "{shown}");
        }
        project.write(file, "prod\n");
    }
    // A file with a third place leaves both to be looked at.
    project.write("runbooks/placed.yaml", PLACED.replace("PLACE: account", "PLACE: third"));
    project.write("third", "prod\n");
    project.run(&["resume", "--latest"]).code(1);
    project.write("other", "test\n");
    let shown = project.run(&["resume"]).code(2).to_string();
    assert!(shown.contains("`account` is `test`, and was `prod`; switch back"), "{shown}");
    project.write("other", "prod\n");
    project.write("mended", "");
    project.run(&["resume"]).code(0);
}

#[test]
fn neither_is_a_value_taken_that_aims_the_run_elsewhere() {
    let text = PLACED
        .replace("environment:", "vars: {place: {type: string, default: account}}\nenvironment:")
        .replace("PLACE: account", "PLACE: \"{{ place }}\"")
        .replace("touch one, rollback: {run: rm one}", "ls, effect: read");
    let project = placed(&text);
    project.run(&["exec", "placed"]).code(1);
    let shown = project.run(&["resume", "--var", "place=other"]).code(2).to_string();
    assert!(shown.contains("`account` is `test`, and was `prod`"), "{shown}");
    assert_eq!(tries(&project), 1);
}

/// That of an inner runbook is asked in the environment of those around it too.
#[test]
fn the_environment_of_an_outer_runbook_aims_the_inner_one() {
    const OUTER: &str = r#"
runbook: outer
title: Outer
vars: {place: {type: string, default: account}}
environment: {PLACE: "{{ place }}"}
steps:
  - {id: in, runbook: placed}
"#;
    let inner = PLACED.replace("environment: {PLACE: account}\n", "");
    let project = placed(&inner).file("runbooks/outer.yaml", OUTER);
    project.run(&["exec", "outer"]).code(1);
    let other = |place: &str| {
        let text = OUTER.replace("vars: {place: {type: string, default: account}}\n", "");
        project.write("runbooks/outer.yaml", text.replace("{{ place }}", place));
    };
    other("other");
    let shown = project.run(&["resume", "--latest"]).code(2).to_string();
    assert!(shown.contains("`in/account` is `test`, and was `prod`"), "{shown}");
    assert_eq!(tries(&project), 1);
    project.write("other", "prod\n");
    project.run(&["resume", "--latest"]).code(1);
    project.write("other", "test\n");
    let shown = project.run(&["resume"]).code(2).to_string();
    assert!(shown.contains("`in/account` is `test`, and was `prod`; switch back"), "{shown}");
}
