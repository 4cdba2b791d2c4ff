//! What keeps a run reversible.

use super::super::context::Context;
use crate::diag::{Code, Diagnostic};
use crate::model::{Action, Body, Effect, Place, Step, StepTemplate};

/// Checks that every changing step says how it is undone. (RB0401)
///
/// Steps of `finally` are left out: they run when the run is over, whichever way it went, and a rollback neither
/// reaches them nor ends before they have run.
pub(super) fn steps(cx: &mut Context<'_>, steps: &[Step]) {
    // A step with a template is as reversible as the template, which is checked where it stands.
    for step in steps.iter().filter(|step| step.binding.is_none()) {
        undoable(cx, &step.body, step.at, &format!("step `{}`", step.id));
    }
}

/// Checks that a changing template says how it is undone.
pub(super) fn template(cx: &mut Context<'_>, template: &StepTemplate) {
    undoable(cx, &template.body, template.at, &format!("the template `{}`", template.name));
}

fn undoable(cx: &mut Context<'_>, body: &Body, at: Place, what: &str) {
    let changes = body.effect == Effect::Change && matches!(body.action, Action::Command(_));
    if !changes || body.rollback.is_some() || body.irreversible.is_some() {
        return;
    }
    cx.report.push(
        Diagnostic::new(
            Code::NoRollback,
            format!("{what} changes something and does not say how to undo it"),
        )
        .at(at, "")
        .help(
            "add one of: `rollback: {run: …}`; `irreversible: why it can't be undone`; \
                 `effect: read` when it only looks",
        ),
    );
}
