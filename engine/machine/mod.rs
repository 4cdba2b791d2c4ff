//! A run as a fold: events, state, `decide`, ready queue, resume table, rollback. Pure.

mod event;

pub use event::{
    Decision, EVENT_VERSION, End, Event, Finish, Item, Leaf, Opened, Options, Person, Process, Question,
    RunStatus, Stage, UndoResult, Verdict,
};
