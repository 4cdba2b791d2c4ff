//! The crash matrix: the engine is killed with SIGKILL at every commit and between every commit and its act
//! (`engine/crash_point.rs`), a person goes on until the run rests where it was to rest, and what came of it is
//! compared with the run that nobody disturbed: the end of each step, outputs and captured values, what the children
//! say they did, `status`, the journal's chain, the lock, and that no process is left.
//!
//! | variable | does |
//! | --- | --- |
//! | `RUNBOOK_CRASH_ALL` | every point of every scenario, and of the resumes; 300 kills at random times |
//! | `RUNBOOK_CRASH_ONLY` | only scenarios whose name has this in it |
//! | `RUNBOOK_CRASH_SEED` | the seed of what is drawn |

mod heartbeat;
mod ledger;
mod matrix;
mod play;
mod random;
mod scenario;
mod seen;
