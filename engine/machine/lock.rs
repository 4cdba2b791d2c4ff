//! The lock of a step: one step at a time holds it, of all runs.
//!
//! - It is taken before anything of the step is run, and that is recorded. The journal holds it for the run, as it does the
//!   lock of a run; the host takes it before the event is committed, so a crash in between leaves a lock that the run has
//!   and no step does: resume takes it again, and the end of the run gives it back.
//! - While somebody else has it the step waits, tried again once a second; without room of its own, since it may wait long. Who
//!   is asked to stop, or whose run drains, waits no longer.
//! - It is given back when the step is over well or undone: in the commit that says so. A step that failed, is in doubt or
//!   was stopped keeps it until it is settled.
//! - A step that is undone after it gave its lock back takes it again before anything of the undo is run, and waits for it
//!   in the same way. Where another step of the run keeps it that could not be undone itself, the undo failed and says so.
//!   What failed before it touched anything has nothing to keep it for: a rollback gives it back.
//! - Two steps of one run exclude each other in the same way. A lock that the run itself has is the step's too.
//! - A gate that is asked again needs it no more: it only looks.
//! - A run whose `lock` another waits for, and that would wait for the `lock` of that one, would wait for ever: the step
//!   fails and says so. Locks of steps at work are given back by themselves and are no part of such a circle.

use std::time::Duration;

use super::decide::{Alarm, Due, Machine};
use super::evaluate::Evaluate;
use super::event::{Event, Keeper, Stage, UndoResult};
use super::fold::Illegal;
use super::fresh::begins;
use super::graph::Addr;
use super::state::{Mode, Progress, State};
use super::turn::{Act, LockAnswer};
use super::undo::is_stuck;
use crate::model::Action;

/// How long until a lock that somebody else had is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// A lock that is waited for.
#[derive(Clone, Debug)]
pub(super) struct Want {
    name: String,
    /// What comes when it is had; nothing on the way back, where its turn comes anyway.
    due: Option<Due>,
    /// Whether the host is trying to take it.
    pub(super) tried: bool,
}

impl Machine {
    /// Says whether the instance has the lock that it needs. If not it is waited for, and `due` follows when it is had.
    pub(super) fn has_lock(&mut self, eval: &dyn Evaluate, at: Addr, due: Due) -> Result<bool, Illegal> {
        if !begins(due) || self.graph.step(at.node).lock.is_none() || self.state.at(at).lock.is_some() {
            return Ok(true);
        }
        // It only looks, and what waits for its answer may have the lock: asked again a gate needs none.
        let looks = matches!(self.graph.step(at.node).body.action, Action::Gate(_));
        if looks && self.state.at(at).attempts[Stage::Action as usize] > 0 {
            return Ok(true);
        }
        let name = match eval.lock(&self.state, at) {
            Ok(Some(name)) => name,
            Ok(None) => return Ok(true),
            Err(why) => {
                self.fail(at, why)?;
                return Ok(false);
            }
        };
        if self.state.opened.as_ref().is_some_and(|opened| opened.holds(&name)) {
            return Ok(true);
        }
        self.wants.insert(at, Want { name, due: Some(due), tried: false });
        Ok(false)
    }

    /// Says whether the instance has the lock that its undo needs. If not it is waited for, and the undo's turn comes again
    /// when it is had.
    pub(super) fn has_lock_to_undo(&mut self, eval: &dyn Evaluate, at: Addr) -> Result<bool, Illegal> {
        if self.graph.step(at.node).lock.is_none() || self.state.at(at).lock.is_some() {
            return Ok(true);
        }
        let name = match eval.lock(&self.state, at) {
            Ok(Some(name)) => name,
            Ok(None) => return Ok(true),
            Err(why) => {
                self.undo_not_tried(eval, at, UndoResult::Failed(why))?;
                return Ok(false);
            }
        };
        if self.state.opened.as_ref().is_some_and(|opened| opened.holds(&name)) {
            return Ok(true);
        }
        if let Some(&keeper) = self.state.locks.get(&name)
            && is_stuck(&self.state, keeper)
        {
            let why = format!("{} could not be undone and keeps the lock `{name}`", self.name(keeper));
            self.undo_not_tried(eval, at, UndoResult::Failed(why))?;
            return Ok(false);
        }
        self.wants.insert(at, Want { name, due: None, tried: false });
        Ok(false)
    }

    /// Says whether the lock that an undo waits for is kept by what could not be undone itself.
    pub(super) fn waits_in_vain(&self, at: Addr) -> bool {
        let keeper = self.wants.get(&at).and_then(|want| self.state.locks.get(&want.name));
        keeper.is_some_and(|&keeper| is_stuck(&self.state, keeper))
    }

    /// Gives back the locks of what touched nothing: nobody will undo it, and who is undone may need them.
    pub(super) fn give_back_unused_locks(&mut self) -> Result<(), Illegal> {
        let unused = |at: &Addr| self.state.at(*at).touched.is_none();
        let these: Vec<Addr> = self.state.locks.values().copied().filter(unused).collect();
        these.into_iter().try_for_each(|at| self.give_lock_back(at))
    }

    /// Tries to take every lock that is waited for and that no other step of this run has.
    pub(super) fn seek_locks(&mut self) -> Result<(), Illegal> {
        let waiting: Vec<(Addr, String)> = self
            .wants
            .iter()
            .filter(|(at, want)| {
                !want.tried && !self.timers.values().any(|timer| *timer == (**at, Alarm::Lock))
            })
            .map(|(&at, want)| (at, want.name.clone()))
            .collect();
        for (at, lock) in waiting {
            let trying =
                || self.wants.iter().find(|(_, want)| want.tried && want.name == lock).map(|(&at, _)| at);
            let step = self.name(at);
            match self.state.locks.get(&lock).copied().or_else(trying) {
                // Told once: who of many has it changes with each of them.
                Some(_) if self.state.at(at).awaits.is_some() => {}
                Some(other) => {
                    let keeper = Keeper { step: Some(self.name(other)), ..Keeper::default() };
                    self.emit(Event::AwaitsLock { step, lock, keeper })?;
                }
                None => {
                    if let Some(want) = self.wants.get_mut(&at) {
                        want.tried = true;
                    }
                    self.act(Act::Lock { step, lock });
                }
            }
        }
        Ok(())
    }

    /// Answers what came of trying to take a lock.
    pub(super) fn lock_told(
        &mut self,
        eval: &dyn Evaluate,
        step: &str,
        lock: &str,
        answer: LockAnswer,
    ) -> Result<(), Illegal> {
        let Some(at) = self.state.find(step) else { return Ok(()) };
        let wanted = self.wants.get(&at).is_some_and(|want| want.tried && want.name == lock);
        if !wanted {
            return Ok(());
        }
        let goes_on = matches!(self.state.mode, Mode::Forward | Mode::Finally | Mode::RollingBack);
        match answer {
            LockAnswer::Taken => {
                self.emit(Event::Locked { step: step.to_owned(), lock: lock.to_owned() })?;
                match self.wants.remove(&at) {
                    Some(want) if goes_on => self.due.extend(want.due.map(|due| (at, due))),
                    // Nothing begins any more.
                    _ => self.give_lock_back(at)?,
                }
            }
            LockAnswer::Held(keeper) if goes_on => {
                if let Some(want) = self.wants.get_mut(&at) {
                    want.tried = false;
                }
                if self.state.at(at).awaits != Some((lock.to_owned(), keeper.clone())) {
                    self.emit(Event::AwaitsLock { step: step.to_owned(), lock: lock.to_owned(), keeper })?;
                }
                let id = self.timer(at, Alarm::Lock);
                self.act(Act::Timer { id, after: AGAIN });
            }
            LockAnswer::Never(why) if self.state.mode == Mode::RollingBack => {
                self.wants.remove(&at);
                self.undo_not_tried(eval, at, UndoResult::Failed(why))?;
            }
            LockAnswer::Never(why) if goes_on => self.fail(at, why)?,
            LockAnswer::Held(_) | LockAnswer::Never(_) => drop(self.wants.remove(&at)),
        }
        Ok(())
    }

    /// Gives the instance's lock back, if it has one.
    pub(super) fn give_lock_back(&mut self, at: Addr) -> Result<(), Illegal> {
        // A for_each that was never expanded has no instance any more.
        let Some(lock) = self.state.at(at).lock.clone() else { return Ok(()) };
        let step = self.name(at);
        self.emit(Event::Unlocked { step, lock })
    }
}

impl State {
    pub(super) fn await_lock(&mut self, step: &str, lock: &str, keeper: &Keeper) -> Result<(), Illegal> {
        let at = self.may_lock(step)?;
        self.at_mut(at).awaits = Some((lock.to_owned(), keeper.clone()));
        Ok(())
    }

    pub(super) fn lock(&mut self, step: &str, lock: &str) -> Result<(), Illegal> {
        let at = self.may_lock(step)?;
        if self.locks.contains_key(lock) {
            return Err(self.transition(at, step, "locked"));
        }
        self.locks.insert(lock.to_owned(), at);
        let one = self.at_mut(at);
        one.lock = Some(lock.to_owned());
        one.awaits = None;
        Ok(())
    }

    pub(super) fn unlock(&mut self, step: &str, lock: &str) -> Result<(), Illegal> {
        let at = self.known(step)?;
        if self.at(at).lock.as_deref() != Some(lock) || self.locks.get(lock) != Some(&at) {
            return Err(self.transition(at, step, "unlocked"));
        }
        self.locks.remove(lock);
        self.at_mut(at).lock = None;
        Ok(())
    }

    /// Only what has begun, or is to be undone, and runs nothing yet may wait for its lock, or take it.
    fn may_lock(&self, step: &str) -> Result<Addr, Illegal> {
        let at = self.known(step)?;
        let one = self.at(at);
        let back = self.rollback && one.touched.is_some() && one.undo.is_none();
        let may = match one.progress {
            Progress::Working(_) => true,
            Progress::Over | Progress::Backoff(_) | Progress::Doubt(_) => back,
            Progress::Waiting | Progress::Ready | Progress::Asking(_) => false,
        };
        if !may || one.open.is_some() || one.lock.is_some() {
            return Err(self.transition(at, step, "locked"));
        }
        Ok(at)
    }
}
