//! Approvals that guard nothing: the changes do not wait for the answer, or were made before the question. (RB0411)

use std::collections::{HashMap, HashSet};

use super::super::context::Context;
use super::changing;
use crate::diag::{Code, Diagnostic};
use crate::model::{Action, Approve, Effect, OnFailure, Runbook, Step};

/// Tells the approvals for which nothing that changes anything waits.
///
/// An approval that comes last is a habit where a "no" rolls back something of what was done, or where somebody's answers are used;
/// these are left alone. So is a sign-off: its question shows what the change came to, so it can't be asked before, or
/// every change was asked about already.
pub(super) fn runbook(cx: &mut Context<'_>, runbook: &Runbook) {
    let asks = |step: &Step| matches!(step.body.action, Action::Approve(_));
    let changes: Vec<&Step> = runbook.steps.iter().filter(|step| acts(step)).collect();
    // What a step does that could not be read is anybody's guess.
    let unread = runbook.steps.iter().any(|step| matches!(step.body.action, Action::Nothing));
    if unread || changes.is_empty() || !runbook.steps.iter().any(asks) {
        return;
    }
    let mut later: HashSet<&str> = HashSet::new();
    // From the end: what a changing step needs is waited for, and so on. `needs` may name later steps, so until nothing
    // is added any more.
    let mut open: Vec<&Step> = changes.clone();
    let by_id: HashMap<&str, &Step> = runbook.steps.iter().map(|step| (step.id.as_str(), step)).collect();
    while let Some(step) = open.pop() {
        for need in &step.needs {
            if later.insert(need) {
                open.extend(by_id.get(need.as_str()));
            }
        }
    }
    for step in runbook.steps.iter().filter(|step| asks(step) && !later.contains(step.id.as_str())) {
        let Action::Approve(approve) = &step.body.action else { continue };
        let before = before(step, &by_id);
        let done = || changes.iter().filter(|change| before.contains(change.id.as_str()));
        // A "no" that rolls back where nothing can be undone is a word only.
        let rolls_back = step.on_failure.unwrap_or(runbook.on_failure) == OnFailure::Rollback
            && match done().next() {
                Some(_) => done().any(|change| undone(change)),
                None => changes.iter().any(|change| undone(change)),
            };
        if rolls_back || !approve.ask.is_empty() {
            continue;
        }
        // What the engine changes says more than what a person is asked to do.
        let command = |change: &&&Step| matches!(change.body.action, Action::Command(_));
        let first = done().find(command).or_else(|| done().next());
        if first.is_some()
            && (shows_what_came(cx, approve, &changes, &before, &by_id) || all_asked(done(), &by_id))
        {
            continue;
        }
        let diagnostic = match first {
            Some(change) => Diagnostic::new(
                Code::GuardsNothing,
                format!("`{}` asks when `{}` has changed something already", step.id, change.id),
            )
            .at(step.at, "no step that changes anything waits for the answer")
            .also(change.at, "done before it asks")
            .help(match undone(change) {
                true => {
                    format!("move it before `{}`; or undo on a \"no\": `on_failure: rollback`", change.id)
                }
                false => format!("move it before `{}`, which nothing undoes", change.id),
            }),
            None => Diagnostic::new(
                Code::GuardsNothing,
                format!("no step that changes anything waits for the answer of `{}`", step.id),
            )
            .at(step.at, "")
            .also(changes[0].at, "does not wait for it")
            .help(format!("let the step that it guards need it: `needs: [{}]`", step.id)),
        };
        cx.report.push(diagnostic);
    }
}

/// Says whether the question shows what was found after a change: it could not be asked before.
fn shows_what_came(
    cx: &Context<'_>,
    of: &Approve,
    changes: &[&Step],
    before_it: &HashSet<&str>,
    by_id: &HashMap<&str, &Step>,
) -> bool {
    let uses = cx.engine.check_text(&of.prompt.src).unwrap_or_default();
    let mut shown = uses.paths.iter().filter(|used| used.path[0] == "steps").filter_map(|used| {
        let (id, step) = by_id.get_key_value(used.path.get(1)?.as_str())?;
        before_it.contains(id).then_some(*step)
    });
    shown.any(|step| {
        let earlier = before(step, by_id);
        acts(step) || changes.iter().any(|change| earlier.contains(change.id.as_str()))
    })
}

/// Says whether each of these steps waits for an approval of its own.
fn all_asked<'r>(
    mut changes: impl Iterator<Item = &'r &'r Step>,
    by_id: &HashMap<&'r str, &'r Step>,
) -> bool {
    changes.all(|change| {
        let earlier = before(change, by_id);
        earlier
            .iter()
            .any(|id| by_id.get(id).is_some_and(|step| matches!(step.body.action, Action::Approve(_))))
    })
}

/// Says whether a step changes something, or lets somebody change it.
fn acts(step: &Step) -> bool {
    match &step.body.action {
        Action::Command(command) => {
            step.body.effect == Effect::Change || changing::verb(&command.line).is_some()
        }
        Action::Manual(_) | Action::Runbook { .. } => true,
        Action::Nothing | Action::Gate(_) | Action::Approve(_) | Action::Wait(_) => false,
    }
}

/// Says whether something of a step can be undone; of a runbook that it brings in, its own steps say.
fn undone(step: &Step) -> bool {
    step.body.rollback.is_some() || matches!(step.body.action, Action::Runbook { .. })
}

fn before<'r>(step: &'r Step, by_id: &HashMap<&'r str, &'r Step>) -> HashSet<&'r str> {
    let mut found = HashSet::new();
    let mut open = vec![step];
    while let Some(step) = open.pop() {
        for need in &step.needs {
            if found.insert(need.as_str()) {
                open.extend(by_id.get(need.as_str()));
            }
        }
    }
    found
}
