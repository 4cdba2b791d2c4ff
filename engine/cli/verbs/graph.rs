//! `runbook graph`: the steps of a runbook and what waits for what.

use crate::cli::args::{Format, GraphOf};
use crate::cli::book::Books;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::settings::Settings;
use crate::docs::Picture;

/// Writes the picture to stdout: text, unless `--format` says otherwise.
///
/// # Errors
///
/// When there is no such runbook, or anything is wrong with it.
pub fn run(graph: &GraphOf, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let book = Books::open(settings)?.book(&graph.name, settings)?;
    let picture = Picture::of(&book.runbook);
    console.print(&match settings.format {
        Some(Format::Mermaid) => picture.mermaid(),
        Some(Format::Dot) => picture.dot(),
        Some(Format::Svg) => picture.svg(),
        _ => picture.text(console.width).lines().map(|line| console.out.clean(line) + "\n").collect(),
    })?;
    Ok(Exit::Good)
}
