//! Pages from definitions: what a runbook is, before any run of it.
//!
//! `graph` draws the steps and what waits for what; `reference` is about the language and the command line themselves.

mod graph;
mod reference;

pub use graph::{Kind, Picture, Shape};
pub use reference::{CommandLine, Page, VerbFormats, reference};
