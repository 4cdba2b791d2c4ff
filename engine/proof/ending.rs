//! What came of a run, as a test compares it: folded from its journal and from nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::journal::Stored;
use crate::machine::{End, Event, Graph, Illegal, Leaf, Progress, RunStatus, Stage, State, step_of};
use crate::model::{Action, Effect, Map, OnInterrupt, Value};
use crate::report::Standing;

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    /// Its status.
    pub status: RunStatus,
    /// How each instance stands, in file order: its step, its name, the word of a test for how it stands.
    pub steps: Vec<(String, String, &'static str)>,
    /// The steps that exist, whether or not an instance of them is known.
    pub ids: Vec<String>,
    /// The instances in the order in which they began, since the phase began.
    pub order: Vec<String>,
    /// The commands in the order in which they were begun, since the phase began: the instance, and the command as displayed.
    pub commands: Vec<(String, String)>,
    /// The outputs of instances that have some.
    pub outputs: BTreeMap<String, Map>,
    /// What instances say that they change.
    pub changes: BTreeMap<String, String>,
    /// The first failure: the instance, and why.
    pub failure: Option<(String, String)>,
    /// What the command of the first failure printed last.
    pub tail: String,
    /// The state of the tape.
    pub state: Map,
    /// The state with which the tape began.
    pub began: Map,
    /// How often the change of each instance took effect, and how often its undo did.
    pub effects: BTreeMap<(String, Stage), u32>,
    /// The instances whose change, or undo, may be made twice: they are idempotent, or told to be run again.
    pub repeatable: BTreeSet<(String, Stage)>,
    /// The instances that only look.
    pub looks: Vec<String>,
    /// The instances that only a person can settle: what became of their command is not known.
    pub doubts: Vec<String>,
    /// Of each of them, which of its commands that is.
    pub doubtful: BTreeMap<String, Stage>,
    /// The instances to which somebody said no.
    pub rejected: BTreeSet<String>,
    /// What the test says of steps and nothing came of, each as its key and the step: a fault that struck nothing.
    pub idle: Vec<(&'static str, String)>,
    /// How many events the journal holds.
    pub events: usize,
}

impl Ending {
    /// Returns what came of a stored run. `since` is the number of its last event before the phase began; `unheard` the commands
    /// that took effect although their engine did not live to hear of it.
    ///
    /// # Errors
    ///
    /// A journal that does not fit its snapshot.
    pub fn of(stored: &Stored, since: u64, unheard: &[Leaf]) -> Result<Ending, Illegal> {
        let snapshot = Arc::clone(&stored.snapshot);
        let graph = Graph::of_snapshot(Arc::clone(&snapshot));
        let mut state = State::new(&graph);
        let tape = snapshot.tape.as_deref().map(|tape| tape.state.clone()).unwrap_or_default();
        let mut ending = Ending { state: tape.clone(), began: tape, ..Ending::default() };
        for record in &stored.records {
            state.apply(&graph, &record.event)?;
            let fresh = record.seq > since;
            match &record.event {
                Event::Started { step } if fresh => ending.order.push(step.clone()),
                Event::Intent { leaf, command, .. } if fresh => {
                    ending.commands.push((leaf.step.clone(), command.clone()));
                }
                Event::Exited { leaf, end: End::Exit(0), .. } => ending.took_effect(leaf),
                Event::Answered { step, yes: false, .. } => drop(ending.rejected.insert(step.clone())),
                Event::Played { state, .. } => ending.state.clone_from(state),
                _ => {}
            }
        }
        unheard.iter().for_each(|leaf| ending.took_effect(leaf));
        ending.events = stored.records.len();
        ending.status = state.status;
        ending.failure.clone_from(&state.first_failure);
        ending.read(&graph, &state);
        Ok(ending)
    }

    fn took_effect(&mut self, leaf: &Leaf) {
        if matches!(leaf.stage, Stage::Action | Stage::Undo) {
            *self.effects.entry((leaf.step.clone(), leaf.stage)).or_default() += 1;
        }
    }

    fn read(&mut self, graph: &Graph, state: &State) {
        self.ids = (0..graph.len() as u32).map(|node| graph.step(node).id.clone()).collect();
        for (node, content) in state.nodes.iter().enumerate() {
            if content.expanded && content.instances.is_empty() {
                // A `for_each` over nothing: there was nothing to do.
                self.steps.push((self.ids[node].clone(), self.ids[node].clone(), "satisfied"));
            }
        }
        for (at, instance) in state.instances() {
            let step = graph.step(at.node);
            let name = state.name(graph, at);
            let standing = Standing::of(graph, state, at, false);
            if standing == Standing::InDoubt || matches!(instance.progress, Progress::Doubt(_)) {
                self.doubts.push(name.clone());
                let stage = match (instance.progress, instance.open) {
                    (Progress::Doubt(stage), _) | (_, Some((stage, _))) => stage,
                    _ => Stage::Action,
                };
                self.doubtful.insert(name.clone(), stage);
            }
            let changes =
                step.body.effect == Effect::Change && matches!(step.body.action, Action::Command(_));
            if !changes || graph.is_finally(at.node) || step.on_interrupt() == OnInterrupt::Rerun {
                self.repeatable.insert((name.clone(), Stage::Action));
            }
            if step.body.idempotent {
                self.repeatable.insert((name.clone(), Stage::Undo));
            }
            if step.body.effect == Effect::Read {
                self.looks.push(name.clone());
            }
            if !instance.outputs.is_empty() {
                self.outputs.insert(name.clone(), instance.outputs.clone());
            }
            if let Some(changes) = &instance.changes {
                self.changes.insert(name.clone(), changes.clone());
            }
            if self.failure.as_ref().is_some_and(|(failed, _)| *failed == name) {
                self.tail.clone_from(&instance.tail);
            }
            self.steps.push((step.id.clone(), name, word(standing)));
        }
    }

    /// Leaves out of the states what is clockwork of the tape: paths, with `*` for any name.
    pub fn without(mut self, scratch: &[String]) -> Ending {
        for path in scratch {
            let path: Vec<&str> = path.split('.').collect();
            cut(&mut self.state, &path);
            cut(&mut self.began, &path);
        }
        self
    }

    /// Returns how the instances stand that `name` means: those of a step, or one.
    pub fn standing(&self, name: &str) -> Vec<(&str, &'static str)> {
        self.steps
            .iter()
            .filter(|(step, instance, _)| step == name || instance == name)
            .map(|(_, instance, word)| (instance.as_str(), *word))
            .collect()
    }

    /// Returns the instances of a step that `name` would be one of, when it is none of them and they are known.
    pub fn others(&self, name: &str) -> Vec<&str> {
        let id = step_of(name, |id| self.ids.iter().any(|known| known == id));
        let of_step = self.steps.iter().filter(|(step, ..)| step == id);
        let names: Vec<&str> = of_step.map(|(_, instance, _)| instance.as_str()).collect();
        if id == name || names.contains(&name) { Vec::new() } else { names }
    }

    /// Returns the step of an instance.
    pub fn step_of<'a>(&'a self, instance: &'a str) -> &'a str {
        self.steps.iter().find(|(_, name, _)| name == instance).map_or(instance, |(step, ..)| step)
    }
}

fn cut(state: &mut Map, path: &[&str]) {
    match path {
        [] => {}
        ["*"] => state.clear(),
        [last] => drop(state.shift_remove(*last)),
        [first, rest @ ..] => {
            for (_, inner) in state.iter_mut().filter(|(name, _)| *first == "*" || *name == first) {
                if let Value::Object(inner) = inner {
                    cut(inner, rest);
                }
            }
        }
    }
}

/// Returns the word of a test for where an instance stands.
fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Failed => "failed",
        Standing::UndoFailed => "undo_failed",
        Standing::UndoBlocked => "not_undone",
        Standing::InDoubt => "in_doubt",
        Standing::Asking => "asking",
        Standing::Done => "done",
        Standing::MarkedDone => "marked_done",
        Standing::Satisfied => "satisfied",
        Standing::Skipped => "skipped",
        Standing::Undone => "undone",
        Standing::Left => "left",
        Standing::Ready | Standing::Waiting => "not_begun",
        _ => "stopped",
    }
}

/// Returns the word of a test for the status of a run.
pub(super) fn status_word(status: RunStatus) -> String {
    status.word().replace(' ', "_")
}
