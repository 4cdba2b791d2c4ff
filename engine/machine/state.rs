//! The state of a run: what its events fold to.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::Map;

use super::event::{
    Covered, End, Finish, Item, Keeper, Process, Question, RunStatus, Stage, UndoResult, Verdict,
};
use super::graph::{Addr, Graph, NodeId};
use super::instances::Instances;
use super::opened::{Opened, Person};

/// What the run as a whole is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Nothing yet, or nothing any more.
    #[default]
    Resting,
    /// Starting whatever is ready.
    Forward,
    /// Starting nothing more since a step failed; what runs goes on to its end.
    Draining,
    /// Starting nothing more since somebody asked; what runs may finish, gates and waits are let go.
    Stopping,
    /// Undoing.
    RollingBack,
    /// Running the `finally` steps.
    Finally,
}

/// Where an instance is on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// Something it needs is not done.
    #[default]
    Waiting,
    /// It could start.
    Ready,
    /// It is in this stage.
    Working(Stage),
    /// It waits for the next attempt of this stage.
    Backoff(Stage),
    /// A person is asked.
    Asking(Question),
    /// The end of this stage's command is unknown.
    Doubt(Stage),
    /// It has a [`Finish`].
    Over,
}

/// One instance of a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Instance {
    /// Its element of the `for_each`.
    pub item: Option<Item>,
    /// Where it is.
    pub progress: Progress,
    /// The command whose intent is durable and whose outcome is not.
    pub open: Option<(Stage, u32)>,
    /// How often each stage was begun, by [`Stage`] as a number.
    pub attempts: [u32; 7],
    /// The last process.
    pub process: Option<Process>,
    /// How the last command ended.
    pub last_end: Option<End>,
    /// What it printed last.
    pub tail: String,
    /// The last command as displayed.
    pub command: String,
    /// Whether the action went well.
    pub action_ok: bool,
    /// When its action was first begun, as a rank among all; absent while nothing was touched.
    pub touched: Option<u32>,
    /// The attempt that began its action first.
    pub touched_by: u32,
    /// Whether the end of its action was unknown, and the gate after it is asked to find out.
    pub doubted: bool,
    /// The state before.
    pub captured: Map,
    /// The one-line difference.
    pub changes: Option<String>,
    /// Its outputs.
    pub outputs: Map,
    /// The lock that it has.
    pub lock: Option<String>,
    /// The lock that it waits for, and who has it.
    pub awaits: Option<(String, Keeper)>,
    /// The last answer of its gate, and what was seen.
    pub gate: Option<(Verdict, String)>,
    /// The attempt of the guard that watches its action.
    pub guarded: Option<u32>,
    /// The last answer of its guard, and what was seen.
    pub guard: Option<(Verdict, String)>,
    /// Whether the time for which its gate's answer was good is over.
    pub lapsed: bool,
    /// Whether the time of its gate or its question is up.
    pub expired: bool,
    /// The answer of a person to what is asked now.
    pub answer: Option<bool>,
    /// What a yes to it approves, when it is an approval that was asked for.
    pub covers: Vec<Covered>,
    /// Who said yes to it, in order.
    pub votes: Vec<Vote>,
    /// Its end.
    pub finish: Option<Finish>,
    /// Whether the undo's command went well.
    pub undo_ok: bool,
    /// Whether the end of its undo was unknown, and the gate after it is asked to find out.
    pub undo_doubted: bool,
    /// The command that undoes it as displayed, once it was begun or could not be.
    pub undo_command: String,
    /// The end of its undo.
    pub undo: Option<UndoResult>,
}

/// A yes to an approval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vote {
    /// Who.
    pub by: Person,
    /// To what; absent in a journal of a version that did not bind approvals to commands.
    pub hash: Option<String>,
}

/// A step with its instances.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// The instances: one, or those of the `for_each` once it is expanded.
    pub instances: Instances,
    /// Whether the instances are known.
    pub expanded: bool,
    /// How many needs are not done.
    pub unmet: u32,
    /// How many instances have no end.
    pub unfinished: u32,
    /// How many instances failed or were stopped.
    pub failed: u32,
    /// The instances by what stands in the brackets.
    pub(super) keys: HashMap<String, u32>,
    /// The attempts of instances that were, by key: no two processes of a run share a name.
    pub(super) attempts: HashMap<String, [u32; 7]>,
}

/// The state of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// How it was opened.
    pub opened: Option<Opened>,
    /// Who drives it: who opened it, or took it up last.
    pub driver: String,
    /// Its status.
    pub status: RunStatus,
    /// What it is doing.
    pub mode: Mode,
    /// The steps, by [`NodeId`].
    pub nodes: Vec<Node>,
    /// Instances that could start, in file order.
    pub ready: BTreeSet<Addr>,
    /// Steps whose `for_each` could be expanded, in file order.
    pub to_expand: BTreeSet<NodeId>,
    /// Instances whose action was begun, in that order.
    pub touched: Vec<Addr>,
    /// The first failure: the instance and why.
    pub first_failure: Option<(String, String)>,
    /// Whether a failure rolls back once what runs has ended.
    pub then_rollback: bool,
    /// Whether rollback was begun: from then on the run goes backwards only.
    pub rollback: bool,
    /// What is to be undone, in order.
    pub undo_order: Vec<Addr>,
    /// The last step to undo, when not all of them.
    pub undo_to: Option<String>,
    /// The status that the `finally` steps see, and that the run rests with.
    pub outcome: RunStatus,
    /// Whether the `finally` steps were begun and are not all over.
    pub in_finally: bool,
    /// How many main steps are not done.
    pub main_left: u32,
    /// How many `finally` steps are not done.
    pub finally_left: u32,
    /// How many instances a person is asked about.
    pub asking: u32,
    /// The locks of steps, with who has them.
    pub locks: BTreeMap<String, Addr>,
    pub(super) ids: HashMap<String, NodeId>,
}

impl State {
    /// Returns the state before the first event.
    pub fn new(graph: &Graph) -> State {
        let mut state = State::default();
        for number in 0..graph.len() as u32 {
            let step = graph.step(number);
            state.ids.insert(step.id.clone(), number);
            state.nodes.push(Node { unmet: graph.needs(number).len() as u32, ..Node::default() });
            if step.for_each.is_none() {
                state.nodes[number as usize].single();
            }
        }
        state.main_left = graph.main_nodes().len() as u32;
        state.finally_left = graph.finally_nodes().len() as u32;
        state
    }

    /// Returns an instance.
    pub fn at(&self, at: Addr) -> &Instance {
        &self.nodes[at.node as usize].instances[at.instance as usize]
    }

    pub(super) fn at_mut(&mut self, at: Addr) -> &mut Instance {
        &mut self.nodes[at.node as usize].instances[at.instance as usize]
    }

    /// Forgets what of an imagined run nothing reads any more once an instance is over: its element and the state before
    /// it. Its key and its outputs stay. Without effect where only the run knows the element.
    pub fn forget(&mut self, at: Addr) {
        let instance = self.at_mut(at);
        instance.captured = Map::new();
        if let Some(item) = &mut instance.item
            && item.value.get(super::scope::UNKNOWN).is_none()
        {
            item.value = crate::model::Value::Null;
        }
    }

    /// Returns the name of an instance: the step's id, with what stands in the brackets for a `for_each`.
    pub fn name(&self, graph: &Graph, at: Addr) -> String {
        let id = &graph.step(at.node).id;
        match &self.at(at).item {
            Some(item) => format!("{id}[{}]", item.key),
            None => id.clone(),
        }
    }

    /// Returns the instance of this name.
    pub fn find(&self, name: &str) -> Option<Addr> {
        if let Some(&node) = self.ids.get(name) {
            let single = self.nodes[node as usize].instances.first().is_some_and(|only| only.item.is_none());
            return single.then_some(Addr { node, instance: 0 });
        }
        let id = step_of(name, |id| self.ids.contains_key(id));
        let &node = self.ids.get(id)?;
        let key = name.strip_prefix(id)?.strip_prefix('[')?.strip_suffix(']')?;
        let &instance = self.nodes[node as usize].keys.get(key)?;
        Some(Addr { node, instance })
    }

    /// Returns the step of this id.
    pub fn node(&self, id: &str) -> Option<NodeId> {
        self.ids.get(id).copied()
    }

    /// Returns the ids of the steps, in no order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.ids.keys().map(String::as_str)
    }

    /// Returns every instance that is known, in file order.
    pub fn instances(&self) -> impl Iterator<Item = (Addr, &Instance)> {
        self.nodes.iter().enumerate().flat_map(|(node, content)| {
            content
                .instances
                .iter()
                .enumerate()
                .map(move |(instance, state)| (Addr { node: node as u32, instance: instance as u32 }, state))
        })
    }

    /// Returns the instances whose action or undo has an intent and no outcome. While an engine runs them they are
    /// at work; when none does their end is unknown: they are in doubt.
    pub fn open(&self) -> impl Iterator<Item = (Addr, Stage, u32)> {
        self.instances().filter_map(|(at, instance)| {
            let (stage, attempt) = instance.open?;
            matches!(stage, Stage::Action | Stage::Undo).then_some((at, stage, attempt))
        })
    }

    /// Says whether a step is left out with the one that brings in its runbook: that one is told, and this one is not.
    pub fn goes_with_skipped(&self, graph: &Graph, node: NodeId) -> bool {
        graph.around(node).into_iter().any(|begin| {
            let instance = self.nodes[begin as usize].instances.first();
            let finish = instance.and_then(|one| one.finish.as_ref());
            matches!(finish, Some(Finish::Skipped(_) | Finish::MarkedDone))
        })
    }

    /// Says whether the run can go on: forwards or, when half undone, backwards.
    pub fn is_unfinished(&self) -> bool {
        !matches!(self.status, RunStatus::Succeeded | RunStatus::RolledBack)
    }
}

impl Node {
    /// Makes this a step with one instance.
    pub(super) fn single(&mut self) {
        self.instances = vec![Instance::default()].into();
        self.expanded = true;
        self.unfinished = 1;
    }

    /// Says whether everything that needs this step may start.
    pub fn is_done(&self) -> bool {
        self.expanded && self.unfinished == 0 && self.failed == 0
    }
}

impl Finish {
    /// Says whether what needs this instance may start.
    pub fn releases(&self) -> bool {
        !matches!(self, Finish::Failed(_) | Finish::Stopped)
    }
}

/// Returns the id of the step that an instance's name begins with. `db[eu]/copy[a]` is the instance `a` of the step
/// `db[eu]/copy`: an id holds brackets where a runbook was brought in for each of several, and a key may hold anything.
/// What begins with no id is taken up to its first bracket.
pub fn step_of(name: &str, is_id: impl Fn(&str) -> bool) -> &str {
    if is_id(name) {
        return name;
    }
    let known = name.match_indices('[').map(|(at, _)| &name[..at]).find(|id| is_id(id));
    known.unwrap_or_else(|| name.split('[').next().unwrap_or(name))
}
