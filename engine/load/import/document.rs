//! A Markdown document → its blocks in order, each with the line it begins at. The only file that knows the Markdown library.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::script::Line;

/// A part of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The line it begins at, from 1.
    pub(super) line: usize,
    /// How many entries of lists it stands in.
    pub(super) depth: usize,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A heading with its level, from 1.
    Heading(usize, String),
    /// A block of code.
    Fence {
        /// The first word after the backticks, in lower case.
        tag: String,
        lines: Vec<Line>,
        /// Whether its end is there.
        closed: bool,
    },
    /// A table: its head, then its rows.
    Table(Vec<Vec<String>>),
    /// An entry of a list.
    Item {
        text: String,
        /// `1.`, or `-`.
        mark: String,
        depth: usize,
        /// Whether it is one to tick off.
        task: bool,
        /// Whether a block of code stands in it.
        code: bool,
    },
    /// A paragraph.
    Prose(String),
}

/// Returns the blocks of a document.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut reader = Reader::new(text);
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        reader.event(event, range);
    }
    reader.blocks
}

struct Reader<'t> {
    text: &'t str,
    /// Where each line begins.
    starts: Vec<usize>,
    blocks: Vec<Block>,
    /// What is being gathered.
    gathered: String,
    /// Where a block of code is being gathered.
    fence: Option<(String, Vec<Line>)>,
    rows: Vec<Vec<String>>,
    /// The next number of each list that is open; none for one without.
    lists: Vec<Option<u64>>,
    /// The entries that are open, by their place among the blocks.
    items: Vec<usize>,
    /// Where links lead.
    links: Vec<String>,
    /// Inside of what is no text of the document.
    hidden: bool,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Reader<'t> {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Reader {
            text,
            starts,
            blocks: Vec::new(),
            gathered: String::new(),
            fence: None,
            rows: Vec::new(),
            lists: Vec::new(),
            items: Vec::new(),
            links: Vec::new(),
            hidden: false,
        }
    }

    fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at)
    }

    fn push(&mut self, at: usize, kind: Kind) {
        let line = self.line(at);
        self.blocks.push(Block { line, depth: self.items.len(), kind });
    }

    fn take(&mut self) -> String {
        std::mem::take(&mut self.gathered).trim().to_owned()
    }

    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(tag, range),
            Event::Text(text) if self.fence.is_some() => self.code(&text, range.start),
            Event::Text(_) if self.hidden => {}
            Event::Text(text) => self.gathered.push_str(&text),
            Event::Code(code) => {
                self.gathered.push('`');
                self.gathered.push_str(&code);
                self.gathered.push('`');
            }
            Event::Html(html) => self.gathered.push_str(&html),
            Event::InlineHtml(html) => self.gathered.push_str(&html),
            Event::SoftBreak => self.gathered.push('\n'),
            Event::HardBreak => self.gathered.push_str("  \n"),
            Event::TaskListMarker(_) => {
                if let Some(Kind::Item { task, .. }) = self.item() {
                    *task = true;
                }
            }
            _ => {}
        }
    }

    fn item(&mut self) -> Option<&mut Kind> {
        let index = *self.items.last()?;
        self.blocks.get_mut(index).map(|block| &mut block.kind)
    }

    /// Gives the entry that is open the text gathered so far, when it has none yet.
    fn settle_item(&mut self) -> bool {
        if self.items.is_empty() || self.gathered.trim().is_empty() {
            return false;
        }
        let gathered = self.take();
        match self.item() {
            Some(Kind::Item { text, .. }) if text.is_empty() => {
                *text = gathered;
                true
            }
            _ => {
                self.gathered = gathered;
                false
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>) {
        match tag {
            Tag::CodeBlock(kind) => {
                self.settle_item();
                let tag = match kind {
                    CodeBlockKind::Fenced(info) => info
                        .split(|c: char| c.is_whitespace() || c == ',')
                        .next()
                        .unwrap_or_default()
                        .trim_matches(['{', '}', '.'])
                        .to_lowercase(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.fence = Some((tag, Vec::new()));
                for index in self.items.clone() {
                    if let Some(Block { kind: Kind::Item { code, .. }, .. }) = self.blocks.get_mut(index) {
                        *code = true;
                    }
                }
            }
            Tag::List(first) => {
                self.settle_item();
                self.lists.push(first);
            }
            Tag::Item => {
                let depth = self.lists.len().saturating_sub(1);
                let mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        let mark = format!("{number}.");
                        *number += 1;
                        mark
                    }
                    _ => "-".to_owned(),
                };
                self.items.push(self.blocks.len());
                let item = Kind::Item { text: String::new(), mark, depth, task: false, code: false };
                self.push(range.start, item);
            }
            Tag::HtmlBlock if !self.settle_item() => self.gathered.clear(),
            Tag::Table(_) => self.rows.clear(),
            Tag::TableHead | Tag::TableRow => self.rows.push(Vec::new()),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.gathered.push('[');
                self.links.push(dest_url.to_string());
            }
            Tag::Strong => self.gathered.push_str("**"),
            Tag::Emphasis => self.gathered.push('*'),
            Tag::MetadataBlock(_) => self.hidden = true,
            Tag::Paragraph | Tag::Heading { .. } | Tag::BlockQuote(_) if !self.settle_item() => {}
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd, range: Range<usize>) {
        match tag {
            TagEnd::Heading(level) => {
                let text = self.take().replace("**", "").replace('\n', " ");
                let level = match level {
                    HeadingLevel::H1 => 1,
                    HeadingLevel::H2 => 2,
                    HeadingLevel::H3 => 3,
                    HeadingLevel::H4 => 4,
                    HeadingLevel::H5 => 5,
                    HeadingLevel::H6 => 6,
                };
                self.push(range.start, Kind::Heading(level, text));
            }
            TagEnd::HtmlBlock => {
                // A comment is for whoever edits the document; `<details>` around a fence says nothing by itself.
                let html = self.take();
                let tag = |line: &str| line.trim().starts_with('<') && line.trim().ends_with('>');
                let words = html.lines().filter(|line| !tag(line) && !html.starts_with("<!--"));
                let words = words.collect::<Vec<_>>().join("\n").trim().to_owned();
                if !words.is_empty() {
                    self.push(range.start, Kind::Prose(words));
                }
            }
            TagEnd::Paragraph if !self.settle_item() => {
                let text = self.take();
                if !text.is_empty() {
                    self.push(range.start, Kind::Prose(text));
                }
            }
            TagEnd::CodeBlock => {
                let Some((tag, mut lines)) = self.fence.take() else { return };
                while lines.last().is_some_and(|line| line.text.is_empty()) {
                    lines.pop();
                }
                let closed = self.is_closed(&range);
                self.push(range.start, Kind::Fence { tag, lines, closed });
            }
            TagEnd::List(_) => {
                self.lists.pop();
            }
            TagEnd::Item => {
                self.settle_item();
                let rest = self.take();
                self.items.pop();
                if !rest.is_empty() {
                    self.push(range.start, Kind::Prose(rest));
                }
            }
            TagEnd::TableCell => {
                let cell = self.take().replace('\n', " ");
                if let Some(row) = self.rows.last_mut() {
                    row.push(cell);
                }
            }
            TagEnd::Table => {
                let rows = std::mem::take(&mut self.rows);
                self.push(range.start, Kind::Table(rows));
            }
            TagEnd::Link | TagEnd::Image => {
                let to = self.links.pop().unwrap_or_default();
                self.gathered.push_str(&format!("]({to})"));
            }
            TagEnd::Strong => self.gathered.push_str("**"),
            TagEnd::Emphasis => self.gathered.push('*'),
            TagEnd::MetadataBlock(_) => self.hidden = false,
            _ => {}
        }
    }

    /// Takes text of a block of code; in a list or a quote each line comes by itself.
    fn code(&mut self, text: &str, at: usize) {
        let mut number = self.line(at);
        let Some((_, lines)) = &mut self.fence else { return };
        for (index, part) in text.split('\n').enumerate() {
            if index > 0 {
                number += 1;
                lines.push(Line { number, text: String::new() });
            }
            let part = part.trim_end_matches('\r');
            match lines.last_mut() {
                // The end of the line before opened this one, and said its number as far as it knew.
                Some(line) if index == 0 => {
                    if line.text.is_empty() && !part.is_empty() {
                        line.number = number;
                    }
                    line.text.push_str(part);
                }
                Some(line) => line.text.push_str(part),
                None => lines.push(Line { number, text: part.to_owned() }),
            }
        }
    }

    /// Says whether a block of code ends with its mark: one that does not has swallowed what follows.
    fn is_closed(&self, range: &Range<usize>) -> bool {
        let source = self.text.get(range.clone()).unwrap_or_default();
        let mut lines = source.lines();
        let Some(first) = lines.next() else { return true };
        let mark = first.trim_start();
        let Some(letter) = mark.chars().next().filter(|c| matches!(c, '`' | '~')) else { return true };
        let length = mark.chars().take_while(|c| *c == letter).count();
        if length < 3 {
            return true;
        }
        let last = lines.last().unwrap_or_default().trim_start_matches([' ', '\t', '>']).trim_end();
        last.chars().count() >= length && last.chars().all(|c| c == letter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Fence = (String, Vec<(usize, String)>, bool);

    fn fences(text: &str) -> Vec<Fence> {
        blocks(text)
            .into_iter()
            .filter_map(|block| match block.kind {
                Kind::Fence { tag, lines, closed } => {
                    Some((tag, lines.into_iter().map(|line| (line.number, line.text)).collect(), closed))
                }
                _ => None,
            })
            .collect()
    }

    #[test]
    fn lines_of_code_are_those_of_the_document() {
        for text in [
            "a\n\n```bash\nx\n\ny\n```\n",
            "a\r\n\r\n```bash\r\nx\r\n\r\ny\r\n```\r\n",
            "- a\n\n  ```bash\n  x\n\n  y\n  ```\n",
            "1. a\n\n   ```bash\n   x\n\n   y\n   ```\n",
            "> a\n>\n> ```bash\n> x\n>\n> y\n> ```\n",
            "- a\n  - b\n    ```bash\n    x\n\n    y\n    ```\n",
            "- \ta\n\n\t```bash\n\tx\n\n\ty\n\t```\n",
            "a\n\n~~~~ {.bash}\nx\n\ny\n~~~~\n",
        ] {
            let [(tag, lines, closed)] = fences(text).try_into().expect("one");
            let said: Vec<(usize, &str)> = lines.iter().map(|(line, text)| (*line, text.as_str())).collect();
            assert_eq!(
                (tag.as_str(), said, closed),
                ("bash", vec![(4, "x"), (5, ""), (6, "y")], true),
                "{text:?}"
            );
        }
        assert_eq!(fences("    x\n    y\n")[0].1, [(1, "x".to_owned()), (2, "y".to_owned())]);
        assert!(!fences("```\nx\n\n# b\n")[0].2 && !fences("> ```\n> x\n\nb\n")[0].2);
    }

    #[test]
    fn lists_tables_and_headings_have_their_text() {
        let text = "# **A** `b`\n\n- [ ] do [it](http://x)\n- [x] done\n\n1. first\n   ```\n   ls\n   ```\n2. second\n\n| a | b |\n|---|---|\n| 1 | `2` |\n\nsome *words*\nmore\n";
        let kinds: Vec<Kind> = blocks(text).into_iter().map(|block| block.kind).collect();
        let item = |text: &str, mark: &str, task, code| Kind::Item {
            text: text.to_owned(),
            mark: mark.to_owned(),
            depth: 0,
            task,
            code,
        };
        assert_eq!(kinds[0], Kind::Heading(1, "A `b`".to_owned()));
        assert_eq!(kinds[1], item("do [it](http://x)", "-", true, false));
        assert_eq!(kinds[2], item("done", "-", true, false));
        assert_eq!(kinds[3], item("first", "1.", false, true));
        assert_eq!(kinds[5], item("second", "2.", false, false));
        assert_eq!(kinds[6], Kind::Table(vec![vec!["a".into(), "b".into()], vec!["1".into(), "`2`".into()]]));
        assert_eq!(kinds[7], Kind::Prose("some *words*\nmore".to_owned()));
    }
}
