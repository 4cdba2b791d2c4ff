//! People: whoever sits at the terminal.

use crate::machine::Question;
use crate::model::Map as Answers;

/// A question, with what a yes would do.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The instance.
    pub step: String,
    /// For what.
    pub question: Question,
    /// The question.
    pub prompt: String,
    /// The commands that would run next, as displayed; empty when nothing is known to.
    pub shows: Vec<String>,
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
