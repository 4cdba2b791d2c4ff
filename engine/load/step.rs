//! A step of a runbook.

use std::rc::Rc;

use super::body::{body, on_interrupt};
use super::check::some;
use super::context::Context;
use super::defaults::Said;
use super::fields::{Field, Fields, fields, shortened, tree};
use super::gate::{gate, retry};
use super::keys::{BODY, STEP, list};
use super::names;
use super::node::NodeKind;
use super::sub::{self, Inner};
use super::typed;
use crate::diag::{Code, Diagnostic, near};
use crate::model::{Action, Binding, Body, Input, Kind, OnFailure, Place, Step, StepTemplate, Text, Tree};

/// A step with what only the checks need.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) step: Step,
    /// `needs` as written, with places; `None` when left out.
    pub(super) needs: Option<Vec<(String, Place)>>,
    pub(super) said: Said,
    /// The runbook that it brings in.
    pub(super) inner: Option<Rc<Inner>>,
}

/// Reads a list of steps.
pub(super) fn steps(cx: &mut Context<'_>, field: Field<'_>) -> Vec<Draft> {
    let NodeKind::List(items) = &field.node.kind else {
        super::fields::wrong_type(cx, field.node, Some(field.spec), "a list of steps");
        return Vec::new();
    };
    let mut drafts = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        if let Some(of) = fields(cx, item, &STEP, None) {
            drafts.push(draft(cx, &of, field.spec.name, index));
        }
    }
    drafts
}

fn draft(cx: &mut Context<'_>, of: &Fields<'_>, list: &str, index: usize) -> Draft {
    let (id, at) = id(cx, of, list, index);
    let (binding, body) = match of.get("uses") {
        Some(field) => used(cx, of, field),
        None => (None, body(cx, of, at)),
    };
    let inner = sub::read(cx, of, &id, &body);
    let on_failure = [OnFailure::Pause, OnFailure::Rollback, OnFailure::Continue];
    let mut guard = of.get("guard").and_then(|field| gate(cx, field));
    if let (Some(guard), None) = (&mut guard, &binding) {
        let env = of.get("env").map(|field| field.texts(cx)).unwrap_or_default();
        let dir = of.get("dir").and_then(|field| field.text(cx));
        super::command::inherit(&mut guard.command, &env, dir.as_ref());
    }
    if let (Some(field), Action::Approve(_) | Action::Manual(_)) = (of.get("guard"), &body.action) {
        cx.report.push(
            Diagnostic::new(Code::KeyNeeds, "a `guard` can't stop a person")
                .at(field.key, "polled while an action runs, which it stops")
                .help("make it the `check` of the steps after this one"),
        );
    }
    super::pointless::tell(cx, of, &body);
    let mut body = body;
    body.tools.extend(super::gate_use::tools(cx, guard.as_deref().into_iter()));
    let step = Step {
        id,
        at,
        title: of.get("title").and_then(|field| field.text(cx)),
        about: of.get("about").and_then(|field| field.line(cx)),
        phase: of.get("phase").and_then(|field| field.line(cx)),
        needs: Vec::new(),
        when: of.get("when").and_then(|field| field.expr(cx)),
        for_each: of.get("for_each").and_then(|field| for_each(cx, field)),
        max_parallel: of.get("max_parallel").and_then(|field| field.count(cx)),
        binding,
        body,
        retry: of.get("retry").and_then(|field| {
            let over = cx.tries_by_default || of.get("uses").is_some();
            retry(cx, field, over)
        }),
        timeout: of.get("timeout").and_then(|field| field.duration(cx)),
        grace: of.get("grace").and_then(|field| field.duration(cx)),
        on_failure: of.get("on_failure").and_then(|field| field.word(cx)).map(|index| on_failure[index]),
        on_interrupt: on_interrupt(cx, of),
        lock: of.get("lock").and_then(|field| field.text(cx)),
        sensitive: of.get("sensitive").and_then(|field| field.boolean(cx)).unwrap_or(false),
        guard,
        environment: Vec::new(),
        inherited: Vec::new(),
        sub: None,
    };
    if let (Some(tree), Some(_)) = (&step.for_each, &inner) {
        sub::known_before(cx, &format!("what `{}` goes over", step.id), tree);
    }
    if let (Some(field), None) = (of.get("max_parallel"), &step.for_each) {
        cx.report.push(
            Diagnostic::new(Code::KeyNeeds, "`max_parallel` of a step makes no sense without `for_each`")
                .at(field.key, "")
                .help("remove it, or set `max_parallel` of the runbook"),
        );
    }
    let said = Said { output: of.get("output").is_some(), sensitive: of.get("sensitive").is_some() };
    Draft { step, needs: of.get("needs").and_then(|field| field.names(cx)), said, inner }
}

fn id(cx: &mut Context<'_>, of: &Fields<'_>, list: &str, index: usize) -> (String, Place) {
    let unnamed = format!("{list}-{}", index + 1);
    let Some(field) = of.get("id") else {
        cx.report.push(
            Diagnostic::new(Code::MissingKey, "a step needs an `id`")
                .at(of.place, "")
                .help("a short name of your choice, such as `id: scale-api`"),
        );
        return (unnamed, of.place);
    };
    match field.line(cx) {
        Some(id) => {
            names::check_id(cx, &id, field.node.place);
            (id, field.node.place)
        }
        None => (unnamed, field.node.place),
    }
}

/// A text is a bare expression; it is kept in braces, so that every text in the tree is a template.
fn for_each(cx: &mut Context<'_>, field: Field<'_>) -> Option<Tree> {
    match &field.node.kind {
        NodeKind::Str(_) => {
            let expr = field.expr(cx)?.0;
            Some(Tree::Text(Text { src: format!("{{{{ {} }}}}", expr.src.trim()), at: expr.at }))
        }
        NodeKind::List(_) | NodeKind::Map(_) => Some(tree(field.node)),
        _ => {
            super::fields::wrong_type(cx, field.node, Some(field.spec), "an expression, a list or a map");
            // Kept as something, so that `item` is not told as well.
            Some(Tree::Plain(serde_json::Value::Null))
        }
    }
}

/// Expands `uses`.
fn used(cx: &mut Context<'_>, of: &Fields<'_>, field: Field<'_>) -> (Option<Box<Binding>>, Body) {
    let Some(name) = field.line(cx) else { return (None, Body::default()) };
    let with = with(cx, of);
    let known = names::is_template(&name) && cx.library.has(&name);
    if !known {
        unknown_template(cx, &name, field.node.place);
    }
    let first = !cx.has_read(&name);
    let template = if known { cx.template(&name) } else { None };
    if first {
        replaced(cx, &name, field.node.place);
    }
    foreign_keys(cx, of, &name);
    let Some(known) = template else {
        let binding =
            Binding { template: name, with: trees(with), at: field.node.place, ..Binding::default() };
        return (Some(Box::new(binding)), Body::default());
    };
    if let (Some(item), None) = (known.item, of.get("for_each")) {
        cx.report.push(
            Diagnostic::new(
                Code::NoItem,
                format!("the template `{name}` uses `item`, so the step needs `for_each`"),
            )
            .at(field.node.place, "")
            .also(item, "used here"),
        );
    }
    let template = &known.template;
    check_with(cx, template, &with, field.node.place);
    let binding = Binding {
        template: name,
        title: template.title.clone(),
        with: trees(with),
        params: template.params.clone(),
        at: field.node.place,
    };
    (Some(Box::new(binding)), template.body.clone())
}

/// One entry of `with`.
pub(super) struct Given {
    name: String,
    key: Place,
    value: Place,
    tree: Tree,
}

pub(super) fn with(cx: &mut Context<'_>, of: &Fields<'_>) -> Vec<Given> {
    let Some(field) = of.get("with") else { return Vec::new() };
    let entries = field.entries(cx).iter();
    entries
        .map(|(key, node)| Given {
            name: key.text.clone(),
            key: key.place,
            value: node.place,
            tree: tree(node),
        })
        .collect()
}

pub(super) fn trees(with: Vec<Given>) -> Vec<(String, Tree)> {
    with.into_iter().map(|given| (given.name, given.tree)).collect()
}

// RB0212
pub(super) fn replaced(cx: &mut Context<'_>, name: &str, place: Place) {
    if cx.library.replaces(name) {
        cx.report.push(
            Diagnostic::new(
                Code::OverriddenTemplate,
                format!("the project's own `steps/{name}.yaml` is used in place of the one in the library"),
            )
            .at(place, ""),
        );
    }
}

// RB0205
pub(super) fn unknown_template(cx: &mut Context<'_>, name: &str, place: Place) {
    if cx.report.is_full() {
        // Only counted: what it would say is looked for among all templates.
        cx.report
            .push(Diagnostic::new(Code::UnknownTemplate, "there is no such step template").at(place, ""));
        return;
    }
    let names = cx.library.names();
    let mut diagnostic =
        Diagnostic::new(Code::UnknownTemplate, format!("there is no step template `{}`", shortened(name)));
    diagnostic = match near(name, names.iter().map(String::as_str)) {
        Some(meant) => diagnostic.at(place, format!("did you mean `{meant}`?")),
        None => diagnostic.at(place, "not in the library, and not in `steps/`"),
    };
    let tool = name.split('/').next().unwrap_or_default();
    let same: Vec<&str> =
        names.iter().map(String::as_str).filter(|known| known.split('/').next() == Some(tool)).collect();
    if !same.is_empty() {
        diagnostic = diagnostic.note(format!("for `{}` there are {}", shortened(tool), some(&same)));
    } else if names::is_template(name) {
        diagnostic = diagnostic.help(format!("a template of your own goes into `steps/{name}.yaml`"));
    }
    cx.report.push(diagnostic);
}

// RB0107
fn foreign_keys(cx: &mut Context<'_>, of: &Fields<'_>, template: &str) {
    let from_template = |name: &str| {
        matches!(name, "run" | "shell" | "runbook" | "vars" | "env" | "dir" | "stdin")
            || BODY.iter().any(|spec| spec.name == name)
    };
    for key in of.keys().filter(|key| from_template(&key.text)) {
        let diagnostic = Diagnostic::new(
            Code::NotWithUses,
            format!("`{}` can't be set here: the template `{template}` says what the step does", key.text),
        )
        .at(key.place, "");
        cx.report.push(diagnostic.help(match key.text.as_str() {
            "run" | "shell" | "gate" | "approve" | "manual" | "wait" | "runbook" => {
                "keep either it or `uses`; or make two steps"
            }
            // It would reach each of the template's commands, also those that whoever wrote it thought of without it.
            "env" => {
                "hand it to a param of the template (a secret to one of `type: secret`); what every command of the run \
                 is to have goes into `environment` of the runbook; or copy the template into the project's `steps/`"
            }
            _ => "remove it; or copy the template into the project's `steps/` and change it there",
        }));
    }
}

// RB0206, RB0207, RB0208
pub(super) fn check_with(cx: &mut Context<'_>, template: &StepTemplate, with: &[Given], uses: Place) {
    let params = &template.params;
    // A slip of the keyboard is told once, and not again as something missing.
    let meant = |given: &Given| {
        let known = params.iter().any(|param| param.name == given.name);
        near(&given.name, params.iter().map(|param| param.name.as_str())).filter(|_| !known)
    };
    for given in with {
        match params.iter().find(|param| param.name == given.name) {
            Some(param) => check_value(cx, template, param, given),
            None => {
                let names = || params.iter().map(|param| param.name.as_str());
                let mut diagnostic = Diagnostic::new(
                    Code::UnknownParam,
                    format!("the template `{}` has no param `{}`", template.name, shortened(&given.name)),
                );
                diagnostic = match near(&given.name, names()) {
                    Some(meant) => diagnostic.at(given.key, format!("did you mean `{meant}`?")),
                    None => diagnostic.at(given.key, "not known here"),
                };
                let known = list(names(), "and");
                cx.report.push(if known.is_empty() {
                    diagnostic.note("it has no params")
                } else {
                    diagnostic.note(format!("its params are {known}"))
                });
            }
        }
    }
    let missing: Vec<&Input> = params
        .iter()
        .filter(|param| param.required && param.default.is_none())
        .filter(|param| {
            !with.iter().any(|given| given.name == param.name || meant(given) == Some(&param.name))
        })
        .collect();
    if let Some(first) = missing.first() {
        let names = list(missing.iter().map(|param| param.name.as_str()), "and");
        let plural = if missing.len() == 1 { "param" } else { "params" };
        let mut diagnostic = Diagnostic::new(
            Code::MissingParam,
            format!("the template `{}` needs the {plural} {names}", template.name),
        )
        .at(uses, "")
        .help(format!("add under `with`: `{}: {}`", first.name, example(first)));
        if let Some(help) = &first.help {
            diagnostic = diagnostic.note(format!("`{}`: {help}", first.name));
        }
        cx.report.push(diagnostic);
    }
}

fn example(param: &Input) -> String {
    if let Some(value) = param.ty.one_of.first() {
        return value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    }
    match param.ty.kind {
        Kind::Integer | Kind::Number => format!("{}", param.ty.min.unwrap_or(1.0)),
        Kind::Boolean => "true".to_owned(),
        Kind::Duration => "5m".to_owned(),
        Kind::List => "[…]".to_owned(),
        Kind::Map => "{…}".to_owned(),
        _ => "…".to_owned(),
    }
}

fn check_value(cx: &mut Context<'_>, template: &StepTemplate, param: &Input, given: &Given) {
    let told = |message: String| {
        Diagnostic::new(
            Code::BadParam,
            format!("`{}` of the template `{}`: {message}", param.name, template.name),
        )
        .at(given.value, "")
        .also(param.at, "declared here")
    };
    match given.tree.literal() {
        // Null for what is not required says the same as leaving it out.
        Some(serde_json::Value::Null) if !param.required || param.default.is_some() => {}
        Some(value) => {
            if let Some((message, help)) = typed::misfit(&param.ty, &value) {
                let diagnostic = told(message);
                cx.report.push(match help {
                    Some(help) => diagnostic.help(help),
                    None => diagnostic,
                });
            }
        }
        None => {
            if let Tree::Text(text) = &given.tree
                && !is_one_expression(&text.src)
                && matches!(
                    param.ty.kind,
                    Kind::Integer | Kind::Number | Kind::Boolean | Kind::List | Kind::Map
                )
            {
                cx.report.push(
                    told(format!("wants `{}`, and this is always text", param.ty.kind.name()))
                        .help("only a value that is exactly one `{{ … }}` keeps its type"),
                );
            }
        }
    }
}

/// Says whether a text is exactly one `{{ … }}`, so that the value keeps its type.
pub(super) fn is_one_expression(text: &str) -> bool {
    text.strip_prefix("{{")
        .and_then(|rest| rest.strip_suffix("}}"))
        .is_some_and(|inner| !inner.contains("{{") && !inner.contains("}}"))
}
