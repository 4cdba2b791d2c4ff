//! Hooks with the real binary: what each is told and when, and that none of them changes, holds up or outlives a run.

use std::time::{Duration, Instant};

use runbook::exec::find_by_env;
use runbook::machine::Event;
use runbook::model::Moment;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::live::{Live, records, stopped, wait_until};
use crate::support::project::Project;
use crate::support::terminal::{CTRL_Z, Terminal};

/// Every hook writes what it is told.
const ALL: &str = r#"
hooks:
  started: {shell: cat >> told}
  waiting: {shell: cat >> told}
  failed: {shell: cat >> told}
  stopped: {shell: cat >> told}
  finished: {shell: cat >> told}
  rolled_back: {shell: cat >> told}
"#;

fn project(hooks: &str, steps: &str) -> Project {
    let text = format!("runbook: r\ntitle: Hooked\n{hooks}\nsteps:\n{steps}\n");
    Project::new().file("runbooks/r.yaml", text)
}

/// Returns what the hooks were told, each a line.
fn told(project: &Project) -> Vec<Value> {
    let text = std::fs::read_to_string(project.root().join("told")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

fn words(project: &Project) -> Vec<String> {
    told(project).iter().map(|one| one["event"].as_str().expect("a word").to_owned()).collect()
}

/// Returns what the journal says of hooks that went wrong.
fn failures(project: &Project) -> Vec<(Moment, String)> {
    let of = |record: runbook::journal::Record| match record.event {
        Event::HookFailed { hook, why, .. } => Some((hook, why)),
        _ => None,
    };
    records(project).into_iter().filter_map(of).collect()
}

const CHANGE_AND_FAIL: &str = "
  - {id: change, run: touch changed, rollback: {run: rm changed}}
  - {id: break, title: Break it, run: \"sh -c 'echo it is broken; exit 4'\", effect: read}
";

#[test]
fn a_failure_and_what_comes_of_it_are_told_in_order_with_what_to_type() {
    let project = project(ALL, CHANGE_AND_FAIL);
    project.run(&["exec", "r", "--reason", "a test"]).code(1);
    project.run(&["rollback", "--yes"]).code(0);
    let told = told(&project);
    assert_eq!(words(&project), ["started", "failed", "rolled_back"]);
    let run = project.newest();
    for one in &told {
        assert_eq!((&one["version"], &one["run"], &one["runbook"]), (&json!(1), &json!(run), &json!("r")));
        assert_eq!((&one["operator"], &one["reason"]), (&json!("ann"), &json!("a test")));
    }
    let step = json!({
        "id": "break", "title": "Break it", "why": "it exited with 4", "exit_code": 4,
        "command": "sh -c 'echo it is broken; exit 4'", "output": ["it is broken"],
    });
    assert_eq!((&told[1]["step"], &told[1]["status"]), (&step, &json!("failed")));
    let next: Vec<&str> = told[1]["next"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["command"].as_str())
        .collect();
    for verb in ["resume", "rollback"] {
        assert!(next.contains(&format!("runbook {verb} {run}").as_str()), "{next:?}");
    }
    assert_eq!((&told[2]["complete"], &told[2]["status"]), (&json!(true), &json!("rolled-back")));
    let seqs: Vec<u64> = told.iter().filter_map(|one| one["seq"].as_u64()).collect();
    assert!(seqs.is_sorted_by(|a, b| a < b), "{seqs:?}");
}

#[test]
fn a_run_that_is_taken_up_again_is_not_told_to_have_started() {
    let project = project(ALL, "  - {id: only, run: test -e go, effect: read}");
    project.run(&["exec", "r"]).code(1);
    project.write("go", "");
    project.run(&["resume"]).code(0);
    assert_eq!(words(&project), ["started", "failed", "finished"]);
}

#[test]
fn a_hook_that_fails_is_a_warning_and_an_event() {
    let hooks = "hooks:\n  finished: {shell: 'echo no such host >&2; exit 7'}\n  started: ./not-there";
    let project = project(hooks, "  - {id: only, run: echo hi, effect: read}");
    let shown = project.run(&["exec", "r"]).code(0).to_string();
    assert_eq!(shown.matches("the hook `finished` went wrong").count(), 1, "{shown}");
    assert!(shown.contains("it exited with 7: no such host"), "{shown}");
    let failures = failures(&project);
    let hooks: Vec<Moment> = failures.iter().map(|(hook, _)| *hook).collect();
    assert_eq!(hooks, [Moment::Started, Moment::Finished], "{failures:?}");
    let run = project.newest();
    let status = project.run(&["status", &run]).code(0).to_string();
    assert!(status.contains("succeeded"), "{status}");
    project.run(&["verify", &run]).code(0);
}

#[test]
fn a_hook_that_hangs_holds_up_no_step_and_is_ended() {
    let hooks = "hooks:\n  started: {shell: 'sleep 600 & setsid sleep 600 & wait', timeout: 3s}\n  finished: {shell: cat >> told}";
    let project = project(hooks, "  - {id: only, run: touch ran, effect: read}");
    let began = Instant::now();
    let live = Live::start(project.command(&["exec", "r"]));
    wait_until("the step ran", || project.has("ran"));
    let said = live.ends_with(0);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert!(said.contains("the hook `started` went wrong") && said.contains("its time was up"), "{said}");
    assert_eq!(words(&project), ["finished"], "what the run came to is told all the same");
    assert_eq!(find_by_env(&[("RUNBOOK_RUN", &project.newest())]), []);
}

/// One that takes its time is not overtaken, unless it holds the next up for longer than a second.
#[test]
fn a_hook_begins_when_the_one_before_it_has_ended() {
    let hooks = "hooks:\n  started: {shell: 'sleep 0.2; cat >> told'}\n  finished: {shell: cat >> told}";
    for _ in 0..20 {
        let project = project(hooks, "  - {id: only, run: echo hi, effect: read}");
        let began = Instant::now();
        project.run(&["exec", "r"]).code(0);
        // On a machine that is too busy the whole may take longer, and tells nothing.
        if began.elapsed() < Duration::from_secs(1) {
            assert_eq!(words(&project), ["started", "finished"]);
            return;
        }
    }
}

/// Those that hang before it hold it up once, and not one after the other.
#[test]
fn the_last_notice_is_sent_whatever_hangs_before_it() {
    let hooks = "max_parallel: 30\nhooks:\n  waiting: {shell: 'cat >> told; sleep 600', timeout: 1s}";
    let asks: Vec<String> =
        (1..=30).map(|n| format!("  - {{id: s{n}, needs: [], approve: {{prompt: Go on?}}}}")).collect();
    let project = project(hooks, &asks.join("\n"));
    project.run(&["exec", "r"]).code(3);
    let last = told(&project).iter().any(|one| one["step"]["id"] == "s30");
    assert!(last, "{:#?}", told(&project));
    assert!(failures(&project).iter().any(|(_, why)| why.contains("the hooks before it took too long")));
}

#[test]
fn who_does_not_want_to_wait_for_a_hook_presses_ctrl_c() {
    let hooks = "hooks:\n  finished: {shell: 'touch begun; sleep 600', timeout: 5m}";
    let project = project(hooks, "  - {id: only, run: echo hi, effect: read}");
    let live = Live::start(project.command(&["exec", "r"]));
    wait_until("it waits", || project.has("begun") && live.said().contains("waits for its hooks: finished"));
    live.signal(Signal::INT);
    let said = live.ends_with(0);
    assert!(said.contains("it was stopped") && said.contains("succeeded"), "{said}");
    assert_eq!(find_by_env(&[("RUNBOOK_RUN", &project.newest())]), []);
}

#[test]
fn a_hook_may_print_a_million_lines_and_read_nothing() {
    let hooks = "hooks:\n  started: {shell: 'exec 0<&-; seq 1000000; seq 1000000 >&2', timeout: 1m}";
    let project = project(hooks, "  - {id: only, run: echo hi, effect: read}");
    let shown = project.run(&["exec", "r"]).code(0).to_string();
    assert!(!shown.contains("1000000") && !shown.contains("went wrong"), "{shown}");
    assert_eq!(failures(&project), []);
}

#[test]
fn a_secret_reaches_a_hook_by_its_environment_and_by_nothing_else() {
    // Somebody gave it to a var that is none, too.
    let hooks = "vars: {token: {type: secret, from: {env: TOKEN}}, label: {type: string, default: 'hunter2{\"x'}}\nhooks:\n  failed: {shell: 'cat >> told; printf %s \"$T\" > token; echo \"$T\" >&2; exit 1', env: {T: '{{ token }}'}}";
    let steps = "  - {id: only, shell: 'echo \"$T\"; exit 1', env: {T: '{{ token }}'}, effect: read}";
    let project = project(hooks, steps).env("TOKEN", "hunter2{\"x");
    let shown = project.run(&["exec", "r", "--reason", "it is hunter2{\"x"]).code(1).to_string();
    let told = std::fs::read_to_string(project.root().join("told")).expect("it was told");
    assert!(told.contains("•••"), "{told}");
    let token = std::fs::read_to_string(project.root().join("token")).expect("it was handed over");
    assert_eq!(token, "hunter2{\"x");
    // The first line is what was typed.
    let shown = shown.split_once('\n').expect("more than a line").1.to_owned();
    for text in [told, shown, format!("{:?}", failures(&project))] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_run_that_is_stopped_is_told_as_stopped() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let steps = "  - {id: long, shell: 'touch begun; while [ ! -e go ]; do sleep 0.02; done', effect: read}\n  - {id: after, run: echo hi, effect: read}";
        let project = project(ALL, steps);
        let live = Live::start(project.command(&["exec", "r"]));
        wait_until("it runs", || project.has("begun"));
        live.signal(signal);
        wait_until("it was heard", || live.said().contains("asked to stop"));
        project.write("go", "");
        live.ends_with(code);
        assert_eq!(words(&project), ["started", "stopped"]);
        assert_eq!(find_by_env(&[("RUNBOOK_RUN", &project.newest())]), []);
    }
}

const ASKS: &str = "
  - id: go
    title: The word
    approve: {prompt: Shall it?}
  - {id: act, run: echo acting, effect: read}
";

#[test]
fn a_question_is_told_once_however_often_it_is_looked_at() {
    let project = project(ALL, ASKS);
    project.run(&["exec", "r"]).code(3);
    project.run(&["resume"]).code(3);
    let told_of = told(&project);
    assert_eq!(words(&project), ["started", "waiting"]);
    let run = project.newest();
    assert_eq!(told_of[1]["question"], json!({"kind": "approval", "prompt": "Shall it?"}));
    assert_eq!(told_of[1]["step"], json!({"id": "go", "title": "The word"}));
    assert_eq!(told_of[1]["next"][0]["command"], json!(format!("runbook approve {run} go")));
    project.run(&["resume", "--approve", "go"]).code(0);
    assert_eq!(words(&project), ["started", "waiting", "finished"]);
}

#[test]
fn a_question_that_is_answered_as_it_is_asked_is_told_to_nobody() {
    let project = project(ALL, ASKS);
    project.run(&["exec", "r", "--approve", "go"]).code(0);
    assert_eq!(words(&project), ["started", "finished"]);
}

#[test]
fn a_run_in_the_background_tells_too() {
    let project = project(ALL, ASKS);
    project.run(&["exec", "r", "--detach"]).code(0);
    wait_until("somebody is told that it waits", || words(&project).len() == 2);
    project.run(&["approve", &project.newest(), "go"]).code(0);
    wait_until("somebody is told that it finished", || words(&project).len() == 3);
    assert_eq!(words(&project), ["started", "waiting", "finished"]);
}

#[test]
fn a_notice_that_a_crash_took_is_not_sent_later_and_none_is_sent_twice() {
    for (point, before) in
        [("hook:before", vec![]), ("hook:after", vec!["started"]), ("turn:decided", vec!["started"])]
    {
        let steps = "  - {id: only, run: echo hi, effect: read}";
        let project =
            project("hooks:\n  started: {shell: cat >> told}\n  finished: {shell: cat >> told}", steps);
        let mut command = project.command(&["exec", "r"]);
        let output = command.env("RUNBOOK_CRASH_AT", point).output().expect("it runs");
        assert_eq!(output.status.code(), None, "it was killed");
        // What was started before the crash may still be on its way.
        wait_until("the hooks ended", || find_by_env(&[("RUNBOOK_RUN", &project.newest())]).is_empty());
        let early = words(&project);
        assert!(early == before || early.is_empty(), "{early:?}");
        project.run(&["resume"]).code(0);
        assert_eq!(words(&project), [early, vec!["finished".to_owned()]].concat(), "{point}");
    }
}

#[test]
fn a_plan_says_who_is_told_of_what() {
    let project = project(
        "hooks: {rolled_back: cat, failed: {shell: cat}}",
        "  - {id: only, run: echo hi, effect: read}",
    );
    let plan = project.run(&["plan", "r"]).code(0).to_string();
    assert!(plan.contains("\n  rolled_back  cat\n") && plan.contains("\n  failed       cat\n"), "{plan}");
}

#[test]
fn the_hooks_of_the_project_are_run_beside_the_own_ones() {
    let catalog = "hooks:\n  finished: \"sh -c 'cat > shared-{{ run.name }}-{{ run.status }}'\"\n";
    let project =
        project("hooks:\n  finished: {shell: cat >> told}", "  - {id: only, run: echo hi, effect: read}")
            .file("runbooks/catalog.yaml", catalog);
    let plan = project.run(&["plan", "r"]).code(0).to_string();
    let show = project.run(&["show", "r"]).code(0).to_string();
    assert!(plan.contains("cat > shared-r-‹run.status›") && plan.contains("cat >> told"), "{plan}");
    assert!(show.contains("(of every runbook here)") && show.contains("cat >> told"), "{show}");
    assert_eq!(words(&project), [""; 0], "whoever only looks tells nobody");
    project.run(&["exec", "r"]).code(0);
    assert_eq!(words(&project), ["finished"]);
    assert!(project.has("shared-r-succeeded"));
}

#[test]
fn a_mistake_in_the_hooks_of_the_project_is_told_once_and_stops_every_run() {
    let catalog = "hooks:\n  failed: ./page.sh {{ env }}\n  finshed: ./tell.sh\n";
    let project = project("", "  - {id: only, run: echo hi, effect: read}")
        .file("runbooks/catalog.yaml", catalog)
        .file("runbooks/s.yaml", "runbook: s\ntitle: S\nsteps:\n  - {id: a, run: echo hi, effect: read}\n");
    let shown = project.run(&["check"]).code(2).to_string();
    assert_eq!(shown.matches("runbooks/catalog.yaml:2:").count(), 1, "{shown}");
    assert!(shown.contains("did you mean `finished`?") && shown.contains("RB0302"), "{shown}");
    project.run(&["exec", "s"]).code(2);
}

/// Waits for what the test says at the end of the run.
const HELD: &str = "hooks:\n  finished: {shell: 'touch begun; until [ -e go ]; do sleep 0.05; done; cat >> told; touch ended; test ! -e bad', timeout: 2m}";

#[test]
fn a_wait_for_a_hook_is_stopped_from_another_terminal_too() {
    let project = project(HELD, "  - {id: only, run: echo hi, effect: read}");
    let live = Live::start(project.command(&["exec", "r", "--detach"]));
    wait_until("it waits", || project.has("begun"));
    live.ends_with(0);
    let run = project.newest();
    project.run(&["cancel", &run]).code(0);
    wait_until("it is ended", || find_by_env(&[("RUNBOOK_RUN", &run)]).is_empty());
    wait_until("it is recorded", || failures(&project).iter().any(|(_, why)| why.contains("it was stopped")));
    wait_until("its engine left", || {
        project.run(&["cancel", &run]).to_string().contains("no engine drives it")
    });
    let status = project.run(&["status", &run]).code(0).to_string();
    assert!(status.contains("succeeded") && !project.has("ended"), "{status}");
    let journal = rusqlite::Connection::open(project.journal()).expect("a journal");
    let left: i64 = journal
        .query_row("SELECT count(*) FROM requests WHERE taken_at IS NULL", [], |row| row.get(0))
        .expect("a count");
    assert_eq!(left, 0, "nothing is left to stop whoever drives a run next");
}

#[test]
fn ctrl_z_suspends_the_wait_for_a_hook_with_the_hook() {
    let project = project(HELD, "  - {id: only, run: echo hi, effect: read}");
    let mut terminal = Terminal::start(&project.command(&["exec", "r"]));
    terminal.wait_for("waits for its hooks: finished");
    let us = terminal.pid().as_raw_nonzero().get().cast_unsigned();
    terminal.keys(CTRL_Z);
    wait_until("it is stopped", || stopped(us));
    project.write("go", "");
    assert!(!project.has("ended"), "the hook is stopped as well");
    terminal.signal(Signal::CONT);
    let (code, screen) = terminal.end();
    assert_eq!((code, project.has("ended")), (Some(0), true), "{screen}");
    assert_eq!((words(&project), failures(&project)), (vec!["finished".to_owned()], vec![]), "{screen}");
}

#[test]
fn what_a_hook_says_that_no_journal_takes_does_not_make_a_failure_of_the_run() {
    let project = project(HELD, "  - {id: only, run: echo hi, effect: read}");
    let live = Live::start(project.command(&["exec", "r"]));
    wait_until("it waits", || project.has("begun"));
    let journal = rusqlite::Connection::open(project.journal()).expect("a journal");
    journal.busy_timeout(Duration::from_secs(30)).expect("it can be set");
    journal.execute_batch("BEGIN IMMEDIATE").expect("nobody writes");
    project.write("bad", "");
    project.write("go", "");
    let said = live.ends_with(0);
    drop(journal);
    assert!(said.contains("could not be recorded") && said.contains("succeeded"), "{said}");
    let run = project.newest();
    assert!(project.run(&["status", &run]).code(0).to_string().contains("succeeded"));
    project.run(&["verify", &run]).code(0);
}

#[test]
fn a_takeover_ends_the_hooks_of_the_old_engine_and_the_new_one_tells_the_rest() {
    let hooks = "hooks:\n  started: {shell: 'touch begun; sleep 600; touch late', timeout: 2m}\n  finished: {shell: cat >> told}";
    let steps =
        "  - {id: only, shell: 'until [ -e go ]; do sleep 0.05; done', idempotent: true, effect: read}";
    let project = project(hooks, steps);
    let old = Live::start(project.command(&["exec", "r"]));
    wait_until("the hook runs", || project.has("begun"));
    crate::support::live::spawned(&project, "only");
    let new = Live::start(project.command(&["resume", "--takeover", "--reason", "she went home"]));
    wait_until("the old one noticed", || old.said().contains("was taken over"));
    project.write("go", "");
    old.ends_with(6);
    new.ends_with(0);
    assert_eq!(words(&project), ["finished"]);
    assert_eq!(told(&project)[0]["driver"], json!("ann"));
    assert!(!project.has("late"));
    assert_eq!(find_by_env(&[("RUNBOOK_RUN", &project.newest())]), []);
}
