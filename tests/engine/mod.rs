//! The engine without its command line: against real shells, and runbooks from text driven with real processes.

mod arguments;
mod crash;
mod gates;
mod pre_scale;
mod rollback;
mod runs;
mod shell_quoting;
mod stack;
