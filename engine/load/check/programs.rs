//! Programs that are first needed after something was changed, and that nothing looks for before the run. (RB0415)
//!
//! Before a run those under `tools` are looked for, and those that commands begin with as long as nothing was changed: a step
//! that changes something may install what a later one runs. So only programs are told that nobody installs half way.

use std::collections::HashSet;

use super::super::context::Context;
use super::super::sub::Inners;
use crate::diag::{Code, Diagnostic};
use crate::model::{Action, Command, Effect, Line, Runbook, Step, Text};

/// Clients of what a runbook works on. What hosts have anyway (`curl`), or get by the way (`docker`), is left out.
pub(in crate::load) const CLIENTS: [&str; 18] = [
    "argocd",
    "artillery",
    "aws",
    "az",
    "gcloud",
    "gh",
    "helm",
    "k6",
    "kubectl",
    "mysql",
    "npm",
    "oc",
    "psql",
    "redis-cli",
    "terraform",
    "tofu",
    "vault",
    "jq",
];

/// Tells each such program once, where it is first run.
pub(super) fn runbook(cx: &mut Context<'_>, runbook: &Runbook, inners: &Inners) {
    let steps = || runbook.steps.iter().chain(&runbook.finally);
    let inside = inners.values().flat_map(|inner| inner.runbook.steps.iter().chain(&inner.runbook.finally));
    // With `tools` it is looked for wherever it stands.
    let mut looked: HashSet<&str> =
        steps().chain(inside).flat_map(|step| &step.body.tools).map(String::as_str).collect();
    // Asked before the first step, and a run that can't ask it stops there.
    let target = runbook.target.iter().filter_map(|(_, command)| program(command));
    looked.extend(target.map(|text| text.src.as_str()));
    let mut changed: Option<&Step> = None;
    let mut before: Vec<&Command> = Vec::new();
    for step in steps() {
        let (early, late) = commands(step);
        if changed.is_none() {
            looked.extend(early.iter().filter_map(|command| program(command)).map(|text| text.src.as_str()));
        }
        if step.body.effect == Effect::Change {
            changed.get_or_insert(step);
            before.extend(&early);
        }
        let Some(first) = changed else { continue };
        for text in early.into_iter().chain(late).filter_map(program) {
            let name = text.src.as_str();
            if !CLIENTS.contains(&name) || installed(name, &before) || !looked.insert(name) {
                continue;
            }
            cx.report.push(
                Diagnostic::new(
                    Code::UnnamedTool,
                    format!("`{name}` is first needed when something was changed already"),
                )
                .at(text.at, "nothing looks for it before the run")
                .also(first.at, "changes something")
                .help(format!("name it beside the command: `tools: [{name}]`")),
            );
        }
    }
}

/// Returns the commands of a step that run up to its action, and those that run after it.
fn commands(step: &Step) -> (Vec<&Command>, Vec<&Command>) {
    let of = &step.body;
    let mut early: Vec<&Command> = of.check.iter().map(|gate| &gate.command).collect();
    early.extend(of.capture.iter().map(|capture| &capture.command));
    match &of.action {
        Action::Command(command) => early.push(command),
        Action::Gate(gate) => early.push(&gate.command),
        _ => {}
    }
    let gates = of.verify.iter().map(|gate| &gate.command).chain(step.guard.iter().map(|gate| &gate.command));
    let mut late: Vec<&Command> = gates.collect();
    if let Some(undo) = &of.rollback {
        late.push(&undo.command);
        late.extend(undo.verify.iter().map(|gate| &gate.command));
    }
    (early, late)
}

/// Returns the program of a command where it is looked for on the `PATH` of the engine.
fn program(command: &Command) -> Option<&Text> {
    let (Line::Words(words) | Line::List(words)) = &command.line else { return None };
    let own = command.env.iter().any(|(name, _)| name == "PATH");
    words.first().filter(|word| !own && word.is_literal())
}

/// Says whether a change before may have been to install it: it is named as something other than the program.
fn installed(name: &str, changes: &[&Command]) -> bool {
    let names = |text: &Text| {
        text.src.split(|letter: char| !letter.is_alphanumeric() && letter != '-').any(|word| word == name)
    };
    changes.iter().any(|command| match &command.line {
        Line::Words(words) | Line::List(words) => words.iter().skip(1).any(names),
        Line::Shell(script) => names(script),
    })
}
