//! The one integration-test binary.
#![expect(
    clippy::disallowed_methods,
    reason = "tests start real tools, read the clock and keep their own files"
)]

mod cases;
mod catalog;
mod cli;
mod docs;
mod engine;
mod import;
mod layout;
mod rehearse;
mod support;
mod terminal;
mod verb_test;
