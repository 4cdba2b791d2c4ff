//! What every reporter answers to.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;

use super::Usual;
use crate::machine::{Event, Graph, Leaf, State};

/// An event as a reporter sees it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The run's id.
    pub run: &'a str,
    /// The event's place in the run, from 1.
    pub seq: u64,
    /// When it was committed.
    pub at: Timestamp,
    /// What happened.
    pub event: &'a Event,
    /// The state with this event in it. Events of one turn are decided together, so the ones that follow it in the
    /// same turn may be in it too.
    pub state: &'a State,
    /// The shape of the run.
    pub graph: &'a Graph,
}

/// An event from before this engine's life.
#[derive(Clone, Copy, Debug)]
pub struct Earlier<'a> {
    /// The number of the engine that committed it: another one, higher, at each change of engine.
    pub epoch: u64,
    /// The event's place in the run, from 1.
    pub seq: u64,
    /// When it was committed.
    pub at: Timestamp,
    /// What happened.
    pub event: &'a Event,
}

/// Which of a command's two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Standard output, or both of a merged command.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What is known when the run comes to rest.
#[derive(Clone, Copy, Debug)]
pub struct EndInfo<'a> {
    /// The run's id.
    pub run: &'a str,
    /// How the program is called in the commands to type next: its name, with what must be said again (`--store`).
    pub program: &'a str,
    /// The run's last state.
    pub state: &'a State,
    /// The shape of the run.
    pub graph: &'a Graph,
    /// How long this engine worked on it.
    pub took: Duration,
}

/// Shows a run to somebody. A run that is read from the journal feeds the same reporter as a live one.
///
/// No method fails: whoever stops reading (a closed pipe, a lost terminal) must not stop the run, so a reporter that
/// can't write any more keeps quiet.
pub trait Reporter: Send {
    /// Takes in how the program is called in the commands to type: `runbook`, with `--store` when that was typed.
    fn called(&mut self, _program: &str) {}

    /// Takes in how long things usually take, which may become known later: reading what was is not waited for.
    fn usual(&mut self, _usual: Arc<OnceLock<Usual>>) {}

    /// Takes in an event from before this engine's life (resume, rollback): it is remembered for the end screen and
    /// not shown. Leaving it out costs that memory and nothing else.
    fn past(&mut self, _earlier: &Earlier<'_>) {}

    /// Shows an event. Called after its commit, in order.
    fn event(&mut self, seen: &Seen<'_>);

    /// Says a line that is no event and can't wait for the end: what the engine waits for, that the journal can't be
    /// written, why nothing moves.
    fn aside(&mut self, _text: &str) {}

    /// Takes in what a command printed, secrets masked. Live only; `bytes` may end anywhere.
    fn output(&mut self, _leaf: &Leaf, _stream: Stream, _bytes: &[u8]) {}

    /// Redraws what moves. Called about ten times a second while the run is live, and never faster than it is wanted:
    /// a reporter draws here and nowhere else.
    fn tick(&mut self, _now: Timestamp) {}

    /// Leaves the terminal to somebody else, a prompt for instance.
    fn suspend(&mut self) {}

    /// Takes in why nothing moves, for as long as it doesn't; empty when something does. A line that begins with two blanks is a
    /// command to be pasted.
    fn waits(&mut self, _text: &str) {}

    /// Says at once, in the middle of what somebody else shows, what whoever reads that must not miss: a failure, for
    /// instance, before they say yes. Returns whether there was any such thing, so that what stood there is shown again.
    fn break_in(&mut self) -> bool {
        false
    }

    /// Takes the terminal back.
    fn unsuspend(&mut self) {}

    /// Writes the last lines: the run rests. Nothing follows.
    fn close(&mut self, end: &EndInfo<'_>);
}
