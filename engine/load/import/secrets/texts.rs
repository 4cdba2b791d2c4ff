//! Secrets in what is no command: settings, statements, sentences.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::names::{Found, LONGEST, begins_value, in_words, is_value, names_value};

/// What a text is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// A line of a file: a setting goes to its end.
    File,
    /// Words for people, where `a=b` may be a part of a command.
    Words,
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is one")
}

/// `password: X` at the beginning of a line.
static SETTING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"^\s*(?:- |export |set |\? )?\s*["']?([A-Za-z][0-9A-Za-z_.-]*)["']?\s*(?:=>|:=|=|:(?:\s|["']|$))\s*(.*)$"#,
    )
});

/// `password: X` among others, up to the first letter of the value. Not more of it: the same end would be looked for anew behind each
/// name of `a=b=c=…`.
static PAIR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"((?:[A-Za-z][0-9A-Za-z_.]*[ -])?[A-Za-z][0-9A-Za-z_.-]*)["'`*_]{0,4}(?:\s*(?:=>|:=|=|:)|\s+is)\s*[*_]{0,3}\s*(["'`]?)([^\s"'`])"#,
    )
});

/// `password: "two words"`
static QUOTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"((?:[A-Za-z][0-9A-Za-z_.]*[ -])?[A-Za-z][0-9A-Za-z_.-]*)["'`*_]{0,4}(?:\s*(?:=>|:=|=|:)|\s+is)\s*[*_]{0,3}\s*(?:"([^"]+)"|'([^']+)'|`([^`]+)`)"#,
    )
});

/// The other forms, each with the words it is called by; the last group is the value.
static FORMS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r#"(?i)\bpassword\s*(?:=|\(|\bto\b|\bfor\s+\S+\s*=)?\s*'([^']+)'"#, "db-password"),
        (r#"(?i)\bidentified\s+(?:with\s+\S+\s+)?(?:by|as)\s+(?:password\s+)?['"]([^'"]+)['"]"#, "db-password"),
        (r#"^\s*(?:AUTH|auth|requirepass|masterauth)\s+([^\s:=]+)\s*$"#, "redis-password"),
        (r#"(?i)\b(?:proxy-)?authorization["'`]?\s*[:=]\s*["'`]?(?:bearer|basic|token)\s+([^\s"'`]+)"#, "token"),
        (r#"\b[a-z][a-z0-9+.-]*://[^\s/:@"'`<>]*:([^\s/@"'`<>$]+)@"#, "url-password"),
        (r#"\bhooks\.slack\.com/services/([0-9A-Za-z_/]+)"#, "slack-hook-token"),
        (
            r"\b(gh[pousr]_[0-9A-Za-z_]{16,}|github_pat_[0-9A-Za-z_]{20,}|glpat-[0-9A-Za-z_-]{16,}|xox[abeprs]-[0-9A-Za-z_-]{10,}|hv[sb]\.[0-9A-Za-z_-]{16,}|[sr]k_(?:live|test)_[0-9A-Za-z_]{10,}|AIza[0-9A-Za-z_-]{30,}|npm_[0-9A-Za-z_]{30,}|dop_v1_[0-9A-Za-z_]{30,}|SG\.[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{16,}|eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]*)",
            "token",
        ),
    ]
    .into_iter()
    .map(|(text, called)| (pattern(text), called))
    .collect()
});

/// `https://TOKEN@host`
static TOKEN_AT: LazyLock<Regex> = LazyLock::new(|| pattern(r#"\bhttps?://([^\s/:@"'`<>$?]+)@"#));

/// Forms that say themselves what the value is called: name, then value.
static NAMED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r"<([A-Za-z][0-9A-Za-z_.-]*)>([^<>]+)</",
        r#"["']?name["']?\s*[:=]\s*["']([0-9A-Za-z_.-]+)["']\s*,\s*["']?value["']?\s*[:=]\s*["']([^"']+)["']"#,
        r"\{\s*name:\s*([0-9A-Za-z_.-]+)\s*,\s*value:\s*([^\s,}]+)",
        r"\bParameterKey=([0-9A-Za-z_.-]+),ParameterValue=([^\s,]+)",
    ]
    .into_iter()
    .map(pattern)
    .collect()
});

/// Returns the secrets in a line of a text.
pub(super) fn found(line: &str, style: Style) -> Vec<Found> {
    let mut found = everywhere(line);
    if style == Style::File {
        found.extend(setting(line, style));
    }
    found.extend(pairs(line, true));
    found
}

/// Returns the secrets of a line that stand in texts and commands alike.
pub(super) fn everywhere(line: &str) -> Vec<Found> {
    let mut found = in_json(line);
    for (form, called) in FORMS.iter() {
        for value in form.captures_iter(line).filter_map(|captures| captures.get(1)) {
            if is_value(value.as_str()) {
                found.push(Found { range: value.range(), called: (*called).to_owned(), ends: true });
            }
        }
    }
    // `https://TOKEN@host`; who asks by a name only is no secret.
    for value in TOKEN_AT.captures_iter(line).filter_map(|captures| captures.get(1)) {
        let text = value.as_str();
        let mixed = text.contains(|c: char| c.is_ascii_digit()) && text.contains(|c: char| c.is_alphabetic());
        if (mixed && text.len() >= 8 || text.len() >= 20) && is_value(text) {
            found.push(Found { range: value.range(), called: "url-token".to_owned(), ends: true });
        }
    }
    for form in NAMED.iter() {
        for captures in form.captures_iter(line) {
            if let (Some(key), Some(value)) = (captures.get(1), captures.get(2))
                && names_value(key.as_str())
                && is_value(value.as_str())
            {
                found.push(Found { range: value.range(), called: called(key.as_str()), ends: true });
            }
        }
    }
    found
}

/// Returns the words for a value by its key.
fn called(key: &str) -> String {
    // A variable keeps its name, by which it is looked for elsewhere.
    let variable = key.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    if variable { key.to_owned() } else { in_words(key).replace('_', "-") }
}

/// Returns what a setting gives to a secret: `password: X`, to the end of its line.
pub(super) fn setting(line: &str, style: Style) -> Option<Found> {
    let captures = SETTING.captures(line)?;
    let (key, rest) = (captures.get(1)?, captures.get(2)?);
    // `PASSWORD=x command`
    let given = line[key.end()..].starts_with('=');
    if !names_value(key.as_str()) || given && style == Style::Words {
        return None;
    }
    let text = rest.as_str();
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    let closed = quote.and_then(|quote| text[1..].find(quote).map(|end| 1..end + 1));
    let range = match closed {
        Some(range) => range,
        None => {
            let text = text.split(" #").next().unwrap_or_default();
            0..text.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"' | '\'')).len()
        }
    };
    let value = &text[range.clone()];
    // What a program calls, and what YAML points at or goes on with below.
    let other = quote.is_none()
        && (value.contains(['(', '[']) || value.contains("env.") || value.starts_with(['!', '&', '|', '>']));
    if !is_value(value) || other || is_place(value) {
        return None;
    }
    let start = rest.start() + range.start;
    Some(Found { range: start..start + value.len(), called: called(key.as_str()), ends: true })
}

/// Says whether a line begins a setting whose value stands below it, and how far that is indented at least.
pub(super) fn begins_block(line: &str) -> Option<(usize, String)> {
    let captures = SETTING.captures(line)?;
    let (key, rest) = (captures.get(1)?, captures.get(2)?);
    let block = matches!(rest.as_str().trim_end(), "|" | ">" | "|-" | ">-" | "|+" | ">+");
    (block && names_value(key.as_str()))
        .then(|| (line.len() - line.trim_start().len() + 1, called(key.as_str())))
}

/// Returns the name of a secret that a line of YAML or JSON gives, for the value in the next one.
pub(super) fn name_of_next(line: &str) -> Option<String> {
    static NAME: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"^\s*(?:- )?\s*["']?name["']?\s*:\s*["']?([0-9A-Za-z_.-]+)["']?,?\s*$"#));
    let name = NAME.captures(line)?.get(1)?.as_str();
    names_value(name).then(|| called(name))
}

/// Returns the value that a line of YAML or JSON gives to the name in the one before.
pub(super) fn value_of(line: &str, name: &str) -> Option<Found> {
    static VALUE: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"^\s*["']?value["']?\s*:\s*["']?(.*?)["']?,?\s*$"#));
    let value = VALUE.captures(line)?.get(1)?;
    is_value(value.as_str()).then(|| Found { range: value.range(), called: name.to_owned(), ends: true })
}

/// Returns what a text gives to secrets somewhere in a line: `the password is "X"`, `user: ann, password: X`.
/// In a line that may be a command `a=b` is left to those who know commands: `given` is false then.
pub(super) fn pairs(line: &str, given: bool) -> Vec<Found> {
    let mut found = Vec::new();
    let key_of = |words: &str| {
        let last = words.rsplit([' ']).next().unwrap_or_default();
        let key = if names_value(last) { last } else { words };
        // `Secret: db` mostly is the name under which one is kept.
        let kept = matches!(in_words(key).as_str(), "secret" | "credential" | "credentials" | "key");
        (names_value(key) && !kept).then(|| called(key))
    };
    for captures in QUOTED.captures_iter(line) {
        let value = (2..=4).find_map(|group| captures.get(group));
        if let (Some(words), Some(value)) = (captures.get(1), value)
            && let Some(called) = key_of(words.as_str())
            && (given || !line[words.end()..value.start()].contains('='))
            && is_value(value.as_str())
            && !is_place(value.as_str())
        {
            found.push(Found { range: value.range(), called, ends: true });
        }
    }
    let mut at = 0;
    // Where the value ends that was looked at last.
    let mut end = 0;
    while let Some(captures) = PAIR.captures_at(line, at) {
        let (Some(whole), Some(words), Some(first)) = (captures.get(0), captures.get(1), captures.get(3))
        else {
            break;
        };
        // What was taken for a key may be a value, and the next the key.
        at = words.end().max(whole.start() + 1);
        let says_is = line[words.end()..first.start()].contains("is");
        let parts = line[words.end()..first.start()].contains('=');
        let Some(called) = key_of(words.as_str()).filter(|_| given || !parts) else { continue };
        if first.start() >= end {
            let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`');
            end = line[first.start()..].find(ends).map_or(line.len(), |length| first.start() + length);
        }
        let value = &line[first.start()..end];
        if value.len() > LONGEST {
            if begins_value(value) {
                found.push(Found { range: first.start()..end, called, ends: false });
            }
            continue;
        }
        let open = captures.get(2).map_or("", |found| found.as_str());
        let (close, behind) = behind(&line[end..]);
        let text = value;
        // `Server=x;Password=y;Database=z`
        let text = if parts { text.split([';', '&']).next().unwrap_or_default() } else { text };
        let text = text.trim_end_matches([',', '.', ';', ':', ')', '}', ']', '*', '!', '?']);
        let letters = text.contains(|c: char| c.is_alphabetic());
        let mixed = letters && text.contains(|c: char| c.is_ascii_digit());
        // A sentence goes on behind a word, a value ends.
        let ends = behind.is_empty() || behind == "(" || behind == " (" || text.len() < value.len();
        let quoted = !open.is_empty() && open == close;
        let stands = if says_is { quoted || mixed } else { quoted || mixed || ends && letters };
        if stands && is_value(text) && !text.contains(['(', '[']) && !text.contains("://") && !is_place(text)
        {
            let range = first.start()..first.start() + text.len();
            found.push(Found { range, called, ends: true });
        }
    }
    found
}

/// Returns the quote that closes a value, and the letter behind it with the blank before that.
fn behind(text: &str) -> (&str, &str) {
    let close = text.len() - text.strip_prefix(['"', '\'', '`']).unwrap_or(text).len();
    let (close, rest) = text.split_at(close);
    let blank = usize::from(rest.starts_with(' '));
    let letter = rest[blank..].chars().next().filter(|c| *c != ' ').map_or(0, char::len_utf8);
    (close, &rest[..blank + letter])
}

/// Says whether a value rather is a place where one is kept: `secret/data/db`, `vault:kv`, `https://…`.
fn is_place(value: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && part.len() <= 24
            && part.chars().all(|c| c.is_ascii_lowercase() || "-_.".contains(c))
    };
    value.starts_with("http://")
        || value.starts_with("https://")
        || value.contains(['/', ':']) && value.split(['/', ':']).all(plain)
}

/// Returns what JSON in a line gives to a secret: `{"password":"value"}`, also where a shell wants `\"`.
fn in_json(line: &str) -> Vec<Found> {
    let mut found = Vec::new();
    for (key, range) in strings_of_json(line) {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if names_value(&key) && key.chars().all(plain) && is_value(&line[range.clone()]) {
            found.push(Found { range, called: called(&key), ends: true });
        }
    }
    found
}

/// Returns the strings that JSON in a line gives to keys: the key, and where the string stands.
pub(super) fn strings_of_json(line: &str) -> Vec<(String, Range<usize>)> {
    let mut found = Vec::new();
    // As long as the line, so that a place in one is that of the other.
    let plain = line.replace("\\\"", " \"");
    let mut quotes = plain.match_indices('"').map(|(at, _)| at).peekable();
    let mut begin: Option<usize> = None;
    while let Some(at) = quotes.next() {
        let Some(from) = begin.replace(at) else { continue };
        let key = plain[from + 1..at].trim();
        let Some(open) = quotes.peek().copied() else { break };
        if plain[at + 1..open].trim() == ":" {
            let value = plain[open + 1..].split('"').next().unwrap_or_default().trim_end();
            found.push((key.to_owned(), open + 1..open + 1 + value.len()));
        }
    }
    found
}
