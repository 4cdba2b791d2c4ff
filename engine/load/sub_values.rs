//! The names of the runbooks that steps bring in get their values, before anything runs.
//!
//! What a step gives under `vars` is computed in the scope of the step; it may use the vars, tables and `let` values
//! there, and `item`. It may not use what only the run can know: the lock, the target and the confirmation of what is
//! brought in are settled before the first step, and a plan that shows no command of it is no plan (RB0220). A step that
//! is known to be skipped needs no values.

use std::collections::HashMap;

use super::bind::{lets, told};
use super::project::Project;
use super::sub::MOST_STEPS;
use super::tables::read_tables;
use super::unroll::{plain_keys, unroll};
use crate::diag::{Code, Diagnostic, Report, Sources};
use crate::model::{Action, Input, Kind, Map, Place, Snapshot, Step, Sub, SubValues, Tree, Value};
use crate::template::{
    self, DataError, Engine, Scope, Truth, fit, instances, place_of, secret_of, text_of, to_json,
};

/// Where the tables of what is brought in come from.
pub(super) enum Tables<'a> {
    /// From their files.
    Read(&'a Project),
    /// From a run that has them.
    Of(&'a [SubValues]),
}

/// Computes the values of everything that steps bring in, with `scope` as that of the runbook itself; makes a copy for
/// each element of a `for_each`. Returns the scopes in the order of the subs, none for what will be skipped.
pub(super) fn complete(
    snapshot: &mut Snapshot,
    scope: &Scope,
    tables: Tables<'_>,
    engine: &Engine,
    sources: &mut Sources,
    report: &mut Report,
) -> Vec<Option<Scope>> {
    let mut work = Work {
        engine,
        sources,
        report,
        tables,
        read: HashMap::new(),
        items: HashMap::new(),
        places: HashMap::new(),
        root: scope.clone(),
        scopes: Vec::new(),
        values: Vec::new(),
    };
    while work.values.len() < snapshot.runbook.subs.len() {
        work.next(snapshot);
    }
    work.still_empty(snapshot);
    let Work { scopes, values, .. } = work;
    snapshot.subs = values;
    scopes
}

struct Work<'a> {
    engine: &'a Engine,
    sources: &'a mut Sources,
    report: &'a mut Report,
    tables: Tables<'a>,
    /// Tables that were read, by the runbook that names them.
    read: HashMap<String, Map>,
    /// The elements of the copies, by the id of their step.
    items: HashMap<String, Value>,
    /// Where the steps that bring in something stand, by their ids; empty where copies were made since.
    places: HashMap<String, usize>,
    root: Scope,
    scopes: Vec<Option<Scope>>,
    values: Vec<SubValues>,
}

impl Work<'_> {
    /// Computes the values of the next sub, or puts copies in its place.
    fn next(&mut self, snapshot: &mut Snapshot) {
        let at = self.values.len();
        let sub = snapshot.runbook.subs[at].clone();
        let around = match sub.within {
            None => Some(&self.root),
            Some(within) => self.scopes[within as usize].as_ref(),
        };
        let Some(around) = around else { return self.unwanted() };
        let mut scope = around.child();
        scope.set_unknown("run", "run");
        scope.set_unknown("steps", "steps");
        let Some(step) = self.begin(snapshot, &sub.step) else { return self.unwanted() };
        let over = step.for_each.as_ref().or(sub.each.as_ref().map(|each| &each.over));
        if let (Some(over), false) = (over, self.items.contains_key(&sub.step)) {
            let over = over.clone();
            // A step that is not wanted at all may go over what is not there.
            let mut any = scope.child();
            any.set_unknown("item", "item");
            if self.is_unwanted(&step, &any) {
                let steps = snapshot.runbook.steps.iter_mut().chain(&mut snapshot.runbook.finally);
                steps.filter(|other| other.id == step.id).for_each(|step| {
                    step.for_each = None;
                    step.max_parallel = None;
                });
                return self.unwanted();
            }
            let Some(found) = self.expand(snapshot, &sub, &step, &over, &scope) else {
                return self.unwanted();
            };
            match &sub.each {
                None => {
                    let keys = plain_keys(found.iter().map(|(key, _)| key.clone()).collect());
                    for (key, (_, item)) in keys.iter().zip(found) {
                        self.items.insert(format!("{}[{key}]", sub.step), item);
                    }
                    unroll(&mut snapshot.runbook, at, &over, &keys);
                    self.places.clear();
                    return;
                }
                Some(each) => {
                    if !self.same_copies(snapshot, &sub, &found, &over) {
                        return self.unwanted();
                    }
                    let keys = plain_keys(found.iter().map(|(key, _)| key.clone()).collect());
                    let item =
                        keys.iter().position(|key| *key == each.key).map(|place| found[place].1.clone());
                    self.items.insert(sub.step.clone(), item.unwrap_or_default());
                }
            }
        }
        let item = self.items.get(&sub.step).cloned();
        if let Some(item) = &item {
            scope.set_json("item", item);
        }
        if self.is_unwanted(&step, &scope) {
            return self.unwanted();
        }
        let parent = sub.within.map(|within| within as usize);
        let values = SubValues { item, ..self.of(snapshot, at, &sub, &scope, parent) };
        let scope = self.with_lets(&sub, values);
        self.scopes.push(Some(scope));
    }

    /// Refuses elements for a step that the run has with none: its runbook is no part of the run.
    fn still_empty(&mut self, snapshot: &Snapshot) {
        for step in snapshot.runbook.steps.iter().chain(&snapshot.runbook.finally) {
            let (Action::Runbook { .. }, Some(over)) = (&step.body.action, &step.for_each) else { continue };
            if snapshot.runbook.subs.iter().any(|sub| sub.step == step.id) {
                continue;
            }
            let around = match step.sub {
                None => Some(&self.root),
                Some(sub) => self.scopes.get(sub as usize).and_then(Option::as_ref),
            };
            let Some(scope) = around.map(Scope::child) else { continue };
            let what = format!("`for_each` of `{}`", step.id);
            let found = self.value(&what, over, &scope, step.at).map(instances);
            if let Some(Ok(found)) = found
                && !found.is_empty()
            {
                let keys = plain_keys(found.into_iter().map(|one| one.key).collect());
                self.other_copies(&step.id, &keys, &[], place_of(over).unwrap_or(step.at));
            }
        }
    }

    fn other_copies(&mut self, id: &str, now: &[String], then: &[&str], at: Place) {
        let message = format!(
            "`{id}` would bring in its runbook for {}, and the run has it for {}",
            of_all(now.iter().map(String::as_str)),
            of_all(then.iter().copied())
        );
        let diagnostic = Diagnostic::new(Code::KnownTooLate, message).at(at, "");
        self.report.push(diagnostic.help("start another run with that value"));
    }

    /// Returns the step that brings in a sub. Looking for each among all would be quadratic.
    fn begin(&mut self, snapshot: &Snapshot, id: &str) -> Option<Step> {
        let (steps, finally) = (&snapshot.runbook.steps, &snapshot.runbook.finally);
        if self.places.is_empty() {
            let all = steps.iter().chain(finally).enumerate();
            let begins = all.filter(|(_, step)| matches!(step.body.action, Action::Runbook { .. }));
            self.places = begins.map(|(place, step)| (step.id.clone(), place)).collect();
        }
        let &place = self.places.get(id)?;
        steps.get(place).or_else(|| finally.get(place.checked_sub(steps.len())?)).cloned()
    }

    /// What is not wanted has no values, nor has anything in it.
    fn unwanted(&mut self) {
        self.values.push(SubValues { unwanted: true, ..SubValues::default() });
        self.scopes.push(None);
    }

    fn is_unwanted(&self, step: &Step, scope: &Scope) -> bool {
        // What is wrong with it is told by the trial of the step.
        let when = step.when.as_ref();
        when.is_some_and(|when| matches!(self.engine.holds(&when.0.src, scope), Ok(Truth::False)))
    }

    /// Returns the elements that the step goes over.
    fn expand(
        &mut self,
        snapshot: &Snapshot,
        sub: &Sub,
        step: &Step,
        over: &Tree,
        scope: &Scope,
    ) -> Option<Vec<(String, Value)>> {
        let what = format!("`for_each` of `{}`", step.id);
        let value = self.value(&what, over, scope, step.at)?;
        let found = match instances(value) {
            Ok(found) => found,
            Err(got) => {
                let message = format!("{what} wants a list or a map, got {got}");
                let at = place_of(over).unwrap_or(step.at);
                self.report.push(Diagnostic::new(Code::WrongType, message).at(at, ""));
                return None;
            }
        };
        let limit = limit(snapshot, sub.within);
        if let Some(limit) = limit.filter(|limit| found.len() > *limit as usize) {
            let message = format!(
                "`{}` would have {} instances, and this runbook allows {limit}",
                step.id,
                found.len()
            );
            let diagnostic = Diagnostic::new(Code::TooManyInstances, message)
                .at(place_of(over).unwrap_or(step.at), "")
                .help("look at what it loops over; if it is right, raise `limits: {instances: …}`");
            self.report.push(diagnostic);
            return None;
        }
        let runbook = &snapshot.runbook;
        let brought = |other: &&Step| is_part(&other.id, &step.id);
        let all = runbook.steps.iter().chain(&runbook.finally);
        let (each, whole) = (all.clone().filter(brought).count(), all.count());
        // Those of a run that has them are there already.
        let more = if sub.each.is_none() { each * found.len() } else { 0 };
        if whole - each + more > MOST_STEPS && more > each {
            let message = format!(
                "`{}` would have {} instances of {each} steps each, and a run may have {MOST_STEPS} steps with all that \
                 is brought in",
                step.id,
                found.len()
            );
            let diagnostic = Diagnostic::new(Code::TooManyInstances, message)
                .at(place_of(over).unwrap_or(step.at), "")
                .help("look at what it loops over; if it is right, split it over several runs");
            self.report.push(diagnostic);
            return None;
        }
        Some(found.into_iter().map(|one| (one.key, one.item)).collect())
    }

    /// Says whether a run that has copies would have the same ones; tells when not.
    fn same_copies(
        &mut self,
        snapshot: &Snapshot,
        sub: &Sub,
        found: &[(String, Value)],
        over: &Tree,
    ) -> bool {
        let id = sub.step.strip_suffix(']').and_then(|step| step.rsplit_once('[')).map_or("", |(id, _)| id);
        let there: Vec<&str> = snapshot
            .runbook
            .subs
            .iter()
            .filter(|other| other.within == sub.within && other.local == sub.local)
            .filter_map(|other| other.each.as_ref().map(|each| each.key.as_str()))
            .collect();
        let keys = plain_keys(found.iter().map(|(key, _)| key.clone()).collect());
        if keys == there {
            return true;
        }
        let at = place_of(over).unwrap_or(sub.at);
        self.other_copies(id, &keys, &there, at);
        false
    }

    /// Returns the value of a tree that must be known before the run.
    fn value(&mut self, what: &str, tree: &Tree, scope: &Scope, at: Place) -> Option<Value> {
        let place = place_of(tree).unwrap_or(at);
        let value = match self.engine.tree(tree, scope) {
            Ok(value) => value,
            Err(fault) => {
                let text = text_of(tree, fault.index).unwrap_or_default();
                let place = self.sources.within(&text, fault.fault.span);
                let message = format!("{what} can't be computed: {}", fault.fault.message);
                let diagnostic = Diagnostic::new(Code::NotComputable, message).at(place, "");
                self.report.push(told(diagnostic, fault.fault.help));
                return None;
            }
        };
        match to_json(&value) {
            Ok(value) => Some(value),
            Err(DataError::Unknown(origin)) => {
                self.report.push(too_late(what, &origin, place));
                None
            }
            Err(other) => {
                self.report
                    .push(Diagnostic::new(Code::NotComputable, format!("{what}: {other}")).at(place, ""));
                None
            }
        }
    }

    fn of(
        &mut self,
        snapshot: &Snapshot,
        at: usize,
        sub: &Sub,
        scope: &Scope,
        parent: Option<usize>,
    ) -> SubValues {
        let mut values = SubValues::default();
        for input in &sub.vars {
            let given = sub.given.iter().find(|(name, _)| *name == input.name).map(|(_, tree)| tree);
            let given = given.filter(|tree| !self.is_handed_on_absent(snapshot, parent, tree, scope));
            match given {
                Some(tree) => self.given(sub, input, tree, scope, &mut values),
                None if input.ty.kind == Kind::Secret => {
                    let name = format!("{}/{}", sub.local, input.name);
                    if let Some(secret) = self.secret_of(snapshot, parent, &name) {
                        values.secrets.push((input.name.clone(), secret));
                    }
                }
                None => match &input.default {
                    Some(default) => {
                        values.vars.insert(input.name.clone(), default.clone());
                    }
                    None if input.required => {
                        let message = format!("the runbook `{}` needs the var `{}`", sub.name, input.name);
                        let help = format!("add under `vars` of `{}`: `{}: …`", sub.step, input.name);
                        self.report
                            .push(Diagnostic::new(Code::MissingVar, message).at(sub.at, "").help(help));
                    }
                    None => {}
                },
            }
        }
        values.data = match &self.tables {
            Tables::Of(subs) => subs.get(at).map(|values| values.data.clone()).unwrap_or_default(),
            Tables::Read(project) => match self.read.get(&sub.name) {
                Some(data) => data.clone(),
                None => {
                    let data = read_tables(&sub.data, project, self.sources, self.report);
                    self.read.insert(sub.name.clone(), data.clone());
                    data
                }
            },
        };
        values
    }

    /// Says whether `{{ name }}` hands on a var that has no value: then there is none in there either.
    fn is_handed_on_absent(
        &self,
        snapshot: &Snapshot,
        parent: Option<usize>,
        tree: &Tree,
        scope: &Scope,
    ) -> bool {
        let Tree::Text(text) = tree else { return false };
        let inside = text.src.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
        let Some(name) = inside.map(str::trim) else { return false };
        let vars = match parent {
            None => &snapshot.runbook.vars,
            Some(parent) => &snapshot.runbook.subs[parent].vars,
        };
        scope.get(name).is_none() && vars.iter().any(|var| var.name == name && !var.required)
    }

    fn given(&mut self, sub: &Sub, input: &Input, tree: &Tree, scope: &Scope, values: &mut SubValues) {
        let name = &input.name;
        let place = place_of(tree).unwrap_or(sub.at);
        let secret =
            self.engine.tree(tree, scope).ok().and_then(|value| secret_of(&value).map(str::to_owned));
        let wrong = |message: String| {
            Diagnostic::new(Code::BadVar, format!("`{name}` of the runbook `{}`: {message}", sub.name))
                .at(place, "")
                .also(input.at, "declared here")
        };
        match (secret, input.ty.kind) {
            (Some(secret), Kind::Secret) => {
                values.secrets.push((name.clone(), secret));
                return;
            }
            (Some(secret), _) => {
                self.report.push(
                    wrong(format!("it would hold the secret `{secret}`"))
                        .help(format!("declare it there as a secret: `{name}: {{type: secret}}`")),
                );
                return;
            }
            (None, Kind::Secret) => {
                self.report.push(
                    wrong("wants a secret, and this is none".to_owned())
                        .help("hand on a secret of this runbook: a var with `type: secret`"),
                );
                return;
            }
            (None, _) => {}
        }
        let what = format!("`{name}` of the runbook `{}`", sub.name);
        let Some(value) = self.value(&what, tree, scope, sub.at) else { return };
        if value.is_null() && (!input.required || input.default.is_some()) {
            if let Some(default) = &input.default {
                values.vars.insert(name.clone(), default.clone());
            }
            return;
        }
        match fit(&input.ty, value) {
            Ok(value) => {
                values.vars.insert(name.clone(), value);
            }
            Err(misfit) => self.report.push(told(wrong(misfit.message), misfit.help)),
        }
    }

    /// Returns the secret of the run that goes by `name` in the runbook around.
    fn secret_of(&self, snapshot: &Snapshot, parent: Option<usize>, name: &str) -> Option<String> {
        match parent {
            None => snapshot.secrets.iter().find(|secret| *secret == name).cloned(),
            Some(parent) => {
                let known = self.values[parent].secrets.iter().find(|(inner, _)| inner == name);
                known.map(|(_, secret)| secret.clone())
            }
        }
    }

    /// Computes the `let` values in order, keeps them, and returns the scope.
    fn with_lets(&mut self, sub: &Sub, mut values: SubValues) -> Scope {
        let mut scope = template::sub_scope(&values);
        for table in &sub.data {
            if !values.data.contains_key(&table.name) {
                scope.set_unknown(&table.name, &table.name);
            }
        }
        for input in &sub.vars {
            // What is wrong was told, and must not make others wrong.
            if input.required && scope.get(&input.name).is_none() {
                scope.set_unknown(&input.name, &input.name);
            }
        }
        values.lets = lets(&sub.lets, &mut scope, self.engine, self.sources, self.report);
        self.values.push(values);
        scope
    }
}

/// Says whether a step is the one of this id, or came in with it.
fn is_part(id: &str, begin: &str) -> bool {
    id.strip_prefix(begin).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns the most instances that a step of this sub may have: the least that it or what it stands in allows.
pub(super) fn limit(snapshot: &Snapshot, sub: Option<u32>) -> Option<u32> {
    snapshot.runbook.most_instances(sub)
}

fn of_all<'a>(keys: impl Iterator<Item = &'a str>) -> String {
    let keys: Vec<&str> = keys.collect();
    if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") }
}

/// Returns what is said of a value that is known too late. (RB0220)
pub(super) fn too_late(what: &str, origin: &str, place: Place) -> Diagnostic {
    let from = if origin == "steps" { "the outputs of a step".to_owned() } else { format!("`{origin}`") };
    Diagnostic::new(
        Code::KnownTooLate,
        format!("{what} depends on {from}, which only the run can know"),
    )
    .at(place, "must be known before the run starts")
    .help(
        "give it as a var, a table or a `let`; or let a step of that runbook find it out, and read it there by \
         `steps.ID.outputs`",
    )
}
