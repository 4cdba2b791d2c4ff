//! `runbook new`: a file to begin with, that passes `check` as it is.
#![expect(clippy::disallowed_methods, reason = "it writes the one file that it is asked for")]

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::cli::args::{Format, New, SchemaKind};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::settings::Settings;
use crate::load::{Project, ProjectError, is_plain_name};
use crate::template::quote_word;

const RUNBOOK: &str = include_str!("../new/runbook.yaml");
const STEP: &str = include_str!("../new/step.yaml");

/// Writes the file and says what to type next. Without a project the current folder becomes one.
///
/// # Errors
///
/// When the file is there already or can't be written, and for a name that can't be typed again.
pub fn run(new: &New, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let project = match Project::find(&settings.folder) {
        Err(ProjectError::NoProject(_)) => Project::at(&settings.folder),
        found => found?,
    };
    let typed = new.name.strip_suffix(".yaml").unwrap_or(&new.name);
    if !is_plain_name(typed) {
        let message = format!("`{}` can't be the name of a file here", new.name);
        return Err(CliError::usage_with(
            message,
            "letters, digits, `-` and `_`; folders are joined by `/`, as in `shop/release`",
        ));
    }
    let (folder, name, text) = match new.kind {
        SchemaKind::Runbook => {
            // A bare name is looked for in the default folder only, so that is where it must go.
            let default = if typed.contains('/') || !project.runbooks.is_dir() {
                None
            } else {
                project.default_folder()?
            };
            let name = default.map_or_else(|| typed.to_owned(), |folder| format!("{folder}/{typed}"));
            (&project.runbooks, name, RUNBOOK)
        }
        SchemaKind::Step => (&project.steps, typed.to_owned(), STEP),
        SchemaKind::Tape => {
            let hint = "a tape is recorded: `runbook exec NAME --record FILE`";
            return Err(CliError::usage_with("there is nothing to begin a tape with", hint));
        }
        SchemaKind::Test => {
            let hint = "`runbook schema test` tells what stands in one; the runbooks that come with the program have some";
            return Err(CliError::usage_with("there is nothing to begin a test with", hint));
        }
    };
    let path = folder.join(format!("{name}.yaml"));
    let stem = name.rsplit('/').next().unwrap_or(&name);
    write(&path, &text.replace("@NAME@", &name).replace("@STEM@", stem))?;
    // The folder that makes this a project, also when its first file is a step template.
    fs::create_dir_all(&project.runbooks).map_err(|source| at(&project.runbooks, source))?;
    let shown = project.relative(&path).display().to_string();
    if settings.format == Some(Format::Json) {
        console.json(&serde_json::json!({ "version": 1, "name": name, "file": shown }))?;
        return Ok(Exit::Good);
    }
    let program = settings.program_here();
    let next = match new.kind {
        SchemaKind::Runbook => format!("{program} plan {}", quote_word(&name)),
        SchemaKind::Step | SchemaKind::Tape | SchemaKind::Test => {
            // As it is typed from here: a path from `/` on is read with care at night.
            let here = path.strip_prefix(&settings.folder).unwrap_or(&path);
            format!("{program} check {}", quote_word(&here.display().to_string()))
        }
    };
    console.print(&format!("{shown} is written\n  next   {next}\n"))?;
    Ok(Exit::Good)
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|source| at(folder, source))?;
    }
    // In one step with the look whether it is there: what somebody wrote meanwhile is not lost.
    match File::create_new(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map_err(|source| at(path, source)),
        Err(source) if source.kind() == ErrorKind::AlreadyExists => {
            let message = format!("`{}` is there already; nothing was written", path.display());
            Err(CliError::usage_with(message, "take another name, or move that file away"))
        }
        Err(source) => Err(at(path, source)),
    }
}

fn at(path: &Path, source: std::io::Error) -> CliError {
    CliError::File { path: path.to_owned(), source }
}
