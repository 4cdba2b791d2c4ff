//! A YAML document as a tree in which everything knows its place.

use crate::model::{FileId, Map, Place, Value};

/// One value of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Where it stands.
    pub place: Place,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// `null`, `~` or nothing at all.
    Null,
    /// `true` or `false`; never `yes` or `on`.
    Bool(bool),
    /// A number.
    Number(serde_json::Number),
    /// Text.
    Str(String),
    /// A list.
    List(Vec<Node>),
    /// A map in the order written, each key once.
    Map(Vec<(Key, Node)>),
    /// What a diagnostic was already given for: whoever reads it says nothing more.
    Bad,
}

/// The key of an entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The key as text: `8080:` is the key `8080`.
    pub text: String,
    /// Where it stands.
    pub place: Place,
}

impl Node {
    /// Returns what it is, in words, with its article.
    pub fn described(&self) -> &'static str {
        match &self.kind {
            NodeKind::Null => "nothing",
            NodeKind::Bool(_) => "true or false",
            NodeKind::Number(_) => "a number",
            NodeKind::Str(_) => "text",
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a map",
            NodeKind::Bad => "a mistake",
        }
    }

    /// Returns the value as data, without places.
    pub fn value(&self) -> Value {
        match &self.kind {
            NodeKind::Null | NodeKind::Bad => Value::Null,
            NodeKind::Bool(value) => Value::Bool(*value),
            NodeKind::Number(number) => Value::Number(number.clone()),
            NodeKind::Str(text) => Value::String(text.clone()),
            NodeKind::List(items) => items.iter().map(Node::value).collect(),
            NodeKind::Map(entries) => Value::Object(
                entries.iter().map(|(key, node)| (key.text.clone(), node.value())).collect::<Map>(),
            ),
        }
    }

    /// Returns the entry of a map under `key`.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.kind {
            NodeKind::Map(entries) => {
                entries.iter().find(|(known, _)| known.text == key).map(|(_, node)| node)
            }
            _ => None,
        }
    }

    /// Says whether a diagnostic was already given for the value.
    pub fn is_bad(&self) -> bool {
        self.kind == NodeKind::Bad
    }

    /// Returns a value that stands for a mistake in `file`.
    pub fn bad(file: FileId) -> Node {
        Node { kind: NodeKind::Bad, place: Place::new(file, 0, 0) }
    }
}
