//! What the pure parts cost by themselves: reading a runbook, deciding, filling texts in, hiding secrets.
//!
//! `cargo bench` runs all, `cargo bench -- decide` some. Whole processes are measured by `processes.py`.

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_main};
use runbook::exec::Redactor;
use runbook::load::{FileKind, Given, Inputs, Library, Project, bind, load_text};
use runbook::machine::{
    Act, End, Event, Graph, Input, Judge, Leaf, Machine, Opened, Options, Outcome, Process, RunFacts,
    RunStatus, State,
};
use runbook::model::{OnFailure, Snapshot};
use runbook::template::{Engine, Scope};
use serde_json::json;

/// How many steps run at once.
const SLOTS: u32 = 8;

/// Returns the text of a runbook of so many steps, each of which needs what `needs` says.
fn text(steps: usize, needs: Needs) -> String {
    let mut text = String::from("runbook: b\ntitle: B\nsteps:\n");
    for number in 0..steps {
        let needs: Vec<String> = needs(number).iter().map(|need| format!("s{need}")).collect();
        let needs = needs.join(", ");
        text += &format!("  - {{id: s{number}, needs: [{needs}], run: /bin/true, irreversible: nothing}}\n");
    }
    text
}

fn chain(number: usize) -> Vec<usize> {
    number.checked_sub(1).into_iter().collect()
}

fn wide(_: usize) -> Vec<usize> {
    Vec::new()
}

/// Layers of ten, each of which needs all of the one before.
fn layered(number: usize) -> Vec<usize> {
    let first = number / 10 * 10;
    (first.saturating_sub(10)..first).collect()
}

/// Whose numbers a step needs, by its own.
type Needs = fn(usize) -> Vec<usize>;

const GRAPHS: [(&str, Needs); 3] = [("chain", chain), ("wide", wide), ("layered", layered)];

/// Returns what a run of this runbook is started from.
fn snapshot(text: String) -> Arc<Snapshot> {
    let project = Project::at(std::env::temp_dir().as_path());
    let mut loaded = load_text(text, "b.yaml", "b", FileKind::Runbook, &Library::of(&project));
    let runbook = loaded.runbook.take().expect("the runbook is a good one");
    let inputs = Inputs::gather(&runbook.vars, &Given::default(), &project.root, &mut loaded.sources);
    let bound = bind(runbook, &mut loaded.sources, inputs, &project, &Engine::new());
    bound.expect("it has no vars and no tables").snapshot
}

/// A run that was opened, and what decides for it.
fn opened(snapshot: &Arc<Snapshot>) -> (Machine, Judge) {
    let graph = Arc::new(Graph::of_snapshot(Arc::clone(snapshot)));
    let judge =
        Judge::new(Arc::new(Engine::new()), Arc::clone(snapshot), Arc::clone(&graph), RunFacts::default());
    let options = Options { max_parallel: SLOTS, on_failure: OnFailure::Pause, only: Vec::new(), from: None };
    let opened = Opened { runbook: "b".into(), options, ..Opened::none() };
    let mut state = State::new(&graph);
    state.apply(&graph, &Event::Opened(opened)).expect("a new run can be opened");
    (Machine::new(graph, state), judge)
}

/// Decides to the end, in a world where each command has ended as soon as it has begun. Returns how many were run.
fn to_the_end(mut machine: Machine, judge: &Judge) -> usize {
    let process = Process { pid: 1, started: 1, boot: "a boot".into(), host: "here".into() };
    let mut inputs = VecDeque::from([Input::Begin]);
    let (mut ran, mut rest) = (0, None);
    while let Some(input) = inputs.pop_front() {
        let turn = machine.decide(judge, input).expect("what is told belongs to the run");
        for act in turn.acts {
            match act {
                Act::Spawn { leaf, .. } => {
                    ran += 1;
                    inputs.push_back(Input::Spawned { leaf: leaf.clone(), process: process.clone() });
                    inputs.push_back(ended(leaf));
                }
                Act::Rest(status) => rest = Some(status),
                _ => {}
            }
        }
    }
    assert_eq!(rest, Some(RunStatus::Succeeded));
    ran
}

fn ended(leaf: Leaf) -> Input {
    Input::Ended { leaf, outcome: Box::new(Outcome { end: Some(End::Exit(0)), ..Outcome::default() }) }
}

fn decide(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decide");
    group.sample_size(20);
    for (name, needs) in GRAPHS {
        for steps in [1_000, 10_000] {
            let snapshot = snapshot(text(steps, needs));
            group.throughput(Throughput::Elements(steps as u64));
            group.bench_function(BenchmarkId::new(name, steps), |bench| {
                bench.iter_batched(
                    || opened(&snapshot),
                    |(machine, judge)| assert_eq!(to_the_end(machine, &judge), steps),
                    BatchSize::LargeInput,
                );
            });
        }
    }
    group.finish();
}

/// The first decision: all that are ready are found, as many begin as may.
fn ready(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ready");
    group.sample_size(20);
    for steps in [1_000, 10_000] {
        let snapshot = snapshot(text(steps, wide));
        group.throughput(Throughput::Elements(steps as u64));
        group.bench_function(BenchmarkId::new("wide", steps), |bench| {
            bench.iter_batched(
                || opened(&snapshot),
                |(mut machine, judge)| {
                    let turn = machine.decide(&judge, Input::Begin).expect("an opened run can begin");
                    let begun = turn.acts.iter().filter(|act| matches!(act, Act::Spawn { .. })).count();
                    assert_eq!(begun, SLOTS as usize);
                    (machine, turn)
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

fn load(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("load");
    group.sample_size(20);
    let library = Library::of(&Project::at(std::env::temp_dir().as_path()));
    for (name, needs) in GRAPHS {
        let text = text(1_000, needs);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(BenchmarkId::new(name, 1_000), |bench| {
            bench.iter(|| {
                let loaded = load_text(text.clone(), "b.yaml", "b", FileKind::Runbook, &library);
                assert!(loaded.runbook.is_some());
                loaded
            });
        });
        group.bench_function(BenchmarkId::new(format!("{name}, bound"), 1_000), |bench| {
            bench.iter(|| snapshot(text.clone()));
        });
    }
    group.finish();
}

fn render(criterion: &mut Criterion) {
    let engine = Engine::new();
    let mut scope = Scope::new();
    scope.set_json("env", &json!("prod"));
    scope
        .set_json("service", &json!({"name": "api-gateway", "min": 10, "labels": {"team": "o'hara & sons"}}));
    scope.set_secret("token");
    let mut group = criterion.benchmark_group("render");
    let text = "{{ service.name }}-{{ env }} has {{ service.min * 2 }} of {{ service.labels.team | upper }}";
    group.bench_function("text", |bench| {
        bench.iter(|| engine.text(black_box(text), &scope).expect("all names are there"));
    });
    let shell = "kubectl --context {{ env }} get deploy {{ service.name }} -o json | grep -c \"{{ service.labels.team }}\"";
    group.bench_function("shell", |bench| {
        bench.iter(|| {
            engine.shell(black_box(shell), &scope).expect("each value stands where it can be quoted")
        });
    });
    let condition = "service.min >= 10 and env in ['prod', 'staging'] and service.labels.team | length > 3";
    group.bench_function("condition", |bench| {
        bench.iter(|| engine.holds(black_box(condition), &scope).expect("all names are there"));
    });
    group.finish();
}

fn redact(criterion: &mut Criterion) {
    let secrets =
        [("token", "ghp_0123456789abcdef"), ("password", "correct horse battery"), ("key", "a\"b\\c/d+e=f")];
    let redactor = Redactor::new(secrets).expect("they are long enough to be hidden");
    let line = "2026-11-22T03:00:00Z api-gateway-7d4b9c ready 7 of 10, waiting for the others to be ready\n";
    let clean = line.repeat((1 << 20) / line.len());
    let dirty = clean.replacen("ready 7", "ready correct horse battery", 100);
    let mut group = criterion.benchmark_group("redact");
    for (name, text) in [("nothing in it", clean), ("a hundred in it", dirty)] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let mut stream = redactor.stream();
                let pieces = text.as_bytes().chunks(64 << 10);
                let kept: usize = pieces.map(|piece| stream.push(black_box(piece)).len()).sum();
                kept + stream.finish().len()
            });
        });
    }
    group.finish();
}

/// What the macro makes is public and has no documentation: it stays in here.
mod groups {
    use criterion::criterion_group;

    use super::{decide, load, ready, redact, render};

    criterion_group!(benches, decide, ready, load, render, redact);
}

criterion_main!(groups::benches);
