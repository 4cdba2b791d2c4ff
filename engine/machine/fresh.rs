//! `valid_for`: a gate's answer that is good for a while, and asked again when what needs it begins later.
//!
//! | the gate | who needs it |
//! | --- | --- |
//! | a `gate` step, or the `verify` of a step | the steps that need that step; also through approvals, manual steps and waits, which only let time pass |
//! | the `check` of a step | the step's own action, until it is begun the first time |
//!
//! The time begins when the answer was had. When it is over, and not everything that needs it has begun, that is recorded
//! ([`Event::Lapsed`]); nothing is asked then, since nobody may come to need it. When something that needs it is about to
//! begin the gate's step is opened again ([`Event::Reopened`]) and asked as it was the first time, with its own `within`
//! and `hold`. While it is asked nothing that needs it begins. Where it does not hold any more its step failed, before
//! anything that needs it was touched.
//!
//! The machine has no clock and nobody knows how long no engine was there, so every answer of this kind lapses when the run
//! is taken up again. What is begun again by a resume needs it too; a retry by the same engine does not. A step that a person
//! marked done, or that was skipped, has no answer that could lapse.

use super::decide::{Alarm, Due, Machine};
use super::evaluate::Evaluate;
use super::event::{Decision, Event, Finish, Stage};
use super::fold::Illegal;
use super::graph::{Addr, Graph, NodeId};
use super::state::{Mode, Progress, State};
use super::turn::Act;

impl Machine {
    /// Begins the time for which an answer is good.
    pub(super) fn keep_fresh(&mut self, eval: &dyn Evaluate, at: Addr, stage: Stage) -> Result<(), Illegal> {
        match eval.valid_for(&self.state, at, stage) {
            Ok(None) => Ok(()),
            Ok(Some(after)) => {
                let id = self.timer(at, Alarm::Fresh);
                self.act(Act::Timer { id, after });
                Ok(())
            }
            // For how long it is good can't be told, so it is not.
            Err(_) => self.lapsed(at),
        }
    }

    /// Answers the end of that time.
    pub(super) fn lapsed(&mut self, at: Addr) -> Result<(), Illegal> {
        let instance = self.state.at(at);
        let needed = match instance.finish {
            Some(_) => self.graph.dependents(at.node).iter().any(|&node| !self.has_begun(node)),
            None => instance.touched.is_none(),
        };
        if needed && self.state.may_lapse(&self.graph, at) {
            let step = self.name(at);
            self.emit(Event::Lapsed { step })?;
        }
        Ok(())
    }

    /// Says whether every instance of the step is begun, so that no answer from before it is needed any more. What waits
    /// for its lock, or for room, is not.
    fn has_begun(&self, node: NodeId) -> bool {
        let content = &self.state.nodes[node as usize];
        let waits = |instance: u32| {
            let at = Addr { node, instance };
            self.wants.contains_key(&at) || self.due.contains_key(&at)
        };
        content.expanded
            && (0u32..).zip(&content.instances).all(|(instance, one)| {
                !matches!(one.progress, Progress::Waiting | Progress::Ready) && !waits(instance)
            })
    }

    /// Opens the gates again whose answer lapsed and that `at` needs, before it begins. Returns whether there are any.
    pub(super) fn asks_anew(&mut self, at: Addr, due: Option<Due>) -> Result<bool, Illegal> {
        if due.is_some_and(|due| !begins(due)) {
            return Ok(false);
        }
        let mut stale = Vec::new();
        for &need in self.graph.needs(at.node) {
            let Some(_) = self.graph.fresh_stage(need) else { continue };
            for instance in 0..self.state.nodes[need as usize].instances.len() as u32 {
                let gate = Addr { node: need, instance };
                if self.state.at(gate).lapsed && self.state.may_lapse(&self.graph, gate) {
                    stale.push(gate);
                }
            }
        }
        for &gate in &stale {
            let step = self.name(gate);
            self.emit(Event::Reopened { step })?;
            if let Some(stage) = self.graph.fresh_stage(gate.node) {
                self.due.insert(gate, Due::Enter(stage));
            }
        }
        Ok(!stale.is_empty())
    }

    /// Says whether what resume takes up may go on: a gate that it needs is not being asked again.
    pub(super) fn may_go_on(&self, at: Addr, due: Due) -> bool {
        !begins(due) || self.state.nodes[at.node as usize].unmet == 0
    }

    /// Says whether the step's own check is asked again, since its answer lapsed before the action.
    pub(super) fn check_is_asked_again(&mut self, at: Addr) -> bool {
        let instance = self.state.at(at);
        let again = instance.lapsed
            && instance.touched.is_none()
            && self.graph.step(at.node).body.check.as_ref().is_some_and(|check| check.ages());
        if again {
            self.rechecked.insert(at);
        }
        again
    }

    /// Returns what follows a check that held. The state before is not read anew: a capture that takes longer than the
    /// answer is good for would have the two go round for ever.
    pub(super) fn after_check(&mut self, at: Addr) -> Stage {
        if self.rechecked.remove(&at) { Stage::Action } else { Stage::Capture }
    }
}

/// Says whether this is a way to an action, for which what it needs must be fresh.
pub(super) fn begins(due: Due) -> bool {
    matches!(due, Due::Enter(Stage::Check | Stage::Capture | Stage::Action) | Due::Follow(Decision::Retry))
}

impl State {
    /// Says whether the instance has an answer that is good for a while only.
    fn may_lapse(&self, graph: &Graph, at: Addr) -> bool {
        let (instance, step) = (self.at(at), graph.step(at.node));
        match instance.finish {
            Some(Finish::Succeeded) => graph.fresh_stage(at.node).is_some(),
            Some(_) => false,
            None => {
                matches!(instance.progress, Progress::Working(_))
                    && step.body.check.as_ref().is_some_and(|check| check.ages())
            }
        }
    }

    pub(super) fn lapse(&mut self, graph: &Graph, step: &str) -> Result<(), Illegal> {
        let at = self.known(step)?;
        if !self.may_lapse(graph, at) {
            return Err(self.transition(at, step, "lapsed"));
        }
        self.at_mut(at).lapsed = true;
        Ok(())
    }

    /// Nobody knows how long no engine was there: every answer is old.
    pub(super) fn lapse_all(&mut self, graph: &Graph) {
        for node in 0..graph.len() as NodeId {
            if graph.fresh_stage(node).is_none() {
                continue;
            }
            for one in &mut self.nodes[node as usize].instances {
                one.lapsed |= one.finish == Some(Finish::Succeeded);
            }
        }
    }

    pub(super) fn reopen(&mut self, graph: &Graph, step: &str) -> Result<(), Illegal> {
        let at = self.known(step)?;
        // Not where somebody is asked whether to leave it as it is: it is over then, and being undone.
        let forwards = matches!(self.mode, Mode::Forward | Mode::Finally)
            && matches!(self.at(at).progress, Progress::Over);
        let Some(stage) = graph
            .fresh_stage(at.node)
            .filter(|_| forwards && self.at(at).lapsed && self.at(at).finish == Some(Finish::Succeeded))
        else {
            return Err(self.transition(at, step, "asked again"));
        };
        let was_done = self.nodes[at.node as usize].is_done();
        let one = self.at_mut(at);
        one.lapsed = false;
        one.finish = None;
        one.expired = false;
        one.progress = Progress::Working(stage);
        // Also where only its gate said so, of an action whose end nobody knew: it is done, and is not begun again.
        one.action_ok |= stage == Stage::Verify;
        self.nodes[at.node as usize].unfinished += 1;
        if was_done {
            self.undo_release(graph, at.node);
        }
        Ok(())
    }

    /// Takes back that everything that needs this step may start. What has begun goes on.
    fn undo_release(&mut self, graph: &Graph, node: NodeId) {
        if graph.is_finally(node) {
            self.finally_left += 1;
        } else {
            self.main_left += 1;
        }
        for &dependent in graph.dependents(node) {
            self.nodes[dependent as usize].unmet += 1;
            self.to_expand.remove(&dependent);
            for instance in 0..self.nodes[dependent as usize].instances.len() as u32 {
                let at = Addr { node: dependent, instance };
                if self.ready.remove(&at) {
                    self.at_mut(at).progress = Progress::Waiting;
                }
            }
        }
    }
}
