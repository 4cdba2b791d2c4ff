//! `runbook`: an executable workflow engine for runbooks as code.
//!
//! The rooms of the house, and which may use which, are drawn in `engine/ARCHITECTURE.md`.

pub mod cli;
mod crash_point;
pub mod diag;
pub mod docs;
pub mod driver;
pub mod exec;
pub mod journal;
pub mod load;
pub mod machine;
pub mod model;
pub mod plan;
pub mod proof;
pub mod report;
pub mod telemetry;
pub mod template;
