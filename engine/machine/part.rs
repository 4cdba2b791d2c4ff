//! A part of a runbook: what `--only` and `--from` leave out, and what was skipped with the step that brings it in.

use super::decide::Machine;
use super::event::Finish;
use super::graph::{Graph, NodeId};

/// Returns the ids of the steps that run when a run begins at `from`: that step, whatever depends on it, and what
/// stands after it in the file. What stands before it and does not depend on it is left out: whoever begins in the
/// middle has done it, or does not want it.
pub fn from_step(graph: &Graph, from: NodeId) -> Vec<String> {
    graph
        .main_nodes()
        .filter(|&node| node >= from || graph.transitive_needs(node).binary_search(&from).is_ok())
        .map(|node| graph.step(node).id.clone())
        .collect()
}

impl Machine {
    /// Returns why a step is left out of this run; `None` when it is not.
    pub(super) fn left_out(&self, node: NodeId) -> Option<String> {
        if let Some(why) = self.not_begun(node) {
            return Some(why);
        }
        let opened = self.state.opened.as_ref()?;
        let only = &opened.options.only;
        if only.is_empty() || self.graph.is_finally(node) || only.contains(&self.graph.step(node).id) {
            return None;
        }
        let reason = opened.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        Some(match &opened.options.from {
            Some(from) => format!("it comes before {from}, where the run was to begin{reason}"),
            None => "not among the steps asked for".to_owned(),
        })
    }

    /// Returns why a step that came in with a runbook is left out with it: the step that brings it in was skipped, or, for
    /// one of `finally`, has not begun.
    fn not_begun(&self, node: NodeId) -> Option<String> {
        self.graph.around(node).into_iter().find_map(|begin| {
            let id = &self.graph.step(begin).id;
            let finish =
                self.state.nodes[begin as usize].instances.first().and_then(|one| one.finish.as_ref());
            match finish {
                Some(Finish::Skipped(_)) => Some(format!("{id} was skipped")),
                Some(Finish::MarkedDone) => Some(format!("{id} was marked as done")),
                Some(Finish::Succeeded | Finish::Satisfied) => None,
                Some(Finish::Failed(_) | Finish::Stopped) | None => Some(format!("{id} did not begin")),
            }
        })
    }
}
