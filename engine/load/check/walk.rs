//! Every text of a runbook and of a step template, each with the names that are in scope where it is evaluated.

use std::collections::{BTreeMap, HashMap};

use super::super::context::Context;
use super::super::defaults::Defaults;
use super::super::sub::Inners;
use super::super::tables::read_tables;
use super::graph::{Needs, ordered};
use super::scope::{Names, Offer, Over};
use super::{approvals, kinds, programs, reach, safety, secrets, skipped, times};
use crate::diag::{Code, Diagnostic, Severity};
use crate::model::{
    Action, Body, Command, Expr, Gate, Hook, Input, Line, Map, Place, Retry, Runbook, Step, StepTemplate,
    Text, Wait,
};
use crate::plan::Reach;
use crate::template::place_of;

/// Checks a runbook as a whole.
pub(in crate::load) fn runbook(cx: &mut Context<'_>, runbook: &Runbook, needs: &Needs, inners: &Inners) {
    duplicate_names(cx, runbook);
    let [main, last] = ordered(cx, runbook, needs);
    let mut names = Names::default();
    names.add(runbook.vars.iter().map(|var| var.name.as_str()));
    names.add(runbook.data.iter().map(|table| table.name.as_str()));
    for (name, tree) in &runbook.lets {
        names.tree(cx, tree);
        names.add([name.as_str()]);
    }
    runbook.environment.iter().for_each(|(_, text)| names.text(cx, text));
    for (_, of) in &runbook.target {
        command(cx, of, &names);
        safety::reads(cx, of, "a target");
    }
    runbook.lock.iter().for_each(|lock| names.text(cx, lock));
    runbook.protect.iter().for_each(|protect| names.expr(cx, protect));

    let inside = brought_in(runbook, inners);
    let mut offers: BTreeMap<&str, Offer> =
        runbook.steps.iter().chain(&runbook.finally).map(|step| (step.id.as_str(), offer(step))).collect();
    offers.extend(inside.iter().map(|one| (one.id.as_str(), one.offer.clone())));
    names.run = true;
    hooks(cx, &runbook.hooks, &names);
    names.steps = Some(&offers);
    for (steps, dag, finally) in [(&runbook.steps, &main, false), (&runbook.finally, &last, true)] {
        let mut numbers: HashMap<&str, u32> = steps.iter().map(|step| step.id.as_str()).zip(0..).collect();
        // What is brought in is over when the step is that brings it in.
        for one in &inside {
            if let Some(&number) = numbers.get(one.by) {
                numbers.insert(&one.id, number);
            }
        }
        let reach = dag.as_ref().map(Reach::of);
        for (of, number) in steps.iter().zip(0..) {
            names.step = Some(&of.id);
            let over = reach.as_ref().map(|reach| Over { reach, numbers: &numbers, step: number });
            step(cx, of, &Names { over, ..names.clone() });
        }
        safety::steps(cx, steps, finally);
        steps.iter().for_each(|step| times::step(cx, step));
    }
    secrets::runbook(cx, runbook);
    let tables = match cx.project {
        Some(project) => read_tables(&runbook.data, project, cx.sources, cx.report),
        None => Map::new(),
    };
    kinds::runbook(cx, runbook, &tables);
    reach::runbook(cx, runbook);
    skipped::runbook(cx, runbook);
    approvals::runbook(cx, runbook);
    programs::runbook(cx, runbook, inners);
    for var in &runbook.vars {
        if !cx.seen.names.contains(&var.name) {
            unused(cx, &var.name, "var", var.at);
        }
    }
    for table in &runbook.data {
        if !cx.seen.names.contains(&table.name) {
            unused(cx, &table.name, "table", table.at);
        }
    }
    for (name, tree) in &runbook.lets {
        if let (false, Some(at)) = (cx.seen.names.contains(name), place_of(tree)) {
            unused(cx, name, "`let`", at);
        }
    }
}

/// Checks the `defaults` of a runbook, before the steps have them: they see what is the same for every step.
pub(in crate::load) fn defaults(cx: &mut Context<'_>, runbook: &Runbook, of: &Defaults) {
    let mut names = Names { run: true, ..Names::default() };
    names.add(runbook.vars.iter().map(|var| var.name.as_str()));
    names.add(runbook.data.iter().map(|table| table.name.as_str()));
    names.add(runbook.lets.iter().map(|(name, _)| name.as_str()));
    of.timeout.iter().chain(&of.grace).chain(&of.dir).for_each(|text| names.text(cx, text));
    of.retry.iter().for_each(|of| retry(cx, of, &names));
    of.dir.iter().for_each(|dir| secrets::folder(cx, runbook, dir));
}

/// Checks the hooks that all runbooks of a project share: no var, table or `let` value is known to all of them.
pub(in crate::load) fn shared_hooks(cx: &mut Context<'_>, of: &[Hook]) {
    hooks(cx, of, &Names { run: true, ..Names::default() });
}

fn hooks(cx: &mut Context<'_>, of: &[Hook], names: &Names<'_>) {
    for hook in of {
        command(cx, &hook.command, names);
        hook.timeout.iter().for_each(|text| names.text(cx, text));
    }
}

/// Checks a step template as a whole.
///
/// Returns where it uses `item`.
pub(in crate::load) fn template(cx: &mut Context<'_>, template: &StepTemplate) -> Option<Place> {
    let outside = std::mem::take(&mut cx.seen);
    let mut names = Names { template: true, ..Names::default() };
    names.add(template.params.iter().map(|param| param.name.as_str()));
    names.item = true;
    names.run = true;
    names.text(cx, &template.title);
    let of = &template.body;
    body(cx, of, &names);
    let after = captured(of, &names);
    of.retry.iter().for_each(|of| retry(cx, of, &after));
    of.timeout.iter().chain(&of.grace).for_each(|text| names.text(cx, text));
    safety::template(cx, template);
    secrets::template(cx, template);
    kinds::template(cx, template);
    times::template(cx, template);
    let seen = std::mem::replace(&mut cx.seen, outside);
    for param in &template.params {
        let later = template.params.iter().filter_map(|param| param.default.as_ref()?.as_str());
        // A default that uses it was looked at when the params were read.
        if !seen.names.contains(&param.name) && !later.clone().any(|default| default.contains(&param.name)) {
            unused(cx, &param.name, "param", param.at);
        }
    }
    seen.item
}

// RB0213
fn unused(cx: &mut Context<'_>, name: &str, what: &str, place: Place) {
    // What could not be read may use it: then only a name that stands nowhere else is surely not used.
    let quoted = format!("`{name}`");
    let speaks = |found: &Diagnostic| {
        let labels = found.labels.iter().map(|label| &label.text);
        let texts = labels.chain(&found.notes).chain(&found.help).chain([&found.message]);
        found.severity == Severity::Error && texts.into_iter().any(|text| text.contains(&quoted))
    };
    // Nor what another mistake speaks of: it may be the name that was meant there.
    let nowhere = || cx.seen_words(place.file, name) <= 1 && !cx.report.iter().any(speaks);
    if !cx.tidy || cx.report.has_errors() && !nowhere() {
        return;
    }
    cx.report.push(
        Diagnostic::new(Code::UnusedName, format!("the {what} `{name}` is never used"))
            .at(place, "")
            .help("remove it, or use it"),
    );
}

/// Checks the default of a param, which may use the params before it.
pub(in crate::load) fn default_text(cx: &mut Context<'_>, earlier: &[Input], text: &Text) {
    let mut names = Names { template: true, ..Names::default() };
    names.add(earlier.iter().map(|input| input.name.as_str()));
    names.text(cx, text);
}

// RB0209
fn duplicate_names(cx: &mut Context<'_>, runbook: &Runbook) {
    let vars = runbook.vars.iter().map(|var| (var.name.as_str(), "a var", Some(var.at)));
    let tables = runbook.data.iter().map(|table| (table.name.as_str(), "a table", Some(table.at)));
    let lets = runbook.lets.iter().map(|(name, tree)| (name.as_str(), "a `let`", place_of(tree)));
    let mut first: HashMap<&str, (&str, Option<Place>)> = HashMap::new();
    for (name, what, place) in vars.chain(tables).chain(lets) {
        let Some((known, known_place)) = first.get(name).copied() else {
            first.insert(name, (what, place));
            continue;
        };
        let mut diagnostic =
            Diagnostic::new(Code::DuplicateName, format!("`{name}` is {known} and {what} at once"));
        if let Some(place) = place {
            diagnostic = diagnostic.at(place, what);
        }
        if let Some(place) = known_place {
            diagnostic = diagnostic.also(place, known);
        }
        cx.report.push(diagnostic.help("give one of them another name"));
    }
}

/// A step of a runbook that a step brings in, as the runbook around it names it.
struct BroughtIn<'a> {
    id: String,
    by: &'a str,
    offer: Offer,
}

fn brought_in<'a>(runbook: &'a Runbook, inners: &Inners) -> Vec<BroughtIn<'a>> {
    let mut all = Vec::new();
    for step in runbook.steps.iter().chain(&runbook.finally) {
        for inner in inners.get(&step.id).into_iter().flat_map(|inner| &inner.runbook.steps) {
            let mut offer = offer(inner);
            // The outputs of many copies are held by copy first.
            offer.outputs = offer.outputs.filter(|_| step.for_each.is_none());
            offer.at = step.at;
            all.push(BroughtIn { id: format!("{}/{}", step.id, inner.id), by: &step.id, offer });
        }
    }
    all
}

fn offer(step: &Step) -> Offer {
    let mut outputs: Option<Vec<String>> =
        Some(step.body.outputs.iter().map(|(name, _)| name.clone()).collect());
    match &step.body.action {
        Action::Approve(approve) => {
            outputs
                .iter_mut()
                .for_each(|names| names.extend(approve.ask.iter().map(|input| input.name.clone())));
        }
        Action::Manual(_) => outputs.iter_mut().for_each(|names| names.push("note".to_owned())),
        Action::Nothing => outputs = None,
        _ => {}
    }
    // The outputs of many instances are held by instance first.
    let runbook = matches!(step.body.action, Action::Runbook { .. });
    Offer { outputs: outputs.filter(|_| step.for_each.is_none() || runbook), at: step.at, runbook }
}

fn step<'a>(cx: &mut Context<'_>, of: &'a Step, names: &Names<'a>) {
    of.for_each.iter().for_each(|tree| names.tree(cx, tree));
    let names = &Names { item: of.for_each.is_some(), ..names.clone() };
    of.when.iter().for_each(|when| names.expr(cx, when));
    let texts = [&of.title, &of.lock, &of.timeout, &of.grace];
    texts.into_iter().flatten().for_each(|text| names.text(cx, text));
    let after = match &of.binding {
        Some(binding) => {
            binding.with.iter().for_each(|(_, tree)| names.tree(cx, tree));
            names.clone()
        }
        None => {
            body(cx, &of.body, names);
            captured(&of.body, names)
        }
    };
    of.retry.iter().for_each(|of| retry(cx, of, &after));
    of.guard.iter().for_each(|guard| gate(cx, guard, &after));
}

/// Returns the scope once the capture has run.
fn captured<'a>(body: &'a Body, names: &Names<'a>) -> Names<'a> {
    let captured = body
        .capture
        .as_ref()
        .map(|capture| capture.outputs.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
    names.with_captured(captured)
}

fn body<'a>(cx: &mut Context<'_>, of: &'a Body, names: &Names<'a>) {
    let before = &Names { before_capture: of.capture.is_some(), ..names.clone() };
    of.check.iter().for_each(|check| gate(cx, check, before));
    if let Some(capture) = &of.capture {
        command(cx, &capture.command, before);
        outputs(cx, &capture.outputs, before);
        capture.timeout.iter().for_each(|text| before.text(cx, text));
    }
    let after = &captured(of, names);
    of.satisfied.iter().for_each(|satisfied| after.expr(cx, satisfied));
    of.changes.iter().chain(&of.irreversible).for_each(|text| after.text(cx, text));
    match &of.action {
        Action::Nothing => {}
        Action::Command(action) => command(cx, action, after),
        Action::Gate(action) => gate(cx, action, after),
        Action::Approve(approve) => {
            after.text(cx, &approve.prompt);
            approve.timeout.iter().for_each(|text| after.text(cx, text));
        }
        Action::Manual(manual) => {
            after.text(cx, &manual.prompt);
            manual.timeout.iter().for_each(|text| after.text(cx, text));
        }
        Action::Wait(Wait::For(text) | Wait::Until(text)) => after.text(cx, text),
        Action::Runbook { vars, .. } => vars.iter().for_each(|(_, tree)| after.tree(cx, tree)),
    }
    match &of.action {
        Action::Gate(gate) => outputs_in(cx, &of.outputs, &after.with_answer(gate)),
        _ => outputs(cx, &of.outputs, after),
    }
    if let Some(preview) = &of.preview {
        command(cx, &preview.command, after);
        preview.timeout.iter().for_each(|text| after.text(cx, text));
        preview.changed.iter().for_each(|changed| after.with_result().expr(cx, changed));
    }
    of.verify.iter().for_each(|verify| gate(cx, verify, after));
    if let Some(undo) = &of.rollback {
        command(cx, &undo.command, after);
        undo.verify.iter().for_each(|verify| gate(cx, verify, after));
        undo.retry.iter().for_each(|of| retry(cx, of, after));
        undo.timeout.iter().for_each(|text| after.text(cx, text));
    }
}

fn outputs(cx: &mut Context<'_>, of: &[(String, Expr)], names: &Names<'_>) {
    outputs_in(cx, of, &names.with_result());
}

fn outputs_in(cx: &mut Context<'_>, of: &[(String, Expr)], names: &Names<'_>) {
    of.iter().for_each(|(_, expr)| names.expr(cx, expr));
}

fn retry(cx: &mut Context<'_>, of: &Retry, names: &Names<'_>) {
    of.delay.iter().chain(&of.max_delay).for_each(|text| names.text(cx, text));
    of.when.iter().for_each(|when| names.with_result().expr(cx, when));
}

fn gate<'a>(cx: &mut Context<'_>, of: &'a Gate, names: &Names<'a>) {
    of.uses.iter().flat_map(|uses| &uses.binding.with).for_each(|(_, tree)| names.tree(cx, tree));
    command(cx, &of.command, names);
    let times = [&of.every, &of.within, &of.hold, &of.valid_for, &of.timeout];
    times.into_iter().flatten().for_each(|text| names.text(cx, text));
    let result = names.with_answer(of);
    result.expr(cx, &of.pass);
    of.warn.iter().for_each(|warn| result.expr(cx, warn));
}

fn command(cx: &mut Context<'_>, of: &Command, names: &Names<'_>) {
    match &of.line {
        Line::Words(words) | Line::List(words) => words.iter().for_each(|word| names.text(cx, word)),
        Line::Shell(script) => names.shell(cx, script),
    }
    of.env.iter().for_each(|(_, text)| names.text(cx, text));
    of.dir.iter().chain(&of.stdin).for_each(|text| names.text(cx, text));
}
