//! The clock: the one place that reads it for the machine's world.

#![expect(clippy::disallowed_methods, reason = "this is the room that owns the clock")]

use std::time::Instant;

use jiff::Timestamp;

/// Returns the time now, UTC. For the record and for display; nothing is decided by it.
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Returns the monotonic time now, which no one can set back.
pub(super) fn instant() -> Instant {
    Instant::now()
}
