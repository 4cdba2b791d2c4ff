//! Hooks: commands that are told what becomes of a run.

use serde::{Deserialize, Serialize};

use super::{Command, Text};

/// What a hook is told of.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// The run was opened.
    Started,
    /// A person is wanted.
    Waiting,
    /// The run came to rest because of a failure.
    Failed,
    /// The run came to rest because somebody stopped it.
    Stopped,
    /// The run succeeded.
    Finished,
    /// The run was rolled back, whole or in part.
    RolledBack,
}

impl Moment {
    /// Every moment, in the order of a run.
    pub const ALL: [Moment; 6] = [
        Moment::Started,
        Moment::Waiting,
        Moment::Failed,
        Moment::Stopped,
        Moment::Finished,
        Moment::RolledBack,
    ];

    /// Returns the key under `hooks`, which is also the `event` that the hook reads.
    pub fn word(self) -> &'static str {
        match self {
            Moment::Started => "started",
            Moment::Waiting => "waiting",
            Moment::Failed => "failed",
            Moment::Stopped => "stopped",
            Moment::Finished => "finished",
            Moment::RolledBack => "rolled_back",
        }
    }
}

/// A command that is told when one thing becomes of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hook {
    /// Of what.
    pub on: Moment,
    /// The command; what it reads is the event, so it has no `stdin`.
    pub command: Command,
    /// How long it may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Text>,
    /// Whether it is the project's (`runbooks/catalog.yaml`) and not the runbook's own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
}
