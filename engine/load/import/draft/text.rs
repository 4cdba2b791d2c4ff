//! Texts of a draft: joined, cut, indented, and names that are not taken.

use super::super::values::{Bit, Hole, Within, bits, is_secret};
use super::LONGEST_TITLE;

/// Returns the words that a step without a title is called by: the program, and what it does to what.
pub(super) fn called(text: &str) -> String {
    // Ids stand in the record of each run, on pages and in messages: no value that was given goes into one.
    let is_given = |word: &str| {
        word.split_once('=')
            .is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
    };
    let holds_secret = |word: &str| {
        bits(word, Within::Command)
            .iter()
            .any(|bit| matches!(bit, Bit::Hole { hole: Hole::Named(name), .. } if is_secret(name)))
    };
    let text = text.replace("\\\n", " ");
    let mut begins = true;
    let mut value = false;
    let plain = text.lines().next().unwrap_or_default().split_whitespace().filter(|word| {
        let skip = std::mem::take(&mut value)
            || word.starts_with('-')
            || word.starts_with("<<")
            || std::mem::take(&mut begins) && is_given(word)
            || holds_secret(word);
        begins = begins || skip && is_given(word);
        value = matches!(*word, "-n" | "--namespace" | "--context" | "-u" | "--user" | "-H" | "--header");
        !skip
    });
    plain.take(6).collect::<Vec<_>>().join(" ")
}

/// Returns a name that is not taken.
pub(super) fn unique(name: String, joint: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(&name) {
        return name;
    }
    (2..).map(|number| format!("{name}{joint}{number}")).find(|name| !taken(name)).unwrap_or(name)
}

pub(super) fn join(text: &mut String, more: &str) {
    if !text.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(more);
}

pub(super) fn paragraphs(parts: &[String]) -> String {
    parts.iter().map(|part| part.trim_end()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

pub(super) fn fenced(tag: &str, text: &str) -> String {
    let mark = if text.contains("```") { "~~~~" } else { "```" };
    format!("{mark}{tag}\n{text}\n{mark}")
}

pub(super) fn indented(text: &str) -> String {
    text.lines()
        .map(|line| if line.is_empty() { String::new() } else { format!("    {line}") })
        .collect::<Vec<_>>()
        .join("\n")
}

pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(70) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

pub(super) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

pub(super) fn is_short(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains('\n') && text.chars().count() <= LONGEST_TITLE
}

pub(super) fn is_list(text: &str) -> bool {
    let last = text.lines().last().unwrap_or_default().trim_start();
    last.starts_with("- ")
        || last
            .split_once(". ")
            .is_some_and(|(number, _)| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
}
