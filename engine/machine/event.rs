//! What happened: the only thing that is stored of a run besides its snapshot.
//!
//! An event is a fact, in the past tense. The state is the fold of the events and of nothing else, so two readers of
//! the same journal see the same run. No event holds a secret: commands are stored as they are displayed.
//!
//! Stored as JSON with a `kind`. Adding an optional field or a kind keeps the version; anything else raises
//! [`EVENT_VERSION`] and comes with a migration in `journal/`. An older reader refuses a newer version by name.

use serde::{Deserialize, Serialize};

use crate::model::{Map, Moment, Value};

use super::opened::{Opened, Person};

/// The version of the stored form of [`Event`].
pub const EVENT_VERSION: u32 = 1;

/// The version that the opening of a rehearsal has. A reader that knows of no rehearsals passes over what makes it one, and
/// would go on with real commands; a higher version it refuses. The other events keep theirs.
pub const REHEARSAL_VERSION: u32 = 2;

/// One thing that happened. `step` is a step's id, with the instance in brackets for a `for_each`: `scale[api]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Event {
    /// The run was opened. Always the first event.
    Opened(Opened),
    /// Somebody took the run up again.
    Resumed {
        /// Who.
        by: Person,
        /// Why, when they said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The run goes on with another snapshot: what had begun is in it as it was, the rest as somebody wanted it anew.
    Renewed {
        /// Who.
        by: Person,
        /// The hash of the stored snapshot.
        snapshot: String,
        /// What is different, for people.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        changes: Vec<String>,
    },
    /// A `for_each` was turned into its instances.
    Expanded {
        /// The step's id.
        step: String,
        /// The instances in order.
        items: Vec<Item>,
    },
    /// An instance left the queue and its work began. Before it nothing of it has run.
    Started {
        /// The instance.
        step: String,
    },
    /// A command is about to be spawned. Durable before it is.
    Intent {
        /// Which attempt of which command.
        #[serde(flatten)]
        leaf: Leaf,
        /// The command as displayed, ready to be read by a person: secrets masked, words quoted.
        command: String,
        /// What it will read, masked; absent when nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stdin: Option<String>,
        /// The folder it runs in, when it is not the project's root.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dir: Option<String>,
        /// An undo as a person pastes it into a shell, should it fail: with its folder, its environment and what it reads, a
        /// secret as the variable that holds it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by_hand: Option<String>,
    },
    /// The process exists. Written soon after, so that a later engine can find a child that outlived this one.
    Spawned {
        /// Which attempt of which command.
        #[serde(flatten)]
        leaf: Leaf,
        /// The process.
        process: Process,
    },
    /// The process ended.
    Exited {
        /// Which attempt of which command.
        #[serde(flatten)]
        leaf: Leaf,
        /// How.
        end: End,
        /// How long it took, in milliseconds, for display.
        ms: u64,
        /// What it printed last, a few lines, masked; absent when the step is sensitive or printed nothing.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        tail: String,
        /// The step's outputs, when this was its action and it went well: they must not be lost to a crash before
        /// the gate after it has held.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        outputs: Map,
    },
    /// What the command printed was not kept whole. It did what it did all the same, so this fails nothing; whoever reads
    /// its output later must know that it is not all.
    OutputLost {
        /// Which attempt of which command.
        #[serde(flatten)]
        leaf: Leaf,
        /// Why.
        why: String,
    },
    /// The state before was captured; or, of a step that reads none, it is about to change this.
    Captured {
        /// The instance.
        step: String,
        /// The values, in scope as `captured`.
        values: Map,
        /// The one-line difference (`changes`), when the step has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        changes: Option<String>,
    },
    /// A gate was asked and its answer differs from the one before.
    Polled {
        /// Which gate.
        #[serde(flatten)]
        leaf: Leaf,
        /// The answer.
        verdict: Verdict,
        /// What was seen, for people: `ready 7, wants >= 10`.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        seen: String,
    },
    /// A gate ended: it held, or its time is up.
    Judged {
        /// Which gate.
        #[serde(flatten)]
        leaf: Leaf,
        /// The last answer.
        verdict: Verdict,
        /// What was seen last.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        seen: String,
        /// How often it was asked.
        polls: u32,
        /// The step's outputs, when the gate is its action and it held.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        outputs: Map,
    },
    /// The time that a gate or a person had is up.
    Expired {
        /// The instance.
        step: String,
    },
    /// Somebody else has the lock of the step: it waits.
    AwaitsLock {
        /// The instance.
        step: String,
        /// The lock.
        lock: String,
        /// Who has it.
        keeper: Keeper,
    },
    /// The step has its lock. Before it nothing of it has run.
    Locked {
        /// The instance.
        step: String,
        /// The lock.
        lock: String,
    },
    /// The step gave its lock back: it is over well, or undone.
    Unlocked {
        /// The instance.
        step: String,
        /// The lock.
        lock: String,
    },
    /// The time for which a gate's answer was good is over, and something that needs it has not begun.
    Lapsed {
        /// The instance whose gate it is.
        step: String,
    },
    /// A gate whose answer lapsed is asked again, before what needs it begins. Until it holds nothing that needs it does.
    Reopened {
        /// The instance whose gate it is.
        step: String,
    },
    /// The next attempt waits.
    RetryScheduled {
        /// The attempt that failed.
        #[serde(flatten)]
        leaf: Leaf,
        /// How long, in milliseconds, for display.
        ms: u64,
    },
    /// A timer that the machine asked for went off.
    Woke {
        /// The instance.
        step: String,
    },
    /// A person is asked.
    Asked {
        /// The instance.
        step: String,
        /// For what.
        question: Question,
        /// The question.
        prompt: String,
        /// What a yes would start, as far as it is known; empty when it is no approval.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        covers: Vec<Covered>,
        /// How long there is to answer, in milliseconds, for display.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ms: Option<u64>,
    },
    /// A person answered.
    Answered {
        /// The instance.
        step: String,
        /// Who, asserted and not proven.
        by: Person,
        /// Whether they said yes.
        yes: bool,
        /// What they added.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// Their typed answers.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        answers: Map,
        /// What a yes approves, by [`hash_of`](super::hash_of); absent when it was no approval.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hash: Option<String>,
        /// What a yes approves, when it is no longer what stood in the question.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        covers: Vec<Covered>,
    },
    /// An answer was not taken; the question, when there is one, stays open.
    Refused {
        /// The instance.
        step: String,
        /// Who gave it.
        by: Person,
        /// Why it was not taken.
        why: String,
    },
    /// An approval counts no more, since what was approved is not what would start now. It is asked for again.
    Voided {
        /// The instance of the approval.
        step: String,
        /// What differs.
        changed: Vec<Changed>,
    },
    /// An instance reached its end. Only [`Event::Decided`] may open it again.
    Finished {
        /// The instance.
        step: String,
        /// Which end.
        #[serde(flatten)]
        result: Finish,
    },
    /// The engine that held the run died while a command of this instance was under way: its end is unknown.
    Doubted {
        /// Which attempt of which command.
        #[serde(flatten)]
        leaf: Leaf,
    },
    /// The run was taken from a driver that lived: that one writes no more.
    TakenOver {
        /// By whom.
        by: Person,
        /// From whom.
        from: Person,
        /// Their engine: as long as it is there, it may be about to start a command.
        engine: Process,
        /// Why.
        reason: String,
    },
    /// A command that outlived its engine was found at work. Its end is unknown all the same: nobody but its parent is
    /// told.
    Outlived {
        /// Which attempt of which command.
        #[serde(flatten)]
        leaf: Leaf,
        /// The processes that were found.
        processes: Vec<u32>,
        /// Whether they are stopped now (said before they are), or were waited for until they ended.
        stopped: bool,
        /// Who said so.
        by: Person,
    },
    /// A command ended by itself and left processes outside its group: a service that it started, or a leak. They were
    /// left alone.
    LeftRunning {
        /// Which attempt of which command.
        #[serde(flatten)]
        leaf: Leaf,
        /// The processes.
        processes: Vec<u32>,
    },
    /// A person, or the rule of the step, settled a failed, doubtful or interrupted instance.
    Decided {
        /// The instance.
        step: String,
        /// How.
        decision: Decision,
        /// Who; absent when it was the step's own `on_interrupt`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Person>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The run was asked to stop.
    StopRequested {
        /// By whom or what: `Ctrl-C`, `SIGTERM`, `cancel`.
        by: String,
        /// Whether what runs is stopped too.
        hard: bool,
    },
    /// Rollback began.
    RollbackBegan {
        /// Who, or absent when `on_failure: rollback` said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Person>,
        /// The last step to undo, when not all of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
        /// The instances to undo, in the order in which they will be.
        order: Vec<String>,
    },
    /// An instance's undo ended.
    Undone {
        /// The instance.
        step: String,
        /// How.
        #[serde(flatten)]
        result: UndoResult,
        /// The command as displayed that was to undo it and was not tried: somebody may have to do it by hand.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        command: Option<String>,
    },
    /// The `finally` steps began, because the run comes to rest with this status.
    FinallyBegan {
        /// The status they see as `run.status`.
        status: RunStatus,
    },
    /// A hook was to tell somebody of the run and did not go well. It fails nothing; whoever wonders why nobody came finds
    /// it here.
    HookFailed {
        /// Of what it was to tell.
        hook: Moment,
        /// The number of the event that it was to tell of.
        of: u64,
        /// Why, for people.
        why: String,
    },
    /// In a rehearsal, the tape has moved on: what it answers from now on begins here. Not told to people.
    Played {
        /// The state of the tape.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        state: Map,
        /// The answers that are not given again, by their number on the tape.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        given: Vec<u32>,
    },
    /// The run came to rest: nothing of it runs any more.
    Rested {
        /// With which status.
        status: RunStatus,
    },
}

/// One command that a yes approves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Covered {
    /// The instance that runs it.
    pub step: String,
    /// The command as displayed: secrets masked, what only the run can know as `‹origin›`.
    pub command: String,
    /// What it reads, as displayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// The folder it runs in, when it is not the project's root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<String>,
    /// The names that are added to its environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
}

/// How what would start differs from what was approved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Changed {
    /// The instance.
    pub step: String,
    /// What was approved; absent when nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Covered>,
    /// What would start; absent when nothing would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Covered>,
}

/// One instance of a `for_each`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Item {
    /// What stands in the brackets: the map's key, or the list's element when it is short text, else its number.
    pub key: String,
    /// What `item` is in scope: the element, or `{key, value}` for a map.
    pub value: Value,
}

/// Which of a step's commands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The gate before anything is touched.
    Check,
    /// The state before.
    Capture,
    /// The action.
    Action,
    /// The gate polled while the action runs. It runs beside the action and not after it.
    Guard,
    /// The gate after.
    Verify,
    /// The undo.
    Undo,
    /// The gate after the undo.
    UndoVerify,
}

/// One attempt of one command of one instance.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct Leaf {
    /// The instance.
    pub step: String,
    /// Which of its commands.
    pub stage: Stage,
    /// From 1. A gate's polls share the attempt of the gate.
    pub attempt: u32,
}

/// A process that can be found again: its number alone is used again by the system, the three together are not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Process {
    /// The process id, which is also its group's.
    pub pid: u32,
    /// When it started, in clock ticks since boot.
    pub started: u64,
    /// The boot it belongs to.
    pub boot: String,
    /// The machine it runs on.
    pub host: String,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// By itself, with this exit code.
    Exit(i32),
    /// By this signal, which was not ours.
    Signal(i32),
    /// By us, since its time was up.
    TimedOut,
    /// By us, since the run was stopped.
    Stopped,
    /// It never began; holds why, and what to do.
    NotStarted(String),
}

/// A gate's answer. The third is never taken for either of the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It holds, but only just (`warn`).
    Warns,
    /// It does not hold.
    DoesNotHold,
    /// It could not tell; holds why.
    CouldNotTell(String),
}

/// Who has a lock that a step waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Keeper {
    /// The other run; absent when it is a step of the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The other step, when it is of the same run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Who drives the other run, or did last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Person>,
    /// Since when, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// What for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl std::fmt::Display for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.run, &self.step) {
            (Some(run), _) => write!(f, "run {run}")?,
            (None, Some(step)) => write!(f, "{step} of this run")?,
            (None, None) => f.write_str("somebody")?,
        }
        if let Some(by) = &self.by {
            write!(f, " of {}@{}", by.name, by.host)?;
        }
        if let Some(since) = &self.since {
            write!(f, " since {since}")?;
        }
        match &self.reason {
            Some(reason) => write!(f, " ({reason})"),
            None => Ok(()),
        }
    }
}

/// The end of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "result", content = "why", rename_all = "kebab-case")]
pub enum Finish {
    /// It did what it was for.
    Succeeded,
    /// There was nothing to do.
    Satisfied,
    /// It was not wanted; holds why.
    Skipped(String),
    /// It did not; holds why, for people.
    Failed(String),
    /// It was stopped by us before its end.
    Stopped,
    /// A person said that it is done.
    MarkedDone,
}

/// How a failed, doubtful or interrupted instance is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Run it again.
    Retry,
    /// Ask its `verify` gate, then decide.
    Verify,
    /// Go on without it.
    Skip,
    /// Take it as done.
    Done,
}

/// The end of an undo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "result", content = "why", rename_all = "kebab-case")]
pub enum UndoResult {
    /// What the step did is undone.
    Done,
    /// There was nothing to undo.
    Nothing,
    /// It can't be undone, and a person said to leave it; holds why it can't.
    Left(String),
    /// It could not be undone; holds why.
    Failed(String),
    /// It was not tried, since something that stands on it could not be undone; holds what.
    Blocked(String),
}

impl UndoResult {
    /// Says whether what this instance stands on may be undone.
    pub fn releases(&self) -> bool {
        matches!(self, UndoResult::Done | UndoResult::Nothing | UndoResult::Left(_))
    }
}

/// What a person is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// To decide.
    Approval,
    /// To do something and say so.
    Manual,
    /// To leave something that can't be undone as it is.
    Irreversible,
}

/// The status of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunStatus {
    /// Something of it runs, or would if its engine were alive.
    #[default]
    Running,
    /// All went well.
    Succeeded,
    /// A step failed; it can be resumed or rolled back.
    Failed,
    /// It was stopped; it can be resumed or rolled back.
    Interrupted,
    /// It waits for a person and no engine runs it.
    Waiting,
    /// It is being rolled back.
    RollingBack,
    /// It was rolled back whole.
    RolledBack,
    /// What could not be undone is left of it.
    RollbackFailed,
    /// It was undone down to a step, as asked; what was begun before that is left, and it can be resumed or rolled back.
    PartlyUndone,
}

impl Stage {
    /// Returns the word for people, and for the environment of commands.
    pub fn word(self) -> &'static str {
        match self {
            Stage::Check => "check",
            Stage::Capture => "capture",
            Stage::Action => "action",
            Stage::Guard => "guard",
            Stage::Verify => "verify",
            Stage::Undo => "undo",
            Stage::UndoVerify => "undo-verify",
        }
    }
}

impl RunStatus {
    /// Returns the word for people.
    pub fn word(self) -> &'static str {
        match self {
            RunStatus::Running => "running",
            RunStatus::Succeeded => "succeeded",
            RunStatus::Failed => "failed",
            RunStatus::Interrupted => "interrupted",
            RunStatus::Waiting => "waiting",
            RunStatus::RollingBack => "rolling back",
            RunStatus::RolledBack => "rolled back",
            RunStatus::RollbackFailed => "rollback failed",
            RunStatus::PartlyUndone => "partly undone",
        }
    }
}

impl Event {
    /// Returns the step or instance that the event is about.
    pub fn step(&self) -> Option<&str> {
        match self {
            Event::Opened(_)
            | Event::Resumed { .. }
            | Event::TakenOver { .. }
            | Event::Renewed { .. }
            | Event::StopRequested { .. }
            | Event::RollbackBegan { .. }
            | Event::FinallyBegan { .. }
            | Event::HookFailed { .. }
            | Event::Played { .. }
            | Event::Rested { .. } => None,
            Event::Expanded { step, .. }
            | Event::Started { step }
            | Event::Captured { step, .. }
            | Event::Woke { step }
            | Event::Expired { step }
            | Event::AwaitsLock { step, .. }
            | Event::Locked { step, .. }
            | Event::Unlocked { step, .. }
            | Event::Lapsed { step }
            | Event::Reopened { step }
            | Event::Asked { step, .. }
            | Event::Answered { step, .. }
            | Event::Refused { step, .. }
            | Event::Voided { step, .. }
            | Event::Finished { step, .. }
            | Event::Decided { step, .. }
            | Event::Undone { step, .. } => Some(step),
            Event::Intent { leaf, .. }
            | Event::Spawned { leaf, .. }
            | Event::Exited { leaf, .. }
            | Event::OutputLost { leaf, .. }
            | Event::Polled { leaf, .. }
            | Event::Judged { leaf, .. }
            | Event::RetryScheduled { leaf, .. }
            | Event::Outlived { leaf, .. }
            | Event::LeftRunning { leaf, .. }
            | Event::Doubted { leaf } => Some(&leaf.step),
        }
    }
}
