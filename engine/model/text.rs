//! Templates and expressions as written.

use serde::{Deserialize, Serialize};

use super::{Map, Place, Value};

/// A string that may hold `{{ … }}`, as written, with its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// The decoded text.
    pub src: String,
    /// Where it stands.
    pub at: Place,
}

impl Text {
    /// Returns `src` as a text without a place, for text that the engine itself makes.
    pub fn new(src: impl Into<String>) -> Text {
        Text { src: src.into(), at: Place::default() }
    }

    /// Says whether nothing in the text needs to be rendered.
    pub fn is_literal(&self) -> bool {
        !(self.src.contains("{{") || self.src.contains("{%") || self.src.contains("{#"))
    }
}

/// A bare expression: what `when`, `pass`, `satisfied`, `outputs` hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Expr(pub Text);

/// A YAML value whose strings are templates: what `with`, `let` and `vars` of a sub-runbook hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Tree {
    /// Anything but text, a list or a map.
    Plain(Value),
    /// Text; a text that is exactly one `{{ expression }}` keeps the expression's type.
    Text(Text),
    /// A list.
    List(Vec<Tree>),
    /// A map, in the order written.
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// Returns the value when nothing in it needs to be rendered.
    pub fn literal(&self) -> Option<Value> {
        match self {
            Tree::Plain(value) => Some(value.clone()),
            Tree::Text(text) => text.is_literal().then(|| Value::String(text.src.clone())),
            Tree::List(items) => {
                items.iter().map(Tree::literal).collect::<Option<Vec<_>>>().map(Value::Array)
            }
            Tree::Map(entries) => entries
                .iter()
                .map(|(key, tree)| tree.literal().map(|value| (key.clone(), value)))
                .collect::<Option<Map>>()
                .map(Value::Object),
        }
    }

    /// Calls `visit` with every text in the tree, in the order written.
    pub fn texts<'a>(&'a self, visit: &mut dyn FnMut(&'a Text)) {
        match self {
            Tree::Plain(_) => {}
            Tree::Text(text) => visit(text),
            Tree::List(items) => items.iter().for_each(|item| item.texts(visit)),
            Tree::Map(entries) => entries.iter().for_each(|(_, tree)| tree.texts(visit)),
        }
    }
}
