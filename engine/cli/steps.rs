//! Steps by the names that people type.

use std::collections::BTreeSet;

use serde_json::Value;

use super::args::Exec;
use super::error::CliError;
use crate::diag::near;
use crate::machine::{Graph, Person, State, from_step, step_of};
use crate::model::{Action, Runbook, Step};
use crate::template::Engine;

/// Refuses names of steps that the runbook does not have: a mistyped `--approve` would leave the run waiting, hours on.
/// An instance (`scale[api]`) is taken by its step, where instances make sense: what they are may be known later only.
///
/// # Errors
///
/// The first name that means no step, with the nearest that does.
pub fn exist(flag: &str, named: &[String], runbook: &Runbook, instances: bool) -> Result<(), CliError> {
    let ids: BTreeSet<&str> =
        runbook.steps.iter().chain(&runbook.finally).map(|step| step.id.as_str()).collect();
    for name in named {
        let id = if instances { step_of(name, |id| ids.contains(id)) } else { name.as_str() };
        if is_of_several(id, runbook) || ids.iter().any(|known| is_copy(id, known)) {
            continue;
        }
        if !ids.contains(id) {
            let message = format!("{flag} {name}: {} has no step `{id}`", runbook.name);
            return Err(match near(id, ids.iter().copied()) {
                Some(meant) => CliError::usage_with(message, format!("did you mean `{meant}`?")),
                None => {
                    let hint =
                        format!("its steps are {}", ids.iter().copied().collect::<Vec<_>>().join(", "));
                    CliError::usage_with(message, hint)
                }
            });
        }
    }
    Ok(())
}

/// Says whether a name may be that of a step of a runbook that is brought in for each of several, before they are known.
fn is_of_several(name: &str, runbook: &Runbook) -> bool {
    runbook.steps.iter().chain(&runbook.finally).any(|step| {
        step.for_each.is_some()
            && matches!(step.body.action, Action::Runbook { .. })
            && name.strip_prefix(step.id.as_str()).is_some_and(|rest| rest.starts_with('['))
    })
}

/// Says whether a step is one of the copies that a name stands for: `db` for `db[eu]`.
fn is_copy(name: &str, id: &str) -> bool {
    id.strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('['))
        .is_some_and(|rest| rest.ends_with(']') && !rest.contains('/'))
}

/// Returns the steps that a name stands for: with a step that brings in a runbook go that runbook's.
fn meant<'a>(name: &'a str, runbook: &'a Runbook) -> impl Iterator<Item = &'a str> {
    let ids = runbook.steps.iter().chain(&runbook.finally).map(|step| step.id.as_str());
    ids.filter(move |id| {
        id.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '[']))
    })
}

/// Adds the steps that bring in what is run.
fn with_begins(only: Vec<String>, graph: &Graph, state: &State) -> Vec<String> {
    let mut all: Vec<String> = Vec::with_capacity(only.len());
    for id in only {
        let around = state.node(&id).map(|node| graph.around(node)).unwrap_or_default();
        for id in around.into_iter().map(|begin| graph.step(begin).id.clone()).chain([id]) {
            if !all.contains(&id) {
                all.push(id);
            }
        }
    }
    all
}

/// Refuses to promise a yes that would not be taken: the run would wait for it all the same, hours on.
///
/// # Errors
///
/// The first approval among the named steps that whoever drives the run can't give beforehand, with who can.
pub fn may_be_approved(named: &[String], runbook: &Runbook, by: &Person) -> Result<(), CliError> {
    for step in runbook.steps.iter().chain(&runbook.finally) {
        let Action::Approve(approve) = &step.body.action else { continue };
        let is_it = |name: &&String| step_of(name, |id| id == step.id) == step.id;
        let Some(name) = named.iter().find(is_it) else { continue };
        let refuse = |why: String| {
            let hint = format!("when it is asked for: `runbook approve RUN {}`", step.id);
            Err(CliError::usage_with(format!("--approve {name}: {why}"), hint))
        };
        if !approve.names(&by.name) {
            let who = approve.who().unwrap_or_default();
            return refuse(format!("{} may not answer it: {who} may", by.name));
        }
        if approve.not_self {
            return refuse("whoever drives the run may not answer it (`not_self`)".to_owned());
        }
        let missing = approve.ask.iter().find(|input| input.required && input.default.is_none());
        if let Some(input) = missing {
            return refuse(format!("a yes to it goes with an answer, `{}`", input.name));
        }
    }
    Ok(())
}

/// The steps that are run, when not all of them are.
#[derive(Debug)]
pub struct Part {
    /// Their ids; none when all are.
    pub only: Vec<String>,
}

impl Part {
    /// Returns what `--only` and `--from` ask for; both name steps that there are.
    ///
    /// # Errors
    ///
    /// A step that is run and uses the outputs of one that is not: they would be missing in the middle of the run.
    pub fn of(exec: &Exec, runbook: &Runbook) -> Result<Part, CliError> {
        let graph = Graph::of(runbook);
        let from = exec.from.as_ref().and_then(|from| {
            let first = meant(from, runbook).next()?;
            State::new(&graph).node(first)
        });
        let only = match from.filter(|from| !graph.is_finally(*from)) {
            Some(from) => from_step(&graph, from),
            None if exec.from.is_some() => {
                let message = "--from names a step of `finally`, which runs in any case";
                return Err(CliError::usage_with(message, "name one of `steps`"));
            }
            None => {
                let all = exec.only.iter().flat_map(|name| meant(name, runbook));
                all.map(str::to_owned).collect()
            }
        };
        let only = with_begins(only, &graph, &State::new(&graph));
        if only.is_empty() {
            return Ok(Part { only });
        }
        let runs = |id: &str| only.iter().any(|one| one == id);
        for step in runbook.steps.iter().filter(|step| runs(&step.id)) {
            let prefix =
                step.sub.map(|sub| format!("{}/", runbook.subs[sub as usize].step)).unwrap_or_default();
            let left = used(step)
                .into_iter()
                .map(|id| format!("{prefix}{id}"))
                .find(|id| !runs(id) && runbook.steps.iter().any(|other| other.id == *id));
            if let Some(left) = left {
                let flag = if from.is_some() { "--from" } else { "--only" };
                let message = format!("`{}` uses the outputs of `{left}`, which {flag} leaves out", step.id);
                let hint = match from {
                    Some(_) => format!("begin at `{left}` or before it: --from {left}"),
                    None => format!("add --only {left}"),
                };
                return Err(CliError::usage_with(message, hint));
            }
        }
        Ok(Part { only })
    }
}

/// Returns the ids of the steps whose outputs a step can't do without.
///
/// Found in whatever of it is text, as it is stored, and not by a walk over every key: a key that is added later would
/// be forgotten there, and nobody would notice.
fn used(step: &Step) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if let Ok(stored) = serde_json::to_value(step) {
        walk(&stored, &Engine::new(), &mut found);
    }
    found
}

fn walk(value: &Value, engine: &Engine, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, engine, found)),
        Value::Object(entries) => {
            if let Some(text) = entries.get("src").and_then(Value::as_str) {
                // A text and an expression are stored alike; what is the one has nothing to say as the other.
                for uses in [engine.check_text(text), engine.check_expr(text)].into_iter().flatten() {
                    for of in uses.paths.iter().filter(|of| !of.defined_test) {
                        if let [steps, id, outputs, ..] = of.path.as_slice()
                            && steps == "steps"
                            && outputs == "outputs"
                        {
                            found.insert(id.clone());
                        }
                    }
                }
            }
            entries.values().for_each(|entry| walk(entry, engine, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_known_by_its_id_and_an_instance_by_its_step() {
        let step = |id: &str| Step { id: id.to_owned(), ..Step::default() };
        let runbook =
            Runbook { name: "up".to_owned(), steps: vec![step("scale"), step("go")], ..Runbook::default() };
        let said = |name: &str, instances| {
            exist("--only", &[name.to_owned()], &runbook, instances).map_err(|e| e.hint())
        };
        assert!(said("go", false).is_ok() && said("scale[api]", true).is_ok());
        assert_eq!(said("scale[api]", false).unwrap_err().as_deref(), Some("did you mean `scale`?"));
        assert_eq!(said("zzz", true).unwrap_err().as_deref(), Some("its steps are go, scale"));
    }
}
