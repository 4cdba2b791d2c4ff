//! A run by hand, as it is handed to its page: the instances of its steps with their commands.

use crate::machine::{Prepared, Stage};
use crate::model::{Rendered, Unknown};

/// A run by hand.
#[derive(Clone, Debug, Default)]
pub struct ByHand {
    /// The values of its vars, for people, each with whether it is the default.
    pub values: Vec<(String, String, bool)>,
    /// What is asked first, by name.
    pub target: Vec<(String, Prepared)>,
    /// The instances in order.
    pub instances: Vec<Instance>,
    /// Why a run would not begin.
    pub faults: Vec<String>,
}

/// Whether an instance runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wanting {
    /// It does.
    #[default]
    Yes,
    /// It is skipped; holds why.
    No(String),
    /// Only the run can tell.
    Unknown,
}

/// One instance of a step.
#[derive(Clone, Debug, Default)]
pub struct Instance {
    /// Its name: `scale[api]`.
    pub name: String,
    /// The step's id.
    pub step: String,
    /// One line.
    pub title: String,
    /// Whether it runs.
    pub wanted: Wanting,
    /// The condition under which it runs, as written.
    pub when: Option<String>,
    /// What the names in that stand for.
    pub when_names: Vec<(String, Rendered)>,
    /// What there is one for each of, when only the run can know.
    pub each_of: Option<Unknown>,
    /// The one-line difference.
    pub changes: Option<Rendered>,
    /// What a person is asked, or how long it waits.
    pub asks: Option<Rendered>,
    /// Who may answer, and with what.
    pub people: Vec<String>,
    /// The runbook that it brings in, whose steps follow.
    pub runs: Option<String>,
    /// Why it can't be undone.
    pub irreversible: Option<Rendered>,
    /// What is wrong with it.
    pub faults: Vec<String>,
    /// Its commands in order, the undo's last.
    pub commands: Vec<HandCommand>,
}

/// A command of an instance.
#[derive(Clone, Debug)]
pub struct HandCommand {
    /// Which of its commands.
    pub stage: Stage,
    /// The command: once, or in each case of what only the run can know.
    pub cases: Vec<HandCase>,
    /// What must hold of its answer, as it is written, when it is a gate's.
    pub pass: Option<String>,
    /// What makes a good answer only just good, as it is written.
    pub warn: Option<String>,
    /// What the names in those stand for.
    pub names: Vec<(String, Rendered)>,
    /// What the names in the condition stand for under which there is nothing to do.
    pub satisfied: Vec<(String, Rendered)>,
    /// How it is asked: `every 5s, within 10m`.
    pub times: Option<String>,
    /// How long it may take and how often it is tried.
    pub limits: Option<String>,
}

/// A command in one case of what only the run can know.
#[derive(Clone, Debug)]
pub struct HandCase {
    /// The conditions, each with whether it holds.
    pub when: Vec<(Unknown, bool)>,
    /// The command.
    pub prepared: Prepared,
}
