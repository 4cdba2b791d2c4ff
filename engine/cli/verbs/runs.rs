//! `runbook runs`: the runs of the journal, the newest first.

use serde_json::json;

use crate::cli::args::{Form, Runs};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::settings::Settings;
use crate::cli::stores;
use crate::driver::now;
use crate::journal::{Filter, RunRow};
use crate::report::{RunLine, runs_table};

/// Lists the runs that are not finished, or all of them.
///
/// # Errors
///
/// Whatever the journal refuses. A journal that is not there yet is one without runs.
pub fn run(runs: &Runs, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let filter = Filter { unfinished: !runs.all, ..Filter::default() };
    let rows = match stores::read_if_any(settings)? {
        Some(store) => store.runs(&filter)?,
        None => Vec::new(),
    };
    let lines: Vec<RunLine> = rows.into_iter().map(line).collect();
    match settings.form {
        Form::Json => console.json(&json!({ "version": 1, "runs": lines }))?,
        Form::Text if lines.is_empty() => {}
        Form::Text => console.print(&runs_table(&lines, now(), console.out, console.width))?,
    }
    if lines.is_empty() {
        console.say(&match runs.all {
            true => "no runs yet".to_owned(),
            false => format!("no run is unfinished; `{} runs --all` lists all", settings.program()),
        });
    }
    Ok(Exit::Good)
}

fn line(row: RunRow) -> RunLine {
    let alive = stores::is_alive(&row);
    RunLine {
        run: row.id.to_string(),
        runbook: row.runbook,
        status: row.status,
        alive,
        started: row.created,
        updated: row.updated,
        by: row.lease.map(|lease| lease.holder.person.name).unwrap_or_default(),
    }
}
