//! The page about the language: prose from `language.md`, in which each marker is replaced by what is made.

use super::{keys, row, scopes};
use crate::load::{RESULT, RUN};
use crate::machine::RunStatus;
use crate::model::{DURATION_UNITS, parse_duration};
use crate::template::{FILTER_WORDS, OPERATOR_WORDS, TEST_WORDS, Word};

const PROSE: &str = include_str!("language.md");

/// What each of the names of `run` is.
const RUN_WORDS: [(&str, &str); 5] = [
    ("id", "The id of the run, as in `runbook status ID`."),
    ("name", "The name of the runbook, with its folder."),
    ("status", "How the run stands: `running`; in `finally` how it ended: ENDS."),
    ("started_at", "When it was started (RFC 3339)."),
    ("operator", "Who started it: name and host."),
];

/// What each of the names of a result is.
const RESULT_WORDS: [(&str, &str); 6] = [
    ("stdout", "What it printed, with its last line end."),
    ("stderr", "What it printed there; empty with `output: merged`."),
    ("exit_code", "A whole number; null when it was stopped or its time was up."),
    ("json", "stdout read as JSON. Other text there is an error; in a gate, could not tell."),
    ("yaml", "stdout read as YAML."),
    ("lines", "The lines of stdout, without line ends."),
];

/// Returns the page.
pub(super) fn page() -> String {
    let made = [
        ("keys", keys::sections()),
        ("scopes", scopes::tables()),
        ("run", names("run.", &RUN, &RUN_WORDS)),
        ("result", names("", &RESULT, &RESULT_WORDS)),
        ("operators", words(OPERATOR_WORDS)),
        ("filters", words(FILTER_WORDS)),
        ("tests", words(TEST_WORDS)),
        ("durations", durations()),
    ];
    made.iter().fold(PROSE.to_owned(), |text, (name, part)| text.replace(&format!("<!-- {name} -->"), part))
}

fn names(before: &str, known: &[&str], told: &[(&str, &str)]) -> String {
    let mut text = "| name | |\n| --- | --- |\n".to_owned();
    for name in known {
        let (_, doc) = told.iter().find(|(told, _)| told == name).unwrap_or(&("", ""));
        text.push_str(&row(&[&format!("`{before}{name}`"), &doc.replace("ENDS", &ends())]));
    }
    text.trim_end().to_owned()
}

/// Returns how a run may end, as `run.status` says it.
fn ends() -> String {
    use RunStatus::{Failed, Interrupted, PartlyUndone, RollbackFailed, RolledBack, Succeeded};
    let ends = [Succeeded, Failed, RolledBack, PartlyUndone, RollbackFailed, Interrupted];
    ends.map(|status| format!("`{}`", status.word())).join(", ")
}

fn words(words: &[Word]) -> String {
    let mut text = "| | | example | gives |\n| --- | --- | --- | --- |\n".to_owned();
    for word in words {
        let code = |text: &str| format!("`{text}`");
        text.push_str(&row(&[&code(word.name), word.doc, &code(word.example), &code(word.gives)]));
    }
    text.trim_end().to_owned()
}

fn durations() -> String {
    let mut text = "| unit | is |\n| --- | --- |\n".to_owned();
    for (unit, millis) in DURATION_UNITS {
        let is = match millis {
            1 => "a millisecond".to_owned(),
            _ => format!("{} seconds", millis / 1_000),
        };
        debug_assert!(parse_duration(&format!("1{unit}")).is_ok(), "it is a unit");
        text.push_str(&row(&[&format!("`{unit}`"), &is]));
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_marker_is_replaced_and_every_name_told() {
        let page = page();
        assert!(!page.contains("<!-- "), "a marker that nothing is made for");
        for (name, words) in [
            ("run", RUN_WORDS.map(|(name, _)| name).to_vec()),
            ("result", RESULT_WORDS.map(|(name, _)| name).to_vec()),
        ] {
            let known: &[&str] = if name == "run" { &RUN } else { &RESULT };
            assert_eq!(words, known);
        }
    }
}
