//! What differs between two snapshots of a runbook, as a person who edited the file would say it: steps and their keys,
//! values and where in them. Where something stands in the file is no difference.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::model::{Map, Snapshot, Step, without_places};

/// How many places of one value are told.
const PLACES: usize = 4;

/// The longest value told as it is, in characters.
const LONGEST: usize = 40;

/// What differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Changed {
    /// The steps, in the order of the newer file; removed ones last.
    pub steps: Vec<StepChange>,
    /// Vars, tables and `let` values.
    pub values: Vec<ValueChange>,
    /// Keys of the runbook itself: `lock`, `on_failure`, `target.cluster`.
    pub settings: Vec<String>,
}

/// What became of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another.
    Changed,
}

/// A step that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct StepChange {
    /// Its id.
    pub step: String,
    /// What became of it.
    pub change: Change,
    /// The keys that differ, with those of a template the step uses: `run`, `verify.within`, `with.replicas`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
}

/// Which kind of value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ValueKind {
    /// A var.
    Var,
    /// A table under `data`.
    Data,
    /// A `let` value.
    Let,
}

/// A value that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ValueChange {
    /// Which kind.
    pub kind: ValueKind,
    /// Its name.
    pub name: String,
    /// What became of it.
    pub change: Change,
    /// The first places that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Difference>,
    /// How many places differ besides.
    pub more: usize,
}

/// One place in a value that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Difference {
    /// Where, from the value's name on: `replicas.api`.
    pub path: String,
    /// What it was; nothing when it is new.
    pub then: Option<String>,
    /// What it is; nothing when it is gone.
    pub now: Option<String>,
}

impl Changed {
    /// Says whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.values.is_empty() && self.settings.is_empty()
    }
}

/// Returns what differs between a run's snapshot and one made of the same runbook later.
pub fn changed(then: &Snapshot, now: &Snapshot) -> Changed {
    let mut changed = Changed {
        steps: steps(then, now),
        values: Vec::new(),
        settings: settings(&without_places(&then.runbook), &without_places(&now.runbook)),
    };
    for (kind, then, now) in [
        (ValueKind::Var, &then.vars, &now.vars),
        (ValueKind::Data, &then.data, &now.data),
        (ValueKind::Let, &then.lets, &now.lets),
    ] {
        values(kind, then, now, &mut changed.values);
    }
    subs(then, now, &mut changed);
    changed
}

/// Adds what differs in the runbooks that steps bring in: `db/lock`, and values as `db/NAME`.
fn subs(then: &Snapshot, now: &Snapshot, changed: &mut Changed) {
    let all = |snapshot: &Snapshot| {
        let subs = snapshot.runbook.subs.iter().cloned().zip(snapshot.subs.clone());
        subs.map(|(sub, values)| (sub.step.clone(), (sub, values))).collect::<Vec<_>>()
    };
    let before = all(then);
    for (step, (sub, values_now)) in all(now) {
        // One that is new or gone is told by its steps.
        let Some((_, (sub_then, values_then))) = before.iter().find(|(other, _)| *other == step) else {
            continue;
        };
        let keys = settings(&without_places(sub_then), &without_places(&sub));
        changed.settings.extend(keys.into_iter().map(|key| format!("{step}/{key}")));
        let named =
            |map: &Map| map.iter().map(|(name, value)| (format!("{step}/{name}"), value.clone())).collect();
        for (kind, then, now) in [
            (ValueKind::Var, &values_then.vars, &values_now.vars),
            (ValueKind::Data, &values_then.data, &values_now.data),
            (ValueKind::Let, &values_then.lets, &values_now.lets),
        ] {
            values(kind, &named(then), &named(now), &mut changed.values);
        }
    }
}

fn steps(then: &Snapshot, now: &Snapshot) -> Vec<StepChange> {
    let all = |snapshot: &Snapshot| {
        let main = snapshot.runbook.steps.iter().map(|step| (false, step.clone()));
        main.chain(snapshot.runbook.finally.iter().map(|step| (true, step.clone()))).collect::<Vec<_>>()
    };
    let (then, now) = (all(then), all(now));
    let of = |step: &Step, change| StepChange { step: step.id.clone(), change, keys: Vec::new() };
    let mut found = Vec::new();
    for (last, step) in &now {
        match then.iter().find(|(_, other)| other.id == step.id) {
            None => found.push(of(step, Change::Added)),
            Some((was_last, other)) => {
                let mut keys = keys(other, step);
                if was_last != last {
                    keys.push("finally".to_owned());
                }
                if !keys.is_empty() {
                    found.push(StepChange { keys, ..of(step, Change::Changed) });
                }
            }
        }
    }
    let gone = then.iter().filter(|(_, step)| now.iter().all(|(_, other)| other.id != step.id));
    found.extend(gone.map(|(_, step)| of(step, Change::Removed)));
    found
}

/// Returns the keys in which two steps differ.
fn keys(then: &Step, now: &Step) -> Vec<String> {
    // Which place its runbook has among others is no difference.
    let plain = |step: &Step| without_places(&Step { sub: None, ..step.clone() });
    let (then, now) = (plain(then), plain(now));
    if then == now {
        return Vec::new();
    }
    let mut paths = Vec::new();
    differing(Some(&then), Some(&now), &mut Vec::new(), &mut paths);
    let mut seen = BTreeSet::new();
    let shell = |value: &Value| value.pointer("/body/action/Command/line/Shell").is_some();
    let script = shell(&then) || shell(&now);
    paths
        .iter()
        .filter_map(|path| spoken(path, script, &now, &then))
        // Prose: nothing runs by it.
        .filter(|key| key != "about")
        // Told once, of the runbook.
        .filter(|key| !["environment", "inherited"].contains(&key.split('.').next().unwrap_or_default()))
        .filter(|key| seen.insert(key.clone()))
        .collect()
}

/// Collects the paths at which two values differ.
fn differing(
    then: Option<&Value>,
    now: Option<&Value>,
    path: &mut Vec<String>,
    found: &mut Vec<Vec<String>>,
) {
    if then == now {
        return;
    }
    if let (Some(before), Some(after)) = (then.and_then(named), now.and_then(named)) {
        let names: Vec<&String> = before.iter().chain(&after).map(|(name, _)| name).collect();
        let mut seen = BTreeSet::new();
        let count = found.len();
        for name in names {
            if seen.insert(name) {
                let of = |entries: &[(String, &Value)]| entries.iter().position(|(other, _)| other == name);
                path.push(name.clone());
                differing(of(&before).map(|at| before[at].1), of(&after).map(|at| after[at].1), path, found);
                path.pop();
            }
        }
        if found.len() > count {
            return;
        }
    }
    found.push(path.clone());
}

/// Returns the entries of a map, and of a list of named things: the order of `with` is no difference.
fn named(value: &Value) -> Option<Vec<(String, &Value)>> {
    match value {
        Value::Object(entries) => Some(entries.iter().map(|(name, value)| (name.clone(), value)).collect()),
        Value::Array(items) if !items.is_empty() => items
            .iter()
            .map(|item| match item {
                Value::Array(pair) if pair.len() == 2 => Some((pair[0].as_str()?.to_owned(), &pair[1])),
                Value::Object(entries) => Some((entries.get("name")?.as_str()?.to_owned(), item)),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// Returns the key of a step as it is written, from its path in the model; nothing for what has no key of its own.
fn spoken(path: &[String], script: bool, now: &Value, then: &Value) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    let mut walked = String::new();
    for name in path {
        walked.push('/');
        walked.push_str(name);
        match name.as_str() {
            "body" | "binding" | "action" | "command" | "Command" => {}
            "uses" | "inner" if !names.contains(&"with") => {}
            "template" if path[0] == "binding" || path.iter().any(|name| name == "uses") => {
                names.push("uses")
            }
            "Gate" => names.push("gate"),
            "Approve" => names.push("approve"),
            "Manual" => names.push("manual"),
            "Wait" => {
                names.push("wait");
                break;
            }
            "Runbook" => names.push("runbook"),
            "Nothing" => return None,
            "merged" => names.push("output"),
            "line" => {
                let is_script = |value: &Value| value.pointer(&format!("{walked}/Shell")).is_some();
                names.push(if is_script(now) || is_script(then) { "shell" } else { "run" });
                break;
            }
            "src" | "Text" | "List" | "Map" | "Plain" => break,
            // Derived from others, or told by the template's own keys.
            other => names.push(other),
        }
        if names.len() == 2 && names[0] == "with" || names.len() == 3 {
            break;
        }
    }
    match (names.as_slice(), path.first().map(String::as_str)) {
        ([], Some("body")) => Some(if script { "shell" } else { "run" }.to_owned()),
        ([], Some("binding")) => Some("uses".to_owned()),
        ([], _) => None,
        (names, _) => Some(names.join(".")),
    }
}

/// Returns the keys of the runbook itself that differ. Prose is left out, and what has lines of its own.
fn settings(then: &Value, now: &Value) -> Vec<String> {
    const ELSEWHERE: &[&str] = &[
        "name", "title", "summary", "about", "owner", "tags", "source", "vars", "data", "lets", "steps",
        "finally", "subs", "step", "local", "within", "given", "each", "around", "aims",
    ];
    let mut paths = Vec::new();
    differing(Some(then), Some(now), &mut Vec::new(), &mut paths);
    let mut seen = BTreeSet::new();
    // The vars of a run are what they were given as, so another default is worth a word: it is not taken.
    let is_default = |path: &[String]| path.len() > 2 && path[0] == "vars" && path[2] == "default";
    paths
        .into_iter()
        .filter(|path| {
            is_default(path) || path.first().is_some_and(|first| !ELSEWHERE.contains(&first.as_str()))
        })
        .map(|path| {
            let depth = match path[0].as_str() {
                "vars" => 3,
                "target" | "limits" | "environment" => path.len().min(2),
                _ => 1,
            };
            path[..depth].join(".")
        })
        .filter(|key| seen.insert(key.clone()))
        .collect()
}

fn values(kind: ValueKind, then: &Map, now: &Map, found: &mut Vec<ValueChange>) {
    let mut names: Vec<&String> = now.keys().collect();
    names.extend(then.keys().filter(|name| !now.contains_key(*name)));
    for name in names {
        let change = match (then.get(name), now.get(name)) {
            (then, now) if then == now => continue,
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            _ => Change::Changed,
        };
        let mut paths = Vec::new();
        if change == Change::Changed {
            differing(then.get(name), now.get(name), &mut Vec::new(), &mut paths);
        }
        let more = paths.len().saturating_sub(PLACES);
        paths.truncate(PLACES);
        let at = |values: &Map, path: &[String]| {
            let mut value = values.get(name)?.clone();
            for part in path {
                let inner = named(&value)?.into_iter().find(|(name, _)| name == part)?.1.clone();
                value = inner;
            }
            Some(shown(&value))
        };
        let places = paths
            .into_iter()
            .map(|path| Difference { then: at(then, &path), now: at(now, &path), path: path.join(".") })
            .collect();
        found.push(ValueChange { kind, name: name.clone(), change, places, more });
    }
}

fn shown(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Sources;
    use crate::load::{Given, Inputs, Library, Project, bind, load_text};
    use crate::template::Engine;

    const BEFORE: &str = "
runbook: up
title: Up
vars: {size: {type: integer, default: 3}}
let: {sizes: {api: '{{ size }}', web: 1}}
lock: up
steps:
  - {id: look, run: 'ls -l', effect: read}
  - {id: grow, uses: tell/it, with: {what: '{{ sizes.api }}', to: me}, needs: [look]}
  - id: check
    gate: {run: curl -f localhost, pass: exit_code == 0, within: 5m}
  - {id: gone, shell: 'a; b', irreversible: no}
finally:
  - {id: tell, run: echo over, effect: read}
";

    const IT: &str = "step: tell/it\ntitle: T\nparams: {what: {type: any}, to: {type: string}}\nrun: echo {{ what }} {{ to }}\neffect: read\n";

    fn snapshot(text: &str, template: &str) -> Snapshot {
        let library = Library::built_in().with_text("tell/it", template);
        let loaded = load_text(text, "runbooks/up.yaml", "up", super::super::FileKind::Runbook, &library);
        let runbook = loaded.runbook.expect("is a runbook");
        let mut sources: Sources = loaded.sources;
        let root = std::path::Path::new("/nowhere");
        let inputs = Inputs::gather(&runbook.vars, &Given::default(), root, &mut sources);
        let bound = bind(runbook, &mut sources, inputs, &Project::at(root), &Engine::new());
        (*bound.expect("binds").snapshot).clone()
    }

    /// Returns one line a difference.
    fn told(before: (&str, &str), after: (&str, &str)) -> String {
        let found = changed(&snapshot(before.0, before.1), &snapshot(after.0, after.1));
        let steps = found.steps.iter().map(|one| {
            format!("{}: {:?} {}", one.step, one.change, one.keys.join(", ")).trim_end().to_owned()
        });
        let values = found.values.iter().map(|one| {
            let places: Vec<String> =
                one.places.iter().map(|at| format!("{} {:?} -> {:?}", at.path, at.then, at.now)).collect();
            format!("{:?} {}: {:?} {}", one.kind, one.name, one.change, places.join(", "))
        });
        steps.chain(values).chain(found.settings).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_same_file_moved_about_is_no_change() {
        let moved = format!("# a comment\n\n{}", BEFORE.replace("steps:", "about: more\nsteps:"));
        assert_eq!(told((BEFORE, IT), (&moved, &format!("# hello\n{IT}"))), "");
    }

    #[test]
    fn steps_are_told_by_their_keys_as_written() {
        let after = BEFORE
            .replace("ls -l", "ls -la")
            .replace("to: me", "to: you")
            .replace("within: 5m", "within: 9m")
            .replace(
                "  - {id: gone, shell: 'a; b', irreversible: no}\n",
                "  - {id: new, run: ls, effect: read}\n",
            )
            .replace("{id: tell, run", "{id: tell, timeout: 5s, env: {A: b}, run");
        let template = IT.replace("run: echo", "verify: {run: 'true', pass: exit_code == 0}\nrun: printf");
        insta::assert_snapshot!(told((BEFORE, IT), (&after, &template)), @"
        look: Changed run
        grow: Changed with.to, run, verify
        check: Changed gate.within
        new: Added
        tell: Changed env, timeout
        gone: Removed
        ");
    }

    #[test]
    fn values_are_told_where_they_differ() {
        let after = BEFORE
            .replace("default: 3", "default: 10")
            .replace("web: 1", "web: 1, cart: 2")
            .replace("lock: up", "lock: down");
        insta::assert_snapshot!(told((BEFORE, IT), (&after, IT)), @r#"
        Var size: Changed  Some("3") -> Some("10")
        Let sizes: Changed api Some("3") -> Some("10"), cart None -> Some("2")
        vars.size.default
        lock
        "#);
    }
}
