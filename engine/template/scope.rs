//! The names that an expression can use.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::value::{Value, from_json, secret, unknown};
use crate::model;

/// Names and their values. A child sees its parent's names and may hide them; the parent's are shared, not copied,
/// so that a thousand instances of a step can each have their own `item`.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    own: Arc<BTreeMap<String, Value>>,
    parent: Option<Arc<Scope>>,
}

impl Scope {
    /// Returns a scope without names.
    pub fn new() -> Scope {
        Scope::default()
    }

    /// Returns a scope that sees the names this one has now.
    #[must_use]
    pub fn child(&self) -> Scope {
        Scope { own: Arc::default(), parent: Some(Arc::new(self.clone())) }
    }

    /// Gives `name` a value.
    pub fn set(&mut self, name: impl Into<String>, value: Value) {
        Arc::make_mut(&mut self.own).insert(name.into(), value);
    }

    /// Gives `name` data as its value.
    pub fn set_json(&mut self, name: impl Into<String>, value: &model::Value) {
        self.set(name, from_json(value));
    }

    /// Makes `name` the secret of the same name.
    pub fn set_secret(&mut self, name: &str) {
        self.set(name, secret(name));
    }

    /// Makes `name` a value that only the run can know; `origin` says where it comes from.
    pub fn set_unknown(&mut self, name: impl Into<String>, origin: &str) {
        self.set(name, unknown(origin));
    }

    /// Returns the value of `name`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let mut scope = self;
        loop {
            if let Some(value) = scope.own.get(name) {
                return Some(value);
            }
            scope = scope.parent.as_deref()?;
        }
    }

    /// Returns every name in reach, in alphabetical order.
    pub fn names(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        let mut scope = Some(self);
        while let Some(layer) = scope {
            names.extend(layer.own.keys().map(String::as_str));
            scope = layer.parent.as_deref();
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_hides_and_does_not_change_its_parent() {
        let mut parent = Scope::new();
        parent.set("env", "prod".into());
        parent.set("n", 1.into());
        let mut child = parent.child();
        child.set("env", "staging".into());
        parent.set("later", 2.into());
        assert_eq!(child.get("env"), Some(&"staging".into()));
        assert_eq!(child.get("n"), Some(&1.into()));
        assert_eq!(child.get("later"), None);
        assert_eq!(parent.get("env"), Some(&"prod".into()));
        assert_eq!(child.names().into_iter().collect::<Vec<_>>(), ["env", "n"]);
    }
}
