//! A runbook and a step template.

use serde::{Deserialize, Serialize};

use super::{Aim, Body, Command, Expr, Hook, Input, Place, Step, Sub, Text, Tree};

/// What a failed step does to the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// Starts nothing more, lets what runs finish, and leaves the run to be resumed or rolled back.
    #[default]
    Pause,
    /// Rolls back at once.
    Rollback,
    /// Goes on; only what needs the failed step stays undone.
    Continue,
}

/// A YAML table beside the runbook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataTable {
    /// The name in scope.
    pub name: String,
    /// The file, relative to the runbook's folder.
    pub file: String,
    /// Where it is named.
    pub at: Place,
}

/// Bounds that stop a run before its first change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The most instances one `for_each` may have.
    pub instances: Option<u32>,
}

/// A runbook as loaded: every `uses` expanded, every `needs` resolved, the steps of every `runbook` among its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Runbook {
    /// The qualified name as `list` shows it: `autolytiq/pre-scale-event`.
    pub name: String,
    /// One line.
    pub title: String,
    /// One sentence.
    pub summary: String,
    /// Markdown.
    pub about: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// The document it came from.
    pub source: Option<String>,
    /// Typed inputs, in the order written.
    pub vars: Vec<Input>,
    /// Tables beside the runbook.
    pub data: Vec<DataTable>,
    /// Values derived once, in order.
    pub lets: Vec<(String, Tree)>,
    /// Added to the environment of every command of the run; each step has it as well ([`Step::environment`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<(String, Text)>,
    /// Read-only commands whose output says whom the run is about to change, by name.
    pub target: Vec<(String, Command)>,
    /// What is asked besides, since the run was renewed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aims: Vec<Aim>,
    /// The lock that one changing run at a time holds.
    pub lock: Option<Text>,
    /// Whether the run must be confirmed.
    pub protect: Option<Expr>,
    /// Bounds.
    pub limits: Limits,
    /// What a failed step does.
    pub on_failure: OnFailure,
    /// The most instances at work at once; 8 when not said.
    pub max_parallel: Option<u32>,
    /// The steps in the order written.
    pub steps: Vec<Step>,
    /// The steps that run whenever the run comes to rest.
    pub finally: Vec<Step>,
    /// Who is told what becomes of a run: the project's hooks, then the runbook's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<Hook>,
    /// The runbooks that steps bring in, each after the one that it is part of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subs: Vec<Sub>,
}

impl Runbook {
    /// Returns the most instances that a `for_each` of this sub's steps may have: the least that it, or anything that it
    /// stands in, allows.
    pub fn most_instances(&self, sub: Option<u32>) -> Option<u32> {
        let mut least = self.limits.instances;
        let mut next = sub;
        while let Some(sub) = next.and_then(|at| self.subs.get(at as usize)) {
            least = least.into_iter().chain(sub.limits.instances).min();
            next = sub.within;
        }
        least
    }
}

/// A step template as loaded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepTemplate {
    /// The name that `uses` takes: `kubectl/scale`.
    pub name: String,
    /// One line, rendered in the template's scope.
    pub title: Text,
    /// One sentence.
    pub summary: String,
    /// Markdown.
    pub about: String,
    /// Typed params, in the order written.
    pub params: Vec<Input>,
    /// The step's body.
    pub body: Body,
    /// Where it is declared.
    pub at: Place,
}
