//! Markdown that an author wrote, made fit for a page: headings below the page's own, no tag, no picture, no scheme that runs
//! something. Both writers take what comes out here.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::page::harmless;
use crate::docs::template::fenced;

/// What an author's Markdown may hold besides CommonMark.
pub(super) fn dialect() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS
}

/// How often links and tags are looked for again. What is left then was written to be a riddle.
const ROUNDS: usize = 64;

/// Returns the Markdown with its highest heading at `top`. A tag in it is text; a picture is a link to it, since showing it
/// would be a request to elsewhere. It ends what it begins, so that what stands below it on a page is read as it is meant.
pub(super) fn tamed(raw: &str, top: usize) -> String {
    let mut raw = without_traps(harmless(raw.trim_end(), true));
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let mut headings = Vec::new();
    let mut depth = 0usize;
    let mut open = None;
    for (event, range) in Parser::new_ext(&raw, dialect()).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => headings.push((level as usize, range)),
            // In a list or a quote a block ends with that.
            Event::Start(Tag::List(_) | Tag::BlockQuote(_)) => depth += 1,
            Event::End(TagEnd::List(_) | TagEnd::BlockQuote(_)) => depth = depth.saturating_sub(1),
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) if depth == 0 => {
                open = open_fence(&raw[range]);
            }
            _ => {}
        }
    }
    let highest = headings.iter().map(|(level, _)| *level).min().unwrap_or(1);
    for (level, range) in headings {
        let marks = "#".repeat((level - highest + top).min(6));
        let whole = &raw[range.clone()];
        if let Some(rest) = whole.strip_prefix('#') {
            let more = rest.len() - rest.trim_start_matches('#').len();
            edits.push((range.start..range.start + 1 + more, marks));
        } else if let Some(line) = whole.trim_end().rfind('\n') {
            // Underlined: the line below goes.
            edits.push((range.start..range.start, format!("{marks} ")));
            edits.push((range.start + line..range.start + whole.trim_end().len(), String::new()));
        }
    }
    raw = edited(&raw, edits);
    if let Some(mark) = open {
        raw.push('\n');
        raw.push_str(&mark);
    }
    raw
}

/// Returns what ends a block of code that has no end. It is the last thing of its text then.
fn open_fence(block: &str) -> Option<String> {
    let begin = block.trim_start();
    let letter = begin.chars().next()?;
    let length = begin.len() - begin.trim_start_matches(letter).len();
    let last = block.lines().skip(1).last().unwrap_or_default().trim();
    let ends = last.len() >= length && last.chars().all(|c| c == letter);
    (!ends).then(|| letter.to_string().repeat(length))
}

/// Returns the Markdown with its tags, and the links that may not be followed, as text. What is made text may let something else
/// be read as a tag or a link (`[q](javascript:<b>)`, `[a][b]`), so it is looked at again.
fn without_traps(mut raw: String) -> String {
    for _ in 0..ROUNDS {
        let edits = traps(&raw);
        if edits.is_empty() {
            return raw;
        }
        raw = edited(&raw, edits);
    }
    fenced("", &raw)
}

/// Returns what makes text of the tags and links of a Markdown text, and links of its pictures. Each takes a `<`, a `!` or a `[` away that
/// means something.
fn traps(raw: &str) -> Vec<(Range<usize>, String)> {
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let events = Parser::new_ext(raw, dialect()).into_offset_iter();
    // A name for an address counts where nothing here asks for it too: other readers of Markdown differ in what they take for a link.
    for (_, definition) in events.reference_definitions().iter() {
        if !is_plain(&definition.dest, definition.title.as_deref()) {
            edits.push((definition.span.start..definition.span.start + 1, "\\[".to_owned()));
        }
    }
    let mut code = false;
    for (event, range) in events {
        match event {
            Event::Html(_) | Event::InlineHtml(_) if raw[range.clone()].contains('<') => {
                edits.push((range.clone(), raw[range].replace('<', "&lt;")));
            }
            Event::Start(Tag::CodeBlock(_)) => code = true,
            Event::End(TagEnd::CodeBlock) => code = false,
            // No tag to this reader (`<b` without an end), and perhaps one to the next.
            Event::Text(_) if !code => {
                edits.extend(begun_tags(raw, range).map(|at| (at..at + 1, "&lt;".to_owned())));
            }
            Event::Start(Tag::Image { dest_url, title, .. }) => {
                let dead = if is_plain(&dest_url, Some(&title)) { "" } else { "\\" };
                edits.push((range.start..range.start + 1, dead.to_owned()));
            }
            Event::Start(Tag::Link { dest_url, title, .. }) if !is_plain(&dest_url, Some(&title)) => {
                let dead = if raw[range.start..].starts_with('<') { "&lt;" } else { "\\[" };
                edits.push((range.start..range.start + 1, dead.to_owned()));
            }
            _ => {}
        }
    }
    edits
}

/// Returns the places of what may begin a tag.
fn begun_tags(raw: &str, range: Range<usize>) -> impl Iterator<Item = usize> {
    let found = raw[range.clone()].match_indices('<').map(move |(at, _)| range.start + at);
    found.filter(|at| {
        let before = raw[..*at].len() - raw[..*at].trim_end_matches('\\').len();
        let begins =
            raw[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
        begins && before.is_multiple_of(2)
    })
}

/// Says whether a link leads somewhere that it may, and holds nothing that would be a tag elsewhere.
fn is_plain(address: &str, title: Option<&str>) -> bool {
    may_be_followed(address) && !address.contains('<') && !title.is_some_and(|title| title.contains('<'))
}

/// Returns a text with its ranges replaced. What lies within another is done with it.
fn edited(raw: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_by_key(|(range, _)| range.start);
    let mut out = String::with_capacity(raw.len());
    let mut at = 0;
    for (range, text) in edits {
        if range.start < at {
            continue;
        }
        out.push_str(&raw[at..range.start]);
        out.push_str(&text);
        at = range.end;
    }
    out.push_str(&raw[at..]);
    out
}

/// Says whether a link may be one: the schemes that show something, and addresses without a scheme.
pub(super) fn may_be_followed(address: &str) -> bool {
    let address =
        address.trim_start_matches(|c: char| c.is_whitespace() || c.is_control()).to_ascii_lowercase();
    let scheme = address.split(['/', '?', '#']).next().and_then(|start| start.split_once(':'));
    scheme.is_none_or(|(scheme, _)| matches!(scheme, "http" | "https" | "mailto"))
}

/// Returns the level as a number.
pub(super) fn number(level: HeadingLevel) -> usize {
    level as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_go_below_and_nothing_runs() {
        let raw = "# One\n\nTwo\n---\n\n<script>x</script> a <b>c</b> `<i>` ![pic](https://e.org/p.png)\n\n\
                   [bad](javascript:1) <javascript:2> [good](https://e.org)\n\n```\n# no heading\n```\n";
        insta::assert_snapshot!(tamed(raw, 3), @r"
        ### One

        #### Two

        &lt;script>x&lt;/script> a &lt;b>c&lt;/b> `&lt;i>` [pic](https://e.org/p.png)

        \[bad](javascript:1) &lt;javascript:2> [good](https://e.org)

        ```
        # no heading
        ```
        ");
    }

    #[test]
    fn what_is_made_text_lets_nothing_else_in() {
        for (raw, wanted) in [
            (
                "[q](javascript:<script>alert(1)</script>)",
                "\\[q](javascript:&lt;script>alert(1)&lt;/script>)",
            ),
            ("[q](<javascript:<b>>)", "\\[q](&lt;javascript:&lt;b>>)"),
            ("[click][ref]\n\n[ref]: javascript:alert(1)", "\\[click][ref]\n\n\\[ref]: javascript:alert(1)"),
            ("[ref]\n\n[ref]: <data:text/html,x>", "\\[ref]\n\n\\[ref]: &lt;data:text/html,x>"),
            ("[a]: https://e.org '<b>'\n\n[a]", "\\[a]: https://e.org '&lt;b>'\n\n\\[a]"),
            ("[q](https://e.org/<script>)", "\\[q](https://e.org/&lt;script>)"),
            ("![q](javascript:1) ![![p](a)](b)", "\\[q](javascript:1) [[p](a)](b)"),
            ("<script", "&lt;script"),
            ("a < b, \\<b, `<b`, &lt;b", "a < b, \\<b, `<b`, &lt;b"),
            ("[x](java&#115;cript:1)", "\\[x](java&#115;cript:1)"),
            ("<!-- [q](javascript:1)", "&lt;!-- \\[q](javascript:1)"),
        ] {
            assert_eq!(tamed(raw, 1), wanted, "{raw}");
        }
        // More riddles than anybody writes.
        let nested = "[".repeat(300) + "x" + &"](javascript:1)".repeat(300);
        assert!(tamed(&nested, 1).starts_with("```"));
    }

    #[test]
    fn a_block_of_code_without_an_end_gets_one() {
        for (raw, wanted) in [
            ("Before:\n\n```\nan example", "Before:\n\n```\nan example\n```"),
            ("~~~~ sh\nls\n~~~", "~~~~ sh\nls\n~~~\n~~~~"),
            ("```", "```\n```"),
            ("```\nx\n```", "```\nx\n```"),
            ("- ```\n  x", "- ```\n  x"),
        ] {
            assert_eq!(tamed(raw, 1), wanted, "{raw}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_gets_out_of_its_place(parts in proptest::collection::vec(proptest::sample::select(vec![
            "[", "]", "(", ")", "<", ">", "!", "\\", "`", "```", "~~~", "\n", "\n\n", " ", "    ", "- ", "> ", "# ", "a", "b", "[a]", "[a]: ", "]:",
            "javascript:1", "https://e.org", "<b>", "</b>", "<!--", "-->", "<script>", "'", "\"", "&", "&lt;", "|", "---", "<?", "<![CDATA[", "](", "1. ",
        ]), 0..24)) {
            let raw = parts.concat();
            let page = format!("{}\n\n## After\n", tamed(&raw, 3));
            let events: Vec<(Event<'_>, Range<usize>)> = Parser::new_ext(&page, dialect()).into_offset_iter().collect();
            for (event, _) in &events {
                let good = match event {
                    Event::Html(_) | Event::InlineHtml(_) => false,
                    Event::Start(Tag::Image { .. }) => false,
                    Event::Start(Tag::Link { dest_url, .. }) => may_be_followed(dest_url),
                    _ => true,
                };
                proptest::prop_assert!(good, "{:?} in\n{}", event, page);
            }
            let last = events.iter().rev().find(|(event, _)| matches!(event, Event::Start(_)));
            let is_heading = last.is_some_and(|(event, range)| {
                matches!(event, Event::Start(Tag::Heading { level: HeadingLevel::H2, .. })) && page[range.clone()].starts_with("## After")
            });
            proptest::prop_assert!(is_heading, "the heading below is none any more:\n{}", page);
        }
    }

    #[test]
    fn schemes() {
        for good in ["https://a", "a/b:c", "#x", "mailto:a@b", "a.md"] {
            assert!(may_be_followed(good), "{good}");
        }
        for bad in ["javascript:1", " JavaScript:1", "data:text/html,x", "vbscript:1", "file:///etc"] {
            assert!(!may_be_followed(bad), "{bad}");
        }
    }
}
