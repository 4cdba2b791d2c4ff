//! Secrets in manifests of Kubernetes: every value below `data:` and `stringData:` of a `kind: Secret`, whatever its key is.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::super::script::Line;
use super::names::Found;
use super::stores::called;

/// `kind: Secret`, also in JSON.
static KIND: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"\bkind["']?\s*:\s*["']?Secret["']?\s*(?:$|[,}#\\])"#).expect("the pattern is one")
});

/// `data:` and what stands behind it.
static DATA: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?:^|[\s{,"'-])(?:data|stringData)\\?["']?\s*:(?:\s*(\{.*)|\s*(?:#.*)?$)"#)
        .expect("the pattern is one")
});

/// `key: value`
static PAIR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"^\s*\\?["']?([0-9A-Za-z._-]+)\\?["']?\s*:(?:\s+|["'\\]|$)"#).expect("the pattern is one")
});

/// Returns the secrets in a block of code, by the index of their line.
pub(super) fn found(lines: &[Line]) -> HashMap<usize, Vec<Found>> {
    let mut found = HashMap::new();
    let mut from = 0;
    // One document after another: a map that is none of a secret stays as it is.
    while from < lines.len() {
        let ends = |line: &Line| line.text.trim() == "---" || line.text.contains("<<");
        let length = lines[from + 1..].iter().position(ends).map_or(lines.len() - from, |at| at + 1);
        let document = &lines[from..from + length];
        if document.iter().any(|line| KIND.is_match(&line.text)) {
            of_secret(&mut found, document, from);
        }
        from += length;
    }
    found
}

fn of_secret(found: &mut HashMap<usize, Vec<Found>>, lines: &[Line], from: usize) {
    // How far what stands above the values is indented.
    let mut above: Option<usize> = None;
    let mut key = String::from("data");
    for (index, line) in lines.iter().enumerate() {
        let text = line.text.as_str();
        let indent = text.len() - text.trim_start().len();
        if text.trim().is_empty() {
            continue;
        }
        above = above.filter(|above| indent > *above);
        let mut take = |range: Range<usize>, key: &str| {
            if is_kept(&text[range.clone()]) {
                let one = Found { range, called: called(key), ends: true };
                found.entry(from + index).or_default().push(one);
            }
        };
        if above.is_some() {
            if text.trim_start().starts_with('#') {
                continue;
            }
            let pair = PAIR.captures(text).and_then(|pair| Some((pair.get(1)?, pair.get(0)?.end())));
            let begin = pair.as_ref().map_or(indent, |(name, _)| {
                // Behind the colon.
                text[name.end()..].find(':').map_or(indent, |colon| name.end() + colon + 1)
            });
            if let Some((name, _)) = pair {
                key = name.as_str().to_owned();
            }
            take(value(text, begin), &key);
            continue;
        }
        let Some(data) = DATA.captures(text) else { continue };
        let Some(flow) = data.get(1) else {
            above = Some(indent);
            continue;
        };
        // `{pin: a, "code": "b"}`, to its end or to that of the line.
        let mut at = flow.start() + 1;
        let mut open = true;
        while open && at < text.len() {
            let (end, closed) = end_of_pair(text, at);
            if let Some(name) = PAIR.captures(&text[at..end]).and_then(|pair| pair.get(1)) {
                let colon =
                    text[at + name.end()..end].find(':').map_or(end, |colon| at + name.end() + colon + 1);
                let part = value(&text[..end], colon);
                take(part, name.as_str());
            }
            open = !closed;
            at = end + 1;
        }
        above = open.then_some(indent);
    }
}

/// Returns where a pair of a map in one line ends, and whether the map ends there.
fn end_of_pair(text: &str, from: usize) -> (usize, bool) {
    let mut quote: Option<char> = None;
    for (at, c) in text[from..].char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if matches!(c, ',' | '}') => return (from + at, c == '}'),
            None => {}
        }
    }
    (text.len(), false)
}

/// Returns where the value stands that begins at a place in a line, without its quotes.
fn value(text: &str, begin: usize) -> Range<usize> {
    let rest = &text[begin..];
    let marks = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\');
    let start = begin + rest.len() - rest.trim_start_matches(marks).len();
    let quote = text[begin..start].chars().rfind(|c| matches!(c, '"' | '\''));
    let rest = &text[start..];
    let rest = match quote {
        // `"a b" # old`
        Some(quote) => match rest.find(quote).filter(|end| rest[end + 1..].trim_start().starts_with('#')) {
            Some(end) => &rest[..end],
            None => rest,
        },
        None => rest.split(" #").next().unwrap_or_default(),
    };
    let close = |c: char| marks(c) || matches!(c, ',' | '}');
    start..start + rest.trim_end_matches(close).len()
}

/// Says whether a value is one: no mark of YAML, nothing that is filled in or that the shell knows.
fn is_kept(value: &str) -> bool {
    let variable = value.strip_prefix('$').is_some_and(|name| {
        let name = name.trim_start_matches('{').trim_end_matches('}');
        !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    });
    let mark = matches!(value, "" | "|" | ">" | "|-" | ">-" | "|+" | ">+" | "{" | "}" | "]");
    !mark && !variable && !value.starts_with('<') && !value.starts_with("{{") && !value.starts_with("$(")
}
