//! Commands that a sentence names: "Run `kubectl drain node-1` first, then:" above a block of code.
//!
//! Who reads the sentence does that command, so it is a step where the sentence is an order to run it. Of every other shape nobody
//! can tell whether it describes, warns or forbids (`CI will run …`, `There is no need to run …`, `Don't forget to run …`), so the
//! command is listed, and never passed over. To know the shapes that forbid was rejected: the one that is not known would be run.

use std::ops::Range;

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
    /// Whether the sentence is an order to run it.
    told: bool,
    /// Whether it stands right behind a word for running something.
    runs: bool,
}

/// What a sentence may say before it orders something: `Please run`, `Now, run`.
const OPENERS: [&str; 10] =
    ["also", "and", "finally", "first", "next", "now", "please", "secondly", "then", "you must"];

/// How far behind a command its sentence is read, in bytes.
const NEAR: usize = 400;

/// How far the end of a command is looked for, in bytes.
const LONGEST: usize = 4096;

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
const NOT: [&str; 10] =
    ["avoid", "cannot", "don't", "don’t", "longer", "neither", "never", "no", "not", "without"];

/// Returns the commands that a text names, in order.
fn named(text: &str) -> Vec<Named<'_>> {
    let mut found = Vec::new();
    // Whether the one before was told, so that `and` goes on.
    let mut goes_on = false;
    let (mut from, mut above, mut counted) = (0, 0, 0);
    while let Some((span, end)) = code(text, from) {
        let before = &text[from..span.start - (end - span.end)];
        let sentence = last_sentence(before);
        // Whether it began before another piece of code, of which nobody knows what it says there.
        let begun = from > 0 && sentence.len() == before.len();
        let words: Vec<String> = words(sentence);
        let rest = cut(&text[end..]);
        let ends = rest.split('`').next().and_then(|rest| rest.split(". ").next()).unwrap_or_default();
        let behind = self::words(ends);
        let said = words.iter().rfind(|word| !matches!(word.as_str(), "the" | "command" | "following"));
        let joins = goes_on
            && begun
            && words.iter().all(|word| {
                matches!(word.as_str(), "and" | "then" | "the" | "command") || RUNS.contains(&word.as_str())
            });
        let runs = joins || said.is_some_and(|word| RUNS.contains(&word.as_str()));
        let doubt = |word: &String| MAYBE.contains(&word.as_str()) || NOT.contains(&word.as_str());
        let doubted = words.iter().chain(&behind).any(doubt) || ends.contains('?');
        goes_on = (joins || !begun && is_order(sentence)) && !doubted;
        let code = &text[span.clone()];
        let seems = seems_command(code);
        let is_command = seems && (code.trim().contains(' ') || runs || code.starts_with("./"));
        if is_command || runs && code.trim().contains(' ') {
            above += text[counted..span.start].matches('\n').count();
            counted = span.start;
            let told = goes_on && is_command && !code.contains('\n');
            found.push(Named { text: code, above, told, runs });
        }
        from = end;
    }
    found
}

/// Returns where the next piece of code between backticks stands, without them, and where it ends with them.
fn code(text: &str, from: usize) -> Option<(Range<usize>, usize)> {
    let mut at = from;
    loop {
        let open = at + text[at..].find('`')?;
        let begin = open + count(&text[open..]);
        let marks = begin - open;
        let mut end = begin;
        while let Some(next) = text[end..].find('`').filter(|next| end + next - begin < LONGEST) {
            end += next;
            let found = count(&text[end..]);
            if found == marks {
                return Some((begin..end, end + marks));
            }
            end += found;
        }
        at = begin;
    }
}

/// Returns how many backticks a text begins with.
fn count(text: &str) -> usize {
    text.len() - text.trim_start_matches('`').len()
}

/// Returns as much of a text as is read behind a command.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(NEAR);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Says whether what stands before a command orders to run it: `Run`, `Please run the command`, `Before the upgrade, execute`.
fn is_order(sentence: &str) -> bool {
    let clause = match (words(cut(sentence)).first().map(String::as_str), sentence.rsplit_once(',')) {
        (Some("before"), Some((_, clause))) => clause,
        _ => sentence,
    };
    let words = words(clause).join(" ");
    let mut rest = words.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
    let word = |rest: &str, word: &str| -> Option<usize> {
        let behind = rest.strip_prefix(word)?;
        (behind.is_empty() || behind.starts_with(' ')).then(|| rest.len() - behind.trim_start().len())
    };
    while let Some(length) = OPENERS.iter().find_map(|opener| word(rest, opener)) {
        rest = &rest[length..];
    }
    let Some(length) = RUNS.iter().find_map(|runs| word(rest, runs)) else { return false };
    rest[length..].split_whitespace().all(|word| matches!(word, "the" | "command" | "following"))
}

fn last_sentence(text: &str) -> &str {
    let ends = [". ", "! ", "? ", ".\n", "  \n", ";"];
    ends.iter().filter_map(|end| Some(text.rfind(end)? + end.len())).max().map_or(text, |at| &text[at..])
}

fn words(text: &str) -> Vec<String> {
    let letter = |c: char| c.is_alphanumeric() || matches!(c, '\'' | '’');
    let words = text.split(|c: char| !letter(c) && c != '.').map(|word| word.trim_matches('.'));
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

impl Maker {
    /// Takes the commands that a sentence names: those that it orders to run become steps, the others are listed. Returns whether
    /// it is about a command of its own, and so no title for the one below it: a step has what waited as its text.
    pub(super) fn sentence(&mut self, line: usize, text: &str, steps: bool) -> bool {
        let mut own = false;
        for Named { text, above, told, runs } in named(text) {
            let line = line + above;
            own |= runs;
            if told && steps {
                let parts = script::parts(&[Line { number: line, text: text.to_owned() }]);
                if let [Part::Command(piece)] = parts.as_slice() {
                    self.lead = None;
                    self.command(piece);
                    own = true;
                    continue;
                }
            }
            let named = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let about = format!("“{}” is named in a sentence, and is no step", shortened(&named));
            self.open(Matter::Choice, line, about);
        }
        if own {
            self.lead = None;
        }
        own
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
        for text in ["Edit `values.yaml`, then:", "An odd ` mark", "It needs `kubectl` 1.30", ""] {
            assert_eq!(told(text), [], "{text}");
        }
        assert_eq!(named("a\nb `x`\nRun `kubectl get pods`")[0].above, 2);
    }
    /// What describes or forbids a command must not become one that a run does, and nothing is passed over.
    #[test]
    fn only_an_order_is_told() {
        for text in [
            "This will run `rm -rf /tmp/x` automatically.",
            "CI will execute `rm -rf /tmp/x` on merge.",
            "the deploy job will run `rm -rf /tmp/x` for you",
            "There is no need to run `rm -rf /tmp/x`",
            "You no longer need to run `rm -rf /tmp/x`.",
            "It is forbidden to run `rm -rf /tmp/x`",
            "It is dangerous to run `rm -rf /tmp/x`",
            "Nobody is allowed to run `rm -rf /tmp/x`",
            "We refuse to run `rm -rf /tmp/x`",
            "The operator tried to run `rm -rf /tmp/x`, which caused the outage",
            "Users who run `rm -rf /tmp/x` lose data",
            "Don't forget to run `rm -rf /tmp/x`.",
            "Do not forget to run `rm -rf /tmp/x`.",
            "Never forget to run `rm -rf /tmp/x`.",
            "Never run `rm -rf /tmp/x`:",
            "Without delay, run `rm -rf /tmp/x`",
            "Avoid downtime: run `rm -rf /tmp/x` first:",
            "Run ``rm -rf /tmp/x``? Better ask.",
            "Where `helm` is old run `rm -rf /tmp/x`",
            "Run this with `make`, which will run `rm -rf /tmp/x`",
            "Run `rm -rf /tmp/x` never in production",
            "Users who\nrun `rm -rf\n/tmp/x` lose data",
        ] {
            let found = named(text);
            assert!(found.iter().all(|named| !named.told), "{text}: {found:?}");
            assert!(found.iter().any(|named| named.text.starts_with("rm -rf")), "{text}: {found:?}");
        }
        for text in [
            "Run ``rm -rf /tmp/x``.",
            "You must run `rm -rf /tmp/x`",
            "It is old.  \nNow, please execute the following command: `rm -rf /tmp/x`",
            "Run `rm -rf /tmp/y`, then run `rm -rf /tmp/x`",
        ] {
            let found = named(text);
            assert!(!found.is_empty() && found.iter().all(|named| named.told), "{text}: {found:?}");
        }
        assert!(named("Avoid downtime: run `haproxyctl drain web1` first:").len() == 1);
    }
}
