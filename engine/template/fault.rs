//! What is wrong with a template or an expression, and where.

use std::ops::Range;

use crate::model::Place;

/// What is wrong with a text or an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What is wrong, in one line.
    pub message: String,
    /// The bytes of the decoded source that are meant.
    pub span: Range<usize>,
    /// What to write instead, where that is known.
    pub help: Option<String>,
}

impl Fault {
    /// Returns a fault about `span`.
    pub fn new(message: impl Into<String>, span: Range<usize>) -> Fault {
        Fault { message: message.into(), span, help: None }
    }

    /// Returns the fault with a line that says what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Fault {
        self.help = Some(help.into());
        self
    }
}

/// A fault in one text of several.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct TextFault {
    /// What is wrong; its span is in that text.
    pub fault: Fault,
    /// Where the text stands.
    pub at: Place,
    /// Which text, counted from 0 in the order given (for a tree: in the order written).
    pub index: usize,
}

/// Returns the name of `known` that `name` was most likely meant to be.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| {
            // A third of the letters may differ: more would suggest names that have nothing in common.
            *distance > 0 && *distance <= (name.chars().count().max(candidate.chars().count()) / 3).max(1)
        })
        .min_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)))
        .map(|(_, candidate)| candidate)
}

/// Returns `name is not known`-style help that names the nearest of `known`.
pub(super) fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(name, known).map(|near| format!("did you mean `{near}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_only_what_is_close() {
        assert_eq!(nearest("replcas", ["replicas", "region"]), Some("replicas"));
        assert_eq!(nearest("ab", ["xy", "zz"]), None);
        assert_eq!(nearest("x", ["x"]), None);
    }
}
