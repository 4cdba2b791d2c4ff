//! The checks that need the whole runbook: names, graph, scopes, kinds of values, what can never be, safety.

mod approvals;
mod argv;
mod changing;
mod gates;
mod graph;
mod kinds;
pub(super) mod programs;
mod reach;
mod safety;
mod scope;
mod script;
mod secrets;
mod skipped;
mod times;
mod walk;

pub use argv::changes;
pub(super) use graph::{Needs, graph};
pub(super) use safety::default_retry;
pub(super) use scope::some;
pub use scope::{RESULT, RUN};
pub(super) use script::commands;
pub(super) use walk::{default_text, defaults, runbook, shared_hooks, template};
