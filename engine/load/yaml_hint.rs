//! The likeliest way out of a YAML mistake, judged by its line and the one above: what people leave unquoted, unclosed
//! or out of line.

use crate::diag::{Diagnostic, Sources};
use crate::model::Place;

/// Says whether the line of a place is indented with a tab.
pub(super) fn begins_with_tab(place: Place, sources: &Sources) -> bool {
    let line = Lines::of(place, sources).line;
    line[..line.len() - line.trim_start().len()].contains('\t')
}

/// Adds the likeliest way out, when there is one.
pub(super) fn hinted(diagnostic: Diagnostic, place: Place, sources: &Sources) -> Diagnostic {
    match hint(&Lines::of(place, sources)) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// Returns a sign in a way that can be read.
pub(super) fn shown(sign: &str) -> String {
    if sign == "`" { "a backtick".to_owned() } else { format!("`{sign}`") }
}

/// The line where a mistake was found, and the one before it that is no comment.
struct Lines<'s> {
    line: &'s str,
    /// How far into it the mistake is.
    column: usize,
    before: Option<&'s str>,
}

impl<'s> Lines<'s> {
    fn of(place: Place, sources: &'s Sources) -> Lines<'s> {
        let text = sources.text(place.file);
        let at = text.floor_char_boundary(place.start as usize);
        let start = text[..at].rfind('\n').map_or(0, |at| at + 1);
        let mut above = text[..start].lines().rev();
        Lines {
            line: text[start..].lines().next().unwrap_or(""),
            column: at - start,
            before: above.find(|line| !line.trim().is_empty() && !line.trim().starts_with('#')),
        }
    }
}

fn hint(lines: &Lines<'_>) -> Option<String> {
    let line = lines.line;
    let value = line.split_once(": ").or(line.split_once("- ")).map_or("", |(_, value)| value.trim_start());
    if value.starts_with("{{") {
        return Some(
            "a text that begins with `{{` must stand in quotes, or YAML reads it as a map".to_owned(),
        );
    }
    if value.starts_with(['@', '`', '%', '*', '&', '!']) {
        return Some(format!("a text that begins with {} must stand in quotes", shown(&value[..1])));
    }
    if let Some(before) = lines.before {
        if let Some(open) = unclosed(before) {
            return Some(format!("the `{open}` on the line above is not closed"));
        }
        let (here, above) = (column(line), column(before));
        if here > above && has_value(before) {
            return Some(
                "this line stands further right than the one above, which has its value already".to_owned(),
            );
        }
        // One or two columns are a slip of the thumb; more is meant.
        if here < above && above - here <= 1 && key(line) && key(before) {
            return Some(format!(
                "this line begins at column {}, the one above at column {}: line them up",
                here + 1,
                above + 1
            ));
        }
    }
    if cut_by_a_bracket(lines) {
        return Some(
            "between `{` and `}` a text ends at the next bracket: put it in quotes, or give each key its line"
                .to_owned(),
        );
    }
    value.contains(": ").then(|| "a text that holds `: ` must stand in quotes".to_owned())
}

/// Says whether the text that the mistake is in was ended by a bracket in it, which happens only where keys stand in one line.
fn cut_by_a_bracket(lines: &Lines<'_>) -> bool {
    let entry = lines.line.trim_start_matches([' ', '-']);
    let value = lines.line.get(..lines.column).and_then(|before| before.rsplit_once(": "));
    entry.starts_with('{')
        && value.is_some_and(|(_, value)| {
            !value.starts_with(['"', '\'', '[', '{']) && value.contains(['[', ']', '{', '}'])
        })
}

/// Returns the column of a line's first key; that of a list entry stands after its `- `.
fn column(line: &str) -> usize {
    let mut rest = line.trim_start_matches(' ');
    while let Some(entry) = rest.strip_prefix("- ") {
        rest = entry.trim_start_matches(' ');
    }
    line.len() - rest.len()
}

fn key(line: &str) -> bool {
    line.contains(": ") || line.trim_end().ends_with(':')
}

fn has_value(line: &str) -> bool {
    line.split_once(": ")
        .is_some_and(|(_, value)| !value.trim().is_empty() && !value.trim().starts_with(['|', '>', '&', '#']))
}

/// Returns the bracket that a line opens and does not close, when its value begins with one.
fn unclosed(line: &str) -> Option<char> {
    let value = line.split_once(": ").map_or(line, |(_, value)| value).trim_start();
    let open = value.chars().next().filter(|c| matches!(c, '[' | '{'))?;
    let close = if open == '[' { ']' } else { '}' };
    (value.matches(open).count() > value.matches(close).count()).then_some(open)
}
