//! A Markdown runbook → a draft of a runbook: what `runbook import` writes.
//!
//! In `load/`, since a draft is the counterpart of what is read here: the same knowledge of verbs that tells a change, the same
//! reader as the last word on what can be written. It reads no file but the one it is given, and writes none.
//!
//! What it promises:
//! - No step is made up: each stands at a line of the document, and says at which. What only tells is no step.
//! - A command is one step, as it was typed: without a shell where that means the same, as a script otherwise, and left to a
//!   person with its text where nobody can run it (`watch`, an editor, a session) or it was not understood.
//! - The draft passes `check`: the reader is asked, and a form that it refuses is given up for the next one, down to words for a
//!   person. What can't be had at all is one diagnostic.
//! - Nothing is claimed that nobody decided. What changes something says in `irreversible` that undoing it is not decided, so that a
//!   rollback stops there and asks; `protect` makes each run of a draft be confirmed; and all that is open is listed in the file and
//!   on stderr. Leaving `irreversible` out would not pass `check`; a `rollback` made up from the verb (`scale` back to what?) would
//!   be worse than none.
//!
//! `document` reads Markdown, `fence` tells commands from output and queries, `script` where a command ends, `values` what a person
//! fills in, `looks` what only looks, `person` what never ends or asks, `command` how a command is written, `given` what variables are given, `secrets` what is taken out before, `draft` puts it together, `runbook` writes it.

mod command;
mod document;
mod draft;
mod fence;
mod given;
mod looks;
mod open;
mod person;
mod runbook;
mod script;
mod secrets;
mod seems;
mod table;
mod values;
mod written;

use std::path::Path;

pub use open::{Matter, Open};

use super::library::Library;
use super::loaded::{FileKind, Loaded, load_text};
use super::text_file;
use crate::diag::{Code, Diagnostic, Report, Severity, near};
use document::{Block, Kind};
use draft::{Draft, MOST_STEPS};

/// The largest document that is read, in bytes.
const MAX_BYTES: usize = 4 << 20;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The document's name in what is cited.
    pub file: String,
    /// The name of the runbook.
    pub name: String,
    /// The heading of the section that is wanted; the whole document when left out.
    pub section: Option<String>,
    /// The file for the tables, beside the runbook; they stand in the runbook itself when left out.
    pub tables: Option<String>,
}

/// A draft.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The runbook.
    pub runbook: String,
    /// The file of its tables, where it has some and one was asked for.
    pub tables: Option<String>,
    /// The steps: id, first and last line in the document, and the action's key.
    pub steps: Vec<(String, usize, usize, &'static str)>,
    /// What a person must decide, the gravest first.
    pub open: Vec<Open>,
}

/// Reads a document.
///
/// # Errors
///
/// A diagnostic for what is no file, too large, or no UTF-8 text.
pub fn read_document(path: &Path, shown: &str) -> Result<String, Diagnostic> {
    text_file::read(path, shown)
}

/// Returns the name of the runbook for a document or heading of that name; nothing when it holds no letter.
pub fn name_for(words: &str) -> Option<String> {
    Some(values::slug(words, 60)).filter(|name| !name.is_empty())
}

/// Returns the draft of a document.
///
/// # Errors
///
/// A report that says why nothing can be made of it.
pub fn import(text: &str, asked: &Asked) -> Result<Imported, Report> {
    let refused =
        |code: Code, message: String, help: &str| Report::from(Diagnostic::new(code, message).help(help));
    let file = &asked.file;
    if text.len() > MAX_BYTES {
        let message =
            format!("`{file}` is larger than {} MiB, the most of a document that is read", MAX_BYTES >> 20);
        return Err(refused(Code::TooLarge, message, "split it"));
    }
    if text.contains('\0') {
        let message = format!("`{file}` holds a NUL byte, so it is not a text file");
        return Err(refused(Code::NotUtf8, message, "name a Markdown file"));
    }
    let text = text.replace("\r\n", "\n").replace('\r', " ");
    let blocks = document::blocks(&text);
    let blocks = match &asked.section {
        Some(wanted) => section(&blocks, wanted, file)?,
        None => &blocks,
    };
    // Before anything reads it: titles and ids are made of these texts too.
    let hidden = secrets::hidden(blocks);
    let mut draft = draft::draft(&hidden);
    if draft.title.is_empty() {
        draft.title = title(&hidden.blocks, asked);
    }
    match draft.steps.len() {
        0 => {
            let message = format!("nothing in `{file}` can be made a step");
            let help = "steps come from shell commands in blocks of code (```bash), check lists (- [ ]) and numbered instructions";
            return Err(refused(Code::NoSteps, message, help));
        }
        steps if steps > MOST_STEPS => {
            let message = format!("`{file}` has {steps} steps, and a draft has at most {MOST_STEPS}");
            let help = "import it section by section: --section HEADING";
            return Err(refused(Code::TooManySteps, message, help));
        }
        _ => {}
    }
    settle(draft, asked)
}

/// Returns the title of a draft whose document has none.
fn title(blocks: &[Block], asked: &Asked) -> String {
    let heading = blocks.iter().find_map(|block| match &block.kind {
        Kind::Heading(_, text) if !text.is_empty() => Some(text.as_str()),
        _ => None,
    });
    heading.filter(|_| asked.section.is_some()).unwrap_or(&asked.name).replace("{{", "{ {")
}

/// Returns the blocks below a heading, with it.
fn section<'b>(blocks: &'b [Block], wanted: &str, file: &str) -> Result<&'b [Block], Report> {
    let plain = |text: &str| text.trim().trim_start_matches('#').trim().to_lowercase();
    let headings: Vec<(usize, usize, &str)> = blocks
        .iter()
        .enumerate()
        .filter_map(|(at, block)| match &block.kind {
            Kind::Heading(level, text) => Some((at, *level, text.as_str())),
            _ => None,
        })
        .collect();
    let is = |text: &str| {
        plain(text) == plain(wanted)
            || values::slug(text, 200) == values::slug(wanted, 200) && !wanted.trim().is_empty()
    };
    let mut found = headings.iter().filter(|(_, _, text)| is(text));
    let Some((at, level, _)) = found.next() else {
        let mut diagnostic =
            Diagnostic::new(Code::UnknownRunbook, format!("`{file}` has no heading “{wanted}”"));
        if let Some(meant) = near(wanted, headings.iter().map(|(_, _, text)| *text)) {
            diagnostic = diagnostic.help(format!("did you mean “{meant}”?"));
        } else if !headings.is_empty() {
            let names: Vec<&str> = headings.iter().map(|(_, _, text)| *text).take(12).collect();
            diagnostic = diagnostic.help(format!("its headings: {}", names.join("; ")));
        }
        return Err(diagnostic.into());
    };
    if let Some((_, _, text)) = found.next() {
        let lines: Vec<String> = headings
            .iter()
            .filter(|(_, _, text)| is(text))
            .map(|(at, _, _)| blocks[*at].line.to_string())
            .collect();
        let message =
            format!("`{file}` has the heading “{text}” more than once: at lines {}", lines.join(", "));
        return Err(Diagnostic::new(Code::DuplicateName, message)
            .help("import the section around the one that is meant")
            .into());
    }
    let end = headings
        .iter()
        .find(|(next, other, _)| next > at && other <= level)
        .map_or(blocks.len(), |(next, _, _)| *next);
    Ok(&blocks[*at..end])
}

/// Writes the draft until the reader takes it.
fn settle(mut draft: Draft, asked: &Asked) -> Result<Imported, Report> {
    let library = Library::built_in();
    loop {
        let written = runbook::write(&draft, asked);
        let loaded = load_text(written.text.clone(), "the draft", &asked.name, FileKind::Runbook, &library);
        let wrong = refused_steps(&loaded, &written.starts);
        if !loaded.report.has_errors() && wrong.iter().all(|(_, error)| !error) {
            let open = draft::open(&draft);
            let steps = draft
                .steps
                .iter()
                .map(|step| (step.id.clone(), step.lines.0, step.lines.1, runbook::action(step)))
                .collect();
            return Ok(Imported { runbook: written.text, tables: written.tables, steps, open });
        }
        let mut given_up = false;
        for (step, _) in wrong {
            let Some(step) = draft.steps.get_mut(step) else { continue };
            if step.forms.len() > 1 {
                step.forms.remove(0);
                given_up = true;
                if let [command::Form::Manual { .. }] = step.forms.as_slice() {
                    let about = format!("{}: not taken as a command", step.id);
                    step.outputs.clear();
                    step.dir = None;
                    draft.open.retain(|open| open.about != step.id);
                    draft.open.push(Open { matter: Matter::Unread, line: step.lines.0, about });
                }
            }
        }
        if !given_up {
            return Err(loaded.report);
        }
    }
}

/// Returns the steps that the reader refuses, each once, and whether that is an error.
fn refused_steps(loaded: &Loaded, starts: &[usize]) -> Vec<(usize, bool)> {
    let mut found: Vec<(usize, bool)> = Vec::new();
    for diagnostic in loaded.report.iter() {
        let error = diagnostic.severity == Severity::Error;
        let Some(place) = diagnostic.place().filter(|_| error) else { continue };
        let line = loaded.sources.start(place).line;
        let step = starts.partition_point(|start| *start <= line);
        if let Some(step) = step.checked_sub(1)
            && !found.iter().any(|(known, _)| *known == step)
        {
            found.push((step, error));
        }
    }
    found
}
