//! A page as Markdown (GitHub's).

use std::fmt::Write as _;

use super::files::Links;
use super::page::{Block, Code, Inline, Page, Section, harmless};
use super::prose::tamed;
use crate::diag::markdown::{self, in_cell, paragraph};
use crate::docs::template::fenced;

/// Returns a page as Markdown, with its line ends.
pub(super) fn written(page: &Page, links: &Links<'_>) -> String {
    let mut out = format!("# {}\n", text(&page.title));
    if !page.lead.is_empty() {
        let _ = write!(out, "\n{}\n", paragraph(&text(&page.lead)));
    }
    blocks(&mut out, &page.body, 2, links);
    out
}

fn blocks(out: &mut String, blocks: &[Block], level: usize, links: &Links<'_>) {
    for block in blocks {
        out.push('\n');
        match block {
            Block::Section(part) => section(out, part, level, links),
            Block::Text(inlines) => {
                let _ = writeln!(out, "{}", paragraph(&line(inlines, links)));
            }
            Block::Prose(raw) => {
                let _ = writeln!(out, "{}", tamed(raw, level));
            }
            Block::Quote(said) => {
                for one in said.trim().lines() {
                    let _ = writeln!(out, "{}", format!("> {}", paragraph(&text(one))).trim_end());
                }
            }
            Block::Facts(facts) => {
                for (name, value) in facts {
                    let _ = writeln!(out, "- **{}**: {}", text(name), line(value, links));
                }
            }
            Block::List(items) => {
                for item in items {
                    let _ = writeln!(out, "- {}", paragraph(&line(item, links)));
                }
            }
            Block::Table(table) => {
                let _ = writeln!(out, "| {} |", table.head.join(" | "));
                let _ = writeln!(out, "|{}", " --- |".repeat(table.head.len()));
                for row in &table.rows {
                    let cells: Vec<String> = row.iter().map(|cell| in_cell(&line(cell, links))).collect();
                    let _ = writeln!(out, "| {} |", cells.join(" | "));
                }
            }
            Block::Code(code) => code_block(out, code, links),
            Block::Graph(picture) => {
                let _ = writeln!(out, "{}", fenced("mermaid", &harmless(&picture.mermaid(), true)));
            }
        }
    }
}

fn section(out: &mut String, part: &Section, level: usize, links: &Links<'_>) {
    // A name of its own: the one that a reader of Markdown makes of a heading differs from one to the next.
    let _ = writeln!(out, "<a id=\"{}\"></a>\n", part.id);
    let mut heading = part.name.as_deref().map(code_span).unwrap_or_default();
    if !part.title.is_empty() {
        if !heading.is_empty() {
            heading.push_str(": ");
        }
        heading.push_str(&text(&part.title));
    }
    let _ = writeln!(out, "{} {heading}", "#".repeat(level.min(6)));
    if !part.marks.is_empty() {
        let _ =
            writeln!(out, "\n*{}*", part.marks.iter().map(|mark| text(mark)).collect::<Vec<_>>().join(" · "));
    }
    blocks(out, &part.body, level + 1, links);
}

fn code_block(out: &mut String, code: &Code, links: &Links<'_>) {
    if !code.label.is_empty() {
        let _ = writeln!(out, "**{}**\n", text(&code.label));
    }
    let _ = writeln!(out, "{}", fenced(code.language, &harmless(&code.text, true)));
    if !code.notes.is_empty() {
        out.push('\n');
    }
    for note in &code.notes {
        let _ = writeln!(out, "- {}", paragraph(&line(note, links)));
    }
}

/// Returns pieces as one line.
fn line(inlines: &[Inline], links: &Links<'_>) -> String {
    inlines
        .iter()
        .map(|inline| match inline {
            Inline::Text(raw) => text(raw),
            Inline::Strong(raw) => format!("**{}**", text(raw)),
            Inline::Code(raw) => code_span(raw),
            Inline::Link { text: raw, code, to } => {
                let shown = if *code { code_span(raw) } else { text(raw) };
                match links.to(to) {
                    Some(address) => format!("[{shown}]({address})"),
                    None => shown,
                }
            }
        })
        .collect()
}

/// Returns text in which nothing is Markdown.
fn text(raw: &str) -> String {
    markdown::text(&harmless(raw, false))
}

/// Returns a name, a value or a command that nothing in it can end.
fn code_span(raw: &str) -> String {
    let clean = harmless(raw.trim(), false);
    if clean.is_empty() { "(empty)".to_owned() } else { markdown::code(&clean) }
}
