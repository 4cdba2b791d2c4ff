//! What the machine asks of the language: everything that rendering and expressions decide.
//!
//! A trait, so that the machine's properties are tested on random outcomes without a single template, and so that a
//! host with another language could drive the same machine. Implementations are pure: same state, same answer.

use std::time::Duration;

use crate::model::{Map, Piece, Rendered, Unknown, variable};

use super::event::{Covered, End, Item, Stage, Verdict};
use super::graph::{Addr, NodeId};
use super::state::State;

/// The result of a command as expressions see it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How it ended.
    pub end: Option<End>,
    /// How long it took.
    pub wall: Duration,
    /// What it wrote to stdout, as much as was kept.
    pub stdout: Vec<u8>,
    /// What it wrote to stderr, as much as was kept.
    pub stderr: Vec<u8>,
    /// Whether more was written than kept.
    pub truncated: bool,
    /// The last lines for people, masked.
    pub tail: String,
    /// What it left running outside its process group.
    pub left: Vec<u32>,
    /// Why its output was not kept whole, when it was not.
    pub unkept: Option<String>,
}

/// A command ready to be spawned; secrets still by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prepared {
    /// The program and its arguments.
    pub argv: Vec<Rendered>,
    /// Added to the environment.
    pub env: Vec<(String, Rendered)>,
    /// Where it runs, when not in the project's root.
    pub dir: Option<Rendered>,
    /// What it reads.
    pub stdin: Option<Rendered>,
    /// Whether stdout and stderr share one pipe.
    pub merged: bool,
    /// The time it may take.
    pub timeout: Option<Duration>,
    /// The time between SIGTERM and SIGKILL.
    pub grace: Duration,
    /// The command as people read it.
    pub display: String,
    /// How it is polled, when it is a gate's.
    pub polling: Option<Polling>,
    /// Whether its output is not kept.
    pub sensitive: bool,
}

impl Covered {
    /// Returns what is shown of a command of `step` to whoever is asked whether it may run.
    pub fn of(step: String, command: Prepared) -> Covered {
        Covered {
            step,
            command: command.display,
            stdin: command.stdin.map(|stdin| stdin.display()),
            dir: command.dir.map(|dir| dir.display()),
            env: command.env.into_iter().map(|(name, _)| name).collect(),
        }
    }
}

impl Prepared {
    /// Returns the first condition, not known either, that decides what a part of it is.
    pub fn turns_on(&self) -> Option<&Unknown> {
        let env = self.env.iter().map(|(_, value)| value);
        let texts = self.argv.iter().chain(env).chain(&self.dir).chain(&self.stdin);
        texts.flat_map(|text| &text.pieces).find_map(|piece| match piece {
            Piece::Unknown(of) => of.turns_on.as_deref(),
            _ => None,
        })
    }
}

/// How a gate is polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polling {
    /// Between two polls.
    pub every: Duration,
    /// How long it is polled; once when `None`.
    pub within: Option<Duration>,
    /// How long it must stay true.
    pub hold: Option<Duration>,
}

/// A gate's answer to one poll.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    /// The answer; `None` counts as could not tell.
    pub verdict: Option<Verdict>,
    /// What was seen, for people.
    pub seen: String,
    /// The outputs, when the gate is the step's action and holds.
    pub outputs: Map,
}

/// Whether something holds, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// Only the run can know. Never the answer within a run.
    Unknown,
}

/// What a `for_each` comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Expansion {
    /// These instances.
    Items(Vec<Item>),
    /// The step is skipped before it is expanded; holds why.
    Skip(String),
    /// Only the run can know; holds where it comes from. Never the answer within a run.
    Unknown(String),
}

/// A question to a person.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asking {
    /// The question.
    pub prompt: String,
    /// How long to wait.
    pub timeout: Option<Duration>,
}

/// Why something could not be evaluated: a sentence for people, with its place where there is one.
pub type Why = String;

/// Evaluates what a runbook says, against the state of a run.
///
/// Every method fails with a sentence for people; the machine turns it into a failed step or a gate that could not
/// tell.
pub trait Evaluate {
    /// Returns the instances of a step with `for_each`.
    fn expand(&self, state: &State, node: NodeId) -> Result<Expansion, Why>;
    /// Says whether the instance is wanted.
    fn when(&self, state: &State, at: Addr) -> Result<Known, Why>;
    /// Returns the command of a stage.
    fn prepare(&self, state: &State, at: Addr, stage: Stage) -> Result<Prepared, Why>;
    /// Says whether there is nothing to do.
    fn satisfied(&self, state: &State, at: Addr) -> Result<Known, Why>;
    /// Returns the captured values, and the one-line difference.
    fn captured(&self, state: &State, at: Addr, outcome: &Outcome) -> Result<(Map, Option<String>), Why>;
    /// Returns the outputs of an action that went well.
    fn outputs(&self, state: &State, at: Addr, outcome: &Outcome) -> Result<Map, Why>;
    /// Returns a gate's answer.
    fn judge(&self, state: &State, at: Addr, stage: Stage, outcome: &Outcome) -> Judgement;
    /// Returns how long to wait before the next attempt, or `None` when there is none.
    fn retry(
        &self,
        state: &State,
        at: Addr,
        stage: Stage,
        attempt: u32,
        outcome: &Outcome,
    ) -> Result<Option<Duration>, Why>;
    /// Returns the question of an approval or a manual step.
    fn asking(&self, state: &State, at: Addr) -> Result<Asking, Why>;
    /// Returns how long a `wait` step waits, or the time until which (RFC 3339).
    fn wait(&self, state: &State, at: Addr) -> Result<Waiting, Why>;
    /// Returns the name of the step's own lock.
    fn lock(&self, _state: &State, _at: Addr) -> Result<Option<String>, Why> {
        Ok(None)
    }
    /// Returns the one-line difference that a step without a capture makes; none where it says nothing of it.
    fn difference(&self, _state: &State, _at: Addr) -> Option<String> {
        None
    }
    /// Returns how long the answer of the stage's gate is good for.
    fn valid_for(&self, _state: &State, _at: Addr, _stage: Stage) -> Result<Option<Duration>, Why> {
        Ok(None)
    }
    /// Returns the variable that a secret is read from, for whoever does a command by hand.
    fn secret_variable(&self, name: &str) -> String {
        variable(name)
    }
    /// Returns which secret it is and where the engine takes it from, for whoever has not set its variable. Stands in a shell
    /// where it would be expanded, so nothing in it may be.
    fn secret_said(&self, name: &str) -> String {
        format!("the secret {name}")
    }
    /// Returns why the step can't be undone, for the person who is asked to leave it.
    fn irreversible(&self, state: &State, at: Addr) -> Result<String, Why>;
}

/// How long a `wait` step waits. The machine has no clock: the host turns a time into a timer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// This long.
    For(Duration),
    /// Until this time (RFC 3339).
    Until(String),
}
