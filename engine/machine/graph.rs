//! The shape of a run: the steps of the runbook and of its `finally`, as numbered nodes.

use std::sync::Arc;

use super::event::Stage;
use crate::model::{Action, Effect, OnFailure, Runbook, Snapshot, Step, Sub};

/// The number of a step: the runbook's steps in the order written, then those of `finally`.
pub type NodeId = u32;

/// One instance of a step. A step without `for_each` has the one instance 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Addr {
    /// The step.
    pub node: NodeId,
    /// The instance.
    pub instance: u32,
}

/// The steps with who needs whom, both ways.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Where the steps are: a copy of their own would be as large again.
    of: Arc<Snapshot>,
    needs: Vec<Vec<NodeId>>,
    dependents: Vec<Vec<NodeId>>,
    main: u32,
    on_failure: OnFailure,
    /// The nodes that begin the runbooks brought in, by sub.
    begins: Vec<Option<NodeId>>,
    /// The subs by the nodes that begin them.
    begun: std::collections::BTreeMap<NodeId, u32>,
    /// The sub that each sub is part of.
    within: Vec<Option<u32>>,
    /// The most instances of each sub at work at once.
    most: Vec<Option<u32>>,
}

impl Graph {
    /// Returns the graph of a checked runbook. A need that names no step is left out: `load` has reported it.
    ///
    /// It keeps a copy of the runbook: where there is a snapshot, [`Graph::of_snapshot`] shares it.
    pub fn of(runbook: &Runbook) -> Graph {
        Graph::of_snapshot(Arc::new(Snapshot { runbook: runbook.clone(), ..Snapshot::default() }))
    }

    /// Returns the graph of the runbook in a snapshot.
    pub fn of_snapshot(snapshot: Arc<Snapshot>) -> Graph {
        let runbook = &snapshot.runbook;
        let steps: Vec<&Step> = runbook.steps.iter().chain(&runbook.finally).collect();
        let main = runbook.steps.len();
        let mut ids = std::collections::HashMap::with_capacity(steps.len());
        for (number, step) in steps.iter().enumerate() {
            ids.insert(step.id.as_str(), number);
        }
        let mut needs = vec![Vec::new(); steps.len()];
        let mut dependents = vec![Vec::new(); steps.len()];
        for (number, step) in steps.iter().enumerate() {
            for need in &step.needs {
                // A step of `finally` may name a main step: it is over by then, so it is nothing to wait for.
                match ids.get(need.as_str()) {
                    Some(&other) if (other < main) == (number < main) => {
                        needs[number].push(other as NodeId);
                        dependents[other].push(number as NodeId);
                    }
                    _ => {}
                }
            }
        }
        let begin = |sub: &Sub| ids.get(sub.step.as_str()).map(|&number| number as NodeId);
        let begins: Vec<Option<NodeId>> = runbook.subs.iter().map(begin).collect();
        let mut begun = std::collections::BTreeMap::new();
        for (sub, node) in (0..).zip(&begins) {
            if let Some(node) = *node {
                begun.entry(node).or_insert(sub);
            }
        }
        let within = runbook.subs.iter().map(|sub| sub.within).collect();
        let most = runbook.subs.iter().map(|sub| sub.max_parallel).collect();
        let (main, on_failure) = (main as u32, runbook.on_failure);
        let mut graph =
            Graph { needs, dependents, main, on_failure, begins, begun, within, most, of: snapshot };
        graph.need_through_waits();
        graph
    }

    /// Makes what stands behind a person or a wait need the gates before it, when their answers are good for a while: it
    /// is the time spent there that makes them old, and the steps are mostly written one after the other.
    fn need_through_waits(&mut self) {
        let all = 0..self.len() as NodeId;
        let gates: Vec<NodeId> = all.filter(|&node| self.fresh_stage(node).is_some()).collect();
        for gate in gates {
            let mut behind = Vec::new();
            let mut waits = self.dependents[gate as usize].clone();
            let mut seen: std::collections::BTreeSet<NodeId> = waits.iter().copied().collect();
            while let Some(wait) = waits.pop() {
                let idle = matches!(
                    self.step(wait).body.action,
                    Action::Approve(_) | Action::Manual(_) | Action::Wait(_)
                );
                if !idle {
                    continue;
                }
                for &next in &self.dependents[wait as usize] {
                    if seen.insert(next) {
                        behind.push(next);
                        waits.push(next);
                    }
                }
            }
            for next in behind {
                self.needs[next as usize].push(gate);
                self.dependents[gate as usize].push(next);
            }
        }
    }

    /// Returns the stage of the gate whose answer is good for a while only, of those that others need.
    pub fn fresh_stage(&self, node: NodeId) -> Option<Stage> {
        let body = &self.step(node).body;
        match (&body.action, &body.verify) {
            (Action::Gate(gate), _) if gate.ages() => Some(Stage::Action),
            (_, Some(gate)) if gate.ages() => Some(Stage::Verify),
            _ => None,
        }
    }

    /// Returns the step of a node.
    pub fn step(&self, node: NodeId) -> &Step {
        let runbook = &self.of.runbook;
        match node.checked_sub(self.main) {
            Some(finally) => &runbook.finally[finally as usize],
            None => &runbook.steps[node as usize],
        }
    }

    /// Returns what it is the shape of.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.of)
    }

    /// Returns the number of nodes.
    pub fn len(&self) -> usize {
        self.needs.len()
    }

    /// Says whether there are no steps.
    pub fn is_empty(&self) -> bool {
        self.needs.is_empty()
    }

    /// Returns the nodes that `node` needs.
    pub fn needs(&self, node: NodeId) -> &[NodeId] {
        &self.needs[node as usize]
    }

    /// Returns the nodes that need `node`.
    pub fn dependents(&self, node: NodeId) -> &[NodeId] {
        &self.dependents[node as usize]
    }

    /// Says whether `node` belongs to `finally`.
    pub fn is_finally(&self, node: NodeId) -> bool {
        node >= self.main
    }

    /// Returns the nodes of the runbook proper.
    pub fn main_nodes(&self) -> std::ops::Range<NodeId> {
        0..self.main
    }

    /// Returns the nodes of `finally`.
    pub fn finally_nodes(&self) -> std::ops::Range<NodeId> {
        self.main..self.len() as u32
    }

    /// Returns the subs that `node` came in with, the innermost first.
    pub fn subs_of(&self, node: NodeId) -> impl Iterator<Item = u32> + '_ {
        // Each stands in one before it, whatever a stored snapshot says: there is no circle to walk in.
        let next = |&sub: &u32| self.within.get(sub as usize).copied().flatten().filter(|&next| next < sub);
        std::iter::successors(self.step(node).sub, next)
    }

    /// Says whether `node` begins a sub.
    pub fn begins(&self, node: NodeId) -> bool {
        self.begun.contains_key(&node)
    }

    /// Returns the node that begins a sub.
    pub fn begin_of(&self, sub: u32) -> Option<NodeId> {
        self.begins.get(sub as usize).copied().flatten()
    }

    /// Returns the nodes that began what `node` came in with, the outermost first.
    pub fn around(&self, node: NodeId) -> Vec<NodeId> {
        let mut begins: Vec<NodeId> = self.subs_of(node).filter_map(|sub| self.begin_of(sub)).collect();
        begins.reverse();
        begins
    }

    /// Returns the most instances of a sub at work at once, when it says so.
    pub fn most_of(&self, sub: u32) -> Option<u32> {
        self.most.get(sub as usize).copied().flatten()
    }

    /// Returns the sub that a node begins.
    pub fn begun_by(&self, node: NodeId) -> Option<u32> {
        self.begun.get(&node).copied()
    }

    /// Returns how many subs there are.
    pub fn subs(&self) -> usize {
        self.begins.len()
    }

    /// Returns the runbook's own answer to a failed step.
    pub fn on_failure(&self) -> OnFailure {
        self.on_failure
    }

    /// Says whether `node` leaves something behind that may have to be undone.
    pub fn changes(&self, node: NodeId) -> bool {
        let body = &self.step(node).body;
        body.effect == Effect::Change && matches!(body.action, Action::Command(_))
    }

    /// Returns every node that `node` needs, directly or not, in ascending order.
    pub fn transitive_needs(&self, node: NodeId) -> Vec<NodeId> {
        let mut seen = std::collections::BTreeSet::new();
        let mut stack = self.needs(node).to_vec();
        while let Some(next) = stack.pop() {
            if seen.insert(next) {
                stack.extend_from_slice(self.needs(next));
            }
        }
        seen.into_iter().collect()
    }
}
