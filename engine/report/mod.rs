//! Consumers of events: live view, plain lines, JSON, end screen, status page, list of runs.
//!
//! Nothing here starts, decides or waits for anything. A reporter is fed the events of a run in their order, live or
//! read again from the journal, and shows them; it reads no clock, environment or file: all that is passed in.

mod reporter;

pub use reporter::{EndInfo, Reporter, Seen, Stream};
