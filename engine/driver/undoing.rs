//! What a rollback would do, before it does it.

use crate::journal::Stored;
use crate::machine::{
    End, Evaluate, Finish, Instance, Judge, Machine, Progress, Stage, UndoResult, undo_order,
};
use crate::model::{Map, Rendered};

use super::error::DriveError;
use super::open::fold;

/// One step of a rollback before it is begun.
#[derive(Clone, Debug)]
pub struct ToUndo {
    /// The instance.
    pub step: String,
    /// The command that undoes it as displayed, or why there is none.
    pub command: Result<String, String>,
    /// What that command reads, as displayed.
    pub reads: Option<String>,
    /// The one-line difference that the step made.
    pub changes: Option<String>,
    /// The state before; nothing of a sensitive step.
    pub captured: Map,
    /// What is to be known of it besides.
    pub hint: Option<Hint>,
}

/// What is to be known of a step that is to be undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// It failed; holds why.
    Failed(String),
    /// Whether it took effect is not known.
    InDoubt,
    /// Undoing it was tried and failed; holds why.
    Tried(String),
    /// Whether its undo took effect is not known.
    UndoInDoubt,
}

/// Returns what a rollback of a stored run would do, the last begun first.
///
/// # Errors
///
/// A journal that does not fit its snapshot.
pub fn undo_plan(stored: &Stored, to: Option<&str>) -> Result<Vec<ToUndo>, DriveError> {
    let (machine, judge) = fold(stored)?;
    Ok(to_undo(&machine, &judge, to))
}

/// Returns what a rollback of the run would do now, the last begun first.
pub(super) fn to_undo(machine: &Machine, judge: &Judge, to: Option<&str>) -> Vec<ToUndo> {
    let (state, graph) = (machine.state(), machine.graph());
    let order = undo_order(state, graph, to);
    let planned = order.into_iter().map(|at| {
        let instance = state.at(at);
        let step = graph.step(at.node);
        let prepared = step.body.rollback.as_ref().and_then(|_| judge.prepare(state, at, Stage::Undo).ok());
        ToUndo {
            step: state.name(graph, at),
            command: judge.undo_of(state, at),
            reads: prepared.and_then(|command| command.stdin.as_ref().map(Rendered::display)),
            changes: instance.changes.clone(),
            captured: if step.sensitive { Map::new() } else { instance.captured.clone() },
            hint: hint(instance),
        }
    });
    planned.collect()
}

fn hint(instance: &Instance) -> Option<Hint> {
    let cut_off = match (instance.open, instance.progress) {
        (Some((stage, _)), _) | (_, Progress::Doubt(stage)) => Some(stage),
        (_, Progress::Working(stage)) if instance.last_end == Some(End::Stopped) => Some(stage),
        _ => None,
    };
    match (&instance.undo, cut_off, &instance.finish) {
        (Some(UndoResult::Failed(why)), ..) => Some(Hint::Tried(why.clone())),
        (_, Some(Stage::Undo), _) => Some(Hint::UndoInDoubt),
        (_, Some(Stage::Action), _) => Some(Hint::InDoubt),
        (_, _, Some(Finish::Failed(why))) => Some(Hint::Failed(why.clone())),
        _ => None,
    }
}
