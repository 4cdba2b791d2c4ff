//! The checks that need the whole runbook: names, graph, scopes, safety.

mod argv;
mod changing;
mod graph;
mod safety;
mod scope;
mod secrets;
mod walk;

pub use argv::changes;
pub(super) use graph::{Needs, graph};
pub(super) use safety::default_retry;
pub(super) use walk::{default_text, defaults, runbook, shared_hooks, template};
