//! Commands: `run`, `shell` and what surrounds them.

use super::context::Context;
use super::fields::{Field, Fields, scalar, wrong_type};
use super::node::NodeKind;
use crate::diag::{Code, Diagnostic};
use crate::model::{Command, Line, Text};
use crate::template::Fault;

/// Reads `run` or `shell` of a map with `env`, `dir` and `stdin`. Exactly one of the two must be there.
pub(super) fn command(cx: &mut Context<'_>, of: &Fields<'_>) -> Option<Command> {
    let field = match (of.get("run"), of.get("shell")) {
        (Some(run), Some(shell)) => {
            cx.report.push(
                Diagnostic::new(Code::OneAction, format!("{} has both `run` and `shell`", of.table.what))
                    .at(shell.key, "a second command")
                    .also(run.key, "the first command")
                    .help("keep one of them"),
            );
            run
        }
        (Some(field), None) | (None, Some(field)) => field,
        (None, None) => {
            let ways = match of.table.get("uses") {
                Some(_) => "`run`, `shell` or `uses`",
                None => "`run` or `shell`",
            };
            cx.report.push(
                Diagnostic::new(Code::MissingKey, format!("{} needs {ways}", of.table.what))
                    .at(of.place, "")
                    .help("for example `run: kubectl get nodes -o json`"),
            );
            // What surrounds a missing command may hold mistakes of its own.
            around(cx, of, &mut Command::default());
            return None;
        }
    };
    let line = line(cx, field);
    let mut command = Command { at: field.key, ..Command::default() };
    around(cx, of, &mut command);
    command.line = line?;
    Some(command)
}

fn around(cx: &mut Context<'_>, of: &Fields<'_>, command: &mut Command) {
    if let Some(field) = of.get("env") {
        command.env = field.texts(cx);
        for (key, _) in field.entries(cx) {
            super::environment::variable_name(cx, key);
        }
    }
    command.dir = of.get("dir").and_then(|field| field.text(cx));
    command.stdin = of.get("stdin").and_then(|field| field.text(cx));
}

/// Gives `command` what the step says for all its commands and it does not say for itself.
pub(super) fn inherit(command: &mut Command, env: &[(String, Text)], dir: Option<&Text>) {
    let own = std::mem::take(&mut command.env);
    let shared = env.iter().filter(|(name, _)| !own.iter().any(|(known, _)| known == name));
    command.env = shared.cloned().chain(own.iter().cloned()).collect();
    if command.dir.is_none() {
        command.dir = dir.cloned();
    }
}

/// Reads a command line or script.
pub(super) fn line(cx: &mut Context<'_>, field: Field<'_>) -> Option<Line> {
    if field.spec.name == "shell" {
        let text = field.text(cx)?;
        if text.src.trim().is_empty() {
            empty(cx, field);
            return None;
        }
        if let Err(fault) = cx.engine.check_shell(&text.src) {
            let readable = cx.engine.check_text(&text.src).is_ok();
            told(cx, &text, &fault, if readable { Code::UnsafeShell } else { Code::TemplateSyntax });
        }
        return Some(Line::Shell(text));
    }
    let line = match &field.node.kind {
        NodeKind::List(items) => {
            let mut list = Vec::with_capacity(items.len());
            for item in items {
                match (scalar(cx, item), &item.kind) {
                    (Some(text), _) => list.push(text),
                    (None, NodeKind::Null) => {
                        // A literal null is left out, as a rendered one is.
                    }
                    (None, _) => wrong_type(cx, item, Some(field.spec), "texts as its arguments"),
                }
            }
            (!list.is_empty()).then_some(Line::List(list))
        }
        _ => {
            let text = field.text(cx)?;
            if text.src.trim().is_empty() {
                empty(cx, field);
                return None;
            }
            let words = match cx.engine.words(&text.src) {
                Ok(words) => words,
                Err(fault) => {
                    told(cx, &text, &fault, Code::BadCommand);
                    return None;
                }
            };
            let words: Vec<Text> = words
                .into_iter()
                .map(|(range, src)| Text { src, at: cx.sources.within(&text, range) })
                .collect();
            (!words.is_empty()).then_some(Line::Words(words))
        }
    };
    if line.is_none() && !field.node.is_bad() {
        empty(cx, field);
    }
    line
}

// RB0112
fn empty(cx: &mut Context<'_>, field: Field<'_>) {
    cx.report.push(
        Diagnostic::new(Code::EmptyCommand, format!("`{}` holds nothing to run", field.spec.name))
            .at(field.key, "")
            .help(format!("for example `{}`", field.spec.example)),
    );
}

/// Reads a command where text or a list stands for a whole command.
pub(super) fn bare(cx: &mut Context<'_>, field: Field<'_>) -> Option<Command> {
    Some(Command { line: line(cx, field)?, at: field.key, ..Command::default() })
}

/// Tells what the template room found wrong with `text`.
pub(super) fn told(cx: &mut Context<'_>, text: &Text, fault: &Fault, code: Code) {
    let place = cx.sources.within(text, fault.span.clone());
    let diagnostic = Diagnostic::new(code, fault.message.clone()).at(place, "");
    let habit = match text.src.get(fault.span.start..).unwrap_or_default() {
        rest if rest.starts_with('=') && !rest.starts_with("==") => Some("`==` compares"),
        rest if rest.starts_with("&&") => Some("write `and` for `&&`"),
        rest if rest.starts_with("||") => Some("write `or` for `||`"),
        rest if rest.starts_with('!') && !rest.starts_with("!=") => Some("write `not` for `!`"),
        rest if rest.starts_with('?') => Some("write `A if CONDITION else B`"),
        _ if fault.message.contains("is not closed by its end") => {
            Some("`{% if … %}` ends with `{% endif %}`, `{% for … %}` with `{% endfor %}`")
        }
        _ => None,
    };
    cx.report.push(match fault.help.as_deref().or(habit) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    });
}
