//! Forwards again, after a rollback down to a step: what was undone is as if it had never been tried.

use super::event::{Finish, Stage, UndoResult};
use super::graph::{Addr, Graph, NodeId};
use super::state::{Instance, Progress, State};

impl State {
    /// Sets back what was undone, and everything that needs it: it is run again, captures anew (the state before was put
    /// back), is asked again, expands anew. What was left since it can't be undone, or was done by hand, stands, and is not
    /// run twice.
    pub(super) fn begin_again(&mut self, graph: &Graph) {
        let undone = |one: &Instance| matches!(one.undo, Some(UndoResult::Done | UndoResult::Nothing));
        let sources: Vec<NodeId> = graph
            .main_nodes()
            .filter(|&node| self.nodes[node as usize].instances.iter().any(undone))
            .collect();
        let mut above = vec![false; graph.len()];
        let mut next: Vec<NodeId> =
            sources.iter().flat_map(|&node| graph.dependents(node)).copied().collect();
        while let Some(node) = next.pop() {
            if !std::mem::replace(&mut above[node as usize], true) {
                next.extend_from_slice(graph.dependents(node));
            }
        }
        let failure = self.first_failure.take();
        let failed = failure.as_ref().and_then(|(name, _)| self.find(name));
        let mut failed_again = false;
        for node in graph.main_nodes() {
            let above = above[node as usize];
            let content = &mut self.nodes[node as usize];
            let mut kept = false;
            for (number, instance) in content.instances.iter_mut().enumerate() {
                // A change that a person made by hand is undone by nobody here, so it stands, and is not made twice.
                let by_hand = instance.finish == Some(Finish::MarkedDone) && graph.changes(node);
                let again = undone(instance) || above && instance.undo.is_none() && !by_hand;
                if !again {
                    kept = true;
                    // Left as it is, but without a good end: it is gone on with, and asked about by another rollback.
                    if !instance.finish.as_ref().is_some_and(Finish::releases) {
                        instance.undo = None;
                    }
                    // Cut off in the middle and then left: nobody knows how it ended, and it is over for nobody.
                    if instance.progress == Progress::Over && instance.finish.is_none() {
                        instance.progress = match instance.action_ok {
                            true => Progress::Working(Stage::Verify),
                            false => Progress::Doubt(Stage::Action),
                        };
                    }
                    continue;
                }
                self.asking -= u32::from(matches!(instance.progress, Progress::Asking(_)));
                failed_again |= failed == Some(Addr { node, instance: number as u32 });
                let (item, attempts) = (instance.item.take(), instance.attempts);
                *instance = Instance { item, attempts, ..Instance::default() };
            }
            // What the items are may depend on what is run again.
            if above && !kept && graph.step(node).for_each.is_some() {
                let were = content
                    .instances
                    .iter()
                    .filter_map(|one| Some((one.item.as_ref()?.key.clone(), one.attempts)));
                content.attempts.extend(were);
                content.instances.clear();
                content.keys.clear();
                content.expanded = false;
            }
        }
        self.first_failure = failure.filter(|_| !failed_again);
        let nodes = &self.nodes;
        let touched = |at: &Addr| {
            nodes[at.node as usize]
                .instances
                .get(at.instance as usize)
                .is_some_and(|one| one.touched.is_some())
        };
        self.touched.retain(touched);
        for rank in 0..self.touched.len() {
            let at = self.touched[rank];
            self.at_mut(at).touched = Some(rank as u32);
        }
        self.rollback = false;
        self.undo_order.clear();
        self.undo_to = None;
        self.count_anew(graph);
    }

    /// Counts anew what the fold otherwise keeps count of, and says anew what could start.
    pub(super) fn count_anew(&mut self, graph: &Graph) {
        self.ready.retain(|at| graph.is_finally(at.node));
        self.to_expand.retain(|&node| graph.is_finally(node));
        for node in graph.main_nodes() {
            let content = &mut self.nodes[node as usize];
            let ends = || content.instances.iter().map(|one| one.finish.as_ref());
            let unfinished = ends().filter(Option::is_none).count() as u32;
            let failed = ends().flatten().filter(|finish| !finish.releases()).count() as u32;
            (content.unfinished, content.failed) = (unfinished, failed);
        }
        self.main_left =
            graph.main_nodes().filter(|&node| !self.nodes[node as usize].is_done()).count() as u32;
        for node in graph.main_nodes() {
            let unmet =
                graph.needs(node).iter().filter(|&&need| !self.nodes[need as usize].is_done()).count();
            let content = &mut self.nodes[node as usize];
            content.unmet = unmet as u32;
            if !content.expanded && unmet == 0 {
                self.to_expand.insert(node);
            }
            for (number, instance) in content.instances.iter_mut().enumerate() {
                if matches!(instance.progress, Progress::Waiting | Progress::Ready) {
                    instance.progress = if unmet == 0 { Progress::Ready } else { Progress::Waiting };
                    if unmet == 0 {
                        self.ready.insert(Addr { node, instance: number as u32 });
                    }
                }
            }
        }
    }
}
