//! What keeps a run reversible, and its gates worth their name.

use super::super::context::Context;
use super::{changing, gates, times};
use crate::diag::{Code, Diagnostic};
use crate::model::{
    Action, Body, Command, Effect, Gate, Line, NativePreview, OnInterrupt, Place, Retry, Step, StepTemplate,
};
use crate::template::{Scope, Truth, Value};

/// Checks the steps of a runbook. `finally` need not be reversible: its steps run when the run is over, whichever way
/// it went, and a rollback neither reaches them nor ends before they have run.
pub(super) fn steps(cx: &mut Context<'_>, steps: &[Step], finally: bool) {
    for step in steps {
        let what = format!("step `{}`", step.id);
        // A step with a template is as reversible as the template, which is checked where it stands.
        if step.binding.is_none() {
            body(cx, &step.body, step.at, &what, !finally);
        }
        // Who says that resume may simply run it again has thought about it.
        if step.on_interrupt != Some(OnInterrupt::Rerun) {
            retried(cx, &step.body, step.retry.as_ref(), step.at, &what);
        }
        step.guard.iter().for_each(|guard| gate(cx, guard, "guard"));
    }
}

/// Checks a template.
pub(super) fn template(cx: &mut Context<'_>, template: &StepTemplate) {
    let what = format!("the template `{}`", template.name);
    body(cx, &template.body, template.at, &what, true);
    retried(cx, &template.body, template.body.retry.as_ref(), template.at, &what);
}

/// Checks a step that is tried again because the runbook's `defaults` say so, at `from`.
pub(in crate::load) fn default_retry(cx: &mut Context<'_>, step: &Step, from: Place) {
    if step.on_interrupt != Some(OnInterrupt::Rerun) {
        retried_by(cx, &step.body, step.retry.as_ref(), step.at, &format!("step `{}`", step.id), Some(from));
    }
}

fn body(cx: &mut Context<'_>, of: &Body, at: Place, what: &str, reversible: bool) {
    if reversible {
        undoable(cx, of, at, what);
    }
    if let (Some(undo), Some(reason)) = (&of.rollback, &of.irreversible) {
        // RB0409
        cx.report.push(
            Diagnostic::new(
                Code::TwoFates,
                format!("{what} has a `rollback` and says that it is irreversible"),
            )
            .at(reason.at, "why it can't be undone")
            .also(undo.command.at, "how it is undone")
            .help("keep one of them"),
        );
    }
    of.check.iter().for_each(|of| gate(cx, of, "check"));
    of.verify.iter().for_each(|of| gate(cx, of, "verify"));
    if let Some(undo) = &of.rollback {
        undo.verify.iter().for_each(|of| gate(cx, of, "verify"));
    }
    of.capture.iter().for_each(|capture| reads(cx, &capture.command, "a capture"));
    of.preview.iter().for_each(|preview| previews(cx, preview));
    match &of.action {
        Action::Gate(of) => gate(cx, of, "gate"),
        Action::Command(command) if of.effect == Effect::Read => {
            reads(cx, command, "a step with `effect: read`")
        }
        _ => {}
    }
}

// RB0401
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

fn gate(cx: &mut Context<'_>, of: &Gate, name: &str) {
    reads(cx, &of.command, "a gate");
    gates::answer(cx, of, name);
    times::gate(cx, of);
}

// RB0407
fn retried(cx: &mut Context<'_>, body: &Body, retry: Option<&Retry>, at: Place, what: &str) {
    retried_by(cx, body, retry, at, what, None);
}

fn retried_by(
    cx: &mut Context<'_>,
    body: &Body,
    retry: Option<&Retry>,
    at: Place,
    what: &str,
    default: Option<Place>,
) {
    // So has who says when it is tried again.
    let again = retry.is_some_and(|retry| retry.attempts > 1 && retry.when.is_none());
    let changes = body.effect == Effect::Change && matches!(body.action, Action::Command(_));
    if again && changes && !body.idempotent && body.on_interrupt != Some(OnInterrupt::Rerun) {
        let diagnostic = Diagnostic::new(
            Code::UnsafeRetry,
            format!("{what} is tried again, and is not said to be idempotent"),
        )
        .at(at, "");
        let diagnostic = match default {
            Some(place) => diagnostic.also(place, "because the defaults say so"),
            None => diagnostic,
        };
        cx.report.push(
            diagnostic
                .note("an attempt that timed out may have done its work")
                .help("add `idempotent: true` if doing it twice is as good as once; else say with `when` which failures \
                     are safe to try again"),
        );
    }
}

// RB0408, RB0511
fn previews(cx: &mut Context<'_>, of: &NativePreview) {
    reads(cx, &of.command, "a preview");
    let Some(changed) = &of.changed else { return };
    if cx.engine.check_expr(&changed.0.src).is_ok_and(|uses| uses.paths.is_empty()) {
        // RB0406 would say that a gate can't fail; what can't be told here is the difference.
        cx.report.push(
            Diagnostic::new(
                Code::PreviewTakesFailure,
                "this preview says the same whatever the command answers",
            )
            .at(changed.0.at, "")
            .help("ask the answer: `exit_code == 1`, `stdout != ''`; or leave `changed` out"),
        );
        return;
    }
    // What a shell says when there is no such program. Whatever else the expression speaks of is not known here, and
    // what can't be told is no mistake.
    let mut scope = Scope::new();
    for name in ["stdout", "stderr"] {
        scope.set(name, Value::from(""));
    }
    scope.set("exit_code", Value::from(127));
    if matches!(cx.engine.holds(&changed.0.src, &scope), Ok(Truth::True)) {
        cx.report.push(
            Diagnostic::new(Code::PreviewTakesFailure, "this preview takes a failure for a difference")
                .at(changed.0.at, "it holds of a command that could not be run (exit code 127)")
                .help(
                    "name the exit code that means a difference: `exit_code == 1` for kubectl diff, \
                     `exit_code == 2` for terraform plan and helm diff with -detailed-exitcode",
                ),
        );
    }
}

// RB0408
pub(super) fn reads(cx: &mut Context<'_>, of: &Command, what: &str) {
    let found = match &of.line {
        Line::Shell(script) => changing::verb_of_script(script)
            .map(|(said, span)| (said, cx.sources.within(script, span), " in this script")),
        line => changing::verb(line).map(|(said, place)| (said, place, "")),
    };
    if let Some((said, place, inside)) = found {
        let help = match what {
            "a preview" => {
                "use what the tool has for a trial: `--dry-run=server`, `kubectl diff`, `helm diff`"
            }
            _ => "make it a step that changes, with a `rollback`",
        };
        cx.report.push(
            Diagnostic::new(
                Code::ReadChanges,
                format!("`{said}`{inside} changes something, and {what} only looks"),
            )
            .at(place, "")
            .help(help),
        );
    }
}
