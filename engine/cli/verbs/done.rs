//! `runbook done`: says that a manual step is done, from any terminal.

use crate::cli::args::Done;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::gather::left;
use crate::cli::people::introduced;
use crate::cli::settings::Settings;
use crate::cli::terminal::Terminal;
use crate::cli::{prompt, stores, waiting};
use crate::driver::now;
use crate::journal::Ask;
use crate::machine::Question;
use crate::template::quote_word;

/// Puts the answer into the run's inbox, where whoever drives the run finds it.
///
/// # Errors
///
/// When the step does not wait for somebody to do it, and when there is no note.
pub fn run(done: &Done, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let store = stores::existing_with(settings, Some(&done.run))?;
    let run = stores::meant(&store, Some(&done.run), console)?.id;
    let by = settings.person("command");
    let question = waiting::find(&store, &run, &done.step, &by)?;
    let asked = &question.asked;
    if asked.question != Question::Manual {
        let message =
            format!("`{}` of run {run} asks for a decision: there is nothing to be done", asked.step);
        let hint = format!("say yes or no: `runbook approve {run} {} [--reject]`", quote_word(&asked.step));
        return Err(CliError::usage_with(message, hint));
    }
    console.say(introduced(asked, console).trim_matches('\n'));
    let given = done.note.as_deref().map(str::trim).filter(|note| !note.is_empty()).map(str::to_owned);
    let mut terminal = if settings.can_ask() { Terminal::open() } else { None };
    let note = match (given, &mut terminal) {
        (Some(note), _) => Some(note),
        (None, Some(terminal)) => prompt::text("What was done? ", terminal).map_err(left)?,
        (None, None) => None,
    };
    if note.is_none() {
        let message = format!("`{}` wants a note: what was done", asked.step);
        return Err(CliError::usage_with(message, "add --note TEXT; it is kept in the journal"));
    }
    store.post(&run, now(), &by, &Ask::Done { step: asked.step.clone(), note })?;
    question.told("done", settings, console);
    Ok(Exit::Good)
}
