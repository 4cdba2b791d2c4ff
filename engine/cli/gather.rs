//! From a runbook and what was given to what can be started: inputs gathered, missing ones asked for, all bound.

use std::io;
use std::path::Path;

use super::args::Vars;
use super::book::{Book, Books};
use super::console::Console;
use super::error::CliError;
use super::prompt;
use super::settings::Settings;
use super::terminal::Dialogue;
use crate::driver::secret_of_command;
use crate::load::{Bound, Given, Inputs, SecretCommand, bind};
use crate::model::{Kind, Secrets, Snapshot};
use crate::template::Engine;

/// Who gives what is missing.
pub enum Missing<'a> {
    /// Nobody: it is a mistake.
    Mistake,
    /// The person at the terminal.
    Ask(&'a mut dyn Dialogue),
    /// As [`Missing::Ask`] for what is no secret; a missing secret is no mistake, as for [`Missing::StandIn`].
    AskAndStandIn(&'a mut dyn Dialogue),
    /// Nobody, and a missing secret is no mistake: nothing is run, and no secret is ever shown.
    StandIn,
}

/// Binds a runbook to its inputs. Everything that is wrong with them is told at once.
///
/// # Errors
///
/// The mistakes; a person who left at a prompt.
pub fn gather(
    book: Book,
    books: &Books,
    vars: &Vars,
    missing: Missing<'_>,
    settings: &Settings,
    console: Console,
) -> Result<Bound, CliError> {
    let Book { runbook, mut sources, warnings, entry } = book;
    console.warnings(&warnings, &entry.name, &settings.program_here());
    tracing::debug!(name = entry.name, "its inputs are gathered");
    let given = Given {
        vars: vars.var.clone(),
        files: vars.vars_file.iter().map(|path| settings.typed(path)).collect(),
        env: settings.environment.vars.clone(),
    };
    let mut inputs = Inputs::gather(&runbook.vars, &given, &books.project.root, &mut sources);
    match missing {
        // Whoever made a mistake in what they gave will start again: what is missing is told then, with it.
        Missing::Ask(to) if !inputs.report().has_errors() => {
            prompt::fill(&mut inputs, to, console.err).map_err(left)?;
        }
        Missing::AskAndStandIn(to) => {
            stand_in(&mut inputs);
            if !inputs.report().has_errors() {
                prompt::fill(&mut inputs, to, console.err).map_err(left)?;
            }
        }
        Missing::StandIn => stand_in(&mut inputs),
        Missing::Ask(_) | Missing::Mistake => {}
    }
    run_commands(&mut inputs, &books.project.root);
    let bound = bind(runbook, &mut sources, inputs, &books.project, &Engine::new());
    let bound = bound.map_err(|report| CliError::mistakes(report, std::mem::take(&mut sources)))?;
    console.diagnostics(&bound.warnings, &sources);
    Ok(bound)
}

/// Gathers the values of a stored run's secrets again: they are in no journal.
///
/// # Errors
///
/// The secrets that can't be had; a person who left at a prompt.
pub fn secrets_again(
    snapshot: &Snapshot,
    ask: Option<&mut dyn Dialogue>,
    settings: &Settings,
    console: Console,
) -> Result<Secrets, CliError> {
    if snapshot.tape.is_some() {
        // Nothing is run that could be given one.
        let mut made_up = Secrets::default();
        snapshot.secrets.iter().for_each(|name| made_up.insert(name, NOBODY_SEES_THIS));
        return Ok(made_up);
    }
    let (vars, names) = (&snapshot.runbook.vars, &snapshot.secrets);
    let root = Path::new(&snapshot.root);
    let mut inputs = Inputs::secrets_again(vars, names, &settings.environment.vars, root);
    if let Some(to) = ask
        && !inputs.report().has_errors()
    {
        prompt::fill(&mut inputs, to, console.err).map_err(left)?;
    }
    run_commands(&mut inputs, root);
    let settled = inputs.settle();
    settled
        .map(|settled| settled.secrets)
        .map_err(|report| CliError::mistakes(report, snapshot.sources.clone().into()))
}

/// Has the secrets printed that come from commands, one after the other: a password manager that is asked twice at once
/// may ask its owner twice. None is run when something is wrong or missing already, since nothing will come of it.
pub(super) fn run_commands(inputs: &mut Inputs, root: &Path) {
    for SecretCommand { name, words } in inputs.commands().to_vec() {
        if inputs.report().has_errors() || !inputs.missing().is_empty() {
            return;
        }
        let printed = secret_of_command(&words, root, inputs.known_secrets());
        let taken = printed.and_then(|text| {
            inputs.hand_in(&name, &text).map_err(|misfit| format!("what it printed {}", misfit.message))
        });
        if let Err(why) = taken {
            inputs.command_failed(&name, &why);
        }
    }
}

/// What stands in for a secret that was not given.
const NOBODY_SEES_THIS: &str = "secret not given";

/// Returns the secrets that were given: without those for which only some text stands in.
pub(super) fn given(secrets: &Secrets) -> Secrets {
    let mut given = Secrets::default();
    for (name, value) in secrets.named().filter(|(_, value)| *value != NOBODY_SEES_THIS) {
        given.insert(name, value);
    }
    given
}

/// Gives every secret that is not at hand some text: a plan shows secrets as `•••`, whatever they hold.
pub(super) fn stand_in(inputs: &mut Inputs) {
    let missing: Vec<String> = inputs
        .missing()
        .iter()
        .filter(|input| input.ty.kind == Kind::Secret)
        .map(|input| input.name.clone())
        .chain(inputs.commands().iter().map(|command| command.name.clone()))
        .collect();
    for name in missing {
        // Long enough for every secret; one that refuses it all the same is told as missing.
        let _ = inputs.answer(&name, NOBODY_SEES_THIS).and_then(|()| inputs.hand_in(&name, NOBODY_SEES_THIS));
    }
}

/// Returns what it means that a prompt failed.
pub fn left(error: io::Error) -> CliError {
    match error.kind() {
        io::ErrorKind::Interrupted => CliError::Left,
        _ => CliError::Write(error),
    }
}
