//! `runbook completions`: the script by which a shell asks what may be typed.

use crate::cli::args::{CompletionsFor, Shell};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;

/// Writes the script for a shell to stdout.
///
/// # Errors
///
/// When stdout can't be written.
pub fn run(of: &CompletionsFor, console: Console) -> Result<Exit, CliError> {
    console.print(match of.shell {
        Shell::Bash => include_str!("completions/runbook.bash"),
        Shell::Zsh => include_str!("completions/runbook.zsh"),
        Shell::Fish => include_str!("completions/runbook.fish"),
    })?;
    Ok(Exit::Good)
}
