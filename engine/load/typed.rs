//! Declarations of typed inputs: vars, params, answers.

use regex::Regex;

use super::context::Context;
use super::fields::{Field, Fields, fields, wrong_type};
use super::keys::{FROM, INPUT};
use super::names;
use super::node::{Key, Node, NodeKind};
use crate::diag::{Code, Diagnostic};
use crate::model::{Format, Input, Kind, SecretSource, Text, Type, Value};
use crate::template::fit;

/// The order of [`super::keys::FORMATS`].
const FORMATS: [Format; 3] = [Format::DnsLabel, Format::DnsName, Format::Quantity];

/// Reads a map of declarations by name. With `templates`, a text default may refer to the inputs before it.
pub(super) fn inputs(cx: &mut Context<'_>, field: Field<'_>, what: &str, templates: bool) -> Vec<Input> {
    let mut inputs = Vec::new();
    for (key, node) in field.entries(cx) {
        let input = input(cx, key, node, what, templates);
        let default = node.get("default").filter(|_| templates && input.default.is_some());
        if let Some(Node { kind: NodeKind::Str(src), place }) = default {
            super::check::default_text(cx, &inputs, &Text { src: src.clone(), at: *place });
        }
        inputs.push(input);
    }
    inputs
}

fn input(cx: &mut Context<'_>, key: &Key, node: &Node, what: &str, templates: bool) -> Input {
    names::check(cx, key, what);
    let mut input = Input { name: key.text.clone(), at: key.place, required: true, ..Input::default() };
    // `env: string` is what people try first.
    if let NodeKind::Str(word) = &node.kind
        && let Some((_, kind)) = Kind::NAMES.iter().find(|(name, _)| name == word)
    {
        cx.report.push(
            Diagnostic::new(Code::WrongType, format!("{what} is declared by a map"))
                .at(node.place, "this is text")
                .help(format!("write `{}: {{type: {word}}}`", key.text)),
        );
        input.ty.kind = *kind;
        return input;
    }
    let Some(of) = fields(cx, node, &INPUT, None) else { return input };
    input.ty = ty(cx, &of);
    input.help = of.get("help").and_then(|field| field.line(cx));
    input.from = from(cx, &of, input.ty.kind);
    if let Some(default) = of.get("default") {
        default_fits(cx, default, &input.ty, templates);
        // `default: null` says the same as no default.
        input.default = (default.node.kind != NodeKind::Null).then(|| default.data());
    }
    let required = of.get("required").and_then(|field| field.boolean(cx));
    input.required = required.unwrap_or(input.default.is_none());
    input
}

fn ty(cx: &mut Context<'_>, of: &Fields<'_>) -> Type {
    let kind = match of.get("type") {
        Some(field) => field.word(cx).map_or(Kind::Any, |index| Kind::NAMES[index].1),
        None => {
            cx.report.push(
                Diagnostic::new(Code::MissingKey, "a `type` is missing")
                    .at(of.place, "")
                    .help("for example `type: string`"),
            );
            Kind::Any
        }
    };
    let mut ty = Type { kind, ..Type::default() };
    let text = matches!(kind, Kind::String | Kind::Secret | Kind::Any);
    let number = matches!(kind, Kind::Integer | Kind::Number | Kind::Any);
    let bound = |cx: &mut Context<'_>, name: &str, fits: bool, on: &str| {
        let field = of.get(name)?;
        if !fits {
            cx.report.push(
                Diagnostic::new(
                    Code::KeyNeeds,
                    format!("`{name}` is for {on}, and the type here is `{}`", kind.name()),
                )
                .at(field.key, "")
                .help("remove it, or change the type"),
            );
            return None;
        }
        Some(field)
    };
    if let Some(field) = bound(cx, "pattern", text, "text") {
        ty.pattern = field.line(cx).filter(|pattern| pattern_is_read(cx, field, pattern));
    }
    if let Some(field) = bound(cx, "format", text, "text") {
        ty.format = field.word(cx).map(|index| FORMATS[index]);
    }
    if let Some(field) = bound(cx, "min", number, "numbers") {
        ty.min = field.number(cx, f64::NEG_INFINITY, f64::INFINITY);
    }
    if let Some(field) = bound(cx, "max", number, "numbers") {
        ty.max = field.number(cx, f64::NEG_INFINITY, f64::INFINITY);
    }
    if let Some(field) = of.get("enum") {
        ty.one_of = one_of(cx, field, &ty);
    }
    ty
}

// RB0108
fn pattern_is_read(cx: &mut Context<'_>, field: Field<'_>, pattern: &str) -> bool {
    let Err(error) = Regex::new(pattern) else { return true };
    // The last line of the library's message says what is wrong; those before it draw it.
    let why = error.to_string();
    let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
    cx.report.push(
        Diagnostic::new(Code::BadPattern, format!("the pattern is not a regular expression: {why}"))
            .at(field.node.place, ""),
    );
    false
}

fn one_of(cx: &mut Context<'_>, field: Field<'_>, ty: &Type) -> Vec<Value> {
    let NodeKind::List(items) = &field.node.kind else {
        wrong_type(cx, field.node, Some(field.spec), "a list of values");
        return Vec::new();
    };
    if items.is_empty() {
        cx.report.push(
            Diagnostic::new(Code::BadValue, "`enum` is empty, so no value could ever fit")
                .at(field.key, "")
                .help("list the values, or remove `enum`"),
        );
    }
    for item in items {
        if let Some((message, _)) = misfit(ty, &item.value()) {
            cx.report.push(
                Diagnostic::new(Code::BadDefault, format!("a value of `enum` does not fit: {message}"))
                    .at(item.place, ""),
            );
        }
    }
    items.iter().map(Node::value).collect()
}

// RB0109
fn default_fits(cx: &mut Context<'_>, field: Field<'_>, ty: &Type, templates: bool) {
    let value = field.data();
    if field.node.kind == NodeKind::Null || field.node.is_bad() {
        return;
    }
    if ty.kind == Kind::Secret {
        cx.report.push(
            Diagnostic::new(Code::SecretDefault, "a secret can't have a default: it would stand in the file")
                .at(field.node.place, "")
                .help("take it from the environment: `from: {env: NAME}`"),
        );
        return;
    }
    if templates && value.as_str().is_some_and(|text| text.contains("{{")) {
        return;
    }
    if let Some((message, help)) = misfit(ty, &value) {
        let diagnostic =
            Diagnostic::new(Code::BadDefault, format!("the default does not fit its type: {message}"))
                .at(field.node.place, "");
        cx.report.push(match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        });
    }
}

/// Returns why `value` does not fit `ty`, and what to do about it. The help knows how the value was written in YAML.
pub(super) fn misfit(ty: &Type, value: &Value) -> Option<(String, Option<String>)> {
    let misfit = fit(ty, value.clone()).err()?;
    let help = misfit.help.or_else(|| match (ty.kind, value) {
        (Kind::String, Value::Number(_) | Value::Bool(_)) => Some(format!("put it in quotes: \"{value}\"")),
        (Kind::Duration, Value::Number(number)) => Some(format!("add a unit: `{number}s`")),
        (Kind::Integer | Kind::Number, Value::String(text)) if text.parse::<f64>().is_ok() => {
            Some(format!("leave out the quotes: `{text}`"))
        }
        (Kind::Boolean, Value::String(text)) if matches!(text.as_str(), "yes" | "on" | "true") => {
            Some("write `true`".to_owned())
        }
        (Kind::Boolean, Value::String(text)) if matches!(text.as_str(), "no" | "off" | "false") => {
            Some("write `false`".to_owned())
        }
        _ => None,
    });
    Some((misfit.message, help))
}

fn from(cx: &mut Context<'_>, of: &Fields<'_>, kind: Kind) -> Option<SecretSource> {
    let field = of.get("from")?;
    if kind != Kind::Secret {
        cx.report.push(
            Diagnostic::new(Code::KeyNeeds, "`from` is for secrets only")
                .at(field.key, "")
                .help("write `type: secret`, or remove `from`"),
        );
        return None;
    }
    let from = fields(cx, field.node, &FROM, Some(field.spec))?;
    let written: Vec<_> = from.keys().filter(|key| FROM.get(&key.text).is_some()).collect();
    if written.len() != 1 {
        cx.report.push(
            Diagnostic::new(Code::OneAction, "`from` takes exactly one of `env`, `file` and `command`")
                .at(field.key, "")
                .help("for example `from: {env: SLACK_WEBHOOK}`"),
        );
        return None;
    }
    if let Some(field) = from.get("env") {
        return field.line(cx).map(SecretSource::Env);
    }
    if let Some(field) = from.get("file") {
        return field.line(cx).map(SecretSource::File);
    }
    let field = from.get("command")?;
    let words = match super::command::line(cx, field)? {
        crate::model::Line::Words(words) | crate::model::Line::List(words) => words,
        crate::model::Line::Shell(_) => return None,
    };
    Some(SecretSource::Command(words.into_iter().map(|word| word.src).collect()))
}
