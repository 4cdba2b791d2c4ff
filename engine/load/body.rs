//! The body of a step: what is done. The same keys in a runbook's step and in a step template.

use super::command::{self, command};
use super::context::Context;
use super::fields::{Field, Fields, fields};
use super::gate::{capture, gate, undo};
use super::keys::{ACTIONS, APPROVE, MANUAL, WAIT, list};
use super::node::NodeKind;
use super::preview::preview;
use super::typed;
use crate::diag::{Code, Diagnostic};
use crate::model::{Action, Approve, Body, Command, Effect, Kind, Manual, OnInterrupt, Place, Text, Wait};

/// Reads a body; `place` is where the step or template is named.
pub(super) fn body(cx: &mut Context<'_>, of: &Fields<'_>, place: Place) -> Body {
    let action = action(cx, of, place);
    let effect = effect(cx, of, &action);
    let mut body = Body {
        effect,
        action,
        tools: of.get("tools").and_then(|field| field.names(cx)).map(texts).unwrap_or_default(),
        check: of.get("check").and_then(|field| gate(cx, field)),
        capture: of.get("capture").and_then(|field| capture(cx, field)),
        changes: of.get("changes").and_then(|field| field.text(cx)),
        satisfied: of.get("satisfied").and_then(|field| field.expr(cx)),
        preview: of.get("preview").and_then(|field| preview(cx, field)),
        verify: of.get("verify").and_then(|field| gate(cx, field)),
        rollback: of.get("rollback").and_then(|field| undo(cx, field)),
        irreversible: of.get("irreversible").and_then(|field| field.text(cx)),
        idempotent: of.get("idempotent").and_then(|field| field.boolean(cx)).unwrap_or(false),
        outputs: of.get("outputs").map(|field| field.exprs(cx)).unwrap_or_default(),
        ..Body::default()
    };
    let asked = super::gate_use::tools(cx, body.gates());
    body.tools.extend(asked);
    share_surroundings(cx, of, &mut body);
    needs_other(cx, of);
    body
}

fn texts(names: Vec<(String, Place)>) -> Vec<String> {
    names.into_iter().map(|(name, _)| name).collect()
}

/// `env` and `dir` of a step hold for all of its commands, so that its gates and its undo see the same surroundings.
fn share_surroundings(cx: &mut Context<'_>, of: &Fields<'_>, body: &mut Body) {
    // Mistakes in them were told when the action was read; without a command nobody has read them yet.
    let has_command = of.get("run").is_some() || of.get("shell").is_some();
    let (env, dir) = match &body.action {
        Action::Command(command) => (command.env.clone(), command.dir.clone()),
        _ if has_command => return,
        _ => {
            let env = of.get("env").map(|field| field.texts(cx)).unwrap_or_default();
            (env, of.get("dir").and_then(|field| field.text(cx)))
        }
    };
    for command in inner_commands(body) {
        command::inherit(command, &env, dir.as_ref());
    }
}

pub(super) fn inner_commands(body: &mut Body) -> impl Iterator<Item = &mut Command> {
    let mut commands: Vec<&mut Command> = Vec::new();
    if let Action::Gate(gate) = &mut body.action {
        commands.push(&mut gate.command);
    }
    commands.extend(body.check.as_mut().map(|gate| &mut gate.command));
    commands.extend(body.capture.as_mut().map(|capture| &mut capture.command));
    commands.extend(body.preview.as_mut().map(|preview| &mut preview.command));
    commands.extend(body.verify.as_mut().map(|gate| &mut gate.command));
    if let Some(undo) = &mut body.rollback {
        commands.push(&mut undo.command);
        commands.extend(undo.verify.as_mut().map(|gate| &mut gate.command));
    }
    commands.into_iter()
}

// RB0106
fn action(cx: &mut Context<'_>, of: &Fields<'_>, place: Place) -> Action {
    let known = || ACTIONS.iter().copied().filter(|action| of.table.get(action).is_some());
    let written: Vec<Field<'_>> = known().filter_map(|action| of.get(action)).collect();
    let Some(first) = written.first() else {
        let mut diagnostic = Diagnostic::new(Code::OneAction, format!("{} does nothing", of.table.what))
            .at(place, "no action")
            .help(format!("add one of {}", list(known(), "or")));
        if let Some(verify) = of.get("verify") {
            diagnostic = diagnostic.also(verify.key, "only a `verify`? then write `gate` instead");
        }
        cx.report.push(diagnostic);
        return Action::Nothing;
    };
    if written.len() > 1 {
        let names = written.iter().map(|field| field.spec.name);
        let mut diagnostic = Diagnostic::new(
            Code::OneAction,
            format!("{} has {} actions: {}", of.table.what, written.len(), list(names, "and")),
        );
        for (index, field) in written.iter().enumerate() {
            diagnostic = if index == 1 {
                diagnostic.at(field.key, "one too many")
            } else {
                diagnostic.also(field.key, "")
            };
        }
        cx.report.push(diagnostic.help("keep one of them, and make steps of their own of the others"));
    }
    let field = *first;
    let action = match field.spec.name {
        "run" | "shell" => command_action(cx, of, written.len() > 1, field),
        "gate" => gate(cx, field).map(Action::Gate),
        "approve" => approve(cx, field).map(|approve| Action::Approve(Box::new(approve))),
        "manual" => manual(cx, field).map(Action::Manual),
        "wait" => wait(cx, field).map(Action::Wait),
        "runbook" => sub_runbook(cx, of, field),
        _ => None,
    };
    action.unwrap_or_default()
}

fn command_action(cx: &mut Context<'_>, of: &Fields<'_>, twice: bool, field: Field<'_>) -> Option<Action> {
    let merged = of.get("output").and_then(|field| field.word(cx)) == Some(1);
    // With both `run` and `shell` the action rule has spoken; reading one of them is enough.
    let command = if twice { command::bare(cx, field) } else { command(cx, of) };
    command.map(|command| Action::Command(Box::new(Command { merged, ..command })))
}

fn sub_runbook(cx: &mut Context<'_>, of: &Fields<'_>, field: Field<'_>) -> Option<Action> {
    let vars = of.get("vars").map(|field| {
        let entries = field.entries(cx).iter();
        entries.map(|(key, node)| (key.text.clone(), super::fields::tree(node))).collect()
    });
    Some(Action::Runbook { name: field.line(cx)?, vars: vars.unwrap_or_default() })
}

fn approve(cx: &mut Context<'_>, field: Field<'_>) -> Option<Approve> {
    if let NodeKind::Str(_) = field.node.kind {
        return Some(Approve { prompt: field.text(cx)?, ..Approve::default() });
    }
    let of = fields(cx, field.node, &APPROVE, Some(field.spec))?;
    let ask = of.get("ask").map(|field| typed::inputs(cx, field, "an answer", false)).unwrap_or_default();
    for input in ask.iter().filter(|input| input.ty.kind == Kind::Secret) {
        cx.report.push(
            Diagnostic::new(Code::BadValue, format!("the answer `{}` can't be a secret", input.name))
                .at(input.at, "answers are kept in the journal")
                .help("declare it under `vars`, where a secret is taken from a safe place"),
        );
    }
    Some(Approve {
        prompt: prompt(cx, &of, field),
        by: of.get("by").and_then(|field| field.names(cx)).map(texts).unwrap_or_default(),
        by_at: of.get("by").map(|field| field.node.place).unwrap_or_default(),
        groups: Vec::new(),
        count: of.get("count").and_then(|field| field.count(cx)),
        not_self: of.get("not_self").and_then(|field| field.boolean(cx)).unwrap_or(false),
        timeout: of.get("timeout").and_then(|field| field.duration(cx)),
        ask,
    })
}

fn manual(cx: &mut Context<'_>, field: Field<'_>) -> Option<Manual> {
    if let NodeKind::Str(_) = field.node.kind {
        return Some(Manual { prompt: field.text(cx)?, timeout: None });
    }
    let of = fields(cx, field.node, &MANUAL, Some(field.spec))?;
    let prompt = prompt(cx, &of, field);
    Some(Manual { prompt, timeout: of.get("timeout").and_then(|field| field.duration(cx)) })
}

fn prompt(cx: &mut Context<'_>, of: &Fields<'_>, field: Field<'_>) -> Text {
    let prompt = of.get("prompt").map(|field| field.text(cx));
    if prompt.is_none() {
        cx.report.push(
            Diagnostic::new(Code::MissingKey, format!("`{}` needs a `prompt`", field.spec.name))
                .at(field.key, "")
                .help(format!("for example `{}`", field.spec.example)),
        );
    }
    prompt.flatten().unwrap_or_default()
}

fn wait(cx: &mut Context<'_>, field: Field<'_>) -> Option<Wait> {
    if !matches!(field.node.kind, NodeKind::Map(_)) {
        return field.duration(cx).map(Wait::For);
    }
    let of = fields(cx, field.node, &WAIT, Some(field.spec))?;
    match (of.get("for"), of.get("until")) {
        (Some(time), None) => time.duration(cx).map(Wait::For),
        (None, Some(time)) => until(cx, time).map(Wait::Until),
        _ => {
            cx.report.push(
                Diagnostic::new(Code::OneAction, "`wait` takes exactly one of `for` and `until`")
                    .at(field.key, "")
                    .help("for example `wait: 30s` or `wait: {until: \"2026-12-01T08:00:00Z\"}`"),
            );
            None
        }
    }
}

fn until(cx: &mut Context<'_>, field: Field<'_>) -> Option<Text> {
    let text = field.text(cx)?;
    if text.is_literal() && text.src.parse::<jiff::Timestamp>().is_err() {
        cx.report.push(
            Diagnostic::new(
                Code::BadValue,
                format!("`{}` is not a time", super::fields::shortened(&text.src)),
            )
            .at(field.node.place, "")
            .help("write date, time and zone, as in `until: \"2026-12-01T08:00:00Z\"`"),
        );
    }
    Some(text)
}

fn effect(cx: &mut Context<'_>, of: &Fields<'_>, action: &Action) -> Effect {
    let said = of.get("effect").and_then(|field| Some((field, field.word(cx)?)));
    let only_reads = matches!(action, Action::Gate(_) | Action::Approve(_) | Action::Wait(_));
    if let (Some((field, 1)), true) = (said, only_reads) {
        cx.report.push(
            Diagnostic::new(Code::BadValue, "a gate, an approval and a wait change nothing")
                .at(field.node.place, "")
                .help("remove `effect`"),
        );
        return Effect::Read;
    }
    match (said, action) {
        (Some((_, 0)), _) => Effect::Read,
        // A word that can't be read was told; what a change needs is not told beside.
        (None, _) if of.get("effect").is_some() => Effect::Read,
        (Some(_), _) => Effect::Change,
        (None, Action::Command(_) | Action::Runbook { .. } | Action::Nothing) => Effect::Change,
        (None, Action::Gate(_) | Action::Approve(_) | Action::Manual(_) | Action::Wait(_)) => Effect::Read,
    }
}

// RB0111
fn needs_other(cx: &mut Context<'_>, of: &Fields<'_>) {
    let command = ["run", "shell"];
    let any_command = ["run", "shell", "gate", "check", "capture", "preview", "verify", "rollback"];
    let rules: [(&str, &[&str]); 9] = [
        ("preview", &command),
        ("outputs", &["run", "shell", "gate"]),
        ("idempotent", &command),
        ("stdin", &command),
        ("output", &command),
        ("env", &any_command),
        ("dir", &any_command),
        ("with", &["uses"]),
        ("vars", &["runbook"]),
    ];
    for (key, others) in rules {
        let Some(field) = of.get(key) else { continue };
        if others.iter().any(|other| of.get(other).is_some()) {
            continue;
        }
        cx.report.push(
            Diagnostic::new(
                Code::KeyNeeds,
                format!("`{key}` makes no sense without {}", list(others.iter().copied().take(2), "or")),
            )
            .at(field.key, "")
            .help("remove it"),
        );
    }
}

/// Reads what resume does.
pub(super) fn on_interrupt(cx: &mut Context<'_>, of: &Fields<'_>) -> Option<OnInterrupt> {
    let words = [OnInterrupt::Rerun, OnInterrupt::Verify, OnInterrupt::Ask];
    of.get("on_interrupt").and_then(|field| field.word(cx)).map(|index| words[index])
}
