//! `runbook report`: the account of a run for the incident record.

use anyhow::Context;

use crate::cli::args::{Format, ReportRun};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::printed;
use crate::cli::settings::Settings;
use crate::cli::stores;
use crate::driver::{DriveError, now};
use crate::journal::Filter;
use crate::report::{About, Account};

/// Writes the account to stdout: Markdown, unless `--format` says otherwise.
///
/// # Errors
///
/// When no run is meant, and whatever the journal refuses.
pub fn run(report: &ReportRun, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let store = stores::read_with(settings, report.run.as_deref())?;
    let run = match &report.run {
        Some(typed) => store.find(typed)?,
        // The newest of all: an account is written when it is over.
        None => match store.runs(&Filter { limit: Some(1), ..Filter::default() })?.pop() {
            Some(run) => {
                stores::named(&run, console);
                run.id
            }
            None => return Err(CliError::usage_with("there is no run yet", "`runbook exec` makes one")),
        },
    };
    let stored = store.load(&run)?;
    let program = settings.program();
    let alive = stores::is_alive(&stored.run);
    let about = About { run: run.as_str(), program: &program, alive, now: now() };
    let events = stored.records.iter().map(|record| (record.at, &record.event));
    let mut account = Account::of(about, (&stored.snapshot.runbook, &stored.snapshot.vars), events)
        .map_err(|source| DriveError::Illegal { run: run.to_string(), source })?;
    printed::fill(&mut account.doubts, &store.outputs(), &run);
    match settings.format {
        Some(Format::Json) => {
            console.json(&serde_json::to_value(&account).context("the account can't be written as JSON")?)?
        }
        Some(Format::Html) => console.print(&account.html())?,
        _ => console.print(&account.markdown())?,
    }
    Ok(Exit::Good)
}
