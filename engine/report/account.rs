//! The account of a run for the incident record: who, when, from where, why, whom it changed, what was run and printed,
//! what was found before and left after. The first failure first. Data here; `markdown` and `html` write it.
//!
//! It is made from the events and nothing else, so that whoever has the journal gets the same account. Times are UTC.

mod asked;
mod html;
mod markdown;
#[cfg(test)]
mod tests;
mod told;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::doubt::{Doubt, doubts};
use super::paint::quoted;
use super::status::About;
use super::timeline::{Failure, Timeline};
use super::{Standing, phrase, when};
use crate::machine::{
    Event, Finish, Graph, Illegal, Leaf, Options, Person, PlanMark, Rehearsal, RunStatus, Stage, State,
    UndoResult, Verdict,
};
use crate::model::{Gate, Map, Runbook};

pub use asked::{Asking, Reply, Said};
use told::Teller;

/// The version of [`Account`] as JSON; raised when a field changes its meaning or goes away.
pub const ACCOUNT_VERSION: u32 = 1;

/// A run as told afterwards.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Account {
    /// [`ACCOUNT_VERSION`].
    pub version: u32,
    /// The run's id.
    pub run: String,
    /// How the program is called in commands.
    #[serde(skip)]
    pub(super) called: String,
    /// The runbook's qualified name.
    pub runbook: String,
    /// The runbook's title.
    pub title: String,
    /// The hash of what was run.
    pub snapshot: String,
    /// The version of the program that opened it.
    pub program: String,
    /// The status by its events.
    pub status: RunStatus,
    /// Whether an engine drives it.
    pub alive: bool,
    /// Who opened it. Asserted by their system, not proven.
    pub by: Person,
    /// Why, when they said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who confirmed that a protected runbook is run, and how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent: Option<Person>,
    /// Whom it changes, by the names of the runbook's `target`.
    pub target: BTreeMap<String, String>,
    /// The lock it holds, or held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
    /// The locks besides, of the runbooks that steps bring in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<String>,
    /// The plan that it followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanMark>,
    /// What the command line said.
    pub options: Options,
    /// The values of its vars; a secret is in none of them.
    pub vars: Map,
    /// What it played, when it is a rehearsal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<Rehearsal>,
    /// When it was opened.
    pub opened: Option<Timestamp>,
    /// When it came to rest; absent while it goes on.
    pub rested: Option<Timestamp>,
    /// How long it took, or has been going on, in milliseconds.
    pub took_ms: u64,
    /// How many steps are done, in words.
    pub steps: String,
    /// The first failure that nobody settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_failure: Option<FailedStep>,
    /// The other failures that nobody settled, in the order in which they happened.
    pub other_failures: Vec<FailedStep>,
    /// The failures that were settled, in the order in which they happened.
    pub settled_failures: Vec<FailedStep>,
    /// What is in doubt.
    pub doubts: Vec<Doubt>,
    /// What was changed, in the order in which it was begun.
    pub changes: Vec<Change>,
    /// What gates answered at last, in the order of their answers.
    pub gates: Vec<Answer>,
    /// What people were asked, what a yes was to start, and who said what to it.
    pub approvals: Vec<Asking>,
    /// Where a person had the run go another way than its runbook: steps left out, taken as done or run again, another
    /// value, a run taken from its engine.
    pub overrides: Vec<Entry>,
    /// All that people decided and answered, and who stopped or took it up again.
    pub people: Vec<Entry>,
    /// Everything that happened, in order.
    pub timeline: Vec<Entry>,
}

/// A step that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct FailedStep {
    /// The instance.
    pub step: String,
    /// When.
    pub at: Timestamp,
    /// Why, what was run, what it printed last.
    #[serde(flatten)]
    pub failure: Failure,
    /// What the gate that it failed at wanted.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub wanted: String,
    /// What the runbook says of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// The command that shows all that it printed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub logs: String,
    /// What settled it: a decision, or that it went well later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled: Option<Entry>,
}

/// What a step changed, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Change {
    /// The instance.
    pub step: String,
    /// When it was begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Where it stands now.
    pub standing: Standing,
    /// The difference in a line: `replicas 3 → 10`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<String>,
    /// The state before, as it was captured.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub captured: Map,
    /// What the gate after it saw when it held.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub seen: String,
    /// The command that changed it.
    pub command: String,
    /// The command that undid it, or was to.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub undo: String,
    /// When its undo ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undone: Option<Timestamp>,
    /// What an undo that failed printed last.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub undo_output: String,
    /// Why it can't be undone, as the runbook says it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub irreversible: String,
    /// Why it could not be undone, or was left.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// A gate's last answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Answer {
    /// Which gate.
    #[serde(flatten)]
    pub leaf: Leaf,
    /// When.
    pub at: Timestamp,
    /// What it wanted, as the runbook says it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub wanted: String,
    /// When its answer is only just good, as the runbook says it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub warned: String,
    /// The answer.
    pub verdict: Verdict,
    /// What was seen.
    pub seen: String,
    /// How often it was asked.
    pub polls: u32,
}

/// One line of the timeline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Entry {
    /// Its event's number.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The instance; absent for what concerns the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What happened, in a sentence.
    pub text: String,
    /// The whole command, when one was begun.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// What the command reads.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stdin: String,
    /// The folder it runs in, when it is not the project's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub dir: String,
    /// What the command printed last, when it ended.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub output: String,
}

impl Account {
    /// Returns a time as it is read beside the head: without its date on the day on which the run was opened.
    fn stamp(&self, at: Timestamp) -> String {
        let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
        match self.opened {
            Some(opened) if day(opened) == day(at) => when::clock(at),
            _ => format!("{} {}", day(at), when::clock(at)),
        }
    }

    /// Returns the account of `events`, numbered from 1, of a run of `runbook` with these values of its vars.
    ///
    /// # Errors
    ///
    /// When an event can't follow the ones before it.
    pub fn of<'a>(
        about: About<'_>,
        (runbook, vars): (&Runbook, &Map),
        events: impl IntoIterator<Item = (Timestamp, &'a Event)>,
    ) -> Result<Account, Illegal> {
        let graph = Graph::of(runbook);
        let mut teller = Teller::new(&graph, about);
        for (at, event) in events {
            teller.hear(at, event)?;
        }
        Ok(teller.account(runbook, vars))
    }
}
