//! `resume --latest` and `resume --var`: what has not begun is taken anew, and it is shown what that means.

use std::sync::Arc;

use serde_json::json;

use super::args::Resume;
use super::changed::{lines, machine};
use super::console::{Console, exact};
use super::error::CliError;
use super::gather::{left, run_commands, secrets_again};
use super::prompt;
use super::settings::Settings;
use super::terminal::Dialogue;
use super::tools;
use crate::driver::Renewal;
use crate::journal::Stored;
use crate::load::{Again, Bound, Changed, Given, Inputs, NotAgain, again, bind, changed, rebind};
use crate::machine::{NotRenewed, Renewed, State, renew};
use crate::model::{Secrets, Snapshot};
use crate::report::Role;
use crate::template::Engine;

/// Returns the secrets' values and the snapshot that the run goes on with; none when nothing would be another.
///
/// # Errors
///
/// Mistakes in the file or the vars; every reason why the run can't take it; a person who left at a prompt.
pub fn anew(
    resume: &Resume,
    stored: &Stored,
    state: &State,
    ask: Option<&mut dyn Dialogue>,
    settings: &Settings,
    console: Console,
) -> Result<(Secrets, Option<Renewal>), CliError> {
    let then = &stored.snapshot;
    let engine = Engine::new();
    let Bound { snapshot: now, mut secrets, .. } = bound(resume, then, ask, &engine, settings, console)?;
    if state.then_rollback && resume.retry.is_empty() && resume.skip.is_empty() && resume.done.is_empty() {
        let message = "a step failed whose failure rolls the run back, so nothing of it begins any more";
        let hint = "to go on all the same, say what becomes of the step: --retry, --skip or --done STEP";
        return Err(CliError::usage_with(message, hint));
    }
    let events = stored.records.iter().map(|record| &record.event);
    let renewed = renew(&engine, then, &now, events).map_err(|faults| refused(resume, &faults, stored))?;
    let Renewed { snapshot, kept, late } = renewed;
    let found = changed(then, &snapshot);
    tell(stored, &found, &kept, &late, state, settings, console)?;
    if found.is_empty() {
        return Ok((secrets, None));
    }
    let only = state.opened.as_ref().map(|opened| opened.options.only.as_slice()).unwrap_or_default();
    let snapshot = Arc::new(snapshot);
    tools::look(&snapshot, only, settings)?;
    let snapshot = Arc::unwrap_or_clone(snapshot);
    // What only begun steps read is not in the new file, and must be given again all the same.
    let names = snapshot.secrets.iter().filter(|name| secrets.reveal(name).is_none()).cloned().collect();
    let rest = secrets_again(&Snapshot { secrets: names, ..snapshot.clone() }, None, settings, console)?;
    rest.named().for_each(|(name, value)| secrets.insert(name, value));
    let changes = lines(&found, state).lines().map(|line| line.trim().to_owned()).collect();
    let events = stored.records.last().map_or(0, |record| record.seq);
    Ok((secrets, Some(Renewal { snapshot, events, changes })))
}

/// Binds the new file, or the run's own runbook, to the run's vars and what is given now.
fn bound(
    resume: &Resume,
    then: &Snapshot,
    ask: Option<&mut dyn Dialogue>,
    engine: &Engine,
    settings: &Settings,
    console: Console,
) -> Result<Bound, CliError> {
    let env = settings.environment.vars.clone();
    let root = std::path::Path::new(&then.root);
    let given = Given { vars: resume.var.clone(), files: Vec::new(), env };
    let filled = |mut inputs: Inputs| -> Result<Inputs, CliError> {
        // Whoever made a mistake in what they gave will start again: what is missing is told then, with it.
        if let Some(to) = ask
            && !inputs.report().has_errors()
        {
            prompt::fill(&mut inputs, to, console.err).map_err(left)?;
        }
        run_commands(&mut inputs, root);
        Ok(inputs)
    };
    if !resume.latest {
        let inputs = filled(Inputs::again(&then.runbook.vars, then, &given, root, true))?;
        return rebind(then, inputs, engine)
            .map_err(|report| CliError::mistakes(report, then.sources.clone().into()));
    }
    let Again { runbook, mut sources, project, .. } = again(then).map_err(|error| match error {
        NotAgain::Gone(path) => {
            let message = format!("`{path}` is not there any more, so there is nothing to take");
            CliError::usage_with(message, "leave --latest out: the run goes on as it was started")
        }
        NotAgain::Wrong { report, sources, .. } => CliError::Mistakes { report, sources },
    })?;
    let inputs = Inputs::again(&runbook.vars, then, &given, root, true).of(&sources);
    bind(runbook, &mut sources, filled(inputs)?, &project, engine)
        .map_err(|report| CliError::mistakes(report, sources))
}

fn refused(resume: &Resume, faults: &[NotRenewed], stored: &Stored) -> CliError {
    let run = &stored.run.id;
    let what = if resume.latest { "the new file" } else { "the new value" };
    let message = match faults {
        [one] => format!("the run can't take {what}: {one}"),
        many => many
            .iter()
            .fold(format!("the run can't take {what}:"), |text, fault| format!("{text}\n  {fault}")),
    };
    let flag = if resume.latest { "--latest" } else { "--var" };
    let hint = format!(
        "without {flag} the run goes on as it was started; or undo it (`runbook rollback {run}`) and start it anew"
    );
    CliError::usage_with(message, hint)
}

/// Shows what the run goes on with.
fn tell(
    stored: &Stored,
    found: &Changed,
    kept: &[String],
    late: &[(String, String)],
    state: &State,
    settings: &Settings,
    console: Console,
) -> Result<(), CliError> {
    let mut text = Vec::new();
    if found.is_empty() {
        text.push(console.err.paint(Role::Quiet, "nothing is taken anew: the run goes on as it was started"));
    } else {
        text.push(console.err.paint(Role::Person, "taken anew, for what has not begun:"));
        text.push(lines(found, state));
    }
    for step in kept {
        text.push(format!("  {}: changed in the file, and stays as it was: it has begun", exact(step)));
    }
    for (step, before) in late {
        text.push(format!(
            "  {} comes before {} in the file, which has begun: it runs now, after it",
            exact(step),
            exact(before)
        ));
    }
    if !found.settings.is_empty() {
        text.push(
            "  the lock, on_failure, max_parallel, target and vars stay as the run was started; --var gives a var anew"
                .to_owned(),
        );
    }
    console.say(&text.join("\n"));
    machine(&stored.run.id, json!({ "taken": found, "kept": kept, "late": late }), settings, console)
}
