//! `runbook import`: a draft of a runbook from a Markdown document.
#![expect(clippy::disallowed_methods, reason = "it writes the files that it is asked for")]

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::args::{Format, Import};
use crate::cli::console::{Console, count, one_line};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::settings::Settings;
use crate::diag::Sources;
use crate::load::import::{self, Asked, Imported, Matter, Open};
use crate::load::is_plain_name;
use crate::report::Role;
use crate::template::quote_word;

/// How many of a kind are shown on stderr; all stand in the draft.
const SHOWN: usize = 6;

/// Writes the draft to stdout, or to the file that `--out` names, and says on stderr what a person must decide.
///
/// # Errors
///
/// When nothing can be made of the document, or the file to write is there already.
pub fn run(of: &Import, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let shown = of.file.display().to_string();
    let whole = |found: crate::diag::Diagnostic| CliError::mistakes(found.into(), Sources::new());
    let text = import::read_document(&settings.typed(&of.file), &shown).map_err(whole)?;
    let file = of.file.file_name().map_or(shown.clone(), |name| name.to_string_lossy().into_owned());
    let file: String = file.chars().filter(|c| !c.is_control()).collect();
    let out = of.out.as_ref().map(|out| Target::of(out, settings)).transpose()?;
    let name = match &out {
        Some(out) => out.name.clone(),
        None => {
            let stem =
                of.file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            import::name_for(of.section.as_deref().unwrap_or(&stem))
                .or_else(|| import::name_for(&stem))
                .unwrap_or_else(|| "imported".to_owned())
        }
    };
    let tables = out.as_ref().map(|out| format!("{}-tables.yaml", out.name));
    let asked = Asked { file, name, section: of.section.clone(), tables };
    let made = import::import(&text, &asked).map_err(|report| CliError::mistakes(report, Sources::new()))?;
    if let Some(out) = &out {
        out.write(&made)?;
    }
    if settings.format == Some(Format::Json) {
        console.json(&document(&made, &asked, out.as_ref()))?;
        return Ok(Exit::Good);
    }
    if out.is_none() {
        console.print(&made.runbook)?;
    }
    tell(&made, &asked, out.as_ref(), settings, console)?;
    Ok(Exit::Good)
}

/// The file that is written.
struct Target {
    path: PathBuf,
    /// As it was typed.
    shown: String,
    name: String,
}

impl Target {
    fn of(out: &Path, settings: &Settings) -> Result<Target, CliError> {
        let shown = out.display().to_string();
        let path = settings.typed(out);
        if path.is_dir() {
            let message = format!("`{shown}` is a folder");
            return Err(CliError::usage_with(message, "name the file: --out runbooks/NAME.yaml"));
        }
        let stem = out.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".yaml"));
        let name = stem.filter(|name| is_plain_name(name)).ok_or_else(|| {
            let message = format!("`{shown}` can't be the file of a runbook");
            CliError::usage_with(message, "its name ends in .yaml; before that letters, digits, `-` and `_`")
        })?;
        // Before anything is read or written: half of a draft is none.
        if path.exists() {
            return Err(there_already(&shown));
        }
        Ok(Target { path, shown, name: name.to_owned() })
    }

    /// Returns the words that name it to the other verbs: a file's name without a folder would be the name of a runbook to them.
    fn typed(&self) -> String {
        match self.shown.contains('/') {
            true => self.shown.clone(),
            false => format!("./{}", self.shown),
        }
    }

    fn tables(&self) -> PathBuf {
        self.path.with_file_name(format!("{}-tables.yaml", self.name))
    }

    fn write(&self, made: &Imported) -> Result<(), CliError> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)
                .map_err(|source| CliError::File { path: folder.to_owned(), source })?;
        }
        if let Some(text) = &made.tables {
            write_new(&self.tables(), text)?;
        }
        write_new(&self.path, &made.runbook)
    }
}

fn there_already(shown: &str) -> CliError {
    let message = format!("`{shown}` is there already; nothing was written");
    CliError::usage_with(message, "take another name, or move that file away")
}

fn write_new(path: &Path, text: &str) -> Result<(), CliError> {
    // In one step with the look whether it is there: what somebody wrote meanwhile is not lost.
    match File::create_new(path) {
        Ok(mut file) => {
            let written = file.write_all(text.as_bytes());
            written.map_err(|source| CliError::File { path: path.to_owned(), source })
        }
        Err(source) if source.kind() == ErrorKind::AlreadyExists => {
            Err(there_already(&path.display().to_string()))
        }
        Err(source) => Err(CliError::File { path: path.to_owned(), source }),
    }
}

fn document(made: &Imported, asked: &Asked, out: Option<&Target>) -> serde_json::Value {
    let steps = made
        .steps
        .iter()
        .map(|(id, first, last, action)| json!({ "id": id, "lines": [first, last], "action": action }));
    let open = made
        .open
        .iter()
        .map(|open| json!({ "matter": open.matter.word(), "line": open.line, "about": open.about }));
    json!({
        "version": 1,
        "name": asked.name,
        "source": asked.file,
        "file": out.map(|out| &out.shown),
        "runbook": made.runbook,
        "tables": made.tables,
        "steps": steps.collect::<Vec<_>>(),
        "open": open.collect::<Vec<_>>(),
    })
}

/// Says on stderr what came of it; where a file was written, on stdout what to type next.
fn tell(
    made: &Imported,
    asked: &Asked,
    out: Option<&Target>,
    settings: &Settings,
    console: Console,
) -> Result<(), CliError> {
    let people = made.steps.iter().filter(|(_, _, _, action)| *action == "manual").count();
    let steps = count(made.steps.len(), "step");
    let by_hand = match people {
        0 => String::new(),
        all => format!(", {all} of them by hand"),
    };
    if let Some(out) = out {
        let program = settings.program_here();
        let path = quote_word(&out.typed());
        let tables = match made.tables {
            Some(_) => {
                format!(" and {}", one_line(&out.tables().file_name().unwrap_or_default().to_string_lossy()))
            }
            None => String::new(),
        };
        console.print(&format!(
            "{}{tables} {} written: {steps}{by_hand}\n  next   {program} check {path}\n         {program} plan {path}\n",
            one_line(&out.shown),
            if made.tables.is_some() { "are" } else { "is" },
        ))?;
    } else {
        console.say(&format!("{}: {steps}{by_hand}", one_line(&asked.file)));
    }
    console.say(
        &console
            .err
            .paint(Role::Person, "Nobody has decided yet (all of it stands at the top of the draft):"),
    );
    for matter in Matter::ALL {
        let of: Vec<&Open> = made.open.iter().filter(|open| open.matter == matter).collect();
        if of.is_empty() {
            continue;
        }
        console.say(&format!("\n{}", matter.asks()));
        for open in of.iter().take(SHOWN) {
            console.say(&format!("  {}:{} {}", one_line(&asked.file), open.line, one_line(&open.about)));
        }
        if of.len() > SHOWN {
            console.say(&format!("  … and {} more", of.len() - SHOWN));
        }
    }
    Ok(())
}
