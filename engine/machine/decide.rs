//! The decision: one input, answered by events and acts.
//!
//! `decide` changes the state only by applying its own events, so the fold of what is stored is what was decided on.
//! What is in flight in this engine's life (processes, timers, polls) is no part of the state: it dies with the
//! engine, and [`Machine::decide`] on [`Input::Resume`] says what is owed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::evaluate::{Evaluate, Expansion, Known};
use super::event::{Decision, Event, Finish, Leaf, RunStatus, Stage};
use super::fold::Illegal;
use super::graph::{Addr, Graph, NodeId};
use super::guard::Guard;
use super::lock::Want;
use super::offer::Attendance;
use super::people::Said;
use super::state::{Mode, Progress, State};
use super::turn::{Act, Input, TimerId, Turn};

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alarm {
    /// The next attempt of a stage.
    Retry(Stage),
    /// The next poll of a gate.
    Poll(Stage),
    /// The time of a gate is up.
    GateDeadline,
    /// A gate held for as long as it must.
    Held,
    /// A `wait` is over.
    Wait,
    /// The time of a question is up.
    AskDeadline,
    /// The time for which a gate's answer is good is over.
    Fresh,
    /// A lock that somebody else had is tried again.
    Lock,
    /// The next poll of a guard.
    GuardPoll,
    /// A guard could not tell for too long.
    GuardDeadline,
}

/// A gate being polled.
#[derive(Clone, Debug, Default)]
pub(super) struct Poll {
    pub polls: u32,
    pub holding: bool,
    pub held: bool,
    /// Whether an answer of this asking was told.
    pub told: bool,
}

/// How an instance is taken up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// It goes on with this stage.
    Enter(Stage),
    /// It was settled, and what was decided is done.
    Follow(Decision),
}

/// A run being decided on.
#[derive(Debug)]
pub struct Machine {
    pub(super) graph: Arc<Graph>,
    pub(super) state: State,
    pub(super) flights: BTreeMap<Addr, Leaf>,
    pub(super) timers: BTreeMap<TimerId, (Addr, Alarm)>,
    pub(super) polls: BTreeMap<Addr, Poll>,
    pub(super) guards: BTreeMap<Addr, Guard>,
    /// Polls of guards that were stopped and have not ended yet.
    pub(super) leaving: BTreeSet<Leaf>,
    /// Who waits for a lock.
    pub(super) wants: BTreeMap<Addr, Want>,
    /// Whose check is asked again right before the action.
    pub(super) rechecked: BTreeSet<Addr>,
    /// Why what is being stopped by its guard failed.
    pub(super) broken: BTreeMap<Addr, String>,
    next_timer: TimerId,
    slots: u32,
    node_slots: Vec<u32>,
    sub_slots: Vec<u32>,
    holders: BTreeSet<Addr>,
    pub(super) unanswered: BTreeSet<Addr>,
    /// What resume takes up as soon as there is room for it.
    pub(super) due: BTreeMap<Addr, Due>,
    pub(super) attendance: Attendance,
    pub(super) turn: Turn,
}

impl Machine {
    /// Returns a machine that decides on `state`, with nothing in flight.
    pub fn new(graph: Arc<Graph>, state: State) -> Machine {
        Machine {
            node_slots: vec![0; graph.len()],
            sub_slots: vec![0; graph.subs()],
            graph,
            state,
            flights: BTreeMap::new(),
            timers: BTreeMap::new(),
            polls: BTreeMap::new(),
            guards: BTreeMap::new(),
            leaving: BTreeSet::new(),
            wants: BTreeMap::new(),
            rechecked: BTreeSet::new(),
            broken: BTreeMap::new(),
            next_timer: 1,
            slots: 0,
            holders: BTreeSet::new(),
            unanswered: BTreeSet::new(),
            due: BTreeMap::new(),
            attendance: Attendance::default(),
            turn: Turn::default(),
        }
    }

    /// Returns the state as of the last decision.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Returns the shape of the run.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// Answers one input. The events are to be made durable before any of the acts is performed.
    ///
    /// # Errors
    ///
    /// [`Illegal`] when the state and the input do not belong together; nothing of the answer may be used then.
    pub fn decide(&mut self, eval: &dyn Evaluate, input: Input) -> Result<Turn, Illegal> {
        match input {
            Input::Open(opened) => self.emit(Event::Opened(*opened))?,
            Input::Begin => {}
            Input::Resume { by, reason, decisions } => self.resume(eval, by, reason, decisions)?,
            Input::TakenOver { by, from, engine, reason } => {
                self.emit(Event::TakenOver { by, from, engine, reason })?;
                return Ok(std::mem::take(&mut self.turn));
            }
            Input::Outlived { leaf, processes, stopped, by } => {
                self.emit(Event::Outlived { leaf, processes, stopped, by })?;
                return Ok(std::mem::take(&mut self.turn));
            }
            Input::Played { state, given } => {
                self.emit(Event::Played { state, given })?;
                return Ok(std::mem::take(&mut self.turn));
            }
            Input::HookFailed { hook, of, why } => {
                self.emit(Event::HookFailed { hook, of, why })?;
                return Ok(std::mem::take(&mut self.turn));
            }
            Input::Rollback { by, to } => self.roll_back(eval, by, to)?,
            Input::Spawned { leaf, process } => {
                if self.flight(&leaf).is_some() {
                    self.emit(Event::Spawned { leaf, process })?;
                }
            }
            Input::Ended { leaf, outcome } if leaf.stage == Stage::Guard => {
                self.guard_answered(eval, &leaf, &outcome)?;
            }
            Input::Ended { leaf, outcome } => {
                if let Some(at) = self.flight(&leaf) {
                    self.flights.remove(&at);
                    // Of a gate's polls each may leave something; that is no news the second time.
                    if !outcome.left.is_empty() && matches!(leaf.stage, Stage::Action | Stage::Undo) {
                        let (leaf, processes) = (leaf.clone(), outcome.left.clone());
                        self.emit(Event::LeftRunning { leaf, processes })?;
                    }
                    self.ended(eval, at, leaf, &outcome)?;
                }
            }
            Input::Fired(id) => {
                if let Some((at, alarm)) = self.timers.remove(&id) {
                    self.fired(eval, at, alarm)?;
                }
            }
            Input::Answered { step, by, yes, note, answers, to } => {
                self.take_answer(eval, Said { step, by, yes, note, answers, to })?;
            }
            Input::Lock { step, lock, answer } => self.lock_told(eval, &step, &lock, answer)?,
            Input::NobodyAnswers { step } => self.unanswered.extend(self.state.find(&step)),
            Input::Settle { by, decisions } => self.settle(eval, &by, &decisions)?,
            Input::Leave => self.decline(),
            Input::Stop { by, hard } => self.stop(by, hard)?,
        }
        self.pump(eval)?;
        Ok(std::mem::take(&mut self.turn))
    }

    /// Says whether the machine still waits for this timer.
    pub fn awaits(&self, timer: TimerId) -> bool {
        self.timers.contains_key(&timer)
    }

    /// Says whether the timer is the time that a person has to answer.
    pub fn is_for_person(&self, timer: TimerId) -> bool {
        matches!(self.timers.get(&timer), Some((_, Alarm::AskDeadline)))
    }

    /// Says whether the run goes on with this timer: not with the time that a person has, nor with that for which an answer
    /// is good.
    pub fn moves_on_at(&self, timer: TimerId) -> bool {
        matches!(self.timers.get(&timer), Some((_, alarm)) if !matches!(alarm, Alarm::AskDeadline | Alarm::Fresh))
    }

    pub(super) fn emit(&mut self, event: Event) -> Result<(), Illegal> {
        self.state.apply(&self.graph, &event)?;
        self.turn.events.push(event);
        Ok(())
    }

    pub(super) fn act(&mut self, act: Act) {
        self.turn.acts.push(act);
    }

    pub(super) fn name(&self, at: Addr) -> String {
        self.state.name(&self.graph, at)
    }

    pub(super) fn timer(&mut self, at: Addr, alarm: Alarm) -> TimerId {
        let id = self.next_timer;
        self.next_timer += 1;
        self.timers.insert(id, (at, alarm));
        id
    }

    pub(super) fn drop_timers(&mut self, at: Addr) {
        self.timers.retain(|_, (owner, _)| *owner != at);
    }

    fn flight(&self, leaf: &Leaf) -> Option<Addr> {
        let at = self.state.find(&leaf.step)?;
        (self.flights.get(&at) == Some(leaf)).then_some(at)
    }

    /// Starts what can be started, and says so when nothing is left to wait for.
    fn pump(&mut self, eval: &dyn Evaluate) -> Result<(), Illegal> {
        loop {
            match self.state.mode {
                Mode::Forward | Mode::Finally => {
                    while let Some(&node) = self.state.to_expand.range(self.stage_nodes()).next() {
                        self.expand(eval, node)?;
                        if !matches!(self.state.mode, Mode::Forward | Mode::Finally) {
                            break;
                        }
                    }
                    while matches!(self.state.mode, Mode::Forward | Mode::Finally)
                        && let Some(at) = self.next_due()
                        && let Some(due) = self.due.remove(&at)
                    {
                        if self.asks_anew(at, Some(due))? {
                            self.due.insert(at, due);
                            continue;
                        }
                        let begins = match due {
                            Due::Enter(stage) => matches!(stage, Stage::Check | Stage::Action),
                            Due::Follow(decision) => decision == Decision::Retry,
                        };
                        if begins && let Some(why) = self.not_to_repeat(eval, at) {
                            self.fail(at, why)?;
                            continue;
                        }
                        if !self.has_lock(eval, at, due)? {
                            continue;
                        }
                        match due {
                            Due::Enter(stage) => self.enter(eval, at, stage)?,
                            Due::Follow(decision) => self.follow(eval, at, decision)?,
                        }
                    }
                    while matches!(self.state.mode, Mode::Forward | Mode::Finally)
                        && let Some(at) = self.next_ready()
                    {
                        self.start(eval, at)?;
                    }
                    self.seek_locks()?;
                }
                Mode::RollingBack => self.pump_undo(eval)?,
                Mode::Draining | Mode::Stopping => self.let_go()?,
                Mode::Resting => return Ok(()),
            }
            // A gate that was opened again on the way here; or a `for_each` behind a step that was over at once, as one that
            // is skipped or only begins others is.
            let expands = self.state.to_expand.range(self.stage_nodes()).next().is_some();
            let goes_on = matches!(self.state.mode, Mode::Forward | Mode::Finally);
            if goes_on && (expands || self.next_due().is_some()) {
                continue;
            }
            if !self.is_idle() || !self.come_to_rest()? {
                return Ok(());
            }
        }
    }

    fn expand(&mut self, eval: &dyn Evaluate, node: NodeId) -> Result<(), Illegal> {
        let step = self.graph.step(node).id.clone();
        if let Some(why) = self.left_out(node) {
            return self.emit(Event::Finished { step, result: Finish::Skipped(why) });
        }
        match eval.expand(&self.state, node) {
            Ok(Expansion::Items(_)) if self.void_before(eval, node, None)? => Ok(()),
            Ok(Expansion::Items(items)) => self.emit(Event::Expanded { step, items }),
            Ok(Expansion::Skip(why)) => self.emit(Event::Finished { step, result: Finish::Skipped(why) }),
            Ok(Expansion::Unknown(origin)) => {
                let why = format!("for_each depends on {origin}, which is not known");
                self.emit(Event::Finished { step, result: Finish::Failed(why) })
            }
            Err(why) => self.emit(Event::Finished { step, result: Finish::Failed(why) }),
        }
    }

    /// Returns the nodes that may start now: what was ready when the run stopped going forwards stays where it is.
    fn stage_nodes(&self) -> std::ops::Range<NodeId> {
        if self.state.mode == Mode::Finally { self.graph.finally_nodes() } else { self.graph.main_nodes() }
    }

    /// Returns the first instance in file order that may start within the limits of parallelism.
    fn next_ready(&self) -> Option<Addr> {
        self.within_limits(|from, end| self.state.ready.range(from..end).next().copied())
    }

    /// Returns the first instance in file order that may be taken up again within the limits of parallelism.
    fn next_due(&self) -> Option<Addr> {
        self.within_limits(|from, end| {
            self.due.range(from..end).find(|&(&at, &due)| self.may_go_on(at, due)).map(|(&at, _)| at)
        })
    }

    fn within_limits(&self, first: impl Fn(Addr, Addr) -> Option<Addr>) -> Option<Addr> {
        let limit = self.state.opened.as_ref().map_or(1, |opened| opened.options.max_parallel.max(1));
        if self.slots >= limit {
            return None;
        }
        let nodes = self.stage_nodes();
        let mut from = Addr { node: nodes.start, instance: 0 };
        let end = Addr { node: nodes.end, instance: 0 };
        // A step at its own limit is passed over whole: its other instances need not be looked at.
        while let Some(at) = first(from, end) {
            if !self.is_full(at.node) {
                return Some(at);
            }
            from = Addr { node: at.node + 1, instance: 0 };
        }
        None
    }

    fn start(&mut self, eval: &dyn Evaluate, at: Addr) -> Result<(), Illegal> {
        if self.asks_anew(at, None)? {
            return Ok(());
        }
        match self.wanted(eval, at) {
            Ok(()) => {
                if self.void_before(eval, at.node, Some(at))? {
                    return Ok(());
                }
                let step = self.name(at);
                self.emit(Event::Started { step })?;
                if !self.has_lock(eval, at, Due::Enter(Stage::Check))? {
                    return Ok(());
                }
                self.enter(eval, at, Stage::Check)
            }
            Err(result) => self.finish(at, result),
        }
    }

    /// Says whether `when` lets the instance run; otherwise with which end it is over.
    pub(super) fn wanted(&self, eval: &dyn Evaluate, at: Addr) -> Result<(), Finish> {
        if let Some(why) = self.left_out(at.node) {
            return Err(Finish::Skipped(why));
        }
        match eval.when(&self.state, at) {
            Ok(Known::Yes) => Ok(()),
            Ok(Known::No) => Err(Finish::Skipped("its condition does not hold".to_owned())),
            Ok(Known::Unknown) => {
                Err(Finish::Failed("its condition depends on a value that is not known".to_owned()))
            }
            Err(why) => Err(Finish::Failed(why)),
        }
    }

    pub(super) fn take_slot(&mut self, at: Addr) {
        if self.holders.insert(at) {
            self.slots += 1;
            self.node_slots[at.node as usize] += 1;
            for sub in self.graph.subs_of(at.node) {
                self.sub_slots[sub as usize] += 1;
            }
        }
    }

    pub(super) fn free_slot(&mut self, at: Addr) {
        if self.holders.remove(&at) {
            self.give_back_slot(at);
        }
    }

    fn give_back_slot(&mut self, at: Addr) {
        self.slots -= 1;
        self.node_slots[at.node as usize] -= 1;
        for sub in self.graph.subs_of(at.node) {
            self.sub_slots[sub as usize] -= 1;
        }
    }

    /// Says whether as many instances of the step, or of a runbook that it came in with, are at work as may be.
    fn is_full(&self, node: NodeId) -> bool {
        let own = self.graph.step(node).max_parallel;
        own.is_some_and(|own| self.node_slots[node as usize] >= own.max(1))
            || self.graph.subs_of(node).any(|sub| {
                self.graph.most_of(sub).is_some_and(|most| self.sub_slots[sub as usize] >= most.max(1))
            })
    }

    /// Says whether an instance holds one of the places that `max_parallel` gives.
    pub(super) fn is_at_work(&self, at: Addr) -> bool {
        self.holders.contains(&at)
    }

    /// Says whether another instance of this step may be put to work.
    pub(super) fn has_room(&self, node: NodeId) -> bool {
        let limit = self.state.opened.as_ref().map_or(1, |opened| opened.options.max_parallel.max(1));
        self.slots < limit && !self.is_full(node)
    }

    pub(super) fn finish(&mut self, at: Addr, result: Finish) -> Result<(), Illegal> {
        self.end_guard(at)?;
        self.free_slot(at);
        self.drop_timers(at);
        self.polls.remove(&at);
        self.broken.remove(&at);
        self.wants.remove(&at);
        let step = self.name(at);
        let well = result.releases();
        self.emit(Event::Finished { step, result })?;
        // What failed keeps its lock until it is settled: nobody knows what it left behind.
        if well { self.give_lock_back(at) } else { Ok(()) }
    }

    pub(super) fn fail(&mut self, at: Addr, why: impl Into<String>) -> Result<(), Illegal> {
        self.finish(at, Finish::Failed(why.into()))
    }

    /// Says whether the run was asked to stop, so that no stage may begin.
    pub(super) fn is_stopping(&self) -> bool {
        self.state.mode == Mode::Stopping
    }

    fn stop(&mut self, by: String, hard: bool) -> Result<(), Illegal> {
        if self.state.mode == Mode::Resting {
            return Ok(());
        }
        self.emit(Event::StopRequested { by, hard })?;
        if hard {
            self.end_guards()?;
            self.act(Act::StopAll);
        }
        Ok(())
    }

    /// Lets go of everything that only waits: it is taken up again where it is by resume.
    fn let_go(&mut self) -> Result<(), Illegal> {
        let stopping = self.is_stopping();
        self.timers.retain(|_, (_, alarm)| match alarm {
            Alarm::Wait | Alarm::AskDeadline | Alarm::Fresh | Alarm::Lock => false,
            // What may finish is guarded to its end.
            Alarm::GuardPoll | Alarm::GuardDeadline => true,
            _ => !stopping,
        });
        self.wants.retain(|_, want| want.tried);
        self.let_guards_go()
    }

    /// Says whether nothing is in flight that would bring another input by itself.
    fn is_idle(&self) -> bool {
        self.flights.is_empty()
            && self.leaving.is_empty()
            && !self.wants.values().any(|want| want.tried)
            && !self.timers.values().any(|(_, alarm)| !matches!(alarm, Alarm::AskDeadline | Alarm::Fresh))
    }

    /// Moves on when nothing is in flight. Returns whether there may be more to start.
    fn come_to_rest(&mut self) -> Result<bool, Illegal> {
        match self.state.mode {
            Mode::Resting => Ok(false),
            Mode::Forward => {
                if self.state.main_left == 0 {
                    return self.begin_finally(RunStatus::Succeeded);
                }
                if self.state.asking > 0 {
                    return if self.waits_for_nobody_here() {
                        self.rest(RunStatus::Waiting)
                    } else {
                        Ok(false)
                    };
                }
                if self.offers() {
                    return Ok(false);
                }
                if !self.unsettled().is_empty() {
                    self.rest(RunStatus::Waiting)
                } else {
                    self.begin_finally(RunStatus::Failed)
                }
            }
            Mode::Draining if self.state.then_rollback => {
                self.begin_rollback(None, None)?;
                Ok(true)
            }
            Mode::Draining => {
                if self.offers() {
                    return Ok(false);
                }
                self.begin_finally(RunStatus::Failed)
            }
            // Stopped in the middle of `finally`: whoever stops twice wants an end, and no third telling of it.
            Mode::Stopping if self.state.in_finally => self.rest(RunStatus::Interrupted),
            Mode::Stopping => {
                self.free_all();
                self.begin_finally(RunStatus::Interrupted)
            }
            Mode::RollingBack => {
                if self.state.asking > 0 {
                    return if self.waits_for_nobody_here() {
                        self.rest(RunStatus::Waiting)
                    } else {
                        Ok(false)
                    };
                }
                if !self.unsettled().is_empty() {
                    return self.rest(RunStatus::Waiting);
                }
                self.begin_finally(self.undone_as())
            }
            Mode::Finally => {
                let asked = |(at, one): &(Addr, &super::state::Instance)| {
                    self.graph.is_finally(at.node) && matches!(one.progress, Progress::Asking(_))
                };
                let asking: Vec<Addr> = self.state.instances().filter(asked).map(|(at, _)| at).collect();
                if !asking.is_empty() {
                    let nobody = asking.iter().all(|at| self.unanswered.contains(at));
                    return if nobody { self.rest(RunStatus::Waiting) } else { Ok(false) };
                }
                let status = match self.state.outcome {
                    RunStatus::Succeeded if self.state.finally_left > 0 => RunStatus::Failed,
                    outcome => outcome,
                };
                self.rest(status)
            }
        }
    }

    /// Says whether everybody who is asked will have to answer from elsewhere.
    fn waits_for_nobody_here(&self) -> bool {
        let asking = |at: &&Addr| matches!(self.state.at(**at).progress, Progress::Asking(_));
        self.unanswered.iter().filter(asking).count() as u32 == self.state.asking
    }

    fn begin_finally(&mut self, status: RunStatus) -> Result<bool, Illegal> {
        self.wants.clear();
        if self.graph.finally_nodes().is_empty() {
            return self.rest(status);
        }
        self.emit(Event::FinallyBegan { status })?;
        Ok(true)
    }

    /// Gives every place back: nothing is in flight, and what was waiting for a timer was let go.
    fn free_all(&mut self) {
        self.polls.clear();
        for at in std::mem::take(&mut self.holders) {
            self.give_back_slot(at);
        }
    }

    fn rest(&mut self, status: RunStatus) -> Result<bool, Illegal> {
        self.timers.clear();
        self.emit(Event::Rested { status })?;
        self.act(Act::Rest(status));
        Ok(false)
    }
}
