//! Guards, gates whose answer is good for a while, locks of steps, limits, and what a failed step does: end to end.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use runbook::journal::{Filter, Store};
use runbook::machine::{Event, Stage};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::project::{Project, Shown};

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn read(project: &Project, path: &str) -> String {
    std::fs::read_to_string(project.root().join(path)).unwrap_or_default()
}

/// Returns the events of the newest run; none before there is one.
fn events(project: &Project) -> Vec<Event> {
    let Ok(store) = Store::open_read_only(project.journal()) else { return Vec::new() };
    let Some(newest) = store.runs(&Filter::default()).expect("runs").into_iter().next() else {
        return Vec::new();
    };
    store.load(&newest.id).expect("the run").records.into_iter().map(|record| record.event).collect()
}

fn begin(project: &Project, arguments: &[&str]) -> Child {
    let mut command = project.command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary can be run")
}

fn end(project: &Project, engine: Child, arguments: &[&str]) -> Shown {
    let output = engine.wait_with_output().expect("it ends");
    project.shown(arguments, &output)
}

fn kill(engine: &mut Child, signal: Signal) {
    let pid = Pid::from_raw(engine.id().cast_signed()).expect("a process has a number");
    kill_process(pid, signal).expect("the engine can be told");
}

/// A change that goes on until it is told, guarded by a file, beside another that nobody guards.
const GUARDED: &str = r#"
runbook: guarded
title: A rollout that is watched
steps:
  - id: roll
    shell: 'trap "echo stopped >> log; exit 9" TERM; echo begun >> log; while [ ! -e go ]; do sleep 0.02; done; echo whole >> log'
    retry: {attempts: 3}
    on_interrupt: rerun
    guard: {run: cat errors, pass: "stdout | trim | int < 5", every: 20ms}
    rollback: {run: "sh -c 'echo undone >> log'"}
  - id: beside
    needs: []
    shell: 'while [ ! -e stop_beside ]; do sleep 0.02; done; echo beside >> log'
    idempotent: true
    rollback: {run: "true"}
  - id: after
    needs: [roll]
    run: touch after
    irreversible: It only writes.
"#;

#[test]
fn a_guard_stops_its_action_and_the_step_has_failed() {
    let project = Project::new().file("runbooks/guarded.yaml", GUARDED).file("errors", "2");
    let exec = ["exec", "guarded"];
    let engine = begin(&project, &exec);
    wait_until("the action began", || read(&project, "log").contains("begun"));
    wait_until("the guard answered", || {
        events(&project)
            .iter()
            .any(|event| matches!(event, Event::Polled { leaf, .. } if leaf.stage == Stage::Guard))
    });
    let status = project.run(&["status"]).code(0).to_string();
    assert!(status.contains("its guard holds: 2"), "{status}");
    project.write("errors", "7");
    wait_until("the action was stopped", || read(&project, "log").contains("stopped"));
    project.write("stop_beside", "");
    let shown = end(&project, engine, &exec).code(1).to_string();
    assert!(shown.contains("roll guarded by: cat errors"), "{shown}");
    assert!(shown.contains("its guard does not hold: 7"), "{shown}");
    assert_eq!(read(&project, "log"), "begun\nstopped\nbeside\n", "once, and what runs beside it is let be");
    assert!(!project.has("after"));

    // It was begun, so it is undone.
    project.run(&["rollback", "--yes"]).code(0);
    assert!(read(&project, "log").ends_with("undone\n"), "{}", read(&project, "log"));
}

#[test]
fn a_guard_that_can_not_tell_is_no_answer() {
    let project = Project::new().file("runbooks/guarded.yaml", GUARDED).file("stop_beside", "");
    let exec = ["exec", "guarded"];
    let engine = begin(&project, &exec);
    // There is no file `errors`, so `cat` fails, again and again.
    wait_until("the guard could not tell", || {
        events(&project)
            .iter()
            .any(|event| matches!(event, Event::Polled { leaf, .. } if leaf.stage == Stage::Guard))
    });
    project.write("go", "");
    let shown = end(&project, engine, &exec).code(0).to_string();
    assert!(shown.contains("its guard could not tell"), "{shown}");
    assert_eq!(read(&project, "log").matches("whole").count(), 1);

    let given = GUARDED.replace("every: 20ms", "every: 20ms, within: 100ms");
    let project = Project::new().file("runbooks/guarded.yaml", given).file("stop_beside", "");
    let shown = project.run(&exec).code(1).to_string();
    assert!(shown.contains("FAILED after [TOOK]: its guard could not tell: it exited with 1"), "{shown}");
}

#[test]
fn no_poll_of_a_guard_outlives_the_run() {
    let text = r#"
runbook: guarded
title: A guard that hangs
steps:
  - id: roll
    shell: 'while [ ! -e asked ]; do sleep 0.02; done'
    effect: read
    guard: {shell: 'echo $$ > asked; exec sleep 60', pass: exit_code == 0}
"#;
    let project = Project::new().file("runbooks/guarded.yaml", text);
    let began = Instant::now();
    project.run(&["exec", "guarded"]).code(0);
    assert!(began.elapsed() < Duration::from_secs(30), "it is stopped, and not waited for");
    let pid = read(&project, "asked");
    assert!(!std::path::Path::new(&format!("/proc/{}", pid.trim())).exists(), "{pid} is still there");
}

#[test]
fn a_guarded_action_cut_off_in_the_middle_is_in_doubt_and_guarded_anew() {
    let project =
        Project::new().file("runbooks/guarded.yaml", GUARDED).file("errors", "2").file("stop_beside", "");
    let mut engine = begin(&project, &["exec", "guarded"]);
    wait_until("the action began", || read(&project, "log").contains("begun"));
    kill(&mut engine, Signal::KILL);
    engine.wait().expect("it is gone");
    project.write("go", "");
    let shown = project.run(&["resume"]).code(0).to_string();
    assert!(shown.contains("in doubt") && shown.matches("guarded by").count() == 1, "{shown}");
    assert!(project.has("after"), "{shown}");
}

/// A gate whose answer is good for a moment, time that passes, and a change.
const FRESH: &str = r#"
runbook: fresh
title: A look, a while, a change
steps:
  - id: look
    gate: {shell: 'echo x >> polls; cat state', pass: "stdout | trim == 'good'", valid_for: 50ms}
  - id: while
    wait: 400ms
  - id: change
    run: touch changed
    irreversible: It only writes.
"#;

#[test]
fn a_gate_whose_answer_is_old_is_asked_again_before_what_needs_it() {
    let project = Project::new().file("runbooks/fresh.yaml", FRESH).file("state", "good");
    let shown = project.run(&["exec", "fresh"]).code(0).to_string();
    assert!(shown.contains("look is asked again before what needs it begins"), "{shown}");
    assert_eq!(read(&project, "polls"), "x\nx\n");

    let project = Project::new()
        .file(
            "runbooks/fresh.yaml",
            FRESH.replace("wait: 400ms", "shell: 'echo bad > state; sleep 0.4'\n    effect: read"),
        )
        .file("state", "good");
    // Behind a step that does something the gate is needed only by who says so.
    project.run(&["exec", "fresh"]).code(0);
    assert!(project.has("changed"));
    let project = Project::new()
        .file(
            "runbooks/fresh.yaml",
            FRESH
                .replace("wait: 400ms", "shell: 'echo bad > state; sleep 0.4'\n    effect: read")
                .replace("  - id: change", "  - id: change\n    needs: [look, while]"),
        )
        .file("state", "good");
    let shown = project.run(&["exec", "fresh"]).code(1).to_string();
    assert!(shown.contains("look failed: the gate does not hold: bad"), "{shown}");
    assert!(!project.has("changed"), "{shown}");
}

#[test]
fn while_nobody_was_there_an_answer_grows_old() {
    let text = FRESH.replace("wait: 400ms", "approve: Go on?").replace("50ms", "1h");
    let project = Project::new().file("runbooks/fresh.yaml", text).file("state", "good");
    project.run(&["exec", "fresh"]).code(3);
    project.write("state", "bad");
    let run = project.newest();
    let shown = project.run(&["resume", &run, "--approve", "while"]).code(1).to_string();
    assert!(shown.contains("look failed: the gate does not hold: bad"), "{shown}");
    assert!(!project.has("changed"), "{shown}");
    project.write("state", "good");
    project.run(&["resume", &run]).code(0);
    assert!(project.has("changed"));
    let events = events(&project);
    let count = |wanted: fn(&Event) -> bool| events.iter().filter(|event| wanted(event)).count();
    assert_eq!(count(|event| matches!(event, Event::Reopened { .. })), 1, "the second time it had failed");
    assert_eq!(count(|event| matches!(event, Event::Answered { .. })), 1, "nobody is asked twice");
}

/// Says `good` from the second poll on, but for the fourth (`bad`) and the fifth (no answer at all).
const HELD: &str = r#"
runbook: held
title: Watching an event
steps:
  - id: watch
    gate:
      shell: |
        echo x >> polls
        case $(wc -l < polls) in 1|4) echo bad;; 5) exit 7;; *) echo good;; esac
      pass: "stdout | trim == 'good'"
      every: 20ms
      hold: 2s
      within: 20s
"#;

#[test]
fn a_gate_that_must_go_on_holding_begins_anew_with_each_answer_that_is_not_yes() {
    let project = Project::new().file("runbooks/held.yaml", HELD);
    let began = Instant::now();
    let shown = project.run(&["exec", "held", "--format", "json"]).code(0);
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    // What was said, in the order in which it changed; and after the last `holds` it did for the whole time.
    let said: Vec<String> = events(&project)
        .iter()
        .filter_map(|event| match event {
            Event::Polled { verdict, .. } | Event::Judged { verdict, .. } => Some(format!("{verdict:?}")),
            _ => None,
        })
        .collect();
    let could_not = "CouldNotTell(\"it exited with 7\")";
    assert_eq!(said, ["DoesNotHold", "Holds", "DoesNotHold", could_not, "Holds", "Holds"], "{shown}");
    let events = events(&project);
    let Some(Event::Judged { polls, .. }) = events.iter().find(|event| matches!(event, Event::Judged { .. }))
    else {
        panic!("{shown}")
    };
    assert!(*polls >= 7, "{polls} polls");
}

#[test]
fn a_gate_that_holds_and_then_does_not_has_failed_where_it_may_not_come_back() {
    let text = HELD.replace("      within: 20s\n", "").replace("1|4)", "3)");
    let project = Project::new().file("runbooks/held.yaml", text);
    let shown = project.run(&["exec", "held"]).code(1).to_string();
    assert!(shown.contains("the gate does not hold: bad"), "{shown}");
}

/// A `for_each` over what only the run knows.
const MANY: &str = r#"
runbook: many
title: As many as there are
limits: {instances: 3}
steps:
  - id: first
    run: touch first
    rollback: {run: rm first}
  - id: ask
    run: cat these
    effect: read
    outputs: {names: "lines"}
  - id: each
    for_each: steps.ask.outputs.names
    run: touch each-{{ item }}
    rollback: {run: "rm each-{{ item }}"}
"#;

#[test]
fn a_for_each_that_grows_past_its_limit_stops_before_its_first_change() {
    let project = Project::new().file("runbooks/many.yaml", MANY).file("these", "a\nb\nc\nd\n");
    let shown = project.run(&["exec", "many"]).code(1).to_string();
    assert!(shown.contains("for_each comes to 4 instances, and limits.instances is 3"), "{shown}");
    assert!(!project.has("each-a") && project.has("first"), "{shown}");
    // What it is of was read by a step that is over: the run goes back, or on without it.
    project.run(&["resume"]).code(1);
    assert!(!project.has("each-a"));
    project.run(&["rollback", "--yes"]).code(0);
    assert!(!project.has("first"));

    let project = Project::new().file("runbooks/many.yaml", MANY).file("these", "a\nb\nc\n");
    project.run(&["exec", "many"]).code(0);
    assert!(project.has("each-c"));
    let now = MANY.replace("steps.ask.outputs.names", "['a', 'b', 'c', 'd']");
    let project = Project::new().file("runbooks/many.yaml", now).file("these", "");
    project.run(&["exec", "many"]).code(2);
    assert!(!project.has("first"), "what is known before is told before");
}

/// Two steps beside each other, of which one fails, and one after each.
fn failing(own: &str, of_runbook: &str) -> Project {
    let text = format!(
        r#"
runbook: failing
title: One of two fails
on_failure: {of_runbook}
steps:
  - id: good
    run: sh -c 'echo good >> log'
    rollback: {{run: "sh -c 'echo undo-good >> log'"}}
  - id: bad
    run: sh -c 'echo bad >> log; test -e mended'
    {own}
    rollback: {{run: "sh -c 'echo undo-bad >> log'"}}
  - id: after
    needs: [bad]
    run: sh -c 'echo after >> log'
    irreversible: It only writes.
  - id: aside
    needs: [good]
    shell: 'while ! grep -q bad log; do sleep 0.02; done; sleep 0.5; echo aside >> log'
    rollback: {{run: "sh -c 'echo undo-aside >> log'"}}
  - id: later
    needs: [aside]
    run: sh -c 'echo later >> log'
    rollback: {{run: "sh -c 'echo undo-later >> log'"}}
"#
    );
    Project::new().file("runbooks/failing.yaml", text)
}

#[test]
fn a_step_says_itself_what_its_failure_does() {
    for (own, of_runbook) in [("on_failure: pause", "rollback"), ("", "pause")] {
        let project = failing(own, of_runbook);
        project.run(&["exec", "failing"]).code(1);
        assert_eq!(
            read(&project, "log"),
            "good\nbad\naside\n",
            "nothing more is started, what runs may finish"
        );
        project.write("mended", "");
        project.run(&["resume"]).code(0);
        let log = read(&project, "log");
        assert!(log.contains("after\n") && log.contains("later\n"), "{log}");
    }
    for (own, of_runbook) in [("on_failure: rollback", "pause"), ("", "rollback")] {
        let project = failing(own, of_runbook);
        project.run(&["exec", "failing"]).code(4);
        let log = read(&project, "log");
        assert!(log.starts_with("good\nbad\naside\n") && !log.contains("later"), "{log}");
        for undone in ["undo-aside\n", "undo-bad\n", "undo-good\n"] {
            assert_eq!(log.matches(undone).count(), 1, "{log}");
        }
        assert!(log.ends_with("undo-good\n"), "the first is undone last: {log}");
    }
    let project = failing("on_failure: continue", "pause");
    project.run(&["exec", "failing"]).code(1);
    assert_eq!(read(&project, "log"), "good\nbad\naside\nlater\n", "all but what needs it");
    project.write("mended", "");
    project.run(&["resume"]).code(0);
    assert_eq!(read(&project, "log"), "good\nbad\naside\nlater\nbad\nafter\n");
}

/// A step that holds a lock until it is told to end.
const LOCKED: &str = r#"
runbook: locked
title: One at a time
vars: {name: {type: string}}
steps:
  - id: use
    lock: "db/{{ 'one' }}"
    shell: 'echo "{{ name }} in" >> log; while [ ! -e go-{{ name }} ]; do sleep 0.02; done; test ! -e fail-{{ name }}; echo "{{ name }} out" >> log'
    on_interrupt: rerun
    rollback: {run: "sh -c 'echo undone >> log'"}
"#;

/// Returns who holds the step's lock now.
fn holder(project: &Project) -> Option<String> {
    let store = Store::open_read_only(project.journal()).ok()?;
    store.lock("db/one").expect("the journal can be read").map(|held| held.run.to_string())
}

fn awaits(project: &Project) -> bool {
    events(project).iter().any(|event| matches!(event, Event::AwaitsLock { .. }))
}

#[test]
fn a_step_waits_for_the_lock_that_a_step_of_another_run_has() {
    let project = Project::new().file("runbooks/locked.yaml", LOCKED);
    let (a, b) = (["exec", "locked", "--var", "name=a"], ["exec", "locked", "--var", "name=b"]);
    let first = begin(&project, &a);
    wait_until("the first holds the lock", || read(&project, "log") == "a in\n");
    let holds = holder(&project).expect("it holds the lock");
    let second = begin(&project, &b);
    wait_until("the second waits", || awaits(&project));
    let status = project.run(&["status"]).code(0);
    assert!(status.stdout.contains(&format!("db/one, held by run {holds} of ann@")), "{status}");
    assert!(status.stdout.contains("waits for a lock"), "{status}");
    project.write("go-b", "");
    assert_eq!(read(&project, "log"), "a in\n");
    project.write("go-a", "");
    end(&project, first, &a).code(0);
    let shown = end(&project, second, &b).code(0).to_string();
    assert!(
        shown.contains("use waits for the lock `db/one`, held by run [RUN] of ann@[HOST] since [AT]"),
        "{shown}"
    );
    assert_eq!(read(&project, "log"), "a in\na out\nb in\nb out\n");
    assert_eq!(holder(&project), None);
}

#[test]
fn who_waits_for_a_lock_can_be_cancelled_and_what_failed_keeps_it_until_it_is_undone() {
    let project = Project::new()
        .file("runbooks/locked.yaml", LOCKED)
        .file("fail-a", "")
        .file("go-a", "")
        .file("go-b", "");
    project.run(&["exec", "locked", "--var", "name=a"]).code(1);
    let failed = project.newest();
    assert_eq!(holder(&project).as_ref(), Some(&failed), "nobody knows what it left behind");
    let b = ["exec", "locked", "--var", "name=b"];
    let mut second = begin(&project, &b);
    wait_until("the second waits", || project.newest() != failed && awaits(&project));
    kill(&mut second, Signal::INT);
    end(&project, second, &b).code(130);
    let waited = project.newest();
    project.run(&["rollback", &failed, "--yes"]).code(0);
    assert_eq!(holder(&project), None);
    project.run(&["resume", &waited]).code(0);
    assert_eq!(read(&project, "log"), "a in\nundone\nb in\nb out\n");
}

#[test]
fn a_dead_engine_keeps_the_lock_for_its_run_and_resume_gives_it_back() {
    let project = Project::new().file("runbooks/locked.yaml", LOCKED);
    let mut engine = begin(&project, &["exec", "locked", "--var", "name=a"]);
    wait_until("the action began", || read(&project, "log") == "a in\n");
    kill(&mut engine, Signal::KILL);
    engine.wait().expect("it is gone");
    let run = project.newest();
    assert_eq!(holder(&project).as_ref(), Some(&run), "it is in doubt");
    project.write("go-a", "");
    project.run(&["resume", &run]).code(0);
    assert_eq!(holder(&project), None);
}

#[test]
fn two_runs_that_would_wait_for_each_other_for_ever_do_not() {
    let text = |own: &str, other: &str| {
        format!(
            "runbook: {own}\ntitle: {own}\nlock: {own}\nsteps:\n  - id: begin\n    shell: 'touch {own}; while [ ! -e {other} ]; do sleep 0.02; done'\n    effect: read\n  - id: use\n    lock: {other}\n    run: touch used-{own}\n    rollback: {{run: rm used-{own}}}\n"
        )
    };
    let project =
        Project::new().file("runbooks/x.yaml", text("x", "y")).file("runbooks/y.yaml", text("y", "x"));
    let mut engines = [["exec", "x"], ["exec", "y"]].map(|exec| (begin(&project, &exec), exec));
    wait_until("one of them gives up", || {
        engines.iter_mut().any(|(engine, _)| engine.try_wait().expect("it is ours").is_some())
    });
    // The other waits for the lock of a run that is paused: that one can be rolled back, or this one let go.
    for (engine, _) in &mut engines {
        if engine.try_wait().expect("it is ours").is_none() {
            kill(engine, Signal::INT);
        }
    }
    let shown = engines.map(|(engine, exec)| end(&project, engine, &exec).to_string());
    let told = shown.iter().filter(|shown| shown.contains("neither would ever end")).count();
    assert!(told >= 1, "{shown:#?}");
}

#[test]
fn a_gate_that_is_asked_anew_tells_what_it_sees_though_it_is_what_it_saw_before() {
    let project = Project::new().file(
        "runbooks/ready.yaml",
        "runbook: ready\ntitle: Wait\nsteps:\n  - id: ready\n    \
         gate: {run: [echo, '7'], pass: stdout | int >= 10, every: 5ms, within: 100ms}\n",
    );
    project.run(&["exec", "ready"]).code(1);
    project.run(&["resume"]).code(1);
    let polled: Vec<(u32, String)> = events(&project)
        .into_iter()
        .filter_map(|event| match event {
            Event::Polled { leaf, seen, .. } => Some((leaf.attempt, seen)),
            _ => None,
        })
        .collect();
    assert_eq!(polled, [(1, "7".to_owned()), (2, "7".to_owned())]);
}
