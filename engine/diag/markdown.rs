//! Text for Markdown (GitHub's). Control characters are the caller's, as for [`super::html`]: what is to become of them differs
//! from page to page.

/// Returns text in which nothing is Markdown or HTML, within a line.
pub fn text(clean: &str) -> String {
    let mut out = String::with_capacity(clean.len());
    let mut before = ' ';
    let mut rest = clean.chars().peekable();
    while let Some(c) = rest.next() {
        let after = rest.peek().copied().unwrap_or(' ');
        match c {
            '\\' | '`' | '*' | '[' | ']' | '~' => out.extend(['\\', c]),
            // Within a word it is no mark, and names are full of them.
            '_' if !(before.is_alphanumeric() && after.is_alphanumeric()) => out.push_str("\\_"),
            '<' => out.push_str("&lt;"),
            '&' if after.is_alphanumeric() || after == '#' => out.push_str("&amp;"),
            c => out.push(c),
        }
        before = c;
    }
    out
}

/// Returns a line of Markdown that begins a paragraph and nothing else: not a list, a heading, a quote, a rule or a table.
pub fn paragraph(line: &str) -> String {
    let first = line.split(' ').next().unwrap_or_default();
    let number = first.trim_end_matches(['.', ')']);
    let numbered =
        !number.is_empty() && number.len() + 1 == first.len() && number.chars().all(|c| c.is_ascii_digit());
    let all = |mark: char| !first.is_empty() && first.chars().all(|c| c == mark);
    match line.chars().next() {
        _ if numbered => format!("{number}\\{}", &line[number.len()..]),
        Some('>' | '|') => format!("\\{line}"),
        _ if all('#') || all('-') || all('+') || all('=') => format!("\\{line}"),
        _ => line.to_owned(),
    }
}

/// Returns a line of Markdown as it may stand in a cell of a table, where a bar ends the cell even within code.
pub fn in_cell(line: &str) -> String {
    line.replace('|', "\\|")
}

/// Returns a span of code that nothing in it can end; nothing for an empty one.
pub fn code(clean: &str) -> String {
    if clean.is_empty() {
        return String::new();
    }
    let ticks = "`".repeat(longest_ticks(clean) + 1);
    let blank = if clean.starts_with('`') || clean.ends_with('`') { " " } else { "" };
    format!("{ticks}{blank}{clean}{blank}{ticks}")
}

/// Returns the mark of a block of code that nothing in the text can end.
pub fn fence(text: &str) -> String {
    "`".repeat(longest_ticks(text).max(2) + 1)
}

fn longest_ticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use pulldown_cmark::{Event, Options, Parser};

    use super::*;

    /// Returns what a reader of Markdown makes of it: the text, and whatever else it sees.
    fn read(markdown: &str) -> (String, Vec<String>) {
        let (mut text, mut other) = (String::new(), Vec::new());
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS
            | Options::ENABLE_GFM;
        for event in Parser::new_ext(markdown, options) {
            match event {
                Event::Text(part) | Event::Code(part) => text.push_str(&part),
                Event::SoftBreak => text.push('\n'),
                other_event => other.push(format!("{other_event:?}")),
            }
        }
        (text, other)
    }

    #[test]
    fn whatever_it_holds_text_is_text() {
        let hostile = [
            "# a",
            "## ",
            "- a",
            "+ a",
            "* a",
            "-",
            "---",
            "===",
            "1. a",
            "12) a",
            "> a",
            "| a | b |",
            "~~~",
            "```",
            "a `b`",
            "*a*",
            "_a_",
            "a_b",
            "__a__",
            "~~a~~",
            "[a](b)",
            "![a](b)",
            "<b>a</b>",
            "&amp; &#39; a&b",
            "\\*a\\*",
            "[^1]: a",
            "1.5s",
            "-5",
            "#7",
            "- [ ] a",
            "a | b",
        ];
        for raw in hostile {
            let (text, other) = read(&paragraph(&text(raw)));
            assert_eq!((text.as_str(), other.len()), (raw.trim_end(), 2), "{raw}: {other:?}");
            let table = format!("| x |\n| --- |\n| {} |\n", in_cell(&super::text(raw)));
            let (text, _) = read(&table);
            assert_eq!(text, format!("x{}", raw.trim_end()), "{table}");
        }
        for plain in ["1.5s", "-5", "#7", "snake_case", "a & b"] {
            assert_eq!(paragraph(&text(plain)), plain);
        }
    }

    #[test]
    fn nothing_ends_code_but_its_mark() {
        for raw in ["a", "`", "a``b", "``a`", "|"] {
            assert_eq!(read(&code(raw)).0, raw);
        }
        assert_eq!((code(""), fence("a ```` b")), (String::new(), "`````".to_owned()));
    }
}
