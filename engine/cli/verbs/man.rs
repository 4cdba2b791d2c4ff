//! `runbook man`: the manual pages.

use std::collections::BTreeMap;

use crate::cli::args::Man;
use crate::cli::console::{Console, count};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::help::command_line;
use crate::cli::manual;
use crate::cli::settings::Settings;
use crate::cli::written_files::Files;
use crate::diag::near;
use crate::template::quote_word;

/// Writes the page about a verb to stdout, or all pages below a folder.
///
/// # Errors
///
/// No such verb; a folder that can't be written.
pub fn run(man: &Man, settings: &Settings, console: Console) -> Result<Exit, CliError> {
    let line = command_line();
    let Some(out) = &man.out else {
        let verbs = || line.verbs.iter().map(|told| told.verb);
        if let Some(verb) = man.verb.as_deref().filter(|typed| !verbs().any(|verb| verb == *typed)) {
            let hint = match near(verb, verbs()) {
                Some(meant) => format!("did you mean `runbook man {meant}`?"),
                None => "`runbook --help` lists the verbs".to_owned(),
            };
            return Err(CliError::usage_with(format!("there is no verb `{verb}`"), hint));
        }
        console.print(&manual::page(&line, man.verb.as_deref()).map_err(CliError::from)?)?;
        return Ok(Exit::Good);
    };
    let pages: BTreeMap<String, String> = manual::pages(&line).map_err(CliError::from)?.into_iter().collect();
    let folder = settings.typed(out);
    // A page says in its first lines whose it is; one of another program is left alone.
    let files = Files { folder: &folder, wanted: &pages, mark: manual::MARK, whole: None };
    let state = files.state()?;
    files.write(&state)?;
    console.say(&format!("{} in {}", count(pages.len(), "page"), quote_word(&out.display().to_string())));
    Ok(Exit::Good)
}
