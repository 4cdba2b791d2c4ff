//! What a page tells, before anybody decides how it looks.

use crate::docs::Picture;
use crate::machine::hides;

/// Where a link leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A page, by its place (`runbooks/autolytiq/scale-up`), perhaps a section of it.
    Page(String, Option<String>),
    /// A section of the same page.
    Here(String),
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inline {
    /// Text as it is.
    Text(String),
    /// Text that matters.
    Strong(String),
    /// A name, a value, a command.
    Code(String),
    /// A link.
    Link {
        /// What is read.
        text: String,
        /// Whether it is a name or a value.
        code: bool,
        /// Where it leads.
        to: Target,
    },
}

/// A block of a page.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A part with a heading.
    Section(Section),
    /// A paragraph.
    Text(Vec<Inline>),
    /// Markdown that an author wrote.
    Prose(String),
    /// What a person is asked or told in so many words.
    Quote(String),
    /// Names with what is to be known of them.
    Facts(Vec<(String, Vec<Inline>)>),
    /// A list.
    List(Vec<Vec<Inline>>),
    /// A table.
    Table(Table),
    /// Code.
    Code(Code),
    /// The graph of a runbook.
    Graph(Picture),
}

/// A part of a page with a heading.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Section {
    /// Its name in links; unique on its page.
    pub id: String,
    /// What stands before the title: a step's id.
    pub name: Option<String>,
    /// The heading.
    pub title: String,
    /// Words that tell its kind: `changes`, `can't be undone`.
    pub marks: Vec<String>,
    /// What it holds.
    pub body: Vec<Block>,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The headings of its columns.
    pub head: Vec<&'static str>,
    /// Its rows.
    pub rows: Vec<Vec<Vec<Inline>>>,
}

/// Code.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Code {
    /// What it is: `does`, `verify`; empty for nothing.
    pub label: String,
    /// Its language; empty for none.
    pub language: &'static str,
    /// The code.
    pub text: String,
    /// Whether it is there to be pasted into a shell.
    pub pasted: bool,
    /// What is to be known of it, each a line.
    pub notes: Vec<Vec<Inline>>,
}

/// A page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// Where it is among the pages: `runbooks/autolytiq/scale-up`.
    pub place: String,
    /// The name by which it is typed; empty for an index.
    pub name: String,
    /// The heading.
    pub title: String,
    /// One sentence.
    pub lead: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// What it holds.
    pub body: Vec<Block>,
}

impl Section {
    /// Returns a section without marks.
    pub fn new(id: &str, title: &str, body: Vec<Block>) -> Section {
        Section { id: id.to_owned(), title: title.to_owned(), body, ..Section::default() }
    }
}

impl From<Section> for Block {
    fn from(section: Section) -> Block {
        Block::Section(section)
    }
}

/// Returns text as a piece of a line.
pub(super) fn text(text: impl Into<String>) -> Inline {
    Inline::Text(text.into())
}

/// Returns a name, a value or a command as a piece of a line.
pub(super) fn code(text: impl Into<String>) -> Inline {
    Inline::Code(text.into())
}

/// Returns a sentence of the program's own as pieces: in it names and values stand between backticks.
pub(super) fn spoken(sentence: &str) -> Vec<Inline> {
    if sentence.matches('`').count() % 2 == 1 {
        return vec![text(sentence)];
    }
    let parts = sentence.split('`').enumerate();
    let pieces = parts.map(|(at, part)| if at % 2 == 1 { code(part) } else { text(part) });
    pieces.filter(|piece| !matches!(piece, Inline::Text(text) if text.is_empty())).collect()
}

/// Returns names with commas between them.
pub(super) fn listed(items: impl IntoIterator<Item = Inline>) -> Vec<Inline> {
    let mut line = Vec::new();
    for item in items {
        if !line.is_empty() {
            line.push(text(", "));
        }
        line.push(item);
    }
    line
}

/// Returns the name of a step's section. Ids hold letters, digits, `-`, `_`, `/` and the brackets of instances.
pub(super) fn anchor(kind: &str, name: &str) -> String {
    let safe = |c: char| match c {
        c if c.is_ascii_alphanumeric() || c == '-' => c,
        '/' => '.',
        _ => '_',
    };
    format!("{kind}-{}", name.chars().map(safe).collect::<String>())
}

/// Returns text with nothing in it that can hide or reorder what is read: control characters, those that turn the direction
/// of writing, and those that nobody sees are written out. Line ends and tabs stay where `lines` says so, and are blanks
/// elsewhere.
pub(super) fn harmless(text: &str, lines: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' if lines => out.push(c),
            '\n' | '\t' => out.push(' '),
            '\r' => out.push_str("\\r"),
            c if hides(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}
