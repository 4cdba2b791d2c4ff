//! Files to model: finds, parses with positions, expands `uses:`, checks, binds inputs.

mod bind;
mod body;
mod check;
mod command;
mod context;
mod fields;
mod gate;
mod inputs;
pub mod keys;
mod library;
mod loaded;
mod names;
mod node;
mod project;
mod runbook;
mod secret_source;
mod step;
mod tables;
mod template_file;
mod text_file;
mod trial;
mod typed;
mod typed_text;
mod yaml;
mod yaml_error;
mod yaml_hint;

pub use bind::{Bound, bind, snapshot_hash};
pub use inputs::{Answer, Given, Inputs, Origin, SecretCommand, Settled, variable};
pub use library::{Library, LibraryEntry};
pub use loaded::{FileKind, Loaded, check_file, load_file, load_text, runbook};
pub use node::{Key, Node, NodeKind};
pub use project::{Entry, Listing, NotFound, Project, ProjectError};
pub use secret_source::{SHORTEST_SECRET, ways};
pub use tables::read_tables;
pub use typed_text::{describe, from_text};
pub use yaml::{MAX_BYTES, parse};
