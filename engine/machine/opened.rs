//! How a run was opened: the first of its events, and all that later ones build on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Faults, OnFailure};

use super::event::{EVENT_VERSION, REHEARSAL_VERSION};

/// How a run was opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Opened {
    /// [`EVENT_VERSION`]; of a rehearsal [`REHEARSAL_VERSION`].
    pub version: u32,
    /// The version of the program.
    pub program: String,
    /// The qualified name of the runbook.
    pub runbook: String,
    /// The hash of the stored snapshot.
    pub snapshot: String,
    /// Who.
    pub by: Person,
    /// Why, when they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whom the run is about to change, by the names of the runbook's `target`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub target: BTreeMap<String, String>,
    /// The lock held, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
    /// The locks held besides, because of runbooks that steps bring in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<String>,
    /// Who confirmed a protected run, and from where: `terminal` when they typed its name, `flag` for `--yes`. Absent when
    /// nothing had to be confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Person>,
    /// The plan that it follows, when it was run from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Box<PlanMark>>,
    /// What is played, when it is a rehearsal and no command is run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<Box<Rehearsal>>,
    /// The span that it was begun in (W3C `traceparent`), where spans are sent: who takes the run up goes on in its trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_parent: Option<String>,
    /// What the command line said.
    pub options: Options,
}

/// What a rehearsal plays. The tape itself is in the run's snapshot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Rehearsal {
    /// The tape's file, as shown to people.
    pub tape: String,
    /// What was made to go wrong, as it was typed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// The same for whoever takes the rehearsal up: what has not gone wrong yet outlives the engine that was told of it.
    #[serde(default, skip_serializing_if = "Faults::is_none")]
    pub to_strike: Faults,
}

/// Which plan a run follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PlanMark {
    /// The sum of the plan's content, in hexadecimal.
    pub sha256: String,
    /// When it was planned (RFC 3339).
    pub at: String,
    /// Who planned it, as their system says.
    pub by: Person,
}

impl Opened {
    /// Returns the highest version of such an opening that is known here.
    pub fn known(&self) -> u32 {
        if self.rehearsal.is_some() { REHEARSAL_VERSION } else { EVENT_VERSION }
    }

    /// Says whether the run holds this lock as long as it lives.
    pub fn holds(&self, lock: &str) -> bool {
        self.lock.iter().chain(&self.locks).any(|own| own == lock)
    }

    /// Returns the opening of a run that is only imagined: by nobody, of nothing.
    pub fn none() -> Opened {
        Opened {
            version: EVENT_VERSION,
            program: String::new(),
            runbook: String::new(),
            snapshot: String::new(),
            by: Person::default(),
            reason: None,
            target: BTreeMap::new(),
            lock: None,
            locks: Vec::new(),
            consent: None,
            plan: None,
            rehearsal: None,
            trace_parent: None,
            options: Options::default(),
        }
    }
}

/// What the command line said about how to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Options {
    /// The most instances at work at once.
    pub max_parallel: u32,
    /// What a failed step does.
    pub on_failure: OnFailure,
    /// Only these steps are run; all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// Where the run was to begin, when `only` is what came of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// Who did something. Without a server it is what the operating system says, asserted and not proven.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Person {
    /// The login name.
    pub name: String,
    /// The machine.
    pub host: String,
    /// From where: `terminal`, `flag`, `command`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub via: String,
}
