//! Files to model: finds, parses with positions, expands `uses:`, checks, binds inputs.

mod file;
mod fit;
mod inputs;
mod node;
mod project;
mod secret_source;
mod tables;
mod yaml;
mod yaml_error;

pub use fit::{Misfit, describe, fit, from_text};
pub use inputs::{Answer, Given, Inputs, Origin, SecretCommand, Settled, variable};
pub use node::{Key, Node, NodeKind};
pub use project::{Entry, Listing, NotFound, Project, ProjectError};
pub use secret_source::{SHORTEST_SECRET, ways};
pub use tables::read_tables;
pub use yaml::{MAX_BYTES, parse};
