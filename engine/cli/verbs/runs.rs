//! `runbook runs`: the runs of the journal, the newest first.

use serde_json::json;

use crate::cli::args::{Form, Runs};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::settings::Settings;
use crate::cli::stores::{self, Read};
use crate::driver::now;
use crate::journal::{Filter, RunRow, Store};
use crate::machine::RunStatus;
use crate::report::{RunLine, Standing, runs_table};

/// Lists the runs that are not finished, or all of them.
///
/// # Errors
///
/// Whatever the journal refuses. A journal that is not there yet is one without runs.
pub fn run(runs: &Runs, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let filter = Filter { unfinished: !runs.all && !runs.rehearsals, ..Filter::default() };
    let store = match runs.rehearsals {
        true => stores::read_rehearsals_if_any(settings)?,
        false => stores::read_if_any(settings)?,
    };
    let rows = match &store {
        Some(store) => store.runs(&filter)?,
        None => Vec::new(),
    };
    let lines: Vec<RunLine> = rows.into_iter().map(|row| line(row, store.as_ref())).collect();
    match settings.form {
        Form::Json if runs.rehearsals => {
            console.json(&json!({ "version": 1, "rehearsals": true, "runs": lines }))?;
        }
        Form::Json => console.json(&json!({ "version": 1, "runs": lines }))?,
        Form::Text if lines.is_empty() => {}
        Form::Text => console.print(&runs_table(&lines, now(), console.out, console.width))?,
    }
    if lines.is_empty() {
        console.say(&match runs.all {
            _ if runs.rehearsals => "no rehearsals yet: `runbook rehearse NAME`".to_owned(),
            true => "no runs yet".to_owned(),
            false => format!("no run is unfinished; `{} runs --all` lists all", settings.program()),
        });
    }
    Ok(Exit::Good)
}

fn line(row: RunRow, store: Option<&Store>) -> RunLine {
    let alive = stores::is_alive(&row);
    let (in_doubt, asks) = store.map(|store| looked_into(store, &row, alive)).unwrap_or_default();
    RunLine {
        run: row.id.to_string(),
        runbook: row.runbook.clone(),
        status: row.status,
        alive,
        in_doubt,
        asks,
        started: row.created,
        updated: row.updated,
        by: row.lease.map(|lease| lease.holder.person.name).unwrap_or_default(),
        locks: row.locks,
    }
}

/// Returns what of a run is in doubt, and whether its engine waits for a person. A run that can't be read is listed all
/// the same: `status` tells why.
fn looked_into(store: &Store, row: &RunRow, alive: bool) -> (Vec<String>, bool) {
    if matches!(row.status, RunStatus::Succeeded | RunStatus::RolledBack) {
        return Default::default();
    }
    let Ok(Read { graph, state, .. }) = stores::load(store, &row.id) else { return Default::default() };
    let standing = |at| Standing::of(&graph, &state, at, alive);
    let doubts = || state.instances().filter(|(at, _)| standing(*at) == Standing::InDoubt);
    let in_doubt = doubts().map(|(at, _)| state.name(&graph, at)).collect();
    (if alive { Vec::new() } else { in_doubt }, alive && stores::asks(&state, &graph))
}
