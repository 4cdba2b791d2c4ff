//! `runbook approve`: answers a step that waits for a person, from any terminal.

use crate::cli::args::Approve;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::settings::Settings;
use crate::cli::stores::{self, Read};
use crate::diag::near;
use crate::driver::now;
use crate::journal::Ask;
use crate::machine::Progress;
use crate::model::Map;

/// Puts the answer into the run's inbox, where whoever drives the run finds it.
///
/// # Errors
///
/// When the run or the step does not wait for anybody.
pub fn run(approve: &Approve, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let store = stores::existing(settings)?;
    let run = stores::meant(&store, Some(&approve.run), console)?.id;
    let Read { graph, state, alive, .. } = stores::load(&store, &run)?;
    let waiting: Vec<String> = state
        .instances()
        .filter(|(_, instance)| matches!(instance.progress, Progress::Asking(_)) && instance.answer.is_none())
        .map(|(at, _)| state.name(&graph, at))
        .collect();
    if !waiting.contains(&approve.step) {
        return Err(not_waiting(run.as_str(), &approve.step, &waiting));
    }
    let by = settings.person("command");
    let ask = Ask::Approve {
        step: approve.step.clone(),
        yes: !approve.reject,
        note: approve.note.clone(),
        answers: Map::new(),
    };
    store.post(&run, now(), &by, &ask)?;
    let word = if approve.reject { "rejected" } else { "approved" };
    console.say(&match alive {
        true => format!("{}: {word}; run {run} goes on with it", approve.step),
        false => {
            let program = settings.program();
            format!("{}: {word}; go on with `{program} resume {run}`", approve.step)
        }
    });
    Ok(Exit::Good)
}

fn not_waiting(run: &str, step: &str, waiting: &[String]) -> CliError {
    let message = format!("`{step}` of run {run} waits for nobody");
    match (near(step, waiting.iter().map(String::as_str)), waiting) {
        (Some(meant), _) => CliError::usage_with(message, format!("did you mean `{meant}`?")),
        (None, []) => CliError::usage_with(message, format!("nothing of it does: `runbook status {run}`")),
        (None, some) => CliError::usage_with(message, format!("these wait: {}", some.join(", "))),
    }
}
