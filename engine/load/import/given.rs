//! What a line gives to variables, and what their values are: a text, something to fill in, what a command finds out.

use super::values::{self, Bit, Hole, Within, bits, is_shells};

/// Returns what a line gives to variables, when it does nothing else: name, value as written, whether it is exported.
pub(super) fn assignments(text: &str) -> Option<Vec<(String, Option<String>, bool)>> {
    let words = words(text)?;
    let (export, words) = match words.first().map(String::as_str) {
        Some("export") => (true, &words[1..]),
        Some("readonly" | "local" | "declare") => (false, &words[1..]),
        _ => (false, &words[..]),
    };
    if words.is_empty() {
        return None;
    }
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    words
        .iter()
        .map(|word| match word.split_once('=') {
            Some((name, value)) => (is_name(name) && !value.starts_with('('))
                .then(|| (name.to_owned(), Some(value.to_owned()), export)),
            None => (export && is_name(word)).then(|| (word.clone(), None, true)),
        })
        .collect()
}

/// What a variable is where it has no value yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Otherwise {
    /// `${X:-value}`
    Is(String),
    /// `${X:?why}`
    Fails(String),
}

/// Returns the variable that a value is, and what it is where it has none: `"${RELEASE:?which?}"`.
pub(super) fn otherwise(value: &str) -> Option<(&str, Otherwise)> {
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    let inside = value.strip_prefix("${")?.strip_suffix('}')?;
    let (name, rest) = inside.split_at(inside.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?);
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    let mut text = rest.chars();
    let sign = text.next()?;
    let text = text.as_str();
    if name.is_empty() || is_shells(name) || text.contains(['$', '`', '\\', '{', '}']) {
        return None;
    }
    let text = text.trim_matches(['"', '\'']);
    match sign {
        '?' => Some((name, Otherwise::Fails(text.to_owned()))),
        '-' | '=' if !text.contains(['"', '\'']) => Some((name, Otherwise::Is(text.to_owned()))),
        _ => None,
    }
}

/// Returns the variables that a line does nothing but ask for: `: "${RELEASE:?which?}"`, each with the word it stands in.
pub(super) fn wanted(text: &str) -> Option<Vec<(String, String)>> {
    let words = words(text.strip_prefix(": ")?)?;
    let names = words.iter().map(|word| {
        let (name, _) = otherwise(word)?;
        name.starts_with(|c: char| !c.is_ascii_digit()).then(|| (name.to_owned(), word.clone()))
    });
    names.collect::<Option<Vec<_>>>().filter(|names| !names.is_empty())
}

/// Splits at blanks outside of quotes, of `$(…)` and of `${…}`; quotes are kept. `None` when something else stands there.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut single, mut double, mut depth, mut brace) = (false, false, 0usize, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if !single => {
                word.push(c);
                word.push(chars.next()?);
                continue;
            }
            '{' if !single && depth == 0 && word.ends_with('$') => brace = true,
            '}' if brace => brace = false,
            '\n' if brace => return None,
            _ if brace => {}
            '\'' if !double || depth > 0 => single = !single,
            '"' if !single => double = !double,
            '(' if !single && word.ends_with('$') => depth += 1,
            '(' if !single && depth > 0 => depth += 1,
            ')' if !single && depth > 0 => depth -= 1,
            // `NAME=<value>` is one that a person fills in.
            '<' | '>' if word.contains('=') => {}
            '|' | '&' | ';' | '<' | '>' | '(' | ')' | '\n' if !single && !double && depth == 0 => {
                return None;
            }
            c if c.is_whitespace() && !single && !double && depth == 0 && !is_open_hole(&word) => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            _ => {}
        }
        word.push(c);
    }
    if single || double || brace || depth > 0 {
        return None;
    }
    if !word.is_empty() {
        words.push(word);
    }
    Some(words)
}

/// `NAME=<the name`: the blank belongs to it.
fn is_open_hole(word: &str) -> bool {
    word.split_once("=<").is_some_and(|(_, inside)| !inside.contains('>'))
}

/// Returns the value of a word in which nothing is expanded.
pub(super) fn literal(value: &str) -> Option<String> {
    let inside = |quote: char| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
    if let Some(inside) = inside('\'').filter(|inside| !inside.contains('\'')) {
        return Some(inside.to_owned());
    }
    let value = inside('"').filter(|_| value.len() > 1).unwrap_or(value);
    (!value.contains(['$', '`', '\\', '"', '\''])).then(|| value.to_owned())
}

/// Says whether something is to be filled in in a value, and whether any of it is a secret.
pub(super) fn holes(value: &str) -> (bool, bool) {
    let bits = bits(value, Within::Here);
    let names = bits.iter().filter_map(|bit| match bit {
        Bit::Hole { hole: Hole::Named(words), .. } => Some(words),
        _ => None,
    });
    (names.clone().count() > 0, names.clone().any(|words| values::is_secret(words)))
}

/// Returns the words in the brackets where a value is nothing but something to fill in.
pub(super) fn is_placeholder(value: &str) -> Option<String> {
    match bits(value, Within::Words).as_slice() {
        [Bit::Hole { hole: Hole::Named(words), .. }] => Some(words.clone()),
        _ => None,
    }
}

/// Returns the script of a value that is nothing but `$(script)`.
pub(super) fn substituted(value: &str) -> Option<String> {
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    let inside = value.strip_prefix("$(")?.strip_suffix(')')?;
    let mut depth = 0i32;
    for c in inside.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return None;
        }
    }
    (depth == 0 && !inside.starts_with('(') && !inside.trim().is_empty()).then(|| inside.trim().to_owned())
}

/// Says whether the engine itself gives a variable its value.
pub(super) fn is_engines(name: &str) -> bool {
    name.starts_with("RUNBOOK_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_gives_values_is_no_command() {
        let of = |text: &str| assignments(text).map(|found| format!("{found:?}"));
        assert_eq!(
            of("A=1 B='x y'").as_deref(),
            Some(r#"[("A", Some("1"), false), ("B", Some("'x y'"), false)]"#)
        );
        assert_eq!(
            of("export A=$(kubectl get x | head -1)").as_deref(),
            Some(r#"[("A", Some("$(kubectl get x | head -1)"), true)]"#)
        );
        assert_eq!(
            of("NS=<your name space>").as_deref(),
            Some(r#"[("NS", Some("<your name space>"), false)]"#)
        );
        for text in ["A=1 kubectl get", "kubectl get a=b", "A=1; b", "x=(a b)", "export", ""] {
            assert_eq!(of(text), None, "{text}");
        }
        assert_eq!(literal("\"a b\"").as_deref(), Some("a b"));
        assert_eq!(literal("\"$A\""), None);
        assert_eq!(
            of("R=${1:?which one, please?} N=${N:-a b}").as_deref(),
            Some(r#"[("R", Some("${1:?which one, please?}"), false), ("N", Some("${N:-a b}"), false)]"#)
        );
        assert_eq!(otherwise("${1:?which?}"), Some(("1", Otherwise::Fails("which?".to_owned()))));
        assert_eq!(otherwise("\"${A:-b c}\""), Some(("A", Otherwise::Is("b c".to_owned()))));
        for text in ["${A}", "${A:-$B}", "${A%x}", "${HOME:-x}", "x${A:-b}", "${A:-b}x", "${A/b/c}"] {
            assert_eq!(otherwise(text), None, "{text}");
        }
        let found = |name: &str, word: &str| (name.to_owned(), word.to_owned());
        assert_eq!(
            wanted(": \"${A:?which?}\" ${B:=c}"),
            Some(vec![found("A", "\"${A:?which?}\""), found("B", "${B:=c}")])
        );
        assert_eq!(wanted(": > file"), None);
        assert_eq!(substituted("\"$(a $(b))\"").as_deref(), Some("a $(b)"));
        assert_eq!(substituted("$(a)-$(b)"), None);
    }
}
