//! Which instances a person can settle (`--retry`, `--skip`, `--done`), asked before anything is written.
//!
//! A word that changes nothing must not be taken in silence: whoever typed it believes that it did.

use crate::template::Engine;

use super::event::{Finish, RunStatus, Stage};
use super::graph::{Addr, Graph, NodeId};
use super::reads::outputs_read;
use super::resume::{GoingBack, going_back};
use super::state::{Instance, Progress, State};

/// Why what a person named can't be settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotOpen {
    /// What was named.
    pub step: String,
    /// How it stands, as the end of a sentence that begins with its name.
    pub stands: String,
    /// What can be settled instead.
    pub open: Vec<String>,
}

/// Returns the instances that a person can settle when the run is taken up again: begun, and not over for good.
pub fn open_to_decision(state: &State, graph: &Graph) -> Vec<Addr> {
    // Of a run that goes back, or went back and could not, the undos that failed or whose end is not known.
    if state.rollback {
        return state.touched.iter().copied().filter(|&at| is_undo_open(state, graph, at)).collect();
    }
    // A `finally` that told of a failure begins anew, so nothing of it is open; any other is all that is left.
    let in_finally = state.in_finally && state.outcome != RunStatus::Failed;
    state
        .instances()
        .filter(|(at, instance)| graph.is_finally(at.node) == in_finally && is_open(instance))
        .map(|(at, _)| at)
        .collect()
}

/// Insists that each of the named instances or steps can be settled.
///
/// # Errors
///
/// [`NotOpen`] for the first that can't. A name that the run does not have is not told here.
pub fn settles<'a>(
    state: &State,
    graph: &Graph,
    named: impl IntoIterator<Item = &'a String>,
) -> Result<(), NotOpen> {
    let open = open_to_decision(state, graph);
    for step in named {
        let at = state.find(step);
        let means = |other: &&Addr| Some(**other) == at || state.node(step) == Some(other.node);
        if !open.iter().any(|other| means(&other)) {
            let stands = at.map_or_else(|| of_all(state, step), |at| stands(state, graph, at));
            let open = open.iter().map(|&at| state.name(graph, at)).collect();
            return Err(NotOpen { step: step.clone(), stands, open });
        }
    }
    Ok(())
}

/// Returns the outputs that will be missing when these instances or steps are skipped or taken as done: who reads them,
/// of which step, and their names.
pub fn missing_outputs<'a>(
    engine: &Engine,
    state: &State,
    graph: &Graph,
    settled: impl IntoIterator<Item = &'a String>,
) -> Vec<(String, String, String)> {
    let settled: Vec<NodeId> = settled
        .into_iter()
        .filter_map(|name| state.find(name).map(|at| at.node).or_else(|| state.node(name)))
        .collect();
    let has = |node: NodeId, output: &String| {
        state.nodes[node as usize].instances.iter().any(|one| one.outputs.contains_key(output))
    };
    let mut missing = Vec::new();
    for reader in (0..graph.len() as NodeId).filter(|&reader| !state.nodes[reader as usize].is_done()) {
        let step = graph.step(reader);
        // A step that was brought in speaks of those beside it by the rest of their names.
        let begin = graph.around(reader).last().map(|&begin| &graph.step(begin).id);
        for (of, name) in outputs_read(engine, step) {
            let of = begin.map_or_else(|| of.clone(), |begin| format!("{begin}/{of}"));
            if state.node(&of).is_some_and(|node| settled.contains(&node) && !has(node, &name)) {
                missing.push((step.id.clone(), of, name));
            }
        }
    }
    missing
}

fn is_undo_open(state: &State, graph: &Graph, at: Addr) -> bool {
    let instance = state.at(at);
    // The engine died while the undo ran, and nobody has said yet that its end is not known.
    let cut_off = instance.open.is_some_and(|(stage, _)| stage == Stage::Undo);
    cut_off
        || instance.undo.as_ref().is_some_and(|undo| !undo.releases())
        || matches!(
            going_back(instance, &graph.step(at.node).body),
            GoingBack::InDoubt | GoingBack::Gate | GoingBack::Again
        )
}

fn is_open(instance: &Instance) -> bool {
    match instance.progress {
        Progress::Waiting | Progress::Ready => false,
        Progress::Over => instance.finish.as_ref().is_some_and(|finish| !finish.releases()),
        Progress::Working(_) | Progress::Backoff(_) | Progress::Asking(_) | Progress::Doubt(_) => true,
    }
}

fn stands(state: &State, graph: &Graph, at: Addr) -> String {
    let instance = state.at(at);
    if state.rollback {
        return match &instance.undo {
            Some(undo) if undo.releases() => "is undone".to_owned(),
            _ if instance.touched.is_none() => "changed nothing, and the run goes back".to_owned(),
            _ => "is undone when its turn comes".to_owned(),
        };
    }
    match (&instance.finish, graph.is_finally(at.node)) {
        (Some(Finish::Succeeded), _) => "is done".to_owned(),
        (Some(Finish::MarkedDone), _) => "is taken as done already".to_owned(),
        (Some(Finish::Satisfied), _) => "is done: there was nothing to do".to_owned(),
        (Some(Finish::Skipped(why)), _) => format!("is skipped: {why}"),
        (Some(Finish::Failed(_) | Finish::Stopped), true) => {
            "begins anew when the run comes to rest".to_owned()
        }
        _ => "has not begun".to_owned(),
    }
}

fn of_all(state: &State, step: &str) -> String {
    let instances = state.node(step).map(|node| &state.nodes[node as usize].instances);
    match instances {
        Some(instances) if instances.iter().any(|one| one.finish.is_some()) => "is done".to_owned(),
        _ => "has not begun".to_owned(),
    }
}
