//! Pages from definitions: what a runbook is, before any run of it.
//!
//! `graph` draws the steps and what waits for what; `template` is the page of a step template; `written` says commands, gates and
//! actions as their author wrote them; `reference` is about the language and the command line themselves.

mod graph;
mod reference;
mod template;
mod written;

pub use graph::{Kind, Picture, Shape};
pub use reference::{CommandLine, Page, VerbFormats, reference};
pub use template::{Example, details, glance, template_page};
pub use written::{action, command, gate, guard};
