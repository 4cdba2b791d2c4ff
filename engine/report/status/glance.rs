//! A run at a glance, for a shell prompt or a bar: how far it is, what runs, who is waited for, what to type.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{STATUS_VERSION, StatusPage};
use crate::machine::{Question, RunStatus};
use crate::report::{Standing, phrase};

/// What `runbook status --format json` writes.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum StatusOutput {
    /// There is no run to tell of: no journal yet, no run in it, or none that is unfinished. Only when no run was named.
    NoRun(NoRun),
    /// A run.
    Run(Box<StatusPage>),
}

/// That there is no run to tell of.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct NoRun {
    /// [`STATUS_VERSION`].
    version: u32,
    /// Always null.
    run: (),
    /// Always null.
    summary: (),
}

impl StatusOutput {
    /// Returns that there is no run to tell of.
    pub fn none() -> StatusOutput {
        StatusOutput::NoRun(NoRun { version: STATUS_VERSION, run: (), summary: () })
    }
}

/// A run at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Glance {
    /// How it stands, in a word.
    pub state: Word,
    /// How many steps are over and good: done, satisfied, skipped. An instance of a `for_each` counts as a step.
    pub done: u64,
    /// How many steps there are, as far as is known.
    pub of: u64,
    /// What is at work, in file order; empty while no engine drives the run.
    pub running: Vec<AtWork>,
    /// Who is waited for, in file order.
    pub waiting_for: Vec<WaitedFor>,
    /// The instances of which nobody knows whether their command took effect.
    pub in_doubt: Vec<String>,
    /// The instances that failed, or could not be undone.
    pub failed: Vec<String>,
    /// The commands to type next; empty while an engine drives the run, and when it is over.
    pub next: Vec<NextCommand>,
    /// All of it in one short line of plain text: `shop/deploy 3/7 verify`.
    pub line: String,
}

/// How a run stands. What its events say is in `status`; this is what a person would say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// It goes on.
    Running,
    /// It goes on once a person has answered: an engine waits for them.
    Asking,
    /// It waits for a person, and no engine drives it.
    Waiting,
    /// A command was begun, and nobody knows whether it took effect.
    InDoubt,
    /// Its engine died.
    EngineDied,
    /// All went well.
    Succeeded,
    /// A step failed.
    Failed,
    /// It was stopped.
    Interrupted,
    /// It is being rolled back.
    RollingBack,
    /// It was rolled back whole.
    RolledBack,
    /// What could not be undone is left of it.
    RollbackFailed,
    /// It was undone down to a step, as asked.
    PartlyUndone,
}

/// An instance that is at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AtWork {
    /// Its name: `scale[api]`.
    pub step: String,
    /// What of it is at work.
    pub standing: Standing,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// Who is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WaitedFor {
    /// The instance that asks.
    pub step: String,
    /// For what.
    pub question: Question,
    /// Who may answer; absent when anyone may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// The command that answers.
    pub command: String,
}

/// A command to type next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NextCommand {
    /// What it does.
    pub what: String,
    /// The command.
    pub command: String,
}

impl Glance {
    /// Returns what a page comes to. `next` are the commands to type, each with what it does.
    pub(super) fn of(page: &StatusPage, next: Vec<(&'static str, String)>) -> Glance {
        let mut glance = Glance {
            state: Word::Running,
            done: 0,
            of: 0,
            running: Vec::new(),
            waiting_for: Vec::new(),
            in_doubt: Vec::new(),
            failed: Vec::new(),
            next: next
                .into_iter()
                .map(|(what, command)| NextCommand { what: what.to_owned(), command })
                .collect(),
            line: String::new(),
        };
        let mut could_start = false;
        for step in &page.steps {
            if step.instances.is_empty() && step.standing != Standing::Done {
                glance.of += 1;
            }
            for one in &step.instances {
                glance.of += 1;
                could_start |= one.standing == Standing::Ready;
                match one.standing {
                    Standing::Done | Standing::MarkedDone | Standing::Satisfied | Standing::Skipped => {
                        glance.done += 1;
                    }
                    Standing::InDoubt => glance.in_doubt.push(one.name.clone()),
                    Standing::Failed | Standing::UndoFailed => glance.failed.push(one.name.clone()),
                    Standing::Asking => glance.waiting_for.extend(one.asks.as_ref().map(|asks| WaitedFor {
                        step: one.name.clone(),
                        question: asks.question,
                        who: asks.who.clone(),
                        since: asks.since,
                        command: asks.command.clone(),
                    })),
                    standing if standing.is_active() => {
                        glance.running.push(AtWork { step: one.name.clone(), standing, since: one.started })
                    }
                    _ => {}
                }
            }
        }
        // At the prompt of a failed step nothing goes on before somebody says what is to become of it.
        let stands = glance.running.is_empty() && !could_start;
        let asked =
            !glance.waiting_for.is_empty() || !glance.failed.is_empty() || !glance.in_doubt.is_empty();
        glance.state = match page.status {
            RunStatus::Running | RunStatus::RollingBack if page.alive && stands && asked => Word::Asking,
            RunStatus::Running if page.alive => Word::Running,
            RunStatus::RollingBack if page.alive => Word::RollingBack,
            RunStatus::Succeeded => Word::Succeeded,
            RunStatus::RolledBack => Word::RolledBack,
            _ if !page.alive && !glance.in_doubt.is_empty() => Word::InDoubt,
            RunStatus::Running | RunStatus::RollingBack => Word::EngineDied,
            RunStatus::Failed => Word::Failed,
            RunStatus::Interrupted => Word::Interrupted,
            RunStatus::Waiting => Word::Waiting,
            RunStatus::RollbackFailed => Word::RollbackFailed,
            RunStatus::PartlyUndone => Word::PartlyUndone,
        };
        glance.line = glance.in_a_line(page);
        glance
    }

    /// Returns the line: the runbook, how far it is, and the one thing that somebody should know.
    fn in_a_line(&self, page: &StatusPage) -> String {
        let first = |names: &[String]| match names {
            [] => String::new(),
            [only] => format!(" {only}"),
            [first, rest @ ..] => format!(" {first} +{}", rest.len()),
        };
        let running: Vec<String> = self.running.iter().map(|one| one.step.clone()).collect();
        let asking: Vec<String> = self.waiting_for.iter().map(|one| one.step.clone()).collect();
        let what = match self.state {
            Word::Running => first(&running).trim_start().to_owned(),
            Word::Asking if asking.is_empty() && self.in_doubt.is_empty() => {
                format!("asks:{}", first(&self.failed))
            }
            Word::Asking if asking.is_empty() => format!("asks:{}", first(&self.in_doubt)),
            Word::Asking => format!("asks:{}", first(&asking)),
            Word::Waiting => format!("waits:{}", first(&asking)),
            Word::InDoubt => format!("in doubt:{}", first(&self.in_doubt)),
            Word::EngineDied => "engine died".to_owned(),
            Word::Failed => format!("failed:{}", first(&self.failed)),
            _ => page.status.word().to_owned(),
        };
        let far = format!("{}/{}", self.done, self.of);
        phrase::flat(format!("{} {far} {what}", page.runbook).trim_end())
    }
}
