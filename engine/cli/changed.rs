//! What changed since a run was started, told before it goes on or back.

use serde_json::{Value, json};

use super::args::Form;
use super::console::{Console, count, exact};
use super::error::CliError;
use super::settings::Settings;
use crate::journal::RunId;
use crate::load::{
    Bound, Change, Changed, Given, Inputs, NotAgain, ValueChange, ValueKind, again, bind, changed,
};
use crate::machine::State;
use crate::model::Snapshot;
use crate::report::Role;
use crate::template::Engine;

/// How many steps, and how many values, are told one by one.
const TOLD: usize = 12;

/// Where the run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Forwards, as it was started.
    On,
    /// Backwards.
    Back,
}

/// Tells what changed in the files since the run was started, and that it goes on as it was started. Says nothing when
/// nothing changed.
///
/// # Errors
///
/// [`CliError::Closed`] when nobody reads stdout any more.
pub fn since(
    run: &RunId,
    snapshot: &Snapshot,
    state: &State,
    way: Way,
    settings: &Settings,
    console: Console,
) -> Result<(), CliError> {
    let as_started = match way {
        Way::On => "the run goes on as it was started",
        Way::Back => "the run is undone as it was started",
    };
    match look(snapshot) {
        Ok(found) if found.is_empty() => Ok(()),
        Ok(found) => {
            let path = snapshot.sources.first().map(|source| source.path.as_str()).unwrap_or_default();
            let head = format!("{} changed since the start; {as_started}:", exact(path));
            console.say(&console.err.paint(Role::Person, &head));
            console.say(&lines(&found, state));
            if way == Way::On {
                let program = settings.program();
                console.say(&format!("to take it for what has not begun: {program} resume {run} --latest"));
            }
            machine(run, json!(found), settings, console)
        }
        Err((path, why)) => {
            let told = format!("{} {why}; {as_started}", exact(&path));
            console.say(&console.err.paint(Role::Person, &told));
            machine(run, json!({ "unread": { "path": path, "why": why } }), settings, console)
        }
    }
}

/// Writes the difference for programs.
pub fn machine(run: &RunId, what: Value, settings: &Settings, console: Console) -> Result<(), CliError> {
    if settings.form != Form::Json {
        return Ok(());
    }
    let line = json!({ "version": 1, "run": run.as_str(), "changed": what });
    console.print(&format!("{line}\n"))
}

/// Returns what differs between the run's snapshot and its files now, or the file that can't be used and why.
fn look(snapshot: &Snapshot) -> Result<Changed, (String, String)> {
    let found = again(snapshot).map_err(|error: NotAgain| (error.path().to_owned(), error.told()))?;
    let path = snapshot.sources.first().map(|source| source.path.clone()).unwrap_or_default();
    let inputs = Inputs::again(&found.runbook.vars, snapshot, &Given::default(), &found.project.root, false);
    let mut sources = found.sources;
    let bound = bind(found.runbook, &mut sources, inputs, &found.project, &Engine::new());
    match bound {
        Ok(Bound { snapshot: now, .. }) => Ok(changed(snapshot, &now)),
        Err(report) => {
            let first = report.iter().next().map(|first| first.message.clone()).unwrap_or_default();
            Err((path, format!("holds a mistake now: {}", exact(&first))))
        }
    }
}

/// Returns the differences, one a line.
pub fn lines(changed: &Changed, state: &State) -> String {
    let mut lines = Vec::new();
    for one in changed.steps.iter().take(TOLD) {
        let what = match one.change {
            Change::Added => "added".to_owned(),
            Change::Removed => "removed".to_owned(),
            Change::Changed => format!("{} changed", one.keys.join(", ")),
        };
        let begun = if has_begun(state, &one.step) { " (it has begun)" } else { "" };
        lines.push(format!("  {}: {what}{begun}", exact(&one.step)));
    }
    lines.extend(rest(changed.steps.len(), "step"));
    lines.extend(changed.values.iter().take(TOLD).map(value));
    lines.extend(rest(changed.values.len(), "value"));
    if !changed.settings.is_empty() {
        lines.push(format!("  of the runbook: {} changed", exact(&changed.settings.join(", "))));
    }
    lines.join("\n")
}

fn rest(all: usize, noun: &str) -> Option<String> {
    let rest = all.saturating_sub(TOLD);
    (rest > 0).then(|| format!("  and {} more", count(rest, noun)))
}

fn value(one: &ValueChange) -> String {
    let kind = match one.kind {
        ValueKind::Var => "var",
        ValueKind::Data => "data",
        ValueKind::Let => "let",
    };
    let mut text = format!("  {kind} {}", exact(&one.name));
    match one.change {
        Change::Added => text.push_str(": added"),
        Change::Removed => text.push_str(": removed"),
        Change::Changed => {
            let places: Vec<String> = one
                .places
                .iter()
                .map(|at| {
                    let path =
                        if at.path.is_empty() { String::new() } else { format!("{} ", exact(&at.path)) };
                    match (&at.then, &at.now) {
                        (None, Some(now)) => format!("{path}{} added", exact(now)),
                        (Some(then), None) => format!("{path}{} removed", exact(then)),
                        (then, now) => format!(
                            "{path}{} → {}",
                            exact(then.as_deref().unwrap_or_default()),
                            exact(now.as_deref().unwrap_or_default())
                        ),
                    }
                })
                .collect();
            text.push_str(&format!(": {}", places.join(", ")));
            if one.more > 0 {
                text.push_str(&format!(", and {} more", one.more));
            }
        }
    }
    text
}

fn has_begun(state: &State, step: &str) -> bool {
    use crate::machine::Progress;
    let Some(node) = state.node(step) else { return false };
    state.nodes[node as usize]
        .instances
        .iter()
        .any(|one| !matches!(one.progress, Progress::Waiting | Progress::Ready))
}
