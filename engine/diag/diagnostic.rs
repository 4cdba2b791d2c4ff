//! One diagnostic, and all that were found.

use super::{Code, Severity};
use crate::model::Place;

/// One thing to say about what a person wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, as a number.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// Where it is wrong; the first primary one gives the position.
    pub labels: Vec<Label>,
    /// What to know about it.
    pub notes: Vec<String>,
    /// What to do about it.
    pub help: Vec<String>,
}

/// A place with a few words about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub place: Place,
    /// A few words, or none.
    pub text: String,
    /// Whether this is what is wrong; otherwise it only explains.
    pub primary: bool,
}

impl Diagnostic {
    /// Returns a diagnostic with the severity of its code and no place yet.
    pub fn new(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity: code.severity(),
            message: message.into(),
            labels: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    /// Adds the place that is wrong, with a few words or none.
    #[must_use]
    pub fn at(mut self, place: Place, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { place, text: text.into(), primary: true });
        self
    }

    /// Adds a place that explains.
    #[must_use]
    pub fn also(mut self, place: Place, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { place, text: text.into(), primary: false });
        self
    }

    /// Adds what to know.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Diagnostic {
        self.notes.push(text.into());
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help.push(text.into());
        self
    }

    /// Returns the place that is wrong.
    pub fn place(&self) -> Option<Place> {
        self.labels.iter().find(|label| label.primary).or(self.labels.first()).map(|label| label.place)
    }
}

/// A warning that the file itself takes back, with the reason it gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silenced {
    /// What would be told.
    pub diagnostic: Diagnostic,
    /// Why it is right there.
    pub reason: String,
    /// Where that is written.
    pub at: Place,
}

/// How many diagnostics a report keeps: a 10 MB file of mistakes must not become a gigabyte of text.
const KEPT: usize = 500;

/// Every diagnostic found, in the order of the places, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    diagnostics: Vec<Diagnostic>,
    left_out: usize,
    /// Whether an error is among those left out.
    error_left_out: bool,
    silenced: Vec<Silenced>,
}

impl Report {
    /// Returns a report without diagnostics.
    pub fn new() -> Report {
        Report::default()
    }

    /// Adds one, unless it is there already.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let place = diagnostic.place();
        // Those without a place come first: they are about the whole.
        let at = self.diagnostics.partition_point(|known| known.place() <= place);
        let same = self.diagnostics[..at].iter().rev().take_while(|known| known.place() == place);
        if same.clone().any(|known| *known == diagnostic) {
            return;
        }
        if self.diagnostics.len() >= KEPT {
            self.left_out += 1;
            self.error_left_out |= diagnostic.severity == Severity::Error;
            return;
        }
        self.diagnostics.insert(at, diagnostic);
    }

    /// Adds all of another report.
    pub fn extend(&mut self, other: Report) {
        self.left_out += other.left_out;
        self.error_left_out |= other.error_left_out;
        self.silenced.extend(other.silenced);
        other.diagnostics.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }

    /// Takes out what `by` gives a reason for, and keeps it beside the report. An error stays whatever `by` says.
    pub fn silence(&mut self, mut by: impl FnMut(&Diagnostic) -> Option<Silenced>) {
        let silenced = &mut self.silenced;
        self.diagnostics.retain(|found| {
            let reason = if found.severity == Severity::Error { None } else { by(found) };
            let stays = reason.is_none();
            // One without a reason was told as a mistake of its own.
            silenced.extend(reason.filter(|silenced| !silenced.reason.is_empty()));
            stays
        });
    }

    /// Adds one that was taken out elsewhere.
    pub fn silence_also(&mut self, silenced: Silenced) {
        self.silenced.push(silenced);
    }

    /// Returns what was taken out with a reason.
    pub fn silenced(&self) -> &[Silenced] {
        &self.silenced
    }

    /// Returns all in the order of the places.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter()
    }

    /// Returns how many there are of a severity, among those kept.
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }

    /// Says whether what is added now is only counted: what it would say need not be worked out.
    pub fn is_full(&self) -> bool {
        self.diagnostics.len() >= KEPT
    }

    /// Returns how many were found beyond those kept.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Says whether something is wrong, so that nothing may run.
    pub fn has_errors(&self) -> bool {
        self.error_left_out || self.count(Severity::Error) > 0
    }

    /// Says whether there is nothing at all to say.
    pub fn is_empty(&self) -> bool {
        self.diagnostics.is_empty()
    }
}

impl From<Diagnostic> for Report {
    fn from(diagnostic: Diagnostic) -> Report {
        Report { diagnostics: vec![diagnostic], ..Report::default() }
    }
}

impl Extend<Diagnostic> for Report {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        diagnostics.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: u32, message: &str) -> Diagnostic {
        Diagnostic::new(Code::UnknownKey, message).at(Place::new(0, start, start + 1), "")
    }

    #[test]
    fn is_in_the_order_of_the_places_and_says_nothing_twice() {
        let mut report = Report::new();
        for diagnostic in [at(9, "c"), at(3, "a"), at(9, "d"), at(3, "a"), at(5, "b")] {
            report.push(diagnostic);
        }
        report.push(Diagnostic::new(Code::NoSteps, "whole"));
        let order: Vec<_> = report.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
        assert_eq!(order, ["whole", "a", "b", "c", "d"]);
    }

    #[test]
    fn keeps_a_bounded_number_and_counts_the_rest() {
        let mut report = Report::new();
        (0..KEPT as u32 + 7).for_each(|start| report.push(at(start, "x")));
        assert_eq!((report.iter().count(), report.left_out()), (KEPT, 7));
        let mut warnings = Report::new();
        let warning = |start| Diagnostic { severity: Severity::Warning, ..at(start, "x") };
        (0..KEPT as u32).for_each(|start| warnings.push(warning(start)));
        assert!(!warnings.has_errors());
        warnings.push(at(9_999, "an error beyond those kept"));
        assert!(warnings.has_errors());
    }
}
