//! People: whoever sits at the terminal, and what they are asked.

use crate::journal::Stored;
use crate::machine::{
    Addr, Covered, Evaluate, Graph, Judge, Machine, Person, Progress, Question, State, hash_of, may_answer,
    needed, voters,
};
use crate::model::{Action, Input, Map as Answers};

use super::error::DriveError;
use super::open::fold;

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

/// Somebody who can be asked from here. Called on a thread of its own, one question at a time; waiting is fine.
pub trait People: Send {
    /// Returns the answer, or `None` when nobody gave one (end of input): the question stays open.
    fn ask(&mut self, asked: &Asked) -> Option<Reply>;

    /// Returns what to do about one command, or many, that outlived their engine and were just shown; `None` waits.
    fn outlived(&mut self, _many: bool) -> Option<Outliver> {
        None
    }
}
