//! What differs between a plan and what would be run now: step by step as shown, then what no command shows.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use serde_json::Value;

use super::changed;
use super::plan_file::PlanFile;
use crate::driver::{PlannedStep, Preview};
use crate::load::changed as between;
use crate::machine::{Graph, State};
use crate::model::{Snapshot, format_duration};

/// Something that is not as it was planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where: a step, `run`, `vars`.
    pub at: String,
    /// What of it: `action`, `verify.pass`.
    pub what: String,
    /// As it was planned; nothing when it was not.
    pub planned: Option<String>,
    /// As it is now; nothing when it is gone.
    pub now: Option<String>,
}

impl Difference {
    /// Returns a difference.
    pub fn of(at: &str, what: &str, planned: Option<String>, now: Option<String>) -> Difference {
        Difference { at: at.to_owned(), what: what.to_owned(), planned, now }
    }
}

/// Returns what differs in what is shown, and in lines of their own what differs besides: keys of steps that no command
/// shows, tables, settings.
pub fn differences(plan: &PlanFile, now: &Snapshot, preview: &Preview) -> (Vec<Difference>, Vec<String>) {
    let mut found = Vec::new();
    compare("run", &flat(&plan.plan.run), &flat(&preview.run), &mut found);
    steps(&plan.plan.steps, &preview.steps, &mut found);
    let told: BTreeSet<String> =
        found.iter().map(|one| one.at.split('[').next().unwrap_or_default().to_owned()).collect();
    // Told once: every command has what is added to the environment of all.
    let shared: Vec<Difference> =
        found.iter().filter(|one| one.what.starts_with("environment.")).cloned().collect();
    found.retain(|one| {
        let as_all = |all: &Difference| {
            let name = all.what.trim_start_matches("environment");
            one.what.ends_with(&format!(".env{name}")) && one.planned == all.planned && one.now == all.now
        };
        !shared.iter().any(as_all)
    });
    let run_told: Vec<&str> =
        found.iter().filter(|one| one.at == "run").map(|one| one.what.as_str()).collect();
    let mut besides = between(&plan.snapshot, now);
    besides
        .settings
        .retain(|key| !run_told.iter().any(|told| *told == key || told.starts_with(&format!("{key}."))));
    // That its environment is another is told of all commands.
    besides.settings.retain(|key| shared.is_empty() || !key.starts_with("target."));
    besides.steps.retain(|step| !told.contains(&step.step));
    let mut lines = Vec::new();
    if !besides.is_empty() {
        lines = changed::lines(&besides, &State::new(&Graph::default())).lines().map(str::to_owned).collect();
    }
    let (then, secrets) = (&plan.snapshot.secrets, &now.secrets);
    for name in then.iter().filter(|name| !secrets.contains(name)) {
        lines.push(format!("secret {name}: given when planned, and not now"));
    }
    for name in secrets.iter().filter(|name| !then.contains(name)) {
        lines.push(format!("secret {name}: given now, and not when planned"));
    }
    (found, lines)
}

fn steps(planned: &[PlannedStep], now: &[PlannedStep], found: &mut Vec<Difference>) {
    let here: HashMap<&str, &PlannedStep> = now.iter().map(|step| (step.name.as_str(), step)).collect();
    let there: BTreeSet<&str> = planned.iter().map(|step| step.name.as_str()).collect();
    for step in planned {
        match here.get(step.name.as_str()) {
            None => found.push(Difference::of(&step.name, "was planned, and is not there now", None, None)),
            Some(other) if *other == step => {}
            Some(other) => compare(&step.name, &flat(step), &flat(other), found),
        }
    }
    for step in now.iter().filter(|step| !there.contains(step.name.as_str())) {
        found.push(Difference::of(&step.name, "was not planned", None, None));
    }
    let common = |steps: &'_ [PlannedStep], other: &dyn Fn(&str) -> bool| -> Vec<String> {
        steps.iter().filter(|step| other(&step.name)).map(|step| step.name.clone()).collect()
    };
    let then = common(planned, &|name| here.contains_key(name));
    let after = common(now, &|name| there.contains(name));
    if let Some((then, now)) = then.iter().zip(&after).find(|(then, now)| then != now) {
        found.push(Difference::of(
            "the order",
            "the first that differs",
            Some(then.clone()),
            Some(now.clone()),
        ));
    }
}

fn compare(at: &str, planned: &[(String, String)], now: &[(String, String)], found: &mut Vec<Difference>) {
    let value = |all: &[(String, String)], key: &str| {
        all.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
    };
    let mut keys: Vec<&String> = planned.iter().map(|(key, _)| key).collect();
    keys.extend(now.iter().map(|(key, _)| key).filter(|key| planned.iter().all(|(name, _)| name != *key)));
    for key in keys {
        let (then, now) = (value(planned, key), value(now, key));
        if then != now {
            found.push(Difference::of(at, key, then, now));
        }
    }
}

/// Returns what is planned as keys and texts: `action`, `action.stdin`, `verify.pass`, `needs`.
fn flat(of: &impl serde::Serialize) -> Vec<(String, String)> {
    let mut out = Vec::new();
    // Plain data whose maps have text keys is always JSON.
    flatten("", &serde_json::to_value(of).unwrap_or_default(), &mut out);
    out
}

fn flatten(path: &str, value: &Value, out: &mut Vec<(String, String)>) {
    let under = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(entries) => {
            for (name, inner) in entries {
                match name.as_str() {
                    "stage" => {}
                    "event" if path.starts_with("hooks.") => {}
                    _ if name.ends_with("_ms") && inner.is_u64() => {
                        let time = Duration::from_millis(inner.as_u64().unwrap_or_default());
                        out.push((under(name.trim_end_matches("_ms")), format_duration(time)));
                    }
                    // A command's own text stands for it.
                    "command" => flatten(path, inner, out),
                    _ => flatten(&under(name), inner, out),
                }
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (number, item) in items.iter().enumerate() {
                let staged = item.get("stage").and_then(Value::as_str);
                // A hook goes by its event, of which there may be several.
                let named = item.get("name").or_else(|| item.get("event")).and_then(Value::as_str);
                let before = items[..number]
                    .iter()
                    .filter(|one| named.is_some() && one.get("event") == item.get("event"));
                let again = item.get("event").map_or(0, |_| before.count());
                match (path, staged, named) {
                    ("commands" | "gates", Some(stage), _) => flatten(stage, item, out),
                    (_, _, Some(name)) if again > 0 => {
                        flatten(&under(&format!("{name}.{}", again + 1)), item, out);
                    }
                    (_, _, Some(name)) => flatten(&under(name), item, out),
                    _ => flatten(&under(&number.to_string()), item, out),
                }
            }
        }
        Value::Array(items) => {
            let texts: Vec<String> = items.iter().map(text).collect();
            out.push((path.to_owned(), texts.join(", ")));
        }
        other => out.push((path.to_owned(), text(other))),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
