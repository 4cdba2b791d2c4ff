//! What people were asked and what they said: each question with the commands that a yes was to start.

use jiff::Timestamp;
use serde::Serialize;

use crate::machine::{Changed, Covered, Event, Person, Question};
use crate::model::Map;

/// A question that a person was asked.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Asking {
    /// The instance.
    pub step: String,
    /// For what.
    pub question: Question,
    /// When it was asked first.
    pub at: Timestamp,
    /// The question.
    pub prompt: String,
    /// The commands that a yes starts, as far as they were known; empty when it is no approval.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<Covered>,
    /// What was said to it, in order.
    pub replies: Vec<Reply>,
    /// How what was to start differed from what was approved, when that voided it: it was asked for again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub voided: Vec<Changed>,
}

/// What somebody said.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Reply {
    /// When.
    pub at: Timestamp,
    /// Who, from which machine, and how. Asserted and not proven.
    pub by: Person,
    /// What.
    pub said: Said,
    /// What they added; why it was not taken, when it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Their typed answers.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub answers: Map,
    /// The hash of the commands that a yes approves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

/// What was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// Yes, or that it is done.
    Yes,
    /// No.
    No,
    /// Something that was not taken.
    NotTaken,
}

/// Adds to `asked` what an event tells of a question.
pub(super) fn hear(asked: &mut Vec<Asking>, at: Timestamp, event: &Event) {
    match event {
        Event::Asked { step, question, prompt, covers, .. } => {
            let again = asked.iter_mut().rev().find(|one| one.step == *step).filter(|one| {
                one.replies.is_empty()
                    && one.voided.is_empty()
                    && one.question == *question
                    && one.prompt == *prompt
            });
            match again {
                // Asked anew by another engine: still the same question.
                Some(one) => one.covers.clone_from(covers),
                None => asked.push(Asking {
                    step: step.clone(),
                    question: *question,
                    at,
                    prompt: prompt.clone(),
                    covers: covers.clone(),
                    replies: Vec::new(),
                    voided: Vec::new(),
                }),
            }
        }
        Event::Answered { step, by, yes, note, answers, hash, covers } => {
            let said = if *yes { Said::Yes } else { Said::No };
            if let Some(open) = reply(asked, at, (step, by), said, note.clone()) {
                if !covers.is_empty() {
                    open.covers.clone_from(covers);
                }
                if let Some(last) = open.replies.last_mut() {
                    last.answers.clone_from(answers);
                    last.hash.clone_from(hash);
                }
            }
        }
        Event::Refused { step, by, why } => {
            let _ = reply(asked, at, (step, by), Said::NotTaken, Some(why.clone()));
        }
        Event::Voided { step, changed } => {
            if let Some(open) = asked.iter_mut().rev().find(|one| one.step == *step) {
                open.voided.clone_from(changed);
            }
        }
        _ => {}
    }
}

fn reply<'a>(
    asked: &'a mut [Asking],
    at: Timestamp,
    (step, by): (&str, &Person),
    said: Said,
    note: Option<String>,
) -> Option<&'a mut Asking> {
    let open = asked.iter_mut().rev().find(|one| one.step == step)?;
    open.replies.push(Reply { at, by: by.clone(), said, note, answers: Map::new(), hash: None });
    Some(open)
}
