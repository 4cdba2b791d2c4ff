//! A run as a fold: events, state, `decide`, ready queue, resume table, rollback. Pure.
//!
//! One turn: an [`Input`] goes into [`Machine::decide`], a [`Turn`] comes out: events to be made durable, then acts to
//! be performed. The machine knows no clock, no process and no file; what rendering and expressions decide it asks of
//! [`Evaluate`]. The same events in the same order give the same state ([`State::apply`]), whoever reads them.

mod again;
mod by_hand;
mod decide;
mod evaluate;
mod event;
mod fold;
mod fresh;
mod given;
mod graph;
mod guard;
mod instances;
mod judge;
mod levels;
mod lock;
mod moment;
mod offer;
mod opened;
mod part;
mod people;
mod previewed;
mod reads;
mod renew;
mod resume;
mod scope;
mod settle;
mod stages;
mod state;
#[cfg(test)]
mod tests;
mod turn;
mod undo;

pub use by_hand::{Names, Typed, hides, typed, word_of};
pub use decide::Machine;
pub use evaluate::{Asking, Evaluate, Expansion, Judgement, Known, Outcome, Polling, Prepared, Waiting, Why};
pub use event::{
    Changed, Covered, Decision, EVENT_VERSION, End, Event, Finish, Item, Keeper, Leaf, Process, Question,
    REHEARSAL_VERSION, RunStatus, Stage, UndoResult, Verdict,
};
pub use fold::Illegal;
pub use given::{given_by, given_so_far};
pub use graph::{Addr, Graph, NodeId};
pub use instances::Instances;
pub use judge::{GRACE, GateTimes, Judge, READ_TIMEOUT, Terms, Time, Tries, Want};
pub use moment::moment;
pub use opened::{Opened, Options, Person, PlanMark, Rehearsal};
pub use part::from_step;
pub use people::{covers, hash_of, may_answer, needed, voters};
pub use previewed::Previewed;
pub use renew::{NotRenewed, Renewed, renew};
pub use resume::{Going, GoingBack, going, going_back};
pub use scope::{RunFacts, UNKNOWN, item_of};
pub use settle::{NotOpen, missing_outputs, open_to_decision, settles};
pub use stages::describe;
pub use state::{Instance, Mode, Node, Progress, State, Vote, step_of};
pub use turn::{Act, Input, LockAnswer, TimerId, To, Turn};
pub use undo::undo_order;
