//! Tests of runbooks: a test is played, what came of it is held against what was expected, and the same is done again with
//! an engine that dies after each of its commits.
//!
//! A use of the driver and not a part of it: nothing here decides, commits or answers for a command. `compare` and `ending`
//! are pure; `play` drives one run in a journal that is gone afterwards; `crash` is the table of what must be the same
//! whenever an engine dies.

mod compare;
mod crash;
mod ending;
mod play;

pub use compare::{Difference, compare};
pub use crash::{CrashPoint, Crashed, crash, crash_points};
pub use ending::Ending;
pub use play::{Case, Fault, Played, Stage, play};
