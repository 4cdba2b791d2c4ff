//! A page as HTML. It asks nobody for anything: style and script stand in it, or in a file beside it, and its policy refuses
//! what is elsewhere. Without the script the page is whole; the script only adds what makes it handy.

use std::fmt::Write as _;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use serde_json::json;

use super::files::Links;
use super::page::{Block, Code, Inline, Page, Section, anchor, harmless};
use super::prose::{dialect, may_be_followed, number, tamed};
use crate::diag::html::escaped;

/// How pages look.
pub(super) const STYLE: &str = include_str!("style.css");
/// What pages do: search, light and dark, copies.
const SCRIPT: &str = include_str!("script.js");

/// Nothing from elsewhere. `file:` stands for a site that is opened from a disk, which is no origin.
const POLICY: &str = "default-src 'none'; style-src 'self' file: 'unsafe-inline'; script-src 'self' file: 'unsafe-inline'; \
     img-src data:; base-uri 'none'; form-action 'none'";

/// Returns a page as an HTML document. `mark` says in a comment who made it.
pub(super) fn written(page: &Page, links: &Links<'_>, mark: Option<&str>) -> String {
    let mut out = "<!doctype html>\n".to_owned();
    if let Some(mark) = mark {
        let _ = writeln!(out, "<!-- {} -->", mark.replace("--", "- -"));
    }
    let _ = write!(
        out,
        "<html lang=\"en\" data-root=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" \
         content=\"{POLICY}\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<title>{}</title>\n",
        links.root(),
        text(&if page.name.is_empty() {
            page.title.clone()
        } else {
            format!("{}: {}", page.name, page.title)
        }),
    );
    match links.frame() {
        Some([style, script, _]) => {
            let _ = write!(
                out,
                "<link rel=\"stylesheet\" href=\"{style}\">\n<script src=\"{script}\" defer></script>\n"
            );
        }
        None => {
            let _ = write!(out, "<style>\n{STYLE}</style>\n");
        }
    }
    out.push_str(
        "</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the page</a>\n<header class=\"bar\">\n",
    );
    if let Some([_, _, first]) = links.frame() {
        let _ = write!(
            out,
            "<a class=\"home\" href=\"{first}\">Runbooks</a>\n<div class=\"search\" role=\"search\" hidden><label for=\"q\" \
             class=\"quiet\">Search</label><input id=\"q\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\" \
             placeholder=\"Title, tag, step or command ( / )\" aria-controls=\"found\"><div id=\"found\" role=\"region\" \
             aria-label=\"What was found\" aria-live=\"polite\" hidden></div></div>\n"
        );
    }
    out.push_str(
        "<button id=\"look\" type=\"button\" hidden>Dark</button>\n</header>\n<div class=\"frame\">\n",
    );
    contents(&mut out, page);
    out.push_str("<main id=\"main\" tabindex=\"-1\">\n");
    let _ = writeln!(out, "<h1>{}</h1>", text(&page.title));
    if !page.lead.is_empty() {
        let _ = writeln!(out, "<p class=\"lead\">{}</p>", text(&page.lead));
    }
    blocks(&mut out, &page.body, 2, links);
    out.push_str("</main>\n</div>\n");
    if links.frame().is_none() {
        let _ = write!(out, "<script>\n{SCRIPT}</script>\n");
    }
    out.push_str("</body>\n</html>\n");
    out
}

/// Returns the script of a site, with what is searched.
pub(super) fn script<'a>(pages: impl Iterator<Item = (&'a Page, String)>) -> String {
    let all: Vec<_> = pages
        .map(|(page, file)| {
            let (mut sections, mut commands) = (Vec::new(), String::new());
            gathered(&page.body, &mut sections, &mut commands);
            let name = if page.name.is_empty() { page.title.as_str() } else { page.name.as_str() };
            json!({
                "n": name, "t": page.title, "d": page.lead, "u": file, "g": page.tags.join(" "),
                "s": sections, "c": commands,
            })
        })
        .collect();
    let all = serde_json::Value::from(all).to_string();
    format!("const PAGES = {all};\n{SCRIPT}")
}

/// Gathers the headings, each with its anchor, and the commands.
fn gathered(blocks: &[Block], sections: &mut Vec<[String; 2]>, commands: &mut String) {
    for block in blocks {
        match block {
            Block::Section(part) => {
                // The same steps once more, by hand: one hit is enough.
                if !part.id.starts_with("hand-") && !part.id.starts_with("undo-") {
                    sections.push([part.id.clone(), heading(part)]);
                }
                gathered(&part.body, sections, commands);
            }
            Block::Code(code) => {
                commands.push_str(&harmless(&code.text, false));
                commands.push('\n');
            }
            _ => {}
        }
    }
}

fn heading(part: &Section) -> String {
    match &part.name {
        Some(name) if part.title.is_empty() => name.clone(),
        Some(name) => format!("{name}: {}", part.title),
        None => part.title.clone(),
    }
}

/// Writes the list of what is on the page.
fn contents(out: &mut String, page: &Page) {
    if !page.body.iter().any(|block| matches!(block, Block::Section(_))) {
        return;
    }
    out.push_str("<nav class=\"contents\" aria-label=\"On this page\">\n<details open>\n<summary>On this page</summary>\n");
    entries(out, &page.body, 0);
    out.push_str("</details>\n</nav>\n");
}

/// How deep the list goes: the steps below their phase.
const DEEPEST: usize = 3;

fn entries(out: &mut String, blocks: &[Block], depth: usize) {
    let parts: Vec<&Section> = blocks
        .iter()
        .filter_map(|block| match block {
            Block::Section(part) => Some(part),
            _ => None,
        })
        .collect();
    if parts.is_empty() || depth == DEEPEST {
        return;
    }
    out.push_str("<ul>\n");
    for part in parts {
        let shown = part.name.as_ref().unwrap_or(&part.title);
        let _ = write!(out, "<li><a href=\"#{}\">{}</a>", text(&part.id), text(shown));
        match part.id.as_str() {
            "by-hand" | "undo-by-hand" => by_step(out, &part.body),
            _ => entries(out, &part.body, depth + 1),
        }
        out.push_str("</li>\n");
    }
    out.push_str("</ul>\n");
}

/// Lists what is done by hand: of the instances of a step, which may be many, the first one.
fn by_step(out: &mut String, blocks: &[Block]) {
    out.push_str("<ul>\n");
    let mut before = "";
    for block in blocks {
        let Block::Section(part) = block else { continue };
        let name = part.name.as_ref().unwrap_or(&part.title);
        let step = name.split('[').next().unwrap_or(name);
        if step != before {
            let _ = writeln!(out, "<li><a href=\"#{}\">{}</a></li>", text(&part.id), text(step));
        }
        before = step;
    }
    out.push_str("</ul>\n");
}

fn blocks(out: &mut String, blocks: &[Block], level: usize, links: &Links<'_>) {
    for block in blocks {
        match block {
            Block::Section(part) => section(out, part, level, links),
            Block::Text(inlines) => {
                let _ = writeln!(out, "<p>{}</p>", line(inlines, links));
            }
            Block::Prose(raw) => prose(out, raw, level),
            Block::Quote(said) => {
                let lines: Vec<String> = said.trim().lines().map(text).collect();
                let _ = writeln!(out, "<blockquote><p>{}</p></blockquote>", lines.join("<br>"));
            }
            Block::Facts(facts) => {
                out.push_str("<dl>\n");
                for (name, value) in facts {
                    let _ =
                        writeln!(out, "<div><dt>{}</dt><dd>{}</dd></div>", text(name), line(value, links));
                }
                out.push_str("</dl>\n");
            }
            Block::List(items) => {
                out.push_str("<ul>\n");
                for item in items {
                    let _ = writeln!(out, "<li>{}</li>", line(item, links));
                }
                out.push_str("</ul>\n");
            }
            Block::Table(table) => {
                out.push_str("<div class=\"wide\" tabindex=\"0\"><table class=\"cards\">\n<thead><tr>");
                for head in &table.head {
                    let _ = write!(out, "<th scope=\"col\">{head}</th>");
                }
                out.push_str("</tr></thead>\n<tbody>\n");
                for row in &table.rows {
                    out.push_str("<tr>");
                    for (cell, head) in row.iter().zip(&table.head) {
                        let _ = write!(out, "<td data-head=\"{head}\">{}</td>", line(cell, links));
                    }
                    out.push_str("</tr>\n");
                }
                out.push_str("</tbody>\n</table></div>\n");
            }
            Block::Code(code) => code_block(out, code, links),
            Block::Graph(picture) => {
                let drawn = picture.svg_of_page(&|step| anchor("step", step));
                let _ = writeln!(out, "<div class=\"graph wide\" tabindex=\"0\">\n{drawn}</div>");
            }
        }
    }
}

fn section(out: &mut String, part: &Section, level: usize, links: &Links<'_>) {
    let id = text(&part.id);
    let level = level.min(6);
    let mut shown =
        part.name.as_ref().map(|name| format!("<code>{}</code> ", text(name))).unwrap_or_default();
    shown.push_str(&text(&part.title));
    let _ = writeln!(
        out,
        "<section aria-labelledby=\"{id}\"><h{level} id=\"{id}\">{} <a class=\"here\" href=\"#{id}\" aria-label=\"Link to this part\">#</a></h{level}>",
        shown.trim_end()
    );
    if !part.marks.is_empty() {
        out.push_str("<p class=\"marks\">");
        for mark in &part.marks {
            let class = if mark.contains("can't be undone") { " class=\"hard\"" } else { "" };
            let _ = write!(out, "<span{class}>{}</span> ", text(mark));
        }
        out.push_str("</p>\n");
    }
    blocks(out, &part.body, level + 1, links);
    out.push_str("</section>\n");
}

fn code_block(out: &mut String, code: &Code, links: &Links<'_>) {
    let _ = write!(out, "<div class=\"code{}\">", if code.pasted { " pasted" } else { "" });
    if !code.label.is_empty() {
        let _ = write!(out, "<p class=\"label\">{}</p>", text(&code.label));
    }
    let _ = writeln!(out, "<pre><code>{}</code></pre>", lines(code.text.trim_end()));
    if !code.notes.is_empty() {
        out.push_str("<ul class=\"notes\">\n");
        for note in &code.notes {
            let _ = writeln!(out, "<li>{}</li>", line(note, links));
        }
        out.push_str("</ul>\n");
    }
    out.push_str("</div>\n");
}

fn line(inlines: &[Inline], links: &Links<'_>) -> String {
    inlines
        .iter()
        .map(|inline| match inline {
            Inline::Text(raw) => text(raw),
            Inline::Strong(raw) => format!("<strong>{}</strong>", text(raw)),
            Inline::Code(raw) => format!("<code>{}</code>", text(raw)),
            Inline::Link { text: raw, code, to } => {
                let shown = if *code { format!("<code>{}</code>", text(raw)) } else { text(raw) };
                match links.to(to) {
                    Some(address) => format!("<a href=\"{}\">{shown}</a>", text(&address)),
                    None => shown,
                }
            }
        })
        .collect()
}

/// Writes an author's Markdown. What it may hold is what [`tamed`] lets through.
fn prose(out: &mut String, raw: &str, level: usize) {
    let tamed = tamed(raw, level);
    let mut in_head = false;
    for event in Parser::new_ext(&tamed, dialect()) {
        match event {
            Event::Start(tag) => match tag {
                Tag::Paragraph => out.push_str("<p>"),
                Tag::Heading { level, .. } => {
                    let _ = write!(out, "<h{}>", number(level));
                }
                Tag::BlockQuote(_) => out.push_str("<blockquote>"),
                Tag::CodeBlock(kind) => {
                    let shell = matches!(&kind, CodeBlockKind::Fenced(lang) if matches!(&**lang, "sh" | "bash" | "shell"));
                    let _ =
                        write!(out, "<div class=\"code{}\"><pre><code>", if shell { " pasted" } else { "" });
                }
                Tag::List(Some(first)) => {
                    let _ = write!(out, "<ol start=\"{first}\">");
                }
                Tag::List(None) => out.push_str("<ul>"),
                Tag::Item => out.push_str("<li>"),
                Tag::Table(_) => out.push_str("<div class=\"wide\" tabindex=\"0\"><table>"),
                Tag::TableHead => {
                    in_head = true;
                    out.push_str("<thead><tr>");
                }
                Tag::TableRow => out.push_str("<tr>"),
                Tag::TableCell if in_head => out.push_str("<th scope=\"col\">"),
                Tag::TableCell => out.push_str("<td>"),
                Tag::Emphasis => out.push_str("<em>"),
                Tag::Strong => out.push_str("<strong>"),
                Tag::Strikethrough => out.push_str("<del>"),
                Tag::Link { dest_url, .. } => {
                    let address = if may_be_followed(&dest_url) { dest_url.as_ref() } else { "#" };
                    let _ = write!(out, "<a href=\"{}\">", text(address));
                }
                _ => {}
            },
            Event::End(tag) => match tag {
                TagEnd::Paragraph => out.push_str("</p>\n"),
                TagEnd::Heading(level) => {
                    let _ = writeln!(out, "</h{}>", number(level));
                }
                TagEnd::BlockQuote(_) => out.push_str("</blockquote>\n"),
                TagEnd::CodeBlock => out.push_str("</code></pre></div>\n"),
                TagEnd::List(true) => out.push_str("</ol>\n"),
                TagEnd::List(false) => out.push_str("</ul>\n"),
                TagEnd::Item => out.push_str("</li>\n"),
                TagEnd::Table => out.push_str("</tbody></table></div>\n"),
                TagEnd::TableHead => {
                    in_head = false;
                    out.push_str("</tr></thead><tbody>\n");
                }
                TagEnd::TableRow => out.push_str("</tr>\n"),
                TagEnd::TableCell => out.push_str(if in_head { "</th>" } else { "</td>" }),
                TagEnd::Emphasis => out.push_str("</em>"),
                TagEnd::Strong => out.push_str("</strong>"),
                TagEnd::Strikethrough => out.push_str("</del>"),
                TagEnd::Link => out.push_str("</a>"),
                _ => {}
            },
            Event::Text(raw) | Event::Html(raw) | Event::InlineHtml(raw) => out.push_str(&lines(&raw)),
            Event::Code(raw) => {
                let _ = write!(out, "<code>{}</code>", text(&raw));
            }
            Event::SoftBreak => out.push('\n'),
            Event::HardBreak => out.push_str("<br>\n"),
            Event::Rule => out.push_str("<hr>\n"),
            Event::TaskListMarker(done) => out.push_str(if done { "☑ " } else { "☐ " }),
            _ => {}
        }
    }
}

/// Returns text that a browser takes for nothing but text, on one line.
fn text(raw: &str) -> String {
    escaped(&harmless(raw, false))
}

/// As [`text`], with its own lines.
fn lines(raw: &str) -> String {
    escaped(&harmless(raw, true))
}
