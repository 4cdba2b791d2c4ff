//! Rollback: what was begun is undone, the last first.

use super::decide::{Alarm, Machine};
use super::evaluate::Evaluate;
use super::event::{Event, Person, Question, Stage, UndoResult};
use super::fold::Illegal;
use super::graph::Addr;
use super::state::{Progress, State};
use super::turn::Act;

/// Returns what a rollback would undo, the last begun first: every instance whose action was begun and is not undone,
/// failed and doubtful ones included; down to `to` (a step or an instance) when it is given.
pub fn undo_order(state: &State, to: Option<&str>, name: impl Fn(Addr) -> String) -> Vec<Addr> {
    let mut order: Vec<Addr> = state
        .touched
        .iter()
        .rev()
        .copied()
        .filter(|&at| {
            !matches!(state.at(at).undo, Some(UndoResult::Done | UndoResult::Nothing | UndoResult::Left(_)))
        })
        .collect();
    if let Some(to) = to {
        let is_it = |at: &Addr| name(*at) == to || state.node(to) == Some(at.node);
        let keep = order.iter().rposition(is_it).map_or(0, |last| last + 1);
        order.truncate(keep);
    }
    order
}

impl Machine {
    pub(super) fn begin_rollback(&mut self, by: Option<Person>, to: Option<String>) -> Result<(), Illegal> {
        let order = undo_order(&self.state, to.as_deref(), |at| self.name(at));
        let order = order.into_iter().map(|at| self.name(at)).collect();
        self.emit(Event::RollbackBegan { by, to, order })
    }

    /// Begins the next undo. One at a time, in the reverse order of the start: what came later may stand on what came
    /// before, in ways that `needs` does not say.
    pub(super) fn pump_undo(&mut self, eval: &dyn Evaluate) -> Result<(), Illegal> {
        while self.flights.is_empty() && self.timers.is_empty() && self.state.asking == 0 {
            let next = self.state.undo_order.iter().copied().find(|&at| self.state.at(at).undo.is_none());
            let Some(at) = next else { return Ok(()) };
            if let Some(on) = self.stands_on(at) {
                let step = self.name(at);
                self.emit(Event::Undone { step, result: UndoResult::Blocked(on) })?;
                continue;
            }
            if self.state.at(at).undo_ok {
                self.undo_ran(eval, at)?;
            } else if self.graph.step(at.node).body.rollback.is_some() {
                self.begin(eval, at, Stage::Undo)?;
            } else {
                self.ask_to_leave(eval, at)?;
            }
        }
        Ok(())
    }

    fn ask_to_leave(&mut self, eval: &dyn Evaluate, at: Addr) -> Result<(), Illegal> {
        let step = self.name(at);
        let prompt = eval.irreversible(&self.state, at).unwrap_or_else(|why| why);
        let question = Question::Irreversible;
        self.emit(Event::Asked { step: step.clone(), question, prompt: prompt.clone() })?;
        self.act(Act::Ask { step, at, question, prompt });
        Ok(())
    }

    /// Returns an instance that could not be undone and that needs this one: it still stands on it.
    fn stands_on(&self, at: Addr) -> Option<String> {
        self.state
            .undo_order
            .iter()
            .filter(|&&other| {
                matches!(self.state.at(other).undo, Some(UndoResult::Failed(_) | UndoResult::Blocked(_)))
            })
            .find(|other| self.graph.transitive_needs(other.node).binary_search(&at.node).is_ok())
            .map(|&other| self.name(other))
    }

    pub(super) fn undo_ran(&mut self, eval: &dyn Evaluate, at: Addr) -> Result<(), Illegal> {
        let verified =
            self.graph.step(at.node).body.rollback.as_ref().is_some_and(|undo| undo.verify.is_some());
        if verified && !self.is_stopping() {
            return self.begin(eval, at, Stage::UndoVerify);
        }
        if verified {
            // Stopped between the undo and its gate: resume asks the gate.
            self.free_slot(at);
            return Ok(());
        }
        self.undo_done(at)
    }

    pub(super) fn undo_done(&mut self, at: Addr) -> Result<(), Illegal> {
        self.undone(at, UndoResult::Done)
    }

    pub(super) fn undo_left(&mut self, at: Addr) -> Result<(), Illegal> {
        self.undone(at, UndoResult::Left("it can't be undone".to_owned()))
    }

    pub(super) fn undo_failed(&mut self, at: Addr, why: String) -> Result<(), Illegal> {
        self.undone(at, UndoResult::Failed(why))
    }

    fn undone(&mut self, at: Addr, result: UndoResult) -> Result<(), Illegal> {
        self.free_slot(at);
        self.drop_timers(at);
        self.polls.remove(&at);
        let step = self.name(at);
        self.emit(Event::Undone { step, result })
    }

    /// Takes a half-done rollback up again: whoever was asked is asked again.
    pub(super) fn ask_again(&mut self, at: Addr, eval: &dyn Evaluate) {
        if let Progress::Asking(question) = self.state.at(at).progress {
            let step = self.name(at);
            let prompt = match question {
                Question::Irreversible => eval.irreversible(&self.state, at).unwrap_or_else(|why| why),
                _ => match eval.asking(&self.state, at) {
                    Ok(asking) => {
                        // The time of a question begins anew: while no engine was there nobody saw it.
                        if let Some(after) = asking.timeout {
                            let id = self.timer(at, Alarm::AskDeadline);
                            self.act(Act::Timer { id, after });
                        }
                        asking.prompt
                    }
                    Err(why) => why,
                },
            };
            self.act(Act::Ask { step, at, question, prompt });
        }
    }
}
