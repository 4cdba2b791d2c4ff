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

/// Returns one diagnostic without a line end.
pub fn diagnostic(diagnostic: &Diagnostic, sources: &Sources, look: Look) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let message = wrapped(&diagnostic.message, look.width, 16);
    let mut group = Group::with_title(level.primary_title(message).id(diagnostic.code.to_string()));
    for file in files(diagnostic) {
        match window(diagnostic, sources, file) {
            Some(window) => {
                let marks = window.marks.into_iter().map(|(label, span)| {
                    let kind = if label.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
                    let text = (!label.text.is_empty()).then(|| clean(&label.text));
                    kind.span(span).label(text)
                });
                group = group.element(
                    Snippet::source(window.text)
                        .path(sources.path(file))
                        .line_start(window.line)
                        .annotations(marks.collect::<Vec<_>>()),
                );
            }
            None => group = group.element(Origin::path(sources.path(file))),
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
    let text = renderer.render(&[group]);
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

/// The lines of a file that a diagnostic is about: the renderer walks all it is given, and files may have 10 MB.
struct Window<'a> {
    text: String,
    line: usize,
    marks: Vec<(&'a Label, Range<usize>)>,
}

/// Lines longer than this are cut around what is wrong before the renderer sees them.
const LONGEST_LINE: usize = 2_000;

fn window<'a>(diagnostic: &'a Diagnostic, sources: &Sources, file: FileId) -> Option<Window<'a>> {
    let text = sources.text(file);
    let labels: Vec<&Label> = diagnostic.labels.iter().filter(|label| label.place.file == file).collect();
    let spans: Vec<Range<usize>> = labels.iter().map(|label| span(text, label)).collect();
    if text.is_empty() {
        return None;
    }
    let first = spans.iter().map(|span| sources.line_of(file, span.start)).min()?;
    let last = spans.iter().map(|span| sources.line_of(file, span.end)).max()?;
    // Two marks far apart: only the primary one keeps its snippet whole, the renderer folds the lines between.
    let start = sources.line_start(file, first);
    let end = sources.line_start(file, last + 1);
    let mut shown = text[start..end].trim_end_matches(['\n', '\r']).to_owned();
    let mut from = start;
    if first == last && shown.len() > LONGEST_LINE {
        let least = spans.iter().map(|span| span.start).min().unwrap_or(start);
        from = floor(text, least.saturating_sub(LONGEST_LINE / 4).max(start));
        shown = text[from..floor(text, (from + LONGEST_LINE).min(end))].to_owned();
    }
    // Control characters would move the cursor; each is one byte, and so is what stands for it.
    let shown: String =
        shown.chars().map(|c| if c.is_ascii_control() && c != '\n' && c != '\t' { ' ' } else { c }).collect();
    let marks = labels
        .into_iter()
        .zip(spans)
        .map(|(label, span)| {
            let low = floor(&shown, span.start.saturating_sub(from));
            (label, low..floor(&shown, span.end.saturating_sub(from)).max(low))
        })
        .collect();
    Some(Window { text: shown, line: first + 1, marks })
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
