//! Diagnostics for people: position, snippet, cause, help.

use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::sources::floor;
use super::{Diagnostic, Label, Report, Severity, Sources};
use crate::model::FileId;

/// How the text looks.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Whether colours are written.
    pub colour: bool,
    /// How wide a line may be, in columns.
    pub width: usize,
}

impl Default for Look {
    fn default() -> Look {
        Look { colour: false, width: 80 }
    }
}

/// Returns the whole report: each diagnostic followed by an empty line, then a line that counts them. Empty when
/// there is nothing to say.
pub fn report(report: &Report, sources: &Sources, look: Look) -> String {
    let mut out = String::new();
    for found in report.iter() {
        out.push_str(&diagnostic(found, sources, look));
        out.push_str("\n\n");
    }
    let counts: Vec<String> = [Severity::Error, Severity::Warning]
        .into_iter()
        .map(|severity| (report.count(severity), severity.name()))
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}{}", if count == 1 { "" } else { "s" }))
        .chain((!report.silenced().is_empty()).then(|| format!("{} silenced", report.silenced().len())))
        .collect();
    if !counts.is_empty() {
        out.push_str(&counts.join(", "));
        match report.left_out() {
            0 => out.push('\n'),
            more => out.push_str(&format!("; {more} more not shown: mend these first\n")),
        }
    }
    out
}

/// Returns the line that says how to read more about what was found, or nothing when nothing was.
pub fn more<'a>(found: impl IntoIterator<Item = &'a Diagnostic>) -> String {
    let mut found = found.into_iter().map(|diagnostic| (diagnostic.severity, diagnostic.code));
    let Some(first) = found.next() else { return String::new() };
    let (mut worst, mut several) = (first, false);
    for other in found {
        several |= other.1 != first.1;
        // What stops the run is what the reader wants to know about first.
        if other.0 < worst.0 {
            worst = other;
        }
    }
    let about = if several { "each" } else { "it" };
    format!("more about {about}: runbook explain {}\n", worst.1)
}

/// Returns one diagnostic without a line end.
pub fn diagnostic(diagnostic: &Diagnostic, sources: &Sources, look: Look) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let message = wrapped(&diagnostic.message, look.width, 16);
    let mut group = Group::with_title(level.primary_title(message).id(diagnostic.code.to_string()));
    let mut columns = Vec::new();
    for file in files(diagnostic) {
        let path = clean(sources.path(file));
        let windows = windows(diagnostic, sources, file);
        if windows.is_empty() {
            group = group.element(Origin::path(path.clone()));
        }
        for window in windows {
            if let Some(mark) = window.marks.iter().find(|(label, _)| label.primary)
                && window.cut > 0
            {
                let shown = window.text[..mark.1.start].chars().count() + 1;
                let at = |column: usize| format!("{path}:{}:{column}\n", window.line);
                columns.push((at(shown), at(shown + window.cut)));
            }
            let marks = window.marks.into_iter().map(|(label, span)| {
                let kind = if label.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
                let text = (!label.text.is_empty()).then(|| clean(&label.text));
                kind.span(span).label(text)
            });
            let marks: Vec<_> = marks.collect();
            let snippet = Snippet::source(window.text).path(path.clone()).line_start(window.line);
            group = group.element(snippet.annotations(marks));
        }
    }
    // Two blanks of frame, `= `, the level's name and `: ` stand before the text.
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(wrapped(note, look.width, 14)));
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(wrapped(help, look.width, 14)));
    }
    let renderer = if look.colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(look.width.max(40));
    let mut text = renderer.render(&[group]).to_string();
    // The renderer counts columns in what it is given, and of a long line that is a part.
    for (wrong, right) in columns {
        text = text.replacen(&wrong, &right, 1);
    }
    // Trailing blanks come from empty lines of the frame.
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Returns the files that a diagnostic points into, the primary one first.
fn files(diagnostic: &Diagnostic) -> Vec<FileId> {
    let mut files: Vec<FileId> = diagnostic.place().into_iter().map(|place| place.file).collect();
    for label in &diagnostic.labels {
        if !files.contains(&label.place.file) {
            files.push(label.place.file);
        }
    }
    files
}

/// Some lines of a file with what is marked in them: the renderer walks all it is given, and files may have 10 MB.
struct Window<'a> {
    text: String,
    line: usize,
    /// How many characters of its line stand before it.
    cut: usize,
    marks: Vec<(&'a Label, Range<usize>)>,
}

/// Lines longer than this are cut around what is wrong before the renderer sees them.
const LONGEST_LINE: usize = 2_000;

/// Marks further apart than this many lines get windows of their own.
const FAR_APART: usize = 50;

fn windows<'a>(diagnostic: &'a Diagnostic, sources: &Sources, file: FileId) -> Vec<Window<'a>> {
    let text = sources.text(file);
    if text.is_empty() {
        return Vec::new();
    }
    let labels = diagnostic.labels.iter().filter(|label| label.place.file == file);
    let mut marks: Vec<(&Label, Range<usize>, usize)> = labels
        .map(|label| {
            let span = span(text, label);
            let line = sources.line_of(file, span.start);
            (label, span, line)
        })
        .collect();
    marks.sort_by_key(|(_, span, _)| span.start);
    let mut groups: Vec<Vec<(&Label, Range<usize>, usize)>> = Vec::new();
    for mark in marks {
        match groups.last_mut() {
            Some(group) if group.last().is_some_and(|last| mark.2 - last.2 <= FAR_APART) => group.push(mark),
            _ => groups.push(vec![mark]),
        }
    }
    // The renderer takes the position in its first line from the first window.
    groups.sort_by_key(|group| !group.iter().any(|(label, ..)| label.primary));
    groups.into_iter().map(|group| window(group, sources, file)).collect()
}

fn window<'a>(marks: Vec<(&'a Label, Range<usize>, usize)>, sources: &Sources, file: FileId) -> Window<'a> {
    let text = sources.text(file);
    let first = marks.iter().map(|(_, _, line)| *line).min().unwrap_or(0);
    let last = marks.iter().map(|(_, _, line)| *line).max().unwrap_or(0);
    let start = sources.line_start(file, first);
    let end = sources.line_start(file, last + 1);
    let mut shown = text[start..end].trim_end_matches(['\n', '\r']);
    let mut from = start;
    if first == last && shown.len() > LONGEST_LINE {
        let least = marks.iter().map(|(_, span, _)| span.start).min().unwrap_or(start);
        from = floor(text, least.saturating_sub(LONGEST_LINE / 4).max(start));
        shown = &text[from..floor(text, (from + LONGEST_LINE).min(end))];
    }
    // Control characters would move the cursor; each is one byte, and so is what stands for it.
    let shown: String =
        shown.chars().map(|c| if c.is_ascii_control() && c != '\n' && c != '\t' { ' ' } else { c }).collect();
    let marks = marks
        .into_iter()
        .map(|(label, span, _)| {
            let low = floor(&shown, span.start.saturating_sub(from));
            (label, low..floor(&shown, span.end.saturating_sub(from)).max(low))
        })
        .collect();
    let cut = if from > start { text[start..from].chars().count() } else { 0 };
    Window { text: shown, line: first + 1, cut, marks }
}

/// Returns the bytes that a label marks: its place, cut at the end of its first line so that a block of text is not
/// shown whole.
fn span(text: &str, label: &Label) -> Range<usize> {
    let start = floor(text, label.place.start as usize);
    let end = floor(text, (label.place.end as usize).max(start));
    let line_end = text[start..end].find(['\n', '\r']).map_or(end, |at| start + at);
    start..line_end
}

/// Returns the text in lines of at most `width` columns less `indent`.
fn wrapped(text: &str, width: usize, indent: usize) -> String {
    let room = width.saturating_sub(indent).max(30);
    let mut lines = Vec::new();
    for line in clean(text).split('\n') {
        let mut current = String::new();
        for word in line.split(' ') {
            let length = current.chars().count() + 1 + word.chars().count();
            if !current.is_empty() && length > room {
                lines.push(std::mem::take(&mut current));
            }
            if !current.is_empty() {
                current.push(' ');
            }
            current.push_str(word);
        }
        lines.push(current);
    }
    lines.join("\n")
}

/// Returns the text without control characters, which could forge lines or recolour the terminal.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || *c == '\n').collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Code;
    use crate::model::Place;

    fn sources(text: &str) -> Sources {
        let mut sources = Sources::new();
        sources.add("a.yaml", text);
        sources
    }

    fn shown(diagnostic: Diagnostic, text: &str) -> String {
        super::diagnostic(&diagnostic, &sources(text), Look::default())
    }

    #[test]
    fn position_snippet_cause_and_help() {
        let text = "steps:\n  - id: a\n    nedds: []\n";
        let found = Diagnostic::new(Code::UnknownKey, "a step has no key `nedds`")
            .at(Place::new(0, 21, 26), "did you mean `needs`?")
            .also(Place::new(0, 15, 16), "in this step")
            .help("write `needs: []`");
        insta::assert_snapshot!(shown(found, text), @r"
        error[RB0101]: a step has no key `nedds`
         --> a.yaml:3:5
          |
        2 |   - id: a
          |         - in this step
        3 |     nedds: []
          |     ^^^^^ did you mean `needs`?
          |
          = help: write `needs: []`
        ");
    }

    #[test]
    fn columns_are_those_of_the_sources() {
        let text = "ü🙂\tx: 1\n";
        let place = Place::new(0, text.find('x').expect("is there") as u32, 8);
        let position = sources(text).start(place);
        let found = shown(Diagnostic::new(Code::UnknownKey, "x").at(place, ""), text);
        assert!(found.contains(&format!("a.yaml:{}:{}", position.line, position.column)), "{found}");
    }

    #[test]
    fn marks_far_apart_do_not_show_what_is_between() {
        let text = format!("first\n{}last\n", "between\n".repeat(100_000));
        let end = text.len() as u32;
        let found = Diagnostic::new(Code::DuplicateKey, "twice")
            .at(Place::new(0, end - 5, end - 1), "again")
            .also(Place::new(0, 0, 5), "first");
        insta::assert_snapshot!(shown(found, &text), @r"
        error[RB0005]: twice
              --> a.yaml:100002:1
               |
        100002 | last
               | ^^^^ again
               |
              ::: a.yaml:1:1
               |
             1 | first
               | ----- first
        ");
    }

    #[test]
    fn a_long_line_is_cut_around_what_is_wrong() {
        let text = format!("{}wrong{}\n", "a ".repeat(500_000), " b".repeat(500_000));
        let found =
            Diagnostic::new(Code::UnknownKey, "wrong").at(Place::new(0, 1_000_000, 1_000_005), "here");
        let found = shown(found, &text);
        assert!(found.lines().all(|line| line.chars().count() <= 80), "{found}");
        assert!(found.contains("wrong") && found.contains("^^^^^ here"), "{found}");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let found = Diagnostic::new(Code::UnknownKey, "no key `\u{1b}[2J`").at(Place::new(0, 3, 4), "\u{7}");
        let found = shown(found, "a: \u{1b}[31m\r\n");
        assert!(!found.contains(['\u{1b}', '\u{7}', '\r']), "{found:?}");
    }

    #[test]
    fn more_is_told_of_the_worst() {
        let found = |codes: &[Code]| {
            let found: Vec<Diagnostic> = codes.iter().map(|code| Diagnostic::new(*code, "x")).collect();
            more(&found)
        };
        assert_eq!(found(&[]), "");
        assert_eq!(found(&[Code::RawShell; 2]), "more about it: runbook explain RB0403\n");
        let several = [Code::RawShell, Code::NoSteps, Code::UnknownKey];
        assert_eq!(found(&several), "more about each: runbook explain RB0211\n");
    }

    #[test]
    fn the_last_line_counts() {
        let mut found = Report::new();
        found.push(Diagnostic::new(Code::RawShell, "w"));
        assert!(report(&found, &Sources::new(), Look::default()).ends_with("\n1 warning\n"));
        found.push(Diagnostic::new(Code::NoSteps, "e"));
        assert!(report(&found, &Sources::new(), Look::default()).ends_with("\n1 error, 1 warning\n"));
    }
}
