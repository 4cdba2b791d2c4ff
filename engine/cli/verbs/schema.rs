//! `runbook schema`: what editors complete and check keys by.

use crate::cli::args::{SchemaKind, SchemaOf};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::outputs;
use crate::load::{FileKind, schema};

/// Writes the JSON Schema of a kind of file, or of what a verb writes, to stdout.
///
/// # Errors
///
/// When stdout can't be written.
pub fn run(of: &SchemaOf, console: Console) -> Result<Exit, CliError> {
    if let Some(output) = of.output {
        console.json(&outputs::schema(output))?;
        return Ok(Exit::Good);
    }
    console.json(&schema(match of.kind {
        SchemaKind::Runbook => FileKind::Runbook,
        SchemaKind::Step => FileKind::Template,
        SchemaKind::Tape => FileKind::Tape,
        SchemaKind::Test => FileKind::Test,
    }))?;
    Ok(Exit::Good)
}
