//! A runbook's file.

use std::collections::HashSet;

use super::check::{self, Needs};
use super::command;
use super::context::{Caller, Context};
use super::defaults;
use super::environment;
use super::fields::{Field, Fields, fields};
use super::hooks;
use super::keys::{COMMAND, LIMITS, RUNBOOK};
use super::names;
use super::node::{Node, NodeKind};
use super::step::{Draft, steps};
use super::sub::{self, Inner, Inners};
use super::typed;
use crate::diag::{Code, Diagnostic};
use crate::model::{Command, DataTable, Limits, OnFailure, Runbook, Step, Tree};

/// Reads the runbook that goes by the qualified `name`; all that is wrong with it is told.
pub(super) fn lower(cx: &mut Context<'_>, node: &Node, name: &str) -> Option<Runbook> {
    cx.callers.push(Caller { name: name.to_owned(), at: None });
    lower_inner(cx, node, name).map(|inner| inner.runbook)
}

/// Warns of braces in what is shown before there are values: in lists, searches and headings.
fn shown_as_it_is(cx: &mut Context<'_>, field: &Field<'_>, text: &str) {
    if text.contains("{{") {
        let message = format!("the `{}` of a runbook is shown as it is, braces and all", field.spec.name);
        let help =
            "say it without values: lists show it before there are any; a step's `title` may have them";
        cx.report.push(Diagnostic::new(Code::PlainBraces, message).at(field.node.place, "").help(help));
    }
}

/// Reads a runbook that another one brings in.
pub(super) fn lower_inner(cx: &mut Context<'_>, node: &Node, name: &str) -> Option<Inner> {
    let of = fields(cx, node, &RUNBOOK, None)?;
    own_name(cx, &of, name);
    let line = |cx: &mut Context<'_>, key: &str| {
        let field = of.get(key)?;
        let text = field.line(cx)?;
        if matches!(key, "title" | "summary" | "owner") {
            shown_as_it_is(cx, &field, &text);
        }
        Some(text)
    };
    let on_failure = [OnFailure::Pause, OnFailure::Rollback];
    if of.get("title").is_none() {
        cx.report.push(
            Diagnostic::new(Code::MissingKey, "a runbook needs a `title`")
                .at(of.place, "")
                .help("one line for lists and headings, such as `title: Pre-scale for a planned event`"),
        );
    }
    let mut runbook = Runbook {
        name: name.to_owned(),
        title: line(cx, "title").unwrap_or_default(),
        summary: line(cx, "summary").unwrap_or_default(),
        about: line(cx, "about").unwrap_or_default(),
        owner: line(cx, "owner"),
        tags: of
            .get("tags")
            .and_then(|field| field.names(cx))
            .unwrap_or_default()
            .into_iter()
            .map(|tag| tag.0)
            .collect(),
        source: line(cx, "source"),
        vars: of.get("vars").map(|field| typed::inputs(cx, field, "a var", false)).unwrap_or_default(),
        data: of.get("data").map(|field| data(cx, field)).unwrap_or_default(),
        lets: of.get("let").map(|field| lets(cx, field)).unwrap_or_default(),
        environment: of.get("environment").map(|field| environment::read(cx, field)).unwrap_or_default(),
        target: of.get("target").map(|field| target(cx, field)).unwrap_or_default(),
        lock: of.get("lock").and_then(|field| field.text(cx)),
        protect: of.get("protect").and_then(|field| field.expr(cx)),
        limits: of.get("limits").map(|field| limits(cx, field)).unwrap_or_default(),
        on_failure: of
            .get("on_failure")
            .and_then(|field| field.word(cx))
            .map(|index| on_failure[index])
            .unwrap_or_default(),
        max_parallel: of.get("max_parallel").and_then(|field| field.count(cx)),
        steps: Vec::new(),
        finally: Vec::new(),
        hooks: of.get("hooks").map(|field| hooks::hooks(cx, field, false)).unwrap_or_default(),
        aims: Vec::new(),
        subs: Vec::new(),
    };
    let defaults = of.get("defaults").map(|field| defaults::read(cx, field)).unwrap_or_default();
    cx.tries_by_default = defaults.retry.is_some();
    let main = match of.get("steps") {
        Some(field) => {
            let drafts = steps(cx, field);
            if matches!(&field.node.kind, NodeKind::List(items) if items.is_empty()) {
                no_steps(cx, field.key);
            }
            drafts
        }
        None => {
            no_steps(cx, of.place);
            Vec::new()
        }
    };
    let last = of.get("finally").map(|field| steps(cx, field)).unwrap_or_default();
    let needs = check::graph(cx, &main, &last);
    let said: Vec<_> = main.iter().chain(&last).map(|draft| draft.said).collect();
    let brings = |draft: &Draft| Some((draft.step.id.clone(), draft.inner.clone()?));
    let inners: Inners = main.iter().chain(&last).filter_map(brings).collect();
    runbook.steps = resolved(main, &needs);
    runbook.finally = resolved(last, &needs);
    environment::give(&mut runbook);
    check::defaults(cx, &runbook, &defaults);
    check::runbook(cx, &runbook, &needs, &inners);
    // Only now, or what is wrong with a default would be told of every step.
    defaults::give(cx, &mut runbook, &defaults, &said);
    sub::embed(cx, &mut runbook, &inners);
    let on_failure = of.get("on_failure").map(|_| runbook.on_failure);
    Some(Inner { runbook, on_failure })
}

/// Fills in `needs` where it is left out: the step before it in the file. Needs that name no step are dropped: they
/// were told.
fn resolved(drafts: Vec<Draft>, known: &Needs) -> Vec<Step> {
    let mut before: Option<String> = None;
    drafts
        .into_iter()
        .map(|draft| {
            let mut step = draft.step;
            match draft.needs {
                Some(needs) => {
                    let mut seen = HashSet::with_capacity(needs.len());
                    for (need, _) in needs {
                        if known.place(&step.id, &need).is_some() && seen.insert(known.number(&need)) {
                            step.needs.push(need);
                        }
                    }
                }
                None => step.needs.extend(before.take()),
            }
            before = Some(step.id.clone());
            step
        })
        .collect()
}

// RB0110
fn own_name(cx: &mut Context<'_>, of: &Fields<'_>, name: &str) {
    let stem = name.rsplit('/').next().unwrap_or(name);
    let Some(field) = of.get("runbook") else {
        cx.report.push(
            Diagnostic::new(Code::MissingKey, "a runbook needs `runbook`: its name")
                .at(of.place, "")
                .help(format!("write `runbook: {stem}`")),
        );
        return;
    };
    if let Some(said) = field.line(cx)
        && said != stem
    {
        cx.report.push(
            Diagnostic::new(
                Code::WrongName,
                format!("the file is `{stem}.yaml`, and the name inside is `{said}`"),
            )
            .at(field.node.place, "")
            .help(format!("write `runbook: {stem}`, or rename the file")),
        );
    }
}

// RB0211
fn no_steps(cx: &mut Context<'_>, place: crate::model::Place) {
    cx.report.push(
        Diagnostic::new(Code::NoSteps, "the runbook has no steps")
            .at(place, "")
            .help("for example `steps: [{id: hello, run: echo hello, effect: read}]`"),
    );
}

fn data(cx: &mut Context<'_>, field: Field<'_>) -> Vec<DataTable> {
    let mut tables = Vec::new();
    for (key, node) in field.entries(cx) {
        names::check(cx, key, "a table");
        match &node.kind {
            NodeKind::Str(file) => {
                tables.push(DataTable { name: key.text.clone(), file: file.clone(), at: node.place });
            }
            _ => super::fields::wrong_type(cx, node, Some(field.spec), "a file name for each table"),
        }
    }
    tables
}

fn lets(cx: &mut Context<'_>, field: Field<'_>) -> Vec<(String, Tree)> {
    let entries = field.entries(cx);
    for (key, _) in entries {
        names::check(cx, key, "a `let`");
    }
    entries.iter().map(|(key, node)| (key.text.clone(), super::fields::tree(node))).collect()
}

fn target(cx: &mut Context<'_>, field: Field<'_>) -> Vec<(String, Command)> {
    let mut commands = Vec::new();
    for (key, node) in field.entries(cx) {
        names::check(cx, key, "a target");
        let command = match &node.kind {
            NodeKind::Map(_) => {
                fields(cx, node, &COMMAND, Some(field.spec)).and_then(|of| command::command(cx, &of))
            }
            _ => {
                let field = Field { spec: RUN, key: key.place, node };
                command::bare(cx, field)
            }
        };
        if let Some(command) = command {
            commands.push((key.text.clone(), command));
        }
    }
    commands
}

static RUN: &super::keys::Spec = &super::keys::Spec {
    name: "target",
    form: super::keys::Form::Command,
    example: "target: {context: kubectl config current-context}",
    doc: "",
};

fn limits(cx: &mut Context<'_>, field: Field<'_>) -> Limits {
    let Some(of) = fields(cx, field.node, &LIMITS, Some(field.spec)) else { return Limits::default() };
    Limits { instances: of.get("instances").and_then(|field| field.count(cx)) }
}
