//! The clock: the one place that reads it for the machine's world.

#![expect(clippy::disallowed_methods, reason = "this is the room that owns the clock")]

use std::time::Instant;

use jiff::Timestamp;

/// Returns the time now, UTC. For the record and for display; nothing is decided by it.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    #[cfg(debug_assertions)]
    let now = shifted(now);
    now
}

/// Returns the time moved by as many seconds as the file says that `RUNBOOK_TEST_CLOCK` names, so that a test can set the
/// clock back while a run goes on. Not in release builds: an account of what happened must not depend on such a file.
#[cfg(debug_assertions)]
fn shifted(now: Timestamp) -> Timestamp {
    static FILE: std::sync::LazyLock<Option<std::ffi::OsString>> =
        std::sync::LazyLock::new(|| std::env::var_os("RUNBOOK_TEST_CLOCK"));
    let Some(file) = &*FILE else { return now };
    let seconds = std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    now.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(now)
}

/// Returns the monotonic time now, which no one can set back.
pub(super) fn instant() -> Instant {
    Instant::now()
}
