//! The engine without its command line: against real shells, and runbooks from text driven with real processes.

mod arguments;
mod crash;
// A build without debug assertions has no fail points.
#[cfg(debug_assertions)]
mod crash_matrix;
mod enemies;
mod gates;
mod hooks;
mod hostile_values;
mod journal_damage;
mod journal_failures;
mod locks;
mod outlived;
mod rollback;
mod runs;
mod shell_quoting;
mod stack;
mod takeover;
