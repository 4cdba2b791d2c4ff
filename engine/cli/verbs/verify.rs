//! `runbook verify`: proves that the journal of a run was not altered.

use serde_json::json;

use crate::cli::args::{Form, Verify};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::settings::Settings;
use crate::cli::stores;

/// Walks the run's hash chain. The last hash stands for all of its events: noted elsewhere, it shows later that none was
/// changed, added or left out.
///
/// # Errors
///
/// When the chain does not hold, with the first event that does not fit: exit code 1. What can't be checked at all (no such
/// run, a damaged file) has exit code 2.
pub fn run(verify: &Verify, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let store = stores::read_with(settings, Some(&verify.run))?;
    let run = stores::meant(&store, Some(&verify.run), console)?.id;
    let verified = store.verify(&run)?;
    match settings.form {
        Form::Json => console.json(&json!({
            "version": 1,
            "run": run.as_str(),
            "events": verified.events,
            "head": verified.head_hash,
        }))?,
        Form::Text => console.print(&format!(
            "run {run} is as it was written: {} events\nhead {}\n",
            verified.events, verified.head_hash
        ))?,
    }
    Ok(Exit::Good)
}
