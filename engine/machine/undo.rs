//! Rollback: what was begun is undone, the last first.
//!
//! The order in which steps were begun, reversed, is the priority. An undo begins once every undo of what needs the step,
//! directly or not, is over and good; others run beside each other, within `max_parallel` (the run's and the step's). Strictly
//! one at a time was rejected: it guards only against what `needs` does not say, and a file says more than it seems. A
//! step without `needs` needs the one before it, so a plain list is undone strictly backwards; whoever wrote `needs`, or
//! a `for_each`, has said that the order does not matter, and going forwards it did not. With `max_parallel: 1` it is
//! exactly the reverse order of start.
//!
//! An undo that failed keeps what it stands on, and a question or a doubt holds it up; neither touches the rest.

use std::collections::BTreeSet;

use crate::model::Unknown;

use super::by_hand::{Names, typed};
use super::decide::{Alarm, Machine};
use super::evaluate::{Evaluate, Prepared};
use super::event::{Event, Question, RunStatus, Stage, UndoResult};
use super::fold::Illegal;
use super::graph::{Addr, Graph, NodeId};
use super::opened::Person;
use super::state::{Instance, Progress, State};
use super::turn::Act;

/// Returns what a rollback would undo, the last begun first: every instance whose action was begun and is not undone,
/// failed and doubtful ones included; down to `to` (a step, an instance, or one that brings in a runbook) when it is given, and then also what is half
/// undone.
pub fn undo_order(state: &State, graph: &Graph, to: Option<&str>) -> Vec<Addr> {
    let mut order: Vec<Addr> = state
        .touched
        .iter()
        .rev()
        .copied()
        .filter(|&at| !state.at(at).undo.as_ref().is_some_and(UndoResult::releases))
        .collect();
    if let Some(to) = to {
        let named = state.node(to);
        // One that brings in a runbook changes nothing itself: its steps are meant.
        let is_of = |named: NodeId, node: NodeId| named == node || graph.around(node).contains(&named);
        let is_it =
            |at: &Addr| state.name(graph, *at) == to || named.is_some_and(|named| is_of(named, at.node));
        let keep = order.iter().rposition(is_it).map_or(0, |last| last + 1);
        let half = |at: &Addr| is_half_undone(state.at(*at));
        let is_undone = |at: &Addr| {
            matches!(state.at(*at).undo, Some(UndoResult::Done | UndoResult::Nothing)) || half(at)
        };
        let already = state.touched.iter().filter(|at| is_undone(at));
        let undone: BTreeSet<NodeId> = order[..keep].iter().chain(already).map(|at| at.node).collect();
        // What stands on it is undone first, though it was begun before: it may have been there when this was begun again.
        let stands = |at: &Addr| graph.transitive_needs(at.node).iter().any(|need| undone.contains(need));
        let mut number = 0;
        order.retain(|at| {
            number += 1;
            // An undo that was begun is brought to its end, whatever else is: nothing goes on from half undone.
            number <= keep || stands(at) || half(at)
        });
    }
    order
}

/// Returns a command as somebody pastes it who does by hand what it does.
pub(super) fn by_hand(eval: &dyn Evaluate, command: &Prepared) -> String {
    struct OfRun<'a>(&'a dyn Evaluate);
    impl Names for OfRun<'_> {
        fn secret(&mut self, name: &str) -> String {
            self.0.secret_variable(name)
        }

        fn secret_said(&self, name: &str) -> String {
            self.0.secret_said(name)
        }

        fn unknown(&mut self, of: &Unknown) -> String {
            // Only a plan has such values.
            crate::model::variable(&of.origin)
        }
    }
    typed(command, &mut OfRun(eval)).text
}

fn is_half_undone(instance: &Instance) -> bool {
    let undo = matches!(
        instance.progress,
        Progress::Working(Stage::Undo | Stage::UndoVerify)
            | Progress::Backoff(Stage::Undo)
            | Progress::Doubt(Stage::Undo | Stage::UndoVerify)
    );
    undo || instance.undo_ok || matches!(instance.undo, Some(UndoResult::Failed(_)))
}

/// Says whether the instance could not be undone, and so keeps what it has.
pub(super) fn is_stuck(state: &State, at: Addr) -> bool {
    state.at(at).undo.as_ref().is_some_and(|undo| !undo.releases())
}

impl Machine {
    pub(super) fn begin_rollback(&mut self, by: Option<Person>, to: Option<String>) -> Result<(), Illegal> {
        // Nothing begins any more that would need a fresh answer.
        self.timers.retain(|_, (_, alarm)| *alarm != Alarm::Fresh);
        self.wants.clear();
        let order = undo_order(&self.state, &self.graph, to.as_deref());
        self.order_undone(by, to, &order)?;
        self.give_back_unused_locks()
    }

    fn order_undone(
        &mut self,
        by: Option<Person>,
        to: Option<String>,
        order: &[Addr],
    ) -> Result<(), Illegal> {
        let order = order.iter().map(|&at| self.name(at)).collect();
        self.emit(Event::RollbackBegan { by, to, order })
    }

    /// Tries again what could not be undone, and what is left of a rollback besides.
    pub(super) fn try_undo_again(&mut self, by: Person) -> Result<(), Illegal> {
        let left = |at: &Addr| match &self.state.at(*at).undo {
            Some(undo) => !undo.releases(),
            None => self.state.undo_order.contains(at),
        };
        let stuck = self.state.touched.iter().any(|&at| is_stuck(&self.state, at));
        if !stuck {
            return Ok(());
        }
        let order: Vec<Addr> = self.state.touched.iter().rev().copied().filter(left).collect();
        let to = self.state.undo_to.clone();
        self.order_undone(Some(by), to, &order)
    }

    /// Begins whatever may be undone now, the last begun first.
    pub(super) fn pump_undo(&mut self, eval: &dyn Evaluate) -> Result<(), Illegal> {
        while let Some(at) = self.next_undo() {
            self.wants.remove(&at);
            if let Some(on) = self.stands_on(at) {
                self.undo_not_tried(eval, at, UndoResult::Blocked(on))?;
            } else if self.state.at(at).undo_ok {
                self.undo_ran(eval, at)?;
            } else if self.state.at(at).undo_doubted {
                self.begin(eval, at, Stage::UndoVerify)?;
            } else if self.graph.step(at.node).body.rollback.is_none() {
                self.ask_to_leave(eval, at)?;
            } else if self.has_lock_to_undo(eval, at)? {
                self.begin(eval, at, Stage::Undo)?;
            }
        }
        self.seek_locks()
    }

    /// Says that the undo was not tried, with its command as somebody types it who does it by hand.
    pub(super) fn undo_not_tried(
        &mut self,
        eval: &dyn Evaluate,
        at: Addr,
        result: UndoResult,
    ) -> Result<(), Illegal> {
        let step = self.name(at);
        let prepared = eval.prepare(&self.state, at, Stage::Undo).ok();
        let command = prepared.map(|command| by_hand(eval, &command));
        self.emit(Event::Undone { step, result, command })
    }

    /// Returns the next instance to undo, or to give up since something that could not be undone stands on it.
    fn next_undo(&self) -> Option<Addr> {
        let state = &self.state;
        let open = |at: &&Addr| state.at(**at).undo.is_none();
        let held = self.needed_by(state.undo_order.iter().filter(open));
        let stuck = self.needed_by(state.touched.iter().filter(|&&at| is_stuck(state, at)));
        state.undo_order.iter().filter(open).copied().find(|&at| {
            if self.is_at_work(at)
                || self.wants.contains_key(&at) && !self.waits_in_vain(at)
                || matches!(state.at(at).progress, Progress::Asking(_) | Progress::Doubt(Stage::Undo))
            {
                return false;
            }
            let node = at.node as usize;
            stuck[node]
                || !held[node] && (self.graph.step(at.node).body.rollback.is_none() || self.has_room(at.node))
        })
    }

    /// Returns, by node, what these instances need, directly or not.
    fn needed_by<'a>(&self, these: impl Iterator<Item = &'a Addr>) -> Vec<bool> {
        let mut needed = vec![false; self.graph.len()];
        let mut seen = vec![false; self.graph.len()];
        let mut next: Vec<u32> = these.map(|at| at.node).collect();
        while let Some(node) = next.pop() {
            if !std::mem::replace(&mut seen[node as usize], true) {
                for &need in self.graph.needs(node) {
                    needed[need as usize] = true;
                    next.push(need);
                }
            }
        }
        needed
    }

    fn ask_to_leave(&mut self, eval: &dyn Evaluate, at: Addr) -> Result<(), Illegal> {
        let step = self.name(at);
        let prompt = eval.irreversible(&self.state, at).unwrap_or_else(|why| why);
        let question = Question::Irreversible;
        let asked = Event::Asked {
            step: step.clone(),
            question,
            prompt: prompt.clone(),
            covers: Vec::new(),
            ms: None,
        };
        self.emit(asked)?;
        self.act(Act::Ask { step, at, question, prompt });
        Ok(())
    }

    /// Returns an instance that could not be undone and that needs this one: it still stands on it.
    fn stands_on(&self, at: Addr) -> Option<String> {
        self.state
            .touched
            .iter()
            .rev()
            .filter(|&&other| is_stuck(&self.state, other))
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

    pub(super) fn undo_left(&mut self, at: Addr, why: &str) -> Result<(), Illegal> {
        self.undone(at, UndoResult::Left(why.to_owned()))
    }

    pub(super) fn undo_failed(&mut self, at: Addr, why: String) -> Result<(), Illegal> {
        self.undone(at, UndoResult::Failed(why))
    }

    /// Returns the status of a run whose rollback is over.
    pub(super) fn undone_as(&self) -> RunStatus {
        let undo = |at: &Addr| self.state.at(*at).undo.as_ref();
        let touched = &self.state.touched;
        if touched.iter().any(|at| undo(at).is_some_and(|undo| !undo.releases())) {
            RunStatus::RollbackFailed
        } else if touched.iter().any(|at| undo(at).is_none()) {
            RunStatus::PartlyUndone
        } else {
            RunStatus::RolledBack
        }
    }

    fn undone(&mut self, at: Addr, result: UndoResult) -> Result<(), Illegal> {
        self.free_slot(at);
        self.drop_timers(at);
        self.polls.remove(&at);
        let step = self.name(at);
        let well = matches!(result, UndoResult::Done | UndoResult::Nothing | UndoResult::Left(_));
        self.emit(Event::Undone { step, result, command: None })?;
        if well { self.give_lock_back(at) } else { Ok(()) }
    }

    /// Asks whoever was asked once more. The time of a question begins anew: while no engine was there nobody could be
    /// heard. Those who said yes need not say it again, unless what they said yes to is another by now.
    pub(super) fn ask_again(&mut self, at: Addr, eval: &dyn Evaluate) -> Result<(), Illegal> {
        match self.state.at(at).progress {
            Progress::Asking(question @ Question::Irreversible) => {
                let step = self.name(at);
                let prompt = eval.irreversible(&self.state, at).unwrap_or_else(|why| why);
                self.act(Act::Ask { step, at, question, prompt });
                Ok(())
            }
            Progress::Asking(question) => self.ask(eval, at, question),
            _ => Ok(()),
        }
    }
}
