//! Diagnostics for code scanners: one SARIF 2.1.0 log (the OASIS standard), as GitHub and GitLab read it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Code, Diagnostic, Severity, Silenced, Sources};
use crate::model::Place;

/// The version of the standard that is written.
pub const VERSION: &str = "2.1.0";

/// Returns one log with one run of the program of `version` that found `found`, each with the sources it points into.
/// What was `silenced` is among the results as suppressed, with its reason. Lines and columns begin with 1; a column
/// counts characters, as the log says of itself.
pub fn log<'a>(
    version: &str,
    found: impl IntoIterator<Item = (&'a Diagnostic, &'a Sources)>,
    silenced: impl IntoIterator<Item = (&'a Silenced, &'a Sources)>,
) -> Value {
    let found: Vec<_> = found.into_iter().collect();
    let silenced: Vec<_> = silenced.into_iter().collect();
    let told = found.iter().map(|(diagnostic, _)| diagnostic.code);
    let codes: BTreeSet<Code> = told.chain(silenced.iter().map(|(one, _)| one.diagnostic.code)).collect();
    let codes: Vec<Code> = codes.into_iter().collect();
    let told = found.iter().map(|(diagnostic, sources)| result(diagnostic, sources, &codes));
    let taken_back = silenced.iter().map(|(one, sources)| {
        let mut result = result(&one.diagnostic, sources, &codes);
        result["suppressions"] = json!([{
            "kind": "inSource",
            "justification": one.reason,
            "location": { "physicalLocation": location(one.at, sources) },
        }]);
        result
    });
    let results: Vec<Value> = told.chain(taken_back).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": VERSION,
        "runs": [{
            "tool": { "driver": {
                "name": "runbook",
                "semanticVersion": version,
                "rules": codes.iter().map(|code| rule(*code)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(code: Code) -> Value {
    let page = code.page();
    json!({
        "id": code.to_string(),
        "name": camel(code.name()),
        "shortDescription": { "text": code.title() },
        "fullDescription": { "text": page.means },
        "help": { "text": page.advice, "markdown": page.text },
        "defaultConfiguration": { "level": level(code.severity()) },
    })
}

fn result(diagnostic: &Diagnostic, sources: &Sources, codes: &[Code]) -> Value {
    let mut text = diagnostic.message.clone();
    for more in diagnostic.notes.iter().chain(&diagnostic.help) {
        text.push('\n');
        text.push_str(more);
    }
    let mut result = json!({
        "ruleId": diagnostic.code.to_string(),
        "ruleIndex": codes.binary_search(&diagnostic.code).unwrap_or_default(),
        "level": level(diagnostic.severity),
        "message": { "text": text },
    });
    if let Some(place) = diagnostic.place() {
        result["locations"] = json!([{ "physicalLocation": location(place, sources) }]);
    }
    let related: Vec<Value> = diagnostic
        .labels
        .iter()
        .filter(|label| !label.primary)
        .map(|label| json!({ "physicalLocation": location(label.place, sources), "message": { "text": label.text } }))
        .collect();
    if !related.is_empty() {
        result["relatedLocations"] = json!(related);
    }
    result
}

fn location(place: Place, sources: &Sources) -> Value {
    let (start, end) = (sources.start(place), sources.end(place));
    json!({
        "artifactLocation": { "uri": uri(sources.path(place.file)) },
        "region": {
            "startLine": start.line, "startColumn": start.column,
            "endLine": end.line, "endColumn": end.column,
        },
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// Returns `unknown-key` as `UnknownKey`: scanners want a name without marks.
fn camel(name: &str) -> String {
    name.split('-')
        .map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase())
                .into_iter()
                .chain(letters)
                .collect::<String>()
        })
        .collect()
}

/// Returns a path as a relative URI: what may not stand in one is written by its bytes (RFC 3986).
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_has_its_rules_and_where_each_result_is() {
        let mut sources = Sources::new();
        sources.add("runbooks/a b.yaml", "é: 1\nb: 2\n");
        let found = [
            Diagnostic::new(Code::UnknownKey, "no key `b`").at(Place::new(0, 6, 7), "here").help("remove it"),
            Diagnostic::new(Code::NoProject, "no project"),
        ];
        let silenced = Silenced {
            diagnostic: Diagnostic::new(Code::RawShell, "unquoted").at(Place::new(0, 6, 7), ""),
            reason: "it is fixed".to_owned(),
            at: Place::new(0, 0, 2),
        };
        let log = log("0.1.0", found.iter().map(|one| (one, &sources)), [(&silenced, &sources)]);
        let run = &log["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        assert_eq!(rules.len(), 3);
        for result in run["results"].as_array().unwrap() {
            let index = result["ruleIndex"].as_u64().unwrap() as usize;
            assert_eq!(rules[index]["id"], result["ruleId"]);
        }
        let first = &run["results"][0];
        assert_eq!(first["message"]["text"], "no key `b`\nremove it");
        let place = &first["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "runbooks/a%20b.yaml");
        assert_eq!(place["region"], json!({"startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 2}));
        assert_eq!(run["results"][1].get("locations"), None);
        assert_eq!(rules[1]["name"], "UnknownKey");
        assert_eq!(run["results"][0].get("suppressions"), None);
        let suppression = &run["results"][2]["suppressions"][0];
        assert_eq!(suppression["justification"], "it is fixed");
        assert_eq!(suppression["kind"], "inSource");
    }
}
