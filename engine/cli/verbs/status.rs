//! `runbook status`: the steps of a run as they stand.

use anyhow::Context;

use crate::cli::args::{Form, Status};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::printed;
use crate::cli::settings::Settings;
use crate::cli::stores::{self, Read};
use crate::cli::watch::watch;
use crate::driver::now;
use crate::report::{About, StatusPage, Timeline};

/// Shows a run's steps.
///
/// # Errors
///
/// When no run is meant, and whatever the journal refuses.
pub fn run(status: &Status, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let mut store = stores::read_with(settings, status.run.as_deref())?;
    let run = stores::meant(&store, status.run.as_deref(), console)?.id;
    if status.watch {
        return watch(&mut store, &run, settings, console);
    }
    let Read { stored, graph, state, alive } = stores::load(&store, &run)?;
    let timeline = Timeline::of(stored.records.iter().map(|record| (record.at, &record.event)));
    let program = settings.program();
    let about = About { run: run.as_str(), program: &program, alive, now: now() };
    let mut page = StatusPage::of(about, &state, &graph, &timeline);
    printed::fill(&mut page.doubts, &store.outputs(), &run);
    match settings.form {
        Form::Json => {
            console.json(&serde_json::to_value(&page).context("the status can't be written as JSON")?)?
        }
        Form::Text => console.print(&page.text(console.out, console.width))?,
    }
    Ok(Exit::Good)
}
