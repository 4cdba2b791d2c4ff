//! Going on with another snapshot: stored and recorded before anything else of the run is done.

use serde::{Deserialize, Serialize};

use crate::journal::{Frozen, Store, Writer};
use crate::machine::{Person, State};
use crate::model::Snapshot;
use crate::report::{Reporter, Seen};

use super::clock;
use super::error::DriveError;
use super::open::fold;

/// A snapshot that a run is to go on with.
#[derive(Debug, Serialize, Deserialize)]
pub struct Renewal {
    /// The snapshot, as [`renew`](crate::machine::renew) merged it.
    pub snapshot: Snapshot,
    /// How many events the run had when it was merged: it holds for these and no others.
    pub events: u64,
    /// What is different, for people.
    pub changes: Vec<String>,
}

/// Stores the snapshot, records it, and returns the run folded over it. `seen` is the number of its last event before it
/// was taken up: that it was taken over adds one that changes nothing.
pub(super) fn renew(
    renewal: Renewal,
    by: &Person,
    seen: u64,
    writer: &mut Writer,
    store: &Store,
    reporter: &mut dyn Reporter,
) -> Result<(crate::machine::Machine, crate::machine::Judge), DriveError> {
    let run = writer.run().clone();
    if seen != renewal.events {
        return Err(DriveError::MovedOn { run: run.to_string() });
    }
    let frozen = Frozen::of(&renewal.snapshot)?;
    let records = writer.renew(clock::now(), &frozen, by.clone(), renewal.changes)?;
    let (machine, judge) = fold(&store.load(&run)?)?;
    let state: &State = machine.state();
    for record in &records {
        let (at, event, graph) = (record.at, &record.event, machine.graph());
        reporter.event(&Seen { run: run.as_str(), seq: record.seq, at, event, state, graph });
    }
    Ok((machine, judge))
}
