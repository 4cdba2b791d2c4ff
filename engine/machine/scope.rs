//! The names in scope: what `language.md` calls the vars, the tables, `item`, `steps`, `captured`, `run`, and the
//! result of a command.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::model::{self, Expr, Map, Snapshot, Step, Text};
use crate::template::{self, Engine, Scope, Use, Value, sub_scope};

use super::evaluate::Outcome;
use super::event::{End, RunStatus};
use super::graph::{Addr, Graph, NodeId};
use super::state::State;

/// What `run` is in scope besides the status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFacts {
    /// The run's id.
    pub id: String,
    /// When it was opened (RFC 3339).
    pub started_at: String,
    /// Who opened it.
    pub operator: String,
}

/// A stored value that stands for one that only the run can know; made by the plan preview.
pub const UNKNOWN: &str = "$unknown";

/// Returns a stored value that stands for an element of a list that only the run can know. `origin` says where the list comes
/// from, for people.
pub fn item_of(origin: &str) -> model::Value {
    let list = origin.strip_prefix("from ").unwrap_or(origin);
    serde_json::json!({UNKNOWN: format!("item of {list}")})
}

/// From how many instances on what a step is for expressions is kept: each instance of a step that speaks of it would make
/// it anew, which is quadratic.
const MANY: usize = if cfg!(test) { 1 } else { 16 };

pub(super) struct Scopes {
    base: Scope,
    /// Of the runbooks that steps bring in: what begins the names of their steps, and their own names.
    subs: Vec<(String, Scope)>,
    /// The elements that steps bring in a runbook for, by the step.
    items: BTreeMap<String, Value>,
    facts: RunFacts,
    name: String,
    mentioned: RefCell<Vec<Option<Mentioned>>>,
    /// `run` with each status that it was asked for with: the rest of it never changes.
    runs: RefCell<Vec<(RunStatus, Value)>>,
}

/// The copies of steps by the name that stands for all of them: each with the key of its copy.
type Copies = Vec<(String, Vec<(String, NodeId)>)>;

/// Which steps a step's texts speak of.
#[derive(Clone, Debug)]
enum Mentioned {
    /// These, and those of which there is one for each copy of a runbook, as they are written.
    These(Vec<NodeId>, Copies),
    Any,
}

impl Scopes {
    pub(super) fn new(snapshot: &Snapshot, facts: RunFacts) -> Scopes {
        let subs = snapshot.runbook.subs.iter().zip(&snapshot.subs);
        Scopes {
            base: Scope::of_snapshot(snapshot),
            subs: subs.clone().map(|(sub, values)| (format!("{}/", sub.step), sub_scope(values))).collect(),
            items: subs
                .filter_map(|(sub, values)| {
                    Some((sub.step.clone(), template::from_json(values.item.as_ref()?)))
                })
                .collect(),
            facts,
            name: snapshot.runbook.name.clone(),
            mentioned: RefCell::default(),
            runs: RefCell::default(),
        }
    }

    /// Returns the scope of the runbook's settings, or of those of a sub.
    pub(super) fn base(&self, sub: Option<u32>) -> Scope {
        let mut scope = self.names(sub).child();
        scope.set("run", self.run(Some(RunStatus::Running)));
        scope
    }

    /// Returns the runbook's scope without any step, for a run with this status.
    pub(super) fn at_rest(&self, status: RunStatus) -> Scope {
        let mut scope = self.base.child();
        scope.set("run", self.run((!self.imagined()).then_some(status)));
        scope
    }

    /// Returns the names that stay what they are during a run.
    fn names(&self, sub: Option<u32>) -> &Scope {
        sub.and_then(|sub| self.subs.get(sub as usize)).map_or(&self.base, |(_, scope)| scope)
    }

    /// Returns what begins the names of the steps that `step` speaks of by the rest of their names.
    fn prefix(&self, step: &Step) -> &str {
        step.sub.and_then(|sub| self.subs.get(sub as usize)).map_or("", |(prefix, _)| prefix)
    }

    /// Says whether the run is only imagined: what it will be called, and how it and its steps end, nobody knows then.
    fn imagined(&self) -> bool {
        self.facts.id == UNKNOWN
    }

    fn run(&self, status: Option<RunStatus>) -> Value {
        if self.imagined() {
            let names = ["id", "name", "status", "started_at", "operator"];
            return template::map(names.map(|name| {
                let value = match (name, status) {
                    ("name", _) => Value::from(self.name.as_str()),
                    ("status", Some(status)) => Value::from(status.word()),
                    _ => template::unknown(&format!("run.{name}")),
                };
                (name.to_owned(), value)
            }));
        }
        let status = status.unwrap_or(RunStatus::Running);
        let mut runs = self.runs.borrow_mut();
        if let Some((_, known)) = runs.iter().find(|(known, _)| *known == status) {
            return known.clone();
        }
        let facts = serde_json::json!({
            "id": self.facts.id,
            "name": self.name,
            "status": status.word(),
            "started_at": self.facts.started_at,
            "operator": self.facts.operator,
        });
        let value = template::from_json(&facts);
        runs.push((status, value.clone()));
        value
    }

    /// Returns the status as a step sees it; nothing where a plan can't know how the run ends.
    fn status(&self, graph: &Graph, state: &State, node: NodeId) -> Option<RunStatus> {
        match (graph.is_finally(node), self.imagined()) {
            (true, true) => None,
            (true, false) => Some(state.outcome),
            (false, _) => Some(state.status),
        }
    }

    /// Returns the runbook's scope for a step before it has instances.
    pub(super) fn outer_of_step(&self, graph: &Graph, state: &State, node: NodeId) -> Scope {
        let step = graph.step(node);
        let mut scope = self.names(step.sub).child();
        scope.set("run", self.run(self.status(graph, state, node)));
        self.steps(&mut scope, graph, state, node);
        if let Some(item) = self.items.get(&step.id) {
            scope.set("item", item.clone());
        }
        scope
    }

    /// Returns the runbook's scope for an instance.
    pub(super) fn outer(&self, graph: &Graph, state: &State, at: Addr) -> Scope {
        let mut scope = self.outer_of_step(graph, state, at.node);
        if let Some(item) = &state.at(at).item {
            scope.set("item", known_or_not(&item.value));
        }
        scope
    }

    /// Puts into a template's scope what it sees besides its params: `item` and `run` only, so that a template means
    /// the same in every runbook.
    pub(super) fn template(&self, scope: &mut Scope, graph: &Graph, state: &State, at: Addr) {
        let unknown = self.imagined() && graph.is_finally(at.node);
        scope.set("run", self.run((!unknown).then_some(state.status)));
        if let Some(item) = &state.at(at).item {
            scope.set("item", known_or_not(&item.value));
        }
    }

    pub(super) fn captured(&self, scope: &mut Scope, state: &State, at: Addr) {
        self.captured_values(scope, &state.at(at).captured);
    }

    pub(super) fn captured_values(&self, scope: &mut Scope, values: &Map) {
        scope.set("captured", known_map(values));
    }

    /// Puts the outputs of the steps that this step's texts speak of into scope: all of them would cost in proportion
    /// to the whole run, for every step.
    fn steps(&self, scope: &mut Scope, graph: &Graph, state: &State, node: NodeId) {
        let mut mentioned = self.mentioned.borrow_mut();
        if mentioned.len() < graph.len() {
            mentioned.resize(graph.len(), None);
        }
        let prefix = self.prefix(graph.step(node));
        let these =
            mentioned[node as usize].get_or_insert_with(|| mentioned_in(graph.step(node), prefix, state));
        let mut entries: Vec<(String, Value)> = Vec::new();
        let mut add = |other: NodeId| {
            let id = &graph.step(other).id;
            if let Some(id) = id.strip_prefix(prefix) {
                entries.push((id.to_owned(), self.step(graph, state, other)));
            }
        };
        match these {
            Mentioned::These(list, _) => list.iter().for_each(|&other| add(other)),
            Mentioned::Any => (0..graph.len() as u32).for_each(&mut add),
        }
        if let Mentioned::These(_, copies) = these {
            for (id, copies) in copies {
                entries.push((id.clone(), copies_value(graph, state, copies)));
            }
        }
        scope.set("steps", template::map(entries));
    }

    fn step(&self, graph: &Graph, state: &State, node: NodeId) -> Value {
        let instances = &state.nodes[node as usize].instances;
        let make = || step_value(graph, state, node, self.imagined());
        if instances.len() < MANY { make() } else { instances.kept(self.imagined(), make) }
    }

    /// Says whether an expression speaks of `name`.
    pub(super) fn mentions(&self, engine: &Engine, expr: &Expr, name: &str) -> bool {
        roots(engine, expr).contains(name)
    }

    /// Returns what a gate looked at, for people: each path of the expression with its value, in the order of what `rank` makes
    /// of where it stands and of its names, and then as they are written. Where there is no room for all, the last are cut.
    pub(super) fn seen(&self, engine: &Engine, expr: &Expr, scope: &Scope, rank: &Rank<'_>) -> String {
        let Ok(uses) = engine.check_expr(&expr.0.src) else { return String::new() };
        let within = |path: &Use| {
            uses.keyed.iter().any(|keyed| keyed.start <= path.span.start && path.span.end <= keyed.end)
        };
        // What a key is looked up in is seen by what was found there.
        let named = uses
            .paths
            .iter()
            .map(|path| (path.span.clone(), path.path.last().map(String::as_str), within(path)));
        let mut looked: Vec<(Range<usize>, Option<&str>, bool)> =
            uses.keyed.iter().map(|keyed| (keyed.clone(), None, false)).chain(named).collect();
        let path_of = |span: &Range<usize>| {
            let path = uses.paths.iter().find(|path| path.span.start == span.start);
            path.map_or(&[][..], |path| &path.path)
        };
        looked.sort_by_key(|(span, ..)| (rank(span, path_of(span)), span.start));
        let mut shown: Vec<String> = Vec::new();
        for (span, name, within) in looked {
            let Some(source) = expr.0.src.get(span) else { continue };
            let label = name.unwrap_or(source);
            let value = match engine.expr(source, scope) {
                Ok(value) => value,
                Err(_) => continue,
            };
            let text = match template::to_json(&value) {
                Ok(model::Value::Null) => "none".to_owned(),
                Ok(model::Value::String(text)) => short(text.trim()),
                Ok(model::Value::Array(_)) if within => continue,
                Ok(model::Value::Array(items)) => items_of(&items, label),
                Ok(model::Value::Object(_)) | Err(_) => continue,
                Ok(other) => other.to_string(),
            };
            // What was printed says what it is by itself, and so do things that are counted.
            // A table that is written out in the expression is no name for what was found in it.
            let written_out = name.is_none() && label.starts_with(['{', '[']);
            let line = if written_out || speaks_for_itself(label) {
                text
            } else {
                format!("{} {text}", short(label))
            };
            if !shown.contains(&line) {
                shown.push(line);
            }
        }
        shown.join(", ")
    }

    /// Returns a number from 0 to 1 that is the same for the same attempt of the same run: the machine has no random
    /// numbers, and a replay must come to the same delay.
    pub(super) fn draw(&self, state: &State, graph: &Graph, at: Addr, attempt: u32) -> f64 {
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        let name = state.name(graph, at);
        for byte in self.facts.id.bytes().chain(name.bytes()).chain(attempt.to_le_bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        (hash >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// What comes first of what a gate looked at: by where it stands in the expression, and by its names.
pub(super) type Rank<'a> = dyn Fn(&Range<usize>, &[String]) -> (bool, bool) + 'a;

/// Says whether what a gate sees is told without this name.
pub(super) fn speaks_for_itself(label: &str) -> bool {
    matches!(label, "stdout" | "lines" | "items")
}

/// Returns how many there are: `3 items`, `1 line`.
fn items_of(items: &[model::Value], label: &str) -> String {
    let of = if label == "lines" { "line" } else { "item" };
    format!("{} {of}{}", items.len(), if items.len() == 1 { "" } else { "s" })
}

fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() > 60 { line.chars().take(59).chain(['…']).collect() } else { line.to_owned() }
}

fn known_or_not(value: &model::Value) -> Value {
    match value.get(UNKNOWN).and_then(model::Value::as_str) {
        Some(origin) => template::unknown(origin),
        None => template::from_json(value),
    }
}

fn known_map(values: &Map) -> Value {
    template::map(values.iter().map(|(name, value)| (name.clone(), known_or_not(value))))
}

/// Returns what `steps.ID` is: the outputs; for a `for_each` each output by key, or in order for a list.
///
/// In an imagined run nobody knows how a step ended, nor the keys of a `for_each` over what only the run can know.
fn step_value(graph: &Graph, state: &State, node: NodeId, imagined: bool) -> Value {
    let content = &state.nodes[node as usize];
    let id = &graph.step(node).id;
    let instances_unknown = || {
        let of = |one: &super::state::Instance| {
            one.item.as_ref().is_some_and(|item| item.value.get(UNKNOWN).is_some())
        };
        content.instances.iter().any(of)
    };
    let outputs = if graph.step(node).for_each.is_none() {
        content
            .instances
            .first()
            .map(|only| known_map(&only.outputs))
            .unwrap_or_else(|| known_map(&Map::new()))
    } else if imagined && instances_unknown() {
        let names = content.instances.iter().flat_map(|one| one.outputs.keys());
        template::map(
            names.map(|name| (name.clone(), template::unknown(&format!("steps.{id}.outputs.{name}")))),
        )
    } else {
        let names: BTreeSet<&String> = content.instances.iter().flat_map(|one| one.outputs.keys()).collect();
        template::map(names.into_iter().map(|name| {
            let by_key = content.instances.iter().filter_map(|one| {
                let key = one.item.as_ref()?.key.clone();
                Some((key, known_or_not(one.outputs.get(name)?)))
            });
            (name.clone(), template::map(by_key))
        }))
    };
    let status =
        content.instances.iter().find_map(|one| one.finish.as_ref()).map_or(
            "pending",
            |finish| match finish {
                super::event::Finish::Succeeded | super::event::Finish::MarkedDone => "succeeded",
                super::event::Finish::Satisfied => "satisfied",
                super::event::Finish::Skipped(_) => "skipped",
                super::event::Finish::Failed(_) => "failed",
                super::event::Finish::Stopped => "stopped",
            },
        );
    let status = match imagined {
        true => template::unknown(&format!("steps.{id}.status")),
        false => Value::from(status),
    };
    template::map([("outputs".to_owned(), outputs), ("status".to_owned(), status)])
}

/// Reads what a step is for expressions, as a text that speaks of it does.
#[cfg(test)]
pub(super) fn read_step(graph: &Graph, state: &State, node: NodeId) {
    let _ = state.nodes[node as usize].instances.kept(false, || step_value(graph, state, node, false));
}

fn roots(engine: &Engine, expr: &Expr) -> BTreeSet<String> {
    engine
        .check_expr(&expr.0.src)
        .map(|uses| uses.paths.into_iter().filter_map(|used| used.path.into_iter().next()).collect())
        .unwrap_or_default()
}

/// Finds which steps a step speaks of, by its text: `steps.ID` or `steps['ID']`. Anything else means any step.
fn mentioned_in(step: &Step, prefix: &str, state: &State) -> Mentioned {
    let mut found = BTreeSet::new();
    let mut copies: Copies = Vec::new();
    let mut any = false;
    each_text(step, &mut |text| {
        let mut rest = text.src.as_str();
        while let Some(start) = rest.find("steps") {
            rest = &rest[start + "steps".len()..];
            let trimmed = rest.trim_start();
            let name = if let Some(after) = trimmed.strip_prefix('.') {
                after.trim_start()
            } else if let Some(after) = trimmed.strip_prefix("['").or_else(|| trimmed.strip_prefix("[\"")) {
                // What is in quotes is a whole id, be it that of a step which was brought in: `db/copy`, `db[eu]/copy`.
                let whole = after.split(['\'', '"']).next().unwrap_or_default();
                if whole.contains('/') {
                    match state.node(&format!("{prefix}{whole}")) {
                        Some(node) => drop(found.insert(node)),
                        None => copies.push((whole.to_owned(), copies_of(prefix, whole, state))),
                    }
                    continue;
                }
                after
            } else {
                any |= trimmed.starts_with('[');
                continue;
            };
            let end =
                name.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(name.len());
            // `steps.a-b` may be the step `a-b` or the step `a` less `b`: both are put into scope.
            let whole = &name[..end];
            found.extend(state.node(&format!("{prefix}{whole}")));
            if let Some((first, _)) = whole.split_once('-') {
                found.extend(state.node(&format!("{prefix}{first}")));
            }
        }
    });
    if any { Mentioned::Any } else { Mentioned::These(found.into_iter().collect(), copies) }
}

/// Returns the steps `db[KEY]/copy` that `db/copy` stands for, in their order, each with its key. What begins their names
/// is taken as it is: it says in which copy the step stands that speaks of them.
fn copies_of(prefix: &str, written: &str, state: &State) -> Vec<(String, NodeId)> {
    let mut found: Vec<(String, NodeId)> = state
        .ids()
        .filter_map(|id| {
            let rest = id.strip_prefix(prefix)?;
            let mut keys = Vec::new();
            let mut plain = String::new();
            for part in rest.split_inclusive('/') {
                let (name, key) = part.split_once('[').unwrap_or((part, ""));
                plain.push_str(name);
                if let Some((key, rest)) = key.split_once(']') {
                    keys.push(key);
                    plain.push_str(rest);
                }
            }
            (!keys.is_empty() && plain == written).then(|| Some((keys.join("/"), state.node(id)?))).flatten()
        })
        .collect();
    found.sort_by_key(|(_, node)| *node);
    found
}

/// Returns what `steps['db/copy']` is for the copies: each output by the key of the copy.
fn copies_value(graph: &Graph, state: &State, copies: &[(String, NodeId)]) -> Value {
    let of = |node: NodeId| {
        let instance = state.nodes[node as usize].instances.first();
        instance
            .map(|one| one.outputs.clone())
            .filter(|_| graph.step(node).for_each.is_none())
            .unwrap_or_default()
    };
    let names: BTreeSet<String> =
        copies.iter().flat_map(|(_, node)| of(*node).into_iter().map(|one| one.0)).collect();
    let outputs = template::map(names.into_iter().map(|name| {
        let by_key =
            copies.iter().filter_map(|(key, node)| Some((key.clone(), known_or_not(of(*node).get(&name)?))));
        (name.clone(), template::map(by_key))
    }));
    template::map([("outputs".to_owned(), outputs)])
}

/// Calls `visit` with the texts of a step that are evaluated in the runbook's scope.
fn each_text<'a>(step: &'a Step, visit: &mut dyn FnMut(&'a Text)) {
    let mut maybe = |text: Option<&'a Text>| {
        if let Some(text) = text {
            visit(text);
        }
    };
    maybe(step.title.as_ref());
    maybe(step.when.as_ref().map(|expr| &expr.0));
    maybe(step.timeout.as_ref());
    maybe(step.grace.as_ref());
    maybe(step.lock.as_ref());
    if let Some(retry) = &step.retry {
        maybe(retry.when.as_ref().map(|expr| &expr.0));
        maybe(retry.delay.as_ref());
        maybe(retry.max_delay.as_ref());
    }
    if let Some(guard) = &step.guard {
        guard.texts(visit);
    }
    if let Some(tree) = &step.for_each {
        tree.texts(visit);
    }
    if let Some(binding) = &step.binding {
        binding.with.iter().for_each(|(_, tree)| tree.texts(visit));
        return;
    }
    step.body.texts(visit);
}

/// The result of a command, put into scope only as far as expressions speak of it: `json` is parsed when it is asked
/// for, and an answer that is not JSON is then a sentence.
pub(super) struct ResultNames(BTreeSet<String>);

impl ResultNames {
    pub(super) fn of<'a>(engine: &Engine, exprs: impl IntoIterator<Item = &'a Expr>) -> ResultNames {
        ResultNames(exprs.into_iter().flat_map(|expr| roots(engine, expr)).collect())
    }

    pub(super) fn set(&self, scope: &mut Scope, outcome: &Outcome) -> Result<(), String> {
        let stdout = || String::from_utf8_lossy(&outcome.stdout).into_owned();
        if self.0.contains("stdout") {
            scope.set("stdout", Value::from(stdout()));
        }
        if self.0.contains("stderr") {
            scope.set("stderr", Value::from(String::from_utf8_lossy(&outcome.stderr).into_owned()));
        }
        if self.0.contains("lines") {
            let lines: Vec<Value> = stdout().lines().map(Value::from).collect();
            scope.set("lines", Value::from(lines));
        }
        if self.0.contains("exit_code") {
            let code = match outcome.end {
                Some(End::Exit(code)) => Value::from(code),
                _ => Value::from(()),
            };
            scope.set("exit_code", code);
        }
        if self.0.contains("json") {
            let value: model::Value = serde_json::from_slice(&outcome.stdout)
                .map_err(|error| format!("its output is not JSON ({error}){}", beginning(&outcome.stdout)))?;
            scope.set("json", template::from_json(&value));
        }
        if self.0.contains("yaml") {
            let value: model::Value = serde_yaml::from_slice(&outcome.stdout)
                .map_err(|error| format!("its output is not YAML ({error}){}", beginning(&outcome.stdout)))?;
            scope.set("yaml", template::from_json(&value));
        }
        Ok(())
    }
}

fn beginning(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim();
    if text.is_empty() { "; it printed nothing".to_owned() } else { format!("; it begins `{}`", short(text)) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::machine::{Event, Item, Opened};
    use crate::model::{Runbook, Tree};

    #[test]
    fn what_a_gate_looked_at_is_told_with_what_it_looked_up() {
        let (scopes, engine) = (Scopes::new(&Snapshot::default(), RunFacts::default()), Engine::new());
        let mut scope = Scope::new();
        let json = json!({"items": [1], "pods": {"api": {"ready": 2}}, "limits": [3, 4], "name": "x"});
        scope.set("json", template::from_json(&json));
        scope.set("item", template::from_json(&json!("api")));
        scope.set("lines", template::from_json(&json!(["a", "b"])));
        scope.set("n", template::from_json(&json!(1)));
        let seen = |src: &str| scopes.seen(&engine, &Expr(Text::new(src)), &scope, &|_, _| (true, true));
        assert_eq!(seen("json.items | length >= 3"), "1 item");
        assert_eq!(seen("lines | length > 2 and json.limits | length == 2"), "2 lines, limits 2 items");
        assert_eq!(seen("json.pods[item].ready >= 3"), "json.pods[item].ready 2, item api");
        assert_eq!(seen("json.limits[n] > 5 and json.name == 'y'"), "json.limits[n] 4, n 1, name x");
        // What a loop of the expression looks up has no value outside it.
        assert_eq!(seen("json.pods[json.nothing].ready > 1"), "");
    }

    #[test]
    fn what_a_step_of_many_is_follows_its_instances_in_each_state() {
        let each = Step { id: "a".to_owned(), for_each: Some(Tree::Plain(json!(null))), ..Step::default() };
        let reads = Text::new("{{ steps.a.outputs }}");
        let reads = Step { id: "b".to_owned(), title: Some(reads), ..Step::default() };
        let runbook = Runbook { steps: vec![each, reads], ..Runbook::default() };
        let snapshot = Arc::new(Snapshot { runbook, ..Snapshot::default() });
        let graph = Graph::of_snapshot(Arc::clone(&snapshot));
        let (scopes, engine) = (Scopes::new(&snapshot, RunFacts::default()), Engine::new());
        let seen = |state: &State| {
            let scope = scopes.outer_of_step(&graph, state, 1);
            let value = engine.expr("steps.a.outputs", &scope).expect("it is there");
            template::to_json(&value).expect("data")
        };
        let mut state = State::new(&graph);
        let item = |number: usize| Item { key: format!("k{number}"), value: json!(number) };
        let items = (0..MANY + 4).map(item).collect();
        for event in [Event::Opened(Opened::none()), Event::Expanded { step: "a".to_owned(), items }] {
            state.apply(&graph, &event).expect("it may follow");
        }
        assert_eq!(seen(&state), json!({}));
        // Two that go on from the same state each their own way.
        let mut other = state.clone();
        let at = Addr { node: 0, instance: 3 };
        state.at_mut(at).outputs.insert("o".to_owned(), json!("x"));
        assert_eq!(seen(&state), json!({"o": {"k3": "x"}}));
        other.at_mut(at).outputs.insert("o".to_owned(), json!("y"));
        assert_eq!(seen(&other), json!({"o": {"k3": "y"}}));
        assert_eq!(seen(&state), json!({"o": {"k3": "x"}}));
        assert!(state.nodes[0].instances.keeps(), "it is kept and not made anew");
        // Somebody is shown what would be: what is made for that must not be what the run reads, nor the reverse.
        let imagined = Scopes::new(&snapshot, RunFacts { id: UNKNOWN.to_owned(), ..RunFacts::default() });
        let origin = |scopes: &Scopes| {
            let scope = scopes.outer_of_step(&graph, &state, 1);
            let status = engine.expr("steps.a.status", &scope).expect("it is there");
            template::origin_of(&status).map(str::to_owned)
        };
        for _ in 0..2 {
            assert_eq!(origin(&scopes), None);
            assert_eq!(origin(&imagined).as_deref(), Some("steps.a.status"));
        }
    }
}
