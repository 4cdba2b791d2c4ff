//! Reading the keys of a map by their table: every mistake is told, and reading goes on.

use super::context::Context;
use super::keys::{DEFAULTS, Form, STEP, Spec, Table, list};
use super::node::{Key, Node, NodeKind};
use crate::diag::{Code, Diagnostic, near};
use crate::model::{Expr, Place, Text, Tree, Value, parse_duration};

/// A map whose keys were checked against a table.
#[derive(Clone)]
pub(super) struct Fields<'n> {
    pub(super) table: &'static Table,
    /// Where the map stands: its first key, since a block map has no text of its own.
    pub(super) place: Place,
    entries: &'n [(Key, Node)],
    /// Unknown keys that were surely meant to be known ones, by their index. They are read as such, so that one
    /// slip of the keyboard is told once and not again as something missing.
    meant: Vec<(usize, &'static str)>,
}

/// One key of a map with its value.
#[derive(Clone, Copy)]
pub(super) struct Field<'n> {
    pub(super) spec: &'static Spec,
    pub(super) key: Place,
    pub(super) node: &'n Node,
}

impl<'n> Fields<'n> {
    /// Returns the key's value when the map has it.
    pub(super) fn get(&self, name: &str) -> Option<Field<'n>> {
        let spec = self.table.get(name)?;
        let written = self.entries.iter().find(|(key, _)| key.text == name);
        let meant =
            || self.meant.iter().find(|(_, meant)| *meant == name).map(|(index, _)| &self.entries[*index]);
        let (key, node) = written.or_else(meant)?;
        Some(Field { spec, key: key.place, node })
    }

    /// Returns the keys that the map has, in the order written.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'n Key> {
        self.entries.iter().map(|(key, _)| key)
    }
}

/// Reads `node` as a map with the keys of `table`. `holder` says whose value it is, for a value of another type.
pub(super) fn fields<'n>(
    cx: &mut Context<'_>,
    node: &'n Node,
    table: &'static Table,
    holder: Option<&Spec>,
) -> Option<Fields<'n>> {
    let NodeKind::Map(entries) = &node.kind else {
        match holder {
            Some(spec) => wrong_type(cx, node, Some(spec), &spec.form.wants()),
            None => not_a_map(cx, node, table),
        }
        return None;
    };
    let mut fields = Fields {
        table,
        place: entries.first().map_or(node.place, |(key, _)| key.place),
        entries,
        meant: Vec::new(),
    };
    for (index, (key, _)) in entries.iter().enumerate().filter(|(_, (key, _))| table.get(&key.text).is_none())
    {
        let meant = meant(key, table);
        if std::ptr::eq(table, &DEFAULTS) && STEP.get(&key.text).is_some() {
            cx.report.push(not_a_default(key));
            continue;
        }
        cx.report.push(unknown_key(key, table, meant));
        let written = meant.and_then(|meant| entries.iter().find(|(key, _)| key.text == meant));
        fields.meant.extend(meant.filter(|_| written.is_none()).map(|meant| (index, meant)));
    }
    Some(fields)
}

fn not_a_map(cx: &mut Context<'_>, node: &Node, table: &Table) {
    if node.is_bad() {
        return;
    }
    let keys: Vec<_> = table.keys().take(3).collect();
    let example: Vec<&str> = keys.iter().map(|spec| spec.example).collect();
    cx.report.push(
        Diagnostic::new(
            Code::WrongType,
            format!("{} is a map of keys and values, not {}", table.what, node.described()),
        )
        .at(node.place, format!("this is {}", node.described()))
        .help(format!("it begins like this:\n  {}", example.join("\n  "))),
    );
}

/// Returns the key that was most likely meant.
fn meant(key: &Key, table: &'static Table) -> Option<&'static str> {
    // What people bring along from other tools, beyond the reach of spelling.
    let habit = match (table.what, key.text.as_str()) {
        ("a step", "name" | "label") => Some("title"),
        ("a step" | "a gate" | "`rollback`" | "`capture`", "command" | "cmd" | "exec") => Some("run"),
        ("a step" | "a gate" | "`rollback`" | "`capture`", "script" | "bash" | "sh") => Some("shell"),
        ("a step", "if" | "condition" | "only_if") => Some("when"),
        ("a step", "depends_on" | "after" | "dependsOn" | "requires") => Some("needs"),
        ("a step", "loop" | "with_items" | "foreach" | "matrix") => Some("for_each"),
        ("a step", "params" | "args" | "inputs") => Some("with"),
        ("a step", "template") => Some("uses"),
        ("a step" | "a step template", "undo" | "revert") => Some("rollback"),
        ("a step" | "a gate", "cwd" | "working_directory" | "workdir" | "chdir") => Some("dir"),
        ("a step" | "a step template", "environment") => Some("env"),
        ("a gate", "until" | "expect" | "assert" | "condition") => Some("pass"),
        ("a gate", "interval" | "poll") => Some("every"),
        ("`hooks`", "start" | "begin" | "began" | "opened") => Some("started"),
        ("`hooks`", "wait" | "waits" | "approval" | "approve" | "asked" | "paused") => Some("waiting"),
        ("`hooks`", "failure" | "error" | "on_failure" | "on_error") => Some("failed"),
        ("`hooks`", "interrupted" | "cancelled" | "canceled" | "aborted") => Some("stopped"),
        ("`hooks`", "success" | "succeeded" | "done" | "completed" | "on_success") => Some("finished"),
        ("`hooks`", "rollback" | "undone" | "rolled back") => Some("rolled_back"),
        ("a hook", "command" | "cmd" | "exec") => Some("run"),
        ("a hook", "script" | "bash" | "sh") => Some("shell"),
        ("a hook", "cwd" | "working_directory" | "workdir") => Some("dir"),
        ("a runbook", "notify" | "notifications" | "webhooks") => Some("hooks"),
        ("a runbook", "name") => Some("runbook"),
        ("a runbook", "env") => Some("environment"),
        ("a runbook", "variables" | "inputs" | "parameters") => Some("vars"),
        ("a runbook", "description") => Some("summary"),
        ("a step template", "name") => Some("step"),
        ("a step template", "inputs" | "vars" | "parameters") => Some("params"),
        ("a var or param", "description" | "prompt") => Some("help"),
        ("a var or param", "choices" | "options" | "values") => Some("enum"),
        ("a var or param", "regex") => Some("pattern"),
        ("a var or param", "optional") => Some("required"),
        ("`retry`", "max_attempts" | "times" | "count" | "retries") => Some("attempts"),
        ("`retry`", "interval" | "sleep") => Some("delay"),
        _ => None,
    };
    habit.or_else(|| near(&key.text, table.keys().map(|spec| spec.name)))
}

// RB0101
fn unknown_key(key: &Key, table: &'static Table, meant: Option<&str>) -> Diagnostic {
    let diagnostic =
        Diagnostic::new(Code::UnknownKey, format!("{} has no key `{}`", table.what, shortened(&key.text)));
    if table.what == "a hook" && key.text == "stdin" {
        return diagnostic
            .at(key.place, "the event stands there, as JSON")
            .help("hand other values over by `env`; the page of `hooks` says what the event holds");
    }
    match meant {
        Some(meant) => {
            let example = table.get(meant).map_or("", |spec| spec.example);
            diagnostic
                .at(key.place, format!("did you mean `{meant}`?"))
                .help(format!("write it as in `{example}`"))
        }
        None => {
            let names: Vec<_> = table.keys().map(|spec| spec.name).collect();
            diagnostic.at(key.place, "not known here").note(format!("the keys are {}", list(names, "and")))
        }
    }
}

// RB0114
fn not_a_default(key: &Key) -> Diagnostic {
    let name = key.text.as_str();
    let diagnostic = Diagnostic::new(Code::NotADefault, format!("`{name}` can't be a default"));
    match name {
        "on_failure" => diagnostic
            .at(key.place, "the runbook's own `on_failure` holds for every step")
            .help("write it one level up: `on_failure: rollback`"),
        "env" => diagnostic
            .at(key.place, "the runbook's `environment` is for every command")
            .help("write it one level up: `environment: {AWS_REGION: us-west-2}`"),
        _ => {
            let names: Vec<_> = DEFAULTS.keys().map(|spec| spec.name).collect();
            diagnostic
                .at(key.place, "who reads a step must see it there")
                .help("write it in each step that wants it")
                .note(format!("`defaults` takes {}", list(names, "and")))
        }
    }
}

/// Returns a text that fits into a message.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

// RB0102
pub(super) fn wrong_type(cx: &mut Context<'_>, node: &Node, holder: Option<&Spec>, wanted: &str) {
    if node.is_bad() {
        return;
    }
    let subject = holder.map_or("this".to_owned(), |spec| format!("`{}`", spec.name));
    let found = node.described();
    let mut diagnostic = if node.kind == NodeKind::Null {
        Diagnostic::new(Code::WrongType, format!("{subject} has no value; it wants {wanted}"))
            .at(node.place, "")
    } else {
        Diagnostic::new(Code::WrongType, format!("{subject} wants {wanted}, not {found}"))
            .at(node.place, format!("this is {found}"))
    };
    if let Some(spec) = holder {
        diagnostic = match (&node.kind, spec.form) {
            (NodeKind::Str(text), Form::Names) if !text.contains([',', '\n']) => {
                diagnostic.help(format!("write `{}: [{}]`", spec.name, shortened(text)))
            }
            _ => diagnostic.help(format!("for example `{}`", spec.example)),
        };
    }
    cx.report.push(diagnostic);
}

impl Field<'_> {
    fn wrong(&self, cx: &mut Context<'_>) {
        wrong_type(cx, self.node, Some(self.spec), &self.spec.form.wants());
    }

    /// Reads text without templates. A number or truth value counts as the text it was written as.
    pub(super) fn line(&self, cx: &mut Context<'_>) -> Option<String> {
        let text = scalar(cx, self.node);
        if text.is_none() {
            self.wrong(cx);
        }
        text.map(|text| text.src)
    }

    /// Reads text that may hold templates.
    pub(super) fn text(&self, cx: &mut Context<'_>) -> Option<Text> {
        let text = scalar(cx, self.node);
        if text.is_none() {
            self.wrong(cx);
        }
        text
    }

    /// Reads a bare expression.
    pub(super) fn expr(&self, cx: &mut Context<'_>) -> Option<Expr> {
        expr(cx, self.node, self.spec)
    }

    /// Reads a duration; one without templates is checked. (RB0104)
    pub(super) fn duration(&self, cx: &mut Context<'_>) -> Option<Text> {
        let text = self.text(cx)?;
        if text.is_literal()
            && let Err(error) = parse_duration(&text.src)
        {
            let mut diagnostic =
                Diagnostic::new(Code::BadDuration, format!("`{}` is not a duration", shortened(&error.0)))
                    .at(self.node.place, "a number with a unit is wanted");
            diagnostic = match text.src.trim().parse::<u64>() {
                Ok(number) => diagnostic.help(format!("write `{}: {number}s` for seconds", self.spec.name)),
                Err(_) => {
                    diagnostic.help("units are ms, s, m, h and d, as in `30s`, `5m`, `1h30m` or `250ms`")
                }
            };
            cx.report.push(diagnostic);
            return None;
        }
        Some(text)
    }

    /// Reads `true` or `false`.
    pub(super) fn boolean(&self, cx: &mut Context<'_>) -> Option<bool> {
        match &self.node.kind {
            NodeKind::Bool(value) => Some(*value),
            NodeKind::Str(word) if matches!(word.as_str(), "yes" | "on" | "no" | "off") => {
                let meant = matches!(word.as_str(), "yes" | "on");
                cx.report.push(
                    Diagnostic::new(
                        Code::WrongType,
                        format!("`{}` wants true or false; `{word}` is text", self.spec.name),
                    )
                    .at(self.node.place, "this is text")
                    .help(format!("write `{}: {meant}`", self.spec.name)),
                );
                None
            }
            _ => {
                self.wrong(cx);
                None
            }
        }
    }

    /// Reads a whole number of at least 1.
    pub(super) fn count(&self, cx: &mut Context<'_>) -> Option<u32> {
        let number = match &self.node.kind {
            NodeKind::Number(number) => {
                number.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0)
            }
            _ => {
                self.wrong(cx);
                return None;
            }
        };
        if number.is_none() {
            cx.report.push(
                Diagnostic::new(
                    Code::WrongType,
                    format!("`{}` wants {}", self.spec.name, self.spec.form.wants()),
                )
                .at(self.node.place, "")
                .help(format!("for example `{}`", self.spec.example)),
            );
        }
        number
    }

    /// Reads a number within bounds.
    pub(super) fn number(&self, cx: &mut Context<'_>, least: f64, most: f64) -> Option<f64> {
        let NodeKind::Number(number) = &self.node.kind else {
            self.wrong(cx);
            return None;
        };
        let value = number.as_f64()?;
        if value < least || value > most {
            let bounds = match (least.is_finite(), most.is_finite()) {
                (true, true) => format!("from {least} to {most}"),
                (true, false) => format!("of at least {least}"),
                _ => format!("of at most {most}"),
            };
            cx.report.push(
                Diagnostic::new(Code::BadValue, format!("`{}` wants a number {bounds}", self.spec.name))
                    .at(self.node.place, "")
                    .help(format!("for example `{}`", self.spec.example)),
            );
            return None;
        }
        Some(value)
    }

    /// Reads one of the words of its form and returns its index. (RB0105)
    pub(super) fn word(&self, cx: &mut Context<'_>) -> Option<usize> {
        let Form::OneOf(words) = self.spec.form else { return None };
        let Some(text) = scalar(cx, self.node) else {
            self.wrong(cx);
            return None;
        };
        let index = words.iter().position(|word| *word == text.src);
        if index.is_none() {
            let diagnostic = Diagnostic::new(
                Code::BadValue,
                format!("`{}` can't be `{}`", self.spec.name, shortened(&text.src)),
            );
            let habit = match (self.spec.name, text.src.as_str()) {
                ("type", "str" | "text") => Some("string"),
                ("type", "int" | "long") => Some("integer"),
                ("type", "float" | "double") => Some("number"),
                ("type", "array") => Some("list"),
                ("type", "object" | "dict") => Some("map"),
                ("type", "password") => Some("secret"),
                ("on_failure", "abort" | "stop" | "fail") => Some("pause"),
                ("on_failure", "ignore") => Some("continue"),
                ("effect", "write" | "none") => Some(if text.src == "write" { "change" } else { "read" }),
                _ => None,
            };
            let diagnostic = match habit.or_else(|| near(&text.src, words.iter().copied())) {
                Some(meant) => diagnostic.at(self.node.place, format!("did you mean `{meant}`?")),
                None => diagnostic.at(self.node.place, "not known here"),
            };
            cx.report.push(diagnostic.help(format!("it is {}", list(words.iter().copied(), "or"))));
        }
        index
    }

    /// Reads a list of plain texts with their places.
    pub(super) fn names(&self, cx: &mut Context<'_>) -> Option<Vec<(String, Place)>> {
        let NodeKind::List(items) = &self.node.kind else {
            if let (NodeKind::Str(text), "needs") = (&self.node.kind, self.spec.name) {
                return Some(vec![(text.clone(), self.node.place)]);
            }
            self.wrong(cx);
            return None;
        };
        let mut names = Vec::with_capacity(items.len());
        for item in items {
            match scalar(cx, item) {
                Some(text) => names.push((text.src, item.place)),
                None => wrong_type(cx, item, Some(self.spec), "texts in its list"),
            }
        }
        Some(names)
    }

    /// Reads a value as it is.
    pub(super) fn data(&self) -> Value {
        self.node.value()
    }

    /// Reads the entries of a map by name.
    pub(super) fn entries(&self, cx: &mut Context<'_>) -> &[(Key, Node)] {
        match &self.node.kind {
            NodeKind::Map(entries) => entries,
            _ => {
                self.wrong(cx);
                &[]
            }
        }
    }

    /// Reads a map of texts by name.
    pub(super) fn texts(&self, cx: &mut Context<'_>) -> Vec<(String, Text)> {
        let mut texts = Vec::new();
        for (key, node) in self.entries(cx) {
            match scalar(cx, node) {
                Some(text) => texts.push((key.text.clone(), text)),
                None => wrong_type(cx, node, Some(self.spec), "text for each name"),
            }
        }
        texts
    }

    /// Reads a map of expressions by name.
    pub(super) fn exprs(&self, cx: &mut Context<'_>) -> Vec<(String, Expr)> {
        let mut exprs = Vec::new();
        for (key, node) in self.entries(cx) {
            super::names::check(cx, key, "an output");
            if let Some(expr) = expr(cx, node, self.spec) {
                exprs.push((key.text.clone(), expr));
            }
        }
        exprs
    }
}

/// Returns a text, number or truth value as the text it was written as.
pub(super) fn scalar(cx: &Context<'_>, node: &Node) -> Option<Text> {
    let src = match &node.kind {
        NodeKind::Str(text) => text.clone(),
        // As written: `1.10` must not become `1.1`.
        NodeKind::Number(_) | NodeKind::Bool(_) => cx.sources.slice(node.place).to_owned(),
        _ => return None,
    };
    Some(Text { src, at: node.place })
}

fn expr(cx: &mut Context<'_>, node: &Node, spec: &'static Spec) -> Option<Expr> {
    let Some(text) = scalar(cx, node) else {
        wrong_type(cx, node, Some(spec), "an expression");
        return None;
    };
    let bare = text.src.trim();
    if bare.is_empty() {
        cx.report.push(
            Diagnostic::new(Code::NotAnExpression, format!("`{}` is empty", spec.name))
                .at(node.place, "an expression is wanted")
                .help(format!("for example `{}`", spec.example)),
        );
        return None;
    }
    // RB0305: `when`, `pass` and the like are expressions already; braces would make a text of them.
    if let Some(inner) = bare.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"))
        && !inner.contains("{{")
    {
        cx.report.push(
            Diagnostic::new(Code::NotAnExpression, format!("`{}` is an expression already", spec.name))
                .at(node.place, "braces are not wanted here")
                .help(format!("leave out the braces: `{}`", inner.trim())),
        );
        // Read on without them, so that what is inside is checked as well.
        let raw = cx.sources.slice(text.at);
        let offset = raw.find(inner.trim()).unwrap_or(0) as u32;
        let start = text.at.start + offset;
        let at = Place { start, end: start + inner.trim().len() as u32, ..text.at };
        return Some(Expr(Text { src: inner.trim().to_owned(), at }));
    }
    // Braces around a part of it.
    if bare.contains("{{") && cx.engine.check_expr(&text.src).is_err() {
        let plain = bare.replace("{{", "").replace("}}", "");
        let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
        cx.report.push(
            Diagnostic::new(Code::NotAnExpression, format!("`{}` is an expression already", spec.name))
                .at(node.place, "braces are not wanted here")
                .help(format!("leave out the braces: `{}`", shortened(&plain))),
        );
        return None;
    }
    Some(Expr(text))
}

/// Returns the value with its texts as templates.
pub(super) fn tree(node: &Node) -> Tree {
    match &node.kind {
        NodeKind::Str(text) => Tree::Text(Text { src: text.clone(), at: node.place }),
        NodeKind::List(items) => Tree::List(items.iter().map(tree).collect()),
        NodeKind::Map(entries) => {
            Tree::Map(entries.iter().map(|(key, node)| (key.text.clone(), tree(node))).collect())
        }
        _ => Tree::Plain(node.value()),
    }
}
