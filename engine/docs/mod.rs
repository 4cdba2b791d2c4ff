//! Pages from definitions: what a runbook is, before any run of it.
//!
//! `graph` draws the steps and what waits for what.

mod graph;

pub use graph::{Kind, Picture, Shape};
