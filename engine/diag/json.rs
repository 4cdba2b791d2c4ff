//! Diagnostics for programs: one JSON document.

use serde_json::{Value, json};

use super::{Diagnostic, Label, Report, Silenced, Sources};

/// The version of the document; it rises when a field changes its meaning or goes.
pub const VERSION: u32 = 1;

/// Returns the report as one document. Lines and columns begin with 1; `end` is the position after the last
/// character.
pub fn report(report: &Report, sources: &Sources) -> Value {
    json!({
        "version": VERSION,
        "diagnostics": report.iter().map(|found| diagnostic(found, sources)).collect::<Vec<_>>(),
        "silenced": report.silenced().iter().map(|one| silenced(one, sources)).collect::<Vec<_>>(),
        "left_out": report.left_out(),
    })
}

/// Returns one diagnostic.
pub fn diagnostic(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let mut value = json!({
        "code": diagnostic.code.to_string(),
        "name": diagnostic.code.name(),
        "severity": diagnostic.severity.name(),
        "message": diagnostic.message,
    });
    if let Some(place) = diagnostic.place() {
        let (start, end) = (sources.start(place), sources.end(place));
        value["file"] = json!(sources.path(place.file));
        value["line"] = json!(start.line);
        value["column"] = json!(start.column);
        value["end"] = json!({ "line": end.line, "column": end.column });
    }
    value["labels"] = diagnostic.labels.iter().map(|of| label(of, sources)).collect();
    value["notes"] = json!(diagnostic.notes);
    value["help"] = json!(diagnostic.help);
    value
}

/// Returns a silenced warning: the diagnostic with its `reason`, and the line on which that is written.
pub fn silenced(silenced: &Silenced, sources: &Sources) -> Value {
    let mut value = diagnostic(&silenced.diagnostic, sources);
    value["reason"] = json!(silenced.reason);
    value["silenced_at"] = json!({
        "file": sources.path(silenced.at.file),
        "line": sources.start(silenced.at).line,
        "column": sources.start(silenced.at).column,
    });
    value
}

fn label(label: &Label, sources: &Sources) -> Value {
    let (start, end) = (sources.start(label.place), sources.end(label.place));
    json!({
        "file": sources.path(label.place.file),
        "line": start.line,
        "column": start.column,
        "end": { "line": end.line, "column": end.column },
        "text": label.text,
        "primary": label.primary,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Code;
    use crate::model::Place;

    #[test]
    fn says_what_the_text_says() {
        let mut sources = Sources::new();
        sources.add("a.yaml", "é: 1\nb: 2\n");
        let mut found = Report::new();
        found.push(
            Diagnostic::new(Code::UnknownKey, "no key `b`").at(Place::new(0, 6, 7), "here").help("remove it"),
        );
        found.push(Diagnostic::new(Code::NoProject, "no project"));
        assert_eq!(
            report(&found, &sources),
            json!({
                "version": 1,
                "diagnostics": [
                    {
                        "code": "RB0011", "name": "no-project", "severity": "error", "message": "no project",
                        "labels": [], "notes": [], "help": [],
                    },
                    {
                        "code": "RB0101", "name": "unknown-key", "severity": "error", "message": "no key `b`",
                        "file": "a.yaml", "line": 2, "column": 1, "end": { "line": 2, "column": 2 },
                        "labels": [{
                            "file": "a.yaml", "line": 2, "column": 1, "end": { "line": 2, "column": 2 },
                            "text": "here", "primary": true,
                        }],
                        "notes": [], "help": ["remove it"],
                    },
                ],
                "silenced": [],
                "left_out": 0,
            })
        );
    }
}
