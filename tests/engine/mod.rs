//! The engine without its command line: runbooks from text, driven with real processes.

mod runs;
