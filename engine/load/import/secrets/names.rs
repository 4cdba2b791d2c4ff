//! What a secret is called, and the names that stand in the place of values.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::Regex;

use super::super::values::{is_secret, var_name};

/// A secret in a line.
pub(super) struct Found {
    /// Its bytes.
    pub(super) range: Range<usize>,
    /// The words it is called by.
    pub(super) called: String,
    /// Whether it is known where it ends. What nobody can tell from the value is hidden with it.
    pub(super) ends: bool,
}

/// What a document has to fill in already: `<name>`, `{{ name }}`, `[name]`, `$NAME`.
static WRITTEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"<([^<>\n]{1,60})>|\{\{\s*([A-Za-z][0-9A-Za-z_-]{0,39})\s*\}\}|\[([A-Za-z][0-9A-Za-z_ -]{2,39})\]|\$\{?([A-Za-z_][0-9A-Za-z_]*)")
        .expect("the pattern is one")
});

/// The values that were found, each with the name that stands in its place.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The name of each value, by what it is called.
    given: HashMap<(String, String), String>,
    /// The values in the order they were found.
    values: Vec<(String, String)>,
    /// The vars that names become.
    taken: HashSet<String>,
    /// The last number behind each name.
    numbers: HashMap<String, usize>,
    /// The vars of what the document itself leaves to be filled in: one input must not stand for two values.
    written: HashSet<String>,
    /// The variables that the document uses, and the vars that they become.
    variables: HashSet<String>,
    /// Finds the values of `told` wherever they stand.
    known: Option<AhoCorasick>,
    /// The names of what `known` finds.
    told: Vec<String>,
}

impl Names {
    /// Takes what a text leaves to be filled in.
    pub(super) fn written(&mut self, text: &str) {
        for found in WRITTEN.captures_iter(text) {
            let words = (1..=3).find_map(|group| found.get(group));
            if let Some(words) = words {
                self.written.insert(var_name(words.as_str()));
            }
            if let Some(variable) = found.get(4) {
                self.variables.insert(variable.as_str().to_owned());
                self.variables.insert(var_name(variable.as_str()));
            }
        }
    }

    /// Makes each value known wherever it stands, where it is long enough and no mere word.
    pub(super) fn learn(&mut self) {
        let telling = |value: &str| {
            value.len() >= 6
                && value.contains(|c: char| c.is_alphabetic())
                && value.contains(|c: char| !c.is_alphabetic())
        };
        let known: Vec<&(String, String)> = self.values.iter().filter(|(value, _)| telling(value)).collect();
        let values = known.iter().map(|(value, _)| value);
        // Of the kinds of automata the one whose making takes time in proportion to the values.
        let builder = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .match_kind(MatchKind::LeftmostLongest)
            .build(values);
        self.known = builder.ok();
        self.told = known.iter().map(|(_, name)| name.clone()).collect();
    }

    /// Returns where values that were found elsewhere stand in a line, each with its name.
    fn known(&self, line: &str) -> Vec<(Range<usize>, String)> {
        let Some(known) = &self.known else { return Vec::new() };
        let letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        known
            .find_iter(line)
            .filter(|found| {
                !letter(line[..found.start()].chars().next_back())
                    && !letter(line[found.end()..].chars().next())
            })
            .map(|found| (found.range(), self.told[found.pattern().as_usize()].clone()))
            .collect()
    }

    /// Returns a line with names in place of the secrets in it, and whether it is sure where each of them ends.
    pub(super) fn replaced(&mut self, line: &str, mut found: Vec<Found>) -> (String, bool) {
        // Of two that begin together the longer one holds the other.
        found.sort_by_key(|found| (found.range.start, std::cmp::Reverse(found.range.end)));
        let mut parts: Vec<(Range<usize>, String)> = Vec::new();
        let mut sure = true;
        for Found { range, called, ends } in found {
            if let Some((before, _)) = parts.last_mut().filter(|(before, _)| range.start < before.end) {
                // Of two that overlap all is hidden, and where which of them ends nobody can tell.
                if range.end > before.end {
                    before.end = range.end;
                    sure = false;
                }
                continue;
            }
            sure &= ends;
            parts.push((range, called));
        }
        for (range, called) in &mut parts {
            let value = &line[range.clone()];
            sure &= !value.contains('\n');
            *called = self.named(value, called);
        }
        let own = parts.len();
        for (range, name) in self.known(line) {
            // They are in order and apart, so only the last one that begins before its end can touch it.
            let before = parts[..own].partition_point(|(other, _)| other.start < range.end);
            if before.checked_sub(1).is_none_or(|last| parts[last].0.end <= range.start) {
                parts.push((range, name));
            }
        }
        parts.sort_by_key(|(range, _)| range.start);
        let mut hidden = String::with_capacity(line.len());
        let mut at = 0;
        for (range, name) in parts {
            hidden.push_str(&line[at..range.start]);
            hidden.push_str(&format!("<{name}>"));
            // The lines stay as many as they are.
            hidden.extend(line[range.clone()].chars().filter(|c| *c == '\n'));
            at = range.end;
        }
        hidden.push_str(&line[at..]);
        (hidden, sure)
    }

    /// Returns the name for a value; another value has another.
    pub(super) fn named(&mut self, value: &str, called: &str) -> String {
        let key = (called.to_owned(), value.to_owned());
        if let Some(name) = self.given.get(&key) {
            return name.clone();
        }
        let mut name = called.to_owned();
        while !self.is_free(&name, called) {
            let number = self.numbers.entry(called.to_owned()).or_insert(1);
            *number += 1;
            name = format!("{called}-{number}");
        }
        self.taken.insert(var_name(&name));
        self.values.push((value.to_owned(), name.clone()));
        self.given.insert(key, name.clone());
        name
    }

    fn is_free(&self, name: &str, called: &str) -> bool {
        let var = var_name(name);
        // `PASSWORD=x` gives its value to the `$PASSWORD` of other lines.
        let own = name == called && self.variables.contains(called) && called != var;
        !self.taken.contains(&var) && !self.written.contains(&var) && (own || !self.variables.contains(&var))
    }
}

/// Returns a name with `_` between its words: `clientSecret` is `client_secret`.
pub(super) fn in_words(name: &str) -> String {
    let mut words = String::new();
    let mut small = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && small {
            words.push('_');
        }
        small = c.is_ascii_lowercase();
        words.push(match c {
            '-' | '.' | ' ' => '_',
            c => c.to_ascii_lowercase(),
        });
    }
    words
}

/// Says whether a name is that of the secret itself, and not of where it is kept or how long it holds.
pub(super) fn names_value(name: &str) -> bool {
    let words = in_words(name);
    let last = words.rsplit('_').next().unwrap_or_default();
    is_secret(&words)
        && !words.contains("existing")
        && matches!(
            last,
            "password"
                | "passwd"
                | "passphrase"
                | "pass"
                | "token"
                | "secret"
                | "pgpassword"
                | "apikey"
                | "key"
                | "credential"
                | "credentials"
                | "pwd"
        )
}

/// The longest value that is looked at letter by letter, in bytes. A longer one is hidden as far as it may reach, and left to a
/// person: a line with many names in it must not be read anew for each of them.
pub(super) const LONGEST: usize = 4096;

/// Says whether what a text begins with may be a value, and no variable, list or file.
pub(super) fn begins_value(text: &str) -> bool {
    !text.starts_with(['$', '<', '[', '{', '/', '@', '%', '(', '`', '~', '-', '*', '.'])
}

/// Says whether a value is one, and nothing that is filled in, read from a file or cut short.
pub(super) fn is_value(value: &str) -> bool {
    value.len() > 2
        && begins_value(value)
        && !value.contains("$(")
        && !value.contains('<')
        && !value.contains("${")
        && !value.chars().all(|c| matches!(c, 'x' | 'X' | '*' | '.' | '…' | '•'))
        && !matches!(value, "true" | "false" | "none" | "null")
}
