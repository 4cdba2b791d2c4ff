//! The journal as the verbs open it, and the run that a person means.

use super::console::{Console, one_line};
use super::error::CliError;
use super::settings::Settings;
use crate::journal::{JournalError, RunRow, Store};
use crate::report::Role;

/// Opens the journal for a new run; makes it when it is not there.
///
/// # Errors
///
/// Whatever the journal refuses.
pub fn open(settings: &Settings) -> Result<Store, CliError> {
    Ok(Store::open(settings.store.value.path())?)
}

/// Opens the journal to add to a run in it; makes none.
///
/// # Errors
///
/// As [`open`], and when there is none yet.
pub fn existing(settings: &Settings) -> Result<Store, CliError> {
    read(settings)?;
    open(settings)
}

/// Opens the journal for reading.
///
/// # Errors
///
/// As [`existing`].
pub fn read(settings: &Settings) -> Result<Store, CliError> {
    Ok(Store::open_read_only(settings.store.value.path())?)
}

/// Opens the journal for reading; nothing when there is none yet.
///
/// # Errors
///
/// Whatever else the journal refuses.
pub fn read_if_any(settings: &Settings) -> Result<Option<Store>, CliError> {
    match read(settings) {
        Err(CliError::Journal(JournalError::Missing { .. })) => Ok(None),
        other => other.map(Some),
    }
}

/// Returns the run that was typed; when nothing was, the newest that is not finished, which is named on stderr.
///
/// # Errors
///
/// When no run, or more than one, is meant.
pub fn meant(store: &Store, typed: Option<&str>, console: Console) -> Result<RunRow, CliError> {
    if let Some(typed) = typed {
        return Ok(store.run(&store.find(typed)?)?);
    }
    let Some(run) = store.latest_unfinished()? else {
        let message = "no run is unfinished";
        return Err(CliError::usage_with(message, "name one; `runbook runs --all` lists them"));
    };
    let name = console.err.paint(Role::Strong, run.id.as_str());
    console.say(&format!(
        "run {name}: {}, begun {:.0}, {}",
        one_line(&run.runbook),
        run.created,
        run.status.word()
    ));
    Ok(run)
}
