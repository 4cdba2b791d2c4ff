//! The project with its runbooks, as the verbs open them.

use super::error::CliError;
use super::settings::Settings;
use crate::diag::{Report, Sources};
use crate::load::{Entry, FileKind, Library, LibraryEntry, Loaded, Project, load_in, load_text};
use crate::model::Runbook;

/// The project with the step templates that its runbooks can use.
#[derive(Debug)]
pub struct Books {
    /// The project.
    pub project: Project,
    /// The step templates.
    pub library: Library,
}

/// A runbook without mistakes.
#[derive(Debug)]
pub struct Book {
    /// Its file and name.
    pub entry: Entry,
    /// The runbook.
    pub runbook: Runbook,
    /// The files it was read from.
    pub sources: Sources,
    /// What is worth a look and stops nothing.
    pub warnings: Report,
}

impl Books {
    /// Finds the project.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn open(settings: &Settings) -> Result<Books, CliError> {
        let project = Project::find(&settings.folder)?;
        let library = Library::of(&project);
        Ok(Books { project, library })
    }

    /// Reads a runbook with everything that is wrong with it.
    pub fn load(&self, entry: &Entry) -> Loaded {
        let shown = self.project.relative(&entry.path).display().to_string();
        load_in(&self.project, &entry.path, &shown, &entry.name, &self.library)
    }

    /// Reads the step template of that name, with the path of its file; that of the binary stands in none.
    pub fn template(&self, name: &str) -> (Loaded, Option<String>) {
        match self.library.find(name) {
            Some(LibraryEntry { path, text: Ok(text), own }) => {
                let loaded = load_text(text, &path, name, FileKind::Template, &self.library);
                (loaded, own.then_some(path))
            }
            Some(LibraryEntry { text: Err(problem), path, .. }) => {
                let mut loaded = Loaded::default();
                loaded.report.push(*problem);
                (loaded, Some(path))
            }
            None => (Loaded::default(), None),
        }
    }

    /// Reads the runbook that `name` means.
    ///
    /// # Errors
    ///
    /// When there is no such runbook, or anything is wrong with it.
    pub fn book(&self, name: &str, settings: &Settings) -> Result<Book, CliError> {
        let entry = self.project.resolve(name, &settings.folder)?;
        let Loaded { runbook, sources, report, .. } = self.load(&entry);
        match runbook {
            Some(runbook) if !report.has_errors() => {
                tracing::debug!(name = entry.name, "the runbook is read");
                Ok(Book { entry, runbook, sources, warnings: report })
            }
            _ => Err(CliError::mistakes(report, sources)),
        }
    }
}
