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
//! | a person asked | is asked again |
//! | anything before the action | from the beginning: nothing was touched |
//! | a `finally` step in doubt that may not be run twice | it failed, and says so |
//! | a failure that calls for a rollback, which has not begun | rolls back, unless a person settles a step by hand |
//! | an undo begun, its end not known | undoes again if the step is idempotent or the undo has a gate, else it failed |

use std::collections::BTreeMap;

use crate::model::OnInterrupt;

use super::decide::{Due, Machine};
use super::evaluate::Evaluate;
use super::event::{Decision, End, Event, Finish, Leaf, Person, Stage, Verdict};
use super::fold::Illegal;
use super::graph::Addr;
use super::state::{Instance, Mode, Progress};

type Decisions = BTreeMap<String, (Decision, Option<String>)>;

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
            Mode::RollingBack => return self.resume_rollback(eval),
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

    fn resume_instance(
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
                return self.fail(at, "its end is unknown: the engine died while it ran");
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
                self.ask_again(at, eval);
                return Ok(());
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
        let open: Vec<_> = self.state.open().collect();
        for (at, stage, attempt) in open {
            let leaf = Leaf { step: self.name(at), stage, attempt };
            self.emit(Event::Doubted { leaf })?;
        }
        self.begin_rollback(Some(by), to)?;
        self.resume_rollback(eval)
    }

    fn resume_rollback(&mut self, eval: &dyn Evaluate) -> Result<(), Illegal> {
        for at in self.state.undo_order.clone() {
            let instance = self.state.at(at);
            if instance.undo.is_some() {
                continue;
            }
            let stopped = instance.last_end == Some(End::Stopped);
            match instance.progress {
                Progress::Asking(_) => self.ask_again(at, eval),
                Progress::Doubt(Stage::Undo) | Progress::Working(Stage::Undo)
                    if stopped || matches!(instance.progress, Progress::Doubt(_)) =>
                {
                    let body = &self.graph.step(at.node).body;
                    let gated = body.rollback.as_ref().is_some_and(|undo| undo.verify.is_some());
                    if !body.idempotent && !gated {
                        let why = "its undo was under way when the engine died, and running it twice may not be safe";
                        self.undo_failed(at, why.to_owned())?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The gate that was to say whether a doubtful action took effect does not hold, or could not tell.
    pub(super) fn doubt_not_cleared(
        &mut self,
        eval: &dyn Evaluate,
        at: Addr,
        verdict: Verdict,
    ) -> Result<(), Illegal> {
        match verdict {
            Verdict::DoesNotHold => {
                let step = self.name(at);
                self.emit(Event::Decided { step, decision: Decision::Retry, by: None, reason: None })?;
                self.enter(eval, at, Stage::Action)
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
                matches!(instance.progress, Progress::Doubt(_)) && !self.graph.is_finally(at.node)
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
