//! `runbook rollback`: shows what will be undone, asks, and undoes it.

use crate::cli::args::Rollback;
use crate::cli::console::{Console, one_line};
use crate::cli::error::CliError;
use crate::cli::exit::{Asked, Exit};
use crate::cli::gather::{left, secrets_again};
use crate::cli::people::AtTerminal;
use crate::cli::prompt::yes;
use crate::cli::settings::Settings;
use crate::cli::stores::{self, Read};
use crate::cli::terminal::{Dialogue, Terminal};
use crate::cli::{steps, view};
use crate::driver::{self, Surroundings, undo_plan};
use crate::report::Role;
use crate::template::quote_word;

/// Rolls a run back.
///
/// # Errors
///
/// Whatever keeps it from beginning: nothing was run and nothing was written then.
pub fn run(rollback: &Rollback, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let store = stores::existing(settings)?;
    let run = stores::meant_to_undo(&store, rollback.run.as_deref(), console)?.id;
    let Read { stored, state, .. } = stores::load(&store, &run)?;
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
    if !plan.is_empty() {
        console.say(&shown(run.as_str(), &plan, console));
    }
    let mut terminal = if settings.can_ask() { Terminal::open() } else { None };
    if !rollback.yes && !plan.is_empty() {
        let program = settings.program();
        let to = rollback.to.as_ref().map(|to| format!(" --to {}", quote_word(to))).unwrap_or_default();
        let hint = format!("add --yes to begin without asking: {program} rollback {run}{to} --yes");
        let no = |message: &str| CliError::NotConfirmed { message: message.to_owned(), hint: hint.clone() };
        let Some(terminal) = &mut terminal else {
            return Err(no("a rollback is confirmed at a terminal, and there is none"));
        };
        if yes("Undo this?", terminal).map_err(left)? != Some(true) {
            return Err(no("not confirmed: nothing was undone"));
        }
    }
    let ask = terminal.as_mut().map(|terminal| terminal as &mut dyn Dialogue);
    let secrets = secrets_again(&stored.snapshot, ask, settings, console)?;
    let by = settings.person(settings.via());
    let mut view = view::of(settings);
    let around = Surroundings {
        program: settings.program(),
        store: &store,
        reporter: view.as_mut(),
        people: terminal
            .map(|terminal| Box::new(AtTerminal::new(terminal, console)) as Box<dyn driver::People>),
        approvals: rollback.approve.iter().cloned().collect(),
        wait: false,
    };
    let to = rollback.to.clone();
    let closed = driver::rollback(driver::Rollback { run, by, to, secrets }, around)?;
    Ok(Exit::of(&closed, Asked::Back))
}

/// Returns the undo of each step, the first to be undone first.
fn shown(run: &str, plan: &[(String, Result<String, String>)], console: Console) -> String {
    let paint = console.err;
    let mut text = format!("To be undone of run {run}, the last begun first:");
    for (step, undo) in plan {
        let undo = match undo {
            Ok(command) => paint.clean(command),
            Err(why) => paint.paint(Role::Person, &format!("can't be undone: {}", one_line(why))),
        };
        text.push_str(&format!("\n  {}  {undo}", paint.paint(Role::Strong, &one_line(step))));
    }
    text
}
