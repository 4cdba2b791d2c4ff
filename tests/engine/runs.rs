//! Whole runs with real processes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use runbook::diag::Sources;
use runbook::driver::{self, Closed, Exec, Resume, Rollback, Surroundings};
use runbook::journal::{RunId, Store};
use runbook::load::{self, FileKind, Given, Inputs, Library, Project};
use runbook::machine::{Event, Finish, Leaf, Options, RunStatus, UndoResult};
use runbook::model::OnFailure;
use runbook::report::{EndInfo, Reporter, Seen};
use runbook::template::Engine;
use tempfile::TempDir;

#[derive(Default)]
struct Quiet;

impl Reporter for Quiet {
    fn event(&mut self, _: &Seen<'_>) {}
    fn close(&mut self, _: &EndInfo<'_>) {}
}

struct Place {
    folder: TempDir,
    store: Store,
    approvals: BTreeSet<String>,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("runbooks")).expect("a folder");
        let store = Store::open(folder.path().join("state/journal.db")).expect("a journal");
        Place { folder, store, approvals: BTreeSet::new() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn approving(mut self, step: &str) -> Place {
        self.approvals.insert(step.to_owned());
        self
    }

    fn around<'a>(&'a self, quiet: &'a mut Quiet) -> Surroundings<'a> {
        let approvals = self.approvals.clone();
        let program = "runbook".to_owned();
        Surroundings {
            script: None,
            store: &self.store,
            reporter: quiet,
            people: None,
            approvals,
            wait: false,
            program,
            recorder: None,
        }
    }

    fn exec(&self, text: &str, env: &[(&str, &str)]) -> Closed {
        let library = Library::built_in();
        let mut loaded = load::load_text(text, "runbooks/r.yaml", "r", FileKind::Runbook, &library);
        assert!(!loaded.report.has_errors(), "{:#?}", loaded.report);
        let runbook = loaded.runbook.take().expect("a runbook");
        let env: BTreeMap<String, String> = env.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
        let given = Given { env, ..Given::default() };
        let inputs = Inputs::gather(&runbook.vars, &given, self.path(), &mut loaded.sources);
        let on_failure = runbook.on_failure;
        let max_parallel = runbook.max_parallel.unwrap_or(8);
        let bound =
            load::bind(runbook, &mut loaded.sources, inputs, &Project::at(self.path()), &Engine::new())
                .unwrap_or_else(|report| panic!("{report:#?}"));
        let exec = Exec {
            snapshot: (*bound.snapshot).clone(),
            secrets: bound.secrets,
            options: Options { max_parallel, on_failure, ..Options::default() },
            by: driver::person("tester", "command"),
            reason: None,
            consent: None,
            plan: None,
            trace_parent: None,
            planned_target: Default::default(),
            faults: Default::default(),
        };
        driver::exec(exec, self.around(&mut Quiet)).expect("the run is driven")
    }

    fn resume(&self, run: &RunId) -> Closed {
        let resume = Resume {
            run: run.clone(),
            by: driver::person("tester", "command"),
            reason: None,
            decisions: BTreeMap::new(),
            secrets: Default::default(),
            outliving: Default::default(),
            takeover: None,
            renewal: None,
        };
        driver::resume(resume, self.around(&mut Quiet)).expect("the run is resumed")
    }

    fn rollback(&self, run: &RunId) -> Closed {
        self.rollback_to(run, None)
    }

    fn rollback_to(&self, run: &RunId, to: Option<&str>) -> Closed {
        let by = driver::person("tester", "command");
        let to = to.map(str::to_owned);
        let rollback =
            Rollback { run: run.clone(), by, to, secrets: Default::default(), outliving: Default::default() };
        driver::rollback(rollback, self.around(&mut Quiet)).expect("the run is rolled back")
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.path().join(file)).unwrap_or_default()
    }

    fn events(&self, run: &RunId) -> Vec<Event> {
        self.store.load(run).expect("a run").records.into_iter().map(|record| record.event).collect()
    }
}

fn finish(closed: &Closed, step: &str) -> Option<Finish> {
    closed.state.at(closed.state.find(step).expect("a step")).finish.clone()
}

const CHAIN: &str = r#"
runbook: r
title: A chain
steps:
  - id: a
    run: sh -c 'echo a >> log'
    rollback: {run: "sh -c 'echo undo-a >> log'"}
  - id: b
    run: sh -c 'echo b >> log; test -e fixed'
    rollback: {run: "sh -c 'echo undo-b >> log'"}
  - id: c
    run: sh -c 'echo c >> log'
    rollback: {run: "sh -c 'echo undo-c >> log'"}
finally:
  - id: tell
    shell: 'echo "rest {{ run.status }}" >> log'
"#;

#[test]
fn a_failed_step_pauses_and_resume_goes_on_where_it_stopped() {
    let place = Place::new();
    let first = place.exec(CHAIN, &[]);
    assert_eq!(first.status, RunStatus::Failed);
    assert_eq!(place.read("log"), "a\nb\nrest failed\n");
    std::fs::write(place.path().join("fixed"), "").expect("a file");
    let second = place.resume(&first.run);
    assert_eq!(second.status, RunStatus::Succeeded);
    assert_eq!(place.read("log"), "a\nb\nrest failed\nb\nc\nrest succeeded\n");
}

#[test]
fn rollback_undoes_the_failed_step_too_and_in_reverse() {
    let place = Place::new();
    let first = place.exec(CHAIN, &[]);
    let back = place.rollback(&first.run);
    assert_eq!(back.status, RunStatus::RolledBack);
    assert_eq!(place.read("log"), "a\nb\nrest failed\nundo-b\nundo-a\nrest rolled back\n");
    assert_eq!(back.state.first_failure.map(|(step, _)| step), Some("b".to_owned()));
}

#[test]
fn on_failure_rollback_does_it_at_once() {
    let place = Place::new();
    let closed = place.exec(&CHAIN.replace("title:", "on_failure: rollback\ntitle:"), &[]);
    assert_eq!(closed.status, RunStatus::RolledBack);
    assert_eq!(
        place.read("log"),
        "a\nb\nundo-b\nundo-a\nrest rolled back\n",
        "{:#?}",
        closed.state.nodes.last()
    );
}

#[test]
fn captured_values_come_back_on_rollback_whatever_happened_since() {
    let place = Place::new();
    std::fs::write(place.path().join("size"), "3\n").expect("a file");
    let text = r#"
runbook: r
title: Set a size
steps:
  - id: size
    capture: {run: cat size, outputs: {n: "stdout | trim | int"}}
    changes: "size {{ captured.n }} → 10"
    satisfied: captured.n == 10
    run: [cp, ten, size]
    idempotent: true
    verify: {run: cat size, pass: "stdout | trim | int == 10", every: 50ms, within: 5s}
    rollback: {run: "tee size", stdin: "{{ captured.n }}\n"}
"#;
    std::fs::write(place.path().join("ten"), "10\n").expect("a file");
    let first = place.exec(text, &[]);
    assert_eq!(first.status, RunStatus::Succeeded, "{:#?}", first.state.first_failure);
    assert_eq!(place.read("size"), "10\n");
    assert_eq!(first.state.at(first.state.find("size").unwrap()).changes.as_deref(), Some("size 3 → 10"));
    let again = place.exec(text, &[]);
    assert_eq!(finish(&again, "size"), Some(Finish::Satisfied));
    let back = place.rollback(&first.run);
    assert_eq!(back.status, RunStatus::RolledBack);
    assert_eq!(place.read("size"), "3\n");
    let nothing = place.rollback(&again.run);
    assert_eq!(nothing.status, RunStatus::RolledBack);
    assert_eq!(place.read("size"), "3\n", "what was satisfied is not undone");
}

#[test]
fn a_gate_that_can_not_tell_is_asked_again_and_never_passes() {
    let place = Place::new();
    let text = r#"
runbook: r
title: Gates
steps:
  - id: late
    needs: []
    gate: {run: "sh -c 'echo x >> polls; wc -l < polls'", pass: "stdout | trim | int >= 3", every: 10ms, within: 20s}
  - id: broken
    needs: []
    on_failure: continue
    gate: {run: "false", pass: "true == true", every: 10ms, within: 100ms}
  - id: no_json
    needs: []
    on_failure: continue
    gate: {run: echo hello, pass: "json.ready", every: 10ms, within: 100ms}
  - id: kinds
    needs: []
    on_failure: continue
    gate: {run: echo three, pass: "yaml > 5"}
"#;
    let closed = place.exec(text, &[]);
    assert_eq!(closed.status, RunStatus::Failed);
    assert_eq!(finish(&closed, "late"), Some(Finish::Succeeded));
    let why = |step: &str| match finish(&closed, step) {
        Some(Finish::Failed(why)) => why,
        other => panic!("{step}: {other:?}"),
    };
    assert!(why("broken").contains("could not tell: it exited with 1"), "{}", why("broken"));
    assert!(why("no_json").contains("its output is not JSON"), "{}", why("no_json"));
    assert!(why("kinds").contains("could not tell"), "{}", why("kinds"));
}

#[test]
fn a_gate_that_could_not_tell_at_first_is_asked_until_it_can() {
    let place = Place::new();
    let text = r#"
runbook: r
title: An API server that comes back
steps:
  - id: back
    gate:
      run: sh -c 'echo x >> polls; test "$(wc -l < polls)" -ge 3 && echo up'
      pass: stdout | trim == 'up'
      every: 10ms
      within: 20s
"#;
    let closed = place.exec(text, &[]);
    assert_eq!(closed.status, RunStatus::Succeeded, "{:?}", closed.state.first_failure);
    assert_eq!(place.read("polls"), "x\nx\nx\n");
}

#[test]
fn instances_run_beside_each_other_within_the_limit_and_hand_on_outputs() {
    let place = Place::new();
    let text = r#"
runbook: r
title: Many
max_parallel: 2
steps:
  - id: each
    for_each: "{'x': 1, 'y': 2, 'z': 3}"
    run: sh -c 'echo "{\"double\":$(($1*2))}"' -- {{ item.value }}
    effect: read
    outputs: {double: json.double}
  - id: sum
    run: [echo, "{{ steps.each.outputs.double.x + steps.each.outputs.double.z }}"]
    effect: read
    outputs: {total: "stdout | trim | int"}
"#;
    let closed = place.exec(text, &[]);
    assert_eq!(closed.status, RunStatus::Succeeded, "{:?}", closed.state.first_failure);
    assert_eq!(closed.state.at(closed.state.find("sum").unwrap()).outputs["total"], 8);
}

#[test]
fn an_intent_is_durable_before_its_process_and_the_outcome_before_what_follows() {
    let place = Place::new();
    let closed = place.exec(CHAIN, &[]);
    let mut order = Vec::new();
    for event in place.events(&closed.run) {
        match event {
            Event::Intent { leaf: Leaf { step, .. }, .. } => order.push(format!("intent {step}")),
            Event::Exited { leaf: Leaf { step, .. }, .. } => order.push(format!("exited {step}")),
            _ => {}
        }
    }
    assert_eq!(order, ["intent a", "exited a", "intent b", "exited b", "intent tell", "exited tell"]);
}

#[test]
fn a_secret_reaches_the_child_and_nothing_that_is_kept() {
    let place = Place::new();
    let text = r#"
runbook: r
title: Secret
vars:
  token: {type: secret, from: {env: TOKEN}}
steps:
  - id: use
    shell: 'printf %s "$TOKEN" | sha256sum; echo "the token is $TOKEN"; cat'
    env: {TOKEN: "{{ token }}"}
    stdin: "on stdin {{ token }}"
    effect: read
    outputs: {all: stdout}
"#;
    let secret = "correct-horse-battery";
    let closed = place.exec(text, &[("TOKEN", secret)]);
    assert_eq!(closed.status, RunStatus::Succeeded, "{:?}", closed.state.first_failure);
    let seen = closed.state.at(closed.state.find("use").unwrap()).outputs["all"].to_string();
    assert!(seen.contains("the token is •••") && seen.contains("on stdin •••"), "{seen}");
    let mut files = Vec::new();
    every_file(&place.path().join("state"), &mut files);
    assert!(files.len() >= 2, "the journal and the output: {files:?}");
    for file in files {
        let bytes = std::fs::read(&file).expect("a file of the store");
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{} holds the secret", file.display());
    }
}

fn every_file(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { every_file(&path, files) } else { files.push(path) }
    }
}

#[test]
fn what_can_not_be_undone_is_asked_about_and_waits_when_nobody_answers() {
    let text = r#"
runbook: r
title: One way
steps:
  - id: first
    run: touch one
    rollback: {run: rm one}
  - id: oneway
    run: touch two
    irreversible: Mails can't be taken back.
"#;
    let place = Place::new();
    let first = place.exec(text, &[]);
    let asked = place.rollback(&first.run);
    assert_eq!(asked.status, RunStatus::Waiting);
    assert!(place.path().join("one").exists(), "nothing before it is undone yet");
    let place = place.approving("oneway");
    let back = place.resume(&first.run);
    assert_eq!(back.status, RunStatus::RolledBack);
    assert!(!place.path().join("one").exists());
    let undo = back.state.at(back.state.find("oneway").unwrap()).undo.clone();
    assert!(matches!(undo, Some(UndoResult::Left(_))), "{undo:?}");
}

#[test]
fn an_approval_given_beforehand_is_recorded_with_how() {
    let text = r#"
runbook: r
title: Ask
steps:
  - id: go
    approve: {prompt: "Really?"}
  - id: act
    run: touch done
    irreversible: Only a file.
"#;
    let place = Place::new();
    let waiting = place.exec(text, &[]);
    assert_eq!(waiting.status, RunStatus::Waiting);
    assert!(!place.path().join("done").exists());
    let place = place.approving("go");
    let closed = place.resume(&waiting.run);
    assert_eq!(closed.status, RunStatus::Succeeded);
    let said = place.events(&closed.run).into_iter().find_map(|event| match event {
        Event::Answered { step, by, yes, .. } => Some((step, by.via, yes)),
        _ => None,
    });
    assert_eq!(said, Some(("go".to_owned(), "flag".to_owned(), true)));
}

#[test]
fn a_timed_out_attempt_is_retried_and_leaves_nothing_behind() {
    let text = r#"
runbook: r
title: Slow
steps:
  - id: slow
    shell: 'echo try >> log; test -e second && exit 0; touch second; sleep 600 & sleep 600'
    irreversible: Only a test.
    idempotent: true
    timeout: 300ms
    grace: 1s
    retry: {attempts: 2, delay: 10ms}
"#;
    let place = Place::new();
    let closed = place.exec(text, &[]);
    assert_eq!(closed.status, RunStatus::Succeeded, "{:?}", closed.state.first_failure);
    assert_eq!(place.read("log"), "try\ntry\n");
    let key = [("RUNBOOK_RUN", closed.run.as_str())];
    assert_eq!(runbook::exec::find_by_env(&key), [], "a process outlived its step");
}

#[test]
fn many_steps_are_run_once_each() {
    let mut text = String::from("runbook: r\ntitle: Wide\nmax_parallel: 16\nsteps:\n");
    for number in 0..200 {
        text.push_str(&format!(
            "  - {{id: s{number}, needs: [], run: [sh, -c, 'echo {number} >> log'], irreversible: test}}\n"
        ));
    }
    let place = Place::new();
    let closed = place.exec(&text, &[]);
    assert_eq!(closed.status, RunStatus::Succeeded);
    let mut numbers: Vec<u32> =
        place.read("log").lines().map(|line| line.parse().expect("a number")).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..200).collect::<Vec<_>>());
}

#[test]
fn the_plan_is_what_is_sent_in_the_same_order() {
    let library = Library::built_in();
    let loaded = load::load_text(CHAIN, "runbooks/r.yaml", "r", FileKind::Runbook, &library);
    let place = Place::new();
    let runbook = loaded.runbook.expect("a runbook");
    assert_eq!(runbook.on_failure, OnFailure::Pause);
    let inputs = Inputs::gather(&runbook.vars, &Given::default(), place.path(), &mut Sources::default());
    let mut sources = loaded.sources;
    let bound = load::bind(runbook, &mut sources, inputs, &Project::at(place.path()), &Engine::new())
        .unwrap_or_else(|report| panic!("{report:#?}"));
    let plan = driver::preview(&bound.snapshot);
    let planned: Vec<String> = plan
        .steps
        .iter()
        .flat_map(|step| step.commands.iter())
        .filter(|planned| planned.stage != runbook::machine::Stage::Undo)
        // How the run ends is what a plan can't know.
        .map(|planned| planned.command.replace("‹run.status›", "succeeded"))
        .collect();
    std::fs::write(place.path().join("fixed"), "").expect("a file");
    let closed = place.exec(CHAIN, &[]);
    let sent: Vec<String> = place
        .events(&closed.run)
        .into_iter()
        .filter_map(|event| match event {
            Event::Intent { command, .. } => Some(command),
            _ => None,
        })
        .collect();
    assert_eq!(planned, sent);
}

#[test]
fn what_a_rollback_to_a_step_left_is_undone_by_the_next_one() {
    let place = Place::new();
    std::fs::write(place.path().join("fixed"), "").expect("a file");
    let run = place.exec(CHAIN, &[]).run;
    assert_eq!(place.rollback_to(&run, Some("b")).status, RunStatus::PartlyUndone);
    let partly = "a\nb\nc\nrest succeeded\nundo-c\nundo-b\nrest partly undone\n";
    assert_eq!(place.read("log"), partly);
    place.rollback(&run);
    assert_eq!(place.read("log"), format!("{partly}undo-a\nrest rolled back\n"));
}

#[test]
fn a_run_undone_down_to_a_step_goes_on_from_there_with_the_state_before_read_anew() {
    let text = r#"
runbook: r
title: Up and down
steps:
  - {id: a, run: "sh -c 'echo a >> log'", rollback: {run: "sh -c 'echo undo-a >> log'"}}
  - id: size
    capture: {run: cat size, outputs: {n: stdout | trim}}
    run: tee size
    stdin: "ten"
    rollback: {run: tee size, stdin: "{{ captured.n }}"}
"#;
    let place = Place::new();
    std::fs::write(place.path().join("size"), "three").expect("a file");
    let run = place.exec(text, &[]).run;
    assert_eq!(place.rollback_to(&run, Some("size")).status, RunStatus::PartlyUndone);
    assert_eq!(place.read("size"), "three");
    std::fs::write(place.path().join("size"), "four").expect("a file");
    let again = place.resume(&run);
    assert_eq!((again.status, place.read("size").as_str()), (RunStatus::Succeeded, "ten"));
    assert_eq!(place.rollback(&run).status, RunStatus::RolledBack);
    assert_eq!((place.read("size"), place.read("log")), ("four".to_owned(), "a\nundo-a\n".to_owned()));
}

#[test]
fn a_command_that_never_started_has_nothing_to_undo_and_is_resumed_from_its_beginning() {
    let text = r#"
runbook: r
title: A tool that is not there
steps:
  - id: a
    capture: {run: "sh -c 'echo captured >> log; cat level'", outputs: {before: stdout | trim}}
    run: ./tool
    rollback: {run: "sh -c 'echo undo-a >> log'"}
"#;
    let place = Place::new();
    std::fs::write(place.path().join("level"), "one").expect("a file");
    let first = place.exec(text, &[]);
    assert_eq!((first.status, first.state.touched.len()), (RunStatus::Failed, 0));
    std::fs::write(place.path().join("level"), "two").expect("a file");
    let second = place.resume(&first.run);
    let at = second.state.find("a").expect("a step");
    assert_eq!(second.state.at(at).captured["before"], "two", "nothing was touched, so it is read anew");
    place.rollback(&first.run);
    assert_eq!(place.read("log"), "captured\ncaptured\n");
}
