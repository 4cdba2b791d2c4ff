//! A runbook that a step of another brings in.
//!
//! Loading puts its steps among those of the runbook that it is part of, so that there is one graph, one journal and one
//! rollback; what is left of it here is its scope and its settings. A second machine inside a step was rejected: it would
//! have had its own order of undo, its own resume and its own locks.

use serde::{Deserialize, Serialize};

use super::{Command, DataTable, Expr, Input, Limits, Map, Place, Text, Tree, Value};

/// A runbook that a step brings in, without its steps: those stand among the steps of the whole, as `STEP/ID`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sub {
    /// The id of the step that brings it in: `db`, `db/failover`; with its element for one of a `for_each`: `db[eu]`.
    pub step: String,
    /// The id of that step as its own runbook has it.
    pub local: String,
    /// The one that this step is part of, by its place among all; absent when it is a step of the runbook itself.
    pub within: Option<u32>,
    /// Its qualified name.
    pub name: String,
    /// Where the step names it.
    pub at: Place,
    /// Its typed inputs.
    pub vars: Vec<Input>,
    /// What the step gives for them, rendered in the scope of the step.
    pub given: Vec<(String, Tree)>,
    /// Tables beside it.
    pub data: Vec<DataTable>,
    /// Values derived once, in order.
    pub lets: Vec<(String, Tree)>,
    /// Added to the environment of every command of its steps, which have it as well ([`super::Step::environment`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<(String, Text)>,
    /// The `environment` of the runbooks around it, the next one's first, for the commands of its `target`: they stay as the
    /// run was started, as the target does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub around: Vec<Vec<(String, Text)>>,
    /// Read-only commands whose output says whom it is about to change.
    pub target: Vec<(String, Command)>,
    /// What is asked besides, since the run was renewed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aims: Vec<Aim>,
    /// The lock that the run holds because of it.
    pub lock: Option<Text>,
    /// Whether the run must be confirmed because of it.
    pub protect: Option<Expr>,
    /// Bounds for its steps.
    pub limits: Limits,
    /// The most of its instances at work at once.
    pub max_parallel: Option<u32>,
    /// What the step goes over, when this is one of several: absent before they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<Box<Each>>,
}

/// The `target` as a file has it that a run was renewed with: what begins from then on has its environment. It is asked
/// under the names of the first one, and is to answer the same.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Aim {
    /// As [`Sub::around`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub around: Vec<Vec<(String, Text)>>,
    /// The commands, by name.
    pub target: Vec<(String, Command)>,
}

/// One of several runbooks that a step with `for_each` brings in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Each {
    /// What the step goes over.
    pub over: Tree,
    /// Which element this one is for: what stands in the brackets.
    pub key: String,
}

/// The values that the names of a [`Sub`] have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SubValues {
    /// Whether it is known that the step will be skipped, so that nothing was computed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unwanted: bool,
    /// The vars that are not secrets.
    pub vars: Map,
    /// The secret vars that have a value, each with the secret of the run that it is.
    pub secrets: Vec<(String, String)>,
    /// The tables.
    pub data: Map,
    /// The `let` values.
    pub lets: Map,
    /// The element of the `for_each` that it is for: `item` in the scope of the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Value>,
}
