//! Looks for the programs that a run needs, before it begins.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::error::CliError;
use super::settings::Settings;
use crate::diag::{Code, Diagnostic};
use crate::driver::{Wanted, preview};
use crate::exec::which;
use crate::model::{Action, Body, Command, Effect, Line, Runbook, Snapshot, Value};

/// Looks on the PATH for every program under `tools` of the steps that may run, and for those that are sure to run before
/// anything is changed. A name that is a template is left to the run.
///
/// # Errors
///
/// All that are missing, in one diagnostic.
pub fn look(snapshot: &Arc<Snapshot>, only: &[String], settings: &Settings) -> Result<(), CliError> {
    let preview = preview(snapshot);
    // Where its commands will be looked for.
    let path = match preview.run.environment.get("PATH").and_then(Value::as_str) {
        Some(path) => path.into(),
        None => settings.environment.path.clone().unwrap_or_default(),
    };
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let planned = preview.steps;
    let skipped: BTreeSet<&str> = planned
        .iter()
        .filter(|step| matches!(step.wanted, Wanted::No(_)))
        .map(|step| step.step.as_str())
        .collect();
    // What a skipped step would have brought in is not even planned.
    let shown: BTreeSet<&str> = planned.iter().map(|step| step.step.as_str()).collect();
    let unsure: BTreeSet<&str> = planned
        .iter()
        .filter(|step| matches!(step.wanted, Wanted::Unknown))
        .map(|step| step.step.as_str())
        .collect();
    let mut changed = false;
    let main = snapshot.runbook.steps.iter().filter(|step| only.is_empty() || only.contains(&step.id));
    for step in main.chain(&snapshot.runbook.finally).filter(|step| {
        !skipped.contains(step.id.as_str()) && (step.sub.is_none() || shown.contains(step.id.as_str()))
    }) {
        let named = step.body.tools.iter().map(String::as_str).filter(|tool| !tool.contains("{{"));
        // A step that changes something may install what a later one runs, so without `tools` a program counts as
        // missing only as long as nothing was changed.
        let sure = !changed && !unsure.contains(step.id.as_str());
        let first = sure.then(|| programs(&step.body)).into_iter().flatten();
        changed |= step.body.effect == Effect::Change;
        for tool in named.chain(first) {
            let told = missing.get(tool).is_some_and(|steps| steps.contains(&step.id.as_str()));
            if told {
                continue;
            }
            if missing.contains_key(tool) || which(tool, &path).is_none() {
                missing.entry(tool).or_default().push(&step.id);
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = missing.keys().map(|tool| format!("`{tool}`")).collect();
    let message = match names.as_slice() {
        [only] => format!("{only} is not installed"),
        all => format!("{} are not installed", all.join(", ")),
    };
    let mut diagnostic = Diagnostic::new(Code::MissingTool, message);
    for (tool, steps) in &missing {
        let shown = steps.iter().take(5).copied().collect::<Vec<_>>().join(", ");
        let more = if steps.len() > 5 { ", …" } else { "" };
        diagnostic = diagnostic.note(format!("`{tool}` is needed by {shown}{more}"));
    }
    let diagnostic =
        diagnostic.help("install what is missing, or put its folder on the PATH; nothing was run");
    Err(CliError::mistakes(diagnostic.into(), snapshot.sources.clone().into()))
}

/// Returns a note about the programs that a runbook needs and this machine does not have. It is no mistake of the file:
/// who checks runbooks is often not who runs them.
pub fn not_here(runbook: &Runbook, settings: &Settings) -> Option<Diagnostic> {
    let path = settings.environment.path.clone().unwrap_or_default();
    let mut missing: BTreeMap<&str, &str> = BTreeMap::new();
    let mut changed = false;
    for step in runbook.steps.iter().chain(&runbook.finally) {
        let named = step.body.tools.iter().map(String::as_str).filter(|tool| !tool.contains("{{"));
        // As before a run: a step that changes something may install what a later one runs.
        let first = (!changed).then(|| programs(&step.body)).into_iter().flatten();
        changed |= step.body.effect == Effect::Change;
        for tool in named.chain(first) {
            if !missing.contains_key(tool) && which(tool, &path).is_none() {
                missing.insert(tool, &step.id);
            }
        }
    }
    let names: Vec<String> = missing.keys().map(|tool| format!("`{tool}`")).collect();
    if names.is_empty() {
        return None;
    }
    let is = if names.len() == 1 { "is" } else { "are" };
    let message = format!(
        "{} {is} not installed here, and `{}` needs {}",
        names.join(", "),
        runbook.name,
        match names.len() {
            1 => "it",
            _ => "them",
        }
    );
    let told = missing.iter().map(|(tool, step)| format!("`{tool}` is needed by {step}"));
    Some(told.fold(Diagnostic::new(Code::ToolNotHere, message), Diagnostic::note))
}

/// Returns the programs that the commands of a step begin with, as far as they stand on the PATH of this process.
fn programs(body: &Body) -> Vec<&str> {
    let mut commands: Vec<&Command> = Vec::new();
    commands.extend(body.check.iter().map(|gate| &gate.command));
    commands.extend(body.capture.iter().map(|capture| &capture.command));
    match &body.action {
        Action::Command(command) => commands.push(command),
        Action::Gate(gate) => commands.push(&gate.command),
        _ => {}
    }
    commands
        .into_iter()
        .filter(|command| !command.env.iter().any(|(name, _)| name == "PATH"))
        .filter_map(|command| match &command.line {
            Line::Words(words) | Line::List(words) => words.first(),
            Line::Shell(_) => None,
        })
        .filter(|program| program.is_literal() && !program.src.is_empty() && !program.src.contains('/'))
        .map(|program| program.src.as_str())
        .collect()
}
