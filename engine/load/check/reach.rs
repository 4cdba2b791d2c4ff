//! Steps that can never run, and what is known of conditions before anything is given.

use super::super::context::Context;
use crate::diag::{Code, Diagnostic};
use crate::model::{Expr, Place, Runbook, Step, Tree};
use crate::template::{Scope, Truth, instances, to_json};

/// Tells the steps of a runbook that can never run, or run for more instances than the runbook allows.
pub(super) fn runbook(cx: &mut Context<'_>, runbook: &Runbook) {
    let scope = known(cx, runbook);
    for step in runbook.steps.iter().chain(&runbook.finally) {
        steps(cx, step, &scope, runbook.limits.instances);
    }
}

/// Returns what is known of the runbook's names: the `let` values that nothing given goes into.
fn known(cx: &Context<'_>, runbook: &Runbook) -> Scope {
    let mut scope = Scope::new();
    let inputs = runbook.vars.iter().map(|var| &var.name).chain(runbook.data.iter().map(|table| &table.name));
    inputs.for_each(|name| scope.set_unknown(name.as_str(), name));
    for (name, tree) in &runbook.lets {
        match cx.engine.tree(tree, &scope) {
            Ok(value) => scope.set(name.as_str(), value),
            Err(_) => scope.set_unknown(name.as_str(), name),
        }
    }
    ["run", "steps", "captured", "item"].iter().for_each(|name| scope.set_unknown(*name, name));
    scope
}

// RB0225, RB0508
fn steps(cx: &mut Context<'_>, step: &Step, scope: &Scope, most: Option<u32>) {
    // A comparison that never holds was told as that.
    let told = |when: &Expr| {
        let within = |place: Place| {
            place.file == when.0.at.file && when.0.at.start <= place.start && place.end <= when.0.at.end
        };
        cx.report.iter().any(|found| found.code == Code::NeverEqual && found.place().is_some_and(within))
    };
    if let Some(when) = step.when.as_ref().filter(|when| never(cx, when, scope)) {
        if told(when) {
            return;
        }
        cx.report.push(
            Diagnostic::new(
                Code::NeverRuns,
                format!("step `{}` can never run: its `when` never holds", step.id),
            )
            .at(when.0.at, "false whatever is given")
            .help("remove the step, or ask for what may differ, such as a var"),
        );
        return;
    }
    if let Some(tree) = &step.for_each {
        loops(cx, step, tree, scope, most);
    }
    let of = step.body.satisfied.as_ref().filter(|_| step.binding.is_none());
    if let Some(satisfied) = of
        && cx.engine.holds(&satisfied.0.src, scope) == Ok(Truth::True)
    {
        cx.report.push(
            Diagnostic::new(
                Code::NeverRuns,
                format!("step `{}` never does anything: its `satisfied` always holds", step.id),
            )
            .at(satisfied.0.at, "true whatever is captured")
            .help("compare what was captured with what is wanted, as in `captured.replicas == replicas`"),
        );
    }
}

fn never(cx: &Context<'_>, when: &Expr, scope: &Scope) -> bool {
    let Ok(uses) = cx.engine.check_expr(&when.0.src) else { return false };
    // A name that is not known was told; what it would be is anybody's guess.
    let known = uses.paths.iter().all(|used| scope.get(&used.path[0]).is_some());
    known && cx.engine.holds(&when.0.src, scope) == Ok(Truth::False)
}

fn loops(cx: &mut Context<'_>, step: &Step, tree: &Tree, scope: &Scope, most: Option<u32>) {
    let value = cx.engine.tree(tree, scope).ok().and_then(|value| to_json(&value).ok());
    let Some(Ok(found)) = value.map(instances) else { return };
    let at = crate::template::place_of(tree).unwrap_or(step.at);
    if found.is_empty() {
        cx.report.push(
            Diagnostic::new(
                Code::NeverRuns,
                format!("step `{}` can never run: its `for_each` is empty", step.id),
            )
            .at(at, "")
            .help("remove the step, or name what it is for"),
        );
    }
    if let Some(most) = most.filter(|most| found.len() > *most as usize) {
        cx.report.push(
            Diagnostic::new(
                Code::TooManyInstances,
                format!("`{}` would have {} instances, and this runbook allows {most}", step.id, found.len()),
            )
            .at(at, "")
            .help("look at what it loops over; if it is right, raise `limits: {instances: …}`"),
        );
    }
}
