//! The plan: what a run would do, walked without running any of it.
//!
//! The same [`Judge`] that renders a run's commands renders these, on a state in which every step went well. What only
//! the run can know (captured values, outputs) is carried on as unknown and shown as where it comes from. The order is
//! the machine's with one step at a time; with more at once, steps that do not need each other overlap.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::forecast::{self, Millis, PlannedPeople, PlannedRetry, PlannedRun};
use crate::machine::{
    Addr, End, Evaluate, Event, Expansion, Finish, Graph, Item, Judge, Known, Leaf, NodeId, Opened, Options,
    Prepared, RunFacts, Stage, State, UNKNOWN, item_of,
};
use crate::model::{Action, Effect, Map, OnFailure, Rendered, Snapshot, Unknown};
use crate::template::{Engine, part_of};

use super::observe::{Looked, Shown, Sight, Sighting, Standing};

/// Whether a step will run, as far as is known before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Wanted {
    /// It will.
    Yes,
    /// It will be skipped; holds why.
    No(String),
    /// Only the run can know.
    Unknown,
}

/// One command of a step. What few have is boxed: a plan may hold some hundred thousand of these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Planned {
    /// Which of the step's commands.
    pub stage: Stage,
    /// The command as people read it; values that only the run can know stand as `‹where from›`.
    pub command: String,
    /// What it reads, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// Where it runs, when not in the project's root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<String>,
    /// What is added to its environment, masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<Box<Map>>,
    /// Whether its stdout and stderr share one pipe.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub merged: bool,
    /// The time one attempt may take, where it is set; that of a gate stands with the gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<Millis>,
    /// How often it is tried, where that is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Box<PlannedRetry>>,
    /// What whoever does it by hand must know besides.
    #[serde(skip)]
    pub by_hand: Option<Box<PlannedByHand>>,
}

/// What whoever does a command by hand must know besides what the plan shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlannedByHand {
    /// The command word for word, secrets by name: once, or in each of the cases that it depends on.
    pub cases: Vec<Case>,
    /// What the names in what must hold of its answer stand for.
    pub names: Vec<(String, Rendered)>,
    /// What the names in the condition stand for under which there is nothing to do.
    pub satisfied: Vec<(String, Rendered)>,
}

/// What is said of an instance, in pieces: its values are told as its commands tell them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SaidByHand {
    /// The one-line difference.
    pub changes: Option<Rendered>,
    /// What a person is asked.
    pub asks: Option<Rendered>,
    /// Why it can't be undone.
    pub irreversible: Option<Rendered>,
}

/// A command in one case of what only the run can know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Case {
    /// The conditions, each with whether it holds.
    pub when: Vec<(Unknown, bool)>,
    /// The command.
    pub prepared: Prepared,
}

/// In how many conditions the cases of a command differ at most: each doubles them.
const MOST_CONDITIONS: usize = 2;

/// A gate of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PlannedGate {
    /// Which.
    pub stage: Stage,
    /// What must hold, as written.
    pub pass: String,
    /// What makes a good answer only just good, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warn: Option<String>,
    /// Between two polls; 5 s when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_ms: Option<Millis>,
    /// How long it is polled; asked once when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<Millis>,
    /// How long it must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_ms: Option<Millis>,
    /// How long its answer is good for: asked again if what needs it begins later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_for_ms: Option<Millis>,
    /// How long one poll may take; 1 min when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<Millis>,
}

/// One instance of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PlannedStep {
    /// The instance: `scale[api-gateway]`.
    pub name: String,
    /// The step's id.
    pub step: String,
    /// The heading it stands under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// One line.
    pub title: String,
    /// What must be done first.
    pub needs: Vec<String>,
    /// Its group: those of one group need none of each other, and may run side by side.
    pub group: u32,
    /// Whether it will run.
    pub wanted: Wanted,
    /// What it has an instance for each of, when only the run can know that: `‹steps.list.outputs.names›`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each_of: Option<String>,
    /// The condition under which it runs, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// What it has an instance for each of, for whoever does it by hand.
    #[serde(skip)]
    pub each: Option<Box<Unknown>>,
    /// What the names in that stand for, for whoever does it by hand.
    #[serde(skip)]
    pub when_names: Box<[(String, Rendered)]>,
    /// Whether it changes anything.
    pub effect: Effect,
    /// The condition under which there is nothing to do, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub satisfied: Option<String>,
    /// What its failure does to the run, where it is not the runbook's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
    /// Whether its output is not kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
    /// Who is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<Box<PlannedPeople>>,
    /// Its commands in order, the undo's last.
    pub commands: Vec<Planned>,
    /// Its gates in order.
    pub gates: Vec<PlannedGate>,
    /// The one-line difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<String>,
    /// What is said of it, in pieces, for whoever does it by hand.
    #[serde(skip)]
    pub said: Option<Box<SaidByHand>>,
    /// The lock that it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
    /// What a person is asked, or how long it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asks: Option<String>,
    /// The runbook that it brings in, whose steps follow, with the vars that it is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs: Option<String>,
    /// Why it can't be undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub irreversible: Option<String>,
    /// Whether it is one of `finally`.
    pub finally: bool,
    /// What was seen of it, when the plan looked.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Sighting>,
    /// What its tool says that it would change, when the plan looked.
    #[serde(rename = "preview", skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub previewed: Option<Shown>,
    /// What is wrong with it: the run would fail here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Preview {
    /// What holds for the whole run.
    pub run: PlannedRun,
    /// The instances in order.
    pub steps: Vec<PlannedStep>,
    /// How many change something.
    pub changing: usize,
    /// How many only look, wait or ask.
    pub reading: usize,
    /// How many may or may not run, or are not counted yet.
    pub undetermined: usize,
    /// How many are skipped.
    pub skipped: usize,
    /// What looking came to, when the plan looked.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub looked: Option<Looked>,
}

impl Preview {
    /// Says whether something is wrong, so that a run would fail.
    pub fn is_faulty(&self) -> bool {
        !self.run.faults.is_empty() || self.steps.iter().any(|step| !step.faults.is_empty())
    }
}

/// Returns what a run of `snapshot` would do. Runs nothing, writes nothing.
pub fn preview(snapshot: &Arc<Snapshot>) -> Preview {
    let walk = walked(snapshot, None);
    tallied(walk.run, walk.steps)
}

/// Returns what a run of `snapshot` would do, each command as it would be spawned beside what people read of it. A plan of
/// 100,000 instances has no use for the former, and would hold it twice.
pub fn preview_by_hand(snapshot: &Arc<Snapshot>) -> Preview {
    let mut walk = standing(snapshot, None);
    walk.by_hand = true;
    walk.judge.tell(Vec::new());
    walk.all();
    // What can't be rendered is among the faults already.
    for (target, (_, prepared)) in walk.run.target.iter_mut().zip(walk.judge.target().unwrap_or_default()) {
        let cases = vec![Case { when: Vec::new(), prepared }];
        target.command.by_hand = Some(Box::new(PlannedByHand { cases, ..PlannedByHand::default() }));
    }
    tallied(walk.run, walk.steps)
}

/// Walks over the plan, with what was seen so far when it looks.
pub(super) fn walked(snapshot: &Arc<Snapshot>, sight: Option<Sight>) -> Walk {
    let mut walk = standing(snapshot, sight);
    walk.all();
    walk
}

/// Returns the walk before its first step.
fn standing(snapshot: &Arc<Snapshot>, sight: Option<Sight>) -> Walk {
    let graph = Arc::new(Graph::of_snapshot(Arc::clone(snapshot)));
    let facts = RunFacts { id: UNKNOWN.to_owned(), ..RunFacts::default() };
    let judge = Judge::new(Arc::new(Engine::new()), Arc::clone(snapshot), Arc::clone(&graph), facts);
    let run = forecast::whole(&judge, snapshot);
    let groups = forecast::groups(&graph);
    let (state, steps, maybe) = (State::new(&graph), Vec::new(), BTreeSet::new());
    Walk { state, graph, judge, groups, run, steps, sight, maybe, by_hand: false }
}

/// Counts the steps.
pub(super) fn tallied(run: PlannedRun, steps: Vec<PlannedStep>) -> Preview {
    let mut preview =
        Preview { run, steps, changing: 0, reading: 0, undetermined: 0, skipped: 0, looked: None };
    for step in &preview.steps {
        if step.is_already_so() {
            continue;
        }
        match (&step.wanted, step.effect) {
            (Wanted::No(_), _) => preview.skipped += 1,
            (Wanted::Unknown, _) => preview.undetermined += 1,
            // It does nothing itself: its steps are counted.
            (Wanted::Yes, _) if step.runs.is_some() => {}
            (Wanted::Yes, Effect::Change) => preview.changing += 1,
            (Wanted::Yes, Effect::Read) => preview.reading += 1,
        }
    }
    preview
}

pub(super) struct Walk {
    pub(super) judge: Judge,
    pub(super) graph: Arc<Graph>,
    pub(super) state: State,
    groups: Vec<u32>,
    /// What holds for the whole run.
    pub(super) run: PlannedRun,
    pub(super) steps: Vec<PlannedStep>,
    /// What was seen, when the plan looks.
    pub(super) sight: Option<Sight>,
    /// The steps of which only the run can know whether they are wanted.
    maybe: BTreeSet<NodeId>,
    /// Whether each command is kept as it would be spawned.
    by_hand: bool,
}

impl PlannedStep {
    /// Says whether it was seen that there is nothing to do.
    pub fn is_already_so(&self) -> bool {
        self.observed.as_ref().is_some_and(|seen| seen.standing == Standing::AlreadySo)
    }
}

impl Walk {
    fn all(&mut self) {
        let options = Options { max_parallel: 1, ..Options::default() };
        self.fold(Event::Opened(Opened { options, ..Opened::none() }));
        self.ready();
        if !self.graph.finally_nodes().is_empty() {
            self.fold(Event::FinallyBegan { status: crate::machine::RunStatus::Succeeded });
            self.ready();
        }
    }

    /// Takes what is ready in file order, as the machine does, until nothing is.
    fn ready(&mut self) {
        loop {
            if let Some(&node) = self.state.to_expand.first() {
                self.expand(node);
            } else if let Some(&at) = self.state.ready.first() {
                self.instance(at);
            } else {
                return;
            }
        }
    }

    /// Applies an event of the imagined run. One that can't follow would be a mistake of this walk, not of the runbook:
    /// it is left out, and the step that it concerns is shown as it stands.
    pub(super) fn fold(&mut self, event: Event) {
        let applied = self.state.apply(&self.graph, &event);
        debug_assert!(applied.is_ok(), "{applied:?}");
    }

    fn expand(&mut self, node: NodeId) {
        let step = self.graph.step(node).id.clone();
        if self.state.goes_with_skipped(&self.graph, node) {
            let result = Finish::Skipped("what brings it in is skipped".to_owned());
            self.fold(Event::Finished { step, result });
            return;
        }
        match self.judge.expand(&self.state, node) {
            Ok(Expansion::Items(items)) => {
                self.steps.reserve_exact(items.len());
                if items.is_empty() {
                    // Left out without a word it would look forgotten.
                    let mut shown = self.blank(node, step.clone());
                    shown.wanted = Wanted::No("`for_each` has nothing to go over".to_owned());
                    self.steps.push(shown);
                }
                self.fold(Event::Expanded { step, items });
            }
            Ok(Expansion::Skip(why)) => {
                let mut shown = self.blank(node, step.clone());
                shown.wanted = Wanted::No(why.clone());
                self.steps.push(shown);
                self.fold(Event::Finished { step, result: Finish::Skipped(why) });
            }
            Ok(Expansion::Unknown(origin)) => {
                let value = item_of(&origin);
                self.fold(Event::Expanded {
                    step: step.clone(),
                    items: vec![Item { key: "*".to_owned(), value }],
                });
                let each = self.by_hand.then(|| self.judge.each_of(&self.state, node)).flatten();
                let at = Addr { node, instance: 0 };
                self.instance(at);
                // One that is skipped for all is skipped, however many there are.
                if let Some(last) = self.steps.last_mut()
                    && last.step == step
                    && !matches!(last.wanted, Wanted::No(_))
                {
                    last.wanted = Wanted::Unknown;
                    last.each_of = Some(format!("‹{origin}›"));
                    last.each = each.map(Box::new);
                }
            }
            Err(why) => {
                let mut shown = self.blank(node, step.clone());
                shown.faults.push(why);
                self.steps.push(shown);
                // The walk goes on, to show every fault at once.
                self.fold(Event::Expanded { step, items: Vec::new() });
            }
        }
    }

    fn blank(&self, node: NodeId, name: String) -> PlannedStep {
        let step = self.graph.step(node);
        PlannedStep {
            title: step.title.as_ref().map_or_else(|| name.clone(), |title| title.src.clone()),
            name,
            step: step.id.clone(),
            phase: step.phase.clone(),
            needs: step.needs.clone(),
            group: self.groups.get(node as usize).copied().unwrap_or_default(),
            wanted: Wanted::Yes,
            each_of: None,
            when: None,
            each: None,
            when_names: Box::default(),
            satisfied: None,
            on_failure: None,
            sensitive: false,
            people: None,
            effect: if self.graph.changes(node) { Effect::Change } else { Effect::Read },
            commands: Vec::new(),
            gates: Vec::new(),
            changes: None,
            said: None,
            lock: None,
            asks: None,
            runs: None,
            irreversible: None,
            observed: None,
            previewed: None,
            finally: self.graph.is_finally(node),
            faults: Vec::new(),
        }
    }

    fn instance(&mut self, at: Addr) {
        let name = self.state.name(&self.graph, at);
        if self.state.goes_with_skipped(&self.graph, at.node) {
            let result = Finish::Skipped("what brings it in is skipped".to_owned());
            self.fold(Event::Finished { step: name, result });
            return;
        }
        let mut shown = self.blank(at.node, name.clone());
        if self.graph.around(at.node).iter().any(|begin| self.maybe.contains(begin)) {
            shown.wanted = Wanted::Unknown;
        }
        match self.judge.when(&self.state, at) {
            Ok(Known::Yes) => {}
            Ok(Known::Unknown) => {
                shown.wanted = Wanted::Unknown;
                self.maybe.insert(at.node);
            }
            Ok(Known::No) => {
                let why = "its condition does not hold".to_owned();
                shown.wanted = Wanted::No(why.clone());
                self.fold(Event::Finished { step: name, result: Finish::Skipped(why) });
                self.steps.push(shown);
                return;
            }
            Err(why) => shown.faults.push(why),
        }
        self.fold(Event::Started { step: name.clone() });
        match Evaluate::lock(&self.judge, &self.state, at) {
            Ok(lock) => shown.lock = lock,
            Err(why) => shown.faults.push(why),
        }
        let graph = Arc::clone(&self.graph);
        forecast::details(&self.judge, &self.state, &graph, at, &mut shown);
        if self.by_hand {
            shown.when_names = self.judge.when_names(&self.state, at).into();
        }
        let body = &graph.step(at.node).body;
        if body.check.is_some() {
            self.command(&mut shown, at, Stage::Check);
        }
        if let Some(capture) = &body.capture {
            self.command(&mut shown, at, Stage::Capture);
            let leaf = Leaf { step: name.clone(), stage: Stage::Capture, attempt: 1 };
            let unknown = || unknowns(capture.outputs.iter().map(|(name, _)| name), "captured");
            let values = self.captured_now(&mut shown, at).unwrap_or_else(unknown);
            self.fold(Event::Intent { leaf, command: String::new(), stdin: None, dir: None, by_hand: None });
            self.fold(Event::Captured { step: name.clone(), values, changes: None });
            self.close(&name, Stage::Capture, Map::new());
        }
        shown.changes = self.judge.changes(&self.state, at);
        if self.by_hand {
            shown.said = Some(Box::new(SaidByHand {
                changes: self.judge.changes_told(&self.state, at),
                asks: self.judge.asks_told(&self.state, at),
                irreversible: self.judge.irreversible_told(&self.state, at),
            }));
        }
        shown.title = self.judge.title(&self.state, at);
        if self.already_so(&mut shown, at) {
            self.steps.push(shown);
            return;
        }
        match &body.action {
            Action::Command(_) | Action::Gate(_) => self.command(&mut shown, at, Stage::Action),
            Action::Approve(_) | Action::Manual(_) => match self.judge.asking(&self.state, at) {
                Ok(asking) => shown.asks = Some(asking.prompt),
                Err(why) => shown.faults.push(why),
            },
            Action::Wait(_) => match self.judge.waits(&self.state, at) {
                Ok(time) => shown.asks = Some(format!("wait {time}")),
                Err(why) => shown.faults.push(why),
            },
            Action::Runbook { .. } => {
                shown.runs = self.judge.brought_in(at);
                shown.lock = self.judge.lock_of(at);
            }
            Action::Nothing => {}
        }
        if graph.step(at.node).guard.is_some() {
            self.command(&mut shown, at, Stage::Guard);
        }
        let note = "note".to_owned();
        let key = self.state.at(at).item.as_ref().filter(|item| item.value.get(UNKNOWN).is_none());
        let key = key.map(|item| item.key.clone());
        let unknown = || {
            // What a person does is told with a note, whatever else it has.
            let noted = matches!(body.action, Action::Manual(_)).then_some(&note);
            let names = body.outputs.iter().map(|(name, _)| name).chain(noted);
            let of = format!("steps.{}.outputs", graph.step(at.node).id);
            let mut values = unknowns(names, &of);
            // Each instance has its own: two that had one name would pass for one value.
            if let Some(key) = key {
                for (name, value) in &mut values {
                    *value = serde_json::json!({UNKNOWN: part_of(&format!("{of}.{name}"), &key)});
                }
            }
            values
        };
        let outputs = self.outputs_now(&mut shown, at).unwrap_or_else(unknown);
        let leaf = Leaf { step: name.clone(), stage: Stage::Action, attempt: 1 };
        self.fold(Event::Intent { leaf, command: String::new(), stdin: None, dir: None, by_hand: None });
        self.close(&name, Stage::Action, outputs);
        if body.verify.is_some() {
            self.command(&mut shown, at, Stage::Verify);
        }
        if let Some(undo) = &body.rollback {
            self.command(&mut shown, at, Stage::Undo);
            if undo.verify.is_some() {
                self.command(&mut shown, at, Stage::UndoVerify);
            }
        }
        if body.irreversible.is_some() {
            match self.judge.irreversible(&self.state, at) {
                Ok(why) => shown.irreversible = Some(why),
                Err(why) => shown.faults.push(why),
            }
        }
        shown.gates = forecast::gates(&self.judge, &self.state, at, &mut shown.faults);
        self.native(&mut shown, at);
        self.carried_out(at);
        self.fold(Event::Finished { step: name, result: Finish::Succeeded });
        let mut told = BTreeSet::new();
        shown.faults.retain(|fault| told.insert(fault.clone()));
        // Of 100,000 instances this is most of what is held.
        shown.commands.shrink_to_fit();
        self.state.forget(at);
        self.steps.push(shown);
    }

    /// Ends an imagined command; it printed what the plan can't know.
    fn close(&mut self, step: &str, stage: Stage, outputs: Map) {
        let leaf = Leaf { step: step.to_owned(), stage, attempt: 1 };
        self.fold(Event::Exited { leaf, end: End::Exit(0), ms: 0, tail: String::new(), outputs });
    }

    fn command(&mut self, shown: &mut PlannedStep, at: Addr, stage: Stage) {
        let prepared = self.judge.prepare(&self.state, at, stage);
        let kept = prepared.as_ref().ok().filter(|_| self.by_hand).cloned().map(|prepared| {
            let names = self.judge.gate_names(&self.state, at, stage);
            let asks = stage == Stage::Action;
            let satisfied = if asks { self.judge.satisfied_names(&self.state, at) } else { Vec::new() };
            let mut cases = Vec::new();
            self.cases(at, stage, Case { when: Vec::new(), prepared }, &mut cases);
            self.judge.tell(Vec::new());
            Box::new(PlannedByHand { cases, names, satisfied })
        });
        match prepared.map(|prepared| forecast::planned(stage, prepared)) {
            Ok(mut planned) => {
                planned.by_hand = kept;
                let limited = forecast::limits(&self.judge, &self.state, at, &mut planned);
                shown.faults.extend(limited.err());
                shown.commands.push(planned);
            }
            Err(why) => shown.faults.push(why),
        }
    }
}

impl Walk {
    /// Tells a command for each case of the conditions that decide what it is. One whose parts differ in more conditions than
    /// anybody reads stays one, with what makes them.
    fn cases(&mut self, at: Addr, stage: Stage, case: Case, cases: &mut Vec<Case>) {
        let condition = case.prepared.turns_on().filter(|_| case.when.len() < MOST_CONDITIONS).cloned();
        let Some(condition) = condition else { return cases.push(case) };
        let mut both = Vec::new();
        for holds in [true, false] {
            let when = [case.when.as_slice(), &[(condition.clone(), holds)]].concat();
            self.judge.tell(when.iter().map(|(of, holds)| (of.key().to_owned(), *holds)).collect());
            match self.judge.prepare(&self.state, at, stage) {
                // Where it can't be so, what is not known is told as it is.
                Err(_) => return cases.push(case),
                Ok(prepared) if prepared.turns_on() == Some(&condition) => return cases.push(case),
                Ok(prepared) => both.push(Case { when, prepared }),
            }
        }
        both.into_iter().for_each(|case| self.cases(at, stage, case, cases));
    }
}

/// Returns values that only the run can know, each saying where it comes from.
fn unknowns<'a>(names: impl Iterator<Item = &'a String>, of: &str) -> Map {
    names.map(|name| (name.clone(), serde_json::json!({UNKNOWN: format!("{of}.{name}")}))).collect()
}
