//! What was expected against what came. Pure.

use serde::Serialize;

use super::ending::{Ending, status_word};
use crate::model::{Expect, Map, Played, StateAfter, Value, taken_of};
use crate::template::Engine;

/// How many commands are shown of those that came instead of the one that was expected.
const SHOWN: usize = 12;

/// One thing that is not as it was expected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Difference {
    /// What: `status`, `steps.db`, `commands`.
    pub what: String,
    /// The lines of a diff, each with its sign: ` ` for what is as expected, `-` for what was expected, `+` for what came.
    pub diff: Vec<String>,
}

impl Difference {
    /// Returns that `what` was to be `wanted` and is `came`.
    pub(super) fn of(
        what: impl Into<String>,
        wanted: impl Into<String>,
        came: impl Into<String>,
    ) -> Difference {
        let lines = |sign: char, text: String| text.lines().map(|line| format!("{sign} {line}")).collect();
        let mut diff: Vec<String> = lines('-', wanted.into());
        diff.extend::<Vec<String>>(lines('+', came.into()));
        Difference { what: what.into(), diff }
    }
}

/// Returns how what came of a run differs from what was expected; nothing when it is as expected.
pub fn compare(expect: &Expect, ending: &Ending) -> Vec<Difference> {
    let mut found = Vec::new();
    let status = status_word(ending.status);
    if let Some(wanted) = expect.status.as_ref().filter(|wanted| **wanted != status) {
        let why = ending.failure.as_ref().map(|(step, why)| format!("\n{step}: {why}")).unwrap_or_default();
        found.push(Difference::of("status", wanted, format!("{status}{why}")));
    }
    for (name, wanted) in &expect.steps {
        let standing = ending.standing(name);
        let what = format!("steps.{name}");
        if standing.is_empty() {
            // A `for_each` over nothing, or one that was not reached, has no instance.
            let came = if ending.ids.contains(name) { "not_begun" } else { "there is no such instance" };
            if wanted != came {
                found.push(Difference::of(what, wanted, came));
            }
            continue;
        }
        let wrong: Vec<String> = standing
            .iter()
            .filter(|(_, word)| word != wanted)
            .map(
                |(instance, word)| {
                    if instance == name { (*word).to_owned() } else { format!("{instance}: {word}") }
                },
            )
            .collect();
        if !wrong.is_empty() {
            found.push(Difference::of(what, wanted, wrong.join("\n")));
        }
    }
    found.extend(order(&expect.order, ending));
    found.extend(commands(&expect.commands, ending));
    for pattern in &expect.never {
        let run: Vec<&str> =
            ending.commands.iter().map(|(_, one)| one.as_str()).filter(|one| fits(pattern, one)).collect();
        if !run.is_empty() {
            found.push(Difference::of("never", format!("not run: {pattern}"), run.join("\n")));
        }
    }
    for (step, wanted) in &expect.outputs {
        let came = ending.outputs.get(step).cloned().unwrap_or_default();
        for (name, value) in wanted {
            found.extend(values(&format!("outputs.{step}.{name}"), value, came.get(name)));
        }
    }
    for (step, wanted) in &expect.changed {
        let came = ending.changes.get(step).map_or("it says nothing", String::as_str);
        if !came.contains(wanted.as_str()) {
            found.push(Difference::of(format!("changed.{step}"), wanted, came));
        }
    }
    found.extend(failure(expect, ending));
    for (key, step) in &ending.idle {
        let came = match &ending.others(step)[..] {
            [] if *key == "people" => format!("nobody was asked about {step}"),
            [] => format!("no command of {step} was run"),
            others => format!("there is no {step}; there is {}", others.join(", ")),
        };
        let wanted = if *key == "people" { "somebody is asked" } else { "it strikes" };
        found.push(Difference::of(format!("{key}.{step}"), wanted, came));
    }
    match &expect.state {
        Some(StateAfter::Unchanged) => found.extend(same("state", &ending.began, &ending.state)),
        Some(StateAfter::So(wanted)) => {
            found.extend(values("state", wanted, Some(&Value::Object(ending.state.clone()))));
        }
        None => {}
    }
    found
}

fn failure(expect: &Expect, ending: &Ending) -> Vec<Difference> {
    let Some(wanted) = &expect.failure else { return Vec::new() };
    let Some((step, why)) = &ending.failure else {
        let step = wanted.step.as_deref().unwrap_or("some step");
        return vec![Difference::of("failure", format!("{step} fails"), "nothing failed")];
    };
    let mut found = Vec::new();
    if let Some(name) = wanted.step.as_ref().filter(|name| *name != step && *name != ending.step_of(step)) {
        found.push(Difference::of("failure.step", name, format!("{step}: {why}")));
    }
    if let Some(says) = wanted.says.as_ref().filter(|says| {
        let says = says.as_str();
        !why.contains(says) && !ending.tail.contains(says)
    }) {
        let tail = if ending.tail.is_empty() { String::new() } else { format!("\n{}", ending.tail) };
        found.push(Difference::of("failure.says", says, format!("{why}{tail}")));
    }
    found
}

fn order(wanted: &[String], ending: &Ending) -> Option<Difference> {
    let began: Vec<(&str, &str)> =
        ending.order.iter().map(|name| (name.as_str(), ending.step_of(name))).collect();
    in_turn(
        "order",
        wanted,
        &began,
        |wanted, (name, step)| wanted == *name || wanted == *step,
        |(name, _)| (*name).to_owned(),
    )
}

fn commands(wanted: &[String], ending: &Ending) -> Option<Difference> {
    let fit = |wanted: &str, (_, command): &(String, String)| fits(wanted, command);
    in_turn("commands", wanted, &ending.commands, fit, |(_, command)| command.clone())
}

/// Looks for `wanted` among what came, in this order; others may come in between.
fn in_turn<T>(
    what: &str,
    wanted: &[String],
    came: &[T],
    fit: impl Fn(&str, &T) -> bool,
    shown: impl Fn(&T) -> String,
) -> Option<Difference> {
    let mut diff = Vec::new();
    let mut rest = came;
    for one in wanted {
        if let Some(at) = rest.iter().position(|came| fit(one, came)) {
            diff.push(format!("  {}", shown(&rest[at])));
            rest = &rest[at + 1..];
            continue;
        }
        let before = came.len() - rest.len();
        diff.push(match came[..before].iter().any(|came| fit(one, came)) {
            true => format!("- {one}   (it came earlier)"),
            false => format!("- {one}"),
        });
        diff.extend(rest.iter().take(SHOWN).map(|came| format!("+ {}", shown(came))));
        if rest.len() > SHOWN {
            diff.push(format!("+ … and {} more", rest.len() - SHOWN));
        }
        if rest.is_empty() {
            diff.push("+ nothing more".to_owned());
        }
        return Some(Difference { what: what.to_owned(), diff });
    }
    None
}

/// Says whether a command is the one that a pattern means. Words are compared as on a tape, so quotes need not be the same;
/// what can't be split into words is compared as one.
fn fits(pattern: &str, command: &str) -> bool {
    let whole = |text: &str| Played::Shell(text.trim().to_owned());
    if pattern.trim() == command.trim() {
        return true;
    }
    let engine = Engine::new();
    let words = |text: &str| {
        let words = engine.words(text).ok()?;
        Some(Played::Run(words.into_iter().map(|(_, word)| word).collect()))
    };
    match (words(pattern), words(command)) {
        (Some(pattern), Some(command)) => pattern.takes(&command, false).is_some(),
        _ => whole(pattern)
            .words()
            .iter()
            .any(|pattern| taken_of(pattern, command.trim(), &mut Map::new()).is_some()),
    }
}

/// Compares values; of a map only what is named.
fn values(what: &str, wanted: &Value, came: Option<&Value>) -> Vec<Difference> {
    match (wanted, came) {
        (Value::Object(wanted), Some(Value::Object(came))) => wanted
            .iter()
            .flat_map(|(name, value)| values(&format!("{what}.{name}"), value, came.get(name)))
            .collect(),
        (wanted, Some(came)) if same_value(wanted, came) => Vec::new(),
        (wanted, came) => {
            vec![Difference::of(
                what,
                wanted.to_string(),
                came.map_or("nothing".to_owned(), Value::to_string),
            )]
        }
    }
}

/// `5` and `5.0` are one number.
fn same_value(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_value(a, b))
        }
        (a, b) => a == b,
    }
}

/// Compares two maps whole.
pub(super) fn same(what: &str, wanted: &Map, came: &Map) -> Vec<Difference> {
    let mut found = Vec::new();
    for (name, value) in wanted {
        match (value, came.get(name)) {
            (Value::Object(wanted), Some(Value::Object(came))) => {
                found.extend(same(&format!("{what}.{name}"), wanted, came));
            }
            (wanted, Some(came)) if same_value(wanted, came) => {}
            (wanted, came) => found.push(Difference::of(
                format!("{what}.{name}"),
                wanted.to_string(),
                came.map_or("nothing".to_owned(), Value::to_string),
            )),
        }
    }
    for (name, value) in came.iter().filter(|(name, _)| !wanted.contains_key(*name)) {
        found.push(Difference::of(format!("{what}.{name}"), "nothing", value.to_string()));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::machine::RunStatus;
    use crate::model::Failure;

    fn ending() -> Ending {
        let command = |text: &str| ("scale[web]".to_owned(), text.to_owned());
        Ending {
            status: RunStatus::Failed,
            ids: vec!["scale".into(), "verify".into()],
            steps: vec![
                ("scale".into(), "scale[web]".into(), "failed"),
                ("scale".into(), "scale[api]".into(), "done"),
            ],
            order: vec!["scale[web]".into(), "scale[api]".into()],
            commands: vec![command("kubectl get 'a b'"), command("kubectl scale web --replicas=5")],
            failure: Some(("scale[web]".into(), "exited with 1".into())),
            tail: "no such deployment".into(),
            state: json!({"replicas": {"web": 3, "api": 5}}).as_object().cloned().unwrap_or_default(),
            began: json!({"replicas": {"web": 3, "api": 3}}).as_object().cloned().unwrap_or_default(),
            ..Ending::default()
        }
    }

    fn told(expect: &Expect) -> Vec<String> {
        compare(expect, &ending())
            .into_iter()
            .map(|one| format!("{}: {}", one.what, one.diff.join(" | ")))
            .collect()
    }

    #[test]
    fn what_is_as_expected_is_not_told() {
        let expect = Expect {
            status: Some("failed".into()),
            steps: vec![("scale[web]".into(), "failed".into()), ("verify".into(), "not_begun".into())],
            order: vec!["scale".into(), "scale[api]".into()],
            commands: vec!["kubectl get \"a b\"".into(), "kubectl scale {name} --replicas=5".into()],
            never: vec!["kubectl delete {rest...}".into()],
            failure: Some(Failure { step: Some("scale".into()), says: Some("such deployment".into()) }),
            state: Some(StateAfter::So(json!({"replicas": {"api": 5.0}}))),
            ..Expect::default()
        };
        assert_eq!(told(&expect), Vec::<String>::new());
    }

    #[test]
    fn what_is_not_is_told_with_what_came() {
        let expect = Expect {
            status: Some("succeeded".into()),
            steps: vec![("scale".into(), "done".into()), ("verify".into(), "done".into())],
            commands: vec!["kubectl scale {name} {n}".into(), "kubectl get {x}".into()],
            never: vec!["kubectl scale {rest...}".into()],
            failure: Some(Failure { step: Some("verify".into()), says: Some("timeout".into()) }),
            state: Some(StateAfter::Unchanged),
            ..Expect::default()
        };
        assert_eq!(
            told(&expect),
            [
                "status: - succeeded | + failed | + scale[web]: exited with 1",
                "steps.scale: - done | + scale[web]: failed",
                "steps.verify: - done | + not_begun",
                "commands:   kubectl scale web --replicas=5 | - kubectl get {x}   (it came earlier) | + nothing more",
                "never: - not run: kubectl scale {rest...} | + kubectl scale web --replicas=5",
                "failure.step: - verify | + scale[web]: exited with 1",
                "failure.says: - timeout | + exited with 1 | + no such deployment",
                "state.replicas.api: - 3 | + 5",
            ]
        );
    }
}
