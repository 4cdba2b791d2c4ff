//! The account of a run for the incident record: who, when, from where, why, whom it changed, what was run and printed,
//! what was found before and left after. The first failure first. Data here; `markdown` and `html` write it.
//!
//! It is made from the events and nothing else, so that whoever has the journal gets the same account. Times are UTC.

mod html;
mod markdown;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::doubt::{Doubt, doubts};
use super::status::About;
use super::timeline::{Failure, Timeline};
use super::{Standing, phrase, when};
use crate::machine::{
    End, Event, Finish, Graph, Illegal, Leaf, Options, Person, PlanMark, Question, Rehearsal, RunStatus,
    Stage, State, UndoResult, Verdict,
};
use crate::model::{Map, Runbook};

/// The version of [`Account`] as JSON; raised when a field changes its meaning or goes away.
pub const ACCOUNT_VERSION: u32 = 1;

/// A run as told afterwards.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Account {
    /// [`ACCOUNT_VERSION`].
    pub version: u32,
    /// The run's id.
    pub run: String,
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
    /// Whom it changes, by the names of the runbook's `target`.
    pub target: BTreeMap<String, String>,
    /// The lock it holds, or held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
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
    /// The first failure that nobody settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_failure: Option<FailedStep>,
    /// The other failures, in file order.
    pub other_failures: Vec<FailedStep>,
    /// What is in doubt.
    pub doubts: Vec<Doubt>,
    /// What was changed, in the order in which it was begun.
    pub changes: Vec<Change>,
    /// What gates answered at last, in the order of their answers.
    pub gates: Vec<Answer>,
    /// What people decided and answered, and who stopped or took it up again.
    pub people: Vec<Entry>,
    /// Everything that happened, in order.
    pub timeline: Vec<Entry>,
}

/// A step that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedStep {
    /// The instance.
    pub step: String,
    /// Why, what was run, what it printed last.
    #[serde(flatten)]
    pub failure: Failure,
}

/// What a step changed, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The instance.
    pub step: String,
    /// Where it stands now.
    pub standing: Standing,
    /// The difference in a line: `replicas 3 → 10`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<String>,
    /// The state before, as it was captured.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub captured: Map,
    /// The command that changed it.
    pub command: String,
    /// The command that undid it, or was to.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub undo: String,
    /// Why it could not be undone, or was left.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// A gate's last answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Which gate.
    #[serde(flatten)]
    pub leaf: Leaf,
    /// When.
    pub at: Timestamp,
    /// What it wanted, as the runbook says it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub wanted: String,
    /// The answer.
    pub verdict: Verdict,
    /// What was seen.
    pub seen: String,
    /// How often it was asked.
    pub polls: u32,
}

/// One line of the timeline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
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
        let mut teller = Teller {
            state: State::new(&graph),
            graph: &graph,
            timeline: Timeline::default(),
            gates: Vec::new(),
            people: Vec::new(),
            entries: Vec::new(),
            seq: 0,
        };
        for (at, event) in events {
            teller.hear(at, event)?;
        }
        Ok(teller.account(about, runbook, vars))
    }
}

/// The account while it is made.
struct Teller<'a> {
    state: State,
    graph: &'a Graph,
    timeline: Timeline,
    gates: Vec<Answer>,
    people: Vec<Entry>,
    entries: Vec<Entry>,
    seq: u64,
}

impl Teller<'_> {
    fn hear(&mut self, at: Timestamp, event: &Event) -> Result<(), Illegal> {
        self.state.apply(self.graph, event)?;
        self.timeline.apply(at, event);
        self.seq += 1;
        let node = event.step().and_then(|step| self.state.find(step)).map(|at| at.node);
        if let (Event::Finished { result: Finish::Skipped(_), .. }, Some(node)) = (event, node)
            && self.state.goes_with_skipped(self.graph, node)
        {
            return Ok(());
        }
        let took = event.step().and_then(|step| self.timeline.track(step)).and_then(|track| match event {
            Event::Finished { .. } => track.took(at),
            Event::Undone { .. } => Some(super::timeline::between(track.undo_began?, at)),
            _ => None,
        });
        let command = match event {
            Event::Intent { command, .. } => command.clone(),
            _ => String::new(),
        };
        let output = match event {
            Event::Exited { tail, .. } => tail.clone(),
            _ => String::new(),
        };
        let text = match (phrase::sentence(event, self.graph, node, took), event) {
            // The command stands beside it, whole.
            (Some(text), Event::Intent { command, .. }) => {
                text.strip_suffix(&format!(": {}", phrase::one_line(command))).unwrap_or(&text).to_owned()
            }
            (Some(text), _) => text,
            // What went well is told by what follows it, but what it printed belongs to the record.
            (None, Event::Exited { end: End::Exit(0), .. }) if !output.is_empty() => "printed".to_owned(),
            (None, _) => return Ok(()),
        };
        let step = event.step().map(str::to_owned);
        let entry = Entry { seq: self.seq, at, step, text, command, output };
        if is_of_people(event) {
            self.people.push(entry.clone());
        }
        if let Event::Judged { leaf, verdict, seen, polls, .. } = event {
            let wanted = node.map(|node| wanted(self.graph, node, leaf.stage)).unwrap_or_default();
            let (leaf, verdict, seen) = (leaf.clone(), verdict.clone(), seen.clone());
            self.gates.push(Answer { leaf, at, wanted, verdict, seen, polls: *polls });
        }
        self.entries.push(entry);
        Ok(())
    }

    fn account(self, about: About<'_>, runbook: &Runbook, vars: &Map) -> Account {
        let (state, timeline) = (&self.state, &self.timeline);
        let opened = state.opened.clone().unwrap_or_else(crate::machine::Opened::none);
        let until = if about.alive { about.now } else { timeline.last.unwrap_or(about.now) };
        let mut failures = self.failures();
        let first = state.first_failure.as_ref().map(|(step, _)| step.clone());
        let first = failures.iter().position(|one| Some(&one.step) == first.as_ref());
        let first_failure = (!failures.is_empty()).then(|| failures.remove(first.unwrap_or_default()));
        Account {
            version: ACCOUNT_VERSION,
            run: about.run.to_owned(),
            runbook: opened.runbook,
            title: runbook.title.clone(),
            snapshot: opened.snapshot,
            program: opened.program,
            status: state.status,
            alive: about.alive,
            by: opened.by,
            reason: opened.reason,
            target: opened.target,
            lock: opened.lock,
            plan: opened.plan.map(|plan| *plan),
            rehearsal: opened.rehearsal.map(|rehearsal| *rehearsal),
            options: opened.options,
            vars: vars.clone(),
            opened: timeline.opened,
            rested: timeline.rested,
            took_ms: u64::try_from(timeline.took(until).as_millis()).unwrap_or(u64::MAX),
            first_failure,
            other_failures: failures,
            doubts: doubts((about.run, about.program), (state, self.graph), timeline, about.alive),
            changes: self.changes(about.alive),
            gates: self.gates,
            people: self.people,
            timeline: self.entries,
        }
    }

    /// Returns what failed and was not settled, and what failed on the way to a rollback.
    fn failures(&self) -> Vec<FailedStep> {
        let of = |step: String, why: &str| {
            let known = self.timeline.track(&step).and_then(|track| track.failure.clone());
            let failure = known.unwrap_or_else(|| Failure { why: why.to_owned(), ..Failure::default() });
            FailedStep { step, failure }
        };
        let mut failures: Vec<FailedStep> = self
            .state
            .instances()
            .filter_map(|(at, instance)| match &instance.finish {
                Some(Finish::Failed(why)) => Some(of(self.state.name(self.graph, at), why)),
                _ => None,
            })
            .collect();
        if let Some((step, why)) = &self.state.first_failure
            && !failures.iter().any(|one| one.step == *step)
        {
            failures.insert(0, of(step.clone(), why));
        }
        failures
    }

    fn changes(&self, alive: bool) -> Vec<Change> {
        let change = |&at| {
            let instance = self.state.at(at);
            let step = self.state.name(self.graph, at);
            let track = self.timeline.track(&step).cloned().unwrap_or_default();
            Change {
                standing: Standing::of(self.graph, &self.state, at, alive),
                changes: instance.changes.clone(),
                captured: instance.captured.clone(),
                command: track.action_command,
                undo: track.undo_command,
                why: match &instance.undo {
                    Some(UndoResult::Failed(why) | UndoResult::Left(why)) => why.clone(),
                    Some(UndoResult::Blocked(on)) => format!("{on} stands on it"),
                    _ => String::new(),
                },
                step,
            }
        };
        self.state.touched.iter().map(change).collect()
    }
}

/// Says whether an event is a person's doing.
fn is_of_people(event: &Event) -> bool {
    match event {
        Event::Opened(_) | Event::Resumed { .. } | Event::Answered { .. } | Event::StopRequested { .. } => {
            true
        }
        Event::Asked { question, .. } => {
            matches!(question, Question::Approval | Question::Manual | Question::Irreversible)
        }
        Event::Decided { by, .. } | Event::RollbackBegan { by, .. } => by.is_some(),
        _ => false,
    }
}

/// Returns what the gate of a stage wants, as it is written.
fn wanted(graph: &Graph, node: u32, stage: Stage) -> String {
    use crate::model::Action;
    let body = &graph.step(node).body;
    let gate = match stage {
        Stage::Check => body.check.as_deref(),
        Stage::Verify => body.verify.as_deref(),
        Stage::UndoVerify => body.rollback.as_ref().and_then(|undo| undo.verify.as_deref()),
        _ => match &body.action {
            Action::Gate(gate) => Some(&**gate),
            _ => None,
        },
    };
    gate.map(|gate| gate.passes().trim().to_owned()).unwrap_or_default()
}
