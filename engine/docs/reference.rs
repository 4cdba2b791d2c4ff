//! The reference: pages about the language, the command line and the diagnostics, made from what the program itself
//! reads and checks by.
//!
//! What can drift is generated: keys from the tables that files are read by, scopes by asking the checker, filters with
//! examples that are evaluated, verbs from what parses them. What is meant by all this is prose, in `reference/*.md`. The
//! pages are committed, since people read them where the code is hosted, and `tests/docs` compares them with what is made.

mod commands;
mod diagnostics;
mod keys;
mod language;
mod scopes;

pub use commands::{CommandLine, VerbTold};

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its path below the project's root.
    pub path: &'static str,
    /// The whole text, in Markdown.
    pub text: String,
}

/// Returns every page of the reference.
pub fn reference(line: &CommandLine) -> Vec<Page> {
    let made = |path: &'static str, text: String| {
        let note = "<!-- Made from the program by `RUNBOOK_BLESS=1 cargo test --test main reference`: don't edit. -->\n\n";
        Page { path, text: format!("{note}{text}") }
    };
    vec![
        made("docs/reference/language.md", language::page()),
        made("docs/reference/commands.md", commands::page(line)),
        made("docs/reference/diagnostics.md", diagnostics::page()),
    ]
}

/// Returns a row of a table; a `|` in it would end the cell.
fn row(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
    format!("| {} |\n", cells.join(" | "))
}
