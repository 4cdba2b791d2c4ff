//! Secret values: held apart from everything that is stored, shown or passed as an argument.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

/// One secret's value; its `Debug` shows nothing of it.
pub type SecretValue = SecretString;

/// The secrets of a run by the name of their var. Lives in memory only and is never serialised.
#[derive(Clone, Debug, Default)]
pub struct Secrets(BTreeMap<String, SecretValue>);

impl Secrets {
    /// Keeps `value` under `name`.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), SecretString::from(value.into()));
    }

    /// Returns the value of `name` for the one place that hands it to a process.
    pub fn reveal(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(ExposeSecret::expose_secret)
    }

    /// Returns every name with its value, for the redactor.
    pub fn named(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.expose_secret()))
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
