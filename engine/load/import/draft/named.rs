//! Commands that a sentence names: "Run `kubectl drain node-1` first, then:" above a block of code.
//!
//! Who reads the sentence does that command, so it is a step where the sentence tells to run it, and is listed where it may only be
//! mentioned. What is said not to be run is neither.

use super::super::open::Matter;
use super::super::script::{self, Line, Part};
use super::super::seems::seems_command;
use super::Maker;
use super::text::shortened;

/// A command between backticks.
#[derive(Debug, PartialEq, Eq)]
struct Named<'t> {
    text: &'t str,
    /// How many lines of the text stand above it.
    above: usize,
    /// Whether the sentence tells to run it.
    told: bool,
}

/// Words that tell to run what follows.
const RUNS: [&str; 5] = ["run", "execute", "invoke", "issue", "rerun"];

/// Words with which a sentence tells when, or that, something may be run; whether it is a step a person must say.
const MAYBE: [&str; 30] = [
    "after",
    "afterwards",
    "alternatively",
    "because",
    "can",
    "could",
    "during",
    "e.g",
    "either",
    "example",
    "had",
    "has",
    "have",
    "if",
    "instead",
    "later",
    "may",
    "might",
    "once",
    "optionally",
    "or",
    "otherwise",
    "should",
    "unless",
    "until",
    "was",
    "when",
    "where",
    "while",
    "would",
];

/// Words with which one is told not to.
const NOT: [&str; 7] = ["not", "never", "don't", "don’t", "avoid", "without", "cannot"];

/// Returns the commands that a text names, in order.
fn named(text: &str) -> Vec<Named<'_>> {
    let mut found = Vec::new();
    let mut parts = text.split('`');
    let mut before = parts.next().unwrap_or_default();
    // Whether the one before was told, so that `and` goes on.
    let mut goes_on = false;
    let mut at = before.len();
    while let (Some(code), Some(behind)) = (parts.next(), parts.next()) {
        let sentence = last_sentence(before);
        let words: Vec<String> = words(sentence);
        let rest = behind.split(". ").next().unwrap_or_default();
        let runs = words.iter().rfind(|word| !matches!(word.as_str(), "the" | "command" | "following"));
        let joins = goes_on && words.iter().all(|word| matches!(word.as_str(), "and" | "then"));
        let runs = joins || runs.is_some_and(|word| RUNS.contains(&word.as_str()));
        let near = &words[words.len().saturating_sub(4)..];
        let not = near.iter().any(|word| NOT.contains(&word.as_str()));
        let all = words.iter().cloned().chain(self::words(rest));
        let maybe = all.into_iter().any(|word| MAYBE.contains(&word.as_str()));
        goes_on = runs && !maybe && !not;
        let is_command = seems_command(code) && (code.contains(' ') || runs);
        if !not && (is_command || runs && code.contains(' ')) && !code.contains('\n') {
            let above = text[..at].matches('\n').count();
            found.push(Named { text: code, above, told: goes_on && is_command });
        }
        at += 2 + code.len() + behind.len();
        before = behind;
    }
    found
}

fn last_sentence(text: &str) -> &str {
    let ends = [". ", "! ", "? ", ".\n", ";"];
    ends.iter().filter_map(|end| Some(text.rfind(end)? + end.len())).max().map_or(text, |at| &text[at..])
}

fn words(text: &str) -> Vec<String> {
    let letter = |c: char| c.is_alphanumeric() || matches!(c, '\'' | '’');
    let words = text.split(|c: char| !letter(c) && c != '.').map(|word| word.trim_matches('.'));
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

impl Maker {
    /// Takes the commands that a sentence names: those that it tells to run become steps, the others are listed. Returns whether
    /// there is a step now, which has what waited as its text.
    pub(super) fn sentence(&mut self, line: usize, text: &str, steps: bool) -> bool {
        let mut made = false;
        for Named { text, above, told } in named(text) {
            let line = line + above;
            let parts = script::parts(&[Line { number: line, text: text.to_owned() }]);
            match parts.as_slice() {
                [Part::Command(piece)] if told && steps => {
                    self.lead = None;
                    self.command(piece);
                    made = true;
                }
                _ => {
                    let about = format!("“{}” is named in a sentence, and is no step", shortened(text));
                    self.open(Matter::Choice, line, about);
                }
            }
        }
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sentence_tells_to_run_is_told_from_what_it_mentions() {
        let told = |text: &str| -> Vec<(String, bool)> {
            named(text).into_iter().map(|named| (named.text.to_owned(), named.told)).collect()
        };
        let drain = "kubectl drain node-1".to_owned();
        for text in [
            "Run `kubectl drain node-1` first, then:",
            "The node is old. Please run the command `kubectl drain node-1`, then:",
            "**Before the upgrade, execute `kubectl drain node-1`:**",
        ] {
            assert_eq!(told(text), [(drain.clone(), true)], "{text}");
        }
        for text in [
            "`kubectl drain node-1` shows:",
            "If pods hang, run `kubectl drain node-1`:",
            "Run this, and `kubectl drain node-1` afterwards:",
            "The output of `kubectl drain node-1`:",
        ] {
            assert_eq!(told(text), [(drain.clone(), false)], "{text}");
        }
        assert_eq!(
            told("Run `kubectl drain node-1` and then `./wait.sh`:"),
            [(drain.clone(), true), ("./wait.sh".to_owned(), true)]
        );
        assert_eq!(
            told("Run `velero backup create x` first:"),
            [("velero backup create x".to_owned(), false)]
        );
        for text in ["Never run `kubectl drain node-1`:", "Edit `values.yaml`, then:", "An odd ` mark", ""] {
            assert_eq!(told(text), [], "{text}");
        }
        assert_eq!(named("a\nb `x`\nRun `kubectl get pods`")[0].above, 2);
    }
}
