//! Says whether something is still as it was, so that what was made of it can be kept.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Another number after each change, which no other state ever had: a copy that went another way is never taken for the
/// one it was copied from. It is no part of what a state is, so any two are equal.
#[derive(Clone, Copy, Default)]
pub(super) struct Stamp(u64);

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stamp")
    }
}

impl PartialEq for Stamp {
    fn eq(&self, _: &Stamp) -> bool {
        true
    }
}

impl Stamp {
    /// Takes another number.
    pub(super) fn change(&mut self) {
        static LAST: AtomicU64 = AtomicU64::new(0);
        self.0 = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    }

    /// Returns the number.
    pub(super) fn number(self) -> u64 {
        self.0
    }
}
