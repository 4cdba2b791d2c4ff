//! Resume: where each instance goes on.
//!
//! | the instance | what resume does |
//! | --- | --- |
//! | over, and releases what needs it | nothing |
//! | waiting or ready | the queue |
//! | failed, its action went well | asks its gate again |
//! | failed otherwise | runs it again: taking the run up again is the person's decision |
//! | an action begun, its end not known (in doubt), or stopped by us | what a person decided, else `on_interrupt`: rerun; verify (holds: done, does not: rerun, could not tell: stays in doubt); ask (stays in doubt) |
//! | an action that went well, its gate not over | the gate |
//! | a person asked | is asked again, and has the whole time again; a yes already given counts on, unless it is of whoever took the run up and may not answer (`not_self`) |
//! | anything before the action | from the beginning: nothing was touched |
//! | a `finally` step in doubt that may not be run twice | it failed, and says so |
//! | a failure that calls for a rollback, which has not begun | rolls back, unless a person settles a step by hand |
//! | undone by a rollback down to a step, or needing something that was | the queue, as if it had never been tried; what was left since it can't be undone stands |
//!
//! Going back ([`going_back`]), whether by `resume` or by `rollback`:
//!
//! | the undo | what is done |
//! | --- | --- |
//! | over: done, left, nothing to undo | nothing |
//! | failed, or blocked | tried again; what a person decided of it goes first: retry, done, skip (it is left) |
//! | went well, its gate did not hold | the gate again; the command too if the step is idempotent, or a person says retry |
//! | not begun, or went well and its gate is not over | its turn comes |
//! | a person asked whether to leave it | is asked again |
//! | all over, and `finally` is not | it goes on with `finally`, and begins it no second time |
//! | begun, its end not known (in doubt), or stopped by us | what a person decided, else: the gate after it first (holds: undone, does not: undo again, could not tell: stays in doubt); no gate, idempotent: undo again; else stays in doubt |

use std::collections::BTreeMap;

use crate::model::{Body, OnInterrupt};

use super::decide::{Due, Machine};
use super::evaluate::Evaluate;
use super::event::{Decision, End, Event, Finish, Leaf, Stage, Verdict};
use super::fold::Illegal;
use super::graph::Addr;
use super::opened::Person;
use super::state::{Instance, Mode, Progress};
use super::undo::undo_order;

/// What a person decided, by instance or step, each with why.
pub(super) type Decisions = BTreeMap<String, (Decision, Option<String>)>;

/// What resume does with one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Going {
    /// Nothing, or the queue does.
    Nothing,
    /// A decision, made by the step's own rule.
    Rule(Decision),
    /// A decision, made by the person who took the run up again.
    Person(Decision),
    /// Goes on without a decision: nothing was lost.
    On(Stage),
    /// Asks again.
    AskAgain,
    /// A person must decide.
    InDoubt,
}

/// Returns where an instance goes on, when nobody said anything of it.
pub fn going(instance: &Instance, on_interrupt: OnInterrupt) -> Going {
    let doubtful = |stage| match (stage, on_interrupt) {
        (Stage::Action, OnInterrupt::Rerun) => Going::Rule(Decision::Retry),
        (Stage::Action, OnInterrupt::Verify) => Going::Rule(Decision::Verify),
        (Stage::Action, OnInterrupt::Ask) => Going::InDoubt,
        _ => Going::On(stage),
    };
    match instance.progress {
        Progress::Waiting | Progress::Ready => Going::Nothing,
        Progress::Over => match &instance.finish {
            Some(finish) if finish.releases() => Going::Nothing,
            None => Going::Nothing,
            Some(_) if instance.action_ok => Going::Person(Decision::Verify),
            Some(_) => Going::Person(Decision::Retry),
        },
        Progress::Asking(_) => Going::AskAgain,
        Progress::Doubt(stage) => doubtful(stage),
        Progress::Working(_) | Progress::Backoff(_) if instance.action_ok || instance.doubted => {
            Going::On(Stage::Verify)
        }
        Progress::Working(Stage::Action) if instance.last_end == Some(End::Stopped) => {
            doubtful(Stage::Action)
        }
        Progress::Working(_) | Progress::Backoff(_) if instance.touched.is_some() => Going::On(Stage::Action),
        Progress::Working(_) | Progress::Backoff(_) => Going::On(Stage::Check),
    }
}

/// What taking up a rollback does with one instance that is to be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoingBack {
    /// Nothing, or its turn comes.
    Nothing,
    /// Asks again.
    AskAgain,
    /// The gate after the undo says whether it took effect.
    Gate,
    /// Its undo runs again.
    Again,
    /// A person must decide.
    InDoubt,
}

/// Returns where the undo of an instance goes on, when nobody said anything of it.
pub fn going_back(instance: &Instance, body: &Body) -> GoingBack {
    let cut_off = match instance.progress {
        Progress::Doubt(stage) => stage == Stage::Undo,
        Progress::Working(Stage::Undo) => instance.last_end == Some(End::Stopped),
        _ => false,
    };
    match (instance.progress, cut_off) {
        _ if instance.undo.is_some() => GoingBack::Nothing,
        (Progress::Asking(_), _) => GoingBack::AskAgain,
        (_, false) => GoingBack::Nothing,
        _ if body.rollback.as_ref().is_some_and(|undo| undo.verify.is_some()) => GoingBack::Gate,
        _ if body.idempotent => GoingBack::Again,
        _ => GoingBack::InDoubt,
    }
}

impl Machine {
    pub(super) fn resume(
        &mut self,
        eval: &dyn Evaluate,
        by: Person,
        reason: Option<String>,
        decisions: Decisions,
    ) -> Result<(), Illegal> {
        self.emit(Event::Resumed { by: by.clone(), reason })?;
        self.doubt_what_is_open()?;
        self.due.clear();
        match self.state.mode {
            Mode::RollingBack => {
                self.settle_undos(&by, &decisions)?;
                self.try_undo_again(by)?;
                return self.resume_rollback(eval);
            }
            // A failure has called for a rollback, and nobody says otherwise.
            Mode::Draining if decisions.is_empty() => return Ok(()),
            _ => {}
        }
        let in_finally = self.state.mode == Mode::Finally;
        let these: Vec<Addr> = self
            .state
            .instances()
            .map(|(at, _)| at)
            .filter(|at| self.graph.is_finally(at.node) == in_finally)
            .collect();
        for at in these {
            self.resume_instance(eval, at, &by, &decisions)?;
        }
        Ok(())
    }

    /// An intent without an outcome, and the engine that had it is dead: the end is unknown, and that is recorded.
    fn doubt_what_is_open(&mut self) -> Result<(), Illegal> {
        let open: Vec<(Addr, Stage, u32)> = self
            .state
            .instances()
            .filter_map(|(at, instance)| instance.open.map(|(stage, attempt)| (at, stage, attempt)))
            .collect();
        for (at, stage, attempt) in open {
            let leaf = Leaf { step: self.name(at), stage, attempt };
            self.emit(Event::Doubted { leaf })?;
        }
        Ok(())
    }

    pub(super) fn resume_instance(
        &mut self,
        eval: &dyn Evaluate,
        at: Addr,
        by: &Person,
        decisions: &Decisions,
    ) -> Result<(), Illegal> {
        let step = self.name(at);
        let graph = self.graph.clone();
        let said = decisions.get(&step).or_else(|| decisions.get(&graph.step(at.node).id));
        let going = going(self.state.at(at), graph.step(at.node).on_interrupt());
        let open = going != Going::Nothing;
        let (decision, by, reason) = match (said, going) {
            (Some((decision, reason)), _) if open => (*decision, Some(by.clone()), reason.clone()),
            (_, Going::Nothing) => return Ok(()),
            // Nobody waits for a `finally` step, so nobody is asked: it is told, and not repeated.
            (_, Going::InDoubt) if graph.is_finally(at.node) => {
                return self.fail(at, "its end is unknown: it lost its engine while it ran");
            }
            (_, Going::InDoubt) => {
                // Stopped by us in the middle is as unknown as cut off in the middle.
                let instance = self.state.at(at);
                if !matches!(instance.progress, Progress::Doubt(_)) {
                    let attempt = instance.attempts[Stage::Action as usize];
                    self.emit(Event::Doubted { leaf: Leaf { step, stage: Stage::Action, attempt } })?;
                }
                return Ok(());
            }
            (_, Going::AskAgain) => {
                return self.ask_again(at, eval);
            }
            (_, Going::On(stage)) => {
                // A gate that was under way when the engine died is asked anew; nothing was decided.
                self.due.insert(at, Due::Enter(stage));
                return Ok(());
            }
            (_, Going::Rule(decision)) => (decision, None, None),
            (_, Going::Person(decision)) => (decision, Some(by.clone()), None),
        };
        self.emit(Event::Decided { step, decision, by, reason })?;
        // A step that was never expanded is expanded anew, and has no instance to follow.
        if (at.instance as usize) < self.state.nodes[at.node as usize].instances.len() {
            match decision {
                Decision::Skip | Decision::Done => self.follow(eval, at, decision)?,
                // The decision is recorded at once, and done as soon as there is room.
                Decision::Retry | Decision::Verify => drop(self.due.insert(at, Due::Follow(decision))),
            }
        }
        Ok(())
    }

    /// Rolls back from wherever the run is. What was under way when its engine died is in doubt, and is undone too.
    pub(super) fn roll_back(
        &mut self,
        eval: &dyn Evaluate,
        by: Person,
        to: Option<String>,
    ) -> Result<(), Illegal> {
        self.offer_nothing();
        if self.only_tells_of_a_rollback(to.as_deref()) {
            return self.resume(eval, by, None, Decisions::new());
        }
        self.due.clear();
        let open: Vec<_> = self.state.open().collect();
        for (at, stage, attempt) in open {
            let leaf = Leaf { step: self.name(at), stage, attempt };
            self.emit(Event::Doubted { leaf })?;
        }
        self.begin_rollback(Some(by), to)?;
        self.resume_rollback(eval)
    }

    /// Says whether everything that is to be undone was, and only `finally` is not over. Another rollback goes on with it:
    /// begun anew it would run again what has ended well, and what may not be run twice.
    fn only_tells_of_a_rollback(&self, to: Option<&str>) -> bool {
        self.state.rollback && self.state.in_finally && undo_order(&self.state, &self.graph, to).is_empty()
    }

    /// Does what a person decided of undos that failed, or whose end is unknown.
    fn settle_undos(&mut self, by: &Person, decisions: &Decisions) -> Result<(), Illegal> {
        let graph = self.graph.clone();
        for at in self.state.touched.clone() {
            let step = self.name(at);
            let Some((decision, reason)) =
                decisions.get(&step).or_else(|| decisions.get(&graph.step(at.node).id)).cloned()
            else {
                continue;
            };
            let instance = self.state.at(at);
            let stuck = instance.undo.as_ref().is_some_and(|undo| !undo.releases());
            let going = going_back(instance, &graph.step(at.node).body);
            if !stuck && !matches!(going, GoingBack::InDoubt | GoingBack::Gate | GoingBack::Again) {
                continue;
            }
            self.emit(Event::Decided { step, decision, by: Some(by.clone()), reason: reason.clone() })?;
            match decision {
                Decision::Done => self.undo_done(at)?,
                Decision::Skip => {
                    self.undo_left(at, reason.as_deref().unwrap_or("a person said to leave it"))?
                }
                Decision::Retry | Decision::Verify => {}
            }
        }
        Ok(())
    }

    fn resume_rollback(&mut self, eval: &dyn Evaluate) -> Result<(), Illegal> {
        let graph = self.graph.clone();
        for at in self.state.undo_order.clone() {
            let step = self.name(at);
            let decision = match going_back(self.state.at(at), &graph.step(at.node).body) {
                GoingBack::Nothing => continue,
                GoingBack::AskAgain => {
                    self.ask_again(at, eval)?;
                    continue;
                }
                GoingBack::InDoubt if matches!(self.state.at(at).progress, Progress::Doubt(_)) => continue,
                GoingBack::InDoubt => {
                    let attempt = self.state.at(at).attempts[Stage::Undo as usize];
                    self.emit(Event::Doubted { leaf: Leaf { step, stage: Stage::Undo, attempt } })?;
                    continue;
                }
                GoingBack::Gate => Decision::Verify,
                GoingBack::Again => Decision::Retry,
            };
            self.emit(Event::Decided { step, decision, by: None, reason: None })?;
        }
        Ok(())
    }

    /// The gate that was to say whether a doubtful undo took effect does not hold, or could not tell.
    pub(super) fn undo_doubt_not_cleared(
        &mut self,
        eval: &dyn Evaluate,
        at: Addr,
        verdict: Verdict,
    ) -> Result<(), Illegal> {
        let step = self.name(at);
        if verdict == Verdict::DoesNotHold {
            self.emit(Event::Decided { step, decision: Decision::Retry, by: None, reason: None })?;
            return self.begin(eval, at, Stage::Undo);
        }
        self.free_slot(at);
        let attempt = self.state.at(at).attempts[Stage::Undo as usize];
        self.emit(Event::Doubted { leaf: Leaf { step, stage: Stage::Undo, attempt } })
    }

    /// The gate that was to say whether a doubtful action took effect does not hold, or could not tell.
    pub(super) fn doubt_not_cleared(&mut self, at: Addr, verdict: Verdict) -> Result<(), Illegal> {
        match verdict {
            Verdict::DoesNotHold => {
                let step = self.name(at);
                self.emit(Event::Decided { step, decision: Decision::Retry, by: None, reason: None })?;
                // It begins like anything that is taken up: when what it needs is fresh, and there is room.
                self.free_slot(at);
                self.due.insert(at, Due::Enter(Stage::Action));
                Ok(())
            }
            _ => {
                self.free_slot(at);
                let attempt = self.state.at(at).attempts[Stage::Action as usize];
                let leaf = Leaf { step: self.name(at), stage: Stage::Action, attempt };
                self.emit(Event::Doubted { leaf })
            }
        }
    }

    /// Returns the instances that a person must settle before the run can go on.
    pub fn unsettled(&self) -> Vec<String> {
        self.state
            .instances()
            .filter(|(at, instance)| {
                // Nobody is asked of a `finally` step: it begins anew when the run comes to rest.
                match instance.progress {
                    Progress::Doubt(Stage::Undo) => true,
                    // What goes back is undone, whatever became of it.
                    Progress::Doubt(_) => !self.state.rollback && !self.graph.is_finally(at.node),
                    _ => false,
                }
            })
            .map(|(at, _)| self.name(at))
            .collect()
    }

    /// Returns the first instance that failed, with why.
    pub fn first_failure(&self) -> Option<(String, String)> {
        self.state.first_failure.clone().or_else(|| {
            self.state.instances().find_map(|(at, instance)| match &instance.finish {
                Some(Finish::Failed(why)) => Some((self.name(at), why.clone())),
                _ => None,
            })
        })
    }
}
