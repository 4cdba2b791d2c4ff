//! What a person is asked: who may answer, who did, since when and until when, and what to type.

use jiff::Timestamp;
use serde::Serialize;

use super::paint::quoted;
use super::timeline::Timeline;
use super::{phrase, when};
use crate::machine::{Addr, Graph, Instance, Person, Question, State, may_answer, needed, voters};
use crate::model::{Action, Approve};

/// A question that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Asks {
    /// For what.
    pub question: Question,
    /// Who may answer: names, and groups with their people. Absent when anyone may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// Who may not, since they drive the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not: Option<String>,
    /// How many different people must say yes.
    pub needed: u32,
    /// Who said yes.
    pub said: Vec<Person>,
    /// When it was asked last.
    pub since: Option<Timestamp>,
    /// Until when it may be answered. Absent when there is no limit, and while no engine counts the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The command that answers it.
    pub command: String,
}

impl Asks {
    /// Returns what is asked at `at`. `alive` says whether an engine drives the run.
    pub(super) fn of(
        (program, run, alive): (&str, &str, bool),
        (state, graph): (&State, &Graph),
        timeline: &Timeline,
        at: Addr,
        question: Question,
    ) -> Asks {
        let name = state.name(graph, at);
        let track = timeline.track(&name);
        let approve = approve(graph, at).filter(|_| question == Question::Approval);
        let step = quoted(&name);
        Asks {
            question,
            who: approve.and_then(Approve::who),
            not: approve.filter(|approve| approve.not_self).map(|_| state.driver.clone()),
            needed: needed(graph, at.node),
            said: voters(state, at, Instance::covers_hash(state.at(at)).as_deref()).cloned().collect(),
            since: track.and_then(|track| track.asked),
            until: track.and_then(|track| track.until).filter(|_| alive),
            command: match question {
                Question::Manual => format!("{program} done {run} {step} --note '...'"),
                Question::Approval | Question::Irreversible => format!("{program} approve {run} {step}"),
            },
        }
    }

    /// Returns who may answer and who did, when there is more to say than that anyone may.
    pub(super) fn people(&self) -> Option<String> {
        let mut parts = Vec::new();
        if self.needed > 1 {
            let names: Vec<String> = self.said.iter().map(phrase::person).collect();
            let names = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
            parts.push(format!("{} of {} said yes{names}", self.said.len(), self.needed));
        }
        match (&self.who, &self.not) {
            (Some(who), None) => parts.push(format!("{who} may answer")),
            (Some(who), Some(not)) => {
                parts.push(format!("{who} may answer, but not {not}, who drives the run"))
            }
            (None, Some(not)) => parts.push(format!("anybody but {not}, who drives the run, may answer")),
            (None, None) => {}
        }
        if parts.is_empty() { None } else { Some(parts.join("; ")) }
    }

    /// Returns since when it is asked, and until when.
    pub(super) fn times(&self, now: Timestamp) -> Option<String> {
        let since = self.since?;
        let mut text = format!("asked {} ({})", when::second(since), when::ago(since, now));
        if let Some(until) = self.until {
            text.push_str(&format!(", until {}", when::second(until)));
        }
        Some(text)
    }

    /// Says whether whoever drives the run can settle it alone and at once.
    pub(super) fn is_for_driver(&self, state: &State, graph: &Graph, at: Addr) -> bool {
        let asks_more = approve(graph, at)
            .is_some_and(|approve| approve.ask.iter().any(|input| input.required && input.default.is_none()));
        self.needed == 1 && !asks_more && driver_may(state, graph, at)
    }
}

/// Says whether whoever drives the run may answer what is asked at `at`.
pub(super) fn driver_may(state: &State, graph: &Graph, at: Addr) -> bool {
    let driver = Person { name: state.driver.clone(), ..Person::default() };
    may_answer(graph, state, at, &driver).is_ok()
}

fn approve(graph: &Graph, at: Addr) -> Option<&Approve> {
    match &graph.step(at.node).body.action {
        Action::Approve(approve) => Some(approve),
        _ => None,
    }
}
