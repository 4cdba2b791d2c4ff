//! The store: append, load, tail, lease, locks, inbox, output files. SQLite with a hash chain.
//!
//! A [`Store`] is one process's view of the file; a [`Writer`] is the one place from which a run's events come. Time and
//! process questions are handed in, so this room has no clock and asks nothing of `/proc`.

mod batch;
mod chain;
mod disk;
mod error;
#[cfg(test)]
mod fixture;
mod history;
mod lease;
mod location;
mod lock;
mod output;
mod record;
mod request;
mod run_id;
mod schema;
mod snapshots;
mod store;
mod verify;
mod writer;

pub use error::JournalError;
pub use history::{Filter, RunRow};
pub use lease::{Claim, Fenced, HEARTBEAT, Held, Holder, LEASE_STALE, Lease, Life};
pub use location::{Location, LocationError};
pub use lock::{LockHeld, Want};
pub use output::{OutputDir, OutputFile, Stream};
pub use record::Record;
pub use request::{Ask, Request};
pub use run_id::RunId;
pub use snapshots::Frozen;
pub use store::{NewRun, Store, Stored};
pub use verify::{Tampered, Verified};
pub use writer::Writer;
