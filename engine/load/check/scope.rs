//! Which names a text may use, and what is said about the others.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use super::super::command::told;
use super::super::context::Context;
use super::super::fields::shortened;
use super::super::keys::list;
use crate::diag::{Code, Diagnostic, near};
use crate::model::{Expr, Gate, Place, Text, Tree};
use crate::plan::Reach;
use crate::template::{Fault, Use, Uses};

/// What `run` holds.
pub const RUN: [&str; 5] = ["id", "name", "status", "started_at", "operator"];

/// What the result of a command is called.
pub const RESULT: [&str; 6] = ["stdout", "stderr", "exit_code", "json", "yaml", "lines"];

/// What a step offers to others.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    /// Its outputs; `None` when they can't be known here.
    pub(super) outputs: Option<Vec<String>>,
    /// Where its id stands.
    pub(super) at: Place,
    /// Whether it brings in a runbook, whose steps have the outputs.
    pub(super) runbook: bool,
}

/// The names in scope of a text.
#[derive(Clone, Debug, Default)]
pub(super) struct Names<'a> {
    /// Vars, tables and `let` values; in a template its params. Shared: each step has a scope of its own or several, and
    /// there may be as many names as steps.
    pub(super) own: Rc<Own<'a>>,
    /// Whose scope it is.
    pub(super) template: bool,
    /// Whether `item` is there.
    pub(super) item: bool,
    /// Whether `run` is there.
    pub(super) run: bool,
    /// Whether the result of a command is there.
    pub(super) result: bool,
    /// The outputs of the template that a gate uses.
    pub(super) outputs: Option<Vec<&'a str>>,
    /// The captured names, where there are any yet.
    pub(super) captured: Option<Vec<&'a str>>,
    /// Why `captured` is not there although the step has a `capture`.
    pub(super) before_capture: bool,
    /// The step that this belongs to.
    pub(super) step: Option<&'a str>,
    /// All steps.
    pub(super) steps: Option<&'a BTreeMap<&'a str, Offer>>,
    /// Which of them are over when this is evaluated; `None` when that could not be found out.
    pub(super) over: Option<Over<'a>>,
}

/// Names in the order written.
#[derive(Clone, Debug, Default)]
pub(super) struct Own<'a> {
    listed: Vec<&'a str>,
    known: HashSet<&'a str>,
}

impl<'a> Extend<&'a str> for Own<'a> {
    fn extend<I: IntoIterator<Item = &'a str>>(&mut self, names: I) {
        for name in names {
            self.listed.push(name);
            self.known.insert(name);
        }
    }
}

/// Which steps are over when one of them begins. Asked, not listed: in a chain of 10,000 steps the lists alone would
/// hold 50 million ids.
#[derive(Clone, Copy, Debug)]
pub(super) struct Over<'a> {
    /// The steps in question.
    pub(super) reach: &'a Reach<'a>,
    /// Their numbers.
    pub(super) numbers: &'a HashMap<&'a str, u32>,
    /// The number of the step that begins.
    pub(super) step: u32,
}

impl Over<'_> {
    fn holds(&self, id: &str) -> bool {
        // A step of another list is one that `finally` comes after.
        let Some(number) = self.numbers.get(id) else { return true };
        self.reach.is_before(*number, self.step)
    }
}

impl<'a> Names<'a> {
    /// Returns the scope with the result of a command in it.
    pub(super) fn with_result(&self) -> Names<'a> {
        Names { result: true, ..self.clone() }
    }

    /// Returns the scope with the answer to a gate in it, and what its template makes of that.
    pub(super) fn with_answer(&self, gate: &'a Gate) -> Names<'a> {
        let outputs =
            gate.uses.as_ref().map(|uses| uses.outputs.iter().map(|(name, _)| name.as_str()).collect());
        Names { outputs, ..self.with_result() }
    }

    /// Adds names that follow: vars, tables, `let` values, params.
    pub(super) fn add(&mut self, names: impl IntoIterator<Item = &'a str>) {
        Rc::make_mut(&mut self.own).extend(names);
    }

    /// Returns the scope with captured values in it.
    pub(super) fn with_captured(&self, names: Option<Vec<&'a str>>) -> Names<'a> {
        Names { captured: names, before_capture: false, ..self.clone() }
    }

    fn all(&self) -> Vec<&str> {
        let mut all: Vec<&str> = self.own.listed.clone();
        all.extend(self.item.then_some("item"));
        all.extend(self.run.then_some("run"));
        all.extend(self.steps.map(|_| "steps"));
        all.extend(self.captured.as_ref().map(|_| "captured"));
        all.extend(self.outputs.as_ref().map(|_| "outputs"));
        all.extend(RESULT.iter().filter(|_| self.result));
        all
    }

    /// Checks a text.
    pub(super) fn text(&self, cx: &mut Context<'_>, text: &Text) {
        if !text.is_literal() {
            let uses = cx.engine.check_text(&text.src);
            self.told(cx, text, uses);
        }
    }

    /// Checks an expression.
    pub(super) fn expr(&self, cx: &mut Context<'_>, expr: &Expr) {
        // What could not be read was told and left empty.
        if !expr.0.src.is_empty() {
            let uses = cx.engine.check_expr(&expr.0.src);
            self.told(cx, &expr.0, uses);
        }
    }

    /// Checks every text of a tree.
    pub(super) fn tree(&self, cx: &mut Context<'_>, tree: &Tree) {
        let mut texts = Vec::new();
        tree.texts(&mut |text| texts.push(text));
        texts.into_iter().for_each(|text| self.text(cx, text));
    }

    /// Checks a script; a fault of it was told when it was read.
    pub(super) fn shell(&self, cx: &mut Context<'_>, text: &Text) {
        let Ok(uses) = cx.engine.check_shell(&text.src) else { return };
        if uses.raw_shell {
            for (_, span) in uses.filters.iter().filter(|(name, _)| name == "raw_shell") {
                let place = cx.sources.within(text, span.clone());
                cx.report.push(
                    Diagnostic::new(Code::RawShell, "this value enters the script unquoted")
                        .at(place, "the shell runs what it holds")
                        .help("leave out `| raw_shell`, or be sure of where the value comes from"),
                );
            }
        }
        self.told(cx, text, Ok(uses));
    }

    // RB0301
    fn told(&self, cx: &mut Context<'_>, text: &Text, uses: Result<Uses, Fault>) {
        match uses {
            Ok(uses) => {
                let mut told_up_to = 0;
                for path in uses.paths.iter().filter(|path| !path.path.is_empty()) {
                    // What follows a `-` that should be part of an id was told with it.
                    if path.span.start >= told_up_to {
                        told_up_to = told_up_to.max(self.dashed_end(text, path));
                        self.used(cx, text, path);
                    }
                }
            }
            Err(fault) => told(cx, text, &fault, Code::TemplateSyntax),
        }
    }

    fn used(&self, cx: &mut Context<'_>, text: &Text, of: &Use) {
        let Some(root) = of.path.first().map(String::as_str) else { return };
        if self.own.known.contains(root) {
            if !cx.seen.names.contains(root) {
                cx.seen.names.insert(root.to_owned());
            }
            return;
        }
        // Only for what is told: finding a place reads the text up to it, and a long script has thousands of names.
        let sources = &*cx.sources;
        let place = &|| sources.within(text, of.span.clone());
        if cx.report.is_full() && !["item", "run", "steps", "captured"].contains(&root) && !self.result {
            // Only counted: what it would say is looked for among all names.
            cx.report.push(Diagnostic::new(Code::UnknownName, "this name is not known here").at(place(), ""));
            return;
        }
        let diagnostic = match root {
            "item" if self.item => {
                cx.seen.item = cx.seen.item.or_else(|| Some(place()));
                return;
            }
            "run" if self.run => self.run_field(of, place),
            "steps" if self.steps.is_some() => self.step(cx, text, of, place),
            "captured" => self.captured(of, place),
            "outputs" if self.outputs.is_some() => self.output(of, place),
            _ if self.result && RESULT.contains(&root) => return,
            _ => Some(self.unknown(root, place())),
        };
        if let Some(diagnostic) = diagnostic {
            cx.report.push(diagnostic);
        }
    }

    fn run_field(&self, of: &Use, place: &dyn Fn() -> Place) -> Option<Diagnostic> {
        let name = of.path.get(1)?;
        if RUN.contains(&name.as_str()) {
            return None;
        }
        let diagnostic = Diagnostic::new(Code::UnknownName, format!("`run` has no `{}`", shortened(name)));
        let diagnostic = match near(name, RUN) {
            Some(meant) => diagnostic.at(place(), format!("did you mean `run.{meant}`?")),
            None => diagnostic.at(place(), "not known here"),
        };
        Some(diagnostic.note(format!("`run` holds {}", list(RUN, "and"))))
    }

    // RB0303
    fn output(&self, of: &Use, place: &dyn Fn() -> Place) -> Option<Diagnostic> {
        let (known, name) = (self.outputs.as_ref()?, of.path.get(1)?);
        if known.contains(&name.as_str()) {
            return None;
        }
        let diagnostic =
            Diagnostic::new(Code::UnknownOutput, format!("the template has no output `{}`", shortened(name)));
        let diagnostic = match near(name, known.iter().copied()) {
            Some(meant) => diagnostic.at(place(), format!("did you mean `outputs.{meant}`?")),
            None => diagnostic.at(place(), "not an output"),
        };
        Some(match list(known.iter().copied(), "and") {
            known if known.is_empty() => diagnostic.help("it has none: ask `stdout`, `json` or `exit_code`"),
            known => diagnostic.note(format!("its outputs are {known}")),
        })
    }

    // RB0304
    fn captured(&self, of: &Use, place: &dyn Fn() -> Place) -> Option<Diagnostic> {
        let Some(names) = &self.captured else {
            let diagnostic = Diagnostic::new(Code::NotCaptured, "nothing is captured here").at(place(), "");
            return Some(if self.before_capture {
                diagnostic.help("`captured` is there once `capture` has run: in `satisfied`, the action, `verify`, `rollback`")
            } else {
                diagnostic.help("add a `capture` with `outputs` to the step, or use a value that is in scope")
            });
        };
        let name = of.path.get(1)?;
        if names.contains(&name.as_str()) {
            return None;
        }
        let diagnostic =
            Diagnostic::new(Code::NotCaptured, format!("`capture` has no output `{}`", shortened(name)));
        let diagnostic = match near(name, names.iter().copied()) {
            Some(meant) => diagnostic.at(place(), format!("did you mean `captured.{meant}`?")),
            None => diagnostic.at(place(), "not captured"),
        };
        Some(match list(names.iter().copied(), "and") {
            known if known.is_empty() => diagnostic.help(format!("add it: `outputs: {{{name}: json.…}}`")),
            known => diagnostic.note(format!("its outputs are {known}")),
        })
    }

    // RB0201, RB0210, RB0303
    fn step(&self, cx: &Context<'_>, text: &Text, of: &Use, place: &dyn Fn() -> Place) -> Option<Diagnostic> {
        let steps = self.steps?;
        let id = of.path.get(1)?;
        let Some(offer) = steps.get(id.as_str()) else {
            return Some(self.unknown_step(cx, text, of, place()));
        };
        if self.step == Some(id.as_str()) {
            return Some(
                Diagnostic::new(
                    Code::NotNeeded,
                    "a step can't use its own outputs: they are there when it has ended",
                )
                .at(place(), ""),
            );
        }
        if self.over.is_some_and(|over| !over.holds(id)) {
            return Some(
                Diagnostic::new(
                    Code::NotNeeded,
                    format!("`{id}` may not be over yet: this step does not need it"),
                )
                .at(place(), "")
                .also(offer.at, "the step")
                .help(format!("add `{}` to its `needs`", id.split('/').next().unwrap_or(id))),
            );
        }
        match of.path.get(2).map(String::as_str) {
            None | Some("outputs") => {}
            Some(other) => {
                let outputs = offer.outputs.as_deref().unwrap_or_default();
                let diagnostic = Diagnostic::new(
                    Code::UnknownOutput,
                    format!("a step offers `outputs`, not `{}`", shortened(other)),
                )
                .at(place(), "");
                return Some(if outputs.iter().any(|name| name == other) {
                    diagnostic.help(format!("write `{}.outputs.{other}`", path_of(id)))
                } else {
                    diagnostic.help(format!("write `{}.outputs.NAME`", path_of(id)))
                });
            }
        }
        let (Some(name), Some(outputs)) = (of.path.get(3), &offer.outputs) else { return None };
        if outputs.contains(name) {
            return None;
        }
        let diagnostic =
            Diagnostic::new(Code::UnknownOutput, format!("step `{id}` has no output `{}`", shortened(name)))
                .also(offer.at, "the step");
        if offer.runbook {
            return Some(
                diagnostic.at(place(), "runs a whole runbook").help(format!(
                    "its steps have outputs: `steps['{id}/STEP'].outputs.{}`",
                    shortened(name)
                )),
            );
        }
        let diagnostic = match near(name, outputs.iter().map(String::as_str)) {
            Some(meant) => diagnostic.at(place(), format!("did you mean `{meant}`?")),
            None => diagnostic.at(place(), "not an output"),
        };
        Some(match list(outputs.iter().map(String::as_str), "and") {
            known if known.is_empty() => {
                diagnostic.help(format!("add to step `{id}`: `outputs: {{{name}: stdout}}`"))
            }
            known => diagnostic.note(format!("its outputs are {known}")),
        })
    }

    fn unknown_step(&self, cx: &Context<'_>, text: &Text, of: &Use, place: Place) -> Diagnostic {
        let id = &of.path[1];
        if cx.report.is_full() {
            return Diagnostic::new(Code::UnknownStep, "there is no such step").at(place, "");
        }
        let steps = self.steps.map(|steps| steps.keys().copied().collect::<Vec<_>>()).unwrap_or_default();
        let diagnostic =
            Diagnostic::new(Code::UnknownStep, format!("there is no step with the id `{}`", shortened(id)));
        // `steps.warm-caches` is `steps.warm` minus `caches`.
        let rest = cx.sources.text(text.at.file).get(place.start as usize..).unwrap_or_default();
        let written = rest.strip_prefix("steps.").unwrap_or_default();
        let dashed = steps
            .iter()
            .filter(|known| known.contains('-') && written.starts_with(**known))
            .max_by_key(|known| known.len());
        if let Some(dashed) = dashed {
            return diagnostic
                .at(place, "`-` is minus here")
                .help(format!("write `{}`: in an expression `-` subtracts", path_of(dashed)));
        }
        match near(id, steps.iter().copied()) {
            Some(meant) => diagnostic.at(place, format!("did you mean `{meant}`?")),
            None => diagnostic.at(place, "not known here").note(format!("the steps are {}", some(&steps))),
        }
    }

    /// Returns where an id with `-` that was written like a name ends; 0 for everything else.
    fn dashed_end(&self, text: &Text, of: &Use) -> usize {
        let known = |id: &str| self.steps.is_some_and(|steps| steps.contains_key(id));
        if of.path[0] != "steps" || of.path.get(1).is_none_or(|id| known(id)) {
            return 0;
        }
        let rest = text.src.get(of.span.start..).unwrap_or_default();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.'));
        let word = &rest[..end.unwrap_or(rest.len())];
        if word.split('.').nth(1).is_some_and(known) { of.span.start + word.len() } else { 0 }
    }

    // RB0302, RB0306
    fn unknown(&self, root: &str, place: Place) -> Diagnostic {
        if root == "item" {
            return Diagnostic::new(Code::NoItem, "`item` is there only in a step with `for_each`")
                .at(place, "")
                .help("add `for_each` to the step, or use another name");
        }
        let diagnostic =
            Diagnostic::new(Code::UnknownName, format!("the name `{}` is not known here", shortened(root)));
        if RESULT.contains(&root) {
            return diagnostic.at(place, "").help(
                "the result of a command is there in its gate's `pass`, in `outputs` and in `retry.when`",
            );
        }
        let diagnostic = match (root, self.template) {
            ("steps", true) => {
                return diagnostic
                    .at(place, "")
                    .help("a template sees its params only: hand the value in by `with`");
            }
            ("run" | "steps", false) => {
                return diagnostic
                    .at(place, "")
                    .help(format!("`{root}` is there only while the run goes on"));
            }
            _ => diagnostic,
        };
        let all = self.all();
        let diagnostic = match near(root, all.iter().copied()) {
            Some(meant) => diagnostic.at(place, format!("did you mean `{meant}`?")),
            None => diagnostic.at(place, "not known here"),
        };
        if all.is_empty() {
            return diagnostic.note("no names are in scope here");
        }
        diagnostic.note(format!("in scope {} {}", if all.len() == 1 { "is" } else { "are" }, some(&all)))
    }
}

/// Returns how a step is written in an expression.
fn path_of(id: &str) -> String {
    if id.contains(['-', '/']) { format!("steps['{id}']") } else { format!("steps.{id}") }
}

/// Returns the names for people, not more than they read.
pub(in crate::load) fn some(names: &[&str]) -> String {
    const MANY: usize = 12;
    if names.len() <= MANY {
        return list(names.iter().copied(), "and");
    }
    let shown: Vec<String> = names[..MANY].iter().map(|name| format!("`{name}`")).collect();
    format!("{} and {} more", shown.join(", "), names.len() - MANY)
}
