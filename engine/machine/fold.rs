//! The fold: one event applied to the state.
//!
//! The only place where the state of a run changes, so that what `decide` sees live and what a reader sees from the
//! journal are the same. An event that can't follow is refused, never guessed at: a journal is evidence.

use crate::model::{Action, OnFailure};

use super::event::{Decision, End, Event, Finish, Item, Leaf, Question, RunStatus, Stage, UndoResult};
use super::graph::{Addr, Graph, NodeId};
use super::opened::Opened;
use super::state::{Instance, Mode, Progress, State};

/// An event that can't follow the ones before it: the journal and the snapshot do not belong together, or a newer
/// program wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// It names a step or instance that the run does not have.
    #[error("the event names `{0}`, which this run does not have")]
    UnknownStep(String),
    /// It comes before the run was opened, or the run is opened twice.
    #[error("the run is {0} opened")]
    Opening(&'static str),
    /// The instance can't do this from where it is.
    #[error("`{step}` can't be {what} now: it is {state}")]
    Transition {
        /// The instance.
        step: String,
        /// What the event says.
        what: &'static str,
        /// Where the instance is.
        state: String,
    },
}

impl State {
    /// Applies one event.
    ///
    /// # Errors
    ///
    /// [`Illegal`] when the event can't follow; the state is then unchanged.
    pub fn apply(&mut self, graph: &Graph, event: &Event) -> Result<(), Illegal> {
        if self.opened.is_none() && !matches!(event, Event::Opened(_)) {
            return Err(Illegal::Opening("not"));
        }
        match event {
            Event::Opened(opened) => self.open_run(graph, opened),
            Event::Resumed { by, .. } => {
                self.driven_by(graph, by);
                self.resume(graph);
                Ok(())
            }
            // What it says of the graph is in the graph already: the whole journal is folded over the newest snapshot.
            Event::Renewed { .. } => Ok(()),
            // A notice is no part of the run: it may be said of one that rests, too.
            Event::HookFailed { .. } | Event::Played { .. } => Ok(()),
            Event::Expanded { step, items } => self.expand(graph, step, items),
            Event::Started { step } => {
                let at = self.in_progress(step, "started", |progress| progress == Progress::Ready)?;
                self.ready.remove(&at);
                self.at_mut(at).progress = Progress::Working(Stage::Check);
                Ok(())
            }
            Event::Intent { leaf, command, by_hand, .. } => {
                self.intend(graph, leaf, command)?;
                if leaf.stage == Stage::Undo {
                    let at = self.known(&leaf.step)?;
                    by_hand.as_ref().unwrap_or(command).clone_into(&mut self.at_mut(at).undo_command);
                }
                Ok(())
            }
            Event::Spawned { leaf, process } => {
                let at = self.opened_leaf(leaf, "spawned")?;
                self.at_mut(at).process = Some(process.clone());
                Ok(())
            }
            Event::Exited { leaf, end, tail, outputs, .. } => {
                let at = self.opened_leaf(leaf, "ended")?;
                let instance = self.at_mut(at);
                instance.open = None;
                instance.guarded = None;
                instance.process = None;
                instance.last_end = Some(end.clone());
                instance.tail.clone_from(tail);
                if leaf.stage == Stage::Action && *end == End::Exit(0) {
                    instance.action_ok = true;
                    instance.doubted = false;
                    instance.outputs.clone_from(outputs);
                }
                instance.undo_ok |= leaf.stage == Stage::Undo && *end == End::Exit(0);
                if leaf.stage == Stage::Action && matches!(end, End::NotStarted(_)) {
                    self.untouch(at, leaf.attempt);
                }
                Ok(())
            }
            Event::OutputLost { leaf, .. } => {
                self.find(&leaf.step).map(drop).ok_or_else(|| Illegal::UnknownStep(leaf.step.clone()))
            }
            Event::Captured { step, values, changes } => {
                // A step that reads nothing before says before its action what it is about to change.
                let reads = self.find(step).is_none_or(|at| graph.step(at.node).body.capture.is_some());
                let stage = if !reads && values.is_empty() { Stage::Check } else { Stage::Capture };
                let at =
                    self.in_progress(step, "captured", |progress| progress == Progress::Working(stage))?;
                let instance = self.at_mut(at);
                instance.captured.clone_from(values);
                instance.changes.clone_from(changes);
                Ok(())
            }
            Event::Polled { leaf, verdict, seen } if leaf.stage == Stage::Guard => {
                self.guard_said(leaf, verdict, seen, false)
            }
            Event::Judged { leaf, verdict, seen, .. } if leaf.stage == Stage::Guard => {
                self.guard_said(leaf, verdict, seen, true)
            }
            Event::Polled { leaf, verdict, seen } => {
                let at = self.opened_leaf(leaf, "polled")?;
                self.at_mut(at).gate = Some((verdict.clone(), seen.clone()));
                Ok(())
            }
            Event::Judged { leaf, verdict, seen, outputs, .. } => {
                let at = self.opened_leaf(leaf, "judged")?;
                let instance = self.at_mut(at);
                instance.open = None;
                instance.process = None;
                instance.expired = false;
                instance.gate = Some((verdict.clone(), seen.clone()));
                if leaf.stage == Stage::Action {
                    instance.outputs.clone_from(outputs);
                }
                Ok(())
            }
            Event::RetryScheduled { leaf, .. } => {
                let at = self.in_progress(&leaf.step, "retried", |progress| {
                    progress == Progress::Working(leaf.stage)
                })?;
                self.at_mut(at).progress = Progress::Backoff(leaf.stage);
                Ok(())
            }
            Event::Woke { step } => {
                let at = self.known(step)?;
                // The wait is over, whatever becomes of the gate after it.
                let over = matches!(graph.step(at.node).body.action, Action::Wait(_));
                self.at_mut(at).action_ok |= over && self.at(at).finish.is_none();
                Ok(())
            }
            Event::Expired { step } => {
                let at = self.known(step)?;
                self.at_mut(at).expired = true;
                Ok(())
            }
            Event::AwaitsLock { step, lock, keeper } => self.await_lock(step, lock, keeper),
            Event::Locked { step, lock } => self.lock(step, lock),
            Event::Unlocked { step, lock } => self.unlock(step, lock),
            Event::Lapsed { step } => self.lapse(graph, step),
            Event::Reopened { step } => self.reopen(graph, step),
            Event::Asked { step, question, covers, .. } => {
                let back = *question == Question::Irreversible;
                let at = self.in_progress(step, "asked about", |progress| match progress {
                    Progress::Working(_) | Progress::Asking(_) => true,
                    Progress::Waiting | Progress::Ready => false,
                    Progress::Backoff(_) | Progress::Doubt(_) | Progress::Over => back,
                })?;
                if back && self.at(at).undo.is_some() || back != self.rollback && !graph.is_finally(at.node) {
                    return Err(self.transition(at, step, "asked about"));
                }
                if !matches!(self.at(at).progress, Progress::Asking(_)) {
                    self.asking += 1;
                    self.ask_anew(at, *question);
                }
                let instance = self.at_mut(at);
                instance.progress = Progress::Asking(*question);
                instance.answer = None;
                instance.covers.clone_from(covers);
                Ok(())
            }
            Event::Answered { step, by, yes, answers, hash, covers, .. } => {
                let at =
                    self.in_progress(step, "answered", |progress| matches!(progress, Progress::Asking(_)))?;
                self.at_mut(at).outputs.extend(answers.clone());
                if !covers.is_empty() {
                    self.at_mut(at).covers.clone_from(covers);
                }
                if *yes && !self.vote(graph, at, by, hash.as_deref()) {
                    return Ok(());
                }
                self.asking -= 1;
                let undo = self.at(at).progress == Progress::Asking(Question::Irreversible);
                let instance = self.at_mut(at);
                instance.progress = Progress::Working(Stage::Action);
                instance.answer = Some(*yes);
                instance.action_ok |= *yes && !undo;
                Ok(())
            }
            Event::Refused { step, .. } => self.known(step).map(drop),
            Event::Voided { step, .. } => self.void(graph, step),
            Event::Finished { step, result } => self.finish(graph, step, result),
            Event::Doubted { leaf } => {
                let at = self.in_progress(&leaf.step, "doubted", |progress| {
                    matches!(progress, Progress::Working(_) | Progress::Doubt(_))
                        && leaf.stage != Stage::Guard
                })?;
                let instance = self.at_mut(at);
                instance.open = None;
                instance.guarded = None;
                instance.progress = Progress::Doubt(leaf.stage);
                instance.undo_doubted &= leaf.stage != Stage::Undo;
                Ok(())
            }
            // Facts for people: what follows from them is said by what comes after.
            Event::TakenOver { .. } => Ok(()),
            Event::Outlived { leaf, .. } => self.opened_leaf(leaf, "found at work").map(drop),
            Event::LeftRunning { leaf, .. } => self.known(&leaf.step).map(drop),
            Event::Decided { step, decision, by, .. } => self.decided(graph, step, *decision, by.is_some()),
            Event::StopRequested { .. } => {
                if self.mode != Mode::Resting {
                    self.mode = Mode::Stopping;
                }
                Ok(())
            }
            Event::RollbackBegan { order, by, to } => {
                self.begin_rollback(graph, order, to.as_deref())?;
                if let Some(by) = by {
                    self.driven_by(graph, by);
                }
                Ok(())
            }
            Event::Undone { step, result, command } => {
                let at = self.in_progress(step, "undone", |progress| {
                    !matches!(progress, Progress::Waiting | Progress::Ready)
                })?;
                if !self.rollback || self.at(at).undo.is_some() {
                    return Err(self.transition(at, step, "undone"));
                }
                if matches!(self.at(at).progress, Progress::Asking(_)) {
                    self.asking -= 1;
                }
                let instance = self.at_mut(at);
                instance.open = None;
                // What was not tried is where it was: it may be in doubt, and that must not be forgotten.
                if !matches!(result, UndoResult::Blocked(_))
                    || matches!(instance.progress, Progress::Asking(_))
                {
                    instance.progress = Progress::Over;
                }
                instance.undo_doubted = false;
                instance.awaits = None;
                instance.undo = Some(result.clone());
                if let Some(command) = command {
                    instance.undo_command.clone_from(command);
                }
                Ok(())
            }
            Event::FinallyBegan { status } => {
                self.begin_finally(graph, *status);
                Ok(())
            }
            Event::Rested { status } => {
                self.mode = Mode::Resting;
                self.status = *status;
                self.in_finally &= *status != self.outcome;
                Ok(())
            }
        }
    }

    fn open_run(&mut self, graph: &Graph, opened: &Opened) -> Result<(), Illegal> {
        if self.opened.is_some() {
            return Err(Illegal::Opening("already"));
        }
        self.opened = Some(opened.clone());
        self.driver.clone_from(&opened.by.name);
        self.status = RunStatus::Running;
        self.mode = Mode::Forward;
        for node in graph.main_nodes() {
            self.release(graph, node);
        }
        Ok(())
    }

    /// Forgets what a read-only command was about to tell: it is simply asked again; only a change can be in doubt.
    fn close_reads(&mut self) {
        for node in &mut self.nodes {
            for instance in &mut node.instances {
                instance.guarded = None;
                instance.awaits = None;
                if instance.open.is_some_and(|(stage, _)| !matches!(stage, Stage::Action | Stage::Undo)) {
                    instance.open = None;
                    instance.process = None;
                }
            }
        }
    }

    /// Takes the run up where it is: a half-done rollback goes on backwards, one that a failure has called for begins
    /// as soon as what runs has ended, and everything else goes forwards.
    fn resume(&mut self, graph: &Graph) {
        self.close_reads();
        self.lapse_all(graph);
        // A `finally` that tells of a success or a rollback is finished; one that told of a failure or a stop is over,
        // since the run now goes on.
        self.in_finally &= !matches!(self.outcome, RunStatus::Failed | RunStatus::Interrupted);
        if self.status == RunStatus::PartlyUndone && !self.in_finally {
            self.begin_again(graph);
        }
        if !self.in_finally {
            self.ask_no_more(graph.finally_nodes());
        }
        if self.in_finally {
            self.mode = Mode::Finally;
            self.status = RunStatus::Running;
        } else if self.rollback {
            self.mode = Mode::RollingBack;
            self.status = RunStatus::RollingBack;
        } else {
            self.mode = if self.then_rollback { Mode::Draining } else { Mode::Forward };
            self.status = RunStatus::Running;
        }
    }

    /// Takes back what people were asked about these steps: they need not answer any more.
    fn ask_no_more(&mut self, nodes: std::ops::Range<NodeId>) {
        for node in nodes {
            for instance in &mut self.nodes[node as usize].instances {
                if matches!(instance.progress, Progress::Asking(_)) {
                    instance.progress = match instance.progress {
                        // It is where it was before somebody was asked whether to leave it.
                        Progress::Asking(Question::Irreversible) if instance.finish.is_some() => {
                            Progress::Over
                        }
                        Progress::Asking(Question::Irreversible) if !instance.action_ok => {
                            Progress::Doubt(Stage::Action)
                        }
                        _ => Progress::Working(Stage::Action),
                    };
                    self.asking -= 1;
                }
            }
        }
    }

    /// Takes back that the instance's action was begun, when it was this attempt that was to begin it: a command that
    /// never started has changed nothing, and there is nothing to undo.
    fn untouch(&mut self, at: Addr, attempt: u32) {
        let instance = self.at_mut(at);
        if instance.touched_by != attempt {
            return;
        }
        let Some(rank) = instance.touched.take() else { return };
        self.touched.remove(rank as usize);
        for later in rank as usize..self.touched.len() {
            let other = self.touched[later];
            self.at_mut(other).touched = Some(later as u32);
        }
    }

    /// Puts a step whose needs are met where it can be picked up.
    fn release(&mut self, graph: &Graph, node: NodeId) {
        if self.nodes[node as usize].unmet > 0 {
            return;
        }
        if graph.step(node).for_each.is_some() && !self.nodes[node as usize].expanded {
            self.to_expand.insert(node);
            return;
        }
        // More than one, or some only, where a run goes forwards again after a rollback down to a step.
        for instance in 0..self.nodes[node as usize].instances.len() as u32 {
            let at = Addr { node, instance };
            if self.at(at).progress == Progress::Waiting {
                self.at_mut(at).progress = Progress::Ready;
                self.ready.insert(at);
            }
        }
    }

    fn expand(&mut self, graph: &Graph, step: &str, items: &[Item]) -> Result<(), Illegal> {
        let node = self.node(step).ok_or_else(|| Illegal::UnknownStep(step.to_owned()))?;
        if !self.to_expand.remove(&node) {
            let state = if self.nodes[node as usize].expanded { "expanded" } else { "waiting" };
            return Err(Illegal::Transition {
                step: step.to_owned(),
                what: "expanded",
                state: state.to_owned(),
            });
        }
        let content = &mut self.nodes[node as usize];
        content.expanded = true;
        content.unfinished = items.len() as u32;
        content.instances = items
            .iter()
            .map(|item| Instance {
                item: Some(item.clone()),
                progress: Progress::Ready,
                attempts: content.attempts.get(&item.key).copied().unwrap_or_default(),
                ..Instance::default()
            })
            .collect();
        content.keys =
            items.iter().enumerate().map(|(number, item)| (item.key.clone(), number as u32)).collect();
        self.ready.extend((0..items.len() as u32).map(|instance| Addr { node, instance }));
        if items.is_empty() {
            self.node_done(graph, node);
        }
        Ok(())
    }

    fn intend(&mut self, graph: &Graph, leaf: &Leaf, command: &str) -> Result<(), Illegal> {
        if leaf.stage == Stage::Guard {
            return self.intend_guard(graph, leaf);
        }
        let at = self.known(&leaf.step)?;
        let back = matches!(leaf.stage, Stage::Undo | Stage::UndoVerify);
        let may = match self.at(at).progress {
            Progress::Waiting | Progress::Ready | Progress::Asking(_) => false,
            Progress::Over => back && self.rollback && self.at(at).undo.is_none(),
            Progress::Working(_) | Progress::Backoff(_) | Progress::Doubt(_) => {
                if back {
                    self.rollback && self.at(at).undo.is_none()
                } else {
                    self.at(at).finish.is_none()
                }
            }
        };
        if !may || self.at(at).open.is_some() {
            return Err(self.transition(at, &leaf.step, "begun"));
        }
        let rank = self.touched.len() as u32;
        // What `finally` does is not undone: it tells of the rollback too.
        let touches = leaf.stage == Stage::Action
            && graph.changes(at.node)
            && !graph.is_finally(at.node)
            && self.at(at).touched.is_none();
        if touches {
            self.touched.push(at);
        }
        let instance = self.at_mut(at);
        if touches {
            instance.touched = Some(rank);
            instance.touched_by = leaf.attempt;
        }
        instance.progress = Progress::Working(leaf.stage);
        instance.open = Some((leaf.stage, leaf.attempt));
        instance.attempts[leaf.stage as usize] = leaf.attempt;
        instance.last_end = None;
        instance.expired = false;
        if leaf.stage == Stage::Action {
            instance.guard = None;
        }
        if leaf.stage == Stage::Check {
            instance.lapsed = false;
        }
        instance.command = command.to_owned();
        if leaf.stage == Stage::Undo {
            instance.undo_doubted = false;
        }
        Ok(())
    }

    fn finish(&mut self, graph: &Graph, step: &str, result: &Finish) -> Result<(), Illegal> {
        // A for_each that could not be expanded or was not wanted ends as a whole, as one instance without an item.
        if let Some(node) = self.node(step)
            && self.to_expand.remove(&node)
        {
            self.nodes[node as usize].single();
            self.nodes[node as usize].instances[0].progress = Progress::Ready;
        }
        let at = self.known(step)?;
        let over = matches!(self.at(at).progress, Progress::Over | Progress::Waiting);
        if over || self.at(at).finish.is_some() {
            return Err(self.transition(at, step, "finished"));
        }
        if matches!(self.at(at).progress, Progress::Asking(_)) {
            self.asking -= 1;
        }
        self.ready.remove(&at);
        let instance = self.at_mut(at);
        instance.progress = Progress::Over;
        instance.open = None;
        instance.guarded = None;
        instance.lapsed = false;
        instance.awaits = None;
        instance.doubted = false;
        instance.finish = Some(result.clone());
        let node = &mut self.nodes[at.node as usize];
        node.unfinished -= 1;
        if result.releases() {
            if node.unfinished == 0 && node.failed == 0 {
                self.node_done(graph, at.node);
            }
            return Ok(());
        }
        node.failed += 1;
        if let Finish::Failed(why) = result {
            self.failed(graph, at, step, why);
        }
        Ok(())
    }

    fn failed(&mut self, graph: &Graph, at: Addr, step: &str, why: &str) {
        if self.first_failure.is_none() {
            self.first_failure = Some((step.to_owned(), why.to_owned()));
        }
        if self.mode != Mode::Forward {
            return;
        }
        let said = self.opened.as_ref().map_or(graph.on_failure(), |opened| opened.options.on_failure);
        match graph.step(at.node).on_failure.unwrap_or(said) {
            OnFailure::Continue => {}
            OnFailure::Pause => self.mode = Mode::Draining,
            OnFailure::Rollback => {
                self.mode = Mode::Draining;
                self.then_rollback = true;
            }
        }
    }

    fn node_done(&mut self, graph: &Graph, node: NodeId) {
        if graph.is_finally(node) {
            self.finally_left -= 1;
        } else {
            self.main_left -= 1;
        }
        for &dependent in graph.dependents(node) {
            self.nodes[dependent as usize].unmet -= 1;
            self.release(graph, dependent);
        }
    }

    fn decided(
        &mut self,
        graph: &Graph,
        step: &str,
        decision: Decision,
        by_person: bool,
    ) -> Result<(), Illegal> {
        let at = self.known(step)?;
        let progress = self.at(at).progress;
        // What was rolled back, or is being, is not gone on with: what is decided is about its undo.
        if self.rollback && !graph.is_finally(at.node) {
            return self.decided_back(at, step, decision);
        }
        let reopened = match (&self.at(at).finish, progress) {
            (Some(finish), Progress::Over) if !finish.releases() => true,
            (None, Progress::Doubt(_)) => false,
            (None, Progress::Working(_) | Progress::Backoff(_) | Progress::Asking(_)) => false,
            _ => return Err(self.transition(at, step, "decided on")),
        };
        if matches!(progress, Progress::Asking(_)) {
            self.asking -= 1;
        }
        if reopened {
            let node = &mut self.nodes[at.node as usize];
            node.unfinished += 1;
            node.failed -= 1;
            if self.first_failure.as_ref().is_some_and(|(name, _)| name == step) {
                self.first_failure = None;
            }
        }
        // Whoever settles a step by hand wants to go on, and not to have it undone.
        if by_person && (self.then_rollback || self.mode == Mode::Draining) {
            self.then_rollback = false;
            self.mode = Mode::Forward;
        }
        let instance = self.at_mut(at);
        instance.finish = None;
        instance.expired = false;
        // A decision leaves the instance in a stage with nothing open; what follows is the machine's.
        instance.progress = match decision {
            Decision::Verify => {
                // Whether cut off or stopped by us: the gate is asked because nobody knows how the action ended.
                instance.doubted |= !instance.action_ok;
                Progress::Working(Stage::Verify)
            }
            Decision::Retry => {
                if matches!(progress, Progress::Doubt(_)) || by_person {
                    instance.action_ok = false;
                }
                // From here on it is as if it had not been tried: taken up again it is not doubted anew.
                instance.doubted = false;
                instance.last_end = None;
                Progress::Working(Stage::Action)
            }
            Decision::Skip | Decision::Done => Progress::Working(Stage::Action),
        };
        // A for_each that failed before it was expanded is expanded anew.
        if graph.step(at.node).for_each.is_some() && self.at(at).item.is_none() && decision == Decision::Retry
        {
            let node = &mut self.nodes[at.node as usize];
            node.instances.clear();
            node.expanded = false;
            node.unfinished = 0;
            self.to_expand.insert(at.node);
        }
        Ok(())
    }

    /// Settles an undo that failed, or whose end is unknown.
    fn decided_back(&mut self, at: Addr, step: &str, decision: Decision) -> Result<(), Illegal> {
        let instance = self.at(at);
        let settled = instance.undo.as_ref().is_some_and(UndoResult::releases);
        if instance.touched.is_none() || instance.open.is_some() || settled {
            return Err(self.transition(at, step, "decided on"));
        }
        if matches!(instance.progress, Progress::Asking(_)) {
            self.asking -= 1;
        }
        let instance = self.at_mut(at);
        instance.undo = None;
        instance.expired = false;
        instance.last_end = None;
        instance.undo_doubted = decision == Decision::Verify && !instance.undo_ok;
        instance.undo_ok &= decision != Decision::Retry;
        let stage = if decision == Decision::Verify { Stage::UndoVerify } else { Stage::Undo };
        instance.progress = Progress::Working(stage);
        Ok(())
    }

    fn begin_rollback(&mut self, graph: &Graph, order: &[String], to: Option<&str>) -> Result<(), Illegal> {
        let order = order.iter().map(|name| self.known(name)).collect::<Result<Vec<_>, _>>()?;
        if let Some(&at) = order.iter().find(|at| graph.is_finally(at.node)) {
            return Err(self.transition(at, &graph.step(at.node).id, "rolled back"));
        }
        self.close_reads();
        for at in self.touched.clone() {
            let instance = self.at_mut(at);
            // What was never tried stands as it was, whether or not it is tried now.
            if matches!(instance.undo, Some(UndoResult::Blocked(_))) {
                instance.undo = None;
            }
        }
        for &at in &order {
            let instance = self.at_mut(at);
            if matches!(instance.undo, Some(UndoResult::Failed(_) | UndoResult::Blocked(_))) {
                instance.undo = None;
                // An undo that went well, but for its gate, is run again only where that does no harm; the gate is
                // asked again.
                instance.undo_ok &= !graph.step(at.node).body.idempotent;
            }
        }
        self.undo_order = order;
        self.undo_to = to.map(str::to_owned);
        self.rollback = true;
        self.mode = Mode::RollingBack;
        self.status = RunStatus::RollingBack;
        self.then_rollback = false;
        // What `finally` was about to tell is no longer true; it is told anew at the end.
        self.in_finally = false;
        // Whoever was asked something on the way forwards need not answer any more.
        self.ask_no_more(0..graph.len() as u32);
        Ok(())
    }

    /// Sets the `finally` steps back to their beginning: they run whenever the run comes to rest. Their attempts
    /// keep counting, so that no two processes share a name.
    fn begin_finally(&mut self, graph: &Graph, status: RunStatus) {
        self.ask_no_more(graph.finally_nodes());
        self.mode = Mode::Finally;
        self.in_finally = true;
        self.outcome = status;
        self.finally_left = graph.finally_nodes().len() as u32;
        for node in graph.finally_nodes() {
            let content = &mut self.nodes[node as usize];
            let attempts = content.instances.first().map(|one| one.attempts).unwrap_or_default();
            let were = content
                .instances
                .iter()
                .filter_map(|one| Some((one.item.as_ref()?.key.clone(), one.attempts)));
            content.attempts.extend(were);
            content.unmet = graph.needs(node).len() as u32;
            content.failed = 0;
            content.unfinished = 0;
            content.expanded = false;
            content.instances.clear();
            content.keys.clear();
            if graph.step(node).for_each.is_none() {
                content.single();
                content.instances[0].attempts = attempts;
            }
        }
        self.ready.retain(|at| !graph.is_finally(at.node));
        self.locks.retain(|_, at| !graph.is_finally(at.node));
        self.to_expand.retain(|&node| !graph.is_finally(node));
        for node in graph.finally_nodes() {
            self.release(graph, node);
        }
    }

    pub(super) fn known(&self, step: &str) -> Result<Addr, Illegal> {
        self.find(step).ok_or_else(|| Illegal::UnknownStep(step.to_owned()))
    }

    pub(super) fn in_progress(
        &self,
        step: &str,
        what: &'static str,
        allowed: impl Fn(Progress) -> bool,
    ) -> Result<Addr, Illegal> {
        let at = self.known(step)?;
        if allowed(self.at(at).progress) { Ok(at) } else { Err(self.transition(at, step, what)) }
    }

    fn opened_leaf(&self, leaf: &Leaf, what: &'static str) -> Result<Addr, Illegal> {
        let at = self.known(&leaf.step)?;
        if self.at(at).open == Some((leaf.stage, leaf.attempt)) {
            Ok(at)
        } else {
            Err(self.transition(at, &leaf.step, what))
        }
    }

    pub(super) fn transition(&self, at: Addr, step: &str, what: &'static str) -> Illegal {
        Illegal::Transition { step: step.to_owned(), what, state: format!("{:?}", self.at(at).progress) }
    }
}
