//! What kinds of values meet: in comparisons, conditions, arguments, and where a template's params are given.
//! (RB0208, RB0302, RB0309, RB0414)

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::context::Context;
use crate::diag::{Code, Diagnostic};
use crate::model::{
    Action, Binding, Body, Command, Expr, Gate, Input, Kind, Line, Map, Retry, Runbook, Step, StepTemplate,
    Text, Tree, Type, Value, Wait,
};
use crate::template::{Odd, Shape, Shaped, Stands};

/// What is known of the names in scope.
#[derive(Clone, Default)]
struct Known {
    /// Vars, tables and `let` values; in a template its params.
    own: Arc<BTreeMap<String, Shape>>,
    item: Option<Shape>,
    captured: Option<Shape>,
    steps: Option<Shape>,
    /// Whether the result of a command is there.
    result: bool,
}

impl Known {
    fn of(&self, name: &str) -> Option<Shape> {
        if let Some(own) = self.own.get(name) {
            return Some(own.clone());
        }
        match name {
            "item" => self.item.clone(),
            "captured" => self.captured.clone(),
            "steps" => self.steps.clone(),
            "stdout" | "stderr" if self.result => Some(Shape::Text),
            "exit_code" if self.result => Some(Shape::Number),
            "lines" if self.result => Some(Shape::List(Arc::new(Shape::Text))),
            _ => None,
        }
    }

    fn with_result(&self) -> Known {
        Known { result: true, ..self.clone() }
    }
}

/// Checks a runbook; `tables` are those that could be read.
pub(super) fn runbook(cx: &mut Context<'_>, runbook: &Runbook, tables: &Map) {
    let mut own = inputs(&runbook.vars);
    for table in &runbook.data {
        own.insert(table.name.clone(), tables.get(&table.name).map_or(Shape::Any, Shape::of));
    }
    let mut known = Known { own: Arc::new(own), ..Known::default() };
    for (name, tree_of) in &runbook.lets {
        let shape = tree(cx, &known, tree_of);
        Arc::make_mut(&mut known.own).insert(name.clone(), shape);
    }
    runbook.target.iter().for_each(|(_, of)| command(cx, &known, of));
    runbook.lock.iter().for_each(|lock| drop(text(cx, &known, lock, Stands::Anywhere)));
    runbook.protect.iter().for_each(|protect| drop(expr(cx, &known, protect, true)));
    let mut steps: BTreeMap<String, Shape> = BTreeMap::new();
    for of in runbook.steps.iter().chain(&runbook.finally) {
        known.steps = Some(Shape::Map(Arc::new(std::mem::take(&mut steps)), false));
        let outputs = step(cx, &known, of);
        // Taken back, not copied: 10,000 steps would make 10,000 copies of a growing map.
        if let Some(Shape::Map(known, _)) = known.steps.take() {
            steps = Arc::try_unwrap(known).unwrap_or_else(|shared| (*shared).clone());
        }
        if of.for_each.is_none() {
            let outputs = Shape::Map(Arc::new(outputs), false);
            let offered = BTreeMap::from([("outputs".to_owned(), outputs)]);
            steps.insert(of.id.clone(), Shape::Map(Arc::new(offered), false));
        }
    }
}

/// Checks a step template.
pub(super) fn template(cx: &mut Context<'_>, template: &StepTemplate) {
    let known = Known { own: Arc::new(inputs(&template.params)), ..Known::default() };
    text(cx, &known, &template.title, Stands::Anywhere);
    body(cx, &known, &template.body);
    let of = &template.body;
    of.retry.iter().for_each(|of| retry(cx, &known, of));
    of.timeout.iter().chain(&of.grace).for_each(|time| duration(cx, &known, time));
}

fn inputs(inputs: &[Input]) -> BTreeMap<String, Shape> {
    inputs.iter().map(|input| (input.name.clone(), of_type(&input.ty))).collect()
}

fn of_type(ty: &Type) -> Shape {
    let words: Option<Vec<String>> =
        ty.one_of.iter().map(|value| value.as_str().map(str::to_owned)).collect();
    match (ty.kind, words) {
        (Kind::String, Some(words)) if !words.is_empty() => Shape::OneOf(Arc::new(words)),
        (Kind::String | Kind::Duration, _) => Shape::Text,
        (Kind::Integer | Kind::Number, _) => Shape::Number,
        (Kind::Boolean, _) => Shape::Bool,
        (Kind::List, _) => Shape::any_list(),
        (Kind::Map, _) => Shape::any_map(),
        // What may be done with a secret is told elsewhere.
        (Kind::Secret | Kind::Any, _) => Shape::Any,
    }
}

/// Returns what the step's outputs are.
fn step(cx: &mut Context<'_>, known: &Known, of: &Step) -> BTreeMap<String, Shape> {
    let mut known = known.clone();
    if let Some(tree_of) = &of.for_each {
        let over = tree(cx, &known, tree_of);
        known.item = over.item();
        if known.item.is_none() && over != Shape::Null {
            let at = crate::template::place_of(tree_of).unwrap_or(of.at);
            cx.report.push(
                Diagnostic::new(
                    Code::WrongKind,
                    format!("`for_each` loops over a list or a map, and this is {}", over.name()),
                )
                .at(at, "")
                .help("for example `for_each: [a, b]`, or the name of a list or a map"),
            );
        }
    }
    of.when.iter().for_each(|when| drop(expr(cx, &known, when, true)));
    let texts = [&of.title, &of.lock];
    texts.into_iter().flatten().for_each(|of| drop(text(cx, &known, of, Stands::Anywhere)));
    of.timeout.iter().chain(&of.grace).for_each(|time| duration(cx, &known, time));
    let outputs = match &of.binding {
        Some(binding) => {
            given(cx, &known, binding);
            let params = Known { own: Arc::new(inputs(&binding.params)), ..Known::default() };
            // What is wrong inside was told where the template stands.
            let shapes = of.body.outputs.iter().map(|(name, expr)| {
                let found = shaped(cx, &params.with_result(), &expr.0, |cx, src, names| {
                    cx.engine.shape_of_expr(src, names, false).ok()
                });
                (name.clone(), found.map_or(Shape::Any, |found| found.shape))
            });
            shapes.collect()
        }
        None => body(cx, &known, &of.body),
    };
    let mut after = known.clone();
    after.captured = captured(cx, &known, &of.body, false);
    of.retry.iter().for_each(|of| retry(cx, &after, of));
    of.guard.iter().for_each(|guard| gate(cx, &after, guard));
    outputs
}

fn captured(cx: &mut Context<'_>, known: &Known, body: &Body, tell: bool) -> Option<Shape> {
    let capture = body.capture.as_ref()?;
    let known = known.with_result();
    let mut shapes = BTreeMap::new();
    for (name, of) in &capture.outputs {
        let shape = if tell { expr(cx, &known, of, false) } else { Shape::Any };
        shapes.insert(name.clone(), shape);
    }
    Some(Shape::Map(Arc::new(shapes), false))
}

fn body(cx: &mut Context<'_>, known: &Known, of: &Body) -> BTreeMap<String, Shape> {
    of.check.iter().for_each(|of| gate(cx, known, of));
    if let Some(capture) = &of.capture {
        command(cx, known, &capture.command);
        capture.timeout.iter().for_each(|time| duration(cx, known, time));
    }
    let mut after = known.clone();
    after.captured = captured(cx, known, of, true);
    of.satisfied.iter().for_each(|of| drop(expr(cx, &after, of, true)));
    of.changes.iter().chain(&of.irreversible).for_each(|of| drop(text(cx, &after, of, Stands::Anywhere)));
    let mut asked = BTreeMap::new();
    match &of.action {
        Action::Nothing => {}
        Action::Command(of) => command(cx, &after, of),
        Action::Gate(of) => gate(cx, &after, of),
        Action::Approve(of) => {
            text(cx, &after, &of.prompt, Stands::Anywhere);
            of.timeout.iter().for_each(|time| duration(cx, &after, time));
            asked = inputs(&of.ask);
        }
        Action::Manual(of) => {
            text(cx, &after, &of.prompt, Stands::Anywhere);
            of.timeout.iter().for_each(|time| duration(cx, &after, time));
            asked.insert("note".to_owned(), Shape::Text);
        }
        Action::Wait(Wait::For(time)) => duration(cx, &after, time),
        Action::Wait(Wait::Until(of)) => drop(text(cx, &after, of, Stands::Anywhere)),
        Action::Runbook { vars, .. } => vars.iter().for_each(|(_, of)| drop(tree(cx, &after, of))),
    }
    let result = after.with_result();
    let outputs = of.outputs.iter().map(|(name, of)| (name.clone(), expr(cx, &result, of, false)));
    asked.extend(outputs);
    of.verify.iter().for_each(|of| gate(cx, &after, of));
    if let Some(undo) = &of.rollback {
        command(cx, &after, &undo.command);
        undo.verify.iter().for_each(|of| gate(cx, &after, of));
        undo.retry.iter().for_each(|of| retry(cx, &after, of));
        undo.timeout.iter().for_each(|time| duration(cx, &after, time));
    }
    asked
}

fn gate(cx: &mut Context<'_>, known: &Known, of: &Gate) {
    command(cx, known, &of.command);
    let times = [&of.every, &of.within, &of.hold, &of.valid_for, &of.timeout];
    times.into_iter().flatten().for_each(|time| duration(cx, known, time));
    let result = known.with_result();
    expr(cx, &result, &of.pass, true);
    of.warn.iter().for_each(|warn| drop(expr(cx, &result, warn, true)));
}

fn retry(cx: &mut Context<'_>, known: &Known, of: &Retry) {
    of.delay.iter().chain(&of.max_delay).for_each(|time| duration(cx, known, time));
    let result = known.with_result();
    of.when.iter().for_each(|when| drop(expr(cx, &result, when, true)));
}

fn command(cx: &mut Context<'_>, known: &Known, of: &Command) {
    match &of.line {
        Line::Words(words) => words.iter().for_each(|of| drop(text(cx, known, of, Stands::Word))),
        // An element that is one value may be a list: it spreads.
        Line::List(words) => words.iter().for_each(|of| {
            let whole = super::super::step::is_one_expression(&of.src);
            text(cx, known, of, if whole { Stands::Anywhere } else { Stands::Word });
        }),
        Line::Shell(script) => drop(text(cx, known, script, Stands::Script)),
    }
    of.env.iter().for_each(|(_, of)| drop(text(cx, known, of, Stands::Anywhere)));
    of.dir.iter().chain(&of.stdin).for_each(|of| drop(text(cx, known, of, Stands::Anywhere)));
}

fn duration(cx: &mut Context<'_>, known: &Known, of: &Text) {
    let shape = text(cx, known, of, Stands::Anywhere);
    if shape.differs(&Shape::Text) {
        cx.report.push(
            Diagnostic::new(
                Code::WrongKind,
                format!("a duration is text such as `5m`, and this is {}", shape.name()),
            )
            .at(of.at, "")
            .help("declare it as `type: duration`; a number gets a unit by `\"{{ seconds }}s\"`"),
        );
    }
}

fn tree(cx: &mut Context<'_>, known: &Known, of: &Tree) -> Shape {
    match of {
        Tree::Plain(value) => Shape::of(value),
        Tree::Text(of) => text(cx, known, of, Stands::Anywhere),
        Tree::List(items) => {
            let items: Vec<Shape> = items.iter().map(|item| tree(cx, known, item)).collect();
            Shape::List(Arc::new(items.into_iter().reduce(Shape::or).unwrap_or(Shape::Any)))
        }
        Tree::Map(entries) => {
            let entries = entries.iter().map(|(key, of)| (key.clone(), tree(cx, known, of))).collect();
            Shape::Map(Arc::new(entries), true)
        }
    }
}

fn text(cx: &mut Context<'_>, known: &Known, of: &Text, stands: Stands) -> Shape {
    if of.is_literal() {
        return Shape::of(&Value::String(of.src.clone()));
    }
    let found = shaped(cx, known, of, |cx, src, names| cx.engine.shape_of_text(src, names, stands).ok());
    told(cx, of, found)
}

fn expr(cx: &mut Context<'_>, known: &Known, of: &Expr, condition: bool) -> Shape {
    if of.0.src.is_empty() {
        return Shape::Any;
    }
    let found =
        shaped(cx, known, &of.0, |cx, src, names| cx.engine.shape_of_expr(src, names, condition).ok());
    told(cx, &of.0, found)
}

fn shaped(
    cx: &Context<'_>,
    known: &Known,
    of: &Text,
    find: impl Fn(&Context<'_>, &str, crate::template::Lookup<'_>) -> Option<Shaped>,
) -> Option<Shaped> {
    find(cx, &of.src, &|name| known.of(name))
}

// RB0302, RB0309, RB0414
fn told(cx: &mut Context<'_>, of: &Text, found: Option<Shaped>) -> Shape {
    // What can't be read was told.
    let Some(found) = found else { return Shape::Any };
    for (odd, fault) in found.faults {
        let code = match odd {
            Odd::Mixed => Code::WrongKind,
            Odd::Missing => Code::UnknownName,
            Odd::Constant => Code::NeverEqual,
        };
        let place = cx.sources.within(of, fault.span);
        let diagnostic = Diagnostic::new(code, fault.message).at(place, "");
        cx.report.push(match fault.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        });
    }
    found.shape
}

// RB0208
fn given(cx: &mut Context<'_>, known: &Known, binding: &Binding) {
    for (name, of) in &binding.with {
        let shape = tree(cx, known, of);
        let Some(param) = binding.params.iter().find(|param| param.name == *name) else { continue };
        // Literal values, and text with more around it, were held against the type where they were read.
        let Tree::Text(text) = of else { continue };
        if text.is_literal() || !super::super::step::is_one_expression(&text.src) {
            continue;
        }
        let wanted = of_type(&param.ty);
        let never = match (&shape, &wanted) {
            (Shape::OneOf(given), Shape::OneOf(wanted))
                if !given.iter().any(|word| wanted.contains(word)) =>
            {
                let listed: Vec<&str> = wanted.iter().map(String::as_str).collect();
                let given = match given.as_slice() {
                    [only] => format!("`{only}` is not one"),
                    all => format!("none of `{}` is one", all.join("`, `")),
                };
                Some(format!("{given} of {}", listed.join(", ")))
            }
            _ => shape
                .differs(&wanted)
                .then(|| format!("wants {}, and this is {}", article(&param.ty), shape.name())),
        };
        let Some(message) = never else { continue };
        let help = match (wanted.name(), shape.name()) {
            ("text", "a number" | "true or false") => Some("`| string` makes a text of it"),
            ("a number", "text") => Some("`| int` or `| float` makes a number of a text"),
            ("true or false", "text") => Some("`| bool` makes true or false of such a text"),
            _ => None,
        };
        let diagnostic = Diagnostic::new(
            Code::BadParam,
            format!("`{name}` of the template `{}`: {message}", binding.template),
        )
        .at(text.at, "")
        .also(param.at, "declared here");
        cx.report.push(match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        });
    }
}

fn article(ty: &Type) -> String {
    match ty.kind {
        Kind::Integer => "an integer".to_owned(),
        Kind::Boolean => "true or false".to_owned(),
        Kind::Duration => "a duration such as `5m`".to_owned(),
        kind => format!("a {}", kind.name()),
    }
}
