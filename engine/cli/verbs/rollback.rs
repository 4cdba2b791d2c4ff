//! `runbook rollback`: shows what will be undone, asks, and undoes it.

use crate::cli::args::Rollback;
use crate::cli::changed::{self, Way};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::{Asked, Exit};
use crate::cli::gather::{left, secrets_again};
use crate::cli::people::AtTerminal;
use crate::cli::prompt::{Before, yes_after};
use crate::cli::settings::Settings;
use crate::cli::stores::{self, Read};
use crate::cli::terminal::{Dialogue, Terminal};
use crate::cli::verbs::exec::recorder;
use crate::cli::{past, steps, undoing, view};
use crate::driver::{self, Outliving, Surroundings, undo_plan};
use crate::machine::UndoResult;
use crate::template::quote_word;

/// Rolls a run back.
///
/// # Errors
///
/// Whatever keeps it from beginning: nothing was run and nothing was written then.
pub fn run(rollback: &Rollback, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let store = stores::existing_with(settings, rollback.run.as_deref())?;
    let run = stores::meant_to_undo(&store, rollback.run.as_deref(), console)?.id;
    // First: a plan made of altered events must not be shown.
    store.verify_chain(&run)?;
    let Read { stored, state, graph, .. } = stores::load(&store, &run)?;
    if stored.snapshot.tape.is_some() && rollback.record.is_some() {
        let message = format!("run {run} is a rehearsal: what it plays is on its tape already");
        return Err(CliError::usage_with(message, "type the same without --record"));
    }
    steps::exist("--approve", &rollback.approve, &stored.snapshot.runbook, true)?;
    let plan = undo_plan(&stored, rollback.to.as_deref())?;
    if let Some(to) = &rollback.to
        && plan.is_empty()
        && (state.find(to).is_some() || state.node(to).is_some())
    {
        // Otherwise the run would count as rolled back though nothing was.
        let message = format!("`{to}` changed nothing in run {run} that is not undone");
        let hint = format!("`runbook rollback {run}` shows what there is to undo, and asks first");
        return Err(CliError::usage_with(message, hint));
    }
    let mut shown = String::new();
    if !plan.is_empty() {
        changed::since(&run, &stored.snapshot, &state, Way::Back, settings, console)?;
        let planned = |name: &String| plan.iter().any(|undo| undo.step == *name);
        let kept: Vec<String> = state
            .touched
            .iter()
            .filter(|&&at| !state.at(at).undo.as_ref().is_some_and(UndoResult::releases))
            .map(|&at| state.name(&graph, at))
            .filter(|name| !planned(name))
            .collect();
        shown = undoing::shown(run.as_str(), &plan, &kept, console);
        console.say(&shown);
    }
    let mut terminal = if settings.can_ask() { Terminal::open() } else { None };
    if !rollback.yes && !plan.is_empty() {
        let program = settings.program();
        let to = rollback.to.as_ref().map(|to| format!(" --to {}", quote_word(to))).unwrap_or_default();
        let hint = format!("add --yes to begin without asking: {program} rollback {run}{to} --yes");
        let no = |message: &str, hint: String| CliError::NotConfirmed { message: message.to_owned(), hint };
        let Some(terminal) = &mut terminal else {
            return Err(no("a rollback is confirmed at a terminal, and there is none", hint));
        };
        // Who was asked and said no is not told how to do it without being asked.
        let before = Before::of(format!("{shown}\n"), format!("roll back run {run}"));
        before.tell(terminal);
        if yes_after(&before, "Undo this?", terminal).map_err(left)? != Some(true) {
            let again = format!("the run stands as it did; `{program} status {run}` shows it");
            return Err(no("not confirmed: nothing was undone", again));
        }
    }
    let ask = terminal.as_mut().map(|terminal| terminal as &mut dyn Dialogue);
    let secrets = secrets_again(&stored.snapshot, ask, settings, console)?;
    let by = settings.person(settings.via());
    let recorder = recorder(rollback.record.as_deref(), &stored.run.runbook, Some(run.as_str()), settings)?;
    let rehearses = stored.snapshot.tape.is_some();
    let mut view = view::with_listeners(view::of(settings), settings, console, &secrets, rehearses);
    past::tell(view.as_mut(), &store, &stored.run.runbook, Some(stored.run.id.as_str()), settings);
    let around = Surroundings {
        script: None,
        program: settings.program(),
        store: &store,
        reporter: view.as_mut(),
        people: terminal
            .map(|terminal| Box::new(AtTerminal::new(terminal, console)) as Box<dyn driver::People>),
        approvals: rollback.approve.iter().cloned().collect(),
        wait: false,
        recorder,
    };
    let to = rollback.to.clone();
    let outliving = Outliving { stop: rollback.stop_running, assume_ended: rollback.assume_ended };
    let closed = driver::rollback(driver::Rollback { run, by, to, secrets, outliving }, around)?;
    Ok(Exit::of(&closed, Asked::Back))
}
