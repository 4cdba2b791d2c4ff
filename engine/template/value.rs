//! Values of expressions, and those that must keep their identity: secrets and what only the run can know.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};

use crate::model::{self, Piece, Rendered, Unknown};

/// A value that expressions work on.
pub type Value = minijinja::Value;

/// How deep a value may nest; deeper ones come only from hostile input.
pub(super) const MAX_DEPTH: usize = 200;

/// Text with at least one piece that is a secret or unknown. It stands for itself and nothing can look inside: the
/// value of a secret isn't even here.
#[derive(Debug)]
struct Held(Rendered);

impl Object for Held {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.display())
    }
}

/// Text for a shell script that is not to be quoted (`raw_shell`).
#[derive(Debug)]
struct Verbatim(String);

impl Object for Verbatim {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A map that keeps the order in which it was written: MiniJinja's own sorts by key, and a `for_each` over it would
/// run in an order that nobody wrote.
#[derive(Debug)]
struct Table {
    entries: Vec<(Arc<str>, Value)>,
    /// Positions in `entries`, ordered by key.
    order: Vec<usize>,
}

impl Table {
    fn find(&self, key: &str) -> Option<&Value> {
        let found = self.order.binary_search_by(|&index| (*self.entries[index].0).cmp(key)).ok()?;
        Some(&self.entries[self.order[found]].1)
    }
}

impl Object for Table {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.find(key.as_str()?).cloned()
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.find(key).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.entries.iter().map(|(key, _)| Value::from(key)).collect())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// Returns a map in the order given, for scopes that are made of values and not of data.
pub fn map(entries: impl IntoIterator<Item = (String, Value)>) -> Value {
    table(entries.into_iter().map(|(key, value)| (Arc::from(key), value)))
}

/// Returns a map in the order given; of equal keys the last one counts, at the place of the first.
pub(super) fn table(entries: impl IntoIterator<Item = (Arc<str>, Value)>) -> Value {
    let mut kept: Vec<(Arc<str>, Value)> = entries.into_iter().collect();
    let mut order: Vec<usize> = (0..kept.len()).collect();
    // A stable sort: equal keys stay in the order given.
    order.sort_by(|&a, &b| kept[a].0.cmp(&kept[b].0));
    if order.windows(2).any(|pair| kept[pair[0]].0 == kept[pair[1]].0) {
        let mut first: std::collections::BTreeMap<Arc<str>, usize> = std::collections::BTreeMap::new();
        let mut unique: Vec<(Arc<str>, Value)> = Vec::new();
        for (key, value) in kept {
            if let Some(&at) = first.get(&key) {
                unique[at].1 = value;
            } else {
                first.insert(key.clone(), unique.len());
                unique.push((key, value));
            }
        }
        kept = unique;
        order = first.into_values().collect();
    }
    Value::from_object(Table { entries: kept, order })
}

/// Returns a value that only the run can know, such as `captured.replicas`.
pub fn unknown(origin: &str) -> Value {
    unknown_of(Unknown::of(origin))
}

pub(super) fn unknown_of(of: Unknown) -> Value {
    held(Rendered { pieces: vec![Piece::Unknown(of)] })
}

/// Returns the first unknown value in rendered text.
pub(super) fn first_unknown(text: &Rendered) -> Option<&Unknown> {
    text.pieces.iter().find_map(|piece| match piece {
        Piece::Unknown(of) => Some(of),
        _ => None,
    })
}

/// Returns the secret of this name as a value. It can be passed on whole and nothing else.
pub fn secret(name: &str) -> Value {
    held(Rendered { pieces: vec![Piece::Secret(name.to_owned())] })
}

/// Returns where `value` comes from when only the run can know it.
pub fn origin_of(value: &Value) -> Option<&str> {
    held_of(value)?.unknown()
}

/// Returns what `value` is when only the run can know it; only of text, not of lists and maps.
pub fn unknown_in(value: &Value) -> Option<&Unknown> {
    first_unknown(held_of(value)?)
}

/// Returns the name of the secret that `value` is or holds; only of text, not of lists and maps.
pub fn secret_of(value: &Value) -> Option<&str> {
    held_of(value)?.secret()
}

/// Returns the value of a rendered text: plain text as text, other text as one whole.
pub(super) fn held(text: Rendered) -> Value {
    match text.pieces.as_slice() {
        [] => Value::from(""),
        [Piece::Plain(plain)] => Value::from(plain.as_str()),
        _ => Value::from_object(Held(text)),
    }
}

pub(super) fn held_of(value: &Value) -> Option<&Rendered> {
    value.downcast_object_ref::<Held>().map(|held| &held.0)
}

pub(super) fn verbatim(text: &str) -> Value {
    Value::from_object(Verbatim(text.to_owned()))
}

pub(super) fn verbatim_of(value: &Value) -> Option<&str> {
    value.downcast_object_ref::<Verbatim>().map(|verbatim| verbatim.0.as_str())
}

/// What a value is held back by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Taint {
    /// It is or holds the secret of this name.
    Secret(String),
    /// It is or holds something that only the run can know.
    Unknown(Unknown),
}

/// Returns what holds `value` back, looking into lists and maps; a secret counts more than an unknown.
pub(super) fn taint(value: &Value) -> Option<Taint> {
    taint_within(value, MAX_DEPTH)
}

fn taint_within(value: &Value, depth: usize) -> Option<Taint> {
    if let Some(text) = held_of(value) {
        return match (text.secret(), first_unknown(text)) {
            (Some(name), _) => Some(Taint::Secret(name.to_owned())),
            (None, Some(of)) => Some(Taint::Unknown(of.clone())),
            (None, None) => None,
        };
    }
    let kind = Kind::of(value);
    if depth == 0 || !matches!(kind, Kind::List | Kind::Map) {
        return None;
    }
    let mut found = None;
    for item in value.try_iter().ok()? {
        let inner = if kind == Kind::Map { value.get_item(&item).unwrap_or(Value::UNDEFINED) } else { item };
        match taint_within(&inner, depth - 1) {
            Some(Taint::Secret(name)) => return Some(Taint::Secret(name)),
            Some(unknown) if found.is_none() => found = Some(unknown),
            _ => {}
        }
    }
    found
}

/// The kinds that are never mixed: whole and decimal numbers are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Bool,
    Number,
    Text,
    List,
    Map,
    /// Anything that an expression can only pass on.
    Other,
}

impl Kind {
    pub(super) fn of(value: &Value) -> Kind {
        match value.kind() {
            ValueKind::None => Kind::Null,
            ValueKind::Bool => Kind::Bool,
            ValueKind::Number => Kind::Number,
            ValueKind::String => Kind::Text,
            ValueKind::Seq | ValueKind::Iterable => Kind::List,
            ValueKind::Map => Kind::Map,
            _ => Kind::Other,
        }
    }

    /// Returns the kind with its article.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Null => "null",
            Kind::Bool => "true or false",
            Kind::Number => "a number",
            Kind::Text => "text",
            Kind::List => "a list",
            Kind::Map => "a map",
            Kind::Other => "something else",
        }
    }
}

/// Returns `value` for a message: its kind, with the value itself where that is short.
pub(super) fn describe(value: &Value) -> String {
    match Kind::of(value) {
        Kind::Null => "null".to_owned(),
        Kind::Bool => format!("`{}`", if value.is_true() { "true" } else { "false" }),
        Kind::Number => format!("the number {value}"),
        Kind::Text => {
            let text = value.as_str().unwrap_or_default();
            if text.is_empty() {
                "the empty text".to_owned()
            } else if text.chars().count() <= 40 && !text.contains('\n') {
                format!("the text `{text}`")
            } else {
                "text".to_owned()
            }
        }
        kind => kind.name().to_owned(),
    }
}

/// Why a value can't be data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// It holds a secret, and secrets are not stored.
    #[error("the secret `{0}` can't be stored as data")]
    Secret(String),
    /// It is not known yet.
    #[error("`{0}` is not known yet")]
    Unknown(String),
    /// There is no such data.
    #[error("{0} can't be data")]
    NotData(String),
}

/// Returns `value` as data.
///
/// # Errors
///
/// [`DataError`] for secrets, for unknown values, and for what data has no form for (a number that is infinite,
/// something nested deeper than 200).
pub fn to_json(value: &Value) -> Result<model::Value, DataError> {
    json_within(value, MAX_DEPTH)
}

fn json_within(value: &Value, depth: usize) -> Result<model::Value, DataError> {
    if let Some(taint) = held_of(value).and_then(|_| taint(value)) {
        return Err(match taint {
            Taint::Secret(name) => DataError::Secret(name),
            Taint::Unknown(of) => DataError::Unknown(of.origin),
        });
    }
    let not = |what: &str| DataError::NotData(what.to_owned());
    if depth == 0 {
        return Err(not("a value nested this deep"));
    }
    Ok(match Kind::of(value) {
        Kind::Null => model::Value::Null,
        Kind::Bool => model::Value::Bool(value.is_true()),
        Kind::Text => model::Value::String(value.as_str().unwrap_or_default().to_owned()),
        Kind::Number => number(value).ok_or_else(|| not(&format!("the number {value}")))?,
        Kind::List => value
            .try_iter()
            .map_err(|_| not("this list"))?
            .map(|item| json_within(&item, depth - 1))
            .collect::<Result<_, _>>()?,
        Kind::Map => {
            let mut map = model::Map::new();
            for key in value.try_iter().map_err(|_| not("this map"))? {
                let inner = value.get_item(&key).map_err(|_| not("this map"))?;
                map.insert(key.to_string(), json_within(&inner, depth - 1)?);
            }
            model::Value::Object(map)
        }
        Kind::Other => match verbatim_of(value) {
            Some(text) => model::Value::String(text.to_owned()),
            None => return Err(not(if value.is_undefined() { "nothing" } else { "this value" })),
        },
    })
}

fn number(value: &Value) -> Option<model::Value> {
    if value.is_integer() {
        if let Ok(whole) = i64::try_from(value.clone()) {
            return Some(whole.into());
        }
        return u64::try_from(value.clone()).ok().map(model::Value::from);
    }
    let float = f64::try_from(value.clone()).ok()?;
    serde_json::Number::from_f64(float).map(model::Value::Number)
}

/// Returns data as a value of expressions; maps keep their order.
pub fn from_json(value: &model::Value) -> Value {
    match value {
        model::Value::Null => Value::from(()),
        model::Value::Bool(yes) => Value::from(*yes),
        model::Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(whole), _, _) => Value::from(whole),
            (None, Some(whole), _) => Value::from(whole),
            (None, None, float) => Value::from(float.unwrap_or(f64::NAN)),
        },
        model::Value::String(text) => Value::from(text.as_str()),
        model::Value::Array(items) => Value::from(items.iter().map(from_json).collect::<Vec<_>>()),
        model::Value::Object(map) => {
            table(map.iter().map(|(key, inner)| (Arc::from(key.as_str()), from_json(inner))))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn data_comes_back_as_it_went_in() {
        let data = json!({"z": [1, -2, 2.5, 18446744073709551615u64, true, null, "text"], "a": {"b": {}}});
        let back = to_json(&from_json(&data)).unwrap();
        assert_eq!(back, data);
        assert_eq!(back.to_string(), data.to_string(), "the order is kept");
    }

    #[test]
    fn of_equal_keys_the_last_one_counts() {
        let map = table([("b", 1), ("a", 2), ("b", 3)].map(|(key, n)| (Arc::from(key), Value::from(n))));
        assert_eq!(to_json(&map).unwrap().to_string(), r#"{"b":3,"a":2}"#);
        assert_eq!(map.get_attr("b").unwrap(), Value::from(3));
    }

    #[test]
    fn what_is_held_back_is_no_data() {
        let list = Value::from(vec![unknown("captured.x"), secret("token")]);
        assert_eq!(taint(&list), Some(Taint::Secret("token".to_owned())));
        assert_eq!(to_json(&unknown("captured.x")), Err(DataError::Unknown("captured.x".to_owned())));
        assert_eq!(to_json(&secret("token")), Err(DataError::Secret("token".to_owned())));
        assert!(to_json(&Value::from(f64::INFINITY)).is_err());
        assert!(to_json(&Value::UNDEFINED).is_err());
    }

    #[test]
    fn a_held_value_shows_only_where_it_comes_from() {
        assert_eq!(secret("token").to_string(), "•••");
        assert_eq!(unknown("captured.x").to_string(), "‹captured.x›");
        assert_eq!(origin_of(&unknown("captured.x")), Some("captured.x"));
        assert_eq!(secret_of(&secret("token")), Some("token"));
        assert_eq!(secret_of(&Value::from("token")), None);
    }
}
