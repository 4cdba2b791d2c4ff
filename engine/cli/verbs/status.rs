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
use crate::journal::Filter;
use crate::report::{About, StatusOutput, StatusPage, Timeline};

/// Shows a run's steps.
///
/// # Errors
///
/// When no run is meant, and whatever the journal refuses.
pub fn run(status: &Status, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    if status.run.is_none() && settings.form == Form::Json && !status.watch && none(settings)? {
        console.json(&written(&StatusOutput::none())?)?;
        return Ok(Exit::Good);
    }
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
        Form::Json => console.json(&written(&StatusOutput::Run(Box::new(page)))?)?,
        Form::Text => console.print(&page.text(console.out, console.width))?,
    }
    Ok(Exit::Good)
}

/// Says whether there is no run that could be meant. A prompt asks before the first run of a machine, too, and must not be told
/// of a mistake each time.
fn none(settings: &Settings) -> Result<bool, CliError> {
    let Some(store) = stores::read_if_any(settings)? else { return Ok(true) };
    Ok(store.runs(&Filter { unfinished: true, limit: Some(1), ..Filter::default() })?.is_empty())
}

fn written(output: &StatusOutput) -> Result<serde_json::Value, CliError> {
    Ok(serde_json::to_value(output).context("the status can't be written as JSON")?)
}
