//! People: whoever sits at the terminal, and what they are asked.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

use crate::journal::Stored;
use crate::machine::{
    Addr, Covered, Decision, Evaluate, Graph, Judge, Machine, Person, Progress, Question, State, hash_of,
    may_answer, needed, voters,
};
use crate::model::{Action, Input, Map as Answers};

use super::error::DriveError;
use super::open::fold;
use super::undoing::ToUndo;

/// A question, with what a yes would do.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The instance.
    pub step: String,
    /// For what.
    pub question: Question,
    /// The question.
    pub prompt: String,
    /// The commands that a yes starts; empty when it starts none.
    pub covers: Vec<Covered>,
    /// What stands for them in the answer.
    pub hash: String,
    /// Whether nothing is run: it is a rehearsal.
    pub rehearsed: bool,
    /// Who may answer; nothing when anyone may.
    pub who: Option<String>,
    /// How many must say yes.
    pub needed: u32,
    /// Who said yes to these commands already.
    pub said: Vec<Person>,
    /// The typed answers that go with a yes.
    pub ask: Vec<Input>,
}

impl Asked {
    /// Returns what is asked at `at`.
    pub(super) fn of(
        machine: &Machine,
        judge: &Judge,
        at: Addr,
        question: Question,
        prompt: String,
    ) -> Asked {
        let (state, graph) = (machine.state(), machine.graph());
        let covers = machine.covered(judge, at);
        let hash = hash_of(&covers);
        let approve = match &graph.step(at.node).body.action {
            Action::Approve(approve) if question == Question::Approval => Some(approve),
            _ => None,
        };
        // Who said yes first gave them; whoever follows says yes to the commands with these in them.
        let missing = |input: &&Input| !state.at(at).outputs.contains_key(&input.name);
        Asked {
            step: state.name(graph, at),
            question,
            prompt,
            who: approve.and_then(|approve| approve.who()),
            needed: needed(graph, at.node),
            said: voters(state, at, Some(&hash)).cloned().collect(),
            ask: approve
                .map(|approve| approve.ask.iter().filter(missing).cloned().collect())
                .unwrap_or_default(),
            covers,
            hash,
            rehearsed: state.opened.as_ref().is_some_and(|opened| opened.rehearsal.is_some()),
        }
    }
}

/// Says whether a person may answer what is asked at `at` now.
///
/// # Errors
///
/// A sentence for people: why they may not.
pub(super) fn may(graph: &Graph, state: &State, asked: &Asked, at: Addr, by: &Person) -> Result<(), String> {
    may_answer(graph, state, at, by)?;
    match asked.said.iter().any(|one| one.name == by.name) {
        true => Err(format!("{} said yes already", by.name)),
        false => Ok(()),
    }
}

/// A question of a stored run.
#[derive(Clone, Debug)]
pub struct Open {
    /// What is asked.
    pub asked: Asked,
    /// Whether the person in question may answer it, or why not.
    pub may: Result<(), String>,
}

/// Returns what a stored run asks of people now, in file order, and whether `by` may answer.
///
/// # Errors
///
/// A journal that does not fit its snapshot.
pub fn questions(stored: &Stored, by: &Person) -> Result<Vec<Open>, DriveError> {
    let (machine, judge) = fold(stored)?;
    let (state, graph) = (machine.state(), machine.graph());
    let asking = state.instances().filter_map(|(at, instance)| match instance.progress {
        Progress::Asking(question) => Some((at, question)),
        _ => None,
    });
    Ok(asking
        .map(|(at, question)| {
            let prompt = match question {
                Question::Irreversible => judge.irreversible(state, at),
                Question::Approval | Question::Manual => judge.asking(state, at).map(|asking| asking.prompt),
            };
            let asked = Asked::of(&machine, &judge, at, question, prompt.unwrap_or_else(|why| why));
            let may = may(graph, state, &asked, at, by);
            Open { asked, may }
        })
        .collect())
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// Yes or no.
    pub yes: bool,
    /// What they added.
    pub note: Option<String>,
    /// Their typed answers.
    pub answers: Answers,
}

/// What is to become of commands that outlived their engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outliver {
    /// They are waited for.
    Wait,
    /// They are stopped.
    Stop,
    /// Everything stays as it is.
    Leave,
}

/// What a person at the terminal is offered when the run can't go on by itself.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The run's id.
    pub run: String,
    /// How the program is called in the commands to type later.
    pub program: String,
    /// What failed or is in doubt, the first failure first; never empty.
    pub steps: Vec<Offered>,
    /// What a rollback would do, the last begun first.
    pub undo: Vec<ToUndo>,
}

/// A step that is offered.
#[derive(Clone, Debug)]
pub struct Offered {
    /// The instance.
    pub step: String,
    /// Why it failed; `None` when its end is unknown.
    pub why: Option<String>,
    /// Its last command as displayed; empty when it had none.
    pub command: String,
    /// What that printed last.
    pub tail: String,
    /// What its gate wanted, as the runbook says it, when that is what failed.
    pub wanted: Option<String>,
    /// Whether its action went well, so that only its gate is to be asked again.
    pub ran: bool,
    /// The command of its action, which running it again begins with, when it has one.
    pub again: Option<Covered>,
}

/// What a person chose of an [`Offer`].
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// Go on: what they decided, by instance, each with why.
    Settle(BTreeMap<String, (Decision, Option<String>)>),
    /// Undo what was done.
    Rollback,
    /// Leave it as it is.
    Leave,
}

/// Somebody who can be asked from here. Called on a thread of its own, one question at a time; waiting is fine.
pub trait People: Send {
    /// Begins a question, which is over as soon as `recall` says so. Whoever does not listen keeps the run waiting for
    /// an answer that nobody needs.
    fn until(&mut self, _recall: &Arc<Recall>) {}

    /// Returns the answer, or `None` when nobody gave one (end of input): the question stays open.
    fn ask(&mut self, asked: &Asked) -> Option<Reply>;

    /// Returns what to do about one command, or many, that outlived their engine and were just shown; `None` waits.
    fn outlived(&mut self, _many: bool) -> Option<Outliver> {
        None
    }

    /// Returns what they want to do about a failure.
    fn offer(&mut self, _offer: &Offer) -> Choice {
        Choice::Leave
    }
}

/// The line to whoever waits at a prompt: the question is over, or is to be shown again.
#[derive(Debug)]
pub struct Recall {
    why: Mutex<Option<String>>,
    again: AtomicBool,
    bell: OwnedFd,
}

/// What is said to whoever waits at a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The question needs no answer any more; holds why, for the person who was about to give one.
    Over(String),
    /// The terminal was another one's meanwhile: show the question again.
    Again,
}

impl Recall {
    /// Returns a line on which nothing was said.
    ///
    /// # Errors
    ///
    /// When the system has no file left.
    pub fn new() -> io::Result<Recall> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Recall { why: Mutex::new(None), again: AtomicBool::new(false), bell })
    }

    /// Says that the question is over. The first reason counts.
    pub fn over(&self, why: &str) {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| why.to_owned());
        self.ring();
    }

    /// Says that the question is to be shown again.
    pub fn again(&self) {
        self.again.store(true, Ordering::Relaxed);
        self.ring();
    }

    /// Returns what was said since the last time; that the question is over is said for ever.
    pub fn news(&self) -> Option<News> {
        let _ = rustix::io::read(&self.bell, &mut [0; 8]);
        let over = self.why.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let again = self.again.swap(false, Ordering::Relaxed);
        over.map(News::Over).or_else(|| again.then_some(News::Again))
    }

    /// Returns what can be read as soon as something is said.
    pub fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    fn ring(&self) {
        // It can only fail when it has been rung 2^64 times unheard.
        let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_a_question_is_over_is_not_forgotten() {
        let recall = Recall::new().unwrap();
        assert_eq!(recall.news(), None);
        recall.again();
        assert_eq!((recall.news(), recall.news()), (Some(News::Again), None));
        recall.over("ben answered");
        recall.over("too late");
        recall.again();
        for _ in 0..2 {
            assert_eq!(recall.news(), Some(News::Over("ben answered".to_owned())));
        }
    }
}
