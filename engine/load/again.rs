//! The files of a run that was started before, read again.

use std::path::Path;

use super::library::Library;
use super::loaded::load_in;
use super::project::Project;
use crate::diag::{Report, Severity, Sources};
use crate::model::{Runbook, Snapshot};

/// A run's runbook as its files say it now, without mistakes of its own.
#[derive(Debug)]
pub struct Again {
    /// The runbook.
    pub runbook: Runbook,
    /// The files it was read from.
    pub sources: Sources,
    /// Where they stand.
    pub project: Project,
    /// What is worth a look and stops nothing.
    pub warnings: Report,
}

/// Why a run's runbook can't be read again.
#[derive(Debug)]
pub enum NotAgain {
    /// Its file is not there any more; holds its path.
    Gone(String),
    /// It holds mistakes now.
    Wrong {
        /// Its path.
        path: String,
        /// The mistakes.
        report: Box<Report>,
        /// The files they point into.
        sources: Box<Sources>,
    },
}

impl NotAgain {
    /// Returns what is wrong, as the end of a sentence that begins with the file.
    pub fn told(&self) -> String {
        match self {
            NotAgain::Gone(_) => "is not there any more".to_owned(),
            NotAgain::Wrong { report, .. } => match report.count(Severity::Error) {
                1 => "holds a mistake now".to_owned(),
                count => format!("holds {count} mistakes now"),
            },
        }
    }

    /// Returns the file.
    pub fn path(&self) -> &str {
        match self {
            NotAgain::Gone(path) | NotAgain::Wrong { path, .. } => path,
        }
    }
}

/// Reads the runbook of `run` from the very file that it was started from: by its name another file could be meant now.
///
/// # Errors
///
/// [`NotAgain`].
pub fn again(run: &Snapshot) -> Result<Again, NotAgain> {
    let root = Path::new(&run.root);
    let project = Project::at(root);
    let shown = run.sources.first().map(|source| source.path.clone()).unwrap_or_default();
    let path = root.join(&shown);
    if !path.is_file() {
        return Err(NotAgain::Gone(shown));
    }
    let library = Library::of(&project);
    let loaded = load_in(&project, &path, &shown, &run.runbook.name, &library);
    match loaded.runbook {
        Some(runbook) if !loaded.report.has_errors() => {
            Ok(Again { runbook, sources: loaded.sources, project, warnings: loaded.report })
        }
        _ => {
            let (report, sources) = (Box::new(loaded.report), Box::new(loaded.sources));
            Err(NotAgain::Wrong { path: shown, report, sources })
        }
    }
}
