//! The arguments of a filter.

use std::sync::Arc;

use crate::template::fault::Fault;
use crate::template::ops::fault;
use crate::template::value::Value;

/// Arguments as given; a filter takes what it knows, and what is left is a fault.
#[derive(Debug, Default)]
pub(in crate::template) struct Args {
    given: Vec<Option<Value>>,
    named: Vec<(Arc<str>, Value)>,
}

impl Args {
    pub(in crate::template) fn push(&mut self, value: Value) {
        self.given.push(Some(value));
    }

    pub(in crate::template) fn push_named(&mut self, name: &Arc<str>, value: Value) {
        self.named.push((name.clone(), value));
    }

    pub(in crate::template) fn values(&self) -> impl Iterator<Item = &Value> {
        self.given.iter().flatten().chain(self.named.iter().map(|(_, value)| value))
    }

    /// Looks at an argument by its position.
    pub(super) fn peek(&self, index: usize) -> Option<&Value> {
        self.given.get(index)?.as_ref()
    }

    /// Looks at an argument by its name.
    pub(super) fn peek_named(&self, name: &str) -> Option<&Value> {
        self.named.iter().find(|(given, _)| &**given == name).map(|(_, value)| value)
    }

    /// Takes an argument by its position or its name.
    pub(super) fn take(&mut self, index: usize, name: &str) -> Option<Value> {
        if let Some(value) = self.given.get_mut(index).and_then(Option::take) {
            return Some(value);
        }
        self.take_named(name)
    }

    /// Takes an argument that has a name only.
    pub(super) fn take_named(&mut self, name: &str) -> Option<Value> {
        let at = self.named.iter().position(|(given, _)| &**given == name)?;
        Some(self.named.remove(at).1)
    }

    /// Returns what is left, in order.
    pub(super) fn into_parts(self) -> (Vec<Value>, Vec<(Arc<str>, Value)>) {
        (self.given.into_iter().flatten().collect(), self.named)
    }

    /// Refuses arguments given by name that were not taken.
    pub(super) fn no_named(&self, filter: &str) -> Result<(), Fault> {
        match self.named.first() {
            Some((name, _)) => Err(fault(format!("the filter `{filter}` takes no argument `{name}`"))),
            None => Ok(()),
        }
    }

    /// Refuses what was not taken.
    pub(super) fn done(&self, filter: &str) -> Result<(), Fault> {
        self.no_named(filter)?;
        if self.given.iter().any(Option::is_some) {
            return Err(fault(format!("too many arguments for the filter `{filter}`")));
        }
        Ok(())
    }
}
