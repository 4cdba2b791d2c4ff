//! What goes into a decision and what comes out of it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{Map, Moment};

use super::evaluate::{Outcome, Prepared};
use super::event::{Decision, Event, Keeper, Leaf, Process, Question, RunStatus};
use super::graph::Addr;
use super::opened::{Opened, Person};

/// A timer's number, within one engine's life.
pub type TimerId = u64;

/// Something that happened outside and that the machine must answer to.
#[derive(Clone, Debug)]
pub enum Input {
    /// Begin the run.
    Open(Box<Opened>),
    /// Start what can be started: the run was opened, and that is already durable.
    Begin,
    /// Take it up again.
    Resume {
        /// Who.
        by: Person,
        /// Why.
        reason: Option<String>,
        /// What they decided of failed and doubtful steps, by instance or step.
        decisions: BTreeMap<String, (Decision, Option<String>)>,
    },
    /// The run was taken from a driver that lived. Nothing starts: it is taken up by what follows.
    TakenOver {
        /// By whom.
        by: Person,
        /// From whom.
        from: Person,
        /// Their engine.
        engine: Process,
        /// Why.
        reason: String,
    },
    /// A command that outlived its engine is about to be stopped, or was waited for. Nothing starts.
    Outlived {
        /// Which.
        leaf: Leaf,
        /// Its processes.
        processes: Vec<u32>,
        /// Whether they are stopped.
        stopped: bool,
        /// Who said so.
        by: Person,
    },
    /// Undo it.
    Rollback {
        /// Who.
        by: Person,
        /// The last step to undo.
        to: Option<String>,
    },
    /// A process exists.
    Spawned {
        /// Which.
        leaf: Leaf,
        /// The process.
        process: Process,
    },
    /// A process ended, or never began.
    Ended {
        /// Which.
        leaf: Leaf,
        /// How, and what it printed.
        outcome: Box<Outcome>,
    },
    /// A timer went off.
    Fired(TimerId),
    /// A person answered.
    Answered {
        /// What: the instance.
        step: String,
        /// Who.
        by: Person,
        /// Yes or no.
        yes: bool,
        /// What they added.
        note: Option<String>,
        /// Their typed answers.
        answers: Map,
        /// What they answered to.
        to: To,
    },
    /// What came of [`Act::Lock`].
    Lock {
        /// The instance.
        step: String,
        /// The lock.
        lock: String,
        /// What came of it.
        answer: LockAnswer,
    },
    /// Nobody can be asked this from here: whoever is asked will have to answer from another terminal.
    NobodyAnswers {
        /// What: the instance.
        step: String,
    },
    /// A person decided on what was offered ([`Act::Offer`]).
    Settle {
        /// Who.
        by: Person,
        /// What they decided, by instance or step, each with why.
        decisions: BTreeMap<String, (Decision, Option<String>)>,
    },
    /// A person left what was offered as it is.
    Leave,
    /// In a rehearsal, the tape has moved on. Nothing starts, and nothing comes to rest because of it.
    Played {
        /// The state of the tape.
        state: Map,
        /// The answers that are not given again.
        given: Vec<u32>,
    },
    /// A hook did not go well. Nothing starts, and nothing comes to rest because of it.
    HookFailed {
        /// Of what it was to tell.
        hook: Moment,
        /// The number of the event that it was to tell of.
        of: u64,
        /// Why, for people.
        why: String,
    },
    /// Stop.
    Stop {
        /// By whom or what.
        by: String,
        /// Whether what runs is stopped too.
        hard: bool,
    },
}

/// What came of trying to take a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockAnswer {
    /// The run has it.
    Taken,
    /// Somebody else has it.
    Held(Keeper),
    /// Somebody else has it and waits for a lock of this run: neither would ever end. Holds a sentence for people.
    Never(String),
}

/// What an answer was given to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum To {
    /// To whatever is asked: it was given beforehand (`--approve STEP`).
    #[default]
    Whatever,
    /// To a question to decide, having seen commands with this [`hash_of`](super::hash_of); empty when nobody knows what
    /// was seen.
    Decide(String),
    /// To a manual step: it is done.
    Done,
}

/// What is to be done once the events of the turn are durable. In order; none depends on another's end.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Spawn a command.
    Spawn {
        /// Which.
        leaf: Leaf,
        /// The command.
        command: Box<Prepared>,
        /// Which poll of a gate; 0 for anything else.
        poll: u32,
    },
    /// Say [`Input::Fired`] after this time.
    Timer {
        /// With this number.
        id: TimerId,
        /// After this time.
        after: Duration,
    },
    /// Say [`Input::Fired`] at this time (RFC 3339), at once when it is past.
    TimerUntil {
        /// With this number.
        id: TimerId,
        /// The time.
        until: String,
    },
    /// Ask a person.
    Ask {
        /// The instance.
        step: String,
        /// Which, for the host's own questions to the snapshot.
        at: Addr,
        /// For what.
        question: Question,
        /// The question.
        prompt: String,
    },
    /// Try to take a lock for the run, and say [`Input::Lock`].
    Lock {
        /// The instance.
        step: String,
        /// The lock.
        lock: String,
    },
    /// Stop this one process: SIGTERM, then SIGKILL after the grace. Its end is reported as any other; of one that is
    /// over already there is nothing to do.
    Stop {
        /// Which.
        leaf: Leaf,
    },
    /// Offer a person at the terminal what can be done about these steps; the answer is [`Input::Settle`],
    /// [`Input::Rollback`] or [`Input::Leave`]. A later offer stands for an earlier one.
    Offer {
        /// The instances that failed or are in doubt, the first failure first.
        steps: Vec<String>,
    },
    /// Stop every process of this run: SIGTERM, then SIGKILL after the grace.
    StopAll,
    /// The run came to rest: there is nothing more to wait for.
    Rest(RunStatus),
}

/// The answer to one input: facts to be made durable, then things to be done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turn {
    /// What happened.
    pub events: Vec<Event>,
    /// What is to be done about it.
    pub acts: Vec<Act>,
}
