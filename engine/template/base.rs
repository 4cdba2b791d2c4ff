//! The names that every expression of a run can use, and the instances of a `for_each`.

use super::Scope;
use crate::model::{Snapshot, SubValues, Value};

/// The longest key of an instance that is taken from its element, in characters: it is part of a step's name.
const LONGEST_KEY: usize = 60;

impl Scope {
    /// Returns the scope of the runbook: vars, tables, `let` values, and the secrets that have a value.
    ///
    /// A var that was neither required nor given is not in it, so that `webhook is defined` is false.
    pub fn of_snapshot(snapshot: &Snapshot) -> Scope {
        let mut scope = Scope::new();
        for (name, value) in snapshot.vars.iter().chain(&snapshot.data).chain(&snapshot.lets) {
            scope.set_json(name, value);
        }
        for name in &snapshot.secrets {
            scope.set_secret(name);
        }
        scope
    }
}

/// Returns the scope of a runbook that a step brings in: its own names and nothing of what is around it. A secret is the
/// run's, whatever it is called in there.
pub fn sub_scope(values: &SubValues) -> Scope {
    let mut scope = Scope::new();
    for (name, value) in values.vars.iter().chain(&values.data).chain(&values.lets) {
        scope.set_json(name, value);
    }
    for (name, secret) in &values.secrets {
        scope.set(name, super::value::secret(secret));
    }
    scope
}

/// One instance of a `for_each`: what stands in the brackets of its name, and its `item`.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// A map's key; a list's element when every element is a different short text or whole number, else its index.
    pub key: String,
    /// The element; for a map `{key, value}`.
    pub item: Value,
}

/// Returns the instances that a `for_each` over `value` has, in the order written.
///
/// # Errors
///
/// What the value is, in words, when it is neither a list nor a map.
pub fn instances(value: Value) -> Result<Vec<Instance>, &'static str> {
    match value {
        Value::Object(map) => Ok(map
            .into_iter()
            .map(|(key, value)| Instance { item: serde_json::json!({"key": key, "value": value}), key })
            .collect()),
        Value::Array(items) => {
            let keys = keys(&items);
            Ok(keys.into_iter().zip(items).map(|(key, item)| Instance { key, item }).collect())
        }
        Value::Null => Err("nothing"),
        Value::Bool(_) => Err("true or false"),
        Value::Number(_) => Err("a number"),
        Value::String(_) => Err("text"),
    }
}

/// All elements or none are taken as keys: beside a text `1`, the index 1 of another element would be the same name.
fn keys(items: &[Value]) -> Vec<String> {
    let own: Option<Vec<String>> = items.iter().map(key).collect();
    own.filter(|keys| {
        let mut sorted: Vec<&String> = keys.iter().collect();
        sorted.sort_unstable();
        sorted.windows(2).all(|pair| pair[0] != pair[1])
    })
    .unwrap_or_else(|| (0..items.len()).map(|index| index.to_string()).collect())
}

fn key(item: &Value) -> Option<String> {
    match item {
        Value::String(text) => {
            let short = !text.is_empty() && text.chars().count() <= LONGEST_KEY;
            (short && !text.contains(|c: char| c.is_control())).then(|| text.clone())
        }
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn keys_of(value: Value) -> Vec<String> {
        instances(value).expect("a list or map").into_iter().map(|instance| instance.key).collect()
    }

    #[test]
    fn keys_are_what_people_wrote_where_that_is_unique() {
        assert_eq!(keys_of(json!({"web": 3, "api": 2})), ["web", "api"]);
        assert_eq!(keys_of(json!(["b", "a", 7])), ["b", "a", "7"]);
        for list in [json!(["a", "a"]), json!(["a", {}]), json!(["", "b"]), json!([7, "7"]), json!([1.5, 2])]
        {
            assert_eq!(keys_of(list.clone()), ["0", "1"], "{list}");
        }
    }

    #[test]
    fn a_map_gives_key_and_value() {
        let one = instances(json!({"web": {"min": 1}})).expect("a map").remove(0);
        assert_eq!(one.item, json!({"key": "web", "value": {"min": 1}}));
        assert_eq!(instances(json!("web")), Err("text"));
    }

    #[test]
    fn the_scope_has_what_was_given_and_no_secret_in_the_clear() {
        let object = |value: Value| value.as_object().expect("an object").clone();
        let snapshot = Snapshot {
            vars: object(json!({"env": "prod"})),
            data: object(json!({"platform": {"n": 1}})),
            lets: object(json!({"site": "x"})),
            secrets: vec!["webhook".to_owned()],
            ..Snapshot::default()
        };
        let scope = Scope::of_snapshot(&snapshot);
        assert_eq!(scope.names().into_iter().collect::<Vec<_>>(), ["env", "platform", "site", "webhook"]);
        assert_eq!(scope.get("webhook").map(ToString::to_string).as_deref(), Some("•••"));
    }
}
