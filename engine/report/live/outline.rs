//! The phases and steps of a run in file order, and how far each is. An event changes one of them, so it costs the same however
//! large the run is; the whole is looked at only when the run is begun, taken up or turned round.

use std::collections::HashMap;
use std::ops::Range;

use crate::machine::{Event, Graph, NodeId, Progress, State, UndoResult};
use crate::report::Seen;
use crate::report::lines::node_of;

/// How far a step is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mark {
    /// It is no part of what is to be done.
    #[default]
    Absent,
    /// Its turn has not come.
    Pending,
    /// It has begun.
    Begun,
    /// It is over.
    Done,
    /// It is over, and not as it should be.
    Failed,
}

/// Steps that stand under one heading.
#[derive(Clone, Debug)]
pub(super) struct Phase {
    pub(super) title: Option<String>,
    pub(super) nodes: Range<NodeId>,
    /// How many steps there are to do, and how many of each mark.
    pub(super) all: usize,
    pub(super) begun: usize,
    pub(super) done: usize,
    pub(super) failed: usize,
}

impl Phase {
    pub(super) fn pending(&self) -> usize {
        self.all - self.begun - self.done - self.failed
    }
}

/// The whole, in file order.
#[derive(Debug, Default)]
pub(super) struct Outline {
    pub(super) phases: Vec<Phase>,
    marks: Vec<Mark>,
    of: Vec<u32>,
    graph: Graph,
    /// On the way back: how many changes of each step are still to be undone, and of all how many there are and were undone.
    back: Option<HashMap<NodeId, usize>>,
    undone: (usize, usize),
}

impl Outline {
    /// Brings it up to an event.
    pub(super) fn follow(&mut self, seen: &Seen<'_>) {
        match seen.event {
            Event::Opened(_)
            | Event::Resumed { .. }
            | Event::TakenOver { .. }
            | Event::Renewed { .. }
            | Event::RollbackBegan { .. }
            | Event::FinallyBegan { .. } => return self.renew(seen.state, seen.graph),
            _ if self.phases.is_empty() => return self.renew(seen.state, seen.graph),
            _ => {}
        }
        let Some(node) = seen.event.step().and_then(|name| node_of(seen.state, name)) else { return };
        let mark = match (&mut self.back, seen.event) {
            (Some(left), Event::Undone { result, .. }) => {
                let Some(left) = left.get_mut(&node) else { return };
                *left = left.saturating_sub(1);
                self.undone.0 += usize::from(is_undone(result));
                match (result.releases(), *left) {
                    (false, _) => Mark::Failed,
                    (true, 0) => Mark::Done,
                    (true, _) => Mark::Begun,
                }
            }
            (Some(left), _) if left.contains_key(&node) => match self.mark(node) {
                Mark::Pending => Mark::Begun,
                other => other,
            },
            // What is given up on the way back is told when it ends.
            (Some(_), _) if !seen.graph.is_finally(node) => return,
            _ => forwards(seen.state, node),
        };
        self.set(node, mark);
    }

    /// Returns how far a step is.
    pub(super) fn mark(&self, node: NodeId) -> Mark {
        self.marks.get(node as usize).copied().unwrap_or_default()
    }

    /// Returns how a step is called.
    pub(super) fn name(&self, node: NodeId) -> &str {
        &self.graph.step(node).id
    }

    /// Returns the phase of a step.
    pub(super) fn phase_of(&self, node: NodeId) -> Option<usize> {
        self.of.get(node as usize).map(|&phase| phase as usize)
    }

    /// Returns the steps that a step waits for, three at most.
    pub(super) fn waits_for(&self, node: NodeId) -> Vec<&str> {
        if self.back.is_some() || node as usize >= self.graph.len() {
            return Vec::new();
        }
        let open = self.graph.needs(node).iter().filter(|&&need| self.mark(need) != Mark::Done);
        open.take(3).map(|&need| self.name(need)).collect()
    }

    /// Returns how many changes are undone, and how many there were to undo, on the way back.
    pub(super) fn undone(&self) -> Option<(usize, usize)> {
        self.back.is_some().then_some(self.undone)
    }

    fn renew(&mut self, state: &State, graph: &Graph) {
        self.graph = graph.clone();
        self.back = None;
        if state.rollback {
            let mut left: HashMap<NodeId, usize> = HashMap::new();
            self.undone = (0, state.undo_order.len());
            for &at in &state.undo_order {
                let undo = state.at(at).undo.as_ref();
                *left.entry(at.node).or_default() += usize::from(undo.is_none());
                self.undone.0 += usize::from(undo.is_some_and(is_undone));
            }
            self.back = Some(left);
        }
        self.phases.clear();
        self.marks.clear();
        self.of.clear();
        for node in 0..graph.len() as NodeId {
            let finally = graph.is_finally(node);
            let title = graph.step(node).phase.clone().or_else(|| finally.then(|| "Finally".to_owned()));
            match self.phases.last_mut() {
                Some(last) if last.title == title => last.nodes.end = node + 1,
                _ => self.phases.push(Phase {
                    title,
                    nodes: node..node + 1,
                    all: 0,
                    begun: 0,
                    done: 0,
                    failed: 0,
                }),
            }
            self.of.push((self.phases.len() - 1) as u32);
            self.marks.push(Mark::Absent);
            let mark = match &self.back {
                Some(left) if !finally => match left.get(&node) {
                    None => Mark::Absent,
                    Some(0) => Mark::Done,
                    Some(_) => Mark::Pending,
                },
                _ if state.goes_with_skipped(graph, node) => Mark::Absent,
                _ => forwards(state, node),
            };
            self.set(node, mark);
        }
    }

    fn set(&mut self, node: NodeId, mark: Mark) {
        let (Some(before), Some(&phase)) = (self.marks.get_mut(node as usize), self.of.get(node as usize))
        else {
            return;
        };
        let before = std::mem::replace(before, mark);
        let Some(phase) = self.phases.get_mut(phase as usize) else { return };
        let mut count = |mark: Mark, by: fn(usize) -> usize| {
            phase.all = if mark == Mark::Absent { phase.all } else { by(phase.all) };
            match mark {
                Mark::Absent | Mark::Pending => {}
                Mark::Begun => phase.begun = by(phase.begun),
                Mark::Done => phase.done = by(phase.done),
                Mark::Failed => phase.failed = by(phase.failed),
            }
        };
        count(before, |count| count.saturating_sub(1));
        count(mark, |count| count + 1);
    }
}

fn is_undone(result: &UndoResult) -> bool {
    matches!(result, UndoResult::Done | UndoResult::Nothing)
}

/// Returns how far a step is on the way forwards.
fn forwards(state: &State, node: NodeId) -> Mark {
    let content = &state.nodes[node as usize];
    if !content.expanded {
        return Mark::Pending;
    }
    if content.unfinished == 0 {
        return if content.failed > 0 { Mark::Failed } else { Mark::Done };
    }
    let over = content.instances.len() > content.unfinished as usize;
    let first = content.instances.first().map(|one| one.progress);
    let waits = matches!(first, None | Some(Progress::Waiting | Progress::Ready));
    // Of many the first in the file is the first to begin.
    if waits && !over { Mark::Pending } else { Mark::Begun }
}
