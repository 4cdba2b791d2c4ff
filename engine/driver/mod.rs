//! The only async loop: input, decide, commit, act, publish.
//!
//! One turn takes every input that is there (ended processes, timers, people, signals), decides on all of them, commits
//! the events in one go, and only then performs the acts and shows the events. So steps that end together share a
//! commit, and a step's outcome shares one with the intent of the step after it.
//!
//! The loop's own thread commits: while it waits for the disk, inputs gather for the next turn. It never spawns a
//! process itself (`exec/`'s threads do) and never waits for a terminal (a thread of its own does). In a rehearsal it has no
//! such threads: `player` answers from a tape.

mod beforehand;
mod clock;
mod error;
mod file_limit;
mod forecast;
mod glances;
mod hooks;
mod host;
mod inbox;
mod launch;
mod looping;
mod observe;
mod open;
mod outlived;
mod people;
mod player;
mod preview;
mod prompts;
mod recorder;
mod renewal;
mod said;
mod script;
mod secret_command;
mod signals;
mod tape_text;
mod target;
mod timers;
mod undoing;

pub use clock::now;
pub use error::{DriveError, OtherTarget};
pub use file_limit::outlive_file_limit;
pub use forecast::{
    HookCommand, Millis, PlannedAnswer, PlannedHook, PlannedPeople, PlannedProtect, PlannedRetry, PlannedRun,
    PlannedTarget,
};
pub use host::{life, person};
pub use observe::{Looked, Looking, Onlooker, Progress, Shown, Sighting, Standing, Unobserved, observe};
pub use open::{Closed, Exec, Interrupt, Resume, Rollback, Surroundings, exec, resumable, resume, rollback};
pub use outlived::{Outliving, at_work};
pub use people::{Asked, Choice, News, Offer, Offered, Open, Outliver, People, Recall, Reply, questions};
pub use preview::{
    Case, Planned, PlannedByHand, PlannedGate, PlannedStep, Preview, SaidByHand, Wanted, preview,
    preview_by_hand,
};
pub use recorder::Recorder;
pub use renewal::Renewal;
pub use script::{Answering, Death, Script};
pub use secret_command::secret_of_command;
pub use signals::{Hangup, hangup};
pub use undoing::{Hint, ToUndo, undo_plan};
