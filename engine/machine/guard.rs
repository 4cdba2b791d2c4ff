//! The guard of a step: a gate polled while the action runs.
//!
//! - It is asked the first time when the action begins, at once, and then `every` so often, whatever became of the poll
//!   before. Whoever wants it to hold before anything is touched writes the same gate as `check`.
//! - Does not hold: the action is stopped, that one and nothing else, and the step failed. It is not tried again, it was
//!   begun and so is undone by a rollback, and `on_failure` says what comes next. That its command was over in the same
//!   moment changes nothing: it ran while the guard did not hold.
//! - Could not tell is neither answer: it is asked again, for as long as the action runs. With `within` the step fails
//!   when no answer was had for that long.
//! - It guards one attempt: between two attempts nothing runs that it could stop. Once asked to stop, a run that lets its
//!   commands finish goes on guarding them.
//! - A poll still under way when the action is over is stopped, and the run does not rest before it is gone.
//!
//! The engine's death ends the guard with it. Resume knows the action as in doubt, by its own rule; where that runs it
//! again the guard is asked anew. Rejected: to take the guard's last answer for the end of the action.

use std::time::Duration;

use super::decide::{Alarm, Machine};
use super::evaluate::{Evaluate, Outcome, Polling, Prepared, Why};
use super::event::{Event, Leaf, Stage, Verdict};
use super::fold::Illegal;
use super::graph::{Addr, Graph};
use super::stages::not_held;
use super::state::{Progress, State};
use super::turn::Act;
use crate::model::{Action, Map, Rendered};

/// A guard at work.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    leaf: Leaf,
    polling: Polling,
    polls: u32,
    /// Whether a poll is under way.
    asking: bool,
    last: Option<(Verdict, String)>,
}

impl Machine {
    /// Returns the command of the step's guard, if it has one. Asked before the action begins: a guard that can't be
    /// asked guards nothing.
    pub(super) fn guard_of(&self, eval: &dyn Evaluate, at: Addr) -> Option<Result<Prepared, Why>> {
        self.graph.step(at.node).guard.as_ref()?;
        Some(eval.prepare(&self.state, at, Stage::Guard))
    }

    /// Begins to guard the action that just began.
    pub(super) fn begin_guard(&mut self, at: Addr, command: Prepared) -> Result<(), Illegal> {
        let attempt = self.state.at(at).attempts[Stage::Guard as usize] + 1;
        let leaf = Leaf { step: self.name(at), stage: Stage::Guard, attempt };
        self.emit(Event::Intent {
            leaf: leaf.clone(),
            command: command.display.clone(),
            stdin: command.stdin.as_ref().map(Rendered::display),
            dir: command.dir.as_ref().map(Rendered::display),
            by_hand: None,
        })?;
        let once = Polling { every: Duration::from_secs(1), within: None, hold: None };
        let polling = command.polling.unwrap_or(once);
        self.guards.insert(at, Guard { leaf, polling, polls: 0, asking: false, last: None });
        self.ask_guard(at, command);
        Ok(())
    }

    fn ask_guard(&mut self, at: Addr, command: Prepared) {
        let Some(guard) = self.guards.get_mut(&at) else { return };
        guard.polls += 1;
        guard.asking = true;
        let (leaf, poll) = (guard.leaf.clone(), guard.polls);
        self.act(Act::Spawn { leaf, command: Box::new(command), poll });
    }

    /// Answers one poll of a guard.
    pub(super) fn guard_answered(
        &mut self,
        eval: &dyn Evaluate,
        leaf: &Leaf,
        outcome: &Outcome,
    ) -> Result<(), Illegal> {
        // Stopped since its action is over: its answer is of no use any more.
        if self.leaving.remove(leaf) {
            return Ok(());
        }
        let Some(at) = self.state.find(&leaf.step) else { return Ok(()) };
        let Some(guard) = self.guards.get_mut(&at).filter(|guard| guard.leaf == *leaf) else { return Ok(()) };
        guard.asking = false;
        let judgement = eval.judge(&self.state, at, Stage::Guard, outcome);
        let not_judged = || Verdict::CouldNotTell("it was not judged".to_owned());
        self.guard_told(at, judgement.verdict.unwrap_or_else(not_judged), judgement.seen)
    }

    fn guard_told(&mut self, at: Addr, verdict: Verdict, seen: String) -> Result<(), Illegal> {
        let Some(guard) = self.guards.get_mut(&at) else { return Ok(()) };
        let (leaf, polling) = (guard.leaf.clone(), guard.polling);
        guard.last = Some((verdict.clone(), seen.clone()));
        if verdict == Verdict::DoesNotHold {
            return self.guard_broke(at);
        }
        if self.state.at(at).guard != guard_answer(&verdict, &seen) {
            self.emit(Event::Polled { leaf, verdict: verdict.clone(), seen })?;
        }
        let deadline =
            self.timers.iter().find(|(_, timer)| **timer == (at, Alarm::GuardDeadline)).map(|(&id, _)| id);
        match (&verdict, deadline, polling.within) {
            (Verdict::CouldNotTell(_), None, Some(after)) => {
                let id = self.timer(at, Alarm::GuardDeadline);
                self.act(Act::Timer { id, after });
            }
            (Verdict::CouldNotTell(_), ..) => {}
            (_, Some(id), _) => drop(self.timers.remove(&id)),
            _ => {}
        }
        let id = self.timer(at, Alarm::GuardPoll);
        self.act(Act::Timer { id, after: polling.every });
        Ok(())
    }

    pub(super) fn poll_guard(&mut self, eval: &dyn Evaluate, at: Addr) -> Result<(), Illegal> {
        match eval.prepare(&self.state, at, Stage::Guard) {
            Ok(command) => {
                self.ask_guard(at, command);
                Ok(())
            }
            Err(why) => self.guard_told(at, Verdict::CouldNotTell(why), String::new()),
        }
    }

    /// The guard does not hold, or could not tell for too long: what it guards is stopped.
    pub(super) fn guard_broke(&mut self, at: Addr) -> Result<(), Illegal> {
        let Some((verdict, seen)) = self.guards.get(&at).and_then(|guard| guard.last.clone()) else {
            return Ok(());
        };
        let why = not_held(Stage::Guard, &verdict, &seen);
        self.end_guard(at)?;
        match self.flights.get(&at) {
            Some(leaf) => {
                let leaf = leaf.clone();
                self.broken.insert(at, why);
                self.act(Act::Stop { leaf });
                Ok(())
            }
            // Between two polls of a gate, or in the middle of a wait: there is no process to stop.
            None => self.fail(at, why),
        }
    }

    /// Ends the guard of an action that is over, or is to be.
    pub(super) fn end_guard(&mut self, at: Addr) -> Result<(), Illegal> {
        let Some(guard) = self.guards.remove(&at) else { return Ok(()) };
        self.timers.retain(|_, (owner, alarm)| {
            *owner != at || !matches!(alarm, Alarm::GuardPoll | Alarm::GuardDeadline)
        });
        let Guard { leaf, polls, asking, last, .. } = guard;
        if let Some((verdict, seen)) = last {
            self.emit(Event::Judged { leaf: leaf.clone(), verdict, seen, polls, outputs: Map::new() })?;
        }
        if asking {
            self.leaving.insert(leaf.clone());
            self.act(Act::Stop { leaf });
        }
        Ok(())
    }

    /// Ends the guards of what is let go of: what has no process and waits for nothing else any more.
    pub(super) fn let_guards_go(&mut self) -> Result<(), Illegal> {
        let waits = |at: Addr| {
            self.timers.values().any(|&(owner, alarm)| {
                owner == at && !matches!(alarm, Alarm::GuardPoll | Alarm::GuardDeadline)
            })
        };
        let idle: Vec<Addr> =
            self.guards.keys().copied().filter(|at| !self.flights.contains_key(at) && !waits(*at)).collect();
        idle.into_iter().try_for_each(|at| self.end_guard(at))
    }

    /// Ends every guard: what they guard is being stopped.
    pub(super) fn end_guards(&mut self) -> Result<(), Illegal> {
        let all: Vec<Addr> = self.guards.keys().copied().collect();
        all.into_iter().try_for_each(|at| self.end_guard(at))
    }
}

fn guard_answer(verdict: &Verdict, seen: &str) -> Option<(Verdict, String)> {
    Some((verdict.clone(), seen.to_owned()))
}

impl State {
    pub(super) fn intend_guard(&mut self, graph: &Graph, leaf: &Leaf) -> Result<(), Illegal> {
        let at =
            self.in_progress(&leaf.step, "guarded", |progress| matches!(progress, Progress::Working(_)))?;
        let (one, step) = (self.at(at), graph.step(at.node));
        // A wait has no command whose intent would say that it began: its guard's does.
        let acting = match step.body.action {
            Action::Wait(_) => one.open.is_none() && one.finish.is_none(),
            _ => one.open.is_some_and(|(stage, _)| stage == Stage::Action),
        };
        // A wait that was let go of has no end that would say that its guard is over too.
        let again = matches!(step.body.action, Action::Wait(_)) && one.guarded < Some(leaf.attempt);
        let free = one.guarded.is_none() || again;
        if !acting || !free || step.guard.is_none() {
            return Err(self.transition(at, &leaf.step, "guarded"));
        }
        let one = self.at_mut(at);
        one.progress = Progress::Working(Stage::Action);
        one.guarded = Some(leaf.attempt);
        one.guard = None;
        one.attempts[Stage::Guard as usize] = leaf.attempt;
        Ok(())
    }

    pub(super) fn guard_said(
        &mut self,
        leaf: &Leaf,
        verdict: &Verdict,
        seen: &str,
        over: bool,
    ) -> Result<(), Illegal> {
        let at = self.known(&leaf.step)?;
        if self.at(at).guarded != Some(leaf.attempt) {
            return Err(self.transition(at, &leaf.step, "told by its guard"));
        }
        let one = self.at_mut(at);
        one.guard = guard_answer(verdict, seen);
        if over {
            one.guarded = None;
        }
        Ok(())
    }
}
