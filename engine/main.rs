//! The `runbook` binary: everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Returned and not `process::exit`ed: what is on the stack is dropped first, the journal's writer for one.
    ExitCode::from(runbook::cli::start(std::env::args_os()))
}
