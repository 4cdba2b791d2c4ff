//! Markdown that an author wrote, made fit for a page: headings below the page's own, no tag, no picture, no scheme that runs
//! something. Both writers take what comes out here.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag};

use super::page::harmless;

/// What an author's Markdown may hold besides CommonMark.
pub(super) fn dialect() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS
}

/// Returns the Markdown with its highest heading at `top`. A tag in it is text; a picture is a link to it, since showing it
/// would be a request to elsewhere.
pub(super) fn tamed(raw: &str, top: usize) -> String {
    let raw = without_tags(harmless(raw.trim_end(), true));
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let mut headings = Vec::new();
    for (event, range) in Parser::new_ext(&raw, dialect()).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => headings.push((level as usize, range)),
            Event::Start(Tag::Image { dest_url, .. }) => {
                let dead = if may_be_followed(&dest_url) { "" } else { "\\" };
                edits.push((range.start..range.start + 1, dead.to_owned()));
            }
            Event::Start(Tag::Link { dest_url, .. }) if !may_be_followed(&dest_url) => {
                let dead = if raw[range.start..].starts_with('<') { "&lt;" } else { "\\[" };
                edits.push((range.start..range.start + 1, dead.to_owned()));
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
    edited(&raw, edits)
}

/// Returns the Markdown with its tags as text. What stood in a block of tags is Markdown then, and may hold others.
fn without_tags(mut raw: String) -> String {
    loop {
        let events = Parser::new_ext(&raw, dialect()).into_offset_iter();
        let edits: Vec<(Range<usize>, String)> = events
            .filter(|(event, _)| matches!(event, Event::Html(_) | Event::InlineHtml(_)))
            .map(|(_, range)| (range.clone(), raw[range].replace('<', "&lt;")))
            .collect();
        // Each time there are fewer `<`, so it ends.
        if edits.iter().all(|(range, text)| raw[range.clone()] == *text) {
            return raw;
        }
        raw = edited(&raw, edits);
    }
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
    fn schemes() {
        for good in ["https://a", "a/b:c", "#x", "mailto:a@b", "a.md"] {
            assert!(may_be_followed(good), "{good}");
        }
        for bad in ["javascript:1", " JavaScript:1", "data:text/html,x", "vbscript:1", "file:///etc"] {
            assert!(!may_be_followed(bad), "{bad}");
        }
    }
}
