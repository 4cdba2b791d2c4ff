//! Looks for the programs that a run needs, before it begins.

use std::collections::BTreeMap;

use super::error::CliError;
use super::settings::Settings;
use crate::diag::{Code, Diagnostic};
use crate::driver::{Wanted, preview};
use crate::exec::which;
use crate::model::Snapshot;

/// Looks on the PATH for every program under `tools` of the steps that may run. A name that is a template is left to
/// the run.
///
/// # Errors
///
/// All that are missing, in one diagnostic.
pub fn look(snapshot: &Snapshot, only: &[String], settings: &Settings) -> Result<(), CliError> {
    let path = settings.environment.path.clone().unwrap_or_default();
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let skipped: Vec<String> = preview(snapshot)
        .steps
        .into_iter()
        .filter(|step| matches!(step.wanted, Wanted::No(_)))
        .map(|step| step.step)
        .collect();
    let main = snapshot.runbook.steps.iter().filter(|step| only.is_empty() || only.contains(&step.id));
    for step in main.chain(&snapshot.runbook.finally).filter(|step| !skipped.contains(&step.id)) {
        for tool in step.body.tools.iter().filter(|tool| !tool.contains("{{")) {
            if missing.contains_key(tool.as_str()) || which(tool, &path).is_none() {
                missing.entry(tool).or_default().push(&step.id);
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = missing.keys().map(|tool| format!("`{tool}`")).collect();
    let message = match names.as_slice() {
        [only] => format!("{only} is not installed"),
        all => format!("{} are not installed", all.join(", ")),
    };
    let mut diagnostic = Diagnostic::new(Code::MissingTool, message);
    for (tool, steps) in &missing {
        let shown = steps.iter().take(5).copied().collect::<Vec<_>>().join(", ");
        let more = if steps.len() > 5 { ", …" } else { "" };
        diagnostic = diagnostic.note(format!("`{tool}` is needed by {shown}{more}"));
    }
    let diagnostic =
        diagnostic.help("install what is missing, or put its folder on the PATH; nothing was run");
    Err(CliError::mistakes(diagnostic.into(), snapshot.sources.clone().into()))
}
