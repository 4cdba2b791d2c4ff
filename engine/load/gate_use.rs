//! A gate with `uses`: a step template that only looks asks in place of a command.

use super::context::{Context, Template};
use super::fields::{Field, Fields};
use super::names;
use super::step;
use crate::diag::{Code, Diagnostic};
use crate::model::{Action, Binding, Body, Effect, Gate, GateUse, Place};

/// Reads `uses` and `with` of a gate; nothing when the template can't be used, which was told.
pub(super) fn read(cx: &mut Context<'_>, of: &Fields<'_>, field: Field<'_>) -> Option<GateUse> {
    let name = field.line(cx)?;
    let with = step::with(cx, of);
    foreign_keys(cx, of, field, &name);
    if !names::is_template(&name) || !cx.library.has(&name) {
        step::unknown_template(cx, &name, field.node.place);
        return None;
    }
    if !cx.circle(&name).is_empty() {
        let way = cx.circle(&name).iter().chain([&name]).map(|name| format!("`{name}`"));
        let way = way.collect::<Vec<_>>().join(", which uses ");
        cx.report.push(
            Diagnostic::new(Code::GateTemplate, format!("the template would use itself: {way}"))
                .at(field.node.place, "")
                .help("write the command of one of the gates here"),
        );
        return None;
    }
    let first = !cx.has_read(&name);
    let known = cx.template(&name)?;
    if first {
        step::replaced(cx, &name, field.node.place);
    }
    step::check_with(cx, &known.template, &with, field.node.place);
    let inner = inner(cx, &known, field.node.place)?;
    // A template that is a gate was told itself when it has none.
    let command = matches!(known.template.body.action, Action::Command(_));
    if command && of.get("pass").is_none() {
        let outputs = known.template.body.outputs.first();
        let example = outputs.map_or("exit_code == 0".to_owned(), |(name, _)| format!("outputs.{name} == …"));
        cx.report.push(
            Diagnostic::new(
                Code::GateTemplate,
                format!("`{name}` does not say what makes the answer a good one, so the gate needs `pass`"),
            )
            .at(field.node.place, "")
            .help(format!("for example `pass: {example}`")),
        );
    }
    let binding = Binding {
        template: name,
        title: known.template.title.clone(),
        with: step::trees(with),
        params: known.template.params.clone(),
        at: field.node.place,
    };
    Some(GateUse { binding, inner, outputs: known.template.body.outputs.clone() })
}

/// Returns what the template asks as a gate.
fn inner(cx: &mut Context<'_>, known: &Template, place: Place) -> Option<Gate> {
    let (template, body) = (&known.template, &known.template.body);
    let name = &template.name;
    // RB0404
    let changes = body.effect == Effect::Change && !matches!(body.action, Action::Nothing);
    let refused = if changes {
        Some((Code::ReadTemplate, format!("a gate only looks, and the template `{name}` changes something")))
    } else if !matches!(body.action, Action::Command(_) | Action::Gate(_) | Action::Nothing) {
        Some((Code::GateTemplate, format!("the template `{name}` asks no command, so it can't be a gate")))
    } else if let Some(stage) = stage_of(body) {
        let message = format!("the template `{name}` has `{stage}`, which a gate would leave out");
        Some((Code::GateTemplate, message))
    } else if known.item.is_some() {
        let message = format!("the template `{name}` uses `item`, which is there only for a step of its own");
        Some((Code::GateTemplate, message))
    } else {
        None
    };
    if let Some((code, message)) = refused {
        cx.report.push(
            Diagnostic::new(code, message)
                .at(place, "")
                .also(template.at, "the template")
                .help("use one that only looks; or make a step of its own of it, and need that"),
        );
        return None;
    }
    let gate = match &body.action {
        Action::Command(command) => Gate { command: (**command).clone(), ..Gate::default() },
        Action::Gate(gate) => (**gate).clone(),
        _ => return None,
    };
    Some(Gate { timeout: gate.timeout.clone().or_else(|| body.timeout.clone()), ..gate })
}

/// Returns a stage of a step that a gate has none of.
fn stage_of(body: &Body) -> Option<&'static str> {
    let stages = [
        ("check", body.check.is_some()),
        ("capture", body.capture.is_some()),
        ("satisfied", body.satisfied.is_some()),
        ("verify", body.verify.is_some()),
        ("rollback", body.rollback.is_some()),
    ];
    stages.into_iter().find(|(_, has)| *has).map(|(name, _)| name)
}

// RB0106, RB0107
fn foreign_keys(cx: &mut Context<'_>, of: &Fields<'_>, uses: Field<'_>, template: &str) {
    for key in ["run", "shell"].into_iter().filter_map(|key| of.get(key)) {
        cx.report.push(
            Diagnostic::new(Code::OneAction, format!("a gate has both `{}` and `uses`", key.spec.name))
                .at(key.key, "a second way to ask")
                .also(uses.key, "the first")
                .help("keep one of them"),
        );
    }
    for key in ["env", "dir", "stdin"].into_iter().filter_map(|key| of.get(key)) {
        let message =
            format!("`{}` can't be set here: the template `{template}` says what is asked", key.spec.name);
        cx.report.push(
            Diagnostic::new(Code::NotWithUses, message)
                .at(key.key, "")
                .help("remove it; or copy the template into the project's `steps/` and change it there"),
        );
    }
}

/// Returns the programs that the gates of a body ask by way of their templates.
pub(super) fn tools<'a>(cx: &mut Context<'_>, gates: impl Iterator<Item = &'a Gate>) -> Vec<String> {
    let mut tools = Vec::new();
    let mut open: Vec<&Gate> = gates.collect();
    while let Some(uses) = open.pop().map(|gate| &gate.uses) {
        let Some(uses) = uses else { continue };
        if let Some(known) = cx.template(&uses.binding.template) {
            tools.extend(known.template.body.tools.iter().cloned());
        }
        open.push(&uses.inner);
    }
    tools
}
