//! One instance on its way: check, capture, action, verify.

use crate::model::Action;

use super::decide::{Alarm, Due, Machine, Poll};
use super::evaluate::{Evaluate, Known, Outcome, Prepared, Waiting};
use super::event::{Decision, End, Event, Finish, Leaf, Question, Stage, Verdict};
use super::fold::Illegal;
use super::graph::Addr;
use super::opened::Person;
use super::people::covers;
use super::state::Progress;
use super::turn::Act;
use super::undo::by_hand;

impl Machine {
    /// Begins a stage, or the next one that the step has.
    pub(super) fn enter(&mut self, eval: &dyn Evaluate, at: Addr, stage: Stage) -> Result<(), Illegal> {
        let graph = self.graph.clone();
        let body = &graph.step(at.node).body;
        let mut stage = stage;
        loop {
            if self.is_stopping() && stage != Stage::Verify {
                self.free_slot(at);
                return Ok(());
            }
            match stage {
                Stage::Check if body.check.is_some() => return self.begin(eval, at, Stage::Check),
                Stage::Check => stage = Stage::Capture,
                Stage::Capture if body.capture.is_some() => return self.begin(eval, at, Stage::Capture),
                Stage::Capture => stage = Stage::Action,
                Stage::Action => return self.enter_action(eval, at),
                Stage::Verify if body.verify.is_some() && self.is_stopping() => {
                    self.free_slot(at);
                    return Ok(());
                }
                Stage::Verify if body.verify.is_some() => return self.begin(eval, at, Stage::Verify),
                Stage::Verify => return self.finish(at, Finish::Succeeded),
                Stage::Undo | Stage::UndoVerify => return self.begin(eval, at, stage),
                // It runs beside the action, which begins it.
                Stage::Guard => return Ok(()),
            }
        }
    }

    fn enter_action(&mut self, eval: &dyn Evaluate, at: Addr) -> Result<(), Illegal> {
        if self.check_is_asked_again(at) {
            return self.begin(eval, at, Stage::Check);
        }
        let graph = self.graph.clone();
        let step = graph.step(at.node);
        if step.body.satisfied.is_some() && self.state.at(at).touched.is_none() {
            match eval.satisfied(&self.state, at) {
                Ok(Known::Yes) => return self.finish(at, Finish::Satisfied),
                Ok(Known::No) => {}
                Ok(Known::Unknown) => {
                    return self.fail(at, "whether it is satisfied depends on an unknown value");
                }
                Err(why) => return self.fail(at, why),
            }
        }
        match &step.body.action {
            Action::Command(_) | Action::Gate(_) => self.begin(eval, at, Stage::Action),
            Action::Approve(_) => self.ask(eval, at, Question::Approval),
            Action::Manual(_) => self.ask(eval, at, Question::Manual),
            Action::Wait(_) => {
                // Its check is over, and nothing is at work while it waits: it must not keep others from their place.
                self.free_slot(at);
                let act = match eval.wait(&self.state, at) {
                    Ok(Waiting::For(after)) => Act::Timer { id: self.timer(at, Alarm::Wait), after },
                    Ok(Waiting::Until(until)) => Act::TimerUntil { id: self.timer(at, Alarm::Wait), until },
                    Err(why) => return self.fail(at, why),
                };
                match self.guard_of(eval, at) {
                    Some(Err(why)) => return self.fail(at, why),
                    Some(Ok(guard)) => {
                        self.act(act);
                        return self.begin_guard(at, guard);
                    }
                    None => self.act(act),
                }
                Ok(())
            }
            // What it begins are steps of their own, which wait for it.
            Action::Runbook { .. } if self.graph.begins(at.node) => self.finish(at, Finish::Succeeded),
            Action::Nothing | Action::Runbook { .. } => {
                self.fail(at, "this kind of step can't be run by this version")
            }
        }
    }

    pub(super) fn ask(&mut self, eval: &dyn Evaluate, at: Addr, question: Question) -> Result<(), Illegal> {
        self.free_slot(at);
        self.unanswered.remove(&at);
        match eval.asking(&self.state, at) {
            Ok(asking) => {
                let step = self.name(at);
                let prompt = asking.prompt;
                let covers = match question {
                    Question::Approval => covers(&self.graph, eval, &self.state, at),
                    Question::Manual | Question::Irreversible => Vec::new(),
                };
                let ms = asking.timeout.map(|after| after.as_millis() as u64);
                self.emit(Event::Asked { step: step.clone(), question, prompt: prompt.clone(), covers, ms })?;
                if let Some(after) = asking.timeout {
                    let id = self.timer(at, Alarm::AskDeadline);
                    self.act(Act::Timer { id, after });
                }
                self.act(Act::Ask { step, at, question, prompt });
                Ok(())
            }
            Err(why) => self.fail(at, why),
        }
    }

    /// Begins a command or a gate: its intent, then its process.
    pub(super) fn begin(&mut self, eval: &dyn Evaluate, at: Addr, stage: Stage) -> Result<(), Illegal> {
        match eval.prepare(&self.state, at, stage) {
            Ok(command) => {
                let guard = if stage == Stage::Action { self.guard_of(eval, at) } else { None };
                let guard = match guard.transpose() {
                    Ok(guard) => guard,
                    Err(why) => return self.fail(at, why),
                };
                self.take_slot(at);
                if stage == Stage::Action {
                    self.tell_difference(eval, at)?;
                }
                let attempt = self.state.at(at).attempts[stage as usize] + 1;
                let leaf = Leaf { step: self.name(at), stage, attempt };
                let by_hand = (stage == Stage::Undo).then(|| by_hand(eval, &command));
                self.emit(Event::Intent {
                    leaf: leaf.clone(),
                    command: command.display.clone(),
                    stdin: command.stdin.as_ref().map(crate::model::Rendered::display),
                    dir: command.dir.as_ref().map(crate::model::Rendered::display),
                    by_hand,
                })?;
                if let Some(polling) = command.polling {
                    self.polls.insert(at, Poll::default());
                    if let Some(after) = polling.within {
                        let id = self.timer(at, Alarm::GateDeadline);
                        self.act(Act::Timer { id, after });
                    }
                }
                self.spawn(at, leaf, command);
                guard.map_or(Ok(()), |guard| self.begin_guard(at, guard))
            }
            Err(why) if matches!(stage, Stage::Undo | Stage::UndoVerify) => self.undo_failed(at, why),
            Err(why) => self.fail(at, why),
        }
    }

    /// Records what a step is about to change that reads no state before: the end of a run tells it as of any other.
    fn tell_difference(&mut self, eval: &dyn Evaluate, at: Addr) -> Result<(), Illegal> {
        let instance = self.state.at(at);
        if instance.progress != Progress::Working(Stage::Check) || instance.changes.is_some() {
            return Ok(());
        }
        match eval.difference(&self.state, at) {
            Some(changes) => {
                let step = self.name(at);
                self.emit(Event::Captured { step, values: crate::model::Map::new(), changes: Some(changes) })
            }
            None => Ok(()),
        }
    }

    fn spawn(&mut self, at: Addr, leaf: Leaf, command: Prepared) {
        let poll = match self.polls.get_mut(&at) {
            Some(poll) if command.polling.is_some() => {
                poll.polls += 1;
                poll.polls
            }
            _ => 0,
        };
        self.flights.insert(at, leaf.clone());
        self.act(Act::Spawn { leaf, command: Box::new(command), poll });
    }

    fn is_gate(&self, at: Addr, stage: Stage) -> bool {
        match stage {
            Stage::Check | Stage::Guard | Stage::Verify | Stage::UndoVerify => true,
            Stage::Action => matches!(self.graph.step(at.node).body.action, Action::Gate(_)),
            Stage::Capture | Stage::Undo => false,
        }
    }

    /// Answers the end of a process.
    pub(super) fn ended(
        &mut self,
        eval: &dyn Evaluate,
        at: Addr,
        leaf: Leaf,
        outcome: &Outcome,
    ) -> Result<(), Illegal> {
        let stage = leaf.stage;
        let broken = self.broken.remove(&at);
        if self.is_gate(at, stage) {
            return match broken {
                Some(why) => self.fail(at, why),
                None => self.polled(eval, at, leaf, outcome),
            };
        }
        self.end_guard(at)?;
        let end = outcome.end.clone().unwrap_or(End::NotStarted("its end was not reported".to_owned()));
        let ok = end == End::Exit(0);
        let mut outputs = Ok(crate::model::Map::new());
        if ok && stage == Stage::Action {
            outputs = eval.outputs(&self.state, at, outcome);
        }
        self.emit(Event::Exited {
            leaf: leaf.clone(),
            end: end.clone(),
            ms: outcome.wall.as_millis() as u64,
            tail: outcome.tail.clone(),
            outputs: outputs.as_ref().ok().cloned().unwrap_or_default(),
        })?;
        if let Some(why) = outcome.unkept.clone() {
            self.emit(Event::OutputLost { leaf: leaf.clone(), why })?;
        }
        if let Some(why) = broken {
            return self.fail(at, why);
        }
        // What had not begun when the run was asked to stop did not fail.
        if matches!(end, End::Stopped | End::NotStarted(_)) && self.is_stopping() {
            self.free_slot(at);
            return Ok(());
        }
        match (stage, ok) {
            (Stage::Capture, _) => match eval.captured(&self.state, at, outcome) {
                Ok((values, changes)) if ok => {
                    let step = self.name(at);
                    self.emit(Event::Captured { step, values, changes })?;
                    self.enter(eval, at, Stage::Action)
                }
                Err(why) if ok => self.fail(at, format!("the state before could not be read: {why}")),
                _ => self.fail(at, format!("the state before could not be read: {}", describe(&end))),
            },
            (Stage::Action, true) => match outputs {
                Ok(_) => self.enter(eval, at, Stage::Verify),
                Err(why) => self.fail(at, format!("it ran, but its outputs could not be read: {why}")),
            },
            (Stage::Undo, true) => self.undo_ran(eval, at),
            (_, false) => self.attempt_failed(eval, at, leaf, outcome, &end),
            (Stage::Check | Stage::Guard | Stage::Verify | Stage::UndoVerify, true) => Ok(()),
        }
    }

    fn attempt_failed(
        &mut self,
        eval: &dyn Evaluate,
        at: Addr,
        leaf: Leaf,
        outcome: &Outcome,
        end: &End,
    ) -> Result<(), Illegal> {
        if self.is_stopping() {
            self.free_slot(at);
            return Ok(());
        }
        let retry = match end {
            End::NotStarted(_) | End::Stopped => Ok(None),
            _ => eval.retry(&self.state, at, leaf.stage, leaf.attempt, outcome),
        };
        let why = match retry {
            Ok(Some(after)) => {
                let stage = leaf.stage;
                self.emit(Event::RetryScheduled { leaf, ms: after.as_millis() as u64 })?;
                let id = self.timer(at, Alarm::Retry(stage));
                self.act(Act::Timer { id, after });
                return Ok(());
            }
            Ok(None) => describe(end),
            Err(why) => format!("{}; whether to retry could not be told: {why}", describe(end)),
        };
        if leaf.stage == Stage::Undo { self.undo_failed(at, why) } else { self.fail(at, why) }
    }

    /// Answers one poll of a gate.
    fn polled(
        &mut self,
        eval: &dyn Evaluate,
        at: Addr,
        leaf: Leaf,
        outcome: &Outcome,
    ) -> Result<(), Illegal> {
        let stage = leaf.stage;
        if self.is_stopping() {
            self.free_slot(at);
            return Ok(());
        }
        let judgement = eval.judge(&self.state, at, stage, outcome);
        let verdict =
            judgement.verdict.unwrap_or_else(|| Verdict::CouldNotTell("it was not judged".to_owned()));
        let polling = match eval.prepare(&self.state, at, stage) {
            Ok(Prepared { polling: Some(polling), .. }) => polling,
            Ok(_) => return self.judged(eval, at, leaf, verdict, judgement.seen, judgement.outputs),
            Err(why) => {
                let verdict = Verdict::CouldNotTell(why);
                return self.judged(eval, at, leaf, verdict, judgement.seen, judgement.outputs);
            }
        };
        let holds = matches!(verdict, Verdict::Holds | Verdict::Warns);
        let poll = self.polls.entry(at).or_default();
        let (was_holding, held) = (poll.holding, poll.held);
        poll.holding = holds;
        let over = match (holds, polling.hold) {
            (true, None) => true,
            (true, Some(_)) => held,
            // Broken while it had to hold: with no time to come back within, that is the answer.
            (false, _) => polling.within.is_none() || self.state.at(at).expired,
        };
        if over {
            return self.judged(eval, at, leaf, verdict, judgement.seen, judgement.outputs);
        }
        // The state keeps what an attempt before it saw: that this one sees the same is news, once.
        let told = std::mem::replace(&mut self.polls.entry(at).or_default().told, true);
        let same = self.state.at(at).gate.as_ref() == Some(&(verdict.clone(), judgement.seen.clone()));
        if !told || !same {
            self.emit(Event::Polled { leaf, verdict, seen: judgement.seen })?;
        }
        if let (true, false, Some(after)) = (holds, was_holding, polling.hold) {
            let id = self.timer(at, Alarm::Held);
            self.act(Act::Timer { id, after });
        }
        if !holds && was_holding {
            self.timers.retain(|_, (owner, alarm)| !(*owner == at && *alarm == Alarm::Held));
            self.polls.entry(at).or_default().held = false;
        }
        let id = self.timer(at, Alarm::Poll(stage));
        self.act(Act::Timer { id, after: polling.every });
        Ok(())
    }

    /// Answers the end of a gate.
    fn judged(
        &mut self,
        eval: &dyn Evaluate,
        at: Addr,
        leaf: Leaf,
        verdict: Verdict,
        seen: String,
        outputs: crate::model::Map,
    ) -> Result<(), Illegal> {
        let stage = leaf.stage;
        let polls = self.polls.remove(&at).map_or(0, |poll| poll.polls);
        self.drop_timers(at);
        let doubted = self.state.at(at).doubted;
        self.emit(Event::Judged { leaf, verdict: verdict.clone(), seen: seen.clone(), polls, outputs })?;
        let holds = matches!(verdict, Verdict::Holds | Verdict::Warns);
        if stage == Stage::Verify && doubted && !holds {
            return self.doubt_not_cleared(at, verdict);
        }
        if stage == Stage::UndoVerify && self.state.at(at).undo_doubted && !holds {
            return self.undo_doubt_not_cleared(eval, at, verdict);
        }
        if holds {
            return match stage {
                Stage::Check => {
                    let next = self.after_check(at);
                    self.keep_fresh(eval, at, stage)?;
                    self.enter(eval, at, next)
                }
                Stage::UndoVerify => self.undo_done(at),
                // A gate as action has nothing to verify; a verify gate is the last stage.
                _ => {
                    self.finish(at, Finish::Succeeded)?;
                    self.keep_fresh(eval, at, stage)
                }
            };
        }
        let why = not_held(stage, &verdict, &seen);
        if stage == Stage::UndoVerify { self.undo_failed(at, why) } else { self.fail(at, why) }
    }

    /// Answers a timer.
    pub(super) fn fired(&mut self, eval: &dyn Evaluate, at: Addr, alarm: Alarm) -> Result<(), Illegal> {
        match alarm {
            Alarm::Retry(stage) => self.begin(eval, at, stage),
            Alarm::Poll(stage) => self.poll_again(eval, at, stage),
            Alarm::Fresh => self.lapsed(at),
            // Tried on the way to what is next.
            Alarm::Lock => Ok(()),
            Alarm::GuardPoll => self.poll_guard(eval, at),
            Alarm::GuardDeadline => self.guard_broke(at),
            Alarm::Wait => {
                let step = self.name(at);
                self.emit(Event::Woke { step })?;
                self.verify_what_ran_nothing(at)
            }
            Alarm::Held => {
                self.polls.entry(at).or_default().held = true;
                // The answer that counts is the next one: what held a while ago is not what holds now.
                let pending = self
                    .timers
                    .iter()
                    .find(|(_, (owner, alarm))| *owner == at && matches!(alarm, Alarm::Poll(_)));
                match pending.map(|(&id, &(_, alarm))| (id, alarm)) {
                    Some((id, Alarm::Poll(stage))) => {
                        self.timers.remove(&id);
                        self.poll_again(eval, at, stage)
                    }
                    _ => Ok(()),
                }
            }
            Alarm::GateDeadline => {
                let step = self.name(at);
                self.emit(Event::Expired { step })?;
                let holding = self.polls.get(&at).is_some_and(|poll| poll.holding);
                // A poll under way, or a gate that must go on holding, has the last word.
                if self.flights.contains_key(&at) || holding {
                    return Ok(());
                }
                match self.state.at(at).open {
                    Some((stage, attempt)) => {
                        let leaf = Leaf { step: self.name(at), stage, attempt };
                        let never =
                            || (Verdict::CouldNotTell("it was never answered".to_owned()), String::new());
                        let (verdict, seen) = self.state.at(at).gate.clone().unwrap_or_else(never);
                        self.judged(eval, at, leaf, verdict, seen, crate::model::Map::new())
                    }
                    None => Ok(()),
                }
            }
            Alarm::AskDeadline => {
                let step = self.name(at);
                self.emit(Event::Expired { step })?;
                if matches!(
                    self.state.at(at).progress,
                    super::state::Progress::Asking(Question::Irreversible)
                ) {
                    return self.undo_failed(at, "nobody answered in time".to_owned());
                }
                let why = self.out_of_time(at);
                self.fail(at, why)
            }
        }
    }

    fn poll_again(&mut self, eval: &dyn Evaluate, at: Addr, stage: Stage) -> Result<(), Illegal> {
        let Some((open, attempt)) = self.state.at(at).open else { return Ok(()) };
        if open != stage || self.flights.contains_key(&at) {
            return Ok(());
        }
        let leaf = Leaf { step: self.name(at), stage, attempt };
        match eval.prepare(&self.state, at, stage) {
            Ok(command) => {
                self.spawn(at, leaf, command);
                Ok(())
            }
            Err(why) => {
                let verdict = Verdict::CouldNotTell(why);
                self.judged(eval, at, leaf, verdict, String::new(), crate::model::Map::new())
            }
        }
    }

    /// Answers a person's answer.
    pub(super) fn answered(
        &mut self,
        _eval: &dyn Evaluate,
        at: Addr,
        question: Question,
        yes: bool,
        by: &Person,
        note: Option<&str>,
    ) -> Result<(), Illegal> {
        let said = note.map(|note| format!(": {note}")).unwrap_or_default();
        match (question, yes) {
            (Question::Irreversible, true) => self.undo_left(at, "it can't be undone"),
            (Question::Irreversible, false) => {
                self.undo_failed(at, format!("{} did not want to leave it as it is{said}", by.name))
            }
            (_, true) => self.verify_what_ran_nothing(at),
            (Question::Approval, false) => self.fail(at, format!("{} rejected it{said}", by.name)),
            (Question::Manual, false) => {
                self.fail(at, format!("{} said that it could not be done{said}", by.name))
            }
        }
    }

    /// A wait is over, or a person said yes: the gate after it is asked as soon as there is room, since it held none.
    fn verify_what_ran_nothing(&mut self, at: Addr) -> Result<(), Illegal> {
        if self.graph.step(at.node).body.verify.is_none() {
            return self.finish(at, Finish::Succeeded);
        }
        self.end_guard(at)?;
        self.free_slot(at);
        self.due.insert(at, Due::Enter(Stage::Verify));
        Ok(())
    }

    /// Takes up a settled instance.
    pub(super) fn follow(
        &mut self,
        eval: &dyn Evaluate,
        at: Addr,
        decision: Decision,
    ) -> Result<(), Illegal> {
        match decision {
            Decision::Skip => {
                self.finish(at, Finish::Skipped("a person said to go on without it".to_owned()))
            }
            Decision::Done => self.finish(at, Finish::MarkedDone),
            Decision::Verify => self.enter(eval, at, Stage::Verify),
            Decision::Retry if self.state.at(at).touched.is_some() => self.enter(eval, at, Stage::Action),
            // Nothing of it was touched, so it begins anew, and the state before is read anew.
            Decision::Retry => match self.wanted(eval, at) {
                Ok(()) => self.enter(eval, at, Stage::Check),
                Err(result) => self.finish(at, result),
            },
        }
    }
}

/// Returns how a process ended, as a sentence.
pub fn describe(end: &End) -> String {
    match end {
        End::Exit(code) => format!("it exited with {code}"),
        End::Signal(signal) => format!("it was killed by signal {signal}"),
        End::TimedOut => "its time was up".to_owned(),
        End::Stopped => "it was stopped".to_owned(),
        End::NotStarted(why) => why.clone(),
    }
}

pub(super) fn not_held(stage: Stage, verdict: &Verdict, seen: &str) -> String {
    let gate = match stage {
        Stage::Check => "its check",
        Stage::Action => "the gate",
        Stage::Guard => "its guard",
        Stage::UndoVerify => "the gate after the undo",
        _ => "its verify gate",
    };
    match verdict {
        Verdict::CouldNotTell(why) => format!("{gate} could not tell: {why}"),
        _ if seen.is_empty() => format!("{gate} does not hold"),
        _ => format!("{gate} does not hold: {seen}"),
    }
}
