//! Label and field selectors, as `-l` and `--field-selector` send them.

use serde_json::Value;

use super::kinds::Kind;
use super::status::Refusal;

/// What a list or a watch asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    labels: Vec<Term>,
    fields: Vec<Term>,
}

#[derive(Clone, Debug)]
struct Term {
    key: String,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Exists,
    Missing,
    In(Vec<String>),
    NotIn(Vec<String>),
}

impl Selector {
    /// Returns the selector of a query; either part may be absent.
    ///
    /// # Errors
    /// Where a field is none that the kind can be asked for.
    pub(crate) fn read(kind: &Kind, labels: Option<&str>, fields: Option<&str>) -> Result<Self, Refusal> {
        let fields = terms(fields.unwrap_or_default());
        if let Some(term) = fields.iter().find(|term| !selectable(kind, &term.key)) {
            return Err(Refusal::bad_request(format!("field label not supported: {}", term.key)));
        }
        Ok(Self { labels: terms(labels.unwrap_or_default()), fields })
    }

    /// Returns whether an object is selected.
    pub(crate) fn selects(&self, object: &Value) -> bool {
        let label = |key: &str| object["metadata"]["labels"][key].as_str().map(str::to_owned);
        self.labels.iter().all(|term| term.test.holds(label(&term.key).as_deref()))
            && self.fields.iter().all(|term| term.test.holds(Some(&field(object, &term.key))))
    }
}

/// Returns whether the labels of an object are those that a workload's `spec.selector` wants.
pub(crate) fn matches(selector: &Value, object: &Value) -> bool {
    Selector { labels: terms(&written(selector)), fields: Vec::new() }.selects(object)
}

/// Returns a `spec.selector` as the text that a scale's status carries.
pub(crate) fn written(selector: &Value) -> String {
    let mut parts = Vec::new();
    for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
        parts.push(format!("{key}={}", value.as_str().unwrap_or_default()));
    }
    for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
        let key = expression["key"].as_str().unwrap_or_default();
        let values: Vec<&str> =
            expression["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let values = values.join(",");
        parts.push(match expression["operator"].as_str() {
            Some("In") => format!("{key} in ({values})"),
            Some("NotIn") => format!("{key} notin ({values})"),
            Some("DoesNotExist") => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    parts.join(",")
}

impl Test {
    fn holds(&self, value: Option<&str>) -> bool {
        match self {
            Self::Exists => value.is_some(),
            Self::Missing => value.is_none(),
            Self::In(wanted) => value.is_some_and(|value| wanted.iter().any(|w| w == value)),
            // An object without the label is selected too.
            Self::NotIn(unwanted) => value.is_none_or(|value| unwanted.iter().all(|u| u != value)),
        }
    }
}

/// Splits at the commas that are not inside parentheses, and reads each part.
fn terms(text: &str) -> Vec<Term> {
    let mut depth = 0;
    text.split(|character| {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        character == ',' && depth == 0
    })
    .map(str::trim)
    .filter(|part| !part.is_empty())
    .map(term)
    .collect()
}

fn term(part: &str) -> Term {
    let new = |key: &str, test| Term { key: key.trim().to_owned(), test };
    let one = |value: &str| vec![value.trim().to_owned()];
    let set =
        |values: &str| values.trim_end_matches(')').split(',').map(|value| value.trim().to_owned()).collect();
    if let Some((key, values)) = part.split_once(" notin (") {
        return new(key, Test::NotIn(set(values)));
    }
    if let Some((key, values)) = part.split_once(" in (") {
        return new(key, Test::In(set(values)));
    }
    if let Some((key, value)) = part.split_once("!=") {
        return new(key, Test::NotIn(one(value)));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return new(key, Test::In(one(value)));
    }
    match part.strip_prefix('!') {
        Some(key) => new(key, Test::Missing),
        None => new(part, Test::Exists),
    }
}

/// Returns whether a kind can be asked for by that field; a real server refuses the others too.
fn selectable(kind: &Kind, field: &str) -> bool {
    let own: &[&str] = match kind.resource {
        "pods" => {
            &["spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "status.phase", "status.podIP"]
        }
        "events" => &["reason", "type", "source", "reportingComponent"],
        "nodes" => &["spec.unschedulable"],
        "namespaces" => &["status.phase"],
        "replicasets" => &["status.replicas"],
        _ => &[],
    };
    field == "metadata.name"
        || (kind.namespaced() && field == "metadata.namespace")
        || own.contains(&field)
        || (kind.resource == "events" && field.starts_with("involvedObject."))
}

/// Returns a field as text; what is not there is empty.
fn field(object: &Value, path: &str) -> String {
    let path = if path == "source" { "source.component" } else { path };
    match path.split('.').fold(object, |value, key| &value[key]) {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
