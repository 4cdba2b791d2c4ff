//! `runbook runs`: the runs of the journal.

use crate::cli::args::Runs;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::settings::Settings;

/// Lists runs.
///
/// # Errors
///
/// Whatever the journal refuses.
pub fn run(_runs: &Runs, _settings: &Settings, _console: Console) -> Result<Exit, CliError> {
    Ok(Exit::Good)
}
