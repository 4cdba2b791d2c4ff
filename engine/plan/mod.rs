//! The DAG of a runbook: order, cycles with their whole path. Pure.
//!
//! A step is known here by its number in the file (`u32`), so that whoever walks the graph handles no text and no
//! order depends on a hash. Ties are always settled by the order of the file.

mod cycle;
mod dag;
mod error;
mod reach;

pub use dag::Dag;
pub use error::PlanError;
pub use reach::Reach;
