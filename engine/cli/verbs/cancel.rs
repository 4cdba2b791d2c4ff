//! `runbook cancel`: stops a live run from any terminal.

use crate::cli::args::Cancel;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::settings::Settings;
use crate::cli::stores::{self, Read};
use crate::driver::now;
use crate::journal::Ask;

/// Puts the request into the run's inbox, where its engine finds it: as Ctrl-C twice would.
///
/// # Errors
///
/// When no engine drives the run: there is nothing to stop.
pub fn run(cancel: &Cancel, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let store = stores::existing_with(settings, Some(&cancel.run))?;
    let run = stores::meant(&store, Some(&cancel.run), console)?.id;
    let Read { state, alive, .. } = stores::load(&store, &run)?;
    if !alive {
        let message = format!("run {run} is {}, and no engine drives it", state.status.word());
        return Err(CliError::usage_with(message, format!("`runbook status {run}` tells how it stands")));
    }
    store.post(&run, now(), &settings.person("command"), &Ask::Cancel { hard: true })?;
    console
        .say(&format!("run {run} is asked to stop; `{} status {run}` shows when it has", settings.program()));
    Ok(Exit::Good)
}
