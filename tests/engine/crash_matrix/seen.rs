//! What can be seen of a run afterwards, without what differs from run to run.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::LazyLock;

use regex::Regex;
use runbook::driver;
use runbook::exec;
use runbook::journal::{Filter, RunId, Store};
use runbook::machine::{Event, Finish, Graph, Instance, Mode, Progress, RunStatus, Stage, State};
use runbook::report::{About, StatusPage, Timeline};
use serde_json::Value;

use crate::support::project::Project;

/// A run as its journal has it.
pub(super) struct Run {
    pub(super) id: RunId,
    journal: PathBuf,
    pub(super) events: Vec<Event>,
    state: State,
    graph: Graph,
    page: Value,
}

/// The end of a run: what must be the same whatever happened on the way.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    status: RunStatus,
    steps: BTreeMap<String, String>,
    page: Value,
}

impl Run {
    /// Returns the only run of the project, when there is one.
    pub(super) fn load(project: &Project) -> Option<Run> {
        if !project.journal().exists() {
            return None;
        }
        let store = Store::open_read_only(project.journal()).ok()?;
        let mut runs = store.runs(&Filter::default()).expect("the journal can be read");
        assert!(runs.len() <= 1, "one run and no more: {runs:#?}");
        let id = runs.pop()?.id;
        let stored = store.load(&id).expect("the run can be read");
        let graph = Graph::of(&stored.snapshot.runbook);
        let mut state = State::new(&graph);
        for record in &stored.records {
            state.apply(&graph, &record.event).expect("the events follow from each other");
        }
        let timeline = Timeline::of(stored.records.iter().map(|record| (record.at, &record.event)));
        let alive = stored.run.lease.as_ref().is_some_and(|lease| lease.is_live(driver::now(), driver::life));
        let about = About { run: id.as_str(), program: "runbook", alive, now: driver::now() };
        let page = serde_json::to_value(StatusPage::of(about, &state, &graph, &timeline)).expect("JSON");
        let events = stored.records.into_iter().map(|record| record.event).collect();
        Some(Run { id, journal: project.journal(), events, state, graph, page })
    }

    pub(super) fn store(&self) -> Store {
        Store::open_read_only(&self.journal).expect("the journal can be opened")
    }

    /// Says whether the run came to rest with this status, and nobody need settle anything.
    pub(super) fn rests(&self, status: RunStatus) -> bool {
        self.state.mode == Mode::Resting && self.state.status == status && self.doubtful().is_empty()
    }

    pub(super) fn status(&self) -> RunStatus {
        self.state.status
    }

    /// Returns the steps that wait for a person to settle them.
    pub(super) fn doubtful(&self) -> Vec<String> {
        let doubtful = |one: &Instance| one.progress == Progress::Doubt(Stage::Action);
        let instances = self.state.instances().filter(|(_, one)| doubtful(one));
        instances.map(|(at, _)| self.state.name(&self.graph, at)).collect()
    }

    /// Returns the steps whose undo is in doubt.
    pub(super) fn doubtful_undos(&self) -> Vec<String> {
        let doubtful = |one: &Instance| one.progress == Progress::Doubt(Stage::Undo) && one.undo.is_none();
        let instances = self.state.instances().filter(|(_, one)| doubtful(one));
        instances.map(|(at, _)| self.state.name(&self.graph, at)).collect()
    }

    /// Returns the steps whose action has no outcome, because its engine died.
    pub(super) fn cut_off(&self) -> Vec<String> {
        let actions = self.state.open().filter(|(_, stage, _)| *stage == Stage::Action);
        let named = actions.map(|(at, ..)| self.state.name(&self.graph, at));
        named.filter(|step| !self.doubtful().contains(step)).collect()
    }

    /// Returns the steps whose action was begun.
    pub(super) fn begun(&self) -> Vec<String> {
        self.state.touched.iter().map(|&at| self.state.name(&self.graph, at)).collect()
    }

    /// Returns how often the end of a step's action, or of its undo, was in doubt.
    pub(super) fn doubts(&self, step: &str, stage: Stage) -> usize {
        let doubted = |event: &&Event| matches!(event, Event::Doubted { leaf } if leaf.step == step && leaf.stage == stage);
        self.events.iter().filter(doubted).count()
    }

    /// Returns whether anything was ever in doubt.
    pub(super) fn was_in_doubt(&self) -> bool {
        let change = |stage| matches!(stage, Stage::Action | Stage::Undo);
        self.events.iter().any(|event| matches!(event, Event::Doubted { leaf } if change(leaf.stage)))
    }

    /// Returns every change that was begun a second time while nothing was known of the first, and nobody was told.
    pub(super) fn silently_repeated(&self) -> Vec<String> {
        let mut open = HashMap::new();
        let mut repeated = Vec::new();
        for event in &self.events {
            match event {
                Event::Intent { leaf, .. } if matches!(leaf.stage, Stage::Action | Stage::Undo) => {
                    if let Some(before) = open.insert((leaf.step.clone(), leaf.stage), leaf.attempt) {
                        repeated.push(format!("{leaf:?} began though nothing is known of attempt {before}"));
                    }
                }
                Event::Exited { leaf, .. } | Event::Judged { leaf, .. } | Event::Doubted { leaf } => {
                    open.remove(&(leaf.step.clone(), leaf.stage));
                }
                _ => {}
            }
        }
        repeated
    }

    /// Says whether a process of the run is there.
    pub(super) fn has_processes(&self) -> bool {
        !exec::find_by_env(&[("RUNBOOK_RUN", self.id.as_str())]).is_empty()
    }

    /// Returns the steps that a person said are done.
    pub(super) fn marked_done(&self) -> BTreeSet<String> {
        let marked = self.state.instances().filter(|(_, one)| one.finish == Some(Finish::MarkedDone));
        marked.map(|(at, _)| self.state.name(&self.graph, at)).collect()
    }

    /// Returns what must be the same whatever happened on the way. Of `settled` steps no gate has said what it saw.
    pub(super) fn seen(&self, settled: &BTreeSet<String>) -> Seen {
        let mut page = self.page.clone();
        level(&mut page, settled);
        let steps = self.state.instances().map(|(at, one)| (self.state.name(&self.graph, at), end(one)));
        Seen { status: self.state.status, steps: steps.collect(), page }
    }
}

/// Returns the end of a step, with what later steps and an undo use of it.
fn end(one: &Instance) -> String {
    // A person who looked and said "done" says what the engine would have recorded.
    let finish = match &one.finish {
        Some(Finish::MarkedDone) => Some(Finish::Succeeded),
        other => other.clone(),
    };
    let Instance { item, captured, changes, outputs, undo, .. } = one;
    format!("{finish:?} {undo:?} {item:?} captured {captured:?} {changes:?} outputs {outputs:?}")
}

static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new("[0-9]+").expect("the pattern is right"));

/// Takes out of a page what differs from run to run: times, the id, how often something was asked.
fn level(page: &mut Value, settled: &BTreeSet<String>) {
    match page {
        Value::Object(map) => {
            if map.get("name").and_then(Value::as_str).is_some_and(|name| settled.contains(name)) {
                map.remove("detail");
            }
            for key in ["run", "started", "rested", "took_ms"] {
                map.remove(key);
            }
            map.values_mut().for_each(|value| level(value, settled));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| level(item, settled)),
        Value::String(text) if text == "marked-done" => *text = "done".to_owned(),
        Value::String(text) => *text = NUMBER.replace_all(text, "#").into_owned(),
        _ => {}
    }
}
