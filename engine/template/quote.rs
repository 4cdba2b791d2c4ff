//! Quoting for a POSIX shell.

use super::fault::Fault;
use super::ops::fault;

/// Returns `text` as one shell word, for people to read and copy: plain words bare, others in single quotes.
pub fn quote_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    // `~` and `=` are only special in places, and a word of such letters alone is safe where a word stands.
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { single(text) }
}

/// Returns `text` in single quotes, whatever it holds: bare, even `if` or `2` can mean something to a shell.
pub(super) fn quote_always(text: &str) -> Result<String, Fault> {
    no_nul(text)?;
    Ok(single(text))
}

fn single(text: &str) -> String {
    format!("'{}'", in_single_quotes(text))
}

/// Returns `text` for a place inside single quotes.
pub(super) fn in_single_quotes(text: &str) -> String {
    text.replace('\'', r"'\''")
}

/// Returns `text` for a place inside double quotes.
pub(super) fn in_double_quotes(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '"' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

/// Refuses what no quoting can carry: arguments end at a NUL.
pub(super) fn no_nul(text: &str) -> Result<(), Fault> {
    if text.contains('\0') { Err(fault("a NUL can't be part of a command")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_people_are_quoted_only_where_needed() {
        let shown: Vec<_> =
            ["--replicas=3", "a b", "", "it's", "$HOME", "-o", "jsonpath={.a}"].map(quote_word).into();
        assert_eq!(shown, ["--replicas=3", "'a b'", "''", r"'it'\''s'", "'$HOME'", "-o", "'jsonpath={.a}'"]);
    }
}
