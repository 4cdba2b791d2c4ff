//! Diagnostics as data (code, message, labels, help) and their renderers.
//!
//! Whoever finds a mistake makes a [`Diagnostic`] and puts it into a [`Report`]; nobody stops at the first. How it
//! looks is decided by a renderer alone: [`text`] for people, [`json`] for programs, [`sarif`] for code scanners.

mod code;
mod diagnostic;
pub mod html;
pub mod json;
pub mod markdown;
mod near;
mod page;
pub mod sarif;
mod scalar;
mod sources;
pub mod text;

pub use code::{Code, Severity};
pub use diagnostic::{Diagnostic, Label, Report, Silenced};
pub use near::near;
pub use page::Page;
pub use sources::{Position, Sources};
