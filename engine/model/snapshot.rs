//! What was started: the runbook with templates, tables and vars bound, secrets as references.

use serde::{Deserialize, Serialize};

use super::{Map, Runbook, SubValues, Tape};

/// The version of the machine that a run began with; a run goes on with the same version.
pub const MACHINE_VERSION: u32 = 1;

/// A file that the runbook was read from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Its path as shown to people: relative to the project's root, or `steps/…` of the built-in library.
    pub path: String,
    /// Its text, so that a mistake found while the run goes on can show its line.
    pub text: String,
}

/// Everything a run needs to go on or back, whatever happens to the files meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// [`MACHINE_VERSION`] when the run began.
    pub machine: u32,
    /// The runbook, `uses` expanded.
    pub runbook: Runbook,
    /// The files, by [`FileId`](super::FileId).
    pub sources: Vec<Source>,
    /// The vars that are not secrets, bound. A var that is not required and not given is absent.
    pub vars: Map,
    /// The names of the secret vars that have a value; the values are read anew on resume.
    pub secrets: Vec<String>,
    /// The tables by name.
    pub data: Map,
    /// The `let` values by name.
    pub lets: Map,
    /// The values of the runbooks that steps bring in, in the order of [`Runbook::subs`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subs: Vec<SubValues>,
    /// The project's root: where commands run that name no `dir`.
    pub root: String,
    /// What commands answer in place of every process, when the run is a rehearsal. In the snapshot, so that it can neither go
    /// on nor back with anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tape: Option<Box<Tape>>,
}
